"""Facts about the examination that follow from others: which series are readable, what is repeated, when it was."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from mriloop.model.fact import UNKNOWN, FactValue, Truth, truth
from mriloop.model.quantity import Quantity
from mriloop.stages.advise.derive.common import Ask, Derivation, is_unknown, months_since


def _days_since_exam(ask: Ask, as_of: date) -> FactValue:
    made = ask("exam_date")
    return Quantity(value=float((as_of - made).days), unit="d") if isinstance(made, date) and made <= as_of else UNKNOWN


def _readable(kind: str) -> Derivation:
    """Whether a kind of series is there and of diagnostic quality, from its own verdict or from the study's.

    A study that is `diagnostic` vouches for every series the question needs, unless one is said to be absent. A
    `limited` series counts once a person says that it answers the question. A study that is not diagnostic vouches for
    nothing and blames nothing: the series' own verdict decides.
    """

    def derivation(ask: Ask, as_of: date) -> FactValue:
        if ask(f"{kind}_present") is Truth.FALSE:
            return Truth.FALSE
        quality = ask(f"{kind}_quality")
        if is_unknown(quality):
            quality = ask("study_quality")
            if quality == "not_diagnostic":
                return Truth.UNKNOWN
        if quality == "limited":
            answers = ask("limited_study_answers")
            return answers if isinstance(answers, Truth) else Truth.UNKNOWN
        return Truth.UNKNOWN if is_unknown(quality) else truth(quality == "diagnostic")

    return derivation


def _region(ask: Ask, as_of: date) -> FactValue:
    """The region that a condition itself names: a diabetic foot is a foot, a spine infection lies in the spine."""
    conditions = ask("condition")
    if not isinstance(conditions, tuple):
        return UNKNOWN
    named = {
        "spine_infection": "spine",
        "diabetic_foot": "foot",
        "pituitary_lesion": "pituitary",
        "pituitary_incidentaloma": "pituitary",
        "pituitary_adenoma_presumed": "pituitary",
        "incidental_pituitary_adenoma": "pituitary",
        "pituitary_cystic_lesion": "pituitary",
        "prostate_cancer_suspected": "prostate",
        "prostate_active_surveillance": "prostate",
        "liver_observation": "liver",
        "hepatocellular_carcinoma": "liver",
        "pancreatic_cyst": "pancreas",
        "renal_mass": "kidney",
    }
    regions = {named[each] for each in conditions if each in named}
    return regions.pop() if len(regions) == 1 else UNKNOWN


def _repeat_causes(ask: Ask, as_of: date) -> FactValue:
    """An examination that was stopped has its cause."""
    stopped = ask("termination")
    return ("stopped",) if isinstance(stopped, str) and stopped != "none" else UNKNOWN


def _repeat_needed(ask: Ask, as_of: date) -> FactValue:
    causes, stopped = ask("repeat_causes"), ask("termination")
    if (isinstance(causes, tuple) and causes) or (isinstance(stopped, str) and stopped != "none"):
        return Truth.TRUE
    return {"not_diagnostic": Truth.TRUE, "diagnostic": Truth.FALSE}.get(str(ask("study_quality")), Truth.UNKNOWN)


def _prior_available(ask: Ask, as_of: date) -> FactValue:
    change = ask("change_vs_prior")
    return Truth.UNKNOWN if is_unknown(change) else truth(change != "no_prior")


DERIVATIONS: Mapping[str, Derivation] = {
    "months_since_first_mri": months_since("first_mri_date", "exam_date"),
    "days_since_exam": _days_since_exam,
    "t1_readable": _readable("t1"),
    "fluid_sensitive_readable": _readable("fluid_sensitive"),
    "region": _region,
    "repeat_causes": _repeat_causes,
    "repeat_needed": _repeat_needed,
    "prior_available": _prior_available,
}
