"""The measures of one picture of any body part: a new one is one function and one line of PICTURE."""

from __future__ import annotations

import numpy as np

from mriloop.imaging import (
    background,
    coil,
    ghosting,
    greyscale,
    interference,
    noise,
    shading,
    sharpness,
    slices,
)
from mriloop.imaging.foreground import Floats, picked
from mriloop.stages.check.measures.measure import ImageMeasure
from mriloop.stages.check.measures.sample import Sample

NO_AIR = "no air beside the object in the field of view"
MASKED = "background was masked by the scanner"
NO_DIRECTION = "the header does not say along which axis the phase was encoded"
NO_GHOSTS = "too little air in line with the object"
FEW_SLICES = "fewer than five slices share the object"
SMALL_MATRIX = "the matrix is too small"
NO_LINE = "left and right lie along the slices"


def _without_air(sample: Sample) -> str | None:
    """Return why there is no usable air, None when there is."""
    if int(np.count_nonzero(sample.regions.air)) >= 200:
        return None
    return MASKED if sample.regions.zeroed > 0.5 else NO_AIR


def _snr_air(sample: Sample) -> float | str | None:
    return _without_air(sample) or noise.snr_dietrich(sample.values, sample.regions.object, sample.regions.air)


def _snr_difference(sample: Sample) -> float | str | None:
    if sample.twin is None:
        return "only one volume of this contrast"
    return noise.snr_difference(sample.values, sample.twin, sample.regions.object)


def _snr_inside(sample: Sample) -> float | str | None:
    sigma = sample.sigma
    return None if sigma is None else float(np.median(picked(sample.values, sample.regions.object))) / sigma


def _aes(sample: Sample) -> float | str | None:
    return sharpness.average_edge_strength(sample.values, sample.regions.object, sample.sigma or 0.0)


def _tenengrad(sample: Sample) -> float | str | None:
    return sharpness.tenengrad(sample.values, sample.regions.object)


def _gradient_entropy(sample: Sample) -> float | str | None:
    if sample.phase_axis is None:
        return NO_DIRECTION
    return sharpness.gradient_entropy(sample.values, sample.regions.object, sample.phase_axis)


def _fwhm(sample: Sample, axis: int) -> float | str | None:
    found = sample.fwhm_mm[axis]
    return "too few slices" if found is None and axis == 2 else found


def _ghost(sample: Sample) -> float | str | None:
    return NO_DIRECTION if sample.phase_axis is None else _ghost_along(sample, sample.phase_axis)


def _ghost_either(sample: Sample) -> float | str | None:
    return (
        "the phase-encode axis is known: see ghost_ratio"
        if sample.phase_axis is not None
        else _ghost_along(sample, None)
    )


def _ghost_half(sample: Sample) -> float | str | None:
    return ghosting.half_field_ghost(sample.values, sample.regions.object, sample.phase_axis)


def _ghost_along(sample: Sample, axis: int | None) -> float | str | None:
    values, core, beside = sample.ghostly
    if int(np.count_nonzero(beside)) < 200:
        return _without_air(sample) or NO_GHOSTS
    if sample.sides_cut > 2:
        return "the field of view cuts the object on three sides: dark tissue cannot be told from air"
    found = ghosting.ghost_ratio(values, core, beside, axis)
    return NO_GHOSTS if found is None else found


def _fber(sample: Sample) -> float | str | None:
    why = _without_air(sample)
    return why or background.foreground_background_energy(sample.values, sample.regions.object, sample.regions.air)


def _tail(sample: Sample) -> float | str | None:
    return _without_air(sample) or background.background_tail(sample.values, sample.regions.air)


def _artefact(sample: Sample) -> float | str | None:
    return _without_air(sample) or background.artefact_share(sample.values, sample.regions.air)


def _misfit(sample: Sample) -> float | str | None:
    return _without_air(sample) or background.noise_misfit(sample.values, sample.regions.air)


def _air_correlation(sample: Sample) -> float | str | None:
    return _without_air(sample) or background.air_correlation(sample.values, sample.regions.air)


def _efc(sample: Sample) -> float | str | None:
    return background.entropy_focus(sample.values)


def _zeroed(sample: Sample) -> float | str | None:
    return sample.regions.zeroed


def _jump(sample: Sample) -> float | str | None:
    jumps = slices.slice_jumps(sample.values, sample.regions.object)
    return float(np.nanmax(jumps)) if np.isfinite(jumps).any() else "fewer than three slices share the object"


def _step(sample: Sample) -> float | str | None:
    found = slices.interleave_step(sample.values, sample.regions.object)
    return FEW_SLICES if found is None else found


def _tear(sample: Sample) -> float | str | None:
    found = slices.interleave_tear(sample.values, sample.regions.object)
    return FEW_SLICES if found is None else found


def _shading(sample: Sample) -> float | str | None:
    return shading.nonuniformity(sample.values, sample.regions.object, sample.spacing_mm)


def _field_range(sample: Sample) -> float | str | None:
    return None if sample.field is None else shading.field_range(sample.field)


def _field_median(sample: Sample) -> float | str | None:
    return None if sample.field is None else shading.field_median(sample.field)


def _banding(sample: Sample) -> float | str | None:
    return shading.banding(sample.values, sample.regions.object, sample.spacing_mm)


def _asymmetry(sample: Sample) -> float | str | None:
    axis = sample.patient_axes.index(0)
    if axis == 2:
        return NO_LINE
    found = coil.asymmetry(sample.values, sample.regions.object, sample.spacing_mm, axis)
    return None if found is None else abs(found)


def _centroid(sample: Sample) -> float | str | None:
    return _length(coil.centroid_offset_mm(sample.values, sample.regions.object, sample.spacing_mm))


def _centre(sample: Sample) -> float | str | None:
    return _length(coil.centre_offset_mm(sample.values, sample.regions.object, sample.spacing_mm))


def _length(offset: tuple[float, float, float] | None) -> float | None:
    return None if offset is None else float(np.linalg.norm(offset))


def _wrap(sample: Sample) -> float | str | None:
    return NO_DIRECTION if sample.phase_axis is None else ghosting.wrap_share(sample.regions.object, sample.phase_axis)


def _folded(sample: Sample) -> float | str | None:
    if sample.phase_axis is None:
        return NO_DIRECTION
    found = ghosting.folded_share(sample.values, sample.regions.object, sample.phase_axis)
    return SMALL_MATRIX if found is None else found


def _herringbone(sample: Sample) -> float | str | None:
    return _worst(interference.herringbone(sample.values, sample.regions.object), 100)


def _zipper(sample: Sample) -> float | str | None:
    axes = (0, 1) if sample.phase_axis is None else (sample.phase_axis,)
    found = [_worst(interference.zipper(sample.values, sample.regions.object, axis), 90) for axis in axes]
    numbers = [one for one in found if isinstance(one, float)]
    return max(numbers) if numbers else SMALL_MATRIX


def _worst(by_slice: Floats | None, percentile: float) -> float | str | None:
    if by_slice is None or not np.isfinite(by_slice).any():
        return SMALL_MATRIX
    return float(np.nanpercentile(by_slice, percentile))


def _clipped(sample: Sample) -> float | str | None:
    return greyscale.clipped_share(sample.values, sample.regions.object)


def _levels(sample: Sample) -> float | str | None:
    return greyscale.grey_levels(sample.values, sample.regions.object)


PICTURE: tuple[ImageMeasure[Sample], ...] = (
    ImageMeasure("snr_air", "1", "higher", _snr_air),
    ImageMeasure("snr_difference", "1", "higher", _snr_difference),
    ImageMeasure("snr_inside", "1", "higher", _snr_inside),
    ImageMeasure("average_edge_strength", "{index}", "higher", _aes),
    ImageMeasure("tenengrad", "{index}", "higher", _tenengrad),
    ImageMeasure("gradient_entropy", "{index}", "lower", _gradient_entropy),
    ImageMeasure("fwhm_i", "mm", "lower", lambda sample: _fwhm(sample, 0)),
    ImageMeasure("fwhm_j", "mm", "lower", lambda sample: _fwhm(sample, 1)),
    ImageMeasure("fwhm_k", "mm", "lower", lambda sample: _fwhm(sample, 2)),
    ImageMeasure("ghost_ratio", "1", "lower", _ghost),
    ImageMeasure("ghost_ratio_either", "1", "lower", _ghost_either),
    ImageMeasure("half_field_ghost", "1", "lower", _ghost_half),
    ImageMeasure("background_tail", "{index}", "lower", _tail),
    ImageMeasure("air_artefact_share", "1", "lower", _artefact),
    ImageMeasure("air_noise_misfit", "1", "lower", _misfit),
    ImageMeasure("air_correlation", "1", "lower", _air_correlation),
    ImageMeasure("foreground_background_energy", "1", "higher", _fber),
    ImageMeasure("entropy_focus", "{index}", "lower", _efc),
    ImageMeasure("background_zeroed", "1", "", _zeroed),
    ImageMeasure("slice_jump", "1", "lower", _jump),
    ImageMeasure("interleave_step", "1", "lower", _step),
    ImageMeasure("interleave_tear", "1", "lower", _tear),
    ImageMeasure("nonuniformity", "1", "lower", _shading),
    ImageMeasure("field_range", "1", "lower", _field_range),
    ImageMeasure("field_median", "1", "higher", _field_median),
    ImageMeasure("banding", "1", "lower", _banding),
    ImageMeasure("left_right_asymmetry", "1", "lower", _asymmetry),
    ImageMeasure("signal_centroid_offset", "mm", "lower", _centroid),
    ImageMeasure("field_of_view_offset", "mm", "lower", _centre),
    ImageMeasure("wrap_share", "1", "lower", _wrap),
    ImageMeasure("folded_share", "1", "lower", _folded),
    ImageMeasure("herringbone", "1", "lower", _herringbone),
    ImageMeasure("zipper", "1", "lower", _zipper),
    ImageMeasure("clipped_share", "1", "lower", _clipped),
    ImageMeasure("grey_levels", "{count}", "higher", _levels),
)
