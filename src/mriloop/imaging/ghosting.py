"""Ghosts and wrap-around: what of the object appears beside it along the phase-encode direction."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import (  # type: ignore[attr-defined]
    binary_opening,
)

from mriloop.imaging.foreground import Floats, Mask

_LEAST = 60


def ghost_ratio(values: Floats, mask: Mask, air: Mask, axis: int) -> float | None:
    """Ghost ratio: mean air in line with the object along `axis` less mean air in line across it, over the object.

    (air along the phase-encode lines of the object - air along its frequency-encode lines) / median of the object;
    the 75th percentile over slices, at least 0. Lower is better. It is the percent signal ghosting of the ACR manual
    freed from fixed regions (there: half of it, limit 0.025 to 0.03 for a phantom). None where a slice offers fewer
    than 60 voxels of either kind of air, as when the object fills the field of view or the scanner zeroed the air.
    Source: ACR large phantom guide; Giannelli et al., J Appl Clin Med Phys 2010;11:3237, doi:10.1120/jacmp.v11i4.3237.
    """
    ratios = slice_ghosts(values, mask, air, axis)
    found = ratios[np.isfinite(ratios)]
    return max(0.0, float(np.percentile(found, 75))) if found.size else None


def slice_ghosts(values: Floats, mask: Mask, air: Mask, axis: int) -> Floats:
    """Return the ghost ratio of every slice along `axis` (0 or 1); NaN where a slice has too little air."""
    result = np.full(values.shape[2], np.nan)
    counts = mask.sum(axis=(0, 1))
    for k in np.flatnonzero(counts >= max(30, counts.max() / 4)):
        inside, free = mask[:, :, k], air[:, :, k]
        core = binary_opening(inside, iterations=2)
        core = core if core.any() else inside
        lines_along = core.any(axis=axis, keepdims=True)
        lines_across = core.any(axis=1 - axis, keepdims=True)
        along = free & lines_along & ~lines_across
        across = free & lines_across & ~lines_along
        if int(along.sum()) < _LEAST or int(across.sum()) < _LEAST:
            continue
        plane = values[:, :, k]
        signal = float(np.median(plane[inside]))
        if signal > 0:
            result[k] = (float(plane[along].mean()) - float(plane[across].mean())) / signal
    return result


def wrap_share(mask: Mask, axis: int) -> float | None:
    """Return the share of the object's lines along `axis` that touch both ends of the field of view. Lower is better.

    Tissue that reaches both ends along the phase-encode direction folds over, or would without oversampling; the
    measure cannot tell the two apart and so informs only. 0 to 1; None where there is no object.
    """
    if not mask.any():
        return None
    lines = mask.any(axis=axis)
    first = np.take(mask, 0, axis=axis)
    last = np.take(mask, mask.shape[axis] - 1, axis=axis)
    return float((first & last).sum() / lines.sum())
