"""Ties every series of two studies to one reference, and refuses what it cannot vouch for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mriloop.imaging.brainmask import BrainMask, Mask, brain_mask
from mriloop.imaging.register import Fit, align, picture
from mriloop.imaging.resample import Grid, mean_displacement_mm, sample
from mriloop.imaging.voxels import ndimage
from mriloop.model.coding import Region, Weighting
from mriloop.model.comparison import Alignment, Matrix
from mriloop.model.fact import Truth
from mriloop.model.quality import SeriesKind
from mriloop.model.volume import Affine, Volume

MOST_UNCERTAIN_MM = 1.0
LEAST_OVERLAP = 0.6
LEAST_SIMILARITY = 1.02
HEADER = "header (frame of reference)"
_MAY_HOLD_A_BRAIN = frozenset({Region.BRAIN, Region.PITUITARY, Region.HEAD_NECK, Region.UNKNOWN})
_RANK = {
    Weighting.FLAIR: 6.0,
    Weighting.T1: 5.0,
    Weighting.T2: 4.5,
    Weighting.PD: 4.0,
    Weighting.DIXON_IN: 3.5,
    Weighting.DIXON_WATER: 3.5,
    Weighting.STIR: 3.0,
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Loaded:
    """A series with its pixels as one three-dimensional volume, and the brain in it where one was looked for."""

    kind: SeriesKind
    volume: Volume
    brain: BrainMask | None = None

    @property
    def uid(self) -> str:
        """SeriesInstanceUID."""
        return self.volume.series_instance_uid

    @property
    def grid(self) -> Grid:
        """The voxels of the series."""
        i, j, k = self.volume.data.shape[:3]
        return Grid(shape=(i, j, k), affine=self.volume.affine)

    def inside(self) -> Mask | None:
        """Where similarity is measured: the brain and 6 mm around it, without jaw and neck; None: all tissue."""
        if self.brain is None or not self.brain.trusted:
            return None
        away = ndimage.distance_transform_edt(~self.brain.mask, sampling=self.grid.spacing_mm)
        return np.asarray(away <= 6.0)


def rank(kind: SeriesKind, slices: int) -> float:
    """Return how well a series serves as the reference of its study (higher is better)."""
    return _RANK.get(kind.weighting, 1.0) + (0.8 if kind.three_d is Truth.TRUE else 0.0) + min(slices, 200) / 1000.0


def load_one(volume: Volume, kind: SeriesKind, *, seek_brain: bool) -> Loaded:
    """Return a series ready to be aligned: its first time point, and its brain where the region may hold one."""
    data = volume.data if volume.data.ndim == 3 else volume.data[..., 0]
    first = Volume(
        data=np.nan_to_num(np.asarray(data, dtype=np.float32)),
        affine=volume.affine,
        series_instance_uid=volume.series_instance_uid,
        sources=volume.sources[:1],
        slice_axis=volume.slice_axis,
        label=volume.label,
    )
    brain = None
    if seek_brain and kind.region in _MAY_HOLD_A_BRAIN and kind.weighting in _RANK:
        brain = brain_mask(first.data, first.affine)
    return Loaded(kind=kind, volume=first, brain=brain)


def alignable(volume: Volume) -> str:
    """Return why a volume cannot be aligned in space, or an empty string when it can."""
    shape = volume.data.shape[:3]
    extent = np.array(shape) * np.array(volume.spacing_mm)
    if min(shape) < 3:
        return f"only {min(shape)} slices: too few to be aligned in space"
    if float(extent.min()) < 20.0:
        return f"covers only {extent.min():.0f} mm: too little to be aligned in space"
    if not np.isfinite(volume.affine).all() or abs(np.linalg.det(volume.affine[:3, :3])) < 1e-6:
        return "no usable geometry"
    return ""


def across(today: Loaded, prior: Loaded) -> Alignment:
    """Align the prior's reference to today's: both directions and both halves of the data must agree."""
    fixed = picture(today.volume.data, today.volume.affine, 1.2, today.inside())
    moving = picture(prior.volume.data, prior.volume.affine, 1.2, prior.inside())
    fit = align(fixed, moving, thorough=True)
    reason = _objection(fit)
    return _alignment(fit.matrix, fit.engine, fit.uncertainty_mm, reason)


def within(reference: Loaded, other: Loaded) -> Alignment:
    """Align a series to the reference of its own session; the header stands unless the pictures say it is wrong.

    The patient may have moved between two series (up to 5.5 mm was measured), but a map that does not raise the
    similarity above what the header gives is not believed.
    """
    around = reference.inside()
    there = None
    if around is not None:
        there = sample(around.astype(np.float32), reference.volume.affine, other.grid, order=1) > 0.5
        there = there if there.any() else None
    fixed = picture(reference.volume.data, reference.volume.affine, 1.5, around)
    moving = picture(other.volume.data, other.volume.affine, 1.5, there)
    fit = align(fixed, moving, thorough=False)
    moved = mean_displacement_mm(fit.matrix, np.eye(4), moving.points)
    gain = (fit.similarity - 1.0) / max(fit.header_similarity - 1.0, 1e-6)
    if gain > 1.01 and not _objection(fit):
        return _alignment(fit.matrix, fit.engine, fit.uncertainty_mm, "")
    if fit.header_similarity < LEAST_SIMILARITY and fit.overlap < LEAST_OVERLAP:
        return _alignment(np.eye(4), HEADER, moved, "the two series share too little anatomy to verify their headers")
    return _alignment(np.eye(4), HEADER, min(moved, 3.0), "")


def through(*steps: Alignment) -> Alignment:
    """Chain alignments, first step first; uncertainties add as independent errors, one refused step refuses all."""
    matrix, variance = np.eye(4), 0.0
    for step in steps:
        matrix = np.array(step.matrix) @ matrix
        variance += step.uncertainty_mm**2
    refused = next((s.reason for s in steps if not s.accepted), "")
    methods = tuple(dict.fromkeys(s.method for s in steps if s.method != "reference"))
    return _alignment(matrix, " + ".join(methods) or "reference", variance**0.5, refused)


def backwards(one: Alignment) -> Alignment:
    """Return the same alignment in the other direction."""
    return _alignment(np.linalg.inv(np.array(one.matrix)), one.method, one.uncertainty_mm, one.reason)


def itself() -> Alignment:
    """Return the alignment of a series with itself."""
    return _alignment(np.eye(4), "reference", 0.0, "")


def link(linked: Mapping[str, Alignment], source: str, target: str) -> Affine | None:
    """Return the (4, 4) map from RAS+ mm of one series to RAS+ mm of another, None where a step is missing or refused.

    `linked` maps SeriesInstanceUID to the alignment of that series with the common reference.
    """
    first, last = linked.get(source), linked.get(target)
    if first is None or last is None or not (first.accepted and last.accepted):
        return None
    return np.array(through(first, backwards(last)).matrix)


def _objection(fit: Fit) -> str:
    if fit.overlap < LEAST_OVERLAP:
        return f"only {100 * fit.overlap:.0f} % of the anatomy is in both pictures"
    if fit.similarity < LEAST_SIMILARITY:
        return "the two pictures do not resemble each other wherever they are laid"
    if fit.uncertainty_mm > MOST_UNCERTAIN_MM:
        return f"independent estimates of the alignment differ by {fit.uncertainty_mm:.1f} mm"
    return ""


def _alignment(matrix: Affine, method: str, uncertainty_mm: float, reason: str) -> Alignment:
    rows: Matrix = tuple((float(r[0]), float(r[1]), float(r[2]), float(r[3])) for r in matrix)
    return Alignment(
        method=method, matrix=rows, uncertainty_mm=float(uncertainty_mm), accepted=not reason, reason=reason
    )
