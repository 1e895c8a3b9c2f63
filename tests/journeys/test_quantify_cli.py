"""From a folder with a diffusion series to maps on disk and numbers inside an outline, through the command."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel
import numpy as np
import pytest
from click.testing import CliRunner
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ImplicitVRLittleEndian, RTStructureSetStorage

from mriloop.cli import app
from mriloop.model.errors import MriloopError

SHAPE = (40, 44, 8)
AFFINE = np.diag([2.0, 2.0, 4.0, 1.0])
B_VALUES = (0, 500, 1000)
TRUTH = 1.1e-3


def written(folder: Path) -> tuple[Path, Path]:
    """Write a BIDS-like diffusion series and a mask on its voxels; return both paths."""
    rng = np.random.default_rng(1)
    inside = np.zeros(SHAPE)
    inside[8:32, 8:36, :] = 1.0
    signal = 400.0 * inside[..., None] * np.exp(-np.array(B_VALUES) * TRUTH)
    noise = rng.normal(scale=8.0, size=(2, *signal.shape))
    data = np.hypot(signal + noise[0], noise[1]).astype(np.float32)
    home = folder / "sub-01" / "dwi"
    home.mkdir(parents=True)
    nibabel.save(nibabel.Nifti1Image(data, AFFINE), home / "sub-01_dwi.nii.gz")
    (home / "sub-01_dwi.bval").write_text(" ".join(map(str, B_VALUES)))
    (home / "sub-01_dwi.bvec").write_text("0 1 0\n0 0 1\n0 0 0\n")
    mask = np.zeros(SHAPE, np.uint8)
    mask[14:26, 14:30, 2:6] = 3
    path = folder / "mask.nii.gz"
    nibabel.save(nibabel.Nifti1Image(mask, AFFINE), path)
    return folder / "sub-01", path


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return written(tmp_path_factory.mktemp("study"))


def quantify(*arguments):
    return CliRunner().invoke(app, ["quantify", *map(str, arguments)], env={"MRILOOP_EXECUTOR": "serial"})


def test_maps_and_regions_come_out(study, tmp_path):
    path, mask = study
    done = quantify(path, "--mask", mask, "--out", tmp_path / "maps", "--json")
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert document["schema"] == "mriloop/quantities/1"
    (region,) = document["regions"]
    assert region["number"] == 3
    assert region["mean"] == pytest.approx(TRUTH, rel=0.02)
    assert region["volume_ml"] == pytest.approx(12 * 16 * 4 * 0.016, rel=0.02)
    (one,) = document["maps"]
    image = nibabel.load(tmp_path / "maps" / f"{one['name']}.nii.gz")
    assert np.allclose(image.affine, AFFINE)
    assert float(np.nanmedian(image.get_fdata())) == pytest.approx(one["median"], rel=1e-5)
    assert json.loads((tmp_path / "maps" / "quantities.json").read_text())["maps"] == document["maps"]


def test_a_person_reads_the_same(study):
    path, mask = study
    done = quantify(path, "--mask", mask, "--erode")
    assert done.exit_code == 0, done.output
    assert "ADC" in done.output or "adc" in done.output
    assert "mm2/s" in done.output


def test_a_file_in_place_of_the_folder_is_refused(study, tmp_path):
    (tmp_path / "taken").write_text("x")
    done = quantify(study[0], "--out", tmp_path / "taken")
    assert isinstance(done.exception, MriloopError)
    assert done.exception.code == "usage_not_a_folder"


def test_a_mask_that_lies_on_no_voxels_of_the_study_is_refused(study, tmp_path):
    coarse = np.zeros((20, 22, 8), np.uint8)
    coarse[7:13, 7:15, 2:6] = 1
    strange = tmp_path / "strange.nii.gz"
    nibabel.save(nibabel.Nifti1Image(coarse, np.diag([4.0, 4.0, 4.0, 1.0])), strange)
    done = quantify(study[0], "--mask", strange)
    assert isinstance(done.exception, MriloopError)
    assert done.exception.code == "outline_elsewhere"


def structure_set(folder: Path, study_uid: str, series_uid: str) -> Path:
    """Write the square of voxels 14 to 25 by 14 to 29 on slices 2 to 5 as an RT structure set on a series."""
    ds = Dataset()
    ds.SOPClassUID, ds.SOPInstanceUID = RTStructureSetStorage, "1.2.9"
    ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.Modality = study_uid, "1.2.9.1", "RTSTRUCT"
    frame, referenced, series, region, drawn = (Dataset() for _ in range(5))
    series.SeriesInstanceUID = series_uid
    referenced.RTReferencedSeriesSequence = [series]
    frame.RTReferencedStudySequence = [referenced]
    ds.ReferencedFrameOfReferenceSequence = [frame]
    region.ROINumber, region.ROIName = 1, "square"
    ds.StructureSetROISequence = [region]
    drawn.ReferencedROINumber, drawn.ContourSequence = 1, []
    for k in range(2, 6):
        index = np.array([[13.5, 13.5, k, 1], [25.5, 13.5, k, 1], [25.5, 29.5, k, 1], [13.5, 29.5, k, 1]])
        places = (index @ AFFINE.T)[:, :3] * [-1.0, -1.0, 1.0]
        contour = Dataset()
        contour.ContourGeometricType, contour.NumberOfContourPoints = "CLOSED_PLANAR", 4
        contour.ContourData = [f"{value:.3f}" for value in places.ravel()]
        drawn.ContourSequence.append(contour)
    ds.ROIContourSequence = [drawn]
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    ds.file_meta.MediaStorageSOPClassUID, ds.file_meta.MediaStorageSOPInstanceUID = RTStructureSetStorage, "1.2.9"
    ds.save_as(folder / "rs.dcm", enforce_file_format=True)
    return folder / "rs.dcm"


def test_a_structure_set_of_the_study_is_measured_and_that_of_another_refused(study, tmp_path):
    known = json.loads(quantify(study[0], "--json").stdout)
    study_uid, series_uid = known["study_instance_uid"], known["maps"][0]["series"][0]
    done = quantify(study[0], "--mask", structure_set(tmp_path, study_uid, series_uid), "--json")
    assert done.exit_code == 0, done.output
    (region,) = json.loads(done.stdout)["regions"]
    assert region["label"] == "square"
    assert region["mean"] == pytest.approx(TRUTH, rel=0.02)
    assert region["volume_ml"] == pytest.approx(12 * 16 * 4 * 0.016, rel=0.02)
    foreign = quantify(study[0], "--mask", structure_set(tmp_path, "1.2.3.99", series_uid))
    assert isinstance(foreign.exception, MriloopError)
    assert foreign.exception.code == "outline_elsewhere"
