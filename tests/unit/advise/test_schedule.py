"""Calendar arithmetic of schedules against dates written by hand."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from mriloop.app import advise as use_case
from mriloop.model.schedule import (
    DuePoint,
    Duration,
    Repeat,
    Schedule,
    Window,
)
from mriloop.stages.advise.schedule import after, before, in_order, next_open, say_duration, window_of, windows

D = date


@pytest.mark.parametrize(
    ("start", "months", "days", "end"),
    [
        (D(2026, 1, 31), 1, 0, D(2026, 2, 28)),
        (D(2024, 1, 31), 1, 0, D(2024, 2, 29)),
        (D(2024, 2, 29), 12, 0, D(2025, 2, 28)),
        (D(2024, 2, 29), 48, 0, D(2028, 2, 29)),
        (D(2025, 11, 30), 3, 0, D(2026, 2, 28)),
        (D(2026, 12, 31), 2, 0, D(2027, 2, 28)),
        (D(2026, 1, 31), 1, 14, D(2026, 3, 14)),
        (D(2026, 2, 28), 0, 1, D(2026, 3, 1)),
    ],
)
def test_months_are_added_before_days_and_held_at_the_month_end(start, months, days, end):
    assert after(start, Duration(months=months, days=days)) == end


def test_going_back_is_held_at_the_month_end_too():
    assert before(D(2026, 3, 31), Duration(months=1)) == D(2026, 2, 28)


def test_month_ends_do_not_drift_over_repetitions():
    schedule = Schedule(
        anchor="exam_date",
        points=(DuePoint(target=Duration(months=1), tolerance=Duration(days=3)),),
        repeats=(Repeat(every=Duration(months=1), times=3),),
    )
    assert [window.target for window in windows(schedule, D(2026, 1, 31))] == [
        D(2026, 2, 28),
        D(2026, 3, 31),
        D(2026, 4, 30),
        D(2026, 5, 31),
    ]


def test_a_range_is_counted_from_the_anchor():
    point = DuePoint(target=Duration(months=18), earliest=Duration(months=12), latest=Duration(months=24))
    assert window_of(point, D(2024, 2, 29)) == Window(
        earliest=D(2025, 2, 28), target=D(2025, 8, 29), latest=D(2026, 2, 28)
    )


POST_OP = [D(2026, 4, 10), D(2026, 7, 10), D(2027, 1, 10), D(2028, 1, 10), D(2029, 1, 10), D(2031, 1, 10)]


def _post_op(tmp_path: Path, more: str, now: date):
    path = tmp_path / "case.yaml"
    path.write_text(f"{{age: 15, condition: pituitary_lesion, surgery_date: 2026-01-10{more}}}")
    advice = use_case.advise_case(path, site=None, now=now)
    return advice, next(each for each in advice.recommendations if each.guideline == "pituitary_cyp")


@pytest.mark.parametrize("now", [D(2026, 1, 11), D(2026, 4, 9), D(2027, 6, 1), D(2044, 2, 29)])
def test_the_operated_fifteen_year_old_has_six_dates_that_never_move(tmp_path, now):
    _, answer = _post_op(tmp_path, "", now)
    assert [window.target for window in answer.schedule] == POST_OP
    assert answer.window == answer.schedule[0]
    assert answer.then == "individualise"
    assert answer.never_auto_close


@pytest.mark.parametrize(
    ("done", "expected"),
    [
        (", performed_follow_ups: [2026-04-08]", POST_OP[1]),
        (", exam_date: 2026-04-12", POST_OP[1]),
        (", performed_follow_ups: [2026-04-08, 2026-07-20, 2027-01-03]", POST_OP[3]),
        (", performed_follow_ups: [2026-02-01]", POST_OP[0]),
        (", performed_follow_ups: [2027-01-20]", POST_OP[3]),
    ],
)
def test_the_window_is_the_next_one_that_nobody_has_done(tmp_path, done, expected):
    _, answer = _post_op(tmp_path, done, D(2027, 2, 1))
    assert answer.window is not None
    assert answer.window.target == expected


def test_after_the_last_date_a_person_decides_and_nothing_closes(tmp_path):
    _, answer = _post_op(tmp_path, f", performed_follow_ups: [{', '.join(map(str, POST_OP))}]", D(2031, 2, 1))
    assert answer.window is None
    assert (answer.then, answer.never_auto_close) == ("individualise", True)


def test_a_window_that_passed_without_a_record_is_said(tmp_path):
    advice, _ = _post_op(tmp_path, "", D(2026, 6, 1))
    assert any(caution.code == "window_passed" for caution in advice.warnings)
    advice, _ = _post_op(tmp_path, "", D(2026, 4, 1))
    assert not any(caution.code == "window_passed" for caution in advice.warnings)


def test_a_study_before_every_window_closes_none():
    due = (
        Window(earliest=D(2026, 3, 27), target=D(2026, 4, 10), latest=D(2026, 4, 24)),
        Window(earliest=D(2026, 6, 10), target=D(2026, 7, 10), latest=D(2026, 8, 10)),
    )
    assert next_open(due, [D(2026, 1, 11)]) is due[0]
    assert next_open(due, [D(2026, 5, 1)]) is due[1]
    assert next_open(due, [D(2026, 7, 1)]) is None


def test_windows_out_of_order_are_seen():
    good = Window(earliest=D(2026, 1, 1), target=D(2026, 1, 2), latest=D(2026, 1, 3))
    assert in_order((good,))
    assert not in_order((Window(earliest=D(2026, 1, 3), target=D(2026, 1, 2), latest=D(2026, 1, 3)),))
    assert not in_order((good, good))


@pytest.mark.parametrize(
    ("duration", "words"),
    [
        (Duration(months=12), "12 months"),
        (Duration(months=24), "2 years"),
        (Duration(months=18), "18 months"),
        (Duration(days=14), "2 weeks"),
        (Duration(months=1, days=3), "1 month and 3 days"),
    ],
)
def test_durations_in_words(duration, words):
    assert say_duration(duration) == words
