"""A site's own numbers at the command line: learn a history, judge by it, loosen a limit and be told, write a page."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
from click.testing import CliRunner
from tests.journeys.drawn import GRID, drawn, write

from mriloop.cli import app
from mriloop.imaging.phantom import t2_axial

LOOSE = """
norms:
  - limit: snr_minor
    value: 3.5
    when: {region: brain}
    because: our readers agreed
    citation: {text: Site meeting, year: 2026, locator: minutes, mark: M}
"""


def mriloop(*words, code=0):
    done = CliRunner().invoke(app, list(map(str, words)))
    assert done.exit_code == code, done.output
    return done


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    write(drawn(replace(t2_axial(), **GRID), noise=0.1), folder)
    return folder


def codes(done):
    (series,) = json.loads(done.stdout)["studies"][0]["series"]
    return {defect["code"]: defect for defect in series["defects"]}


def test_a_loosened_limit_is_told_in_the_check_and_a_wrong_norm_stops_it(study, tmp_path):
    (tmp_path / "norms").mkdir()
    (tmp_path / "norms" / "own.yaml").write_text(LOOSE)
    assert "0 problems" in mriloop("norms", "lint", "--site", tmp_path).output
    shown = json.loads(mriloop("norms", "show", "snr", "--site", tmp_path, "--json").stdout)
    assert [n["value"] for n in shown["norms"]] == [3.5]
    assert "low_snr" in codes(mriloop("check", study, "--workers", 1, "--json"))
    eased = codes(mriloop("check", study, "--site", tmp_path, "--workers", 1, "--json"))
    assert "low_snr" not in eased
    assert "own.yaml" in eased["limit_loosened"]["evidence"][1]["value"]

    (tmp_path / "norms" / "own.yaml").write_text(LOOSE.replace("snr_minor", "snr_least"))
    assert "no limit is called snr_least" in mriloop("norms", "lint", "--site", tmp_path, code=3).output


def test_results_teach_a_baseline_that_shows_itself(study, tmp_path):
    results, out = tmp_path / "results.json", tmp_path / "baseline.json"
    results.write_text(mriloop("check", study, "--workers", 1, "--json").stdout)
    assert "1 series read" in mriloop("baseline", "learn", results, "--out", out).output
    mriloop("baseline", "learn", results, "--out", out)
    (kind,) = json.loads(mriloop("baseline", "show", "--baseline", out, "--json").stdout)["kinds"]
    assert kind["count"] == 1  # learned twice, counted once
    assert "PHANTOM-1" not in out.read_text()  # the serial number of the scanner
    assert "0 alarms" in mriloop("baseline", "alarms", "--baseline", out).output
    found = json.loads(mriloop("check", study, "--baseline", out, "--workers", 1, "--json").stdout)
    (series,) = found["studies"][0]["series"]
    assert series["standings"]["snr_air"] == {"not_assessable": "not enough history: 0 of 10 values"}


def test_the_page_of_a_check_is_one_file_that_names_no_patient(study, tmp_path):
    page = tmp_path / "pages" / "check.html"
    mriloop("check", study, "--report", page, "--workers", 1)
    text = page.read_text()
    assert "Invented" not in text
    assert "TEST-1" not in re.sub(r"base64,[A-Za-z0-9+/=]+", "", text)
    assert not re.findall(r'(?:src|href)="(?!data:|#)', text)
    assert [p.name for p in page.parent.iterdir()] == ["check.html"]
