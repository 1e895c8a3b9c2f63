"""The voxels of a series: converted by dcm2niix, held against the stored frames, or stacked here where that fails."""

from __future__ import annotations

from mriloop.edges.dicom.intake import Intake
from mriloop.edges.dicom.limits import Limits
from mriloop.edges.dicom.nifti import load_nifti
from mriloop.edges.dicom.slices import slices_of
from mriloop.edges.dicom.stack import stack
from mriloop.model.errors import refuse
from mriloop.model.study import Series
from mriloop.model.volume import Volume


def load_volumes(intake: Intake, series: Series, limits: Limits) -> tuple[Volume, ...]:
    """Return the volumes of a series."""
    source = intake.nifti.get(series.series_instance_uid)
    if source is not None:
        return (load_nifti(source, series),)
    records = intake.records[series.study_instance_uid, series.series_instance_uid]
    slices, notes = slices_of(records, limits)
    if not slices:
        raise refuse("converter_failed", detail=notes[0] if notes else "the series holds no images")
    return tuple(stack(slices, series.series_instance_uid))
