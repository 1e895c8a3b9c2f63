"""Every measure that CHECK may take of a series, family by family: what tables name before the first series is seen."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from mriloop.stages.check.measures import BRAIN, PICTURE, SUMMARY, ImageMeasure
from mriloop.stages.check.measures.diffusion import DIFFUSION
from mriloop.stages.check.measures.structural_motion import STRUCTURAL_MOTION
from mriloop.stages.check.measures.times import TIMES
from mriloop.stages.check.reference import REFERENCE


@dataclass(frozen=True, slots=True)
class Entry:
    """One measure: its name and UCUM unit in the JSON contract, and which way is better ('' for neither)."""

    name: str
    unit: str
    better: str


def _family(measures: Iterable[ImageMeasure[Any]]) -> tuple[Entry, ...]:
    return tuple(Entry(one.name, one.unit, one.better) for one in measures)


CATALOGUE: tuple[Entry, ...] = (
    *_family(PICTURE),
    *_family(BRAIN),
    *_family(SUMMARY),
    *_family(TIMES),
    *_family(DIFFUSION),
    *_family(STRUCTURAL_MOTION),
    *_family(REFERENCE),
)
"""A new family is one line here."""
