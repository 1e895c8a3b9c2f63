"""The page of one guideline: its tables to read, its sources, a place to sign; nothing from outside, no script."""

from __future__ import annotations

from pathlib import Path

from mriloop.edges.publish.sheet import sheet as fill
from mriloop.edges.publish.tables.write import replaced
from mriloop.model.sheet import Sheet


def write_page(sheet: Sheet, path: Path) -> Path:
    """Write the page of a guideline to `path`. Raises OperatorError `out_not_writable`."""
    drafts = sum(row.draft for row in sheet.rows)
    unsignable = sum(bool(row.why_not) for row in sheet.rows)
    html = fill("guideline.html.j2", sheet=sheet, drafts=drafts, unsignable=unsignable)
    with replaced(path) as fresh:
        fresh.write_text(html, encoding="utf-8")
    return path
