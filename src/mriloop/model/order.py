"""What may happen to an order for an MRI, on what grounds, and who let it go on in spite of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from mriloop.model.advice import Caution, Conflict, Recommendation
from mriloop.model.report import Person


class OrderOutcome(StrEnum):
    """What may happen to an order, from worst to best. FHIR: GuidanceResponse; CDS Hooks: card indicator."""

    BLOCK = "block"
    HOLD = "hold"
    NEEDS_INFORMATION = "needs_information"
    ASK = "ask"
    ADVISE = "advise"
    ALLOW = "allow"
    NOT_CHECKED = "not_checked"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderOverride:
    """A person's act that lets a stopped order go on: who, when, why. `lifts` are the answers that it sets aside."""

    by: Person
    on: date
    reason: str
    lifts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderDecision:
    """What may happen to an order: one result for the command, the web form and CDS Hooks.

    `reasons` are the answers that decide it, and where it is a question or a matter of advice the others as well;
    `missing` with `questions` what is still asked for; `notes` answers that go along and change nothing; `conflicts`
    where authorities differ. `may_override` are the roles that can let a blocked or held order go on with a reason;
    `override` the act of somebody who did, `lifted` the answers that it set aside. `form_allowed` says that the form of
    the order (without, with, without and with contrast) is right, whatever else is open. `not_checked` names in words
    what was left out because nobody stated it.
    """

    outcome: OrderOutcome
    reasons: tuple[Recommendation, ...]
    missing: tuple[str, ...]
    questions: tuple[str, ...]
    notes: tuple[Recommendation, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    warnings: tuple[Caution, ...] = ()
    may_override: tuple[str, ...] = ()
    override: OrderOverride | None = None
    lifted: tuple[Recommendation, ...] = ()
    form_allowed: bool = False
    not_checked: tuple[str, ...] = ()
