"""Shading: how uneven the smooth part of a picture is over its object, and bands across it."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import (
    gaussian_filter,
    grey_closing,
)

from mriloop.imaging.foreground import Floats, Mask

_LEAST = 200
_GRID_MM = 6.0
_BINS = 200
_SHARPEN = 0.15  # FWHM of the blur, in natural logarithms, that a bias field is taken to lay on the histogram
_WIENER = 0.01
_ROUNDS = 20
_WAVES_MM = 90.0  # the shortest half wave of the field: a coil element's reach, longer than an organ's outline


def _on_grid(
    values: Floats, mask: Mask, spacing_mm: tuple[float, float, float], grid_mm: float = _GRID_MM
) -> tuple[Floats, Mask, tuple[float, float, float]]:
    """Return every n-th voxel, so that they lie up to `grid_mm` apart and at least 16 remain along an axis."""
    step = [max(1, min(n // 16, round(grid_mm / s))) for n, s in zip(values.shape, spacing_mm, strict=True)]
    spacing = (spacing_mm[0] * step[0], spacing_mm[1] * step[1], spacing_mm[2] * step[2])
    return values[:: step[0], :: step[1], :: step[2]], mask[:: step[0], :: step[1], :: step[2]], spacing


def nonuniformity(values: Floats, mask: Mask, spacing_mm: tuple[float, float, float]) -> float | None:
    """Return the shading over the object: (p95 - p5) / (p95 + p5) of the smooth part of the image. Lower is better.

    The smooth part is the mean over the object within a Gaussian of 20 mm. A dead or unplugged coil element raises it;
    so do a surface coil and the anatomy itself: it informs. 0 to 1. None for fewer than 200 object voxels.
    Source: the integral uniformity of NEMA MS 3, on percentiles and freed from a uniform phantom.
    """
    if int(mask.sum()) < _LEAST:
        return None
    small, inside, spacing = _on_grid(values, mask, spacing_mm, 4.0)
    sigma = [20 / s for s in spacing]
    weight = gaussian_filter(inside.astype(np.float32), sigma)
    smooth = gaussian_filter(np.where(inside, small, 0).astype(np.float32), sigma) / np.maximum(weight, 1e-6)
    if not inside.any():
        return None
    low, high = np.percentile(smooth[inside], [5, 95])
    return float((high - low) / (high + low)) if high + low > 0 else None


def bias_field(values: Floats, mask: Mask, spacing_mm: tuple[float, float, float]) -> Floats | None:
    """Return the smooth field that multiplies the object, at its voxels on a 6 mm grid, geometric mean 1.

    N3: the histogram of the log intensities is sharpened (Wiener deconvolution of a Gaussian of 0.15), what each voxel
    lacks to its sharpened intensity is smoothed (here: least squares on cosines of half waves of 90 mm and more), and
    that is done up to 20 times. It separates tissue from shading where tissues make peaks in the histogram; a picture
    without peaks keeps some shading. None for fewer than 200 object voxels.
    Source: Sled et al., IEEE Trans Med Imaging 1998;17:87, doi:10.1109/42.668698.
    """
    small, inside, spacing = _on_grid(values, mask, spacing_mm)
    inside = inside & (small > 0)
    if int(inside.sum()) < _LEAST:
        return None
    logs = np.log(small[inside].astype(np.float64))
    low, high = np.percentile(logs, [1, 99])
    if high <= low:
        return np.ones(logs.size)
    # The darkest parts (vessels, air in the bowel) would pull the field: they are followed, not asked.
    asked = logs > np.log(0.1) + float(np.median(logs))
    waves = _cosines(inside, spacing)
    fit = np.linalg.solve(waves[asked].T @ waves[asked] + 1e-6 * asked.sum() * np.eye(waves.shape[1]), waves[asked].T)
    field = np.zeros(logs.size)
    for _ in range(_ROUNDS):
        clean = logs - field
        update = waves @ (fit @ (clean - _sharpened(clean[asked], clean))[asked])
        field += update - update.mean()
        if float(np.abs(update).std()) < 1e-3:
            break
    return np.asarray(np.exp(field - field.mean()))


def _sharpened(sample: Floats, logs: Floats) -> Floats:
    """Return the expected true log intensity of every observed one, after sharpening the histogram of `sample`."""
    low, high = float(sample.min()), float(sample.max())
    width = (high - low) / (_BINS - 1) or 1.0
    counts = np.histogram(sample, bins=_BINS, range=(low - width / 2, high + width / 2))[0].astype(np.float64)
    size = 2 * _BINS
    offset = np.fft.fftfreq(size, 1 / size) * width
    blur = np.exp(-0.5 * (offset * 2.3548 / _SHARPEN) ** 2)
    blur = np.fft.rfft(blur / blur.sum())
    padded = np.zeros(size)
    padded[:_BINS] = counts
    wiener = np.conj(blur) / (np.abs(blur) ** 2 + _WIENER)
    true = np.maximum(np.fft.irfft(np.fft.rfft(padded) * wiener, size), 0)
    level = np.fft.fftfreq(size, 1 / size) * width + low
    above = np.fft.irfft(np.fft.rfft(true * level) * blur, size)
    below = np.fft.irfft(np.fft.rfft(true) * blur, size)
    centres = low + np.arange(_BINS) * width
    expected = np.where(below[:_BINS] > 1e-9, above[:_BINS] / np.maximum(below[:_BINS], 1e-9), centres)
    return np.asarray(np.interp(logs, centres, expected))


def _cosines(inside: Mask, spacing: tuple[float, float, float]) -> Floats:
    """Return products of cosines over the box of the object, (voxels, terms), the constant first."""
    at = np.nonzero(inside)
    axes = []
    for index, pitch in zip(at, spacing, strict=True):
        extent = (int(index.max()) - int(index.min()) + 1) * pitch
        terms = 1 + min(4, int(extent / _WAVES_MM * 1.0001))
        phase = np.pi * (index - index.min() + 0.5) * pitch / extent
        axes.append(np.stack([np.cos(order * phase) for order in range(terms)], axis=1))
    product = axes[0][:, :, None, None] * axes[1][:, None, :, None] * axes[2][:, None, None, :]
    return np.asarray(product.reshape(len(at[0]), -1))


def field_range(field: Floats) -> float:
    """Intensity non-uniformity: the 95th less the 5th percentile of the bias field over its median. Lower is better.

    0 for a body coil, 0.3 for a head in an array, over 1 beside a surface coil. Unit: 1.
    Source: inu_range of MRIQC (Esteban et al., PLoS One 2017, doi:10.1371/journal.pone.0184661), with the field of
    `bias_field` in place of N4.
    """
    low, middle, high = np.percentile(field, [5, 50, 95])
    return float((high - low) / middle)


def field_median(field: Floats) -> float:
    """Median of the bias field over its 95th percentile: 1 where all is equally bright. Higher is better; 0 to 1.

    Small where a bright part stands against a dark whole: a surface coil, or a body part half out of the coil.
    Unit: 1. Source: inu_med of MRIQC (doi:10.1371/journal.pone.0184661), scaled by the bright end.
    """
    middle, high = np.percentile(field, [50, 95])
    return float(middle / high)


def banding(values: Floats, mask: Mask, spacing_mm: tuple[float, float, float]) -> float | None:
    """Return the share of the object that lies in dark bands up to 8 mm wide. Lower is better; 0 to 1.

    In slices thinned to 2 mm: closing with a disc-like square of 10 mm fills what is narrow and dark; voxels count
    that have less than half of what fills them. Balanced steady-state pictures show off-resonance as such bands;
    cortical bone, vessels and sulci look the same, so that it is reported, never judged. The median over slices.
    Unit: 1. None for fewer than 200 object voxels. Source: own; the bands: Scheffler, Lehnhardt, Eur Radiol
    2003;13:2409, doi:10.1007/s00330-003-1957-x.
    """
    step = [max(1, min(n // 32, int(2.2 / s))) for n, s in zip(values.shape[:2], spacing_mm[:2], strict=True)]
    counts = mask.sum(axis=(0, 1))
    held = np.flatnonzero(counts >= max(30, counts.max() / 4))
    if int(counts.sum()) < _LEAST or held.size == 0:
        return None
    held = held[np.linspace(0, held.size - 1, min(held.size, 12)).astype(int)]
    size = [max(3, round(10 / (s * t))) for s, t in zip(spacing_mm[:2], step, strict=True)]
    shares = []
    for k in held:
        plane, inside = values[:: step[0], :: step[1], k], mask[:: step[0], :: step[1], k]
        filled = grey_closing(np.where(inside, plane, 0), size=size)
        dark = inside & (plane < filled / 2)
        shares.append(float(dark.sum() / max(1, inside.sum())))
    return float(np.median(shares))
