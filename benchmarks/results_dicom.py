"""Segmentation and measurement report of a comparison: mriloop's writers beside highdicom's, processor seconds.

Bar: SEG and SR of a study of 24 slices in less than 3 s of processor time, the start of Python included.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

ROUNDS = 5
SLICES, SIDE = 24, 320
_STUDY = """
import sys, time, warnings
from datetime import UTC, datetime
from pathlib import Path
import numpy as np
warnings.simplefilter("ignore")
folder = Path(sys.argv[1])
labels = np.zeros((SIDE, SIDE, SLICES), np.int32)
for n in range(1, 9):
    labels[30 * n : 30 * n + 9, 30 * n : 30 * n + 9, 2 * n : 2 * n + 3] = n
"""
_OURS = """
from mriloop.edges.dicom import Limits
from mriloop.edges.dicom.results import Followed, Segment, read_source, write_report, write_segmentation
from mriloop.model.comparison import Change, ChangeKind
from mriloop.model.volume import Source, Volume
import pydicom
files = sorted(folder.glob("in/*.dcm"))
uids = [pydicom.dcmread(f, stop_before_pixels=True) for f in files]
volume = Volume(data=np.zeros(labels.shape, np.float32), affine=np.diag([-0.7, -0.7, 3.0, 1.0]),
                series_instance_uid=str(uids[0].SeriesInstanceUID),
                sources=(tuple(Source(sop_instance_uid=str(u.SOPInstanceUID)) for u in uids),))
now = datetime(2026, 11, 20, tzinfo=UTC)
source = read_source(files[0], volume, Limits())
names = [Segment(value=n, label=f"new {n}", tracking_id=f"L{n}", tracking_uid=f"2.25.{n}") for n in range(1, 9)]
seg = write_segmentation(folder / "ours.dcm", labels, names, source, now=now, description="x")
lesions = [Followed(tracking_id=f"L{n}", tracking_uid=f"2.25.{n}", change=Change(
    id=n, kind=ChangeKind.NEW, volume_ml=1.0, volume_change_ml=1.0, diameter_mm=9.0, perpendicular_mm=8.0,
    position_ras_mm=(0.0, 0.0, 0.0), confidence=0.9, location="deep")) for n in range(1, 9)]
write_report(folder / "ours_sr.dcm", lesions, today=source, prior=source, segments_today=seg, segments_prior=None,
             source_of_prior=source, now=now)
"""
_THEIRS = """
import highdicom as hd
import pydicom
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code
images = [pydicom.dcmread(f) for f in sorted(folder.glob("in/*.dcm"))]
kind = Code("301766008", "SCT", "Lesion of Brain")
algorithm = hd.AlgorithmIdentificationSequence(name="x", version="1", family=codes.DCM.ArtificialIntelligence)
names = [hd.seg.SegmentDescription(n, f"new {n}", Code("49755003", "SCT", "Altered"), kind, "AUTOMATIC", algorithm,
                                   tracking_uid=f"2.25.{n}", tracking_id=f"L{n}") for n in range(1, 9)]
seg = hd.seg.Segmentation(images, labels.transpose(2, 1, 0).astype(np.uint8), "BINARY", names, "2.25.100", 1,
                          "2.25.101", 1, "x", "x", "1", "1")
seg.save_as(folder / "theirs.dcm")
context = hd.sr.ObservationContext(observer_device_context=hd.sr.ObserverContext(
    codes.DCM.Device, hd.sr.DeviceObserverIdentifyingAttributes(uid="2.25.7", name="x")))
groups = [hd.sr.VolumetricROIMeasurementsAndQualitativeEvaluations(
    tracking_identifier=hd.sr.TrackingIdentifier(uid=f"2.25.{n}", identifier=f"L{n}"),
    referenced_segment=hd.sr.ReferencedSegment(seg.SOPClassUID, seg.SOPInstanceUID, n,
        source_series=hd.sr.SourceSeriesForSegmentation(images[0].SeriesInstanceUID)),
    finding_type=kind, measurements=[
        hd.sr.Measurement(codes.SCT.Volume, 1.0, Code("mL", "UCUM", "milliliter")),
        hd.sr.Measurement(codes.SCT.LongAxis, 9.0, codes.UCUM.Millimeter),
        hd.sr.Measurement(codes.SCT.PerpendicularAxis, 8.0, codes.UCUM.Millimeter)]) for n in range(1, 9)]
report = hd.sr.MeasurementReport(context, Code("25056-3", "LN", "MRI"), groups, referenced_images=images)
hd.sr.Comprehensive3DSR([*images, seg], report, "2.25.102", 2, "2.25.103", 1, "x").save_as(folder / "theirs_sr.dcm")
"""


def run() -> list[dict[str, object]]:
    """Return one row per writer: median processor seconds of a fresh process that writes both objects, and of writing.

    Both get the same 24 slices, eight lesions and measurements; each round starts Python anew, ours and theirs in turn.
    Without highdicom our own row stands alone and says so.
    """
    spent: dict[str, list[tuple[float, float]]] = {"mriloop": [], "highdicom": []}
    with tempfile.TemporaryDirectory() as name:
        _write_series(Path(name) / "in")
        for _ in range(ROUNDS):
            for writer, script in (("mriloop", _OURS), ("highdicom", _THEIRS)):
                found = _timed(script, name)
                if found is not None:
                    spent[writer].append(found)
    rows: list[dict[str, object]] = []
    base = _median([total for total, _ in spent["mriloop"]])
    for writer, times in spent.items():
        if not times:
            rows.append({"writer": writer, "note": "not installed: no comparison was made"})
            continue
        total = _median([one for one, _ in times])
        rows.append(
            {
                "writer": writer,
                "slices": SLICES,
                "cpu_s_fresh_process": round(total, 2),
                "cpu_s_after_imports": round(_median([one for _, one in times]), 2),
                "ratio": round(total / base, 2),
                "bar_3_s": "held" if total < 3.0 else "missed",
            }
        )
    return rows


def _median(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]


def _timed(script: str, folder: str) -> tuple[float, float] | None:
    """Return processor seconds of a fresh process, in all and after its imports; None where the writer is absent."""
    imports = "\n".join(line for line in script.splitlines() if line.startswith(("from ", "import ")))
    work = "\n".join(line for line in script.splitlines() if not line.startswith(("from ", "import ")))
    head = _STUDY.replace("SIDE", str(SIDE)).replace("SLICES", str(SLICES))
    code = (
        f"{head}\n{imports}\nbegun = time.process_time()\n{work}\nend = time.process_time()\nprint([end, end - begun])"
    )
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), folder], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        if "No module named 'highdicom'" in done.stderr:
            return None
        raise RuntimeError(done.stderr[-2000:])
    total, after = json.loads(done.stdout.splitlines()[-1])
    return float(total), float(after)


def _write_series(folder: Path) -> None:
    """Write 24 axial slices of nobody, with pydicom alone."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage

    folder.mkdir()
    for k in range(SLICES):
        ds = Dataset()
        ds.file_meta = FileMetaDataset()
        ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID = MRImageStorage
        ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID = f"2.25.200.{k + 1}"
        ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.FrameOfReferenceUID = "2.25.201", "2.25.202", "2.25.203"
        ds.PatientName, ds.PatientID, ds.PatientBirthDate, ds.PatientSex = "Nobody", "1", "", "O"
        ds.StudyDate, ds.StudyTime, ds.StudyID, ds.AccessionNumber = "20261120", "080000", "1", ""
        ds.ReferringPhysicianName, ds.PositionReferenceIndicator, ds.Modality = "", "", "MR"
        ds.SeriesNumber, ds.InstanceNumber, ds.BodyPartExamined = 1, k + 1, "BRAIN"
        ds.ImagePositionPatient, ds.ImageOrientationPatient = [0, 0, 3.0 * k], [1, 0, 0, 0, 1, 0]
        ds.PixelSpacing, ds.SliceThickness, ds.Rows, ds.Columns = [0.7, 0.7], 3.0, SIDE, SIDE
        ds.SamplesPerPixel, ds.PhotometricInterpretation, ds.PixelRepresentation = 1, "MONOCHROME2", 0
        ds.BitsAllocated, ds.BitsStored, ds.HighBit = 16, 16, 15
        ds.PixelData = bytes(2 * SIDE * SIDE)
        ds.save_as(folder / f"{k:03d}.dcm", enforce_file_format=True)
