"""Smoothness of a picture in millimetres, axis by axis."""

from __future__ import annotations

import math

import numpy as np

from mriloop.imaging.foreground import Floats, Mask, picked

_LEAST = 300
_MOST_SLICES = 24


def fwhm_mm(values: Floats, mask: Mask, spacing_mm: tuple[float, float, float]) -> tuple[float | None, ...]:
    """Return the full width at half maximum, in mm along i, j, k, of the Gaussian that would make noise as smooth.

    FWHM = d · sqrt(-2 ln 2 / ln(1 - V_d / 2V)) with V the variance inside the object, V_d that of the differences of
    neighbours d apart, both inside: AFNI's classic estimate. A blurred picture has more, noise has less than a voxel;
    anatomy counts as smoothness, so that only pictures of one kind compare. Lower is sharper. At most the 24 middle
    slices of the object are looked at. None along an axis with fewer than 300 pairs, or where neighbours are as
    different as strangers (V_d >= 2V).
    Source: Forman et al., Magn Reson Med 1995;33:636, doi:10.1002/mrm.1910330508; AFNI 3dFWHMx -ShowMeClassicFWHM.
    """
    held = np.flatnonzero(mask.any(axis=(0, 1)))
    if held.size > _MOST_SLICES:
        first = int(held[(held.size - _MOST_SLICES) // 2])
        values, mask = values[:, :, first : first + _MOST_SLICES], mask[:, :, first : first + _MOST_SLICES]
    if int(mask.sum()) < _LEAST:
        return (None, None, None)
    spread = float(picked(values, mask).var(dtype=np.float64))
    found: list[float | None] = []
    for axis in range(3):
        ahead = tuple(slice(1, None) if a == axis else slice(None) for a in range(3))
        behind = tuple(slice(None, -1) if a == axis else slice(None) for a in range(3))
        both = mask[ahead] & mask[behind]
        if int(np.count_nonzero(both)) < _LEAST or spread <= 0:
            found.append(None)
            continue
        step = float(picked(values[ahead] - values[behind], both).var(dtype=np.float64))
        alike = 1 - step / (2 * spread)
        whole = 0 < alike < 1
        found.append(spacing_mm[axis] * math.sqrt(-2 * math.log(2) / math.log(alike)) if whole else None)
    return tuple(found)
