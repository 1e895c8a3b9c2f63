"""The pictures of a pair: today, the prior laid on it, what separates them, and the numbered changes on both."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from mriloop.imaging.register import foreground
from mriloop.imaging.resample import sample
from mriloop.model.comparison import Alignment
from mriloop.model.volume import Volume
from mriloop.stages.compare.align import Loaded
from mriloop.stages.compare.change import ChangeMap

_MANY = 8_000_000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PairImages:
    """Two series on the voxels of today's.

    role : "change" (the pair that the list of changes was made on), "view" (another pair of visits) or "enhancement"
        (before and after contrast agent in today's study; `prior` is then the series before)
    today_volume, prior_on_today : the two pictures; `prior_on_today` was interpolated once
    subtraction : today less prior in noise units (positive: brighter today), display only where role is not "change"
    changes_today, changes_prior : labels (Change.id) on the voxels of `today` and of `prior`; None but for "change"
    changed_today : labels (Change.id) on the voxels of `today` of the tissue that changed, without what a lesion was
        before; colour : the sensitive map for the eye there, signed noise units; None but for "change"
    prior_volume : the prior as it was acquired, the grid of `changes_prior`
    """

    role: str
    today: str
    prior: str
    today_volume: Volume
    prior_volume: Volume
    prior_on_today: Volume
    subtraction: Volume
    changes_today: npt.NDArray[np.int32] | None = None
    changes_prior: npt.NDArray[np.int32] | None = None
    changed_today: npt.NDArray[np.int32] | None = None
    colour: Volume | None = None


def show(role: str, today: Loaded, prior: Loaded, alignment: Alignment, change: ChangeMap | None) -> PairImages:
    """Lay an aligned pair on today's voxels."""
    order = 3 if today.volume.data.size < _MANY else 1
    laid = sample(prior.volume.data, prior.volume.affine, today.grid, np.array(alignment.matrix), order=order)
    if change is None:
        difference = _in_noise_units(today.volume.data, laid)
    else:
        difference = sample(change.seen.z, change.visits.grid.affine, today.grid, change.back_to_today, order=1)
    colour = None
    if change is not None:
        shown = sample(change.colour, change.visits.grid.affine, today.grid, change.back_to_today, order=0)
        colour = replace(today.volume, data=shown, sources=(), label="change map for the eye, signed noise units")
    label = f"{prior.uid} on the voxels of {today.uid}"
    return PairImages(
        role=role,
        today=today.uid,
        prior=prior.uid,
        today_volume=today.volume,
        prior_volume=prior.volume,
        prior_on_today=replace(today.volume, data=laid, sources=(), label=label),
        subtraction=replace(today.volume, data=difference, sources=(), label="difference in noise units"),
        changes_today=None if change is None else change.changes_today,
        changes_prior=None if change is None else change.changes_prior,
        changed_today=None if change is None else change.changed_today,
        colour=colour,
    )


def _in_noise_units(today: npt.NDArray[np.floating], prior: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
    """Return today less the prior, scaled to it by a robust line, over the robust spread of that difference."""
    tissue = foreground(today) & (prior > 0)
    if tissue.sum() < 100:
        return np.zeros(today.shape, np.float32)
    a, b = today[tissue].astype(float), prior[tissue].astype(float)
    use = np.ones(len(a), bool)
    slope, offset = 1.0, 0.0
    for _ in range(3):
        slope, offset = np.polyfit(b[use], a[use], 1)
        residual = a - (slope * b + offset)
        use = np.abs(residual) < 2.5 * 1.4826 * np.median(np.abs(residual)) + 1e-9
    spread = 1.4826 * float(np.median(np.abs(residual - np.median(residual)))) + 1e-9
    return np.where(tissue, (today - (slope * prior + offset)) / spread, 0.0).astype(np.float32)
