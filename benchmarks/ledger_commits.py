"""Durable commits a second: the ledger beside bare SQLAlchemy on the same database. Bar: the chain at most doubles it.

Bare SQLAlchemy writes the same row, the same body and the same indexes into a plain table, one row a commit, with the
same engine and the same durability (every commit on disk). What the ledger adds is the canonical JSON, the look-up of
the identity, the head of the chain, the digest, the triggers, and in the lower rows the projections. Each pair of runs
is interleaved; the median ratio of the pairs counts.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Column, Integer, MetaData, String, Table, Text, insert
from tests.contracts.postgresql_server import SERVERS, running

from mriloop.edges.store import Store, open_store
from mriloop.model.record import Record

AT = datetime(2026, 1, 1, tzinfo=UTC)
PAYLOAD = {"series": [{"series_instance_uid": f"1.2.840.{n}", "verdict": "acceptable", "snr": n / 7} for n in range(8)]}
PLAIN = Table(
    "plain",
    MetaData(),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("identity", String(64), unique=True, nullable=False),
    Column("kind", Text, nullable=False, index=True),
    Column("subject", Text, nullable=False, index=True),
    Column("patient", Text, nullable=False, index=True),
    Column("at", Text, nullable=False),
    Column("body", Text, nullable=False),
)


def run(commits: int = 150, rounds: int = 7) -> list[dict[str, object]]:
    """Return one row per database and way of writing."""
    rows: list[dict[str, object]] = []
    for name, place in (("SQLite", _folder), ("PostgreSQL", _server)):
        with place() as where:
            if where is not None:
                with open_store(where) as store:
                    rows += _database(name, store, commits, rounds)
    return rows


def _database(name: str, store: Store, commits: int, rounds: int) -> list[dict[str, object]]:
    PLAIN.metadata.create_all(store._database.engine)
    counter = iter(range(10**9))

    def bare() -> None:
        number = next(counter)
        body = json.dumps(PAYLOAD, sort_keys=True)
        row = {"position": number, "identity": f"{number:064}", "kind": "note", "subject": f"1.2.{number}"}
        with store._database.writing() as connection:
            connection.execute(insert(PLAIN), row | {"patient": "p1", "at": AT.isoformat(), "body": body})

    def note() -> None:
        store.append([_record("note", f"1.2.{next(counter)}", PAYLOAD)])

    def checked() -> None:
        store.append([_record("study.checked", f"1.2.{next(counter)}", PAYLOAD | {"verdict": "acceptable"})])

    def opened() -> None:
        store.append([_record("followups.opened", "1.2", {"follow_ups": [_follow_up(next(counter))]})])

    def ten() -> None:
        store.append([_record("note", f"1.2.{next(counter)}", PAYLOAD) for _ in range(10)])

    ways = {
        "bare SQLAlchemy, one row": (bare, 1),
        "ledger, no projection": (note, 1),
        "ledger, verdict of a study": (checked, 1),
        "ledger, one follow-up opened": (opened, 1),
        "ledger, ten records a commit": (ten, 10),
    }
    taken: dict[str, list[float]] = {way: [] for way in ways}
    for call, _ in ways.values():
        call()  # statements are compiled once
    for _ in range(rounds):
        for way, (call, _) in ways.items():
            taken[way].append(_seconds(call, commits))
    base = taken["bare SQLAlchemy, one row"]
    return [
        {
            "database": name,
            "what": way,
            "commits/s": round(commits / statistics.median(times)),
            "records/s": round(records * commits / statistics.median(times)),
            "time of a commit beside bare": f"{statistics.median(t / b for t, b in zip(times, base, strict=True)):.2f}",
        }
        for (way, (_, records)), times in zip(ways.items(), taken.values(), strict=True)
    ]


def _seconds(call: Callable[[], None], times: int) -> float:
    start = time.perf_counter()
    for _ in range(times):
        call()
    return time.perf_counter() - start


def _record(kind: str, subject: str, payload: Mapping[str, Any]) -> Record:
    number = str(payload["follow_ups"][0]["id"]) if kind == "followups.opened" else subject
    return Record(kind=kind, subject=subject, at=AT, actor="benchmark", patient="p1", payload=payload, inputs=(number,))


def _follow_up(number: int) -> dict[str, Any]:
    day = (date(2026, 1, 1) + timedelta(days=number % 700)).isoformat()
    return {
        "id": f"f{number}",
        "patient": "p1",
        "study_instance_uid": "1.2",
        "recommendation": "r1",
        "step": "mri",
        "text": "MRI of the brain",
        "owner": "coordinator",
        "state": "recommended",
        "window": {"earliest": day, "target": day, "latest": day},
        "never_auto_close": False,
        "set_by": "",
    }


@contextlib.contextmanager
def _folder() -> Iterator[str]:
    folder = Path(tempfile.mkdtemp(prefix="mriloop-ledger-"))
    try:
        yield str(folder / "store")
    finally:
        shutil.rmtree(folder)


@contextlib.contextmanager
def _server() -> Iterator[str | None]:
    if not SERVERS and shutil.which("initdb") is None:
        yield None
        return
    with running(durable=True) as server, tempfile.TemporaryDirectory() as blobs:
        yield f"{server.database()}?blobs={blobs}"
