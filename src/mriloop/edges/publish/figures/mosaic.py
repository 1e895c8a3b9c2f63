"""The mosaic of a series: its slices side by side in radiological orientation, with what to look at marked."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from mriloop.edges.publish.figures import picture
from mriloop.edges.publish.words import count
from mriloop.model.quality import Completeness, Spot
from mriloop.model.volume import Volume

_GAP = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Something to look at: slice `slice` (voxel index along the slice axis) itself, or a gap just before it."""

    slice: int
    kind: Literal["look", "missing"]
    text: str


def mosaic(
    volume: Volume,
    *,
    slices: Sequence[int] | None = None,
    marks: Sequence[Mark] = (),
    tiles: int = 18,
    tile_px: int | None = None,
    time: int | None = 0,
) -> bytes:
    """Draw the slices of a volume as a PNG.

    Axial slices are seen from the feet, coronal from the front, sagittal from the patient's left; the letters of the
    first tile say so, and every tile says where it lies in mm (such as `S 23`). Grey runs from the 1st to the 99th
    percentile of the shown slices. Pixels that are not square are drawn in their proportions in mm. A marked slice has
    an amber frame and its text; a gap is a hatched tile with its text, and so are slices that were never received
    (`Volume.filled_slices`): what was put in their place is not shown.

    slices : voxel indices along the slice axis; None takes `tiles` of them, evenly, and every marked one
    time : which volume of a 4-D series; None the mean over all
    tile_px : length of the longer edge of a tile; None gives few slices large tiles and many slices small ones
    """
    voxels = picture.volume_at(volume, time)
    axis = min(volume.slice_axis, voxels.ndim - 1)
    turn = picture.layout(volume.affine, axis)
    marks = (*marks, *_filled(volume))
    chosen = _choose(voxels.shape[axis], slices, marks, tiles, volume.filled_slices)
    planes = [turn.turn(np.take(voxels, index, axis=axis)) for index in chosen]
    images = _images(planes)
    tile_px = tile_px or (150 if len(chosen) > 6 else 220 if len(chosen) > 2 else 360)
    scale = tile_px / max(planes[0].shape[1] * turn.across_mm, planes[0].shape[0] * turn.down_mm)
    width, height = turn.size(voxels.shape, scale)
    width, height = max(width, 40), max(height, 40)  # a projection of a single line still gets a tile to be seen in

    by_slice = {mark.slice: mark for mark in marks if mark.kind == "look"}
    gaps = [mark for mark in marks if mark.kind == "missing"]
    parts: list[tuple[Image.Image, str]] = []
    for index, image in zip(chosen, images, strict=True):
        parts += [(_missing(width, height, gap.text), "") for gap in gaps if gap.slice == index]
        tile = image.resize((width, height), Image.Resampling.BICUBIC)
        parts.append((tile, picture.place_words(volume.affine, _centre(voxels.shape, axis, index), axis)))
        if index in by_slice:
            _frame(tile, by_slice[index].text)
    last = chosen[-1]
    parts += [(_missing(width, height, gap.text), "") for gap in gaps if gap.slice > last]

    rows = math.ceil(len(parts) / max(1, min(6, round(900 / (width + _GAP)))))
    columns = math.ceil(len(parts) / rows)
    sheet = Image.new("RGB", (columns * (width + _GAP) - _GAP, rows * (height + _GAP) - _GAP), picture.SHADE)
    lettered = False
    for number, (tile, name) in enumerate(parts):
        left, top = (number % columns) * (width + _GAP), (number // columns) * (height + _GAP)
        sheet.paste(tile, (left, top))
        if name and not lettered:
            picture.write_letters(sheet, (left, top, left + width, top + height), turn.letters)
            lettered = True
        if name:
            picture.write(sheet, (left + 5, top + height - 4), name, size=11, anchor="lb")
    return picture.png(sheet, few=not picture.is_colour(volume))


def marks_for(completeness: Completeness | None, volume: Volume, spots: Sequence[Spot] = ()) -> tuple[Mark, ...]:
    """Return a `look` mark for each spot that CHECK names, and a `missing` one for each gap common to all volumes.

    A missing slice with a known position is placed by it; one without by its index, counted over what exists. Spots
    count the slices that were received.
    """
    received = [k for k in range(volume.data.shape[volume.slice_axis]) if k not in volume.filled_slices]
    looks = tuple(
        Mark(slice=received[one.slice], kind="look", text=one.text) for one in spots if one.slice < len(received)
    )
    return (*looks, *_gaps(completeness, volume))


def _gaps(completeness: Completeness | None, volume: Volume) -> tuple[Mark, ...]:
    if completeness is None or volume.filled_slices:  # filled slices are hatched without being told
        return ()
    inverse = np.linalg.inv(np.asarray(volume.affine, dtype=float))
    depth = volume.data.shape[volume.slice_axis]
    gaps: dict[int, int] = {}
    for before, one in enumerate(slice_ for slice_ in completeness.missing if slice_.volume is None):
        if one.position_ras_mm is not None:
            index = math.ceil(float((inverse @ np.array([*one.position_ras_mm, 1.0]))[volume.slice_axis]))
        else:
            index = one.index - before
        index = min(max(index, 0), depth)
        gaps[index] = gaps.get(index, 0) + 1
    return tuple(
        Mark(slice=index, kind="missing", text=f"{count(gaps[index], 'slice')} missing") for index in sorted(gaps)
    )


def _centre(shape: tuple[int, ...], axis: int, index: int) -> list[float]:
    """The voxel index of the middle of a slice."""
    return [float(index) if number == axis else (size - 1) / 2 for number, size in enumerate(shape)]


def _filled(volume: Volume) -> Iterator[Mark]:
    """Mark each run of slices that were never received, before the slice that follows it."""
    runs: list[list[int]] = []
    for index in sorted(volume.filled_slices):
        if runs and index == runs[-1][-1] + 1:
            runs[-1].append(index)
        else:
            runs.append([index])
    for run in runs:
        yield Mark(slice=run[-1] + 1, kind="missing", text=f"{count(len(run), 'slice')} missing")


def _choose(
    depth: int, slices: Sequence[int] | None, marks: Sequence[Mark], tiles: int, filled: Sequence[int]
) -> list[int]:
    there = [index for index in range(depth) if index not in filled] or list(range(depth))
    if slices is not None:
        return sorted({index for index in slices if index in there}) or [there[len(there) // 2]]
    even = {there[round(float(at))] for at in np.linspace(0, len(there) - 1, num=min(tiles, len(there)))}
    around = {min(there, key=lambda index: abs(index - mark.slice - step)) for mark in marks for step in (-1, 0)}
    return sorted(even | set(sorted(around)[:tiles]))


def _images(planes: Sequence[npt.NDArray[np.generic]]) -> list[Image.Image]:
    names = planes[0].dtype.names
    if names is not None:
        return [
            Image.fromarray(
                np.stack([np.asarray(cast(Any, plane)[name], dtype=np.uint8) for name in names[:3]], axis=-1)
            )
            for plane in planes
        ]
    floats = [np.asarray(plane, dtype=np.float32) for plane in planes]
    window = picture.window_of(np.concatenate([plane.ravel() for plane in floats]))
    return [Image.fromarray(picture.grey(plane, window)).convert("RGB") for plane in floats]


def _frame(tile: Image.Image, text: str) -> None:
    pen = ImageDraw.Draw(tile)
    pen.rectangle((0, 0, tile.width - 1, tile.height - 1), outline=picture.AMBER, width=3)
    picture.write(tile, (tile.width - 7, 6), text, size=12, anchor="rt", ink=picture.AMBER)


def _missing(width: int, height: int, text: str) -> Image.Image:
    tile = Image.new("RGB", (width, height), picture.SHADE)
    pen = ImageDraw.Draw(tile)
    for offset in range(-height, width, 12):
        pen.line((offset, height, offset + height, 0), fill=picture.HATCH, width=2)
    pen.rectangle((0, 0, width - 1, height - 1), outline=picture.AMBER, width=2)
    words = text.split()
    half = math.ceil(len(words) / 2)
    lines = [text] if width >= 9 * len(text) else [" ".join(words[:half]), " ".join(words[half:])]
    for row, line in enumerate(lines):
        at = (width / 2, height / 2 + 16 * (row - (len(lines) - 1) / 2))
        picture.write(tile, at, line, size=12, anchor="mm", ink=picture.AMBER)
    return tile
