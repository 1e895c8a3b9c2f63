"""How fast a folder of classic DICOM becomes a study, beside pydicom and dcm2niix on the same files in the same minute.

`python -m benchmarks.index_speed [FOLDER]`; without FOLDER, the 680 files of a Philips diffusion series of the real
inputs ($MRILOOP_REAL_DATA, default ../shared/data). All runs are paired: the three readers take turns, so that a busy
machine slows each of them alike; medians of the repeats and of the paired ratios are given.

- mriloop: `read_intake`, the whole way from the path to studies with frames, parameters and duplicates sorted out
- pydicom: `dcmread(stop_before_pixels=True)` of every file in one process, which only parses
- dcm2niix: `-b o`, sidecars only: a compiled reader that groups and sorts the series as well
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import dcm2niix
from pydicom import dcmread

from mriloop.edges.dicom import Limits, read_intake

REPEATS = 5
DEFAULT = Path(os.environ.get("MRILOOP_REAL_DATA", "../shared/data")) / "05_philips_dti_classic"


def run(folder: Path = DEFAULT, repeats: int = REPEATS) -> list[dict[str, object]]:
    """Return one row per reader: files per second (median; higher is better) and the median paired ratio to mriloop.

    A ratio above 1 says that mriloop is that many times as fast. [] where the folder is absent.
    """
    if not folder.is_dir():
        return []
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    readers: dict[str, Callable[[], None]] = {
        "mriloop": lambda: read_intake(folder, Limits()).close(),
        "pydicom": lambda: _pydicom(files),
        "dcm2niix": lambda: _dcm2niix(folder),
    }
    for reader in readers.values():
        reader()  # once, so that no one pays for the disk
    seconds: dict[str, list[float]] = {name: [] for name in readers}
    for _ in range(repeats):
        for name, reader in readers.items():
            start = time.perf_counter()
            reader()
            seconds[name].append(time.perf_counter() - start)
    return [
        {
            "benchmark": "index_speed",
            "reader": name,
            "files": len(files),
            "files_per_s": round(len(files) / statistics.median(times)),
            "mriloop_is_faster_by": round(
                statistics.median(other / own for other, own in zip(times, seconds["mriloop"], strict=True)), 2
            ),
            "repeats": repeats,
        }
        for name, times in seconds.items()
    ]


def _pydicom(files: list[Path]) -> None:
    for path in files:
        dcmread(path, stop_before_pixels=True)


def _dcm2niix(folder: Path) -> None:
    with tempfile.TemporaryDirectory() as out:
        subprocess.run([dcm2niix.bin, "-b", "o", "-g", "i", "-o", out, str(folder)], check=False, capture_output=True)


def main() -> None:
    """Print the rows as a table."""
    rows = run(Path(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT)
    if not rows:
        sys.exit(f"no such folder: {DEFAULT} (set MRILOOP_REAL_DATA or name a folder)")
    print(*rows[0], sep="\t")
    for row in rows:
        print(*row.values(), sep="\t")


if __name__ == "__main__":
    main()
