"""`mriloop worklist`: what is owed, by when, by whom."""

from __future__ import annotations

from datetime import date

import click

from mriloop.cli.common import console, emit, json_option, leave, load_settings, store_option
from mriloop.model.errors import Exit


@click.command()
@click.option("--mine", "owner", metavar="OWNER", help="Only what this owner owes.")
@click.option("--due", is_flag=True, help="Only what is due or overdue.")
@click.option("--today", type=click.DateTime(["%Y-%m-%d"]), help="Judge the windows on this day (default: today).")
@store_option
@json_option
def worklist(owner: str | None, due: bool, today: date | None, store: str | None, as_json: bool) -> None:
    """List the follow-ups that are owed: due, overdue, by owner.

    Exit code 10 when something is overdue.
    """
    from mriloop.app.worklist import read_worklist

    day = today.date() if today is not None and hasattr(today, "date") else None
    owed = read_worklist(load_settings(store=store), today=day, owner=owner, due_only=due)
    if as_json:
        emit(owed.document())
    else:
        from rich.table import Table

        table = Table("clock", "earliest", "target", "latest", "step", "owner", "patient", "state")
        for item in owed.items:
            one, window = item.follow_up, item.follow_up.window
            days = (
                [window.earliest.isoformat(), window.target.isoformat(), window.latest.isoformat()]
                if window is not None
                else ["", "a person sets it", ""]
            )
            table.add_row(str(item.clock), *days, one.text, one.owner, one.patient[:8], str(one.state))
        console().print(table)
        console().print(f"{len(owed.items)} follow-ups, judged on {owed.today.isoformat()}")
    leave(Exit.NEEDS_PERSON if owed.overdue else Exit.DONE)
