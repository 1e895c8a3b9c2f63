"""The series that a result speaks of: whose it is, in which frame of reference, and which image shows which slice."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydicom.datadict import dictionary_VR, tag_for_keyword

from mriloop.edges.dicom.elements import DamagedError, Elements
from mriloop.edges.dicom.frames import frame_views, parse_date
from mriloop.edges.dicom.limits import Limits
from mriloop.edges.dicom.part10 import open_part10
from mriloop.edges.dicom.uids import uid
from mriloop.model.errors import refuse
from mriloop.model.study import Series
from mriloop.model.volume import Affine, Source, Volume

LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
"""From RAS+ to LPS and back."""

IDENTITY = (
    *("PatientName", "PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientSex", "PatientAge"),
    *("PatientSize", "PatientWeight", "PatientIdentityRemoved", "DeidentificationMethod"),
    *("StudyInstanceUID", "StudyDate", "StudyTime", "ReferringPhysicianName", "StudyID", "AccessionNumber"),
    *("StudyDescription", "TimezoneOffsetFromUTC"),
)
PLACE = ("BodyPartExamined", "Laterality", "PatientPosition", "PositionReferenceIndicator")
MACHINE = ("Manufacturer", "ManufacturerModelName", "DeviceSerialNumber", "SoftwareVersions", "InstitutionName")
ACQUISITION = (
    *("ScanningSequence", "SequenceVariant", "ScanOptions", "MRAcquisitionType", "RepetitionTime", "EchoTime"),
    *("EchoTrainLength", "InversionTime", "MagneticFieldStrength", "FlipAngle", "SliceThickness"),
)
BODY_PARTS = {"12738006": "BRAIN", "T-A0100": "BRAIN", "69536005": "HEAD", "T-D1100": "HEAD"}  # PS3.16 annex L
_UID = re.compile(r"[0-9](\.?[0-9]+)*")
_ZONE = re.compile(r"[+-](0[0-9]|1[0-4])[0-5][0-9]")
_SHAPES = {
    "DA": re.compile(r"[0-9]{8}"),
    "TM": re.compile(r"([01][0-9]|2[0-3])([0-5][0-9]([0-5][0-9](\.[0-9]{1,6})?)?)?"),
    "AS": re.compile(r"[0-9]{3}[DWMY]"),
    "CS": re.compile(r"[A-Z0-9 _]{1,16}"),
    "DS": re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?"),
    "IS": re.compile(r"[+-]?[0-9]{1,10}"),
    "UI": _UID,
}
_LENGTHS = {"SH": 16, "LO": 64, "PN": 64, "DS": 16, "UI": 64}
_ENHANCED_MR = "1.2.840.10008.5.1.4.1.1.4.1"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SourceSeries:
    """What a result needs of the series that it was made of.

    said : element keyword to text of patient, study, place, machine and acquisition; only values that DICOM allows
    affine, shape : its voxels, RAS+ mm; slices are along the third axis
    slices : the image of each slice; an empty UID where it was never received
    multi_frame : references need frame numbers
    """

    said: Mapping[str, str] = field(repr=False)
    sop_class_uid: str
    series_instance_uid: str
    frame_of_reference_uid: str
    affine: Affine
    shape: tuple[int, int, int]
    slices: tuple[Source, ...]
    multi_frame: bool

    @property
    def study_instance_uid(self) -> str:
        """StudyInstanceUID."""
        return self.said["StudyInstanceUID"]

    @property
    def instances(self) -> tuple[str, ...]:
        """SOP instance UIDs of all its slices, each once."""
        return tuple(dict.fromkeys(one.sop_instance_uid for one in self.slices if one.sop_instance_uid))

    @property
    def date(self) -> str:
        """The day of the study as YYYY-MM-DD, empty when the header does not say."""
        day = self.said.get("StudyDate", "")
        return f"{day[:4]}-{day[4:6]}-{day[6:]}" if day else ""

    def position_lps(self, k: float) -> npt.NDArray[np.float64]:
        """Return the centre of the first voxel of a slice in LPS mm."""
        return np.asarray((LPS @ self.affine @ np.array([0.0, 0.0, k, 1.0]))[:3])

    def orientation_lps(self) -> npt.NDArray[np.float64]:
        """Return row and column direction (6 numbers) in LPS."""
        axes = (LPS @ self.affine)[:3, :2]
        return np.concatenate((axes / np.linalg.norm(axes, axis=0)).T)

    def spacing(self) -> tuple[float, float, float]:
        """Return the distance between rows, between columns and, along the normal, between slices, in mm."""
        axes = self.affine[:3, :3]
        across, down = np.linalg.norm(axes[:, 0]), np.linalg.norm(axes[:, 1])
        normal = np.cross(axes[:, 0], axes[:, 1]) / (across * down)
        return float(down), float(across), abs(float(normal @ axes[:, 2]))


def read_source(path: Path, image: Volume | Series, limits: Limits) -> SourceSeries:
    """Return what results need of a volume, or of a series as a whole, from the header of any one file of its series.

    A series as a whole has no voxels (its shape is 0): results can refer to it, but not lie on it. Raises SenderError
    `result_source_unreadable` when the file is no DICOM image of this series.
    """
    try:
        header = open_part10(path, limits.max_file_bytes).elements
        frame = frame_views(header)[0]
    except (DamagedError, OSError):
        raise refuse("result_source_unreadable") from None
    series, study = header.text(0x0020000E) or "", header.text(0x0020000D) or ""
    kind = header.text(0x00080016) or ""
    if series != image.series_instance_uid or not all(map(_UID.fullmatch, (series, study, kind))):
        raise refuse("result_source_unreadable")
    if isinstance(image, Series):
        affine, shape = np.eye(4), (0, 0, 0)
        slices = tuple(Source(sop_instance_uid=f.sop_instance_uid, frame_number=f.frame_number) for f in image.frames)
    else:
        i, j, k = image.data.shape[:3]
        affine, shape, slices = image.affine, (i, j, k), image.sources[0]
    return SourceSeries(
        said=_said(header, frame),
        sop_class_uid=kind,
        series_instance_uid=series,
        frame_of_reference_uid=allowed("UI", header.text(0x00200052) or "") or uid("frame of reference", series),
        affine=affine,
        shape=shape,
        slices=slices,
        multi_frame=kind == _ENHANCED_MR or (header.integer(0x00280008) or 1) > 1,
    )


def _said(header: Elements, frame: Elements) -> dict[str, str]:
    """Return the elements that DICOM allows as they stand. `frame` is the view of one frame of an enhanced object.

    Whose study it is, is read from the header itself alone: functional groups repeat some of it for other objects.
    """
    found: dict[str, str] = {}
    for keyword in (*IDENTITY, *PLACE, *MACHINE, *ACQUISITION):
        tag = tag_for_keyword(keyword)
        assert tag is not None
        vr = dictionary_VR(tag)
        view = frame if keyword in ACQUISITION else header
        values = [allowed(vr, text, keyword) for text in view.texts(tag)]
        if vr in ("FL", "FD", "DS"):
            values = [f"{number:.10g}" for number in view.numbers(tag)]
        if values and all(values):
            found[keyword] = "\\".join(values)
    if "BodyPartExamined" not in found:  # enhanced objects code it (PS3.3 C.7.6.16.2.8)
        for item in frame.items(0x00082218, 8)[:1]:
            part = BODY_PARTS.get(item.text(0x00080100) or "")
            found |= {"BodyPartExamined": part} if part else {}
    return found


def allowed(vr: str, text: str, keyword: str = "") -> str:
    """Return a text as this VR allows it (PS3.5 table 6.2-1): cut to length, empty where it is no such value."""
    text = text.strip()
    if keyword == "TimezoneOffsetFromUTC" and not _ZONE.fullmatch(text):
        return ""
    if vr == "CS":
        text = text.upper()
    shape = _SHAPES.get(vr)
    if vr == "DA" and (parse_date(text) is None or text < "1800"):
        return ""
    if shape is not None:
        return text if shape.fullmatch(text) and len(text) <= _LENGTHS.get(vr, 64) else ""
    if vr == "PN":
        return "=".join(group[:64] for group in text.split("=")[:3])
    return text.replace("\n", " ").replace("\r", " ")[: _LENGTHS.get(vr, 1024)].strip()
