"""Signed reports with recommendations to follow up, events, and what was done."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import pytest

from mriloop.model.advice import Recommendation
from mriloop.model.coding import Contrast, Region
from mriloop.model.fact import Truth
from mriloop.model.follow_up import EventKind, FollowUp, FollowUpEvent, FollowUpState, Performed
from mriloop.model.guideline import Citation, Mark, Status
from mriloop.model.report import DraftReport, Person, VerifiedReport
from mriloop.model.schedule import Window

NOW = datetime(2026, 5, 4, 10, 30, tzinfo=UTC)
PERSON = Person(id="c1", name="Jo Grey", role="coordinator")


def window(earliest: str, target: str, latest: str) -> Window:
    return Window(
        earliest=date.fromisoformat(earliest), target=date.fromisoformat(target), latest=date.fromisoformat(latest)
    )


@dataclass
class Make:
    """Ready-made nouns; every keyword replaces a field."""

    now: datetime = NOW
    person: Person = PERSON

    def window(self, earliest: str = "2027-04-04", target: str = "2027-05-04", latest: str = "2027-06-04") -> Window:
        return window(earliest, target, latest)

    def recommendation(self, **change: Any) -> Recommendation:
        fields = {
            "id": "ms.monitor",
            "guideline": "ms",
            "row": "yearly",
            "step": "mri_follow_up",
            "text": "MRI of the brain in one year",
            "because": ("why",),
            "citation": Citation(text="Society", year=2021, locator="table 1", mark=Mark.V),
            "profile": "Society 2021",
            "status": Status.ACTIVE,
            "modality": "MR",
            "region": Region.BRAIN,
            "contrast": Contrast.WITHOUT,
            "window": self.window(),
        }
        return Recommendation(**{**fields, **change})

    def report(
        self, *items: Recommendation, seed: bytes = b"x", owners: dict[str, str] | None = None
    ) -> VerifiedReport:
        draft = DraftReport(
            id="report-1",
            study_instance_uid="1.2",
            patient="pseudonym-7",
            drafted_at=NOW,
            sections=(),
            findings=(),
            recommendations=items,
            owners=owners or {},
        )
        return VerifiedReport(draft=draft, verified_by=PERSON, verified_at=NOW, digest=hashlib.sha256(seed).hexdigest())

    def follow_up(self, **change: Any) -> FollowUp:
        fields = {
            "id": "followup-1",
            "patient": "pseudonym-7",
            "study_instance_uid": "1.2",
            "recommendation": "ms.monitor",
            "step": "mri_follow_up",
            "text": "MRI of the brain in one year",
            "owner": "Dr. Grey",
            "state": FollowUpState.RECOMMENDED,
            "window": self.window(),
            "modality": "MR",
            "region": "brain",
            "contrast": "without",
            "opened_on": NOW.date(),
            "report_digest": "d",
        }
        return FollowUp(**{**fields, **change})

    def performed(self, **change: Any) -> Performed:
        fields = {
            "patient": "pseudonym-7",
            "study_instance_uid": "1.9",
            "performed_on": date(2027, 5, 2),
            "diagnostic": Truth.TRUE,
            "modality": "MR",
            "region": "brain",
            "contrast": "without",
        }
        return Performed(**{**fields, **change})

    def event(self, kind: EventKind, **change: Any) -> FollowUpEvent:
        return FollowUpEvent(**{"kind": kind, "on": date(2027, 5, 3), "by": PERSON, **change})


@pytest.fixture
def make() -> Make:
    return Make()
