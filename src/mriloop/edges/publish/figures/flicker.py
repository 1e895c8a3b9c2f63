"""The same place at two visits, pixel on pixel, so that the eye sees what jumps when one replaces the other."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from mriloop.edges.publish.figures import picture
from mriloop.model.study import Point
from mriloop.model.volume import Affine, Floats

_SIDE = 420
_FIELD_MM = 110.0


def flicker_pair(
    before: Floats,
    after: Floats,
    affine: Affine,
    centre: Point,
    *,
    titles: tuple[str, str] = ("Prior", "Today"),
    field_mm: float = _FIELD_MM,
) -> tuple[bytes, bytes]:
    """Draw one slice of both visits around a point, as two PNG of the same size, place and grey window.

    before, after : (i, j, k) on one grid; affine : (4, 4) to RAS+ mm; centre : RAS+ mm. `field_mm` is the side of the
    square that is shown. Radiological orientation with letters; four ticks point at the centre and leave it free.
    """
    affine = np.asarray(affine, dtype=float)
    through = facing(affine)
    turn = picture.layout(affine, through)
    index = (np.linalg.inv(affine) @ np.array([*centre, 1.0]))[:3]
    index = np.clip(index, 0, np.array(before.shape) - 1)
    slab = round(float(index[through]))
    planes = [turn.turn(np.take(one, slab, axis=through)) for one in (before, after)]
    window = picture.window_of(np.concatenate([np.asarray(one, dtype=np.float32).ravel() for one in planes]))
    column, row = turn.place(index, before.shape)
    drawn = []
    for plane, title in zip(planes, titles, strict=True):
        image = Image.fromarray(picture.grey(plane, window)).convert("RGB")
        per = (field_mm / _SIDE / turn.across_mm, field_mm / _SIDE / turn.down_mm)
        start = (column + 0.5 - _SIDE / 2 * per[0], row + 0.5 - _SIDE / 2 * per[1])
        cut = image.transform(
            (_SIDE, _SIDE),
            Image.Transform.AFFINE,
            (per[0], 0.0, start[0], 0.0, per[1], start[1]),
            resample=Image.Resampling.BICUBIC,
        )
        _ticks(cut)
        picture.write_letters(cut, (0, 0, _SIDE, _SIDE), turn.letters)
        picture.write(cut, (8, 6), title, size=15, anchor="lt")
        picture.write(cut, (8, _SIDE - 6), picture.place_words(affine, index.tolist(), through), size=12, anchor="lb")
        drawn.append(picture.png(cut, few=True))
    return drawn[0], drawn[1]


def facing(affine: Affine) -> int:
    """Return the voxel axis that faces the reader: across the thickest slices, else from the feet."""
    spacing = np.linalg.norm(np.asarray(affine, dtype=float)[:3, :3], axis=0)
    if spacing.max() > 1.05 * spacing.min():
        return int(np.argmax(spacing))
    return int(np.argmax(np.abs(affine[2, :3]) / spacing))


def _ticks(image: Image.Image) -> None:
    pen = ImageDraw.Draw(image)
    middle, free, reach = _SIDE // 2, 44, 66
    for low, high in ((middle - reach, middle - free), (middle + free, middle + reach)):
        for width, ink in ((4, picture.SHADE), (2, picture.AMBER)):
            pen.line((low, middle, high, middle), fill=ink, width=width)
            pen.line((middle, low, middle, high), fill=ink, width=width)
