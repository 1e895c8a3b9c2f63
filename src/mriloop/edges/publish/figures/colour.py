"""The sensitive map for the eye: today's slices with what is brighter in orange and what is darker in blue."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

from mriloop.edges.publish.figures import picture
from mriloop.edges.publish.figures.flicker import facing
from mriloop.model.volume import Affine, Floats

_CELL = 230
_LESS = np.array((60, 150, 255), dtype=np.float32)
_MORE = np.array((255, 140, 20), dtype=np.float32)
_FOOT = 30


def colour_slices(
    today: Floats, signed: Floats, affine: Affine, *, least: float, full: float, columns: int = 6, most: int = 24
) -> bytes:
    """Draw slices of today's volume with a signed map over them, as a PNG.

    today, signed : (i, j, k) on one grid, `signed` in noise units (positive: brighter today); affine : (4, 4) to
    RAS+ mm. Nothing is coloured below `least`; colour is full from `full` on. Up to `most` slices are drawn, those
    that hold tissue, evenly spaced: this map shows more than the strict list and is meant for the eye alone.
    """
    affine = np.asarray(affine, dtype=float)
    through = facing(affine)
    turn = picture.layout(affine, through)
    level = 0.15 * float(np.percentile(today, 99.0))
    filled = np.flatnonzero((np.moveaxis(today, through, 0) > level).mean(axis=(1, 2)) > 0.08)
    if not len(filled):
        filled = np.arange(today.shape[through])
    count = min(most, len(filled))
    chosen = filled[np.unique(np.linspace(0, len(filled) - 1, count).round().astype(int))]
    rising = float(affine[:3, through] @ np.array([0.0, 0.0, 1.0])) >= 0
    chosen = chosen if not rising else chosen[::-1]
    window = picture.window_of(np.take(today, chosen, axis=through))
    width, height = turn.size(today.shape, 1.0)
    scale = _CELL / max(width, height)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    rows = -(-len(chosen) // columns)
    sheet = Image.new("RGB", (columns * size[0], rows * size[1] + _FOOT), picture.SHADE)
    middle = (np.array(today.shape) - 1) / 2.0
    for number, slab in enumerate(chosen):
        grey = picture.grey(turn.turn(np.take(today, slab, axis=through)), window)
        image = Image.fromarray(_overlay(grey, turn.turn(np.take(signed, slab, axis=through)), least, full))
        image = image.resize(size, Image.Resampling.BICUBIC)
        index = middle.copy()
        index[through] = float(slab)
        picture.write(
            image, (5, size[1] - 4), picture.place_words(affine, index.tolist(), through), size=11, anchor="lb"
        )
        sheet.paste(image, (number % columns * size[0], number // columns * size[1]))
    picture.write_letters(sheet, (0, 0, size[0], size[1]), turn.letters, size=11)
    words = f"orange: brighter today, blue: darker, from {least:g} times the noise of this pair on"
    picture.write(sheet, (8, sheet.height - _FOOT // 2), words, size=13, anchor="lm")
    return picture.png(sheet)


def _overlay(grey: picture.Bytes, signed: npt.NDArray[np.generic], least: float, full: float) -> npt.NDArray[np.uint8]:
    values = np.nan_to_num(np.asarray(signed, dtype=np.float32))
    share = np.clip((np.abs(values) - least) / max(full - least, 1e-6), 0.0, 1.0)
    share = np.where(np.abs(values) >= least, 0.35 + 0.65 * share, 0.0)[..., np.newaxis]
    colour = np.where((values < 0)[..., np.newaxis], _LESS, _MORE)
    base = np.repeat(np.asarray(grey, dtype=np.float32)[..., np.newaxis], 3, axis=2)
    return np.asarray(base * (1.0 - share) + colour * share + 0.5, dtype=np.uint8)
