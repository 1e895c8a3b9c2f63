"""Weighs the difference between two visits against the noise that this very pair shows, voxel by voxel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mriloop.imaging.normalise import Map, Mask, Visits
from mriloop.imaging.voxels import ndimage, nonnegative_fit

SMOOTH_MM = 0.8
NEARBY_MM = 1.0
LEAST_SLIP_MM = 0.25
CROWDED_MM = 6.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Evidence:
    """Where the two visits differ, in noise units (positive: brighter today), and what the noise is made of.

    z : difference over the noise expected at that voxel
    difference : today less prior, lightly smoothed in the slice, as a fraction of the tissue mode
    appeared, vanished : brightness that the other visit shows nowhere nearby, today's and the prior's
    slope : steepness of the mean of both visits, per mm
    bend : how sharply the pictures bend from slice to slice, the larger of both visits
    flat_noise : noise of the difference away from edges, same unit as `difference`
    slip_mm : apparent misplacement at edges, estimated from the pair itself
    share : how much of the bend from slice to slice the visits disagree by
    """

    z: Map
    difference: Map
    appeared: Map
    vanished: Map
    slope: Map
    bend: Map
    flat_noise: float
    slip_mm: float
    share: float


def evidence(visits: Visits, like: Evidence | None = None) -> Evidence:
    """Compare the two visits voxel by voxel, against the noise that flat tissue and edges of this very pair show.

    The variance of the difference is modelled as flat noise, plus a misplacement times the slope of the picture, plus
    a share of its bend from slice to slice, which is what thick slices through thin folds leave; the three are fitted
    to the pair by robust spreads over bins, or taken from `like`, the evidence of the pair that `visits` is a part of.
    The misplacement is never taken as less than a quarter of a millimetre.
    """
    mask, spacing = visits.mask, visits.grid.spacing_mm
    blur = in_plane(spacing, SMOOTH_MM)
    today, prior = (ndimage.gaussian_filter(v, blur) for v in (visits.today, visits.prior))
    difference, mean = today - prior, (today + prior) / np.float32(2.0)
    slope = np.sqrt(sum(g**2 for g in np.gradient(mean, *spacing))).astype(np.float32)
    bend = _bend(visits)
    if like is None:
        flat, slip, share = _fit_noise(difference[mask], slope[mask], bend[mask])
    else:
        flat, slip, share = like.flat_noise, like.slip_mm, like.share
    noise = np.sqrt(flat**2 + (max(slip, LEAST_SLIP_MM) * slope) ** 2 + (share * bend) ** 2)
    nearby = _nearby(spacing, NEARBY_MM)
    return Evidence(
        z=np.where(mask, difference / noise, 0.0).astype(np.float32),
        difference=difference.astype(np.float32),
        appeared=np.where(mask, today - ndimage.maximum_filter(prior, footprint=nearby), 0.0).astype(np.float32),
        vanished=np.where(mask, prior - ndimage.maximum_filter(today, footprint=nearby), 0.0).astype(np.float32),
        slope=slope,
        bend=bend,
        flat_noise=flat,
        slip_mm=slip,
        share=share,
    )


FAINT, PLAIN = 2.0, 4.0


def colour_map(visits: Visits, seen: Evidence) -> Map:
    """Return the sensitive map for the eye: noise units where the pair shows more than noise, else 0.

    Positive is brighter today. Shown is what reaches FAINT noise units and touches, in its slice or the next, a voxel
    of PLAIN noise units; the visit at which it is brighter must be no fluid (0.8 of the tissue mode). Unlike the list
    it has no rule of size, depth or shape: expect folds of cortex and flow among it. VisTarsier (mh-cad, 2015) shows
    differences of 0.8 to 5 standard deviations of all brain voxels instead, edges included.
    """
    shown = np.zeros(visits.mask.shape, np.float32)
    for z, bright in ((seen.z, visits.today), (-seen.z, visits.prior)):
        labels, _ = ndimage.label((z > FAINT) & (bright > 0.8) & visits.mask, np.ones((3, 3, 3), bool))
        wanted = np.unique(labels[z > PLAIN])
        here = np.isin(labels, wanted[wanted > 0])
        shown[here] = seen.z[here]
    return shown


def in_plane(spacing: tuple[float, float, float], width_mm: float) -> list[float]:
    """Return the width of a Gaussian in voxels, none along thick slices."""
    return [width_mm / s if s < 2.0 else 0.0 for s in spacing]


def crowding(seen: Evidence, visits: Visits) -> Map:
    """Return the root mean square of the noise units, cut at five, over some 6 mm: 1 where the noise model holds."""
    wide = [CROWDED_MM / s for s in visits.grid.spacing_mm]
    weight = ndimage.gaussian_filter(visits.mask.astype(np.float32), wide) + 1e-3
    spread = ndimage.gaussian_filter(np.minimum(seen.z**2, 25.0), wide) / weight
    return np.asarray(np.sqrt(spread), dtype=np.float32)


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
