"""`mriloop compare-bids`: every session of every subject of a dataset beside its earlier ones."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mriloop.app.warm import warm_up
from mriloop.cli.common import Progress, console, emit, json_option, leave, load_settings, workers_option

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console

    from mriloop.app.longitudinal import LongitudinalOutcome, LongitudinalTally


@click.command(name="compare-bids")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--out",
    metavar="DIR",
    required=True,
    type=click.Path(path_type=Path),
    help="Write results to this folder as they come; the same call again goes on where it ended.",
)
@click.option("--participant", "participants", metavar="LABEL", multiple=True, help="Only this subject; repeatable.")
@click.option(
    "--no-baseline", is_flag=True, help="Compare with the previous session alone, not with the first as well."
)
@click.option("--no-maps", is_flag=True, help="Write the tables alone: no registered priors, differences and labels.")
@workers_option
@json_option
def compare_bids(
    folder: Path,
    out: Path,
    participants: tuple[str, ...],
    no_baseline: bool,
    no_maps: bool,
    workers: int | None,
    as_json: bool,
) -> None:
    """Compare the sessions of a longitudinal BIDS dataset.

    FOLDER is the root of the dataset. Each session (sub-*/ses-*, its anat/ and dwi/) is compared with the one before
    and with the first; sessions go by acq_time of sessions.tsv or scans.tsv, else by their labels. DIR becomes a BIDS
    derivative with longitudinal.tsv: one row per pair of sessions, or the code of what it was refused for.
    """
    settings = load_settings(workers=workers)
    if settings.executor == "process":
        warm_up()
    from mriloop.app.longitudinal import compare_bids as compare

    progress = Progress()

    def tell(line: Mapping[str, Any], tally: LongitudinalTally) -> None:
        said = [pair["code"] or f"{len(pair['comparison']['changes'])} candidates" for pair in line["pairs"]]
        progress.note(f"  session {tally.over} of {tally.total} {line['subject']}: {', '.join(said)}")

    try:
        with progress.shown():
            outcome = compare(
                folder,
                out,
                settings,
                participants=participants,
                baseline=not no_baseline,
                maps=not no_maps,
                progress=progress,
                on_line=tell,
            )
    except KeyboardInterrupt:
        click.echo(f"what is done is in {out}; the same call goes on from there", err=True)
        raise click.Abort from None
    if as_json:
        emit(outcome.document())
    else:
        _show(outcome, console())
    leave(outcome.exit)


def _show(outcome: LongitudinalOutcome, out: Console) -> None:
    out.print(
        f"{outcome.compared} sessions compared, {outcome.skipped} done before, {outcome.pairs} pairs in the table"
    )
    if outcome.refused:
        out.print(f"{outcome.refused} pairs were refused: see the column `code`")
    for place, kind in outcome.failed:
        out.print(f"a bug ({kind}) stopped {place}; the next run tries it again")
    if outcome.left_out:
        out.print(f"{len(outcome.left_out)} subjects or files took no part: see left_out.tsv")
    for path in outcome.files:
        out.print(f"  {path}")
