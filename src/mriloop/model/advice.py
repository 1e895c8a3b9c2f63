"""What comes out of decision tables: proposals with their basis, what is missing, where authorities differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from mriloop.model.coding import Contrast, Region, Urgency
from mriloop.model.fact import FactValue
from mriloop.model.guideline import Citation, Signature, Status
from mriloop.model.schedule import Window


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommendation:
    """One proposed next step. FHIR: ServiceRequest with intent `proposal`. Never an order.

    `schedule` lists further windows of the same step after `window`; `then` says how it goes on after the last one
    (such as `individualise`). `because` lists facts used and the row, in words; `author` is society, year, edition.
    `never_auto_close` marks a surveillance that only a person may end. `default` is False for the answer of a profile
    that is shown beside the site's default and opens no follow-up by itself. `note` qualifies the citation.
    `provenance` says who changed the row at the site and who signed it; `signatures` are those that hold on the day.
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
    open_ended: bool = False
    suggested: date | None = None
    suggested_by: str = ""
    never_auto_close: bool = False
    specialty: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    repeat_reason: str = ""
    question: str = ""
    default: bool = True
    edition: str = ""
    note: str = ""
    provenance: str = ""
    signatures: tuple[Signature, ...] = ()

    def is_overdue(self, on: date) -> bool:
        """Tell whether the window to be met next has passed on a day."""
        return self.window is not None and self.window.latest < on


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
    """Something the reader must know beside the recommendations, such as an emergency sign that nobody has excluded.

    `missing` names the facts of the vocabulary that would settle it, where there are such.
    """

    code: str
    text: str
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """Everything ADVISE has to say about one case."""

    recommendations: tuple[Recommendation, ...]
    undetermined: tuple[Undetermined, ...] = ()
    out_of_scope: tuple[OutOfScope, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    warnings: tuple[Caution, ...] = ()
    facts: Mapping[str, FactValue] = field(default_factory=dict)
