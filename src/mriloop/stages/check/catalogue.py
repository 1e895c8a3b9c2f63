"""Every measure that CHECK may take of a series, family by family: what tables name before the first series is seen."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from mriloop.stages.check.measures import PICTURE, ImageMeasure


@dataclass(frozen=True, slots=True)
class Entry:
    """One measure: its name and UCUM unit in the JSON contract, and which way is better ('' for neither)."""

    name: str
    unit: str
    better: str


def _family(measures: Iterable[ImageMeasure[Any]]) -> tuple[Entry, ...]:
    return tuple(Entry(one.name, one.unit, one.better) for one in measures)


MOTION: tuple[Entry, ...] = (
    Entry("displacement_mean", "mm", "lower"),
    Entry("displacement_max", "mm", "lower"),
    Entry("motion_free", "%", "higher"),
    Entry("framewise_power_mean", "mm", "lower"),
)

CATALOGUE: tuple[Entry, ...] = (*_family(PICTURE), *MOTION)
"""A new family is one line here."""
