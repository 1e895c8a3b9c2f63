"""The windows of an advice as a calendar, read back by two parsers that we did not write."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import icalendar
import pytest
import vobject

from mriloop.app.exchange import advise_with_record
from mriloop.edges.channels import calendar

NOW = datetime(2026, 1, 11, 9, 30, tzinfo=UTC)
SIX = [
    date(2026, 4, 10), date(2026, 7, 10), date(2027, 1, 10), date(2028, 1, 10), date(2029, 1, 10), date(2031, 1, 10)
]  # fmt: skip


def write(folder: Path, facts: str = "", *, now: datetime = NOW, name: str = "anna", as_of: str = "2026-01-11") -> Path:
    """Write the calendar of the operated fifteen-year-old."""
    case = folder / f"{name}.yaml"
    case.write_text(
        f"{{as_of: {as_of}, age: 15, condition: pituitary_lesion, surgery_date: 2026-01-10{facts}}}", encoding="utf-8"
    )
    identity, advice = advise_with_record(case, None, site=None, today=now.date())
    calendar.write_advice(advice, identity, folder / "next.ics", now=now)
    return folder / "next.ics"


def events(path: Path) -> dict[str, icalendar.Event]:
    return {str(one["uid"]): one for one in icalendar.Calendar.from_ical(path.read_bytes()).walk("VEVENT")}


def test_each_window_is_an_all_day_entry_with_an_alarm(tmp_path):
    found = list(events(write(tmp_path)).values())
    assert [one.decoded("dtstart") for one in found] == SIX
    assert all(one["dtstart"].params["VALUE"] == "DATE" for one in found)
    assert all(one.decoded("dtend") - one.decoded("dtstart") == timedelta(days=1) for one in found)
    assert all([alarm.decoded("trigger") for alarm in one.walk("VALARM")] == [timedelta(days=-14)] for one in found)
    assert "Window 2026-03-27 to 2026-04-24" in found[0]["description"]


def test_every_entry_says_that_it_is_a_proposal_and_nothing_of_patient_organ_or_reason(tmp_path):
    for one in events(write(tmp_path)).values():
        assert "proposal, not an order" in one["description"]
        assert one["status"] == "TENTATIVE"
    text = (tmp_path / "next.ics").read_text("utf-8").lower()
    for private in ("anna", "pituitar", "surgery", "operat", "15", "endocrin", "korbonits"):
        assert private not in text.replace("dtstamp:20260111", "").replace("-15", "")


def test_a_second_parser_reads_the_same_dates(tmp_path):
    read = vobject.readOne(write(tmp_path).read_text("utf-8"))
    found = [(one.uid.value, one.dtstart.value, one.valarm.action.value) for one in read.vevent_list]
    assert [start for _, start, _ in found] == SIX
    assert {action for *_, action in found} == {"DISPLAY"}
    assert len({uid for uid, *_ in found}) == len(SIX)


def test_importing_again_updates_and_never_doubles(tmp_path):
    """A scan was made and dates are asked for again: the entries left are the same ones, of a later revision."""
    before = events(write(tmp_path))
    later = datetime(2026, 4, 20, tzinfo=UTC)
    after = events(write(tmp_path, ", performed_follow_ups: [2026-04-12]", now=later, as_of="2026-04-20"))
    assert set(after) == set(list(before)[1:])
    for uid, one in after.items():
        assert one.decoded("dtstart") == before[uid].decoded("dtstart")
        assert one["sequence"] > before[uid]["sequence"]


def test_dates_that_move_keep_their_entries(tmp_path):
    """The day of the operation was mistyped; mending it moves the six entries that are there."""
    before = events(write(tmp_path))
    case = "{as_of: 2026-01-12, age: 15, condition: pituitary_lesion, surgery_date: 2026-01-09}"
    (tmp_path / "anna.yaml").write_text(case, encoding="utf-8")
    identity, advice = advise_with_record(tmp_path / "anna.yaml", None, site=None, today=NOW.date())
    calendar.write_advice(advice, identity, tmp_path / "next.ics", now=NOW)
    after = events(tmp_path / "next.ics")
    assert set(after) == set(before)
    assert all(after[uid].decoded("dtstart") != one.decoded("dtstart") for uid, one in before.items())


def test_two_cases_never_share_an_entry(tmp_path):
    anna = set(events(write(tmp_path)))
    bert = set(events(write(tmp_path, name="bert")))
    assert anna.isdisjoint(bert)


@pytest.mark.parametrize("change", [{"window": None, "schedule": ()}, {"default": False}])
def test_what_has_no_date_or_is_a_rivals_is_not_in_it(tmp_path, change):
    case = tmp_path / "one.yaml"
    case.write_text("{age: 15, condition: pituitary_lesion, surgery_date: 2026-01-10}", encoding="utf-8")
    _, advice = advise_with_record(case, None, site=None, today=NOW.date())
    other = replace(advice, recommendations=tuple(replace(one, **change) for one in advice.recommendations))
    assert calendar.write_advice(other, "one", tmp_path / "x.ics", now=NOW) == 0
    assert events(tmp_path / "x.ics") == {}
