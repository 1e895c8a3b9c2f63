"""The slices that a series consists of, each with its place in the patient and the stored values it was sent with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mriloop.edges.dicom.decode import Array, decode_all
from mriloop.edges.dicom.instance import Record
from mriloop.edges.dicom.limits import Limits
from mriloop.model.errors import MriloopError
from mriloop.model.study import Frame
from mriloop.model.volume import Source

Vector = npt.NDArray[np.float64]
_LUMINANCE = np.array([0.299, 0.587, 0.114])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Slice:
    """One slice image.

    stored : (rows, columns) stored values, before the modality LUT
    position, row_axis, column_axis, normal : RAS+ mm; `row_axis` runs along increasing column index
    slope, intercept : modality LUT (PS3.3 C.11.1), 1 and 0 when the header has none
    colour : the stored values are the luminance of a colour image
    """

    frame: Frame
    source: Source
    stored: Array
    position: Vector
    row_axis: Vector
    column_axis: Vector
    spacing: tuple[float, float]
    slope: float
    intercept: float
    colour: bool = False

    @property
    def normal(self) -> Vector:
        """Direction through the slices: row axis × column axis."""
        return np.cross(self.row_axis, self.column_axis)

    @property
    def along(self) -> float:
        """Place along the normal in mm."""
        return float(self.position @ self.normal)


def slices_of(records: Sequence[Record], limits: Limits) -> tuple[list[Slice], list[str]]:
    """Decode the images of a series into slices, tiles of mosaics and grids each by themselves.

    Returns the slices and notes on frames that have no place in the patient or could not be decoded.
    """
    found: list[Slice] = []
    notes: list[str] = []
    homeless = undecodable = 0
    images = [record for record in records if record.pixels is not None]
    pixels = decode_all([record.pixels for record in images if record.pixels is not None], limits)
    for record, stored in zip(images, pixels, strict=True):
        if isinstance(stored, MriloopError):
            undecodable += 1
            continue
        for index, frame in enumerate(record.frames):
            cut = _cut(frame, stored[index], record.rescale[index])
            homeless += not cut
            found.extend(cut)
    if homeless:
        notes.append(f"{homeless} frames have no usable position and were left out")
    if undecodable:
        notes.append(f"the pixels of {undecodable} instances cannot be decoded")
    return found, notes


def _cut(frame: Frame, stored: Array, rescale: tuple[float, float]) -> list[Slice]:
    if (
        frame.position_ras_mm is None
        or frame.row_axis_ras is None
        or frame.column_axis_ras is None
        or frame.spacing_mm is None
        or frame.tiles == 0
    ):
        return []
    colour = stored.ndim == 3
    if colour:
        stored = (stored[..., :3] @ _LUMINANCE).astype(np.float32)
    tiles = _tiles(frame, stored) if frame.tiles else [stored]
    if frame.tiles and frame.tiles > 1 and frame.tile_step_ras_mm is None:
        return []
    step = np.array(frame.tile_step_ras_mm or (0.0, 0.0, 0.0))
    return [
        Slice(
            frame=frame,
            source=Source(
                sop_instance_uid=frame.sop_instance_uid,
                frame_number=frame.frame_number,
                tile=number if frame.tiles else None,
            ),
            stored=tile,
            position=np.array(frame.position_ras_mm) + number * step,
            row_axis=np.array(frame.row_axis_ras),
            column_axis=np.array(frame.column_axis_ras),
            spacing=frame.spacing_mm,
            slope=rescale[0],
            intercept=rescale[1],
            colour=colour,
        )
        for number, tile in enumerate(tiles)
    ]


def _tiles(frame: Frame, stored: Array) -> list[Array]:
    """Cut a tiled frame, row by row from the top left."""
    count = frame.tiles or 1
    down, across = frame.tile_grid or (1, 1)
    rows, columns = stored.shape[0] // down, stored.shape[1] // across
    return [
        stored[n // across * rows : (n // across + 1) * rows, n % across * columns : (n % across + 1) * columns]
        for n in range(count)
    ]
