"""The answer to `mriloop advise --what-if`: which single facts would change it, and why the others would not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mriloop.model.advice import Advice
    from mriloop.model.fact import FactValue
    from mriloop.model.guideline import FactSpec, Guideline
    from mriloop.stages.advise import Influence

_VALUES_SHOWN = 6


def as_document(found: Iterable[tuple[Guideline, tuple[Influence, ...]]]) -> dict[str, object]:
    """Return the influences as a JSON document, one entry a tried value."""
    return {
        "schema": "mriloop/what-if/1",
        "guidelines": [
            {
                "guideline": guideline.id,
                "changes": [
                    {
                        "fact": each.fact,
                        "value": _value(each.value),
                        "changes": each.changes,
                        "answer": _answer(each.after) if each.after else None,
                        "reason": each.reason.why.value if each.reason else None,
                        "text": each.reason.text if each.reason else None,
                    }
                    for each in tried
                ],
            }
            for guideline, tried in found
        ],
    }


def as_text(found: Iterable[tuple[Guideline, tuple[Influence, ...]]], vocabulary: Mapping[str, FactSpec]) -> str:
    """Return the influences as text: first what would change the answer, then what would not and why."""
    from mriloop.stages.advise.conditions import name_of

    names = {name: name_of(name, vocabulary) for name in vocabulary}
    parts = []
    for guideline, tried in found:
        parts.append(f"{guideline.title} ({guideline.id})")
        lines = {True: _grouped((each for each in tried if each.changes), names),
                 False: _grouped((each for each in tried if not each.changes), names)}  # fmt: skip
        for title, changes in (("Would change the answer:", True), ("Would not:", False)):
            if lines[changes]:
                parts += [f"  {title}", *(f"    {line}" for line in lines[changes])]
    return "\n".join(parts) or "No guideline speaks about this case."


def _grouped(tried: Iterable[Influence], names: Mapping[str, str]) -> list[str]:
    groups: dict[tuple[str, str], list[str]] = {}
    for each in tried:
        outcome = _in_words(each, names) if each.after else each.reason.text if each.reason else ""
        groups.setdefault((each.fact, outcome), []).append(_said(each.value))
    lines = []
    for (fact, outcome), values in groups.items():
        more = f" and {len(values) - _VALUES_SHOWN} more" if len(values) > _VALUES_SHOWN else ""
        said = names.get(fact, fact)
        called = fact if said.replace(" ", "_") == fact else f"{said} ({fact})"
        lines.append(f"{called} = {', '.join(values[:_VALUES_SHOWN])}{more}: {outcome}")
    return lines


def _answer(advice: Advice) -> str:
    said = [f"{each.row} ({each.step})" for each in advice.recommendations]
    said += [f"asks for {', '.join(each.missing)}" for each in advice.undetermined]
    said += [f"out of scope: {each.reason}" for each in advice.out_of_scope]
    said += [f"warns: {code}" for code in dict.fromkeys(each.code for each in advice.warnings)]
    return "; ".join(said)


def _said(value: FactValue) -> str:
    from mriloop.model.quantity import Quantity
    from mriloop.stages.advise.conditions import say_value

    return say_value(value) if isinstance(value, Quantity) else _value(value)


def _in_words(each: Influence, names: Mapping[str, str]) -> str:
    """Return the answer after a change; of its warnings only those that the change brings, alters or lifts."""
    if each.after is None:
        return ""
    said = [f"{one.row} ({one.step.replace('_', ' ')})" for one in each.after.recommendations]
    said += [f"asks for {', '.join(names.get(name, name) for name in one.missing)}" for one in each.after.undetermined]
    said += [f"out of scope: {one.reason}" for one in each.after.out_of_scope]
    return "; ".join([*said, *each.warns])


def _value(value: FactValue) -> str:
    from mriloop.model.fact import Truth, Unknown
    from mriloop.model.quantity import Quantity

    if isinstance(value, Unknown) or value is Truth.UNKNOWN:
        return "not stated"
    if isinstance(value, Truth):
        return value.answer
    if isinstance(value, Quantity):
        return f"{value.value:g} {value.unit}"
    if isinstance(value, tuple):
        return f"[{', '.join(value)}]"
    return str(value)
