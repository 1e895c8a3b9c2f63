"""A comparison in a folder, and a person who reads it: accepts, rejects, redraws, adds."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from mriloop.app.compare_files import MAPS, write_comparison
from mriloop.cli import app
from mriloop.edges.dicom import read_back, write_nifti
from mriloop.model.comparison import Change, ChangeKind, Comparison
from mriloop.model.errors import MriloopError

AFFINE = np.diag([1.0, 1.0, 3.0, 1.0])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    labels = np.zeros((20, 20, 10), np.int16)
    labels[2:4, 2:4, 2] = 1
    labels[10:14, 10:14, 5] = 2
    before = np.where(labels == 2, 2, 0).astype(np.int16)
    before[12:14] = 0
    changes = tuple(
        Change(
            id=number,
            kind=kind,
            volume_ml=now,
            volume_change_ml=now - then,
            diameter_mm=4.0,
            position_ras_mm=(0.0, 0.0, 0.0),
            confidence=0.8,
            location="deep",
        )
        for number, kind, now, then in ((1, ChangeKind.NEW, 0.012, 0.0), (2, ChangeKind.ENLARGING, 0.048, 0.024))
    )
    comparison = Comparison(
        today_study="1.2.2",
        prior_studies=("1.2.1",),
        pairs=(),
        changes=changes,
        detection_limit=(),
        not_comparable=(),
        statement="as the machine said",
        changes_today="1.2.2.1",
        changes_prior="1.2.1.1",
        changes_weighting="FLAIR",
        changes_since="the prior",
    )
    for name, data in zip(MAPS, (labels, before), strict=True):
        write_nifti(tmp_path / name, data, AFFINE)
    write_comparison(comparison, tmp_path)
    return tmp_path


def _run(*arguments: str | Path) -> tuple[dict, str]:
    result = CliRunner().invoke(app, ["changes", *map(str, arguments), "--json"], catch_exceptions=True)
    if isinstance(result.exception, MriloopError):
        raise result.exception
    return (json.loads(result.stdout) if result.stdout.startswith("{") else {}), result.output


def test_words_are_written_back_and_what_stood_before_is_kept(folder: Path):
    document, _ = _run(folder, "--accept", "1", "--reject", "2", "--by", "Dr. A", "--reason", "vessel")
    assert [one["standing"] for one in document["changes"]] == ["accepted", "rejected"]
    again, _ = _run(folder)
    assert again == document
    earlier = json.loads((folder / "earlier" / "000" / "comparison.json").read_text())
    assert earlier["statement"] == "as the machine said"
    assert [one["by"] for one in document["amendments"]] == ["Dr. A", "Dr. A"]


def test_a_redrawn_and_an_added_outline_are_measured_and_mapped(folder: Path):
    smaller, missed = np.zeros((20, 20, 10), np.int16), np.zeros((40, 40, 20), np.int16)
    smaller[10:12, 10:12, 5] = 1
    missed[10:14, 30:34, 4:8] = 1  # twice as fine: 4 x 4 x 4 voxels of half the size make 2 x 2 x 2 of today's
    fine = np.diag([0.5, 0.5, 1.5, 1.0])
    fine[:3, 3] = [-0.25, -0.25, -0.75]
    write_nifti(folder / "smaller.nii.gz", smaller, AFFINE)
    write_nifti(folder / "missed.nii.gz", missed, fine)
    document, _ = _run(
        folder, "--redraw", f"2={folder / 'smaller.nii.gz'}", "--add", folder / "missed.nii.gz", "--by", "Dr. B"
    )
    by_id = {one["id"]: one for one in document["changes"]}
    assert by_id[2]["volume_ml"] == pytest.approx(0.012)
    assert by_id[2]["kind"] == "shrinking"
    assert (by_id[3]["kind"], by_id[3]["volume_ml"]) == ("new", pytest.approx(0.024))
    assert by_id[3]["tracking_uid"].startswith("2.25.")
    labels, _ = read_back(folder / MAPS[0])
    assert (labels == 3).sum() == 8
    assert (labels == 2).sum() == 4


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--accept", "9", "--by", "x"), "edit_unknown_change"),
        (("--accept", "1", "--reject", "1", "--by", "x"), "edit_twice"),
        (("--redraw", "1=nothing.nii.gz", "--by", "x"), "input_not_found"),
        (("--redraw", "7=nothing.nii.gz", "--by", "x"), "edit_unknown_change"),
    ],
)
def test_a_wrong_word_is_refused_and_changes_nothing(folder: Path, arguments, code):
    before = (folder / "comparison.json").read_bytes()
    with pytest.raises(MriloopError) as refused:
        _run(folder, *arguments)
    assert refused.value.code == code
    assert (folder / "comparison.json").read_bytes() == before
    assert not (folder / "earlier").exists()


def test_a_word_needs_a_person(folder: Path):
    assert "--by" in _run(folder, "--accept", "1")[1]


def test_a_folder_that_is_no_comparison_is_refused(tmp_path: Path):
    with pytest.raises(MriloopError) as refused:
        _run(tmp_path)
    assert refused.value.code == "input_not_found"
    (tmp_path / "comparison.json").write_text("{}")
    with pytest.raises(MriloopError) as refused:
        _run(tmp_path)
    assert refused.value.code == "comparison_unreadable"
