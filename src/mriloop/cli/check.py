"""`mriloop check`: a verdict for every series under a path."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mriloop.cli.common import Progress, console, emit, json_option, leave, load_settings, site_option, workers_option

if TYPE_CHECKING:
    from rich.console import Console

    from mriloop.app.check import CheckOutcome


@click.command()
@click.argument("path", type=click.Path(path_type=Path))
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
@site_option
@workers_option
@json_option
def check(
    path: Path,
    protocol: str | None,
    indication: str,
    history: Path | None,
    report: Path | None,
    site: str | None,
    workers: int | None,
    as_json: bool,
) -> None:
    """Say of every series whether it is good enough, why not, and what to do.

    PATH is a DICOM folder, file or zip of any vendor, or NIfTI with its BIDS sidecar. Studies of several patients are
    checked one by one. Exit code 10 when a series should be repeated, 3 when nothing under PATH could be checked.
    """
    from mriloop.app.baseline import baseline_in_force
    from mriloop.app.check import check_path

    settings = load_settings(site=site, workers=workers)
    progress = Progress()
    with progress.shown():
        outcome = check_path(
            path,
            settings,
            protocol=protocol,
            indication=indication,
            baseline=baseline_in_force(settings, history),
            pictures=report is not None,
            progress=progress,
        )
    if report is not None:
        from datetime import datetime

        from mriloop.app.present import write_check_pages

        for page in write_check_pages(outcome, report, datetime.now().astimezone()):
            click.echo(f"  page: {page}", err=True)
    if as_json:
        emit(outcome.document())
    else:
        _show(outcome, console())
    leave(outcome.exit)


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
