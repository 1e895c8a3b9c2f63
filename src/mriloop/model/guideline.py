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
    `derived` names the tested function that computes it from other facts where nobody states it; empty otherwise.
    `synonyms` are other names that a case file may use, `value_synonyms` other words for a value; `words` is how the
    fact is called in prose. A list fact with no `values` holds dates as YYYY-MM-DD.
    """

    name: str
    type: FactType
    question: str
    unit: str | None = None
    values: tuple[str, ...] = ()
    breakpoints: tuple[float, ...] = ()
    derived: str = ""
    synonyms: tuple[str, ...] = ()
    value_synonyms: Mapping[str, str] = field(default_factory=dict)
    words: str = ""
    note: str = ""


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


class Step(StrEnum):
    """The closed vocabulary of proposals. `docs/reference/guidelines.md` says what each asks of whom."""

    EMERGENCY_REFERRAL = "emergency_referral"
    SPECIALIST_REFERRAL = "specialist_referral"
    CLINICIAN_REVIEW = "clinician_review"
    FOLLOW_UP_IMAGING = "follow_up_imaging"
    ADDITIONAL_IMAGING = "additional_imaging"
    REPEAT_IMAGING = "repeat_imaging"
    COMPLETE_IMAGING = "complete_imaging"
    DEFER_IMAGING = "defer_imaging"
    NO_ROUTINE_IMAGING = "no_routine_imaging"
    MAY_STOP_IMAGING = "may_stop_imaging"
    INDIVIDUALISE = "individualise"
    OSTEOMYELITIS_UNLIKELY = "osteomyelitis_unlikely"
    OSTEOMYELITIS_INDETERMINATE = "osteomyelitis_indeterminate"
    TISSUE_CULTURE = "tissue_culture"
    BIOPSY_MDT = "biopsy_mdt"
    SURGICAL_CULTURES = "surgical_cultures"
    TREAT = "treat"
    LABORATORY_TEST = "laboratory_test"
    REVIEW_SERIES_TOGETHER = "review_series_together"
    WITHHOLD_STATEMENT = "withhold_statement"
    BLOCK_ORDER = "block_order"
    HOLD_ORDER = "hold_order"
    ASK_BEFORE_ORDER = "ask_before_order"
    ALLOW_ORDER = "allow_order"


# Steps that end the search for a disease: a row may propose one only where CHECK vouches for the images it rests on.
CLOSING_STEPS: frozenset[Step] = frozenset({Step.OSTEOMYELITIS_UNLIKELY})


@dataclass(frozen=True, slots=True, kw_only=True)
class Duration:
    """A calendar duration: months are added first, then days. ISO 8601 `P1Y6M`, `P2W`, `P14D`. FHIR: Duration."""

    months: int = 0
    days: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DuePoint:
    """One due date of a schedule, counted from its anchor.

    Either `earliest` and `latest` are durations from the anchor, or `tolerance` lies on both sides of the target.
    """

    target: Duration
    earliest: Duration | None = None
    latest: Duration | None = None
    tolerance: Duration | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """When a step is due, as data. FHIR: PlanDefinition.action.timing.

    `anchor` is the date fact it is counted from. `or_as_of` lets the day of the question stand in for an anchor that
    nobody stated, with a warning; otherwise an unstated anchor makes the row undetermined. After `points` come
    `repeat_times` more, each `repeat_every` after the one before, with the tolerance of the last point. `then` says how
    it goes on (`individualise`: a person sets the next date); `while_words` names the condition it depends on.
    """

    anchor: str
    points: tuple[DuePoint, ...]
    repeat_every: Duration | None = None
    repeat_times: int = 0
    then: str = ""
    while_words: str = ""
    never_auto_close: bool = False
    or_as_of: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Row:
    """One row of a decision table: a conjunction of conditions and the step it proposes. FHIR: PlanDefinition.action.

    `statements` are the numbers of the mission's clinical statements it carries. `pulse_sequences_from` names a list
    fact whose words stand in for `pulse_sequences`. `provenance` says who at the site changed the row, empty if nobody.
    """

    id: str
    when: tuple[Condition, ...]
    step: Step
    text: str
    citation: Citation
    status: Status
    urgency: Urgency = Urgency.ROUTINE
    modality: str | None = None
    region: Region | None = None
    contrast: Contrast | None = None
    pulse_sequences: tuple[str, ...] = ()
    pulse_sequences_from: str = ""
    schedule: Schedule | None = None
    specialty: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    note: str = ""
    patient_text: str = ""
    repeat_reason: str = ""
    statements: tuple[str, ...] = ()
    provenance: str = ""


class Match(StrEnum):
    """How many rows of a table may answer. DMN: hit policy F or C."""

    FIRST = "first"
    ALL = "all"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Table:
    """Rows that answer one `question` for one `profile` (society, year). DMN: decision table.

    Tables of a guideline that share the question are rivals: all are evaluated and shown side by side, the `default`
    first. A `superseded` one is evaluated only where a site or a case selects it. `when` limits the table; where it is
    false the table stays silent, and where it is unknown `if_unknown` says what happens: `ask` for the facts, `warn`
    that nobody has excluded it, or stay `silent` (for circumstances that a case states where they are there).
    """

    id: str
    question: str
    profile: str
    match: Match
    rows: tuple[Row, ...]
    when: tuple[Condition, ...] = ()
    default: bool = True
    superseded: bool = False
    if_unknown: str = "ask"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scope:
    """A condition that the case must meet for the guideline to speak, and what is said where it does not."""

    when: tuple[Condition, ...]
    otherwise: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Guideline:
    """One pack of knowledge. FHIR: PlanDefinition. DMN: decision requirements with their tables.

    `raised_by`: any of these conjunctions puts the guideline on the table at all. `applies_when`: all of these must
    hold. `guards` come first: emergencies and other reasons not to go on; a guard that fires is the answer, one that
    is unknown is named in a warning and stops nothing. `family` groups guidelines that share out one population.
    """

    id: str
    title: str
    version: str
    edition: str
    family: str
    raised_by: tuple[tuple[Condition, ...], ...]
    applies_when: tuple[Scope, ...]
    guards: tuple[Row, ...]
    tables: tuple[Table, ...]
    source: str = "shipped"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GuidelineCase:
    """A worked case beside a guideline: facts in, answer out. It is a test and the best explanation at once.

    `rows` are the table/row names that must answer, in any order; `missing` the facts that must be asked for;
    `targets` the due dates of the first scheduled row. `kind`: positive, negative, boundary or unknown.
    """

    name: str
    kind: str
    facts: Mapping[str, FactValue]
    as_of: date
    rows: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    out_of_scope: bool = False
    targets: tuple[date, ...] = ()
    warnings: tuple[str, ...] = ()
    profiles: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GuidelineSet:
    """All guidelines in force with the vocabulary that they speak, in a fixed order."""

    guidelines: tuple[Guideline, ...]
    vocabulary: Mapping[str, FactSpec]
    default_profiles: Mapping[str, str] = field(default_factory=dict)

    def get(self, name: str) -> Guideline | None:
        """Return the guideline of that id, None when there is none."""
        return next((guideline for guideline in self.guidelines if guideline.id == name), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class LintProblem:
    """Something wrong with a guideline. `code` names the check, `where` is guideline/table/row, `text` says what."""

    code: str
    where: str
    text: str


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
    `never_auto_close` marks a surveillance that only a person may end. `default` is False for the answer of a profile
    that is shown beside the site's default and opens no follow-up by itself. `note` qualifies the citation.
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
    question: str = ""
    default: bool = True
    edition: str = ""
    note: str = ""
    provenance: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Undetermined:
    """A guideline applies but cannot answer: the facts that are missing, each with the question to ask.

    `missing` holds exactly the unknown facts on which the answer depends, in the order in which rows ask for them.
    `profiles` are the authorities that wait for them.
    """

    guideline: str
    missing: tuple[str, ...]
    questions: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OutOfScope:
    """A guideline that does not speak about this case, and why."""

    guideline: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """Recommendations of different profiles on one question that do not agree. Shown side by side, never averaged.

    `recommendations` are Recommendation.id; `default` is the one of the site's default profile.
    """

    topic: str
    recommendations: tuple[str, ...]
    text: str
    default: str = ""


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
