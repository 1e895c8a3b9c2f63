"""`mriloop protocol`: the shelf of protocol references, and how a site gets its own."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mriloop.cli.common import Progress, console, emit, json_option, leave, load_settings, site_option, workers_option
from mriloop.model.errors import Exit, refuse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mriloop.app.protocol import Proposal
    from mriloop.model.protocol import LeftOut

out_option = click.option("--out", type=click.Path(path_type=Path), help="Write the YAML here (default: print it).")
id_option = click.option("--id", "identity", required=True, help="Id of the new protocol: letters, digits and _.")


@click.group()
def protocol() -> None:
    """List, show, lint, compare, import and learn protocol references."""


@protocol.command("list")
@site_option
@json_option
def list_(site: str | None, as_json: bool) -> None:
    """List the protocols in force, with what calls for them."""
    from mriloop.app.protocol import list_protocols

    rows = [
        {
            "id": one.id,
            "title": one.title,
            "version": one.version,
            "status": one.status.value,
            "regions": [region.value for region in one.regions],
            "series": len(one.series),
            "required": sum(line.required for line in one.series),
            "keywords": list(one.keywords),
        }
        for one in list_protocols(load_settings(site=site).site_path)
    ]
    if as_json:
        emit({"schema": "mriloop/protocols/1", "protocols": rows})
        return
    from rich.table import Table

    table = Table("id", "title", "version", "status", "regions", "series", "required")
    for row in rows:
        cells = [row[key] for key in ("id", "title", "version", "status", "regions", "series", "required")]
        table.add_row(*(", ".join(cell) if isinstance(cell, list) else str(cell) for cell in cells))
    console().print(table)


@protocol.command("show")
@click.argument("name", metavar="ID_OR_FILE")
@site_option
@json_option
def show(name: str, site: str | None, as_json: bool) -> None:
    """Show a protocol as tables that a physicist can read and sign."""
    from mriloop.app.protocol import show_protocol
    from mriloop.model.record import as_json as as_plain
    from mriloop.stages.check.protocol.lint import show_protocol as in_words

    found = show_protocol(name, load_settings(site=site).site_path)
    if as_json:
        emit({"schema": "mriloop/protocol/1", "protocol": as_plain(found)})
        return
    click.echo(in_words(found))


@protocol.command("lint")
@click.argument("name", metavar="[ID_OR_FILE]", required=False)
@site_option
@json_option
def lint(name: str | None, site: str | None, as_json: bool) -> None:
    """Find fields that nothing reads, wrong units, tolerances that pass everything. Exit code 3 on any."""
    from mriloop.app.protocol import lint_protocols

    found = lint_protocols(name, load_settings(site=site).site_path)
    problems = [(protocol_id, problem) for protocol_id, several in found.items() for problem in several]
    if as_json:
        rows = [{"protocol": key, "code": p.code, "where": p.where, "text": p.text} for key, p in problems]
        emit({"schema": "mriloop/lint/1", "problems": rows})
    else:
        for key, problem in problems:
            click.echo(f"{key}: {problem.where}: {problem.code}: {problem.text}")
        click.echo(f"{len(found)} protocols, {len(problems)} problems")
    leave(Exit.REFUSED if problems else Exit.DONE)


@protocol.command("diff")
@click.argument("one", metavar="ID_OR_FILE")
@click.argument("two", metavar="ID_OR_FILE")
@site_option
@json_option
def diff_(one: str, two: str, site: str | None, as_json: bool) -> None:
    """Say in what two protocols differ, field by field."""
    from mriloop.app.protocol import diff

    found = diff(one, two, load_settings(site=site).site_path)
    if as_json:
        rows = [{"where": where, "one": a, "two": b} for where, a, b in found]
        emit({"schema": "mriloop/protocol-diff/1", "differences": rows})
        return
    from rich.table import Table

    table = Table("where", one, two)
    for row in found:
        table.add_row(*row)
    console().print(table if found else "no difference")


@protocol.command("import")
@click.argument("path", metavar="FILE", type=click.Path(path_type=Path))
@id_option
@click.option("--title", default="", help="Title (default: the name in the file).")
@click.option("--config", type=click.Path(path_type=Path), help="mrQA's mri-config.json: keep what it audits.")
@click.option("--program", help="The program of a printed Siemens protocol (default: all).")
@out_option
@json_option
def import_(
    path: Path, identity: str, title: str, config: Path | None, program: str | None, out: Path | None, as_json: bool
) -> None:
    """Turn a dicompare schema (JSON) or a printed Siemens protocol (XML) into a protocol, and say what is lost.

    Nothing in FILE is run: rules that are program code are listed as not imported.
    """
    from mriloop.app.protocol import import_protocol

    _plain(identity)
    made = import_protocol(path, identity=identity, title=title, year=_year(), config=config, program=program)
    _deliver(made, out, as_json, {"left_out": _left(made.left_out)}, "not imported")


@protocol.command("learn")
@click.argument("paths", metavar="DIR...", nargs=-1, required=True, type=click.Path(path_type=Path))
@id_option
@click.option("--title", required=True, help="Title of the new protocol.")
@workers_option
@out_option
@json_option
def learn_(
    paths: tuple[Path, ...], identity: str, title: str, workers: int | None, out: Path | None, as_json: bool
) -> None:
    """Propose a protocol from at least three good studies: medians, and tolerances from their spread.

    Fields that vary freely are left out, studies that stand apart are named. A proposal: a physicist reads and signs.
    """
    from mriloop.app.protocol import learn

    _plain(identity)
    settings = load_settings(workers=workers)
    progress = Progress()
    with progress.shown():
        made, learned = learn(paths, settings, identity=identity, title=title, year=_year(), progress=progress)
    apart = [
        {"study": o.study, "series": o.series, "field": o.field, "found": o.found, "usual": o.usual}
        for o in learned.outliers
    ]
    more = {"studies": learned.studies, "outliers": apart, "left_out": _left(made.left_out)}
    for one in () if as_json else learned.outliers:
        text = f"stands apart, not learned from: {one.study}, {one.series}: {one.field} {one.found}, usual {one.usual}"
        click.echo(text, err=True)
    _deliver(made, out, as_json, more, "left out")


def _year() -> int:
    return datetime.now(UTC).year


def _plain(identity: str) -> None:
    if not identity.replace("_", "").isalnum() or not identity.isascii():
        raise refuse("usage_value", detail=f"--id {identity!r} may hold letters, digits and _ only")


def _left(items: Sequence[LeftOut]) -> list[dict[str, str]]:
    return [{"where": one.where, "what": one.what, "why": one.why} for one in items]


def _deliver(made: Proposal, out: Path | None, as_json: bool, more: dict[str, Any], lost: str) -> None:
    if out is not None:
        try:
            out.parent.mkdir(parents=True, exist_ok=True)
            out.write_text(made.text, encoding="utf-8")
        except OSError:
            raise refuse("out_not_writable", path=out) from None
    if as_json:
        problems = [{"code": p.code, "where": p.where, "text": p.text} for p in made.problems]
        emit({"schema": "mriloop/protocol-proposal/1", "yaml": made.text, "problems": problems, **more})
        return
    if out is None:
        click.echo(made.text, nl=False)
    for one in made.left_out:
        click.echo(f"{lost}: {one.where}: {one.what}: {one.why}", err=True)
    for problem in made.problems:
        click.echo(f"to mend: {problem.where}: {problem.text}", err=True)
    if out is not None:
        lines = len(made.protocol.series)
        click.echo(f"{out}: {lines} series, {sum(len(line.fields) for line in made.protocol.series)} fields", err=True)
