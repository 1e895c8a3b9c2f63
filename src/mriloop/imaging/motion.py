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

_COARSE_MM = 12.0
_FINE_MM = 4.0
_SAMPLES = 10_000
_TURNS = (-15.0, 15.0, -30.0, 30.0)
_TRUSTED = 0.85
_WORSE_THAN_USUAL = 3.0
_FAR_MM = 3.0
_ARM_MM = 50.0
_THICK_MM = 10.0
_FEW_SLICES = 4
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
    """What one smoothing level of the reference needs: points, their values, and how these change with the motion.

    free : (6, f), the motions that are looked for: all six, or the three within the slices
    """

    points: Matrix
    target: Matrix
    design: Matrix
    blur: tuple[float, ...]
    spline: int
    free: Matrix


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

    Stacks of fewer than four slices, or of slices more than 10 mm apart, show motion within the slices only: between
    slices so far apart nothing can be interpolated, and what is not seen is not guessed.

    Method: Gauss-Newton on the sum of squared differences with the gradient of the reference computed once (inverse
    compositional; Baker and Matthews, Int J Comput Vis 2004;56:221, doi:10.1023/B:VISI.0000011205.11775.fd), an
    intensity scale and offset as two more unknowns (Friston et al., Hum Brain Mapp 1995;3:165,
    doi:10.1002/hbm.460030303), robust weights, smoothing by 4 mm from the neighbouring volume's answer; where that does
    not fit or leads far, by 12 mm first, and from turned starts; then once more to the mean of the aligned volumes.
    """
    stack = [np.asarray(volume, dtype=np.float32) for volume in volumes]
    if reference is None:
        reference = _most_typical(stack, mask)
    centre = _centre(stack[reference], mask, affine)
    free = _free(affine, stack[reference].shape)
    coarse = _level(stack[reference], affine, mask, centre, _COARSE_MM, 1, free)
    fine = _level(stack[reference], affine, mask, centre, _FINE_MM, 1, free)
    found: dict[int, _Fit] = {reference: (np.zeros(6), 1.0)}
    for order in (range(reference + 1, len(stack)), range(reference - 1, -1, -1)):
        start = np.zeros(6)
        for index in order:
            found[index] = _search(stack[index], affine, centre, coarse, fine, start)
            start = found[index][0] if found[index][1] > _TRUSTED else np.zeros(6)
    fits = [found[t] for t in range(len(stack))]
    if len(stack) > 2:
        fits = _to_mean(stack, affine, mask, centre, fits, reference, free)
    return reference, tuple(_rigid(fit, centre) for fit in fits)


def untrusted(correlations: Sequence[float]) -> npt.NDArray[np.bool_]:
    """Tell which volumes do not fit the others even after registration: torn by motion within the volume, or spoilt.

    They correlate by less than 0.85, and what they lack to 1 is more than three times that of the better quarter of
    the series: noise lowers all volumes alike, and is no reason for mistrust.
    """
    lack = 1 - np.asarray(correlations, dtype=np.float64)
    return np.asarray((lack > 1 - _TRUSTED) & (lack > _WORSE_THAN_USUAL * np.percentile(lack, 25)), dtype=bool)


def mean_displacement(first: Matrix, second: Matrix, points: Matrix) -> float:
    """Return the mean distance in mm between where two 4 × 4 motions send the same (n, 3) points: any body part."""
    change = second[:3] - first[:3]
    return float(np.linalg.norm(_moved(change, points), axis=1).mean())


def object_points(mask: Mask, affine: Matrix, most: int = 4000) -> Matrix:
    """Return at most `most` evenly taken object voxels as (n, 3) RAS+ mm."""
    where = np.argwhere(mask)
    where = where[:: max(1, len(where) // most)]
    return np.asarray(where @ affine[:3, :3].T + affine[:3, 3], dtype=np.float64)


def aligned_courses(
    volumes: Sequence[Floats], affine: Matrix, motions: Sequence[Rigid], points: Matrix
) -> npt.NDArray[np.float64]:
    """Return the (n, t) brightness of (m, 3) points of the reference, RAS+ mm, followed through the motion.

    Cubic interpolation. Points that leave the field of view in any volume are dropped, so that n may be less than m.
    """
    to_voxel = np.linalg.inv(affine)
    shape = np.array(volumes[0].shape)
    kept = np.ones(len(points), dtype=bool)
    found = np.zeros((len(points), len(volumes)))
    for t, (volume, motion) in enumerate(zip(volumes, motions, strict=True)):
        at = _moved(to_voxel @ motion.matrix, points)
        kept &= np.all((at > -0.5) & (at < shape - 0.5), axis=1)
        source: Any = spline_filter(np.asarray(volume, dtype=np.float32), order=3)
        found[:, t] = map_coordinates(source, at.T, order=3, prefilter=False, mode="nearest")
    return found[kept]


def resampled(volume: Floats, affine: Matrix, motion: Matrix) -> Floats:
    """Return the volume as it would look without the motion, on its own grid."""
    change = np.linalg.inv(affine) @ motion @ affine
    return np.asarray(affine_transform(volume, change[:3, :3], offset=change[:3, 3], order=1, mode="nearest"))


def _to_mean(
    stack: Sequence[Floats],
    affine: Matrix,
    mask: Mask,
    centre: Matrix,
    fits: Sequence[_Fit],
    reference: int,
    free: Matrix,
) -> list[_Fit]:
    """Register again, to the mean of the aligned volumes; return motions relative to the reference.

    The mean carries the noise, and in diffusion the direction, of no single volume, so that none of them stands out.
    """
    trusted = np.flatnonzero(~untrusted([fit[1] for fit in fits]))
    template = np.zeros(stack[reference].shape, dtype=np.float64)
    for t in map(int, trusted):
        template += resampled(stack[t], affine, _matrix(fits[t][0], centre))
    level = _level((template / len(trusted)).astype(np.float32), affine, mask, centre, _FINE_MM, 3, free)
    again = [
        _descend(_blurred(volume, level.blur), affine, centre, level, fit[0], 8)
        for volume, fit in zip(stack, fits, strict=True)
    ]
    home = np.linalg.inv(_matrix(again[reference][0], centre))
    return [(_parameters(_matrix(fit[0], centre) @ home, centre), fit[1]) for fit in again]


def _search(moving: Floats, affine: Matrix, centre: Matrix, coarse: _Level, fine: _Level, start: Matrix) -> _Fit:
    """Register one volume: fine from the start; where that does not fit or leads far, coarse first, and turned."""
    sharp = _blurred(moving, fine.blur)
    near = _descend(sharp, affine, centre, fine, start, 12)
    if near[1] >= _TRUSTED and _far(near[0] - start) < _FAR_MM:
        return near
    blurred = _blurred(moving, coarse.blur)
    best = _descend(blurred, affine, centre, coarse, start, 25)
    if best[1] < _TRUSTED:
        tries = [best]
        for axis in range(3):
            if not fine.free[3 + axis].any():
                continue
            for angle in _TURNS:
                turned = np.zeros(6)
                turned[3 + axis] = np.radians(angle)
                tries.append(_descend(blurred, affine, centre, coarse, turned, 12))
        best = max(tries, key=lambda fit: fit[1])
        best = _descend(blurred, affine, centre, coarse, best[0], 25)
    return max(near, _descend(sharp, affine, centre, fine, best[0], 12), key=lambda fit: fit[1])


def _far(step: Matrix) -> float:
    return float(np.linalg.norm(step[:3]) + _ARM_MM * np.linalg.norm(step[3:]))


def _free(affine: Matrix, shape: tuple[int, ...]) -> Matrix:
    """Return the motions that the stack shows, as columns of six: all, or those within its slices."""
    if shape[2] >= _FEW_SLICES and float(np.linalg.norm(affine[:3, 2])) <= _THICK_MM:
        return np.eye(6)
    axes = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    normal = np.cross(axes[:, 0], axes[:, 1])
    inside = np.zeros((6, 3))
    inside[:3, 0], inside[:3, 1], inside[3:, 2] = axes[:, 0], axes[:, 1], normal / np.linalg.norm(normal)
    return inside


def _descend(moving: Floats, affine: Matrix, centre: Matrix, level: _Level, start: Matrix, rounds: int) -> _Fit:
    """Gauss-Newton with robust weights from `start`; returns the parameters of the best correlation, and it."""
    source: Any = spline_filter(moving, order=3) if level.spline == 3 else moving
    # einsum, not @: threads of a BLAS cost more than they gain on arrays this narrow
    to_voxel = np.linalg.inv(affine)
    motion = _matrix(start, centre)
    count = level.free.shape[1]
    best, best_fit = start, -1.0
    for _ in range(rounds):
        at = _moved(to_voxel @ motion, level.points)
        seen = np.all((at > -0.5) & (at < np.array(moving.shape) - 0.5), axis=1)
        if int(seen.sum()) < max(100, 0.2 * len(at)):
            break
        found = map_coordinates(source, at[seen].T, order=level.spline, prefilter=False, mode="nearest")
        design, target = level.design[seen], level.target[seen]
        design[:, count] = found
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
        solved = np.linalg.lstsq(normal, np.einsum("ni,n->i", weighted, target), rcond=None)[0][:count]
        step = level.free @ solved
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


def _level(
    reference: Floats, affine: Matrix, mask: Mask, centre: Matrix, blur_mm: float, spline: int, free: Matrix
) -> _Level:
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
    design = np.column_stack([-np.hstack([slopes, turning]) @ free, np.zeros(len(where)), np.ones(len(where))])
    return _Level(points, target, design, blur, spline, free)


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
