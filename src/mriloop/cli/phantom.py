"""`mriloop phantom`: a DICOM study whose truth is known."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from mriloop.cli.common import Progress, console, emit, json_option


@click.command()
@click.argument("scenario", required=False)
@click.argument("out", type=click.Path(path_type=Path, file_okay=False), required=False)
@click.option("--enhanced", is_flag=True, help="Write Enhanced MR (multi-frame) instead of classic images.")
@json_option
def phantom(scenario: str | None, out: Path | None, enhanced: bool, as_json: bool) -> None:
    """Write a phantom study whose truth is known.

    Without arguments, list the scenarios. OUT gets `today/`, `prior/` where there is one, and `truth.json`: planted
    lesions, motion in millimetres, missing slices.
    """
    from mriloop.app.phantom import write_scenario
    from mriloop.app.phantom_scenarios import SCENARIOS

    if scenario is None:
        if as_json:
            emit({"schema": "mriloop/scenarios/1",
                  "scenarios": [{"name": one.name, "story": one.story} for one in SCENARIOS]})  # fmt: skip
            return
        from rich.table import Table

        table = Table("scenario", "story", box=None, pad_edge=False)
        for one in SCENARIOS:
            table.add_row(one.name, one.story)
        console().print(table)
        return
    names = [one.name for one in SCENARIOS]
    if scenario not in names:
        raise click.BadParameter(f"{scenario!r} is none of {', '.join(names)}", param_hint="SCENARIO")
    if out is None:
        raise click.UsageError("a folder OUT is needed for the study")
    progress = Progress()
    with progress.shown():
        truth = write_scenario(scenario, out, enhanced=enhanced, progress=lambda series: progress(series, 1, 1))
    if as_json:
        emit({"schema": "mriloop/truth/1", **asdict(truth)})
    else:
        console().print(f"written: {out}")
