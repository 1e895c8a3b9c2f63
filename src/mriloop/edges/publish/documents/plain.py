"""Nouns as plain JSON values: numbers that are finite and short, dates in ISO form, three-valued answers as words."""

from __future__ import annotations

import math
from datetime import date
from enum import Enum
from typing import Any

from mriloop.model.fact import FactValue, Truth, Unknown
from mriloop.model.quantity import Measure, NotAssessable, Quantity
from mriloop.model.schedule import Window
from mriloop.model.study import Point

Document = dict[str, Any]


def number(value: float | None, digits: int = 6) -> float | int | None:
    """Round to significant digits; None for what is not a finite number, because JSON has no NaN."""
    if value is None or isinstance(value, bool) or not math.isfinite(value):
        return None
    if isinstance(value, int):
        return value
    return float(f"{float(value):.{digits}g}")


def point(place: Point | None) -> list[float | None] | None:
    """Return a RAS+ point in millimetres with three decimals, None where nothing says where."""
    if place is None:
        return None
    return [round(float(axis), 3) + 0.0 if math.isfinite(axis) else None for axis in place]


def window(due: Window | None) -> Document | None:
    """Return a window as ISO dates, None where a person has to set the date."""
    if due is None:
        return None
    return {
        "earliest": due.earliest.isoformat(),
        "target": due.target.isoformat(),
        "latest": due.latest.isoformat(),
    }


def word(value: Enum | None) -> str | None:
    """Return the word of a closed vocabulary, None for none."""
    return None if value is None else str(value.value)


def measure(taken: Measure) -> Document:
    """Return a quantity, or the reason why there is none; a number that is not finite is a reason too."""
    if isinstance(taken, NotAssessable):
        return {"not_assessable": taken.reason}
    value = number(taken.value)
    if value is None:
        return {"not_assessable": "the computation gave no finite number"}
    return {"value": value, "unit": taken.unit}


def fact(value: FactValue) -> Any:
    """Return a fact in the form of its type; what nobody has stated is `unknown`."""
    match value:
        case Truth():
            return value.answer
        case Unknown():
            return "unknown"
        case Quantity():
            return {"value": number(value.value), "unit": value.unit}
        case tuple():
            return list(value)
        case date():
            return value.isoformat()
    return value
