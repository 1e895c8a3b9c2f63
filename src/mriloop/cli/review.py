"""`mriloop review`: one study through the whole loop."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from mriloop.cli.common import (
    Progress,
    console,
    emit,
    json_option,
    leave,
    load_settings,
    site_option,
    store_option,
    workers_option,
)


@click.command()
@click.argument("study", type=click.Path(path_type=Path))
@click.option("--prior", "priors", multiple=True, type=click.Path(path_type=Path), help="An earlier study; repeatable.")
@click.option("--case", type=click.Path(path_type=Path), help="What is known beside the images (YAML).")
@click.option("--sign", "reading", type=click.Path(path_type=Path), help="Who signs, and what they decided (YAML).")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder for the result.")
@click.option("--study-uid", metavar="UID", help="Which study, where STUDY holds several.")
@click.option("--label", default="Patient (name withheld)", show_default=True, help="What the page calls the patient.")
@store_option
@site_option
@workers_option
@json_option
def review(
    study: Path,
    priors: tuple[Path, ...],
    case: Path | None,
    reading: Path | None,
    out: Path,
    study_uid: str | None,
    label: str,
    store: str | None,
    site: str | None,
    workers: int | None,
    as_json: bool,
) -> None:
    """Take one study through the whole loop and write the result to a folder.

    STUDY is a DICOM folder, file or zip, or NIfTI. The folder gets `index.html` (opens in any browser), `review.json`,
    the report and, once a person has signed with --sign, letters (PDF), follow-ups and a calendar. Exit code 10 when
    something needs a person: a repeat, a blocked order, an overdue step.
    """
    from mriloop.app.review import Request
    from mriloop.app.review import review as run

    settings = load_settings(store=store, site=site, workers=workers)
    request = Request(
        study=study,
        out=out,
        now=datetime.now().astimezone(),
        priors=priors,
        case=case,
        reading=reading,
        label=label,
        study_uid=study_uid,
    )
    progress = Progress()
    with progress.shown():
        outcome = run(request, settings, progress=progress)
    if as_json:
        emit(outcome.document())
    else:
        out_console = console()
        check = outcome.view.check
        if check is not None:
            out_console.print(f"verdict: {check.verdict.upper()}")
        if outcome.view.advice is not None:
            for one in outcome.view.advice.recommendations:
                when = f" ({one.window.earliest} to {one.window.latest})" if one.window else ""
                out_console.print(f"next: {one.text}{when}")
            for asked in outcome.view.advice.undetermined:
                out_console.print(f"asked for by {asked.guideline}: {'; '.join(asked.questions or asked.missing)}")
        out_console.print(f"open {outcome.page}")
    leave(outcome.exit)
