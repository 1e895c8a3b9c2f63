"""The library calls of COMPARE: their examples, what they refuse before any work, and what they leave on disk."""

from __future__ import annotations

import doctest
import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

import mriloop
from mriloop import align, compare, compare_api
from mriloop.imaging.resample import rigid
from mriloop.model.comparison import Alignment
from mriloop.model.errors import MriloopError

pytestmark = pytest.mark.xdist_group("compare library")
AFFINE = np.array([[4.0, 0, 0, -78], [0, 4.0, 0, -78], [0, 0, 4.0, -78], [0, 0, 0, 1]])
EMPTY = np.zeros((20, 20, 20))


def ball(seed: int) -> np.ndarray:
    x, y, z = np.meshgrid(*[np.arange(40) * 4.0 - 78.0] * 3, indexing="ij")
    folds = 1 + 0.3 * np.sin(x / 9) * np.cos(y / 8 + z / 11)
    noise = np.random.default_rng(seed).normal(0, 1.5, x.shape)
    return 90.0 * folds * (x**2 / 50**2 + y**2 / 62**2 + z**2 / 44**2 < 1) + noise


def test_the_examples_run():
    found = doctest.testmod(compare_api)
    assert found.attempted > 10
    assert found.failed == 0


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"affine_today": AFFINE, "affine_prior": AFFINE}, "weighting="),
        ({"affine_today": AFFINE, "weighting": "T1"}, "prior: an array needs its affine"),
        ({"affine_today": np.eye(3), "affine_prior": AFFINE, "weighting": "T1"}, "today: affine"),
        ({"affine_today": np.zeros((4, 4)), "affine_prior": AFFINE, "weighting": "T1"}, "today: affine"),
        ({"affine_today": AFFINE, "affine_prior": AFFINE, "weighting": "T9"}, "T9"),
        ({"affine_today": AFFINE, "affine_prior": AFFINE, "weighting": "T1", "region": "moon"}, "moon"),
        ({"affine_today": AFFINE, "affine_prior": AFFINE, "weighting": "T1", "baseline": 1}, "counted from 0"),
    ],
)
def test_arrays_that_do_not_say_enough_are_refused(options: dict[str, object], word: str):
    with pytest.raises(ValueError, match=word):
        compare(ball(0), ball(1), **options)


@pytest.mark.parametrize(
    "data",
    [EMPTY, np.full((20, 20, 20), np.nan), np.ones((20, 20)), np.array(["a"]), np.zeros((0, 4, 4)), np.ones((2,) * 5)],
)
def test_what_is_no_picture_is_refused(data: np.ndarray):
    with pytest.raises(ValueError, match="today"):
        compare(data, ball(0), affine_today=AFFINE, affine_prior=AFFINE, weighting="T1")
    with pytest.raises(ValueError, match="moving"):
        align(ball(0), data, affine_fixed=AFFINE, affine_moving=AFFINE)


def test_files_that_are_not_there_and_slabs_are_refused(tmp_path: Path):
    with pytest.raises(MriloopError) as refusal:
        compare(tmp_path / "no.nii", tmp_path / "neither.nii")
    assert refusal.value.code == "input_not_found"
    with pytest.raises(ValueError, match="too few"):
        align(ball(0), ball(0)[:, :, :2], affine_fixed=AFFINE, affine_moving=AFFINE)


def test_the_study_itself_is_no_prior(tmp_path: Path):
    path = tmp_path / "sub-01_T1w.nii.gz"
    nib.save(nib.Nifti1Image(ball(0).astype(np.float32), AFFINE), path)
    with pytest.raises(MriloopError) as refusal:
        compare(path, path, check=False)
    assert refusal.value.code == "prior_same_study"


def test_another_subject_is_refused(tmp_path: Path):
    paths = []
    for number, subject in enumerate(("01", "02")):
        path = tmp_path / f"sub-{subject}" / "anat" / f"sub-{subject}_T1w.nii.gz"
        path.parent.mkdir(parents=True)
        nib.save(nib.Nifti1Image(ball(number).astype(np.float32), AFFINE), path)
        paths.append(path)
    with pytest.raises(MriloopError) as refusal:
        compare(*paths, check=False)
    assert refusal.value.code == "prior_other_patient"


def test_a_t1_beside_a_flair_is_not_comparable_for_lesions():
    found = compare(
        ball(0),
        ball(1),
        affine_today=AFFINE,
        affine_prior=AFFINE,
        weighting="FLAIR",
        weighting_prior="T1",
        region="knee",
        planted=0,
    )
    assert found.changes == ()
    assert found.labels is None
    assert "Cannot tell" in found.statement
    assert {one.reason for one in found.comparison.not_comparable} >= {
        "the prior has no FLAIR series; its T1 would show other things"
    }
    assert any("not verified" in caution for caution in found.comparison.cautions)


def test_a_result_is_saved_with_its_maps(tmp_path: Path):
    """The prior lies 6 mm to the right and turned by 4 degrees: so it must come to lie on today."""
    moved = rigid((0.0, 0.0, 4.0), (6.0, 0.0, 0.0), np.zeros(3))
    image = nib.Nifti1Image(ball(1).astype(np.float32), moved @ AFFINE)
    found = compare(ball(0), image, affine_today=AFFINE, weighting="T1", region="knee", planted=0)
    assert isinstance(found.alignment, Alignment)
    assert np.allclose(np.array(found.alignment.matrix) @ moved, np.eye(4), atol=0.3)
    written = found.save(tmp_path / "out")
    assert json.loads((tmp_path / "out" / "comparison.json").read_text())["schema"] == "mriloop/comparison/1"
    if found.alignment.accepted:
        assert found.on_today is not None
        assert {p.name for p in written} >= {"prior_on_today.nii.gz", "difference.nii.gz"}
        saved = nib.load(tmp_path / "out" / "prior_on_today.nii.gz")
        assert np.allclose(saved.affine, AFFINE, atol=1e-4)
        assert np.allclose(saved.get_fdata(), found.on_today, atol=1e-3)
    (tmp_path / "file").write_text("")
    with pytest.raises(MriloopError) as refusal:
        found.save(tmp_path / "file")
    assert refusal.value.code == "usage_not_a_folder"


def test_the_calls_load_on_first_use_alone():
    assert {"align", "compare", "compare_bids"} <= set(dir(mriloop))
    with pytest.raises(AttributeError):
        _ = mriloop.compare_everything
