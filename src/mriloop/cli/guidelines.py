"""`mriloop guidelines`: the shelf of decision tables."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mriloop.cli.common import console, emit, json_option, leave, load_settings, site_option
from mriloop.cli.guidelines_edit import coverage, diff, new, sign, today
from mriloop.cli.guidelines_export import export, found_in
from mriloop.model.errors import Exit

if TYPE_CHECKING:
    from mriloop.model.guideline import FactSpec, Guideline, Row


@click.group()
def guidelines() -> None:
    """List, show, lint, test, compare and sign the guidelines."""


guidelines.add_command(coverage)
guidelines.add_command(diff)
guidelines.add_command(new)
guidelines.add_command(sign)


guidelines.add_command(export)


@guidelines.command("list")
@site_option
@json_option
def list_(site: str | None, as_json: bool) -> None:
    """List the guidelines in force, with their edition and how many rows are drafts, or signed here."""
    from mriloop.app.advise import list_guidelines
    from mriloop.model.guideline import Status
    from mriloop.stages.advise import status_on

    found = list_guidelines(load_settings(site=site).site_path)
    rows = [
        {
            "id": one.id,
            "title": one.title,
            "edition": one.edition,
            "version": one.version,
            "source": one.source,
            "profiles": list(dict.fromkeys(table.profile for table in one.tables)),
            "rows": len(_rows(one)),
            "drafts": sum(row.status is Status.DRAFT for row in _rows(one)),
            "active": sum(status_on(row, today()) is Status.ACTIVE for row in _rows(one)),
        }
        for one in found
    ]
    if as_json:
        emit({"schema": "mriloop/guidelines/1", "guidelines": rows})
        return
    from rich.table import Table

    table = Table("id", "title", "edition", "rows", "drafts", "active", "from")
    for row in rows:
        table.add_row(*(str(row[key]) for key in ("id", "title", "edition", "rows", "drafts", "active", "source")))
    console().print(table)


@guidelines.command("show")
@click.argument("name")
@click.option("--html", type=click.Path(path_type=Path, dir_okay=False), help="Write a page to print and sign.")
@click.option("--pdf", type=click.Path(path_type=Path, dir_okay=False), help="Write it as PDF/A to print and sign.")
@site_option
@json_option
def show(name: str, html: Path | None, pdf: Path | None, site: str | None, as_json: bool) -> None:
    """Show a guideline as tables that a clinician can read and sign: drafts, sources, signatures of today."""
    from mriloop.app.advise import show_guideline
    from mriloop.app.shelf import sheet, write_sheets
    from mriloop.model.record import as_json as as_plain

    place = load_settings(site=site).site_path
    if html is not None or pdf is not None:
        for path in write_sheets(name, html=html, pdf=pdf, site=place, today=today()):
            click.echo(path)
    elif as_json:
        emit({"schema": "mriloop/guideline/1", "guideline": as_plain(show_guideline(name, place))})
    else:
        click.echo(sheet(name, site=place, today=today()))


@guidelines.command("facts")
@click.argument("word", required=False)
@site_option
@json_option
def facts(word: str | None, site: str | None, as_json: bool) -> None:
    """List the facts that a case may state, or those whose names, words or question hold WORD."""
    from mriloop.app.advise import guidelines_in_force
    from mriloop.app.exchange import bindings_in_force

    place = load_settings(site=site).site_path
    vocabulary, bound = guidelines_in_force(place).vocabulary, bindings_in_force(place)
    wanted = word.lower() if word else ""
    chosen = [spec for _, spec in sorted(vocabulary.items()) if any(wanted in text.lower() for text in _names_of(spec))]
    if as_json:
        emit(
            {
                "schema": "mriloop/facts/1",
                "facts": [
                    {"name": spec.name, "type": spec.type.value, "unit": spec.unit, "values": list(spec.values),
                     "derived": bool(spec.derived), "question": spec.question,
                     "found_in": found_in(bound.get(spec.name))}
                    for spec in chosen
                ],
            }
        )  # fmt: skip
        return
    from rich.table import Table

    table = Table("fact", "type", "unit or words", "question", "found in")
    for spec in chosen:
        kind = f"{spec.type} (computed)" if spec.derived else str(spec.type)
        places = ", ".join(found_in(bound.get(spec.name)))
        table.add_row(spec.name, kind, spec.unit or ", ".join(spec.values), spec.question, places)
    console().print(table)


@guidelines.command("lint")
@click.argument("name", required=False, metavar="[NAME|PATH]")
@click.option("--notes", is_flag=True, help="Print the notes as well.")
@site_option
@json_option
def lint(name: str | None, notes: bool, site: str | None, as_json: bool) -> None:
    """Find gaps, overlaps, rows without a case, unknown facts, wrong units, weak citations. Exit code 3 on any.

    NAME is a guideline in force; PATH a folder of your own: one guideline, several, or a site folder. Notes say what a
    reader should weigh and may be as it should be; they make nothing fail.
    """
    from mriloop.app.advise import lint_guidelines, list_guidelines
    from mriloop.app.exchange import bindings_in_force
    from mriloop.app.shelf import lint_folder

    place = load_settings(site=site).site_path
    bindings_in_force(place)
    known = [one.id for one in list_guidelines(place)] if name is None or os.sep not in name else []
    if name is not None and name not in known and (os.sep in name or Path(name).exists()):
        found, checked = lint_folder(Path(name), today=today())
    else:
        found = lint_guidelines(place, only=name, notes=True, today=today())
        checked = (name,) if name else tuple(known)
    problems = [one for one in found if not one.note]
    if as_json:
        emit(
            {
                "schema": "mriloop/lint/1",
                "problems": [{"code": one.code, "where": one.where, "text": one.text} for one in problems],
                "notes": [{"code": one.code, "where": one.where, "text": one.text} for one in found if one.note],
            }
        )
    else:
        for one in problems:
            click.echo(f"{one.where}: {one.code}: {one.text}")
        for one in found:
            if one.note and notes:
                click.echo(f"note: {one.where}: {one.code}: {one.text}")
        more = "" if notes or len(found) == len(problems) else " (--notes prints them)"
        counted = f"{len(problems)} problems, {len(found) - len(problems)} notes{more}"
        click.echo(f"{len(checked)} guidelines, {counted}")
    leave(Exit.REFUSED if problems else Exit.DONE)


@guidelines.command("test")
@click.argument("name", required=False)
@site_option
@json_option
def test(name: str | None, site: str | None, as_json: bool) -> None:
    """Run the worked cases beside the guidelines. Exit code 3 when one does not get what it expects."""
    from mriloop.app.advise import test_guidelines

    runs = test_guidelines(load_settings(site=site).site_path, only=name)
    failed = [run for run in runs if run.failure is not None]
    if as_json:
        emit(
            {
                "schema": "mriloop/cases/1",
                "cases": [
                    {"guideline": run.guideline, "name": run.case.name, "kind": run.case.kind,
                     "passed": run.failure is None, "expected": run.failure.expected if run.failure else None,
                     "found": run.failure.found if run.failure else None}
                    for run in runs
                ],
            }
        )  # fmt: skip
    else:
        for run in failed:
            if run.failure is not None:
                click.echo(f"{run.guideline}: {run.case.name}\n  expected {run.failure.expected}")
                click.echo(f"  found    {run.failure.found}")
        click.echo(f"{len(runs)} cases, {len(failed)} failed")
    leave(Exit.REFUSED if failed else Exit.DONE)


def _names_of(spec: FactSpec) -> tuple[str, ...]:
    return (spec.name, *spec.synonyms, *spec.values, *spec.value_synonyms, spec.question)


def _rows(guideline: Guideline) -> tuple[Row, ...]:
    return (*guideline.guards, *(row for table in guideline.tables for row in table.rows))
