"""What a picture tells of its receive coil: where the signal lies against the object's own outline."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import (
    gaussian_filter,
)

from mriloop.imaging.foreground import Floats, Mask

_LEAST = 200
_GRID_MM = 4.0
_SMOOTH_MM = 15.0


def asymmetry(values: Floats, mask: Mask, spacing_mm: tuple[float, float, float], axis: int) -> float | None:
    """Return how much brighter one half of the object is than the other along `axis`: (a - b) / (a + b), signed.

    a and b are the means of the signal, smoothed over 15 mm within the object, before and after the middle of the
    object's own extent, line by line along the axis: a body part beside the middle of the field of view, or one that
    lies askew, is not uneven for that. 0 is even; towards 1 (brighter at low indices) or -1. A head or a trunk is the
    same left and right: under a dead element, or in a coil out of place, it is not. Unit: 1. None for fewer than 200
    object voxels.
    Source: own; what it can and cannot tell: ISMRM 2024 #1575 (coil faults from patient pictures did not generalise).
    """
    if int(mask.sum()) < _LEAST:
        return None
    small, inside = _smooth(values, mask, spacing_mm)
    small, inside = np.moveaxis(small, axis, 0), np.moveaxis(inside, axis, 0)
    held = inside.any(axis=0)
    index = np.arange(inside.shape[0])[:, None, None]
    low = np.argmax(inside, axis=0)
    high = inside.shape[0] - 1 - np.argmax(inside[::-1], axis=0)
    middle = (low + high) / 2
    first, second = inside & held & (index < middle), inside & held & (index > middle)
    if not first.any() or not second.any():
        return None
    one, two = float(small[first].mean()), float(small[second].mean())
    return (one - two) / (one + two) if one + two > 0 else None


def centroid_offset_mm(
    values: Floats, mask: Mask, spacing_mm: tuple[float, float, float]
) -> tuple[float, float, float] | None:
    """Return how far, in mm along i, j, k, the centroid of the smooth signal lies from that of the object's outline.

    0 for an even picture; a surface coil draws it to itself. A head coil that the head did not reach shows along the
    body axis. Nearer to 0 is better; what is usual depends on coil and body part. None for fewer than 200 object
    voxels. Source: own; see `asymmetry`.
    """
    small, inside = _smooth(values, mask, spacing_mm)
    if int(mask.sum()) < _LEAST or not inside.any():
        return None
    step = [full / part for full, part in zip(values.shape, small.shape, strict=True)]
    weight = small[inside].astype(np.float64)
    total = float(weight.sum())
    if total <= 0:
        return None
    places = np.nonzero(inside)
    shift = [
        float((index * weight).sum() / total - index.mean()) * each * pitch
        for index, each, pitch in zip(places, step, spacing_mm, strict=True)
    ]
    return (shift[0], shift[1], shift[2])


def centre_offset_mm(
    values: Floats, mask: Mask, spacing_mm: tuple[float, float, float]
) -> tuple[float, float, float] | None:
    """Return how far, in mm along i, j, k, the centroid of the object's signal lies from the middle of the picture.

    The other half of `centroid_offset_mm`: a coil or a field of view in the wrong place. Nearer to 0 is better; a
    picture of one shoulder or of a heart is off the middle by prescription. None for fewer than 200 object voxels.
    Source: own.
    """
    if int(mask.sum()) < _LEAST:
        return None
    small, inside = _smooth(values, mask, spacing_mm)
    step = [full / part for full, part in zip(values.shape, small.shape, strict=True)]
    weight = np.where(inside, small, 0).astype(np.float64)
    total = float(weight.sum())
    if total <= 0:
        return None
    shift = []
    for axis in range(3):
        profile = weight.sum(axis=tuple(a for a in range(3) if a != axis))
        index = np.arange(profile.size)
        away = float((profile * index).sum()) / total - (profile.size - 1) / 2
        shift.append(away * step[axis] * spacing_mm[axis])
    return (shift[0], shift[1], shift[2])


def _smooth(values: Floats, mask: Mask, spacing_mm: tuple[float, float, float]) -> tuple[Floats, Mask]:
    """Return the mean of the object within a Gaussian of 15 mm on a grid of about 4 mm, and the object on it."""
    step = [max(1, min(n // 16, round(_GRID_MM / s))) for n, s in zip(values.shape, spacing_mm, strict=True)]
    thin = (slice(None, None, step[0]), slice(None, None, step[1]), slice(None, None, step[2]))
    small, inside = values[thin], mask[thin]
    sigma = [_SMOOTH_MM / (s * t) for s, t in zip(spacing_mm, step, strict=True)]
    weight = gaussian_filter(inside.astype(np.float32), sigma)
    smooth = gaussian_filter(np.where(inside, small, 0).astype(np.float32), sigma) / np.maximum(weight, 1e-6)
    return smooth, inside
