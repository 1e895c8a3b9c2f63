"""What patients are told of the steps that ADVISE proposes: in every language, or point by point in one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from pathlib import Path

from mriloop.edges.knowledge.letters import load_letters
from mriloop.model.advice import Advice
from mriloop.model.communication import Clinic, LetterTemplates
from mriloop.model.errors import refuse
from mriloop.model.guideline import STAFF_STEPS, GuidelineSet, LintProblem
from mriloop.settings import Settings
from mriloop.stages.communicate import StepPreview, preview, problems_of, text_of


def told(advice: Advice, *, site: Path | None) -> dict[str, Mapping[str, str]]:
    """Return what patients are told of each recommendation: its id to language to text, filled with its dates.

    A language without a text for the row is left out, and so is every text of a row that nobody has verified. Raises
    OperatorError `knowledge_invalid`.
    """
    letters = _load(site)
    found = {
        each.id: {language: text_of(each, letters, language) for language in letters.languages}
        for each in advice.recommendations
    }
    return {name: {language: text for language, text in texts.items() if text} for name, texts in found.items()}


def previews(
    advice: Advice, settings: Settings, *, language: str, on: date, allow_drafts: bool = False
) -> tuple[StepPreview, ...]:
    """Return what a patient would be told of each step of the default profiles, in one language, `on` a day.

    Steps that stay among staff are left out where no text was written for them.

    Nothing here is sent: a letter is made of a signed report alone. Raises OperatorError `knowledge_unknown` for a
    language without letters.
    """
    letters = _load(settings.site_path)
    if language not in letters.languages:
        known = f"{language}; there are {' and '.join(letters.languages)}"
        raise refuse("knowledge_unknown", kind="language of letters", name=known)
    clinic = Clinic(name=settings.clinic_name, phone=settings.clinic_phone)
    return tuple(
        preview(each, letters, language=language, clinic=clinic, on=on, allow_drafts=allow_drafts)
        for each in advice.recommendations
        if each.default and (each.step not in STAFF_STEPS or (language, each.id) in letters.steps)
    )


def text_problems(guidelines: GuidelineSet, *, site: Path | None) -> tuple[LintProblem, ...]:
    """Return every fault of the patient texts of the guidelines in force; see `stages.communicate.problems_of`."""
    letters = _load(site)
    return problems_of(letters.steps, guidelines.guidelines, letters.languages)


def forget() -> None:
    """Read the letters anew at the next question: something was written to a site folder."""
    _load.cache_clear()


@lru_cache(maxsize=8)
def _load(site: Path | None) -> LetterTemplates:
    return load_letters(site=site)
