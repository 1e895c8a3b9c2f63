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
    for uid in sorted({record.concatenation.uid for record in members if record.concatenation}):
        parts = [c for record in members if (c := record.concatenation) and c.uid == uid]
        total = max(part.total for part in parts)
        absent = sorted(set(range(1, total + 1)) - {part.number for part in parts})
        if len(parts) < total:
            which = f": part {', '.join(map(str, absent))} missing" if len(absent) == total - len(parts) else ""
            yield f"{len(parts)} of {total} parts of a concatenation are here{which}"


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
    """Return what the scanner says it meant to acquire; docs/reference/dicom-in.md lists the keys.

    Only what describes these very images: the protocol of a Siemens scan says nothing of the images derived from it,
    and its repetitions nothing of diffusion directions or of dynamics that are stored as a series each.
    """
    frames = [frame for record in members for frame in record.frames]
    original = bool(frames) and all(frame.image_type[:1] in ((), ("ORIGINAL",)) for frame in frames)
    diffusion = any(frame.b_value for frame in frames)
    multi = [record for record in members if record.pixels is not None and record.pixels.frames > 1]
    found: dict[str, int | None] = {"slices": _slices(values, protocol) if original else _vendor_slices(values)}
    if original:
        found["volumes"] = _time_points(values, protocol, diffusion=diffusion)
        found["duration_s"] = _whole_part(values.get("AcquisitionDuration")) or _whole_part(
            values.get("VendorAcquisitionDuration")
        )
        found["phases"] = _whole(values.get("VendorCardiacPhases")) or _whole(values.get("CardiacNumberOfImages"))
        found["echoes"] = _whole(values.get("VendorEchoes"))
        if not multi:
            found["acquired_images"] = _whole(values.get("ImagesInAcquisition"))
    if diffusion:
        found["diffusion_volumes"] = _diffusion_volumes(values, protocol)
        found["b_values"] = _whole(values.get("VendorBValueCount"))
    if any(frame.tiles for frame in frames) and _whole(values.get("VendorSlices")) is not None:
        # United Imaging counts the objects of a grid series where others count slices.
        found["objects"] = _whole(values.get("NumberOfSlices"))
    if multi:
        found["frames"] = sum(record.pixels.frames for record in multi if record.pixels is not None)
    totals = {c.uid: c.total for record in members if (c := record.concatenation)}
    if any(totals.values()):
        found["instances"] = sum(totals.values()) + sum(record.concatenation is None for record in members)
    least = {"volumes": 2, "phases": 2, "echoes": 2, "b_values": 2}
    return {name: number for name, number in found.items() if number and number >= least.get(name, 1)}


def _vendor_slices(values: Mapping[str, Parameter]) -> int | None:
    return (
        _whole(values.get("VendorSlices"))
        or _whole(values.get("VendorLocations"))
        or _whole(values.get("NumberOfSlices"))
    )


def _slices(values: Mapping[str, Parameter], protocol: Mapping[str, str]) -> int | None:
    """Return the slices of a volume. Siemens' slabs of a multi-slab acquisition overlap, so that they do not add up."""
    said = _vendor_slices(values)
    if said is not None:
        return said
    slices = protocol_integer(protocol, "sSliceArray.lSize")
    if slices and values.get("MRAcquisitionType") == "3D":
        return protocol_integer(protocol, "sKSpace.lImagesPerSlab") if slices == 1 else None
    return slices


def _time_points(values: Mapping[str, Parameter], protocol: Mapping[str, str], *, diffusion: bool) -> int | None:
    said = _whole(values.get("NumberOfTemporalPositions"))
    if said is not None or diffusion:
        return said
    dynamics = _whole(values.get("VendorDynamics"))
    repetitions = protocol_integer(protocol, "lRepetitions")
    return dynamics if dynamics is not None else repetitions + 1 if repetitions else None


def _diffusion_volumes(values: Mapping[str, Parameter], protocol: Mapping[str, str]) -> int | None:
    """Return how many diffusion-weighted volumes there must be at least: directions times b-values above zero.

    Fewer than six directions are averaged into one picture by most systems, and say nothing of the volumes.
    """
    directions = _whole(values.get("VendorDiffusionDirections")) or _whole(values.get("VendorGradientOrientations"))
    if directions is None or directions < 6:
        return None
    shells = [name for name in protocol if name.startswith("sDiffusion.alBValue")]
    weighted = sum((protocol_integer(protocol, name) or 0) > 0 for name in shells)
    return directions * max(1, weighted)


def _whole_part(value: Parameter | None) -> int | None:
    return int(value) if isinstance(value, int | float) and value > 0 else None


def _whole(value: Parameter | None) -> int | None:
    if isinstance(value, tuple) or value is None or isinstance(value, str):
        return None
    return int(value) if value == int(value) and value > 0 else None
