"""Two visits of three series each, from DICOM to the list of changes, beside the registrations alone by ANTsPy.

`python -m benchmarks.compare_speed`. The visits are the phantom's multiple-sclerosis patient (3-D T1, axial FLAIR and
T2 at both; axial T1 series of today are left out). `mriloop compare` does it all: headers, CHECK of six series, five
registrations onto one grid, brain masks, normalisation, change map, list, detection limit, page, maps and DICOM
results. ANTsPy only registers the same five pairs ("Rigid", its defaults), from NIfTI that is already there.

Bar: 90 s wall and 3 GB on 2 processors. Peak memory is the largest sum of proportional set sizes of a command and all
its descendants. The peer runs from the interpreter that MRILOOP_PEER_ANTS names; without it its row says so.
"""

from __future__ import annotations

import os
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

from benchmarks.processes import Used, measure

PEER = os.environ.get("MRILOOP_PEER_ANTS", "")
REPEATS = 1
BAR_S, BAR_GB = 90.0, 3.0
_ANTS = """
import sys, pathlib, ants
paths = [p for folder in sys.argv[1:3] for p in sorted(pathlib.Path(folder).glob("*.nii.gz"))]
first = next(p for p in paths if "FLAIR" in p.name)
fixed = ants.image_read(str(first))
for path in paths:
    if path != first:
        ants.registration(fixed, ants.image_read(str(path)), type_of_transform="Rigid")
"""


def run(repeats: int = REPEATS) -> list[dict[str, object]]:
    """Return one row for the whole command and one for the peer's registrations."""
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        today, prior = _visits(place)
        ours = [
            measure(
                [[sys.executable, "-m", "mriloop", "compare", str(today), str(prior), "--out", str(place / f"out{n}")]],
                place,
            )
            for n in range(repeats)
        ]
        rows = [_row("mriloop compare, everything", ours, BAR_S, BAR_GB)]
        if not PEER:
            return [*rows, {"command": "ANTsPy, five registrations", "result": "set MRILOOP_PEER_ANTS"}]
        folders = [_as_nifti(folder, place / f"nifti_{name}") for name, folder in (("today", today), ("prior", prior))]
        script = place / "register.py"
        script.write_text(_ANTS, encoding="utf-8")
        peer = [measure([[PEER, str(script), *map(str, folders)]], place)]
        rows.append(_row("ANTsPy, five registrations", peer, None, None))
        rows[0]["wall_ratio"] = round(float(str(rows[0]["wall_s"])) / float(str(rows[1]["wall_s"])), 2)
        rows[1]["wall_ratio"] = 1.0
        return rows


def _visits(place: Path) -> tuple[Path, Path]:
    """Write the phantom's patient and leave three series at each visit."""
    from mriloop.app.phantom import write_scenario

    write_scenario("ms", place / "ms")
    today, prior = place / "ms" / "today", place / "ms" / "prior"
    for folder in sorted(path for path in today.iterdir() if path.is_dir())[3:]:
        shutil.rmtree(folder)
    return today, prior


def _as_nifti(folder: Path, out: Path) -> Path:
    from mriloop.edges.dicom import Limits, load_volumes, read_intake, write_nifti

    out.mkdir()
    with read_intake(folder, Limits()) as intake:
        for series in intake.studies[0].series:
            volume = load_volumes(intake.part(series), series, Limits())[0]
            name = "FLAIR" if "flair" in series.description.lower() else "other"
            write_nifti(out / f"{series.series_number:02d}_{name}.nii.gz", volume.data, volume.affine)
    return out


def _row(name: str, several: list[Used], bar_s: float | None, bar_gb: float | None) -> dict[str, object]:
    wall = statistics.median(one.wall_s for one in several)
    peak = max(one.peak_gb for one in several)
    failed = next((one for one in several if one.code not in (0, 10)), None)
    result = "registrations only"
    if failed is not None:
        result = f"failed: {failed.said}"
    elif bar_s is not None and bar_gb is not None:
        result = f"{'within' if wall <= bar_s and peak <= bar_gb else 'MISSES'} {bar_s:g} s, {bar_gb:g} GB"
    return {
        "command": name,
        "wall_s": round(wall, 1),
        "cpu_s": round(statistics.median(one.cpu_s for one in several), 1),
        "peak_gb": round(peak, 2),
        "wall_ratio": "",
        "result": result,
        "repeats": len(several),
    }
