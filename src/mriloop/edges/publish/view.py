"""What a review page shows: one frozen context, filled by the caller, read by page and by review.json alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal

from mriloop.model.advice import Advice
from mriloop.model.communication import Letter
from mriloop.model.comparison import Comparison
from mriloop.model.follow_up import Clock, FollowUp
from mriloop.model.quality import StudyCheck
from mriloop.model.report import DraftReport, VerifiedReport
from mriloop.model.study import Refused, Study


@dataclass(frozen=True, slots=True, kw_only=True)
class StudySummary:
    """The line that heads the page. `label` is whatever the caller may show of the patient; nothing else identifies.

    `age_years` at the study; `sex` as DICOM PatientSex; `scanner` such as "Siemens Skyra 3 T"; `question` is why
    the study was asked for.
    """

    label: str
    study_instance_uid: str = ""
    description: str = ""
    started_at: datetime | None = None
    age_years: float | None = None
    sex: str | None = None
    scanner: str = ""
    question: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Figure:
    """A picture made by `figures`: PNG bytes, the sentence that says the same in words, and a caption."""

    png: bytes
    alt: str
    caption: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ChangeFigure:
    """Before, after and difference around some changes. `changes` are the `Change.id`s that the picture shows."""

    changes: tuple[int, ...]
    figure: Figure


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUpView:
    """An owed step and where it stands against the clock on the day of the page."""

    follow_up: FollowUp
    clock: Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderReason:
    """Why an order is not simply allowed, and the way out of it."""

    code: str
    text: str
    way_out: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderView:
    """What the order check answered. `order` is the order in words, such as "MRI brain with contrast only".

    A `block` and a `hold` stop the order until somebody changes it, finds out, or overrides with a reason; for
    `needs_information` the `questions` must be answered first; `ask` and `advise` let it go, with a question to
    a person or something to consider.
    """

    outcome: Literal["block", "hold", "needs_information", "ask", "advise", "allow"]
    order: str
    reasons: tuple[OrderReason, ...] = ()
    questions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A file beside the page. `href` is relative to the folder of the page; `note` says what is in it."""

    label: str
    href: str
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ReviewView:
    """Everything that a review found, ready to be shown. A part that is None was not asked for or could not be had.

    mosaics : SeriesInstanceUID to the mosaic of that series
    triptychs : before, after and difference around the changes, in the order in which they are shown
    today : the day on which windows are judged; generated_at: when the page was made
    versions : name to version of what made it (mriloop, guidelines, protocol, dcm2niix)
    """

    study: StudySummary
    generated_at: datetime
    today: date
    check: StudyCheck | None = None
    refused: tuple[Refused, ...] = ()
    comparison: Comparison | None = None
    prior_labels: Mapping[str, str] = field(default_factory=dict)
    advice: Advice | None = None
    told: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    report: DraftReport | VerifiedReport | None = None
    letters: tuple[Letter, ...] = ()
    follow_ups: tuple[FollowUpView, ...] = ()
    order: OrderView | None = None
    mosaics: Mapping[str, Figure] = field(default_factory=dict)
    triptychs: tuple[ChangeFigure, ...] = ()
    links: tuple[Link, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StartEntry:
    """One card of the demo's start page: who, in one line what happened, and where the review is."""

    title: str
    story: str
    href: str
    view: ReviewView
    picture: Figure | None = None


def summarise(study: Study, label: str, question: str = "") -> StudySummary:
    """Return the heading of a study. The caller chooses the label; accession number and pseudonym stay behind."""
    words: list[str] = []
    for series in study.series:
        for keyword in ("Manufacturer", "ManufacturerModelName"):
            word = series.parameters.get(keyword)
            if isinstance(word, str) and word.strip() and word not in words:
                words.append(word.strip())
        strength = series.parameters.get("MagneticFieldStrength")
        if isinstance(strength, int | float) and 0 < strength < 25:  # some senders write gauss: say nothing then
            words.append(f"{strength:.2g} T")
        if words:
            break
    return StudySummary(
        label=label,
        study_instance_uid=study.study_instance_uid,
        description=study.description,
        started_at=study.started_at,
        age_years=study.age_years,
        sex=study.sex,
        scanner=" ".join(words),
        question=question,
    )
