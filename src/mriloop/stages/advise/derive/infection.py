"""Facts about infection of bone and joint that follow from others."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from mriloop.model.fact import UNKNOWN, FactValue, Truth
from mriloop.model.quantity import Quantity
from mriloop.stages.advise.derive.common import Ask, Derivation

_ADULT_YEARS = 18.0
_SEPTIC_JOINTS = frozenset({"septic_joint", "prosthetic_joint_infection"})
# mm/h from which an ESR speaks for osteomyelitis of a foot; IWGDF, from memory.
_HIGH_ESR = 70.0


def _necrotic_decubitus(ask: Ask, as_of: date) -> FactValue:
    """No ulcer at all, no necrotic pressure ulcer."""
    return Truth.FALSE if ask("ulcer_or_sinus") is Truth.FALSE else Truth.UNKNOWN


def _joint_category(ask: Ask, as_of: date) -> FactValue:
    """A prosthesis is named by its condition, a hip before 18 years is a child's; else somebody has to say."""
    conditions = ask("condition")
    if isinstance(conditions, tuple) and "prosthetic_joint_infection" in conditions:
        return "prosthetic"
    age = ask("age")
    child = isinstance(age, Quantity) and age.to("a").value < _ADULT_YEARS
    return "paediatric_hip" if child and ask("region") == "hip" else UNKNOWN


def _markers_raised(ask: Ask, as_of: date) -> FactValue:
    """Markers that rise are raised, and so is a very high ESR; falling or lower ones may be, so a person has to say."""
    esr = ask("esr")
    high = isinstance(esr, Quantity) and esr.to("mm/h").value >= _HIGH_ESR
    return Truth.TRUE if high or ask("inflammatory_markers") == "rising" else Truth.UNKNOWN


def _septic_joint(ask: Ask, as_of: date) -> FactValue:
    """A condition names it, and so does a critical finding."""
    conditions = ask("condition")
    named = isinstance(conditions, tuple) and bool(_SEPTIC_JOINTS & set(conditions))
    return Truth.TRUE if named or ask("critical_finding") == "septic_arthritis" else Truth.UNKNOWN


DERIVATIONS: Mapping[str, Derivation] = {
    "necrotic_decubitus": _necrotic_decubitus,
    "joint_category": _joint_category,
    "markers_raised": _markers_raised,
    "septic_joint": _septic_joint,
}
