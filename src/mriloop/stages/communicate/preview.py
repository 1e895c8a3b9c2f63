"""What a patient would be told of a proposed step, point by point, before anybody has signed a report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from mriloop.model.advice import Recommendation
from mriloop.model.communication import CHECKLIST, Clinic, LetterTemplates, Paragraph
from mriloop.model.errors import refuse
from mriloop.model.guideline import CLOSING_STEPS, Status
from mriloop.model.report import Outcome
from mriloop.stages.communicate.choice import family_of, kind_for
from mriloop.stages.communicate.filling import Content, spoken, step_flags, step_words
from mriloop.stages.communicate.step_texts import UNVERIFIED, text_of

# What only a signed report can fill: who signed it, which study it reads, how long the repeat takes.
_SIGNED = ("{signer}", "{scan_date}", "{written_on}")


@dataclass(frozen=True, slots=True, kw_only=True)
class StepPreview:
    """What a patient would be told of one step.

    `text` is the guideline's own, `kind` the letter that would carry it, `points` what that letter says for each point
    of CHECKLIST, `headings` those points in the language. `at_signature` are the points that only a signed report can
    fill. `withheld` says why nothing may be told, and is empty where it may.
    """

    step: str
    kind: str
    status: Status
    text: str = ""
    points: Mapping[str, tuple[str, ...]]
    at_signature: tuple[str, ...] = ()
    withheld: str = ""
    headings: Mapping[str, str] = field(default_factory=lambda: CHECKLIST)


def preview(
    step: Recommendation,
    templates: LetterTemplates,
    *,
    language: str,
    clinic: Clinic,
    on: date,
    allow_drafts: bool = False,
) -> StepPreview:
    """Return what a patient would be told of a step `on` a day.

    A row that nobody has verified is withheld unless a person allows it. Raises OperatorError `knowledge_unknown` for a
    language without letters.
    """
    kind = kind_for(step, _outcome(step))
    template, words = templates.templates.get((language, kind)), templates.words.get(language)
    if template is None or words is None:
        raise refuse("knowledge_unknown", kind="letter", name=f"{language}/{kind}")
    if step.status in UNVERIFIED and not allow_drafts:
        return StepPreview(
            step=step.id, kind=kind, status=step.status, points={}, withheld="not for patients: unverified"
        )
    told = text_of(step, templates, language, allow_drafts=allow_drafts)
    region = step.region.value if step.region else "other"
    content = Content(
        words={
            **dict.fromkeys(("study_id", "report_id", "outcome", "acknowledge_by", "minutes"), ""),
            **{name.strip("{}"): name for name in _SIGNED},
            "clinic": clinic.name,
            "phone": clinic.phone or words.labels["phone_unknown"],
            "body_part": words.regions.get(region, words.regions["other"]),
            **step_words(step, words),
        },
        lists={
            **dict.fromkeys(("impression", "steps", "questions", "disagreements"), ()),
            "red_flags": words.red_flags.get(region, words.red_flags["other"]),
            "told": (),
        },
        flags=frozenset(name for name, holds in step_flags(step, on=on).items() if holds),
    )
    points: dict[str, list[str]] = {}
    at_signature: dict[str, None] = {}
    for part in template.parts:
        for point, said in _by_point(part.paragraphs, content):
            if any(name in said for name in _SIGNED):
                at_signature[point] = None
            else:
                points.setdefault(point, []).append(said)
    return StepPreview(
        step=step.id,
        kind=kind,
        status=step.status,
        text=told,
        points={name: tuple(points[name]) for name in CHECKLIST if name in points},
        at_signature=tuple(at_signature),
        headings=words.checklist,
    )


def _by_point(paragraphs: tuple[Paragraph, ...], content: Content) -> list[tuple[str, str]]:
    """Return what a part says with the point that each sentence belongs to: its own, or that of the one before."""
    first = next((item.points[0] for item in paragraphs if item.points), "seen")
    point, told = first, []
    for item in paragraphs:
        point = item.points[0] if item.points else point
        told += [(point, said) for said in spoken(item, content)]
    return told


def _outcome(step: Recommendation) -> Outcome:
    """The outcome that a report with this step would most simply have: only a signature decides."""
    if step.step in CLOSING_STEPS:
        return Outcome.NORMAL
    return Outcome.NOT_DIAGNOSTIC if family_of(step) == "R1" else Outcome.ABNORMAL
