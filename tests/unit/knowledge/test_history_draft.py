"""A history that was begun from outlines is read by `mriloop response` and says nothing that nobody said."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from mriloop.edges.knowledge.histories import load_history
from mriloop.edges.knowledge.history_draft import draft_history
from mriloop.edges.knowledge.repeatability import load_repeatability
from mriloop.model.comparison import MeasuredOutline
from mriloop.model.response import Category, Criteria, NewLesion, Seen
from mriloop.stages.compare.outlined import follow_outlines
from mriloop.stages.compare.response import assess


def _measured(label: str, year: int, longest: float | None) -> MeasuredOutline:
    at = datetime(year, 5, 1, tzinfo=UTC)
    return MeasuredOutline(
        lesion=label,
        label=label,
        study=f"1.{year}",
        series="1.1",
        at=at,
        volume_ml=3.2,
        longest_mm=longest,
        perpendicular_mm=None if longest is None else longest / 2,
        slices=6,
    )


def test_a_draft_is_a_history_with_the_sizes_in_it(tmp_path):
    measured = [_measured("T1", 2026, 30.0), _measured("T1", 2025, 20.0), _measured("T2", 2025, 15.0)]
    path = tmp_path / "history.yaml"
    path.write_text(str(draft_history(measured)), encoding="utf-8")
    history = load_history(path)
    assert [visit.on.year for visit in history.visits] == [2025, 2026]
    assert history.visits[0].sizes["T1"].longest_mm == pytest.approx(20.0)
    assert history.visits[1].sizes["T1"].volume_ml == pytest.approx(3.2)
    assert history.visits[1].sizes["T2"].seen is Seen.NOT_ASSESSED
    assert all(visit.new_lesions is NewLesion.UNKNOWN for visit in history.visits)


def test_growth_beyond_the_threshold_is_progression_and_less_is_not_evaluable(tmp_path):
    for today, category in ((30.0, Category.PD), (21.0, Category.NE)):
        path = tmp_path / f"{today}.yaml"
        path.write_text(str(draft_history([_measured("T1", 2025, 20.0), _measured("T1", 2026, today)])), "utf-8")
        verdict = assess(load_history(path)).verdicts[-1]
        assert verdict.category is category


def test_no_outline_is_dropped_and_lesions_are_told_apart_by_what_follows_them(tmp_path):
    two_pieces = [_measured("T1", 2025, 20.0), _measured("T1", 2025, 12.0), _measured("T1", 2026, 24.0)]
    namesakes = [replace(_measured("node", 2025, value), lesion=uid) for uid, value in (("1.5", 31.0), ("1.6", 32.0))]
    renamed = [replace(_measured("left", 2025, 41.0), lesion="1.7"), replace(_measured("L", 2026, 42.0), lesion="1.7")]
    path = tmp_path / "history.yaml"
    path.write_text(str(draft_history([*two_pieces, *namesakes, *renamed])), encoding="utf-8")
    first, second = load_history(path).visits
    assert {name: size.longest_mm for name, size in first.sizes.items()} == {
        "T1 (1)": 20.0, "T1 (2)": 12.0, "node": 31.0, "node (2)": 32.0, "left": 41.0,
    }  # fmt: skip
    assert {name: size.longest_mm for name, size in second.sizes.items()} == {
        "T1 (1)": 24.0, "T1 (2)": None, "node": None, "node (2)": None, "left": 42.0,
    }  # fmt: skip


@pytest.mark.parametrize(("criteria", "measure"), [("recist-1.1", "longest diameter, T1"), ("volume", "volume, T1")])
def test_compare_and_response_hold_one_lesion_against_the_same_number(tmp_path, criteria, measure):
    measured = [_measured("T1", 2025, 20.0), replace(_measured("T1", 2026, 24.0), volume_ml=4.1)]
    visits = ["1.2025", "1.2026"]
    known = load_repeatability()
    compared = {one.measure: one for one in follow_outlines(measured, visits, known, kinds={}, checks={})[1]}[measure]
    path = tmp_path / "history.yaml"
    path.write_text(str(draft_history(measured)), encoding="utf-8")
    (said, *_) = assess(load_history(path, Criteria(criteria)), known).verdicts[1].judgements
    assert (said.judged, said.beyond, said.citation) == (compared.judged, compared.beyond, compared.citation)
    assert said.beyond is not None


def test_without_dates_there_is_no_draft():
    bare = MeasuredOutline(lesion="T", label="T", study="1", series="2", at=None, volume_ml=1.0)
    assert draft_history([bare]) is None
