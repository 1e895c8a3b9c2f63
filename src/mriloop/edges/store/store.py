"""The store: one door to the ledger, its projections, identity and blobs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlalchemy import delete, make_url, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError

from mriloop.edges.store import ledger, views
from mriloop.edges.store.backup import copy_store
from mriloop.edges.store.blobs import Blobs
from mriloop.edges.store.database import Database, open_postgresql, open_sqlite
from mriloop.edges.store.migrate import upgrade
from mriloop.edges.store.schema import IDENTITY
from mriloop.edges.store.secret import site_secret
from mriloop.model.errors import refuse
from mriloop.model.follow_up import FollowUp
from mriloop.model.quality import Verdict
from mriloop.model.record import LedgerEntry, LedgerProof, Record
from mriloop.model.study import Identity

DATABASE_FILE = "ledger.sqlite3"
BLOB_FOLDER = "blobs"
_PAGE = 1000


def open_store(url_or_path: str | Path, *, create: bool = True, wait_s: float = 30.0) -> Store:
    """Open a store, making or upgrading its tables where needed.

    Parameters
    ----------
    url_or_path : a folder (SQLite and blobs inside), or `postgresql://…/name?blobs=/folder/of/the/blobs`
    create : make the folder and the tables when there are none
    wait_s : how long a write waits for another writer before it gives up with `store_locked`

    Raises OperatorError: `store_absent` without `create`, `store_newer` for the tables of a newer mriloop,
    `store_unusable` for a database that cannot be reached or a folder that cannot be written, `store_damaged` for a
    file that is not a database, `usage_value` for a URL of another kind or without its blob folder.
    """
    if "://" in str(url_or_path):
        database, blobs = _at_url(str(url_or_path), wait_s)
    else:
        database, blobs = _in_folder(Path(url_or_path), create, wait_s)
    try:
        with database.translated():
            upgrade(database, create=create)
    except BaseException:
        database.close()
        raise
    store = Store(database, Blobs(blobs))
    store.blobs.sweep()
    return store


class Store:
    """Everything that must not be lost. Made by `open_store`; may be shared by threads, not carried across a fork.

    `blobs` holds files by their digest. Use it as a context manager, or `close` it.
    """

    def __init__(self, database: Database, blobs: Blobs) -> None:
        self.blobs = blobs
        self._database = database

    def append(self, records: Iterable[Record]) -> tuple[LedgerEntry, ...]:
        """Record what happened, all or nothing, with every projection it changes; durable when this returns.

        Returns the entry of each record, in the order given. A record that is on the ledger already (the same kind,
        subject and inputs; without inputs, the same content) is not recorded again: its first entry comes back.
        Raises `store_locked`, `store_full`, `record_unknown_subject` or `report_signed_twice`, and ValueError or
        TypeError for a payload that has no canonical JSON; then nothing is recorded.
        """
        prepared = ledger.prepare(records)
        if not prepared:
            return ()
        with self._database.writing() as connection:
            answer, fresh = ledger.append(connection, prepared)
            views.project(connection, (entry.record for entry in fresh))
        return answer

    def entries(
        self,
        *,
        kind: str | None = None,
        subject: str | None = None,
        patient: str | None = None,
        after: int = 0,
        limit: int | None = None,
    ) -> Iterator[LedgerEntry]:
        """Give the entries in the order of the ledger: those after a position that match every word given.

        They are read in pages: no transaction stays open between two entries, and entries that are added meanwhile
        are given too.
        """
        left = limit
        while left is None or left > 0:
            size = _PAGE if left is None else min(_PAGE, left)
            page = ledger.selection(kind=kind, subject=subject, patient=patient, after=after, limit=size)
            with self._database.reading() as connection:
                found = ledger.entries(connection, page)
            yield from found
            if len(found) < size:
                return
            after = found[-1].position
            left = None if left is None else left - size

    def verify(self, known: LedgerProof | None = None) -> LedgerProof:
        """Read the whole ledger and return the proof that its chain holds.

        A chain shows that nothing in the middle was changed. Only a proof that was kept elsewhere, given as `known`,
        shows that nobody cut off its end or wrote the whole chain anew. Raises `ledger_broken` with the entry.
        """
        with self._database.reading() as connection:
            return ledger.verify(connection, known)

    def rebuild_projections(self) -> int:
        """Empty the projections and replay the ledger into them, all or nothing; return the entries replayed."""
        with self._database.writing() as connection:
            return views.rebuild(connection)

    def worklist(
        self, today: date, owner: str | None = None, due_only: bool = False, limit: int | None = None
    ) -> tuple[FollowUp, ...]:
        """Return the open follow-ups of an owner, or of all; the one whose latest date comes first at the top.

        With `due_only` those whose window opens after `today` are left out. A follow-up without a window waits for a
        person to set one: it is always due, from the day it was opened. Where each stands against the clock is
        computed from its window (`Clock`), never stored. `limit` cuts the list after the most pressing ones.
        """
        with self._database.reading() as connection:
            return views.worklist(connection, today, owner=owner, due_only=due_only, limit=limit)

    def studies(self, *, patient: str | None = None, verdict: Verdict | None = None) -> tuple[views.StudyRow, ...]:
        """Return where studies stand in the loop, the last received first."""
        with self._database.reading() as connection:
            return views.studies(connection, patient=patient, verdict=verdict)

    def reports(self, study: str | None = None) -> tuple[views.ReportRow, ...]:
        """Return the reports of a study, or all."""
        with self._database.reading() as connection:
            return views.reports(connection, study=study)

    def letters(self, study: str | None = None) -> tuple[views.LetterRow, ...]:
        """Return the letters of a study, or all."""
        with self._database.reading() as connection:
            return views.letters(connection, study=study)

    def secret(self) -> bytes:
        """Return the site's secret for pseudonyms, made on first use."""
        return site_secret(self.blobs.folder)

    def put_identity(self, identity: Identity) -> None:
        """Keep, or replace, who a pseudonym stands for."""
        row = {name: getattr(identity, name) for name in IDENTITY.columns.keys()}  # noqa: SIM118
        write = (sqlite if self._database.is_sqlite else postgresql).insert(IDENTITY).values(row)
        with self._database.writing() as connection:
            connection.execute(write.on_conflict_do_update(index_elements=["patient"], set_=row))

    def identity(self, patient: str) -> Identity | None:
        """Return who a pseudonym stands for; None when nobody said so, or when it was erased."""
        with self._database.reading() as connection:
            row = connection.execute(select(IDENTITY).where(IDENTITY.c.patient == patient)).mappings().one_or_none()
        return None if row is None else Identity(**row)

    def erase_identity(self, patient: str) -> bool:
        """Forget who a pseudonym stands for; return whether anything was known. The ledger is not touched.

        On SQLite the bytes are overwritten and the log that held them is emptied before this returns; on PostgreSQL
        the row is vacuumed away (write-ahead archives and backups age out by the site's own rule). Raises
        `store_locked` when readers keep the log in use: the row is gone then, and calling again empties the log.
        """
        with self._database.writing() as connection:
            gone = connection.execute(delete(IDENTITY).where(IDENTITY.c.patient == patient)).rowcount > 0
        self._database.scrub(IDENTITY.name)
        return gone

    def backup(self, target: Path) -> LedgerProof:
        """Copy the store, while it is in use, to a new folder that `open_store` opens; return the proof of the copy.

        The copy is one state of the store, with every blob that its records name, and its chain has been verified.
        A store on PostgreSQL is copied into the same kind of folder. Raises `out_not_writable` for a folder that holds
        something, `blob_damaged` or `ledger_broken` for a store that should not be trusted.
        """
        copy_store(self._database, self.blobs, database=target / DATABASE_FILE, blob_folder=target / BLOB_FOLDER)
        with open_store(target, create=False) as copy:
            return copy.verify()

    def close(self) -> None:
        """Give back every connection."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _in_folder(folder: Path, create: bool, wait_s: float) -> tuple[Database, Path]:
    file = folder / DATABASE_FILE
    if not create and not file.is_file():
        raise refuse("store_absent", path=folder)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        database = open_sqlite(file, wait_s=wait_s)
    except OSError as error:
        raise refuse("store_unusable", path=folder, detail=error.strerror) from error
    return database, folder / BLOB_FOLDER


def _at_url(url: str, wait_s: float) -> tuple[Database, Path]:
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise refuse("usage_value", detail="the URL of the store cannot be read") from None
    blobs = parsed.query.get("blobs")
    if parsed.get_backend_name() not in ("postgresql", "postgres") or not isinstance(blobs, str):
        raise refuse("usage_value", detail="a store is a folder, or postgresql://host/name?blobs=/folder/of/the/blobs")
    plain = parsed.difference_update_query(["blobs"])
    return open_postgresql(plain, wait_s=wait_s), Path(blobs)
