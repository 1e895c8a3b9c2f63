"""What is said to whom: letters to patients, messages to referrers, alerts to technologists."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Audience(StrEnum):
    """Who reads it."""

    PATIENT = "patient"
    REFERRER = "referrer"
    TECHNOLOGIST = "technologist"


@dataclass(frozen=True, slots=True, kw_only=True)
class Readability:
    """How hard a text is. Lower is easier. fkgl: Flesch-Kincaid grade level; smog: SMOG grade (US school years)."""

    fkgl: float
    smog: float
    longest_words: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A text for one reader. FHIR: Communication payload.

    `report_digest` ties it to the verified report it was made from; a repeat alert to the technologist has none.
    `checklist` names the points of the patient-letter checklist that it covers.
    """

    id: str
    audience: Audience
    language: str
    kind: str
    title: str
    paragraphs: tuple[str, ...]
    report_digest: str | None
    readability: Readability | None = None
    checklist: tuple[str, ...] = ()
