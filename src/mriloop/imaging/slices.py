"""From slice to slice: jumps of brightness, torn interleaves, slices that are blank or stand twice."""

from __future__ import annotations

import numpy as np

from mriloop.imaging.foreground import Floats, Mask

_FEWEST = 5
_LEAST = 100


def _thinned(values: Floats, mask: Mask) -> tuple[Floats, Mask]:
    """Return every other row and column of large slices: brightness and its steps do not need all."""
    step = [max(1, n // 128) for n in values.shape[:2]]
    return np.asfortranarray(values[:: step[0], :: step[1]]), np.asfortranarray(mask[:: step[0], :: step[1]])


def slice_jumps(values: Floats, mask: Mask) -> Floats:
    """Return for every slice how far its brightness stands off its neighbours: |s_k / mean(s_k-1, s_k+1) - 1|.

    s_k is the median over the object voxels that slice k shares with both neighbours. Lower is better; alternate high
    values betray motion between interleaves or cross-talk, one high value a spike or a dropped slice. NaN at the ends
    and where fewer than 100 voxels are shared. Unit: 1.
    """
    values, mask = _thinned(values, mask)
    result = np.full(values.shape[2], np.nan)
    for k in range(1, values.shape[2] - 1):
        shared = mask[:, :, k - 1] & mask[:, :, k + 1]
        if int(shared.sum()) < _LEAST:
            continue
        before, here, after = (float(np.median(values[:, :, j][shared])) for j in (k - 1, k, k + 1))
        if before + after > 0:
            result[k] = abs(2 * here / (before + after) - 1)
    return result


def interleave_step(values: Floats, mask: Mask) -> float | None:
    """Return how much brighter odd slices are than even ones, or the other way round. Lower is better, 0 is none.

    r_k = 2 s_k / (s_k-1 + s_k+1) - 1 with the signs of `slice_jumps`; the step is |mean over k of (-1)^k r_k|, less two
    standard errors of that mean: a pattern must hold through the stack. 0.1 stands for packages of slices that differ
    by 10 %: cross-talk, or an inversion or a contrast agent between two packages. Unit: 1. None for fewer than five
    slices that share the object with both neighbours. Source: own.
    """
    values, mask = _thinned(values, mask)
    found = []
    for k in range(1, values.shape[2] - 1):
        shared = mask[:, :, k - 1] & mask[:, :, k] & mask[:, :, k + 1]
        if int(shared.sum()) < _LEAST:
            continue
        before, here, after = (float(np.median(values[:, :, j][shared])) for j in (k - 1, k, k + 1))
        if before + after > 0:
            found.append((-1) ** k * (2 * here / (before + after) - 1))
    if len(found) < _FEWEST - 2:
        return None
    error = float(np.std(found)) / np.sqrt(len(found))
    return float(max(0.0, abs(float(np.mean(found))) - 2 * error) / 2)


def interleave_tear(values: Floats, mask: Mask) -> float | None:
    """Return how much less a slice is like its neighbour than like the next but one. Lower is better, over 1 is torn.

    Median over k of |v_k - v_k+1| (mean with that of k+1) over |v_k - v_k+2|, each the mean over the object's voxels
    that the three slices share. Anatomy and noise give up to 1: what lies twice as far away cannot be more alike.
    Slices taken in two passes between which the patient moved, or which differ in brightness, exceed it. Unit: 1.
    None for fewer than five slices that share the object. Source: own.
    """
    values, mask = _thinned(values, mask)
    found = []
    for k in range(values.shape[2] - 2):
        shared = mask[:, :, k] & mask[:, :, k + 1] & mask[:, :, k + 2]
        if int(shared.sum()) < _LEAST:
            continue
        one, two, three = (values[:, :, j][shared].astype(np.float64) for j in (k, k + 1, k + 2))
        far = float(np.abs(one - three).mean())
        if far > 0:
            found.append(float((np.abs(one - two).mean() + np.abs(two - three).mean()) / 2) / far)
    return float(np.median(found)) if len(found) >= _FEWEST - 2 else None


def blank_slices(values: Floats) -> tuple[int, ...]:
    """Return the indices of slices whose voxels are all equal although another slice has a picture.

    Leading and trailing blank slices count too. Empty when the whole volume is constant (then there is no picture).
    """
    flat = values.reshape(-1, values.shape[2])
    constant = flat.max(axis=0) == flat.min(axis=0)
    if constant.all():
        return ()
    return tuple(int(k) for k in np.flatnonzero(constant))


def identical_slices(values: Floats) -> tuple[tuple[int, int], ...]:
    """Return pairs of neighbouring slices with exactly the same, non-constant picture: one slice stored twice."""
    pairs = []
    for k in range(values.shape[2] - 1):
        one, two = values[:, :, k], values[:, :, k + 1]
        if np.array_equal(one, two) and float(one.max()) > float(one.min()):
            pairs.append((k, k + 1))
    return tuple(pairs)
