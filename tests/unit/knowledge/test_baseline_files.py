"""Baselines on disk: a round trip through results of CHECK, written whole or not at all, refused when they are none."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import pytest

from mriloop.app.baseline import alarms, baseline_in_force, learn
from mriloop.edges.knowledge.baselines import read_baseline, read_results, write_baseline
from mriloop.edges.publish.documents import check_document
from mriloop.model.coding import Region, Subject, Weighting
from mriloop.model.errors import Exit, MriloopError
from mriloop.model.norm import Baseline
from mriloop.model.quality import Scanner, SeriesCheck, SeriesKind, StudyCheck, Verdict
from mriloop.model.quantity import Quantity
from mriloop.settings import load


def study(number, snr=20.0):
    series = SeriesCheck(
        series_instance_uid=f"1.2.{number}",
        kind=SeriesKind(weighting=Weighting.T2, region=Region.KNEE, object=Subject.PATIENT),
        verdict=Verdict.ACCEPTABLE,
        volumes=1,
        description="pd tse",
        measures={"snr_air": Quantity(value=snr, unit="1")},
        scanner=Scanner(manufacturer="MAKER", model="M", device="abc", software="7"),
        coil="KNEE",
        acquired_at=datetime(2026, 1, 1 + number % 28, number // 28),
    )
    return StudyCheck(study_instance_uid=f"1.{number}", verdict=Verdict.ACCEPTABLE, series=(series,))


@pytest.fixture
def results(tmp_path):
    path = tmp_path / "results.jsonl"
    documents = [check_document([study(number, 20 + number % 7)]) for number in range(30)]
    lines = [json.dumps(documents[0]), json.dumps(documents[1]["studies"][0])]
    lines += [json.dumps(one["studies"][0]["series"][0]) for one in documents[2:]]
    path.write_text("\n".join([*lines, "", json.dumps({"refused": "a file"})]))
    return path


def test_results_of_check_become_a_baseline_that_reads_back_as_it_was(results, tmp_path):
    out = tmp_path / "site" / "norms" / "baseline.json"
    done = learn([results], out, load({}))
    assert (done.seen, done.passed_over) == (30, 0)
    (history,) = done.baseline.histories
    assert history.key.coil == "KNEE"
    assert sorted(s.values["snr_air"] for s in history.sightings) == sorted(20.0 + n % 7 for n in range(30))
    assert read_baseline(out) == done.baseline
    assert baseline_in_force(load({}, site=str(tmp_path / "site"))) == done.baseline
    assert learn([results], out, load({})).baseline == done.baseline
    assert alarms(done.baseline).exit is Exit.DONE


def test_what_is_on_disk_names_no_series_and_no_patient(results, tmp_path):
    out = tmp_path / "baseline.json"
    learn([results], out, load({}))
    assert "1.2." not in out.read_text()


def test_a_write_that_fails_leaves_the_older_file_whole(results, tmp_path, monkeypatch):
    out = tmp_path / "baseline.json"
    learn([results], out, load({}))
    before = out.read_text()

    def full(self, target):
        raise OSError(28, "no space left")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(MriloopError, match="cannot write"):
        write_baseline(Baseline(), out)
    assert out.read_text() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["baseline.json", "results.jsonl"]


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"schema": "mriloop/baseline/1"}', '{"schema": "mriloop/baseline/1", "histories": [{}]}']
)
def test_what_is_no_baseline_is_refused(tmp_path, text):
    (tmp_path / "b.json").write_text(text)
    with pytest.raises(MriloopError) as caught:
        read_baseline(tmp_path / "b.json")
    assert caught.value.code == "baseline_invalid"


def test_a_broken_line_of_results_is_named(results):
    results.write_text(results.read_text().replace('"weighting": "T2"', '"weighting": "T9"', 1))
    with pytest.raises(MriloopError, match="line 1 is no result"):
        list(read_results(results))
    results.write_text("{}\n{oops\n")
    with pytest.raises(MriloopError, match="line 2 is no JSON"):
        list(read_results(results))
