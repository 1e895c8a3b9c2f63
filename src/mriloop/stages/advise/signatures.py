"""Who signed a row of a guideline, for what content and until when: what makes a row active on a given day."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass, replace
from datetime import date

from mriloop.model.guideline import (
    Guideline,
    GuidelineSet,
    LintProblem,
    Mark,
    Match,
    Row,
    Signature,
    Status,
    Table,
)
from mriloop.model.record import Json, as_json, digest_of

# A number from memory is no basis for a signature: the source has to be read first.
SIGNABLE: frozenset[Mark] = frozenset({Mark.V, Mark.V2})
# What surrounds the content of a row: its life, and who stood behind it.
_NOT_CONTENT = frozenset({"status", "signatures", "provenance", "statements"})


def rows_of(guideline: Guideline) -> Iterator[tuple[str, Table | None, Row]]:
    """Yield each row with its name (`table/row`, `guards/row`) and its table; None for a guard."""
    for row in guideline.guards:
        yield f"guards/{row.id}", None, row
    for table in guideline.tables:
        for row in table.rows:
            yield f"{table.id}/{row.id}", table, row


def row_digest(guideline: Guideline, table: Table | None, row: Row) -> str:
    """Return the SHA-256 of all that a clinician signs with a row, in lower-case hex.

    That is the row itself with its citation, and everything that decides when it answers: what raises the guideline,
    its scope with its words, the conditions of the guards and of the rows before it, the head of its table, the edition
    and the family of the guideline. Fields left at their
    default do not count, so that a later version with more fields leaves a signature standing. Status, statements and
    provenance are no content.
    """
    before = guideline.guards if table is not None else ()
    if table is None:
        before = guideline.guards[: guideline.guards.index(row)]
    elif table.match is Match.FIRST:
        before = (*before, *table.rows[: table.rows.index(row)])
    head = {} if table is None else {key: value for key, value in _fields(table).items() if key not in ("id", "rows")}
    return digest_of(
        [
            guideline.id,
            guideline.edition,
            guideline.family,
            _content(guideline.raised_by),
            _content(guideline.applies_when),
            _content([each.when for each in before]),
            head,
            {name: value for name, value in _fields(row).items() if name not in _NOT_CONTENT},
        ]
    )


def _content(value: object) -> Json:
    """Return plain JSON of a noun without the fields that stand at their default."""
    if is_dataclass(value) and not isinstance(value, type):
        return _fields(value)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_content(each) for each in value]
    return as_json(value)


def _fields(value: object) -> dict[str, Json]:
    kept: dict[str, Json] = {}
    for each in fields(value):  # type: ignore[arg-type]
        held = getattr(value, each.name)
        if each.default is MISSING or held != each.default:
            kept[each.name] = _content(held)
    return kept


def sign_off(known: GuidelineSet, signatures: Mapping[tuple[str, str], Sequence[Signature]]) -> GuidelineSet:
    """Return the guidelines with each row's signatures, by (guideline, `table/row`), that fit its content of today.

    A signature under other content stays in the site's file and is left out here: it never makes a row active.
    """
    return replace(
        known,
        guidelines=tuple(
            _signed(guideline, signatures)
            if any(name == guideline.id and held for (name, _), held in signatures.items())
            else guideline
            for guideline in known.guidelines
        ),
    )


def _signed(guideline: Guideline, signatures: Mapping[tuple[str, str], Sequence[Signature]]) -> Guideline:
    held: dict[str, tuple[Signature, ...]] = {}
    for name, table, row in rows_of(guideline):
        on_record = signatures.get((guideline.id, name), ())
        digest = row_digest(guideline, table, row) if on_record else ""
        held[name] = tuple(each for each in on_record if each.digest == digest)
    return replace(
        guideline,
        guards=tuple(replace(row, signatures=held[f"guards/{row.id}"]) for row in guideline.guards),
        tables=tuple(
            replace(table, rows=tuple(replace(row, signatures=held[f"{table.id}/{row.id}"]) for row in table.rows))
            for table in guideline.tables
        ),
    )


def holding_on(row: Row, day: date) -> tuple[Signature, ...]:
    """Return the signatures of a row that hold on a day; none for a row whose mark or status may not be signed."""
    if row.citation.mark not in SIGNABLE or row.status not in (Status.REVIEWED, Status.ACTIVE):
        return ()
    return tuple(each for each in row.signatures if each.on <= day <= each.expires)


def status_on(row: Row, day: date) -> Status:
    """Return where a row stands on a day. Only a signature that holds makes it active, whatever a file says."""
    if row.status in (Status.DRAFT, Status.RETIRED):
        return row.status
    if row.citation.mark not in SIGNABLE:
        return Status.DRAFT
    return Status.ACTIVE if holding_on(row, day) else Status.REVIEWED


def provenance_on(row: Row, day: date) -> str:
    """Return who changed the row at the site and who signed it, in words; empty as shipped and unsigned."""
    return "; ".join(words for words in (row.provenance, *map(say_signature, holding_on(row, day))) if words)


def say_signature(signature: Signature) -> str:
    """Return a signature in words: who, in which role, when, until when."""
    return f"signed by {signature.by}, {signature.role}, on {signature.on}, until {signature.expires}"


def why_not_signed(row: Row) -> str:
    """Return why a row must not be signed, and what to do first; empty when it may be."""
    mark = row.citation.mark
    if mark is Mark.C:
        return "it corrects a statement and is marked C: give it the mark of the text that corrects it first"
    if mark not in SIGNABLE:
        return f"its source is cited from memory (mark {mark}): read it, then state its mark in the site's overlay"
    if row.status is Status.DRAFT:
        return "it is a draft: whoever wrote it says `status: reviewed-pending-signature` first"
    return "it is retired" if row.status is Status.RETIRED else ""


def signature_problems(
    guideline: Guideline, signatures: Mapping[tuple[str, str], Sequence[Signature]], today: date
) -> tuple[LintProblem, ...]:
    """Return what is wrong with the signatures on record: rows that are gone, changed since, or signed too long ago."""
    rows = {name: (table, row) for name, table, row in rows_of(guideline)}
    problems = []
    for (owner, name), on_record in signatures.items():
        if owner != guideline.id or not on_record:
            continue
        where, last = f"{guideline.id}/{name}", on_record[-1]
        if name not in rows:
            problems.append(_problem("signature_without_row", where, f"{say_signature(last)}; there is no such row"))
            continue
        table, row = rows[name]
        fitting = [each for each in on_record if each.digest == row_digest(guideline, table, row)]
        if not fitting:
            text = f"{say_signature(last)}; the row has changed since and is not active"
            problems.append(_problem("signature_stale", where, text))
        elif why := why_not_signed(row):
            problems.append(_problem("signature_void", where, f"{say_signature(last)}; {why}"))
        elif all(each.expires < today for each in fitting):
            newest = max(fitting, key=lambda each: each.expires)
            text = f"{say_signature(newest)}; it has expired and the row is not active"
            problems.append(_problem("signature_expired", where, text))
    return tuple(problems)


def _problem(code: str, where: str, text: str) -> LintProblem:
    return LintProblem(code=code, where=where, text=text)
