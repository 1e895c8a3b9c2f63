"""Finds bright lesions in two visits on one grid, and what became of each: new, larger, the same, smaller, gone."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from mriloop.imaging.normalise import Map, Mask, Visits
from mriloop.imaging.voxels import ndimage, nonnegative_fit
from mriloop.model.comparison import ChangeKind

EVERYWHERE = np.ones((3, 3, 3), bool)
Box = tuple[slice, slice, slice]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What a change must show to enter the strict list. Tuned on the phantom and on inserted lesions.

    seed, grow : noise units that start a candidate and that extend it
    unexplained : least brightness, as a fraction of the tissue mode, that the other visit shows nowhere within
        `nearby_mm` in the slice and one slice up or down; this is what misplacement and partial volume cannot fake
    contrast : least mean difference, same unit
    local : least contrast against the tissue around it, at the visit where it is brighter
    bright : least intensity at that visit, relative to the tissue mode
    rim_mm : least mean distance from the border of the brain
    volume_ml : least volume
    slip_mm : how far the two visits may still be apart at an edge
    outstanding : least ratio of a candidate's peak to the 99th percentile of the noise units around it
    growth : least relative change of volume of a lesion that is there at both visits
    restless_mm : width (Gaussian sigma) over which the noise that the model does not explain is gathered
    """

    seed: float = 5.0
    grow: float = 2.5
    unexplained: float = 0.05
    nearby_mm: float = 1.0
    contrast: float = 0.08
    local: float = 0.10
    bright: float = 1.08
    rim_mm: float = 4.0
    volume_ml: float = 0.014
    slip_mm: float = 0.20
    outstanding: float = 2.0
    growth: float = 0.20
    restless_mm: float = 6.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Evidence:
    """Where the two visits differ, in noise units (positive: brighter today), and what the noise is made of.

    z : difference over the noise expected at that voxel
    difference : today less prior, lightly smoothed, as a fraction of the tissue mode
    appeared, vanished : brightness that the other visit shows nowhere nearby, today's and the prior's
    flat_noise : noise of the difference away from edges, same unit
    slip_mm : apparent misplacement at edges, estimated from the pair itself
    """

    z: Map
    difference: Map
    appeared: Map
    vanished: Map
    flat_noise: float
    slip_mm: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lesion:
    """One lesion followed over two visits; masks are on the common grid.

    score : the strongest evidence for its change, in noise units (0 for a stable lesion)
    contrast : how much brighter than its surroundings it is, at the visit where it is brighter
    """

    kind: ChangeKind
    today: Mask
    prior: Mask
    score: float
    contrast: float


@dataclass(slots=True, kw_only=True, eq=False)
class _Outlines:
    """Outlines gathered so far: where, at what level each is drawn, and the pieces of change inside."""

    region: Mask
    level: Map
    changed: Mask = field(init=False)

    def __post_init__(self) -> None:
        self.changed = np.zeros(self.region.shape, bool)


def evidence(visits: Visits, rules: Rules) -> Evidence:
    """Compare the two visits voxel by voxel, against the noise that flat tissue and edges of this very pair show.

    The variance of the difference is modelled as flat noise, plus a misplacement times the slope of the picture, plus
    a share of its bend from slice to slice, which is what thick slices through thin folds leave; the three are fitted
    to the pair by robust spreads over bins. Regions that are restless beyond that, such as pulsating fluid, raise the
    noise around them by up to a factor of four.
    """
    mask, spacing = visits.mask, visits.grid.spacing_mm
    blur = [0.8 / s if s < 2.0 else 0.0 for s in spacing]
    difference = ndimage.gaussian_filter(visits.today - visits.prior, blur)
    mean = ndimage.gaussian_filter((visits.today + visits.prior) / 2.0, blur)
    slope = np.sqrt(sum(g**2 for g in np.gradient(mean, *spacing)))
    bend = _bend(visits)
    flat, slip, share = _fit_noise(difference[mask], slope[mask], bend[mask])
    noise = np.sqrt(flat**2 + (max(slip, rules.slip_mm) * slope) ** 2 + (share * bend) ** 2)
    z = np.where(mask, difference / noise, 0.0)
    wide = [rules.restless_mm / s for s in spacing]
    weight = ndimage.gaussian_filter(mask.astype(np.float32), wide) + 1e-3
    restless = np.sqrt(ndimage.gaussian_filter(np.minimum(z**2, 25.0), wide) / weight)
    z = z / np.clip(restless, 1.0, 4.0)
    nearby = _nearby(spacing, rules.nearby_mm)
    today, prior = (ndimage.gaussian_filter(v, blur) for v in (visits.today, visits.prior))
    return Evidence(
        z=z.astype(np.float32),
        difference=difference.astype(np.float32),
        appeared=np.where(mask, today - ndimage.maximum_filter(prior, footprint=nearby), 0.0).astype(np.float32),
        vanished=np.where(mask, prior - ndimage.maximum_filter(today, footprint=nearby), 0.0).astype(np.float32),
        flat_noise=flat,
        slip_mm=slip,
    )


def _bend(visits: Visits) -> Map:
    """Return how sharply the pictures bend along their thickest axis, the larger of the two visits, spread nearby."""
    axis = int(np.argmax(visits.grid.spacing_mm))
    bends = [np.abs(ndimage.convolve1d(v, [0.5, -1.0, 0.5], axis=axis)) for v in (visits.today, visits.prior)]
    return np.asarray(ndimage.maximum_filter(np.maximum(*bends), 3), dtype=np.float32)


def _fit_noise(
    difference: npt.NDArray[np.floating], slope: npt.NDArray[np.floating], bend: npt.NDArray[np.floating]
) -> tuple[float, float, float]:
    """Return flat noise, misplacement in mm and the share of the bend, fitted to robust spreads over bins of both."""
    cut_slope = np.quantile(slope, np.linspace(0.0, 1.0, 9))
    cut_bend = np.quantile(bend, np.linspace(0.0, 1.0, 9))
    cell = np.clip(np.searchsorted(cut_slope, slope) - 1, 0, 7) * 8 + np.clip(np.searchsorted(cut_bend, bend) - 1, 0, 7)
    order = np.argsort(cell, kind="stable")
    rows, variances, weights = [], [], []
    for chosen in np.split(order, np.flatnonzero(np.diff(cell[order])) + 1):
        if len(chosen) < 200:
            continue
        values = difference[chosen]
        spread = 1.4826 * float(np.median(np.abs(values - np.median(values)))) + 1e-6
        rows.append([1.0, float(np.mean(slope[chosen] ** 2)), float(np.mean(bend[chosen] ** 2))])
        variances.append(spread**2)
        weights.append(1.0 / spread**2)
    table, target, weight = np.array(rows), np.array(variances), np.array(weights)
    solution = nonnegative_fit(table * weight[:, None], target * weight)
    flat, slip, share = (float(x) for x in np.sqrt(solution))
    return max(flat, 1e-4), slip, share


def _nearby(spacing: tuple[float, float, float], reach_mm: float) -> Mask:
    """Return the neighbourhood in which the other visit may explain a brightness."""
    reach = [max(1, int(np.ceil(reach_mm / s - 0.25))) for s in spacing]
    grid = np.meshgrid(*(np.arange(-r, r + 1) for r in reach), indexing="ij")
    return np.asarray(sum((g / (r + 0.3)) ** 2 for g, r in zip(grid, reach, strict=True)) <= 2.0)


def candidates(seen: Evidence, visits: Visits, rules: Rules, *, brighter_today: bool) -> list[tuple[Box, Mask]]:
    """Return the changes of one direction that pass every rule, each as a box of the common grid and a mask in it.

    A candidate starts at `rules.seed` noise units and reaches as far as `rules.grow` (hysteresis, 26 neighbours).
    """
    z = seen.z if brighter_today else -seen.z
    fresh = seen.appeared if brighter_today else seen.vanished
    bright = visits.today if brighter_today else visits.prior
    depth = _depth_mm(visits)
    spacing, voxel_ml = visits.grid.spacing_mm, visits.grid.voxel_ml
    labels, _ = ndimage.label(z > rules.grow, EVERYWHERE)
    boxes = ndimage.find_objects(labels)
    seeds = np.unique(labels[(z > rules.seed) & (fresh > rules.unexplained)])
    kept: list[tuple[Box, Mask]] = []
    for number in seeds[seeds > 0]:
        box = _wider(boxes[number - 1], spacing, 6.0)
        part = labels[box] == number
        if float(part.sum()) * voxel_ml < rules.volume_ml:
            continue
        ring = _ring(part, visits.mask[box], spacing, 1.5, 5.0)
        if not ring.any():
            continue
        level = float(bright[box][part].mean())
        if (
            level >= rules.bright
            and abs(float(seen.difference[box][part].mean())) >= rules.contrast
            and level - float(np.median(bright[box][ring])) >= rules.local
            and float(depth[box][part].mean()) >= rules.rim_mm
        ):
            kept.append((box, part))
    taken = np.zeros(visits.mask.shape, bool)
    for box, part in kept:
        taken[box] |= part
    free = visits.mask & ~ndimage.binary_dilation(taken, EVERYWHERE)
    return [(box, part) for box, part in kept if _stands_out(box, part, z, free, spacing, rules)]


def _stands_out(box: Box, part: Mask, z: Map, free: Mask, spacing: tuple[float, float, float], rules: Rules) -> bool:
    """Return whether a candidate rises above what the 12 mm around it show where no candidate lies."""
    wide = _wider(box, spacing, 6.0)
    ring = _ring(_placed(box, part, wide, free[wide].shape), free[wide], spacing, 2.0, 12.0)
    usual = float(np.percentile(np.abs(z[wide][ring]), 99.0)) if ring.sum() > 100 else 0.0
    return float(z[box][part].max()) >= rules.outstanding * usual


def _placed(box: Box, part: Mask, wide: Box, shape: tuple[int, ...]) -> Mask:
    """Return a mask that was cut at `box` in the frame of the larger box `wide`."""
    placed = np.zeros(shape, bool)
    placed[
        tuple(slice(b.start - w.start, b.start - w.start + n) for b, w, n in zip(box, wide, part.shape, strict=True))
    ] = part
    return placed


def follow(seen: Evidence, visits: Visits, rules: Rules) -> list[Lesion]:
    """Return every lesion of the strict list with its outline at both visits: changed ones first, then stable ones.

    Outlines are drawn at half of the height between a lesion's surroundings and its brightest part, one threshold for
    both visits, which keeps volumes unbiased under blur. Pieces of change that share an outline are one lesion.
    """
    shape = visits.mask.shape
    drawn = _Outlines(region=np.zeros(shape, bool), level=np.zeros(shape, np.float32))
    for brighter_today in (True, False):
        bright = visits.today if brighter_today else visits.prior
        for box, part in candidates(seen, visits, rules, brighter_today=brighter_today):
            _outline(box, part, bright, visits, drawn)
    labels, _ = ndimage.label(drawn.region, EVERYWHERE)
    lesions = []
    unchanged = np.zeros(shape, bool)
    for number, box in enumerate(ndimage.find_objects(labels), start=1):
        lesion = _judge(labels[box] == number, box, drawn, seen, visits, rules)
        if lesion is None:
            unchanged[box] |= labels[box] == number
        else:
            lesions.append(lesion)
    return lesions + _stable(drawn.region & ~unchanged, visits)


def _outline(box: Box, part: Mask, bright: Map, visits: Visits, drawn: _Outlines) -> None:
    """Add the region of the lesion that a piece of change belongs to, and the half-height that bounds it."""
    spacing = visits.grid.spacing_mm
    wide = _wider(box, spacing, 3.0)
    piece = _placed(box, part, wide, visits.mask[wide].shape)
    inside = visits.mask[wide]
    ring = _ring(piece, inside, spacing, 2.0, 6.0)
    base = float(np.median(bright[wide][ring])) if ring.any() else 1.0
    level = (base + float(np.percentile(bright[wide][piece], 90.0))) / 2.0
    away = ndimage.distance_transform_edt(~piece, sampling=spacing)
    above = (np.maximum(visits.today[wide], visits.prior[wide]) > level) & (away <= 5.0) & inside
    labels, _ = ndimage.label(above)
    touching = np.unique(labels[piece & above])
    region = np.isin(labels, touching[touching > 0]) | piece
    known = drawn.level[wide]
    drawn.level[wide] = np.where(region, np.where(known > 0, np.minimum(known, level), level), known)
    drawn.region[wide] |= region
    drawn.changed[wide] |= piece


def _judge(region: Mask, box: Box, drawn: _Outlines, seen: Evidence, visits: Visits, rules: Rules) -> Lesion | None:
    """Say what became of one lesion; None when its outline hardly changed."""
    level, changed = drawn.level[box], drawn.changed[box] & region
    today = region & (visits.today[box] > level)
    prior = region & (visits.prior[box] > level)
    z = seen.z[box]
    rises = changed & (z > 0)
    grows = float(z[rises].sum()) >= -float(z[changed & ~rises].sum())
    before, after = (prior, today) if grows else (today, prior)
    if not after.any():
        after |= changed & (rises if grows else ~rises)
    small, large = int(before.sum()), int(after.sum())
    if small < max(0.10 * large, 2):
        kind = ChangeKind.NEW if grows else ChangeKind.RESOLVED
    elif large - small < max(rules.growth * small, rules.volume_ml / visits.grid.voxel_ml):
        return None
    else:
        kind = ChangeKind.ENLARGING if grows else ChangeKind.SHRINKING
    whole = [np.zeros(visits.mask.shape, bool) for _ in range(2)]
    whole[0][box], whole[1][box] = today, prior
    return Lesion(
        kind=kind,
        today=whole[0],
        prior=whole[1],
        score=float(np.abs(z[changed]).max()),
        contrast=_contrast(after, box, visits.today if grows else visits.prior, visits),
    )


def _stable(taken: Mask, visits: Visits) -> list[Lesion]:
    """Return compact lesions that stand out clearly at both visits and that no change touches."""
    spacing, voxel_ml = visits.grid.spacing_mm, visits.grid.voxel_ml
    least = np.minimum(visits.today, visits.prior)
    least = ndimage.gaussian_filter(least, [0.8 / s if s < 2.0 else 0.0 for s in spacing])
    size = [max(1, 2 * round(8.0 / s) + 1) for s in spacing]
    around = ndimage.uniform_filter(np.where(visits.mask, least, 1.0), size)
    rise = least - around
    labels, _ = ndimage.label((rise > 0.15) & visits.mask & (_depth_mm(visits) > 6.0))
    touched = set(np.unique(labels[ndimage.binary_dilation(taken, EVERYWHERE)]))
    boxes = ndimage.find_objects(labels)
    found = []
    for number in np.unique(labels[(labels > 0) & (rise > 0.25)]):
        box = boxes[number - 1]
        region = labels[box] == number
        volume = float(region.sum()) * voxel_ml
        if number in touched or volume < 0.03 or not _compact(region, visits):
            continue
        whole = np.zeros(visits.mask.shape, bool)
        whole[box] = region
        contrast = _contrast(region, box, least, visits)
        if contrast > 0.2:
            found.append(Lesion(kind=ChangeKind.STABLE, today=whole, prior=whole, score=0.0, contrast=contrast))
    return found


def _compact(region: Mask, visits: Visits) -> bool:
    """Return whether a region fills at least a fifth of the sphere across it; folds of cortex do not."""
    spacing = np.array(visits.grid.spacing_mm)
    index = np.argwhere(region)
    across = float(np.linalg.norm((np.ptp(index, axis=0) + 1) * spacing) / 3.0**0.5)
    return float(region.sum()) * visits.grid.voxel_ml * 1000.0 >= 0.3 * np.pi / 6.0 * across**3


def _contrast(region: Mask, box: Box, picture: Map, visits: Visits) -> float:
    if not region.any():
        return 0.0
    spacing = visits.grid.spacing_mm
    wide = _wider(box, spacing, 6.0)
    part = _placed(box, region, wide, visits.mask[wide].shape)
    ring = _ring(part, visits.mask[wide], spacing, 1.5, 5.0)
    return float(picture[wide][part].mean() - np.median(picture[wide][ring])) if ring.any() else 0.0


def _ring(part: Mask, inside: Mask, spacing: tuple[float, float, float], near_mm: float, far_mm: float) -> Mask:
    away = ndimage.distance_transform_edt(~part, sampling=spacing)
    return np.asarray((away > near_mm) & (away <= far_mm) & inside)


def _depth_mm(visits: Visits) -> Map:
    """Return the distance of every voxel from the outside of the brain."""
    padded = np.pad(visits.mask, 1)
    deep = ndimage.distance_transform_edt(padded, sampling=visits.grid.spacing_mm)
    return np.asarray(deep[1:-1, 1:-1, 1:-1], dtype=np.float32)


def _wider(box: Box, spacing: tuple[float, float, float], margin_mm: float) -> Box:
    """Return the box with a margin; it may reach beyond the far end of the grid, where slicing stops by itself."""
    pads = [int(np.ceil(margin_mm / s)) for s in spacing]
    i, j, k = (slice(max(0, b.start - p), b.stop + p) for b, p in zip(box, pads, strict=True))
    return i, j, k
