"""Facts about infection of bone and joint that follow from others."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from mriloop.model.fact import FactValue, Truth
from mriloop.stages.advise.derive.common import Ask, Derivation, named_by_condition


def _necrotic_decubitus(ask: Ask, as_of: date) -> FactValue:
    """No ulcer at all, no necrotic pressure ulcer."""
    return Truth.FALSE if ask("ulcer_or_sinus") is Truth.FALSE else Truth.UNKNOWN


DERIVATIONS: Mapping[str, Derivation] = {
    "necrotic_decubitus": _necrotic_decubitus,
    "septic_joint": named_by_condition("septic_joint", Truth.TRUE),
}
