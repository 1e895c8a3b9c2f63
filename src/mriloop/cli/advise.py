"""`mriloop advise` and `mriloop order-check`: a case or an order held against the guidelines."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mriloop.cli.common import emit, folded, json_option, leave, load_settings, site_option
from mriloop.model.errors import Exit

if TYPE_CHECKING:
    from mriloop.stages.communicate import StepPreview

as_of_option = click.option(
    "--as-of", type=click.DateTime(["%Y-%m-%d"]), help="The day of the question where the file names none."
)


@click.command()
@click.argument("case", type=click.Path(path_type=Path), required=False)
@as_of_option
@click.option(
    "--fhir-bundle", "record", type=click.Path(path_type=Path), help="Facts from a FHIR R4 Bundle.", metavar="FILE"
)
@click.option(
    "--ics", type=click.Path(path_type=Path), help="Also write the open windows as a calendar.", metavar="FILE"
)
@click.option(
    "--fhir", type=click.Path(path_type=Path), help="Also write a FHIR R4 Bundle of proposals.", metavar="FILE"
)
@click.option(
    "--what-if", is_flag=True, help="Show which single facts would change the answer, and why others would not."
)
@site_option
@json_option
@click.option(
    "--for-patient", metavar="LANGUAGE", help="Print instead what the patient would be told, in a language (en, es)."
)
@click.option(
    "--allow-drafts", is_flag=True, help="With --for-patient: also of rows that nobody has verified. Not for patients."
)
def advise(
    case: Path | None,
    as_of: datetime | None,
    record: Path | None,
    ics: Path | None,
    fhir: Path | None,
    what_if: bool,
    site: str | None,
    as_json: bool,
    for_patient: str | None,
    allow_drafts: bool,
) -> None:
    """Propose the next step for a case, from cited guidelines.

    CASE is a YAML file of facts (docs/reference/cases.md; examples in docs/examples). Every proposal names its reasons
    and its source; a guideline that lacks a fact asks for it. Facts may come from a patient's FHIR R4 Bundle too; the
    word of CASE stands above it. Exit code 10 when a person must act within days, or
    a guideline waits for a fact that a person has to state.

    --for-patient shows what a patient would be told of each step, for a person to read first: nothing is sent, and a
    letter is made of a signed report alone.
    """
    from mriloop.app.advise import guidelines_in_force
    from mriloop.app.exchange import advise_with_record, write_calendar, write_proposals
    from mriloop.app.telling import previews, told
    from mriloop.edges.publish.documents import advice_document
    from mriloop.model.coding import Urgency
    from mriloop.stages.advise import explain

    if case is None and record is None:
        raise click.UsageError("name a CASE, or a record with --fhir-bundle")
    if as_json and for_patient:
        raise click.UsageError("--json and --for-patient are two answers: ask for one")
    settings = load_settings(site=site)
    if what_if:
        from mriloop.app.advise import what_if as run
        from mriloop.cli.what_if import as_document, as_text

        if case is None:
            raise click.UsageError("--what-if needs a CASE")
        found = run(case, site=settings.site_path, now=_day(as_of))
        words = guidelines_in_force(settings.site_path).vocabulary
        emit(as_document(found)) if as_json else click.echo(as_text(found, words))
        leave(Exit.DONE)
    now = datetime.now().astimezone()
    name, advice = advise_with_record(case, record, site=settings.site_path, today=_day(as_of))
    if ics is not None:
        click.echo(f"{ics}: {write_calendar(advice, name, ics, now=now)} dates", err=True)
    if fhir is not None:
        write_proposals(advice, name, fhir, site=settings.site_path, now=now)
    if as_json:
        emit(advice_document(advice, told(advice, site=settings.site_path)))
    elif for_patient:
        shown = previews(advice, settings, language=for_patient, on=_day(as_of), allow_drafts=allow_drafts)
        click.echo("\n\n".join(_preview(each) for each in shown) or "No next step is proposed.")
    else:
        known = guidelines_in_force(settings.site_path)
        titles = {one.id: one.title for one in known.guidelines}
        click.echo(folded(explain(advice, titles, known.vocabulary)))
    pressing = any(one.default and one.urgency is not Urgency.ROUTINE for one in advice.recommendations)
    leave(Exit.NEEDS_PERSON if pressing or advice.undetermined else Exit.DONE)


def _preview(shown: StepPreview) -> str:
    """Say what a patient would be told of one step, with the points of the checklist that its letter covers."""
    head = f"{shown.step} [letter {shown.kind}; {shown.status}]"
    if shown.withheld:
        return f"{head}\n  {shown.withheld}"
    lines = [head, f"  {shown.text}" if shown.text else "  (no text of its own)"]
    for point, said in shown.points.items():
        lines.append(f"  * {shown.headings[point]}")
        lines += [f"      {sentence}" for sentence in said]
    lines += [f"  * {shown.headings[point]}: filled when the report is signed" for point in shown.at_signature]
    return "\n".join(lines)


def _day(as_of: datetime | None) -> date:
    return as_of.date() if as_of is not None else datetime.now().astimezone().date()
