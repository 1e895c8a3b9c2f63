"""Rigid motion of a time series: fast registration of every volume to one of them, and displacements in millimetres."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import (
    affine_transform,
    binary_dilation,
    gaussian_filter,
    map_coordinates,
    spline_filter,
)
from scipy.spatial.transform import Rotation

from mriloop.imaging.foreground import Floats, Mask

Matrix = npt.NDArray[np.float64]

HEAD_RADIUS_MM = 50.0
_COARSE_MM = 12.0
_FINE_MM = 4.0
_SAMPLES = 10_000
_TURNS = (-15.0, 15.0, -30.0, 30.0)
_TRUSTED = 0.85
_Fit = tuple[Matrix, float]


@dataclass(frozen=True, slots=True)
class Rigid:
    """A rigid motion x → R (x - centre) + centre + t in RAS+ mm; angles are extrinsic, about R, A, S, in degrees."""

    translation_mm: tuple[float, float, float]
    rotation_deg: tuple[float, float, float]
    centre_mm: tuple[float, float, float]
    correlation: float

    @property
    def matrix(self) -> Matrix:
        """The 4 × 4 matrix that maps RAS+ mm of the reference to RAS+ mm of the moved volume."""
        return _matrix(
            np.array([*self.translation_mm, *np.radians(self.rotation_deg)]), np.asarray(self.centre_mm, dtype=float)
        )


@dataclass(frozen=True, slots=True)
class _Level:
    """What one smoothing level of the reference needs: points, their values, and the solved normal equations."""

    points: Matrix
    target: Matrix
    design: Matrix
    blur: tuple[float, ...]
    spline: int


def estimate(
    volumes: Sequence[Floats], affine: Matrix, mask: Mask, reference: int | None = None
) -> tuple[int, tuple[Rigid, ...]]:
    """Register every volume rigidly to one of them and return (index of that one, a motion for each volume).

    Parameters
    ----------
    volumes : magnitudes of one shape (i, j, k) and one contrast; only volumes of equal contrast may be compared
    affine : (4, 4), voxel index to RAS+ mm, shared by all
    mask : the object in the reference, True where displacement matters
    reference : which volume to register to; None takes the one that correlates best with the mean of all

    Returns
    -------
    Motions map positions in the reference to positions in the volume. `correlation` (0 to 1, higher is better) is that
    of the two pictures after registration: a low one means that the motion is not to be trusted.

    Method: Gauss-Newton on the sum of squared differences with the gradient of the reference computed once (inverse
    compositional; Baker and Matthews, Int J Comput Vis 2004;56:221, doi:10.1023/B:VISI.0000011205.11775.fd), an
    intensity scale and offset as seventh and eighth unknown (Friston et al., Hum Brain Mapp 1995;3:165,
    doi:10.1002/hbm.460030303), two smoothing levels (12 and 4 mm), robust weights, the neighbouring volume's answer
    as the start, turned starts where the first does not fit; then once more to the mean of the aligned volumes.
    """
    stack = [np.asarray(volume, dtype=np.float32) for volume in volumes]
    if reference is None:
        reference = _most_typical(stack, mask)
    centre = _centre(stack[reference], mask, affine)
    coarse = _level(stack[reference], affine, mask, centre, _COARSE_MM, 1)
    fine = _level(stack[reference], affine, mask, centre, _FINE_MM, 1)
    found: dict[int, _Fit] = {reference: (np.zeros(6), 1.0)}
    for order in (range(reference + 1, len(stack)), range(reference - 1, -1, -1)):
        start = np.zeros(6)
        for index in order:
            found[index] = _search(stack[index], affine, centre, coarse, fine, start)
            start = found[index][0] if found[index][1] > _TRUSTED else np.zeros(6)
    fits = [found[t] for t in range(len(stack))]
    if len(stack) > 2:
        fits = _to_mean(stack, affine, mask, centre, fits, reference)
    return reference, tuple(_rigid(fit, centre) for fit in fits)


def mean_displacement(first: Matrix, second: Matrix, points: Matrix) -> float:
    """Return the mean distance in mm between where two 4 × 4 motions send the same (n, 3) points: any body part."""
    change = second[:3] - first[:3]
    return float(np.linalg.norm(_moved(change, points), axis=1).mean())


def power_displacement(first: Rigid, second: Rigid, radius_mm: float = HEAD_RADIUS_MM) -> float:
    """Return Power's framewise displacement: Σ|Δt| + r Σ|Δrotation| with r = 50 mm. Heads only. Lower is better.

    Source: Power et al., NeuroImage 2012;59:2142, doi:10.1016/j.neuroimage.2011.10.018.
    """
    moved = np.abs(np.subtract(second.translation_mm, first.translation_mm)).sum()
    turned = np.abs(np.radians(np.subtract(second.rotation_deg, first.rotation_deg))).sum()
    return float(moved + radius_mm * turned)


def jenkinson_displacement(first: Matrix, second: Matrix, centre_mm: Matrix, radius_mm: float = 80.0) -> float:
    """Return Jenkinson's RMS displacement over a sphere of 80 mm between two 4 × 4 motions. Lower is better.

    Source: Jenkinson, FMRIB technical report TR99MJ1.
    """
    change = second @ np.linalg.inv(first) - np.eye(4)
    linear, shift = change[:3, :3], change[:3, 3] + change[:3, :3] @ centre_mm
    return float(np.sqrt(radius_mm**2 / 5 * np.trace(linear.T @ linear) + shift @ shift))


def object_points(mask: Mask, affine: Matrix, most: int = 4000) -> Matrix:
    """Return at most `most` evenly taken object voxels as (n, 3) RAS+ mm."""
    where = np.argwhere(mask)
    where = where[:: max(1, len(where) // most)]
    return np.asarray(where @ affine[:3, :3].T + affine[:3, 3], dtype=np.float64)


def _to_mean(
    stack: Sequence[Floats], affine: Matrix, mask: Mask, centre: Matrix, fits: Sequence[_Fit], reference: int
) -> list[_Fit]:
    """Register again, to the mean of the aligned volumes; return motions relative to the reference.

    The mean carries the noise, and in diffusion the direction, of no single volume, so that none of them stands out.
    """
    trusted = [t for t, fit in enumerate(fits) if fit[1] >= _TRUSTED]
    template = np.zeros(stack[reference].shape, dtype=np.float64)
    for t in trusted:
        template += _resampled(stack[t], affine, _matrix(fits[t][0], centre))
    level = _level((template / len(trusted)).astype(np.float32), affine, mask, centre, _FINE_MM, 3)
    again = [
        _descend(_blurred(volume, level.blur), affine, centre, level, fit[0], 8)
        for volume, fit in zip(stack, fits, strict=True)
    ]
    home = np.linalg.inv(_matrix(again[reference][0], centre))
    return [(_parameters(_matrix(fit[0], centre) @ home, centre), fit[1]) for fit in again]


def _search(moving: Floats, affine: Matrix, centre: Matrix, coarse: _Level, fine: _Level, start: Matrix) -> _Fit:
    """Register one volume: coarse, then fine; from turned starts where the first does not fit."""
    blurred = _blurred(moving, coarse.blur)
    best = _descend(blurred, affine, centre, coarse, start, 25)
    if best[1] < _TRUSTED:
        tries = [best]
        for axis in range(3):
            for angle in _TURNS:
                turned = np.zeros(6)
                turned[3 + axis] = np.radians(angle)
                tries.append(_descend(blurred, affine, centre, coarse, turned, 12))
        best = max(tries, key=lambda fit: fit[1])
        best = _descend(blurred, affine, centre, coarse, best[0], 25)
    return _descend(_blurred(moving, fine.blur), affine, centre, fine, best[0], 12)


def _descend(moving: Floats, affine: Matrix, centre: Matrix, level: _Level, start: Matrix, rounds: int) -> _Fit:
    """Gauss-Newton with robust weights from `start`; returns the parameters of the best correlation, and it."""
    source: Any = spline_filter(moving, order=3) if level.spline == 3 else moving
    # einsum, not @: threads of a BLAS cost more than they gain on arrays this narrow
    to_voxel = np.linalg.inv(affine)
    motion = _matrix(start, centre)
    best, best_fit = start, -1.0
    for _ in range(rounds):
        at = _moved(to_voxel @ motion, level.points)
        seen = np.all((at > -0.5) & (at < np.array(moving.shape) - 0.5), axis=1)
        if int(seen.sum()) < max(100, 0.2 * len(at)):
            break
        found = map_coordinates(source, at[seen].T, order=level.spline, prefilter=False, mode="nearest")
        design, target = level.design[seen], level.target[seen]
        design[:, 6] = found
        fit = _correlation(found, target)
        if fit > best_fit:
            best_fit, best = fit, _parameters(motion, centre)
        level_found, level_target = found.mean(), target.mean()
        slope = float(((found - level_found) * (target - level_target)).sum()) / (
            float(found.var()) * found.size + 1e-12
        )
        rest = target - level_target - slope * (found - level_found)
        spread = 1.4826 * float(np.median(np.abs(rest))) + 1e-12
        weighted = design / (1 + (rest / (3 * spread)) ** 2)[:, None]
        normal = np.einsum("ni,nj->ij", weighted, design)
        step = np.linalg.lstsq(normal, np.einsum("ni,n->i", weighted, target), rcond=None)[0][:6]
        motion = motion @ np.linalg.inv(_matrix(step, centre))
        if np.abs(step[:3]).max() < 5e-3 and np.abs(step[3:]).max() < 1e-4:
            break
    return best, best_fit


def _rigid(fit: _Fit, centre: Matrix) -> Rigid:
    shift, turn = fit[0][:3], np.degrees(fit[0][3:])
    return Rigid(
        (float(shift[0]), float(shift[1]), float(shift[2])),
        (float(turn[0]), float(turn[1]), float(turn[2])),
        (float(centre[0]), float(centre[1]), float(centre[2])),
        fit[1],
    )


def _resampled(volume: Floats, affine: Matrix, motion: Matrix) -> Floats:
    """Return the volume as it would look without the motion, on its own grid."""
    change = np.linalg.inv(affine) @ motion @ affine
    return np.asarray(affine_transform(volume, change[:3, :3], offset=change[:3, 3], order=1, mode="nearest"))


def _level(reference: Floats, affine: Matrix, mask: Mask, centre: Matrix, blur_mm: float, spline: int) -> _Level:
    """Smooth the reference, take sample points on the object and its rim, and lay out ∂intensity/∂motion there."""
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    blur = tuple(float(blur_mm / 2.3548 / s) for s in spacing)
    smooth = _blurred(reference, blur)
    rim = max(1, round(6 / float(spacing[:2].mean())))
    wide = binary_dilation(mask, np.ones((3, 3, 1), dtype=bool), iterations=rim)
    where = np.argwhere(wide)
    where = where[:: max(1, len(where) // _SAMPLES)]
    slopes = np.stack(
        [np.gradient(smooth, axis=axis) if smooth.shape[axis] > 1 else np.zeros_like(smooth) for axis in range(3)],
        axis=-1,
    )[tuple(where.T)].astype(np.float64)
    slopes = slopes @ np.linalg.inv(affine[:3, :3])
    points = where @ affine[:3, :3].T + affine[:3, 3]
    arms = points - centre
    turning = np.cross(arms, slopes)
    target = smooth[tuple(where.T)].astype(np.float64)
    # scale·found + offset ≈ target + slope·step: the unknowns are the step, then the scale, then the offset
    design = np.column_stack([-slopes, -turning, np.zeros(len(where)), np.ones(len(where))])
    return _Level(points, target, design, blur, spline)


def _blurred(volume: Floats, blur: tuple[float, ...]) -> Floats:
    sigma = [b if n > 1 else 0.0 for b, n in zip(blur, volume.shape, strict=True)]
    return np.asarray(gaussian_filter(volume, sigma, mode="nearest", truncate=3.0))


def _moved(matrix: Matrix, points: Matrix) -> Matrix:
    """Return (n, 3) points sent through a 4 × 4 matrix."""
    return np.asarray(np.einsum("ij,nj->ni", matrix[:3, :3], points) + matrix[:3, 3], dtype=np.float64)


def _matrix(parameters: Matrix, centre: Matrix) -> Matrix:
    turn = Rotation.from_euler("xyz", parameters[3:]).as_matrix()
    result = np.eye(4)
    result[:3, :3] = turn
    result[:3, 3] = parameters[:3] + centre - turn @ centre
    return result


def _parameters(motion: Matrix, centre: Matrix) -> Matrix:
    turn = motion[:3, :3]
    shift = motion[:3, 3] - centre + turn @ centre
    return np.concatenate([shift, Rotation.from_matrix(turn).as_euler("xyz")])


def _centre(volume: Floats, mask: Mask, affine: Matrix) -> Matrix:
    where = np.argwhere(mask)
    middle = where.mean(axis=0) if len(where) else (np.array(volume.shape) - 1) / 2
    return np.asarray(affine[:3, :3] @ middle + affine[:3, 3], dtype=np.float64)


def _most_typical(stack: Sequence[Floats], mask: Mask) -> int:
    """Return the volume that correlates best with the mean of all, on every fourth voxel of the object."""
    samples = np.stack([volume[mask][::4].astype(np.float64) for volume in stack])
    samples -= samples.mean(axis=1, keepdims=True)
    samples /= np.linalg.norm(samples, axis=1, keepdims=True) + 1e-12
    return int(np.argmax(samples @ samples.mean(axis=0)))


def _correlation(one: Matrix, two: Matrix) -> float:
    a, b = one - one.mean(), two - two.mean()
    size = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / size if size > 0 else 0.0
