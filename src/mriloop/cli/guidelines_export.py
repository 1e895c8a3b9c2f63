"""`mriloop guidelines export`: guidelines as FHIR R4, their worked cases as CSV."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mriloop.cli.common import emit, json_option, load_settings, site_option

if TYPE_CHECKING:
    from mriloop.model.binding import Binding


@click.command("export")
@click.argument("name", required=False)
@click.option("--all", "every", is_flag=True, help="Every guideline in force.")
@click.option("--as", "form", type=click.Choice(["fhir", "csv", "cql"]), required=True, help="Form to write.")
@click.option("--out", type=click.Path(path_type=Path), default=Path(), help="Folder (default: here).", metavar="DIR")
@site_option
@json_option
def export(name: str | None, every: bool, form: str, out: Path, site: str | None, as_json: bool) -> None:
    """Write one guideline, or --all, for others to read.

    As `fhir`: a Bundle with a PlanDefinition (an action for each row, its condition as CQL and in words), an
    ActivityDefinition for each examination, and a Library of the facts. As `csv`: the worked cases, one row a case; an
    empty cell is not stated, `?` is unknown. As `cql`: a library of every condition and table, facts as parameters.
    """
    from mriloop.app.exchange import ExportForm, export_guidelines

    if (name is None) == (not every):
        raise click.UsageError("name a guideline, or say --all")
    now = datetime.now().astimezone()
    place = load_settings(site=site).site_path
    written = export_guidelines(ExportForm(form), out, site=place, only=name, now=now)
    if as_json:
        emit({"schema": "mriloop/export/1", "files": [str(path) for path in written]})
        return
    for path in written:
        click.echo(path)


def found_in(binding: Binding | None) -> list[str]:
    """Return where a fact is found, in short: "DICOM PatientAge", "FHIR Observation.value (98979-8, 62238-1) [V2]"."""
    if binding is None:
        return []
    places = [f"DICOM {each.keyword}" for each in binding.dicom]
    for each in binding.fhir:
        codes = f" ({', '.join(each.codes)})" if each.codes else ""
        places.append(f"FHIR {each.resource}.{each.element}{codes} [{each.mark}]")
    return [*places, *(f"RadElement {each}" for each in binding.radelement)]
