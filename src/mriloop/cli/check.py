"""`mriloop check`: a verdict for every series under a path, or under thousands of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mriloop.app.warm import warm_up
from mriloop.cli.common import Progress, console, emit, json_option, leave, load_settings, site_option, workers_option

if TYPE_CHECKING:
    from rich.console import Console

    from mriloop.app.batch import Result, Tally
    from mriloop.app.check import CheckOutcome
    from mriloop.app.results import BatchOutcome

FORMATS = ("csv", "parquet", "bids", "html")


@click.command()
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--protocol", metavar="ID", help="Hold the study against this protocol (default: chosen by its region).")
@click.option("--indication", metavar="WORD", default="", help="Why the study was made, as the norms name it.")
@click.option(
    "--baseline",
    "history",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Hold each series against this history (default: norms/baseline.json of the site's folder).",
)
@click.option(
    "--report",
    type=click.Path(path_type=Path),
    metavar="OUT.html",
    help="Write a page with pictures for each study (OUT.html, OUT-2.html …).",
)
@click.option(
    "--out",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Write results to this folder as they come; the same call again goes on where it ended.",
)
@click.option(
    "--format",
    "formats",
    type=click.Choice(FORMATS),
    multiple=True,
    default=("csv", "html"),
    show_default="csv and html",
    help="With --out, what to write beside results.jsonl; may be given several times.",
)
@click.option(
    "--brain", is_flag=True, help="Take MRIQC's measures of structural brains too, seconds each (always for bids)."
)
@click.option(
    "--descriptions", is_flag=True, help="With --out, keep SeriesDescription: free text that may name people."
)
@site_option
@workers_option
@json_option
def check(
    paths: tuple[Path, ...],
    protocol: str | None,
    indication: str,
    history: Path | None,
    report: Path | None,
    out: Path | None,
    formats: tuple[str, ...],
    brain: bool,
    descriptions: bool,
    site: str | None,
    workers: int | None,
    as_json: bool,
) -> None:
    """Say of every series whether it is good enough, why not, and what to do.

    Each PATH is a DICOM folder, file or zip of any vendor, or NIfTI with its BIDS sidecars, with any number of studies.
    Studies of several patients are checked one by one. Exit code 10 when a series should be repeated, 3 when nothing
    under PATH could be checked.
    """
    if report is not None and out is not None:
        raise click.UsageError("--report is for a few studies: give it without --out")
    settings = load_settings(site=site, workers=workers)
    if settings.executor == "process":
        warm_up()
    from mriloop.app.baseline import baseline_in_force
    from mriloop.app.check import Judging
    from mriloop.app.results import check_into, check_paths

    tissues = brain or (out is not None and "bids" in formats)
    judging = Judging.of(settings, protocol, indication, baseline_in_force(settings, history), brain=tissues)
    progress = Progress()
    tell = _Teller(progress)
    if out is None:
        with progress.shown():
            few = check_paths(paths, settings, judging, pictures=report is not None, progress=progress, on_result=tell)
        if report is not None:
            _write_pages(few, report)
        if as_json:
            emit(few.document())
        else:
            _show(few, console())
        leave(few.exit)
    try:
        with progress.shown():
            many = check_into(
                out,
                paths,
                settings,
                judging,
                formats=formats,
                descriptions=descriptions,
                progress=progress,
                on_result=tell,
            )
    except KeyboardInterrupt:
        click.echo(f"{tell.lines} studies of this run are in {out}; the same call goes on from there", err=True)
        raise click.Abort from None
    if as_json:
        emit(many.document())
    else:
        _show_batch(many, console())
    leave(many.exit)


def _write_pages(outcome: CheckOutcome, report: Path) -> None:
    from datetime import datetime

    from mriloop.app.present import write_check_pages

    for page in write_check_pages(outcome, report, datetime.now().astimezone()):
        click.echo(f"  page: {page}", err=True)


class _Teller:
    """Says one line for each study where no bar can be drawn, and counts them."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self.lines = 0

    def __call__(self, result: Result, tally: Tally) -> None:
        self.lines += 1
        check = result.checked.check
        self._progress.note(
            f"  study {tally.over} of {tally.known + tally.paths_left} …{check.study_instance_uid[-12:]}: "
            f"{check.verdict} ({len(check.series)} series)"
        )


def _show_batch(outcome: BatchOutcome, out: Console) -> None:
    out.print(f"{outcome.checked} studies checked, {outcome.skipped} done before, {len(outcome.refused)} refused")
    out.print("series: " + ", ".join(f"{count} {verdict}" for verdict, count in outcome.counts.items() if count))
    if outcome.to_repeat:
        out.print(f"{outcome.to_repeat} studies hold a series to repeat")
    for folder, kind in outcome.failed:
        out.print(f"a bug ({kind}) stopped {folder}; the next run tries it again")
    for path in outcome.files:
        out.print(f"  {path}")
    for warning in outcome.warnings:
        out.print(f"note: {warning}")


def _show(outcome: CheckOutcome, out: Console) -> None:
    from rich.table import Table

    for one in outcome.checks:
        title = f"Study …{one.study_instance_uid[-12:]}   verdict: {one.verdict.upper()}"
        table = Table("series", "what it is", "verdict", "why, and what to do", title=title, title_justify="left")
        for series in one.series:
            kind = series.kind
            words = [str(kind.weighting), str(kind.plane), str(kind.region)]
            words += ["after contrast"] if kind.contrast.answer == "yes" else []
            words += ["derived"] if kind.derived else []
            reasons = [f"{defect.message} -> {defect.action}" for defect in series.defects]
            name = f"{series.series_number if series.series_number is not None else '?'} {series.description}"
            table.add_row(name, " ".join(words), str(series.verdict), "\n".join(reasons))
        out.print(table)
        for defect in one.defects:
            out.print(f"  study: {defect.message} -> {defect.action}")
    if outcome.refused:
        table = Table("refused", "code", "why", title="Files that were refused", title_justify="left")
        for refused in outcome.refused:
            table.add_row(refused.path, refused.code, refused.message)
        out.print(table)
    for warning in outcome.warnings:
        out.print(f"note: {warning}")
