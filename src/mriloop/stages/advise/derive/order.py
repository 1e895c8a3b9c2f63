"""Facts about an order that follow from others: its kind, route, side, the agent, the kidneys, the device."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from mriloop.model.fact import UNKNOWN, FactValue, Truth, any_of, truth
from mriloop.model.quantity import Quantity
from mriloop.stages.advise.derive.common import Ask, Derivation, is_unknown

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

# What the labelling of an MR Conditional device may limit (ASTM F2503): each must be confirmed.
_CONDITIONS = frozenset(
    (
        "field_strength",
        "spatial_gradient",
        "sar",
        "transmit_coil",
        "landmark",
        "waiting_time",
        "device_mode",
        "monitoring",
    )
)
_ORDER_WORDS = ("order_contrast", "order_region", "agent", "agent_group", "dialysis", "egfr", "implant_status")


def _contrast_planned(ask: Ask, as_of: date) -> FactValue:
    """The order's own word; without one, an agent that is named means that it will be given."""
    ordered = ask("order_contrast")
    if not is_unknown(ordered):
        return truth(ordered != "without")
    return Truth.UNKNOWN if is_unknown(ask("agent_group")) else Truth.TRUE


def _not_on_record(ask: Ask, as_of: date) -> FactValue:
    """An override, and an emergency, are entries on the order: an order without one has none."""
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
    """The group of the agent that is named; without one, that of a site which gives one group only."""
    if ask("site_only_group_ii") is Truth.TRUE and is_unknown(ask("agent")):
        return "group_ii"
    return _AGENT_GROUPS.get(str(ask("agent")), UNKNOWN)


def _egfr_age(ask: Ask, as_of: date) -> FactValue:
    """Days from the measurement to the day of the question: what an eGFR says fades."""
    return _days_since(ask("egfr_date"), as_of)


def _kidney_risk(ask: Ask, as_of: date) -> FactValue:
    """Kleene disjunction of eGFR below 30, acute kidney injury and dialysis; a sound eGFR alone excludes nothing.

    A low eGFR counts however old it is. Whether a sound one still speaks for today is asked by `egfr_age`.
    """
    egfr = ask("egfr")
    low = truth(egfr.to("mL/min/{1.73_m2}").value < 30) if isinstance(egfr, Quantity) else Truth.UNKNOWN
    others = [value if isinstance(value, Truth) else Truth.UNKNOWN for value in (ask("aki"), ask("dialysis"))]
    return any_of([low, *others])


def _reaction_same_agent(ask: Ask, as_of: date) -> FactValue:
    """The ordered agent against the agent of the earlier reaction; `other` may be any and is compared with nothing."""
    ordered, reacted = ask("agent"), ask("reaction_agent")
    if is_unknown(ordered) or is_unknown(reacted) or "other" in (ordered, reacted):
        return Truth.UNKNOWN
    return truth(ordered == reacted)


def _implant_conditions_met(ask: Ask, as_of: date) -> FactValue:
    """Every condition confirmed; a list that lacks one says no, and no list says nothing."""
    confirmed = ask("implant_conditions_confirmed")
    return truth(set(confirmed) >= _CONDITIONS) if isinstance(confirmed, tuple) else Truth.UNKNOWN


def _order_laterality_matches(ask: Ask, as_of: date) -> FactValue:
    """The ordered side against the side of the question; both sides hold either."""
    ordered, wanted = ask("order_laterality"), ask("question_laterality")
    if not isinstance(ordered, str) or not isinstance(wanted, str):
        return Truth.UNKNOWN
    return truth(ordered in (wanted, "both"))


def _recent_same_exam_days(ask: Ask, as_of: date) -> FactValue:
    """Days since the same examination was made last."""
    return _days_since(ask("recent_same_exam_date"), as_of)


def _days_since(day: FactValue, as_of: date) -> FactValue:
    if not isinstance(day, date) or day > as_of:
        return UNKNOWN
    return Quantity(value=float((as_of - day).days), unit="d")


DERIVATIONS: Mapping[str, Derivation] = {
    "order_route": _route,
    "order_exam_kind": _exam_kind,
    "contrast_planned": _contrast_planned,
    "radiologist_override": _not_on_record,
    "precontrast_same_session": _precontrast_same_session,
    "order_region_matches": _order_region_matches,
    "order_modality": _order_modality,
    "agent_group": _agent_group,
    "order_emergency": _not_on_record,
    "egfr_age": _egfr_age,
    "kidney_risk": _kidney_risk,
    "reaction_same_agent": _reaction_same_agent,
    "implant_conditions_met": _implant_conditions_met,
    "order_laterality_matches": _order_laterality_matches,
    "recent_same_exam_days": _recent_same_exam_days,
}
