"""A protocol reference: which series a question needs, how each must be set up, and what a header says of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from mriloop.model.coding import Plane, Region, Weighting
from mriloop.model.fact import Truth
from mriloop.model.guideline import Citation, Status
from mriloop.model.quality import Severity


class FieldState(StrEnum):
    """What became of one field of a reference: a missing tag is UNKNOWN, never a pass."""

    PASS = "pass"
    DEVIATION = "deviation"
    UNKNOWN = "unknown"
    NOT_APPLICABLE = "not_applicable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """An interval of numbers, both ends included; None leaves an end open."""

    minimum: float | None = None
    maximum: float | None = None


When = tuple[tuple[str, str | tuple[str, ...] | Span], ...]
"""Scanners that a rule speaks of: element keyword, and a part of its text, several of which any serves, or a span."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldRule:
    """What one field of a series must be.

    `keyword` is an element keyword or a derived name of the table in `stages.check.protocol.fields`.
    Numbers: `value` within `tolerance` (absolute, in `unit`) or `relative` (share of it, 0.01 unless stated); `values`,
    each within the same tolerance of one that is found and none found besides; between `minimum` and `maximum`.
    Text: one of `one_of`, any of `contains_any`, all of `contains_all` (upper case, parts of words), none of `none_of`.
    `any_of` holds whole conditions for the same field, of which one suffices.
    `severity` is that of a deviation; beyond `major_tolerance` (of `value`), below `major_minimum` or above
    `major_maximum` it is MAJOR. `when` limits the rule to some scanners; a rule that names scanners replaces, on them,
    the one for the same keyword that names none.
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
    when: When = ()
    because: str = ""
    values: tuple[float, ...] = ()
    none_of: tuple[str, ...] = ()
    any_of: tuple[FieldRule, ...] = ()
    major_tolerance: float | None = None
    major_minimum: float | None = None
    major_maximum: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CoilRule:
    """The receive coil that a series needs.

    names : parts of coil names of which any serves, upper case
    families : body parts that the coil may be made for, such as `head` or `spine`, of which any serves
    elements : the elements, or groups of elements, that must all be in use, as the scanner writes them
    extra_matter : whether elements beyond these are reported as well
    """

    names: tuple[str, ...] = ()
    families: tuple[str, ...] = ()
    elements: tuple[str, ...] = ()
    extra_matter: bool = True
    when: When = ()
    because: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """One of several ways to acquire a series, such as 3-D or 2-D: fields that belong together."""

    title: str
    fields: tuple[FieldRule, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesProtocol:
    """One series that the protocol asks for.

    `weightings` lists what may serve; `planes` empty means any. `contrast` and `fat_suppressed` UNKNOWN mean that it
    does not matter. `alternatives` are ids of other series of the protocol of which any one serves in its place.
    `setups`: the one that the series meets best counts, besides `fields`. `regions`: empty means any.
    `named` are words of the series' name that tell this line from another of the same kind; empty means any name.
    `advisory` is set where it is not sure that the series was made for this line: deviations are information only.
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
    setups: tuple[Setup, ...] = ()
    coils: tuple[CoilRule, ...] = ()
    regions: tuple[Region, ...] = ()
    named: tuple[str, ...] = ()
    advisory: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """A reference for one question. `keywords` are words of the study's name that call for it; DRAFT until signed.

    `fallback`: it may be taken for its `fallback_regions` (all its regions where none are named) although no word calls
    for it. `not_for` are words that speak against it. `advisory` is set by the choice: nothing in the study says that
    the exam was made for this protocol, so that what it lacks is information only.
    """

    id: str
    title: str
    version: str
    regions: tuple[Region, ...]
    series: tuple[SeriesProtocol, ...]
    citations: tuple[Citation, ...]
    keywords: tuple[str, ...] = ()
    fallback: bool = False
    fallback_regions: tuple[Region, ...] = ()
    not_for: tuple[str, ...] = ()
    status: Status = Status.DRAFT
    advisory: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldResult:
    """How one field of one series compares with its rule. `found` is what the header says, empty when it is silent.

    `wanted` states the value with its tolerance and unit; `action` what the operator can do about a deviation.
    """

    keyword: str
    state: FieldState
    found: str
    wanted: str
    severity: Severity
    unit: str = ""
    tolerance: float | None = None
    because: str = ""
    action: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtocolProblem:
    """Something in a reference that a physicist should mend: a code, where it stands, and what is wrong."""

    code: str
    where: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """What could not be carried over from another system's reference, or learned from studies, and why."""

    where: str
    what: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignField:
    """One condition of another system's reference, in plain values; names are that system's, mapped to keywords.

    `fatal` False: the system itself calls a deviation no more than a remark.
    """

    keyword: str
    values: tuple[float | str, ...] = ()
    tolerance: float | None = None
    error_tolerance: float | None = None
    minimum: float | None = None
    maximum: float | None = None
    error_minimum: float | None = None
    error_maximum: float | None = None
    contains: tuple[str, ...] = ()
    contains_any: tuple[str | float, ...] = ()
    contains_all: tuple[str | float, ...] = ()
    fatal: bool = True
    notes: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignSeries:
    """One acquisition of another system's reference, with the name of every rule in it that is program code."""

    name: str
    text: str = ""
    fields: tuple[ForeignField, ...] = ()
    setups: tuple[tuple[str, tuple[ForeignField, ...]], ...] = ()
    code_rules: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignReference:
    """Another system's reference as read, before it is turned into a `Protocol`."""

    format: str
    name: str
    version: str
    series: tuple[ForeignSeries, ...]
    text: str = ""
    left_out: tuple[LeftOut, ...] = ()
