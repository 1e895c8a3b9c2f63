"""An average brain as a shape to start from, laid into a head by an affine map, whatever the contrast."""

from __future__ import annotations

import base64
import importlib
import itertools
import lzma
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.spatial.transform import Rotation

from mriloop.imaging import average_brain_data as packed
from mriloop.imaging.resample import Grid, Points, apply, inverse, sample
from mriloop.imaging.voxels import ndimage
from mriloop.model.volume import Affine

Map = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]
CENTRE = np.array([0.0, -18.0, 6.0])  # of the average brain, mm of its own frame
USUAL_SCALE = (0.93, 0.92, 0.90)  # of adults against the ICBM 152 average, which is larger than they are
SCALE_SPREAD = 0.07
_FLUID, _GREY, _WHITE, _SKULL = 2, 6, 10, 11
_BINS = 24
_RING_MM = (2.0, 9.0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AverageBrain:
    """The average of 152 adults (ICBM 152, nonlinear, symmetric, 2009a) on voxels of 4 mm.

    hull : share (0 to 1) of each voxel inside the brain with its sulci and ventricles
    tissue : 0 outside, 1/3 fluid, 2/3 grey, 1 white matter, and what lies between
    """

    hull: Map
    tissue: Map
    grid: Grid


@lru_cache(maxsize=1)
def average_brain() -> AverageBrain:
    """Return the average brain, unpacked and mirrored to both sides."""
    raw = lzma.decompress(base64.b85decode(packed.PACKED))
    half = np.frombuffer(raw, np.uint8).reshape(2, *packed.SHAPE).astype(np.float32) / packed.LEVELS
    both = np.concatenate([half[:, :0:-1], half], axis=1)
    affine = np.diag([packed.STEP_MM] * 3 + [1.0])
    affine[:3, 3] = [-packed.STEP_MM * (packed.SHAPE[0] - 1), *packed.LOW_MM[1:]]
    shape = both.shape[1:]
    return AverageBrain(hull=both[0], tissue=both[1], grid=Grid(shape=(shape[0], shape[1], shape[2]), affine=affine))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Placed:
    """The average brain laid into a picture.

    matrix : (4, 4) affine from mm of the average brain to RAS+ mm of the picture
    likeness : normalised mutual information (1 none) between tissue classes and intensities; higher is better
    covered : share (0 to 1) of the average brain that the picture holds
    scales : how much larger than the average along its own three axes
    """

    matrix: Affine
    likeness: float
    covered: float
    scales: tuple[float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Classes:
    """Points of the average brain and of the skull around it, each with the class it belongs to."""

    points: Points
    kind: npt.NDArray[np.intp]
    inside: Mask


@lru_cache(maxsize=2)
def _classes(every: int) -> _Classes:
    one = average_brain()
    away = ndimage.distance_transform_edt(one.hull < 0.5) * packed.STEP_MM - packed.STEP_MM * (one.hull - 0.5)
    at = apply(one.grid.affine, np.argwhere(np.ones(one.grid.shape, bool)).astype(float))
    away, hull, tissue = (v.ravel() for v in (away, one.hull, one.tissue))
    # Below the level of the temples the skull base has no even darkness: there the ring says nothing.
    vault = at[:, 2] > np.where(at[:, 1] > 20, 0.0, -25.0)
    ring = (away > _RING_MM[0]) & (away < _RING_MM[1]) & (hull < 0.1) & vault
    inside = hull > 0.9
    kind = np.clip(np.rint(tissue * 10), 0, 10).astype(np.intp)
    kind[ring] = _SKULL
    chosen = np.flatnonzero(inside | ring)[::every]
    return _Classes(points=at[chosen], kind=kind[chosen], inside=inside[chosen])


def on_cubes(placed: Placed, grid: Grid) -> tuple[Map, Map]:
    """Return hull and tissue of the average brain, as it was placed, on a grid."""
    one = average_brain()
    shift = np.eye(4)
    shift[:3, 3] = -2.0
    hull, tissue = (
        sample(np.pad(m, 2), one.grid.affine @ shift, grid, placed.matrix, order=1) for m in (one.hull, one.tissue)
    )
    return hull, tissue


def place(picture: Map, grid: Grid, head: Mask) -> Placed:
    """Lay the average brain into a picture of a head (cubic voxels along R, A, S), whose filled outline is `head`.

    Turns of up to 25 degrees and 40 mm are searched; then nine and twelve degrees of freedom are refined. Scales far
    from those of adults, shears and a skull outside the head cost likeness.
    """
    scene = _scene(picture, grid, head)
    coarse, fine = _scorer(scene, _classes(9)), _scorer(scene, _classes(3))
    trials: list[tuple[float, int, npt.NDArray[np.float64]]] = []
    for shift_z, shift_y, scale in itertools.product((-15.0, 0.0, 15.0), (-12.0, 0.0, 12.0), (-0.08, 0.0)):
        for turn in (-20.0, 0.0, 20.0):
            trial = np.zeros(12)
            trial[:3], trial[3], trial[6:9] = scene.start + np.array([0.0, shift_y, shift_z]), turn, scale
            trials.append((coarse(trial), len(trials), trial))
    trials.sort(reverse=True)
    climbed = [_climb(coarse, trial, 7, 8.0) for _, _, trial in trials[:2]]
    best = max(climbed, key=coarse)
    best = _climb(coarse, best, 9, 4.0)
    best = _climb(fine, best, 12, 2.0)
    matrix = _matrix(best)
    likeness, covered, _ = _likeness(scene, _classes(1), matrix)
    scales = np.exp(best[6:9]) * USUAL_SCALE
    return Placed(
        matrix=matrix, likeness=likeness, covered=covered, scales=(float(scales[0]), float(scales[1]), float(scales[2]))
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Scene:
    """A picture made ready: intensities as bins, how deep every voxel lies in the head, where to begin."""

    bins: Map
    depth: Map
    to_index: Affine
    start: Points


def _scene(picture: Map, grid: Grid, head: Mask) -> _Scene:
    low, high = np.percentile(picture[head], [1.0, 98.0])
    bins = (np.clip((picture - low) / max(high - low, 1e-6), 0, 1) * (_BINS - 1)).astype(np.float32)
    step = grid.spacing_mm[0]
    depth = ndimage.distance_transform_edt(np.pad(head, ((1, 1), (1, 1), (0, 0))))[1:-1, 1:-1].astype(np.float32) * step
    top = int(np.flatnonzero(head.any(axis=(0, 1)))[-1])
    upper = head.copy()
    upper[:, :, : max(0, top - round(140.0 / step))] = False
    start = apply(grid.affine, np.array([ndimage.center_of_mass(upper)]))[0]
    return _Scene(bins=bins, depth=depth, to_index=inverse(grid.affine), start=start)


def _matrix(p: npt.NDArray[np.float64]) -> Affine:
    """Return the affine of twelve numbers: middle in mm, turns in degrees, logarithms of the scales, shears."""
    shear = np.eye(3)
    shear[0, 1], shear[0, 2], shear[1, 2] = p[9:]
    matrix = np.eye(4)
    turn = Rotation.from_euler("xyz", p[3:6], degrees=True).as_matrix()
    matrix[:3, :3] = turn @ shear @ np.diag(np.exp(p[6:9]) * USUAL_SCALE)
    matrix[:3, 3] = p[:3] - matrix[:3, :3] @ CENTRE
    return matrix


def _scorer(scene: _Scene, classes: _Classes) -> Callable[[npt.NDArray[np.float64]], float]:
    def score(p: npt.NDArray[np.float64]) -> float:
        likeness, covered, bare = _likeness(scene, classes, _matrix(p))
        apart = float(np.sum(p[6:9] ** 2)) / SCALE_SPREAD**2 + float(np.var(p[6:9])) / 0.04**2
        cost = 0.001 * apart + 0.001 * float(np.sum(p[9:] ** 2)) / 0.03**2
        turned = 0.001 * float(np.sum((p[3:6] / np.array([15.0, 10.0, 10.0])) ** 2))
        return (likeness - 1.0) * min(1.0, covered / 0.8) - cost - turned - 0.1 * bare

    return score


def _likeness(scene: _Scene, classes: _Classes, matrix: Affine) -> tuple[float, float, float]:
    """Return likeness, the share of the average brain that is held, and the share of the skull that lies in the air."""
    index = apply(scene.to_index @ matrix, classes.points).T
    limits = np.array(scene.bins.shape)[:, None] - 1
    held = np.all((index >= 0) & (index <= limits), axis=0)
    covered = float(held[classes.inside].mean())
    if held.sum() < 500:
        return 1.0, covered, 1.0
    where = index[:, held]
    seen = ndimage.map_coordinates(scene.bins, where, order=1, mode="nearest")
    kind = classes.kind[held]
    nearest = np.rint(where).astype(np.intp)
    bare = float((scene.depth[tuple(nearest[:, kind == _SKULL])] < 3.0).mean())
    lower = np.minimum(seen.astype(np.intp), _BINS - 2)
    share = seen - lower
    cell = kind * _BINS + lower
    size = (_SKULL + 1) * _BINS
    joint = np.bincount(cell, 1 - share, size) + np.bincount(cell + 1, share, size)
    joint = joint.reshape(_SKULL + 1, _BINS) / held.sum()
    return (_entropy(joint.sum(0)) + _entropy(joint.sum(1))) / _entropy(joint), covered, bare


def _entropy(p: npt.NDArray[np.float64]) -> float:
    p = p[p > 0]
    return float(-(p * np.log(p)).sum()) or 1e-12


_STEPS = np.array([1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.012, 0.012, 0.012, 0.012, 0.012, 0.012])


def _climb(
    score: Callable[[npt.NDArray[np.float64]], float], start: npt.NDArray[np.float64], freedom: int, step: float
) -> npt.NDArray[np.float64]:
    """Return the best of a search by Powell over the first `freedom` numbers; 7: one scale for all axes."""
    optimize: Any = importlib.import_module("scipy.optimize")

    def spread(x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        p = start.copy()
        free = min(freedom, 6) if freedom < 9 else freedom
        p[:free] += x[:free] * _STEPS[:free] * step
        if freedom == 7:
            p[6:9] += x[6] * _STEPS[6] * step
        return p

    found = optimize.minimize(
        lambda x: -score(spread(x)),
        np.zeros(freedom),
        method="Powell",
        options={"xtol": 0.1, "ftol": 1e-4, "maxiter": 4, "direc": np.eye(freedom)},
    )
    return spread(found.x)
