"""A next step that is owed: one owner, a window, a workflow state, and where it stands against the clock."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from mriloop.model.advice import Recommendation
from mriloop.model.coding import Urgency
from mriloop.model.fact import Truth
from mriloop.model.guideline import Step
from mriloop.model.report import Person
from mriloop.model.schedule import Window


class FollowUpState(StrEnum):
    """Workflow state, changed by people and events. FHIR: Task.status with businessStatus."""

    PROPOSED = "proposed"
    RECOMMENDED = "recommended"
    SENT = "sent"
    ACKNOWLEDGED = "acknowledged"
    ORDERED = "ordered"
    SCHEDULED = "scheduled"
    PERFORMED = "performed"
    REVIEWED = "reviewed"
    CLOSED = "closed"


class Clock(StrEnum):
    """Where an open follow-up stands against today: computed, never stored (Within Health / ACR, −30/+60 days)."""

    NOT_YET_DUE = "not_yet_due"
    COMING_DUE = "coming_due"
    DUE = "due"
    OVERDUE = "overdue"
    NON_COMPLIANT = "non_compliant"
    INDIVIDUALISE = "individualise"


class CloseReason(StrEnum):
    """Why a follow-up is no longer owed. `lost` is missing on purpose: it takes a whole ladder of calls first."""

    DONE = "done"
    DONE_ELSEWHERE = "done_elsewhere"
    DECLINED_BY_CLINICIAN = "declined_by_clinician"
    DECLINED_BY_PATIENT = "declined_by_patient"
    RESOLVED_OTHERWISE = "resolved_otherwise"
    LIMITED_LIFE_EXPECTANCY = "limited_life_expectancy"
    DECEASED = "deceased"
    ENTERED_IN_ERROR = "entered_in_error"
    SUPERSEDED = "superseded"


class EventKind(StrEnum):
    """What can happen to a follow-up. The table of what may follow what is `stages.follow_up.TRANSITIONS`."""

    SIGN = "sign"
    SEND = "send"
    ACKNOWLEDGE = "acknowledge"
    TRANSFER = "transfer"
    SET_WINDOW = "set_window"
    ORDER = "order"
    CANCEL_ORDER = "cancel_order"
    SCHEDULE = "schedule"
    CANCEL = "cancel"
    NO_SHOW = "no_show"
    NOT_DIAGNOSTIC = "not_diagnostic"
    PERFORM = "perform"
    REVIEW = "review"
    CLOSE = "close"
    SUPERSEDE = "supersede"


@dataclass(frozen=True, slots=True, kw_only=True)
class Performed:
    """A step that was done, as far as it is known. FHIR: Procedure or ImagingStudy.

    `diagnostic` is CHECK's and the reader's word on whether it answers; UNKNOWN never moves a follow-up on.
    `step` is set for what is no imaging exam (a visit, a biopsy, a laboratory test).
    """

    patient: str
    study_instance_uid: str
    performed_on: date
    diagnostic: Truth
    modality: str | None = None
    region: str | None = None
    contrast: str | None = None
    step: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUpEvent:
    """Something that happened to a follow-up: who, when, why. FHIR: Task history entry with Provenance.

    `by` is the person who answers for it, None for a machine. Only the fields that `kind` asks for are read:
    `owner` (transfer), `window` (set_window), `appointment` (schedule), `performed` (perform), `close_as` (close),
    `reason` (close), `superseded_by` (supersede).
    """

    kind: EventKind
    on: date
    by: Person | None = None
    reason: str = ""
    owner: str = ""
    window: Window | None = None
    appointment: date | None = None
    performed: Performed | None = None
    close_as: CloseReason | None = None
    superseded_by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUp:
    """One owed step of one patient. FHIR: Task focused on a ServiceRequest. It has exactly one owner, always.

    `window` is None when a person has to set the date (`individualise`). `recommendation` is the Recommendation.id.
    `plan` are the windows of the same step after this one, `then` how it goes on after the last; `occurrence` counts
    from 1. `set_by` names who set a window that no guideline gave.
    """

    id: str
    patient: str
    study_instance_uid: str
    recommendation: str
    step: str
    text: str
    owner: str
    state: FollowUpState
    window: Window | None
    modality: str | None = None
    region: str | None = None
    contrast: str | None = None
    never_auto_close: bool = False
    set_by: str = ""
    opened_on: date | None = None
    plan: tuple[Window, ...] = ()
    then: str = ""
    occurrence: int = 1
    report_digest: str = ""
    specialty: tuple[str, ...] = ()
    appointment: date | None = None
    performed: Performed | None = None
    closed_as: CloseReason | None = None
    closed_on: date | None = None
    superseded_by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DueItem:
    """A line of the due list. `days` is from today to the last day of the window: negative when it is past."""

    follow_up: FollowUp
    clock: Clock
    days: int | None


def follow_up_id(report_digest: str, recommendation: str, occurrence: int) -> str:
    """Return the id of the n-th occurrence of a recommended step: the same every time it is asked for."""
    identity = f"{report_digest} {recommendation} {occurrence}"
    return "followup-" + hashlib.sha256(identity.encode()).hexdigest()[:16]


# Steps that tell rather than ask: nobody has to do anything by a date, unless the row gives one.
STATEMENT_STEPS = frozenset(
    {
        Step.NO_ROUTINE_IMAGING,
        Step.MAY_STOP_IMAGING,
        Step.OSTEOMYELITIS_UNLIKELY,
        Step.REVIEW_SERIES_TOGETHER,
        Step.WITHHOLD_STATEMENT,
        Step.REASSURE,
        Step.NEGATIVE_FOR_QUESTION,
        Step.QUALIFY_STATEMENT,
        Step.REVIEW_MIMICS,
        Step.SUGGEST_CATEGORY,
        Step.ADVISE_ORDER,
        Step.ALLOW_ORDER,
    }
)
# Steps whose date no table can give, where their row gives none: a person sets it.
DATED_BY_PERSON = frozenset(
    {
        Step.INDIVIDUALISE,
        Step.DEFER_IMAGING,
        Step.CLINICAL_CORRELATION,
        Step.CLINICAL_FOLLOW_UP,
        Step.LABORATORY_TESTS,
        Step.MDT_REVIEW,
        Step.CONSIDER_BIOPSY,
        Step.CONSIDER_PROCEDURE,
        Step.OTHER_MODALITY,
    }
)


def windows_of(recommendation: Recommendation) -> tuple[Window, ...]:
    """Return the windows of a step from the one that is due now on, in the order of their targets, each once.

    `schedule` may repeat `window` and hold earlier windows that have passed; neither is owed again.
    """
    first = recommendation.window
    later = sorted(set(recommendation.schedule), key=lambda window: (window.target, window.latest))
    return tuple(later) if first is None else (first, *(window for window in later if window.target > first.target))


def owed(recommendation: Recommendation) -> bool:
    """Whether a recommendation is a step that somebody has to take.

    Not owed: the answer of a profile that stands beside the site's default, and a statement such as "no biopsy needed"
    that has no window. Everything else is, also a step of an unknown kind: what nobody recognises is not forgotten.
    """
    if not recommendation.default:
        return False
    dated = recommendation.window or recommendation.schedule or recommendation.then or recommendation.never_auto_close
    return bool(dated) or recommendation.step not in STATEMENT_STEPS or recommendation.urgency is not Urgency.ROUTINE
