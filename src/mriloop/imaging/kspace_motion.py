"""Rigid motion during one volume: every k-space line of a picture sees its own pose, and the truth is known in mm."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import fft
from scipy.ndimage import affine_transform, spline_filter
from scipy.spatial.transform import Rotation

Floats = npt.NDArray[np.floating]
Complex = npt.NDArray[np.complex64]

CENTRE_PER_MM = 0.02  # below one cycle in 50 mm all lines weigh the same: that is the shape of the object itself
REACH_MM = 60.0
MOST_POSES = 8


class Order(StrEnum):
    """In which order the phase-encode lines are taken.

    LINEAR from one edge of k-space to the other; CENTRIC from the middle outwards; INTERLEAVED shot after shot, each
    over the whole of k-space; SEGMENTED as an echo train does, each echo filling a band of its own with the bands in
    order of distance from the middle; SCATTERED in an arbitrary fixed order, as incoherent undersampling does.
    """

    LINEAR = "linear"
    CENTRIC = "centric"
    INTERLEAVED = "interleaved"
    SEGMENTED = "segmented"
    SCATTERED = "scattered"


def line_times(lines: int, order: Order, *, train: int = 8, together: int = 1, seed: int = 0) -> Floats:
    """Return (lines,) when each phase-encode line is taken, as a share (0 to below 1) of the scan, k-space centred.

    train : lines taken at one moment (echo train; for CENTRIC, LINEAR and SCATTERED the lines of one train)
    together : neighbouring lines that share a moment, as those that parallel imaging fills in from their neighbours do
    """
    blocks = -(-lines // together)
    train = max(1, min(train, blocks))
    shots = -(-blocks // train)
    index = np.arange(blocks)
    away = np.abs(index - blocks // 2) + 0.25 * (index > blocks // 2)
    if order is Order.LINEAR:
        shot = index // train
    elif order is Order.CENTRIC:
        shot = np.argsort(np.argsort(away)) // train
    elif order is Order.INTERLEAVED:
        shot = index % shots
    elif order is Order.SEGMENTED:
        # Echo e of every shot lies in the e-th band counted from the middle; within a band the shots go side by side.
        rank = np.argsort(np.argsort(away))
        band = rank // shots
        shot = np.zeros(blocks, dtype=int)
        for e in range(train):
            members = np.flatnonzero(band == e)
            shot[members] = np.arange(members.size)
    else:
        shot = np.random.default_rng(seed).permutation(blocks) // train
    return np.asarray(np.repeat(shot / shots, together)[:lines], dtype=np.float64)


def line_weights(lines: int, spacing_mm: float) -> Floats:
    """Return (lines,) how much each line counts in the truth, of sum 1: the amplitude spectrum of pictures, 1/|k|.

    The middle below one cycle in 50 mm weighs the same throughout. Uniform weights would count the edge of k-space,
    which holds most lines and little of the picture, as much as its centre; the energy, 1/k², would count nothing else.
    """
    k = np.abs(np.arange(lines) - lines // 2) / (lines * spacing_mm)
    weights = 1 / np.maximum(k, CENTRE_PER_MM)
    return np.asarray(weights / weights.sum(), dtype=np.float64)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Path:
    """A rigid trajectory: where the body is while the volume is taken.

    times : (n,) rising shares of the scan from 0 to 1; shift_mm, turn_deg : (n, 3) along and about the voxel axes,
    linear between the times; pivot_mm : (3,) what turns go about, from the middle of the grid along the voxel axes
    """

    times: Floats
    shift_mm: Floats
    turn_deg: Floats
    pivot_mm: Floats

    def poses(self, times: Floats) -> Floats:
        """Return (n, 4, 4) maps, in mm from the grid's middle, from the first position to that at each of `times`."""
        shift = np.stack([np.interp(times, self.times, self.shift_mm[:, a]) for a in range(3)], axis=1)
        turn = np.stack([np.interp(times, self.times, self.turn_deg[:, a]) for a in range(3)], axis=1)
        poses = np.zeros((len(shift), 4, 4))
        poses[:, :3, :3] = Rotation.from_euler("xyz", turn, degrees=True).as_matrix()
        poses[:, :3, 3] = self.pivot_mm - poses[:, :3, :3] @ self.pivot_mm + shift
        poses[:, 3, 3] = 1
        return poses

    def scaled(self, factor: float) -> Path:
        """Return the same movement, `factor` times as large."""
        return replace(self, shift_mm=self.shift_mm * factor, turn_deg=self.turn_deg * factor)


def displacement_mm(path: Path, times: Floats, weights: Floats, points_mm: Floats) -> float:
    """Return the truth: the root-mean-square displacement of the object over the acquisition, weighted by line, mm.

    Over slices and lines l with the weights w of `line_weights`, and over points x of the object:
    sqrt( Σ w_l · mean_x |T_l x − Σ w_m T_m x|² ), the displacement being taken from the weighted mean position of the
    same slice. A shift of the whole scan therefore counts nothing, and so does a pause between two slices.

    times : (lines,) or (slices, lines); weights : (lines,); points_mm : (n, 3) from the grid's middle
    """
    each = np.atleast_2d(times)
    total = 0.0
    for row in np.unique(each, axis=0):
        share = float((each == row).all(axis=1).mean())
        moments, at = np.unique(row, return_inverse=True)
        total += (
            share
            * spread_mm(path.poses(moments), np.asarray(np.bincount(at.ravel(), weights), dtype=np.float64), points_mm)
            ** 2
        )
    return float(np.sqrt(total))


def spread_mm(poses: Floats, mass: Floats, points_mm: Floats) -> float:
    """Return the root-mean-square distance (mm) of points under poses from their own mean place.

    poses : (n, 4, 4); mass : (n,) how much each pose counts, of sum 1; points_mm : (m, 3)
    """
    places = np.einsum("nab,mb->nma", poses[:, :3, :3], points_mm) + poses[:, None, :3, 3]
    mean = np.einsum("n,nma->ma", mass, places)
    return float(np.sqrt((mass * ((places - mean) ** 2).sum(axis=2).mean(axis=1)).sum()))


def scaled_to(path: Path, target_mm: float, times: Floats, weights: Floats, points_mm: Floats) -> Path:
    """Return the movement enlarged or shrunk until its `displacement_mm` is `target_mm` (within 1 %)."""
    for _ in range(6):
        found = displacement_mm(path, times, weights, points_mm)
        if found <= 0 or abs(found - target_mm) <= 0.01 * target_mm:
            return path
        path = path.scaled(target_mm / found)
    return path


def move(
    values: Floats,
    spacing_mm: tuple[float, float, float],
    axis: int,
    times: Floats,
    path: Path,
    *,
    slices: range | None = None,
    phase: Complex | None = None,
    tolerance_mm: float = 0.2,
    most_poses: int = MOST_POSES,
) -> Complex:
    """Return the picture (i, j, k) that comes out when each phase-encode line sees the body at its own pose; complex.

    Moments whose poses differ by less than `tolerance_mm` in what needs a new rendering (turns at 60 mm, through-plane
    moves) share one, made by cubic splines; the moves in the plane are exact phase ramps. All partitions of a line of a
    3-D scan are taken at its moment, so that slice-wise transforms hold for 2-D and 3-D alike; a 3-D scan whose
    partitions loop on the outside is one with `axis` along them.

    values : (i, j, k) magnitudes; axis : 0 or 1, that of phase encoding; times : (lines,) or (slices, lines)
    slices : which to make, all without it; phase : (i, j) unit phases of the object's signal, none without it
    """
    chosen = range(values.shape[2]) if slices is None else slices
    each = np.broadcast_to(np.atleast_2d(times), (len(chosen), values.shape[axis]))
    coefficients = spline_filter(np.asarray(values, dtype=np.float32), order=3, output=np.float32)
    shape = (values.shape[0], values.shape[1])
    ramps = [np.fft.fftfreq(n, s) for n, s in zip(shape, spacing_mm, strict=False)]
    result = np.zeros((*shape, len(chosen)), dtype=np.complex64)
    render = _renderer(coefficients, spacing_mm, chosen, phase)
    for row in np.unique(each, axis=0):
        members = np.flatnonzero((each == row).all(axis=1))
        moments, at = np.unique(np.fft.ifftshift(row), return_inverse=True)
        kspace = np.zeros((*shape, members.size), dtype=np.complex64)
        for pose, group in _groups(path.poses(moments), tolerance_mm, most_poses):
            # What a shift of whole voxels cannot do is left to the ramps: no interpolation where nothing turns.
            pose[:2, 3] = np.round(pose[:2, 3] / spacing_mm[:2]) * spacing_mm[:2]
            spectrum = fft.fft2(render(pose, members), axes=(0, 1))
            lines = np.flatnonzero(np.isin(at.ravel(), group))
            extra = path.poses(moments[at.ravel()[lines]])[:, :3, 3] - pose[:3, 3]
            along, across = ramps[axis][lines], ramps[1 - axis]
            turn = np.exp(-2j * np.pi * (along[:, None] * extra[:, axis, None] + np.outer(extra[:, 1 - axis], across)))
            if axis == 0:
                kspace[lines] = spectrum[lines] * turn[:, :, None]
            else:
                kspace[:, lines] = spectrum[:, lines] * turn.T[:, :, None]
        result[:, :, members] = fft.ifft2(kspace, axes=(0, 1))
    return result


def _renderer(
    coefficients: Floats, spacing_mm: tuple[float, float, float], chosen: range, phase: Complex | None
) -> Callable[[Floats, npt.NDArray[np.intp]], Any]:
    """Return what makes the chosen slices of the body at a pose: (pose, members of the choice) -> (i, j, members)."""
    spacing = np.array(spacing_mm)
    middle = (np.array(coefficients.shape) - 1) / 2

    def render(pose: Floats, members: npt.NDArray[np.intp]) -> Any:
        back = np.linalg.inv(pose)
        matrix = back[:3, :3] * spacing[None, :] / spacing[:, None]
        offset = middle + back[:3, 3] / spacing - matrix @ middle
        shape = (coefficients.shape[0], coefficients.shape[1], len(chosen))
        out = affine_transform(
            coefficients,
            matrix * np.array([1, 1, chosen.step]),
            offset + matrix[:, 2] * chosen.start,
            output_shape=shape,
            output=np.float32,
            order=3,
            mode="nearest" if coefficients.shape[2] < 8 else "constant",
            prefilter=False,
        )
        np.maximum(out, 0, out=out)
        out = out[:, :, members]
        return out if phase is None else out * phase[:, :, None]

    return render


def _groups(poses: Floats, tolerance_mm: float, most: int) -> list[tuple[Floats, list[int]]]:
    """Group poses (indices) that may share a rendering; at most `most` groups, the tolerance growing as needed."""
    while True:
        groups: list[tuple[Floats, list[int]]] = []
        for number, pose in enumerate(poses):
            for other, members in reversed(groups):
                change = pose - other
                if np.linalg.norm(change[:3, :3]) * REACH_MM + abs(change[2, 3]) < tolerance_mm:
                    members.append(number)
                    break
            else:
                groups.append((pose.copy(), [number]))
        if len(groups) <= most:
            return groups
        tolerance_mm *= 1.5


class Kind(StrEnum):
    """What sort of movement: lasting changes, a slow drift, a rhythm (breath, nod), short jerks, or a mixture."""

    STEPS = "steps"
    DRIFT = "drift"
    RHYTHM = "rhythm"
    JERKS = "jerks"
    MIXED = "mixed"


def random_path(rng: np.random.Generator, kind: Kind, *, radius_mm: float, in_plane: bool = False) -> Path:
    """Return a random trajectory of about 1 mm, to be brought to size by `scaled_to`.

    Every movement has a direction and a turn of its own; on average turns move the rim of the object as far as shifts
    do. `in_plane` keeps it in the first two axes. The pivot lies anywhere inside 1.3 radii: neck, back of the head.
    """
    parts = (Kind.STEPS, Kind.DRIFT, Kind.RHYTHM, Kind.JERKS) if kind is Kind.MIXED else (kind,)
    if kind is Kind.MIXED:
        parts = tuple(rng.choice(np.array(parts), size=2, replace=False))
    times = np.linspace(0, 1, 513)
    six = np.zeros((times.size, 6))
    for part in parts:
        six += _course(rng, Kind(part), times) * rng.uniform(0.4, 1.0)
    degrees = np.degrees(1.0 / max(radius_mm, 20.0)) * rng.uniform(0, 1.6)
    six[:, :3] *= rng.uniform(0.2, 1.6)
    if in_plane:
        six[:, 2:5] = 0
    pivot = rng.uniform(-1.3, 1.3, 3) * radius_mm
    return Path(times=times, shift_mm=six[:, :3], turn_deg=six[:, 3:] * degrees, pivot_mm=pivot)


def _course(rng: np.random.Generator, kind: Kind, times: Floats) -> Floats:
    """Return (n, 6) of about unit size over time."""
    way = rng.normal(size=6) * np.exp(rng.normal(scale=0.6, size=6))
    if kind is Kind.DRIFT:
        bend = rng.uniform(0.6, 2.5)
        return np.outer(times**bend, way)
    if kind is Kind.RHYTHM:
        cycles = np.exp(rng.uniform(np.log(1.5), np.log(80)))
        wave = np.sin(2 * np.pi * (cycles * times + rng.uniform()) + rng.uniform(0, 0.8) * np.sin(9 * times))
        return np.outer(np.sign(wave) * np.abs(wave) ** rng.uniform(0.6, 2.0), way)
    course = np.zeros((times.size, 6))
    for _ in range(int(rng.integers(1, 6))):
        new = rng.normal(size=6) * np.exp(rng.normal(scale=0.5, size=6))
        start = rng.uniform(0.02, 0.98)
        if kind is Kind.STEPS:
            course[times >= start] += new
        else:
            width = rng.uniform(0.01, 0.08)
            course += np.outer(np.exp(-0.5 * ((times - start) / width) ** 2), 1.5 * new)
    return course
