"""Which single facts would change what a guideline says of a case, and why each of the others would not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from mriloop.model.advice import Advice, Caution
from mriloop.model.fact import UNKNOWN, FactValue, Truth
from mriloop.model.finding import Fact, Source
from mriloop.model.guideline import FactSpec, FactType, Guideline, GuidelineSet
from mriloop.model.quantity import Quantity
from mriloop.stages.advise.compiled import ready
from mriloop.stages.advise.derive.common import is_unknown
from mriloop.stages.advise.engine import conditions_of, evaluate
from mriloop.stages.advise.facts import CaseFacts
from mriloop.stages.advise.reasons import Reason, Side, why_unchanged

# Days by which a date is moved: a day, past every window, past every age limit of a few years.
_SHIFTS = (-1500, -400, -200, -45, -1, 1, 45, 200, 400, 1500)
# Shares by which a number is moved that no row compares, but from which other facts may follow.
_SHARES = (0.0, 0.25, 0.5, 0.9, 1.1, 2.0, 4.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Influence:
    """One fact of a case put otherwise, and what comes of it.

    `value` is what was tried; UNKNOWN for a fact that is left out. `changes` tells whether the guideline then says
    anything else: a row, a date, a question, a warning. `after` is then its answer, and `warns` says of which kinds of
    warning it has others than before; otherwise `reason` says why not.
    """

    fact: str
    value: FactValue
    changes: bool
    after: Advice | None = None
    reason: Reason | None = None
    warns: tuple[str, ...] = ()


def influences(
    guideline: Guideline,
    known: GuidelineSet,
    facts: Mapping[str, Fact],
    *,
    as_of: date,
    default_profiles: Mapping[str, str] | None = None,
    unstated: bool = True,
) -> Iterator[Influence]:
    """Yield what each single change of a fact does to the answer of one guideline.

    Parameters
    ----------
    guideline
        The guideline, asked alone.
    known
        The guidelines in force, for vocabulary and default profiles.
    facts
        The case. Each stated fact is left out, flipped, given every other word, moved across every limit; a list loses
        and gains each word.
    as_of, default_profiles
        As for `evaluate`.
    unstated
        Also state, one at a time, every fact that the guideline asks for and nobody has stated.
    """
    alone = GuidelineSet(guidelines=(guideline,), vocabulary=known.vocabulary, default_profiles=known.default_profiles)
    profiles = {**known.default_profiles, **(default_profiles or {})}
    before = evaluate(alone, facts, as_of=as_of, default_profiles=default_profiles)
    said = gist(before)
    made = ready(guideline, known.vocabulary)
    side = Side(made, CaseFacts(facts, known.vocabulary, as_of), profiles.get(guideline.id))
    asked = dict.fromkeys(each.fact for each in conditions_of(guideline))
    limits = _limits(guideline, known.vocabulary)
    for name in dict.fromkeys([*facts, *(asked if unstated else ())]):
        spec = known.vocabulary[name]
        held = facts[name].value if name in facts else UNKNOWN
        for value in other_values(spec, held, limits.get(name, ()), as_of):
            changed = {**facts, name: Fact(name=name, value=value, source=Source.PERSON)}
            after = evaluate(alone, changed, as_of=as_of, default_profiles=default_profiles)
            if gist(after) != said:
                yield Influence(fact=name, value=value, changes=True, after=after, warns=_warns(before, after))
            else:
                other = Side(made, CaseFacts(changed, known.vocabulary, as_of), profiles.get(guideline.id))
                yield Influence(fact=name, value=value, changes=False, reason=why_unchanged(name, side, other))


def gist(advice: Advice) -> tuple[object, ...]:
    """Return all that an advice says, without the list of facts and reasons that repeats what was put in."""
    return (
        tuple(replace(each, because=()) for each in advice.recommendations),
        advice.undetermined,
        advice.out_of_scope,
        advice.conflicts,
        frozenset(advice.warnings),
    )


def _warns(before: Advice, after: Advice) -> tuple[str, ...]:
    """Return the kinds of warning in which two answers differ, with how: new, gone, or said otherwise."""
    one, other = _by_code(before), _by_code(after)
    kinds: list[str] = []
    for code in dict.fromkeys([*other, *one]):
        if one.get(code) != other.get(code):
            how = "now warns" if code not in one else "warns no longer" if code not in other else "warns otherwise"
            kinds.append(f"{how}: {code.replace('_', ' ')}")
    return tuple(kinds)


def _by_code(advice: Advice) -> dict[str, set[Caution]]:
    found: dict[str, set[Caution]] = {}
    for each in advice.warnings:
        found.setdefault(each.code, set()).add(each)
    return found


def other_values(spec: FactSpec, value: FactValue, limits: Sequence[float], as_of: date) -> Iterator[FactValue]:
    """Yield every other kind of value that a fact can take; UNKNOWN first where it is known.

    `limits`: the numbers, in the fact's unit, at which a row changes its mind.
    """
    if not is_unknown(value):
        yield UNKNOWN
    if spec.type is FactType.BOOL:
        yield from (each for each in (Truth.TRUE, Truth.FALSE) if each is not value)
    elif spec.type is FactType.CODE:
        yield from (each for each in spec.values if each != value)
    elif spec.type is FactType.QUANTITY:
        yield from _other_numbers(spec, value, limits)
    elif spec.type is FactType.DATE:
        start = value if isinstance(value, date) else as_of
        days = (start + timedelta(days=shift) for shift in (*_SHIFTS, *(() if start is value else (0,))))
        yield from days
    else:
        yield from _other_lists(spec, value, as_of)


def _other_numbers(spec: FactSpec, value: FactValue, limits: Sequence[float]) -> Iterator[FactValue]:
    unit = spec.unit or "1"
    held = value.to(unit).value if isinstance(value, Quantity) else None
    points = {limits[0] / 2, limits[-1] * 2 + 1} if limits else set()
    for number, limit in enumerate(limits):
        points |= {limit, (limit + limits[number + 1]) / 2} if number + 1 < len(limits) else {limit}
    if held is not None:
        points |= {held * share for share in _SHARES}
    for point in sorted(points or {0.0, 1.0, 100.0}):
        if point != held:
            yield Quantity(value=point, unit=unit)


def _other_lists(spec: FactSpec, value: FactValue, as_of: date) -> Iterator[FactValue]:
    held = value if isinstance(value, tuple) else ()
    if held or not isinstance(value, tuple):
        yield ()
    for word in held:
        if len(held) > 1:
            yield tuple(each for each in held if each != word)
    words = spec.values or tuple((as_of - timedelta(days=days)).isoformat() for days in (30, 400))
    for word in words:
        if word not in held:
            yield (*held, word)


def _limits(guideline: Guideline, vocabulary: Mapping[str, FactSpec]) -> dict[str, tuple[float, ...]]:
    found: dict[str, set[float]] = {}
    for each in conditions_of(guideline):
        if isinstance(each.value, Quantity):
            found.setdefault(each.fact, set()).add(each.value.to(vocabulary[each.fact].unit or "1").value)
    return {name: tuple(sorted(limits)) for name, limits in found.items()}
