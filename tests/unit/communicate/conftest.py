"""Signed reports of every sort, and the shipped templates, to write letters of."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import pytest

from mriloop.edges.knowledge.letters import load_letters
from mriloop.model.advice import Recommendation
from mriloop.model.coding import Contrast, Region
from mriloop.model.communication import Clinic, LetterTemplates
from mriloop.model.finding import Finding
from mriloop.model.guideline import Citation, Mark, Status
from mriloop.model.report import DraftReport, Outcome, Person, RepeatPlan, ReportSection, VerifiedReport
from mriloop.model.schedule import Window

NOW = datetime(2026, 5, 4, 10, 30, tzinfo=UTC)


@dataclass
class Make:
    """Ready-made nouns; every keyword replaces a field."""

    now: datetime = NOW

    def window(self, earliest: str, target: str, latest: str) -> Window:
        return Window(
            earliest=date.fromisoformat(earliest),
            target=date.fromisoformat(target),
            latest=date.fromisoformat(latest),
        )

    def recommendation(self, **change: Any) -> Recommendation:
        fields = {
            "id": "a",
            "guideline": "g",
            "row": "r",
            "step": "mri_follow_up",
            "text": "MRI of the brain",
            "because": ("why",),
            "citation": Citation(text="Society", year=2021, locator="table 1", mark=Mark.V),
            "profile": "Society 2021",
            "status": Status.ACTIVE,
            "modality": "MR",
            "region": Region.BRAIN,
            "contrast": Contrast.WITHOUT,
            "window": self.window("2026-05-04", "2026-05-11", "2026-05-18"),
            "repeat_reason": "R2.ms",
        }
        return Recommendation(**{**fields, **change})

    def report(
        self,
        *recommendations: Recommendation,
        outcome: Outcome = Outcome.NOT_DIAGNOSTIC,
        repeat: RepeatPlan | None = None,
        findings: tuple[Finding, ...] = (),
        signer: str = "Dr. Ada Roe",
        **change: Any,
    ) -> VerifiedReport:
        sections = (
            ReportSection(code="impression", title="Impression", paragraphs=("1. Two new lesions.",)),
            ReportSection(
                code="recommendations",
                title="Recommendations",
                paragraphs=tuple(f"{number}. {item.text}." for number, item in enumerate(recommendations, start=1)),
            ),
        )
        fields = {
            "id": "report-1",
            "study_instance_uid": "1.2",
            "patient": "pseudonym-7",
            "drafted_at": NOW,
            "sections": sections,
            "findings": findings,
            "recommendations": recommendations,
            "study_date": NOW.date(),
            "outcome": outcome,
            "repeat": repeat,
        }
        return VerifiedReport(
            draft=DraftReport(**{**fields, **change}),
            verified_by=Person(id="r1", name=signer, role="radiologist"),
            verified_at=NOW,
            digest=hashlib.sha256(b"x").hexdigest(),
        )


@pytest.fixture(scope="session")
def make() -> Make:
    return Make()


@pytest.fixture(scope="session")
def templates() -> LetterTemplates:
    return load_letters()


@pytest.fixture(scope="session")
def clinic() -> Clinic:
    return Clinic(name="Riverside Imaging Center", phone="555-0100")
