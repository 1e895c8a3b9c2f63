"""Finds regions where a scanner exchanged water and fat: borders that no tissue has."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mriloop.imaging.voxels import ndimage

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

LEAST_JUMP = 0.4  # of the fraction, across a border
COMPLEMENT = 0.12  # how near the two sides must come to one together
EVEN = 0.12  # relative difference of water + fat that an exchange leaves, beside the noise
LEAST_PAIRS = 12
LEAST_SHARE = 0.6  # true borders of fat reach a quarter: voxels across them are mixtures
RIM_VOXELS = 3


def exchanged(fraction: Array, total: Array, inside: Mask, sigma: float) -> tuple[Mask, tuple[str, ...]]:
    """Return where water and fat seem to be exchanged in (i, j, k) pictures whose slices lie along k, and in words.

    fraction : of fat, 0 to 1; total : water + fat

    An exchange turns a fraction f into 1 - f from one voxel to the next, while water and fat together go on evenly. At
    a true border between fat and muscle the voxels between are mixtures, and the sum has an edge of its own. Regions
    within a slice, whole slices, and (by the fat under the skin) whole volumes are looked at.
    """
    filled = np.where(np.isfinite(fraction), fraction, 0.0)
    if _inside_out(filled, inside):
        return inside.copy(), (
            "fat fills the body and water lies under its skin: the two are exchanged throughout, or misnamed",
        )
    said = []
    wrong = _against_neighbours(filled, total, inside, sigma)
    for k in range(inside.shape[2]):
        wrong[:, :, k] |= _in_slice(filled[:, :, k], total[:, :, k], inside[:, :, k], sigma)
    if wrong.any():
        said.append("water and fat are exchanged in a part of the picture, which is left out")
    slices = _whole_slices(filled, total, inside, sigma)
    if slices:
        wrong[:, :, slices] |= inside[:, :, slices]
        said.append(f"water and fat are exchanged in {len(slices)} slices against their neighbours; they are left out")
    return wrong, tuple(said)


def _against_neighbours(fraction: Array, total: Array, inside: Mask, sigma: float) -> Mask:
    """Return the parts of a slice that are exchanged against the slice before and the slice behind."""
    both = inside[:, :, :-1] & inside[:, :, 1:]
    odd = both & _odd(fraction[:, :, :-1], fraction[:, :, 1:], total[:, :, :-1], total[:, :, 1:], sigma)
    wrong = np.zeros(inside.shape, bool)
    wrong[:, :, 1:-1] = odd[:, :, :-1] & odd[:, :, 1:]
    wrong = ndimage.binary_opening(wrong, np.ones((3, 3, 1), bool))
    grown = ndimage.binary_dilation(wrong, np.ones((3, 3, 1), bool))
    return np.asarray(grown & inside)


def _in_slice(fraction: Array, total: Array, inside: Mask, sigma: float) -> Mask:
    """Return the regions of one slice whose border is that of an exchange."""
    fatty = (fraction > 0.5) & inside
    labels = np.zeros(inside.shape, np.int32)
    count = 0
    for part in (fatty, inside & ~fatty):
        found, number = ndimage.label(part)
        labels[found > 0] = found[found > 0] + count
        count += number
    if count < 2:
        return np.zeros(inside.shape, bool)
    pairs, odd = np.zeros(count + 1), np.zeros(count + 1)
    for axis in (0, 1):
        here, there = (
            tuple(slice(a, b) if n == axis else slice(None) for n in (0, 1)) for a, b in ((0, -1), (1, None))
        )
        border = inside[here] & inside[there] & (labels[here] != labels[there])
        crossing = border & _odd(fraction[here], fraction[there], total[here], total[there], sigma)
        for side in (here, there):
            pairs += np.bincount(labels[side][border], minlength=count + 1)
            odd += np.bincount(labels[side][crossing], minlength=count + 1)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    share = odd / np.maximum(pairs, 1)
    suspects = [n for n in range(1, count + 1) if pairs[n] >= LEAST_PAIRS and share[n] > LEAST_SHARE]
    # both sides of a border look alike: the larger part of the slice is believed
    return np.isin(labels, [n for n in suspects if sizes[n] < 0.5 * inside.sum()])


def _odd(one: Array, other: Array, total: Array, total_other: Array, sigma: float) -> Mask:
    """Tell for pairs of neighbours whether they look like the two sides of an exchange."""
    mean = (total + total_other) / 2
    noise = sigma / np.maximum(mean, 1e-9)
    return np.asarray(
        (np.abs(one - other) > LEAST_JUMP)
        & (np.abs(one + other - 1.0) < COMPLEMENT + 2.0 * noise)
        & (np.abs(total - total_other) < (EVEN + 3.0 * noise) * mean)
    )


def _whole_slices(fraction: Array, total: Array, inside: Mask, sigma: float) -> list[int]:
    """Return the slices that are exchanged against most of the others."""
    side = np.zeros(inside.shape[2], int)
    for k in range(1, inside.shape[2]):
        both = inside[:, :, k] & inside[:, :, k - 1]
        clear = both & (np.abs(fraction[:, :, k] - 0.5) > 0.2) & (np.abs(fraction[:, :, k - 1] - 0.5) > 0.2)
        flips = 0.0
        if clear.sum() >= 10 * LEAST_PAIRS:
            here, there = fraction[:, :, k][clear], fraction[:, :, k - 1][clear]
            flips = float(_odd(here, there, total[:, :, k][clear], total[:, :, k - 1][clear], sigma).mean())
        side[k] = side[k - 1] ^ int(flips > LEAST_SHARE)
    held = inside.any(axis=(0, 1))
    if len(set(side[held])) < 2:
        return []
    minority = 1 if side[held].mean() <= 0.5 else 0
    return [int(k) for k in np.flatnonzero(held & (side == minority))]


def _inside_out(fraction: Array, inside: Mask) -> bool:
    """Tell whether the inside of the body is nearly all fat and its rim nearly all water."""
    deep = ndimage.binary_erosion(inside, np.ones((3, 3, 1), bool), iterations=2 * RIM_VOXELS)
    rim = inside & ~ndimage.binary_erosion(inside, np.ones((3, 3, 1), bool), iterations=RIM_VOXELS)
    if deep.sum() < 200 or rim.sum() < 200:
        return False
    return float((fraction[deep] > 0.5).mean()) > 0.7 and float((fraction[rim] > 0.5).mean()) < 0.2
