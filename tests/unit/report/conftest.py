"""Builders of the nouns that a report is made of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import pytest

from mriloop.model.advice import Advice, Recommendation
from mriloop.model.coding import Contrast, Plane, Region, Subject, Weighting
from mriloop.model.comparison import Alignment, Change, ChangeKind, Comparison, DetectionLimit, SeriesPair
from mriloop.model.fact import Truth
from mriloop.model.finding import Case, Finding
from mriloop.model.guideline import Citation, Mark, Status
from mriloop.model.quality import Defect, SeriesCheck, SeriesKind, Severity, StudyCheck, Verdict
from mriloop.model.report import DraftReport, Person
from mriloop.model.schedule import Window
from mriloop.model.study import Series, SeriesObject, Study
from mriloop.stages.report import draft

NOW = datetime(2026, 5, 4, 10, 30, tzinfo=UTC)
IDENTITY = ((1.0, 0.0, 0.0, 0.0), (0.0, 1.0, 0.0, 0.0), (0.0, 0.0, 1.0, 0.0), (0.0, 0.0, 0.0, 1.0))


@dataclass
class Make:
    """Ready-made nouns; every keyword replaces a field."""

    now: datetime = NOW

    def person(self, **change: Any) -> Person:
        return Person(**{"id": "r1", "name": "Ada Roe", "role": "radiologist", **change})

    def window(self, earliest: str = "2027-04-04", target: str = "2027-05-04", latest: str = "2027-06-04") -> Window:
        return Window(
            earliest=date.fromisoformat(earliest),
            target=date.fromisoformat(target),
            latest=date.fromisoformat(latest),
        )

    def recommendation(self, **change: Any) -> Recommendation:
        fields = {
            "id": "ms.monitor",
            "guideline": "ms",
            "row": "yearly",
            "step": "follow_up_imaging",
            "text": "MRI of the brain in one year",
            "because": ("on treatment for one year",),
            "citation": Citation(text="MAGNIMS-CMSC-NAIMS", year=2021, locator="monitoring", mark=Mark.V),
            "profile": "MAGNIMS 2021",
            "status": Status.ACTIVE,
            "modality": "MR",
            "region": Region.BRAIN,
            "contrast": Contrast.WITHOUT,
            "window": self.window(),
            "repeat_reason": "R2.ms",
        }
        return Recommendation(**{**fields, **change})

    def series(self, number: int = 3, **change: Any) -> SeriesCheck:
        kind = SeriesKind(
            weighting=change.pop("weighting", Weighting.FLAIR),
            plane=Plane.AXIAL,
            region=change.pop("region", Region.BRAIN),
            contrast=change.pop("contrast", Truth.FALSE),
            object=Subject.PATIENT,
            derived=change.pop("derived", False),
        )
        fields = {
            "series_instance_uid": f"1.2.{number}",
            "kind": kind,
            "verdict": Verdict.ACCEPTABLE,
            "volumes": 1,
            "series_number": number,
            "description": f"description {number}",
        }
        return SeriesCheck(**{**fields, **change})

    def spoilt(self, number: int = 3, code: str = "R1.motion.voluntary", **change: Any) -> SeriesCheck:
        defect = Defect(
            code=code, severity=Severity.MAJOR, message="The head moved 4 mm", action="Support the head and repeat"
        )
        return self.series(number, verdict=Verdict.REPEAT, defects=(defect,), **change)

    def check(self, *series: SeriesCheck, verdict: Verdict = Verdict.ACCEPTABLE, **change: Any) -> StudyCheck:
        return StudyCheck(study_instance_uid="1.2", verdict=verdict, series=series or (self.series(),), **change)

    def study(self, parameters: dict[str, Any] | None = None, **change: Any) -> Study:
        series = Series(
            series_instance_uid="1.2.3",
            study_instance_uid="1.2",
            modality="MR",
            object=SeriesObject.IMAGE,
            series_number=3,
            parameters=parameters or {},
        )
        fields = {
            "study_instance_uid": "1.2",
            "patient": "pseudonym-7",
            "series": (series,),
            "started_at": datetime(2026, 5, 4, 9, 0),
        }
        return Study(**{**fields, **change})

    def finding(self, text: str, **change: Any) -> Finding:
        return Finding(**{"id": "f1", "text": text, "region": Region.BRAIN, **change})

    def case(self, *findings: Finding) -> Case:
        return Case(facts={}, as_of=NOW.date(), findings=findings)

    def change(self, number: int, kind: ChangeKind, **change: Any) -> Change:
        fields = {
            "id": number,
            "kind": kind,
            "volume_ml": 0.08,
            "volume_change_ml": 0.08,
            "diameter_mm": 5.2,
            "position_ras_mm": (-30.0, 5.0, 20.0),
            "confidence": 0.83,
            "location": "left frontal white matter",
        }
        return Change(**{**fields, **change})

    def comparison(self, *changes: Change, accepted: bool = True, **change: Any) -> Comparison:
        alignment = Alignment(
            method="rigid",
            matrix=IDENTITY,
            uncertainty_mm=0.4,
            accepted=accepted,
            reason="" if accepted else "the two estimates differ by 9 mm",
        )
        fields = {
            "today_study": "1.2",
            "prior_studies": ("1.1",),
            "pairs": (SeriesPair(today="1.2.3", prior="1.1.3", comparability=(), alignment=alignment),),
            "changes": changes,
            "detection_limit": (
                DetectionLimit(diameter_mm=3.0, contrast_percent=30.0, found=0.4),
                DetectionLimit(diameter_mm=4.0, contrast_percent=30.0, found=0.95),
                DetectionLimit(diameter_mm=6.0, contrast_percent=30.0, found=1.0),
            ),
            "not_comparable": (),
            "changes_prior_study": "1.1",
            "changes_today": "1.2.3",
            "changes_prior": "1.1.3",
        }
        return Comparison(**{**fields, **change})

    def draft(self, **change: Any) -> DraftReport:
        fields = {
            "study": self.study(),
            "check": self.check(),
            "comparison": None,
            "advice": Advice(recommendations=(self.recommendation(),)),
            "case": None,
            "now": NOW,
        }
        return draft(**{**fields, **change})


@pytest.fixture
def make() -> Make:
    return Make()
