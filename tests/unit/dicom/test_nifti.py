"""NIfTI and BIDS: geometry from the header, physics from the sidecar, and a code for every file that misleads."""

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from mriloop.edges.dicom import Intake, Limits, load_volumes, read_intake
from mriloop.edges.dicom.bids import bids_parameters, subject_of
from mriloop.model.errors import SenderError

LIMITS = Limits()
AFFINE = np.array([[-2.0, 0, 0, 10], [0, 1.5, 0, -20], [0, 0, 4.0, 30], [0, 0, 0, 1]])


def write(path: Path, shape: tuple[int, ...] = (5, 6, 7), affine: np.ndarray = AFFINE, seed: int = 0) -> np.ndarray:
    data = np.random.default_rng(seed).integers(0, 1000, shape).astype(np.int16)
    image = nib.Nifti1Image(data, affine)
    image.header.set_xyzt_units("mm", "sec")
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(image, path)
    return data


def code_of(path: Path) -> str:
    with pytest.raises(SenderError) as refusal:
        read_intake(path, LIMITS)
    return refusal.value.code


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_voxels_and_frames_agree_with_the_header(name: str, tmp_path: Path) -> None:
    data = write(tmp_path / name)
    with read_intake(tmp_path / name, LIMITS) as intake:
        (series,) = intake.studies[0].series
        (volume,) = load_volumes(intake, series, LIMITS)
    assert np.array_equal(volume.data, data)
    assert np.array_equal(volume.affine, AFFINE)
    assert (volume.slice_axis, volume.reader) == (2, "nibabel")
    assert len(series.frames) == 7
    frame = series.frames[3]
    assert frame.position_ras_mm == tuple((AFFINE @ [0, 0, 3, 1])[:3])
    assert (frame.rows, frame.columns, frame.spacing_mm) == (6, 5, (1.5, 2.0))
    assert (frame.row_axis_ras, frame.column_axis_ras) == ((-1.0, 0.0, 0.0), (0.0, 1.0, 0.0))
    assert series.series_instance_uid.startswith("2.25.")
    assert len(series.series_instance_uid) <= 64


def test_the_thick_axis_is_that_of_the_slices(tmp_path: Path) -> None:
    write(tmp_path / "sag.nii", affine=np.diag([5.0, 1.0, 1.0, 1.0]))
    with read_intake(tmp_path, LIMITS) as intake:
        (series,) = intake.studies[0].series
        (volume,) = load_volumes(intake, series, LIMITS)
        assert volume.slice_axis == 0
        assert len(series.frames) == 5


def test_a_sidecar_speaks_dicom(tmp_path: Path) -> None:
    write(tmp_path / "sub-01" / "ses-2" / "anat" / "sub-01_ses-2_T2w.nii.gz")
    sidecar = {"EchoTime": 0.085, "RepetitionTime": 5, "FlipAngle": 120, "MagneticFieldStrength": 3, "Modality": "MR",
               "Manufacturer": "GE", "ManufacturersModelName": "X", "ScanningSequence": "SE_IR", "BodyPart": "HEAD",
               "ImageType": ["ORIGINAL", "PRIMARY", "M"], "PatientName": "Doe", "SeriesNumber": 4}  # fmt: skip
    (tmp_path / "sub-01" / "ses-2" / "anat" / "sub-01_ses-2_T2w.json").write_text(json.dumps(sidecar))
    with read_intake(tmp_path, LIMITS) as intake:
        (series,) = intake.studies[0].series
        assert intake.refused == ()
    assert series.parameters["EchoTime"] == pytest.approx(85.0)
    assert series.parameters["RepetitionTime"] == 5000.0
    assert series.parameters["FlipAngle"] == 120
    assert series.parameters["ScanningSequence"] == ("SE", "IR")
    assert series.parameters["BodyPartExamined"] == "HEAD"
    assert series.parameters["VendorBIDSSuffix"] == "T2w"
    assert series.series_number == 4
    assert series.frames[0].te_ms == pytest.approx(85.0)
    assert "Doe" not in repr(series)


def test_diffusion_files_beside_the_image(tmp_path: Path) -> None:
    write(tmp_path / "dwi.nii.gz", (5, 6, 7, 3))
    (tmp_path / "dwi.bval").write_text("0 1000 1000\n")
    (tmp_path / "dwi.bvec").write_text("0 1 0\n0 0 0.6\n0 0 0.8\n")
    with read_intake(tmp_path, LIMITS) as intake:
        (series,) = intake.studies[0].series
        (volume,) = load_volumes(intake, series, LIMITS)
        assert intake.refused == ()
    assert volume.b_values == (0.0, 1000.0, 1000.0)
    # The determinant is negative, so FSL's first axis is not reversed: it runs along voxel i, which points left.
    assert volume.b_vectors_ras[1:] == (pytest.approx((-1.0, 0.0, 0.0)), pytest.approx((0.0, 0.6, 0.8)))
    assert series.frames[7].b_value == 1000.0
    assert series.parameters.get("RepetitionTime") is not None


def test_tables_that_do_not_fit_are_not_believed(tmp_path: Path) -> None:
    write(tmp_path / "dwi.nii.gz", (5, 6, 7, 3))
    (tmp_path / "dwi.bval").write_text("0 1000\n")
    with read_intake(tmp_path, LIMITS) as intake:
        (volume,) = load_volumes(intake, intake.studies[0].series[0], LIMITS)
    assert volume.b_values == ()


def test_subjects_are_patients_and_sessions_are_studies(tmp_path: Path) -> None:
    for seed, name in enumerate(["sub-1_ses-a_T1w", "sub-1_ses-a_T2w", "sub-1_ses-b_T1w"]):
        write(tmp_path / f"{name}.nii.gz", seed=seed)

    def shape(intake: Intake) -> list[int]:
        return sorted(len(study.series) for study in intake.studies)

    with read_intake(tmp_path, LIMITS) as intake:
        assert shape(intake) == [1, 2]
        assert len({study.patient for study in intake.studies}) == 1
    write(tmp_path / "sub-2_T1w.nii.gz", seed=9)
    assert code_of(tmp_path) == "two_patients"
    with read_intake(tmp_path, LIMITS, several_patients=True) as intake:
        assert shape(intake) == [1, 1, 2]


def test_microns_become_millimetres(tmp_path: Path) -> None:
    image = nib.Nifti1Image(np.zeros((3, 3, 3), np.int16), np.diag([500.0, 500.0, 900.0, 1.0]))
    image.header.set_xyzt_units("micron")
    nib.save(image, tmp_path / "x.nii")
    with read_intake(tmp_path, LIMITS) as intake:
        (volume,) = load_volumes(intake, intake.studies[0].series[0], LIMITS)
    assert volume.spacing_mm == pytest.approx((0.5, 0.5, 0.9))


def test_an_image_without_geometry_is_refused(tmp_path: Path) -> None:
    image = nib.Nifti1Image(np.zeros((3, 3, 3), np.int16), None)
    image.header["sform_code"] = image.header["qform_code"] = 0
    nib.save(image, tmp_path / "x.nii")
    assert code_of(tmp_path / "x.nii") == "file_nifti_geometry"


def test_a_flat_geometry_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "x.nii", affine=np.diag([1.0, 1.0, 1.0, 1.0]))
    data = bytearray((tmp_path / "x.nii").read_bytes())
    data[280:296] = bytes(16)  # srow_x
    (tmp_path / "x.nii").write_bytes(data)
    assert code_of(tmp_path / "x.nii") == "file_nifti_geometry"


@pytest.mark.parametrize(("keep", "code"), [(400, "file_truncated"), (352, "file_truncated")])
def test_a_truncated_image_is_refused(keep: int, code: str, tmp_path: Path) -> None:
    write(tmp_path / "x.nii")
    (tmp_path / "x.nii").write_bytes((tmp_path / "x.nii").read_bytes()[:keep])
    assert code_of(tmp_path / "x.nii") == code


def test_sizes_that_lie_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "x.nii")
    data = bytearray((tmp_path / "x.nii").read_bytes())
    data[42:48] = b"\xff\x7f" * 3
    (tmp_path / "x.nii").write_bytes(data)
    assert code_of(tmp_path / "x.nii") in ("file_truncated", "file_too_large")


@pytest.mark.parametrize("content", ["{", "[1, 2]", "nothing", '{"a":' * 100_000])
def test_a_sidecar_that_is_no_json_object_is_refused(content: str, tmp_path: Path) -> None:
    write(tmp_path / "x.nii")
    (tmp_path / "x.json").write_text(content)
    assert code_of(tmp_path / "x.nii") == "file_sidecar_invalid"


def test_control_characters_in_a_sidecar_do_no_harm(tmp_path: Path) -> None:
    write(tmp_path / "x.nii")
    (tmp_path / "x.json").write_bytes(b'\xef\xbb\xbf{"ProtocolName": "a\x01b", "EchoTime": 0.01, "FlipAngle": "x"}')
    with read_intake(tmp_path / "x.nii", LIMITS) as intake:
        assert intake.studies[0].series[0].parameters["EchoTime"] == 10.0


def test_another_modality_is_left_out(tmp_path: Path) -> None:
    write(tmp_path / "x.nii")
    (tmp_path / "x.json").write_text('{"Modality": "CT"}')
    with pytest.raises(SenderError):
        read_intake(tmp_path, LIMITS)


def test_values_of_a_wrong_kind_are_unknown() -> None:
    found = bids_parameters({"EchoTime": "0.1", "RepetitionTime": True, "FlipAngle": float("nan"), "SAR": {}}, "x_T1w")
    assert found == {"EchoTime": "0.1", "VendorBIDSSuffix": "T1w"} or "EchoTime" not in found
    assert "RepetitionTime" not in found
    assert "FlipAngle" not in found


@pytest.mark.parametrize(
    ("path", "expected"),
    [("sub-01/ses-2/anat/sub-01_ses-2_T1w.nii", ("01", "2")), ("a/sub-x_T1w.nii", ("x", "")), ("sub.nii", ("", ""))],
)
def test_entities_of_a_path(path: str, expected: tuple[str, str]) -> None:
    assert subject_of(path) == expected
