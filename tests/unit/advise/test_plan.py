"""Plans of schedules: phases, open ends, conditions, stop rules, a site's date. Every date here was written by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from mriloop.model.condition import Condition, Op
from mriloop.model.fact import UNKNOWN, Truth
from mriloop.model.quantity import Quantity
from mriloop.model.schedule import CountedFrom, DuePoint, Duration, Repeat, Schedule, SiteDefault, StopRule, day_of
from mriloop.stages.advise.schedule import MOST_WINDOWS, NO_PLAN, plan, windows

D = date
M = Duration(months=1)
STABLE = Condition(fact="change_vs_prior", op=Op.ONE_OF, value=("stable", "shrinkage"))


def months(number: int) -> Duration:
    return Duration(months=number)


def point(number: int, tolerance: Duration = M) -> DuePoint:
    return DuePoint(target=months(number), tolerance=tolerance)


def targets(schedule: Schedule, as_of: date, **facts: object) -> list[date]:
    return [window.target for window in plan(schedule, facts, as_of).windows]


MENINGIOMA = Schedule(  # yearly five times, then every two years (clinical.md B4, EANO 2021)
    anchor="exam_date",
    points=(point(12),),
    repeats=(Repeat(every=months(12), times=4), Repeat(every=months(24), tolerance=months(2))),
)


def test_phases_follow_one_another():
    found = plan(MENINGIOMA, {"exam_date": D(2020, 2, 29)}, D(2020, 3, 1))
    assert [window.target for window in found.windows] == [
        D(2021, 2, 28), D(2022, 2, 28), D(2023, 2, 28), D(2024, 2, 29), D(2025, 2, 28), D(2027, 2, 28), D(2029, 2, 28),
    ]  # fmt: skip
    assert found.open_ended
    assert found.then == "every 2 years"
    assert (found.windows[-1].earliest, found.windows[-1].latest) == (D(2028, 12, 28), D(2029, 4, 28))
    assert (found.windows[0].earliest, found.windows[0].latest) == (D(2021, 1, 28), D(2021, 3, 28))


def test_a_repetition_without_an_end_is_shown_for_its_horizon_and_grows_as_time_goes_by():
    yearly = Schedule(
        anchor="surgery_date", points=(point(12),), repeats=(Repeat(every=months(12)),), horizon=months(36)
    )
    early = targets(yearly, D(2026, 1, 1), surgery_date=D(2025, 6, 15))
    assert early == [D(2026, 6, 15), D(2027, 6, 15), D(2028, 6, 15)]
    late = targets(yearly, D(2040, 1, 1), surgery_date=D(2025, 6, 15))
    assert late[:3] == early
    assert late[-1] == D(2042, 6, 15)


def test_there_are_two_windows_ahead_however_short_the_horizon():
    rare = Schedule(
        anchor="surgery_date", points=(point(12),), repeats=(Repeat(every=months(60)),), horizon=Duration(days=1)
    )
    assert targets(rare, D(2026, 12, 1), surgery_date=D(2025, 6, 15)) == [
        D(2026, 6, 15), D(2031, 6, 15), D(2036, 6, 15),
    ]  # fmt: skip


def test_until_ends_a_repetition():
    """A pancreatic cyst of 15 to 19 mm (clinical.md B11): yearly for 5 years, every 2 years until year 9."""
    cyst = Schedule(
        anchor="first_mri_date",
        points=(point(12),),
        repeats=(Repeat(every=months(12), times=4), Repeat(every=months(24), until=months(108))),
        then="individualise",
    )
    found = plan(cyst, {"first_mri_date": D(2026, 8, 31)}, D(2026, 9, 1))
    assert [window.target.year for window in found.windows] == [2027, 2028, 2029, 2030, 2031, 2033, 2035]
    assert not found.open_ended
    assert found.then == "individualise"


POST_OP = Schedule(
    anchor="surgery_date", points=(point(3, Duration(days=14)), point(6), point(12), point(24)), then="individualise"
)


@pytest.mark.parametrize(
    ("counted", "expected"),
    [
        (CountedFrom.ANCHOR, [D(2026, 4, 10), D(2026, 7, 10), D(2027, 1, 10), D(2028, 1, 10)]),
        (CountedFrom.PERFORMED, [D(2026, 4, 10), D(2026, 8, 5), D(2027, 2, 5), D(2028, 2, 5)]),
    ],
)
def test_what_comes_after_a_late_scan_is_counted_as_the_guideline_says(counted, expected):
    schedule = Schedule(anchor="surgery_date", points=POST_OP.points, counted_from=counted)
    facts = {"surgery_date": D(2026, 1, 10), "performed_follow_ups": ("2026-05-05",)}
    found = plan(schedule, facts, D(2026, 5, 6))
    assert [window.target for window in found.windows] == expected
    assert found.next == found.windows[1]
    (closing,) = found.closed
    assert (closing.window.target, closing.performed_on, closing.late) == (D(2026, 4, 10), D(2026, 5, 5), True)


def test_a_scan_at_the_month_end_moves_what_follows_to_the_month_end():
    schedule = Schedule(anchor="surgery_date", points=(point(3), point(4)), counted_from=CountedFrom.PERFORMED)
    facts = {"surgery_date": D(2025, 10, 25), "exam_date": D(2026, 1, 31)}
    assert targets(schedule, D(2026, 2, 1), **facts) == [D(2026, 1, 25), D(2026, 2, 28)]


def test_windows_that_nobody_kept_are_passed_over_and_named():
    facts = {"surgery_date": D(2026, 1, 10), "performed_follow_ups": ("2027-01-20",)}
    found = plan(POST_OP, facts, D(2027, 2, 1))
    assert [window.target for window in found.passed_over] == [D(2026, 4, 10), D(2026, 7, 10)]
    assert found.next is not None
    assert found.next.target == D(2028, 1, 10)


def test_a_scan_of_tomorrow_is_booked_and_closes_nothing():
    facts = {"surgery_date": D(2026, 1, 10), "exam_date": D(2026, 4, 11)}
    assert plan(POST_OP, facts, D(2026, 4, 11)).next.target == D(2026, 7, 10)
    booked = plan(POST_OP, facts, D(2026, 4, 10))
    assert booked.next.target == D(2026, 4, 10)
    assert [note.code for note in booked.notes] == ["not_yet_performed"]


@pytest.mark.parametrize(
    ("change", "codes", "count"),
    [("stable", [], 1), ("shrinkage", [], 1), ("growth", ["while_ended"], 0), (UNKNOWN, ["while_not_confirmed"], 1)],
)
def test_a_schedule_holds_while_its_condition_does_and_unknown_is_not_no(change, codes, count):
    schedule = Schedule(anchor="exam_date", points=(point(12),), holds_while=(STABLE,), never_auto_close=True)
    found = plan(schedule, {"exam_date": D(2026, 1, 10), "change_vs_prior": change}, D(2026, 1, 11))
    assert [note.code for note in found.notes] == codes
    assert len(found.windows) == count
    assert found.then == ("individualise" if change == "growth" else "")


def test_when_the_condition_ends_the_words_of_the_rule_say_what_comes():
    schedule = Schedule(
        anchor="exam_date", points=(point(12),), holds_while=(STABLE,), while_ends="neurosurgery decides"
    )
    found = plan(schedule, {"exam_date": D(2026, 1, 10), "change_vs_prior": "growth"}, D(2026, 1, 11))
    assert (found.next, found.then) == (None, "neurosurgery decides")
    assert "neurosurgery decides" in found.notes[0].text


@pytest.mark.parametrize(("seen", "said"), [(59.0, False), (60.0, True), (UNKNOWN, False)])
def test_a_stop_rule_is_said_and_stops_nothing(seen, said):
    limit = Condition(fact="months_since_first_mri", op=Op.AT_LEAST, value=Quantity(value=60.0, unit="mo"))
    schedule = Schedule(
        anchor="exam_date", points=(point(12),), stop=StopRule(when=(limit,), text="The society allows the end.")
    )
    value = seen if seen is UNKNOWN else Quantity(value=seen, unit="mo")
    found = plan(schedule, {"exam_date": D(2026, 1, 10), "months_since_first_mri": value}, D(2026, 1, 11))
    assert any(note.code == "may_stop" for note in found.notes) is said
    assert found.next is not None


def test_the_sites_date_comes_after_the_last_window_and_then_after_the_last_scan():
    schedule = Schedule(
        anchor="surgery_date",
        points=(point(12),),
        then="individualise",
        site_default=SiteDefault(after=months(24), label="local policy"),
    )
    facts = {"surgery_date": D(2024, 2, 29)}
    assert plan(schedule, facts, D(2024, 3, 1)).suggested == D(2027, 2, 28)
    done = {**facts, "performed_follow_ups": ("2025-03-05",)}
    after = plan(schedule, done, D(2025, 3, 6))
    assert (after.next, after.suggested) == (None, D(2027, 3, 5))


def test_an_anchor_that_nobody_stated_is_asked_for_unless_the_rule_says_otherwise():
    assert plan(POST_OP, {}, D(2026, 1, 10)).missing == ("surgery_date",)
    lent = Schedule(anchor="exam_date", points=(point(12),), or_as_of=True)
    found = plan(lent, {"exam_date": UNKNOWN}, D(2026, 1, 10))
    assert found.next.target == D(2027, 1, 10)
    assert [note.code for note in found.notes] == ["anchor_assumed"]
    assert plan(None, {}, D(2026, 1, 10)) == NO_PLAN


@pytest.mark.parametrize("anchor", [D(9999, 12, 31), D(9998, 6, 1), D(1, 1, 1)])
def test_the_ends_of_the_calendar_are_said_and_never_raise(anchor):
    yearly = Schedule(
        anchor="surgery_date",
        points=(DuePoint(target=months(12), tolerance=months(14)),),
        repeats=(Repeat(every=months(12)),),
    )
    found = plan(yearly, {"surgery_date": anchor}, anchor)
    assert any(note.code == "schedule_cut" for note in found.notes)
    assert all(one.earliest <= one.target <= one.latest for one in found.windows)


def test_a_repetition_is_never_longer_than_anyone_can_read():
    daily = Schedule(
        anchor="exam_date",
        points=(DuePoint(target=Duration(days=1), tolerance=Duration()),),
        repeats=(Repeat(every=Duration(days=1)),),
    )
    assert len(windows(daily, D(2026, 1, 1))) == MOST_WINDOWS


BERLIN, NEW_YORK, KIRITIMATI = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York"), ZoneInfo("Pacific/Kiritimati")


@pytest.mark.parametrize(
    ("instant", "zone", "day"),
    [
        (datetime(2026, 4, 10, 23, 30, tzinfo=NEW_YORK), BERLIN, D(2026, 4, 11)),
        (datetime(2026, 4, 11, 5, 0, tzinfo=BERLIN), NEW_YORK, D(2026, 4, 10)),
        (datetime(2026, 4, 10, 0, 0, tzinfo=BERLIN), BERLIN, D(2026, 4, 10)),
        (datetime(2026, 4, 10, 0, 0), KIRITIMATI, D(2026, 4, 10)),
        (datetime(2026, 4, 10, 12, 0, tzinfo=UTC), KIRITIMATI, D(2026, 4, 11)),
        # The nights on which clocks change in Berlin: 29 March and 25 October 2026, at 01:00 UTC.
        (datetime(2026, 3, 28, 22, 59, 59, tzinfo=UTC), BERLIN, D(2026, 3, 28)),
        (datetime(2026, 3, 28, 23, 0, tzinfo=UTC), BERLIN, D(2026, 3, 29)),
        (datetime(2026, 3, 29, 22, 0, tzinfo=UTC), BERLIN, D(2026, 3, 30)),
        (datetime(2026, 10, 25, 0, 30, tzinfo=UTC), BERLIN, D(2026, 10, 25)),
        (datetime(2026, 10, 25, 22, 30, tzinfo=UTC), BERLIN, D(2026, 10, 25)),
        (datetime(2026, 10, 25, 23, 0, tzinfo=UTC), BERLIN, D(2026, 10, 26)),
        (datetime(2026, 1, 1, 1, 0, tzinfo=timezone(timedelta(hours=14))), UTC, D(2025, 12, 31)),
    ],
)
def test_the_day_of_an_instant_is_that_of_the_site(instant, zone, day):
    assert day_of(instant, zone) == day


def test_an_operation_three_months_before_the_clock_change_is_due_on_the_same_day_of_the_month():
    schedule = Schedule(anchor="surgery_date", points=(point(3),))
    operated = day_of(datetime(2025, 12, 29, 0, 15, tzinfo=BERLIN), BERLIN)
    assert targets(schedule, D(2026, 1, 1), surgery_date=operated) == [D(2026, 3, 29)]


def test_what_is_true_stays_true_for_truths():
    """A condition on a yes-no fact works like any other."""
    clear = Condition(fact="symptomatic", op=Op.IS, value=Truth.FALSE)
    schedule = Schedule(anchor="exam_date", points=(point(12),), holds_while=(clear,))
    assert plan(schedule, {"exam_date": D(2026, 1, 1), "symptomatic": Truth.FALSE}, D(2026, 1, 2)).notes == ()
    ended = plan(schedule, {"exam_date": D(2026, 1, 1), "symptomatic": Truth.TRUE}, D(2026, 1, 2))
    assert ended.windows == ()
