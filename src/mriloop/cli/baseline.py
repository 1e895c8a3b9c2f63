"""`mriloop baseline`: the site's own history of measures."""

from __future__ import annotations

from pathlib import Path

import click

from mriloop.cli.common import Progress, console, emit, json_option, leave, load_settings, site_option, workers_option

file_option = click.option(
    "--baseline",
    "file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The baseline (default: norms/baseline.json of the site's folder).",
)


@click.group()
def baseline() -> None:
    """Learn what each scanner usually measures, and watch it drift."""


@baseline.command("learn")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), metavar="FILE", help="The baseline to add to.")
@site_option
@workers_option
@json_option
def learn(paths: tuple[Path, ...], out: Path, site: str | None, workers: int | None, as_json: bool) -> None:
    """Add series to a baseline, or start one.

    PATHS are results of `mriloop check --json` (.json, or .jsonl with one document on a line), or images, which are
    checked first. Series that are known already are replaced, not counted twice.
    """
    from mriloop.app import baseline as app

    progress = Progress()
    with progress.shown():
        done = app.learn(paths, out, load_settings(site=site, workers=workers), progress=progress)
    if as_json:
        emit(app.baseline_document(done.baseline))
    else:
        click.echo(
            f"{done.seen} series read, {done.passed_over} passed over; {len(done.baseline.histories)} kinds in {out}"
        )


@baseline.command("show")
@file_option
@site_option
@json_option
def show(file: Path | None, site: str | None, as_json: bool) -> None:
    """Show what each kind of scan usually measures on each scanner with each coil."""
    from mriloop.app import baseline as app

    document = app.baseline_document(app.baseline_needed(load_settings(site=site), file))
    if as_json:
        emit(document)
        return
    from rich.table import Table

    table = Table("scanner", "coil", "scan", "series", "usual (median ± spread)")
    for kind in document["kinds"]:
        usual = [
            f"{name} {one['median']:.3g} ± {one['spread']:.2g}"
            for name, one in kind["measures"].items()
            if one["enough"]
        ]
        name = " ".join(
            part for part in (kind["manufacturer"], kind["model"], kind["device"], kind["software"]) if part
        )
        told = "\n".join(usual) or "not enough history yet"
        table.add_row(name, kind["coil"], f"{kind['name']} ({kind['kind']})", str(kind["count"]), told)
    console().print(table)


@baseline.command("alarms")
@file_option
@click.option("--all", "everything", is_flag=True, help="Tell of alarms that have passed as well.")
@site_option
@json_option
def alarms(file: Path | None, everything: bool, site: str | None, as_json: bool) -> None:
    """Name the measures of a coil or scanner that left their own past. Exit code 10 for a lasting one to the worse."""
    from mriloop.app import baseline as app

    found = app.alarms(app.baseline_needed(load_settings(site=site), file), lasting=not everything)
    if as_json:
        emit(found.document())
    else:
        for one in found.alarms:
            where = (
                f"{one.scanner.model or one.scanner.manufacturer} {one.scanner.device}, coil {one.coil or 'unknown'}"
            )
            way = "worse" if one.worse else "better"
            state = "" if one.lasting else " (passed)"
            click.echo(
                f"{where}: {one.measure} {100 * one.change:+.0f} % ({way}) since {one.since:%Y-%m-%d}, "
                f"over {one.scans} scans; alarm on {one.at:%Y-%m-%d}{state}"
            )
        click.echo(f"{len(found.alarms)} alarms")
    leave(found.exit)
