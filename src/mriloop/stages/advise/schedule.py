"""When a step is due: windows in calendar arithmetic from an anchor, and the next one that nobody has done yet."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from itertools import pairwise

from dateutil.relativedelta import relativedelta

from mriloop.model.schedule import (
    DuePoint,
    Duration,
    Schedule,
    Window,
)


def after(start: date, duration: Duration) -> date:
    """Return the day `duration` after `start`: months first, held at the month's end, then days.

    31 January + 1 month is 28 February, 29 in a leap year; 29 February + 12 months is 28 February. Raises OverflowError
    beyond the year 9999.
    """
    return start + relativedelta(months=duration.months, days=duration.days)


def before(end: date, duration: Duration) -> date:
    """Return the day `duration` before `end`: months first, held at the month's end, then days."""
    return end - relativedelta(months=duration.months, days=duration.days)


def window_of(point: DuePoint, anchor: date, *, shift: Duration | None = None) -> Window:
    """Return the window of one due point; `shift` moves all three dates later, for repetitions.

    Each date is counted from the anchor itself, never from the date before it, so that month ends do not drift.
    """
    target = after(anchor, _sum(point.target, shift))
    if point.tolerance is not None:
        return Window(earliest=before(target, point.tolerance), target=target, latest=after(target, point.tolerance))
    return Window(
        earliest=after(anchor, _sum(point.earliest or point.target, shift)),
        target=target,
        latest=after(anchor, _sum(point.latest or point.target, shift)),
    )


def windows(schedule: Schedule, anchor: date) -> tuple[Window, ...]:
    """Return every window of a schedule, in order: its points, then its repetitions. Depends on the anchor alone."""
    result = [window_of(point, anchor) for point in schedule.points]
    if schedule.repeat_every is not None:
        every = schedule.repeat_every
        for number in range(1, schedule.repeat_times + 1):
            shift = Duration(months=every.months * number, days=every.days * number)
            result.append(window_of(schedule.points[-1], anchor, shift=shift))
    return tuple(result)


def next_open(due: tuple[Window, ...], performed: Iterable[date]) -> Window | None:
    """Return the first window after the last one that a performed study closes; None when all are closed.

    A study closes, of the windows that had opened on its day, the one whose target is nearest to it; windows before
    that one are past. A study before every window closes none, so that the first scan never counts as its own control.
    """
    closed = -1
    for day in performed:
        opened = [number for number, window in enumerate(due) if window.earliest <= day]
        if opened:
            closed = max(closed, min(opened, key=lambda number: abs((due[number].target - day).days)))
    return due[closed + 1] if closed + 1 < len(due) else None


def in_order(due: tuple[Window, ...]) -> bool:
    """Tell whether every window runs from earliest over target to latest and targets follow one another."""
    inside = all(window.earliest <= window.target <= window.latest for window in due)
    return inside and all(one.target < other.target for one, other in pairwise(due))


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


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _sum(one: Duration, other: Duration | None) -> Duration:
    if other is None:
        return one
    return Duration(months=one.months + other.months, days=one.days + other.days)
