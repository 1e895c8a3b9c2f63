"""The mean profile of a picture along its phase-encode direction: what a figure of ghosts draws."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.ndimage import binary_opening

from mriloop.imaging.foreground import Floats, Mask

Curve = npt.NDArray[np.float64]


def phase_profile(values: Floats, mask: Mask, air: Mask, axis: int) -> tuple[Curve, Curve, float] | None:
    """Return (brightness along `axis`, share of object along `axis`, level of the air beside), or None.

    Brightness is the mean over those lines along `axis` (0 or 1) that hold the object, over all slices with at least a
    quarter of the largest object; the level is the root mean square of the air in line with the object across `axis`
    alone, where no ghost of it can lie. Both as shares of the median of the object: a ghost stands above the level by
    about its own share. None without an object, or where there is no such air.
    """
    length = values.shape[axis]
    total, inside, lines = np.zeros(length), np.zeros(length), 0
    beside: list[npt.NDArray[np.float64]] = []
    counts = mask.sum(axis=(0, 1))
    if not counts.any():
        return None
    for k in np.flatnonzero(counts >= max(30, counts.max() / 4)):
        core = binary_opening(mask[:, :, k], iterations=2)
        along = core.any(axis=axis)
        if not along.any():
            continue
        plane = np.moveaxis(values[:, :, k], axis, 0)[:, along].astype(np.float64)
        total += plane.sum(axis=1)
        inside += np.moveaxis(mask[:, :, k], axis, 0)[:, along].sum(axis=1)
        lines += int(along.sum())
        across = core.any(axis=1 - axis, keepdims=True) & ~np.expand_dims(along, axis)
        beside.append(values[:, :, k][air[:, :, k] & across].astype(np.float64))
    outside = np.concatenate(beside) if beside else np.empty(0)
    signal = float(np.median(values[mask]))
    if lines == 0 or outside.size < 60 or signal <= 0:
        return None
    return total / lines / signal, inside / lines, float(np.sqrt((outside**2).mean())) / signal
