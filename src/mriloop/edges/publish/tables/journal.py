"""A file of lines, one for each piece of work, on the disk before the next begins, so that a run resumes."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

from mriloop.model.errors import refuse

Line = Mapping[str, Any]
NAME = "results.jsonl"
SCHEMA = "mriloop/check/1"
_CHUNK = 1 << 20


class Journal:
    """The lines of one folder of results: of CHECK each is a document mriloop/check/1 of one study.

    A context manager that holds the folder for itself while it is open. `name` is that of the file in the folder,
    `schema` what every line says that it is.

    A line counts once it ends in a newline: what a killed run left half-written behind the last newline is cut off
    when the folder is opened again, and its study is checked anew. `identity` is what makes a line the same line; it is
    never written twice. Of each study (`subject`) the last line is the one in force.

    Raises OperatorError: out_not_writable, usage_not_a_folder, out_busy (another run holds it), out_not_ours.
    """

    def __init__(self, folder: Path, *, name: str = NAME, schema: str = SCHEMA) -> None:
        self._path, self._schema = folder / name, schema
        if folder.exists() and not folder.is_dir():
            raise refuse("usage_not_a_folder", path=folder)
        if folder.is_dir() and any(folder.iterdir()) and not self._path.is_file():
            raise refuse("out_not_ours", path=folder)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._file: BinaryIO = self._path.open("a+b")
        except OSError:
            raise refuse("out_not_writable", path=folder) from None
        try:
            self._hold(folder)
            self._places: dict[str, int] = {}
            self._done: dict[str, int] = {}
            self._recover()
            _sync_folder(folder)
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def __contains__(self, identity: object) -> bool:
        """Tell whether the study with this identity is done."""
        return identity in self._done

    def __len__(self) -> int:
        """Return of how many studies there is a line."""
        return len(self._places)

    def append(self, line: Line) -> None:
        """Write a line; when this returns it survives a crash of the machine. A line that is there is left alone."""
        if line["identity"] in self._done:
            return
        content = json.dumps(line, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        self._file.seek(0, os.SEEK_END)
        place = self._file.tell()
        try:
            self._file.write(content.encode("utf-8") + b"\n")
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self._file.fileno(), place)
            raise refuse("out_not_writable", path=self._path) from None
        self._note(line, place)

    def __iter__(self) -> Iterator[Line]:
        """Yield the line in force of each study, in the order in which the studies were first done."""
        for place in self._places.values():
            yield self._at(place)

    def line(self, identity: str) -> Line:
        """Return the line with this identity."""
        return self._at(self._done[identity])

    def _at(self, place: int) -> Line:
        self._file.seek(place)
        found: Line = json.loads(self._file.readline())
        return found

    def _hold(self, folder: Path) -> None:
        try:
            fcntl.flock(self._file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise refuse("out_busy", path=folder) from None

    def _recover(self) -> None:
        """Cut off a torn end, then read what is done. Raises out_not_ours for a whole line that is none of ours."""
        size = self._file.seek(0, os.SEEK_END)
        end = self._last_newline(size)
        self._file.seek(0)
        place = 0
        for number, content in enumerate(self._file, 1):
            if place >= end:
                break
            try:
                line = json.loads(content)
                if line["schema"] != self._schema:
                    raise KeyError
                self._note(line, place)
            except (ValueError, KeyError, TypeError, RecursionError):
                raise refuse("out_not_ours", path=f"{self._path} (line {number})") from None
            place += len(content)
        if end < size:
            self._file.truncate(end)
            os.fsync(self._file.fileno())

    def _last_newline(self, size: int) -> int:
        """Return where the last whole line ends."""
        end = size
        while end > 0:
            start = max(0, end - _CHUNK)
            self._file.seek(start)
            found = self._file.read(end - start).rfind(b"\n")
            if found >= 0:
                return start + found + 1
            end = start
        return 0

    def _note(self, line: Line, place: int) -> None:
        self._done[line["identity"]] = place
        self._places[line["subject"]] = place


def _sync_folder(folder: Path) -> None:
    """Make the name of a new file durable, where the system allows it."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):
            os.fsync(handle)
    finally:
        os.close(handle)
