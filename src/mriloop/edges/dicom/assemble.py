"""From records to studies: grouping, parameters decoded once per series, and what was meant to be acquired."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, time, timedelta

from dateutil.relativedelta import relativedelta

from mriloop.edges.dicom import vendors
from mriloop.edges.dicom.dictionary import KEYWORD, VR_OF
from mriloop.edges.dicom.elements import decode_numbers
from mriloop.edges.dicom.frames import parse_date, seconds_of_day
from mriloop.edges.dicom.identity import pseudonym
from mriloop.edges.dicom.instance import Record
from mriloop.edges.dicom.siemens import protocol_integer
from mriloop.edges.dicom.text import decode_text
from mriloop.model.study import Parameter, Series, SeriesObject, Study

_NUMERIC = frozenset({b"DS", b"IS", b"FL", b"FD", b"US", b"SS", b"UL", b"SL", b"SV", b"UV"})
_MAX_VALUES = 64
_PLAIN_NAME = {"EffectiveEchoTime": "EchoTime", "InversionTimes": "InversionTime"}

SeriesKey = tuple[str, str, str]  # patient, StudyInstanceUID, SeriesInstanceUID


def group(records: Iterable[Record], salt: bytes) -> dict[SeriesKey, list[Record]]:
    """Group records by patient, study and series, the files of a series in acquisition order.

    Objects without a patient ID belong to the one patient whom the rest of their study names.
    """
    records = list(records)
    named: dict[str, set[str]] = defaultdict(set)
    for record in records:
        if record.person.patient_id:
            named[record.study_instance_uid].add(pseudonym(record.person, record.study_instance_uid, salt))
    groups: dict[SeriesKey, list[Record]] = defaultdict(list)
    for record in records:
        study = record.study_instance_uid
        alone = len(named[study]) == 1 and not record.person.patient_id
        patient = next(iter(named[study])) if alone else pseudonym(record.person, study, salt)
        groups[patient, study, record.series_instance_uid].append(record)
    for members in groups.values():
        members.sort(key=lambda record: (_instance_number(record), record.shown))
    return groups


def _instance_number(record: Record) -> int:
    number = record.frames[0].instance_number if record.frames else None
    return number if number is not None else 1 << 60


def build_series(members: Sequence[Record], duplicates: Mapping[str, int], notes: Mapping[str, str]) -> Series:
    """Return the series that these records form. `duplicates` and `notes` are keyed by SOP instance UID."""
    first = members[0]
    objects = {record.object for record in members}
    what = SeriesObject.IMAGE if SeriesObject.IMAGE in objects else first.object
    values = parameters(members)
    protocol = next((record.protocol for record in members if record.protocol), {})
    values.update(_from_protocol(protocol, values))
    return Series(
        series_instance_uid=first.series_instance_uid,
        study_instance_uid=first.study_instance_uid,
        modality=first.modality,
        object=what,
        series_number=_integer(first.texts.get("SeriesNumber")),
        description=first.texts.get("SeriesDescription", ""),
        frame_of_reference_uid=first.texts.get("FrameOfReferenceUID"),
        frames=tuple(frame for record in members for frame in record.frames),
        parameters=values,
        declared=declared(members, values, protocol),
        duplicates=tuple(record.sop_instance_uid for record in members if record.sop_instance_uid in duplicates),
        notes=tuple(_notes(members, objects))
        + tuple(notes[record.sop_instance_uid] for record in members if record.sop_instance_uid in notes),
    )


def _notes(members: Sequence[Record], objects: set[SeriesObject]) -> Iterable[str]:
    if len(objects) > 1:
        others = sum(record.object is not SeriesObject.IMAGE for record in members)
        yield f"{others} objects of this series are not images"
    if any(frame.tiles == 0 for record in members for frame in record.frames):
        yield "a mosaic whose number of slices the header does not tell"
    parts = {record.concatenation for record in members if record.concatenation}
    for uid in {part[0] for part in parts}:
        total = max(count for name, count in parts if name == uid)
        found = sum(record.concatenation is not None and record.concatenation[0] == uid for record in members)
        if total and found < total:
            yield f"{found} of {total} parts of a concatenation are here"


def build_study(patient: str, series: Sequence[Series], first: Record) -> Study:
    """Return the study of these series; `first` gives the study-level elements."""
    texts = first.texts
    day = parse_date(texts.get("StudyDate"))
    seconds = seconds_of_day(texts.get("StudyTime")) or 0.0
    if day is not None and day.year < 1900:  # a scanner without a clock
        day = None
    started = datetime.combine(day, time()) + timedelta(seconds=min(seconds, 86_399.0)) if day else None
    return Study(
        study_instance_uid=first.study_instance_uid,
        patient=patient,
        series=tuple(
            sorted(series, key=lambda s: (s.series_number is None, s.series_number or 0, s.series_instance_uid))
        ),
        started_at=started,
        description=texts.get("StudyDescription", ""),
        accession=texts.get("AccessionNumber"),
        age_years=_age(texts.get("PatientAge"), first.person.birth_date, texts.get("StudyDate")),
        sex=first.person.sex[:1].upper() if first.person.sex[:1].upper() in ("M", "F", "O") else None,
    )


def _age(said: str | None, birth: str, study: str | None) -> float | None:
    """Return the age at the study: whole completed years, and months as a share only below two years.

    A stated age of zero is what scanners and anonymisers write for want of one: it counts only where the birth date
    tells of a child in its first year.
    """
    born, day = parse_date(birth), parse_date(study)
    counted = _completed(relativedelta(day, born)) if born is not None and day is not None and day >= born else None
    if not said or not said[:-1].isdigit() or said[-1].upper() not in "YMWD":
        return counted
    number = int(said[:-1])
    if number == 0:
        return counted if counted is not None and counted < 1.0 else None
    if said[-1].upper() == "Y":
        return float(number)
    return _completed(relativedelta(months=number)) if said[-1].upper() == "M" else _years_of_days(said, number)


def _completed(apart: relativedelta) -> float:
    return float(apart.years) if apart.years >= 2 else apart.years + apart.months / 12 + apart.days / 366


def _years_of_days(said: str, number: int) -> float:
    years = number * (7 if said[-1].upper() == "W" else 1) / 365.25
    return float(int(years)) if years >= 2 else years


def _integer(text: str | None) -> int | None:
    try:
        return int(text or "")
    except ValueError:
        return None


def parameters(members: Sequence[Record]) -> dict[str, Parameter]:
    """Return the parameters of a series by keyword.

    One value where all frames agree; a sorted tuple of the distinct values where they differ (up to 64 of them, more
    are left out: they belong to the frames). Echo and inversion times of functional groups also go by their plain name.
    """
    merged: dict[int, set[vendors.Raw]] = defaultdict(set)
    for record in members:
        for key, raws in record.raw.items():
            merged[key] |= raws
    order, charset = members[0].order, members[0].charset
    values: dict[str, Parameter] = {}
    for key, raws in merged.items():
        if len(raws) > _MAX_VALUES:
            continue
        if key >= 0:
            name = KEYWORD[key]
            decoded = [_public(key, raw, order, charset) for raw in raws]
        else:
            row = vendors.PARAMETERS[-1 - key]
            name = row.keyword
            decoded = [vendors.value_of(row, raw, order, charset) for raw in raws]
        value = _merge([one for one in decoded if one is not None])
        if value is not None:
            values.setdefault(name, value)
    first = next((record.frames[0] for record in members if record.frames), None)
    if first is not None and first.image_type:
        values["ImageType"] = first.image_type
    for long, plain in _PLAIN_NAME.items():
        if long in values:
            values.setdefault(plain, values[long])
    return values


def _public(tag: int, raw: vendors.Raw, order: str, charset: tuple[str, ...]) -> Parameter | None:
    vr = raw[0] if raw[0] not in (b"", b"UN") else VR_OF[tag]
    if vr in _NUMERIC:
        numbers = decode_numbers(raw[1], vr, order)
        if vr in vendors.WHOLE and all(number == int(number) for number in numbers):
            numbers = tuple(int(number) for number in numbers)
        return None if not numbers else numbers[0] if len(numbers) == 1 else numbers
    texts = decode_text(raw[1], charset)
    if not any(texts):
        return None
    return texts[0] if len(texts) == 1 else texts


def _merge(values: list[Parameter]) -> Parameter | None:
    distinct = list(dict.fromkeys(values))
    if len(distinct) <= 1:
        return distinct[0] if distinct else None
    numbers: set[float] = set()
    texts: dict[str, None] = {}
    for value in distinct:
        for part in value if isinstance(value, tuple) else (value,):
            if isinstance(part, str):
                texts[part] = None
            else:
                numbers.add(part)
    return tuple(texts) if texts else tuple(sorted(numbers))


def _from_protocol(protocol: Mapping[str, str], values: Mapping[str, Parameter]) -> dict[str, Parameter]:
    """Return what the Siemens protocol text adds to the elements."""
    found: dict[str, Parameter] = {}
    for name, keyword in (
        ("lTotalScanTimeSec", "VendorAcquisitionDuration"),
        ("sSliceAcceleration.lMultiBandFactor", "VendorMultibandFactor"),
        ("sPat.lAccelFactPE", "VendorAccelerationPhase"),
        ("sPat.lAccelFact3D", "VendorAccelerationSlice"),
        ("sDiffusion.lDiffDirections", "VendorDiffusionDirections"),
        ("lAverages", "VendorAverages"),
        ("PhaseEncodingDirectionPositive", "VendorPhaseEncodingPositive"),
    ):
        number = protocol_integer(protocol, name)
        if number is not None and keyword not in values:
            found[keyword] = number
    repetitions = protocol_integer(protocol, "lRepetitions")
    if repetitions is not None:
        found["VendorRepetitions"] = repetitions + 1
    return found


def declared(members: Sequence[Record], values: Mapping[str, Parameter], protocol: Mapping[str, str]) -> dict[str, int]:
    """Return what the scanner says it meant to acquire: `slices` and `volumes` per series, `frames`, `images`.

    `acquired_images` is ImagesInAcquisition (0020,1002): of one volume with some vendors, of all with others.

    Only what describes these very images: the protocol of a Siemens scan says nothing of the images derived from it,
    and its repetitions nothing of diffusion directions or of dynamics that are stored as a series each.
    """
    found: dict[str, int] = {}
    frames = [frame for record in members for frame in record.frames]
    original = bool(frames) and all(frame.image_type[:1] in ((), ("ORIGINAL",)) for frame in frames)
    slices = _whole(values.get("VendorSlices")) or _whole(values.get("NumberOfSlices"))
    if slices is None and original:
        slices = protocol_integer(protocol, "sSliceArray.lSize")
        slab = protocol_integer(protocol, "sKSpace.lImagesPerSlab")
        if slices and values.get("MRAcquisitionType") == "3D":
            slices = slices * slab if slab else None
    if slices and slices > 0:
        found["slices"] = slices
    volumes = _whole(values.get("NumberOfTemporalPositions")) if original else None
    diffusion = any(frame.b_value for frame in frames)
    if volumes is None and original and not diffusion:
        volumes = _whole(values.get("VendorDynamics"))
    planar = values.get("ScanningSequence") == "EP" or values.get("EchoPlanarPulseSequence") == "YES"
    if volumes is None and original and planar and not diffusion:
        repetitions = protocol_integer(protocol, "lRepetitions")
        volumes = repetitions + 1 if repetitions else None
    if volumes and volumes > 1:
        found["volumes"] = volumes
    multi = [record for record in members if record.pixels is not None and record.pixels.frames > 1]
    if multi:
        found["frames"] = sum(record.pixels.frames for record in multi if record.pixels is not None)
    acquired = _whole(values.get("ImagesInAcquisition"))
    if acquired and original and not multi:
        found["acquired_images"] = acquired
    totals = {part for record in members if (part := record.concatenation)}
    if totals:
        found["images"] = sum(count for _, count in totals)
    return found


def _whole(value: Parameter | None) -> int | None:
    if isinstance(value, tuple) or value is None or isinstance(value, str):
        return None
    return int(value) if value == int(value) and value > 0 else None
