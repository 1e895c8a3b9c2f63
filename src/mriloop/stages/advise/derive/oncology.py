"""Facts about tumour response that follow from others: times, sums against baseline and nadir."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from mriloop.model.fact import UNKNOWN, FactValue, truth
from mriloop.model.quantity import Quantity
from mriloop.stages.advise.derive.common import Ask, Derivation, is_unknown, months_since, number_in

# Responses that a second visit must bear out: criteria → categories. Others stand as soon as they are seen.
_NEEDS_SECOND: Mapping[str, tuple[str, ...]] = {
    "rano_2010": ("CR", "PR"),
    "rano_2_0": ("CR", "PR", "MR"),
    "rano_2_0_volume": ("CR", "PR", "MR"),
    "rano_bm": ("CR", "PR"),
    "irano": ("CR", "PR"),
}


def _response_standing(ask: Ask, as_of: date) -> FactValue:
    """Stable disease stands by itself; a response or a progression where its criteria never ask for a second visit.

    By RANO and iRANO both wait (`pending`): for a second visit that bears a response out, and, of a progression, for
    the table to ask when radiotherapy or immunotherapy was. RECIST asks for one only where the protocol does, and then
    `pending` is stated.
    """
    category, criteria = ask("response_category"), ask("response_criteria")
    if category in ("SD", "non_CR_non_PD", "non_PD", "NE"):
        return "final"
    if is_unknown(category) or not isinstance(criteria, str):
        return UNKNOWN
    if category == "PD":
        return "pending" if criteria in _NEEDS_SECOND and criteria != "rano_bm" else "final"
    return "pending" if category in _NEEDS_SECOND.get(criteria, ()) else "final"


def _protocol_date_on_record(ask: Ask, as_of: date) -> FactValue:
    """Whether anybody stated the protocol's day. The one derived fact about the record itself, so never unknown."""
    return truth(not is_unknown(ask("protocol_next_date")))


def _share(part: float, whole: float | None) -> FactValue:
    return UNKNOWN if not whole else Quantity(value=100 * part / whole, unit="%")


def _drop_from_baseline(ask: Ask, as_of: date) -> FactValue:
    """How far the sum lies below the baseline, per cent of it; negative above it."""
    now, baseline = number_in(ask("target_sum"), "mm"), number_in(ask("target_sum_baseline"), "mm")
    return UNKNOWN if now is None or baseline is None else _share(baseline - now, baseline)


def _rise_from_nadir(ask: Ask, as_of: date) -> FactValue:
    """How far the sum lies above its smallest value so far, per cent of that; negative for a new nadir."""
    now, nadir = number_in(ask("target_sum"), "mm"), number_in(ask("target_sum_nadir"), "mm")
    return UNKNOWN if now is None or nadir is None else _share(now - nadir, nadir)


def _rise_from_nadir_mm(ask: Ask, as_of: date) -> FactValue:
    now, nadir = number_in(ask("target_sum"), "mm"), number_in(ask("target_sum_nadir"), "mm")
    return UNKNOWN if now is None or nadir is None else Quantity(value=now - nadir, unit="mm")


def _new_lesion(ask: Ask, as_of: date) -> FactValue:
    """A stated number of new lesions says whether there is one."""
    count = number_in(ask("new_lesion_count"), "{count}")
    return UNKNOWN if count is None else "yes" if count >= 1 else "no"


DERIVATIONS: Mapping[str, Derivation] = {
    "new_lesion": _new_lesion,
    "months_on_immunotherapy": months_since("immunotherapy_start_date", "exam_date"),
    "response_standing": _response_standing,
    "protocol_date_on_record": _protocol_date_on_record,
    "sum_drop_from_baseline": _drop_from_baseline,
    "sum_rise_from_nadir": _rise_from_nadir,
    "sum_rise_from_nadir_mm": _rise_from_nadir_mm,
}
