"""A series against a good picture of the same anatomy: a prior, or a repeat, of the same kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mriloop.imaging import similarity
from mriloop.imaging.register import align, picture
from mriloop.imaging.resample import Grid, sample
from mriloop.model.quantity import Measure, NotAssessable
from mriloop.model.study import Series
from mriloop.model.volume import Affine, Volume
from mriloop.stages.check.measures.measure import ImageMeasure, take_all
from mriloop.stages.check.measures.sample import Sample, sample_of

REGISTER_AT_MM = 2.0
OVERLAP_LEAST = 0.6
SIMILARITY_LEAST = 1.08
UNCERTAIN_VOXELS = 0.7


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    """What a series shows and where its voxels lie: `affine` from the index in `sample.values` to RAS+ mm."""

    sample: Sample
    affine: Affine


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """Two pictures on the grid of the first, and where both have the object."""

    one: similarity.Floats
    two: similarity.Floats
    mask: similarity.Mask
    ssim: similarity.Floats


def placed(volumes: Sequence[Volume], series: Series) -> Placed | NotAssessable:
    """Return what is measured of a series with its place.

    Not assessable as `sample_of` says, and where slices were filled in (their neighbours no longer lie at even steps).
    """
    found = sample_of(volumes, series)
    if isinstance(found, NotAssessable):
        return found
    shape = found.values.shape
    for volume in volumes:
        order = [a for a in range(3) if a != volume.slice_axis] + [volume.slice_axis]
        if volume.data.ndim >= 3 and tuple(volume.data.shape[a] for a in order) == shape and not volume.filled_slices:
            return Placed(found, np.asarray(volume.affine[:, [*order, 3]], dtype=np.float64))
    return NotAssessable(reason="slices are missing: the picture has no even grid")


def paired(one: Placed, reference: Placed) -> Pair | NotAssessable:
    """Lay the reference on the grid of the other picture by rigid registration.

    Not assessable where the registration cannot be trusted: little overlap, hardly any shared information, or two
    estimates that differ by more than 0.7 voxel, for then unlikeness says nothing about quality.
    """
    if one.sample.values.shape[2] < 3 or reference.sample.values.shape[2] < 3:
        return NotAssessable(reason="too few slices to lay one picture on the other")
    fixed, moving = (picture(p.sample.values, p.affine, REGISTER_AT_MM) for p in (one, reference))
    fit = align(fixed, moving, thorough=False)
    voxel = max(REGISTER_AT_MM, *one.sample.spacing_mm[:2])
    if fit.overlap < OVERLAP_LEAST or fit.similarity < SIMILARITY_LEAST:
        return NotAssessable(reason="the two pictures could not be laid on each other")
    if fit.uncertainty_mm > UNCERTAIN_VOXELS * voxel:
        return NotAssessable(reason=f"the registration is only known to {fit.uncertainty_mm:.1f} mm")
    shape = one.sample.values.shape
    grid = Grid(shape=(shape[0], shape[1], shape[2]), affine=one.affine)
    laid = sample(reference.sample.values, reference.affine, grid, fit.matrix)
    covered = sample(np.ones(reference.sample.values.shape, np.float32), reference.affine, grid, fit.matrix, order=1)
    theirs = sample(reference.sample.regions.object.astype(np.float32), reference.affine, grid, fit.matrix, order=1)
    mask = one.sample.regions.object & (covered > 0.99) & (theirs > 0.5)
    if int(mask.sum()) < 1000:
        return NotAssessable(reason="the two pictures share too little of the object")
    return Pair(one.sample.values, laid, mask, similarity.ssim(one.sample.values, laid, mask))


def _ssim(pair: Pair) -> float | None:
    known = pair.ssim[np.isfinite(pair.ssim)]
    return float(np.median(known)) if known.size else None


def _worst(pair: Pair) -> float | None:
    known = pair.ssim[np.isfinite(pair.ssim)]
    return float(known.min()) if known.size else None


def _gradient(pair: Pair) -> float | None:
    return similarity.gradient_deviation(pair.one, pair.two, pair.mask)


def _sharpness(pair: Pair) -> float | None:
    return similarity.sharpness_ratio(pair.one, pair.two, pair.mask)


def _correlation(pair: Pair) -> float | None:
    return similarity.correlation(pair.one, pair.two, pair.mask)


REFERENCE: tuple[ImageMeasure[Pair], ...] = (
    ImageMeasure("reference_ssim", "1", "higher", _ssim),
    ImageMeasure("reference_ssim_worst_slice", "1", "higher", _worst),
    ImageMeasure("reference_gradient_deviation", "1", "lower", _gradient),
    ImageMeasure("reference_sharpness_ratio", "1", "higher", _sharpness),
    ImageMeasure("reference_correlation", "1", "higher", _correlation),
)


def reference_measures(sample: Placed | NotAssessable, reference: Placed | NotAssessable) -> dict[str, Measure]:
    """Return how a series compares with a reference of its kind: SSIM (median, worst slice), GMSD, edges, likeness.

    The reference is a prior or a repeat of the same weighting and plane that was itself acceptable; the caller chooses
    it. What is measured is likeness: disease that changed between the visits lowers it too, a little.
    """
    for one in (sample, reference):
        if isinstance(one, NotAssessable):
            return take_all(one, REFERENCE)
    assert isinstance(sample, Placed)
    assert isinstance(reference, Placed)
    return take_all(paired(sample, reference), REFERENCE)
