"""Other systems' references as plain values: dicompare's JSON schema, Siemens' printed protocol (XML) as mrQA takes it.

Formats only; nothing in a file is ever run. What cannot be taken as a value is named in `left_out`.
"""

from __future__ import annotations

import json
import math
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mriloop.model.errors import MriloopError, refuse
from mriloop.model.protocol import ForeignField, ForeignReference, ForeignSeries, LeftOut

_LARGEST = 32 << 20
_DEEPEST_TEXT = 4000
_NUMBER = re.compile(r"([+-]?\d+(?:[.,]\d+)?)\s*([A-Za-zµ°%/²]*.*)")
_ARROW = re.compile(r"^([APRLHF])\s*>>\s*([APRLHF])")
_AXIS = {"A": "AP", "P": "AP", "R": "RL", "L": "RL", "H": "HF", "F": "HF"}
# Labels of a Siemens console print: field, and the factor to the unit of DICOM when the print says `s`.
_LABELS: dict[str, str] = {
    "TR": "RepetitionTime", "TE": "EchoTime", "TE 1": "EchoTime", "TI": "InversionTime", "TI 1": "InversionTime",
    "Flip angle": "FlipAngle", "Averages": "NumberOfAverages", "Slice thickness": "SliceThickness",
    "Bandwidth": "PixelBandwidth", "Bandwidth 1": "PixelBandwidth", "FoV phase": "PercentPhaseFieldOfView",
    "Turbo factor": "EchoTrainLength", "EPI factor": "EchoTrainLength", "Base resolution": "BaseResolution",
    "Accel. factor PE": "ParallelReductionFactorInPlane", "Slices": "NumberOfSlices", "Measurements": "Volumes",
    "Multi-band accel. factor": "MultibandFactor", "SMS factor": "MultibandFactor",
    "SMS Factor": "MultibandFactor", "Diff. directions": "DiffusionDirections", "Dimension": "MRAcquisitionType",
    "Phase enc. dir.": "PhaseEncodingAxis", "Coil elements": "ReceiveCoilActiveElements",
    "Phase partial Fourier": "PartialFourier", "Fat suppr.": "FatSuppression",
    "PAT mode": "ParallelAcquisitionTechnique", "Accel. mode": "ParallelAcquisitionTechnique",
}  # fmt: skip
_B_VALUE = re.compile(r"^b-value(?:\s+\d+)?$", re.IGNORECASE)
_COUNTS = frozenset({"NumberOfSlices", "Volumes", "DiffusionDirections"})
_OFF = frozenset({"off", "none", "allowed"})


def read_foreign(path: Path, *, config: Path | None = None, program: str | None = None) -> ForeignReference:
    """Return the reference in a file of another system.

    `config` is mrQA's mri-config.json: of the reference, only the parameters that it audits are kept. `program` picks
    one program of a Siemens print. Raises SenderError `reference_unreadable` for anything that is no such reference.
    """
    data = _read(path)
    start = data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    if start == b"{":
        found = _dicompare(_json(path, data), path)
    elif start == b"<" or data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        found = _siemens(path, data, program)
    else:
        raise _refused(path, "neither JSON nor XML")
    return found if config is None else _audited(found, _json(config, _read(config)), config)


def _refused(path: Path, detail: str) -> MriloopError:
    return refuse("reference_unreadable", path=path.name, detail=detail)


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > _LARGEST:
            raise _refused(path, f"larger than {_LARGEST >> 20} MB")
        return path.read_bytes()
    except OSError:
        raise _refused(path, "it cannot be opened for reading") from None


def _json(path: Path, data: bytes) -> Mapping[str, Any]:
    try:
        content = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise _refused(path, "not JSON in UTF-8") from None
    if not isinstance(content, dict):
        raise _refused(path, "a JSON object is needed")
    return content


# dicompare


def _dicompare(content: Mapping[str, Any], path: Path) -> ForeignReference:
    if "horizontal_audit" in content or "include_sequence" in content:
        raise _refused(path, "an mrQA configuration names parameters and holds no values: import the XML reference and "
                             "give this file with --config")  # fmt: skip
    acquisitions = content.get("acquisitions")
    if not isinstance(acquisitions, dict) or not acquisitions:
        raise _refused(path, "no acquisitions, so it is no dicompare schema")
    left: list[LeftOut] = []
    for rule in _dicts(content.get("rules")):
        name = str(rule.get("name", rule.get("id", "?")))[:200]
        left.append(LeftOut(where="all acquisitions", what=f"rule {name}", why="program code, which is never run"))
    series = tuple(
        _acquisition(str(name)[:200], value, left) for name, value in acquisitions.items() if isinstance(value, dict)
    )
    return ForeignReference(
        format="dicompare",
        name=str(content.get("name", path.stem))[:200],
        version=str(content.get("version", "1"))[:40],
        text=str(content.get("description", ""))[:_DEEPEST_TEXT],
        series=series,
        left_out=tuple(left),
    )


def _acquisition(name: str, content: Mapping[str, Any], left: list[LeftOut]) -> ForeignSeries:
    setups = []
    for number, one in enumerate(_dicts(content.get("series")), 1):
        title = str(one.get("name", f"series {number}"))[:200]
        setups.append((title, _fields(one.get("fields"), f"{name}, {title}", left)))
    tags = content.get("tags")
    words = [str(tag) for tag in tags] if isinstance(tags, list) else []
    return ForeignSeries(
        name=name,
        text=" ".join([str(content.get("description", ""))[:_DEEPEST_TEXT], *words]),
        fields=_fields(content.get("fields"), name, left),
        setups=tuple(setups),
        code_rules=tuple(str(r.get("name", r.get("id", "?")))[:200] for r in _dicts(content.get("rules"))),
    )


def _fields(items: Any, where: str, left: list[LeftOut]) -> tuple[ForeignField, ...]:
    found = []
    for item in _dicts(items):
        keyword = str(item.get("field", ""))[:64]
        try:
            found.append(_field(item, keyword))
        except (TypeError, ValueError):
            left.append(LeftOut(where=where, what=keyword or "a field", why="its values are neither numbers nor texts"))
    return tuple(found)


def _field(item: Mapping[str, Any], keyword: str) -> ForeignField:
    return ForeignField(
        keyword=keyword,
        values=_plain(item.get("value")),
        tolerance=_float(item.get("tolerance")),
        error_tolerance=_float(item.get("errorTolerance")),
        minimum=_float(item.get("min")),
        maximum=_float(item.get("max")),
        error_minimum=_float(item.get("errorMin")),
        error_maximum=_float(item.get("errorMax")),
        contains=tuple(str(v) for v in _plain(item.get("contains"))),
        contains_any=_plain(item.get("contains_any")),
        contains_all=_plain(item.get("contains_all")),
        fatal=item.get("severity", "error") != "warning",
        notes=str(item.get("notes", ""))[:_DEEPEST_TEXT],
    )


def _dicts(items: Any) -> Iterator[Mapping[str, Any]]:
    for item in items if isinstance(items, list) else ():
        if isinstance(item, dict):
            yield item


def _plain(value: Any) -> tuple[float | str, ...]:
    """Return a value or a list of them as numbers and texts. TypeError for anything nested or not finite."""
    found: list[float | str] = []
    for one in value if isinstance(value, list) else [] if value is None else [value]:
        if isinstance(one, bool) or not isinstance(one, int | float | str):
            raise TypeError
        found.append(one[:200] if isinstance(one, str) else _finite(one))
    return tuple(found)


def _float(value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError
    return _finite(value)


def _finite(value: float) -> float:
    try:
        number = float(value)
    except OverflowError:
        raise ValueError from None
    if not math.isfinite(number):
        raise ValueError
    return number


# Siemens' printed protocol, which mrQA takes as its reference


class _NoDoctype(ET.TreeBuilder):
    """A tree builder that refuses document type declarations, the door of entity bombs."""

    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:
        """Refuse."""
        raise ValueError("a document type declaration")


def _siemens(path: Path, data: bytes, program: str | None) -> ForeignReference:
    try:
        root = ET.fromstring(data, parser=ET.XMLParser(target=_NoDoctype()))
    except (ET.ParseError, ValueError, LookupError) as error:
        detail = "not well-formed XML" if isinstance(error, ET.ParseError) else str(error)
        raise _refused(path, detail) from None
    left: list[LeftOut] = []
    steps = [(place, node) for node in root.iter() if node.find("Card") is not None and (place := _place(node))]
    programs = list(dict.fromkeys(place[0] for place, _ in steps))
    if not steps:
        raise _refused(path, "no cards with parameters, so it is no printed Siemens protocol")
    if program is not None and program not in programs:
        raise _refused(path, f"no program {program}; it holds {', '.join(programs)}")
    chosen = [(place, node) for place, node in steps if program in (None, place[0])]
    names = [place[1] for place, _ in chosen]
    series = []
    for place, node in chosen:
        name = place[1] if names.count(place[1]) == 1 else f"{place[0]} {place[1]}"
        series.append(ForeignSeries(name=name, fields=_cards(node, name, left)))
    title = root.findtext(".//HeaderTitle") or ""
    return ForeignReference(
        format="a printed Siemens protocol",
        name=(program or ", ".join(programs)) or path.stem,
        version="1",
        text=title.strip()[:_DEEPEST_TEXT],
        series=tuple(series),
        left_out=tuple(left),
    )


def _place(node: ET.Element) -> tuple[str, str]:
    """Return program and protocol name of a step from its path `\\\\USER\\region\\exam\\program\\protocol`."""
    stated = (node.findtext(".//HeaderProtPath") or "").replace("/", "\\").strip("\\ \r\n\t")
    parts = [part.strip() for part in stated.split("\\") if part.strip()] or [node.get("name") or "protocol"]
    return (parts[-2] if len(parts) > 1 else "", parts[-1])


def _cards(node: ET.Element, where: str, left: list[LeftOut]) -> tuple[ForeignField, ...]:
    found: dict[str, ForeignField] = {}
    b_values: list[float] = []
    thickness = gap = None
    for parameter in node.findall("Card/ProtParameter"):
        label = (parameter.findtext("Label") or "").strip()
        value = (parameter.findtext("ValueAndUnit") or "").strip()
        number, unit = _measured(value)
        if _B_VALUE.match(label) and number is not None:
            b_values.append(number)
        elif label in ("Dist. factor", "Distance factor") and number is not None:
            gap = number / 100
        elif label in _LABELS and value:
            keyword = _LABELS[label]
            field = _printed(keyword, value, number, unit)
            if field is None:
                left.append(LeftOut(where=where, what=label, why=f"{value[:60]!r} is no value of {keyword}"))
            else:
                found.setdefault(keyword, field)
                thickness = number if keyword == "SliceThickness" else thickness
    if b_values:
        found["DiffusionBValue"] = ForeignField(keyword="DiffusionBValue", values=tuple(sorted(set(b_values))))
    if gap is not None and thickness is not None and gap >= 0:
        found["SliceGap"] = ForeignField(keyword="SliceGap", values=(round(gap * thickness, 3),))
    return tuple(found.values())


def _measured(text: str) -> tuple[float | None, str]:
    match = _NUMBER.fullmatch(text)
    if match is None or re.search(r"\d", match[2].replace("mm2", "").replace("mm²", "")):
        return None, ""
    return float(match[1].replace(",", ".")), match[2].strip()


def _printed(keyword: str, value: str, number: float | None, unit: str) -> ForeignField | None:
    """Return the field that a printed value stands for, None where it is none."""
    if keyword == "PhaseEncodingAxis":
        match = _ARROW.match(value.upper())
        axis = _AXIS[match[1]] if match and _AXIS[match[1]] == _AXIS[match[2]] else None
        return None if axis is None else ForeignField(keyword=keyword, values=(axis,))
    if keyword in ("PartialFourier", "FatSuppression"):
        return ForeignField(keyword=keyword, values=("NO" if value.lower() in _OFF else "YES",))
    if keyword in ("MRAcquisitionType", "ParallelAcquisitionTechnique", "ReceiveCoilActiveElements"):
        if keyword == "MRAcquisitionType" and value.upper() not in ("2D", "3D"):
            return None
        return None if value.lower() in _OFF else ForeignField(keyword=keyword, values=(value,))
    if number is None:
        return None
    scale = 1000.0 if unit == "s" and keyword in ("RepetitionTime", "EchoTime", "InversionTime") else 1.0
    if keyword in _COUNTS:
        return ForeignField(keyword=keyword, minimum=number)
    return ForeignField(keyword=keyword, values=(number * scale,))


# mrQA

_MRQA_NAMES = {
    "PhaseEncodingDirection": "PhaseEncodingAxis",
    "PercentPhaseFOV": "PercentPhaseFieldOfView",
    "CoilString": "ReceiveCoilActiveElements",
    "BValue": "DiffusionBValue",
}


def _audited(reference: ForeignReference, config: Mapping[str, Any], path: Path) -> ForeignReference:
    """Keep only what an mrQA configuration audits, and name what it would have audited and the reference lacks."""
    audit = config.get("horizontal_audit")
    names = audit.get("include_parameters") if isinstance(audit, dict) else None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise _refused(path, "no horizontal_audit.include_parameters, so it is no mrQA configuration")
    wanted = {_MRQA_NAMES.get(name, name) for name in names}
    left = list(reference.left_out)
    series = []
    for one in reference.series:
        kept = tuple(field for field in one.fields if field.keyword in wanted)
        absent = sorted(str(name) for name in wanted - {field.keyword for field in kept})
        left += [
            LeftOut(where=one.name, what=name, why="audited by mrQA, absent from the reference") for name in absent
        ]
        series.append(ForeignSeries(name=one.name, text=one.text, fields=kept, code_rules=one.code_rules))
    for pair in _pairs(config):
        why = "comparing one series with another of the same study is not part of a protocol"
        left.append(LeftOut(where="vertical audit", what=" and ".join(pair), why=why))
    return ForeignReference(
        format=f"{reference.format} with an mrQA configuration",
        name=reference.name,
        version=reference.version,
        text=reference.text,
        series=tuple(series),
        left_out=tuple(left),
    )


def _pairs(config: Mapping[str, Any]) -> Iterator[Sequence[str]]:
    """Yield the lists of series names that the vertical audit would compare with each other."""
    audit = config.get("vertical_audit")
    for items in audit.values() if isinstance(audit, dict) else ():
        for item in items if isinstance(items, list) else ():
            if isinstance(item, list) and all(isinstance(name, str) for name in item):
                yield item
