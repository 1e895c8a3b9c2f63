"""What may happen to a follow-up, in which state, and where it leads: one table, and the function that obeys it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from mriloop.model.errors import refuse
from mriloop.model.follow_up import (
    CloseReason,
    EventKind,
    FollowUp,
    FollowUpEvent,
    FollowUpState,
)
from mriloop.stages.follow_up.answer import reasons_against

_S = FollowUpState
_K = EventKind
OPEN = frozenset(_S) - {_S.CLOSED}
SIGNED = OPEN - {_S.PROPOSED}
BEFORE_PERFORMED = SIGNED - {_S.PERFORMED, _S.REVIEWED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """A line of the table: in any state of `before`, `event` leads to `after` (None: the state stays as it is)."""

    event: EventKind
    before: frozenset[FollowUpState]
    after: FollowUpState | None
    says: str
    person: bool = False


TRANSITIONS: tuple[Transition, ...] = (
    Transition(
        event=_K.SIGN, before=frozenset({_S.PROPOSED}), after=_S.RECOMMENDED, says="a radiologist signs", person=True
    ),
    Transition(
        event=_K.SEND,
        before=frozenset({_S.RECOMMENDED, _S.SENT}),
        after=_S.SENT,
        says="the message leaves; sent is not known",
    ),
    Transition(
        event=_K.ACKNOWLEDGE,
        before=frozenset({_S.SENT}),
        after=_S.ACKNOWLEDGED,
        says="a named person has read it; an inbox cannot",
        person=True,
    ),
    Transition(
        event=_K.TRANSFER, before=OPEN, after=None, says="another owner takes it over; there is always one", person=True
    ),
    Transition(
        event=_K.SET_WINDOW,
        before=OPEN,
        after=None,
        says="a person dates what no guideline dates; a window that is set never moves",
        person=True,
    ),
    Transition(
        event=_K.ORDER,
        before=frozenset({_S.RECOMMENDED, _S.SENT, _S.ACKNOWLEDGED}),
        after=_S.ORDERED,
        says="the step is ordered; that does not close it",
    ),
    Transition(
        event=_K.CANCEL_ORDER,
        before=frozenset({_S.ORDERED, _S.SCHEDULED}),
        after=_S.ACKNOWLEDGED,
        says="the order is withdrawn and the step is still owed",
    ),
    Transition(
        event=_K.SCHEDULE,
        before=frozenset({_S.ACKNOWLEDGED, _S.ORDERED, _S.SCHEDULED}),
        after=_S.SCHEDULED,
        says="an appointment is made or moved; that does not close it",
    ),
    Transition(
        event=_K.CANCEL, before=frozenset({_S.SCHEDULED}), after=_S.ORDERED, says="the appointment is cancelled"
    ),
    Transition(event=_K.NO_SHOW, before=frozenset({_S.SCHEDULED}), after=_S.ORDERED, says="the patient did not come"),
    Transition(
        event=_K.NOT_DIAGNOSTIC,
        before=frozenset({_S.ORDERED, _S.SCHEDULED, _S.PERFORMED}),
        after=_S.ACKNOWLEDGED,
        says="it was tried and answers nothing: a new order is needed",
    ),
    Transition(
        event=_K.PERFORM,
        before=BEFORE_PERFORMED,
        after=_S.PERFORMED,
        says="the right step was done and is diagnostic",
    ),
    Transition(
        event=_K.REVIEW,
        before=frozenset({_S.PERFORMED}),
        after=_S.REVIEWED,
        says="a person has read what was done",
        person=True,
    ),
    Transition(
        event=_K.CLOSE,
        before=SIGNED,
        after=_S.CLOSED,
        says="a person closes it with a reason; `done` only after review",
        person=True,
    ),
    Transition(
        event=_K.SUPERSEDE,
        before=OPEN,
        after=_S.CLOSED,
        says="a later signed recommendation takes its place",
    ),
)
_BY_EVENT: Mapping[EventKind, Transition] = {item.event: item for item in TRANSITIONS}


def advance(follow_up: FollowUp, event: FollowUpEvent) -> FollowUp:
    """Return the follow-up after an event; the old one stays as it was.

    Raises
    ------
    SenderError
        `followup_illegal` where the table has no such line; `followup_no_owner` for a transfer to nobody;
        `followup_incomplete` where the event lacks what it needs (a person, a window, a reason, evidence);
        `followup_not_answered` when what was done does not answer the follow-up.
    """
    line = _BY_EVENT[event.kind]
    if follow_up.state not in line.before:
        raise refuse("followup_illegal", event=event.kind.value, state=follow_up.state.value)
    if line.person and (event.by is None or not event.by.id.strip() or not event.by.name.strip()):
        raise _incomplete(event, "the named person who answers for it")
    changed = _EFFECTS.get(event.kind, _nothing)(follow_up, event)
    return changed if line.after is None else replace(changed, state=line.after)


def _incomplete(event: FollowUpEvent, what: str) -> Exception:
    return refuse("followup_incomplete", event=event.kind.value, what=what)


def _nothing(follow_up: FollowUp, event: FollowUpEvent) -> FollowUp:
    return follow_up


def _transfer(follow_up: FollowUp, event: FollowUpEvent) -> FollowUp:
    if not event.owner.strip():
        raise refuse("followup_no_owner")
    return replace(follow_up, owner=event.owner.strip())


def _set_window(follow_up: FollowUp, event: FollowUpEvent) -> FollowUp:
    if follow_up.window is not None:
        raise refuse("followup_illegal", event="a new window", state="dated already (supersede it instead)")
    window = event.window
    if window is None or event.by is None or not window.earliest <= window.target <= window.latest:
        raise _incomplete(event, "a window with earliest ≤ target ≤ latest")
    return replace(follow_up, window=window, set_by=event.by.id)


def _schedule(follow_up: FollowUp, event: FollowUpEvent) -> FollowUp:
    if event.appointment is None:
        raise _incomplete(event, "the date of the appointment")
    return replace(follow_up, appointment=event.appointment)


def _unbook(follow_up: FollowUp, event: FollowUpEvent) -> FollowUp:
    return replace(follow_up, appointment=None, performed=None)


def _perform(follow_up: FollowUp, event: FollowUpEvent) -> FollowUp:
    if event.performed is None:
        raise _incomplete(event, "what was done, and when")
    if against := reasons_against(follow_up, event.performed):
        raise refuse("followup_not_answered", detail="; ".join(against))
    return replace(follow_up, performed=event.performed)


def _close(follow_up: FollowUp, event: FollowUpEvent) -> FollowUp:
    if event.close_as is None or event.close_as is CloseReason.SUPERSEDED:
        raise _incomplete(event, "the reason class under which it is closed")
    if event.close_as is CloseReason.DONE and follow_up.state is not _S.REVIEWED:
        raise refuse("followup_illegal", event="closing as done", state=f"{follow_up.state.value}, not reviewed")
    if event.close_as is not CloseReason.DONE and not event.reason.strip():
        raise _incomplete(event, "the reason in words, with the evidence")
    return replace(follow_up, closed_as=event.close_as, closed_on=event.on)


def _supersede(follow_up: FollowUp, event: FollowUpEvent) -> FollowUp:
    if not event.superseded_by or event.superseded_by == follow_up.id:
        raise _incomplete(event, "the id of the follow-up that takes its place")
    return replace(follow_up, closed_as=CloseReason.SUPERSEDED, closed_on=event.on, superseded_by=event.superseded_by)


_EFFECTS: Mapping[EventKind, Callable[[FollowUp, FollowUpEvent], FollowUp]] = {
    _K.TRANSFER: _transfer,
    _K.SET_WINDOW: _set_window,
    _K.SCHEDULE: _schedule,
    _K.CANCEL: _unbook,
    _K.NO_SHOW: _unbook,
    _K.CANCEL_ORDER: _unbook,
    _K.NOT_DIAGNOSTIC: _unbook,
    _K.PERFORM: _perform,
    _K.CLOSE: _close,
    _K.SUPERSEDE: _supersede,
}
