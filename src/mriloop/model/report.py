"""A structured report: a draft that anyone may write, and a verified one that only a named person makes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from mriloop.model.advice import Recommendation
from mriloop.model.finding import Finding
from mriloop.model.schedule import Window


class Outcome(StrEnum):
    """What the study says, in one word. A machine may propose NOT_DIAGNOSTIC or ABNORMAL; NORMAL takes a person.

    FHIR: DiagnosticReport.conclusionCode. It decides which letter the patient gets.
    """

    NORMAL = "normal"
    ABNORMAL = "abnormal"
    NOT_DIAGNOSTIC = "not_diagnostic"
    UNSTATED = "unstated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who answers for an act. FHIR: Practitioner(Role). `id` is the site's own, `role` one of its roles."""

    id: str
    name: str
    role: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportSection:
    """A headed part of the report: technique, quality, comparison, findings, impression, recommendations."""

    code: str
    title: str
    paragraphs: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Objection:
    """Why a draft cannot be signed as it stands, and what mends it.

    `subject` is what it is about (a recommendation, finding or guideline id); `key` names this one objection.
    `overridable` is False where only mending helps: nobody may sign a recommendation without window or owner.
    """

    code: str
    text: str
    remedy: str
    subject: str = ""
    overridable: bool = True

    @property
    def key(self) -> str:
        """`code:subject`, or the bare code: what an override names."""
        return f"{self.code}:{self.subject}" if self.subject else self.code


@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatPlan:
    """What has to be scanned again. `whole` when nothing of the study can be kept; `minutes` None when unknown."""

    series: tuple[str, ...]
    whole: bool
    minutes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """What a person decided while reading a draft; drafting again with it mends the draft, and nothing else changes.

    `accepted` and `rejected` are ids of machine candidates, `declined` and the keys of `windows` and `owners` ids of
    recommendations. `impression` replaces the proposed one, most severe first. `outcome` says what the study shows.
    """

    accepted: frozenset[str] = frozenset()
    rejected: frozenset[str] = frozenset()
    declined: frozenset[str] = frozenset()
    outcome: Outcome | None = None
    impression: tuple[str, ...] = ()
    windows: Mapping[str, Window] = field(default_factory=dict)
    owners: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftReport:
    """A proposal for a report. FHIR: DiagnosticReport `preliminary`. Nothing here may leave the house.

    `owners` maps each Recommendation.id to who answers for it. `findings` with source COMPARE are machine candidates
    that no person has taken over yet; `rejected` are those that a person has refused. `repeat` is set where CHECK
    asks for series to be scanned again. `open_questions` are what no guideline could answer for want of a fact,
    `disagreements` where authorities differ.
    """

    id: str
    study_instance_uid: str
    patient: str
    drafted_at: datetime
    sections: tuple[ReportSection, ...]
    findings: tuple[Finding, ...]
    recommendations: tuple[Recommendation, ...]
    objections: tuple[Objection, ...] = ()
    prior_studies: tuple[str, ...] = ()
    study_date: date | None = None
    outcome: Outcome = Outcome.UNSTATED
    owners: Mapping[str, str] = field(default_factory=dict)
    rejected: tuple[str, ...] = ()
    repeat: RepeatPlan | None = None
    open_questions: tuple[str, ...] = ()
    disagreements: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedReport:
    """A report that a named person has signed. FHIR: DiagnosticReport `final`. Made by `stages.report.verify` alone.

    `digest` is the SHA-256 of the signed content; a signed report never changes. `overrides` maps the key of every
    objection that stood at signing to the reason the person gave.
    """

    draft: DraftReport
    verified_by: Person
    verified_at: datetime
    digest: str
    overrides: Mapping[str, str] = field(default_factory=dict)
