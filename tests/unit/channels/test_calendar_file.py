"""The calendar: RFC 5545 to the letter, the same entry each time, and nothing private in it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import icalendar
import pytest

from mriloop.edges.channels import calendar
from mriloop.model.errors import MriloopError
from mriloop.model.follow_up import CloseReason, FollowUpState
from mriloop.stages.follow_up import next_follow_up


def events(path):
    return list(icalendar.Calendar.from_ical(path.read_bytes()).walk("VEVENT"))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "follow-up.ics"


def test_an_all_day_entry_on_the_target_with_its_window_and_an_alarm(make, path):
    calendar.write([make.follow_up()], path, now=make.now)
    (event,) = events(path)
    assert event.decoded("dtstart") == date(2027, 5, 4)
    assert event.decoded("dtend") == date(2027, 5, 5)
    assert event.decoded("dtstamp") == make.now
    assert "2027-04-04 to 2027-06-04" in event["description"]
    (alarm,) = event.walk("VALARM")
    assert alarm.decoded("trigger").days == -14
    assert alarm["action"] == "DISPLAY"


def test_lines_are_as_the_standard_wants_them(make, path):
    calendar.write([make.follow_up(plan=(make.window(2028), make.window(2029)))], path, now=make.now)
    raw = path.read_bytes()
    lines = raw.split(b"\r\n")
    assert raw.endswith(b"END:VCALENDAR\r\n")
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert all(len(line) <= 75 for line in lines)
    assert lines[0] == b"BEGIN:VCALENDAR"
    for needed in (b"VERSION:2.0", b"PRODID:", b"DTSTAMP:20260504T103000Z", b"DTSTART;VALUE=DATE:20270504"):
        assert any(line.startswith(needed) for line in lines)


def test_nothing_says_who_where_or_why(make, path):
    item = make.follow_up(step="pituitary_mri", region="pituitary", specialty=("oncology",))
    calendar.write([item], path, now=make.now)
    text = path.read_text().lower()
    for private in ("pseudonym", "sclerosis", "brain", "pituitary", "oncology", "grey", "1.2.", "ms.monitor"):
        assert private not in text


def test_the_plan_is_there_and_keeps_its_entries_as_it_moves_on(make, path):
    item = make.follow_up(plan=(make.window(2028), make.window(2029)))
    calendar.write([item], path, now=make.now)
    before = {event["uid"]: event.decoded("dtstart") for event in events(path)}
    assert sorted(before.values()) == [date(2027, 5, 4), date(2028, 5, 4), date(2029, 5, 4)]
    done = replace(item, state=FollowUpState.CLOSED, closed_as=CloseReason.DONE, closed_on=date(2027, 5, 9))
    following = next_follow_up(done, date(2027, 5, 9))
    assert following is not None
    calendar.write([done, following], path, now=make.now)
    after = {event["uid"]: event.decoded("dtstart") for event in events(path)}
    assert after == {uid: start for uid, start in before.items() if start.year > 2027}


def test_what_is_closed_or_has_no_date_is_not_in_it(make, path):
    closed = make.follow_up(state=FollowUpState.CLOSED)
    calendar.write([closed, make.follow_up(window=None)], path, now=make.now)
    assert events(path) == []


def test_an_empty_list_is_a_valid_calendar(make, path):
    calendar.write([], path, now=make.now)
    assert icalendar.Calendar.from_ical(path.read_bytes())["version"] == "2.0"


def test_the_same_input_is_the_same_file(make, tmp_path):
    for name in ("a.ics", "b.ics"):
        calendar.write([make.follow_up()], tmp_path / name, now=make.now)
    assert (tmp_path / "a.ics").read_bytes() == (tmp_path / "b.ics").read_bytes()


def test_a_place_that_cannot_be_written_is_refused(make, tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(MriloopError) as caught:
        calendar.write([], tmp_path / "file" / "x.ics", now=make.now)
    assert caught.value.code == "out_not_writable"
