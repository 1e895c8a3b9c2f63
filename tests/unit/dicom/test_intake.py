"""Files become studies: whose they are, what belongs together, what is refused and why."""

import shutil
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset

from mriloop.edges.dicom import Intake, Limits, read_intake
from mriloop.model.errors import MriloopError, SenderError
from mriloop.model.study import SeriesObject

LIMITS = Limits()
Make = Callable[..., Dataset]
Write = Callable[..., Path]


def refused(intake: Intake) -> dict[str, str]:
    return {entry.path: entry.code for entry in intake.refused}


def test_a_series_with_its_study(folder: Path) -> None:
    with read_intake(folder, LIMITS) as intake:
        (study,) = intake.studies
        (series,) = study.series
        assert study.started_at == datetime(2020, 6, 30, 10, 15)
        assert (study.accession, study.sex, study.age_years) == ("A1", "F", 40.0)
        assert (series.series_number, series.description, series.modality) == (3, "t1", "MR")
        assert series.object is SeriesObject.IMAGE
        assert series.parameters["RepetitionTime"] == 500.0
        assert series.parameters["ImageType"] == ("ORIGINAL", "PRIMARY", "M", "ND")
        assert [frame.instance_number for frame in series.frames] == [1, 2, 3, 4, 5]
        assert series.frames[0].position_ras_mm == (10.0, 20.0, 3.0)
        assert series.frames[0].row_axis_ras == (-1.0, 0.0, 0.0)
        assert series.frames[0].spacing_mm == (2.0, 1.0)
        assert set(intake.files) == {series.series_instance_uid}


@pytest.mark.parametrize(
    ("said", "born", "age"),
    [
        (None, "20020701", 17.0),  # the day before the 18th birthday
        (None, "20020630", 18.0),
        (None, "20010701", 18.0),  # the day before the 19th, where the adult tables begin
        (None, "20181231", 1.5 - 1 / 366),
        (None, "20200630", 0.0),
        (None, "20200701", None),  # born after the study
        ("000Y", "19800101", None),
        ("000Y", None, None),
        ("000Y", "20200330", 0.25),
        ("000D", "20200630", 0.0),
        ("018Y", "20020701", 18.0),  # what the scanner says stands
        ("018M", None, 1.5),
        ("227M", None, 18.0),
        ("008W", None, 56 / 365.25),
        ("Y", "19800101", 40.0),
    ],
)
def test_an_age_is_of_completed_years_by_the_calendar(
    said: str | None, born: str | None, age: float | None, make: Make, write: Write, tmp_path: Path
) -> None:
    write(make(1, PatientAge=said or "", PatientBirthDate=born or ""), tmp_path / "1")
    with read_intake(tmp_path, LIMITS) as intake:
        found = intake.studies[0].age_years
    assert found == (None if age is None else pytest.approx(age, abs=0.003))
    assert found is None or age is None or int(found) == int(age)


def test_what_varies_within_a_series_is_a_tuple(make: Make, write: Write, tmp_path: Path) -> None:
    for number in (1, 2):
        write(make(number, EchoTime=10.0 * number, ScanningSequence=["GR", "SE"][number - 1]), tmp_path / f"{number}")
    with read_intake(tmp_path, LIMITS) as intake:
        series = intake.studies[0].series[0]
        assert series.parameters["EchoTime"] == (10.0, 20.0)
        assert set(series.parameters["ScanningSequence"]) == {"GR", "SE"}  # type: ignore[arg-type]
        assert [frame.te_ms for frame in series.frames] == [10.0, 20.0]


def test_a_pseudonym_is_stable_keyed_and_mute(folder: Path) -> None:
    def patient(salt: bytes) -> str:
        with read_intake(folder, LIMITS, salt=salt) as intake:
            (person,) = intake.identities
            assert (person.name, person.patient_id, person.birth_date) == ("Doe^Jane", "P1", "19800101")
            assert person.patient == intake.studies[0].patient
            return person.patient

    assert patient(b"one") == patient(b"one") != patient(b"two")
    assert "P1" not in patient(b"one")


@pytest.mark.parametrize(
    ("first", "second", "patients"),
    [
        ({}, {"PatientName": "Doe^J", "PatientBirthDate": "19800102"}, 1),
        ({}, {"PatientID": "P2"}, 2),
        ({}, {"IssuerOfPatientID": "OTHER"}, 2),
        ({"PatientID": ""}, {"PatientID": ""}, 1),
        ({"PatientID": ""}, {"PatientID": "", "PatientName": "Roe^R"}, 2),
        ({"PatientID": "", "PatientName": ""}, {"PatientID": "", "PatientName": ""}, 2),
    ],
)
def test_who_is_the_same_patient(
    first: dict[str, str], second: dict[str, str], patients: int, make: Make, write: Write, tmp_path: Path
) -> None:
    write(make(1, **first), tmp_path / "1")
    other = {"StudyInstanceUID": "1.2.3", "SeriesInstanceUID": "1.2.3.4", "SOPInstanceUID": "1.2.3.4.5"}
    write(make(2, **other, **second), tmp_path / "2")
    with read_intake(tmp_path, LIMITS, several_patients=True) as intake:
        assert len({study.patient for study in intake.studies}) == patients
    if patients == 2:
        with pytest.raises(SenderError) as refusal:
            read_intake(tmp_path, LIMITS)
        assert refusal.value.code == "two_patients"


def test_two_patients_under_one_study_uid_are_never_mixed(make: Make, write: Write, tmp_path: Path) -> None:
    write(make(1), tmp_path / "1")
    write(make(2, PatientID="P2"), tmp_path / "2")
    other = {"StudyInstanceUID": "1.2.3", "SeriesInstanceUID": "1.2.3.4", "SOPInstanceUID": "1.2.3.4.5"}
    write(make(3, **other), tmp_path / "3")
    with pytest.raises(SenderError) as refusal:
        read_intake(tmp_path, LIMITS)
    assert refusal.value.code == "two_patients"
    with read_intake(tmp_path, LIMITS, several_patients=True) as intake:
        assert [study.study_instance_uid for study in intake.studies] == ["1.2.3"]
        assert refused(intake) == dict.fromkeys(["1", "2"], "file_two_patients")


def test_an_object_without_patient_id_belongs_to_the_patient_of_its_study(
    folder: Path, make: Make, write: Write
) -> None:
    write(make(6, PatientID="", PatientName=""), folder / "6.dcm")
    with read_intake(folder, LIMITS) as intake:
        assert len(intake.studies[0].series[0].frames) == 6


def test_the_same_file_twice_counts_once(folder: Path) -> None:
    shutil.copy(folder / "2.dcm", folder / "again.dcm")
    with read_intake(folder, LIMITS) as intake:
        series = intake.studies[0].series[0]
        assert len(series.frames) == 5
        assert series.duplicates == (series.frames[1].sop_instance_uid,)
        assert intake.refused == ()


def test_the_same_picture_under_another_header_counts_once(folder: Path, make: Make, write: Write) -> None:
    write(make(2, StudyDescription="renamed by a PACS"), folder / "again.dcm")
    with read_intake(folder, LIMITS) as intake:
        series = intake.studies[0].series[0]
        assert (len(series.frames), len(series.duplicates), len(series.notes)) == (5, 1, 1)


def test_one_uid_with_two_pictures_is_no_source_at_all(folder: Path, make: Make, write: Write) -> None:
    write(make(2, PixelData=bytes(48)), folder / "again.dcm")
    write(make(3, ImagePositionPatient=[0.0, 0.0, 99.0]), folder / "moved.dcm")
    with read_intake(folder, LIMITS) as intake:
        assert refused(intake) == dict.fromkeys(["2.dcm", "again.dcm", "3.dcm", "moved.dcm"], "file_duplicate_differs")
        assert len(intake.studies[0].series[0].frames) == 3


def test_other_modalities_are_left_out_and_told(folder: Path, make: Make, write: Write) -> None:
    for number in (1, 2):
        write(
            make(number, Modality="CT", SOPClassUID="1.2.840.10008.5.1.4.1.1.2", SOPInstanceUID=f"9.{number}",
                 SeriesInstanceUID="9", PatientID="SOMEBODY ELSE", StudyInstanceUID="8"),
            folder / f"ct{number}",
        )  # fmt: skip
    with read_intake(folder, LIMITS) as intake:
        assert [(other.modality, other.count, other.studies) for other in intake.others] == [("CT", 2, ("8",))]
        assert refused(intake) == {"ct1": "file_not_mr", "ct2": "file_not_mr"}
        assert len(intake.studies) == 1


def test_a_study_of_another_modality_is_refused(make: Make, write: Write, tmp_path: Path) -> None:
    write(make(1, Modality="CT", SOPClassUID="1.2.840.10008.5.1.4.1.1.2"), tmp_path / "ct")
    with pytest.raises(SenderError) as refusal:
        read_intake(tmp_path, LIMITS)
    assert refusal.value.code == "input_no_mr"
    assert "1 CT" in refusal.value.message


@pytest.mark.parametrize(
    ("sop_class", "modality", "what"),
    [
        ("1.2.840.10008.5.1.4.1.1.66", "MR", SeriesObject.RAW_DATA),
        ("1.2.840.10008.5.1.4.1.1.4.2", "MR", SeriesObject.SPECTROSCOPY),
        ("1.2.840.10008.5.1.4.1.1.11.1", "PR", SeriesObject.PRESENTATION_STATE),
        ("1.2.840.10008.5.1.4.1.1.88.33", "SR", SeriesObject.REPORT),
        ("1.2.840.10008.5.1.4.1.1.66.4", "SEG", SeriesObject.SEGMENTATION),
        ("1.2.840.10008.5.1.4.1.1.66.1", "REG", SeriesObject.REGISTRATION),
        ("1.2.840.10008.5.1.4.1.1.104.1", "DOC", SeriesObject.DOCUMENT),
        ("1.3.12.2.1107.5.9.1", "MR", SeriesObject.RAW_DATA),
    ],
)
def test_objects_without_a_picture_are_named(
    sop_class: str, modality: str, what: SeriesObject, folder: Path, make: Make, write: Write
) -> None:
    ds = make(9, SOPClassUID=sop_class, Modality=modality, SeriesInstanceUID="7.7", PixelData=None, Rows=None)
    write(ds, folder / "object")
    with read_intake(folder, LIMITS) as intake:
        other = next(series for series in intake.studies[0].series if series.series_instance_uid == "7.7")
        assert (other.object, other.frames) == (what, ())
        assert intake.refused == ()


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"SOPInstanceUID": None}, "file_no_identity"),
        ({"SeriesInstanceUID": ""}, "file_no_identity"),
        ({"StudyInstanceUID": "../../../etc/passwd"}, "file_no_identity"),
        ({"SOPInstanceUID": "1." * 33 + "1"}, "file_no_identity"),
        ({"PixelData": None}, "file_no_pixels"),
        ({"Rows": 0}, "file_pixels_impossible"),
        ({"Rows": 400}, "file_pixels_impossible"),
        ({"Columns": 1}, "file_pixels_impossible"),
        ({"BitsAllocated": 12}, "file_pixels_impossible"),
        ({"BitsStored": 17}, "file_pixels_impossible"),
        ({"HighBit": 16}, "file_pixels_impossible"),
        ({"SamplesPerPixel": 3}, "file_pixels_impossible"),
        ({"NumberOfFrames": 0}, "file_pixels_impossible"),
        ({"NumberOfFrames": 2}, "file_pixels_impossible"),
        ({"NumberOfFrames": 2_000_000_000}, "file_pixels_impossible"),
    ],
)
def test_what_cannot_be_trusted_is_refused_alone(
    changes: dict[str, object], code: str, folder: Path, make: Make, write: Write
) -> None:
    write(make(9, **changes), folder / "bad")
    with read_intake(folder, LIMITS) as intake:
        assert refused(intake) == {"bad": code}
        assert sum(frame.has_pixels for frame in intake.studies[0].series[0].frames) == 5


@pytest.mark.parametrize("keep", [131, 200, 500, -1, -20, -47])
def test_a_truncated_file_is_never_a_slice(keep: int, folder: Path) -> None:
    data = (folder / "1.dcm").read_bytes()
    (folder / "1.dcm").write_bytes(data[:keep])
    with read_intake(folder, LIMITS) as intake:
        assert refused(intake)["1.dcm"] in ("file_truncated", "file_not_dicom", "file_no_identity")
        assert len(intake.studies[0].series[0].frames) == 4


def test_a_single_refused_file_raises_its_own_code(folder: Path) -> None:
    data = (folder / "1.dcm").read_bytes()
    (folder / "1.dcm").write_bytes(data[:-9])
    with pytest.raises(SenderError) as refusal:
        read_intake(folder / "1.dcm", LIMITS)
    assert refusal.value.code == "file_truncated"


def test_when_every_file_is_broken_each_is_listed(folder: Path) -> None:
    for path in folder.iterdir():
        path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(MriloopError) as refusal:
        read_intake(folder, LIMITS)
    assert refusal.value.code == "input_all_refused"
    entries = refusal.value.context["refused"]
    assert isinstance(entries, tuple)
    assert len(entries) == 5


def test_dirt_that_does_no_harm(folder: Path, make: Make, write: Write) -> None:
    path = write(make(6, NumberOfFrames=11, ImageComments="x\x07y", SliceThickness="3.0"), folder / "6.dcm")
    data = path.read_bytes()
    data = data.replace(b"\x28\x00\x08\x00IS\x02\x0011", b"\x28\x00\x08\x00IS\x02\x001A")
    data = data.replace(b"DS\x04\x003.0 ", b"DS\x04\x003,0 ")
    path.write_bytes(data)
    with read_intake(folder, LIMITS) as intake:
        assert intake.refused == ()
        frame = intake.studies[0].series[0].frames[5]
        assert (frame.frame_number, frame.thickness_mm) == (1, 3.0)


def test_a_frame_without_place_stays_and_says_so(folder: Path, make: Make, write: Write) -> None:
    write(make(6, ImagePositionPatient=None, ImageOrientationPatient=[1, 0, 0, 1, 0, 0]), folder / "6.dcm")
    with read_intake(folder, LIMITS) as intake:
        frame = intake.studies[0].series[0].frames[5]
        assert frame.position_ras_mm is frame.row_axis_ras is frame.column_axis_ras is None


def test_a_data_set_without_preamble_is_read(folder: Path) -> None:
    data = (folder / "1.dcm").read_bytes()
    (folder / "1.dcm").write_bytes(data[132:])
    with read_intake(folder, LIMITS) as intake:
        assert len(intake.studies[0].series[0].frames) == 5


def test_an_unknown_transfer_syntax(folder: Path) -> None:
    data = (folder / "1.dcm").read_bytes()
    (folder / "1.dcm").write_bytes(data.replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.99999.1.2.1\0"))
    with read_intake(folder, LIMITS) as intake:
        assert refused(intake) == {"1.dcm": "file_transfer_syntax"}


def test_the_digest_is_of_the_content_alone(folder: Path) -> None:
    with read_intake(folder, LIMITS) as before:
        uid = before.studies[0].series[0].series_instance_uid
        first = before.digest[uid]
    (folder / "1.dcm").rename(folder / "zz")
    with read_intake(folder, LIMITS) as renamed:
        assert renamed.digest[uid] == first
    (folder / "zz").unlink()
    with read_intake(folder, LIMITS) as fewer:
        assert fewer.digest[uid] != first


def test_messages_name_nobody(folder: Path, make: Make, write: Write) -> None:
    write(make(7, PatientID="P2", PatientName="Roe^Richard"), folder / "7")
    with pytest.raises(SenderError) as refusal:
        read_intake(folder, LIMITS)
    assert not any(word in refusal.value.message for word in ("Doe", "Roe", "P1", "P2"))


def test_bits_above_bits_stored_are_dropped(make: Make, write: Write, tmp_path: Path) -> None:
    from mriloop.edges.dicom import load_volumes

    values = np.arange(24, dtype="<u2")
    write(make(1, PixelData=(values | 0xF000).tobytes()), tmp_path / "1")
    with read_intake(tmp_path, LIMITS) as intake:
        (volume,) = load_volumes(intake, intake.studies[0].series[0], LIMITS)
        assert np.array_equal(volume.data[:, :, 0].T.ravel(), values)
