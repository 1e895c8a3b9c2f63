"""Finds the brain in a head picture: an average brain says where, a growing surface and the picture say how far."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mriloop.imaging.average_brain import Placed, on_cubes, place
from mriloop.imaging.brain_border import even, settle, signed_distance
from mriloop.imaging.evolving_surface import STEP_MM, evolve
from mriloop.imaging.register import foreground
from mriloop.imaging.resample import Grid, apply, crop, isotropic, sample
from mriloop.imaging.voxels import ndimage
from mriloop.model.volume import Affine, Floats

Map = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]
PLAUSIBLE_ML = (1000.0, 1750.0)
_LEVELS = 64
_FRACTIONS = (0.5, 0.65, 0.8)
_LEAST_COVERED = 0.97  # of the average brain: below it the slab is said not to hold the whole brain
_LEAST_AGREEMENT = 0.85  # Dice of the two ways; the real heads tried reached 0.86 to 0.94
_MOST_UNREST_MM = 3.0  # of the 4 that are possible; wide furrows leave 2.6 on good masks
_SCALES = (0.78, 1.12)  # exp(±0.18) around adults: further off the average brain was not laid on a brain
_WITHIN_MM, _BEYOND_MM = 12.0, 2.5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BrainMask:
    """The brain (with its ventricles and sulci, without dura and skull) on the voxels of the picture it was found in.

    mask : same shape as the picture
    volume_ml : volume of the mask
    trusted : False when a check failed; `mask` is then the conservative inside of the head, which also holds skull
        base and meninges, so that more false candidates must be expected near its border
    reason : which check failed
    notes : what a reader should know of a mask that is trusted, such as a slab that cuts the brain
    covered : share (0 to 1) of an average brain, laid into this head, that the picture holds
    from_average : (4, 4) affine from mm of the average brain (ICBM 152) to RAS+ mm of the picture; None: not found
    """

    mask: Mask
    volume_ml: float
    trusted: bool
    reason: str = ""
    notes: tuple[str, ...] = ()
    covered: float = 1.0
    from_average: Affine | None = None


def brain_mask(data: Floats, affine: Affine, *, plausible_ml: tuple[float, float] = PLAUSIBLE_ML) -> BrainMask:
    """Find the brain in a T1 (with or without contrast agent), T2, PD or FLAIR picture of an adult head.

    On 2 mm cubes, whatever the slices were, two ways lead to it: an average brain is laid into the head by an affine
    map, and a surface grows from the middle of the head until the intensity falls. Where they agree, the border is
    moved between them onto the edge that the picture shows. Volume, extent, balance of the sides, scale, agreement and
    unrest of the border are checked; what fails comes back not `trusted`, never silently.

    Children under two years (inverted contrast, other proportions) are out of range.
    """
    cube, grid = isotropic(data, affine, STEP_MM)
    cube = _in_steps(cube)
    head = foreground(cube)
    if not head.any():
        return BrainMask(mask=np.zeros(data.shape, bool), volume_ml=0.0, trusted=False, reason="no tissue found")
    held = float(head.sum()) * grid.voxel_ml
    if held < plausible_ml[0]:
        reason = f"the whole head holds {held:.0f} ml, less than a brain"
        return _at_home(signed_distance(_head_interior(head), STEP_MM), grid, data, affine, reason=reason)
    flat = even(cube, head, STEP_MM)
    flat[~head] = np.minimum(flat[~head], np.percentile(flat[head], 5.0))
    placed = place(ndimage.gaussian_filter(flat, 0.7), grid, head)
    hull, classes = on_cubes(placed, grid)
    start, agreement = _start(flat, head, hull > 0.5)
    _, cut = crop(grid, start | (hull > 0.01), 20.0)
    inside = np.zeros(head.shape, bool)
    inside[cut], unrest = settle(cube[cut], classes[cut], start[cut], STEP_MM)
    inside = _one_piece(inside)
    reason = _implausible(inside, grid, plausible_ml) or _doubtful(placed, agreement, unrest)
    notes = (
        ()
        if placed.covered >= _LEAST_COVERED
        else (f"the slab holds {100 * placed.covered:.0f} % of an average brain: volumes are those of the part",)
    )
    distance = signed_distance(_head_interior(head) if reason else inside, STEP_MM)
    return _at_home(distance, grid, data, affine, reason=reason, notes=notes, placed=placed)


def _in_steps(cube: Map) -> Map:
    """Return a picture in units of its bright tissue, in steps that the unit of its intensities does not reach.

    The search for the average brain would amplify what lies in the last bit.
    """
    bright = float(np.percentile(cube, 98.0)) or 1.0
    return np.asarray(np.round(cube / bright * _LEVELS) / _LEVELS, dtype=np.float32)


def _start(flat: Map, head: Mask, average: Mask) -> tuple[Mask, float]:
    """Return where the border is sought from, and the Dice overlap of the two ways.

    It lies midway between the border of the average brain and the grown surface, or at the latter where they are near.
    """
    distance = signed_distance(average, STEP_MM)
    best, agreement = average, 0.0
    for fraction in _FRACTIONS:
        grown = evolve(flat, head, fraction)
        overlap = 2.0 * float((grown & average).sum()) / max(float(grown.sum() + average.sum()), 1.0)
        if overlap > agreement:
            best, agreement = grown, overlap
        if overlap >= _LEAST_AGREEMENT:
            break
    if agreement < _LEAST_AGREEMENT:
        return average, agreement
    grown_distance = signed_distance(best, STEP_MM)
    start = (distance + grown_distance < 0) | ((grown_distance < 0) & (distance < _BEYOND_MM))
    return start & (grown_distance < _WITHIN_MM), agreement


def _one_piece(inside: Mask) -> Mask:
    """Return the largest piece without thin bridges, holes filled."""
    core = ndimage.binary_opening(inside, iterations=2)
    labels, count = ndimage.label(core)
    if count == 0:
        return inside
    largest = labels == 1 + int(np.argmax(np.bincount(labels.ravel())[1:]))
    return np.asarray(ndimage.binary_fill_holes(ndimage.binary_dilation(largest, iterations=2) & inside))


def _at_home(
    distance: Map,
    grid: Grid,
    data: Floats,
    affine: Affine,
    *,
    reason: str = "",
    notes: tuple[str, ...] = (),
    placed: Placed | None = None,
) -> BrainMask:
    """Carry a border from the cubes to the voxels of the picture."""
    at_home = Grid(shape=(data.shape[0], data.shape[1], data.shape[2]), affine=affine)
    near = np.clip(-distance, -4.0, 4.0)
    mask = sample(near, grid.affine, at_home, order=1, fill=-4.0) > 0
    return BrainMask(
        mask=mask,
        volume_ml=float(mask.sum()) * at_home.voxel_ml,
        trusted=not reason,
        reason=reason,
        notes=notes,
        covered=1.0 if placed is None else placed.covered,
        from_average=None if placed is None else placed.matrix,
    )


def _doubtful(placed: Placed, agreement: float, unrest: float) -> str:
    low, high = min(placed.scales), max(placed.scales)
    if low < _SCALES[0] or high > _SCALES[1]:
        return f"an average brain had to be scaled by {low:.2f} to {high:.2f} to fit"
    if unrest > _MOST_UNREST_MM:
        return "the picture shows no clear border of the brain"
    if agreement < _LEAST_AGREEMENT:
        return "two ways to find the brain disagree"
    return ""


def _implausible(inside: Mask, grid: Grid, plausible_ml: tuple[float, float]) -> str:
    low, high = plausible_ml
    volume_ml = float(inside.sum()) * grid.voxel_ml
    if not low <= volume_ml <= high:
        return f"the brain mask holds {volume_ml:.0f} ml, outside {low:.0f} to {high:.0f} ml"
    middle = np.argwhere(inside).mean(axis=0)[0]
    left = int(inside[: round(middle)].sum())
    right = int(inside[round(middle) :].sum())
    if abs(left - right) > 0.15 * (left + right):
        return "the brain mask is lopsided"
    extent = np.ptp(apply(grid.affine, np.argwhere(inside).astype(float)), axis=0)
    if not (100 <= extent[0] <= 175 and 125 <= extent[1] <= 215 and 70 <= extent[2] <= 185):
        return "the brain mask has an impossible extent of " + " × ".join(f"{e:.0f}" for e in extent) + " mm"
    return ""


def _head_interior(head: Mask) -> Mask:
    """Return the head less its outer 14 mm: scalp, skull and most of the meninges go, whatever else is inside stays."""
    return np.asarray(ndimage.distance_transform_edt(head) * STEP_MM > 14.0)
