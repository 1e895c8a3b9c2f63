"""The measures of one picture of any body part: a new one is one function and one line of PICTURE."""

from __future__ import annotations

import numpy as np

from mriloop.imaging import background, ghosting, noise, sharpness
from mriloop.stages.check.measures.measure import ImageMeasure
from mriloop.stages.check.measures.sample import Sample

NO_AIR = "no air beside the object in the field of view"
MASKED = "background was masked by the scanner"
NO_DIRECTION = "the header does not say along which axis the phase was encoded"


def _without_air(sample: Sample) -> str | None:
    """Return why there is no usable air, None when there is."""
    if int(sample.regions.air.sum()) >= 200:
        return None
    return MASKED if sample.regions.zeroed > 0.5 else NO_AIR


def _snr_air(sample: Sample) -> float | str | None:
    return _without_air(sample) or noise.snr_dietrich(sample.values, sample.regions.object, sample.regions.air)


def _snr_difference(sample: Sample) -> float | str | None:
    if sample.twin is None:
        return "only one volume of this contrast"
    return noise.snr_difference(sample.values, sample.twin, sample.regions.object)


def _snr_inside(sample: Sample) -> float | str | None:
    sigma = noise.sigma_inside(sample.values, sample.regions.object)
    return None if sigma is None else float(np.median(sample.values[sample.regions.object])) / sigma


def _aes(sample: Sample) -> float | str | None:
    sigma = noise.sigma_inside(sample.values, sample.regions.object)
    return sharpness.average_edge_strength(sample.values, sample.regions.object, sigma or 0.0)


def _tenengrad(sample: Sample) -> float | str | None:
    return sharpness.tenengrad(sample.values, sample.regions.object)


def _gradient_entropy(sample: Sample) -> float | str | None:
    if sample.phase_axis is None:
        return NO_DIRECTION
    return sharpness.gradient_entropy(sample.values, sample.regions.object, sample.phase_axis)


def _ghost(sample: Sample) -> float | str | None:
    if sample.phase_axis is None:
        return NO_DIRECTION
    why = _without_air(sample)
    if why:
        return why
    if ghosting.sides_cut(sample.regions.object) > 1:
        return "the field of view cuts the object on several sides: dark tissue cannot be told from air"
    found = ghosting.ghost_ratio(sample.values, sample.regions.object, sample.regions.air, sample.phase_axis)
    return "too little air in line with the object" if found is None else found


def _fber(sample: Sample) -> float | str | None:
    why = _without_air(sample)
    return why or background.foreground_background_energy(sample.values, sample.regions.object, sample.regions.air)


def _tail(sample: Sample) -> float | str | None:
    return _without_air(sample) or background.background_tail(sample.values, sample.regions.air)


def _efc(sample: Sample) -> float | str | None:
    return background.entropy_focus(sample.values)


def _zeroed(sample: Sample) -> float | str | None:
    return sample.regions.zeroed


def _jump(sample: Sample) -> float | str | None:
    jumps = background.slice_jumps(sample.values, sample.regions.object)
    return float(np.nanmax(jumps)) if np.isfinite(jumps).any() else "fewer than three slices share the object"


def _shading(sample: Sample) -> float | str | None:
    return background.nonuniformity(sample.values, sample.regions.object, sample.spacing_mm)


def _wrap(sample: Sample) -> float | str | None:
    return NO_DIRECTION if sample.phase_axis is None else ghosting.wrap_share(sample.regions.object, sample.phase_axis)


PICTURE: tuple[ImageMeasure[Sample], ...] = (
    ImageMeasure("snr_air", "1", "higher", _snr_air),
    ImageMeasure("snr_difference", "1", "higher", _snr_difference),
    ImageMeasure("snr_inside", "1", "higher", _snr_inside),
    ImageMeasure("average_edge_strength", "{index}", "higher", _aes),
    ImageMeasure("tenengrad", "{index}", "higher", _tenengrad),
    ImageMeasure("gradient_entropy", "{index}", "lower", _gradient_entropy),
    ImageMeasure("ghost_ratio", "1", "lower", _ghost),
    ImageMeasure("background_tail", "{index}", "lower", _tail),
    ImageMeasure("foreground_background_energy", "1", "higher", _fber),
    ImageMeasure("entropy_focus", "{index}", "lower", _efc),
    ImageMeasure("background_zeroed", "1", "", _zeroed),
    ImageMeasure("slice_jump", "1", "lower", _jump),
    ImageMeasure("nonuniformity", "1", "lower", _shading),
    ImageMeasure("wrap_share", "1", "lower", _wrap),
)
