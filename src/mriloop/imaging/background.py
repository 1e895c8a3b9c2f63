"""Background and evenness: energy ratios, entropy, tail of the air, jumps between slices, blank slices, shading."""

from __future__ import annotations

import math

import numpy as np
from scipy.ndimage import (
    gaussian_filter,
)

from mriloop.imaging.foreground import Floats, Mask

_LEAST = 200


def foreground_background_energy(values: Floats, mask: Mask, air: Mask) -> float | None:
    """FBER: median squared intensity of the object over that of the air. Higher is better.

    None where there are fewer than 200 voxels of air or their median is 0 (then MRIQC reports -1 or 0).
    Source: Shehzad et al., Front Neurosci conference abstract 2015, doi:10.3389/conf.fnins.2015.91.00047.
    """
    if int(air.sum()) < _LEAST or not mask.any():
        return None
    background = float(np.median(values[air].astype(np.float64) ** 2))
    return float(np.median(values[mask].astype(np.float64) ** 2)) / background if background > 0 else None


def entropy_focus(values: Floats) -> float | None:
    """EFC: Shannon entropy of the intensities over that of a picture with equal voxels. Lower is better; 0 to 1.

    E = -Σ (v/v_max) ln(v/v_max), v_max = sqrt(Σ v²), over the greatest possible √N ln √N. Follows observers poorly
    (rho near 0 in Marchetto et al. 2025): reported, never judged. None for an empty volume.
    Source: Atkinson et al., IEEE Trans Med Imaging 1997;16:903, doi:10.1109/42.650886.
    """
    flat = np.abs(values.astype(np.float64)).ravel()
    total = math.sqrt(float((flat * flat).sum()))
    if total <= 0 or flat.size < 2:
        return None
    share = flat[flat > 0] / total
    return float(-(share * np.log(share)).sum() / (math.sqrt(flat.size) * math.log(math.sqrt(flat.size))))


def background_tail(values: Floats, air: Mask) -> float | None:
    """Tail of the air: its 99th percentile over its median, less that of noise alone. Lower is better, 0 is noise.

    Rayleigh noise has sqrt(ln 100 / ln 2) = 2.578; ghosts, zippers and spikes raise the tail, channel combination
    lowers it (then 0 comes back). Source: the idea of QI2 in Mortamet et al., Magn Reson Med 2009;62:365,
    doi:10.1002/mrm.21992. None where there are fewer than 200 voxels of air or their median is 0.
    """
    if int(air.sum()) < _LEAST:
        return None
    middle, high = np.percentile(values[air], [50, 99])
    if middle <= 0:
        return None
    return max(0.0, float(high / middle) - math.sqrt(math.log(100) / math.log(2)))


def slice_jumps(values: Floats, mask: Mask) -> Floats:
    """Return for every slice how far its brightness stands off its neighbours: |s_k / mean(s_k-1, s_k+1) - 1|.

    s_k is the median over the object voxels that slice k shares with both neighbours. Lower is better; alternate high
    values betray motion between interleaves or cross-talk, one high value a spike or a dropped slice. NaN at the ends
    and where fewer than 100 voxels are shared.
    """
    result = np.full(values.shape[2], np.nan)
    for k in range(1, values.shape[2] - 1):
        shared = mask[:, :, k - 1] & mask[:, :, k + 1]
        if int(shared.sum()) < 100:
            continue
        before, here, after = (float(np.median(values[:, :, j][shared])) for j in (k - 1, k, k + 1))
        if before + after > 0:
            result[k] = abs(2 * here / (before + after) - 1)
    return result


def blank_slices(values: Floats) -> tuple[int, ...]:
    """Return the indices of slices whose voxels are all equal although another slice has a picture.

    Leading and trailing blank slices count too. Empty when the whole volume is constant (then there is no picture).
    """
    flat = values.reshape(-1, values.shape[2])
    constant = flat.max(axis=0) == flat.min(axis=0)
    if constant.all():
        return ()
    return tuple(int(k) for k in np.flatnonzero(constant))


def identical_slices(values: Floats) -> tuple[tuple[int, int], ...]:
    """Return pairs of neighbouring slices with exactly the same, non-constant picture: one slice stored twice."""
    pairs = []
    for k in range(values.shape[2] - 1):
        one, two = values[:, :, k], values[:, :, k + 1]
        if np.array_equal(one, two) and float(one.max()) > float(one.min()):
            pairs.append((k, k + 1))
    return tuple(pairs)


def nonuniformity(values: Floats, mask: Mask, spacing_mm: tuple[float, float, float]) -> float | None:
    """Return the shading over the object: (p95 - p5) / (p95 + p5) of the smooth part of the image. Lower is better.

    The smooth part is the mean over the object within a Gaussian of 20 mm. A dead or unplugged coil element raises it;
    so do a surface coil and the anatomy itself: it informs. 0 to 1. None for fewer than 200 object voxels.
    """
    if int(mask.sum()) < _LEAST:
        return None
    step = [max(1, min(n // 16, round(4 / s))) for n, s in zip(values.shape, spacing_mm, strict=True)]
    small, inside = (x[:: step[0], :: step[1], :: step[2]] for x in (values, mask))
    sigma = [20 / (s * t) for s, t in zip(spacing_mm, step, strict=True)]
    weight = gaussian_filter(inside.astype(np.float32), sigma)
    smooth = gaussian_filter(np.where(inside, small, 0).astype(np.float32), sigma) / np.maximum(weight, 1e-6)
    if not inside.any():
        return None
    low, high = np.percentile(smooth[inside], [5, 95])
    return float((high - low) / (high + low)) if high + low > 0 else None
