"""Proposes changes generously, and describes each by what tells a changed lesion from misplacement, flow and folds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mriloop.imaging.change_evidence import Evidence, crowding
from mriloop.imaging.normalise import Map, Mask, Visits
from mriloop.imaging.voxels import ndimage

EVERYWHERE = np.ones((3, 3, 3), bool)
Box = tuple[slice, slice, slice]
FEATURES = (
    "peak_z",
    "mean_z",
    "difference",
    "peak_difference",
    "level",
    "level_before",
    "contrast",
    "contrast_before",
    "contrast_gain",
    "fresh",
    "fresh_share",
    "volume",
    "slices",
    "compact",
    "depth",
    "least_depth",
    "around",
    "fluid_near",
    "darkest_before",
    "slope_mm",
    "bend_ratio",
    "opposite",
    "ring_same",
    "crowd",
    "bright_around",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposing:
    """How generously changes are proposed.

    seed, grow : noise units that start a candidate and that extend it
    difference, contrast : least mean difference, and least brightness over its surroundings, as a share of the mode
    volume_ml : least volume
    """

    seed: float = 3.5
    grow: float = 2.5
    difference: float = 0.05
    contrast: float = 0.03
    volume_ml: float = 0.010


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Candidate:
    """A possible change: its box on the common grid, its voxels in that box, its direction and its features.

    features : in the order of `FEATURES`; they read the brighter visit against the other, whichever came first, so
        that time turned round turns the list round
    """

    box: Box
    part: Mask
    brighter_today: bool
    features: npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Setting:
    """What a candidate is seen in.

    depth : mm from the outside of the brain
    crowd : root mean square of the noise units around, 1 where the noise model holds
    """

    depth: Map
    crowd: Map


def setting(seen: Evidence, visits: Visits) -> Setting:
    """Return what the candidates of a pair are seen in."""
    return Setting(depth=depth_mm(visits), crowd=crowding(seen, visits))


def propose(
    seen: Evidence, visits: Visits, how: Proposing, around: Setting, *, brighter_today: bool
) -> list[Candidate]:
    """Return every candidate of one direction."""
    z = seen.z if brighter_today else -seen.z
    labels, _ = ndimage.label(z > how.grow, EVERYWHERE)
    boxes = ndimage.find_objects(labels)
    counts = np.bincount(labels.ravel())
    seeds = np.unique(labels[z > how.seed])
    least = how.volume_ml / visits.grid.voxel_ml
    found = []
    for number in seeds[seeds > 0]:
        if counts[number] < least:
            continue
        box = wider(boxes[number - 1], visits.grid.spacing_mm, 7.0)
        part = labels[box] == number
        features = _describe(box, part, z, seen, visits, around, brighter_today=brighter_today)
        if features is not None and features[2] >= how.difference and features[6] >= how.contrast:
            found.append(Candidate(box=box, part=part, brighter_today=brighter_today, features=features))
    return found


def _describe(
    box: Box,
    part: Mask,
    z: Map,
    seen: Evidence,
    visits: Visits,
    around: Setting,
    *,
    brighter_today: bool,
) -> npt.NDArray[np.float64] | None:
    spacing, voxel_ml = visits.grid.spacing_mm, visits.grid.voxel_ml
    bright, other = (visits.today, visits.prior) if brighter_today else (visits.prior, visits.today)
    fresh = (seen.appeared if brighter_today else seen.vanished)[box][part]
    bright, other, inside, unit = bright[box], other[box], visits.mask[box], z[box]
    difference = seen.difference[box] if brighter_today else -seen.difference[box]
    away = ndimage.distance_transform_edt(~part, sampling=spacing)
    ring = (away > 1.5) & (away <= 5.0) & inside
    if not ring.any():
        return None
    mean = (bright + other) / 2.0
    level, before = float(bright[part].mean()), float(other[part].mean())
    beside, beside_before = float(np.median(bright[ring])), float(np.median(other[ring]))
    change = float(difference[part].mean())
    half = (level + beside) / 2.0
    slices = int(part.any(axis=tuple(a for a in range(3) if a != int(np.argmax(spacing)))).sum())
    volume = float(part.sum()) * voxel_ml
    index = np.argwhere(part)
    across = float(np.linalg.norm((np.ptp(index, axis=0) + 1) * np.array(spacing)) / 3.0**0.5)
    return np.array(
        [
            np.log(float(unit[part].max())),
            float(np.log(unit[part].mean())),
            change,
            float(np.percentile(difference[part], 90.0)),
            level,
            before,
            level - beside,
            before - beside_before,
            (level - beside) - (before - beside_before),
            float(np.percentile(fresh, 90.0)),
            float(np.mean(fresh > 0.03)),
            np.log(volume),
            float(min(slices, 6)),
            volume * 1000.0 / (np.pi / 6.0 * across**3),
            float(around.depth[box][part].mean()),
            float(around.depth[box][part].min()),
            float(np.median(mean[ring])),
            float(np.percentile(mean[ring], 5.0)),
            float(np.percentile(other[part], 10.0)),
            change / (float(seen.slope[box][part].mean()) + 1e-3),
            change / (float(seen.bend[box][part].mean()) + 1e-2),
            float(np.log(max(-float(unit[ring].min()), 0.5))),
            float(np.mean(unit[ring] > 2.0)),
            float(np.log(np.median(around.crowd[box][ring]) + 0.1)),
            float(np.mean(bright[ring] > half)),
        ]
    )


def depth_mm(visits: Visits) -> Map:
    """Return the distance of every voxel from the outside of the brain."""
    padded = np.pad(visits.mask, 1)
    deep = ndimage.distance_transform_edt(padded, sampling=visits.grid.spacing_mm)
    return np.asarray(deep[1:-1, 1:-1, 1:-1], dtype=np.float32)


def wider(box: Box, spacing: tuple[float, float, float], margin_mm: float) -> Box:
    """Return the box with a margin; it may reach beyond the far end of the grid, where slicing stops by itself."""
    pads = [int(np.ceil(margin_mm / s)) for s in spacing]
    i, j, k = (slice(max(0, b.start - p), b.stop + p) for b, p in zip(box, pads, strict=True))
    return i, j, k


def placed(box: Box, part: Mask, wide: Box, shape: tuple[int, ...]) -> Mask:
    """Return a mask that was cut at `box` in the frame of the larger box `wide`."""
    found = np.zeros(shape, bool)
    found[
        tuple(slice(b.start - w.start, b.start - w.start + n) for b, w, n in zip(box, wide, part.shape, strict=True))
    ] = part
    return found


def ring_of(part: Mask, inside: Mask, spacing: tuple[float, float, float], near_mm: float, far_mm: float) -> Mask:
    """Return what lies between two distances around a region."""
    away = ndimage.distance_transform_edt(~part, sampling=spacing)
    return np.asarray((away > near_mm) & (away <= far_mm) & inside)
