"""A guideline laid out in words, to be read and signed by a clinician: on a page, on paper or in a terminal."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetRow:
    """One row in words. `source` is the number of its source on the sheet; `why_not` why it may not be signed.

    `signed` are the signatures that hold, in words; `digest` is what a signature covers.
    """

    name: str
    when: str
    step: str
    urgency: str
    text: str
    schedule: str
    who: str
    actions: tuple[str, ...]
    note: str
    source: int
    locator: str
    mark: str
    status: str
    draft: bool
    signed: tuple[str, ...]
    provenance: str
    why_not: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetTable:
    """One table: its heading, how it is asked in words, its rows."""

    heading: str
    terms: str
    rows: tuple[SheetRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A whole guideline on a day. `sources` are in the order in which rows first cite them, counted from 1."""

    id: str
    title: str
    version: str
    edition: str
    raised: tuple[str, ...]
    scope: tuple[str, ...]
    tables: tuple[SheetTable, ...]
    sources: tuple[str, ...]
    on: date | None

    @property
    def rows(self) -> tuple[SheetRow, ...]:
        """All rows, guards first."""
        return tuple(row for table in self.tables for row in table.rows)
