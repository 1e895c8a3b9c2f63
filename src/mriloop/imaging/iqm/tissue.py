"""Metrics of the three brain tissues: signal, contrast, shares and summary statistics, weighted by tissue maps."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]
Mask = npt.NDArray[np.bool_]

TISSUES = ("csf", "gm", "wm")
DIETRICH = math.sqrt((4 - math.pi) / 2)
_QUARTILE = 0.6744897501960817  # of the normal distribution: MAD / this = sd
_FEW_LEVELS = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The intensities of one region, weighted by its map: in the units of the picture, but k (excess kurtosis) and n.

    n : sum of the map (voxels); stdv, mean, median, p05, p95 weighted; k and mad (scaled to one sd, about the weighted
    median) over the voxels where the map exceeds half of its maximum
    """

    mean: float
    median: float
    p95: float
    p05: float
    k: float
    stdv: float
    mad: float
    n: float


def snr(mean: float, stdv: float, n: float) -> float | None:
    """Return the signal-to-noise ratio within one tissue: mean / (stdv · √(n / (n - 1))). Higher is better, unit 1.

    MRIQC passes the median as `mean`. Anatomy and shading count as noise. None for stdv 0 or n at most 1.
    """
    return mean / (stdv * math.sqrt(n / (n - 1))) if stdv > 0 and n > 1 else None


def snr_dietrich(mean: float, *, mad_air: float = 0.0, sigma_air: float = 1.0) -> float | None:
    """Return the signal-to-noise ratio against the air: √((4 - π) / 2) · mean / spread of the air. Higher is better.

    The factor turns the spread of Rayleigh noise into that of one channel. `mad_air` (scaled to one sd) is used where
    it exceeds 1, as by MRIQC, whose pictures have white matter at 1000; else `sigma_air`; None where that is below
    0.001 (MRIQC: -1, or a crash where its logger was not set up).
    Source: Dietrich et al., J Magn Reson Imaging 2007;26:375, doi:10.1002/jmri.20969, eq. A.12.
    """
    if mad_air > 1.0:
        return DIETRICH * mean / mad_air
    return DIETRICH * mean / sigma_air if sigma_air > 1e-3 else None


def cnr(mean_wm: float, mean_gm: float, sigma_air: float, sigma_wm: float, sigma_gm: float) -> float | None:
    """Return the contrast-to-noise ratio |WM - GM| / √(σ_air² + σ_WM² + σ_GM²). Higher is better, unit 1.

    Source: Magnotta, Friedman, J Digit Imaging 2006;19:140, doi:10.1007/s10278-006-0264-x. None without any spread.
    """
    spread = math.sqrt(sigma_air**2 + sigma_wm**2 + sigma_gm**2)
    return abs(mean_wm - mean_gm) / spread if spread > 0 else None


def cjv(mean_wm: float, mean_gm: float, sigma_wm: float, sigma_gm: float) -> float | None:
    """Return the coefficient of joint variation (σ_WM + σ_GM) / |WM - GM|. Lower is better, unit 1.

    Rises with noise, shading and motion. Source: Ganzetti et al., Front Neuroinform 2016;10:10,
    doi:10.3389/fninf.2016.00010. None where both tissues are equally bright.
    """
    return (sigma_wm + sigma_gm) / abs(mean_wm - mean_gm) if mean_wm != mean_gm else None


def wm2max(values: Floats, mean_wm: float) -> float | None:
    """Return the white matter over the 99.95th percentile of the picture. Near 0.6 to 0.8 is usual on T1; unit 1.

    Low values mean tails of bright vessels or fat. MRIQC's header says 95 %, its code 99.95 %: the code is followed.
    None where the percentile is not above 0.
    """
    flat = values.reshape(-1)
    at = 0.9995 * (flat.size - 1)
    # Only the top of the picture needs sorting. A thinned copy says about where it begins; the count confirms it.
    floor = np.percentile(flat[::97], 99.8) if flat.size > 100_000 else flat.min()
    top = flat[flat >= floor]
    if top.size < flat.size - math.floor(at):
        top = flat
    low = math.floor(at) - (flat.size - top.size)
    ends = np.partition(top, [low, min(low + 1, top.size - 1)])
    high = float(ends[low] + (at - math.floor(at)) * (ends[min(low + 1, top.size - 1)] - ends[low]))
    return mean_wm / high if high > 0 else None


def volume_fraction(maps: Sequence[Floats]) -> dict[str, float]:
    """Return the share (0 to 1) of the intracranial volume of each tissue, from its maps in the order CSF, GM, WM."""
    sums = [float(one.sum()) for one in maps]
    return {name: one / sum(sums) for name, one in zip(TISSUES, sums, strict=True)}


def rpve(maps: Sequence[Floats], *, background: bool = False) -> dict[str, float]:
    """Return `residual_partial_volume` of each tissue, its maps in the order CSF, GM, WM."""
    return {name: residual_partial_volume(one, background=background) for name, one in zip(TISSUES, maps, strict=True)}


def residual_partial_volume(one: Floats, *, background: bool = False) -> float:
    """Return the residual partial-volume effect of a tissue map. Lower is better, unit 1.

    Over the voxels where the map is positive, within its 2nd and 98th percentile: (Σ p where p > 0.5 + Σ (1 - p) where
    p <= 0.5) / number. `background` True counts every other voxel of the field of view as a miss of 1, as MRIQC does:
    the number then grows with the air round the head (12 to 26 in a field of 256³) and says little of the tissue.
    nan for an empty map.
    """
    inside = np.minimum(one[one > 0.0], 1.0)
    if not inside.size:
        return math.nan
    low, high = np.percentile(inside, [2, 98])
    kept = inside[(inside >= low) & (inside <= high)]
    most = kept > 0.5
    total = float(kept[most].sum()) + float((1.0 - kept[~most]).sum())
    if background:
        total += one.size - kept.size
    return total / inside.size


def summary_stats(
    values: Floats, maps: Mapping[str, Floats | Mask], *, round_values: int | None = 0, round_weights: int | None = 3
) -> dict[str, Summary]:
    """Return the summary of each region of `maps` (weights 0 to 1, or masks), each of the shape of `values`.

    MRIQC rounds the intensities to whole numbers (its white matter is at 1000) and the weights to three decimals, which
    is the default; None leaves either as it is. Regions without weight are left out.
    """
    flat = values.reshape(-1)
    found = {}
    for name, one in maps.items():
        weights = one.reshape(-1)
        peak = float(weights.max())
        index = np.flatnonzero(weights)
        near = weights[index]
        seen = flat[index].astype(np.float64)
        most = seen if near.dtype == np.bool_ else seen[near > 0.5 * peak]
        n = float(near.sum())
        if round_weights is not None and near.dtype != np.bool_:
            near = np.round(near.astype(np.float32), round_weights)
        near = near.astype(np.float64)
        if not float(near.sum()) > 0 or not most.size:
            continue
        if round_values is not None:
            seen = np.round(seen, round_values)
        found[name] = _summary(seen, near, most, n)
    return found


def _summary(seen: Floats, weights: Floats, most: Floats, n: float) -> Summary:
    total = float(weights.sum())
    mean = float(seen @ weights) / total
    rest = seen - mean
    p05, median, p95 = weighted_quantiles(seen, weights, (0.05, 0.5, 0.95))
    moment = most - most.mean()
    moment *= moment
    second = float(moment.mean())
    return Summary(
        mean=mean,
        median=median,
        p95=p95,
        p05=p05,
        k=float(moment @ moment) / most.size / second**2 - 3.0 if second > 0 else 0.0,
        stdv=math.sqrt(float((rest * rest) @ weights) / total),
        mad=float(np.median(np.abs(most - median))) / _QUARTILE,
        n=n,
    )


def weighted_quantiles(values: Floats, weights: Floats, at: Sequence[float]) -> list[float]:
    """Return the weighted quantiles of `values` at the shares `at` (0 to 1), as SAS and statsmodels define them.

    With the distinct values in order and s their cumulated weights, W in all: the first value whose s exceeds p·W, and
    where s meets p·W exactly, the mean of that value and the next. statsmodels takes a next value of no weight too; a
    value that nobody weighs says nothing, so here it is passed over.
    """
    levels, cumulated = _levels(values, weights)
    found = []
    for share in at:
        target = share * cumulated[-1]
        i = min(int(np.searchsorted(cumulated, target)), len(levels) - 1)
        exact = abs(target - cumulated[i]) < 1e-10 and i + 1 < len(levels)
        found.append(float((levels[i] + levels[i + 1]) / 2) if exact else float(levels[i]))
    return found


def _levels(values: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Return the distinct weighed values in order and their cumulated weights; whole numbers are counted."""
    low, high = float(values.min()), float(values.max())
    if high - low < _FEW_LEVELS:
        index = (values - low).astype(np.int64)
        if np.array_equal(index + low, values):
            mass = np.bincount(index, weights=weights)
            there = np.flatnonzero(mass > 0)
            return np.asarray(there + low, dtype=np.float64), np.cumsum(mass[there])
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    ends = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True))
    cumulated = np.cumsum(weights[order])[ends]
    weighed = np.diff(cumulated, prepend=0.0) > 0
    return ordered[ends][weighed], cumulated[weighed]
