"""Facts about a result that follow from others."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from mriloop.model.fact import UNKNOWN, FactValue, Truth
from mriloop.stages.advise.derive.common import Ask, Derivation, is_unknown


def _report_result(ask: Ask, as_of: date) -> FactValue:
    """A study that shows what was asked is abnormal; one that does not may still show something else."""
    return "abnormal" if ask("question_result") == "positive" else UNKNOWN


_OF_A_RECOMMENDATION = (
    "recommendation_lesion_named",
    "recommendation_modality_named",
    "recommendation_interval_named",
    "recommendation_conditional",
)


def _report_recommends(ask: Ask, as_of: date) -> FactValue:
    """Who says what a recommendation names, or lacks, says that there is one."""
    described = any(not is_unknown(ask(name)) for name in _OF_A_RECOMMENDATION)
    return Truth.TRUE if described else Truth.UNKNOWN


DERIVATIONS: Mapping[str, Derivation] = {
    "report_result": _report_result,
    "report_recommends": _report_recommends,
}
