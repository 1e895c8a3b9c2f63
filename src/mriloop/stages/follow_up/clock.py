"""Where an open follow-up stands against today: computed from its window, never stored, never moving the window."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from mriloop.model.follow_up import Clock, DueItem, FollowUp, FollowUpState

COMING_DUE_DAYS = 30
NON_COMPLIANT_DAYS = 60
_WORST_FIRST = (
    Clock.NON_COMPLIANT,
    Clock.OVERDUE,
    Clock.DUE,
    Clock.INDIVIDUALISE,
    Clock.COMING_DUE,
    Clock.NOT_YET_DUE,
)


def clock(follow_up: FollowUp, today: date) -> Clock:
    """Return where a follow-up stands on a day.

    Days are counted over the calendar: coming due from 30 days before the earliest date, due from the earliest to the
    latest (both included), overdue for 60 days after it, non-compliant from then on. Without a window: individualise.
    The limits are those of the ACR measures and of Within Health (docs.seewithin.co, status definitions).
    """
    window = follow_up.window
    if window is None:
        return Clock.INDIVIDUALISE
    if (window.earliest - today).days > COMING_DUE_DAYS:
        return Clock.NOT_YET_DUE
    if today < window.earliest:
        return Clock.COMING_DUE
    if today <= window.latest:
        return Clock.DUE
    return Clock.OVERDUE if (today - window.latest).days <= NON_COMPLIANT_DAYS else Clock.NON_COMPLIANT


def due_list(follow_ups: Iterable[FollowUp], today: date) -> tuple[DueItem, ...]:
    """Return every open follow-up, the most pressing first.

    Sorted by clock (non-compliant, overdue, due, waiting for a date, coming due, not yet due), then by the last day of
    the window, then by id. Nothing that is open is ever left out.
    """
    items = [
        DueItem(
            follow_up=item,
            clock=clock(item, today),
            days=(item.window.latest - today).days if item.window is not None else None,
        )
        for item in follow_ups
        if item.state is not FollowUpState.CLOSED
    ]
    return tuple(
        sorted(
            items,
            key=lambda item: (
                _WORST_FIRST.index(item.clock),
                item.days if item.days is not None else 0,
                item.follow_up.id,
            ),
        )
    )
