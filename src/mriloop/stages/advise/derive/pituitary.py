"""Facts about a pituitary lesion that follow from others."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from mriloop.model.fact import UNKNOWN, FactValue, Truth, truth
from mriloop.stages.advise.derive.common import Ask, Derivation

_ADENOMA = frozenset({"pituitary_adenoma_presumed", "incidental_pituitary_adenoma"})
_INCIDENTAL = frozenset({"pituitary_incidentaloma", "incidental_pituitary_adenoma"})


def _named(ask: Ask) -> frozenset[str]:
    conditions = ask("condition")
    return frozenset(conditions) if isinstance(conditions, tuple) else frozenset()


def _lesion_type(ask: Ask, as_of: date) -> FactValue:
    """A microadenoma or a Rathke cyst is named by its kind, and what makes hormones is an adenoma."""
    if ask("functioning") is Truth.TRUE or _named(ask) & _ADENOMA:
        return "adenoma_presumed"
    return "cystic" if "pituitary_cystic_lesion" in _named(ask) else UNKNOWN


def _discovered(ask: Ask, as_of: date) -> FactValue:
    return "incidental" if _named(ask) & _INCIDENTAL else UNKNOWN


def _functioning(ask: Ask, as_of: date) -> FactValue:
    """A prolactinoma, acromegaly or Cushing disease is named by its hormone."""
    conditions = ask("condition")
    named = isinstance(conditions, tuple) and "functioning_adenoma" in conditions
    return Truth.TRUE if named or ask("lesion_type") == "functioning_adenoma" else Truth.UNKNOWN


def _post_operative(ask: Ask, as_of: date) -> FactValue:
    """A past day of operation says yes, one ahead no; an incidental lesion counts as not operated until then."""
    operated = ask("surgery_date")
    if isinstance(operated, date):
        return truth(operated <= as_of)
    return Truth.FALSE if ask("discovered") == "incidental" else Truth.UNKNOWN


DERIVATIONS: Mapping[str, Derivation] = {
    "functioning": _functioning,
    "lesion_type": _lesion_type,
    "discovered": _discovered,
    "post_operative": _post_operative,
}
