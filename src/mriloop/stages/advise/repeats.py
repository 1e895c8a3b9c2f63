"""Why a proposed MRI repeats another, in words, and the rows that owe a reason."""

from __future__ import annotations

from collections.abc import Sequence

from mriloop.model.guideline import Guideline, LintProblem, Row
from mriloop.model.repeats import IMAGING_STEPS, REPEAT_REASONS, RepeatFamily, reason_of

_FAMILIES = {
    RepeatFamily.TECHNICAL: "technical",
    RepeatFamily.LONGITUDINAL: "a planned look",
    RepeatFamily.SPECIALISED: "another technique",
    RepeatFamily.ADMINISTRATIVE: "administrative",
}
_AVOIDABLE = {"true": "avoidable", "false": "not avoidable", "unknown": "perhaps avoidable"}


def say_repeat(code: str, said: Sequence[str] = ()) -> str:
    """Say a reason in a line: code, family, words, whether it could be avoided, what to change. Empty for no code.

    What stands in `said` already is not said again.
    """
    reason = reason_of(code)
    if reason is None:
        return code
    change = [words for words in reason.mitigation if words not in said]
    tried = f" To change: {'; '.join(change)}." if change else ""
    return f"{code}, {_FAMILIES[reason.family]}: {reason.words}; {_AVOIDABLE[reason.avoidable.value]}.{tried}"


def repeat_problems(guideline: Guideline) -> list[LintProblem]:
    """Return the rows that propose an MRI and do not say why, or name a reason outside the taxonomy."""
    rows = [(f"guards/{row.id}", row) for row in guideline.guards]
    rows += [(f"{table.id}/{row.id}", row) for table in guideline.tables for row in table.rows]
    found = []
    for name, row in rows:
        where = f"{guideline.id}/{name}"
        if row.repeat_reason and row.repeat_reason not in REPEAT_REASONS:
            text = f"{row.repeat_reason!r} is no code of the repeat taxonomy (model/repeats.py)"
            found.append(LintProblem(code="repeat_reason_unknown", where=where, text=text))
        elif _owes_reason(row):
            text = f"{row.step} of an MRI names no `repeat_reason`"
            found.append(LintProblem(code="repeat_reason_missing", where=where, text=text))
    return found


def _owes_reason(row: Row) -> bool:
    return row.step in IMAGING_STEPS and row.modality in (None, "MR") and not row.repeat_reason
