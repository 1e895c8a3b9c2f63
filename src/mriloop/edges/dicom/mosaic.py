"""Many slices in one frame: Siemens mosaics and UIH grids. How many, where the first lies, and the step to the next."""

from __future__ import annotations

import math
from dataclasses import dataclass

from mriloop.edges.dicom import siemens, vendors
from mriloop.edges.dicom.elements import Elements
from mriloop.edges.dicom.vendors import Creators, numbers_of, raw_of
from mriloop.model.study import Point


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """The slices of a tiled frame.

    tiles : how many; 0 when the frame is a mosaic whose count is unknowable; None when it is one slice
    position : centre of the first voxel of the first slice, LPS mm
    step : vector from a slice to the next, LPS mm; None when the header does not say
    shape : how many tiles lie below and beside each other
    """

    tiles: int | None
    position: Point | None
    step: Point | None
    shape: tuple[int, int] | None = None


def per_side(tiles: int) -> int:
    """Return how many tiles lie side by side in a square arrangement that holds this many."""
    return math.isqrt(tiles - 1) + 1 if tiles > 0 else 1


def grid_of(
    header: Elements,
    creators: Creators,
    image_type: tuple[str, ...],
    rows: int,
    columns: int,
    position: Point | None,
    row_axis: Point | None,
    column_axis: Point | None,
    spacing: tuple[float, float] | None,
) -> Grid | None:
    """Return the arrangement of a tiled frame, None for an ordinary one."""
    if "MOSAIC" in image_type:
        return _mosaic(header, creators, rows, columns, position, row_axis, column_axis, spacing)
    if "VFRAME" in image_type:
        return _uih(header, creators, rows, columns)
    return None


def _mosaic(
    header: Elements,
    creators: Creators,
    rows: int,
    columns: int,
    position: Point | None,
    row_axis: Point | None,
    column_axis: Point | None,
    spacing: tuple[float, float] | None,
) -> Grid:
    raw = raw_of(header, vendors.CSA_IMAGE, creators)
    csa = siemens.read_csa(raw[1]) if raw else {}
    count = numbers_of(header, vendors.MOSAIC_SLICES, creators) or siemens.csa_numbers(csa, "NumberOfImagesInMosaic")
    tiles = int(count[0]) if count else 0
    side = per_side(tiles)
    if tiles < 1 or rows % side or columns % side:
        return Grid(tiles=0, position=None, step=None)
    shape = (side, side)
    if position is None or row_axis is None or column_axis is None or spacing is None:
        return Grid(tiles=tiles, position=None, step=None, shape=shape)
    # The stored position is that of a single slice as large as the whole mosaic, around the same centre.
    across = (columns - columns / side) / 2 * spacing[1]
    down = (rows - rows / side) / 2 * spacing[0]
    first = _add(_add(position, row_axis, across), column_axis, down)
    normal = _cross(row_axis, column_axis)
    said = siemens.csa_numbers(csa, "SliceNormalVector", 3) or _normal_in_protocol(header, creators, normal)
    if said and sum(a * b for a, b in zip(said, normal, strict=True)) < 0:
        normal = (-normal[0], -normal[1], -normal[2])
    gap = header.number(0x00180088) or header.number(0x00180050)
    step = (normal[0] * gap, normal[1] * gap, normal[2] * gap) if gap and gap > 0 else None
    return Grid(tiles=tiles, position=first, step=step, shape=shape)


def _normal_in_protocol(header: Elements, creators: Creators, normal: Point) -> tuple[float, ...]:
    """Return the direction from the first slice of the protocol to the second, () when it says nothing of them."""
    raw = raw_of(header, vendors.CSA_SERIES, creators) or raw_of(header, vendors.PHOENIX_XA, creators)
    entries = siemens.read_protocol(raw[1]) if raw else {}
    places = []
    for index in (0, 1):
        place = []
        for axis in ("dSag", "dCor", "dTra"):
            try:
                place.append(float(entries.get(f"sSliceArray.asSlice[{index}].sPosition.{axis}", "0")))
            except ValueError:
                return ()
        places.append(place)
    step = tuple(b - a for a, b in zip(*places, strict=True))
    return step if abs(sum(a * b for a, b in zip(step, normal, strict=True))) > 1e-3 else ()


def _uih(header: Elements, creators: Creators, rows: int, columns: int) -> Grid:
    tag = vendors.tag_of(vendors.UIH_FRAMES, creators)
    items = header.items(tag, 4096) if tag is not None else []
    places = [item.numbers(0x00200032) for item in items]
    count = numbers_of(header, vendors.UIH_SLICES, creators)
    tiles = len(items) or (int(count[0]) if count and 0 < count[0] < 4096 else 0)
    across = per_side(tiles)
    down = -(-tiles // across) if tiles else 1
    if tiles < 1 or rows % down or columns % across:
        return Grid(tiles=0, position=None, step=None)
    shape = (down, across)
    if len(places) != tiles or any(len(place) != 3 for place in places):
        return Grid(tiles=tiles, position=None, step=None, shape=shape)
    first, last = places[0], places[-1]
    position = (first[0], first[1], first[2])
    if len(places) < 2:
        return Grid(tiles=tiles, position=position, step=None, shape=shape)
    n = len(places) - 1
    return Grid(
        tiles=tiles,
        position=position,
        step=((last[0] - first[0]) / n, (last[1] - first[1]) / n, (last[2] - first[2]) / n),
        shape=shape,
    )


def _add(point: Point, direction: Point, length: float) -> Point:
    return (
        point[0] + direction[0] * length,
        point[1] + direction[1] * length,
        point[2] + direction[2] * length,
    )


def _cross(a: Point, b: Point) -> Point:
    return (a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0])
