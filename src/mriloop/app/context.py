"""What the tables of a batch say of a series beside its answer: physics, grid, BIDS name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from mriloop.edges.dicom import NiftiSource
from mriloop.model.study import Parameter, Series

_NUMBERS = {
    "field_strength": "MagneticFieldStrength",
    "repetition_time": "RepetitionTime",
    "echo_time": "EchoTime",
    "inversion_time": "InversionTime",
    "flip_angle": "FlipAngle",
    "slice_thickness": "SliceThickness",
}


def context_of(series: Series, source: NiftiSource | None) -> Mapping[str, Any]:
    """Return the columns that the header of a series fills; what it does not say is absent."""
    found: dict[str, Any] = {}
    for name, keyword in _NUMBERS.items():
        number = _number(series.parameters.get(keyword))
        if number is not None:
            found[name] = number
    frame = next((one for one in series.frames if one.has_pixels), None)
    if frame is not None:
        found |= {"rows": frame.rows, "columns": frame.columns}
        if frame.spacing_mm is not None:
            found |= {"row_spacing": round(frame.spacing_mm[0], 6), "column_spacing": round(frame.spacing_mm[1], 6)}
        for name, value in (
            ("echo_time", frame.te_ms),
            ("inversion_time", frame.ti_ms),
            ("flip_angle", frame.flip_deg),
        ):
            if value and name not in found:
                found[name] = value
    if source is not None:
        found["grid"] = {
            "size": list(source.shape),
            "spacing": [round(mm, 6) for mm in source.spacing_mm],
            "repetition_time_ms": source.repetition_time_ms,
        }
        image = PurePosixPath(source.name)
        if source.subject:
            found["bids_name"] = image.name.split(".")[0]
            found["bids_folder"] = _from_subject(image.parent)
    return found


def _from_subject(folder: PurePosixPath) -> str:
    """Return the folder from its `sub-` on; empty where no folder is named after the subject."""
    parts = folder.parts
    start = next((number for number, part in enumerate(parts) if part.startswith("sub-")), len(parts))
    return "/".join(parts[start:])


def _number(value: Parameter | None) -> float | None:
    first = value[0] if isinstance(value, tuple) and value else value
    if isinstance(first, str):
        try:
            first = float(first)
        except ValueError:
            return None
    return float(first) if isinstance(first, int | float) else None
