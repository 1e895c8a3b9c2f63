"""A guideline as a sheet to read and sign: its tables in words, its sources once, a place to sign for every row."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from mriloop.model.guideline import FactSpec, Guideline, Match, Row, Status, Table
from mriloop.model.sheet import Sheet, SheetRow, SheetTable
from mriloop.stages.advise.show import conjunction, say_schedule
from mriloop.stages.advise.signatures import holding_on, row_digest, say_signature, status_on, why_not_signed

_STATUS = {
    Status.DRAFT: "draft: not verified, not for patients",
    Status.REVIEWED: "reviewed-pending-signature",
    Status.ACTIVE: "active",
    Status.RETIRED: "retired",
}


def sheet_of(guideline: Guideline, vocabulary: Mapping[str, FactSpec], on: date | None = None) -> Sheet:
    """Return a guideline as a sheet; `on` is the day on which signatures are judged, None to leave them out."""
    sources: dict[str, int] = {}
    tables = []
    if guideline.guards:
        terms = "A guard that holds is the answer. One that nobody has excluded is named in a warning."
        rows = tuple(_row(guideline, None, row, vocabulary, sources, on) for row in guideline.guards)
        tables.append(SheetTable(heading="First of all", terms=terms, rows=rows))
    for table in guideline.tables:
        rows = tuple(_row(guideline, table, row, vocabulary, sources, on) for row in table.rows)
        heading = f"{table.question[0].upper()}{table.question[1:]}: {table.profile}"
        tables.append(SheetTable(heading=heading, terms=_terms(table, vocabulary), rows=rows))
    return Sheet(
        id=guideline.id,
        title=guideline.title,
        version=guideline.version,
        edition=guideline.edition,
        raised=tuple(conjunction(group, vocabulary) for group in guideline.raised_by),
        scope=tuple(
            f"{conjunction(scope.when, vocabulary)}; otherwise: {scope.otherwise}" for scope in guideline.applies_when
        ),
        tables=tuple(tables),
        sources=tuple(sources),
        on=on,
    )


def show_guideline(guideline: Guideline, vocabulary: Mapping[str, FactSpec], on: date | None = None) -> str:
    """Return a guideline as Markdown: when it speaks, its tables, its sources, and a place to sign for each row."""
    sheet = sheet_of(guideline, vocabulary, on)
    drafts = sum(row.draft for row in sheet.rows)
    lines = [f"# {sheet.title}", "", f"`{sheet.id}` {sheet.version}, after {sheet.edition}.", ""]
    if drafts:
        lines += [f"**{drafts} of {len(sheet.rows)} rows are drafts**: not verified, not for patients.", ""]
    lines += [f"**Raised by**: {' · '.join(sheet.raised)}.", ""]
    for scope in sheet.scope:
        lines += [f"**Applies when** {scope}.", ""]
    for table in sheet.tables:
        lines += [f"## {table.heading}", "", table.terms, ""]
        lines += ["| Row | When | Then | Source | Status |", "| --- | --- | --- | --- | --- |"]
        lines += [_line(row) for row in table.rows]
        lines.append("")
    lines += ["## Sources", ""]
    lines += [f"{number}. {text}" for number, text in enumerate(sheet.sources, 1)]
    lines += [
        "",
        "Marks: V read in the primary text, V2 in a secondary text only, M and M+ from memory, C corrected.",
        "",
    ]
    lines += [
        "## To sign",
        "",
        f"`mriloop guidelines sign {sheet.id} --row ROW --by NAME --role ROLE --expires DATE`",
        "",
    ]
    lines += ["| Row | Content | Signed | Name, role, date, expiry |", "| --- | --- | --- | --- |"]
    for row in sheet.rows:
        space = f"not to be signed: {row.why_not}" if row.why_not else "______________________"
        lines.append(f"| `{row.name}` | `{row.digest[:12]}` | {'; '.join(row.signed) or 'no'} | {space} |")
    return "\n".join(lines).rstrip() + "\n"


def _line(row: SheetRow) -> str:
    """Return a row of the Markdown table."""
    then = [f"**{row.step}** ({row.urgency}). {row.text}"]
    then += [f"_{row.schedule}_"] if row.schedule else []
    then += [f"Who: {row.who}."] if row.who else []
    then += [f"Also: {'; '.join(row.actions)}."] if row.actions else []
    then += [f"Mind: {row.note.rstrip('.')}."] if row.note else []
    status = "; ".join([row.status, *([row.provenance] if row.provenance else []), *row.signed])
    cells = (
        f"`{row.name.split('/')[1]}`",
        row.when,
        " ".join(then),
        f"({row.source}) {row.locator} [{row.mark}]",
        status,
    )
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _terms(table: Table, vocabulary: Mapping[str, FactSpec]) -> str:
    first = table.match is Match.FIRST
    terms = ["The first row that holds answers." if first else "Every row that holds answers."]
    if table.when:
        terms.append(f"Asked only when {conjunction(table.when, vocabulary)}.")
    if not table.default:
        terms.append("Shown beside the default profile.")
    if table.superseded:
        terms.append("Superseded: evaluated only where a site or a case selects it.")
    return " ".join(terms)


def _row(
    guideline: Guideline,
    table: Table | None,
    row: Row,
    vocabulary: Mapping[str, FactSpec],
    sources: dict[str, int],
    on: date | None,
) -> SheetRow:
    cited = row.citation
    doi = f" doi {cited.doi}." if cited.doi else ""
    year = "" if str(cited.year) in cited.text else f" ({cited.year})"
    number = sources.setdefault(f"{cited.text.rstrip('.')}{year}.{doi}", len(sources) + 1)
    status = row.status if on is None else status_on(row, on)
    return SheetRow(
        name=f"{table.id if table else 'guards'}/{row.id}",
        when=conjunction(row.when, vocabulary) or "otherwise",
        step=row.step,
        urgency=row.urgency,
        text=row.text,
        schedule=say_schedule(row.schedule, vocabulary) if row.schedule else "",
        who=", ".join(row.specialty).replace("_", " "),
        actions=row.actions,
        note=row.note,
        source=number,
        locator=cited.locator,
        mark=cited.mark,
        status=_STATUS[status],
        draft=status is Status.DRAFT,
        signed=tuple(map(say_signature, holding_on(row, on))) if on is not None else (),
        provenance=row.provenance,
        why_not=why_not_signed(row),
        digest=row_digest(guideline, table, row),
    )
