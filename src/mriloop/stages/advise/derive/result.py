"""Facts about a result that follow from others."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from mriloop.model.fact import UNKNOWN, FactValue
from mriloop.stages.advise.derive.common import Ask, Derivation


def _report_result(ask: Ask, as_of: date) -> FactValue:
    """A study that shows what was asked is abnormal; one that does not may still show something else."""
    return "abnormal" if ask("question_result") == "positive" else UNKNOWN


DERIVATIONS: Mapping[str, Derivation] = {"report_result": _report_result}
