"""One head has one brain: the masks of two visits are made one, or said to differ."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mriloop.imaging.brain_border import signed_distance
from mriloop.imaging.brainmask import BrainMask, Mask
from mriloop.imaging.resample import Grid, inverse, isotropic, sample
from mriloop.model.volume import Affine

MOST_VOLUME_APART = 0.03
LEAST_DICE = 0.93
_STEP_MM = 2.0


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
