"""Ties every series of two studies to one reference, and refuses what it cannot vouch for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from mriloop.imaging.brainmask import BrainMask, Mask, brain_mask
from mriloop.imaging.register import Fit, Picture, align, align_affine, align_anyhow, foreground, picture
from mriloop.imaging.resample import Grid, apply, mean_displacement_mm, sample, scales
from mriloop.imaging.voxels import ndimage
from mriloop.model.coding import Region, Weighting
from mriloop.model.comparison import Alignment, AlignmentModel, Matrix
from mriloop.model.fact import Truth
from mriloop.model.quality import SeriesKind
from mriloop.model.volume import Affine, Volume

MIRRORED = "the pictures fit better when one is mirrored: left and right are exchanged in one of them"
MOST_UNCERTAIN_MM = 1.0
LEAST_OVERLAP = 0.6
LEAST_SHARED_ML = 60.0
LEAST_SIMILARITY = 1.02
MIRROR_ALIKE = 0.95
MIRROR_BETTER = 1.15
SAME_CONTRAST = 0.85
HEADER = "header (frame of reference)"
UNVERIFIED_MM = 3.0
HEAD_MM = 135.0
ACROSS_MM, WITHIN_MM = 1.2, 1.5
_ROUNDING = 1e-6
_HEADS = frozenset({Region.BRAIN, Region.PITUITARY, Region.HEAD_NECK})
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
        """Where similarity is measured: the brain and 6 mm around it, without jaw and neck; None: all tissue.

        In a head without a trusted brain it is the tissue within 135 mm of the vertex, where jaw and neck begin.
        """
        if self.brain is not None and self.brain.trusted:
            away = ndimage.distance_transform_edt(~self.brain.mask, sampling=self.grid.spacing_mm)
            return np.asarray(away <= 6.0)
        if self.kind.region not in _HEADS:
            return None
        tissue = foreground(self.volume.data)
        if not tissue.any():
            return None
        index = np.argwhere(tissue)
        height = apply(self.volume.affine, index.astype(float))[:, 2]
        low = index[height < np.percentile(height, 99.9) - HEAD_MM]
        tissue[tuple(low.T)] = False
        return tissue


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


def across(today: Loaded, prior: Loaded, *, other_scanner: bool = False) -> Alignment:
    """Align the prior's reference to today's, and refuse what the pictures do not vouch for.

    `other_scanner` allows scales and shears, where they clearly help (gradients of scanners differ by up to 1 %).
    Where no ordinary turn fits, the headers may be wrong throughout: every way a cube can be turned is then tried.
    """
    fixed = picture(today.volume.data, today.volume.affine, ACROSS_MM, today.inside())
    moving = picture(prior.volume.data, prior.volume.affine, ACROSS_MM, prior.inside())
    head = today.brain is not None or today.kind.region in _HEADS
    fit = align(fixed, moving, thorough=True)
    reason = objection(fit, fixed, moving, head=head)
    if reason:
        wide = align_anyhow(fixed, moving)
        if wide is not None and not objection(wide, fixed, moving, head=head):
            fit, reason = wide, ""
    if other_scanner and not reason:
        fit = align_affine(fixed, moving, fit) or fit
    return _alignment(fit.matrix, fit.engine, fit.uncertainty_mm, reason, fit)


def within(reference: Loaded, other: Loaded) -> Alignment:
    """Align a series to the reference of its own session; the header stands unless the pictures say it is wrong.

    The patient may have moved between two series (up to 5.5 mm was measured). The map that the pictures give replaces
    the header where it lies further from it than twice its own uncertainty and does not resemble less.
    """
    around = reference.inside()
    there = None
    if around is not None:
        there = sample(around.astype(np.float32), reference.volume.affine, other.grid, order=1) > 0.5
        there = there if there.any() else None
    fixed = picture(reference.volume.data, reference.volume.affine, WITHIN_MM, around)
    moving = picture(other.volume.data, other.volume.affine, WITHIN_MM, there)
    fit = align(fixed, moving, thorough=False)
    moved = mean_displacement_mm(fit.matrix, np.eye(4), moving.points)
    reason = objection(fit, fixed, moving, head=False)
    if not reason and moved > 2.0 * fit.uncertainty_mm and fit.similarity > fit.header_similarity:
        return _alignment(fit.matrix, fit.engine, fit.uncertainty_mm, "", fit)
    if not reason:
        return _alignment(np.eye(4), HEADER, max(moved, fit.uncertainty_mm), "", model=AlignmentModel.HEADER)
    if reason == MIRRORED:
        return _alignment(np.eye(4), HEADER, moved, reason, model=AlignmentModel.HEADER)
    if fit.header_similarity < LEAST_SIMILARITY and fit.overlap < LEAST_OVERLAP:
        reason = "the two series share too little anatomy to verify their headers"
        return _alignment(np.eye(4), HEADER, moved, reason, model=AlignmentModel.HEADER)
    return _alignment(np.eye(4), f"{HEADER}, not verified", UNVERIFIED_MM, "", model=AlignmentModel.HEADER)


def objection(fit: Fit, fixed: Picture, moving: Picture, *, head: bool) -> str:
    """Return why a map must not be believed, or an empty string.

    `head`: the two halves of a head are alike but not the same, and no two heads are. A picture of another head fits
    as well (or as badly) mirrored as it does upright; one whose sides were exchanged fits better mirrored.
    """
    shared_ml = fit.shared * min(fixed.foreground_ml, moving.foreground_ml)
    if fit.shared < LEAST_OVERLAP or shared_ml < LEAST_SHARED_ML:
        return f"only {100 * fit.shared:.0f} % of the anatomy ({shared_ml:.0f} ml) is in both pictures"
    if fit.similarity < LEAST_SIMILARITY:
        return "the two pictures do not resemble each other wherever they are laid"
    if fit.uncertainty_mm > MOST_UNCERTAIN_MM:
        return f"independent estimates of the alignment differ by {fit.uncertainty_mm:.1f} mm"
    if fit.explained is not None and fit.mirror_explained is not None:
        alike = (1.0 - fit.explained) / max(1.0 - fit.mirror_explained, 1e-6)
        if alike > MIRROR_BETTER:
            return MIRRORED
        if head and alike > MIRROR_ALIKE:
            return "the pictures fit no better than when one is mirrored: they do not show the same head"
    return ""


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
    matrix = np.linalg.inv(np.array(one.matrix))
    return replace(one, matrix=_rows(matrix), scales=_scales(matrix), overlap=None)


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


def _alignment(
    matrix: Affine,
    method: str,
    uncertainty_mm: float,
    reason: str,
    fit: Fit | None = None,
    model: AlignmentModel | None = None,
) -> Alignment:
    same_contrast = fit is not None and fit.explained is not None and fit.explained > SAME_CONTRAST
    stretch = _scales(matrix)
    return Alignment(
        method=method,
        matrix=_rows(matrix),
        uncertainty_mm=float(uncertainty_mm),
        accepted=not reason,
        reason=reason,
        model=model or (AlignmentModel.RIGID if stretch == (1.0, 1.0, 1.0) else AlignmentModel.AFFINE),
        inverse_consistency_mm=fit.inverse_consistency_mm if fit else None,
        overlap=fit.overlap if fit else None,
        similarity=fit.similarity if fit else None,
        residual=fit.residual if fit and same_contrast else None,
        scales=stretch,
    )


def _rows(matrix: Affine) -> Matrix:
    return tuple((float(r[0]), float(r[1]), float(r[2]), float(r[3])) for r in matrix)


def _scales(matrix: Affine) -> tuple[float, float, float]:
    """Return the scales of a map, exactly 1 where they differ from it by rounding only."""
    found = scales(matrix)
    return found if max(abs(s - 1.0) for s in found) > _ROUNDING else (1.0, 1.0, 1.0)
