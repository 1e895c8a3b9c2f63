"""Finds bright lesions in two visits on one grid, and what became of each: new, larger, the same, smaller, gone."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from mriloop.imaging.change_candidates import (
    EVERYWHERE,
    FEATURES,
    Box,
    Candidate,
    Proposing,
    Setting,
    depth_mm,
    placed,
    propose,
    ring_of,
    setting,
    wider,
)
from mriloop.imaging.change_evidence import Evidence, in_plane
from mriloop.imaging.change_score import ChangeScore
from mriloop.imaging.normalise import Map, Mask, Visits
from mriloop.imaging.voxels import ndimage
from mriloop.model.comparison import ChangeKind

REACH_MM = 6.0
STOOD_BEFORE = 0.06
HALF = 0.5
GROWN = 0.5  # of the tissue that changed, by which the lesion as a whole must be larger, to be called enlarging
CORTEX_PERCENTILE = 95.0
AS_BRIGHT = 0.7  # cortex beside a new lesion passes its half height, seldom this


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What a change must show to enter the strict list where no learned score is given.

    seed : noise units of its peak
    bright, contrast : least intensity, and least brightness over its surroundings, at the visit where it is brighter;
        shares of the tissue mode
    rim_mm : least mean distance from the border of the brain
    volume_ml : least volume
    proposing : how generously candidates are proposed
    """

    seed: float = 5.0
    bright: float = 1.1
    contrast: float = 0.15
    rim_mm: float = 5.0
    volume_ml: float = 0.020
    proposing: Proposing = field(default_factory=Proposing)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lesion:
    """One lesion followed over two visits; masks are on the common grid, `box` bounds them all.

    today, prior : outline at either visit, empty where it is not there
    changed : the tissue that changed: all of a new lesion, the rim of a growing one
    today_ml, prior_ml : volumes that count voxels at the border by the share that is lesion
    noise_ml : standard deviation of the difference of both that the noise of this pair makes
    confidence : 0 to 1; the learned probability, or how far beyond the rules
    contrast : how much brighter than its surroundings it is, at the visit where it is brighter
    """

    kind: ChangeKind
    box: Box
    today: Mask
    prior: Mask
    changed: Mask
    today_ml: float
    prior_ml: float
    noise_ml: float
    confidence: float
    contrast: float


def strict(
    seen: Evidence,
    visits: Visits,
    rules: Rules,
    score: ChangeScore | None = None,
    *,
    around: Setting | None = None,
    directions: tuple[bool, ...] = (True, False),
) -> list[tuple[Candidate, float]]:
    """Return the candidates that enter the strict list, each with its confidence (0 to 1).

    `directions` : True for what is brighter today, False for what is darker
    """
    around = setting(seen, visits) if around is None else around
    found = [
        one
        for brighter_today in directions
        for one in propose(seen, visits, rules.proposing, around, brighter_today=brighter_today)
    ]
    if not found:
        return []
    table = np.array([one.features for one in found])
    if score is not None:
        confidence = score.probability(table)
        keep = confidence >= score.keep
    else:
        confidence = _excess(table, rules)
        keep = confidence >= 0.5
    return [(found[n], float(confidence[n])) for n in np.flatnonzero(keep)]


def _excess(table: np.ndarray, rules: Rules) -> np.ndarray:
    """Return how far candidates exceed the rules: below 0.5 at least one is broken, towards 1 all are far exceeded."""
    column = {name: table[:, n] for n, name in enumerate(FEATURES)}
    margins = np.stack(
        [
            np.exp(column["peak_z"]) / rules.seed,
            column["level"] / rules.bright,
            column["contrast"] / rules.contrast,
            column["depth"] / rules.rim_mm,
            np.exp(column["volume"]) / rules.volume_ml,
        ]
    )
    passed = (margins >= 1.0).all(axis=0)
    clear = 1.0 - 0.5 * np.exp(-(np.minimum(margins[0], margins[2]) - 1.0))
    return np.where(passed, np.clip(clear, 0.5, 0.99), 0.1)


def follow(seen: Evidence, visits: Visits, rules: Rules, score: ChangeScore | None = None) -> list[Lesion]:
    """Return every lesion of the strict list with its outline at both visits: changed ones first, then stable ones.

    Outlines are drawn at half of the height between a lesion's surroundings and its brightest part, one threshold for
    both visits, which keeps volumes unbiased under blur. Pieces of one direction that share an outline are one lesion.
    """
    drawn = [_draw(one, confidence, seen, visits) for one, confidence in strict(seen, visits, rules, score)]
    lesions: list[Lesion] = []
    for brighter_today in (True, False):
        lesions += _joined([one for one in drawn if one.brighter_today is brighter_today], seen, visits)
    taken = np.zeros(visits.mask.shape, bool)
    for lesion in lesions:
        taken[lesion.box] |= lesion.today | lesion.prior | lesion.changed
    return lesions + _stable(taken, seen, visits)


@dataclass(slots=True, kw_only=True, eq=False)
class _Drawn:
    """A kept candidate with the outline of the lesion that it belongs to, in a box that holds both."""

    box: Box
    changed: Mask
    region: Mask
    base: float
    top: float
    confidence: float
    brighter_today: bool


def _draw(one: Candidate, confidence: float, seen: Evidence, visits: Visits) -> _Drawn:
    """Draw the lesion that a candidate belongs to, at the half height of the visit at which it is brighter."""
    spacing = visits.grid.spacing_mm
    box = wider(one.box, spacing, 2.0)
    piece = placed(one.box, one.part, box, visits.mask[box].shape)
    inside = visits.mask[box]
    bright = (visits.today if one.brighter_today else visits.prior)[box]
    difference = seen.difference[box] if one.brighter_today else -seen.difference[box]
    ring = ring_of(piece, inside, spacing, 2.0, 6.0)
    base = float(np.median(bright[ring])) if ring.any() else 1.0
    top = max(float(np.percentile(bright[piece], 90.0)), base + 0.05)
    away = ndimage.distance_transform_edt(~piece, sampling=spacing)
    steep = (difference > HALF * float(np.percentile(difference[piece], 90.0))) & (away <= 2.0) & inside
    changed = _touching(steep, piece)
    level = (base + top) / 2.0
    region = _touching((bright > level) & (away <= REACH_MM) & inside, piece) | changed
    return _Drawn(
        box=box,
        changed=changed,
        region=region,
        base=base,
        top=top,
        confidence=confidence,
        brighter_today=one.brighter_today,
    )


def _touching(region: Mask, seed: Mask) -> Mask:
    labels, _ = ndimage.label(region)
    wanted = np.unique(labels[seed & region])
    return np.asarray(np.isin(labels, wanted[wanted > 0]))


def _joined(drawn: list[_Drawn], seen: Evidence, visits: Visits) -> list[Lesion]:
    """Return one lesion per outline: what is drawn through each other belongs together."""
    if not drawn:
        return []
    shape = visits.mask.shape
    region, changed = np.zeros(shape, bool), np.zeros(shape, bool)
    for one in drawn:
        region[one.box] |= one.region
        changed[one.box] |= one.changed
    labels, _ = ndimage.label(region)
    members: dict[int, list[_Drawn]] = {}
    for one in drawn:
        number = int(np.bincount(labels[one.box][one.changed]).argmax())
        members.setdefault(number, []).append(one)
    boxes = ndimage.find_objects(labels)
    return [
        _judge(labels, number, boxes[number - 1], changed, parts, seen, visits) for number, parts in members.items()
    ]


def _judge(
    labels: np.ndarray, number: int, tight: Box, changed: Mask, parts: list[_Drawn], seen: Evidence, visits: Visits
) -> Lesion:
    """Say what became of one lesion, and how large it is at both visits."""
    spacing, voxel_ml = visits.grid.spacing_mm, visits.grid.voxel_ml
    box = wider(tight, spacing, 2.0)
    region = labels[box] == number
    brighter_today = parts[0].brighter_today
    chief = max(parts, key=lambda one: int(one.changed.sum()))
    level = (chief.base + chief.top) / 2.0
    bright, other = (visits.today, visits.prior) if brighter_today else (visits.prior, visits.today)
    after = region & ((bright[box] > level) | changed[box])
    before = region & (other[box] > level)
    fresh = changed[box] & region & ~before
    if 2 * int(fresh.sum()) < int((changed[box] & region).sum()):  # it grew brighter where it stood
        fresh = changed[box] & region
    around = ndimage.binary_dilation(region, EVERYWHERE) & visits.mask[box]
    large_ml, small_ml = (_partial_ml(one[box], around, chief, voxel_ml) for one in (bright, other))
    # cortex beside a new lesion is bright at both visits: what stood must be brighter than cortex usually is
    as_bright = region & (other[box] > max(chief.base + AS_BRIGHT * (chief.top - chief.base), _cortex(other, visits)))
    grown_ml, fresh_ml = large_ml - small_ml, float(fresh.sum()) * voxel_ml
    stood = int(as_bright.sum()) >= max(STOOD_BEFORE * int(after.sum()), 2) and grown_ml >= max(
        GROWN * fresh_ml, _border_ml(after, chief.top - chief.base, seen, visits)
    )
    if not stood:
        # what was bright at both visits is cortex or a neighbour, no part of this lesion
        after = fresh | (after & ~before & ~as_bright)
        near = ndimage.binary_dilation(after, EVERYWHERE) & visits.mask[box] & ~(before & ~fresh)
        before, small_ml = np.zeros_like(before), 0.0
        large_ml = _partial_ml(bright[box], near, chief, voxel_ml)
    kinds = (ChangeKind.ENLARGING, ChangeKind.SHRINKING) if stood else (ChangeKind.NEW, ChangeKind.RESOLVED)
    return Lesion(
        kind=kinds[0 if brighter_today else 1],
        box=box,
        today=after if brighter_today else before,
        prior=before if brighter_today else after,
        changed=fresh,
        today_ml=large_ml if brighter_today else small_ml,
        prior_ml=small_ml if brighter_today else large_ml,
        noise_ml=_noise_ml(after, (large_ml + small_ml) / 2.0, chief.top - chief.base, seen, visits),
        confidence=max(one.confidence for one in parts),
        contrast=chief.top - chief.base,
    )


def _partial_ml(picture: Map, around: Mask, drawn: _Drawn, voxel_ml: float) -> float:
    """Return a volume that counts every voxel by how far it rises from the surroundings to the lesion."""
    share = (picture[around] - drawn.base) / (drawn.top - drawn.base)
    return float(np.clip(share[share > 0.2], 0.0, 1.0).sum()) * voxel_ml


def _noise_ml(region: Mask, volume_ml: float, height: float, seen: Evidence, visits: Visits) -> float:
    """Return the standard deviation of a volume change where nothing changed.

    Noise moves the voxels of the border together with the level at which it is drawn; partial volume and contrast
    add a share of the volume. Both factors make it cover the planted lesions that stayed (docs/reference/lesions.md).
    """
    return float(np.hypot(_border_ml(region, height, seen, visits), 0.15 * volume_ml))


def _border_ml(region: Mask, height: float, seen: Evidence, visits: Visits) -> float:
    border = int((ndimage.binary_dilation(region) & ~ndimage.binary_erosion(region)).sum())
    return seen.flat_noise / max(height, 0.05) * border * visits.grid.voxel_ml


def _cortex(picture: Map, visits: Visits) -> float:
    """Return what few voxels of the brain exceed: brighter is lesion rather than cortex."""
    return float(np.percentile(picture[visits.mask][::7], CORTEX_PERCENTILE))


def _stable(taken: Mask, seen: Evidence, visits: Visits) -> list[Lesion]:
    """Return compact lesions that stand out clearly at both visits and that no change touches."""
    spacing, voxel_ml = visits.grid.spacing_mm, visits.grid.voxel_ml
    least = ndimage.gaussian_filter(np.minimum(visits.today, visits.prior), in_plane(spacing, 0.8))
    size = [max(1, 2 * round(8.0 / s) + 1) for s in spacing]
    around = ndimage.uniform_filter(np.where(visits.mask, least, 1.0), size)
    rise = least - around
    depth = depth_mm(visits)
    labels, _ = ndimage.label((rise > 0.12) & visits.mask & (depth > 6.0))
    touched = set(np.unique(labels[ndimage.binary_dilation(taken, EVERYWHERE)]))
    boxes = ndimage.find_objects(labels)
    found = []
    for number in np.unique(labels[(labels > 0) & (rise > 0.2)]):
        box = wider(boxes[number - 1], spacing, 7.0)
        region = labels[box] == number
        if number not in touched and float(region.sum()) * voxel_ml >= 0.02:
            lesion = _standing(region, box, least[box], seen, visits)
            if lesion is not None:
                found.append(lesion)
    return found


def _standing(region: Mask, box: Box, least: Map, seen: Evidence, visits: Visits) -> Lesion | None:
    """Return the stable lesion in a box; None for what looks like a fold of cortex or the wall of a ventricle."""
    spacing, voxel_ml = visits.grid.spacing_mm, visits.grid.voxel_ml
    index = np.argwhere(region)
    across = float(np.linalg.norm((np.ptp(index, axis=0) + 1) * np.array(spacing)) / 3.0**0.5)
    if float(region.sum()) * voxel_ml * 1000.0 < 0.3 * np.pi / 6.0 * across**3:
        return None
    ring = ring_of(region, visits.mask[box], spacing, 1.5, 5.0)
    if not ring.any():
        return None
    base, top = float(np.median(least[ring])), float(np.percentile(least[region], 90.0))
    joined = float(np.mean(least[ring] > (base + top) / 2.0))
    if top - base < 0.28 or joined > 0.06 or base > 1.1:
        return None
    drawn = _Drawn(box=box, changed=region, region=region, base=base, top=top, confidence=0.5, brighter_today=True)
    near = ndimage.binary_dilation(region, EVERYWHERE) & visits.mask[box]
    today, prior = (near & (v[box] > (base + top) / 2.0) for v in (visits.today, visits.prior))
    return Lesion(
        kind=ChangeKind.STABLE,
        box=box,
        today=today,
        prior=prior,
        changed=np.zeros_like(region),
        today_ml=_partial_ml(visits.today[box], near, drawn, voxel_ml),
        prior_ml=_partial_ml(visits.prior[box], near, drawn, voxel_ml),
        noise_ml=_noise_ml(region, float(region.sum()) * voxel_ml, top - base, seen, visits),
        confidence=0.5,
        contrast=top - base,
    )
