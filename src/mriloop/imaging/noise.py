"""Noise and signal-to-noise ratio: from air, from the difference of two volumes, and from inside the object."""

from __future__ import annotations

import math

import numpy as np
from scipy import special

from mriloop.imaging.foreground import Floats, Mask

RAYLEIGH_SD = math.sqrt(2 - math.pi / 2)  # sd of the magnitude of noise, in units of the Gaussian sd of one channel
MAD_TO_SD = 1.482602218505602
_LEAST = 200
_LEAST_CELL = 48


def air_sd(values: Floats, air: Mask) -> float | None:
    """Return the standard deviation of the magnitudes in air: the median over slices of the sd within each slice.

    Taken slice by slice, and the median of them, so that a ghost in a few slices does not count as noise. None where
    the air has fewer than 200 voxels or no spread at all (masked, or noise below one grey level).
    """
    deviations = []
    for k in range(values.shape[2]):
        sample = values[:, :, k][air[:, :, k]]
        if sample.size >= 30:
            deviations.append(float(sample.std()))
    if int(air.sum()) < _LEAST or not deviations:
        return None
    found = float(np.median(deviations))
    return found if found > 0 else None


def snr_dietrich(values: Floats, mask: Mask, air: Mask) -> float | None:
    """Signal-to-noise ratio from one volume: 0.655 × median of the object / sd of the air. Higher is better.

    sqrt(2 - π/2) = 0.655 turns the sd of Rayleigh noise into that of the Gaussian noise under the signal; it holds for
    one receiver channel and underestimates the noise in the centre of parallel imaging. None where there is no air.
    Source: Dietrich et al., J Magn Reson Imaging 2007;26:375, doi:10.1002/jmri.20969.
    """
    sd = air_sd(values, air)
    if sd is None or not mask.any():
        return None
    return RAYLEIGH_SD * float(np.median(values[mask])) / sd


def snr_difference(first: Floats, second: Floats, mask: Mask) -> float | None:
    """Signal-to-noise ratio from two volumes of the same scan: mean of the object × √2 / sd of the difference.

    Higher is better. The sd is the robust one (1.4826 × MAD), so that an edge that moved does not count as noise;
    movement of everything still does. None where the object has fewer than 200 voxels or the two are identical.
    Source: NEMA MS 1, method 1; Reeder et al., Magn Reson Med 2005;54:748, doi:10.1002/mrm.20636.
    """
    if int(mask.sum()) < _LEAST:
        return None
    change = first[mask].astype(np.float64) - second[mask]
    sd = MAD_TO_SD * float(np.median(np.abs(change - np.median(change))))
    if sd <= 0:
        return None
    return math.sqrt(2) * float((first[mask].mean() + second[mask].mean()) / 2) / sd


def sigma_inside(values: Floats, mask: Mask) -> float | None:
    """Return the Gaussian noise sd inside the object from its finest diagonal detail, corrected for Rician signals.

    The diagonal difference of every 2 × 2 block in the slice, (a - b - c + d) / 2, has the sd of the noise where the
    anatomy is smooth. Its MAD is taken in cells of 8 × 8 × 4 differences inside the object and the lower quartile of
    the cells kept: those with the least anatomy. Koay's correction turns it into the sd of one channel. Lower is
    better. Interpolated (zero-filled) matrices give too little, fine texture too much: it supports a judgement, it does
    not make one alone. None where no cell has 48 differences inside the object.
    Source: Coupé et al., Med Image Anal 2010;14:483, doi:10.1016/j.media.2010.03.001.
    """
    n, m = values.shape[0] // 2 * 2, values.shape[1] // 2 * 2
    a, b = values[0:n:2, 0:m:2], values[1:n:2, 0:m:2]
    c, d = values[0:n:2, 1:m:2], values[1:n:2, 1:m:2]
    inside = mask[0:n:2, 0:m:2] & mask[1:n:2, 0:m:2] & mask[0:n:2, 1:m:2] & mask[1:n:2, 1:m:2]
    detail, level = (a - b - c + d) / 2, (a + b + c + d) / 4
    found = []
    for i in range(0, detail.shape[0], 8):
        for j in range(0, detail.shape[1], 8):
            for k in range(0, detail.shape[2], 4):
                cell = (slice(i, i + 8), slice(j, j + 8), slice(k, k + 4))
                here = inside[cell]
                if np.count_nonzero(here) < _LEAST_CELL:
                    continue
                sd = MAD_TO_SD * float(np.median(np.abs(detail[cell][here])))
                if sd > 0:
                    found.append((sd, float(np.median(level[cell][here]))))
    if not found:
        return None
    sds = np.array([sd for sd, _ in found])
    sd = float(np.percentile(sds, 25))
    signal = float(np.median([s for _, s in found]))
    return sd / math.sqrt(koay_factor(signal / sd))


def koay_factor(snr_of_magnitudes: float) -> float:
    """Return ξ: the variance of Rician magnitudes over the Gaussian variance under them, for their mean over their sd.

    Solves the fixed point of Koay and Basser by iteration; 2 - π/2 for pure noise (mean/sd at most 1.913), towards 1
    for high signals. Source: Koay, Basser, J Magn Reson 2006;179:317, doi:10.1016/j.jmr.2006.01.016.
    """
    if snr_of_magnitudes <= 1.9130584:
        return 2 - math.pi / 2
    theta = snr_of_magnitudes
    for _ in range(100):
        update = math.sqrt(max(0.0, _xi(theta) * (1 + snr_of_magnitudes**2) - 2))
        if abs(update - theta) < 1e-10:
            break
        theta = update
    return _xi(theta)


def _xi(theta: float) -> float:
    half = theta * theta / 4
    # exponentially scaled Bessel functions keep exp(-θ²/2) · I(θ²/4)² finite at any θ
    bessel = (2 + theta * theta) * special.ive(0, half) + theta * theta * special.ive(1, half)
    return float(2 + theta * theta - math.pi / 8 * bessel * bessel)
