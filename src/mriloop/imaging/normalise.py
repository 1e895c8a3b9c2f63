"""Makes two visits comparable: the coil's shading out, one intensity scale, no slow drift between them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mriloop.imaging.resample import Grid, coarser, sample
from mriloop.imaging.voxels import ndimage, simpleitk

Mask = npt.NDArray[np.bool_]
Map = npt.NDArray[np.float32]
_LEVELS = 40
_STEEPEST = 0.6


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Visits:
    """Two visits on one grid and one scale, on which the commonest brain tissue is 1.

    today, prior : intensities relative to the tissue mode, slow drift between them removed
    mask : where both may be read
    gain : what the spread of the prior was multiplied by to match today's (1: same contrast)
    """

    today: Map
    prior: Map
    mask: Mask
    grid: Grid
    gain: float


def shading(data: Map, grid: Grid, mask: Mask) -> Map:
    """Return the smooth multiplicative shading (mean 1 in the mask) of a picture, by N4 (Tustison, IEEE TMI 2010).

    Estimated on voxels of at least 4 mm, which is where shading lives.
    """
    sitk = simpleitk()
    small, at = coarser(data, grid.affine, 4.0)
    inside = coarser(mask.astype(np.float32), grid.affine, 4.0)[0] > 0.5
    if inside.sum() < 200:
        return np.ones(data.shape, np.float32)
    scale = float(np.median(small[inside]))
    values = np.maximum(small / max(scale, 1e-6), 1e-3).astype(np.float32)
    image = sitk.GetImageFromArray(np.ascontiguousarray(values.T))
    image.SetSpacing([float(s) for s in np.linalg.norm(at[:3, :3], axis=0)])
    where = sitk.GetImageFromArray(np.ascontiguousarray(inside.astype(np.uint8).T))
    where.CopyInformation(image)
    method = sitk.N4BiasFieldCorrectionImageFilter()
    method.SetNumberOfThreads(2)
    method.SetMaximumNumberOfIterations([15, 15, 10])
    method.Execute(image, where)
    log_field = sitk.GetArrayFromImage(method.GetLogBiasFieldAsImage(image)).T.astype(np.float32)
    log_field -= float(log_field[inside].mean())
    log_field = np.clip(log_field, -1.2, 1.2)
    weight = inside.astype(np.float32)
    widths = [6.0 / s for s in np.linalg.norm(at[:3, :3], axis=0)]
    known = ndimage.gaussian_filter(weight, widths) + 1e-4
    filled = np.where(inside, log_field, ndimage.gaussian_filter(log_field * weight, widths) / known)
    return np.asarray(np.exp(_edge_sample(filled.astype(np.float32), at, grid)), dtype=np.float32)


def _edge_sample(data: Map, affine: npt.NDArray[np.float64], grid: Grid) -> Map:
    """Interpolate linearly and hold the border value outside, as a field that has no edge asks for."""
    padded = np.pad(data, 2, mode="edge")
    shift = np.eye(4)
    shift[:3, 3] = -2.0
    return sample(padded, affine @ shift, grid, order=1)


def tissue_mode(values: npt.NDArray[np.floating]) -> float:
    """Return the commonest intensity of brain voxels, which on FLAIR and T2 is that of white matter."""
    low, high = np.percentile(values, [2.0, 99.0])
    counts, edges = np.histogram(values, bins=200, range=(float(low), float(high)))
    smooth = ndimage.gaussian_filter1d(counts.astype(float), 5.0)
    peak = int(np.argmax(smooth))
    return float((edges[peak] + edges[peak + 1]) / 2.0)


def match(today: Map, prior: Map, mask: Mask) -> tuple[Map, Map, float]:
    """Bring two visits, each relative to its own tissue mode, to one contrast, favouring neither.

    The ratio of their spreads, over the voxels where they agree best, is shared between them: each visit moves half
    of the way in the logarithm. Returns today, prior and the gain that the prior received beyond today's.
    """
    a, b = today[mask], prior[mask]
    gain = 1.0
    for _ in range(4):
        residual = (a - 1.0) - gain * (b - 1.0)
        width = 1.4826 * float(np.median(np.abs(residual - np.median(residual)))) + 1e-6
        agree = np.abs(residual - np.median(residual)) < 2.5 * width
        spread_a, spread_b = float(a[agree].std()), float(b[agree].std())
        gain = float(np.clip(spread_a / max(spread_b, 1e-6), 0.5, 2.0))
    half = gain**0.5
    return 1.0 + (today - 1.0) / half, 1.0 + (prior - 1.0) * half, gain


def curve(today: Map, prior: Map, mask: Mask) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return how much brighter today is than the prior at each level (the mean of both): levels and differences.

    Two scanners with other echo and inversion times differ by more than one gain: fluid, white and grey matter each
    have their own. The difference at each level is the middle of the voxels there that agree best, so that a lesion,
    which is a small minority at its level, does not bend the curve; at levels that fewer than 1 in 250 voxels have,
    the curve is held.
    """
    level, difference = (today[mask] + prior[mask]) / 2.0, today[mask] - prior[mask]
    low, high = np.percentile(level, [0.5, 99.5])
    edges = np.linspace(float(low), float(high), _LEVELS + 1)
    order = np.clip(np.digitize(level, edges) - 1, 0, _LEVELS - 1)
    centres, middles, weights = [], [], []
    for n in range(_LEVELS):
        inside = difference[order == n]
        if inside.size < max(50, 0.004 * level.size):
            continue
        middle = float(np.median(inside))
        width = 1.4826 * float(np.median(np.abs(inside - middle))) + 1e-6
        centres.append(float((edges[n] + edges[n + 1]) / 2.0))
        middles.append(float(inside[np.abs(inside - middle) < 2.0 * width].mean()))
        weights.append(float(inside.size) ** 0.5)
    if len(centres) < 3:
        return np.array([0.0, 1.0]), np.zeros(2)
    levels, weight = np.array(centres), np.array(weights)
    smooth = ndimage.gaussian_filter1d(np.array(middles) * weight, 1.0) / ndimage.gaussian_filter1d(weight, 1.0)
    return levels, _no_steeper(levels, smooth)


def _no_steeper(levels: npt.NDArray[np.float64], values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return a curve whose slope keeps within ±`_STEEPEST`, so that both visits keep the order of their tissues."""
    steps = np.clip(np.diff(values), -_STEEPEST * np.diff(levels), _STEEPEST * np.diff(levels))
    middle = int(np.argmin(np.abs(levels - 1.0)))
    rebuilt = np.concatenate([[0.0], np.cumsum(steps)])
    return np.asarray(rebuilt - rebuilt[middle] + values[middle])


def match_levels(today: Map, prior: Map, mask: Mask) -> tuple[Map, Map]:
    """Take off the difference between two visits that depends on the level alone, half from each."""
    for _ in range(2):
        levels, difference = curve(today, prior, mask)
        half = (np.interp((today + prior) / 2.0, levels, difference) / 2.0).astype(np.float32)
        # Each visit moves by what unchanged tissue of its own level needs, so that a lesion keeps its height.
        own_today = np.interp(today - half, levels, difference).astype(np.float32) / np.float32(2.0)
        own_prior = np.interp(prior + half, levels, difference).astype(np.float32) / np.float32(2.0)
        today, prior = today - own_today, prior + own_prior
    return today, prior


def slow_drift(difference: Map, mask: Mask, grid: Grid, width_mm: float = 18.0) -> Map:
    """Return the part of a difference that varies over `width_mm` (Gaussian sigma) and more.

    Large differences are clipped first, so that a lesion does not pull the drift towards itself.
    """
    inside = difference[mask]
    middle = float(np.median(inside))
    limit = 3.0 * 1.4826 * float(np.median(np.abs(inside - middle))) + 1e-6
    small, at = coarser(np.where(mask, np.clip(difference - middle, -limit, limit), 0.0), grid.affine, 4.0)
    weight = coarser(mask.astype(np.float32), grid.affine, 4.0)[0]
    widths = [width_mm / s for s in np.linalg.norm(at[:3, :3], axis=0)]
    drift = ndimage.gaussian_filter(small, widths) / (ndimage.gaussian_filter(weight, widths) + 1e-3)
    return _edge_sample(drift.astype(np.float32), at, grid) + np.float32(middle)


def joint(today: Map, prior: Map, mask: Mask, grid: Grid) -> Visits:
    """Make two visits on one grid comparable. Both are treated alike: what separates them is shared half and half.

    The smooth ratio between the two shadings goes first, then the shading that they have in common, then contrast,
    then the slow drift that is left.
    """
    first, second = (np.maximum(one / tissue_mode(one[mask]), 0.05) for one in (today, prior))
    ratio = np.log(first / second)
    half = np.exp(slow_drift(np.where(mask, ratio, 0.0).astype(np.float32), mask, grid, 25.0) / 2.0)
    first, second = first / half, second * half
    common = shading(((first + second) / 2.0).astype(np.float32), grid, mask)
    first, second = first / common, second / common
    first, second, gain = match(first / tissue_mode(first[mask]), second / tissue_mode(second[mask]), mask)
    first, second = match_levels(first, second, mask)
    drift = slow_drift(first - second, mask, grid) / 2.0
    return Visits(
        today=(first - drift).astype(np.float32),
        prior=(second + drift).astype(np.float32),
        mask=mask,
        grid=grid,
        gain=gain,
    )
