"""`mriloop guidelines new | diff | sign | coverage`: what changes the shelf, and what is left to do on it."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import click

from mriloop.cli.common import emit, json_option, leave, load_settings, site_option
from mriloop.model.errors import Exit, refuse

_DAY = click.DateTime(["%Y-%m-%d"])


@click.command()
@click.argument("name")
@click.option("--title", help="What the guideline speaks about, in words.")
@site_option
@json_option
def new(name: str, title: str | None, site: str | None, as_json: bool) -> None:
    """Write the skeleton of a guideline into the site folder: tables, cases and SOURCE.md, ready to be filled.

    What it writes passes `test` as it stands; `lint` names every row whose citation is still to be filled in. The
    comments in it teach the rest.
    """
    from mriloop.app.shelf import new_guideline

    written = new_guideline(load_settings(site=site).site_path, name, title=title or "", today=today())
    if as_json:
        emit({"schema": "mriloop/guideline-new/1", "id": name, "files": [str(path) for path in written]})
        return
    for path in written:
        click.echo(path)
    click.echo(f"Next: fill them in, then `mriloop guidelines lint {name}` and `mriloop guidelines show {name}`.")


@click.command()
@click.argument("old")
@click.argument("new_edition", metavar="NEW")
@click.option("--only", help="Compare this guideline alone.", metavar="ID")
@site_option
@json_option
def diff(old: str, new_edition: str, only: str | None, site: str | None, as_json: bool) -> None:
    """Compare two editions row by row, and case by case which answers change.

    OLD and NEW are each `shipped`, `site`, a site folder, a guideline folder, or a folder of such. The worked cases of
    both editions run through both.
    """
    from mriloop.app.shelf import diff as compare

    found = compare(old, new_edition, site=load_settings(site=site).site_path, only=only)
    if as_json:
        emit(
            {
                "schema": "mriloop/guidelines-diff/1",
                "rows": [{"where": one.where, "what": one.what, "old": one.old, "new": one.new} for one in found.rows],
                "cases": [
                    {"guideline": one.guideline, "name": one.name, "facts": one.facts, "old": list(one.old),
                     "new": list(one.new)}
                    for one in found.cases
                ],
                "cases_run": found.cases_run,
            }
        )  # fmt: skip
        return
    for row in found.rows:
        click.echo(f"{row.where}: {row.what}\n  - {row.old or '(absent)'}\n  + {row.new or '(absent)'}")
    for case in found.cases:
        click.echo(f"{case.guideline}: {case.name}\n    {case.facts}")
        for mark, lines in (("-", case.old), ("+", case.new)):
            for line in lines:
                click.echo(f"  {mark} {line}")
    click.echo(
        f"{len(found.rows)} parts of rows differ; {len(found.cases)} of {found.cases_run} cases get another answer"
    )


@click.command()
@click.argument("name")
@click.option("--row", "rows", multiple=True, help="The row to sign, as table/row; repeatable.")
@click.option("--all", "every", is_flag=True, help="Sign every row whose mark and status allow it.")
@click.option("--by", required=True, help="Who signs.", metavar="NAME")
@click.option("--role", required=True, help="In which role, such as `head of neuroradiology`.", metavar="ROLE")
@click.option("--on", type=_DAY, help="The day of the signature (default: today).")
@click.option("--expires", type=_DAY, required=True, help="The last day on which it holds.")
@site_option
@json_option
def sign(
    name: str,
    rows: tuple[str, ...],
    every: bool,
    by: str,
    role: str,
    on: datetime | None,
    expires: datetime,
    site: str | None,
    as_json: bool,
) -> None:
    """Sign rows of a guideline for the site: they are active until the signature expires or the row changes.

    Only rows marked V or V2 can be signed. The signature is added to `guidelines/NAME/signatures.yaml` of the site
    folder; earlier ones stay.
    """
    from mriloop.app.shelf import sign as add

    if bool(rows) == every:
        raise click.UsageError("name the rows with --row TABLE/ROW, or say --all")
    done = add(
        load_settings(site=site).site_path,
        name,
        rows,
        by=by,
        role=role,
        on=on.date() if on is not None else today(),
        expires=expires.date(),
        today=today(),
    )
    if as_json:
        emit(
            {
                "schema": "mriloop/guidelines-sign/1",
                "file": str(done.path),
                "signed": list(done.rows),
                "not_signed": done.refused,
            }
        )
        return
    for row in done.rows:
        click.echo(f"signed: {name}/{row}")
    for row, why in done.refused.items():
        click.echo(f"not signed: {name}/{row}: {why}")
    click.echo(f"{done.path}: {len(done.rows)} signed by {by}, {role}, until {expires.date()}")


@click.command()
@click.option("--out", type=click.Path(path_type=Path), help="Write the page as Markdown to this file.")
@site_option
@json_option
def coverage(out: Path | None, site: str | None, as_json: bool) -> None:
    """List the statements of the mission with the rows, cases and places that carry each. Exit code 10 on a hole."""
    from mriloop.app.shelf import coverage as count
    from mriloop.cli import COMMANDS
    from mriloop.edges.publish.coverage_page import coverage_page

    found = count(commands=COMMANDS, site=load_settings(site=site).site_path)
    holes = [one for one in found if one.lacking]
    if as_json:
        emit(
            {
                "schema": "mriloop/coverage/1",
                "statements": [
                    {"number": one.statement.number, "says": one.statement.says,
                     "computable": one.statement.computable, "rows": list(one.rows), "cases": dict(one.cases),
                     "homes": [f"{home.kind} {home.name}" for home in one.homes],
                     "lacking": list(one.lacking)}
                    for one in found
                ],
            }
        )  # fmt: skip
    elif out is not None:
        try:
            out.write_text(coverage_page(found), encoding="utf-8")
        except OSError:
            raise refuse("out_not_writable", path=out) from None
        click.echo(out)
    else:
        for one in found:
            cases = " ".join(f"{count} {kind}" for kind, count in one.cases.items() if count)
            homes = ", ".join(f"{home.kind} {home.name}" for home in one.homes)
            carried = "; ".join(part for part in (f"{len(one.rows)} rows" if one.rows else "", cases, homes) if part)
            lacking = f"  LACKS {', '.join(one.lacking)}" if one.lacking else ""
            click.echo(f"{one.statement.number:>4}  {one.statement.says}  [{carried}]{lacking}")
        click.echo(f"{len(found)} statements, {len(holes)} with a hole")
    leave(Exit.NEEDS_PERSON if holes else Exit.DONE)


def today() -> date:
    """Return the day here; the only clock of the shelf."""
    return datetime.now().astimezone().date()
