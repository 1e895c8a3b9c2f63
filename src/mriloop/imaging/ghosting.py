"""Ghosts and wrap-around: what of the object appears beside it along the phase-encode direction."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import (
    binary_opening,
    gaussian_filter1d,
    maximum_filter1d,
)

from mriloop.imaging.foreground import Floats, Mask, picked, tidy

_LEAST = 60
_MOST_SLICES = 32
_FLOOR = 10  # percentile of the profile of the air that passes for noise where no air lies across


def ghost_ratio(values: Floats, mask: Mask, air: Mask, axis: int | None) -> float | None:
    """Ghost ratio: what the air in line with the object along `axis` holds beyond the air across it, over the object.

    sqrt(mean square along - mean square across) / object, where the object is the median of its magnitudes with the
    same noise power taken off; 0 when there is less along than across; the 75th percentile over slices. Lower is
    better. Powers subtract exactly under Rician noise, so that noise neither makes nor hides a ghost. It is the percent
    signal ghosting of the ACR manual (there: difference of means, limit 0.025 to 0.03 for a phantom) freed from fixed
    regions. With `axis` None the greater of both axes: what one has more, the other has less, so that no more than one
    of them is over 0. Where the field of view cuts the object on two sides so that no air lies across it, the tenth
    percentile of the air's profile along `axis` passes for the noise: the answer is then a lower bound, since ghosts
    may cover all of the profile. Unit: 1. None where every slice offers fewer than 60 voxels of air along, as when the
    object fills the field of view or the scanner zeroed the air.
    Source: ACR large phantom guide; Giannelli et al., J Appl Clin Med Phys 2010;11:3237, doi:10.1120/jacmp.v11i4.3237.
    """
    best = None
    for one in (0, 1) if axis is None else (axis,):
        ratios = slice_ghosts(values, mask, air, one)
        found = ratios[np.isfinite(ratios)]
        if found.size:
            ratio = float(np.percentile(found, 75))
            best = ratio if best is None else max(best, ratio)
    return best


def half_field_ghost(values: Floats, mask: Mask, axis: int | None) -> float | None:
    """Return the strength of a ghost half a field of view away, over the object, from the comb it leaves in k-space.

    A copy of strength g at half the field multiplies the even lines of the slice's Fourier transform along `axis` by
    1 + g and the odd ones by 1 - g. d(k) is the mean of log |K| over the middle half of the other axis less that of the
    two neighbouring lines; over the middle half of the lines, without the three at the centre, the medians of d at even
    and odd lines differ by 4 artanh(g) of a pure ghost: g = tanh(|difference| / 4), the median over slices. It needs no
    air and no outline, so that a strong ghost cannot hide behind itself, nor behind the edge of the field. With `axis`
    None the greater of both axes. 0 to 1; lower is better; unit: 1. Blind to ghosts at other distances, and where the
    field of view was cropped after the scan. None where no slice has 16 lines, or without an object.
    Source: own, after the N/2 ghost of interleaved lines (Buonocore, Gao, Magn Reson Med 1997;38:89,
    doi:10.1002/mrm.1910380114).
    """
    counts = mask.sum(axis=(0, 1))
    held = np.flatnonzero(counts >= max(30, counts.max() / 4))
    if not held.size:
        return None
    held = held[np.unique(np.linspace(0, held.size - 1, min(held.size, _MOST_SLICES)).astype(int))]
    found = []
    for one in (0, 1) if axis is None else (axis,):
        ghosts = [_comb(np.moveaxis(values[:, :, k], one, 0)) for k in held]
        if values.shape[one] >= 16:
            found.append(float(np.median(ghosts)))
    return max(found, default=None)


def _comb(plane: Floats) -> float:
    """Return the ghost of half a field along the first axis of one slice; 0 for an empty one."""
    lines, across = plane.shape
    power = np.abs(np.fft.fftshift(np.fft.fft2(plane)))
    if not power.any():
        return 0.0
    order = np.arange(lines) - lines // 2
    middle = np.abs(order) < lines // 4
    band = power[middle, across // 4 : max(across // 4 + 1, 3 * across // 4)]
    level = np.log(band + 1e-6 * power.max()).mean(axis=1)
    steps, where = level[1:-1] - (level[:-2] + level[2:]) / 2, order[middle][1:-1]
    even, odd = (steps[(np.abs(where) > 1) & (where % 2 == rest)] for rest in (0, 1))
    return float(np.tanh(abs(np.median(even) - np.median(odd)) / 4)) if even.size and odd.size else 0.0


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
        if int(np.count_nonzero(along)) < _LEAST:
            continue
        plane = values[:, :, k].astype(np.float64)
        if int(np.count_nonzero(across)) >= _LEAST:
            noise = float((plane[across] ** 2).mean())
        elif bool(lines_along.all()) or not (free & ~lines_along).any():
            noise = _floor(plane, along, axis)
        else:
            continue
        signal = float(np.median(plane[inside])) ** 2 - noise
        if signal > 0:
            result[k] = np.sqrt(max(0.0, float((plane[along] ** 2).mean()) - noise) / signal)
    return result


def _floor(plane: Floats, along: Mask, axis: int) -> float:
    """Return the mean square of the darkest tenth of the air's profile along `axis`: noise, unless ghosts fill it."""
    count = along.sum(axis=1 - axis)
    total = np.where(along, plane**2, 0).sum(axis=1 - axis)
    enough = count >= 10
    if not enough.any():
        return float((plane[along] ** 2).mean())
    return float(np.percentile(total[enough] / count[enough], _FLOOR))


def core(values: Floats, mask: Mask, share: float = 0.4) -> Mask:
    """Return the part of the object over `share` of its 70th percentile, without specks, holes filled by slice.

    Ghosts that pass for object draw its median down; its brighter third they do not reach.
    """
    level = float(np.percentile(picked(values, mask), 70)) if mask.any() else 0.0
    found = tidy(mask & (values >= share * level))
    return found if found.any() else mask


def away(inside: Mask, spacing_mm: tuple[float, float, float], margin_mm: float = 12.0) -> Mask:
    """Return the voxels that lie at least `margin_mm` from the mask in the slice."""
    near = inside.view(np.uint8)
    for axis in (0, 1):
        reach = max(1, min(round(margin_mm / spacing_mm[axis]), inside.shape[axis] // 8 + 1))
        near = maximum_filter1d(near, 2 * reach + 1, axis=axis, mode="constant")
    return np.asarray(near == 0)


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
    measure cannot tell the two apart and so informs only (`folded_share` can). 0 to 1; unit: 1; None where there is no
    object. Source: own.
    """
    mask = mask[:, :, :: max(1, mask.shape[2] // _MOST_SLICES)]
    lines = int(np.count_nonzero(mask.any(axis=axis)))
    first, last = np.take(mask, 0, axis=axis), np.take(mask, mask.shape[axis] - 1, axis=axis)
    return float(np.count_nonzero(first & last) / lines) if lines else None


def folded_share(values: Floats, mask: Mask, axis: int) -> float | None:
    """Return the share of the object's lines along `axis` that run on from the last voxel to the first: folded tissue.

    A picture that aliased is periodic along its phase-encode axis: what leaves at one end enters at the other, and the
    two outermost voxels of a line are neighbours. Of a cut object they are strangers. In each slice the profiles of the
    first and the last measured line, over the columns where both lie in the object, less their own course over 16
    voxels, are correlated. They are held to be neighbours where that gives 0.6, and more than either gives with the
    line four before or after the other, and where they differ by no more than twice what neighbours there differ; then
    a line counts as folded when its two ends differ by less than three times what neighbours there differ. The 75th
    percentile over slices. For a round body
    the share is the chord at which it is cut: 0.4 for a fold of a twentieth of its width at each side, 0.7 for a
    seventh. 0 to 1; lower is better; unit: 1. Blind where the picture was interpolated across its end, unwrapped
    (parallel imaging) or cropped; a body that is
    the same left and right, cut at mirrored places, may pass for folded.
    None where there is no object, or fewer than 40 voxels along the axis. Source: own.
    """
    counts = mask.sum(axis=(0, 1))
    if not counts.any() or mask.shape[axis] < 40:
        return None
    held = np.flatnonzero(counts >= max(30, counts.max() / 4))
    if held.size > _MOST_SLICES:
        held = held[np.linspace(0, held.size - 1, _MOST_SLICES).astype(int)]
    least = float(values.min())
    shares = [_folded(values[:, :, k], mask[:, :, k], axis, least) for k in held]
    return float(np.percentile(shares, 75)) if shares else None


def _folded(plane: Floats, inside: Mask, axis: int, least: float) -> float:
    """Return the share of one slice's lines that are folded."""
    lines = np.asarray(plane if axis == 0 else plane.T, dtype=np.float64)
    inside = inside if axis == 0 else inside.T
    measured = np.flatnonzero((lines > least).mean(axis=1) > 0.25)
    if measured.size < 16:
        return 0.0
    first, last = int(measured[0]), int(measured[-1])
    both = inside[first] & inside[last]
    if int(np.count_nonzero(both)) < 24:
        return 0.0
    fine = lines - gaussian_filter1d(lines, 16, axis=1)
    ends = _alike(fine[first], fine[last], both)
    beyond = max(_alike(fine[first], fine[last - 4], both), _alike(fine[first + 4], fine[last], both))
    if not ends >= max(0.6, beyond):
        return 0.0
    near = float((np.abs(lines[first] - lines[first + 1]) + np.abs(lines[last] - lines[last - 1]))[both].mean()) / 2
    apart = np.abs(lines[first] - lines[last])
    if float(apart[both].mean()) > 2 * near:
        return 0.0
    folded = both & (apart <= 3 * near)
    return float(folded.sum() / inside.any(axis=0).sum())


def _alike(one: Floats, two: Floats, where: Mask) -> float:
    """Return the correlation of two profiles; 0 where one of them is flat."""
    a, b = one[where] - one[where].mean(), two[where] - two[where].mean()
    power = float((a * a).sum() * (b * b).sum())
    return float((a * b).sum()) / power**0.5 if power > 0 else 0.0
