"""A next step that is owed: one owner, a window, a workflow state, and where it stands against the clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from mriloop.model.guideline import Window


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


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUp:
    """One owed step of one patient. FHIR: Task focused on a ServiceRequest. It has exactly one owner, always.

    `window` is None when a person has to set the date (`individualise`). `recommendation` is the Recommendation.id.
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
