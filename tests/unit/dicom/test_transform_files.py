"""Alignments as files: SimpleITK reads them, we read SimpleITK's, and both move points and pictures alike."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK

from mriloop.edges.dicom.transforms import itk_text, read_transform, write_transforms
from mriloop.imaging.resample import Grid, rigid, sample
from mriloop.model.comparison import Alignment, AlignmentModel
from mriloop.model.errors import MriloopError

LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
MOVE = rigid((12.0, -7.0, 20.0), (5.0, -8.0, 3.0), np.array([1.0, 2.0, 3.0]))


def alignment(matrix: np.ndarray = MOVE, **more: object) -> Alignment:
    rows = tuple(tuple(float(n) for n in row) for row in matrix)
    return Alignment(**({"method": "known", "matrix": rows, "uncertainty_mm": 0.1, "accepted": True} | more))


def image(data: np.ndarray, affine: np.ndarray) -> SimpleITK.Image:
    made = SimpleITK.GetImageFromArray(np.ascontiguousarray(data.T.astype(np.float32)))
    lps = LPS @ affine
    spacing = np.linalg.norm(lps[:3, :3], axis=0)
    made.SetSpacing([float(s) for s in spacing])
    made.SetDirection([float(d) for d in (lps[:3, :3] / spacing).ravel()])
    made.SetOrigin([float(o) for o in lps[:3, 3]])
    return made


def test_simpleitk_resamples_with_it_as_we_do(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    turn = rigid((5.0, 3.0, -8.0), (0.0, 0.0, 0.0), np.zeros(3))
    moving_affine = turn @ np.diag([-1.5, -1.5, 1.5, 1.0])
    moving_affine[:3, 3] = [20.0, 22.0, -18.0]
    grid = np.array([[1.4, 0, 0, -16], [0, 1.4, 0, -20], [0, 0, 1.6, -14], [0, 0, 0, 1.0]])
    fixed = Grid(shape=(30, 28, 16), affine=grid)  # as fine as the picture, so that nothing is smoothed on the way
    data = rng.normal(size=(40, 40, 20)).astype(np.float32)
    tfm, text, sidecar = write_transforms(tmp_path, alignment(), moving="prior1S2", fixed="todayS2")
    for path in (tfm, text):
        transform = SimpleITK.ReadTransform(str(path))
        reference = image(np.zeros(fixed.shape), fixed.affine)
        laid = SimpleITK.Resample(image(data, moving_affine), reference, transform, SimpleITK.sitkLinear, 0.0)
        theirs = SimpleITK.GetArrayFromImage(laid).T
        ours = sample(data, moving_affine, fixed, MOVE, order=1)
        inside = (ours != 0) & (theirs != 0)
        assert inside.sum() > 3000
        np.testing.assert_allclose(ours[inside], theirs[inside], atol=2e-4)
    said = json.loads(sidecar.read_text())
    assert said["Type"] == "rigid"
    assert "points of todayS2 to points of prior1S2" in said["Direction"]
    np.testing.assert_allclose(said["MatrixRAS"], MOVE)


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    tfm, *_ = write_transforms(tmp_path, alignment(), moving="a", fixed="b")
    np.testing.assert_allclose(read_transform(tfm), MOVE, atol=1e-12)


@pytest.mark.parametrize("kind", ["affine", "euler"])
def test_a_transform_of_simpleitk_about_a_centre_is_read(tmp_path: Path, kind: str) -> None:
    inner = SimpleITK.AffineTransform(3)
    inner.SetMatrix([1.01, 0.02, 0.0, -0.02, 0.99, 0.03, 0.0, -0.03, 1.0])
    inner.SetTranslation([3.0, -2.0, 5.0])
    inner.SetCenter([10.0, 20.0, -30.0])
    written = inner if kind == "affine" else SimpleITK.Euler3DTransform([1.0, 2.0, 3.0], 0.1, 0.2, 0.3, [4.0, 5.0, 6.0])
    path = tmp_path / "x.tfm"
    SimpleITK.WriteTransform(written, str(path))
    if kind == "euler":
        assert refusal(path) == "file_transform_unreadable"
        return
    found = read_transform(path)  # moving to fixed, RAS
    point = np.array([12.0, -3.0, 7.0])  # fixed, LPS
    moved = np.array([*written.TransformPoint(point.tolist()), 1.0])
    np.testing.assert_allclose((LPS @ found @ LPS @ moved)[:3], point, atol=1e-9)


def refusal(path: Path) -> str:
    with pytest.raises(MriloopError) as refused:
        read_transform(path)
    return refused.value.code


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not a transform",
        itk_text(MOVE).replace("Affine", "BSpline"),
        itk_text(MOVE) + itk_text(MOVE),
        itk_text(MOVE).replace("FixedParameters: 0 0 0", "FixedParameters: 0 0"),
        itk_text(np.eye(4)).replace("Parameters: 1.0", "Parameters: nan"),
        itk_text(np.eye(4)).replace("Parameters: 1.0 ", "Parameters: 0.0 "),
        "x" * 70_000,
    ],
)
def test_other_files_are_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.tfm"
    path.write_text(text)
    assert refusal(path) == "file_transform_unreadable"


def test_binary_and_absent_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(bytes(range(256)))
    assert refusal(tmp_path / "x") == "file_transform_unreadable"
    assert refusal(tmp_path / "y") == "file_transform_unreadable"


def test_names_that_bids_does_not_allow_and_refused_alignments_are_not_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="letters and digits"):
        write_transforms(tmp_path, alignment(), moving="../a", fixed="b")
    with pytest.raises(ValueError, match="refused"):
        write_transforms(tmp_path, alignment(accepted=False, reason="x"), moving="a", fixed="b")
    assert not list(tmp_path.iterdir())


def test_a_part_and_a_scaled_map_say_so(tmp_path: Path) -> None:
    scaled = alignment(np.diag([1.01, 1.0, 1.0, 1.0]), model=AlignmentModel.AFFINE)
    paths = write_transforms(tmp_path, scaled, moving="a", fixed="b", part="C5", CentreRAS=[1.0, 2.0, 3.0])
    assert [path.name for path in paths] == [
        "a_to_b_C5.tfm", "from-a_to-b_mode-image_desc-C5_xfm.txt", "from-a_to-b_mode-image_desc-C5_xfm.json"
    ]  # fmt: skip
    said = json.loads(paths[2].read_text())
    assert (said["Type"], said["CentreRAS"]) == ("affine", [1.0, 2.0, 3.0])
