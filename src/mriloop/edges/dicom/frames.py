"""From the elements of a header to the frames of the model: place, time and contrast of every slice image.

The one place where DICOM's LPS becomes RAS+: x and y change sign, z stays (PS3.3 C.7.6.2.1.1).
"""

from __future__ import annotations

import math
import re
from datetime import date, timedelta

from mriloop.edges.dicom import vendors
from mriloop.edges.dicom.elements import DamagedError, Elements, Field
from mriloop.edges.dicom.mosaic import Grid, grid_of
from mriloop.edges.dicom.vendors import Creators, numbers_of
from mriloop.model.study import Component, Frame, Point

_COMPONENT = {
    "M": Component.MAGNITUDE,
    "P": Component.PHASE,
    "R": Component.REAL,
    "I": Component.IMAGINARY,
    "MAGNITUDE": Component.MAGNITUDE,
    "PHASE": Component.PHASE,
    "PHASE MAP": Component.PHASE,
    "REAL": Component.REAL,
    "IMAGINARY": Component.IMAGINARY,
    "MIXED": Component.MIXED,
}
_GE_COMPONENT = (Component.MAGNITUDE, Component.PHASE, Component.REAL, Component.IMAGINARY)
_B_IN_COMMENT = re.compile(r"\bb=(\d+(?:\.\d+)?)\b")
_B_IN_NAME = re.compile(r"(?:^|[*_])b(\d{1,5})(?:#\d+|t)?(?:_|$)")
_DATETIME = re.compile(r"(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})?(\d{2})?(\.\d{1,6})?")
_TIME = re.compile(r"(\d{2}):?(\d{2})?:?(\d{2})?(\.\d{1,9})?")
_SEQUENCE_VRS = (b"SQ", b"UN", b"")


def to_ras(point: tuple[float, ...]) -> Point:
    """Turn an LPS point or direction into RAS+."""
    return (-point[0] + 0.0, -point[1] + 0.0, point[2])


def frame_views(header: Elements) -> list[Elements]:
    """Return one view of the header per frame, with the functional groups of that frame laid over the rest.

    A classic instance has one view, itself. Public macros win over private ones, per-frame over shared. Raises
    DamagedError when the per-frame groups do not number as many as the frames.
    """
    per_frame = header.items(0x52009230)
    shared = header.items(0x52009229, 16)
    if not per_frame and not shared:
        return [header]
    common_private, common = _flatten(shared[0]) if shared else ({}, {})
    frames = header.integer(0x00280008) or 1
    if per_frame and len(per_frame) != frames:
        raise DamagedError("file_header_damaged")
    base = {**common_private, **common}
    views = []
    for item in per_frame or shared[:1] * frames:
        own_private, own = _flatten(item)
        views.append(header.with_fields({**common_private, **own_private, **base, **own}))
    return views


def _flatten(item: Elements) -> tuple[dict[int, Field], dict[int, Field]]:
    private: dict[int, Field] = {}
    public: dict[int, Field] = {}
    for tag, (vr, start, stop) in item.fields.items():
        odd = tag >> 16 & 1
        if vr in _SEQUENCE_VRS and stop - start >= 8:
            for inner in item.items(tag)[:1]:
                (private if odd else public).update(inner.fields)
        if odd:
            private[tag] = (vr, start, stop)
    return private, public


def build_frames(views: list[Elements], uid: str, frames: int, study_date: date | None) -> list[Frame]:
    """Return the frames of one instance from its views; `frames` is the number that the pixel data hold."""
    if len(views) == 1 and frames > 1:
        views = views * frames
    return [build_frame(view, uid, number, study_date) for number, view in enumerate(views, 1)]


def build_frame(header: Elements, uid: str, number: int, study_date: date | None) -> Frame:
    """Return one frame from its view of the header."""
    creators = vendors.creators_of(header)
    image_type = header.texts(0x00089007) or header.texts(0x00080008)
    rows, columns = header.integer(0x00280010) or 0, header.integer(0x00280011) or 0
    position, row_axis, column_axis = _plane(header)
    spacing = _spacing(header)
    grid = grid_of(header, creators, image_type, rows, columns, position, row_axis, column_axis, spacing)
    if grid is None:
        grid = Grid(tiles=None, position=position, step=None)
    te = header.number(0x00189082)
    ti = header.number(0x00189079)
    trigger = header.number(0x00181060)
    temporal = header.integer(0x00209128)
    return Frame(
        sop_instance_uid=uid,
        frame_number=number,
        rows=rows,
        columns=columns,
        instance_number=header.integer(0x00200013),
        position_ras_mm=to_ras(grid.position) if grid.position else None,
        row_axis_ras=to_ras(row_axis) if row_axis else None,
        column_axis_ras=to_ras(column_axis) if column_axis else None,
        spacing_mm=spacing,
        thickness_mm=_positive(header.number(0x00180050)),
        acquired_at_s=_acquired_at(header, study_date),
        temporal_index=temporal if temporal is not None else header.integer(0x00200100),
        trigger_time_ms=trigger if trigger is not None else header.number(0x00209153),
        te_ms=te if te is not None else header.number(0x00180081),
        ti_ms=ti if ti is not None else header.number(0x00180082),
        flip_deg=header.number(0x00181314),
        b_value=_b_value(header, creators, image_type),
        b_vector_ras=_b_vector(header, creators),
        image_type=image_type,
        component=_component(header, creators, image_type),
        stack=header.text(0x00209056),
        in_stack=header.integer(0x00209057),
        tiles=grid.tiles,
        tile_grid=grid.shape,
        tile_step_ras_mm=to_ras(grid.step) if grid.step else None,
        samples_per_pixel=header.integer(0x00280002) or 1,
    )


def _positive(value: float | None) -> float | None:
    return value if value is not None and value > 0 else None


def _plane(header: Elements) -> tuple[Point | None, Point | None, Point | None]:
    """Return position and the two in-plane axes in LPS, None for what is absent or no proper direction."""
    position = header.numbers(0x00200032)
    axes = header.numbers(0x00200037)
    where = (position[0], position[1], position[2]) if len(position) == 3 else None
    if len(axes) != 6:
        return where, None, None
    row, column = axes[:3], axes[3:]
    dot = sum(a * b for a, b in zip(row, column, strict=True))
    if abs(math.hypot(*row) - 1) > 0.01 or abs(math.hypot(*column) - 1) > 0.01 or abs(dot) > 0.01:
        return where, None, None
    return where, (row[0], row[1], row[2]), (column[0], column[1], column[2])


def _spacing(header: Elements) -> tuple[float, float] | None:
    spacing = header.numbers(0x00280030) or header.numbers(0x00181164)
    if len(spacing) != 2 or min(spacing) <= 0:
        return None
    return spacing[0], spacing[1]


def _b_value(header: Elements, creators: Creators, image_type: tuple[str, ...]) -> float | None:
    """Return the b-value in s/mm2: public element, then the vendor's, then text. Negative numbers mean not known."""
    b = header.number(0x00189087)
    if b is None:
        for row in vendors.B_VALUE:
            numbers = numbers_of(header, row, creators)
            if numbers:
                b = numbers[0]
                if row.creator == vendors.GE_PARAMETER:
                    b %= 100_000  # GE adds 10^9 to mark multi-shell tables
                break
    if b is None and 0x00204000 in header:
        match = _B_IN_COMMENT.search(header.text(0x00204000) or "")
        b = float(match.group(1)) if match else None
    if b is None and 0x00180024 in header:
        match = _B_IN_NAME.search(header.text(0x00180024) or "")
        b = float(match.group(1)) if match else None
    return b if b is not None and 0 <= b < 100_000 else None


def _b_vector(header: Elements, creators: Creators) -> Point | None:
    """Return the diffusion gradient direction as a unit vector in RAS+, None without one (b0, trace, or not said)."""
    vector: tuple[float, ...] = header.numbers(0x00189089)
    if not vector and 0x00189076 in header:
        for item in header.items(0x00189076, 64)[:1]:
            vector = item.numbers(0x00189089)
    if not vector:
        vector = numbers_of(header, vendors.DIRECTION[0], creators)
    if not vector and (0x2005, vendors.PHILIPS_MR_001) in creators:
        parts = [numbers_of(header, row, creators) for row in vendors.PHILIPS_DIRECTION]
        vector = tuple(part[0] for part in parts if part)
    length = math.hypot(*vector) if len(vector) == 3 else 0.0
    return to_ras(tuple(v / length for v in vector)) if 0.5 < length < 1.5 else None


def _component(header: Elements, creators: Creators, image_type: tuple[str, ...]) -> Component:
    said = header.text(0x00089208)
    if said in _COMPONENT:
        return _COMPONENT[said]
    code = numbers_of(header, vendors.GE_IMAGE_TYPE, creators)
    if code and code[0] in (0, 1, 2, 3):
        return _GE_COMPONENT[int(code[0])]
    for word in image_type[2:]:
        if word in _COMPONENT:
            return _COMPONENT[word]
    for word in image_type[2:]:
        letter, _, rest = word.partition("_")
        if rest and letter in _COMPONENT:
            return _COMPONENT[letter]
    return Component.UNKNOWN


def parse_date(text: str | None) -> date | None:
    """Return a DICOM date, None when it is not one."""
    digits = (text or "").replace(".", "").replace("-", "")[:8]
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:])) if len(digits) == 8 else None
    except ValueError:
        return None


def seconds_of_day(text: str | None) -> float | None:
    """Return a DICOM time as seconds after midnight, None when it is not one."""
    match = _TIME.match(text or "")
    if match is None:
        return None
    hours, minutes, seconds = (int(part or 0) for part in match.groups()[:3])
    if hours > 23 or minutes > 59 or seconds > 60:
        return None
    return hours * 3600 + minutes * 60 + seconds + float(match.group(4) or 0)


def _acquired_at(header: Elements, study_date: date | None) -> float | None:
    """Return the acquisition time in seconds after midnight of the study date (or of its own date without one)."""
    stamp = header.text(0x00189074) or header.text(0x0008002A)
    match = _DATETIME.match(stamp or "")
    if match:
        year, month, day = (int(part) for part in match.groups()[:3])
        clock = "".join(part or "00" for part in match.groups()[3:6]) + (match.group(7) or "")
        seconds = seconds_of_day(clock)
        try:
            own: date | None = date(year, month, day)
        except ValueError:
            own = None
    else:
        seconds = seconds_of_day(header.text(0x00080032))
        own = parse_date(header.text(0x00080022)) if seconds is not None else None
    if seconds is None:
        return None
    days = (own - study_date) // timedelta(days=1) if own and study_date else 0
    return seconds + 86_400 * days if 0 <= days <= 2 else seconds
