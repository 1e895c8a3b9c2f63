"""A guideline as a PDF to read, discuss and sign on paper."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

from mriloop.edges.channels.typeset import typeset
from mriloop.model.sheet import Sheet, SheetRow

UNDATED = date(1970, 1, 1)


def write(sheet: Sheet, path: Path) -> Path:
    """Write a guideline as PDF/A-2a and PDF/UA-1, A4 across, at `path`. Raises OperatorError `out_not_writable`."""
    typeset("guideline.typ", _data(sheet), path, on=sheet.on or UNDATED)
    return path


def _data(sheet: Sheet) -> dict[str, Any]:
    drafts = sum(row.draft for row in sheet.rows)
    on = f", as it stands on {sheet.on}" if sheet.on else ""
    return {
        "language": "en",
        "title": sheet.title,
        "author": "mriloop",
        "footer": f"{sheet.id} {sheet.version}{on}. Research software.",
        "page": "Page {page} of {pages}",
        "lead": f"After {sheet.edition}. Guideline {sheet.id}, version {sheet.version}.",
        "drafts": f"{drafts} of {len(sheet.rows)} rows are drafts: not verified, not for patients." if drafts else "",
        "raised": list(sheet.raised),
        "scope": [f"Applies when {text}." for text in sheet.scope],
        "tables": [
            {"heading": table.heading, "terms": table.terms, "rows": [_row(row) for row in table.rows]}
            for table in sheet.tables
        ],
        "sources": list(sheet.sources),
        "signing": [
            {"row": row.name, "content": row.digest[:12], "signed": "; ".join(row.signed)}
            for row in sheet.rows
            if not row.why_not
        ],
        "unsignable": sum(bool(row.why_not) for row in sheet.rows),
    }


def _row(row: SheetRow) -> dict[str, Any]:
    step = row.step.replace("_", " ")
    urgency = "" if row.urgency == "routine" else f" (within {row.urgency})"
    below = [row.schedule] if row.schedule else []
    below += [f"Who: {row.who}."] if row.who else []
    below += [f"Also: {'; '.join(row.actions)}."] if row.actions else []
    below += [f"Mind: {row.note}"] if row.note else []
    return {
        "name": row.name,
        "when": row.when,
        "step": f"{'DRAFT. ' if row.draft else ''}{step}{urgency}. ",
        "text": row.text,
        "below": below,
        "source": f"({row.source}) {row.locator} [{row.mark}]",
        "status": [row.status, *row.signed, *([row.provenance] if row.provenance else [])],
    }
