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
_NEURAXIS = frozenset(("brain", "head_neck", "cervical_spine", "thoracic_spine", "lumbar_spine", "spine"))
_HEAD = frozenset(("brain", "head_neck", "pituitary"))
_LIVER = frozenset(("liver", "abdomen"))
# What an MRI is for, by condition and ordered region; `open` where the need of contrast hangs on more than the word.
_PURPOSES: Mapping[str, tuple[frozenset[str], str]] = {
    "multiple_sclerosis": (_NEURAXIS, "ms_monitoring"),
    "suspected_multiple_sclerosis": (_NEURAXIS, "ms_diagnosis"),
    "clinically_isolated_syndrome": (_NEURAXIS, "open"),
    "radiologically_isolated_syndrome": (_NEURAXIS, "open"),
    "vestibular_schwannoma": (_HEAD, "vestibular_schwannoma_follow_up"),
    "intracranial_aneurysm": (_HEAD, "aneurysm_follow_up"),
    "pituitary_lesion": (_HEAD, "pituitary_follow_up"),
    "pituitary_incidentaloma": (_HEAD, "pituitary_follow_up"),
    "meningioma": (_HEAD, "meningioma_follow_up"),
    "incidental_meningioma": (_HEAD, "meningioma_follow_up"),
    "lumbar_disc_herniation": (frozenset(("lumbar_spine", "spine")), "disc"),
    "cirrhosis": (_LIVER, "liver_observation"),
    "chronic_hepatitis_b": (_LIVER, "liver_observation"),
    "hepatocellular_carcinoma": (_LIVER, "liver_observation"),
    "liver_observation": (_LIVER, "liver_observation"),
    "renal_mass": (frozenset(("kidney", "abdomen")), "renal_cyst"),
    "adnexal_lesion": (frozenset(("pelvis", "uterus")), "adnexal_mass"),
}
# True of the untreated alone: an operation, radiation or a device in the vessel leaves the need of contrast open.
_TREATED: Mapping[str, tuple[str, ...]] = {
    "vestibular_schwannoma": ("surgery_date", "radiosurgery_date", "treatment_date", "lesion_treatment"),
    "intracranial_aneurysm": ("surgery_date", "treatment_date", "aneurysm_treatment"),
    "lumbar_disc_herniation": ("surgery_date", "treatment_date"),
}
_DEVICES = ("pacemaker", "aneurysm_clip", "implant_present")
_ORDER_WORDS = ("order_contrast", "order_region", "order_purpose", "order_laterality", "agent", "agent_group")


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
    """Only an add-on belongs to an earlier part of a session; of that one somebody has to say what it holds.

    Images of an earlier day are never of this session; those of today may be.
    """
    days = ask("days_since_precontrast")
    if isinstance(days, Quantity):
        return Truth.UNKNOWN if days.to("d").value < 1 else Truth.FALSE
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
    return truth(_fits(ordered, wanted) or ordered == "whole_body")


def _fits(ordered: str, wanted: str) -> bool:
    return ordered == wanted or (ordered.endswith("spine") and wanted == "spine")


def _order_modality(ask: Ask, as_of: date) -> FactValue:
    """An order checked here is an MRI unless it says otherwise; without any word of an order nothing is known."""
    return "MR" if any(not is_unknown(ask(name)) for name in _ORDER_WORDS) else UNKNOWN


def _agent_group(ask: Ask, as_of: date) -> FactValue:
    """The group of the agent that is named; without one, that of a site which gives one group only.

    An order with contrast that names no agent for kidneys at risk leaves the choice open: group II can be suggested.
    """
    if is_unknown(ask("agent")):
        if ask("site_only_group_ii") is Truth.TRUE:
            return "group_ii"
        with_contrast = ask("order_contrast") in ("with", "without_and_with")
        return "undecided" if with_contrast and ask("kidney_risk") is Truth.TRUE else UNKNOWN
    return _AGENT_GROUPS.get(str(ask("agent")), UNKNOWN)


def _egfr_age(ask: Ask, as_of: date) -> FactValue:
    """Days from the measurement to the day of the question: what an eGFR says fades."""
    return _days_since(ask("egfr_date"), as_of)


def _kidney_risk(ask: Ask, as_of: date) -> FactValue:
    """Kleene disjunction of eGFR below 30, acute kidney injury and dialysis; a sound eGFR alone excludes nothing.

    Chronic kidney disease of stage 4 or 5 is an eGFR below 30; end-stage disease is stage 5.

    A low eGFR counts however old it is. Whether a sound one still speaks for today is asked by `egfr_age`.
    """
    egfr = ask("egfr")
    low = truth(egfr.to("mL/min/{1.73_m2}").value < 30) if isinstance(egfr, Quantity) else Truth.UNKNOWN
    others = [value if isinstance(value, Truth) else Truth.UNKNOWN for value in (ask("aki"), ask("dialysis"))]
    if ask("ckd_stage") in ("4", "5") or ask("esrd") is Truth.TRUE:
        return Truth.TRUE
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


def _device_named(ask: Ask, as_of: date) -> FactValue:
    """Whether any device is stated by name; a device that is denied says nothing of the others."""
    return Truth.TRUE if any(ask(name) is Truth.TRUE for name in _DEVICES) else Truth.UNKNOWN


def _implant_status(ask: Ask, as_of: date) -> FactValue:
    """A device of which nobody knows more than its name has a status that is not known."""
    return "unknown" if ask("device_named") is Truth.TRUE else UNKNOWN


def _prior_gbca_reaction(ask: Ask, as_of: date) -> FactValue:
    """An allergy is an earlier reaction, of a severity that somebody has to state."""
    allergic = ask("gadolinium_allergy")
    if is_unknown(allergic):
        return UNKNOWN
    return "severity_not_stated" if allergic is Truth.TRUE else "none"


def _order_laterality_matches(ask: Ask, as_of: date) -> FactValue:
    """The ordered side against the side of the question; both sides hold either."""
    ordered, wanted = ask("order_laterality"), ask("question_laterality")
    if not isinstance(ordered, str) or not isinstance(wanted, str):
        return Truth.UNKNOWN
    return truth(ordered in (wanted, "both"))


def _purposes(ask: Ask) -> set[str]:
    """What the stated conditions can mean for the ordered region; `open` where the word alone does not decide."""
    conditions, ordered = ask("condition"), ask("order_region")
    if not isinstance(conditions, tuple):
        return set()
    found = set()
    for name in conditions:
        regions, purpose = _PURPOSES.get(name, (frozenset(), ""))
        if purpose and (is_unknown(ordered) or ordered in regions):
            treated = any(not is_unknown(ask(fact)) for fact in _TREATED.get(name, ()))
            found.add("open" if treated else purpose)
    return found


def _order_purpose(ask: Ask, as_of: date) -> FactValue:
    """The purpose that the condition names, where it is one and the ordered region goes with it."""
    if is_unknown(ask("order_contrast")):
        return UNKNOWN
    found = _purposes(ask)
    return found.pop() if len(found) == 1 and "open" not in found else UNKNOWN


def _order_purpose_open(ask: Ask, as_of: date) -> FactValue:
    """Whether an order with contrast may have several purposes, or one that hangs on more than the condition's word."""
    planned = ask("contrast_planned")
    if planned is not Truth.TRUE:
        return planned
    return truth(is_unknown(ask("order_purpose")) and bool(_purposes(ask)))


def _recent_same_exam_days(ask: Ask, as_of: date) -> FactValue:
    """Days since the same examination was made last.

    Where nobody states that day, the examination of the case counts, if it is of the ordered region and could be read:
    one that is repeated for its quality is no duplicate, and the ordered examination is none of itself.
    """
    stated, made = ask("recent_same_exam_date"), ask("exam_date")
    if not is_unknown(stated):
        return _days_since(stated, as_of)
    imaged, ordered = ask("region"), ask("order_region")
    if ask("order_fulfilled") is Truth.TRUE or not isinstance(imaged, str) or not isinstance(ordered, str):
        return UNKNOWN
    if not _fits(ordered, imaged):
        return UNKNOWN
    repeated = ask("repeat_needed") is Truth.TRUE or ask("study_quality") == "not_diagnostic"
    return UNKNOWN if repeated else _days_since(made, as_of)


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
    "device_named": _device_named,
    "implant_status": _implant_status,
    "prior_gbca_reaction": _prior_gbca_reaction,
    "implant_conditions_met": _implant_conditions_met,
    "order_laterality_matches": _order_laterality_matches,
    "order_purpose": _order_purpose,
    "order_purpose_open": _order_purpose_open,
    "recent_same_exam_days": _recent_same_exam_days,
}
