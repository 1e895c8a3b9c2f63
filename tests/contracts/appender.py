"""Appends to a store until it is killed; run as a program by the test of kill -9.

For every line on standard input it forks two processes that append in a loop and write the digest of each entry, once
it is acknowledged, to a file. They are killed from outside; a line on standard output says that both are gone.
"""

from __future__ import annotations

import itertools
import os
import sys
import traceback

import alembic.command  # noqa: F401 - so that what is killed is the migration, not its import
import sqlalchemy.dialects.sqlite  # noqa: F401
from tests.contracts.story import follow_up, opened, record

from mriloop.edges.store import open_store


def append(where: str, acknowledged: int) -> None:
    me = os.getpid()
    with open_store(where) as store:
        for number in itertools.count():
            name = f"{me}-{number}"
            told = [
                record("study.received", name, payload={"series": ["1"]}, inputs=(name,)),
                opened(follow_up(name, None, study_instance_uid=name), subject=name, inputs=(name,)),
                record("followup.changed", name, payload={"changes": {"owner": name}}, inputs=(name,)),
                record("study.checked", "shared", payload={"verdict": "limited"}, inputs=(str(number % 7),)),
            ]
            blob = store.blobs.put(name.encode() * 1000)
            told[0] = record("study.received", name, payload={"series": ["1"], "blob": blob}, inputs=(name,))
            entries = store.append(told)
            os.write(acknowledged, "".join(f"{entry.position} {entry.digest}\n" for entry in entries).encode())


def main() -> None:
    where, file = sys.argv[1:]
    acknowledged = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    for _ in sys.stdin:
        children = []
        for _ in range(2):
            child = os.fork()
            if child == 0:
                try:
                    append(where, acknowledged)
                finally:
                    traceback.print_exc()
                    os._exit(1)
            children.append(child)
        print(*children, flush=True)
        for child in children:
            os.waitpid(child, 0)
        print("gone", flush=True)


if __name__ == "__main__":
    main()
