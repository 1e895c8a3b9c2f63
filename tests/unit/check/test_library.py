"""The library calls: what they say of arrays whose truth is known, what they refuse, and what importing costs."""

import subprocess
import sys
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from tests.journeys.tiny import write_study

from mriloop import check_array, check_file, check_folder
from mriloop.model.coding import Plane, Region, Weighting
from mriloop.model.errors import MriloopError
from mriloop.model.quality import Verdict
from mriloop.model.quantity import NotAssessable, Quantity
from mriloop.stages.check import CATALOGUE

AFFINE = np.diag([3.0, 3.0, 3.0, 1.0])


def ball(shift: float = 0.0) -> np.ndarray:
    """A sphere with rings inside, shifted by `shift` mm along x, without noise."""
    i, j, k = (3.0 * (np.arange(40) - 19.5) for _ in range(3))
    r = np.sqrt((i[:, None, None] - shift) ** 2 + (1.2 * j[None, :, None]) ** 2 + (0.9 * k[None, None, :]) ** 2)
    return 400.0 / (1 + np.exp((r - 42) / 1.5)) * (1 + 0.3 * np.cos(r / 6))


def series(shifts: list[float], sigma: float = 4.0) -> np.ndarray:
    chance = np.random.default_rng(3)
    still = [ball(shift) for shift in shifts]
    return np.stack(
        [np.hypot(one + chance.normal(0, sigma, one.shape), chance.normal(0, sigma, one.shape)) for one in still], -1
    )


def test_motion_of_an_array_comes_out_in_millimetres():
    found = check_array(series([0, 0, 0, 3, 3, 3]), AFFINE, weighting="BOLD", region="brain", repetition_time_s=2.0)
    assert found.measures["displacement_max"].to("mm").value == pytest.approx(3.0, abs=0.15)
    assert (found.kind.weighting, found.kind.region, found.volumes) == (Weighting.BOLD, Region.BRAIN, 6)
    assert found.motion is not None


def test_twice_the_noise_is_half_the_signal_to_noise():
    quiet, loud = (check_array(series([0, 0], sigma), AFFINE).measures["snr_difference"].value for sigma in (4.0, 8.0))
    assert quiet / loud == pytest.approx(2.0, rel=0.1)


def test_the_phase_axis_of_an_array_is_believed():
    data = series([0])[..., 0]
    assert isinstance(check_array(data, AFFINE).measures["gradient_entropy"], NotAssessable)
    assert isinstance(check_array(data, AFFINE, phase_axis=1).measures["gradient_entropy"], Quantity)
    with pytest.raises(ValueError, match="along the slices"):
        check_array(data, AFFINE, phase_axis=2)


def test_equal_arrays_are_the_same_series_and_planes_come_from_the_affine():
    data = series([0])[..., 0]
    assert check_array(data, AFFINE) == check_array(data.copy(), AFFINE)
    turned = np.array([[0, 0, 3.0, 0], [3.0, 0, 0, 0], [0, 3.0, 0, 0], [0, 0, 0, 1]])
    assert check_array(data, turned).kind.plane is Plane.SAGITTAL


@pytest.mark.parametrize(
    "wrong",
    [
        {"data": np.zeros((4, 4))},
        {"affine": np.zeros((4, 4))},
        {"affine": np.eye(3)},
        {"b_values": (0, 1000, 1000)},
        {"phase_axis": 3},
        {"weighting": "T7"},
        {"b_vectors_ras": np.zeros((3, 3))},
    ],
)
def test_what_contradicts_itself_is_a_value_error(wrong):
    arguments = {"data": np.zeros((20, 20, 4)), "affine": AFFINE, **wrong}
    with pytest.raises(ValueError):
        check_array(**arguments)


def test_a_file_and_a_folder_say_the_same(tmp_path: Path):
    folder = tmp_path / "study"
    write_study(folder, slices=6)
    ((one,),) = [study.series for study in check_folder(folder)]
    assert one.completeness.found == 6
    assert one.confirmed_by == "dcm2niix"
    nib.save(nib.Nifti1Image(series([0])[..., 0].astype(np.float32), AFFINE), tmp_path / "x.nii.gz")
    assert check_file(tmp_path / "x.nii.gz").verdict in (Verdict.ACCEPTABLE, Verdict.LIMITED, Verdict.NOT_ASSESSABLE)


def test_several_series_are_no_file(tmp_path: Path):
    for name in "ab":
        nib.save(nib.Nifti1Image(series([0])[..., 0].astype(np.float32) + ord(name), AFFINE), tmp_path / f"{name}.nii")
    with pytest.raises(MriloopError) as refusal:
        check_file(tmp_path)
    assert refusal.value.code == "several_series"


def test_the_catalogue_names_every_measure_with_its_unit():
    found = check_array(series([0, 1, 0, 0]), AFFINE, weighting="BOLD", region="brain", repetition_time_s=2.0)
    units = {entry.name: entry.unit for entry in CATALOGUE}
    assert len(units) == len(CATALOGUE), "a name stands once"
    for name, measure in found.measures.items():
        assert name in units
        assert not isinstance(measure, Quantity) or measure.unit == units[name]


def test_importing_mriloop_imports_nothing():
    code = "import sys, mriloop; assert 'numpy' not in sys.modules; assert 'check_array' in dir(mriloop)"
    subprocess.run([sys.executable, "-c", code], check=True)
