"""Derived facts: what can be computed from what somebody stated, each a small named function with its own tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

from dateutil.relativedelta import relativedelta

from mriloop.model.fact import UNKNOWN, FactValue, Truth, Unknown, any_of, truth
from mriloop.model.finding import Fact, Source
from mriloop.model.guideline import FactSpec
from mriloop.model.quantity import Quantity

Ask = Callable[[str], FactValue]
Derivation = Callable[[Ask, date], FactValue]

_AGENT_GROUPS = {
    "gadodiamide": "group_i",
    "gadopentetate": "group_i",
    "gadoversetamide": "group_i",
    "gadobenate": "group_ii",
    "gadobutrol": "group_ii",
    "gadoterate": "group_ii",
    "gadoteridol": "group_ii",
    "gadopiclenol": "group_ii",
    "gadoxetate": "group_ii",
}
_ORDER_WORDS = ("order_contrast", "order_region", "agent", "agent_group", "dialysis", "egfr", "implant_status")
_FERTILE_YEARS = (10.0, 56.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """All facts of a case, derived ones included, and the contradictions met on the way.

    `facts` maps names of the vocabulary to facts. `contradictions` names the facts that were stated one way and follow
    another way from other facts: the stated word stands, and a person is told.
    """

    facts: Mapping[str, Fact]
    contradictions: tuple[str, ...]


def complete(stated: Mapping[str, Fact], vocabulary: Mapping[str, FactSpec], as_of: date) -> Stated:
    """Add every derived fact that the stated ones determine.

    A stated fact always stands; where it contradicts what follows from others its name is listed. A fact whose inputs
    are unknown stays unknown. Raises KeyError for a vocabulary that names a derivation which does not exist.
    """
    computed: dict[str, FactValue] = {}

    def ask(name: str) -> FactValue:
        fact = stated.get(name)
        if fact is not None and not is_unknown(fact.value):
            return fact.value
        return derive(name)

    def derive(name: str) -> FactValue:
        if name not in computed:
            computed[name] = UNKNOWN
            function = vocabulary[name].derived if name in vocabulary else ""
            if function:
                computed[name] = DERIVATIONS[function](ask, as_of)
        return computed[name]

    facts = dict(stated)
    contradictions = []
    for name, spec in vocabulary.items():
        if not spec.derived:
            continue
        value = derive(name)
        if is_unknown(value):
            continue
        fact = stated.get(name)
        if fact is None or is_unknown(fact.value):
            facts[name] = Fact(name=name, value=value, source=Source.DERIVED)
        elif _differ(fact.value, value):
            contradictions.append(name)
    return Stated(facts=facts, contradictions=tuple(contradictions))


def is_unknown(value: FactValue) -> bool:
    """Tell whether nobody knows this value."""
    return isinstance(value, Unknown) or value is Truth.UNKNOWN


def months_between(start: date, end: date) -> float:
    """Return the calendar months from `start` to `end`: whole months, and days as a share below one.

    10 January to 10 July is exactly 6, to 9 July is below 6. Negative when `end` is earlier.
    """
    if end < start:
        return -months_between(end, start)
    apart = relativedelta(end, start)
    return apart.years * 12 + apart.months + apart.days / 32


def _months(start_fact: str, end_fact: str = "") -> Derivation:
    def derivation(ask: Ask, as_of: date) -> FactValue:
        start, end = ask(start_fact), ask(end_fact) if end_fact else as_of
        if isinstance(start, date) and isinstance(end, date) and start <= end:
            return Quantity(value=months_between(start, end), unit="mo")
        return UNKNOWN

    return derivation


def _age(ask: Ask, as_of: date) -> FactValue:
    born = ask("birth_date")
    if not isinstance(born, date) or born > as_of:
        return UNKNOWN
    return Quantity(value=float(relativedelta(as_of, born).years), unit="a")


def _days_since_exam(ask: Ask, as_of: date) -> FactValue:
    made = ask("exam_date")
    return Quantity(value=float((as_of - made).days), unit="d") if isinstance(made, date) and made <= as_of else UNKNOWN


def _pregnant(ask: Ask, as_of: date) -> FactValue:
    """Return FALSE for men and outside the fertile years; otherwise somebody has to say."""
    if ask("sex") == "male":
        return Truth.FALSE
    age = ask("age")
    if isinstance(age, Quantity) and not _FERTILE_YEARS[0] <= age.to("a").value < _FERTILE_YEARS[1]:
        return Truth.FALSE
    return Truth.UNKNOWN


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
    named = {"spine_infection": "spine", "diabetic_foot": "foot", "pituitary_lesion": "pituitary"}
    regions = {named[each] for each in conditions if each in named}
    return regions.pop() if len(regions) == 1 else UNKNOWN


def _necrotic_decubitus(ask: Ask, as_of: date) -> FactValue:
    """No ulcer at all, no necrotic pressure ulcer."""
    return Truth.FALSE if ask("ulcer_or_sinus") is Truth.FALSE else Truth.UNKNOWN


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


def _lesion_type(ask: Ask, as_of: date) -> FactValue:
    return "adenoma_presumed" if ask("functioning") is Truth.TRUE else UNKNOWN


def _post_operative(ask: Ask, as_of: date) -> FactValue:
    """A day of operation says yes; an incidental lesion counts as not operated until an operation is stated."""
    if isinstance(ask("surgery_date"), date):
        return Truth.TRUE
    return Truth.FALSE if ask("discovered") == "incidental" else Truth.UNKNOWN


def _ms_activity(ask: Ask, as_of: date) -> FactValue:
    """Any new, enlarging or enhancing lesion, or a relapse; FALSE needs a comparison that says so, not silence.

    A comparison without new and enlarging lesions, or the word `stable`, is enough where no relapse is stated.
    """
    counts = [ask(f"{kind}_lesion_count") for kind in ("new", "enlarging", "enhancing")]
    change, relapse = ask("change_vs_prior"), ask("relapse")
    seen = [truth(count.value > 0) for count in counts if isinstance(count, Quantity)]
    active = any_of([*seen, truth(change == "growth"), truth(relapse is Truth.TRUE)])
    if active is Truth.TRUE:
        return Truth.TRUE
    compared = isinstance(counts[0], Quantity) or change in ("stable", "shrinkage")
    return Truth.FALSE if compared else Truth.UNKNOWN


def _switched(ask: Ask, as_of: date) -> FactValue:
    drug, ago = ask("ms_drug"), ask("months_since_natalizumab")
    if drug == "natalizumab":
        return Truth.FALSE
    return Truth.TRUE if isinstance(ago, Quantity) and ago.value >= 0 else Truth.UNKNOWN


def _lymphocytes(ask: Ask, as_of: date) -> FactValue:
    """Below 0.8 ·10⁹/L is low, from 1.0 normal; between them the laboratory's own limit decides, so a person does."""
    count = ask("lymphocyte_count")
    if not isinstance(count, Quantity):
        return UNKNOWN
    value = count.to("10*9/L").value
    return "low" if value < 0.8 else "normal" if value >= 1.0 else UNKNOWN


def _contrast_planned(ask: Ask, as_of: date) -> FactValue:
    """The order's own word; without one, an agent that is named means that it will be given."""
    ordered = ask("order_contrast")
    if not is_unknown(ordered):
        return truth(ordered != "without")
    return Truth.UNKNOWN if is_unknown(ask("agent_group")) else Truth.TRUE


def _not_on_record(ask: Ask, as_of: date) -> FactValue:
    """An override is an entry on the order: an order without one has none."""
    return Truth.UNKNOWN if is_unknown(ask("order_contrast")) else Truth.FALSE


def _precontrast_same_session(ask: Ask, as_of: date) -> FactValue:
    """Only an add-on belongs to an earlier part of a session; of that one somebody has to say what it holds."""
    if is_unknown(ask("order_contrast")) or ask("order_exam_kind") == "add_on":
        return Truth.UNKNOWN
    return Truth.FALSE


def _exam_kind(ask: Ask, as_of: date) -> FactValue:
    """A contrast agent in the joint makes an arthrogram; a plain MR order is an MRI of an organ."""
    if ask("order_route") == "intra_articular":
        return "arthrogram"
    return "mri" if not is_unknown(ask("order_contrast")) else UNKNOWN


def _route(ask: Ask, as_of: date) -> FactValue:
    """An arthrogram's agent goes into the joint; any other order with a contrast agent means a vein unless stated."""
    kind = ask("order_exam_kind")
    if kind == "arthrogram":
        return "intra_articular"
    return "iv" if not is_unknown(ask("order_contrast")) else UNKNOWN


def _order_region_matches(ask: Ask, as_of: date) -> FactValue:
    """The ordered region against the region of the question; a part of the spine fits the spine."""
    ordered, wanted = ask("order_region"), ask("question_region")
    if not isinstance(ordered, str) or not isinstance(wanted, str):
        return Truth.UNKNOWN
    return truth(ordered == wanted or (ordered.endswith("spine") and wanted == "spine") or ordered == "whole_body")


def _order_modality(ask: Ask, as_of: date) -> FactValue:
    """An order checked here is an MRI unless it says otherwise; without any word of an order nothing is known."""
    return "MR" if any(not is_unknown(ask(name)) for name in _ORDER_WORDS) else UNKNOWN


def _agent_group(ask: Ask, as_of: date) -> FactValue:
    return _AGENT_GROUPS.get(str(ask("agent")), UNKNOWN)


def _kidney_risk(ask: Ask, as_of: date) -> FactValue:
    """Kleene disjunction of eGFR below 30, acute kidney injury and dialysis; a sound eGFR alone excludes nothing."""
    egfr = ask("egfr")
    low = truth(egfr.to("mL/min/{1.73_m2}").value < 30) if isinstance(egfr, Quantity) else Truth.UNKNOWN
    others = [value if isinstance(value, Truth) else Truth.UNKNOWN for value in (ask("aki"), ask("dialysis"))]
    return any_of([low, *others])


DERIVATIONS: Mapping[str, Derivation] = {
    "age": _age,
    "months_since_first_mri": _months("first_mri_date", "exam_date"),
    "days_since_exam": _days_since_exam,
    "pregnant": _pregnant,
    "t1_readable": _readable("t1"),
    "fluid_sensitive_readable": _readable("fluid_sensitive"),
    "region": _region,
    "necrotic_decubitus": _necrotic_decubitus,
    "repeat_causes": _repeat_causes,
    "repeat_needed": _repeat_needed,
    "prior_available": _prior_available,
    "lesion_type": _lesion_type,
    "post_operative": _post_operative,
    "ms_activity": _ms_activity,
    "months_on_drug": _months("drug_start_date"),
    "months_since_natalizumab": _months("natalizumab_stop_date"),
    "switched_from_natalizumab": _switched,
    "lymphocytes": _lymphocytes,
    "order_route": _route,
    "order_exam_kind": _exam_kind,
    "contrast_planned": _contrast_planned,
    "radiologist_override": _not_on_record,
    "precontrast_same_session": _precontrast_same_session,
    "order_region_matches": _order_region_matches,
    "order_modality": _order_modality,
    "agent_group": _agent_group,
    "kidney_risk": _kidney_risk,
}


def _differ(stated: FactValue, derived: FactValue) -> bool:
    if isinstance(stated, Quantity) and isinstance(derived, Quantity):
        return abs(stated.to(derived.unit).value - derived.value) >= 1.0
    # A word may be more exact than what follows from others (lumbar spine against spine): only numbers contradict.
    return False
