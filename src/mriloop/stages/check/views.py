"""What a person should look at in a series: the slices behind its defects, and the profile that shows ghosts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mriloop.imaging import ghosting, slices
from mriloop.imaging.phase_profile import phase_profile
from mriloop.model.quality import Defect, PhaseProfile, Spot
from mriloop.stages.check.measures import Sample

_AIR = 0.02  # of the lines: with less of the object in them, what is bright there is no part of it
_UNEVEN = {"slices_uneven", "slices_torn", "signal_dropout"}


def spots_of(sample: Sample, defects: Sequence[Defect]) -> tuple[Spot, ...]:
    """Return the slices to look at: each doubled one, the one with most ghosts, the one that stands off in brightness.

    A slice is named only for what the series has a defect of, so that nobody looks for what is not held against it. At
    most one text for each slice, the gravest.
    """
    codes = {one.code for one in defects}
    found: dict[int, str] = {}
    if "identical_slices" in codes:
        for _, second in slices.identical_slices(sample.values)[:4]:
            found.setdefault(second, "same as before")
    if codes & {"ghosting", "motion_artifact"} and sample.phase_axis is not None:
        regions = sample.regions
        ghosts = ghosting.slice_ghosts(sample.values, regions.object, regions.air, sample.phase_axis)
        if np.isfinite(ghosts).any():
            found.setdefault(int(np.nanargmax(ghosts)), "most ghosts")
    if codes & _UNEVEN:
        jumps = slices.slice_jumps(sample.values, sample.regions.object)
        if np.isfinite(jumps).any():
            found.setdefault(int(np.nanargmax(jumps)), "brightness jumps")
    return tuple(Spot(slice=index, text=found[index]) for index in sorted(found))


def profile_of(sample: Sample) -> PhaseProfile | None:
    """Return the profile along the phase-encode direction; None where it is not known or there is no air beside.

    None as well where the field of view cuts the object on several sides: dark tissue is no air there.
    """
    if sample.phase_axis is None or ghosting.sides_cut(sample.regions.object) > 1:
        return None
    found = phase_profile(sample.values, sample.regions.object, sample.regions.air, sample.phase_axis)
    if found is None:
        return None
    along, inside, beside = found
    free = np.flatnonzero(inside < _AIR)
    return PhaseProfile(
        along=tuple(round(float(value), 5) for value in along),
        object=tuple(round(float(value), 4) for value in inside),
        beside=beside,
        step_mm=sample.spacing_mm[sample.phase_axis],
        peak=int(free[np.argmax(along[free])]) if free.size else None,
    )
