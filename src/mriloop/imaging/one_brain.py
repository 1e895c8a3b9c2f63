"""One head has one brain: a mask for all series of a visit, and one that both visits of a person share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mriloop.imaging.brain_border import signed_distance
from mriloop.imaging.brainmask import BrainMask, Mask, brain_mask
from mriloop.imaging.resample import Grid, inverse, isotropic, sample
from mriloop.model.coding import Weighting
from mriloop.model.volume import Affine, Floats

MOST_VOLUME_APART = 0.03
LEAST_DICE = 0.93
_STEP_MM = 2.0
# FLAIR shows fluid, skull and fat dark around a bright cortex; on T2 fluid is as bright as fat.
_ORDER = (Weighting.FLAIR, Weighting.T1, Weighting.PD, Weighting.T2)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class VisitSeries:
    """A series of a visit. `to_reference` (4, 4) maps its RAS+ mm to a frame that all series of the visit share."""

    data: Floats
    affine: Affine
    weighting: Weighting
    to_reference: Affine

    @property
    def grid(self) -> Grid:
        """Its voxels."""
        i, j, k = self.data.shape[:3]
        return Grid(shape=(i, j, k), affine=self.affine)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Agreement:
    """The masks of two visits made one.

    today, prior : the shared brain on the voxels of each visit's picture
    volume_apart : |difference| of the two volumes over their mean, before they were joined
    dice : overlap of the two masks before they were joined, 0 to 1; higher is better
    caution : what a reader must know, empty where the two agreed
    """

    today: Mask
    prior: Mask
    volume_apart: float
    dice: float
    caution: str = ""


def brain_of_visit(series: Sequence[VisitSeries]) -> tuple[BrainMask, ...]:
    """Return one brain for all series of a visit, on the voxels of each.

    It is sought in the series that shows it best (FLAIR, then T1, PD, T2), or in the next where that fails, and
    carried to the others through their alignments. When all fail, the masks come back not `trusted`, with the reason
    of the best series.
    """
    order = sorted(range(len(series)), key=lambda n: _rank(series[n].weighting))
    first: tuple[int, BrainMask] | None = None
    for n in order:
        found = brain_mask(series[n].data, series[n].affine)
        if first is None or found.trusted:
            first = n, found
        if found.trusted:
            break
    if first is None:
        return ()
    driver, found = first
    return tuple(found if n == driver else _carried(found, series[driver], one) for n, one in enumerate(series))


def _rank(weighting: Weighting) -> int:
    return _ORDER.index(weighting) if weighting in _ORDER else len(_ORDER)


def _carried(found: BrainMask, driver: VisitSeries, other: VisitSeries) -> BrainMask:
    move = inverse(other.to_reference) @ driver.to_reference
    mask = sample(found.mask.astype(np.float32), driver.affine, other.grid, move, order=1) > 0.5
    return replace(
        found,
        mask=mask,
        volume_ml=float(mask.sum()) * other.grid.voxel_ml,
        from_average=None if found.from_average is None else move @ found.from_average,
    )


def agree(today: BrainMask, today_grid: Grid, prior: BrainMask, prior_grid: Grid, to_today: Affine) -> Agreement:
    """Make the masks of two visits one: their borders meet midway, on the voxels of each.

    to_today : (4, 4) rigid map from RAS+ mm of the prior to RAS+ mm of today

    An adult brain does not change by 3 % of volume between two visits, nor do two good masks of it overlap by less
    than 0.93: beyond that, the caution says so. A mask that is not trusted leaves the other one standing alone.
    """
    cube, grid = isotropic(today.mask.astype(np.float32), today_grid.affine, _STEP_MM)
    here = cube > 0.5
    there = sample(prior.mask.astype(np.float32), prior_grid.affine, grid, to_today, order=1) > 0.5
    both = float(here.sum() + there.sum())
    dice = 2.0 * float((here & there).sum()) / max(both, 1.0)
    apart = abs(float(today.volume_ml - prior.volume_ml)) / max((today.volume_ml + prior.volume_ml) / 2.0, 1e-6)
    caution = ""
    if not (today.trusted and prior.trusted):
        which = "either visit" if not (today.trusted or prior.trusted) else "today" if prior.trusted else "the prior"
        caution = f"the brain of {which} could not be outlined: {today.reason or prior.reason}"
    elif apart > MOST_VOLUME_APART or dice < LEAST_DICE:
        caution = f"the two brain masks differ by {100 * apart:.0f} % of volume and overlap by {dice:.2f}"
    if today.trusted == prior.trusted:
        near = signed_distance(here, _STEP_MM) + signed_distance(there, _STEP_MM)
    else:
        near = 2.0 * signed_distance(here if today.trusted else there, _STEP_MM)
    inward = np.clip(-near / 2.0, -4.0, 4.0)
    return Agreement(
        today=sample(inward, grid.affine, today_grid, order=1, fill=-4.0) > 0,
        prior=sample(inward, grid.affine, prior_grid, inverse(to_today), order=1, fill=-4.0) > 0,
        volume_apart=apart,
        dice=dice,
        caution=caution,
    )
