"""Defects of one EPI series beside dicompare and mrQA in one run: what each tool catches, its exit code, its time.

The series is a GE-style EPI of 150 files written by the phantom's DICOM writer and, where present, the GE series
of the real inputs. Three good copies (other patients, TR 5000, 5000.2, 4999.8 ms) are the reference: mriloop learns a
protocol from them, dicompare builds its schema from the first (its documented workflow), mrQA infers the majority of
them and the copy under test. Bars: mriloop right in every row, with exit code 10 where the series is to be repeated;
TR 5000.4 passes. A tag that was deleted must be reported as unknown, and is no pass.

"right" means: the change is reported (for mriloop by the defect meant for it), or nothing new is reported where
nothing is wrong, and mriloop's exit code is the one expected, or that of the unchanged series where this is to be
repeated anyway (in the real one somebody moved his head on purpose). mrQA runs with --tolerance 0.01, which lets
TR 5000.4 pass; its configuration lists every parameter changed here. `MRILOOP_PEER_HEADERS`: a Python with dicompare,
`MRILOOP_PEER_MRQA` one with mrQA (default: the same).
"""

from __future__ import annotations

import copy
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from pydicom import dcmread
from pydicom.dataset import Dataset

REAL = Path(os.environ.get("MRILOOP_REAL_DATA", Path(__file__).parents[2] / "shared" / "data"))
GE_SERIES = REAL / "03_ge_fmri_deliberate_head_motion"
REPEATS = 3
AUDITED = ("EchoTime", "RepetitionTime", "FlipAngle", "PhaseEncodingDirection", "ReceiveCoilName", "PixelBandwidth",
           "MagneticFieldStrength", "MRAcquisitionType", "ScanningSequence", "Rows", "Columns")  # fmt: skip
Instances = list[Dataset]


def _echo(files: Instances) -> Instances:
    for one in files:
        one.EchoTime = float(one.EchoTime) + 5
    return files


def _coil(files: Instances) -> Instances:
    for one in files:
        one.ReceiveCoilName = "BODY"
        _set_private_coil(one, "C-GE_BODY")
    return files


def _no_coil(files: Instances) -> Instances:
    for one in files:
        del one.ReceiveCoilName
        _set_private_coil(one, None)
    return files


def _phase(files: Instances) -> Instances:
    for one in files:
        one.InPlanePhaseEncodingDirection = "ROW" if one.InPlanePhaseEncodingDirection == "COL" else "COL"
        first = list(one.AcquisitionMatrix)
        one.AcquisitionMatrix = [first[1], first[0], first[3], first[2]]
    return files


def _cut(files: Instances) -> Instances:
    return files[: round(0.6 * len(files))]


def _three_missing(files: Instances) -> Instances:
    heights = sorted({round(float(one.ImagePositionPatient[2]), 2) for one in files})
    middle = len(heights) // 2
    gone = set(heights[middle - 1 : middle + 2])
    return [one for one in files if round(float(one.ImagePositionPatient[2]), 2) not in gone]


def _zeroed(files: Instances) -> Instances:
    heights = sorted({round(float(one.ImagePositionPatient[2]), 2) for one in files})
    for one in files:
        if round(float(one.ImagePositionPatient[2]), 2) == heights[len(heights) // 2]:
            one.PixelData = bytes(len(one.PixelData))
    return files


def _jitter(files: Instances) -> Instances:
    for one in files:
        one.RepetitionTime = float(one.RepetitionTime) + 0.4
    return files


# name, what is done, (code, evidence name) of mriloop's defect (None: nothing may be said), exit code
VARIANTS: tuple[tuple[str, Callable[[Instances], Instances], tuple[str, str] | None, int], ...] = (
    ("unchanged", lambda files: files, None, 0),
    ("TE + 5 ms", _echo, ("protocol_deviation", "EchoTime"), 10),
    ("coil BODY", _coil, ("wrong_coil", "ReceiveCoilName"), 10),
    ("coil tag deleted", _no_coil, ("protocol_unknown", "ReceiveCoilName"), 0),
    ("cut to 60 %", _cut, ("protocol_deviation", "Volumes"), 10),
    ("three slices missing", _three_missing, ("missing_slices", ""), 10),
    ("slice zeroed", _zeroed, ("blank_slice", ""), 10),
    ("wrong phase-encode axis", _phase, ("protocol_deviation", "PhaseEncodingAxis"), 10),
    ("TR 5000.4 against 5000", _jitter, None, 0),
)


def run(repeats: int = REPEATS) -> list[dict[str, object]]:
    """Return one row per series and variant: what each tool said, its exit code, is it right; then the times."""
    rows: list[dict[str, object]] = []
    for name, files in _sources():
        with tempfile.TemporaryDirectory(prefix="mriloop-headers-") as folder:
            rows += _table(name, files, Path(folder), repeats)
    return rows


def _sources() -> list[tuple[str, Instances]]:
    found = [("phantom", _phantom())]
    if GE_SERIES.is_dir():
        paths = sorted(path for path in GE_SERIES.rglob("*") if path.is_file())
        found.append(("real GE", [dcmread(path) for path in paths]))
    return found


def _phantom() -> Instances:
    from mriloop.edges.dicom.phantom_headers import InventedPatient, PhantomStudy
    from mriloop.edges.dicom.phantom_study import as_series, write_study
    from mriloop.imaging.phantom.acquire import Faults, acquire
    from mriloop.imaging.phantom.anatomy import head
    from mriloop.imaging.phantom.prescription import bold_epi
    from mriloop.model.coding import Region

    start = datetime(2026, 1, 5, 9, 0)
    plan = replace(bold_epi(volumes=10), matrix=(64, 64, 15), spacing=(3.75, 3.75, 5.0), thickness=3.0, tr=5000.0)
    taken = acquire(head(seed=0), plan, faults=Faults(snr=60), seed=1)
    patient = InventedPatient(name="Phantom^GE", patient_id="P0", birth_date="19800101", sex="F")
    study = PhantomStudy(key="ge", patient=patient, started_at=start, description="fMRI", region=Region.BRAIN)
    series = as_series(taken, number=4, started_at=start, description="Axial EPI-FMRI", coil="32Ch Head")
    with tempfile.TemporaryDirectory() as out:
        files = [dcmread(path) for path in write_study(study, [series], Path(out))]
    for one in files:
        one.Manufacturer, one.ManufacturerModelName = "GE MEDICAL SYSTEMS", "DISCOVERY MR750"
        block = one.private_block(0x0043, "GEMS_PARM_01", create=True)
        block.add_new(0x81, "LO", "C-GE_32Ch Head")
    return files


def _set_private_coil(one: Dataset, name: str | None) -> None:
    if (0x0043, 0x1081) in one:
        del one[0x0043, 0x1081]
    if name is not None:
        one.private_block(0x0043, "GEMS_PARM_01", create=True).add_new(0x81, "LO", name)


def _write(files: Instances, folder: Path, patient: str, tr_ms: float = 0.0) -> Path:
    """Write copies as another patient's study; the same UIDs everywhere inside it, and none of the original."""
    folder.mkdir(parents=True)
    for number, source in enumerate(files, 1):
        one = copy.deepcopy(source)
        one.PatientID, one.PatientName = patient, f"Copy^{patient}"
        salt = f".{sum(map(ord, patient))}.{len(patient)}"
        for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID", "SOPInstanceUID"):
            setattr(one, keyword, (str(getattr(source, keyword))[: 63 - len(salt)]).rstrip(".") + salt)
        if len({str(f.SOPInstanceUID) for f in files[:2]}) == 2:
            one.SOPInstanceUID = f"2.25.{abs(hash((patient, number))) % 10**30}"
        one.file_meta.MediaStorageSOPInstanceUID = one.SOPInstanceUID
        one.RepetitionTime = float(one.RepetitionTime) + tr_ms
        one.save_as(folder / f"{number:05d}.dcm")
    return folder


def _table(name: str, files: Instances, work: Path, repeats: int) -> list[dict[str, object]]:
    references = [
        _write(files, work / "reference" / f"ref{k}", f"ref{k}", tr) for k, tr in enumerate((0.0, 0.2, -0.2), 1)
    ]
    folders = {
        variant: _write(change(copy.deepcopy(files)), work / "variants" / f"v{k}" / f"test{k}", f"test{k}")
        for k, (variant, change, _, _) in enumerate(VARIANTS)
    }
    tools: dict[str, Callable[[Path, str], tuple[set[str], int]]] = {"mriloop": _mriloop(work)}
    peer = os.environ.get("MRILOOP_PEER_HEADERS")
    if peer:
        tools["dicompare"] = _dicompare(peer, work, references[0])
    mrqa = os.environ.get("MRILOOP_PEER_MRQA", peer or "")
    if mrqa and _imports(mrqa, "mrQA.project"):
        tools["mrQA"] = _mrqa(mrqa, work, references)
    said = {
        (tool, variant): call(folder, variant) for variant, folder in folders.items() for tool, call in tools.items()
    }
    rows = []
    for variant, _, wanted, code in VARIANTS:
        row: dict[str, object] = {"series": name, "variant": variant}
        for tool in ("mriloop", "dicompare", "mrQA"):
            if tool not in tools:
                row[tool], row[f"{tool} exit"], row[f"{tool} right"] = "not installed", "", ""
                continue
            words, exit_code = said[tool, variant]
            new = words - said[tool, "unchanged"][0] if variant != "unchanged" else words
            right = _right(tool, new, exit_code, wanted, max(code, said[tool, "unchanged"][1]))
            row[tool] = ", ".join(sorted(new)) or "nothing"
            row[f"{tool} exit"], row[f"{tool} right"] = exit_code, "yes" if right else "NO"
        rows.append(row)
    return [*rows, _times(name, len(files), tools, folders["unchanged"], repeats)]


def _right(tool: str, new: set[str], exit_code: int, wanted: tuple[str, str] | None, code: int) -> bool:
    if tool != "mriloop":
        return bool(new) == (wanted is not None)
    said = not new if wanted is None else any(word.startswith(" ".join(wanted).strip()) for word in new)
    return said and exit_code == code


def _times(
    name: str, count: int, tools: dict[str, Callable[[Path, str], tuple[set[str], int]]], folder: Path, repeats: int
) -> dict[str, object]:
    """Paired wall times on the unchanged copy; mriloop's includes the pixels, `headers` does not."""
    ways: dict[str, Callable[[], object]] = {
        tool: (lambda call=call: call(folder, "unchanged"))
        for tool, call in tools.items()  # type: ignore[misc]
    }
    ways["headers"] = lambda: _headers(folder)
    taken: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(repeats):
        for way, call in ways.items():
            start = time.perf_counter()
            call()
            taken[way].append(time.perf_counter() - start)
    seconds = {way: statistics.median(times) for way, times in taken.items()}
    row: dict[str, object] = {"series": name, "variant": f"median s, {count} files"}
    for tool in ("mriloop", "dicompare", "mrQA"):
        ratio = f" ({seconds[tool] / seconds['headers']:.1f} x)" if tool in seconds and tool != "mriloop" else ""
        headers = f" with pixels, {seconds['headers']:.2f} headers alone" if tool == "mriloop" else ratio
        row[tool] = f"{seconds[tool]:.2f}{headers}" if tool in seconds else "not installed"
        row[f"{tool} exit"] = row[f"{tool} right"] = ""
    return row


def _headers(folder: Path) -> None:
    """Read, identify and choose by headers alone, as a process of its own."""
    code = (
        "import sys; from pathlib import Path; from mriloop.edges.dicom import Limits, read_intake;"
        "from mriloop.edges.knowledge.protocols import load_protocols;"
        "from mriloop.stages.check import identify_study, match_study;"
        "from mriloop.stages.check.protocol import check_protocol;"
        "p = load_protocols(Path(sys.argv[2]))['ref'];"
        "i = read_intake(Path(sys.argv[1]), Limits());"
        "s = i.studies[0]; lines = match_study(s, identify_study(s), p);"
        "[check_protocol(x, lines[x.series_instance_uid]) for x in s.series]; i.close()"
    )
    site = folder.parents[2] / "site"
    subprocess.run([sys.executable, "-c", code, str(folder), str(site)], check=True, capture_output=True)


def _mriloop(work: Path) -> Callable[[Path, str], tuple[set[str], int]]:
    site = work / "site"
    learned = site / "protocols" / "ref.yaml"
    command = [sys.executable, "-m", "mriloop"]
    learn = ["protocol", "learn", str(work / "reference"), "--id", "ref", "--title", "reference", "--out", str(learned)]
    subprocess.run([*command, *learn], check=True, capture_output=True)

    def call(folder: Path, _variant: str) -> tuple[set[str], int]:
        asked = [*command, "check", str(folder), "--protocol", "ref", "--site", str(site), "--json"]
        done = subprocess.run(asked, check=False, capture_output=True, text=True)
        return _defects(json.loads(done.stdout)), done.returncode

    return call


def _defects(document: dict[str, Any]) -> set[str]:
    found = set()
    for study in document["studies"]:
        for one in (*study["defects"], *(d for series in study["series"] for d in series["defects"])):
            names = {evidence["name"] for evidence in one.get("evidence", ())} or {""}
            parts = names if one["code"].startswith(("protocol", "wrong")) else {""}
            found |= {f"{one['code']} {name}".strip() for name in parts}
    return {word for word in found if not word.startswith(("motion", "ghost", "spoilt_without"))}


def _dicompare(python: str, work: Path, reference: Path) -> Callable[[Path, str], tuple[set[str], int]]:
    tool = str(Path(python).with_name("dicompare"))
    schema = work / "schema.json"
    subprocess.run([tool, "build", str(reference), str(schema)], check=True, capture_output=True)

    def call(folder: Path, _variant: str) -> tuple[set[str], int]:
        report = work / "report.json"
        report.unlink(missing_ok=True)
        asked = [tool, "check", str(folder), str(schema), str(report), "--auto-yes"]
        done = subprocess.run(asked, check=False, capture_output=True, text=True)
        items = json.loads(report.read_text(encoding="utf-8")) if report.is_file() else []
        rows = items if isinstance(items, list) else items.get("results", [])
        bad = {str(row.get("field")) for row in rows if str(row.get("status")) in ("error", "warning")}
        return bad, done.returncode

    return call


_MRQA = """
import json, sys
from MRdataset import import_dataset
from mrQA.project import check_compliance
data, config, out, subject = sys.argv[1:]
dataset = import_dataset(data_source=[data], ds_format="dicom", name="x", config_path=config, output_dir=out)
horizontal = check_compliance(dataset=dataset, output_dir=out, decimals=3, tolerance=0.01, config_path=config)[0]
bad = set()
wrong = horizontal["non_compliant"]
for series in wrong.get_sequence_ids():
    for name in wrong.get_nc_param_ids(series):
        if subject in wrong.get_nc_subject_ids(series, name):
            bad.add(name)
print("RESULT" + json.dumps(sorted(bad)))
"""


def _mrqa(python: str, work: Path, references: Sequence[Path]) -> Callable[[Path, str], tuple[set[str], int]]:
    config = work / "mri-config.json"
    settings = {
        "include_sequence": {"phantom": False, "nifti_header": False, "moco": False, "sbref": False, "derived": False},
        "use_echonumbers": True,
        "horizontal_audit": {"stratify_by": "series_number", "include_parameters": list(AUDITED)},
        "vertical_audit": {"stratify_by": "series_number", "sequences": [], "include_parameters": []},
        "plots": {"include_parameters": []},
        "exclude_subjects": [],
    }
    config.write_text(json.dumps(settings), encoding="utf-8")

    def call(folder: Path, _variant: str) -> tuple[set[str], int]:
        data, out = work / "mrqa", work / "mrqa_out"
        for place in (data, out):
            shutil.rmtree(place, ignore_errors=True)
            place.mkdir()
        for source in (*references, folder):
            shutil.copytree(source, data / source.name, copy_function=os.link)
        asked = [python, "-c", _MRQA, str(data), str(config), str(out), folder.name]
        done = subprocess.run(asked, check=False, capture_output=True, text=True)
        lines = [line for line in done.stdout.splitlines() if line.startswith("RESULT")]
        if not lines:
            return {"failed: " + (done.stderr.strip().splitlines() or ["no output"])[-1][:80]}, done.returncode
        return set(json.loads(lines[-1].removeprefix("RESULT"))), done.returncode

    return call


def _imports(python: str, module: str) -> bool:
    return subprocess.run([python, "-c", f"import {module}"], check=False, capture_output=True).returncode == 0


if __name__ == "__main__":
    for line in run():
        print(*(f"{value}" for value in line.values()), sep=" | ")
