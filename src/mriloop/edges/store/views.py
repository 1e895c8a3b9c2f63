"""Writing the projections and asking them: the worklist of follow-ups, studies, reports and letters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Executable, bindparam, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from mriloop.edges.store import ledger
from mriloop.edges.store.projections import Add, Put, PutUnsealed, effects, follow_up_from
from mriloop.edges.store.schema import FOLLOW_UP, LETTER, METADATA, PROJECTIONS, REPORT, STUDY
from mriloop.model.errors import refuse
from mriloop.model.follow_up import FollowUp
from mriloop.model.quality import Verdict
from mriloop.model.record import Record

_KEY = "key_of_the_row"
_PAGE = 1000
_COUNTED = {"preserve_rowcount": True}


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyRow:
    """Where a study stands in the loop. A time is None as long as the step has not been taken; all are UTC.

    `started_at` is the scanner's local time as it gave it. `changes`, `recommendations` and `undetermined` are counts.
    """

    study_instance_uid: str
    patient: str
    started_at: datetime | None
    description: str | None
    series: int | None
    verdict: Verdict | None
    changes: int | None
    recommendations: int | None
    undetermined: int | None
    received_at: datetime | None
    checked_at: datetime | None
    prior_received_at: datetime | None
    compared_at: datetime | None
    case_stated_at: datetime | None
    advised_at: datetime | None
    drafted_at: datetime | None
    verified_at: datetime | None
    letters_written_at: datetime | None
    follow_ups_opened_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportRow:
    """A report: a draft while `verified_at` is None; then signed by the person with the id `verified_by`, for good."""

    id: str
    study_instance_uid: str
    patient: str
    drafted_at: datetime | None
    verified_at: datetime | None
    verified_by: str | None
    digest: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterRow:
    """A letter that was written. Its words are in the ledger."""

    id: str
    study_instance_uid: str
    patient: str
    audience: str
    language: str
    kind: str
    title: str
    report_digest: str | None
    written_at: datetime


def project(connection: Connection, records: Iterable[Record]) -> None:
    """Bring the projections up to date with new records, inside the transaction that recorded them.

    Raises `record_unknown_subject` for a change of something that was never opened and `report_signed_twice` for a
    second signature; the caller's transaction then takes the records back too.
    """
    for record in records:
        for effect in effects(record):
            if isinstance(effect, Put):
                done = connection.execute(
                    _write(connection.dialect.name, effect), effect.row, execution_options=_COUNTED
                )
                if done.rowcount == 0 and isinstance(effect, PutUnsealed) and effect.refusal:
                    raise refuse(effect.refusal, **{effect.table: effect.row[effect.key]})
            else:
                values = {**effect.row, _KEY: effect.row[effect.key]}
                del values[effect.key]
                change = _change(effect.table, effect.key)
                if connection.execute(change, values, execution_options=_COUNTED).rowcount == 0:
                    raise refuse("record_unknown_subject", kind=record.kind, subject=record.subject)


def rebuild(connection: Connection) -> int:
    """Empty the projections and replay the ledger into them; return the entries replayed."""
    for table in PROJECTIONS:
        connection.execute(delete(table))
    last = 0
    while page := ledger.entries(connection, ledger.selection(after=last, limit=_PAGE)):
        project(connection, (entry.record for entry in page))
        last = page[-1].position
    return last


def worklist(
    connection: Connection, today: date, *, owner: str | None, due_only: bool, limit: int | None
) -> tuple[FollowUp, ...]:
    """Return the open follow-ups, those whose last day comes first at the top."""
    table = FOLLOW_UP.c
    statement = select(FOLLOW_UP).where(table.closed_at.is_(None)).order_by(table.act_by, table.id).limit(limit)
    if owner is not None:
        statement = statement.where(table.owner == owner)
    if due_only:
        statement = statement.where(table.opens_on <= today)
    return tuple(follow_up_from(dict(row)) for row in connection.execute(statement).mappings())


def studies(connection: Connection, *, patient: str | None, verdict: Verdict | None) -> tuple[StudyRow, ...]:
    """Return the studies of a patient, of a verdict, or all, the last received first."""
    statement = select(STUDY).order_by(STUDY.c.received_at.desc(), STUDY.c.study_instance_uid)
    if patient is not None:
        statement = statement.where(STUDY.c.patient == patient)
    if verdict is not None:
        statement = statement.where(STUDY.c.verdict == verdict.value)
    return tuple(_study(row) for row in connection.execute(statement).mappings())


def reports(connection: Connection, *, study: str | None) -> tuple[ReportRow, ...]:
    """Return the reports of a study, or all, by time of draft."""
    statement = select(REPORT).order_by(REPORT.c.drafted_at, REPORT.c.id)
    if study is not None:
        statement = statement.where(REPORT.c.study_instance_uid == study)
    return tuple(ReportRow(**_with_times(row)) for row in connection.execute(statement).mappings())


def letters(connection: Connection, *, study: str | None) -> tuple[LetterRow, ...]:
    """Return the letters of a study, or all, by time of writing."""
    statement = select(LETTER).order_by(LETTER.c.written_at, LETTER.c.id)
    if study is not None:
        statement = statement.where(LETTER.c.study_instance_uid == study)
    return tuple(LetterRow(**_with_times(row)) for row in connection.execute(statement).mappings())


def _write(dialect: str, effect: Put) -> Executable:
    sealed_by = effect.sealed_by if isinstance(effect, PutUnsealed) else None
    columns = () if isinstance(effect, Add) else tuple(sorted(effect.row))
    return _put(dialect, effect.table, effect.key, columns, sealed_by)


@lru_cache(maxsize=256)
def _put(dialect: str, name: str, key: str, columns: tuple[str, ...], sealed_by: str | None) -> Executable:
    """Return the statement for one shape of row, which sets `columns` where the row is there already.

    It is kept because building it costs more than running it.
    """
    table = METADATA.tables[name]
    write = (sqlite if dialect == "sqlite" else postgresql).insert(table)
    upsert: Executable
    if others := {column: write.excluded[column] for column in columns if column != key}:
        unsealed = table.c[sealed_by].is_(None) if sealed_by else None
        upsert = write.on_conflict_do_update(index_elements=[key], set_=others, where=unsealed)
    else:
        upsert = write.on_conflict_do_nothing(index_elements=[key])
    return upsert


@lru_cache(maxsize=256)
def _change(name: str, key: str) -> Executable:
    """Return the update of the row whose key is bound as `_KEY`; the columns come from the values it is run with."""
    table = METADATA.tables[name]
    return update(table).where(table.c[key] == bindparam(_KEY))


def _study(row: Mapping[Any, Any]) -> StudyRow:
    values = _with_times(row)
    verdict = values["verdict"]
    values["verdict"] = None if verdict is None else Verdict(verdict)
    values["patient"] = values["patient"] or ""
    return StudyRow(**values)


def _with_times(row: Mapping[Any, Any]) -> dict[str, Any]:
    return {
        name: datetime.fromisoformat(value) if name.endswith("_at") and value is not None else value
        for name, value in row.items()
    }
