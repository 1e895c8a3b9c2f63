"""Whether a step that ends a search, or imaging, can follow from images that nobody vouches for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from mriloop.model.fact import FactValue, Truth
from mriloop.model.finding import Fact, Source
from mriloop.model.guideline import (
    CLOSING_STEPS,
    STOPPING_STEPS,
    Condition,
    Guideline,
    GuidelineSet,
    LintProblem,
    Op,
    Row,
    Table,
)
from mriloop.stages.advise.conditions import holds
from mriloop.stages.advise.facts import CaseFacts

_STUDY = frozenset({"study_quality", "study_readable", "limited_study_answers", "quality_unsettled"})
_SERIES = ("_quality", "_readable", "_diagnostic")
_GOOD: tuple[FactValue, ...] = (Truth.TRUE, "diagnostic")
_SPOILT: dict[str, FactValue] = {"study_quality": "not_diagnostic"}
_LIMITED: dict[str, FactValue] = {"study_quality": "limited"}
_REFUSED: dict[str, FactValue] = {**_LIMITED, "limited_study_answers": Truth.FALSE}
_ANY_DAY = date(2026, 1, 1)


def lint_quality(
    where: str, row: Row, table: Table | None, guideline: Guideline, known: GuidelineSet
) -> list[LintProblem]:
    """Return what is wrong with the gate on quality of one row; nothing for a step that ends neither.

    The row is held against a study that is not diagnostic, and against a limited one that nobody, or a reader, declines
    to vouch for. A closing step needs a condition of its own that fails there. A stopping step may be kept back by a
    guard as well, or say in `no_image` why it rests on no image; one that only a limited study lets through is noted.
    """
    if row.step not in CLOSING_STEPS and row.step not in STOPPING_STEPS:
        return []
    own = [*(table.when if table else ()), *row.when]
    closing = row.step in CLOSING_STEPS
    if not closing and row.no_image.strip():
        return []
    guards = [] if closing else [guard.when for guard in guideline.guards]
    passed = [study for study in (_SPOILT, _REFUSED, _LIMITED) if not _kept_back(own, guards, study, known)]
    if not passed:
        return []
    what = "a search" if closing else "imaging"
    if closing or _SPOILT in passed:
        text = f"a step that ends {what} needs a condition that holds only where the images can be relied on"
        return [LintProblem(code="no_quality_gate", where=where, text=text)]
    text = f"it ends {what} on a limited study that nobody vouches for"
    return [LintProblem(code="limited_not_gated", where=where, text=text, note=True)]


def _kept_back(
    own: Sequence[Condition], guards: Sequence[Sequence[Condition]], study: dict[str, FactValue], known: GuidelineSet
) -> bool:
    """Tell whether a row stays silent, or a guard speaks first, on a study of this quality."""
    stated = {name: Fact(name=name, value=value, source=Source.PERSON) for name, value in study.items()}
    facts = CaseFacts(stated, known.vocabulary, _ANY_DAY)
    for each in own:
        if each.fact in _STUDY and each.op is not Op.KNOWN and holds(each, facts.value(each.fact)) is not Truth.TRUE:
            return True
        if each.fact not in _STUDY and each.fact.endswith(_SERIES) and _only_good(each, known):
            return True
    return any(
        all(each in own or (each.fact in _STUDY and holds(each, facts.value(each.fact)) is Truth.TRUE) for each in when)
        for when in guards
        if any(each.fact in _STUDY for each in when)
    )


def _only_good(condition: Condition, known: GuidelineSet) -> bool:
    """Tell whether a condition on a series holds for its good values alone."""
    if condition.op is Op.KNOWN:
        return False
    values: tuple[FactValue, ...] = known.vocabulary[condition.fact].values or (Truth.TRUE, Truth.FALSE)
    held = [value for value in values if holds(condition, value) is Truth.TRUE]
    return bool(held) and all(value in _GOOD for value in held)
