"""The document mriloop/order/1."""

from __future__ import annotations

from collections.abc import Mapping

from mriloop.edges.publish.documents.advice import advice_document
from mriloop.edges.publish.documents.plain import Document
from mriloop.model.advice import Advice, Recommendation
from mriloop.model.order import OrderDecision, OrderOverride


def order_document(
    decision: OrderDecision, advice: Advice, told: Mapping[str, Mapping[str, str]] | None = None
) -> Document:
    """Return what `mriloop order-check --json` prints; `told` is what patients are told, as for advice."""
    return {
        "schema": "mriloop/order/1",
        "outcome": decision.outcome.value,
        "reasons": [_answer(one) for one in decision.reasons],
        "notes": [_answer(one) for one in decision.notes],
        "missing": list(decision.missing),
        "questions": list(decision.questions),
        "conflicts": [
            {"topic": one.topic, "recommendations": list(one.recommendations), "text": one.text, "default": one.default}
            for one in decision.conflicts
        ],
        "may_override": list(decision.may_override),
        "lifted": [_answer(one) for one in decision.lifted],
        "form_allowed": decision.form_allowed,
        "not_checked": list(decision.not_checked),
        "override": _override(decision.override) if decision.override else None,
        "advice": advice_document(advice, told),
    }


def _answer(one: Recommendation) -> Document:
    return {
        "id": one.id,
        "step": one.step,
        "text": one.text,
        "way_out": list(one.actions),
        "contrast": one.contrast.value if one.contrast else None,
        "specialty": list(one.specialty),
        "repeat_reason": one.repeat_reason,
        "status": one.status.value,
        "source": f"{one.citation.text}, {one.citation.locator}",
        "mark": one.citation.mark.value,
    }


def _override(one: OrderOverride) -> Document:
    return {
        "by": {"id": one.by.id, "name": one.by.name, "role": one.by.role},
        "on": one.on.isoformat(),
        "reason": one.reason,
        "lifts": list(one.lifts),
    }
