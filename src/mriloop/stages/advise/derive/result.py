"""Facts about a result that follow from others: what a critical finding says, and whether any sign is an emergency."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from mriloop.model.fact import UNKNOWN, FactValue, Truth, any_of
from mriloop.stages.advise.derive.common import Ask, Derivation, is_unknown

# A critical finding is one word of the report; the guidelines of the disease read their own fact.
_SAID_BY_CRITICAL_FINDING: Mapping[str, frozenset[str]] = {
    "necrotising_infection": frozenset({"necrotising_fasciitis"}),
    "pml_lesion_suspected": frozenset({"possible_pml"}),
    "vision_loss": frozenset({"pituitary_apoplexy"}),
}
# Signs of categories 1 (minutes) and 2 (hours): our mapping, clinical reference D.1.
_WITHIN_MINUTES = (
    "cord_compression",
    "cauda_equina_signs",
    "sepsis",
    "necrotising_infection",
    "vision_loss",
    "thunderclap_headache",
    "third_nerve_palsy",
    "hydrocephalus",
    "acute_haemorrhage",
)
_WITHIN_HOURS = ("acute_deficit", "unexpected_deterioration", "pml_lesion_suspected")
_SPINE = frozenset({"back_pain", "myelopathy", "spine_infection"})
_OF_A_RECOMMENDATION = (
    "recommendation_lesion_named",
    "recommendation_modality_named",
    "recommendation_interval_named",
    "recommendation_conditional",
)


def _report_result(ask: Ask, as_of: date) -> FactValue:
    """A study that shows what was asked is abnormal; one that does not may still show something else."""
    return "abnormal" if ask("question_result") == "positive" else UNKNOWN


def _report_recommends(ask: Ask, as_of: date) -> FactValue:
    """Who says what a recommendation names, or lacks, says that there is one."""
    described = any(not is_unknown(ask(name)) for name in _OF_A_RECOMMENDATION)
    return Truth.TRUE if described else Truth.UNKNOWN


def _follow_up_recommended(ask: Ask, as_of: date) -> FactValue:
    """Who says where a follow-up stands, booked or missed, says that there is one."""
    return Truth.UNKNOWN if is_unknown(ask("follow_up_status")) else Truth.TRUE


def _said_by_critical_finding(words: frozenset[str]) -> Derivation:
    """What the most serious finding says by its own name; another finding says nothing against it."""

    def derivation(ask: Ask, as_of: date) -> FactValue:
        return Truth.TRUE if ask("critical_finding") in words else Truth.UNKNOWN

    return derivation


def _any_of(ask: Ask, signs: tuple[str, ...]) -> Truth:
    values = [ask(sign) for sign in signs]
    return any_of(value if isinstance(value, Truth) else Truth.UNKNOWN for value in values)


def _emergency_sign(ask: Ask, as_of: date) -> FactValue:
    """Any sign of category 1; FALSE only where every one is denied.

    A new deficit is one in the spine, where it counts as a compressed cord until a vascular cause explains it.
    """
    conditions, vessels = ask("condition"), ask("cord_vessels_suspected")
    spine = isinstance(conditions, tuple) and bool(_SPINE & set(conditions)) and vessels is not Truth.TRUE
    return _any_of(ask, (*_WITHIN_MINUTES, "acute_deficit") if spine else _WITHIN_MINUTES)


def _urgent_sign(ask: Ask, as_of: date) -> FactValue:
    """Any sign of category 2 where none of category 1 speaks already."""
    return Truth.FALSE if ask("emergency_sign") is Truth.TRUE else _any_of(ask, _WITHIN_HOURS)


DERIVATIONS: Mapping[str, Derivation] = {
    "report_result": _report_result,
    "report_recommends": _report_recommends,
    "follow_up_recommended": _follow_up_recommended,
    "emergency_sign": _emergency_sign,
    "urgent_sign": _urgent_sign,
    **{fact: _said_by_critical_finding(words) for fact, words in _SAID_BY_CRITICAL_FINDING.items()},
}
