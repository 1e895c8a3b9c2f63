"""Dates as an RFC 5545 calendar: an all-day entry on each target, an alarm before it, nothing private."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from mriloop.model.advice import Advice
from mriloop.model.errors import refuse
from mriloop.model.follow_up import FollowUp, FollowUpState, follow_up_id, windows_of
from mriloop.model.schedule import Window

if TYPE_CHECKING:
    from icalendar import Event

ALARM_DAYS = 14
DOMAIN = "mriloop.invalid"
# Importing again must win over what a calendar holds: the revision of an entry is the day on which it was written.
_REVISIONS_FROM = date(2020, 1, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """One date of a calendar. `identity` is the same each time the same step is written."""

    identity: str
    window: Window
    summary: str
    description: str
    firm: bool


def write(follow_ups: Iterable[FollowUp], path: Path, *, now: datetime, alarm_days: int = ALARM_DAYS) -> None:
    """Write the open follow-ups that have a window, and the planned windows after them, as a calendar at `path`.

    Neither summary nor description says who, what organ or why: a calendar is shared and synchronised. They carry the
    window and the id under which the worklist knows the step. The UID of an entry is the same each time it is written,
    so that a calendar updates it instead of adding another. `now` becomes DTSTAMP. Raises OperatorError
    `out_not_writable`.
    """
    entries = [entry for item in follow_ups if item.state is not FollowUpState.CLOSED for entry in _of_follow_up(item)]
    _save(entries, path, now, alarm_days)


def write_advice(advice: Advice, case: str, path: Path, *, now: datetime, alarm_days: int = ALARM_DAYS) -> int:
    """Write the windows that an advice proposes and that nobody has done yet, as a calendar; return how many.

    Only what the default profiles propose; a date that a person has to set is no entry. The entries say that they are
    proposals and nothing of patient, organ or reason. `case` is the id of the case: with it the UIDs stay the same when
    the advice is asked for again, also when dates have moved. Raises OperatorError `out_not_writable`.
    """
    entries = []
    for one in advice.recommendations:
        if not one.default:
            continue
        every = one.schedule or ((one.window,) if one.window else ())
        for window in windows_of(one):
            number = every.index(window) + 1 if window in every else 1
            identity = _proposal_id(case, one.id, number)
            what = "Imaging" if one.modality is not None else "Next step"
            entries.append(
                _Entry(
                    identity=identity,
                    window=window,
                    summary=f"{what} proposed",
                    description=f"{_said(window)}\nA proposal, not an order: a person decides.\nProposal {identity}.",
                    firm=False,
                )
            )
    _save(entries, path, now, alarm_days)
    return len(entries)


def _of_follow_up(item: FollowUp) -> Iterable[_Entry]:
    windows = ((item.window,) if item.window is not None else ()) + item.plan
    what = "Follow-up imaging" if item.modality is not None else "Follow-up step"
    for number, window in enumerate(windows):
        identity = follow_up_id(item.report_digest, item.recommendation, item.occurrence + number)
        yield _Entry(
            identity=identity,
            window=window,
            summary=f"{what} due",
            description=f"{_said(window)}\nWorklist id {identity}.",
            firm=number == 0,
        )


def _proposal_id(case: str, recommendation: str, occurrence: int) -> str:
    identity = f"{case}\n{recommendation}\n{occurrence}"
    return "proposal-" + hashlib.sha256(identity.encode()).hexdigest()[:16]


def _said(window: Window) -> str:
    return f"Window {window.earliest} to {window.latest}, target {window.target}."


def _save(entries: Iterable[_Entry], path: Path, now: datetime, alarm_days: int) -> None:
    from icalendar import Calendar

    calendar = Calendar()
    calendar.add("prodid", "-//mriloop//follow-up//EN")
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", "PUBLISH")
    for entry in entries:
        calendar.add_component(_event(entry, now, alarm_days))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(calendar.to_ical())
    except OSError:
        raise refuse("out_not_writable", path=path) from None


def _event(entry: _Entry, now: datetime, alarm_days: int) -> Event:
    from icalendar import Alarm, Event

    event = Event()
    event.add("uid", f"{entry.identity}@{DOMAIN}")
    event.add("dtstamp", now.astimezone(UTC))
    event.add("Sequence", max((now.astimezone(UTC).date() - _REVISIONS_FROM).days, 0))
    event.add("dtstart", entry.window.target)
    event.add("dtend", entry.window.target + timedelta(days=1))
    event.add("summary", entry.summary)
    event.add("description", entry.description)
    event.add("class", "CONFIDENTIAL")
    event.add("transp", "TRANSPARENT")
    event.add("status", "CONFIRMED" if entry.firm else "TENTATIVE")
    alarm = Alarm()
    alarm.add("action", "DISPLAY")
    alarm.add("description", entry.summary)
    alarm.add("trigger", -timedelta(days=alarm_days))
    event.add_component(alarm)
    return event
