"""The columns of a batch's tables: one stable schema, with the unit and the meaning of each in a data dictionary."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column. `kind`: text, integer or number; `unit`: UCUM; `better`: higher, lower or empty for neither."""

    name: str
    kind: str
    meaning: str
    unit: str = ""
    better: str = ""
    levels: tuple[str, ...] = ()


def _text(name: str, meaning: str, levels: tuple[str, ...] = ()) -> Column:
    return Column(name=name, kind="text", meaning=meaning, levels=levels)


def _number(name: str, unit: str, meaning: str) -> Column:
    return Column(name=name, kind="number", unit=unit, meaning=meaning)


def _count(name: str, meaning: str) -> Column:
    return Column(name=name, kind="integer", unit="{count}", meaning=meaning)


_THREE = ("yes", "no", "unknown")
COLUMNS: tuple[Column, ...] = (
    _text("study_instance_uid", "DICOM StudyInstanceUID; of NIfTI one that follows from the content"),
    _text("series_instance_uid", "DICOM SeriesInstanceUID; of NIfTI one that follows from the content"),
    _count("series_number", "DICOM SeriesNumber"),
    _text("description", "DICOM SeriesDescription, or the name of the file; empty unless asked for: it is free text"),
    _text("bids_name", "name of the NIfTI image without its ending, where it has a BIDS name"),
    _text("weighting", "what gives the series its contrast"),
    _text("plane", "plane of its slices"),
    _text("region", "body region"),
    _text("contrast", "after a contrast agent?", _THREE),
    _text("fat_suppressed", "fat suppressed?", _THREE),
    _text("three_d", "acquired in three dimensions?", _THREE),
    _text("derived", "computed from other series?", ("yes", "no")),
    _text("object", "what lay in the scanner"),
    _text("manufacturer", "DICOM Manufacturer"),
    _text("model", "DICOM ManufacturerModelName"),
    _text("device", "digest of the scanner's serial number or station name: the same for the same scanner"),
    _text("software", "DICOM SoftwareVersions"),
    _text("coil", "DICOM ReceiveCoilName"),
    _number("field_strength", "T", "DICOM MagneticFieldStrength"),
    _number("repetition_time", "ms", "DICOM RepetitionTime"),
    _number("echo_time", "ms", "shortest echo time"),
    _number("inversion_time", "ms", "shortest inversion time"),
    _number("flip_angle", "deg", "DICOM FlipAngle"),
    _number("row_spacing", "mm", "distance between rows"),
    _number("column_spacing", "mm", "distance between columns"),
    _number("slice_thickness", "mm", "DICOM SliceThickness"),
    _count("rows", "rows of the matrix"),
    _count("columns", "columns of the matrix"),
    _text("protocol", "protocol that the study was held against"),
    _text(
        "verdict",
        "the answer of CHECK",
        ("acceptable", "limited", "repeat", "not_assessable", "not_an_image"),
    ),
    _text("superseded", "spoilt, and replaced by a later run of the same scan?", ("yes", "no")),
    _text("defects", "codes of its defects, the worst first, joined by a space"),
    _text("reasons", "codes of its major defects: what a repeat is for"),
    _count("volumes", "volumes of the series"),
    _count("slices_found", "slices over all volumes"),
    _count("slices_expected", "slices that should be there; empty where that is unknowable"),
)


def with_measures(measures: Iterable[Column]) -> tuple[Column, ...]:
    """Return the whole schema: the columns of every series, then one for each measure."""
    return (*COLUMNS, *measures)


def dictionary(columns: Sequence[Column]) -> dict[str, Any]:
    """Return the data dictionary of these columns in the form of a BIDS sidecar of a table."""
    return {column.name: _entry(column) for column in columns}


def _entry(column: Column) -> dict[str, Any]:
    entry: dict[str, Any] = {"Description": column.meaning, "Type": column.kind}
    if column.unit:
        entry["Units"] = column.unit
    if column.better:
        entry["Better"] = column.better
    if column.levels:
        entry["Levels"] = {level: level for level in column.levels}
    return entry
