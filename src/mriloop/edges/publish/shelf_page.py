"""The page that lists the shipped guidelines: docs/reference/shelf.md is its output."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from mriloop.model.guideline import Guideline, Row, Status

_HEAD = """<!-- written by `make docs` from the guidelines; do not edit -->

# The guidelines on the shelf

`mriloop guidelines show ID` lays one out to be read and signed; [guidelines.md](guidelines.md) says how they are made,
[coverage.md](coverage.md) what carries each numbered statement. A draft row is cited from memory, or corrects a
statement: nobody has read its sentence in the source yet, and it says so wherever it is shown. No row is active as
shipped: a named clinician of the site signs it.

| Guideline | Speaks about | Edition | Profiles | Rows | Drafts | Carries |
|---|---|---|---|---|---|---|
"""


def shelf_page(guidelines: Sequence[Guideline]) -> str:
    """Return docs/reference/shelf.md: one line a guideline, and the sums."""
    lines = [_line(each) for each in guidelines]
    rows = [row for each in guidelines for row in _rows(each)]
    drafts = sum(row.status is Status.DRAFT for row in rows)
    total = f"\n{len(guidelines)} guidelines, {len(rows)} rows, {drafts} of them drafts.\n"
    return _HEAD + "".join(lines) + total


def _line(guideline: Guideline) -> str:
    rows = _rows(guideline)
    profiles = ", ".join(dict.fromkeys(table.profile for table in guideline.tables))
    drafts = sum(row.status is Status.DRAFT for row in rows)
    carried = ", ".join(_in_order({number for row in rows for number in row.statements}))
    cells = (
        f"`{guideline.id}`",
        guideline.title,
        guideline.edition,
        profiles,
        str(len(rows)),
        str(drafts or ""),
        carried,
    )
    return f"| {' | '.join(cells)} |\n"


def _rows(guideline: Guideline) -> tuple[Row, ...]:
    return (*guideline.guards, *(row for table in guideline.tables for row in table.rows))


def _in_order(numbers: Iterable[str]) -> list[str]:
    """Sort S2 before S10, and S before B and C."""
    return sorted(numbers, key=lambda each: ("SBC".find(each[0]), int(re.sub(r"\D", "", each) or 0), each))
