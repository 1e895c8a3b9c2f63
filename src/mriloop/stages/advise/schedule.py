"""When a step is due: windows in calendar arithmetic from an anchor, which are done, and the next one that is not."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import pairwise

from mriloop.model.advice import Caution
from mriloop.model.condition import Condition
from mriloop.model.fact import UNKNOWN, FactValue, Truth, all_of
from mriloop.model.guideline import FactSpec
from mriloop.model.schedule import (
    INDIVIDUALISE,
    Closing,
    CountedFrom,
    DuePoint,
    Duration,
    Repeat,
    Schedule,
    Window,
)
from mriloop.stages.advise.conditions import holds, name_of, say_condition

# No surveillance has more dates than this; a repetition every day for years is a mistake, not a plan.
MOST_WINDOWS = 400
_NO_TIME = Duration()


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a schedule comes to for one case.

    `windows` are all of them in order, `next` the first that nobody has done (None when a person has to set the date),
    `closed` those that a study closed, `passed_over` those before a closed one that no study closed. `then` says how it
    goes on, `open_ended` that there are more windows than are shown, `suggested` the date of the site's own policy.
    `missing` is the anchor where it is asked for; `notes` are warnings for the reader.
    """

    windows: tuple[Window, ...] = ()
    next: Window | None = None
    closed: tuple[Closing, ...] = ()
    passed_over: tuple[Window, ...] = ()
    then: str = ""
    open_ended: bool = False
    suggested: date | None = None
    missing: tuple[str, ...] = ()
    notes: tuple[Caution, ...] = ()


NO_PLAN = Plan()


def plan(
    schedule: Schedule | None,
    values: Mapping[str, FactValue],
    as_of: date,
    *,
    vocabulary: Mapping[str, FactSpec] | None = None,
    performed: Iterable[date] | None = None,
) -> Plan:
    """Return what a schedule comes to for the facts of a case.

    Parameters
    ----------
    schedule
        The schedule of a row; None gives an empty plan.
    values
        The facts by name. The anchor is read from them, and the conditions under which the schedule holds.
    as_of
        The day of the question. It moves no window: it ends what is shown of a repetition without an end, says which
        windows have passed, and stands in for an anchor only where the schedule allows it.
    vocabulary
        How facts are called in the notes.
    performed
        Days of studies that count for this step; by default `exam_date` and `performed_follow_ups` of the facts.
    """
    if schedule is None:
        return NO_PLAN
    words = vocabulary or {}
    anchor = values.get(schedule.anchor, UNKNOWN)
    notes: list[Caution] = []
    if not isinstance(anchor, date):
        if not schedule.or_as_of:
            return Plan(then=schedule.then, missing=(schedule.anchor,))
        anchor = as_of
        name = name_of(schedule.anchor, words)
        text = f"The {name} is not stated: dates are counted from {anchor}. State it, and they will never move."
        notes.append(Caution(code="anchor_assumed", text=text))
    made = sorted({day for day in (days_made(values) if performed is None else performed) if day > anchor})
    not_yet = [day for day in made if day > as_of]
    if not_yet:
        text = f"An MRI with the date {not_yet[0]}, after the day of the question, counts as booked, not as made."
        notes.append(Caution(code="not_yet_performed", text=text))
        made = [day for day in made if day <= as_of]
    held = _all(schedule.holds_while, values)
    if held is Truth.FALSE:
        notes.append(_ended(schedule, values, words))
        return Plan(then=schedule.while_ends, notes=tuple(notes))
    unroll = _unroll(schedule, anchor, made, as_of)
    if held is Truth.UNKNOWN:
        asked = [each.fact for each in schedule.holds_while if _all((each,), values) is Truth.UNKNOWN]
        text = (
            f"These dates hold while {say_while(schedule, words)}. "
            f"Not stated: {', '.join(name_of(name, words) for name in dict.fromkeys(asked))}."
        )
        notes.append(Caution(code="while_not_confirmed", text=text))
    if unroll.cut:
        text = "Not every window of this schedule can be shown: the calendar or the number of dates ends first."
        notes.append(Caution(code="schedule_cut", text=text))
    following = unroll.next
    if following is not None and following.latest < as_of:
        text = f"The MRI due on {following.target} (until {following.latest}) is not on record as done."
        notes.append(Caution(code="window_passed", text=text))
    if schedule.stop is not None and _all(schedule.stop.when, values) is Truth.TRUE:
        notes.append(Caution(code="may_stop", text=f"{schedule.stop.text} Nothing stops by itself: a person decides."))
    return Plan(
        windows=tuple(unroll.windows),
        next=following,
        closed=tuple(unroll.closed),
        passed_over=unroll.passed_over,
        then=_then(schedule, unroll.open_ended),
        open_ended=unroll.open_ended,
        suggested=_suggested(schedule, unroll, made),
        notes=tuple(notes),
    )


def days_made(values: Mapping[str, FactValue]) -> list[date]:
    """Return the days on which the facts say that an MRI was made: the exam itself and the follow-ups on record."""
    days = [values.get("exam_date", UNKNOWN)]
    listed = values.get("performed_follow_ups", UNKNOWN)
    if isinstance(listed, tuple):
        days += [date.fromisoformat(day) for day in listed]
    return [day for day in days if isinstance(day, date)]


def after(start: date, duration: Duration) -> date:
    """Return the day `duration` after `start`: months first, held at the month's end, then days.

    31 January + 1 month is 28 February, 29 in a leap year; 29 February + 12 months is 28 February. Raises ValueError or
    OverflowError beyond the years 1 to 9999.
    """
    return _count(start, duration.months, duration.days)


def before(end: date, duration: Duration) -> date:
    """Return the day `duration` before `end`: months first, held at the month's end, then days."""
    return _count(end, -duration.months, -duration.days)


def window_of(point: DuePoint, anchor: date, *, shift: Duration = _NO_TIME) -> Window:
    """Return the window of one due point; `shift` moves all three dates, for repetitions and for what came late.

    Each date is counted from the anchor itself, never from the date before it, so that month ends do not drift.
    """
    months, days = shift.months, shift.days
    target = _count(anchor, point.target.months + months, point.target.days + days)
    if point.tolerance is not None:
        return Window(earliest=before(target, point.tolerance), target=target, latest=after(target, point.tolerance))
    first, last = point.earliest or point.target, point.latest or point.target
    return Window(
        earliest=_count(anchor, first.months + months, first.days + days),
        target=target,
        latest=_count(anchor, last.months + months, last.days + days),
    )


def windows(schedule: Schedule, anchor: date) -> tuple[Window, ...]:
    """Return every window of a schedule, in order: its points, then its repetitions. Depends on the anchor alone.

    Of a repetition without an end, those up to the horizon after the anchor.
    """
    return tuple(_unroll(schedule, anchor, (), anchor).windows)


def next_open(due: tuple[Window, ...], performed: Iterable[date]) -> Window | None:
    """Return the first window after the last one that a performed study closes; None when all are closed.

    A study closes, of the windows that had opened on its day, the one whose target is nearest to it; windows before
    that one are past. A study before every window closes none, so that the first scan never counts as its own control.
    """
    closed = max((_closes(due, day) for day in performed), default=-1)
    return due[closed + 1] if closed + 1 < len(due) else None


def in_order(due: tuple[Window, ...]) -> bool:
    """Tell whether every window runs from earliest over target to latest and targets follow one another."""
    inside = all(window.earliest <= window.target <= window.latest for window in due)
    return inside and all(one.target < other.target for one, other in pairwise(due))


def say_while(schedule: Schedule, vocabulary: Mapping[str, FactSpec]) -> str:
    """Return the conditions under which a schedule holds, in words; empty where it has none."""
    if not schedule.holds_while:
        return schedule.while_words
    return " and ".join(say_condition(each, vocabulary) for each in schedule.holds_while)


def say_repeat(phase: Repeat) -> str:
    """Return a repetition in words: ", then every 12 months, 3 times"."""
    said = f", then every {say_duration(phase.every)}"
    if phase.times is not None:
        said += f", {phase.times} times" if phase.times > 1 else ", once"
    if phase.until is not None:
        said += f", until {say_duration(phase.until)} after the start"
    return said


def say_duration(duration: Duration) -> str:
    """Return a duration in words: "18 months", "2 years", "2 weeks"."""
    parts = []
    years, months = divmod(duration.months, 12)
    if duration.months and months:
        parts.append(_many(duration.months, "month"))
    elif duration.months:
        parts.append(_many(duration.months, "month") if duration.months == 12 else _many(years, "year"))
    weeks, days = divmod(duration.days, 7)
    if duration.days:
        parts.append(_many(duration.days, "day") if days else _many(weeks, "week"))
    return " and ".join(parts) or "no time"


@dataclass(slots=True, kw_only=True)
class _Unrolled:
    """The windows of a schedule as far as they are shown, and which of them are done."""

    windows: list[Window]
    closed: list[Closing]
    last: int = -1
    open_ended: bool = False
    cut: bool = False

    @property
    def next(self) -> Window | None:
        return self.windows[self.last + 1] if self.last + 1 < len(self.windows) else None

    @property
    def passed_over(self) -> tuple[Window, ...]:
        done = {closing.window for closing in self.closed}
        return tuple(window for window in self.windows[: max(self.last, 0)] if window not in done)


def _unroll(schedule: Schedule, anchor: date, made: Iterable[date], as_of: date) -> _Unrolled:
    """Count every window, let each study close the one it fits, and move what comes after it where the rule says so.

    Windows are a function of anchor and studies; `as_of` only ends what is shown of a repetition without an end, of
    which there is always a next one.
    """
    days = list(made)
    reference = max([as_of, anchor, *days])
    result = _closed(schedule, anchor, days, reference)
    while result.open_ended and result.next is None:
        reference = after(reference, schedule.repeats[-1].every)
        result = _closed(schedule, anchor, days, reference)
    return result


def _closed(schedule: Schedule, anchor: date, days: list[date], reference: date) -> _Unrolled:
    result = _Unrolled(windows=[], closed=[])
    points = list(_points(schedule, anchor, reference, result))
    _append(result, points, anchor, _NO_TIME)
    for day in days:
        number = _closes(result.windows, day)
        if number <= result.last:
            continue
        window = result.windows[number]
        result.closed.append(Closing(window=window, performed_on=day, late=day > window.latest))
        result.last = number
        if schedule.counted_from is CountedFrom.PERFORMED:
            del result.windows[number + 1 :]
            _append(result, points[number + 1 :], day, points[number].target)
    return result


def _points(schedule: Schedule, anchor: date, reference: date, result: _Unrolled) -> Iterator[DuePoint]:
    """Yield every due point with its repetitions written out.

    Of a repetition without an end, those as far as the horizon after `reference`, and two after it at least: a study
    may close the first of them early.
    """
    yield from schedule.points
    last, count = schedule.points[-1], len(schedule.points)
    for phase in schedule.repeats:
        if phase.tolerance is not None:
            last = replace(last, tolerance=phase.tolerance, earliest=None, latest=None)
        number = ahead = 0
        while phase.times is None or number < phase.times:
            number += 1
            following = _later(last, phase.every)
            try:
                target = after(anchor, following.target)
                if phase.until is not None and target > after(anchor, phase.until):
                    break
                shown = phase.times is not None or phase.until is not None or ahead < 2
                if not shown and target > after(reference, schedule.horizon):
                    result.open_ended = True
                    return
            except (ValueError, OverflowError):
                result.cut = True
                return
            if count >= MOST_WINDOWS:
                result.cut = True
                return
            last, count, ahead = following, count + 1, ahead + (target > reference)
            yield last


def _append(result: _Unrolled, points: Iterable[DuePoint], base: date, origin: Duration) -> None:
    """Add the windows of due points, counted from `base` as if it were the target at `origin`."""
    shift = Duration(months=-origin.months, days=-origin.days)
    for point in points:
        try:
            result.windows.append(window_of(point, base, shift=shift))
        except (ValueError, OverflowError):
            result.cut = True
            return


def _closes(due: Iterable[Window], day: date) -> int:
    """Return the number of the window that a study of that day closes, -1 for none."""
    opened = [(abs((window.target - day).days), number) for number, window in enumerate(due) if window.earliest <= day]
    return min(opened)[1] if opened else -1


def _later(point: DuePoint, every: Duration) -> DuePoint:
    return DuePoint(
        target=_sum(point.target, every),
        earliest=None if point.earliest is None else _sum(point.earliest, every),
        latest=None if point.latest is None else _sum(point.latest, every),
        tolerance=point.tolerance,
    )


def _then(schedule: Schedule, open_ended: bool) -> str:
    if schedule.then or not open_ended:
        return schedule.then
    return f"every {say_duration(schedule.repeats[-1].every)}"


def _suggested(schedule: Schedule, unroll: _Unrolled, made: list[date]) -> date | None:
    """Return the date that the site's policy puts where a person decides: after the last window, or the last study."""
    if schedule.site_default is None or schedule.then != INDIVIDUALISE or unroll.open_ended:
        return None
    last = made[-1] if unroll.next is None and made else unroll.windows[-1].target if unroll.windows else None
    try:
        return None if last is None else after(last, schedule.site_default.after)
    except (ValueError, OverflowError):
        return None


def _ended(schedule: Schedule, values: Mapping[str, FactValue], words: Mapping[str, FactSpec]) -> Caution:
    broken = [each for each in schedule.holds_while if _all((each,), values) is Truth.FALSE]
    reason = " and ".join(say_condition(each, words) for each in broken)
    ends = "a person sets the next date" if schedule.while_ends == INDIVIDUALISE else schedule.while_ends
    text = f"These dates hold only while {reason}; that is no longer so. No date is counted: {ends}."
    return Caution(code="while_ended", text=text)


def _all(conditions: Iterable[Condition], values: Mapping[str, FactValue]) -> Truth:
    return all_of(holds(each, values.get(each.fact, UNKNOWN)) for each in conditions)


def _count(start: date, months: int, days: int) -> date:
    if months:
        year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
        day = start.day if start.day <= 28 else min(start.day, monthrange(year, month + 1)[1])
        start = date(year, month + 1, day)
    return start + timedelta(days=days) if days else start


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _sum(one: Duration, other: Duration) -> Duration:
    return Duration(months=one.months + other.months, days=one.days + other.days)
