"""A PostgreSQL server of our own: in a temporary folder, on a loopback port, with a password that nobody knows."""

from __future__ import annotations

import contextlib
import itertools
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg

SERVERS = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)


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


@contextlib.contextmanager
def running(*, durable: bool) -> Iterator[Server]:
    """Run a server until the block ends. Without `durable` it lives in memory and never waits for a disk."""
    found = shutil.which("initdb")
    programs = Path(found).parent if found else SERVERS[0]
    # the server refuses to run as root
    user = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}
    memory = "/dev/shm" if not durable and Path("/dev/shm").is_dir() else None
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
        subprocess.run(
            [programs / name, "-D", folder / "data", *arguments],
            check=True,
            cwd=folder,
            env={**os.environ, "LC_ALL": "C"},
            stdout=subprocess.DEVNULL,
            **user,
        )

    settings = f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories={folder}"
    if not durable:
        settings += " -c fsync=off"
    program("initdb", "-U", "mriloop", "--auth=scram-sha-256", f"--pwfile={folder / 'password'}", "-E", "UTF8", "-N")
    program("pg_ctl", "start", "-w", "-s", "-l", str(folder / "log"), "-o", settings)
    try:
        yield Server(f"postgresql://mriloop:{password}@127.0.0.1:{port}", itertools.count())
    finally:
        program("pg_ctl", "stop", "-m", "immediate", "-s")
        shutil.rmtree(folder)
