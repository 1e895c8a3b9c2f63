"""Both databases for the store's contract: a folder, and a PostgreSQL server of our own on loopback."""

from __future__ import annotations

import contextlib
import itertools
import os
import secrets
import shutil
import socket
import sqlite3
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from mriloop.edges.store import Store, open_store

SERVERS = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
POSTGRESQL = pytest.param(
    "postgresql", marks=[pytest.mark.component("postgresql"), pytest.mark.xdist_group("postgresql")]
)


@dataclass(frozen=True)
class Server:
    """A running server: `url` lacks the database's name."""

    url: str
    counter: itertools.count[int]

    def run(self, statement: str, database: str = "postgres") -> None:
        """Run one statement outside of any transaction."""
        with psycopg.connect(f"{self.url}/{database}", autocommit=True) as connection:
            connection.execute(statement)  # type: ignore[call-overload]

    def database(self, template: str = "template0") -> str:
        """Make a database, empty or a copy of another one, and return its URL."""
        name = f"store{next(self.counter)}"
        self.run(f"CREATE DATABASE {name} TEMPLATE {template}")
        return f"{self.url}/{name}"


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    """A PostgreSQL server in a temporary folder, on a loopback port of its own, with a password of its own."""
    found = shutil.which("initdb")
    programs = Path(found).parent if found else SERVERS[0]
    # the server refuses to run as root
    user = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}
    memory = "/dev/shm" if Path("/dev/shm").is_dir() else None
    folder = Path(tempfile.mkdtemp(prefix="mriloop-postgresql-", dir=memory))
    password = secrets.token_hex(16)
    (folder / "password").write_text(password)
    if user:
        for path in (folder, folder / "password"):
            shutil.chown(path, "postgres", "postgres")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    def program(name: str, *arguments: str) -> None:
        environment = {**os.environ, "LC_ALL": "C"}
        subprocess.run(
            [programs / name, "-D", folder / "data", *arguments],
            check=True,
            cwd=folder,
            env=environment,
            stdout=subprocess.DEVNULL,
            **user,
        )

    settings = f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories={folder} -c fsync=off"
    program("initdb", "-U", "mriloop", "--auth=scram-sha-256", f"--pwfile={folder / 'password'}", "-E", "UTF8", "-N")
    program("pg_ctl", "start", "-w", "-s", "-l", str(folder / "log"), "-o", settings)
    try:
        yield Server(f"postgresql://mriloop:{password}@127.0.0.1:{port}", itertools.count())
    finally:
        program("pg_ctl", "stop", "-m", "immediate", "-s")
        shutil.rmtree(folder)


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
