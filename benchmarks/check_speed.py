"""From a DICOM folder to its verdict: time and peak memory of whole commands, beside what reads headers alone.

`python -m benchmarks.check_speed`; the inputs are real series ($MRILOOP_REAL_DATA, default ../shared/data). Each
command is a process of its own with everything that belongs to it: start, imports, workers, conversion, what it prints.
Peak memory is the largest sum of proportional set sizes (PSS) of the command and all its descendants, sampled every
30 ms; processor time is that of all of them as last seen. The commands of one input take turns; medians of the repeats.

Bars: the 3-D T1 of 175 files within 10 s and 1.5 GB; the diffusion series of 680 files within 15 s; the EPI of
150 files within 5 s, beside

- dicompare `build` and `check`, which read headers and compare them, never a pixel
- mrQA, which reads headers, infers the protocol and writes a report, never a pixel

The peers run from the environment whose interpreter MRILOOP_PEER_HEADERS names (dicompare, mrQA, python-dateutil);
without it their row says so. A peer that fails has its reason in its row.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

REPEATS = 3
DATA = Path(os.environ.get("MRILOOP_REAL_DATA", "../shared/data"))
PEERS = os.environ.get("MRILOOP_PEER_HEADERS", "")
INPUTS: tuple[tuple[str, str, float, float | None], ...] = (
    ("3-D T1", "01_siemens_trio_T1_3D_one_slice_missing", 10.0, 1.5),
    ("diffusion", "05_philips_dti_classic", 15.0, None),
    ("EPI", "03_ge_fmri_deliberate_head_motion", 5.0, None),
)
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


def run(repeats: int = REPEATS) -> list[dict[str, object]]:
    """Return one row per input and command; [] where the inputs are absent."""
    rows = []
    for name, folder, bar_s, bar_gb in INPUTS:
        place = DATA / folder
        if not place.is_dir():
            continue
        files = sum(path.is_file() for path in place.rglob("*"))
        with tempfile.TemporaryDirectory() as scratch:
            commands = dict(_commands(place, Path(scratch), peers=name == "EPI"))
            taken: dict[str, list[Used]] = {reader: [] for reader in commands}
            for number in range(repeats + 1):
                for reader, steps in commands.items():
                    used = _measure(steps, Path(scratch))
                    if number:  # the first round warms the disk and the compiled modules
                        taken[reader].append(used)
        for reader, several in taken.items():
            own = reader == "mriloop check"
            rows.append(_row(name, files, reader, several, bar_s if own else None, bar_gb if own else None))
        if name == "EPI" and not PEERS:
            rows.append(
                {"series": name, "files": files, "command": "dicompare, mrQA", "result": "set MRILOOP_PEER_HEADERS"}
            )
    return rows


def _commands(place: Path, scratch: Path, *, peers: bool) -> Iterator[tuple[str, list[list[str]]]]:
    yield "mriloop check", [[sys.executable, "-m", "mriloop", "check", str(place)]]
    if not (peers and PEERS):
        return
    bin_folder = Path(PEERS).parent
    schema, report = str(scratch / "schema.json"), str(scratch / "report.json")
    dicompare = str(bin_folder / "dicompare")
    yield (
        "dicompare build, check",
        [
            [dicompare, "build", str(place), schema],
            [dicompare, "check", str(place), schema, report, "--auto-yes"],
        ],
    )
    yield (
        "mrQA",
        [
            [
                str(bin_folder / "mrqa"),
                "--data-source",
                str(place),
                "--format",
                "dicom",
                "--output-dir",
                str(scratch / "mrqa"),
            ]
        ],
    )


def _row(
    name: str, files: int, reader: str, several: Sequence[Used], bar_s: float | None, bar_gb: float | None
) -> dict[str, object]:
    wall = statistics.median(used.wall_s for used in several)
    peak = max(used.peak_gb for used in several)
    failed = next((used for used in several if used.code not in (0, 10)), None)
    if failed is not None:
        result = f"failed: {failed.said}"
    elif bar_s is None:
        result = "headers only"
    else:
        kept = wall <= bar_s and (bar_gb is None or peak <= bar_gb)
        bar = f"{bar_s:g} s" + (f", {bar_gb:g} GB" if bar_gb else "")
        result = f"{'within' if kept else 'MISSES'} {bar}"
    return {
        "series": name,
        "files": files,
        "command": reader,
        "wall_s": round(wall, 2),
        "cpu_s": round(statistics.median(used.cpu_s for used in several), 2),
        "peak_gb": round(peak, 2),
        "result": result,
        "repeats": len(several),
    }


def _measure(steps: Sequence[Sequence[str]], cwd: Path) -> Used:
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


def main() -> None:
    """Print the rows as a table."""
    rows = run()
    if not rows:
        sys.exit(f"no real inputs at {DATA} (set MRILOOP_REAL_DATA)")
    for row in rows:
        print(*(f"{name}={value}" for name, value in row.items()), sep="\t")


if __name__ == "__main__":
    main()
