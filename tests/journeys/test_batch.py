"""A batch from folder to tables: killed half-way, resumed, changed under its feet, and read back by other tools."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import jsonschema
import nibabel as nib
import numpy as np
import pytest
from tests.journeys.tiny import uid, write_study

from mriloop.app.check import Judging
from mriloop.app.results import check_into
from mriloop.edges.publish.documents import schema
from mriloop.model.errors import Exit, MriloopError
from mriloop.settings import load

STUDIES = 9


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for number in range(STUDIES):
        write_study(tmp_path / "in" / f"{number}", patient=f"P{number}", slices=12)
    return tmp_path / "in"


def run(out: Path, *paths: Path, **options):
    settings = load({}, executor="serial")
    return check_into(out, paths, settings, Judging.of(settings), **options)


def lines(out: Path) -> list[dict]:
    return [json.loads(line) for line in (out / "results.jsonl").read_text().splitlines()]


def studies(out: Path) -> list[str]:
    return [line["studies"][0]["study_instance_uid"] for line in lines(out)]


def command(tree: Path, out: Path) -> subprocess.Popen:
    # with processes, as a user runs it: what is killed is the whole of it
    return subprocess.Popen(
        [sys.executable, "-m", "mriloop", "check", str(tree), "--out", str(out), "--workers", "1", "--format", "csv"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def test_a_killed_run_resumes_with_no_line_lost_and_none_doubled(tree: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    killed = command(tree, out)
    try:
        journal, patience = out / "results.jsonl", time.monotonic() + 120
        while not (journal.exists() and journal.read_bytes().count(b"\n") >= 3):
            assert killed.poll() is None, "it ended before it could be killed"
            assert time.monotonic() < patience
            time.sleep(0.005)
    finally:
        killed.send_signal(signal.SIGKILL)
        killed.wait()
    before = lines(out) if journal.read_bytes().endswith(b"\n") else []
    done = len(before)
    assert 3 <= done < STUDIES
    with journal.open("ab") as file:  # the line that a power cut would have left
        file.write(b'{"schema":"mriloop/check/1","studies":[{"study_inst')
    again = command(tree, out)
    assert again.wait(timeout=300) in (Exit.DONE, Exit.NEEDS_PERSON)
    assert lines(out)[:done] == before
    assert sorted(studies(out)) == sorted(uid(f"P{number}", "2026-11-01") for number in range(STUDIES))
    with (out / "check.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == STUDIES


def test_what_is_done_is_not_opened_again_and_what_changed_is_checked_anew(tree: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = run(out, tree)
    assert (first.checked, first.skipped) == (STUDIES, 0)
    second = run(out, tree)
    assert (second.checked, second.skipped) == (0, STUDIES)
    assert len(lines(out)) == STUDIES
    next(iter((tree / "4").iterdir())).unlink()
    third = run(out, tree)
    assert (third.checked, third.skipped) == (1, STUDIES - 1)
    assert len(lines(out)) == STUDIES + 1
    with (out / "check.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == STUDIES
    assert {row["slices_found"] for row in rows if row["study_instance_uid"] == uid("P4", "2026-11-01")} == {"11"}


def test_a_folder_that_moved_is_not_checked_again(tree: Path, tmp_path: Path) -> None:
    run(tmp_path / "out", tree)
    tree.rename(tmp_path / "elsewhere")
    assert run(tmp_path / "out", tmp_path / "elsewhere").checked == 0


def test_other_knowledge_is_another_check(tree: Path, tmp_path: Path) -> None:
    settings = load({}, executor="serial")
    paths = [tree / "0"]
    check_into(tmp_path / "out", paths, settings, Judging.of(settings), formats=())
    again = check_into(tmp_path / "out", paths, settings, Judging.of(settings, "ms_brain"), formats=())
    assert (again.checked, again.skipped) == (1, 0)


def test_two_runs_cannot_write_to_one_folder(tree: Path, tmp_path: Path) -> None:
    from mriloop.edges.publish.tables import Journal

    with Journal(tmp_path / "out"), pytest.raises(MriloopError) as refusal:
        run(tmp_path / "out", tree)
    assert refusal.value.code == "out_busy"


def test_a_folder_of_somebody_else_is_left_as_it_is(tree: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "results.jsonl").write_text('{"mine": 1}\nhalf a li')
    with pytest.raises(MriloopError) as refusal:
        run(tmp_path / "out", tree)
    assert refusal.value.code == "out_not_ours"
    assert (tmp_path / "out" / "results.jsonl").read_text() == '{"mine": 1}\nhalf a li'


def test_one_path_that_is_refused_stops_nothing(tree: Path, tmp_path: Path) -> None:
    outcome = run(tmp_path / "out", tree / "0", tmp_path / "absent", tree / "1")
    assert outcome.checked == 2
    assert [one.code for one in outcome.refused] == ["input_not_found"]
    with pytest.raises(MriloopError) as refusal:
        run(tmp_path / "none", tmp_path / "absent", tmp_path / "gone")
    assert refusal.value.code == "input_not_found"


def test_a_bug_in_one_study_leaves_it_for_the_next_run(tree: Path, tmp_path: Path, monkeypatch) -> None:
    from mriloop.app import batch

    right = batch.join_study

    def wrong(study, *rest):
        if study.study_instance_uid == uid("P3", "2026-11-01"):
            raise ZeroDivisionError
        return right(study, *rest)

    monkeypatch.setattr(batch, "join_study", wrong)
    outcome = run(tmp_path / "out", tree)
    assert outcome.exit is Exit.BUG
    assert outcome.failed == (("3", "ZeroDivisionError"),)
    assert len(lines(tmp_path / "out")) == STUDIES - 1
    monkeypatch.undo()
    outcome = run(tmp_path / "out", tree)
    assert (outcome.checked, outcome.skipped, outcome.failed) == (1, STUDIES - 1, ())


def test_lines_keep_the_contract_and_tables_name_nobody(tree: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(out, tree, formats=("csv", "parquet", "html"))
    for line in lines(out):
        jsonschema.validate(line, schema("check"))
    for name in ("results.jsonl", "check.csv", "check.json", "refused.csv", "group.html"):
        text = (out / name).read_text()
        assert "Invented" not in text
        assert "T1 SE AX" not in text, "a description is free text"
    kept = tmp_path / "kept"
    run(kept, tree / "0", descriptions=True)
    assert "T1 SE AX" in (kept / "check.csv").read_text()


def test_parquet_says_what_csv_says_with_units(tree: Path, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="needs the extra `parquet`")
    out = tmp_path / "out"
    run(out, tree, formats=("csv", "parquet"))
    table = parquet.read_table(out / "check.parquet")
    with (out / "check.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert table.num_rows == len(rows) == STUDIES
    assert table.column_names == list(rows[0])
    assert table.field("displacement_mean").metadata[b"unit"] == b"mm"
    says = json.loads((out / "check.json").read_text())
    assert list(says) == table.column_names
    assert says["displacement_mean"]["Units"] == "mm"
    for name in ("snr_inside", "entropy_focus", "echo_time"):
        assert [None if row[name] == "" else float(row[name]) for row in rows] == table.column(name).to_pylist()


def test_without_pyarrow_the_remedy_is_named_before_anything_is_checked(
    tree: Path, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MriloopError) as refusal:
        run(tmp_path / "out", tree, formats=("parquet",))
    assert refusal.value.code == "component_missing"
    assert "mriloop[parquet]" in refusal.value.remedy
    assert not (tmp_path / "out").exists()


def write_bids(root: Path) -> None:
    chance = np.random.default_rng(7)
    grid = np.stack(np.meshgrid(*[np.linspace(-1, 1, 32)] * 3, indexing="ij"))
    ball = 500.0 * ((grid**2).sum(axis=0) < 0.5)
    for subject in ("01", "02"):
        for folder, suffix, volumes in (("anat", "T1w", 1), ("func", "task-rest_bold", 5)):
            noise = chance.rayleigh(10.0, (*ball.shape, volumes))
            data = np.squeeze(ball[..., None] + noise).astype(np.int16)
            path = root / f"sub-{subject}" / folder / f"sub-{subject}_{suffix}.nii.gz"
            path.parent.mkdir(parents=True, exist_ok=True)
            nib.save(nib.Nifti1Image(data, np.diag([4.0, 4.0, 4.0, 1.0])), path)
    (root / "dataset_description.json").write_text('{"Name": "balls", "BIDSVersion": "1.10.0"}')
    (root / "task-rest_bold.json").write_text(json.dumps({"RepetitionTime": 2.5, "TaskName": "rest", "EchoTime": 0.03}))


def test_a_bids_dataset_comes_out_as_a_derivative_with_the_names_of_mriqc(tmp_path: Path) -> None:
    write_bids(tmp_path / "ds")
    out = tmp_path / "out"
    run(out, tmp_path / "ds", formats=("bids",))
    folder = out / "bids"
    about = json.loads((folder / "dataset_description.json").read_text())
    assert about["DatasetType"] == "derivative"
    assert about["GeneratedBy"][0]["Name"] == "mriloop"
    for suffix, sides in (("T1w", ["32", "32", "32"]), ("bold", ["32", "32", "32"])):
        with (folder / f"group_{suffix}.tsv").open(newline="") as file:
            rows = list(csv.DictReader(file, dialect="excel-tab"))
        assert next(iter(rows[0])) == "bids_name"
        assert [row["bids_name"].split("_")[0] for row in rows] == ["sub-01", "sub-02"]
        assert [rows[0][f"size_{axis}"] for axis in "xyz"] == sides
        assert float(rows[0]["spacing_x"]) == 4.0
        if suffix == "T1w":  # MRIQC takes that of a time series on its mean, which is not ours
            assert 0 < float(rows[0]["efc"]) < 1
        assert "" not in rows[0].values(), "absent is n/a"
    assert (rows[0]["size_t"], float(rows[0]["spacing_tr"])) == ("5", 2.5)
    one = json.loads((folder / "sub-01" / "anat" / "sub-01_T1w.json").read_text())
    assert one["bids_meta"] == {"modality": "anat", "subject": "01", "suffix": "T1w"}
    assert one["mriloop"]["measures"]["entropy_focus"]["value"] == one["efc"]


def test_names_of_the_derivative_are_valid_to_the_bids_validator(tmp_path: Path) -> None:
    validator = pytest.importorskip("bids_validator", reason="needs the package bids-validator")
    write_bids(tmp_path / "ds")
    run(tmp_path / "out", tmp_path / "ds", formats=("bids",))
    folder = tmp_path / "out" / "bids"
    check = validator.BIDSValidator()
    ignored = (folder / ".bidsignore").read_text().split()
    assert ignored == ["*.html", "group_*"]
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and not name.startswith(("group_", ".bidsignore")):
            assert check.is_bids(f"/{name}"), name


def test_ctrl_c_says_how_to_go_on(tree: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with subprocess.Popen(
        [sys.executable, "-m", "mriloop", "check", str(tree), "--out", str(out), "--workers", "1"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as stopped:
        assert "study 1 of" in stopped.stderr.readline() + stopped.stderr.readline()
        os.kill(stopped.pid, signal.SIGINT)
        said = stopped.stderr.read()
        assert stopped.wait() == 130
    assert "the same call goes on from there" in said
    assert "Traceback" not in said
    assert 1 <= len(lines(out)) < STUDIES
