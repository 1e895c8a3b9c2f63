"""Where a picture is brighter after a contrast agent than before, in percent and in units of the noise of the pair."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mriloop.imaging.resample import Grid
from mriloop.imaging.voxels import ndimage, nonnegative_fit

Map = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]
Box = tuple[slice, slice, slice]
EVERYWHERE = np.ones((3, 3, 3), bool)
_STEEPEST = 1.5  # one and the same prescription twice, at most another receiver gain and a little more weighting by T1
_DARK = 0.3  # of the usual tissue: fluid, bone; a share of next to nothing means nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class UptakeRules:
    """What a place must show to be listed as enhancing.

    seed, grow : noise units that start a place and that extend it
    percent : least mean brightening. White matter itself brightens by 3 to 5 %, which the scaling takes off; shading
        and pulsation leave up to as much again. No threshold is agreed upon in the literature
    fresh : least brightness, as a share of usual tissue, that the picture before shows nowhere within a voxel
    volume_ml : least volume, a sphere of 3 mm
    rim_mm : least mean depth below the surface of the brain: dura, falx and pial vessels lie above it
    slender : a place this many times longer than wide is a vessel, if longer than `long_mm`
    fluid : a place with more than this share of fluid around it hangs in a ventricle: choroid plexus
    slip_mm : how far the two pictures may still be apart at an edge
    """

    seed: float = 5.0
    grow: float = 2.5
    percent: float = 8.0
    fresh: float = 0.04
    volume_ml: float = 0.014
    rim_mm: float = 3.0
    slender: float = 3.0
    long_mm: float = 9.0
    fluid: float = 0.5
    slip_mm: float = 0.2


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Uptake:
    """Before and after on one grid and one scale.

    before, after : relative to the usual tissue (1), after scaled on what did not brighten
    relative : brightening in percent of `before`; nan outside the mask and where `before` is darker than 0.3
    z : brightening in units of the noise expected at that voxel
    fresh : brightness after that is nowhere within a voxel before
    gain : what the contrast of the picture after was divided by
    noise : of the difference away from edges, as a share of usual tissue
    """

    before: Map
    after: Map
    relative: Map
    z: Map
    fresh: Map
    mask: Mask
    grid: Grid
    gain: float
    noise: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Place:
    """One place that brightened; `objection` says which rule it fails, if any.

    mask : in `box` of the grid, its outline at half height
    """

    box: Box
    mask: Mask
    score: float
    percent: float
    objection: str = ""


def uptake(before: Map, after: Map, mask: Mask, grid: Grid, rules: UptakeRules = UptakeRules()) -> Uptake:
    """Scale the picture after onto the one before by what did not brighten, and express the difference in noise units.

    First the smooth ratio of the two shadings (25 mm) is taken off, then contrast and offset by a straight line. Both
    rest on the voxels that agree; those that brightened, which only ever stand on one side, are trimmed.
    """
    usual = float(np.median(before[mask]))
    first, second = before / usual, after / max(float(np.median(after[mask])), 1e-9)
    for _ in range(2):
        second = second / np.exp(_shading(first, second, mask, grid))
    slope, offset = _trimmed_line(first[mask], second[mask])
    second = (second - offset) / slope
    spacing = grid.spacing_mm
    blur = [0.7 / s if s < 2.0 else 0.0 for s in spacing]
    a, b = (ndimage.gaussian_filter(one.astype(np.float32), blur) for one in (first, second))
    difference = b - a
    flat, expected = _noise(difference, (a + b) / 2.0, mask, spacing, rules.slip_mm)
    z = np.where(mask, difference / expected, 0.0)
    wide = [6.0 / s for s in spacing]
    weight = ndimage.gaussian_filter(mask.astype(np.float32), wide) + 1e-3
    restless = np.sqrt(ndimage.gaussian_filter(np.clip(z, -5.0, 3.0) ** 2, wide) / weight)
    z = z / np.clip(restless, 1.0, 4.0)
    known = mask & (a > _DARK)
    nearby = ndimage.maximum_filter(a, 3)
    return Uptake(
        before=first.astype(np.float32),
        after=second.astype(np.float32),
        relative=np.where(known, 100.0 * difference / np.maximum(a, _DARK), np.nan).astype(np.float32),
        z=z.astype(np.float32),
        fresh=np.where(mask, b - nearby, 0.0).astype(np.float32),
        mask=mask,
        grid=grid,
        gain=slope,
        noise=flat,
    )


def places(seen: Uptake, rules: UptakeRules = UptakeRules()) -> list[Place]:
    """Return every place that brightened beyond the noise; what looks like vessel, dura or plexus says so."""
    spacing, voxel_ml = seen.grid.spacing_mm, seen.grid.voxel_ml
    padded = np.pad(seen.mask, 1)
    depth = ndimage.distance_transform_edt(padded, sampling=spacing)[1:-1, 1:-1, 1:-1]
    labels, _ = ndimage.label(seen.z > rules.grow, EVERYWHERE)
    boxes = ndimage.find_objects(labels)
    seeds = np.unique(labels[(seen.z > rules.seed) & (seen.fresh > rules.fresh)])
    found = []
    for number in seeds[seeds > 0]:
        box = tuple(
            slice(max(0, part.start - round(4.0 / s) - 1), part.stop + round(4.0 / s) + 1)
            for part, s in zip(boxes[number - 1], spacing, strict=True)
        )
        where: Box = (box[0], box[1], box[2])
        part = labels[where] == number
        if float(part.sum()) * voxel_ml < rules.volume_ml:
            continue
        grown, part = part, _half_height(part, seen.after[where] - seen.before[where])
        known = part & np.isfinite(seen.relative[where])
        percent = float(seen.relative[where][known].mean()) if known.any() else 0.0
        found.append(
            Place(
                box=where,
                mask=part,
                score=float(seen.z[where][part].max()),
                percent=percent,
                objection=_objection(grown, where, percent, depth, seen, rules),
            )
        )
    return found


def _half_height(part: Mask, rise: Map) -> Mask:
    """Return the part of a place above half of its rise: its borders under blur. The noise threshold reaches beyond."""
    return np.asarray(part & (rise > 0.5 * float(np.percentile(rise[part], 90.0))))


def _objection(part: Mask, box: Box, percent: float, depth: Map, seen: Uptake, rules: UptakeRules) -> str:
    spacing = seen.grid.spacing_mm
    if percent < rules.percent:
        return "brightens by too little"
    if float(depth[box][part].mean()) < rules.rim_mm:
        return "at the surface of the brain: dura or a vessel"
    away = ndimage.distance_transform_edt(~part, sampling=spacing)
    ring = (away > 0.0) & (away <= 3.0) & seen.mask[box]
    if ring.any() and float((seen.before[box][ring] < 0.6).mean()) > rules.fluid:
        return "surrounded by fluid: choroid plexus or a vessel"
    points = np.argwhere(part) * np.array(spacing)
    if len(points) >= 4:
        widths = np.sqrt(np.maximum(np.linalg.eigvalsh(np.cov(points.T))[::-1], 0.0) + np.square(spacing).mean() / 12.0)
        length = float(np.ptp(points @ np.linalg.eigh(np.cov(points.T))[1][:, -1]))
        if length > rules.long_mm and widths[0] > rules.slender * widths[1]:
            return "long and thin: a vessel"
    return ""


def _shading(first: Map, second: Map, mask: Mask, grid: Grid) -> Map:
    """Return the smooth logarithm of second over first, from the voxels where it is near its usual value."""
    ratio = np.log(np.maximum(second, 0.05) / np.maximum(first, 0.05))
    inside = ratio[mask]
    middle = float(np.median(inside))
    width = 1.4826 * float(np.median(middle - inside[inside <= middle])) + 1e-6
    agree = mask & (np.abs(ratio - middle) < 2.0 * width)
    return _smooth(np.where(agree, ratio - middle, 0.0), agree, grid, 25.0) + np.float32(middle)


def _trimmed_line(x: npt.NDArray[np.floating], y: npt.NDArray[np.floating]) -> tuple[float, float]:
    """Fit y = slope · x + offset to the voxels that agree, which a bright tail cannot pull."""
    slope, offset = 1.0, float(np.median(y - x))
    usual = (x > np.percentile(x, 2.0)) & (x < np.percentile(x, 98.0))
    keep = usual
    for _ in range(8):
        rest = y - slope * x - offset
        middle = float(np.median(rest[keep]))
        below = rest[usual & (rest <= middle)]
        width = 1.4826 * float(np.median(middle - below)) + 1e-6
        keep = usual & (np.abs(rest - middle) < 2.0 * width)
        # the ratio of spreads favours neither picture, as a regression would
        ratio = float(y[keep].std()) / max(float(x[keep].std()), 1e-6)
        slope = float(np.clip(ratio, 1.0 / _STEEPEST, _STEEPEST))
        offset = float(np.median(y[keep]) - slope * np.median(x[keep]))
    return slope, offset


def _smooth(values: npt.NDArray[np.floating], known: Mask, grid: Grid, width_mm: float) -> Map:
    widths = [width_mm / s for s in grid.spacing_mm]
    weight = ndimage.gaussian_filter(known.astype(np.float32), widths, truncate=2.5)
    total = ndimage.gaussian_filter(np.where(known, values, 0.0).astype(np.float32), widths, truncate=2.5)
    return np.asarray(total / (weight + 1e-3), dtype=np.float32)


def _noise(
    difference: Map, mean: Map, mask: Mask, spacing: tuple[float, float, float], slip_mm: float
) -> tuple[float, Map]:
    """Return the flat noise of the difference, and the noise expected at each voxel, from robust spreads over bins.

    Flat noise, a misplacement times the slope, and a share of the bend along the thickest axis; only the lower half of
    each bin counts, since the upper half holds what brightened.
    """
    slope = np.sqrt(sum(g**2 for g in np.gradient(mean, *spacing)))
    axis = int(np.argmax(spacing))
    bend = ndimage.maximum_filter(np.abs(ndimage.convolve1d(mean, [0.5, -1.0, 0.5], axis=axis)), 3)
    d, s, b = difference[mask], slope[mask], bend[mask]
    cells = [np.searchsorted(np.quantile(v, np.linspace(0, 1, 9)[1:-1]), v) for v in (s, b)]
    cell = cells[0] * 8 + cells[1]
    order = np.argsort(cell, kind="stable")
    rows, target = [], []
    for chosen in np.split(order, np.flatnonzero(np.diff(cell[order])) + 1):
        if len(chosen) < 200:
            continue
        middle = float(np.median(d[chosen]))
        spread = 1.4826 * float(np.median(middle - d[chosen][d[chosen] <= middle])) + 1e-6
        rows.append(np.array([1.0, float(np.mean(s[chosen] ** 2)), float(np.mean(b[chosen] ** 2))]) / spread**2)
        target.append(1.0)
    if len(rows) < 4:
        flat = 1.4826 * float(np.median(np.abs(d - np.median(d)))) + 1e-4
        return flat, np.sqrt(flat**2 + (slip_mm * slope) ** 2).astype(np.float32)
    flat2, slip2, share2 = (float(v) for v in nonnegative_fit(np.array(rows), np.array(target)))
    flat = max(flat2, 1e-8) ** 0.5
    return flat, np.sqrt(flat**2 + max(slip2, slip_mm**2) * slope**2 + share2 * bend**2).astype(np.float32)
