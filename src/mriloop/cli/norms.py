"""`mriloop norms`: the limits on which verdicts turn, and who changed them for whom."""

from __future__ import annotations

import click

from mriloop.cli.common import console, emit, json_option, leave, load_settings, site_option
from mriloop.model.errors import Exit


@click.group()
def norms() -> None:
    """Show and lint the limits of CHECK, the norms that change them, and how far measures repeat."""


@norms.command("show")
@click.argument("word", required=False)
@site_option
@json_option
def show(word: str | None, site: str | None, as_json: bool) -> None:
    """Show limits with their reasons and norms, and how far each measure repeats; or only those that WORD is in."""
    from mriloop.app.norms import norms_document

    document = norms_document(load_settings(site=site).site_path)
    if word:
        for part, name in (("limits", "name"), ("norms", "limit"), ("repeatability", "measure")):
            document[part] = [one for one in document[part] if word.lower() in one[name].lower()]
    if as_json:
        emit(document)
        return
    from rich.table import Table

    table = Table("limit", "value", "why")
    for one in document["limits"]:
        table.add_row(one["name"], f"{one['value']:g} {one['unit']}", one["because"])
        for norm in (each for each in document["norms"] if each["limit"] == one["name"]):
            when = "; ".join(f"{key} {_words(value)}" for key, value in norm["when"].items()) or "always"
            table.add_row(f"  for {when}", f"{norm['value']:g} {norm['unit']}", f"{norm['because']} ({norm['place']})")
    repeats = Table("measure", "changed beyond", "where", title="Repeatability", title_justify="left")
    for one in document["repeatability"]:
        limits = [
            f"{one['percent']:g} %" if one["percent"] else "",
            f"{one['absolute']:g} {one['unit']}" if one["absolute"] else "",
        ]
        repeats.add_row(one["measure"], " and ".join(filter(None, limits)), f"{one['circumstances']} ({one['place']})")
    console().print(table, repeats)


@norms.command("lint")
@site_option
@json_option
def lint(site: str | None, as_json: bool) -> None:
    """Find unknown limits and measures, impossible values and units, norms that contradict. Exit code 3 on any."""
    from mriloop.app.norms import lint_norms

    problems = lint_norms(load_settings(site=site).site_path)
    if as_json:
        emit({"schema": "mriloop/lint/1", "problems": [{"where": where, "text": text} for where, text in problems]})
    else:
        for where, text in problems:
            click.echo(f"{where}: {text}")
        click.echo(f"{len(problems)} problems")
    leave(Exit.REFUSED if problems else Exit.DONE)


def _words(value: object) -> str:
    listed = value if isinstance(value, list | tuple) else [value]
    return ", ".join(f"{each:g}" if isinstance(each, float) else str(each) for each in listed)
