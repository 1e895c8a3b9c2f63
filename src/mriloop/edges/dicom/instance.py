"""One file becomes one record: what it is, whose, its frames and parameters; or the code why it is refused."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass, field, replace
from pathlib import Path

from mriloop.edges.dicom import siemens, vendors
from mriloop.edges.dicom.dictionary import KEYWORD
from mriloop.edges.dicom.elements import DamagedError, Elements
from mriloop.edges.dicom.frames import build_frames, frame_views, parse_date
from mriloop.edges.dicom.mpps import is_performed_step, read_performed_step
from mriloop.edges.dicom.part10 import MEDIA_DIRECTORY, open_part10
from mriloop.edges.dicom.pixels import Pixels, describe
from mriloop.model.study import Frame, PerformedStep, SeriesObject

_UID = re.compile(r"[0-9][0-9.]{0,63}")
_STORAGE = "1.2.840.10008.5.1.4.1.1."
_IMAGE_CLASSES = frozenset(_STORAGE + tail for tail in ("4", "4.1", "4.3", "4.4"))
_PREFIXES: tuple[tuple[str, SeriesObject], ...] = (
    (_STORAGE + "4.2", SeriesObject.SPECTROSCOPY),
    (_STORAGE + "66.4", SeriesObject.SEGMENTATION),
    (_STORAGE + "66.7", SeriesObject.SEGMENTATION),
    (_STORAGE + "66.1", SeriesObject.REGISTRATION),
    (_STORAGE + "66.2", SeriesObject.REGISTRATION),
    (_STORAGE + "66.3", SeriesObject.REGISTRATION),
    (_STORAGE + "66", SeriesObject.RAW_DATA),
    (_STORAGE + "67", SeriesObject.OTHER),
    (_STORAGE + "88", SeriesObject.REPORT),
    (_STORAGE + "104", SeriesObject.DOCUMENT),
    (_STORAGE + "11", SeriesObject.PRESENTATION_STATE),
    (_STORAGE + "9", SeriesObject.OTHER),
    ("1.3.12.2.1107.5.9.1", SeriesObject.RAW_DATA),
    ("1.3.46.670589.11.0.0.12", SeriesObject.RAW_DATA),
    ("1.2.840.113619.4.30", SeriesObject.RAW_DATA),
)
_LONGEST_PARAMETER = 2048
_AGENT, _AGENTS, _CODE_MEANING = 0x00180010, 0x00180012, 0x00080104
# Keys: the tag of a public parameter, or -1 - n for row n of the vendors' table.
RawValues = dict[int, set[vendors.Raw]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """The identifying elements of one file, as they stand."""

    patient_id: str
    issuer: str
    name: str
    birth_date: str
    sex: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Concatenation:
    """Which part of an object that was split an instance is; 0 where it does not say. PS3.3 C.7.6.16.2.2.4."""

    uid: str
    number: int
    total: int


@dataclass(slots=True, kw_only=True)
class Record:
    """One accepted file. `raw` holds the bytes of the parameters, decoded once per series."""

    shown: str
    path: Path
    sop_instance_uid: str
    series_instance_uid: str
    study_instance_uid: str
    modality: str
    object: SeriesObject
    person: Person
    frames: tuple[Frame, ...] = ()
    pixels: Pixels | None = None
    raw: RawValues = field(default_factory=dict)
    order: str = "<"
    charset: tuple[str, ...] = ()
    texts: dict[str, str] = field(default_factory=dict)
    protocol: dict[str, str] = field(default_factory=dict)
    rescale: tuple[tuple[float, float], ...] = ()
    concatenation: Concatenation | None = None


def read_instance(
    shown: str, path: Path, cap: int, known_series: set[str], first: tuple[bytes, int] | None = None
) -> Record | PerformedStep | str | None:
    """Read one DICOM file.

    Returns a Record, whose frames are without pixels where the pixel data of an image are absent; a PerformedStep for
    the report of a scanner; the code of the error table why the file is refused; or None for a DICOMDIR, which is
    passed over.
    `known_series` collects the series met so far, so that their long protocol texts are read once;
    `first` is what `read_first` gave, when it has been read already.
    """
    try:
        part10 = open_part10(path, cap, first)
        if part10.media_class == MEDIA_DIRECTORY:
            return None
        header = part10.elements
        if is_performed_step(header, part10.media_class):
            return read_performed_step(header)
        uids = [header.text(tag) or "" for tag in (0x00080018, 0x0020000E, 0x0020000D)]
        if not all(_UID.fullmatch(uid) for uid in uids):
            return "file_no_identity"
        kind = header.text(0x00080016) or part10.media_class
        modality = header.text(0x00080060) or ("MR" if kind in _IMAGE_CLASSES else "OT")
        if not _UID.fullmatch(kind) and part10.pixels is None:
            return "file_no_identity"
        record = Record(
            shown=shown,
            path=path,
            sop_instance_uid=uids[0],
            series_instance_uid=uids[1],
            study_instance_uid=uids[2],
            modality=modality[:16],
            object=_object(kind, has_pixels=part10.pixels is not None),
            person=_person(header),
            order=header.syntax.order,
            charset=header.charset,
            texts=_texts(header),
        )
        if modality == "MR" or kind in _IMAGE_CLASSES:
            record.modality = "MR"
            if record.object is SeriesObject.IMAGE:
                try:
                    record.pixels = describe(part10, path)
                except DamagedError as damage:
                    if damage.code != "file_no_pixels":
                        raise
                else:
                    if record.pixels is None:
                        return "file_no_pixels"
            _fill(record, header, known_series)
            if record.object is SeriesObject.IMAGE and record.pixels is None:
                record.frames = tuple(replace(frame, has_pixels=False) for frame in record.frames)
        return record
    except DamagedError as damage:
        return damage.code
    except OSError:
        return "file_unreadable"
    except (struct.error, OverflowError):
        return "file_header_damaged"


def _object(kind: str, *, has_pixels: bool) -> SeriesObject:
    for prefix, what in _PREFIXES:
        if kind == prefix or kind.startswith(prefix + "."):
            return what
    return SeriesObject.IMAGE if has_pixels or kind in _IMAGE_CLASSES else SeriesObject.OTHER


def _person(header: Elements) -> Person:
    return Person(
        patient_id=header.text(0x00100020) or "",
        issuer=header.text(0x00100021) or "",
        name=header.text(0x00100010) or "",
        birth_date=header.text(0x00100030) or "",
        sex=header.text(0x00100040) or "",
    )


def _texts(header: Elements) -> dict[str, str]:
    wanted = {
        "StudyDate": 0x00080020,
        "StudyTime": 0x00080030,
        "StudyDescription": 0x00081030,
        "SeriesDescription": 0x0008103E,
        "SeriesNumber": 0x00200011,
        "AccessionNumber": 0x00080050,
        "PatientAge": 0x00101010,
        "FrameOfReferenceUID": 0x00200052,
    }
    return {name: text for name, tag in wanted.items() if (text := header.text(tag))}


def _fill(record: Record, header: Elements, known_series: set[str]) -> None:
    """Add frames and parameters of an MR instance."""
    count = record.pixels.frames if record.pixels else 1
    study_date = parse_date(record.texts.get("StudyDate"))
    views = frame_views(header)
    if record.object is SeriesObject.IMAGE:
        record.frames = tuple(build_frames(views, record.sop_instance_uid, count, study_date))
        rescale = tuple((view.number(0x00281053) or 1.0, view.number(0x00281052) or 0.0) for view in views)
        record.rescale = rescale if len(views) == count else rescale * count
    for view in views:
        _collect(record.raw, view)
    _name_agent(record.raw, header)
    uid = header.text(0x00209161)
    if uid:
        record.concatenation = Concatenation(
            uid=uid, number=header.integer(0x00209162) or 0, total=header.integer(0x00209163) or 0
        )
    if record.series_instance_uid not in known_series:
        known_series.add(record.series_instance_uid)
        creators = vendors.creators_of(views[0])
        for row in (vendors.PHOENIX_XA, vendors.CSA_SERIES):
            raw = vendors.raw_of(views[0], row, creators)
            if raw:
                record.protocol = siemens.read_protocol(raw[1])
                break
        raw = vendors.raw_of(header, vendors.CSA_IMAGE, creators)
        polarity = siemens.csa_numbers(siemens.read_csa(raw[1]), "PhaseEncodingDirectionPositive") if raw else ()
        if polarity:
            record.protocol["PhaseEncodingDirectionPositive"] = f"{polarity[0]:g}"


def _name_agent(raw: RawValues, header: Elements) -> None:
    """Give the agent of enhanced objects (PS3.3 C.7.6.4b), its code meaning, under the keyword of the classic ones."""
    if _AGENT in header or _AGENTS not in header:
        return
    for item in header.items(_AGENTS, 8):
        meaning = item.raw(_CODE_MEANING)
        if meaning and len(meaning) <= _LONGEST_PARAMETER:
            raw.setdefault(_AGENT, set()).add((b"LO", meaning))


def _collect(raw: RawValues, view: Elements) -> None:
    data, fields = view.data, view.fields
    for tag in KEYWORD.keys() & fields.keys():
        vr, start, stop = fields[tag]
        if 0 < stop - start <= _LONGEST_PARAMETER:
            raw.setdefault(tag, set()).add((vr, data[start:stop]))
    if vendors.COIL_DEFINITION in fields and vendors.COIL_ELEMENT not in raw:
        raw[vendors.COIL_ELEMENT] = vendors.elements_in_use(view)
    creators = vendors.creators_of(view)
    if not creators:
        return
    for number, row in enumerate(vendors.PARAMETERS):
        if (row.group, row.creator) in creators:
            found = vendors.raw_of(view, row, creators)
            if found and 0 < len(found[1]) <= _LONGEST_PARAMETER:
                raw.setdefault(-1 - number, set()).add(found)
