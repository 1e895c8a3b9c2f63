"""The inside of a job's process: take limits, run one call, answer, and wait to be ended with all it started."""

from __future__ import annotations

import contextlib
import os
import pickle
import resource
import signal
import socket
import sys
import threading
import traceback
from pathlib import Path
from typing import Any, NoReturn

from mriloop.edges.jobs import wire
from mriloop.edges.jobs.progress import reporting

GIB = 1 << 30


def main(end: socket.socket, memory_gb: float | None) -> NoReturn:
    """Run the one call that comes over the wire. Never returns: the process group ends with the job."""
    os.setsid()  # a group of its own: it can be ended as one, and Ctrl-C at the terminal does not reach it
    os.dup2(2, 1)  # what a library prints is a remark: standard output belongs to the one document of `--json`
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would hold images
    line = wire.Wire(end)
    try:
        line.send(wire.pack(wire.READY, None))
        _, parts = line.receive()
    except wire.Closed:
        os._exit(0)
    threading.Thread(target=_end_with_parent, args=(end,), daemon=True).start()
    if memory_gb is not None:
        _limit_memory(memory_gb, hard)
    line.send(_answer(line, parts, hard))
    signal.pause()
    os._exit(0)


def _answer(line: wire.Wire, parts: list[bytearray], hard: int) -> wire.Frame:
    """Return the message that the call ends in; whatever it raises is an answer too."""
    try:
        job: Any = wire.unpack(parts)
        call, arguments, named = job
        parts.clear()
        with reporting(lambda done, text: line.send(wire.pack(wire.PROGRESS, (done, text)))):
            result = call(*arguments, **named)
        return wire.pack(wire.RESULT, result)
    except MemoryError as error:
        resource.setrlimit(resource.RLIMIT_AS, (hard, hard))  # room to say so
        text = traceback.format_exc()
        traceback.clear_frames(error.__traceback__)
        return wire.pack(wire.NO_MEMORY, text)
    except (SystemExit, KeyboardInterrupt) as error:
        detail = f"exit {error.code}" if isinstance(error, SystemExit) else "an interrupt"
        return wire.pack(wire.LOST_ERROR, (detail, traceback.format_exc()))
    except BaseException as error:  # noqa: BLE001 - it is raised again where the result is asked for
        return _error(error)
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()


def _error(error: BaseException) -> wire.Frame:
    text = traceback.format_exc()
    try:
        content = pickle.dumps(error)
        pickle.loads(content)
    except Exception:  # noqa: BLE001 - an error may refuse to be pickled in any way it likes
        return wire.pack(wire.LOST_ERROR, (f"{type(error).__qualname__}, which cannot leave its process", text))
    return wire.pack(wire.ERROR, (content, text))


def _limit_memory(memory_gb: float, hard: int) -> None:
    """Let the address space grow by no more than `memory_gb` GiB beyond what the libraries take up already."""
    pages = int(Path("/proc/self/statm").read_text().split()[0]) if sys.platform == "linux" else 0
    limit = pages * os.sysconf("SC_PAGE_SIZE") + int(memory_gb * GIB)
    if hard != resource.RLIM_INFINITY:
        limit = min(limit, hard)
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))


def _end_with_parent(end: socket.socket) -> None:
    """End the whole group when whoever waits for the answer is gone: a killed parent leaves nothing running."""
    with contextlib.suppress(OSError):
        end.recv(1)
    os.killpg(0, signal.SIGKILL)
