"""What is wrong with an input is said in a code, with its remedy and the right exit code; never in a traceback."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from tests.journeys.tiny import write_study

from mriloop.edges.store import open_store


def run(*words: object, store: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mriloop", *map(str, words)]
    return subprocess.run(
        command, capture_output=True, text=True, env={"MRILOOP_STORE": str(store), "PATH": "/usr/bin:/bin"}, check=False
    )


def refused(*words: object, store: Path) -> tuple[int, str, str]:
    """Return exit code, error code and everything that was said; a traceback or a name fails the test."""
    done = run(*words, "--json", store=store)
    document = json.loads(done.stdout)
    assert document["schema"] == "mriloop/error/1"
    assert document["error"]["remedy"]
    said = done.stdout + done.stderr
    assert "Traceback" not in said
    assert "Invented" not in said
    return done.returncode, document["error"]["code"], said


def empty(root: Path) -> Path:
    (root / "empty").mkdir()
    return root / "empty"


def texts(root: Path) -> Path:
    (root / "texts").mkdir()
    (root / "texts" / "readme.txt").write_text("no image here")
    return root / "texts"


def truncated(root: Path) -> Path:
    path = write_study(root / "cut", slices=1)[0]
    path.write_bytes(path.read_bytes()[:-600])
    return path


def bomb(root: Path) -> Path:
    path = root / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(10):
            archive.writestr(f"{number}.dcm", b"\0" * 30_000_000)
    return path


def escaping(root: Path) -> Path:
    path = root / "escape.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../outside.dcm", b"x")
    return path


def tomography(root: Path) -> Path:
    write_study(root / "ct", modality="CT")
    return root / "ct"


INPUTS = [
    (lambda root: root / "nowhere", "input_not_found"),
    (empty, "input_empty"),
    (texts, "input_no_dicom"),
    (truncated, "file_truncated"),
    (bomb, "zip_bomb"),
    (escaping, "zip_path_escape"),
    (tomography, "input_no_mr"),
]


@pytest.mark.parametrize(("make", "code"), INPUTS, ids=[code for _, code in INPUTS])
@pytest.mark.parametrize("command", ["check", "review"])
def test_an_input_that_cannot_be_read_is_refused(tmp_path: Path, command: str, make, code: str):
    path = make(tmp_path)
    out = ["--out", tmp_path / "out"] if command == "review" else []
    assert refused(command, path, *out, store=tmp_path / "store")[:2] == (3, code)
    assert not list((tmp_path).glob("outside*"))


def test_two_patients_are_never_reviewed_as_one(tmp_path: Path):
    write_study(tmp_path / "both", patient="P1")
    write_study(tmp_path / "both", patient="P2")
    words = ("review", tmp_path / "both", "--out", tmp_path / "out")
    assert refused(*words, store=tmp_path / "store")[:2] == (3, "two_patients")
    checked = run("check", tmp_path / "both", "--json", store=tmp_path / "store")
    document = json.loads(checked.stdout)
    assert len(document["studies"]) == 2
    assert "2 patients" in document["warnings"][0]


def test_the_prior_of_another_patient_is_refused_and_nothing_is_recorded(tmp_path: Path):
    write_study(tmp_path / "today", patient="P1", visit="2026-11-01")
    write_study(tmp_path / "prior", patient="P2", visit="2025-11-01")
    for words in (
        ("compare", tmp_path / "today", tmp_path / "prior"),
        ("review", tmp_path / "today", "--prior", tmp_path / "prior", "--out", tmp_path / "out"),
    ):
        code, name, said = refused(*words, store=tmp_path / "store")
        assert (code, name) == (3, "prior_other_patient")
        assert str(tmp_path / "prior") in said
    with open_store(tmp_path / "store") as store:
        assert list(store.entries()) == []
        with sqlite3.connect(tmp_path / "store" / "ledger.sqlite3") as database:
            assert database.execute("select count(*) from identity").fetchone() == (0,)


def test_a_prior_that_is_later_or_the_same_study_is_refused(tmp_path: Path):
    write_study(tmp_path / "old", visit="2025-11-01")
    write_study(tmp_path / "new", visit="2026-11-01")
    store = tmp_path / "store"
    assert refused("compare", tmp_path / "old", tmp_path / "new", store=store)[:2] == (3, "prior_not_earlier")
    assert refused("compare", tmp_path / "new", tmp_path / "new", store=store)[:2] == (3, "prior_same_study")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("facts: {agee: 15 a}", "case_unknown_fact"),
        ("facts: {lesion_size: 14 mL}", "case_wrong_unit"),
        ("facts: {surgery_date: 2026-02-30}", "case_impossible_date"),
        ("facts: {diabetes: maybe}", "case_wrong_type"),
        ("facts: [", "case_unreadable"),
    ],
)
def test_a_case_file_is_held_to_the_vocabulary(tmp_path: Path, text: str, code: str):
    path = tmp_path / "case.yaml"
    path.write_text(text)
    assert refused("advise", path, store=tmp_path / "store")[:2] == (3, code)


def test_a_missing_argument_is_a_matter_of_usage(tmp_path: Path):
    assert refused("compare", tmp_path, store=tmp_path / "store")[:2] == (2, "usage_value")


def test_a_result_needs_a_folder(tmp_path: Path):
    write_study(tmp_path / "today")
    (tmp_path / "file").write_text("")
    words = ("review", tmp_path / "today", "--out", tmp_path / "file")
    assert refused(*words, store=tmp_path / "store")[:2] == (2, "usage_not_a_folder")
