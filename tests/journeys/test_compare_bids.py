"""A longitudinal dataset from folder to table: killed half-way, resumed, changed under its feet, one subject broken."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from mriloop.app import longitudinal
from mriloop.app.longitudinal import LongitudinalOutcome, compare_bids
from mriloop.model.errors import Exit, MriloopError
from mriloop.settings import load

pytestmark = pytest.mark.xdist_group("compare bids")
AFFINE = np.array([[5.0, 0, 0, -80], [0, 5.0, 0, -80], [0, 0, 5.0, -80], [0, 0, 0, 1]])


def write_image(root: Path, subject: str, session: str, seed: int, suffix: str = "T1w", folder: str = "anat") -> Path:
    """Write a folded ball, on every visit with other noise."""
    x, y, z = np.meshgrid(*[np.arange(32) * 5.0 - 80.0] * 3, indexing="ij")
    folds = 1 + 0.3 * np.sin(x / 9 + seed % 7) * np.cos(y / 8 + z / 11)
    data = 90.0 * folds * (x**2 / 50**2 + y**2 / 62**2 + z**2 / 44**2 < 1)
    data = data + np.random.default_rng(seed).normal(0, 1.5, x.shape)
    path = root / f"sub-{subject}" / f"ses-{session}" / folder / f"sub-{subject}_ses-{session}_{suffix}.nii.gz"
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(data.astype(np.float32), AFFINE), path)
    return path


def dataset(root: Path, subjects: int, sessions: tuple[str, ...] = ("1", "2")) -> Path:
    for number in range(subjects):
        for n, session in enumerate(sessions):
            write_image(root, f"{number:02d}", session, seed=10 * number + n)
    (root / "dataset_description.json").write_text('{"Name": "balls", "BIDSVersion": "1.10.0"}')
    return root


def run(root: Path, out: Path, **options) -> LongitudinalOutcome:
    return compare_bids(root, out, load({}, executor="serial"), **options)


def rows(out: Path) -> list[dict[str, str]]:
    with (out / "longitudinal.tsv").open(newline="") as file:
        return list(csv.DictReader(file, dialect="excel-tab"))


def lines(out: Path) -> list[dict]:
    return [json.loads(line) for line in (out / "comparisons.jsonl").read_text().splitlines()]


def test_a_killed_run_resumes_with_no_session_lost_and_none_done_twice(tmp_path: Path) -> None:
    subjects = 3
    root, out = dataset(tmp_path / "ds", subjects), tmp_path / "out"
    command = [sys.executable, "-m", "mriloop", "compare-bids", str(root), "--out", str(out), "--no-maps"]
    environment = os.environ | {"MRILOOP_EXECUTOR": "serial"}
    killed = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    journal, patience = out / "comparisons.jsonl", time.monotonic() + 300
    try:
        while not (journal.exists() and journal.read_bytes().count(b"\n") >= 1):
            assert killed.poll() is None, "it ended before it could be killed"
            assert time.monotonic() < patience
            time.sleep(0.02)
    finally:
        killed.send_signal(signal.SIGKILL)
        killed.wait()
    before = journal.read_text().splitlines()
    assert 1 <= len(before) < subjects
    with journal.open("ab") as file:  # the line that a power cut would have left
        file.write(b'{"schema":"mriloop/longitudinal/1","pairs":[{"ses')
    again = run(root, out, maps=False)
    assert journal.read_text().splitlines()[: len(before)] == before
    assert (again.compared, again.skipped) == (subjects - len(before), len(before))
    assert [row["participant_id"] for row in rows(out)] == [f"sub-{n:02d}" for n in range(subjects)]


def test_each_session_meets_the_previous_one_and_the_baseline(tmp_path: Path) -> None:
    root, out = dataset(tmp_path / "ds", 1, ("1", "2", "10")), tmp_path / "out"
    write_image(root, "00", "2", seed=5, suffix="task-rest_bold", folder="func")
    (root / "sub-00" / "sub-00_sessions.tsv").write_text(
        "session_id\tacq_time\nses-1\t2020-01-01T12:00:00\nses-2\t2021-01-01T12:00:00\nses-10\t2021-07-02T00:00:00\n"
    )
    outcome = run(root, out)
    assert (outcome.compared, outcome.pairs, outcome.refused, outcome.exit) == (2, 3, 0, Exit.DONE)
    told = [(r["session_id"], r["prior_session_id"], r["prior_role"], r["interval"]) for r in rows(out)]
    assert told == [
        ("ses-2", "ses-1", "previous+baseline", "366.0"),
        ("ses-10", "ses-2", "previous", "181.5"),
        ("ses-10", "ses-1", "baseline", "547.5"),
    ]
    assert {row["ordered_by"] for row in rows(out)} == {"acq_time"}
    assert {row["new"] for row in rows(out)} == {"n/a"}, "T1 pairs have no list of lesions: unknown is not 0"
    assert all("bold" not in name for line in lines(out) for pair in line["pairs"] for name in pair["images"].values())
    anat = out / "sub-00" / "ses-10" / "anat"
    assert (anat / "sub-00_ses-10_desc-since2_comparison.json").is_file()
    for row in rows(out):
        if row["aligned"] == "yes":
            stem = f"sub-00_{row['session_id']}_desc-prior{row['prior_session_id'].removeprefix('ses-')}_T1w"
            folder = out / "sub-00" / row["session_id"] / "anat"
            assert nib.load(folder / f"{stem}.nii.gz").shape == (32, 32, 32)
            assert json.loads((folder / f"{stem}.json").read_text())["Sources"][0] == row["image"]
    assert json.loads((out / "dataset_description.json").read_text())["DatasetType"] == "derivative"
    second = run(root, out)
    assert (second.compared, second.skipped) == (0, 2)
    write_image(root, "00", "10", seed=77)
    third = run(root, out)
    assert (third.compared, third.skipped, third.pairs) == (1, 1, 3), "what changed is compared anew, the rest is not"


def test_one_broken_subject_stops_nothing_and_is_named(tmp_path: Path) -> None:
    root, out = dataset(tmp_path / "ds", 2), tmp_path / "out"
    broken = root / "sub-00" / "ses-2" / "anat" / "sub-00_ses-2_T1w.nii.gz"
    image = nib.load(broken)
    nib.save(nib.Nifti1Image(np.asarray(image.dataobj)[:, :, :1], image.affine), broken)
    write_image(root, "07", "1", seed=3)
    (root / "sub-08" / "ses-1" / "anat").mkdir(parents=True)
    (root / "sub-08" / "ses-1" / "anat" / "sub-08_ses-1_T1w.nii.gz").write_bytes(b"no image at all")
    outcome = run(root, out, maps=False)
    assert outcome.exit is Exit.DONE
    assert {(one.path, one.code) for one in outcome.left_out} >= {("sub-07", "bids_one_session")}
    assert "sub-08" in (out / "left_out.tsv").read_text()
    by_subject = {row["participant_id"]: row for row in rows(out)}
    assert set(by_subject) == {"sub-00", "sub-01"}
    assert by_subject["sub-01"]["code"] == "n/a"
    slab = by_subject["sub-00"]
    assert slab["code"] != "n/a" or "Cannot tell" in slab["statement"]


def test_a_bug_in_one_session_leaves_it_for_the_next_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root, out = dataset(tmp_path / "ds", 2), tmp_path / "out"
    right = longitudinal.run_compare

    def wrong(intakes, checked, *rest, **more):
        if intakes[0].nifti[checked[0].study.series[0].series_instance_uid].subject == "00":
            raise ZeroDivisionError
        return right(intakes, checked, *rest, **more)

    monkeypatch.setattr(longitudinal, "run_compare", wrong)
    first = run(root, out, maps=False)
    assert (first.failed, first.compared, first.exit) == ((("sub-00/ses-2", "ZeroDivisionError"),), 1, Exit.BUG)
    monkeypatch.undo()
    second = run(root, out, maps=False, participants=["sub-00"])
    assert (second.compared, second.skipped, second.failed, second.pairs) == (1, 0, (), 2)


def test_what_is_no_longitudinal_dataset_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MriloopError) as refusal:
        run(tmp_path / "absent", tmp_path / "out")
    assert refusal.value.code == "input_not_found"
    write_image(tmp_path / "ds", "01", "1", seed=0)
    with pytest.raises(MriloopError) as refusal:
        run(tmp_path / "ds", tmp_path / "out")
    assert refusal.value.code == "bids_no_visits"
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("keep")
    with pytest.raises(MriloopError) as refusal:
        run(dataset(tmp_path / "two", 1), tmp_path / "mine")
    assert refusal.value.code == "out_not_ours"
