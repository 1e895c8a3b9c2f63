"""`mriloop doctor`: what is installed, what is missing, and what that costs."""

from __future__ import annotations

import click

from mriloop.cli.common import console, emit, json_option, leave, load_settings, store_option
from mriloop.model.errors import Exit


@click.command()
@store_option
@json_option
def doctor(store: str | None, as_json: bool) -> None:
    """Say what is installed, what is missing, and what that costs.

    Exit code 4 when something is missing that the loop cannot run without.
    """
    from mriloop.app.doctor import examine, ledger, machine

    settings = load_settings(store=store)
    found = examine(settings)
    here = machine()
    proof = ledger(settings)
    if as_json:
        emit(
            {
                "schema": "mriloop/doctor/1",
                "machine": here,
                "ledger": proof,
                "components": [
                    {"name": one.component.name, "kind": one.component.kind, "present": one.present,
                     "version": one.version, "needed": one.component.needed, "without_it": one.component.cost,
                     "install": one.component.install}
                    for one in found
                ],
            }
        )  # fmt: skip
    else:
        from rich.table import Table

        table = Table("component", "", "version", "without it", box=None, pad_edge=False, padding=(0, 2, 0, 0))
        for one in found:
            mark = "here" if one.present else ("MISSING" if one.component.needed else "absent")
            cost = "" if one.present else f"{one.component.cost} ({one.component.install})"
            table.add_row(one.component.name, mark, one.version, cost)
        out = console()
        out.print(" · ".join(f"{key} {value}" for key, value in here.items()), soft_wrap=True)
        out.print(table)
        out.print(f"ledger: {proof}")
    if any(one.component.needed and not one.present for one in found):
        leave(Exit.MISSING_COMPONENT)
