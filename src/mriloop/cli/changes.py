"""`mriloop changes`: a person accepts, rejects, redraws or adds changes of a comparison."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from mriloop.cli.common import console, emit, json_option, leave, load_settings
from mriloop.model.errors import Exit


def _numbers(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[int, ...]:
    if not value:
        return ()
    try:
        return tuple(int(part) for part in value.split(","))
    except ValueError:
        raise click.BadParameter(f"{value!r} is no list of numbers such as 1,2,5") from None


def _redrawn(ctx: click.Context, param: click.Parameter, value: tuple[str, ...]) -> dict[int, Path]:
    found = {}
    for one in value:
        number, sign, path = one.partition("=")
        if not sign or not number.isdigit() or not path:
            raise click.BadParameter(f"{one!r} is not NUMBER=MASK, such as 4=lesion.nii.gz")
        found[int(number)] = Path(path)
    return found


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--accept", callback=_numbers, metavar="N,…", help="These changes are as they are listed.")
@click.option("--reject", callback=_numbers, metavar="N,…", help="These are no changes; they leave every count.")
@click.option("--redraw", callback=_redrawn, multiple=True, metavar="N=MASK", help="This is the outline today.")
@click.option("--add", "added", type=click.Path(path_type=Path), multiple=True, metavar="MASK",
              help="A change that the list missed.")  # fmt: skip
@click.option("--today", type=click.Path(path_type=Path), help="Today's study: pictures, SEG and SR follow.")
@click.option("--prior", "priors", type=click.Path(path_type=Path), multiple=True, help="Its priors, with --today.")
@click.option("--sign", is_flag=True, help="Verify the new SR in the name of --by: every change must have a word.")
@click.option("--by", default="", help="Who says so: a name or the id under which the house knows the person.")
@click.option("--reason", default="", help="Why, in a few words.")
@json_option
def changes(
    folder: Path,
    accept: tuple[int, ...],
    reject: tuple[int, ...],
    redraw: dict[int, Path],
    added: tuple[Path, ...],
    today: Path | None,
    priors: tuple[Path, ...],
    sign: bool,
    by: str,
    reason: str,
    as_json: bool,
) -> None:
    """Show the changes of a comparison, and take a person's word on them.

    FOLDER is what `mriloop compare --out` wrote. Volumes, kinds, counts, courses and sentences follow; what stood
    before is kept in FOLDER/earlier. With --today and --prior pictures and DICOM results follow too; the report stays
    preliminary without --sign. A MASK is a DICOM SEG, an RT structure set or a NIfTI mask, in the patient frame of
    today's visit; contours on another series than that of the list need --today and --prior.
    """
    from mriloop.app.changes import Said, amend_changes, read_changes, rewrite_results, unsigned
    from mriloop.cli.compare import show_changes
    from mriloop.edges.publish.documents import comparison_document

    said = Said(accepted=accept, rejected=reject, redrawn=redraw, added=added, reason=reason)
    if said and not by.strip():
        raise click.UsageError("say who: --by NAME")
    if (today is None) != (not priors):
        raise click.UsageError("--today and --prior belong together")
    if today is not None and not by.strip():
        raise click.UsageError("say who: --by NAME")
    if sign and today is None:
        raise click.UsageError("--sign verifies the report that --today and --prior write")
    settings, by = load_settings(), by.strip()
    now = datetime.now().astimezone()
    comparison = (
        amend_changes(folder, said, settings, by=by, now=now, today=today, priors=priors)
        if said
        else read_changes(folder)
    )
    if today is not None:
        written = rewrite_results(folder, today, priors, settings, by=by, now=now, sign=sign)
        if sign and (why := unsigned(comparison, by)):
            console(stderr=True).print(f"not signed: {why}; the report is preliminary")
        console(stderr=True).print(f"written anew: {len(written)} files in {folder}")
    elif said and (folder / "dicom").is_dir():
        console(stderr=True).print("the DICOM results still say what stood before: give --today and --prior")
    if as_json:
        emit(comparison_document(comparison))
    else:
        show_changes(comparison, console())
        console().print(comparison.statement)
    leave(Exit.DONE)
