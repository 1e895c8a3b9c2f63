"""Copies a store while it is in use: one state of the database first, then every blob that this state can name."""

from __future__ import annotations

import os
import shutil
import sqlite3
from pathlib import Path

from sqlalchemy import insert, select

from mriloop.edges.store import views
from mriloop.edges.store.blobs import Blobs
from mriloop.edges.store.database import Database, open_sqlite
from mriloop.edges.store.migrate import upgrade
from mriloop.edges.store.schema import IDENTITY, LEDGER
from mriloop.edges.store.secret import NAME
from mriloop.model.errors import refuse

_ROWS = 1000


def copy_store(source: Database, blobs: Blobs, *, database: Path, blob_folder: Path) -> None:
    """Copy a database and its blobs to new places.

    Blobs come last: a record is only written after the blobs it names, so whatever the copied records name is there.
    Raises `out_not_writable` when a database is at the target already or the folder cannot be made.
    """
    try:
        database.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(database.parent.iterdir()):
            raise FileExistsError
        os.close(os.open(database, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except OSError as error:
        raise refuse("out_not_writable", path=database.parent) from error
    with source.translated():
        if source.is_sqlite:
            _copy_file(source, database)
        else:
            _copy_rows(source, database)
    blobs.copy(blob_folder)
    if (secret := blobs.folder / NAME).is_file():
        blob_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        shutil.copy2(secret, blob_folder / NAME)


def _copy_file(source: Database, target: Path) -> None:
    """Copy with SQLite's online backup in one step: one snapshot of the log, beside which writers go on."""
    connection = source.engine.raw_connection()
    copy = sqlite3.connect(target)
    try:
        original = connection.driver_connection
        assert isinstance(original, sqlite3.Connection)
        original.backup(copy)
    finally:
        copy.close()
        connection.close()


def _copy_rows(source: Database, target: Path) -> None:
    """Write the ledger and identity of another database, byte for byte, into a new file and rebuild the rest."""
    copy = open_sqlite(target, wait_s=0)
    try:
        upgrade(copy, create=True)
        with source.reading() as reader, copy.writing() as writer:
            for table, order in ((LEDGER, LEDGER.c.position), (IDENTITY, IDENTITY.c.patient)):
                with reader.execute(select(table).order_by(order), execution_options={"yield_per": _ROWS}) as rows:
                    for part in rows.mappings().partitions():
                        writer.execute(insert(table), [dict(row) for row in part])
            views.rebuild(writer)
    finally:
        copy.close()
