"""An order as a whole: as good as the worst answer of the order check, and never cleared while something is missing."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from mriloop.model.advice import Advice, Recommendation
from mriloop.model.guideline import Step


class OrderOutcome(StrEnum):
    """What may happen to an order, from worst to best. FHIR: GuidanceResponse; CDS Hooks: card indicator."""

    BLOCK = "block"
    HOLD = "hold"
    NEEDS_INFORMATION = "needs_information"
    ASK = "ask"
    ALLOW = "allow"
    NOT_CHECKED = "not_checked"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderDecision:
    """What may happen to an order, the answers that decide it, and the facts that are still asked for.

    A `block` and a `hold` can be overridden by a radiologist with a reason, which goes on record.
    """

    outcome: OrderOutcome
    reasons: tuple[Recommendation, ...]
    missing: tuple[str, ...]
    questions: tuple[str, ...]


_OUTCOMES = (
    (Step.BLOCK_ORDER, OrderOutcome.BLOCK),
    (Step.HOLD_ORDER, OrderOutcome.HOLD),
    (Step.ASK_BEFORE_ORDER, OrderOutcome.ASK),
    (Step.ALLOW_ORDER, OrderOutcome.ALLOW),
)


def decide_order(advice: Advice) -> OrderDecision:
    """Put the answers of the order check together.

    A block or a hold decides at once; what is missing comes before a question to ask, and that before allowing.
    NOT_CHECKED where the order check did not speak at all (no order, or not for an MRI).
    """
    checked = [each for each in advice.recommendations if each.guideline == "order_check"]
    waiting = [each for each in advice.undetermined if each.guideline == "order_check"]
    missing = tuple(name for each in waiting for name in each.missing)
    questions = tuple(text for each in waiting for text in each.questions)
    for step, outcome in _OUTCOMES:
        reasons = tuple(each for each in checked if each.step == step)
        if missing and outcome in (OrderOutcome.ASK, OrderOutcome.ALLOW):
            return OrderDecision(
                outcome=OrderOutcome.NEEDS_INFORMATION, reasons=reasons, missing=missing, questions=questions
            )
        if reasons:
            return OrderDecision(outcome=outcome, reasons=reasons, missing=missing, questions=questions)
    return OrderDecision(outcome=OrderOutcome.NOT_CHECKED, reasons=(), missing=missing, questions=questions)
