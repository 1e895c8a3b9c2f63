"""Ghosts and wrap-around: what of the object appears beside it along the phase-encode direction."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import (
    binary_opening,
)

from mriloop.imaging.foreground import Floats, Mask

_LEAST = 60


def ghost_ratio(values: Floats, mask: Mask, air: Mask, axis: int) -> float | None:
    """Ghost ratio: what the air in line with the object along `axis` holds beyond the air across it, over the object.

    sqrt(mean square along - mean square across) / object, where the object is the median of its magnitudes with the
    same noise power taken off; 0 when there is less along than across; the 75th percentile over slices. Lower is
    better. Powers subtract exactly under Rician noise, so that noise neither makes nor hides a ghost. It is the percent
    signal ghosting of the ACR manual (there: difference of means, limit 0.025 to 0.03 for a phantom) freed from fixed
    regions. None where every slice offers fewer than 60 voxels of either kind of air, as when the object fills the
    field of view or the scanner zeroed the air.
    Source: ACR large phantom guide; Giannelli et al., J Appl Clin Med Phys 2010;11:3237, doi:10.1120/jacmp.v11i4.3237.
    """
    ratios = slice_ghosts(values, mask, air, axis)
    found = ratios[np.isfinite(ratios)]
    return float(np.percentile(found, 75)) if found.size else None


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
        plane = values[:, :, k].astype(np.float64)
        noise = float((plane[across] ** 2).mean())
        signal = float(np.median(plane[inside])) ** 2 - noise
        if signal > 0:
            result[k] = np.sqrt(max(0.0, float((plane[along] ** 2).mean()) - noise) / signal)
    return result


def sides_cut(mask: Mask, share: float = 0.2) -> int:
    """Return how many of the four in-plane sides of the field of view cut the object: on at least `share` of a side.

    0 for a head in an axial slice, 1 for a head with its neck or a foot, 2 and more for a spine, a knee or an abdomen.
    The outermost twentieth counts as the side, so that a saturated or filtered rim does not hide the cut.
    """
    plane: Mask = np.asarray(mask.mean(axis=2) > 0.5 if mask.shape[2] > 2 else mask.any(axis=2))
    if not plane.any():
        return 0
    rim = [max(1, n // 20) for n in plane.shape]
    sides = (plane[: rim[0]].any(axis=0), plane[-rim[0] :].any(axis=0), plane[:, : rim[1]].any(axis=1),
             plane[:, -rim[1] :].any(axis=1))  # fmt: skip
    return sum(float(side.mean()) >= share for side in sides)


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
