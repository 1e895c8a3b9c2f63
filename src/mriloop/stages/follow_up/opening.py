"""How follow-ups begin: of every signed recommendation that is owed, of the next window of a plan, of a new report."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime, timedelta

from mriloop.model.advice import Recommendation
from mriloop.model.coding import Urgency
from mriloop.model.errors import refuse
from mriloop.model.follow_up import (
    CloseReason,
    EventKind,
    FollowUp,
    FollowUpEvent,
    FollowUpState,
    follow_up_id,
    owed,
    windows_of,
)
from mriloop.model.report import VerifiedReport
from mriloop.model.schedule import Window
from mriloop.stages.follow_up.workflow import advance

# An urgent step that no guideline dates is owed within so many days (ACR actionable findings, categories 1 to 3:
# minutes, hours, days; Larson, JACR 2014;11:552). The site may make it shorter.
ACT_WITHIN_DAYS = {Urgency.MINUTES: 0, Urgency.HOURS: 1, Urgency.DAYS: 7}
# Reasons after which the next window of a plan is still owed.
_GOES_ON = frozenset({CloseReason.DONE, CloseReason.DONE_ELSEWHERE})


def open_follow_ups(report: VerifiedReport, *, owner: str, now: datetime) -> tuple[FollowUp, ...]:
    """Open one follow-up for every signed recommendation that is owed, imaging or not.

    Parameters
    ----------
    report
        The signed report: nothing that no person signed is ever followed up.
    owner
        Who owns those recommendations to which the report gives no owner of their own (a person, or a pool).
    now
        The day of opening; an urgent step without a date of its own is due so many days after it.

    Returns
    -------
    tuple of FollowUp
        In the order of the report, in state `recommended`. A schedule opens its first window and keeps the rest as
        `plan`. Ids follow from the report's digest, so that opening twice yields the same follow-ups.

    Raises
    ------
    SenderError
        `followup_no_owner` when neither the report nor `owner` names anybody.
    """
    return tuple(_open(report, item, owner, now.date()) for item in report.draft.recommendations if owed(item))


def _open(report: VerifiedReport, item: Recommendation, fallback: str, today: date) -> FollowUp:
    answers = report.draft.owners.get(item.id, "").strip() or fallback.strip()
    if not answers:
        raise refuse("followup_no_owner")
    windows = windows_of(item)
    window = windows[0] if windows else _urgent(item.urgency, today)
    return FollowUp(
        id=follow_up_id(report.digest, item.id, 1),
        patient=report.draft.patient,
        study_instance_uid=report.draft.study_instance_uid,
        recommendation=item.id,
        step=item.step,
        text=item.text,
        owner=answers,
        state=FollowUpState.RECOMMENDED,
        window=window,
        modality=item.modality,
        region=item.region.value if item.region is not None else None,
        contrast=item.contrast.value if item.contrast is not None else None,
        never_auto_close=item.never_auto_close,
        opened_on=today,
        plan=windows[1:],
        then=item.then,
        report_digest=report.digest,
        specialty=item.specialty,
    )


def _urgent(urgency: Urgency, today: date) -> Window | None:
    """Return the window of an urgent step that has none; None where a person has to set the date."""
    days = ACT_WITHIN_DAYS.get(urgency)
    return None if days is None else Window(earliest=today, target=today, latest=today + timedelta(days=days))


def next_follow_up(closed: FollowUp, today: date) -> FollowUp | None:
    """Open what a plan says comes after a follow-up that was done.

    Returns the same step with the next window of the plan; without one, when the plan ends in words ("individualise")
    or only a person may end the surveillance, a follow-up that waits for its date; None when nothing more is owed, or
    when the follow-up was closed for a reason that ends the plan. Windows stay as they were signed, also when the last
    step was done early or late.
    """
    if closed.state is not FollowUpState.CLOSED or closed.closed_as not in _GOES_ON:
        return None
    if not closed.plan and not closed.then and not closed.never_auto_close:
        return None
    return replace(
        closed,
        id=follow_up_id(closed.report_digest, closed.recommendation, closed.occurrence + 1),
        occurrence=closed.occurrence + 1,
        state=FollowUpState.RECOMMENDED,
        window=closed.plan[0] if closed.plan else None,
        plan=closed.plan[1:],
        opened_on=today,
        set_by="",
        appointment=None,
        performed=None,
        closed_as=None,
        closed_on=None,
    )


def supersede(standing: Iterable[FollowUp], opened: Iterable[FollowUp], on: date) -> tuple[FollowUp, ...]:
    """Return the standing follow-ups, those closed whose step a later report recommends anew.

    A new follow-up takes the place of an open one of the same patient, step, modality and region from another report.
    A surveillance that only a person may end is superseded by one that has the same mark, never by one without it.
    """
    later = tuple(opened)
    return tuple(_superseded(item, later, on) for item in standing)


def _superseded(item: FollowUp, later: tuple[FollowUp, ...], on: date) -> FollowUp:
    if item.state is FollowUpState.CLOSED:
        return item
    for new in later:
        same = (new.patient, new.step, new.modality, new.region) == (
            item.patient,
            item.step,
            item.modality,
            item.region,
        )
        kept = new.never_auto_close or not item.never_auto_close
        if same and kept and new.report_digest != item.report_digest:
            return advance(item, FollowUpEvent(kind=EventKind.SUPERSEDE, on=on, superseded_by=new.id))
    return item
