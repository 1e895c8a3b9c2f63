"""Letters, reports and follow-ups to print, with texts that try to be more than text."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from mriloop.model.communication import Audience, Clinic, Letter, LetterPart
from mriloop.model.follow_up import FollowUp, FollowUpState
from mriloop.model.report import DraftReport, Objection, Outcome, Person, ReportSection
from mriloop.model.schedule import Window
from mriloop.stages.report import verify

NOW = datetime(2026, 5, 4, 10, 30, tzinfo=UTC)


@dataclass
class Make:
    """Ready-made nouns; every keyword replaces a field."""

    now: datetime = NOW
    clinic: Clinic = field(
        default_factory=lambda: Clinic(
            name="Riverside Imaging Center", phone="555-0100", address=("1 River Road", "Springfield")
        )
    )

    def letter(self, *paragraphs: str, **change: Any) -> Letter:
        told = paragraphs or ("We need to take the pictures again.", "- You feel ill.", "- You fall.")
        fields = {
            "id": "letter-1",
            "audience": Audience.PATIENT,
            "language": "en",
            "kind": "r1_motion",
            "title": "Why you need another scan",
            "paragraphs": told,
            "report_digest": "d",
            "parts": (LetterPart(heading="Why do I need another scan?", count=len(told)),),
            "written_on": NOW.date(),
            "labels": {
                "salutation": "Dear {name},",
                "salutation_unknown": "Hello,",
                "closing": "With kind regards,",
                "page": "Page {page} of {pages}",
                "phone": "Phone",
                "date": "May 4, 2026",
            },
        }
        return Letter(**{**fields, **change})

    def draft(self, *paragraphs: str, objections: tuple[Objection, ...] = ()) -> DraftReport:
        return DraftReport(
            id="report-1",
            study_instance_uid="1.2.3",
            patient="pseudonym-7",
            drafted_at=NOW,
            sections=(ReportSection(code="findings", title="Findings", paragraphs=paragraphs or ("A small cyst.",)),),
            findings=(),
            recommendations=(),
            objections=objections,
            study_date=NOW.date(),
            outcome=Outcome.ABNORMAL,
        )

    def report(self, *paragraphs: str) -> Any:
        return verify(self.draft(*paragraphs), Person(id="r1", name="Ada Roe", role="radiologist"), NOW)

    def follow_up(self, **change: Any) -> FollowUp:
        fields = {
            "id": "followup-1",
            "patient": "pseudonym-7",
            "study_instance_uid": "1.2",
            "recommendation": "ms.monitor",
            "step": "mri_follow_up",
            "text": "MRI of the brain for multiple sclerosis",
            "owner": "Dr. Grey",
            "state": FollowUpState.RECOMMENDED,
            "window": self.window(2027),
            "modality": "MR",
            "region": "brain",
            "report_digest": "d",
        }
        return FollowUp(**{**fields, **change})

    def window(self, year: int) -> Window:
        return Window(earliest=date(year, 4, 4), target=date(year, 5, 4), latest=date(year, 6, 4))


@pytest.fixture
def make() -> Make:
    return Make()


@pytest.fixture
def printed() -> Callable[[Path], str]:
    """Read the text of a PDF as pdftotext, which we did not write, sees it."""

    def read(path: Path) -> str:
        program = shutil.which("pdftotext")
        assert program is not None
        return subprocess.run([program, "-layout", str(path), "-"], capture_output=True, check=True, text=True).stdout

    return read
