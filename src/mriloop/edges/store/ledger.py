"""The append-only, hash-chained ledger: adding to its end, reading it, proving that nobody changed it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Select, bindparam, insert, select

from mriloop.edges.store.projections import moment
from mriloop.edges.store.schema import LEDGER
from mriloop.model.errors import refuse
from mriloop.model.record import (
    GENESIS,
    LedgerEntry,
    LedgerProof,
    Record,
    entry_digest,
    record_body,
    record_from,
    record_identity,
)

_LOOK_UP = 500
_HEAD = select(LEDGER.c.position, LEDGER.c.digest).order_by(LEDGER.c.position.desc()).limit(1)
_ENTRY = select(LEDGER.c.position, LEDGER.c.previous, LEDGER.c.digest, LEDGER.c.body)
_KNOWN = _ENTRY.add_columns(LEDGER.c.identity).where(LEDGER.c.identity.in_(bindparam("identities", expanding=True)))
_INSERT = insert(LEDGER)

Prepared = tuple[Record, str, str]


def prepare(records: Iterable[Record]) -> list[Prepared]:
    """Return each record with its canonical body and its identity: the work that needs no lock."""
    prepared: list[Prepared] = []
    for record in records:
        body = record_body(record)
        prepared.append((record, body, record_identity(record, body)))
    return prepared


def append(connection: Connection, prepared: Sequence[Prepared]) -> tuple[tuple[LedgerEntry, ...], list[LedgerEntry]]:
    """Add to the end what is not there yet, inside the writer's transaction.

    Returns the entry of each record, in the order given, and apart from them the entries that are new. A record whose
    identity is on the ledger already comes back as the entry that it has been since.
    """
    head = connection.execute(_HEAD).one_or_none()
    position, previous = (head.position, head.digest) if head else (0, GENESIS)
    known = _known(connection, [identity for _, _, identity in prepared])
    fresh: list[LedgerEntry] = []
    rows: list[dict[str, object]] = []
    answer: list[LedgerEntry] = []
    for record, body, identity in prepared:
        if identity not in known:
            position += 1
            digest = entry_digest(position, previous, body)
            # what comes back is what can be read later: lists for tuples, UTC for other zones
            entry = LedgerEntry(position=position, previous=previous, digest=digest, record=record_from(body))
            rows.append(_row(entry, record, body, identity))
            fresh.append(entry)
            known[identity] = entry
            previous = digest
        answer.append(known[identity])
    if rows:
        connection.execute(_INSERT, rows)
    return tuple(answer), fresh


def entries(connection: Connection, statement: Select[Any]) -> list[LedgerEntry]:
    """Return the entries that a statement selects."""
    return [_entry(row) for row in connection.execute(statement).mappings()]


def selection(
    *, kind: str | None = None, subject: str | None = None, patient: str | None = None, after: int, limit: int
) -> Select[Any]:
    """Return the statement for the first entries after a position that match every word given."""
    statement = _ENTRY.where(LEDGER.c.position > after).order_by(LEDGER.c.position).limit(limit)
    for column, value in ((LEDGER.c.kind, kind), (LEDGER.c.subject, subject), (LEDGER.c.patient, patient)):
        if value is not None:
            statement = statement.where(column == value)
    return statement


def verify(connection: Connection, known: LedgerProof | None) -> LedgerProof:
    """Read the whole chain and return the proof that it holds.

    Raises `ledger_broken` with the first entry at which position, link, digest, a column or the `known` proof fails.
    """
    previous, count = GENESIS, 0
    _agree(known, count, previous)
    statement = select(LEDGER).order_by(LEDGER.c.position)
    with connection.execute(statement, execution_options={"yield_per": 1000}) as result:
        for row in result.mappings():
            count += 1
            previous = _link(count, previous, row)
            _agree(known, count, previous)
    if known is not None and known.entries > count:
        raise refuse("ledger_broken", entry=count + 1, detail=f"{known.entries} entries were there before")
    return LedgerProof(entries=count, head=previous)


def _link(position: int, previous: str, row: Mapping[Any, Any]) -> str:
    """Return the digest of the entry in a row, having checked that it belongs at `position` after `previous`."""
    if row["position"] != position:
        raise refuse("ledger_broken", entry=position, detail="the entry is missing")
    if row["previous"] != previous:
        raise refuse("ledger_broken", entry=position, detail="it does not follow the entry before it")
    if row["digest"] != entry_digest(position, previous, row["body"]):
        raise refuse("ledger_broken", entry=position, detail="its content is not what was recorded")
    entry = _entry(row)
    copied = _row(entry, entry.record, row["body"], record_identity(entry.record, row["body"]))
    if changed := sorted(name for name, value in copied.items() if row[name] != value):
        raise refuse("ledger_broken", entry=position, detail=f"its {', '.join(changed)} disagree with its content")
    return entry.digest


def _agree(known: LedgerProof | None, count: int, head: str) -> None:
    if known is not None and known.entries == count and known.head != head:
        raise refuse("ledger_broken", entry=count, detail="it is not the entry of which a proof was kept")


def _known(connection: Connection, identities: Sequence[str]) -> dict[str, LedgerEntry]:
    found: dict[str, LedgerEntry] = {}
    for start in range(0, len(identities), _LOOK_UP):
        rows = connection.execute(_KNOWN, {"identities": identities[start : start + _LOOK_UP]}).mappings()
        found.update((row["identity"], _entry(row)) for row in rows)
    return found


def _entry(row: Mapping[Any, Any]) -> LedgerEntry:
    return LedgerEntry(
        position=row["position"], previous=row["previous"], digest=row["digest"], record=record_from(row["body"])
    )


def _row(entry: LedgerEntry, record: Record, body: str, identity: str) -> dict[str, object]:
    return {
        "position": entry.position,
        "previous": entry.previous,
        "digest": entry.digest,
        "identity": identity,
        "kind": record.kind,
        "subject": record.subject,
        "patient": record.patient,
        "at": moment(record.at),
        "body": body,
    }
