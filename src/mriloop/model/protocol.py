"""A protocol reference: which series a question needs, and how each of them must be set up."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from mriloop.model.coding import Plane, Region, Weighting
from mriloop.model.fact import Truth
from mriloop.model.guideline import Citation
from mriloop.model.quality import Severity


class FieldState(StrEnum):
    """What became of one field of a reference: a missing tag is UNKNOWN, never a pass."""

    PASS = "pass"
    DEVIATION = "deviation"
    UNKNOWN = "unknown"
    NOT_APPLICABLE = "not_applicable"


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldRule:
    """What one DICOM element of a series must be.

    `keyword` is an element keyword, or one of the derived names Coverage (mm along the slice normal), SlicePitch (mm
    between slice centres), PixelSpacingMax (mm), BValueMax, BValueMin (s/mm²). Numbers: `value` within `tolerance`
    (absolute, in `unit`) or `relative` (share of it, 0.01 unless stated), or between `minimum` and `maximum`.
    Text: one of `one_of`, any of `contains_any`, all of `contains_all` (upper case, parts of words).
    `when` limits the rule to scanners whose elements hold these values, such as {"Manufacturer": "SIEMENS"}.
    """

    keyword: str
    unit: str = ""
    value: float | None = None
    tolerance: float | None = None
    relative: float = 0.01
    minimum: float | None = None
    maximum: float | None = None
    one_of: tuple[str, ...] = ()
    contains_any: tuple[str, ...] = ()
    contains_all: tuple[str, ...] = ()
    severity: Severity = Severity.MINOR
    when: tuple[tuple[str, str], ...] = ()
    because: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesProtocol:
    """One series that the protocol asks for.

    `weightings` lists what may serve; `planes` empty means any. `contrast` and `fat_suppressed` UNKNOWN mean that it
    does not matter. `alternatives` are ids of other series of the protocol of which any one serves in its place.
    """

    id: str
    title: str
    weightings: tuple[Weighting, ...]
    planes: tuple[Plane, ...] = ()
    contrast: Truth = Truth.UNKNOWN
    fat_suppressed: Truth = Truth.UNKNOWN
    three_d: Truth = Truth.UNKNOWN
    required: bool = True
    alternatives: tuple[str, ...] = ()
    fields: tuple[FieldRule, ...] = ()
    because: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """A reference for one question. `keywords` are words of the study's name that call for it; DRAFT until signed."""

    id: str
    title: str
    version: str
    regions: tuple[Region, ...]
    series: tuple[SeriesProtocol, ...]
    citations: tuple[Citation, ...]
    keywords: tuple[str, ...] = ()
    fallback: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldResult:
    """How one field of one series compares with its rule. `found` is what the header says, empty when it is silent."""

    keyword: str
    state: FieldState
    found: str
    wanted: str
    severity: Severity
    unit: str = ""
