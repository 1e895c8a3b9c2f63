"""Both databases behind one door: how each is opened, how a write begins, and how each says that it cannot."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from mriloop.edges.store.blobs import sync_folder
from mriloop.model.errors import MriloopError, refuse

# Every PostgreSQL writer takes this advisory lock for its transaction: one head of the chain, one writer at a time. An
# advisory lock, because a table lock would let every append cancel the autovacuum of the ledger.
LEDGER_LOCK = 0x6D72696C6F6F70
_BUSY_CODES = ("55P03", "40P01", "57014")


class Database:
    """An engine with the two ways of using it: `reading` (a snapshot) and `writing` (the only writer, all or nothing).

    `name` is what messages call it: the path, or the URL without its password.
    """

    def __init__(self, engine: Engine, name: str) -> None:
        self.engine = engine
        self.name = name
        self._writer = engine.execution_options(begin="IMMEDIATE")
        # SQLite's readers see one state anyway; PostgreSQL has to be told
        self._reader = engine if self.is_sqlite else engine.execution_options(isolation_level="REPEATABLE READ")

    @property
    def is_sqlite(self) -> bool:
        """Whether the database is one file of ours."""
        return self.engine.dialect.name == "sqlite"

    @contextlib.contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a connection that sees one state of the database and changes nothing."""
        with self.translated(), self._reader.begin() as connection:
            yield connection

    @contextlib.contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give the one connection that may write; commit when the block ends, roll back when it raises.

        Raises `store_locked` when another writer does not finish in time.
        """
        with self.translated(), self._writer.begin() as connection:
            if not self.is_sqlite:
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LEDGER_LOCK})
            yield connection

    @contextlib.contextmanager
    def translated(self) -> Iterator[None]:
        """Turn what a database says when it cannot into a refusal of the error table; let bugs through as they are."""
        try:
            yield
        except PoolTimeout as error:
            raise refuse("store_locked", path=self.name) from error
        except DBAPIError as error:
            refusal = _refusal(error, self.name)
            if refusal is None:
                raise
            raise refusal from error

    def scrub(self, table: str) -> None:
        """Leave no trace of rows that were deleted, as far as the database itself reaches.

        SQLite has zeroed them in the file already (`secure_delete`); its log, which may hold them, is emptied here.
        PostgreSQL vacuums the table. Raises `store_locked` when readers keep the log in use for too long.
        """
        with self.translated(), contextlib.closing(self.engine.raw_connection()) as connection:
            plain: Any = connection.driver_connection
            if self.is_sqlite:
                if plain.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
                    raise refuse("store_locked", path=self.name)
                return
            plain.autocommit = True
            try:
                plain.execute(f"VACUUM {table}")
            finally:
                plain.autocommit = False

    def close(self) -> None:
        """Give every connection back."""
        self.engine.dispose()


def open_sqlite(path: Path, *, wait_s: float) -> Database:
    """Open the database file at `path`; it is made when it is absent, readable by its owner alone."""
    if not path.exists():
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        for folder in (path.parent, path.parent.parent):
            sync_folder(folder)
    engine = create_engine(
        URL.create("sqlite", database=str(path)), connect_args={"timeout": wait_s}, pool_timeout=wait_s
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _: object) -> None:
        connection.isolation_level = None  # transactions begin when we say so, not when the driver guesses
        _write_ahead(connection, wait_s)
        for pragma in (
            "synchronous = FULL",
            "foreign_keys = ON",
            "secure_delete = ON",
            "journal_size_limit = 67108864",
            "cache_size = -32768",
        ):
            connection.execute(f"PRAGMA {pragma}").close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql(f"BEGIN {connection.get_execution_options().get('begin', 'DEFERRED')}")

    return Database(engine, str(path.parent))


def _write_ahead(connection: sqlite3.Connection, wait_s: float) -> None:
    """Switch to the write-ahead log. SQLite does not wait for others here (they open the same new store): so we do."""
    patience = time.monotonic() + wait_s
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL").close()
            return
        except sqlite3.OperationalError:
            if time.monotonic() > patience:
                raise
            time.sleep(0.01)


def open_postgresql(url: URL, *, wait_s: float) -> Database:
    """Open a PostgreSQL database by its URL, with psycopg. A commit returns when its log is on disk."""
    parsed = url.set(drivername="postgresql+psycopg")
    name = parsed.render_as_string(hide_password=True)
    waits = f"-c lock_timeout={int(wait_s * 1000)} -c synchronous_commit=on"
    try:
        engine = create_engine(
            parsed, pool_pre_ping=True, pool_timeout=wait_s, connect_args={"options": waits, "connect_timeout": 10}
        )
    except ModuleNotFoundError:
        raise refuse(
            "component_missing", component="psycopg", cost="no store on PostgreSQL", install="pip install psycopg"
        ) from None
    return Database(engine, name)


def _refusal(error: DBAPIError, name: str) -> MriloopError | None:
    """Return the refusal for what a driver reports, or None where it is a bug of ours."""
    origin = error.orig
    if isinstance(origin, sqlite3.Error):
        return _sqlite_refusal(origin, name)
    state = getattr(origin, "sqlstate", None)
    if state in _BUSY_CODES:
        return refuse("store_locked", path=name)
    if state == "53100":
        return refuse("store_full", path=name)
    if error.connection_invalidated or (state or "08")[:2] in ("08", "28", "3D", "53", "57"):
        return _unreachable(origin, name) if type(origin).__name__ == "OperationalError" else None
    return None


def _unreachable(origin: Any, name: str) -> MriloopError:
    return refuse("store_unusable", path=name, detail=f"the database does not answer ({type(origin).__name__})")


def _sqlite_refusal(origin: sqlite3.Error, name: str) -> MriloopError | None:
    code = getattr(origin, "sqlite_errorname", "") or ""
    if code.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return refuse("store_locked", path=name)
    if code.startswith("SQLITE_FULL"):
        return refuse("store_full", path=name)
    if code.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return refuse("store_damaged", path=name, detail=str(origin))
    if code.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_IOERR", "SQLITE_PERM")):
        return refuse("store_unusable", path=name, detail=str(origin))
    return None
