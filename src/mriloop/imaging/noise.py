"""Noise and signal-to-noise ratio: from air, from the difference of two volumes, and from inside the object."""

from __future__ import annotations

import math

import numpy as np
from scipy import special

from mriloop.imaging.foreground import Floats, Mask, picked

RAYLEIGH_SD = math.sqrt(2 - math.pi / 2)  # sd of the magnitude of noise, in units of the Gaussian sd of one channel
MAD_TO_SD = 1.482602218505602
_LEAST = 200
_LEAST_CELL = 48
_MOST_CELLS = 16


def air_sd(values: Floats, air: Mask) -> float | None:
    """Return the standard deviation of the magnitudes in air: the median over slices of the sd within each slice.

    Taken slice by slice, and the median of them, so that a ghost in a few slices does not count as noise. None where
    the air has fewer than 200 voxels or no spread at all (masked, or noise below one grey level).
    """
    deviations = []
    for k in range(values.shape[2]):
        sample = picked(values[:, :, k], air[:, :, k])
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
    return RAYLEIGH_SD * float(np.median(picked(values, mask))) / sd


def snr_difference(first: Floats, second: Floats, mask: Mask) -> float | None:
    """Signal-to-noise ratio from two volumes of the same scan: mean of the object × √2 / sd of the difference.

    Higher is better. The sd is the robust one (1.4826 × MAD), so that an edge that moved does not count as noise;
    movement of everything still does. None where the object has fewer than 200 voxels or the two are identical.
    Source: NEMA MS 1, method 1; Reeder et al., Magn Reson Med 2005;54:748, doi:10.1002/mrm.20636.
    """
    if int(mask.sum()) < _LEAST:
        return None
    one, two = picked(first, mask).astype(np.float64), picked(second, mask)
    change = one - two
    sd = MAD_TO_SD * float(np.median(np.abs(change - np.median(change))))
    if sd <= 0:
        return None
    return math.sqrt(2) * float((one.mean() + two.mean(dtype=np.float64)) / 2) / sd


def sigma_inside(values: Floats, mask: Mask) -> float | None:
    """Return the Gaussian noise sd inside the object from its finest diagonal detail, corrected for Rician signals.

    The diagonal difference of every 2 × 2 block in the slice, (a - b - c + d) / 2, has the sd of the noise where the
    anatomy is smooth. Its MAD is taken in cells of 8 × 8 × 4 differences inside the object and the lower quartile of
    the cells kept: those with the least anatomy. Koay's correction turns it into the sd of one channel. Lower is
    better. Interpolated (zero-filled) matrices give too little, fine texture too much: it supports a judgement, it does
    not make one alone. None where no cell has 48 differences inside the object.
    Source: Coupé et al., Med Image Anal 2010;14:483, doi:10.1016/j.media.2010.03.001.
    """
    cells = _cells(mask.shape[2])
    n, m = values.shape[0] // 2 * 2, values.shape[1] // 2 * 2
    sds, levels = [], []
    for start in cells:
        part, held = values[:n, :m, start : start + 4], mask[:n, :m, start : start + 4]
        inside = held[0::2, 0::2] & held[1::2, 0::2] & held[0::2, 1::2] & held[1::2, 1::2]
        if np.count_nonzero(inside) < _LEAST_CELL:
            continue
        a, b, c, d = (np.asarray(part[i::2, j::2], dtype=np.float32) for i, j in ((0, 0), (1, 0), (0, 1), (1, 1)))
        spread, count = _cell_medians(np.abs(a - b - c + d) / 2, inside)
        level, _ = _cell_medians((a + b + c + d) / 4, inside)
        kept = (count >= _LEAST_CELL) & (spread > 0)
        sds.append(MAD_TO_SD * spread[kept])
        levels.append(level[kept])
    if not sds or not sum(found.size for found in sds):
        return None
    sd = float(np.percentile(np.concatenate(sds), 25))
    signal = float(np.median(np.concatenate(levels)))
    return sd / math.sqrt(koay_factor(signal / sd))


def _cells(slices: int) -> list[int]:
    """Return the first slices of at most 16 evenly spread cells of four slices."""
    starts = list(range(0, slices, 4))
    if len(starts) <= _MOST_CELLS:
        return starts
    return [starts[round(at)] for at in np.linspace(0, len(starts) - 1, _MOST_CELLS)]


def _cell_medians(values: Floats, inside: Mask) -> tuple[Floats, Floats]:
    """Return the median of the `values` inside, for every cell of 8 × 8 × slices, and how many they are."""
    rows, columns = (-(-n // 8) * 8 for n in values.shape[:2])
    lack = ((0, rows - values.shape[0]), (0, columns - values.shape[1]), (0, 0))
    padded = np.pad(np.where(inside, values, np.inf), lack, constant_values=np.inf)
    cells = padded.reshape(rows // 8, 8, columns // 8, 8, -1).transpose(0, 2, 1, 3, 4).reshape(rows * columns // 64, -1)
    count = np.isfinite(cells).sum(axis=1)
    cells, count = np.sort(cells[count > 0], axis=1), count[count > 0]
    at = np.arange(len(cells))
    return (cells[at, (count - 1) // 2] + cells[at, count // 2]) / 2, count


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
