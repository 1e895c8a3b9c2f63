"""Before, after and difference around one change: the whole slice, and the same place enlarged."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from mriloop.edges.publish.figures import picture
from mriloop.model.study import Point
from mriloop.model.volume import Affine, Floats

_PANEL = 300
_ZOOM_MM = 60.0
_GAP = 6
_HEAD = 24
_FOOT = 26
_LESS = (86, 180, 233)  # Okabe and Ito's sky blue and orange: told apart with every kind of colour vision
_MORE = (255, 140, 20)


def triptych(
    before: Floats,
    after: Floats,
    difference: Floats,
    affine: Affine,
    centre: Point,
    *,
    labels: npt.NDArray[np.integer] | None = None,
    through: int | None = None,
    titles: tuple[str, str, str] = ("Prior", "Today", "Difference"),
) -> bytes:
    """Draw prior, today and their difference through one point, as a PNG of 2 rows by 3 panels.

    The upper row is the whole slice with the enlarged field framed; the lower row is that field, 60 mm wide, with a
    crosshair that leaves its centre free and, on today's picture, the outline of the changes. Radiological orientation
    with letters, a 20 mm bar, true proportions. Prior and today share one grey window (1st to 99th percentile of
    both); the difference runs from blue (less signal today) over black to orange (more), symmetric about zero and so
    wide that noise stays dark.

    before, after, difference : (i, j, k) on one grid; affine : (4, 4) to RAS+ mm; centre : RAS+ mm
    labels : (i, j, k), 0 outside and the id of the change inside, None for no outline
    through : the voxel axis that faces the reader; None takes the one with the widest spacing
    """
    affine = np.asarray(affine, dtype=float)
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    if through is None:
        through = int(np.argmax(spacing)) if spacing.max() > 1.05 * spacing.min() else _facing_feet(affine)
    turn = picture.layout(affine, through)
    shape = before.shape
    index = (np.linalg.inv(affine) @ np.array([*centre, 1.0]))[:3]
    index = np.clip(index, 0, np.array(shape) - 1)
    slab = round(float(index[through]))
    planes = [turn.turn(np.take(one, slab, axis=through)) for one in (before, after, difference)]
    outline = None if labels is None else turn.turn(np.take(labels > 0, slab, axis=through)).astype(bool)
    window = picture.window_of(np.concatenate([np.asarray(one, dtype=np.float32).ravel() for one in planes[:2]]))
    swing = _swing(planes[2])
    images = [Image.fromarray(picture.grey(one, window)).convert("RGB") for one in planes[:2]]
    images.append(Image.fromarray(_diverging(planes[2], swing)))

    column, row = turn.place(index, shape)
    at_mm = ((column + 0.5) * turn.across_mm, (row + 0.5) * turn.down_mm)
    field_mm = (planes[0].shape[1] * turn.across_mm, planes[0].shape[0] * turn.down_mm)
    scale = _PANEL / max(field_mm)
    size = (max(1, round(field_mm[0] * scale)), max(1, round(field_mm[1] * scale)))
    top_height = size[1]
    sheet = Image.new("RGB", (3 * _PANEL + 2 * _GAP, _HEAD + top_height + _GAP + _PANEL + _FOOT), picture.SHADE)
    for number, (image, title) in enumerate(zip(images, titles, strict=True)):
        left = number * (_PANEL + _GAP)
        picture.write(sheet, (left + _PANEL / 2, _HEAD / 2), title, size=15, anchor="mm")
        inset = left + (_PANEL - size[0]) // 2
        sheet.paste(image.resize(size, Image.Resampling.BICUBIC), (inset, _HEAD))
        _field(sheet, (inset, _HEAD), (at_mm[0] * scale, at_mm[1] * scale), _ZOOM_MM * scale / 2)
        if number == 0:
            picture.write_letters(sheet, (inset, _HEAD, inset + size[0], _HEAD + size[1]), turn.letters)
            place = picture.place_words(affine, index.tolist(), through)
            picture.write(sheet, (inset + 5, _HEAD + size[1] - 4), place, size=12, anchor="lb")
        zoom = _enlarge(image, at_mm, turn)
        if outline is not None and number == 1:
            _draw_outline(zoom, outline, at_mm, turn)
        _crosshair(zoom)
        sheet.paste(zoom, (left, _HEAD + top_height + _GAP))
    _bar(sheet, _HEAD + top_height + _GAP + _PANEL)
    _legend(sheet, swing)
    return picture.png(sheet)


def _facing_feet(affine: Affine) -> int:
    return int(np.argmax(np.abs(affine[2, :3]) / np.linalg.norm(affine[:3, :3], axis=0)))


def _swing(plane: npt.NDArray[np.generic]) -> float:
    """Return the difference drawn in full colour: 8 robust standard deviations of the noise, or more where more is."""
    values = np.abs(np.asarray(plane, dtype=np.float32))
    values = values[np.isfinite(values) & (values > 0)]
    if not values.size:
        return 1.0
    return float(max(8 * 1.4826 * np.median(values), np.percentile(values, 99.5)))


def _diverging(plane: npt.NDArray[np.generic], swing: float) -> picture.Bytes:
    share = np.clip(np.nan_to_num(np.asarray(plane, dtype=np.float32)) / (swing or 1.0), -1.0, 1.0)[..., np.newaxis]
    colour = np.where(share < 0, np.array(_LESS, dtype=np.float32), np.array(_MORE, dtype=np.float32))
    return np.asarray(np.abs(share) * colour + 0.5, dtype=np.uint8)


def _enlarge(image: Image.Image, at_mm: tuple[float, float], turn: picture.Layout) -> Image.Image:
    half = _ZOOM_MM / 2
    per_pixel = _ZOOM_MM / _PANEL
    scale = (per_pixel / turn.across_mm, per_pixel / turn.down_mm)
    start = ((at_mm[0] - half) / turn.across_mm, (at_mm[1] - half) / turn.down_mm)
    return image.transform(
        (_PANEL, _PANEL),
        Image.Transform.AFFINE,
        (scale[0], 0.0, start[0], 0.0, scale[1], start[1]),
        resample=Image.Resampling.BICUBIC,
    )


def _draw_outline(
    zoom: Image.Image, inside: npt.NDArray[np.bool_], at_mm: tuple[float, float], turn: picture.Layout
) -> None:
    """Draw the voxel edges between inside and outside: the truth of the labels, not a smoothed look of it."""
    pen = ImageDraw.Draw(zoom)
    padded = np.pad(inside, 1)
    per_mm = _PANEL / _ZOOM_MM

    def screen(column: float, row: float) -> tuple[float, float]:
        return (
            (column * turn.across_mm - at_mm[0]) * per_mm + _PANEL / 2,
            (row * turn.down_mm - at_mm[1]) * per_mm + _PANEL / 2,
        )

    for row, column in zip(*np.nonzero(padded[1:-1, :-1] != padded[1:-1, 1:]), strict=True):
        pen.line((*screen(column, row), *screen(column, row + 1)), fill=picture.CYAN, width=2)
    for row, column in zip(*np.nonzero(padded[:-1, 1:-1] != padded[1:, 1:-1]), strict=True):
        pen.line((*screen(column, row), *screen(column + 1, row)), fill=picture.CYAN, width=2)


def _crosshair(zoom: Image.Image) -> None:
    pen = ImageDraw.Draw(zoom)
    middle, free, reach = _PANEL // 2, 42, 78
    for low, high in ((middle - reach, middle - free), (middle + free, middle + reach)):
        for width, ink in ((5, picture.SHADE), (2, picture.AMBER)):
            pen.line((low, middle, high, middle), fill=ink, width=width)
            pen.line((middle, low, middle, high), fill=ink, width=width)


def _field(sheet: Image.Image, corner: tuple[int, int], at: tuple[float, float], half: float) -> None:
    pen = ImageDraw.Draw(sheet)
    x, y = corner[0] + at[0], corner[1] + at[1]
    for width, ink in ((4, picture.SHADE), (2, picture.AMBER)):
        pen.rectangle((x - half, y - half, x + half, y + half), outline=ink, width=width)


def _bar(sheet: Image.Image, bottom: int) -> None:
    pen = ImageDraw.Draw(sheet)
    length = 20.0 * _PANEL / _ZOOM_MM
    pen.line((10, bottom - 12, 10 + length, bottom - 12), fill=picture.INK, width=3)
    picture.write(sheet, (10, bottom - 17), "20 mm", size=12, anchor="lb")


def _legend(sheet: Image.Image, swing: float) -> None:
    left = 2 * (_PANEL + _GAP)
    top = sheet.height - _FOOT + 7
    ramp = np.linspace(-swing, swing, 110, dtype=np.float32)[np.newaxis, :].repeat(10, axis=0)
    sheet.paste(Image.fromarray(_diverging(ramp, swing)), (left + 95, top))
    picture.write(sheet, (left + 88, top + 5), "less today", size=12, anchor="rm")
    picture.write(sheet, (left + 212, top + 5), "more today", size=12, anchor="lm")
