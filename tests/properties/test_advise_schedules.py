"""Windows: in order, counted from the anchor as dateutil counts, the same on every day that one asks."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from dateutil.relativedelta import relativedelta
from dateutil.rrule import MONTHLY, rrule
from hypothesis import given, settings
from hypothesis import strategies as st

from mriloop.model.schedule import CountedFrom, DuePoint, Duration, Repeat, Schedule
from mriloop.stages.advise.schedule import after, before, in_order, next_open, plan, windows

DAYS = st.dates(date(1950, 1, 1), date(2100, 12, 31))
EITHER = st.booleans()
STEPS = st.lists(st.integers(2, 24), min_size=1, max_size=6)
TOLERANCES = st.builds(Duration, months=st.just(0), days=st.integers(0, 28))


@st.composite
def schedules(draw: st.DrawFn, *, open_ended: st.SearchStrategy[bool] = EITHER) -> Schedule:
    """Schedules as guidelines write them: months that follow one another, windows that do not reach the one before."""
    reached, points = 0, []
    for step in draw(STEPS):
        reached += step
        points.append(DuePoint(target=Duration(months=reached), tolerance=draw(TOLERANCES)))
    repeats = [
        Repeat(every=Duration(months=draw(st.integers(2, 24))), times=draw(st.integers(1, 6)))
        for _ in range(draw(st.integers(0, 2)))
    ]
    if draw(open_ended):
        repeats.append(Repeat(every=Duration(months=draw(st.integers(2, 36)))))
    return Schedule(
        anchor="surgery_date",
        points=tuple(points),
        repeats=tuple(repeats),
        counted_from=draw(st.sampled_from(CountedFrom)),
        horizon=Duration(months=draw(st.integers(1, 60))),
    )


def facts(anchor: date, done: list[date]) -> dict[str, object]:
    return {"surgery_date": anchor, "performed_follow_ups": tuple(sorted({day.isoformat() for day in done}))}


STUDIES = st.lists(st.integers(1, 4000), max_size=8)


@settings(deadline=None)
@given(DAYS, st.integers(-600, 600), st.integers(-800, 800))
def test_dates_are_counted_as_dateutil_counts(start, months, days):
    assert after(start, Duration(months=months, days=days)) == start + relativedelta(months=months, days=days)
    assert before(start, Duration(months=months, days=days)) == start - relativedelta(months=months, days=days)


@settings(deadline=None)
@given(DAYS, st.integers(1, 24), st.integers(1, 12))
def test_repetitions_are_those_of_rrule_wherever_rrule_has_the_day(anchor, every, times):
    """RFC 5545 leaves out months without the day; ours holds them at the month's end: the last that exists."""
    schedule = Schedule(
        anchor="x",
        points=(DuePoint(target=Duration(months=every), tolerance=Duration()),),
        repeats=(Repeat(every=Duration(months=every), times=times),),
    )
    found = [window.target for window in windows(schedule, anchor)]
    months = rrule(MONTHLY, interval=every, dtstart=anchor.replace(day=1), count=times + 2)
    ends = [first + relativedelta(day=anchor.day) for first in months][1:]
    assert found == [end.date() for end in ends]
    same_day = {day.date() for day in rrule(MONTHLY, interval=every, dtstart=anchor, until=ends[-1])}
    assert {day for day in found if day.day == anchor.day} == same_day - {anchor}


@settings(deadline=None)
@given(schedules(), DAYS, STUDIES, DAYS)
def test_windows_are_in_order_and_the_first_is_anchored(schedule, anchor, done, as_of):
    found = plan(schedule, facts(anchor, [anchor + timedelta(days=number) for number in done]), as_of)
    assert all(one.earliest <= one.target <= one.latest for one in found.windows)
    targets = [one.target for one in found.windows]
    assert targets[0] == anchor + relativedelta(months=schedule.points[0].target.months)
    assert targets == sorted(targets)
    if schedule.counted_from is CountedFrom.ANCHOR:
        assert in_order(found.windows)


@settings(deadline=None)
@given(schedules(), DAYS, STUDIES, st.integers(0, 8000), st.integers(0, 8000))
def test_asking_again_later_moves_no_window(schedule, anchor, done, one, more):
    """What was shown is shown again; of a schedule without an end there may be more of it."""
    made = [anchor + timedelta(days=number) for number in done]
    first = max([anchor, *made]) + timedelta(days=one)
    early = plan(schedule, facts(anchor, made), first)
    late = plan(schedule, facts(anchor, made), first + timedelta(days=more))
    assert late.windows[: len(early.windows)] == early.windows
    assert late.closed == early.closed
    assert late.passed_over == early.passed_over
    assert late.next == early.next
    if not early.open_ended:
        assert late.windows == early.windows


@settings(deadline=None)
@given(schedules(), DAYS, STUDIES, DAYS)
def test_the_same_question_twice_is_the_same_plan_whatever_the_order_of_the_studies(schedule, anchor, done, as_of):
    made = [anchor + timedelta(days=number) for number in done]
    once = plan(schedule, {"surgery_date": anchor}, as_of, performed=made)
    assert once == plan(schedule, {"surgery_date": anchor}, as_of, performed=[*reversed(made), *made])


@settings(deadline=None)
@given(schedules(), DAYS, STUDIES)
def test_a_further_study_never_opens_a_window_again(schedule, anchor, done):
    made = sorted(anchor + timedelta(days=number) for number in done)
    end = anchor + timedelta(days=5000)
    counts = [len(plan(schedule, facts(anchor, made[:number]), end).closed) for number in range(len(made) + 1)]
    assert counts == sorted(counts)
    assert counts[0] == 0


@settings(deadline=None)
@given(schedules(open_ended=st.just(True)), DAYS, STUDIES, st.integers(0, 20000))
def test_a_schedule_without_an_end_always_has_a_next_window_and_is_never_infinite(schedule, anchor, done, later):
    made = [anchor + timedelta(days=number) for number in done]
    as_of = anchor + timedelta(days=later)
    found = plan(schedule, facts(anchor, made), as_of)
    assert found.open_ended
    assert found.next is not None
    assert len(found.windows) < 400
    last = max([as_of, *(day for day in made if day <= as_of)])
    assert found.windows[-1].target > last - timedelta(days=4000)


@settings(deadline=None)
@given(schedules(open_ended=st.just(False)), DAYS, STUDIES)
def test_what_is_next_is_what_the_plain_rule_says(schedule, anchor, done):
    """The rule as it stood before phases were written: the first window after the last one closed."""
    made = [anchor + timedelta(days=number) for number in done]
    found = plan(schedule, facts(anchor, made), anchor + timedelta(days=5000))
    if schedule.counted_from is CountedFrom.ANCHOR:
        assert found.next == next_open(found.windows, made)
    assert {one.window for one in found.closed}.isdisjoint(found.passed_over)
    assert found.next is None or found.next not in {one.window for one in found.closed}


@settings(deadline=None)
@given(schedules(), DAYS)
def test_a_study_on_every_target_closes_every_window_in_time(schedule, anchor):
    schedule = replace(schedule, counted_from=CountedFrom.ANCHOR)
    due = list(windows(schedule, anchor))[:8]
    found = plan(schedule, facts(anchor, [window.target for window in due]), due[-1].target)
    assert [one.window for one in found.closed][: len(due)] == due
    assert not any(one.late for one in found.closed)
    assert found.passed_over == ()
