"""Whether a measure changed: held against the repeatability of the way it was measured, never against zero."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from mriloop.model.coding import Region
from mriloop.model.fact import Truth
from mriloop.model.guideline import Citation
from mriloop.model.quantity import Measure


class Judged(StrEnum):
    """The three honest answers."""

    CHANGED = "changed"
    WITHIN = "no change beyond"
    CANNOT_TELL = "cannot tell"


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeatability:
    """How much a measure moves when nothing has changed.

    measure : what is measured, such as "lesion volume", "ADC"
    percent, absolute : a change must exceed both to count; `percent` of the earlier value, `absolute` in `unit`. None
        where there is no such limit
    unit : UCUM code of `absolute` and of the measure
    when : the circumstances it was found in, in words, such as "same scanner, same reader"
    ratio : `percent` is a factor, the same up and down: 50 means beyond 1.5 times or below 1 / 1.5 of the earlier value
    regions : where it holds; empty: anywhere
    same_scanner : TRUE where it was found on one scanner, FALSE across scanners, UNKNOWN: for either
    place, site : its file and entry; whether it is the site's own and not a shipped one
    """

    measure: str
    unit: str
    percent: float | None = None
    absolute: float | None = None
    when: str = ""
    citation: Citation | None = None
    ratio: bool = False
    regions: tuple[Region, ...] = ()
    same_scanner: Truth = Truth.UNKNOWN
    place: str = ""
    site: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """One measure at two visits, and what may be said of the difference.

    change, change_percent : today less before; None where either is not assessable (or before is 0)
    beyond : the least change, in the unit of the measure, that counts; None where no repeatability is known
    because : the repeatability and its source, or what stands in the way, in words
    change_id : the change (Change.id) that is measured; None for anything else
    """

    measure: str
    today: Measure
    before: Measure
    judged: Judged
    because: str
    change: float | None = None
    change_percent: float | None = None
    beyond: float | None = None
    citation: Citation | None = None
    change_id: int | None = None
