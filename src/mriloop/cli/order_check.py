"""`mriloop order-check`: an order held against the rules before it is placed, and overridden with a reason."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mriloop.cli.common import emit, json_option, leave, load_settings, site_option, store_option
from mriloop.model.errors import Exit, refuse

if TYPE_CHECKING:
    from mriloop.model.advice import Recommendation
    from mriloop.model.order import OrderDecision


@click.command()
@click.argument("order", type=click.Path(path_type=Path))
@click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), help="The day of the question where the file names none.")
@click.option("--override", metavar="REASON", help="Let a blocked or held order go on, for this reason.")
@click.option("--by", metavar="NAME", help="Who overrides.")
@click.option("--role", metavar="ROLE", help="In which role: radiologist, mr_safety_officer, mr_medical_director.")
@site_option
@store_option
@json_option
def order_check(
    order: Path,
    as_of: datetime | None,
    override: str | None,
    by: str | None,
    role: str | None,
    site: str | None,
    store: str | None,
    as_json: bool,
) -> None:
    """Hold an MRI order against the rules before it is placed.

    ORDER is a case file with an `order:` block. The answer is allow, advise, ask, hold or block, or what is missing; a
    block and a hold name the way out. Exit code 10 unless the order may go ahead.

    A person overrides with --override, --by and --role; the act goes into the ledger.
    """
    from mriloop.app.orders import Act, record_override
    from mriloop.app.orders import order_check as run
    from mriloop.app.telling import told
    from mriloop.edges.publish.documents import order_document
    from mriloop.model.order import OrderOutcome
    from mriloop.model.report import Person

    settings = load_settings(store=store, site=site)
    now = datetime.now().astimezone()
    act = None
    if override is not None:
        if not by or not role:
            raise refuse("usage_value", detail="an override needs --by and --role")
        act = Act(by=Person(id=by, name=by, role=role), reason=override)
    found = run(order, site=settings.site_path, now=as_of.date() if as_of else now.date(), override=act)
    record_override(found, store=settings.store_place, now=now)
    if as_json:
        emit(order_document(found.decision, found.advice, told(found.advice, site=settings.site_path)))
    else:
        click.echo(_in_words(found.decision))
    goes = found.decision.outcome in (OrderOutcome.ALLOW, OrderOutcome.ADVISE)
    leave(Exit.DONE if goes else Exit.NEEDS_PERSON)


def _in_words(decision: OrderDecision) -> str:
    lines = [decision.outcome.value.upper().replace("_", " ")]
    if decision.form_allowed and decision.questions:
        count = len(decision.questions)
        lines[0] += f": the form of the order is right; {count} question{'s are' if count > 1 else ' is'} open"
    if decision.override is not None:
        act = decision.override
        lines.append(f"overridden by {act.by.name}, {act.by.role}: {act.reason}")
        lines.append("Set aside by the override:")
        for answer in decision.lifted:
            lines += _answer(answer)
        lines.append("What remains:")
    for reason in decision.reasons:
        lines += _answer(reason)
    lines += [f"? {question}" for question in decision.questions]
    if decision.notes:
        lines.append("Also:")
        for note in decision.notes:
            lines += _answer(note)
    lines += [f"Authorities differ. {conflict.text}" for conflict in decision.conflicts]
    asked = set(decision.questions)
    lines += [f"Note: {caution.text}" for caution in decision.warnings if caution.text not in asked]
    if decision.may_override:
        lines.append(f"May be overridden, with a reason, by: {', '.join(decision.may_override).replace('_', ' ')}.")
    if decision.not_checked:
        lines.append("Not checked, because nobody stated it:")
        lines += [f"- {words}" for words in decision.not_checked]
    return "\n".join(lines)


def _answer(one: Recommendation) -> list[str]:
    from mriloop.model.guideline import Status, Step
    from mriloop.stages.advise import cite

    draft = " DRAFT, not verified." if one.status == Status.DRAFT else ""
    label = "way out" if one.step in (Step.BLOCK_ORDER, Step.HOLD_ORDER) else "to do"
    actions = [f"    {label}: {action}" for action in one.actions]
    return [f"- {one.text}", *actions, f"    source: {cite(one.citation)}{draft}"]
