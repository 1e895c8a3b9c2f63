"""Letters of a signed report: which kind, filled from the report alone, and gated by how hard they are to read."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import date, timedelta

from mriloop.model.coding import Region, Urgency
from mriloop.model.communication import (
    CHECKLIST,
    NAMES,
    REFERRER_KIND,
    Audience,
    Clinic,
    Letter,
    LetterPart,
    LetterTemplate,
    LetterTemplates,
    LetterWords,
)
from mriloop.model.errors import refuse
from mriloop.model.follow_up import owed
from mriloop.model.report import Outcome, VerifiedReport
from mriloop.stages.communicate.choice import AT_ONCE, family_of, kind_of, main_step
from mriloop.stages.communicate.filling import Content, applies, spoken, step_flags, step_words
from mriloop.stages.communicate.readability import FORBIDDEN, readability, too_hard, unexplained_abbreviations
from mriloop.stages.communicate.step_texts import day, text_of

# A name counts as one easy word: no template can make a person's or a hospital's name shorter.
STAND_IN = "Ann"
# Days a referrer has to answer, by urgency (minutes and hours: the same day, and a call beside the message).
ANSWER_WITHIN_DAYS = {Urgency.MINUTES: 0, Urgency.HOURS: 0, Urgency.DAYS: 3, Urgency.ROUTINE: 7}


def patient_letter(
    report: VerifiedReport,
    templates: LetterTemplates,
    *,
    language: str,
    clinic: Clinic,
    written_on: date | None = None,
    kind: str | None = None,
) -> Letter:
    """Write the patient's letter of a signed report, in plain words.

    Parameters
    ----------
    report
        The signed report: a draft has no letter, by type.
    templates, language
        The reviewed templates and the language the patient reads.
    clinic
        Who it is from and whom to call.
    written_on
        The day of the letter; by default the day of the signature.
    kind
        A kind of `LETTER_KINDS` instead of the one that the report calls for.

    Raises
    ------
    SenderError
        `letter_too_hard` above grade 6 (FKGL), 8 (SMOG), their Spanish counterparts, 15 words per sentence on
        average, or 20 in one; `letter_forbidden` for shares, doses, prognosis or an abbreviation nobody explained;
        `letter_no_kind` where the signed report does not say what the letter is about.
    OperatorError
        `knowledge_unknown` for a language or kind without template.
    """
    template, words = _find(templates, language, kind or kind_of(report))
    content = _content(report, templates, words, clinic, written_on or report.verified_at.date())
    letter = _fill(template, words, content, report, written_on)
    stand_ins = {**content.words, **dict.fromkeys(NAMES, STAND_IN)}
    plain = _fill(template, words, replace(content, words=stand_ins), report, written_on).paragraphs
    measured = readability(plain, language)
    if problem := too_hard(measured):
        raise refuse("letter_too_hard", detail=problem, template=f"{language}/{template.kind}")
    forbidden = [match.group() for text in plain for match in FORBIDDEN.finditer(text)]
    for found in (*forbidden, *unexplained_abbreviations(plain)):
        raise refuse("letter_forbidden", found=f"“{found}”", template=f"{language}/{template.kind}")
    return replace(letter, readability=measured)


def referrer_message(
    report: VerifiedReport,
    templates: LetterTemplates,
    *,
    language: str,
    clinic: Clinic,
    written_on: date | None = None,
) -> Letter:
    """Write the message to the clinician who asked: result, each step with window, reason and basis, how to answer.

    Its sentences are the template's; impression and steps are the signed report's own words. Raises OperatorError
    `knowledge_unknown` for a language without template.
    """
    template, words = _find(templates, language, REFERRER_KIND)
    content = _content(report, templates, words, clinic, written_on or report.verified_at.date())
    return _fill(template, words, content, report, written_on)


def _find(templates: LetterTemplates, language: str, kind: str) -> tuple[LetterTemplate, LetterWords]:
    template = templates.templates.get((language, kind))
    if template is None or language not in templates.words:
        raise refuse("knowledge_unknown", kind="letter", name=f"{language}/{kind}")
    return template, templates.words[language]


def _content(
    report: VerifiedReport, templates: LetterTemplates, words: LetterWords, clinic: Clinic, written_on: date
) -> Content:
    """Gather what the letter may say from the signed report and from nowhere else."""
    draft = report.draft
    step = main_step(report)
    steps = [item for item in draft.recommendations if owed(item)]
    region = next((item.region for item in (*([step] if step else []), *steps) if item.region is not None), None)
    region = region or next((item.region for item in draft.findings if item.region is not Region.UNKNOWN), None)
    code = region.value if region is not None else "other"
    minutes = draft.repeat.minutes if draft.repeat is not None else None
    sections = {section.code: section.paragraphs for section in draft.sections}
    answer = min((ANSWER_WITHIN_DAYS[item.urgency] for item in steps), default=ANSWER_WITHIN_DAYS[Urgency.ROUTINE])
    told = text_of(step, templates, words.language) if step is not None else ""
    filled = {
        "clinic": clinic.name,
        "phone": clinic.phone or words.labels["phone_unknown"],
        "signer": report.verified_by.name,
        "body_part": words.regions.get(code, words.regions["other"]),
        "minutes": str(minutes) if minutes is not None else "",
        "study_id": draft.study_instance_uid,
        "report_id": draft.id,
        "outcome": draft.outcome.value.replace("_", " "),
        "scan_date": day(draft.study_date, words),
        "written_on": day(written_on, words),
        "acknowledge_by": day(written_on + timedelta(days=answer), words),
        **step_words(step, words),
    }
    lists = {
        "red_flags": words.red_flags.get(code, words.red_flags["other"]),
        "told": (told,) if told else (),
        "impression": sections.get("impression", ()),
        "steps": sections.get("recommendations", ()) if draft.recommendations else (),
        "questions": draft.open_questions,
        "disagreements": draft.disagreements,
    }
    repeat = draft.repeat
    holding = {
        **step_flags(step, on=written_on),
        "scan_date_known": draft.study_date is not None,
        "minutes_known": minutes is not None,
        "repeat_whole": repeat is not None and repeat.whole,
        "repeat_part": repeat is not None and not repeat.whole and bool(repeat.series),
        "urgent": any(item.urgency in AT_ONCE and owed(item) for item in draft.recommendations),
        "more_steps": any(
            item is not step and not (family_of(item) == family_of(step) == "R1") for item in steps if step
        ),
        "finding": draft.outcome is Outcome.ABNORMAL,
        "has_told": bool(told),
        "has_steps": bool(draft.recommendations),
        "has_questions": bool(draft.open_questions),
        "has_disagreements": bool(draft.disagreements),
    }
    return Content(words=filled, lists=lists, flags=frozenset(name for name, holds in holding.items() if holds))


def _fill(
    template: LetterTemplate,
    words: LetterWords,
    content: Content,
    report: VerifiedReport,
    written_on: date | None,
) -> Letter:
    """Say every paragraph of the template that applies, and note the checklist points it covers."""
    parts: list[LetterPart] = []
    paragraphs: list[str] = []
    points: set[str] = set()
    for part in template.parts:
        told = [text for item in part.paragraphs for text in spoken(item, content)]
        points.update(point for item in part.paragraphs if applies(item, content) for point in item.points)
        if told:
            parts.append(LetterPart(heading=part.heading, count=len(told), tone=part.tone))
            paragraphs += told
    colleague = template.audience is Audience.REFERRER
    unknown = words.labels["salutation_colleague" if colleague else "salutation_unknown"]
    identity = f"{report.digest} {template.language} {template.kind}"
    return Letter(
        id="letter-" + hashlib.sha256(identity.encode()).hexdigest()[:16],
        audience=template.audience,
        language=template.language,
        kind=template.kind,
        title=template.title,
        paragraphs=tuple(paragraphs),
        report_digest=report.digest,
        checklist=tuple(point for point in CHECKLIST if point in points),
        parts=tuple(parts),
        written_on=written_on or report.verified_at.date(),
        labels={**words.labels, "salutation_unknown": unknown, "date": content.words["written_on"]},
    )
