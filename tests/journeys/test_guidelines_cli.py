"""A site's work on its guidelines at the command line: begin one, read, sign, compare, lint; refusals with a remedy."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "docs" / "examples"
NEXT_YEAR = date.today().replace(day=1) + timedelta(days=400)


def run(*words: object, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mriloop", *map(str, words)]
    env = {"PATH": os.environ["PATH"]}
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd, env=env)
    assert "Traceback" not in done.stdout + done.stderr
    return done


def test_a_site_begins_a_guideline_signs_a_row_and_sees_it_in_the_advice(tmp_path):
    made = run("guidelines", "new", "local_spine", "--title", "Spine here", "--site", tmp_path)
    assert made.returncode == 0
    assert "guideline.yaml" in made.stdout
    assert run("guidelines", "test", "local_spine", "--site", tmp_path).stdout.startswith("7 cases, 0 failed")
    raw = run("guidelines", "lint", "guidelines/local_spine", cwd=tmp_path)
    assert (raw.returncode, raw.stdout.count("no_locator")) == (3, 4)
    path = tmp_path / "guidelines" / "local_spine" / "guideline.yaml"
    path.write_text(path.read_text("utf-8").replace("section and page (replace)", "section 3, page 7"), "utf-8")
    clean = run("guidelines", "lint", "guidelines/local_spine", cwd=tmp_path)
    assert (clean.returncode, clean.stdout) == (0, "1 guidelines, 0 problems, 0 notes\n")
    row = "surveillance/macro_stable"
    signed = run(
        "guidelines", "sign", "pituitary_cyp", "--row", row, "--by", "Dr A. Example", "--role", "endocrinologist",
        "--expires", NEXT_YEAR, "--site", tmp_path,
    )  # fmt: skip
    assert signed.returncode == 0
    assert f"signed: pituitary_cyp/{row}" in signed.stdout
    today = datetime.now(UTC).astimezone().date()
    words = f"signed by Dr A. Example, endocrinologist, on {today}, until {NEXT_YEAR}"
    assert words in run("guidelines", "show", "pituitary_cyp", "--site", tmp_path).stdout
    case = (EXAMPLES / "site" / "macroadenoma.yaml").read_text().replace("as_of: 2026-03-01", f"as_of: {today}")
    (tmp_path / "case.yaml").write_text(case)
    assert f"Site: {words}." in run("advise", tmp_path / "case.yaml", "--site", tmp_path).stdout


def test_a_gapped_table_fails_with_its_situation_in_words_and_in_json():
    failed = run("guidelines", "lint", EXAMPLES / "gapped_table")
    assert failed.returncode == 3
    assert "no row answers when largest diameter of the lesion is exactly 10 mm\n" in failed.stdout
    document = json.loads(run("guidelines", "lint", EXAMPLES / "gapped_table", "--json").stdout)
    assert [each["code"] for each in document["problems"]].count("gap") == 2


def test_two_editions_beside_each_other():
    found = run("guidelines", "diff", "shipped", EXAMPLES / "site", "--only", "pituitary_cyp")
    assert found.returncode == 0
    assert (
        "pituitary_cyp/surveillance/macro_stable: schedule\n  - Counted from the exam date: 12 months" in found.stdout
    )
    document = json.loads(run("guidelines", "diff", "shipped", "shipped", "--only", "ms_pml", "--json").stdout)
    assert (document["rows"], document["cases"]) == ([], [])
    assert document["cases_run"] > 10


def test_a_guideline_on_paper(tmp_path):
    done = run("guidelines", "show", "ms_pml", "--html", tmp_path / "a.html", "--pdf", tmp_path / "a.pdf")
    assert done.stdout.split() == [str(tmp_path / "a.html"), str(tmp_path / "a.pdf")]
    assert (tmp_path / "a.pdf").read_bytes()[:5] == b"%PDF-"


def test_coverage_is_printed_and_a_hole_calls_for_a_person():
    done = run("guidelines", "coverage", "--json")
    document = json.loads(done.stdout)
    holes = [each for each in document["statements"] if each["lacking"]]
    assert done.returncode == (10 if holes else 0)
    assert len(document["statements"]) == 98
    micro = next(each for each in document["statements"] if each["number"] == "S52")
    assert any(row.startswith("pituitary_cyp/") for row in micro["rows"])
    assert all(micro["cases"].values())


def test_what_cannot_be_done_is_refused_with_code_and_remedy(tmp_path):
    sign = ("guidelines", "sign", "ms_monitoring", "--by", "Dr A", "--role", "head", "--expires", NEXT_YEAR)
    for words, code, exit_code in (
        (("guidelines", "new", "mine"), "sign_no_site", 2),
        (("guidelines", "new", "Not A Name", "--site", tmp_path), "guideline_name", 2),
        (("guidelines", "new", "ms_pml", "--site", tmp_path), "guideline_exists", 3),
        ((*sign, "--all"), "sign_no_site", 2),
        ((*sign, "--site", tmp_path), "usage_value", 2),
        ((*sign, "--row", "nothing/here", "--site", tmp_path), "sign_unknown_row", 3),
        ((*sign, "--row", "guards/pregnant", "--site", tmp_path), "sign_refused", 3),
        (("guidelines", "diff", "shipped", tmp_path / "none"), "input_not_found", 3),
        (("guidelines", "lint", "no_such_guideline"), "knowledge_unknown", 3),
        (("guidelines", "show", "ms_pml", "--html", tmp_path / "none" / "x.html"), "out_not_writable", 3),
    ):
        done = run(*words, "--json")
        error = json.loads(done.stdout)["error"]
        assert (error["code"], done.returncode) == (code, exit_code), words
        assert error["remedy"]
    assert list(tmp_path.iterdir()) == []
