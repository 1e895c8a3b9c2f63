"""Facts about infection of bone and joint that follow from others."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from mriloop.model.fact import UNKNOWN, FactValue, Truth
from mriloop.model.quantity import Quantity
from mriloop.stages.advise.derive.common import Ask, Derivation, named_by_condition

_ADULT_YEARS = 18.0


def _necrotic_decubitus(ask: Ask, as_of: date) -> FactValue:
    """No ulcer at all, no necrotic pressure ulcer."""
    return Truth.FALSE if ask("ulcer_or_sinus") is Truth.FALSE else Truth.UNKNOWN


def _joint_category(ask: Ask, as_of: date) -> FactValue:
    """A hip before 18 years is a child's hip; of any other joint somebody has to say."""
    age = ask("age")
    child = isinstance(age, Quantity) and age.to("a").value < _ADULT_YEARS
    return "paediatric_hip" if child and ask("region") == "hip" else UNKNOWN


def _markers_raised(ask: Ask, as_of: date) -> FactValue:
    """Markers that rise are raised; falling ones may still be, so only the rise says anything."""
    return Truth.TRUE if ask("inflammatory_markers") == "rising" else Truth.UNKNOWN


DERIVATIONS: Mapping[str, Derivation] = {
    "necrotic_decubitus": _necrotic_decubitus,
    "joint_category": _joint_category,
    "markers_raised": _markers_raised,
    "septic_joint": named_by_condition("septic_joint", Truth.TRUE),
}
