"""Where every change lies, seen from below, from the front and from the left through the whole head."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from mriloop.edges.publish.figures import picture
from mriloop.model.comparison import ChangeKind
from mriloop.model.study import Point
from mriloop.model.volume import Affine, Floats

_PIXELS_PER_MM = 1.5
_GAP = 8
_HEAD, _FOOT = 26, 30
_VIEWS = ("from the feet", "from the front", "from the left")
_MARKS = {
    ChangeKind.NEW: ((255, 140, 20), "new"),
    ChangeKind.ENLARGING: ((255, 205, 90), "enlarging"),
    ChangeKind.STABLE: ((200, 205, 210), "stable"),
    ChangeKind.SHRINKING: ((130, 205, 245), "shrinking"),
    ChangeKind.RESOLVED: ((60, 150, 255), "resolved"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """One change on the map: its number, what became of it, and where it lies (RAS+ mm)."""

    number: int
    kind: ChangeKind
    at: Point


def projections(data: Floats, affine: Affine, pins: Sequence[Pin]) -> bytes:
    """Draw three orthogonal projections of a volume with a numbered pin for each change, as a PNG.

    data : (i, j, k); affine : (4, 4) to RAS+ mm. Each panel is the mean over the depth, so that outline and ventricles
    show; true proportions, radiological orientation with letters. Shapes as well as colours tell the kinds apart:
    up-pointing triangle enlarging, down-pointing shrinking, disc new, ring resolved, small square stable.
    """
    affine = np.asarray(affine, dtype=float)
    axes = _voxel_axes(affine)
    panels = [_panel(data, affine, axes[world], pins) for world in (2, 1, 0)]
    width = sum(one.width for one in panels) + _GAP * (len(panels) - 1)
    height = max(one.height for one in panels)
    sheet = Image.new("RGB", (width, _HEAD + height + _FOOT), picture.SHADE)
    left = 0
    for panel, words in zip(panels, _VIEWS, strict=True):
        sheet.paste(panel, (left, _HEAD + (height - panel.height) // 2))
        picture.write(sheet, (left + panel.width / 2, _HEAD / 2), words, size=13, anchor="mm")
        left += panel.width + _GAP
    _legend(sheet, {pin.kind for pin in pins})
    return picture.png(sheet)


def _voxel_axes(affine: Affine) -> dict[int, int]:
    """Return, for R, A and S, the voxel axis that runs closest to it; each voxel axis serves once."""
    cosines = np.abs(affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0))
    found: dict[int, int] = {}
    for flat in np.argsort(-cosines, axis=None):
        world, voxel = divmod(int(flat), 3)
        if world not in found and voxel not in found.values():
            found[world] = voxel
    return found


def _panel(data: Floats, affine: Affine, through: int, pins: Sequence[Pin]) -> Image.Image:
    turn = picture.layout(affine, through)
    mean: npt.NDArray[np.float32] = np.nan_to_num(np.asarray(data, dtype=np.float32)).mean(axis=through)
    plane = turn.turn(mean)
    size = turn.size(data.shape, _PIXELS_PER_MM)
    grey = picture.grey(plane, (0.0, float(np.percentile(mean, 99.8)) * 1.5 or 1.0))
    image = Image.fromarray(grey).convert("RGB").resize(size, Image.Resampling.BICUBIC)
    picture.write_letters(image, (0, 0, *size), turn.letters)
    back = np.linalg.inv(affine)
    for pin in sorted(pins, key=lambda one: one.kind is not ChangeKind.STABLE):
        index = (back @ np.array([*pin.at, 1.0]))[:3]
        column, row = turn.place(index, data.shape)
        x = (column + 0.5) * turn.across_mm * _PIXELS_PER_MM
        y = (row + 0.5) * turn.down_mm * _PIXELS_PER_MM
        _pin(image, x, y, pin.kind)
        if pin.kind is not ChangeKind.STABLE:
            picture.write(image, (x + 8, y - 8), str(pin.number), size=13, anchor="lb", ink=_MARKS[pin.kind][0])
    return image


def _pin(image: Image.Image, x: float, y: float, kind: ChangeKind) -> None:
    pen = ImageDraw.Draw(image)
    ink, rim = _MARKS[kind][0], picture.SHADE
    if kind is ChangeKind.NEW:
        pen.ellipse((x - 6, y - 6, x + 6, y + 6), fill=ink, outline=rim, width=1)
    elif kind is ChangeKind.RESOLVED:
        pen.ellipse((x - 6, y - 6, x + 6, y + 6), outline=ink, width=3)
    elif kind is ChangeKind.STABLE:
        pen.rectangle((x - 3, y - 3, x + 3, y + 3), fill=ink, outline=rim, width=1)
    else:
        way = -1 if kind is ChangeKind.ENLARGING else 1
        pen.polygon([(x - 7, y - 5 * way), (x + 7, y - 5 * way), (x, y + 8 * way)], fill=ink, outline=rim)


def _legend(sheet: Image.Image, kinds: set[ChangeKind]) -> None:
    left, middle = 16, sheet.height - _FOOT // 2
    for kind, (_, words) in _MARKS.items():
        if kind in kinds:
            _pin(sheet, left, middle, kind)
            picture.write(sheet, (left + 14, middle), words, size=13, anchor="lm")
            left += 110
