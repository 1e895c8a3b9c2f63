"""What a measure is: a name, a unit, a direction, and the function that takes it from a sample."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from mriloop.model.quantity import Measure, NotAssessable, Quantity

S = TypeVar("S")
SMALL = "the object is too small in this picture"


@dataclass(frozen=True, slots=True)
class ImageMeasure(Generic[S]):
    """One measure: its name and unit in the JSON contract, which way is better ('' for neither), how it is taken.

    `take` gives a number, or the reason why there is none, or None for an object that is too small.
    """

    name: str
    unit: str
    better: str
    take: Callable[[S], float | str | None]


def take_all(sample: S | NotAssessable, measures: Sequence[ImageMeasure[S]]) -> dict[str, Measure]:
    """Return every measure by name: a quantity, or the reason why there is none; never an exception."""
    if isinstance(sample, NotAssessable):
        return {measure.name: sample for measure in measures}
    return {measure.name: _answer(measure, sample) for measure in measures}


def _answer(measure: ImageMeasure[S], sample: S) -> Measure:
    found = measure.take(sample)
    if isinstance(found, str):
        return NotAssessable(reason=found)
    if found is None or not math.isfinite(found):
        return NotAssessable(reason=SMALL)
    return Quantity(value=float(found), unit=measure.unit)
