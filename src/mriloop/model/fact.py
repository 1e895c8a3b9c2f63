"""Three-valued truth: what is known to hold, known not to hold, and not known. Unknown is never negative."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from enum import Enum

from mriloop.model.quantity import Quantity


class Truth(Enum):
    """Kleene's strong three-valued logic. FHIR: a boolean with data-absent-reason `unknown`."""

    TRUE = "true"
    FALSE = "false"
    UNKNOWN = "unknown"

    def __and__(self, other: Truth) -> Truth:
        if Truth.FALSE in (self, other):
            return Truth.FALSE
        return Truth.TRUE if self is other is Truth.TRUE else Truth.UNKNOWN

    def __or__(self, other: Truth) -> Truth:
        if Truth.TRUE in (self, other):
            return Truth.TRUE
        return Truth.FALSE if self is other is Truth.FALSE else Truth.UNKNOWN

    def __invert__(self) -> Truth:
        if self is Truth.UNKNOWN:
            return self
        return Truth.FALSE if self is Truth.TRUE else Truth.TRUE

    def __bool__(self) -> bool:
        raise TypeError("a Truth has three values: compare it with Truth.TRUE, Truth.FALSE or Truth.UNKNOWN")

    @property
    def answer(self) -> str:
        """The word of the JSON contract: yes, no or unknown."""
        return {Truth.TRUE: "yes", Truth.FALSE: "no", Truth.UNKNOWN: "unknown"}[self]


class Unknown(Enum):
    """The single value of a fact that nobody has stated, or that somebody stated as unknown."""

    UNKNOWN = "unknown"


UNKNOWN = Unknown.UNKNOWN

# bool: Truth · code: str · quantity: Quantity · date: date · list: tuple of codes · not known: UNKNOWN
FactValue = Truth | str | Quantity | date | tuple[str, ...] | Unknown


def truth(value: bool | None) -> Truth:
    """Turn a Python bool, or None for not known, into a Truth."""
    return Truth.UNKNOWN if value is None else Truth.TRUE if value else Truth.FALSE


def all_of(values: Iterable[Truth]) -> Truth:
    """Kleene conjunction; TRUE of nothing."""
    result = Truth.TRUE
    for value in values:
        result &= value
    return result


def any_of(values: Iterable[Truth]) -> Truth:
    """Kleene disjunction; FALSE of nothing."""
    result = Truth.FALSE
    for value in values:
        result |= value
    return result
