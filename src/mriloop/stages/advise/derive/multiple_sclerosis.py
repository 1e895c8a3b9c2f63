"""Facts about multiple sclerosis and its drugs that follow from others."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from mriloop.model.fact import UNKNOWN, FactValue, Truth, any_of, truth
from mriloop.model.quantity import Quantity
from mriloop.stages.advise.derive.common import Ask, Derivation, is_unknown, months_between, months_since

_CARRY_OVER_MONTHS = 12.0
# After this an undated earlier MRI may well have been the new baseline; ours.
_POST_PARTUM_MONTHS = 6.0
_ISOLATED = frozenset({"clinically_isolated_syndrome", "radiologically_isolated_syndrome"})


def _jcv_status(ask: Ask, as_of: date) -> FactValue:
    """The assay's own limits: an index above 0.4 is positive, below 0.2 negative, between them it is tested again."""
    index = ask("jcv_index")
    if not isinstance(index, Quantity):
        return UNKNOWN
    return "positive" if index.value > 0.4 else "negative" if index.value < 0.2 else UNKNOWN


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


def _carry_over(ask: Ask, as_of: date) -> FactValue:
    """The year after natalizumab, in which what it did may still show."""
    switched, ago = ask("switched_from_natalizumab"), ask("months_since_natalizumab")
    if switched is Truth.FALSE:
        return Truth.FALSE
    return truth(ago.to("mo").value <= _CARRY_OVER_MONTHS) if isinstance(ago, Quantity) else Truth.UNKNOWN


def _untreated_isolated_syndrome(ask: Ask, as_of: date) -> FactValue:
    """CIS and RIS count as untreated until a drug is stated."""
    conditions, drug = ask("condition"), ask("ms_drug")
    if not is_unknown(drug) and drug != "none":
        return Truth.FALSE
    return truth(bool(_ISOLATED & set(conditions))) if isinstance(conditions, tuple) else Truth.UNKNOWN


def _post_partum(ask: Ask, as_of: date) -> FactValue:
    """A delivery after the last MRI; where no MRI is dated, one within the last half year."""
    born, made = ask("delivery_date"), ask("exam_date")
    if not isinstance(born, date) or born > as_of:
        return Truth.UNKNOWN
    if isinstance(made, date):
        return truth(born > made)
    recent = months_between(born, as_of) <= _POST_PARTUM_MONTHS
    return Truth.TRUE if recent else Truth.UNKNOWN


def _lymphocytes(ask: Ask, as_of: date) -> FactValue:
    """Below 0.8 ·10⁹/L is low, from 1.0 normal; between them the laboratory's own limit decides, so a person does."""
    count = ask("lymphocyte_count")
    if not isinstance(count, Quantity):
        return UNKNOWN
    value = count.to("10*9/L").value
    return "low" if value < 0.8 else "normal" if value >= 1.0 else UNKNOWN


DERIVATIONS: Mapping[str, Derivation] = {
    "jcv_status": _jcv_status,
    "ms_activity": _ms_activity,
    "months_on_drug": months_since("drug_start_date"),
    "months_since_natalizumab": months_since("natalizumab_stop_date"),
    "switched_from_natalizumab": _switched,
    "natalizumab_carry_over": _carry_over,
    "untreated_isolated_syndrome": _untreated_isolated_syndrome,
    "post_partum": _post_partum,
    "lymphocytes": _lymphocytes,
}
