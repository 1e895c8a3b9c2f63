"""Facts about a pituitary lesion that follow from others."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from mriloop.model.fact import UNKNOWN, FactValue, Truth
from mriloop.stages.advise.derive.common import Ask, Derivation, named_by_condition


def _lesion_type(ask: Ask, as_of: date) -> FactValue:
    return "adenoma_presumed" if ask("functioning") is Truth.TRUE else UNKNOWN


def _functioning(ask: Ask, as_of: date) -> FactValue:
    """A prolactinoma, acromegaly or Cushing disease is named by its hormone."""
    conditions = ask("condition")
    named = isinstance(conditions, tuple) and "functioning_adenoma" in conditions
    return Truth.TRUE if named or ask("lesion_type") == "functioning_adenoma" else Truth.UNKNOWN


def _post_operative(ask: Ask, as_of: date) -> FactValue:
    """A day of operation says yes; an incidental lesion counts as not operated until an operation is stated."""
    if isinstance(ask("surgery_date"), date):
        return Truth.TRUE
    return Truth.FALSE if ask("discovered") == "incidental" else Truth.UNKNOWN


DERIVATIONS: Mapping[str, Derivation] = {
    "functioning": _functioning,
    "lesion_type": _lesion_type,
    "discovered": named_by_condition("pituitary_incidentaloma", "incidental"),
    "post_operative": _post_operative,
}
