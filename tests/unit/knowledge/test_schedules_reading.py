"""Schedules from YAML: every key does what the page says, every wrong one is refused with its place."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from mriloop.edges.knowledge.guidelines import load_guidelines
from mriloop.model.condition import Condition, Op
from mriloop.model.errors import MriloopError
from mriloop.model.schedule import CountedFrom, Duration, Repeat, Schedule, SiteDefault

FACTS = {
    "exam_date": {"type": "date", "question": "?"},
    "change": {"type": "code", "values": ["stable", "growth"], "question": "?"},
}
POINT = {"target": "P12M", "tolerance": "P1M"}


def months(number: int) -> Duration:
    return Duration(months=number)


def read(folder: Path, schedule: dict) -> Schedule:
    row = {
        "id": "again", "step": "follow_up_imaging", "modality": "MR", "text": "Again.", "schedule": schedule,
        "cite": {"source": "one", "locator": "table 1", "mark": "V"},
    }  # fmt: skip
    guideline = {
        "id": "example", "title": "Example", "version": "1", "edition": "2026",
        "sources": {"one": {"text": "One", "year": 2026}},
        "tables": [{"id": "t", "question": "q", "profile": "p", "match": "first", "rows": [row]}],
    }  # fmt: skip
    (folder / "facts").mkdir(exist_ok=True)
    (folder / "facts" / "a.yaml").write_text(yaml.safe_dump(FACTS))
    (folder / "example").mkdir(exist_ok=True)
    (folder / "example" / "guideline.yaml").write_text(yaml.safe_dump(guideline))
    found = load_guidelines(shipped=folder).guidelines[0].tables[0].rows[0].schedule
    assert found is not None
    return found


def test_the_keys_that_every_guideline_uses(tmp_path):
    found = read(
        tmp_path,
        {"anchor": "exam_date", "or_as_of": True,
         "points": [POINT, {"target": "P18M", "earliest": "P1Y", "latest": "P2Y"}],
         "repeat": {"every": "P12M", "times": 3}, "while": "it does not change", "then": "individualise",
         "never_auto_close": True},
    )  # fmt: skip
    assert found.points[1].latest == months(24)
    assert found.repeats == (Repeat(every=months(12), times=3),)
    assert (found.while_words, found.holds_while) == ("it does not change", ())
    assert (found.or_as_of, found.never_auto_close, found.counted_from) == (True, True, CountedFrom.ANCHOR)


def test_the_keys_for_phases_conditions_and_what_a_site_adds(tmp_path):
    found = read(
        tmp_path,
        {"anchor": "exam_date", "points": [POINT], "counted_from": "performed", "horizon": "P3Y",
         "repeat": [{"every": "P12M", "times": 4}, {"every": "P24M", "until": "P9Y", "tolerance": "P2M"}],
         "while": {"change": "stable"}, "while_ends": "a neurosurgeon decides", "then": "individualise",
         "stop": {"when": {"change": "stable"}, "text": "May end."},
         "site_default": {"after": "P24M", "label": "local policy"}},
    )  # fmt: skip
    condition = Condition(fact="change", op=Op.IS, value="stable")
    assert found.repeats[1] == Repeat(every=months(24), until=months(108), tolerance=months(2))
    assert (found.holds_while, found.while_words, found.while_ends) == ((condition,), "", "a neurosurgeon decides")
    assert found.stop is not None
    assert (found.stop.when, found.stop.text) == ((condition,), "May end.")
    assert found.site_default == SiteDefault(after=months(24), label="local policy")
    assert (found.counted_from, found.horizon) == (CountedFrom.PERFORMED, months(36))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"anchor": "change"}, "is no date"),
        ({"anchor": "nothing"}, "no fact is called"),
        ({"points": []}, "at least one due point"),
        ({"points": [{"target": "P12M"}]}, "give either tolerance"),
        ({"points": [{"target": "12 months", "tolerance": "P1M"}]}, "is no duration"),
        ({"repeat": {"times": 3}}, "'every' is missing"),
        ({"repeat": {"every": "P0M"}}, "longer than nothing"),
        ({"repeat": {"every": "P12M", "times": 0}}, "no number of times"),
        ({"repeat": {"every": "P12M", "times": True}}, "no number of times"),
        ({"repeat": [{"every": "P12M"}, {"every": "P24M"}]}, "only the last phase"),
        ({"horizon": "P0D"}, "longer than nothing"),
        ({"counted_from": "booking"}, "none of anchor, performed"),
        ({"while": {"nothing": "stable"}}, "no fact is called"),
        ({"while": {"change": "purple"}}, "purple"),
        ({"stop": {"when": {}, "text": "x"}}, "needs its condition"),
        ({"stop": {"when": {"change": "stable"}}}, "'text' is missing"),
        ({"site_default": {"after": "P24M"}}, "'label' is missing"),
        ({"untill": "P9Y"}, "unknown key 'untill'"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_place(tmp_path, change, words):
    with pytest.raises(MriloopError) as caught:
        read(tmp_path, {"anchor": "exam_date", "points": [POINT], **change})
    assert caught.value.code == "knowledge_invalid"
    assert words in caught.value.message
    assert "schedule" in caught.value.message
