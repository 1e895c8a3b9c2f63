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
_HOLD = 0.9  # strength of the neighbourhood
_ROUNDS = 4
_LEAST_VOXELS = 5000


class Contrast(Enum):
    """Which tissue is darkest, middle and brightest."""

    T1 = (CSF, GM, WM)
    T2 = (WM, GM, CSF)
    FLAIR = (CSF, WM, GM)


# Where the means of dark, middle and bright begin, as shares of the brain's voxels below them. A young adult's brain
# holds about 18 % fluid, 46 % grey and 36 % white matter; the fit moves from there.
_START = {Contrast.T1: (0.07, 0.40, 0.82), Contrast.T2: (0.18, 0.60, 0.94), Contrast.FLAIR: (0.05, 0.35, 0.75)}


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
    box, cut = crop(here, mask, 6.0)
    values, inside = np.asarray(data[cut], dtype=np.float32), mask[cut]
    work, grid, within = values, box, inside
    if min(box.spacing_mm) < 0.75 * _FINEST_MM:
        work, at = coarser(values, box.affine, _FINEST_MM)
        within = coarser(inside.astype(np.float32), box.affine, _FINEST_MM)[0] > 0.5
        grid = Grid(shape=(work.shape[0], work.shape[1], work.shape[2]), affine=at)
    field = shading(work, grid, within)
    fitted = _fit(work / field, within, contrast)
    for _ in range(2):
        field = field * _leftover(work / field, within, fitted, grid)
        fitted = _fit(work / field, within, contrast)
    why = _doubt(fitted)
    if why:
        return why
    even = work / field
    maps = _relax(even, within, fitted, grid.spacing_mm)
    if grid is not box:
        maps = [sample(np.pad(m, 1, mode="edge"), _shifted(grid.affine), box, order=1) for m in maps]
        field = sample(np.pad(field, 2, mode="edge"), _shifted(grid.affine, 2), box, order=1)
    return _at_home(data.shape, cut, maps, inside, field, fitted)


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


def _fit(even: Map, within: Mask, contrast: Contrast) -> _Mixture:
    """Fit the five classes to the histogram of the brain by expectation-maximisation."""
    seen = even[within]
    low, high = (float(x) for x in np.percentile(seen, [0.2, 99.7]))
    counts, edges = np.histogram(seen, bins=_BINS, range=(low, high))
    centres = (edges[:-1] + edges[1:]) / 2
    order = np.array(contrast.value)
    means = np.empty(3)
    means[order] = np.percentile(seen, [100 * s for s in _START[contrast]])
    spread = float(means.max() - means.min())
    floor = (0.02 * spread) ** 2
    fitted = _Mixture(
        means=means, variances=np.full(3, (spread / 8) ** 2), shares=np.array([0.14, 0.1, 0.36, 0.1, 0.3])
    )
    for _ in range(60):
        density = _density(centres, fitted) * fitted.shares[:, None]
        posterior = density / np.maximum(density.sum(axis=0), 1e-300)
        weight = posterior * counts
        shares = weight.sum(axis=1) / max(float(counts.sum()), 1.0)
        pure = weight[[0, 2, 4]]
        mass = pure.sum(axis=1) + 1.0
        new = (pure @ centres + fitted.means) / mass
        variances = ((pure * (centres[None, :] - new[:, None]) ** 2).sum(axis=1) + fitted.variances) / mass
        # One tissue never becomes wide enough to swallow its neighbour.
        variances = np.clip(variances, floor, 9.0 * np.median(variances))
        done = float(np.abs(new - fitted.means).max()) < 1e-4 * spread
        fitted = _Mixture(means=new, variances=variances, shares=np.maximum(shares, 0.005))
        if done:
            break
    return fitted


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
    """Return the smooth factor (20 mm) by which voxels of sure tissue differ from the mean of their tissue."""
    small, at = coarser(np.where(within, even, 0), grid.affine, 3.0)
    inner = coarser(within.astype(np.float32), grid.affine, 3.0)[0] > 0.98
    density = _density(small.ravel().astype(np.float64), fitted) * fitted.shares[:, None]
    posterior = density / np.maximum(density.sum(axis=0), 1e-300)
    pure = posterior[[2, 4]]
    target = (pure * fitted.means[1:, None]).sum(axis=0) / np.maximum(pure.sum(axis=0), 1e-6)
    weight = np.where(inner.ravel() & (target > 0), pure.sum(axis=0) ** 2, 0.0).reshape(small.shape)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.log(np.maximum(small, 1e-6) / np.maximum(target.reshape(small.shape), 1e-6))
    ratio = np.where(weight > 0, np.clip(ratio, -0.4, 0.4), 0.0)
    widths = [20.0 / s for s in np.linalg.norm(at[:3, :3], axis=0)]
    known = ndimage.gaussian_filter(weight.astype(np.float32), widths)
    field = ndimage.gaussian_filter((ratio * weight).astype(np.float32), widths) / (known + 1e-3)
    field -= float(field[inner].mean()) if inner.any() else 0.0
    return np.asarray(np.exp(sample(np.pad(field, 2, mode="edge"), _shifted(at, 2), grid, order=1)), dtype=np.float32)


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
    """Return the three maps after the neighbours had their say."""
    low = float(fitted.means.min() - 4 * np.sqrt(fitted.variances.max()))
    high = float(fitted.means.max() + 4 * np.sqrt(fitted.variances.max()))
    bins = 1024
    centres = low + (np.arange(bins) + 0.5) * (high - low) / bins
    density = _density(centres, fitted) + 1e-6 / (high - low)
    evidence = np.log(density * fitted.shares[:, None]).astype(np.float32)
    index = np.clip((even - low) * (bins / (high - low)), 0, bins - 1).astype(np.int16)[within]
    local = evidence[:, index]
    near = 1.0 / np.array(spacing)
    near = near / near.sum() / 2  # nearer neighbours weigh more; all six together 1
    belief = _share_out(local)
    apart = np.abs(_CHAIN[:, None] - _CHAIN[None, :]).astype(np.float32)
    volume = np.zeros((5, *within.shape), np.float32)
    for _ in range(_ROUNDS):
        volume[:, within] = belief
        around = np.zeros_like(volume)
        for axis, weight in enumerate(near, start=1):
            ahead: list[slice] = [slice(None)] * 4
            behind: list[slice] = [slice(None)] * 4
            ahead[axis], behind[axis] = slice(1, None), slice(None, -1)
            around[tuple(ahead)] += np.float32(weight) * volume[tuple(behind)]
            around[tuple(behind)] += np.float32(weight) * volume[tuple(ahead)]
        belief = _share_out(local - np.float32(6 * _HOLD) * (apart @ around[:, within]))
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


def _share_out(score: Map) -> Map:
    belief = np.exp(score - score.max(axis=0))
    return np.asarray(belief / belief.sum(axis=0), dtype=np.float32)


def _expected_share(centres: Table, fitted: _Mixture, k: int) -> Map:
    """Return, for each intensity, the expected share of the further tissue in a voxel of mixed class k."""
    density = _mixed(centres, fitted, k) + 1e-300
    return np.asarray((density * _SHARES[:, None]).sum(axis=0) / density.sum(axis=0), dtype=np.float32)
