"""The clock: every boundary of the window, and a due list that leaves nothing out."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from mriloop.model.follow_up import Clock, FollowUpState
from mriloop.stages.follow_up import clock, due_list


@pytest.mark.parametrize(
    ("today", "stands"),
    # window 2027-04-04 to 2027-06-04; −30 days is 2027-03-05, +60 days is 2027-08-03 (counted by hand)
    [
        ("2026-05-04", Clock.NOT_YET_DUE),
        ("2027-03-04", Clock.NOT_YET_DUE),
        ("2027-03-05", Clock.COMING_DUE),
        ("2027-04-03", Clock.COMING_DUE),
        ("2027-04-04", Clock.DUE),
        ("2027-05-04", Clock.DUE),
        ("2027-06-04", Clock.DUE),
        ("2027-06-05", Clock.OVERDUE),
        ("2027-08-03", Clock.OVERDUE),
        ("2027-08-04", Clock.NON_COMPLIANT),
        ("2040-01-01", Clock.NON_COMPLIANT),
    ],
)
def test_each_boundary_of_the_window(make, today, stands):
    assert clock(make.follow_up(), date.fromisoformat(today)) is stands


def test_days_are_counted_over_leap_days_and_the_ends_of_the_calendar(make):
    leap = make.follow_up(window=make.window("2028-03-15", "2028-03-15", "2028-03-15"))
    assert clock(leap, date(2028, 2, 14)) is Clock.COMING_DUE  # 30 days: 2028 has a 29 February
    assert clock(leap, date(2028, 2, 13)) is Clock.NOT_YET_DUE
    for edge in (date.min, date.max):
        assert clock(leap, edge) in Clock
        assert clock(make.follow_up(window=make.window("0001-01-01", "0001-01-01", "9999-12-31")), edge) is Clock.DUE


def test_without_a_window_a_person_has_to_set_one(make):
    assert clock(make.follow_up(window=None), date(2027, 1, 1)) is Clock.INDIVIDUALISE


def test_the_due_list_has_the_most_pressing_first_and_everything_open(make):
    today = date(2027, 5, 4)

    def one(name, start, end, **change):
        earliest, latest = (today + timedelta(days=days) for days in (start, end))
        frame = make.window(earliest.isoformat(), earliest.isoformat(), latest.isoformat())
        return make.follow_up(id=name, window=frame, **change)

    items = [
        one("later", 300, 330),
        one("soon", 20, 50),
        one("due-b", -5, 20),
        one("due-a", -5, 10),
        one("overdue", -60, -10),
        one("lost-sight-of", -200, -100),
        make.follow_up(id="undated", window=None),
        one("closed", -200, -100, state=FollowUpState.CLOSED),
    ]
    listed = due_list(items, today)
    assert [item.follow_up.id for item in listed] == [
        "lost-sight-of",
        "overdue",
        "due-a",
        "due-b",
        "undated",
        "soon",
        "later",
    ]
    assert [item.days for item in listed] == [-100, -10, 10, 20, None, 50, 330]
    assert due_list(reversed(items), today) == listed
