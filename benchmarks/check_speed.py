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
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.processes import Used, measure

REPEATS = 3
DATA = Path(os.environ.get("MRILOOP_REAL_DATA", "../shared/data"))
PEERS = os.environ.get("MRILOOP_PEER_HEADERS", "")
INPUTS: tuple[tuple[str, str, float, float | None], ...] = (
    ("3-D T1", "01_siemens_trio_T1_3D_one_slice_missing", 10.0, 1.5),
    ("diffusion", "05_philips_dti_classic", 15.0, None),
    ("EPI", "03_ge_fmri_deliberate_head_motion", 5.0, None),
)


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
                    used = measure(steps, Path(scratch))
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


def main() -> None:
    """Print the rows as a table."""
    rows = run()
    if not rows:
        sys.exit(f"no real inputs at {DATA} (set MRILOOP_REAL_DATA)")
    for row in rows:
        print(*(f"{name}={value}" for name, value in row.items()), sep="\t")


if __name__ == "__main__":
    main()
