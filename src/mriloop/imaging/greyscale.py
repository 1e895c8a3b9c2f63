"""The scale of grey: values that pile up at its end, and how many steps the object has."""

from __future__ import annotations

import numpy as np

from mriloop.imaging.foreground import Floats, Mask, picked

_LEAST = 200
_MOST = 200_000


def clipped_share(values: Floats, mask: Mask) -> float | None:
    """Return the share of the object that holds the greatest value: clipped by receiver or store. Lower is better.

    Counted only where the top is a pile: at least five voxels, and more than the tenth of the scale below it holds;
    else 0. 0 to 1. Unit: 1. None for fewer than 200 object voxels. Source: own; the usual test for clipping.
    """
    inside = picked(values, mask)
    if inside.size < _LEAST:
        return None
    top = float(inside.max())
    pile = int(np.count_nonzero(inside == top))
    below = int(np.count_nonzero(inside >= 0.9 * top)) - pile
    return pile / inside.size if pile >= 5 and pile > below else 0.0


def grey_levels(values: Floats, mask: Mask) -> float | None:
    """Return how many different values the middle 98 % of the object hold, at most 200 000. Higher is better.

    Under 32 the eye sees steps; a picture stored with too little gain, or scaled to 8 bits, has few. Unit: count.
    None for fewer than 200 object voxels. Source: own.
    """
    inside = picked(values, mask)
    if inside.size < _LEAST:
        return None
    sample = inside[:: max(1, inside.size // _MOST)]
    low, high = np.percentile(sample, [1, 99])
    return float(np.unique(sample[(sample >= low) & (sample <= high)]).size)
