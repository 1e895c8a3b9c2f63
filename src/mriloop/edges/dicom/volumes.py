"""The voxels of a series: stacked from its frames, confirmed by dcm2niix meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from mriloop.edges.dicom.confirm import Witness
from mriloop.edges.dicom.intake import Intake
from mriloop.edges.dicom.limits import Limits
from mriloop.edges.dicom.nifti import load_nifti
from mriloop.edges.dicom.slices import Slice, slices_of
from mriloop.edges.dicom.stack import stack
from mriloop.model.errors import refuse
from mriloop.model.study import Series
from mriloop.model.volume import Volume


def load_volumes(intake: Intake, series: Series, limits: Limits) -> tuple[Volume, ...]:
    """Return the volumes of an image series, the largest first.

    Voxels are in the order column, row, slice of the stored frames (NIfTI input keeps its own), the affine maps them to
    RAS+ mm, and intensities are those after the modality LUT (RescaleSlope and RescaleIntercept). dcm2niix converts the
    same files in a child process with limits; `confirmed_by` names it when every slice of both agrees in place and in
    every number, else the first note says in what they differ.

    Raises
    ------
    ComponentError
        converter_failed, when no frame has pixels that can be decoded and a place in the patient.
    SenderError
        file_not_nifti, for NIfTI input that cannot be read any more.
    """
    with open_volumes(intake, series, limits) as (volumes, disagreement):
        difference = disagreement()
    if difference is None:
        return volumes
    first = (f"dcm2niix: {difference}",) if difference else ()
    return tuple(
        replace(volume, notes=(*first, *volume.notes), confirmed_by="" if difference else "dcm2niix")
        for volume in volumes
    )


@contextmanager
def open_volumes(
    intake: Intake, series: Series, limits: Limits
) -> Iterator[tuple[tuple[Volume, ...], Callable[[], str | None]]]:
    """Give the volumes of a series while dcm2niix is still at work on it.

    The second value waits for it and returns in what it disagrees: empty when it confirms every slice, None for NIfTI
    input, of which there is one reader. Ask inside the block. Volumes and refusals are those of `load_volumes`.
    """
    source = intake.nifti.get(series.series_instance_uid)
    if source is not None:
        yield (load_nifti(source, series),), lambda: None
        return
    records = intake.records[series.study_instance_uid, series.series_instance_uid]
    images = [record for record in records if record.pixels is not None]
    with Witness([record.path for record in images], limits) as witness:
        slices, notes = slices_of(images, limits)
        if not slices:
            raise refuse("converter_failed", detail="; ".join(notes) or "the series holds no images")
        yield _stacked(series, slices, notes), lambda: witness.disagreement(slices)


def _stacked(series: Series, slices: Sequence[Slice], notes: Sequence[str]) -> tuple[Volume, ...]:
    planar = series.parameters.get("MRAcquisitionType") == "2D" and (
        "EP" in _words(series, "ScanningSequence") or "YES" in _words(series, "EchoPlanarPulseSequence")
    )
    repetition = series.parameters.get("RepetitionTime")
    volumes = []
    for volume in stack(slices, series.series_instance_uid):
        time = volume.repetition_time_ms
        if time is None and planar and volume.count > 1 and isinstance(repetition, int | float):
            time = float(repetition)
        volumes.append(replace(volume, notes=(*notes, *volume.notes), repetition_time_ms=time))
    return tuple(sorted(volumes, key=lambda volume: -volume.data.size))


def _words(series: Series, keyword: str) -> tuple[object, ...]:
    value = series.parameters.get(keyword, ())
    return value if isinstance(value, tuple) else (value,)
