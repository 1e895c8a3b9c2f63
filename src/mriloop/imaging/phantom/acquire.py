"""The scanner: a body, a prescription and its faults in; images with their truth out, through k-space and coils."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import fft

from mriloop.imaging.phantom.anatomy import Anatomy
from mriloop.imaging.phantom.motion import Motion, displacement_mm
from mriloop.imaging.phantom.prescription import Order, Prescription
from mriloop.imaging.phantom.render import SignalField, labels_on_grid, render, signal_field
from mriloop.imaging.phantom.signal import signal_table
from mriloop.model.volume import Affine

Complex = npt.NDArray[np.complex64]
Field = npt.NDArray[Any]
POSE_TOLERANCE_MM = 0.2
MOST_POSES = 16
REACH_MM = 75.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """What goes wrong besides motion. The defaults are a scanner in good order.

    snr : signal of white matter (head) or muscle (foot) at the first echo or b-value, over the standard deviation of
        the noise of one channel where the receive profile is 1; None is free of noise
    dead_coil : index of an element that receives noise only
    wrap : share (0 to 0.6) of the phase field of view that was cut off; the matrix shrinks with it
    ghost : amplitude of the N/2 ghost relative to the image
    spike : amplitude of one k-space outlier in the middle slice, relative to the largest sample
    zipper : amplitude of radio interference at one readout frequency, in units of the noise-free mean
    stop_at : share (0 to 1) of the acquisition after which it was stopped; 2-D slices beyond are missing, lines of a
        3-D acquisition stay empty, a time series ends
    missing_slices : slices that never arrived
    """

    snr: float | None = 60.0
    dead_coil: int | None = None
    wrap: float = 0.0
    ghost: float = 0.0
    spike: float = 0.0
    zipper: float = 0.0
    stop_at: float = 1.0
    missing_slices: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Acquired:
    """One acquired series with its truth.

    data : (i, j, k) or (i, j, k, t) float32 magnitude, arbitrary units with 1 = full magnetisation of water
    affine : (4, 4) from voxel index to RAS+ mm of the scanner
    present : (k,) or (k, t) False where the slice was never acquired (its data are 0)
    tissue_labels : (i, j, k) `Tissue` that fills the voxel's centre, at the pose of the centre of k-space
    lesion_labels : (i, j, k) id of the lesion that fills at least half of the voxel, 0 where none; a lesion that
        fills half of no voxel keeps the voxels that it fills at least half as much as its fullest
    true_motion_mm : mean over the acquired lines of the mean displacement, inside the brain or limb, from the pose at
        which the centre of k-space of the first volume was taken; 0 when still
    framewise_mm : (t,) mean displacement between a volume and the one before, first 0; of length 1 without time series
    poses : (t, 4, 4) pose at the centre of k-space of every volume, relative to the start, RAS+ mm
    noise_sigma : standard deviation of the noise of one channel (real part), in the units of data, where profile is 1
    prescription : as run, after the faults that change it
    """

    data: Field
    affine: Affine
    present: npt.NDArray[np.bool_]
    tissue_labels: npt.NDArray[np.uint8]
    lesion_labels: npt.NDArray[np.uint16]
    true_motion_mm: float
    framewise_mm: npt.NDArray[np.float64]
    poses: npt.NDArray[np.float64]
    noise_sigma: float
    prescription: Prescription


def acquire(
    anatomy: Anatomy,
    prescription: Prescription,
    *,
    motion: Motion | None = None,
    faults: Faults = Faults(),
    seed: int = 0,
) -> Acquired:
    """Run a prescription on a body and return the magnitude images with their truth.

    Every phase-encode line of every slice sees the body at the pose of its own moment: rotations and through-plane
    moves by rendering anew (moves below 0.2 mm share a rendering), in-plane moves by the Fourier shift theorem. In a
    3-D acquisition all partitions of a line are taken in one inversion, so that the same holds line by line.
    The same arguments give the same bits on the same machine.
    """
    if faults.wrap:
        prescription = _shrink(prescription, faults.wrap)
    rng = np.random.default_rng([seed, 0xACC])
    p = prescription
    times = line_times(p)
    tables = list(_tables(anatomy, p))
    reference = abs(tables[0][1][anatomy.reference])
    sigma = reference / faults.snr if faults.snr else 0.0
    present = _present(p, faults)
    volumes = []
    field: SignalField | None = None
    for t in range(p.points):
        if t == 0 or tables[t][0] != tables[t - 1][0]:
            field = signal_field(anatomy, tables[t][1], p)
        assert field is not None
        kspace = _encode(anatomy, field, p, motion, (t + times) / p.points)
        kspace = _spoil(kspace, p, faults, sigma, rng, t=t, times=times)
        image = _combine(kspace, p)
        image[:, :, ~present[:, t]] = 0
        volumes.append(image)
    data = np.stack(volumes, axis=3) if p.points > 1 else volumes[0]
    poses = np.array([_pose(motion, _center_time(p, times, t)) for t in range(p.points)])
    points = anatomy.inside_points
    moved = (
        [
            displacement_mm(_pose(motion, time), poses[0], points)
            for t in range(p.points)
            for time in np.unique((t + times) / p.points)
        ]
        if motion is not None
        else [0.0]
    )
    framewise = [0.0] + [displacement_mm(a, b, points) for a, b in zip(poses[1:], poses[:-1], strict=True)]
    tissue, lesions = labels_on_grid(anatomy, p, poses[0])
    return Acquired(
        data=data,
        affine=p.affine,
        present=present if p.points > 1 else present[:, 0],
        tissue_labels=tissue,
        lesion_labels=lesions,
        true_motion_mm=float(np.mean(moved)),
        framewise_mm=np.array(framewise),
        poses=poses,
        noise_sigma=float(sigma),
        prescription=p,
    )


def line_times(prescription: Prescription) -> npt.NDArray[np.float64]:
    """Return (k, line) when each phase-encode line of each slice is taken, as a share (0 to 1) of one volume."""
    p = prescription
    lines = p.lines
    if p.order is Order.SINGLE_SHOT:
        moment = np.empty(p.matrix[2])
        moment[np.r_[0 : p.matrix[2] : 2, 1 : p.matrix[2] : 2]] = np.arange(p.matrix[2])
        return np.asarray(np.repeat((moment / p.matrix[2])[:, None], lines, axis=1), dtype=np.float64)
    train = 1 if p.three_d else max(p.train, 1)
    shots = -(-lines // train)
    index = np.arange(lines)
    if p.order is Order.CENTRIC:
        rank = np.argsort(np.argsort(np.abs(index - lines // 2) + 0.25 * (index > lines // 2)))
        shot = rank // train
    elif p.order is Order.INTERLEAVED:
        shot = index % shots
    else:
        shot = index // train
    package = np.arange(p.matrix[2]) % p.packages
    return np.asarray((package[:, None] + shot[None, :] / shots) / p.packages, dtype=np.float64)


def coil_profiles(prescription: Prescription) -> list[tuple[Complex, Complex, Complex]]:
    """Return each element's sensitivity as vectors along i, j, k whose outer product it is, on the acquired grid.

    Elements sit on a ring of 130 mm about the bore axis; each falls off as a Gaussian and turns phase across it. The
    root of the sum of squares is 1 at the isocentre.
    """
    return _profiles(prescription, [np.arange(n, dtype=float) for n in prescription.matrix])


def _profiles(p: Prescription, index: list[npt.NDArray[np.float64]]) -> list[tuple[Complex, Complex, Complex]]:
    axes, affine = p.axes, p.affine
    start = axes.T @ affine[:3, 3]
    along = [start[n] + index[n] * p.spacing[n] for n in range(3)]
    coils = []
    for c in range(p.coils):
        angle = 2 * np.pi * (c + 0.5) / p.coils
        place = np.array([130 * np.cos(angle), 130 * np.sin(angle), 35 * (-1) ** c]) if p.coils > 1 else np.zeros(3)
        width = 105.0 if p.coils > 1 else 1e4
        turn = np.array([np.sin(angle), -np.cos(angle), 0.3]) * (0.008 if p.coils > 1 else 0.0)
        local, local_turn = axes.T @ place, axes.T @ turn
        vectors = [
            np.exp(-0.5 * ((a - local[n]) / width) ** 2 + 1j * (a * local_turn[n] + (angle if n == 0 else 0.0)))
            for n, a in enumerate(along)
        ]
        unit = float(np.exp(-0.5 * place @ place / width**2))
        coils.append((vectors, unit))
    norm = float(np.sqrt(sum(unit**2 for _, unit in coils)))
    return [
        ((v[0] / norm).astype(np.complex64), v[1].astype(np.complex64), v[2].astype(np.complex64)) for v, _ in coils
    ]


def _shrink(p: Prescription, wrap: float) -> Prescription:
    lines = max(8, round(p.lines * (1 - wrap) / 2) * 2)
    matrix = (lines, p.matrix[1], p.matrix[2]) if p.phase_index == 0 else (p.matrix[0], lines, p.matrix[2])
    return replace(p, matrix=matrix)


def _tables(anatomy: Anatomy, p: Prescription) -> Iterator[tuple[tuple[float, float], Complex]]:
    for t in range(p.points):
        te = p.te[t] if len(p.te) > 1 else p.te[0]
        b_value = p.b_values[t] if len(p.b_values) > 1 else (p.b_values or (0.0,))[0]
        yield (te, b_value), signal_table(p, te=te, b_value=b_value, gadolinium=anatomy.gadolinium)


def _pose(motion: Motion | None, time: float) -> Affine:
    return np.eye(4) if motion is None else motion.pose(time)


def _center_time(p: Prescription, times: npt.NDArray[np.float64], t: int) -> float:
    return float((t + times[p.matrix[2] // 2, p.lines // 2]) / p.points)


def _poses(
    motion: Motion | None,
    times: npt.NDArray[np.float64],
    normal: npt.NDArray[np.float64],
    center: npt.NDArray[np.float64],
) -> list[tuple[Affine, list[float]]]:
    """Group the moments of an acquisition by pose: (pose rendered, moments that share it).

    Two moments share a rendering when rotation at 75 mm and through-plane move differ by less than the tolerance.
    """
    moments = np.unique(times)
    if motion is None:
        return [(np.eye(4), list(moments))]
    tolerance = POSE_TOLERANCE_MM
    while True:
        groups: list[tuple[Affine, list[float]]] = []
        for time in moments:
            pose = motion.pose(float(time))
            for other, members in reversed(groups):
                change = pose - other
                shift = change[:3, :3] @ center + change[:3, 3]
                if np.linalg.norm(change[:3, :3]) * REACH_MM + abs(shift @ normal) < tolerance:
                    members.append(float(time))
                    break
            else:
                groups.append((pose, [float(time)]))
        if len(groups) <= MOST_POSES:
            return groups
        tolerance *= 1.4


def _encode(
    anatomy: Anatomy,
    field: SignalField,
    p: Prescription,
    motion: Motion | None,
    times: npt.NDArray[np.float64],
) -> Complex:
    """Return k-space (coil, k, i, j), centred, orthonormal, of the body as it lay when each line was taken."""
    ni, nj, nk = p.matrix
    kspace = np.zeros((p.coils, nk, ni, nj), dtype=np.complex64)
    oversample = [max(1, int(np.ceil(s / (1.2 * field.pitch)))) for s in p.spacing[:2]]
    extend = [1, 1]
    middle = np.array(p.center)
    reach = np.abs((anatomy.bounds_mm - middle) @ p.axes[:, p.phase_index]).max()
    extend[p.phase_index] = max(1, int(np.ceil(2 * reach / (p.lines * p.spacing[p.phase_index]) - 0.02)))
    center = anatomy.inside_points.mean(axis=0)
    slices_by_times: dict[bytes, list[int]] = {}
    for k in range(nk):
        slices_by_times.setdefault(times[k].tobytes(), []).append(k)
    for slices in slices_by_times.values():
        moments = times[slices[0]]
        for pose, members in _poses(motion, moments, p.axes[:, 2], center):
            image = render(anatomy, field, p, pose, slices, oversample, extend)
            lines = np.flatnonzero(np.isin(moments, members))
            phase = _shift_phase(p, motion, pose, moments[lines], lines, center)
            index = [
                np.arange(n * o * e) / o - (n * e) / 2 + n / 2
                for n, o, e in zip((ni, nj), oversample, extend, strict=True)
            ]
            profiles = _profiles(p, [index[0], index[1], np.array(slices, dtype=float)])
            for c, (vi, vj, vk) in enumerate(profiles):
                seen = image * vi[None, :, None] * vj[None, None, :] * vk[:, None, None]
                spectrum = _to_kspace(seen, (ni, nj), oversample, extend)
                if p.phase_index == 0:
                    kspace[c][np.ix_(np.array(slices), lines)] = spectrum[:, lines, :] * phase
                else:
                    kspace[c][np.ix_(np.array(slices), np.arange(ni), lines)] = spectrum[:, :, lines] * phase
    return kspace


def _shift_phase(
    p: Prescription,
    motion: Motion | None,
    pose: Affine,
    moments: npt.NDArray[np.float64],
    lines: npt.NDArray[np.int64],
    center: npt.NDArray[np.float64],
) -> Complex:
    """Return the phase ramps, (lines, j) or (i, lines), that add the in-plane move a group's rendering lacks."""
    if motion is None:
        return np.ones((1, 1), dtype=np.complex64)
    change = np.array([motion.pose(float(time)) - pose for time in moments])
    shift = (change[:, :3, :3] @ center + change[:, :3, 3]) @ p.axes
    ki, kj = ((np.arange(n) - n // 2) / (n * s) for n, s in zip(p.matrix[:2], p.spacing[:2], strict=True))
    if p.phase_index == 0:
        turns = (ki[lines] * shift[:, 0])[:, None] + kj[None, :] * shift[:, 1][:, None]
    else:
        turns = ki[:, None] * shift[:, 0][None, :] + (kj[lines] * shift[:, 1])[None, :]
    return np.asarray(np.exp(-2j * np.pi * turns), dtype=np.complex64)


def _to_kspace(image: Complex, size: tuple[int, int], oversample: list[int], extend: list[int]) -> Complex:
    """Return the centred k-space (k, i, j) of `size` that a scanner samples of a finer and wider image (k, i, j).

    Of a field of view `extend` times as wide every `extend`-th sample is taken, which is what folds the image.
    """
    spectrum = fft.fft2(image, axes=(1, 2), overwrite_x=True)
    for axis, (n, e) in enumerate(zip(size, extend, strict=True), start=1):
        order = np.arange(n) - n // 2
        spectrum = np.take(spectrum, order * e, axis=axis, mode="wrap")
        if e > 1:
            ramp = np.exp(2j * np.pi * order * (e - 1) / 2).astype(np.complex64)
            spectrum *= ramp.reshape((1, -1, 1) if axis == 1 else (1, 1, -1))
    scale = np.sqrt(size[0] * size[1]) / (size[0] * oversample[0] * size[1] * oversample[1])
    spectrum *= np.float32(scale)
    return np.asarray(spectrum, dtype=np.complex64)


def _spoil(
    kspace: Complex,
    p: Prescription,
    faults: Faults,
    sigma: float,
    rng: np.random.Generator,
    *,
    t: int,
    times: npt.NDArray[np.float64],
) -> Complex:
    """Return k-space with noise and with the faults that live there."""
    if faults.dead_coil is not None:
        kspace[faults.dead_coil] = 0
    strongest = float(np.abs(kspace).max())
    line = np.arange(p.lines).reshape((-1, 1) if p.phase_index == 0 else (1, -1))
    if faults.ghost:
        kspace *= (1 + faults.ghost * (-1.0) ** line).astype(np.complex64)
    if faults.zipper:
        readout = p.matrix[1 - p.phase_index]
        tone = np.exp(2j * np.pi * np.arange(readout) * 0.31).reshape((1, -1) if p.phase_index == 0 else (-1, 1))
        jump = np.exp(2j * np.pi * rng.random((p.matrix[2], p.lines)))
        jump = jump[:, :, None] if p.phase_index == 0 else jump[:, None, :]
        kspace += (faults.zipper * np.abs(kspace).mean() * 10 * jump * tone).astype(np.complex64)
    if faults.spike:
        kspace[:, p.matrix[2] // 2, p.matrix[0] // 2 + p.matrix[0] // 7, p.matrix[1] // 2 + p.matrix[1] // 9] += (
            faults.spike * strongest
        )
    if sigma:
        for c in range(p.coils):
            noise = rng.standard_normal((*kspace.shape[1:], 2), dtype=np.float32)
            noise *= np.float32(sigma)
            kspace[c] += noise.view(np.complex64)[..., 0]
    if p.three_d and faults.stop_at < 1:
        late = times[0] > faults.stop_at
        if p.phase_index == 0:
            kspace[:, :, late, :] = 0
        else:
            kspace[:, :, :, late] = 0
    return kspace


def _combine(kspace: Complex, p: Prescription) -> Field:
    """Return the magnitude image (i, j, k) of all elements."""
    # Left centred, k-space gives the image times a phase that all elements share and the magnitude drops.
    images = fft.ifft2(kspace, axes=(2, 3), norm="ortho", overwrite_x=True)
    square = np.zeros(images.shape[1:], dtype=np.float32)
    profile = np.zeros(images.shape[1:], dtype=np.float32)
    matched = np.zeros(images.shape[1:], dtype=np.complex64)
    for image, (vi, vj, vk) in zip(images, coil_profiles(p), strict=True):
        if p.combine == "adaptive":
            matched += image * (vi.conj()[None, :, None] * vj.conj()[None, None, :] * vk.conj()[:, None, None])
        else:
            square += image.real**2 + image.imag**2
        profile += (
            (np.abs(vi) ** 2)[None, :, None] * (np.abs(vj) ** 2)[None, None, :] * (np.abs(vk) ** 2)[:, None, None]
        )
    root = np.sqrt(profile)
    combined = np.abs(matched) / root if p.combine == "adaptive" else np.sqrt(square)
    if p.normalized:
        combined /= root
    return np.ascontiguousarray(np.moveaxis(combined, 0, 2), dtype=np.float32)


def _present(p: Prescription, faults: Faults) -> npt.NDArray[np.bool_]:
    present = np.ones((p.matrix[2], p.points), dtype=bool)
    for k in faults.missing_slices:
        present[k] = False
    if faults.stop_at < 1 and not p.three_d:
        kept = round(faults.stop_at * p.matrix[2] * p.points)
        order = np.arange(p.matrix[2] * p.points).reshape(p.points, p.matrix[2]).T
        present &= order < kept
    return present
