"""What derivations are made of: asking for other facts, counting calendar months, unknown."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from dateutil.relativedelta import relativedelta

from mriloop.model.fact import UNKNOWN, FactValue, Truth, Unknown
from mriloop.model.quantity import Quantity

Ask = Callable[[str], FactValue]
Derivation = Callable[[Ask, date], FactValue]


def is_unknown(value: FactValue) -> bool:
    """Tell whether nobody knows this value."""
    return isinstance(value, Unknown) or value is Truth.UNKNOWN


def number_in(value: FactValue, unit: str) -> float | None:
    """Return a quantity as a number in this unit; None for what is none, unknown included."""
    return value.to(unit).value if isinstance(value, Quantity) else None


def months_between(start: date, end: date) -> float:
    """Return the calendar months from `start` to `end`: whole months, and days as a share below one.

    10 January to 10 July is exactly 6, to 9 July is below 6. Negative when `end` is earlier.
    """
    if end < start:
        return -months_between(end, start)
    apart = relativedelta(end, start)
    return apart.years * 12 + apart.months + apart.days / 32


def months_since(start_fact: str, end_fact: str = "") -> Derivation:
    """Return the derivation of the months from one date fact to another, or to the day of the question."""

    def derivation(ask: Ask, as_of: date) -> FactValue:
        start, end = ask(start_fact), ask(end_fact) if end_fact else as_of
        if isinstance(start, date) and isinstance(end, date) and start <= end:
            return Quantity(value=months_between(start, end), unit="mo")
        return UNKNOWN

    return derivation
