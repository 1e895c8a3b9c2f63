"""Both databases for the store's contract: a folder, and a PostgreSQL server of our own on loopback."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from tests.contracts.postgresql_server import Server, running

from mriloop.edges.store import Store, open_store

POSTGRESQL = pytest.param(
    "postgresql", marks=[pytest.mark.component("postgresql"), pytest.mark.xdist_group("postgresql")]
)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    """A PostgreSQL server for the session."""
    with running(durable=False) as server:
        yield server


@pytest.fixture(scope="session")
def made_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an empty store, to be copied: making one takes longer than most tests."""
    folder = tmp_path_factory.mktemp("made") / "store"
    open_store(folder).close()
    return folder


@pytest.fixture(scope="session")
def made_database(postgresql: Server, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of a database with an empty store, to be copied."""
    url = postgresql.database()
    open_store(f"{url}?blobs={tmp_path_factory.mktemp('blobs')}").close()
    return url.rpartition("/")[2]


@dataclass(frozen=True)
class Place:
    """Where a store is, and how its database is reached behind its back."""

    where: str
    run: Callable[..., None]
    kind: str


def in_folder(folder: Path) -> Place:
    """A store on SQLite."""

    def run(*statements: str) -> None:
        with contextlib.closing(sqlite3.connect(folder / "ledger.sqlite3")) as connection, connection:
            for statement in statements:
                connection.execute(statement)

    return Place(str(folder), run, "sqlite")


def on_server(url: str, blobs: Path) -> Place:
    """A store on PostgreSQL."""

    def run(*statements: str) -> None:
        with psycopg.connect(url) as connection:
            for statement in statements:
                connection.execute(statement)  # type: ignore[call-overload]

    return Place(f"{url}?blobs={blobs}", run, "postgresql")


@pytest.fixture(params=["sqlite", POSTGRESQL])
def new_place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """A place without a store yet."""
    if request.param == "sqlite":
        return in_folder(tmp_path / "store")
    return on_server(request.getfixturevalue("postgresql").database(), tmp_path / "blobs")


@pytest.fixture(params=["sqlite", POSTGRESQL])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """A place with an empty store."""
    if request.param == "sqlite":
        shutil.copytree(request.getfixturevalue("made_folder"), tmp_path / "store")
        return in_folder(tmp_path / "store")
    made = request.getfixturevalue("made_database")
    return on_server(request.getfixturevalue("postgresql").database(made), tmp_path / "blobs")


@pytest.fixture
def store(place: Place) -> Iterator[Store]:
    """An empty store."""
    with open_store(place.where, create=False) as made:
        yield made
