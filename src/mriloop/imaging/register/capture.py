"""Finds a start for registration: which turn and shift lays one picture roughly on the other."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import numpy as np

from mriloop.imaging.register.likeness import similarity
from mriloop.imaging.register.picture import Picture
from mriloop.imaging.resample import coarser, rigid
from mriloop.imaging.voxels import ndimage
from mriloop.model.volume import Affine

_TURNS = (-16.0, 0.0, 16.0)
_COARSE_MM = 5.0
_UNEQUAL_MM = 25.0
Score = Callable[[Affine], float]


def capture(fixed: Picture, moving: Picture) -> Affine:
    """Return a rigid map good enough to start from, over turns of up to 24 degrees and any shift.

    A grid of turns is tried with the centres of the two foregrounds laid on each other, and, where one picture holds
    much less than the other (a slab of a head), with its ends laid on the other's. They are scored by similarity times
    the share of the smaller foreground that both hold, and the best is polished by halving steps.
    """
    low_fixed, low_moving = coarse(fixed), coarse(moving)
    score = scored(low_fixed, low_moving)
    middle = low_moving.points.mean(axis=0)
    shift = low_fixed.points.mean(axis=0) - middle
    starts = [np.eye(4)]
    for extra in _slides(low_fixed, low_moving):
        push = shift + extra
        whole = not extra.any()
        turns = _TURNS if whole else (0.0,)
        starts += [rigid(t, (push[0], push[1], push[2]), middle) for t in itertools.product(turns, turns, turns)]
    return descend(max(starts, key=score), score, low_fixed)


def capture_anyhow(fixed: Picture, moving: Picture) -> Affine:
    """Return the best start over all 48 ways a cube can be turned and mirrored, for headers that are wrong throughout.

    The result may be a mirror image (its determinant is then negative): no rigid map leads there.
    """
    low_fixed, low_moving = coarse(fixed), coarse(moving)
    score = scored(low_fixed, low_moving)
    middle, target = low_moving.points.mean(axis=0), low_fixed.points.mean(axis=0)
    starts = []
    for order in itertools.permutations(range(3)):
        for signs in itertools.product((-1.0, 1.0), repeat=3):
            start = np.eye(4)
            start[:3, :3] = np.diag(signs)[list(order)]
            start[:3, 3] = target - start[:3, :3] @ middle
            starts.append(start)
    best = sorted(starts, key=score)[-4:]
    return max((descend(one, score, low_fixed) for one in best), key=score)


def coarse(one: Picture) -> Picture:
    """Return the picture on voxels of 5 mm, for searches."""
    data, affine = coarser(one.data, one.affine, _COARSE_MM)
    mask = coarser(one.mask.astype(np.float32), one.affine, _COARSE_MM)[0] > 0.5
    return Picture(data=ndimage.gaussian_filter(data, 0.5), affine=affine, mask=mask if mask.any() else mask | True)


def scored(fixed: Picture, moving: Picture) -> Score:
    """Return what rates a map between two coarse pictures (higher is better, 0 where they do not meet)."""
    smaller = min(1.0, moving.foreground_ml / max(fixed.foreground_ml, 1e-9))

    def score(matrix: Affine) -> float:
        nmi, overlap = similarity(fixed, moving, matrix, most=12_000)
        return (nmi - 1.0) * min(1.0, overlap / (0.7 * smaller))

    return score


def descend(start: Affine, score: Score, fixed: Picture) -> Affine:
    """Polish a start by turns and shifts of 8 degrees and mm, halved until they are smaller than one."""
    centre = fixed.points.mean(axis=0)
    best, top = start, score(start)
    step = 8.0
    while step > 0.9:
        moved = False
        for axis, sign in itertools.product(range(6), (-1.0, 1.0)):
            turn, push = [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]
            (turn if axis < 3 else push)[axis % 3] = sign * step
            trial = rigid((turn[0], turn[1], turn[2]), (push[0], push[1], push[2]), centre) @ best
            value = score(trial)
            if value > top:
                best, top, moved = trial, value, True
        if not moved:
            step /= 2.0
    return best


def _slides(fixed: Picture, moving: Picture) -> Iterator[np.ndarray]:
    """Yield shifts, in mm, that lay a much shorter foreground along the longer one; none first."""
    yield np.zeros(3)
    ends = [np.percentile(p.points, [2, 98], axis=0) for p in (fixed, moving)]
    spare = np.abs((ends[0][1] - ends[0][0]) - (ends[1][1] - ends[1][0])) / 2
    for axis in np.flatnonzero(spare > _UNEQUAL_MM / 2):
        for share in np.arange(-1.0, 1.01, min(0.5, 10.0 / spare[axis])):
            if abs(share) > 1e-6:
                shift = np.zeros(3)
                shift[axis] = share * spare[axis]
                yield shift
