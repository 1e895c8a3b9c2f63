"""The order check as a use case: one function and one result for the command, the web form and CDS Hooks."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path

from mriloop.app.advise import guidelines_in_force, read_case
from mriloop.edges.publish.documents import order_document
from mriloop.edges.store import open_store
from mriloop.model.advice import Advice
from mriloop.model.errors import refuse
from mriloop.model.finding import Case
from mriloop.model.order import OrderDecision, OrderOutcome
from mriloop.model.record import Record, as_json
from mriloop.model.report import Person
from mriloop.stages.advise import ORDER_GUIDELINES, decide_order, evaluate, not_checked, override_order


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderCheck:
    """What the checks say of one order. `id` is a digest of what was stated: the same order has the same."""

    id: str
    decision: OrderDecision
    advice: Advice


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """Who overrides, and why."""

    by: Person
    reason: str


def order_check(path: Path, *, site: Path | None, now: date, override: Act | None = None) -> OrderCheck:
    """Return whether the order of a case file may go ahead.

    Its `order:` block, and facts such as eGFR or implant status, are what counts. Raises SenderError `case_*` for a
    file that cannot be taken, `case_no_order` where nothing in it speaks of an order, and as `check_order` does.
    """
    case = read_case(path, site=site, now=now)
    found = check_order(case, site=site, override=override)
    if found.decision.outcome is OrderOutcome.NOT_CHECKED and not any(name.startswith("order_") for name in case.facts):
        raise refuse("case_no_order", path=path.name)
    return found


def check_order(case: Case, *, site: Path | None, override: Act | None = None) -> OrderCheck:
    """Return whether an order may go ahead, and the advice of the order checks alone.

    With `override` a person lets a stopped order go on. Raises SenderError `order_override_reason`,
    `order_override_role` or `order_not_stopped`.
    """
    known = guidelines_in_force(site)
    checks = tuple(each for each in known.guidelines if each.id in ORDER_GUIDELINES)
    advice = evaluate(replace(known, guidelines=checks), case.facts, as_of=case.as_of, default_profiles=case.profiles)
    if override is None:
        decision = decide_order(advice)
    else:
        decision = override_order(advice, by=override.by, on=case.as_of, reason=override.reason)
    if decision.outcome is not OrderOutcome.NOT_CHECKED:
        decision = replace(decision, not_checked=not_checked(case.facts, known.vocabulary, case.as_of))
    stated = {name: as_json(case.facts[name].value) for name in sorted(case.facts)}
    digest = hashlib.sha256(json.dumps(stated, sort_keys=True, default=str).encode()).hexdigest()
    return OrderCheck(id=f"order-{digest[:16]}", decision=decision, advice=advice)


def record_override(check: OrderCheck, *, store: str | Path, now: datetime) -> None:
    """Put an override on record: who let which order go on, in spite of what, and why.

    Raises OperatorError `store_*`; nothing is written where nothing was overridden.
    """
    override = check.decision.override
    if override is None:
        return
    payload = as_json(order_document(check.decision, check.advice))
    open_store(store).append(
        [
            Record(
                kind="order.overridden",
                subject=check.id,
                at=now,
                actor=override.by.id,
                payload=payload if isinstance(payload, dict) else {},
            )
        ]
    )
