"""What a whole command takes, with everything that belongs to it: wall and processor seconds, peak memory."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_SAMPLE_S = 0.03
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Used:
    """What a command took: wall and processor seconds, peak memory in GB, exit code, the end of what it said."""

    wall_s: float
    cpu_s: float
    peak_gb: float
    code: int
    said: str


def measure(steps: Sequence[Sequence[str]], cwd: Path) -> Used:
    """Run commands one after the other and return what they took together."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    wall = cpu = peak = 0.0
    code, said = 0, ""
    for command in steps:
        start = time.perf_counter()
        with subprocess.Popen(
            [
                str(Path(part).resolve()) if number and Path(part).is_dir() else part
                for number, part in enumerate(command)
            ],
            cwd=cwd,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            watch = _Watch(process.pid)
            watch.start()
            output, _ = process.communicate()
            watch.stop()
        wall += time.perf_counter() - start
        cpu += watch.cpu_s
        peak = max(peak, watch.peak_gb)
        code = code or process.returncode
        said = (output.strip().splitlines() or [""])[-1][:120]
    return Used(wall, cpu, peak, code, said)


class _Watch(threading.Thread):
    """Samples memory and processor time of a process and all its descendants (Linux)."""

    def __init__(self, root: int) -> None:
        super().__init__(daemon=True)
        self._root, self._over = root, threading.Event()
        self._ticks: dict[int, int] = {}
        self.peak_gb = 0.0

    @property
    def cpu_s(self) -> float:
        """Processor seconds of every process that was seen, as of the last look at it."""
        return sum(self._ticks.values()) / _TICKS

    def stop(self) -> None:
        """End the sampling."""
        self._over.set()
        self.join()

    def run(self) -> None:
        """Look again and again until told to stop."""
        while not self._over.wait(_SAMPLE_S):
            total = 0
            for pid in _tree(self._root):
                try:
                    ticks = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                    self._ticks[pid] = int(ticks[11]) + int(ticks[12])
                    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
                except (OSError, IndexError):
                    continue
                total += next((int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:")), 0)
            self.peak_gb = max(self.peak_gb, total * 1024 / 1e9)


def _tree(root: int) -> set[int]:
    """Return a process with all its descendants."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, IndexError):
                continue
            children.setdefault(parent, []).append(int(entry.name))
    found, waiting = set(), [root]
    while waiting:
        one = waiting.pop()
        found.add(one)
        waiting += children.get(one, [])
    return found
