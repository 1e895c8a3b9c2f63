"""Follow-ups as an RFC 5545 calendar: an all-day entry on the target date, an alarm before it, nothing private."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from mriloop.model.errors import refuse
from mriloop.model.follow_up import FollowUp, FollowUpState, follow_up_id

if TYPE_CHECKING:
    from icalendar import Event

ALARM_DAYS = 14
DOMAIN = "mriloop.invalid"


def write(follow_ups: Iterable[FollowUp], path: Path, *, now: datetime, alarm_days: int = ALARM_DAYS) -> None:
    """Write the open follow-ups that have a window, and the planned windows after them, as a calendar at `path`.

    Neither summary nor description says who, what organ or why: a calendar is shared and synchronised. They carry the
    window and the id under which the worklist knows the step. The UID of an entry is the same each time it is written,
    so that a calendar updates it instead of adding another. `now` becomes DTSTAMP. Raises OperatorError
    `out_not_writable`.
    """
    from icalendar import Calendar

    calendar = Calendar()
    calendar.add("prodid", "-//mriloop//follow-up//EN")
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", "PUBLISH")
    for item in follow_ups:
        if item.state is not FollowUpState.CLOSED:
            for event in _events(item, now, alarm_days):
                calendar.add_component(event)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(calendar.to_ical())
    except OSError:
        raise refuse("out_not_writable", path=path) from None


def _events(item: FollowUp, now: datetime, alarm_days: int) -> Iterable[Event]:
    from icalendar import Alarm, Event

    windows = ((item.window,) if item.window is not None else ()) + item.plan
    for number, window in enumerate(windows):
        identity = follow_up_id(item.report_digest, item.recommendation, item.occurrence + number)
        what = "Follow-up imaging" if item.modality is not None else "Follow-up step"
        event = Event()
        event.add("uid", f"{identity}@{DOMAIN}")
        event.add("dtstamp", now.astimezone(UTC))
        event.add("dtstart", window.target)
        event.add("dtend", window.target + timedelta(days=1))
        event.add("summary", f"{what} due")
        event.add(
            "description",
            f"Window {window.earliest} to {window.latest}, target {window.target}.\nWorklist id {identity}.",
        )
        event.add("class", "CONFIDENTIAL")
        event.add("transp", "TRANSPARENT")
        event.add("status", "CONFIRMED" if number == 0 else "TENTATIVE")
        alarm = Alarm()
        alarm.add("action", "DISPLAY")
        alarm.add("description", f"{what} due")
        alarm.add("trigger", -timedelta(days=alarm_days))
        event.add_component(alarm)
        yield event
