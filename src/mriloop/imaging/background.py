"""Background: energy ratios, entropy of the intensities, and what the air holds beyond the receiver's noise."""

from __future__ import annotations

import math

import numpy as np
from scipy import stats
from scipy.ndimage import (
    binary_opening,
)

from mriloop.imaging.foreground import Floats, Mask, picked

_LEAST = 200
_MOST_SLICES = 24
_LAG = 4
_CHUNK = 1 << 15


def foreground_background_energy(values: Floats, mask: Mask, air: Mask) -> float | None:
    """FBER: median squared intensity of the object over that of the air. Higher is better. Unit: 1.

    None where there are fewer than 200 voxels of air or their median is 0 (then MRIQC reports -1 or 0).
    Source: Shehzad et al., Front Neurosci conference abstract 2015, doi:10.3389/conf.fnins.2015.91.00047.
    """
    if int(air.sum()) < _LEAST or not mask.any():
        return None
    background = _median_square(picked(values, air))
    return _median_square(picked(values, mask)) / background if background > 0 else None


def _median_square(magnitudes: Floats) -> float:
    """Return the median of the squares, by way of the middle magnitudes alone."""
    at = magnitudes.size // 2
    ordered = np.partition(np.abs(magnitudes), at)
    upper = float(ordered[at])
    lower = upper if magnitudes.size % 2 else float(ordered[:at].max())
    return (upper * upper + lower * lower) / 2


def entropy_focus(values: Floats) -> float | None:
    """EFC: Shannon entropy of the intensities over that of a picture with equal voxels. Lower is better; 0 to 1.

    E = -Σ (v/v_max) ln(v/v_max), v_max = sqrt(Σ v²), over the greatest possible √N ln √N. Follows observers poorly
    (rho near 0 in Marchetto et al. 2025): reported, never judged. None for an empty volume. Unit: index.
    Source: Atkinson et al., IEEE Trans Med Imaging 1997;16:903, doi:10.1109/42.650886.
    """
    flat = np.abs(values.ravel(order="K"))
    total = math.sqrt(float(np.einsum("n,n->", flat, flat, dtype=np.float64)))
    if total <= 0 or flat.size < 2:
        return None
    entropy, scale, least = 0.0, flat.dtype.type(total), np.finfo(flat.dtype).tiny
    for start in range(0, flat.size, _CHUNK):  # what fits the cache
        share = flat[start : start + _CHUNK] / scale
        entropy -= float((share * np.log(np.maximum(share, least))).sum(dtype=np.float64))
    return entropy / (math.sqrt(flat.size) * math.log(math.sqrt(flat.size)))


def background_tail(values: Floats, air: Mask) -> float | None:
    """Tail of the air: its 99th percentile over its median, less that of noise alone. Lower is better, 0 is noise.

    Rayleigh noise has sqrt(ln 100 / ln 2) = 2.578; ghosts, zippers and spikes raise the tail, channel combination
    lowers it (then 0 comes back). Unit: index. None where there are fewer than 200 voxels of air or their median is 0.
    Source: the idea of QI2 in Mortamet et al., Magn Reson Med 2009;62:365, doi:10.1002/mrm.21992.
    """
    found = np.concatenate([part.ravel() for part in air_by_slice(values, air)] or [np.empty(0)])
    if int(air.sum()) < _LEAST or found.size < _LEAST:
        return None
    middle, high = np.percentile(found, [50, 99])
    if middle <= 0:
        return None
    return max(0.0, float(high / middle) - math.sqrt(math.log(100) / math.log(2)))


def air_by_slice(values: Floats, air: Mask) -> list[Floats]:
    """Return the air's magnitudes of at most 24 evenly spread slices that hold at least 30 voxels of it."""
    return [values[:, :, k][air[:, :, k]] for k in _air_slices(air)]


def _air_slices(air: Mask) -> list[int]:
    held = np.flatnonzero(air.sum(axis=(0, 1)) >= 30)
    if held.size > _MOST_SLICES:
        held = held[np.linspace(0, held.size - 1, _MOST_SLICES).astype(int)]
    return [int(k) for k in held]


def artefact_share(values: Floats, air: Mask) -> float | None:
    """QI1 of any body part: the share of the air that lies in clusters brighter than its noise. Lower is better.

    A voxel stands out where it exceeds what the chi distribution fitted to the air (see `noise_fit`) leaves to one in
    a thousand; single ones are dropped by an opening with a cross of five voxels, so that only clusters count: ghosts,
    folded tissue, lines. 0 to 1, 0 for noise. None for fewer than 200 voxels of air, or air without spread.
    Source: QI1 of Mortamet et al., Magn Reson Med 2009;62:365, doi:10.1002/mrm.21992; there the threshold is the mode
    of the histogram of the air of a head, here a quantile of its distribution.
    """
    fitted = _chi(values, air)
    if fitted is None:
        return None
    degrees, scale = fitted
    limit = float(stats.chi.ppf(0.999, degrees)) * scale
    cross = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], dtype=bool)
    bright, total = 0, 0
    for k in _air_slices(air):
        free = air[:, :, k]
        bright += int(binary_opening(free & (values[:, :, k] > limit), cross).sum())
        total += int(free.sum())
    return bright / total if total else None


def noise_misfit(values: Floats, air: Mask) -> float | None:
    """QI2 of any body part: how far the air's histogram lies from that of noise (Kolmogorov-Smirnov). Lower is better.

    The greatest distance between the distribution of the air's magnitudes and the chi distribution of 2n degrees of
    freedom fitted to them (n receiver channels in a sum of squares; not a whole number where their noise is shared).
    0 to 1; under 0.02 for noise, towards 0.3 for air that was filtered, thinned or filled with ghosts. None for fewer
    than 200 voxels of air, or air without spread.
    Source: QI2 of Mortamet et al. 2009, doi:10.1002/mrm.21992 (there a chi square test of the same fit).
    """
    fitted = _chi(values, air)
    if fitted is None:
        return None
    degrees, scale = fitted
    found = np.sort(np.concatenate([part.ravel() for part in air_by_slice(values, air)]))
    # Whole numbers stand for the half on either side of them: a coarse scale is not a misfit.
    levels, first = np.unique(found, return_index=True)
    last = np.append(first[1:], found.size) / found.size
    edges = np.append((levels[:-1] + levels[1:]) / 2, np.inf)
    return float(np.abs(last - stats.chi.cdf(edges / scale, degrees)).max())


def _chi(values: Floats, air: Mask) -> tuple[float, float] | None:
    """Return degrees of freedom and scale of the chi distribution with the quartiles of the air."""
    parts = air_by_slice(values, air)
    if int(air.sum()) < _LEAST or not parts:
        return None
    low, middle, high = np.percentile(np.concatenate([part.ravel() for part in parts]), [25, 50, 75])
    if middle <= 0 or high <= low:
        return None
    wanted = float((high - low) / middle)
    # (q75 - q25) / q50 falls as the degrees of freedom rise: one degree has 1.24, two (one channel) 0.77.
    steps = np.geomspace(0.6, 400, 120)
    lower, mid, upper = (stats.chi.ppf(q, steps) for q in (0.25, 0.5, 0.75))
    degrees = float(np.exp(np.interp(-wanted, -(upper - lower) / mid, np.log(steps))))
    return degrees, float(middle / stats.chi.ppf(0.5, degrees))


def air_correlation(values: Floats, air: Mask) -> float | None:
    """Autocorrelation of the air, four voxels apart: noise has none, ghosts, stripes and folded tissue have some.

    Mean of the products of the deviations of pairs of air voxels four apart, along either in-plane axis, over their
    variance; the greater of the two axes, median over slices. Four voxels exceed the reach of interpolation filters.
    Lower is better: 0 (noise) to 1 (stripes). None where no slice has 200 such pairs.
    Source: the structured-noise idea of Mortamet et al. 2009, doi:10.1002/mrm.21992; the estimator is the usual
    autocorrelation function.
    """
    found = []
    for k in _air_slices(air):
        plane, free = values[:, :, k], air[:, :, k]
        level = float(np.median(plane[free]))
        # A few very bright voxels must not decide alone.
        rest = np.clip(plane - level, -level, 5 * level) if level > 0 else plane - level
        rest = rest - float(rest[free].mean())
        power = float((rest[free] ** 2).mean())
        lags = [_lag(rest, free, axis) for axis in (0, 1)]
        known = [lag / power for lag in lags if lag is not None and power > 0]
        if known:
            found.append(max(known))
    return float(np.clip(np.median(found), 0, 1)) if found else None


def _lag(rest: Floats, free: Mask, axis: int) -> float | None:
    ahead, behind = (tuple(slice(_LAG, None) if a == axis else slice(None) for a in (0, 1)),
                     tuple(slice(None, -_LAG) if a == axis else slice(None) for a in (0, 1)))  # fmt: skip
    both = free[ahead] & free[behind]
    return float((rest[ahead] * rest[behind])[both].mean()) if np.count_nonzero(both) >= _LEAST else None
