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
from enum import StrEnum

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
_LEAST_PLACES = 100
_TOO_LITTLE = "too little of the head is in both pictures"

# Where the limits come from: docs/reference/matching.md, "One person?". In pairs of one head (two people; two visits,
# two contrasts) half of the places lay at most 0.9 mm off together with their neighbours, in pairs of two heads (four
# people) at least 2.7 mm. A scanner's scale error (2 % is gross) adds less than 1 mm.
_SAME_MM = 1.5
_DOUBT_MM = 2.25
_OTHER_MM = 4.5
_OTHER_SHARE = 0.45
_SIZED_MM = 3.0
_OTHER_STRETCH = 0.04
_COHERENT = 0.6
_ALIKE = 0.5
"""Edges of no common cause agree to a third; of two heads, place by place where they fit best, to 0.6 and more."""


class Likely(StrEnum):
    """Whose heads they are, as far as their anatomy tells."""

    SAME = "same"
    CANNOT_TELL = "cannot tell"
    MAYBE_OTHER = "maybe another"
    OTHER = "another"


@dataclass(frozen=True, slots=True, kw_only=True)
class SamePerson:
    """What the anatomy says of two heads that were laid on each other.

    verdict : MAYBE_OTHER calls for a caution, OTHER for a refusal that a person may overrule
    places : how many places were sought; in_place : share (0 to 1) of them found within 3.6 mm, higher is more alike
    apart_mm : median distance by which places lie off together with their neighbours; one person: near 0
    stretch : relative growth along the three axes of the ellipsoid that today's head would have to undergo
    moved_mm : mean rigid displacement that was left, and was taken off first: the alignment's own error
    evidence : the same in words
    """

    verdict: Likely
    places: int
    in_place: float = 0.0
    apart_mm: float = 0.0
    stretch: tuple[float, float, float] = (0.0, 0.0, 0.0)
    moved_mm: float = 0.0
    evidence: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Places:
    """Where the anatomy around some places of today's head was found in the other one.

    at : (n, 3) the places, RAS+ mm; offset : (n, 3) how far from there the best match lies, mm
    index : (n, 3) the places on their lattice
    alike : (n,) how well the directions of edges agree there, 1/3 by chance to 1
    """

    at: Vectors
    offset: Vectors
    index: npt.NDArray[np.int64]
    alike: Vectors


def same_head(
    today: Floats,
    affine_today: Affine,
    prior: Floats,
    affine_prior: Affine,
    matrix: Affine,
    *,
    brain: Mask | None = None,
    growing: bool = False,
) -> SamePerson:
    """Tell whether two heads are one person's.

    Parameters
    ----------
    today, prior : (i, j, k) pictures of undistorted anatomy in any contrasts; echo-planar ones bend and tell nothing
    affine_today, affine_prior : (4, 4) to RAS+ mm
    matrix : (4, 4), RAS+ mm of the prior to RAS+ mm of today; a rigid error that is left in it does not count
    brain : where today's brain is, on the voxels of `today`; without it the whole foreground is looked at
    growing : a child between the two: another size and shape are then expected, and no difference is evidence

    A tumour, an operation or defacing changes places, not half of them; what cannot be told comes back as CANNOT_TELL.
    """
    found = places(today, affine_today, prior, affine_prior, matrix, brain)
    if found is None:
        return SamePerson(verdict=Likely.CANNOT_TELL, places=0, evidence=_TOO_LITTLE)
    return weigh(found, growing=growing)


def weigh(found: Places, *, growing: bool = False) -> SamePerson:
    """Judge by where the places of one head were found in the other; `growing` as for `same_head`."""
    if len(found.at) < _LEAST_PLACES:
        return SamePerson(verdict=Likely.CANNOT_TELL, places=len(found.at), evidence=_TOO_LITTLE)
    if float(np.median(found.alike)) < _ALIKE:
        said = "the two pictures have too few edges in common to compare their anatomy"
        return SamePerson(verdict=Likely.CANNOT_TELL, places=len(found.at), evidence=said)
    bent, stretch, moved = _without_motion(found)
    together = _with_neighbours(bent, found.index)
    apart = float(np.median(np.linalg.norm(together, axis=1)))
    alone = float(np.median(np.linalg.norm(bent - together, axis=1)))
    share = float(np.mean(np.linalg.norm(bent, axis=1) <= 1.2 * PITCH_MM))
    coherent = apart >= _COHERENT * alone
    verdict = Likely.CANNOT_TELL
    if apart <= _SAME_MM and share >= 0.5:
        verdict = Likely.SAME
    elif coherent and not growing and share <= _OTHER_SHARE:
        sized = apart >= _SIZED_MM and max(map(abs, stretch)) >= _OTHER_STRETCH
        verdict = Likely.OTHER if sized or apart >= _OTHER_MM else verdict
        verdict = Likely.MAYBE_OTHER if verdict is Likely.CANNOT_TELL and apart >= _DOUBT_MM else verdict
    elif coherent and not growing and apart >= _DOUBT_MM:
        verdict = Likely.MAYBE_OTHER
    size = max(stretch, key=abs)
    return SamePerson(
        verdict=verdict,
        places=len(found.at),
        in_place=share,
        apart_mm=apart,
        stretch=stretch,
        moved_mm=moved,
        evidence=f"of {len(found.at)} places in the head {share:.0%} lie where one person's would, half of all are at "
        f"least {apart:.1f} mm away together with their neighbours, and the head is up to {abs(size):.1%} "
        f"{'larger' if size < 0 else 'smaller'} along one direction today",
    )


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
    scores = np.empty((len(shifts), int(kept.sum())), dtype=np.float32)
    for number, shift in enumerate(shifts):
        back = (-shift[0], -shift[1], -shift[2])
        moved = np.roll(theirs, back, axis=(1, 2, 3))
        shared = _cubes((mine * moved).sum(axis=0) ** 2 * weight)[kept]
        scores[number] = shared / (_cubes(power_mine * np.roll(power_theirs, back, axis=(0, 1, 2)))[kept] + 1e-6)
    index = np.argwhere(kept)
    centre = index.astype(np.float64) * BLOCK + (BLOCK - 0.5)
    return Places(at=apply(grid.affine, centre), offset=PITCH_MM * _best(scores), index=index, alike=scores.max(axis=0))


def _best(scores: Field) -> Vectors:
    """Return the shift (n, 3) of the highest score of each place, between the steps by a parabola along each axis."""
    side = 2 * REACH + 1
    cube = scores.reshape(side, side, side, -1)
    top = np.stack(np.unravel_index(scores.argmax(axis=0), (side, side, side)), axis=-1)
    which = np.arange(scores.shape[1])
    peak = cube[top[:, 0], top[:, 1], top[:, 2], which]
    found = top.astype(np.float64) - REACH
    for axis in range(3):
        step = np.eye(3, dtype=int)[axis]
        before, after = (cube[(*np.clip(top + sign * step, 0, side - 1).T, which)] for sign in (-1, 1))
        bend = before - 2 * peak + after
        inner = (top[:, axis] > 0) & (top[:, axis] < side - 1) & (bend < -1e-6)
        found[inner, axis] += np.clip(0.5 * (before - after)[inner] / bend[inner], -0.5, 0.5)
    return found


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


def _without_motion(found: Places) -> tuple[Vectors, tuple[float, float, float], float]:
    """Return the offsets less their rigid part, the stretch that is left, and the mean size of the rigid part.

    A linear map is fitted by reweighting (least absolute distances), so that a third of wild places does not count.
    """
    table = np.c_[found.at - found.at.mean(axis=0), np.ones(len(found.at))]
    weight = np.ones(len(found.at))
    fit = np.zeros((4, 3))
    for _ in range(8):
        fit = np.linalg.lstsq(table * weight[:, None], found.offset * weight[:, None], rcond=None)[0]
        weight = 1.0 / np.sqrt(np.maximum(np.linalg.norm(found.offset - table @ fit, axis=1), 1.0))
    turn, stretch = (fit[:3] - fit[:3].T) / 2.0, (fit[:3] + fit[:3].T) / 2.0
    rigid = table[:, :3] @ turn + fit[3]
    a, b, c = np.linalg.eigvalsh(stretch)
    return found.offset - rigid, (float(a), float(b), float(c)), float(np.linalg.norm(rigid, axis=1).mean())


def _with_neighbours(offset: Vectors, index: npt.NDArray[np.int64]) -> Vectors:
    """Return for each place the median offset of itself and its up to 26 neighbours: noise cancels, anatomy stays."""
    shape = index.max(axis=0) + 3
    grid = np.full((*shape, 3), np.nan)
    grid[tuple((index + 1).T)] = offset
    steps = itertools.product((-1, 0, 1), repeat=3)
    around = np.stack([grid[tuple((index + 1 + np.array(step)).T)] for step in steps])
    return np.asarray(np.nanmedian(around, axis=0), dtype=np.float64)
