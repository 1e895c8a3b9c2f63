"""Decision tables with their facts, citations and worked cases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from mriloop.model.coding import Contrast, Region, Urgency
from mriloop.model.condition import Condition, Op
from mriloop.model.fact import FactValue
from mriloop.model.schedule import Schedule

__all__ = ["Condition", "Op"]  # they live in condition.py, and are part of what a row is made of


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
    fact is called in prose. A list fact with no `values` holds dates as YYYY-MM-DD; one that is `open` may hold words
    of a case that nobody foresaw, for a person to look at.
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
    open: bool = False


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
    REVIEW_SERIES_TOGETHER = "review_series_together"
    WITHHOLD_STATEMENT = "withhold_statement"
    REASSURE = "reassure"
    NEGATIVE_FOR_QUESTION = "negative_for_question"
    CLINICAL_CORRELATION = "clinical_correlation"
    CLINICAL_FOLLOW_UP = "clinical_follow_up"
    MDT_REVIEW = "mdt_review"
    CONSIDER_BIOPSY = "consider_biopsy"
    CONSIDER_PROCEDURE = "consider_procedure"
    OTHER_MODALITY = "other_modality"
    LABORATORY_TESTS = "laboratory_tests"
    SUGGEST_CATEGORY = "suggest_category"
    QUALIFY_STATEMENT = "qualify_statement"
    REVIEW_MIMICS = "review_mimics"
    BLOCK_ORDER = "block_order"
    HOLD_ORDER = "hold_order"
    ASK_BEFORE_ORDER = "ask_before_order"
    ADVISE_ORDER = "advise_order"
    ALLOW_ORDER = "allow_order"


# Steps that end the search for a disease: a row may propose one only where CHECK vouches for the images it rests on.
CLOSING_STEPS: frozenset[Step] = frozenset({Step.OSTEOMYELITIS_UNLIKELY, Step.REASSURE, Step.NEGATIVE_FOR_QUESTION})
# Steps that end imaging: a person may stop, or no scheduled MRI is called for.
STOPPING_STEPS: frozenset[Step] = frozenset({Step.MAY_STOP_IMAGING, Step.NO_ROUTINE_IMAGING})
# Steps that stay among staff: a patient may be told of one, and every other step owes the patient its words.
STAFF_STEPS: frozenset[Step] = frozenset(
    {
        Step.REVIEW_SERIES_TOGETHER,
        Step.WITHHOLD_STATEMENT,
        Step.QUALIFY_STATEMENT,
        Step.REVIEW_MIMICS,
        Step.SUGGEST_CATEGORY,
        Step.BLOCK_ORDER,
        Step.HOLD_ORDER,
        Step.ASK_BEFORE_ORDER,
        Step.ADVISE_ORDER,
        Step.ALLOW_ORDER,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """A named clinician's word that a row may be used at the site. FHIR: Provenance.signature.

    It holds from `on` to the end of `expires`, and only for the content that `digest` names (`row_digest`).
    """

    by: str
    role: str
    on: date
    expires: date
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Row:
    """One row of a decision table: a conjunction of conditions and the step it proposes. FHIR: PlanDefinition.action.

    `statements` are the numbers of the mission's clinical statements it carries. `pulse_sequences_from` names a list
    fact whose words stand in for `pulse_sequences`. `no_image` says why a step that stops imaging rests on no image.
    `provenance` says who at the site changed the row, empty if nobody. `status` is what the file allows; `signatures`
    are all on record, valid or not: `status_on` judges them on a day.
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
    no_image: str = ""
    repeat_reason: str = ""
    statements: tuple[str, ...] = ()
    provenance: str = ""
    signatures: tuple[Signature, ...] = ()


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
    `targets` the due dates of one scheduled row. `kind`: positive, negative, boundary or unknown. `statements`
    are the mission's clinical statements that it tries, beside those of the rows that answer.
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
    statements: tuple[str, ...] = ()


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
    """Something wrong with a guideline. `code` names the check, `where` is guideline/table/row, `text` says what.

    A `note` is something that a reader should weigh and that may be as it should be; it makes no command fail.
    """

    code: str
    where: str
    text: str
    note: bool = False
