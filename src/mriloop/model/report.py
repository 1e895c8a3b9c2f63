"""A structured report: a draft that anyone may write, and a verified one that only a named person makes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from mriloop.model.finding import Finding
from mriloop.model.guideline import Recommendation


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
    """Why a draft cannot be signed as it stands, and what mends it."""

    code: str
    text: str
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftReport:
    """A proposal for a report. FHIR: DiagnosticReport `preliminary`. Nothing here may leave the house."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedReport:
    """A report that a named person has signed. FHIR: DiagnosticReport `final`. Made by `stages.report.verify` alone.

    `digest` is the SHA-256 of the signed content; a signed report never changes.
    """

    draft: DraftReport
    verified_by: Person
    verified_at: datetime
    digest: str
