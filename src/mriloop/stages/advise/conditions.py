"""One cell of a decision table against one fact: true, false or unknown, and the cell in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from mriloop.model.fact import FactValue, Truth, Unknown, truth
from mriloop.model.finding import Fact, Source
from mriloop.model.guideline import Condition, FactSpec, Op
from mriloop.model.quantity import Quantity

_COMPARE = {Op.AT_LEAST: "at least", Op.MORE_THAN: "more than", Op.AT_MOST: "at most", Op.LESS_THAN: "less than"}
_SOURCES = {
    Source.PERSON: "stated",
    Source.HEADER: "from the image header",
    Source.RECORD: "from the patient's record",
    Source.CHECK: "from CHECK",
    Source.COMPARE: "from COMPARE, until a reader confirms it",
    Source.DERIVED: "follows from other facts",
}
_UNITS = {"a": "years", "mo": "months", "wk": "weeks", "d": "days", "{count}": "", "{index}": "", "1": ""}
_UNITS |= {"mm/a": "mm a year", "[hnsf'U]": "HU"}
# What is counted between two days or two scans: its third decimal says nothing.
_COUNTED = frozenset({"a", "mo", "wk", "mm/a"})
# Two numbers that differ by less, as a share of the limit, differ by rounding.
TOLERANCE = 1e-9


def holds(condition: Condition, value: FactValue) -> Truth:
    """Return whether the condition holds for the value of its fact; UNKNOWN when the fact is, save for `known`."""
    unknown = isinstance(value, Unknown) or value is Truth.UNKNOWN
    if condition.op is Op.KNOWN:
        return truth((not unknown) == (condition.value is Truth.TRUE))
    if unknown:
        return Truth.UNKNOWN
    if isinstance(value, Quantity):
        return truth(_compare(condition, value))
    held = condition.value
    if condition.op is Op.CONTAINS:
        return truth(isinstance(value, tuple) and held in value)
    if condition.op is Op.LACKS:
        return truth(isinstance(value, tuple) and held not in value)
    if condition.op is Op.ONE_OF:
        return truth(isinstance(held, tuple) and value in held)
    if condition.op is Op.IS_NOT:
        return truth(value not in held if isinstance(held, tuple) else value != held)
    return truth(value == held)


def _compare(condition: Condition, value: Quantity) -> bool:
    limit = condition.value
    if not isinstance(limit, Quantity):
        raise TypeError(f"{condition.fact}: a quantity is held against {limit!r}")
    number = snap(value.to(limit.unit).value, limit.value)
    return {
        Op.AT_LEAST: number >= limit.value,
        Op.MORE_THAN: number > limit.value,
        Op.AT_MOST: number <= limit.value,
        Op.LESS_THAN: number < limit.value,
        Op.IS: number == limit.value,
        Op.IS_NOT: number != limit.value,
    }[condition.op]


def snap(number: float, limit: float) -> float:
    """Return `limit` for a number that differs from it by rounding alone, so that 1.8 cm is 18 mm."""
    return limit if abs(number - limit) <= TOLERANCE * max(1.0, abs(limit)) else number


def name_of(fact: str, vocabulary: Mapping[str, FactSpec]) -> str:
    """Return how a fact is called in prose."""
    spec = vocabulary.get(fact)
    return spec.words if spec and spec.words else fact.replace("_", " ")


def say_value(value: FactValue) -> str:
    """Return a value as a person would say it."""
    if isinstance(value, Truth):
        return value.answer
    if isinstance(value, Unknown):
        return "unknown"
    if isinstance(value, Quantity):
        number = round(value.value, 1) if abs(value.value) >= 10 else value.value
        if value.unit in _COUNTED and round(number, 2) != round(number):
            number = round(number, 2)
        return f"{number:.4g} {_UNITS.get(value.unit, value.unit.split('/{')[0])}".strip()
    if isinstance(value, tuple):
        return ", ".join(item.replace("_", " ") for item in value) or "none"
    return value.isoformat() if isinstance(value, date) else value.replace("_", " ")


def say_fact(fact: Fact, vocabulary: Mapping[str, FactSpec], basis: Sequence[Fact] = ()) -> str:
    """Return a fact with its source: "cortex: intact (stated)". `basis`: the facts that a derived one rests on."""
    said = f"{name_of(fact.name, vocabulary)}: {say_value(fact.value)}"
    if fact.source is Source.DERIVED and basis:
        return f"{said} (from {'; '.join(say_fact(each, vocabulary) for each in basis)})"
    return f"{said} ({_SOURCES[fact.source]})"


def say_condition(condition: Condition, vocabulary: Mapping[str, FactSpec]) -> str:
    """Return a cell in words: "largest diameter of the lesion at least 10 mm"."""
    name, held = name_of(condition.fact, vocabulary), condition.value
    if condition.op in _COMPARE:
        return f"{name} {_COMPARE[condition.op]} {say_value(held)}"
    if condition.op is Op.KNOWN:
        return f"{name} is {'known' if held is Truth.TRUE else 'not known'}"
    if condition.op is Op.CONTAINS:
        return f"{name} includes {say_value(held)}"
    if condition.op is Op.LACKS:
        return f"{name} does not include {say_value(held)}"
    listed = " or ".join(item.replace("_", " ") for item in held) if isinstance(held, tuple) else say_value(held)
    return f"{name} is {'not ' if condition.op is Op.IS_NOT else ''}{listed}"
