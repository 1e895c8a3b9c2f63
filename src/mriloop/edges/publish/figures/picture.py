"""Voxels onto a screen: radiological orientation, its letters, grey window, true proportions, lettering, PNG."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from mriloop.model.volume import Affine, Floats, Volume

Bytes = npt.NDArray[np.uint8]
_LETTERS = (("L", "R"), ("P", "A"), ("I", "S"))  # of the negative and the positive direction of R, A, S

# What points to the right and what points down on the screen, as RAS+ directions, by the axis that the slices face.
# Radiological convention: the patient is seen from the feet (axial), the front (coronal), the left (sagittal).
_LEFT, _POSTERIOR, _INFERIOR = (-1.0, 0.0, 0.0), (0.0, -1.0, 0.0), (0.0, 0.0, -1.0)
_SCREEN = {0: (_POSTERIOR, _INFERIOR), 1: (_LEFT, _INFERIOR), 2: (_LEFT, _POSTERIOR)}

INK = (236, 240, 243)
SHADE = (14, 17, 20)
AMBER = (255, 190, 60)
CYAN = (90, 215, 255)
HATCH = (66, 58, 36)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How a voxel grid is turned onto the screen.

    `through` is the voxel axis that faces the reader; `across` and `down` are the voxel axes that run to the right
    and downwards, `flip_across` and `flip_down` whether against their index; the spacings are in mm.
    `letters` are the patient's directions at the left, right, top and bottom edge, such as ("R", "L", "A", "P").
    """

    through: int
    across: int
    down: int
    flip_across: bool
    flip_down: bool
    across_mm: float
    down_mm: float
    letters: tuple[str, str, str, str]

    def turn(self, plane: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
        """Turn a plane taken at a `through` index (axes in voxel order) into rows from top, columns from left."""
        image = plane if self.down < self.across else np.swapaxes(plane, 0, 1)
        if self.flip_down:
            image = image[::-1]
        return image[:, ::-1] if self.flip_across else image

    def place(self, index: npt.NDArray[np.float64], shape: tuple[int, ...]) -> tuple[float, float]:
        """Return (column, row), in voxels, of a voxel index on the turned plane."""
        column, row = float(index[self.across]), float(index[self.down])
        return (
            shape[self.across] - 1 - column if self.flip_across else column,
            shape[self.down] - 1 - row if self.flip_down else row,
        )

    def size(self, shape: tuple[int, ...], pixels_per_mm: float) -> tuple[int, int]:
        """Return (width, height) in pixels at which a turned plane has its true proportions."""
        width = shape[self.across] * self.across_mm * pixels_per_mm
        height = shape[self.down] * self.down_mm * pixels_per_mm
        return max(1, round(width)), max(1, round(height))


def layout(affine: Affine, through: int) -> Layout:
    """Lay slices along voxel axis `through` onto the screen in radiological orientation.

    affine : (4, 4) voxel index to RAS+ mm. An oblique plane is turned by quarter turns only, never resampled:
    the letters then carry the second direction too, such as "RA".
    """
    axes = np.asarray(affine, dtype=float)[:3, :3]
    lengths = np.linalg.norm(axes, axis=0)
    cosines = axes / np.where(lengths > 0, lengths, 1.0)
    first, second = (axis for axis in range(3) if axis != through)
    normal = np.cross(cosines[:, first], cosines[:, second])
    right, below = (np.array(way) for way in _SCREEN[int(np.argmax(np.abs(normal)))])

    def fit(across: int, down: int) -> float:
        return float(abs(cosines[:, across] @ right) + abs(cosines[:, down] @ below))

    across, down = (first, second) if fit(first, second) >= fit(second, first) else (second, first)
    flip_across = bool(cosines[:, across] @ right < 0)
    flip_down = bool(cosines[:, down] @ below < 0)
    to_right = -cosines[:, across] if flip_across else cosines[:, across]
    to_bottom = -cosines[:, down] if flip_down else cosines[:, down]
    return Layout(
        through=through,
        across=across,
        down=down,
        flip_across=flip_across,
        flip_down=flip_down,
        across_mm=float(lengths[across]) or 1.0,
        down_mm=float(lengths[down]) or 1.0,
        letters=(letters(-to_right), letters(to_right), letters(-to_bottom), letters(to_bottom)),
    )


def letters(direction: npt.NDArray[np.float64]) -> str:
    """Name a RAS+ direction as DICOM PatientOrientation does: main axis first, then those beyond 20 degrees."""
    order = np.argsort(-np.abs(direction), kind="stable")
    return "".join(
        _LETTERS[axis][int(direction[axis] > 0)]
        for rank, axis in enumerate(order)
        if abs(direction[axis]) > (1e-6 if rank == 0 else 0.342)
    )


def place_words(affine: Affine, index: Sequence[float], through: int) -> str:
    """Say where a slice lies as a reader does: the main direction it faces and the millimetres, such as `S 23`."""
    matrix = np.asarray(affine, dtype=float)
    first, second = (axis for axis in range(3) if axis != through)
    axis = int(np.argmax(np.abs(np.cross(matrix[:3, first], matrix[:3, second]))))
    along = float((matrix @ np.array([*index, 1.0]))[axis])
    return f"{_LETTERS[axis][int(round(along) >= 0)]} {abs(round(along))}"


def window_of(values: Floats) -> tuple[float, float]:
    """Return the 1st and 99th percentile of the finite values; of those above the least, where most are background."""
    finite = values[np.isfinite(values)]
    if finite.size == 0:
        return 0.0, 1.0
    if finite.size > 2_000_000:
        finite = finite[:: finite.size // 1_000_000]
    low, high = np.percentile(finite, (1.0, 99.0))
    if high <= low:  # a small object in a large empty field
        low, high = float(finite.min()), float(finite.max())
    return float(low), float(high if high > low else low + 1.0)


def grey(values: npt.ArrayLike, window: tuple[float, float]) -> Bytes:
    """Map intensities to 0 (black) … 255 (white); what is not finite is black."""
    low, high = window
    scaled = (np.nan_to_num(np.asarray(values, dtype=np.float32), nan=low, posinf=high, neginf=low) - low) / (
        high - low
    )
    return np.asarray(np.clip(scaled, 0.0, 1.0) * 255.0 + 0.5, dtype=np.uint8)


def is_colour(volume: Volume) -> bool:
    """Tell whether the voxels are colours: a structured R, G, B type, or bytes whose last axis is colour."""
    return volume.data.dtype.names is not None


def volume_at(volume: Volume, time: int | None) -> npt.NDArray[np.generic]:
    """Return the (i, j, k) voxels of one time point, or of the mean over time for None; colours stay colours."""
    data = volume.data
    if data.ndim == 2:
        return data[:, :, np.newaxis]
    if data.ndim == 3:
        return data
    if time is None and data.dtype.names is None:
        mean: npt.NDArray[np.generic] = np.mean(data, axis=3, dtype=np.float32)
        return mean
    return data[..., min(time or 0, data.shape[3] - 1)]


@cache
def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Return Pillow's own face, so that a figure needs no font of the machine."""
    return ImageFont.load_default(size)


def write(
    image: Image.Image, at: tuple[float, float], text: str, *, size: int, anchor: str, ink: tuple[int, int, int] = INK
) -> None:
    """Write light text with a dark rim, legible over any grey."""
    ImageDraw.Draw(image).text(at, text, fill=ink, font=font(size), anchor=anchor, stroke_width=2, stroke_fill=SHADE)


def write_letters(
    image: Image.Image, box: tuple[int, int, int, int], names: tuple[str, str, str, str], size: int = 13
) -> None:
    """Write the patient's directions at the middle of the four edges of a box (left, top, right, bottom)."""
    left, top, right, bottom = box
    across, down = (left + right) / 2, (top + bottom) / 2
    write(image, (left + 4, down), names[0], size=size, anchor="lm")
    write(image, (right - 4, down), names[1], size=size, anchor="rm")
    write(image, (across, top + 3), names[2], size=size, anchor="mt")
    write(image, (across, bottom - 3), names[3], size=size, anchor="mb")


def png(image: Image.Image, *, few: bool = False) -> bytes:
    """Encode as PNG; `few` reduces to 60 greys and the colours of marks, which halves the size of a grey picture."""
    if few:
        image = image.quantize(palette=_palette(), dither=Image.Dither.NONE)
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()


@cache
def _palette() -> Image.Image:
    greys = [round(255 * step / 59) for step in range(60)]
    half = tuple(channel // 2 for channel in AMBER)
    colours = [*((grey, grey, grey) for grey in greys), AMBER, half, HATCH, SHADE]
    image = Image.new("P", (1, 1))
    image.putpalette([channel for colour in colours for channel in colour])
    return image
