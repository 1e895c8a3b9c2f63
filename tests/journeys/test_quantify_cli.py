"""From a folder with a diffusion series to maps on disk and numbers inside an outline, through the command."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel
import numpy as np
import pytest
from click.testing import CliRunner

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
