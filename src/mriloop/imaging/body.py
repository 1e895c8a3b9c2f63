"""Finds what moves as one body outside the brain: the spinal column, and the limb that is meant among others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mriloop.imaging.foreground import object_mask
from mriloop.imaging.resample import Grid, Points, apply, inverse, isotropic
from mriloop.imaging.voxels import ndimage
from mriloop.model.volume import Affine, Floats

Mask = npt.NDArray[np.bool_]
STEP_MM = 2.0
CANAL_SIGMA_MM = 5.0  # a tube of 14 to 18 mm answers most strongly at a sigma of a third of its width
BODY_PITCH_MM = (10.0, 44.0)  # disc to disc: from a child's neck to a tall man's loin
LEAST_RHYTHM = 0.45  # noise on a column of 60 to 120 mm echoes by 0.2, as one standard deviation
LEAST_SKEW = 0.2
EQUAL_STEP = 0.6  # of a vertebra: cut blindly, a piece of that length lies at most half across a disc


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Column:
    """The course of the spinal canal and where the column may be cut.

    path : (n, 3) RAS+ mm, from below upwards, every 2 mm
    cuts : heights (S, mm) between vertebrae; equal steps where the vertebrae could not be told apart
    vertebrae : whether the cuts follow discs
    trust : how much clearer the tube is than what lies around it (higher is better; under 1 it is a guess)
    """

    path: Points
    cuts: tuple[float, ...]
    vertebrae: bool
    trust: float

    def at(self, height: float) -> Points:
        """Return the point (3,) of the path at a height, that of its end beyond it."""
        return np.array([np.interp(height, self.path[:, 2], self.path[:, a]) for a in (0, 1)] + [height])

    def along(self, height: float) -> Points:
        """Return the unit vector (3,) of the path at a height, upwards, over 20 mm."""
        low, high = self.at(height - 10.0), self.at(height + 10.0)
        return np.asarray((high - low) / np.linalg.norm(high - low))


def tissue(data: Floats, affine: Affine) -> Mask:
    """Return where the patient is, of any body part; all True where the picture shows no border."""
    i, j, k = (float(s) for s in np.linalg.norm(affine[:3, :3], axis=0))
    found = object_mask(np.asarray(data, np.float32), (i, j, k))
    return found if found.any() else np.ones(data.shape, bool)


def column(data: Floats, affine: Affine, *, pitch_mm: float, forward_mm: float, bright: bool | None) -> Column | None:
    """Follow the spinal canal from the lowest to the highest slice and look for the rhythm of the discs before it.

    The canal is the longest tube from foot to head near the middle of the picture: blurred along S by 8 mm, it is a
    spot in every cross-section whichever way it is brighter or darker than its wall; one path through all
    cross-sections, bending little, gathers the most of it. The two best paths are weighed by the rhythm of discs
    before them, which nothing but a canal has. `bright` says which way where the weighting tells (fluid
    on T2), else None. `forward_mm` leads from canal to the middle of the vertebral bodies. Where no rhythm is found
    the cuts are equal steps of 60 % of `pitch_mm`, which a vertebra and its disc measure together. None where the
    picture is under 24 mm high.
    """
    cube, grid = isotropic(data, affine, STEP_MM)
    if cube.shape[2] * STEP_MM < 24.0 or min(cube.shape[:2]) * STEP_MM < 20.0:
        return None
    seen = isotropic(np.ones(data.shape, np.float32), affine, STEP_MM, order=0)[0] > 0.5
    low, high = np.percentile(cube[seen], [1.0, 99.0])
    flat = np.clip((cube - low) / max(float(high - low), 1e-6), 0.0, 1.0)
    flat = ndimage.gaussian_filter(np.where(seen, flat, flat[seen].mean()), (0.0, 0.0, 8.0 / STEP_MM))
    ways = [True, False] if bright is None else [bright]
    tries = []
    for way in ways:
        spot = _spots(flat if way else -flat, seen)
        for _ in range(2):
            index, trust, strength = _follow(spot)
            path = apply(grid.affine, index)
            fine, discs, echo = _discs(data, affine, path, forward_mm)
            tries.append((strength * (1.0 + echo), path, trust, fine, discs))
            spot = _without(spot, index)
    _, path, trust, fine, discs = max(tries, key=lambda t: t[0])
    heights = path[:, 2]
    cuts = tuple(float(fine[n]) for n in discs)
    found = bool(cuts)
    if not cuts:
        count = max(1, round((heights[-1] - heights[0]) / (EQUAL_STEP * pitch_mm)))
        cuts = tuple(float(c) for c in np.linspace(heights[0], heights[-1], count + 1)[1:-1])
    return Column(path=path, cuts=cuts, vertebrae=bool(found), trust=trust)


def _discs(
    data: Floats, affine: Affine, path: Points, forward_mm: float
) -> tuple[npt.NDArray[np.float64], list[int], float]:
    """Return heights every mm, which of them are discs before the path, and how strong their rhythm is."""
    heights = path[:, 2]
    fine = np.arange(heights[0], heights[-1] + 0.5, 1.0)
    course = np.column_stack([np.interp(fine, heights, path[:, a]) for a in (0, 1)] + [fine])
    tried = [_rhythm(_before(data, affine, course, forward_mm * share)) for share in (0.8, 1.0, 1.2)]
    discs, echo = max(tried, key=lambda t: t[1])
    return fine, discs, echo


def _without(spot: npt.NDArray[np.float32], index: Points) -> npt.NDArray[np.float32]:
    """Return the spots but for those within 12 mm of a path: what else could be the canal."""
    x, y = np.meshgrid(np.arange(spot.shape[0]), np.arange(spot.shape[1]), indexing="ij")
    away = np.hypot(x[..., None] - index[:, 0], y[..., None] - index[:, 1]) * STEP_MM
    return np.asarray(np.where(away < 12.0, 0.0, spot), np.float32)


def _spots(flat: npt.NDArray[np.float32], seen: Mask) -> npt.NDArray[np.float32]:
    """Return how much a voxel is the middle of a bright spot in its cross-section, near the middle of the picture."""
    sigma = CANAL_SIGMA_MM / STEP_MM
    xx, yy, xy = (
        ndimage.gaussian_filter(flat, (sigma, sigma, 0.0), order=o) for o in ((2, 0, 0), (0, 2, 0), (1, 1, 0))
    )
    half, root = (xx + yy) / 2.0, np.sqrt(((xx - yy) / 2.0) ** 2 + xy**2)
    spot = np.where(half + root < 0.0, np.sqrt(np.maximum((half - root) * (half + root), 0.0)), 0.0) * sigma**2
    across = (np.arange(flat.shape[0]) - (flat.shape[0] - 1) / 2.0) * STEP_MM
    middle = np.exp(-0.5 * (across / 25.0) ** 2)[:, None, None]
    inside = ndimage.binary_erosion(seen, iterations=2, border_value=0) if min(seen.shape) > 5 else seen
    return np.asarray(np.where(inside, spot * middle, 0.0), np.float32)


def _follow(spot: npt.NDArray[np.float32]) -> tuple[Points, float, float]:
    """Return the path (n, 3) of most spot through all cross-sections, its trust, and how much spot it gathers."""
    wide, deep, high = spot.shape
    best = spot[:, :, 0].copy()
    came = np.zeros((high, wide, deep), np.int8)
    moves = [(x, y) for x in (-1, 0, 1) for y in (-1, 0, 1)]
    price = np.float32(0.15 * float(spot.max()))
    for k in range(1, high):
        around = np.pad(best, 1, constant_values=-np.inf)
        options = np.stack([around[1 + x : 1 + x + wide, 1 + y : 1 + y + deep] - price * abs(x or y) for x, y in moves])
        came[k] = options.argmax(axis=0)
        best = options.max(axis=0) + spot[:, :, k]
    x, y = np.unravel_index(int(best.argmax()), best.shape)
    path = np.zeros((high, 3))
    for k in range(high - 1, -1, -1):
        path[k] = x, y, k
        dx, dy = moves[came[k, x, y]]
        x, y = x + dx, y + dy
    on = np.array([spot[int(a), int(b), int(c)] for a, b, c in path])
    path[:, :2] = ndimage.gaussian_filter1d(path[:, :2], 3.0, axis=0, mode="nearest")
    others = float(np.percentile(spot[spot > 0.0], 90.0)) if (spot > 0.0).any() else 1.0
    return path, float(np.median(on)) / max(others, 1e-9), float(np.median(on))


def _before(data: Floats, affine: Affine, course: Points, forward_mm: float) -> npt.NDArray[np.float64]:
    """Return the mean brightness of the vertebrae along the course, over 12 by 8 mm at `forward_mm` before it."""
    across, deep = np.meshgrid(np.arange(-6.0, 7.0, 2.0), forward_mm + np.arange(-4.0, 5.0, 2.0), indexing="ij")
    offsets = np.column_stack([across.ravel(), deep.ravel(), np.zeros(across.size)])
    points = (course[:, None, :] + offsets[None]).reshape(-1, 3)
    values = ndimage.map_coordinates(data, apply(inverse(affine), points).T, order=1, mode="constant", cval=np.nan)
    seen = values.reshape(len(course), -1)
    enough = np.isfinite(seen).mean(axis=1) > 0.3
    if enough.mean() < 0.8:
        return np.zeros(len(course))
    line = np.array([np.nanmean(row) if good else np.nan for row, good in zip(seen, enough, strict=True)])
    return np.asarray(np.interp(np.arange(len(line)), np.flatnonzero(enough), line[enough]), float)


def _rhythm(profile: npt.NDArray[np.float64]) -> tuple[list[int], float]:
    """Return where (index, mm) discs cut the column and how strong the rhythm is; nothing where it is not steady.

    The discs are the minority: thinner than the bodies, they are the extremes on the side to which the profile is
    skewed, brighter or darker as the weighting has it. The rhythm is the echo of the profile in itself, 1 at most.
    """
    line = profile - ndimage.gaussian_filter1d(profile, 25.0, mode="nearest")
    line = ndimage.gaussian_filter1d(line, 1.5)
    power = float((line**2).mean())
    lags = np.arange(int(BODY_PITCH_MM[0]), int(min(BODY_PITCH_MM[1], 0.6 * len(line))))
    if power <= 0.0 or len(lags) < 3:
        return [], 0.0
    echo = np.array([float((line[g:] * line[:-g]).mean()) / power for g in lags])
    inner = [n for n in range(1, len(lags) - 1) if echo[n] >= echo[n - 1] and echo[n] >= echo[n + 1]]
    skew = float((line**3).mean()) / power**1.5
    if not inner or max(echo[n] for n in inner) < LEAST_RHYTHM or abs(skew) < LEAST_SKEW:
        return [], 0.0
    strong = max(echo[n] for n in inner)
    pitch = float(lags[next(n for n in inner if echo[n] > 0.8 * strong)])
    signed = ndimage.gaussian_filter1d(np.sign(skew) * line, 0.1 * pitch)
    tops = [n for n in range(1, len(signed) - 1) if signed[n] >= signed[n - 1] and signed[n] > signed[n + 1]]
    kept: list[int] = []
    for n in sorted((n for n in tops if signed[n] > 0.25 * signed.max()), key=lambda n: -signed[n]):
        if all(abs(n - other) > 0.65 * pitch for other in kept):
            kept.append(n)
    kept.sort()
    gaps = np.diff(kept)
    steady = len(kept) >= 2 and bool(np.all(np.abs(gaps / np.median(gaps) - 1.0) < 0.45))
    return (kept, strong) if steady else ([], 0.0)


def limbs(mask: Mask, grid: Grid) -> list[Mask]:
    """Return the separate limbs in a picture, the largest first; parts under a tenth of the largest are left out.

    Two thighs that touch are parted where the bridge between them is thinner than 60 % of the thinner one.
    """
    found = _apart(mask)
    if len(found) != 1:
        return found
    depth = ndimage.distance_transform_edt(mask, sampling=grid.spacing_mm)
    for share in (0.35, 0.5, 0.6):
        cores = _apart(depth > share * float(depth.max()))
        if len(cores) == 2 and min(c.sum() for c in cores) > 0.3 * max(c.sum() for c in cores):
            away = [ndimage.distance_transform_edt(~c, sampling=grid.spacing_mm) for c in cores]
            halves = [mask & (away[0] <= away[1]), mask & (away[0] > away[1])]
            return sorted(halves, key=lambda m: -int(m.sum()))
    return found


def meant(found: list[Mask], grid: Grid) -> int | None:
    """Return which limb the picture was planned on: the one nearest to its middle; None where that is not clear.

    Clear is: the middle lies at least twice as near to it as to any other, measured between centres of mass across
    the patient (R and A axes); one limb alone is always meant.
    """
    if len(found) == 1:
        return 0
    middle = grid.centre_ras_mm
    places = [apply(grid.affine, np.argwhere(m)[::7].astype(float)).mean(axis=0) for m in found]
    away = [float(np.linalg.norm((p - middle)[:2])) for p in places]
    order = np.argsort(away)
    return int(order[0]) if away[order[1]] > 2.0 * max(away[order[0]], 5.0) else None


def _apart(mask: Mask) -> list[Mask]:
    labels, count = ndimage.label(mask)
    if count == 0:
        return []
    sizes = np.bincount(labels.ravel())[1:]
    order = [int(n) for n in np.argsort(-sizes) if sizes[n] >= 0.1 * sizes.max()]
    return [np.asarray(labels == n + 1) for n in order]
