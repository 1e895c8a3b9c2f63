"""What an overlay of a site may not do to a row: turn it into an all-clear, or an emergency into something less."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mriloop.edges.knowledge.places import At
from mriloop.model.coding import Urgency
from mriloop.model.guideline import CLOSING_STEPS, STOPPING_STEPS, Step

# Steps that let somebody go: a row has to be written for one, with its conditions on the quality of the images.
_CLEARING = frozenset({*CLOSING_STEPS, *STOPPING_STEPS, Step.ALLOW_ORDER})
_STOPS_ORDER = frozenset({Step.BLOCK_ORDER, Step.HOLD_ORDER, Step.ASK_BEFORE_ORDER})
_EMERGENCIES = (Urgency.MINUTES, Urgency.HOURS)
_RANK = {urgency: rank for rank, urgency in enumerate(Urgency)}
_REMEDY = "write a guideline of the site's own for that"


def refuse_easing(row: Mapping[str, Any], change: Mapping[str, Any], at: At) -> None:
    """Refuse a change that makes a row close a search, stop imaging or clear an order, or that lowers an emergency.

    Parameters
    ----------
    row, change
        The row as shipped, and what the overlay says of it, both as they stand in the files.
    at
        The place of the change.

    Raises
    ------
    OperatorError
        `knowledge_invalid` with the place and the remedy.
    """
    if "step" in change:
        step, shipped = at.down("step").one_of(Step, change["step"]), Step(row["step"])
        if step in _CLEARING and step is not shipped:
            raise at.down("step").wrong(f"an overlay may not turn {shipped} into {step}; {_REMEDY}")
        if shipped in _STOPS_ORDER and step not in _STOPS_ORDER:
            raise at.down("step").wrong(f"an overlay may not lift {shipped} from an order; {_REMEDY}")
        if shipped is Step.EMERGENCY_REFERRAL and step is not shipped:
            raise at.down("step").wrong(f"an overlay may not turn {shipped} into {step}; {_REMEDY}")
    if "urgency" in change:
        urgency, shipped_at = at.down("urgency").one_of(Urgency, change["urgency"]), _urgency(row)
        if shipped_at in _EMERGENCIES and _RANK[urgency] > _RANK[shipped_at]:
            raise at.down("urgency").wrong(f"an overlay may not lower an emergency from {shipped_at} to {urgency}")


def _urgency(row: Mapping[str, Any]) -> Urgency:
    return Urgency(row.get("urgency", Urgency.ROUTINE))
