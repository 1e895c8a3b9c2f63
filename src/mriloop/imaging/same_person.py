"""Whether two aligned heads are one person's: whether the anatomy, place by place, lies where one person's would.

The face and the outline of the head prove little (defacing, shaved hair, a swollen scalp), brightness nothing at all.
What stays through years, atrophy and operations is where most edges lie: folds, inner skull, falx, cerebellum. Rigid
alignment lays those of one person within a millimetre or two of each other nearly everywhere; those of two people miss
each other by the width of a fold, and in whole neighbourhoods the same way. Edges are compared by their direction alone
(normalised gradient fields, Haber and Modersitzki, MICCAI 2006, doi:10.1007/11866763_89), so that a T1 may be held
against a FLAIR.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mriloop.imaging.register import foreground
from mriloop.imaging.resample import apply, crop, isotropic, sample
from mriloop.imaging.voxels import ndimage
from mriloop.model.volume import Affine, Floats

Mask = npt.NDArray[np.bool_]
Field = npt.NDArray[np.float32]
Vectors = npt.NDArray[np.float64]
PITCH_MM = 3.0
REACH = 3  # voxels: places are sought up to 9 mm away; farther off, folds look like their neighbours
BLOCK = 4  # voxels: a place is 12 mm from the next, and looks at a cube of twice that
_NEAR_BRAIN_MM = 9.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Places:
    """Where the anatomy around some places of today's head was found in the other one.

    at : (n, 3) the places, RAS+ mm; offset : (n, 3) how far from there the best match lies, mm
    index : (n, 3) the places on their lattice
    """

    at: Vectors
    offset: Vectors
    index: npt.NDArray[np.int64]


def places(
    today: Floats, affine_today: Affine, prior: Floats, affine_prior: Affine, matrix: Affine, brain: Mask | None
) -> Places | None:
    """Seek the neighbourhood of each place of today's head in the prior, laid on it by `matrix`; None: too few."""
    small, grid = isotropic(today, affine_today, PITCH_MM)
    inside = foreground(small)
    if brain is not None and brain.any():
        there = sample(brain.astype(np.float32), affine_today, grid, order=1) > 0.5
        inside &= ndimage.distance_transform_edt(~there, sampling=[PITCH_MM] * 3) <= _NEAR_BRAIN_MM
    if not inside.any():
        return None
    grid, cut = crop(grid, inside, margin_mm=(REACH + BLOCK) * PITCH_MM)
    inside = inside[cut]
    seen = sample(np.ones(prior.shape, np.float32), affine_prior, grid, matrix, order=0) > 0.5
    mine = _directions(small[cut], inside)
    theirs = _directions(sample(prior, affine_prior, grid, matrix, order=1), inside & seen)
    weight = inside.astype(np.float32)
    full = _cubes(weight * seen) / (2 * BLOCK) ** 3
    kept = full > 0.6
    if kept.sum() < 30:
        return None
    shifts = list(itertools.product(range(-REACH, REACH + 1), repeat=3))
    power_mine, power_theirs = (mine**2).sum(axis=0) * weight, (theirs**2).sum(axis=0)
    best = np.full(int(kept.sum()), -1.0)
    where = np.zeros(len(best), int)
    for number, shift in enumerate(shifts):
        back = (-shift[0], -shift[1], -shift[2])
        moved = np.roll(theirs, back, axis=(1, 2, 3))
        shared = _cubes((mine * moved).sum(axis=0) ** 2 * weight)[kept]
        score = shared / (_cubes(power_mine * np.roll(power_theirs, back, axis=(0, 1, 2)))[kept] + 1e-6)
        better = score > best
        best[better], where[better] = score[better], number
    index = np.argwhere(kept)
    centre = index.astype(np.float64) * BLOCK + (BLOCK - 0.5)
    return Places(at=apply(grid.affine, centre), offset=PITCH_MM * np.array(shifts, float)[where], index=index)


def _directions(data: Field, inside: Mask) -> Field:
    """Return gradients (3, i, j, k) of length near 1 at edges and near 0 where there is but noise."""
    smooth = ndimage.gaussian_filter(data, 0.8)
    slope = np.stack(np.gradient(smooth)).astype(np.float32)
    size = np.sqrt((slope**2).sum(axis=0))
    noise = float(np.median(size[inside])) if inside.any() else 1.0
    return np.asarray(slope / np.sqrt(size**2 + noise**2 + 1e-12), dtype=np.float32)


def _cubes(data: Field) -> Field:
    """Return the sums over cubes of 2 × BLOCK voxels that begin every BLOCK voxels."""
    cut = tuple(slice(0, n // BLOCK * BLOCK) for n in data.shape)
    i, j, k = (n // BLOCK for n in data.shape)
    sums = data[cut].reshape(i, BLOCK, j, BLOCK, k, BLOCK).sum(axis=(1, 3, 5))
    for axis in range(3):
        n = sums.shape[axis]
        sums = np.take(sums, range(n - 1), axis) + np.take(sums, range(1, n), axis)
    return np.asarray(sums, dtype=np.float32)
