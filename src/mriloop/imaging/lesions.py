"""Finds bright lesions in two visits on one grid, and what became of each: new, larger, the same, smaller, gone."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from mriloop.imaging.normalise import Map, Mask, Visits
from mriloop.imaging.voxels import ndimage
from mriloop.model.comparison import ChangeKind

EVERYWHERE = np.ones((3, 3, 3), bool)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What a change must show to enter the strict list. Tuned on the phantom and on inserted lesions.

    seed, grow : noise units that start a candidate and that extend it
    contrast : least mean difference, as a fraction of the tissue mode
    local : least contrast against the tissue around it, at the visit where it is brighter
    bright : least intensity at that visit, relative to the tissue mode
    rim_mm : least mean distance from the border of the brain
    volume_ml : least volume
    slip_mm : how far the two visits may still be apart at an edge
    """

    seed: float = 5.0
    grow: float = 2.5
    contrast: float = 0.08
    local: float = 0.12
    bright: float = 1.10
    rim_mm: float = 4.0
    volume_ml: float = 0.014
    slip_mm: float = 0.30


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Evidence:
    """Where the two visits differ, in noise units (positive: brighter today), and what the noise is made of.

    z : difference over the noise expected at that voxel
    difference : today less prior, lightly smoothed, as a fraction of the tissue mode
    flat_noise : noise of the difference away from edges, same unit
    slip_mm : apparent misplacement at edges, estimated from the pair itself
    """

    z: Map
    difference: Map
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


def evidence(visits: Visits, rules: Rules) -> Evidence:
    """Compare the two visits voxel by voxel, against the noise that flat tissue and edges of this very pair show."""
    mask, spacing = visits.mask, visits.grid.spacing_mm
    blur = [0.8 / s if s < 2.0 else 0.0 for s in spacing]
    difference = ndimage.gaussian_filter(visits.today - visits.prior, blur)
    mean = ndimage.gaussian_filter((visits.today + visits.prior) / 2.0, blur)
    slope = np.sqrt(sum(g**2 for g in np.gradient(mean, *spacing)))
    inside, steep = difference[mask], slope[mask]
    edges = np.quantile(steep, np.linspace(0.0, 1.0, 13))
    spread, at = [], []
    for low, high in itertools.pairwise(edges):
        chosen = inside[(steep >= low) & (steep <= high)]
        spread.append(1.4826 * float(np.median(np.abs(chosen - np.median(chosen)))))
        at.append((low + high) / 2.0)
    flat = float(np.mean(spread[:3])) + 1e-6
    excess = np.maximum(np.square(spread) - flat**2, 0.0)
    slip = float(np.sqrt(np.sum(excess * np.square(at)) / max(float(np.sum(np.power(at, 4.0))), 1e-12)))
    noise = np.sqrt(flat**2 + (max(slip, rules.slip_mm) * slope) ** 2)
    z = np.where(mask, difference / noise, 0.0)
    wide = [10.0 / s for s in spacing]
    weight = ndimage.gaussian_filter(mask.astype(np.float32), wide) + 1e-3
    restless = np.sqrt(ndimage.gaussian_filter(np.minimum(z**2, 9.0), wide) / weight)
    typical = float(np.median(restless[mask]))
    z = z / np.clip(restless / max(typical, 1e-6), 1.0, 2.0)
    return Evidence(z=z.astype(np.float32), difference=difference.astype(np.float32), flat_noise=flat, slip_mm=slip)


def candidates(seen: Evidence, visits: Visits, rules: Rules, *, brighter_today: bool) -> list[Mask]:
    """Return the changes of one direction that pass every rule, each as a mask on the common grid.

    A candidate starts at `rules.seed` noise units and reaches as far as `rules.grow` (hysteresis, 26 neighbours).
    """
    z = seen.z if brighter_today else -seen.z
    bright = visits.today if brighter_today else visits.prior
    depth = _depth_mm(visits)
    spacing, voxel_ml = visits.grid.spacing_mm, visits.grid.voxel_ml
    labels, _ = ndimage.label(z > rules.grow, EVERYWHERE)
    kept: list[Mask] = []
    for number in np.unique(labels[z > rules.seed]):
        if number == 0:
            continue
        found = labels == number
        if float(found.sum()) * voxel_ml < rules.volume_ml:
            continue
        box = _box(found, spacing, 6.0)
        part = found[box]
        away = ndimage.distance_transform_edt(~part, sampling=spacing)
        ring = (away > 1.5) & (away <= 5.0) & visits.mask[box]
        if not ring.any():
            continue
        level = float(bright[box][part].mean())
        change = abs(float(seen.difference[box][part].mean()))
        beside = level - float(np.median(bright[box][ring]))
        if (
            level >= rules.bright
            and change >= rules.contrast
            and beside >= rules.local
            and float(depth[box][part].mean()) >= rules.rim_mm
        ):
            kept.append(found)
    return kept


def follow(seen: Evidence, visits: Visits, rules: Rules) -> list[Lesion]:
    """Return every lesion of the strict list with its outline at both visits: changed ones first, then stable ones.

    Outlines are drawn at half of the height between a lesion's surroundings and its brightest part, one threshold for
    both visits, which keeps volumes unbiased under blur. Pieces of change that share an outline are one lesion.
    """
    changed = np.zeros(visits.mask.shape, bool)
    levels = np.zeros(visits.mask.shape, np.float32)
    lesions: list[Lesion] = []
    outline = np.zeros(visits.mask.shape, bool)
    for brighter_today in (True, False):
        for piece in candidates(seen, visits, rules, brighter_today=brighter_today):
            bright = visits.today if brighter_today else visits.prior
            region, level = _outline(piece, bright, visits)
            outline |= region
            changed |= piece
            levels = np.where(region, np.where(levels > 0, np.minimum(levels, level), level), levels)
    labels, count = ndimage.label(outline, EVERYWHERE)
    for number in range(1, count + 1):
        region = labels == number
        lesions.append(_judge(region, levels, changed & region, seen, visits))
    lesions.extend(_stable(outline, visits))
    return lesions


def _outline(piece: Mask, bright: Map, visits: Visits) -> tuple[Mask, float]:
    """Return the region of the lesion that a piece of change belongs to, and the half-height that bounds it."""
    spacing = visits.grid.spacing_mm
    box = _box(piece, spacing, 9.0)
    part, inside = piece[box], visits.mask[box]
    away = ndimage.distance_transform_edt(~part, sampling=spacing)
    ring = (away > 2.0) & (away <= 6.0) & inside
    base = float(np.median(bright[box][ring]))
    level = (base + float(np.percentile(bright[box][part], 90.0))) / 2.0
    both = np.maximum(visits.today[box], visits.prior[box])
    above = (both > level) & (away <= 5.0) & inside
    labels, _ = ndimage.label(above)
    touching = np.unique(labels[part & above])
    region = np.zeros(piece.shape, bool)
    region[box] = np.isin(labels, touching[touching > 0]) | part
    return region, level


def _judge(region: Mask, levels: Map, changed: Mask, seen: Evidence, visits: Visits) -> Lesion:
    today = region & (visits.today > levels)
    prior = region & (visits.prior > levels)
    rises = changed & (seen.z > 0)
    grows = float(seen.z[rises].sum()) >= -float(seen.z[changed & ~rises].sum())
    if grows:
        today |= rises
        kind = ChangeKind.NEW if prior.sum() < max(0.25 * today.sum(), 2) else ChangeKind.ENLARGING
    else:
        prior |= changed & ~rises
        kind = ChangeKind.RESOLVED if today.sum() < max(0.25 * prior.sum(), 2) else ChangeKind.SHRINKING
    bright = visits.today if grows else visits.prior
    return Lesion(
        kind=kind,
        today=today,
        prior=prior,
        score=float(np.abs(seen.z[changed]).max()),
        contrast=_contrast(today if grows else prior, bright, visits),
    )


def _stable(taken: Mask, visits: Visits) -> list[Lesion]:
    """Return lesions that stand out clearly at both visits and that no change touches."""
    spacing = visits.grid.spacing_mm
    least = np.minimum(visits.today, visits.prior)
    least = ndimage.gaussian_filter(least, [0.8 / s if s < 2.0 else 0.0 for s in spacing])
    size = [max(1, 2 * round(8.0 / s) + 1) for s in spacing]
    filled = np.where(visits.mask, least, 1.0)
    around = ndimage.uniform_filter(filled, size)
    above = (least - around > 0.15) & visits.mask & (_depth_mm(visits) > 6.0)
    labels, _ = ndimage.label(above)
    found = []
    touched = set(np.unique(labels[ndimage.binary_dilation(taken, EVERYWHERE)]))
    for number in np.unique(labels[above & (least - around > 0.25)]):
        if number in touched:
            continue
        region = labels == number
        if float(region.sum()) * visits.grid.voxel_ml < 0.03:
            continue
        contrast = _contrast(region, least, visits)
        found.append(Lesion(kind=ChangeKind.STABLE, today=region, prior=region, score=0.0, contrast=contrast))
    return found


def _contrast(region: Mask, picture: Map, visits: Visits) -> float:
    if not region.any():
        return 0.0
    spacing = visits.grid.spacing_mm
    box = _box(region, spacing, 6.0)
    away = ndimage.distance_transform_edt(~region[box], sampling=spacing)
    ring = (away > 1.5) & (away <= 5.0) & visits.mask[box]
    return float(picture[box][region[box]].mean() - np.median(picture[box][ring])) if ring.any() else 0.0


def _depth_mm(visits: Visits) -> Map:
    """Return the distance of every voxel from the outside of the brain."""
    padded = np.pad(visits.mask, 1)
    deep = ndimage.distance_transform_edt(padded, sampling=visits.grid.spacing_mm)
    return np.asarray(deep[1:-1, 1:-1, 1:-1], dtype=np.float32)


def _box(region: Mask, spacing: tuple[float, float, float], margin_mm: float) -> tuple[slice, slice, slice]:
    cut = []
    for axis, step in enumerate(spacing):
        along = np.flatnonzero(region.any(axis=tuple(a for a in range(3) if a != axis)))
        pad = int(np.ceil(margin_mm / step))
        cut.append(slice(max(0, int(along[0]) - pad), int(along[-1]) + 1 + pad))
    return cut[0], cut[1], cut[2]
