"""`mriloop --help` as a whole process, beside an empty Python process. Bar: under 0.3 s."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time


def run(repeats: int = 9) -> list[dict[str, object]]:
    """Return one row per command: median wall time of paired repeats, and the ratio to an empty process."""
    commands = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "mriloop --help": [sys.executable, "-m", "mriloop", "--help"],
    }
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(repeats):
        for name, command in commands.items():
            start = time.perf_counter()
            subprocess.run(command, check=True, capture_output=True)
            times[name].append(time.perf_counter() - start)
    base = statistics.median(times["python -c pass"])
    return [
        {
            "command": name,
            "median s": f"{statistics.median(taken):.3f}",
            "worst s": f"{max(taken):.3f}",
            "ratio": f"{statistics.median(taken) / base:.1f}",
        }
        for name, taken in times.items()
    ]
