"""Facts about the patient that follow from others: age, pregnancy."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from dateutil.relativedelta import relativedelta

from mriloop.model.fact import UNKNOWN, FactValue, Truth
from mriloop.model.quantity import Quantity
from mriloop.stages.advise.derive.common import Ask, Derivation

_FERTILE_YEARS = (10.0, 56.0)


def _age(ask: Ask, as_of: date) -> FactValue:
    born = ask("birth_date")
    if not isinstance(born, date) or born > as_of:
        return UNKNOWN
    return Quantity(value=float(relativedelta(as_of, born).years), unit="a")


def _pregnant(ask: Ask, as_of: date) -> FactValue:
    """Return TRUE for a stated week of pregnancy, FALSE for men and outside the fertile years; else unknown."""
    if isinstance(ask("pregnancy_weeks"), Quantity):
        return Truth.TRUE
    if ask("sex") == "male":
        return Truth.FALSE
    age = ask("age")
    if isinstance(age, Quantity) and not _FERTILE_YEARS[0] <= age.to("a").value < _FERTILE_YEARS[1]:
        return Truth.FALSE
    return Truth.UNKNOWN


DERIVATIONS: Mapping[str, Derivation] = {
    "age": _age,
    "pregnant": _pregnant,
}
