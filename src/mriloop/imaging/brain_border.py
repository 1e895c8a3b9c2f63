"""Moves a surface that lies near the border of a brain onto it, by what the picture shows across it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from mriloop.imaging.resample import Points
from mriloop.imaging.voxels import ndimage

Map = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]
_FIELD_MM = 25.0
_COARSER = 4
_NEARBY = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Tissue:
    """Typical intensities in an even picture: of white and grey matter, and of the dark around the brain."""

    white: float
    grey: float
    dark: float

    @property
    def darker(self) -> float:
        """The darker of the two tissues."""
        return min(self.white, self.grey)

    @property
    def brighter(self) -> float:
        """The brighter of the two tissues."""
        return max(self.white, self.grey)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pass:
    """One pass of the surface over its surroundings, all in mm.

    reach : how far a point may move; inside, outside : how much brain under and darkness over it are asked for
    share_mm : over which distance neighbours vote together; stay_mm : how far a point moves for a full unit of doubt
    crowns : which quantile of the neighbours counts, so that furrows do not pull the surface inwards; None: the mean
    """

    reach: int
    inside: int
    outside: int
    share_mm: float
    stay_mm: float
    crowns: float | None


_PASSES = (
    _Pass(reach=8, inside=8, outside=5, share_mm=6.0, stay_mm=6.0, crowns=None),
    _Pass(reach=5, inside=6, outside=4, share_mm=3.0, stay_mm=8.0, crowns=0.6),
    _Pass(reach=4, inside=5, outside=4, share_mm=3.0, stay_mm=8.0, crowns=0.6),
)


def even(cube: Map, where: Mask, step_mm: float) -> Map:
    """Return the picture without what varies over `_FIELD_MM` in `where`, in units of its middle intensity there."""
    middle = float(np.median(cube[where]))
    asked = where & (cube > 0.05 * middle)
    logs = np.where(asked, np.log(np.maximum(cube, 0.02 * middle) / middle), 0.0).astype(np.float32)
    # The field is so smooth that every fourth voxel (their mean) tells all of it.
    width = _FIELD_MM / step_mm / _COARSER
    weight, total = (ndimage.gaussian_filter(_blocks(m), width, truncate=3.0) for m in (asked.astype(np.float32), logs))
    field = total / np.maximum(weight, 1e-4)
    for axis, n in enumerate(cube.shape):
        at = (np.arange(n, dtype=np.float32) + 0.5) / _COARSER - 0.5
        field = _between(field, at.astype(np.float32), axis)
    return np.asarray(cube / middle / np.exp(np.clip(field, -2.3, 2.3)), dtype=np.float32)


def _blocks(values: Map) -> Map:
    """Return the means of cubes of `_COARSER` voxels; the last ones are filled up by what borders on them."""
    full = np.pad(values, [(0, -n % _COARSER) for n in values.shape], mode="edge")
    i, j, k = (n // _COARSER for n in full.shape)
    means = full.reshape(i, _COARSER, j, _COARSER, k, _COARSER).mean(axis=(1, 3, 5))
    return np.asarray(means, dtype=np.float32)


def _between(values: Map, at: Map, axis: int) -> Map:
    """Return values between those of one axis, straight from one to the next."""
    at = np.clip(at, 0.0, values.shape[axis] - 1.0)
    lower = np.minimum(at.astype(np.intp), max(values.shape[axis] - 2, 0))
    upper = np.minimum(lower + 1, values.shape[axis] - 1)
    share = (at - lower).reshape([-1 if a == axis else 1 for a in range(3)]).astype(np.float32)
    return np.asarray(np.take(values, lower, axis) * (1 - share) + np.take(values, upper, axis) * share)


def signed_distance(mask: Mask, step_mm: float) -> Map:
    """Return the distance to the border in mm, negative inside."""
    out, within = ndimage.distance_transform_edt(~mask), ndimage.distance_transform_edt(mask)
    return np.asarray((out - within + np.where(mask, 0.5, -0.5)) * step_mm, dtype=np.float32)


def tissue_levels(flat: Map, classes: Map, distance: Map) -> Tissue:
    """Return the typical intensities of an even picture.

    classes : expected tissue of every voxel, as `average_brain.AverageBrain.tissue`; distance : to the border, in mm
    """
    deep = distance < -6.0
    white = float(np.median(flat[deep & (classes > 0.88)]))
    grey = float(np.median(flat[deep & (classes > 0.6) & (classes < 0.72)]))
    middle = round(float(np.argwhere(deep)[:, 2].mean()))
    above = np.zeros(flat.shape, bool)
    above[:, :, middle:] = True
    around = flat[(distance > 3.0) & (distance < 9.0) & above]
    return Tissue(white=white, grey=grey, dark=float(np.percentile(around, 15.0)) if around.size else 0.0)


def brainness(flat: Map, tissue: Tissue) -> Map:
    """Return how likely a voxel is brain by its intensity alone, 0 to 1: neither dark, nor far brighter than brain."""
    soft = ndimage.gaussian_filter(flat, 0.4)
    rise = max(tissue.darker - tissue.dark, 0.05 * tissue.darker)
    # On T1 grey matter is the darkest tissue and thins out into fluid; on the others meninges are half as bright as it.
    begins = 0.35 if tissue.white > 1.05 * tissue.grey else 0.55
    lower = np.clip((soft - (tissue.dark + begins * rise)) / (0.25 * rise), 0.0, 1.0)
    upper = np.clip((1.6 * tissue.brighter - soft) / (0.25 * tissue.brighter), 0.0, 1.0)
    return np.asarray(lower * upper, dtype=np.float32)


def settle(cube: Map, classes: Map, start: Mask, step_mm: float) -> tuple[Mask, float]:
    """Move the border of `start` to where brain ends, in cubes of `step_mm`; return the inside and its unrest.

    Every point looks along its normal for the place with most brain under and most darkness over it; neighbours decide
    together, the crowns of the folds more than the furrows. The unrest is how far, in mm (90th percentile), points
    still moved in the last pass: over 3 mm the picture holds no clear border.
    """
    mask, moved = start, np.zeros(1)
    for one in _PASSES:
        distance = signed_distance(mask, step_mm)
        core = distance < -3.0
        flat = even(cube, core & (cube > 0.3 * float(np.median(cube[core]))), step_mm)
        likely = brainness(flat, tissue_levels(flat, classes, distance))
        distance, moved = _pass(likely, distance, step_mm, one)
        mask = distance < 0
    return mask, float(np.percentile(np.abs(moved), 90.0))


def _pass(likely: Map, distance: Map, step_mm: float, one: _Pass) -> tuple[Map, npt.NDArray[np.float64]]:
    """Move the surface once; return the new distance (its sign is what holds) and how far each point moved."""
    soft = ndimage.gaussian_filter(distance, 1.0)
    index = np.argwhere(np.abs(distance) <= 0.5 * step_mm + 1e-3)
    normals = np.stack([g[tuple(index.T)] for g in np.gradient(soft)], axis=1)
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-6)
    points = (index - normals * (soft[tuple(index.T)] / step_mm)[:, None]) * step_mm
    offsets = np.arange(-one.reach, one.reach + 0.1, 0.5)
    along = np.arange(-one.reach - one.inside, one.reach + one.outside + 0.1, 0.5)
    where = (points[:, None, :] + normals[:, None, :] * along[None, :, None]) / step_mm
    seen = ndimage.map_coordinates(likely, where.reshape(-1, 3).T, order=1, mode="nearest").reshape(len(points), -1)
    missing, brain = (np.cumsum(np.pad(v, ((0, 0), (1, 0))), axis=1) * 0.5 for v in (1.0 - seen, seen))
    at = np.searchsorted(along, offsets - 1e-6)
    cost = missing[:, at] - missing[:, at - 2 * one.inside] + brain[:, at + 2 * one.outside] - brain[:, at]
    tree = cKDTree(points)
    cost = _shared(tree, points, cost, one.share_mm) / one.inside + 0.5 * (offsets / one.stay_mm) ** 2
    move = offsets[np.argmin(cost, axis=1)]
    if one.crowns is not None:
        move = np.quantile(move[tree.query(points, k=_NEARBY)[1]], one.crowns, axis=1)
    move = _shared(tree, points, move[:, None], 0.7 * one.share_mm)[:, 0]
    band = np.abs(distance) < one.reach + 4
    away, near = tree.query(np.argwhere(band) * step_mm, k=4)
    weight = 1.0 / (away + 1.0)
    result = distance.copy()
    result[band] -= (move[near] * weight).sum(axis=1) / weight.sum(axis=1)
    return result, move


def _shared(tree: Any, points: Points, values: npt.NDArray[np.float64], width_mm: float) -> npt.NDArray[np.float64]:
    """Return the mean of values over neighbours on the surface, weighted by a Gaussian of this sigma."""
    count = int(min(60, max(6, np.pi * (1.5 * width_mm) ** 2 / 6)))
    away, near = tree.query(points, k=count)
    weight = np.exp(-0.5 * (away / width_mm) ** 2)
    total = np.zeros_like(values)
    for n in range(count):
        total += weight[:, n : n + 1] * values[near[:, n]]
    return np.asarray(total / weight.sum(axis=1, keepdims=True))
