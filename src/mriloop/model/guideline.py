"""Decision tables with their facts, citations and schedules, and what comes out of them: advice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from mriloop.model.coding import Contrast, Region, Urgency
from mriloop.model.fact import FactValue


class Mark(StrEnum):
    """How well a statement is verified: primary text, secondary text, memory (sure of the number or not), corrected."""

    V = "V"
    V2 = "V2"
    M_PLUS = "M+"
    M = "M"
    C = "C"


class Status(StrEnum):
    """Where a row stands. Only a site's named clinician makes it ACTIVE; FHIR: PublicationStatus."""

    DRAFT = "draft"
    REVIEWED = "reviewed-pending-signature"
    ACTIVE = "active"
    RETIRED = "retired"


class FactType(StrEnum):
    """The five kinds of fact a rule may look at."""

    BOOL = "bool"
    CODE = "code"
    QUANTITY = "quantity"
    DATE = "date"
    LIST = "list"


@dataclass(frozen=True, slots=True, kw_only=True)
class FactSpec:
    """A word of the rules: its type, unit, allowed values, and the question to ask a person when it is unknown.

    `breakpoints` (in `unit`) are the numbers at which some row changes its mind; the linter enumerates between them.
    `derived` names the tested function that computes it from other facts; empty for a fact that somebody states.
    """

    name: str
    type: FactType
    question: str
    unit: str | None = None
    values: tuple[str, ...] = ()
    breakpoints: tuple[float, ...] = ()
    derived: str = ""


class Op(StrEnum):
    """The closed vocabulary of conditions."""

    IS = "is"
    IS_NOT = "is_not"
    ONE_OF = "one_of"
    AT_LEAST = "at_least"
    MORE_THAN = "more_than"
    AT_MOST = "at_most"
    LESS_THAN = "less_than"
    CONTAINS = "contains"
    LACKS = "lacks"
    KNOWN = "known"


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One cell of a row: a fact held against a value. Evaluates to a Truth; UNKNOWN when the fact is."""

    fact: str
    op: Op
    value: FactValue


@dataclass(frozen=True, slots=True, kw_only=True)
class Citation:
    """Where a row comes from: document, edition, place in it. FHIR: RelatedArtifact of type citation."""

    text: str
    year: int
    locator: str
    mark: Mark
    doi: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """When a step is due. Dates of the calendar; earliest ≤ target ≤ latest. FHIR: Timing.repeat.boundsPeriod."""

    earliest: date
    target: date
    latest: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommendation:
    """One proposed next step. FHIR: ServiceRequest with intent `proposal`. Never an order.

    `schedule` lists further windows of the same step after `window`; `then` says how it goes on after the last one
    (such as `individualise`). `because` lists facts used and the row, in words; `author` is society, year, edition.
    `never_auto_close` marks a surveillance that only a person may end.
    """

    id: str
    guideline: str
    row: str
    step: str
    text: str
    because: tuple[str, ...]
    citation: Citation
    profile: str
    status: Status
    urgency: Urgency = Urgency.ROUTINE
    modality: str | None = None
    region: Region | None = None
    contrast: Contrast | None = None
    pulse_sequences: tuple[str, ...] = ()
    window: Window | None = None
    schedule: tuple[Window, ...] = ()
    then: str = ""
    never_auto_close: bool = False
    specialty: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    patient_text: str = ""
    repeat_reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Undetermined:
    """A guideline applies but cannot answer: the facts that are missing, each with the question to ask."""

    guideline: str
    missing: tuple[str, ...]
    questions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OutOfScope:
    """A guideline that does not speak about this case, and why."""

    guideline: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """Recommendations of different profiles on one question that do not agree. Shown side by side, never averaged."""

    topic: str
    recommendations: tuple[str, ...]
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Caution:
    """Something the reader must know beside the recommendations, such as an emergency sign that nobody has excluded."""

    code: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """Everything ADVISE has to say about one case."""

    recommendations: tuple[Recommendation, ...]
    undetermined: tuple[Undetermined, ...] = ()
    out_of_scope: tuple[OutOfScope, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    warnings: tuple[Caution, ...] = ()
    facts: Mapping[str, FactValue] = field(default_factory=dict)
