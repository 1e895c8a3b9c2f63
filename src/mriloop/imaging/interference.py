"""Interference: single outliers of k-space (herringbone) and lines of foreign radio signal (zippers)."""

from __future__ import annotations

import numpy as np
from scipy import fft
from scipy.ndimage import (
    maximum_filter,
    median_filter,
)

from mriloop.imaging.foreground import Floats, Mask

_BLOCK = 8
_OUTLIER = 150.0  # times the power of its neighbourhood: chance gives 25 in a whole volume
_SLOWEST = 0.06  # cycles per voxel: below it the anatomy itself is an outlier
_LEAST = 32
_MOST_SLICES = 64
_REACH = 3
_NEIGHBOURS = 21


def herringbone(values: Floats, mask: Mask) -> Floats | None:
    """Return for every slice the amplitude of its strongest stripes, over the object's median. Lower is better.

    One false sample of k-space lays a wave of one frequency and direction over the slice. Each slice is weighted by a
    Hann window and Fourier transformed; in each block of 8 × 8 samples the largest is an outlier when its power exceeds
    150 times the median power of the block and of the eight about it, it stands beyond 0.06 cycles per voxel, and the
    samples three away hold under a fiftieth of it. The amplitude is 2|F| over the window's sum over the object: what
    the wave adds and takes at
    its crests. 0 where nothing stands out. Unit: 1. Of more than 64 slices evenly spread ones are looked at, the rest
    is NaN. None for matrices under 32 or an object under 200 voxels.
    Source: own; the artefact: Heiland, Clin Neuroradiol 2008;18:25, doi:10.1007/s00062-008-8003-y.
    """
    rows, columns = values.shape[:2]
    if min(rows, columns) < _LEAST or int(mask.sum()) < 200:
        return None
    window = np.hanning(rows)[:, None] * np.hanning(columns)[None, :]
    window = window.astype(np.float32)
    counts = mask.sum(axis=(0, 1))
    held = np.flatnonzero(counts >= max(30, counts.max() / 8))
    if held.size > _MOST_SLICES:
        held = held[np.linspace(0, held.size - 1, _MOST_SLICES).astype(int)]
    result = np.full(values.shape[2], np.nan)
    high = rows // 2 // _BLOCK * _BLOCK
    wide = (columns // 2 + 1) // _BLOCK * _BLOCK
    lines = np.r_[0:high, rows - high : rows]
    slow_i, slow_j = np.abs(fft.fftfreq(rows))[lines], np.arange(wide) / columns
    slow = np.hypot(slow_i[:, None], slow_j[None, :]) < _SLOWEST
    for k in held:
        level = float(np.median(values[:, :, k][mask[:, :, k]]))
        weight = float(window[mask[:, :, k]].sum())
        spectrum = fft.rfft2(np.asarray(values[:, :, k], dtype=np.float32) * window)
        power = (spectrum.real**2 + spectrum.imag**2)[lines, :wide]
        blocks = power.reshape(2 * high // _BLOCK, _BLOCK, wide // _BLOCK, _BLOCK).transpose(0, 2, 1, 3)
        blocks = blocks.reshape(blocks.shape[0], blocks.shape[1], -1)
        # The strongest of nine blocks: at the edge of a zero-filled k-space the block itself may be empty.
        usual = maximum_filter(np.median(blocks, axis=2), 3, mode="wrap")
        largest = blocks.max(axis=2)
        result[k] = 0.0
        for a, b in zip(*np.nonzero(largest > _OUTLIER * np.maximum(usual, 1e-30)), strict=True):
            at = int(np.argmax(blocks[a, b]))
            i, j = a * _BLOCK + at // _BLOCK, b * _BLOCK + at % _BLOCK
            if not slow[i, j] and level > 0 and _alone(power, i, j):
                result[k] = max(result[k], 2 * float(np.sqrt(largest[a, b])) / weight / level)
    return result


def _alone(power: Floats, i: int, j: int) -> bool:
    """Tell whether a peak is one sample wide: three samples away there is under a fiftieth of it, along both axes."""
    reach = [(i - 3, j), (i + 3, j), (i, j - 3), (i, j + 3)]
    rows, columns = power.shape
    around = [float(power[r % rows, c]) for r, c in reach if 0 <= c < columns]
    return max(around) < float(power[i, j]) / 50


def zipper(values: Floats, mask: Mask, axis: int) -> Floats | None:
    """Return for every slice how far its worst line along `axis` stands out, over the object's median. Lower is better.

    Radio from outside, or a free induction decay, writes a line of dots along the phase-encode axis, one to four
    voxels wide and all across the field of view, over air and object alike. d = v(x) - (v(x-3) + v(x+3)) / 2 is what
    stands out of a line x against those beside it, and |d(y+1) - d(y)| / √3 tells dots from what runs along the line:
    edges of the body, pads and saturation bands cancel. The median of it over the line's measured voxels (at least 32,
    and a third of the line) over that of the 21 lines about it, less what chance makes of so few voxels, counts; the outermost 4 % of lines do not. The object's
    mask is asked for its brightness only: a strong line would be part of it. Unit: 1; NaN for slices not looked at (24
    at most are). None for matrices under 32 or an object under 200 voxels.
    Source: own; the artefact: Heiland, Clin Neuroradiol 2008;18:25, doi:10.1007/s00062-008-8003-y.
    """
    if min(values.shape[:2]) < _LEAST or int(np.count_nonzero(mask)) < 200:
        return None
    counts = mask.sum(axis=(0, 1))
    held = np.flatnonzero(counts >= max(30, counts.max() / 4))
    if held.size > 24:
        held = held[np.linspace(0, held.size - 1, 24).astype(int)]
    least = float(values.min())
    result = np.full(values.shape[2], np.nan)
    for k in held:
        plane = np.asarray(values[:, :, k] if axis == 1 else values[:, :, k].T, dtype=np.float32)
        level = float(np.median(values[:, :, k][mask[:, :, k]]))
        if level <= 0:
            continue
        edge = max(_REACH, round(0.04 * plane.shape[0]))
        stop = plane.shape[0] - edge
        beside = [plane[edge + at : stop + at] for at in (-_REACH, 0, _REACH)]
        stands = beside[1] - (beside[0] + beside[2]) / 2
        known = np.logical_and.reduce([part > least for part in beside])
        known = known[:, 1:] & known[:, :-1]
        result[k] = 0.0
        enough = np.count_nonzero(known, axis=1) >= max(_LEAST, plane.shape[1] / 3)
        if np.count_nonzero(enough) < _NEIGHBOURS:
            continue
        dots = np.where(known, np.abs(np.diff(stands, axis=1)), np.nan)[enough]
        middle = _row_medians(dots, known[enough]) / 3**0.5
        usual = median_filter(middle, _NEIGHBOURS, mode="nearest")
        # The median of n noise values errs by 1.25 sd / √n; four times that is chance among so many lines.
        chance = 5 * usual / np.sqrt(np.count_nonzero(known[enough], axis=1))
        result[k] = max(0.0, float((middle - usual - chance).max())) / level
    return result


def _row_medians(values: Floats, known: Mask) -> Floats:
    """Return the median of the known values of every row."""
    count = known.sum(axis=1)
    ordered = np.sort(values, axis=1)  # NaN last
    at = np.arange(len(values))
    return np.asarray((ordered[at, (count - 1) // 2] + ordered[at, count // 2]) / 2)
