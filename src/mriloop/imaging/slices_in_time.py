"""What single slices of a time series do against their neighbours: lost signal, spikes, and motion inside a volume."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter, map_coordinates

from mriloop.imaging.foreground import Floats, Mask
from mriloop.imaging.motion import Rigid, object_points, resampled, untrusted

Matrix = npt.NDArray[np.float64]

_NEAR = 3
_LEAST_VOXELS = 50
_LEAST_AREA = 0.25
_LEAST_SLICES = 4
_INPLANE_MM = 4.0
_ROUNDS = 3
_TYPICAL_OF = 15


def slice_means(volumes: Sequence[Floats], mask: Mask) -> Matrix:
    """Return (k, t): the mean brightness of the mask in each slice of each volume; nan where the mask is small.

    Small is under 50 voxels or under a quarter of the mask's largest slice: a slice that only grazes the object changes
    with the least motion.
    """
    area = mask.sum(axis=(0, 1)).astype(np.float64)
    used = area >= max(_LEAST_VOXELS, _LEAST_AREA * float(area.max(initial=0.0)))
    sums = np.stack([np.einsum("ijk,ijk->k", volume, mask, dtype=np.float64) for volume in volumes], axis=1)
    return np.where(used[:, None], sums / np.maximum(area, 1)[:, None], np.nan)


def slice_levels(volumes: Sequence[Floats], air: Mask) -> Matrix:
    """Return (k, t): the root mean square of the air in each slice of each volume; nan where there is little air."""
    area = air.sum(axis=(0, 1)).astype(np.float64)
    sums = np.stack([np.einsum("ijk,ijk,ijk->k", volume, volume, air, dtype=np.float64) for volume in volumes], axis=1)
    return np.where((area >= _LEAST_VOXELS)[:, None], np.sqrt(sums / np.maximum(area, 1)[:, None]), np.nan)


def departures(levels: Matrix) -> tuple[Matrix, Matrix]:
    """Return (k, t) twice: log of each level over what is expected of it, and the same in robust standard deviations.

    Expected is the median of that slice over time, times what the volume as a whole and the three slices to either side
    did against theirs: motion, drift and the gradient direction change neighbours alike, a lost or spoilt slice stands
    alone. Negative: darker than expected. nan where nothing can be expected: fewer than three volumes or five slices,
    and the two ends of the stack, which have neighbours on one side only.
    """
    rest = np.full(levels.shape, np.nan)
    real = np.flatnonzero(np.isfinite(levels).all(axis=1) & (np.median(levels, axis=1) > 0))
    if len(real) < 5 or levels.shape[1] < 3:
        return rest, rest
    known = levels[real]
    middle = np.median(known, axis=1, keepdims=True)
    logs = np.log(np.maximum(known, 1e-3 * middle) / middle)
    for row, k in enumerate(real[1:-1], start=1):
        near = [n for n in range(len(real)) if n != row and abs(int(real[n]) - int(k)) <= _NEAR]
        if near:
            rest[k] = logs[row] - np.median(logs[near], axis=0)
    spread = 1.4826 * float(np.nanmedian(np.abs(rest - np.nanmedian(rest))))
    return rest, rest / max(spread, 1e-9)


def interleave_displacements(
    volumes: Sequence[Floats], affine: Matrix, mask: Mask, motions: Sequence[Rigid]
) -> Matrix | None:
    """Return (t,) in mm: how far the even slices of each volume lie from its odd ones, within the plane.

    Interleaved acquisition takes the even slices half a volume's time before or after the odd ones, so that motion
    within the volume combs them apart. The median of the aligned volumes is fitted to the even and to the odd slices by
    itself (shifts and rotation within the slice, scale, offset; Gauss-Newton with robust weights, smoothed by 4 mm in
    the plane only); the answer is the mean distance in the object between the two. Lower is better; 0 for a still
    object but for noise; slices acquired one after the other show no combing however the object moves. None with fewer
    than four slices of either kind, or three volumes.
    """
    area = mask.sum(axis=(0, 1))
    rows = np.flatnonzero(area >= max(_LEAST_VOXELS, _LEAST_AREA * float(area.max(initial=0))))
    if min(np.count_nonzero(rows % 2 == 0), np.count_nonzero(rows % 2 == 1)) < _LEAST_SLICES or len(volumes) < 3:
        return None
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    blur = (*(float(_INPLANE_MM / 2.3548 / s) for s in spacing[:2]), 0.0)
    steady = np.flatnonzero(~untrusted([motion.correlation for motion in motions]))
    steady = steady[:: math.ceil(len(steady) / _TYPICAL_OF)]
    # the median: the mean would carry the comb of a torn volume into all others
    template = np.median([resampled(volumes[int(t)], affine, motions[int(t)].matrix) for t in steady], axis=0)
    template = gaussian_filter(template, blur)
    slopes = list(np.gradient(template))
    points = object_points(mask, affine, 6000)
    return np.array(
        [
            _combing(gaussian_filter(np.asarray(volume, dtype=np.float32), blur), template, slopes, affine, points, one)
            for volume, one in zip(volumes, motions, strict=True)
        ]
    )


def _combing(
    volume: Floats, template: Floats, slopes: Sequence[Floats], affine: Matrix, points: Matrix, motion: Rigid
) -> float:
    """Return the mean distance in mm between where the even and where the odd slices of one volume see the object."""
    to_voxel: Matrix = np.asarray(np.linalg.inv(affine), dtype=np.float64)
    there = points @ motion.matrix[:3, :3].T + motion.matrix[:3, 3]
    index = np.unique(np.rint(there @ to_voxel[:3, :3].T + to_voxel[:3, 3]).astype(int), axis=0)
    index = index[np.all((index >= 0) & (index < np.array(volume.shape)), axis=1)]
    places: Matrix = np.asarray(index @ affine[:3, :3].T + affine[:3, 3], dtype=np.float64)
    if len(index) < 8 * _LEAST_VOXELS:
        return math.nan
    axes = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    normal = np.cross(axes[:, 0], axes[:, 1])
    arms = places - places.mean(axis=0)
    fields = np.stack([np.broadcast_to(axes[:, 0], arms.shape), np.broadcast_to(axes[:, 1], arms.shape)])
    fields = np.concatenate([fields, np.cross(normal, arms)[None]])
    found = []
    for parity in (0, 1):
        chosen = index[:, 2] % 2 == parity
        if np.count_nonzero(chosen) < _LEAST_VOXELS:
            return math.nan
        values = np.asarray(volume[tuple(index[chosen].T)], dtype=np.float64)
        found.append(
            _in_plane(
                values,
                template,
                slopes,
                to_voxel,
                places[chosen],
                np.asarray(fields[:, chosen], dtype=np.float64),
                motion.matrix,
            )
        )
    apart = np.einsum("f,fnd->nd", found[0] - found[1], fields)
    return float(np.linalg.norm(apart, axis=1).mean())


def _in_plane(
    values: Matrix,
    template: Floats,
    slopes: Sequence[Floats],
    to_voxel: Matrix,
    places: Matrix,
    fields: Matrix,
    motion: Matrix,
) -> Matrix:
    """Fit the amounts (3,) of the displacement fields (3, n, 3) that bring the moved template nearest to `values`."""
    back = to_voxel @ np.linalg.inv(motion)
    amounts = np.zeros(3)
    for _ in range(_ROUNDS):
        shifted = places - np.einsum("f,fnd->nd", amounts, fields)
        at = (shifted @ back[:3, :3].T + back[:3, 3]).T
        expected = map_coordinates(template, at, order=1, mode="nearest")
        gradient = np.stack([map_coordinates(slope, at, order=1, mode="nearest") for slope in slopes], axis=1)
        gradient = gradient @ back[:3, :3]
        moved = -np.einsum("nd,fnd->nf", gradient, fields)
        design = np.column_stack([moved, expected, np.ones(len(values))])
        flat = np.linalg.lstsq(design[:, 3:], values, rcond=None)[0]
        rest = values - design[:, 3:] @ flat
        spread = 1.4826 * float(np.median(np.abs(rest))) + 1e-12
        weight = 1 / (1 + (rest / (3 * spread)) ** 2)
        weighted = design * weight[:, None]
        solved = np.linalg.lstsq(weighted.T @ design, weighted.T @ values, rcond=None)[0]
        if abs(solved[3]) < 1e-9:
            break
        amounts = amounts + solved[:3] / solved[3]
    return amounts
