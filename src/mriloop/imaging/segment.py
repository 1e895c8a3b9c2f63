"""Splits a brain into fluid, grey and white matter by its intensities alone: no template, no learned weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
import numpy.typing as npt

from mriloop.imaging.normalise import shading
from mriloop.imaging.resample import Grid, coarser, crop, sample
from mriloop.imaging.voxels import ndimage
from mriloop.model.volume import Affine, Floats

Mask = npt.NDArray[np.bool_]
Map = npt.NDArray[np.float32]
Table = npt.NDArray[np.float64]

CSF, GM, WM = 0, 1, 2
_FINEST_MM = 1.0
_BINS = 400
_SHARES = np.linspace(0.05, 0.95, 10)
_CHAIN = np.array([0.0, 0.5, 1.0, 1.5, 2.0])  # CSF, CSF/GM, GM, GM/WM, WM: a step is half a tissue away
_HOLD = 2.0  # strength of the neighbourhood
_ROUNDS = 4
_FIELD_MM = 2.0
_CLIMBS = 80
_WIDEST = 6.0  # no tissue varies so much more than the evenest that it swallows its neighbour
_LEAST_VOXELS = 5000


class Contrast(Enum):
    """Which tissue is darkest, middle and brightest."""

    T1 = (CSF, GM, WM)
    T2 = (WM, GM, CSF)
    FLAIR = (CSF, WM, GM)


# Shares of CSF, grey and white matter from which the fit sets out: young, adult, aged. The likeliest outcome is kept.
_STARTS = ((0.08, 0.52, 0.40), (0.17, 0.46, 0.37), (0.28, 0.40, 0.32))
_USUAL = np.array([0.17, 0.46, 0.37])
_TRUST_IN_USUAL = 0.1  # voxels of prior knowledge for each voxel of the brain
_STRAY = 0.02  # share of voxels that are vessel, meninges or lesion and belong to no tissue


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tissues:
    """Three tissues on the voxels of the picture they were found in.

    maps : share (0 to 1) of every voxel that is CSF, grey and white matter; they sum to 1 inside `mask`
    labels : 0 outside, 1 CSF, 2 grey, 3 white matter, whichever fills most of the voxel
    mask : the brain
    bias : what the picture is divided by to be even; 1 on average in the mask
    means, sds : of CSF, grey and white matter in the even picture, in its units
    separation : |grey - white| over the root of their mean variance; under 1 they cannot be told apart
    """

    maps: tuple[Map, Map, Map]
    labels: npt.NDArray[np.uint8]
    mask: Mask
    bias: Map
    means: tuple[float, float, float]
    sds: tuple[float, float, float]
    separation: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mixture:
    """Means, variances of the three tissues and the shares of the five classes of the chain."""

    means: Table
    variances: Table
    shares: Table


def segment(data: Floats, affine: Affine, mask: Mask, contrast: Contrast) -> Tissues | str:
    """Return the three tissues of a brain, or the reason why they cannot be told apart.

    The shading is taken off by N4 and once more by what the tissues leave over. A mixture of three Gaussians and of the
    two mixed classes between CSF and grey and between grey and white matter, whose voxels hold any share of both, is
    fitted to the histogram (Santago and Gage, IEEE Trans Med Imaging 1993, doi:10.1109/42.241880). Neighbours then
    pull each voxel towards their own place in the chain CSF - grey - white (a Markov random field by mean field, after
    Zhang et al., IEEE Trans Med Imaging 2001, doi:10.1109/42.906424). Voxels below 1 mm are fitted at 1 mm.

    mask : the brain with its ventricles and sulci, from `brainmask.brain_mask`
    """
    here = Grid(shape=(data.shape[0], data.shape[1], data.shape[2]), affine=affine)
    if int(mask.sum()) < _LEAST_VOXELS:
        return "too few voxels of brain"
    box, cut = crop(here, mask, 2.0)
    work, inside = np.asarray(data[cut], dtype=np.float32), mask[cut]
    within, grid = inside, box
    if min(box.spacing_mm) < 0.75 * _FINEST_MM:
        work, within, grid = _coarser(work, inside, box, _FINEST_MM)
    field = _evenness(*_coarser(work, within, grid, _FIELD_MM), contrast, grid)
    even = work / field
    fitted = _fit(even[within], contrast)
    why = _doubt(fitted)
    if why:
        return why
    maps = _relax(even, within, fitted, grid.spacing_mm)
    if grid is not box:
        maps = [sample(np.pad(m, 1, mode="edge"), _shifted(grid.affine), box, order=1) for m in maps]
        field = sample(np.pad(field, 2, mode="edge"), _shifted(grid.affine, 2), box, order=1)
    return _at_home(data.shape, cut, maps, inside, field, fitted)


def _coarser(values: Map, inside: Mask, grid: Grid, spacing_mm: float) -> tuple[Map, Mask, Grid]:
    small, at = coarser(values, grid.affine, spacing_mm)
    within = coarser(inside.astype(np.float32), grid.affine, spacing_mm)[0] > 0.5
    return small, within, Grid(shape=(small.shape[0], small.shape[1], small.shape[2]), affine=at)


def _evenness(small: Map, within: Mask, at: Grid, contrast: Contrast, grid: Grid) -> Map:
    """Return the shading on `grid`, estimated on a coarse copy of the picture."""
    field = shading(small, at, within)
    for _ in range(2):
        even = small / field
        field = field * _leftover(even, within, _fit(even[within], contrast), at)
    return np.maximum(sample(np.pad(field, 2, mode="edge"), _shifted(at.affine, 2), grid, order=1), np.float32(0.05))


def _shifted(affine: Affine, by: int = 1) -> Affine:
    move = np.eye(4)
    move[:3, 3] = -by
    return affine @ move


def _at_home(
    shape: tuple[int, ...],
    cut: tuple[slice, slice, slice],
    maps: Sequence[Map],
    inside: Mask,
    field: Map,
    fitted: _Mixture,
) -> Tissues:
    """Carry the maps from the box round the brain to the whole picture."""
    total = np.maximum(sum(maps), np.float32(1e-6))
    whole = []
    for one in maps:
        out = np.zeros(shape, np.float32)
        out[cut] = np.where(inside, one / total, 0)
        whole.append(out)
    mask = np.zeros(shape, bool)
    mask[cut] = inside
    labels = np.zeros(shape, np.uint8)
    labels[cut] = np.where(inside, 1 + np.argmax(np.stack([w[cut] for w in whole]), axis=0), 0)
    bias = np.ones(shape, np.float32)
    bias[cut] = field
    means, sds = fitted.means, np.sqrt(fitted.variances)
    return Tissues(
        maps=(whole[0], whole[1], whole[2]),
        labels=labels,
        mask=mask,
        bias=bias,
        means=(float(means[0]), float(means[1]), float(means[2])),
        sds=(float(sds[0]), float(sds[1]), float(sds[2])),
        separation=_separation(fitted),
    )


def _fit(seen: Map, contrast: Contrast) -> _Mixture:
    """Fit the five classes to the intensities of the brain: from each start, the likeliest that keeps the order."""
    low, high = (float(x) for x in np.percentile(seen, [0.2, 99.8]))
    counts, edges = np.histogram(seen, bins=_BINS, range=(low, high))
    centres = (edges[:-1] + edges[1:]) / 2
    order = np.array(contrast.value)
    found: list[tuple[float, _Mixture]] = []
    for start in _STARTS:
        shares = np.array(start)[order]
        ends = np.cumsum(shares)
        means = np.empty(3)
        means[order] = np.percentile(seen, 100 * (ends - shares / 2))
        likelihood, fitted = _climb(counts, centres, means)
        ordered = bool((np.diff(fitted.means[order]) > 0).all())
        found.append((likelihood if ordered else -np.inf, fitted))
    return max(found, key=lambda one: one[0])[1]


def _climb(counts: npt.NDArray[np.int64], centres: Table, means: Table) -> tuple[float, _Mixture]:
    """Return the likelihood, with what is usual in a brain, and the mixture that expectation-maximisation ends in."""
    spread = float(np.ptp(means)) + 1e-9
    floor = (0.02 * spread) ** 2
    total = float(counts.sum())
    stray = _STRAY / float(np.ptp(centres))
    usual = _TRUST_IN_USUAL * total * _USUAL
    fitted = _Mixture(
        means=means, variances=np.full(3, (spread / 8) ** 2), shares=np.array([0.14, 0.1, 0.36, 0.1, 0.3])
    )
    likelihood = -np.inf
    for _ in range(_CLIMBS):
        density = _density(centres, fitted) * fitted.shares[:, None] * (1 - _STRAY)
        whole = density.sum(axis=0) + stray
        weight = density / whole * counts
        mass = weight.sum(axis=1)
        mass[[0, 2, 4]] += usual
        pure = weight[[0, 2, 4]]
        size = pure.sum(axis=1) + 1.0
        new = (pure @ centres + fitted.means) / size
        variances = ((pure * (centres[None, :] - new[:, None]) ** 2).sum(axis=1) + fitted.variances) / size
        variances = np.clip(variances, floor, _WIDEST * variances.min())
        before, likelihood = likelihood, float(np.log(whole) @ counts) + float(usual @ np.log(fitted.shares[[0, 2, 4]]))
        fitted = _Mixture(means=new, variances=variances, shares=mass / mass.sum())
        if abs(likelihood - before) < 1e-7 * total:
            break
    return likelihood, fitted


def _density(at: Table, fitted: _Mixture) -> Table:
    """Return (5, n): the density of each class of the chain at intensities `at`."""
    rows = []
    for k in range(5):
        if k % 2 == 0:
            rows.append(_normal(at, fitted.means[k // 2], fitted.variances[k // 2]))
        else:
            rows.append(_mixed(at, fitted, k).mean(axis=0))
    return np.stack(rows)


def _mixed(at: Table, fitted: _Mixture, k: int) -> Table:
    """Return (share, n): the density of a voxel that holds each of `_SHARES` of the brighter end of the chain."""
    a, b = k // 2, k // 2 + 1
    means = fitted.means[a] * (1 - _SHARES) + fitted.means[b] * _SHARES
    variances = fitted.variances[a] * (1 - _SHARES) + fitted.variances[b] * _SHARES
    return _normal(at[None, :], means[:, None], variances[:, None])


def _normal(at: Table, mean: Table | float, variance: Table | float) -> Table:
    return np.asarray(np.exp(-0.5 * (at - mean) ** 2 / variance) / np.sqrt(2 * np.pi * variance))


def _leftover(even: Map, within: Mask, fitted: _Mixture, grid: Grid) -> Map:
    """Return the smooth factor (20 mm) by which voxels of sure grey or white matter differ from their tissue's mean."""
    inner = np.asarray(ndimage.binary_erosion(within))
    index, centres = _binned(even, fitted)
    density = _density(centres, fitted) * fitted.shares[:, None]
    pure = (density / np.maximum(density.sum(axis=0), 1e-300))[[2, 4]]
    sure = pure.sum(axis=0)
    target = (pure * fitted.means[1:, None]).sum(axis=0) / np.maximum(sure, 1e-6)
    ratio = np.where(sure > 0.05, np.log(np.maximum(centres, 1e-6) / np.maximum(target, 1e-6)), 0.0)
    weight = np.where(inner, (sure**2).astype(np.float32)[index], 0)
    widths = [20.0 / s for s in grid.spacing_mm]
    known = ndimage.gaussian_filter(weight, widths)
    over = weight * np.clip(ratio, -0.4, 0.4).astype(np.float32)[index]
    field = ndimage.gaussian_filter(over, widths) / (known + np.float32(1e-3))
    field -= float(field[inner].mean()) if inner.any() else 0.0
    return np.asarray(np.exp(field), dtype=np.float32)


def _binned(even: Map, fitted: _Mixture) -> tuple[npt.NDArray[np.int16], Table]:
    """Return the bin of every voxel and the intensities in the middle of the bins, which span the three tissues."""
    reach = 4 * np.sqrt(fitted.variances.max())
    low, high = float(fitted.means.min() - reach), float(fitted.means.max() + reach)
    centres = low + (np.arange(_BINS) + 0.5) * (high - low) / _BINS
    return np.clip((even - low) * (_BINS / (high - low)), 0, _BINS - 1).astype(np.int16), centres


def _separation(fitted: _Mixture) -> float:
    between = abs(float(fitted.means[GM] - fitted.means[WM]))
    return between / float(np.sqrt(fitted.variances[[GM, WM]].mean()))


def _doubt(fitted: _Mixture) -> str:
    """Return why the fit is not believed, or an empty string."""
    if not np.isfinite(fitted.means).all() or (fitted.means <= 0).any():
        return "the intensities of the brain do not fall into three tissues"
    if _separation(fitted) < 1.0:
        return "grey and white matter are too alike in this picture to be told apart"
    shares = fitted.shares @ np.array([[1, 0, 0], [0.5, 0.5, 0], [0, 1, 0], [0, 0.5, 0.5], [0, 0, 1]])
    if shares.min() < 0.02 or shares.max() > 0.8:
        return "the tissues found are in no proportion of a brain"
    return ""


def _relax(even: Map, within: Mask, fitted: _Mixture, spacing: tuple[float, float, float]) -> list[Map]:
    """Return the three maps after the neighbours had their say.

    A voxel at place c of the chain pays the mean of (c - c')² over its neighbours: all that it needs to know of them is
    where on the chain they are on average.
    """
    whole, centres = _binned(even, fitted)
    index = whole[within]
    density = _density(centres, fitted) + 1e-6 / float(np.ptp(centres))
    local = np.log(density * fitted.shares[:, None]).astype(np.float32)[:, index]
    near = (1.0 / np.array(spacing)).astype(np.float32)  # the nearer, the more it weighs
    counted = np.maximum(_neighbours(within.astype(np.float32), near)[within], np.float32(1e-6))
    belief = _share_out(local)
    place = np.zeros(within.shape, np.float32)
    chain = _CHAIN.astype(np.float32)[:, None]
    for _ in range(_ROUNDS):
        place[within] = _CHAIN.astype(np.float32) @ belief
        mean = _neighbours(place, near)[within] / counted
        belief = _share_out(local - np.float32(_HOLD) * (chain * chain - 2 * chain * mean))
    share_cg, share_gw = (_expected_share(centres, fitted, k)[index] for k in (1, 3))
    found = (
        belief[0] + belief[1] * (1 - share_cg),
        belief[2] + belief[1] * share_cg + belief[3] * (1 - share_gw),
        belief[4] + belief[3] * share_gw,
    )
    maps = []
    for one in found:
        out = np.zeros(within.shape, np.float32)
        out[within] = one
        maps.append(out)
    return maps


def _neighbours(values: Map, weights: Map) -> Map:
    """Return the weighted sum over the six neighbours of every voxel; beyond the border there is nothing."""
    total = np.zeros_like(values)
    for axis, weight in enumerate(weights):
        ahead: list[slice] = [slice(None)] * 3
        behind: list[slice] = [slice(None)] * 3
        ahead[axis], behind[axis] = slice(1, None), slice(None, -1)
        total[tuple(ahead)] += weight * values[tuple(behind)]
        total[tuple(behind)] += weight * values[tuple(ahead)]
    return total


def _share_out(score: npt.NDArray[np.floating]) -> Map:
    belief = np.exp(score - score.max(axis=0))
    return np.asarray(belief / belief.sum(axis=0), dtype=np.float32)


def _expected_share(centres: Table, fitted: _Mixture, k: int) -> Map:
    """Return, for each intensity, the expected share of the further tissue in a voxel of mixed class k."""
    density = _mixed(centres, fitted, k) + 1e-300
    return np.asarray((density * _SHARES[:, None]).sum(axis=0) / density.sum(axis=0), dtype=np.float32)
