"""Performed procedure steps, written by pydicom: status, reason, series, and what cannot be one."""

from __future__ import annotations

from datetime import datetime

import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from mriloop.edges.dicom import Limits, read_intake
from mriloop.edges.dicom.mpps import PERFORMED_STEP, open_performed_step
from mriloop.model.errors import SenderError
from mriloop.model.quality import SeriesKind
from mriloop.model.study import StepStatus
from mriloop.stages.check.completeness import completeness_of

STUDY, SERIES = "1.2.826.0.1.3680043.8.498.1", "1.2.826.0.1.3680043.8.498.1.1"


def item(**elements):
    ds = Dataset()
    for keyword, value in elements.items():
        setattr(ds, keyword, value)
    return ds


def step(**changes):
    ds = item(
        SOPClassUID=PERFORMED_STEP,
        SOPInstanceUID="1.2.3.4",
        PerformedProcedureStepStatus="DISCONTINUED",
        PerformedProcedureStepStartDate="20200630",
        PerformedProcedureStepStartTime="101500",
        PerformedProcedureStepEndDate="20200630",
        PerformedProcedureStepEndTime="102230.5",
        PatientName="Doe^Jane",
        ScheduledStepAttributesSequence=Sequence([item(StudyInstanceUID=STUDY)]),
        PerformedProcedureStepDiscontinuationReasonCodeSequence=Sequence(
            [
                item(
                    CodeValue="110505",
                    CodingSchemeDesignator="DCM",
                    CodeMeaning="Patient refused",
                )
            ]
        ),
        PerformedSeriesSequence=Sequence(
            [
                item(
                    SeriesInstanceUID=SERIES,
                    ProtocolName="t1",
                    ReferencedImageSequence=Sequence(
                        [item(ReferencedSOPInstanceUID=f"{SERIES}.{n}") for n in range(1, 9)]
                    ),
                )
            ]
        ),
    )
    for keyword, value in changes.items():
        setattr(ds, keyword, value)
    return ds


def save(ds, path, syntax=ExplicitVRLittleEndian):
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = ds.SOPClassUID, "1.2.3.4"
    meta.TransferSyntaxUID = syntax
    ds.file_meta = meta
    ds.save_as(path, enforce_file_format=True)
    return path


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_a_step_is_read_whole(tmp_path, syntax):
    found = open_performed_step(save(step(), tmp_path / "mpps", syntax), 1 << 20)
    assert found.status is StepStatus.DISCONTINUED
    assert found.studies == (STUDY,)
    assert (found.reason.value, found.reason.scheme) == ("110505", "DCM")
    assert (found.started_at, found.ended_at) == (
        datetime(2020, 6, 30, 10, 15),
        datetime(2020, 6, 30, 10, 22, 30, 500000),
    )
    (one,) = found.series
    assert (one.series_instance_uid, one.description, len(one.images)) == (SERIES, "t1", 8)


def test_an_image_is_no_step_and_an_odd_status_is_unknown(tmp_path, make, write):
    with pytest.raises(SenderError) as caught:
        open_performed_step(write(make(), tmp_path / "image.dcm"), 1 << 20)
    assert caught.value.code == "file_not_performed_step"
    odd = step(PerformedProcedureStepStatus="ABANDONED")
    assert open_performed_step(save(odd, tmp_path / "odd"), 1 << 20).status is StepStatus.UNKNOWN
    with pytest.raises(SenderError):
        open_performed_step(tmp_path / "absent", 1 << 20)


def test_a_step_beside_the_images_belongs_to_the_input_and_is_no_series(folder):
    save(step(), folder / "mpps.dcm")
    with read_intake(folder, Limits()) as intake:
        assert [s.studies for s in intake.performed] == [(STUDY,)]
        assert [len(study.series) for study in intake.studies] == [1]
        assert intake.refused == ()


def test_a_concatenation_that_lacks_a_part_says_which(tmp_path, make, write):
    for number in (1, 3):
        ds = make(number)
        ds.ConcatenationUID, ds.InConcatenationNumber, ds.InConcatenationTotalNumber = "1.2.9", number, 3
        write(ds, tmp_path / "part" / f"{number}.dcm")
    with read_intake(tmp_path / "part", Limits()) as intake:
        (series,) = intake.studies[0].series
    assert series.declared["instances"] == 3
    assert series.notes == ("2 of 3 parts of a concatenation are here: part 2 missing",)


def test_an_agent_of_an_enhanced_object_is_read_under_the_classic_keyword(tmp_path, make, write):
    ds = make()
    ds.ContrastBolusAgentSequence = Sequence([item(CodeValue="1", CodeMeaning="Gadobutrol")])
    write(ds, tmp_path / "s" / "1.dcm")
    with read_intake(tmp_path / "s", Limits()) as intake:
        assert intake.studies[0].series[0].parameters["ContrastBolusAgent"] == "Gadobutrol"


def test_an_image_without_pixel_data_is_refused_and_its_place_stays_known(folder, make, write):
    write(make(3, PixelData=None), folder / "3.dcm")
    with read_intake(folder, Limits()) as intake:
        (series,) = intake.studies[0].series
        assert [entry.code for entry in intake.refused] == ["file_no_pixels"]
        assert len(intake.files[series.series_instance_uid]) == 4
    found = completeness_of(series, SeriesKind()).completeness
    assert (found.found, found.expected) == (4, 5)
    (missing,) = found.missing
    assert (missing.index, missing.position_ras_mm) == (2, (10.0, 20.0, 9.0))
