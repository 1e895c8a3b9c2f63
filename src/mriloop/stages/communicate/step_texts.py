"""What a patient is told of a proposed step, filled with its dates, and what is wrong with such texts."""

from __future__ import annotations

import string
from collections.abc import Iterable, Iterator
from datetime import date

from mriloop.model.advice import Recommendation
from mriloop.model.communication import STEP_DATES, STEP_PLACEHOLDERS, LetterTemplates, LetterWords, StepTexts
from mriloop.model.guideline import STAFF_STEPS, Guideline, LintProblem, Row, Status
from mriloop.stages.communicate.readability import (
    FORBIDDEN,
    readability,
    sentences_of,
    too_hard,
    unexplained_abbreviations,
)

# A row that nobody has verified tells patients nothing, though the step itself was signed.
UNVERIFIED = (Status.DRAFT, Status.RETIRED)
# A day and a body part stand in where a text itself is measured; the letter is measured with its whole dates.
_STAND_INS = {**dict.fromkeys(STEP_DATES, "May 18"), "body_part": "your brain"}
_STAND_INS_ES = {**dict.fromkeys(STEP_DATES, "18 de mayo"), "body_part": "su cabeza"}


def text_of(step: Recommendation, templates: LetterTemplates, language: str, *, allow_drafts: bool = False) -> str:
    """Return what a patient who reads `language` is told of a step; empty where there is no text for its row.

    This is the one gate of letters, previews and documents: of a row that nobody has verified nothing is told, unless a
    person asks for drafts.

    A sentence with a date that nobody knows yet is left out: no letter has a hole where a date should be.
    """
    if step.status in UNVERIFIED and not allow_drafts:
        return ""
    text = templates.steps.get((language, step.id), "")
    words = templates.words.get(language)
    if not text or words is None:
        return ""
    window = step.window
    filled = {
        "earliest": day(window.earliest if window else None, words),
        "target": day(window.target if window else None, words),
        "latest": day(window.latest if window else None, words),
        "body_part": words.regions.get(step.region.value if step.region else "other", words.regions["other"]),
    }
    return " ".join(
        sentence.format(**filled) for sentence in sentences_of(text) if all(filled[name] for name in _names(sentence))
    )


def day(value: date | None, words: LetterWords) -> str:
    """Return a day as the language writes it; empty for none."""
    if value is None:
        return ""
    return words.date.format(day=value.day, month=words.months[value.month - 1], year=value.year)


def problems_of(
    texts: StepTexts, guidelines: Iterable[Guideline], languages: Iterable[str] = ("en", "es")
) -> tuple[LintProblem, ...]:
    """Return every fault of the patient texts: rows without one, texts without a row, words that must not be.

    Parameters
    ----------
    texts
        The texts by language and `guideline/table/row`.
    guidelines
        The guidelines in force. Rows of `STAFF_STEPS` owe no text and may have one.
    languages
        The languages in which every row owes its text.

    Returns
    -------
    tuple of LintProblem
        `patient_text_missing`, `patient_text_orphan` (no such row), `patient_text_placeholder` (a date where the row
        has no schedule, or nothing left once the dates are out), `patient_text_hard`, `patient_text_forbidden`.
    """
    rows = {f"{guideline.id}/{place}": row for guideline in guidelines for place, row in _rows(guideline)}
    missing = [
        LintProblem(code="patient_text_missing", where=where, text=f"no text for patients in {language}")
        for where, row in rows.items()
        if row.step not in STAFF_STEPS
        for language in languages
        if (language, where) not in texts
    ]
    found: list[LintProblem] = []
    for (language, where), text in texts.items():
        row = rows.get(where)
        if row is None:
            said = f"the text in {language} belongs to no row"
            found.append(LintProblem(code="patient_text_orphan", where=where, text=said))
            continue
        found += [
            LintProblem(code=code, where=where, text=f"{language}: {detail}")
            for code, detail in _faults(text, language, scheduled=row.schedule is not None)
        ]
    return (*missing, *found)


def _faults(text: str, language: str, *, scheduled: bool) -> Iterator[tuple[str, str]]:
    """Yield code and words for each fault of one text."""
    dated = _names(text) & STEP_DATES
    if unknown := sorted(_names(text) - STEP_PLACEHOLDERS):
        yield "patient_text_placeholder", f"nothing fills {{{unknown[0]}}}"
        return
    if dated and not scheduled:
        yield "patient_text_placeholder", f"{{{min(dated)}}} stands where the row has no schedule"
    if all(_names(sentence) & STEP_DATES for sentence in sentences_of(text)):
        yield "patient_text_placeholder", "nothing is left of it where no date is known"
    plain = text.format(**(_STAND_INS_ES if language == "es" else _STAND_INS))
    if problem := too_hard(readability([plain], language)):
        yield "patient_text_hard", problem
    for word in [match.group() for match in FORBIDDEN.finditer(plain)]:
        yield "patient_text_forbidden", f"says “{word}”, which no patient text may say"
    for word in unexplained_abbreviations([plain]):
        yield "patient_text_forbidden", f"“{word}” is an abbreviation that nobody explains"


def _names(text: str) -> frozenset[str]:
    return frozenset(name for _, name, _, _ in string.Formatter().parse(text) if name)


def _rows(guideline: Guideline) -> Iterator[tuple[str, Row]]:
    for row in guideline.guards:
        yield f"guards/{row.id}", row
    for table in guideline.tables:
        for row in table.rows:
            yield f"{table.id}/{row.id}", row
