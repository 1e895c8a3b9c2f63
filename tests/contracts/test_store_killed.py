"""Kill -9 at random moments: what was acknowledged is there, the chain holds, the projections say the same."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.contracts.test_store import rows

from mriloop.edges.store import open_store

ROUNDS = {"sqlite": 15, "postgresql": 8}
ROOT = Path(__file__).parents[2]


def wait_for_growth(file: Path) -> None:
    """Wait until a writer has had something acknowledged."""
    size, patience = file.stat().st_size, time.monotonic() + 30
    while file.stat().st_size == size and time.monotonic() < patience:
        time.sleep(0.002)


def test_nothing_acknowledged_is_lost_when_writers_are_killed(new_place, tmp_path):
    chance = random.Random(20261120)
    acknowledged = tmp_path / "acknowledged"
    with subprocess.Popen(
        [sys.executable, "-m", "tests.contracts.appender", new_place.where, acknowledged],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
        start_new_session=True,
    ) as program:
        try:
            for number in range(ROUNDS[new_place.kind]):
                program.stdin.write("go\n")
                children = [int(child) for child in program.stdout.readline().split()]
                if number % 3:
                    wait_for_growth(acknowledged)
                for child in children:
                    # without the wait it is opening the store, and at first its migration, that dies
                    time.sleep(chance.uniform(0, 0.06 if number % 3 else 0.2))
                    os.kill(child, signal.SIGKILL)
                assert program.stdout.readline() == "gone\n"
        except BaseException:  # a writer that ended by itself must not leave the other one writing for ever
            os.killpg(program.pid, signal.SIGKILL)
            raise
        program.stdin.close()
    with open_store(new_place.where) as store:
        proof = store.verify()
        there = {f"{entry.position} {entry.digest}" for entry in store.entries()}
        said = set(acknowledged.read_text().splitlines())
        assert said <= there
        assert len(said) >= ROUNDS[new_place.kind], "too few appends for the test to mean anything"
        for entry in store.entries(kind="study.received"):
            assert store.blobs.get(entry.record.payload["blob"]) == entry.record.subject.encode() * 1000
        received = [entry.record.subject for entry in store.entries(kind="study.received")]
        assert [entry.record.subject for entry in store.entries(kind="followup.changed")] == received
        shared = [entry.record.inputs for entry in store.entries(subject="shared")]
        assert len(shared) == len(set(shared)) <= 7
        before = rows(store)
        assert store.rebuild_projections() == proof.entries
        assert rows(store) == before
