"""Programs that read what strangers sent: run them with limits on time, memory and output, and stop them for good."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_LOG_BYTES = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a child ended: exit code, why it was stopped (empty when it was not), and the start of what it printed."""

    code: int
    stopped: str
    output: str


class Running:
    """A program at work, in its own process group, with no input and only the environment that it needs.

    timeout_s : wall time from its start, after which the whole group is killed
    memory_gb : address space in GiB (RLIMIT_AS)
    output_bytes : size of any file that it writes (RLIMIT_FSIZE)

    A context manager: leaving it ends the program, whatever it is doing.
    """

    def __init__(
        self, command: Sequence[str], *, cwd: Path, timeout_s: float, memory_gb: float, output_bytes: int
    ) -> None:
        self._log = cwd / "child.log"
        self._timeout_s, self._output_bytes = timeout_s, output_bytes
        self._deadline = time.monotonic() + timeout_s

        def limit() -> None:
            space = int(memory_gb * (1 << 30))
            resource.setrlimit(resource.RLIMIT_AS, (space, space))
            resource.setrlimit(resource.RLIMIT_FSIZE, (output_bytes, output_bytes))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

        environment = {"PATH": os.defpath, "LC_ALL": "C", "HOME": str(cwd), "TMPDIR": str(cwd), "OMP_NUM_THREADS": "1"}
        environment["OPENBLAS_NUM_THREADS"] = "1"
        with self._log.open("wb") as output:
            self._process = subprocess.Popen(
                list(command),
                cwd=cwd,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=limit,  # noqa: PLW1509 only setrlimit, which is safe after fork
            )

    def __enter__(self) -> Running:
        return self

    def __exit__(self, *_: object) -> None:
        _kill_group(self._process)

    def outcome(self) -> Outcome:
        """Wait until it ends, or end it at its deadline, and return how it ended."""
        stopped = ""
        try:
            self._process.wait(max(0.0, self._deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            stopped = f"longer than {self._timeout_s:g} s"
        finally:
            _kill_group(self._process)
        if not stopped and self._process.returncode == -signal.SIGXFSZ:
            stopped = f"more than {self._output_bytes >> 20} MB of output"
        with self._log.open("rb") as written:
            text = written.read(_LOG_BYTES).decode("utf-8", "replace")
        return Outcome(code=self._process.returncode, stopped=stopped, output=text)


def run_limited(command: Sequence[str], *, cwd: Path, timeout_s: float, memory_gb: float, output_bytes: int) -> Outcome:
    """Run a program as `Running` does, and wait until it ends."""
    with Running(command, cwd=cwd, timeout_s=timeout_s, memory_gb=memory_gb, output_bytes=output_bytes) as running:
        return running.outcome()


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
