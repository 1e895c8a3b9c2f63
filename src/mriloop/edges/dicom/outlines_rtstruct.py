"""RT Structure Set (PS3.3 A.19) to masks: closed planar contours, filled by the even-odd rule, slice by slice."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mriloop.edges.dicom.elements import Elements
from mriloop.edges.dicom.frames import to_ras
from mriloop.edges.dicom.limits import Limits
from mriloop.edges.dicom.outlines_seg import code_in
from mriloop.model.errors import refuse
from mriloop.model.outline import Outline
from mriloop.model.volume import Volume

STRUCTURE_SET = "1.2.840.10008.5.1.4.1.1.481.3"
_MOST_ITEMS = 100_000
_MOST_POINTS = 20_000_000
_FLAT_VOXELS = 0.5  # how far a contour may leave its slice
_CLOSED = frozenset({"CLOSED_PLANAR", "CLOSEDPLANAR_XOR"})
Points = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


def read_structures(path: Path, header: Elements, limits: Limits, volumes: Sequence[Volume]) -> tuple[Outline, ...]:
    """Return the regions of a structure set on the voxels of the series that each was drawn on.

    Contours nested in one slice cut holes into each other, whether joined by a keyhole or not. Raises as
    `outlines.read_outlines`, and DamagedError.
    """
    described = {
        item.integer(0x30060022): item for item in header.items(0x30060020, _MOST_ITEMS)
    }  # StructureSetROISequence
    kinds = {
        item.integer(0x30060084): code_in(item, 0x30060086) for item in header.items(0x30060080, _MOST_ITEMS)
    }  # RTROIObservationsSequence
    series = tuple(dict.fromkeys(_series(header)))
    found: list[Outline] = []
    spent = homeless = 0
    for item in header.items(0x30060039, _MOST_ITEMS):  # ROIContourSequence
        number = item.integer(0x30060084)
        contours = [(points, uid) for points, uid in _contours(item)]
        spent += sum(len(points) for points, _ in contours)
        if spent > _MOST_POINTS:
            raise refuse("outline_too_large")
        if not contours:
            continue
        if number is None or number not in described:
            raise refuse("outline_damaged", detail=f"region {number} has contours, but no description")
        volume = _drawn_on(volumes, series, {uid for _, uid in contours if uid})
        if volume is None:
            homeless += 1
            continue
        if (len(found) + 1) * int(np.prod(volume.data.shape[:3])) > limits.max_file_bytes:
            raise refuse("outline_too_large")
        data = _filled([points for points, _ in contours], volume)
        if data.any():
            found.append(
                Outline(
                    data=data,
                    affine=volume.affine,
                    label=described[number].text(0x30060026) or str(number),
                    number=number,
                    series_instance_uid=volume.series_instance_uid,
                    study_instance_uid=header.text(0x0020000D) or "",
                    kind=kinds.get(number),
                    source=path.name,
                )
            )
    if homeless and not found:
        raise refuse("outline_without_images")
    return tuple(found)


def _series(header: Elements) -> Iterator[str]:
    """Give the SeriesInstanceUIDs that the structure set says it was drawn on."""
    for frame in header.items(0x30060010, 1000):
        for study in frame.items(0x30060012, 1000):
            for series in study.items(0x30060014, 1000):
                yield series.text(0x0020000E) or ""


def _contours(item: Elements) -> Iterator[tuple[Points, str]]:
    """Give the closed contours of a region in RAS+ mm, each with the image it was drawn on."""
    for contour in item.items(0x30060040, _MOST_ITEMS):
        if (contour.text(0x30060042) or "") not in _CLOSED:
            continue
        raw = contour.raw(0x30060050) or b""
        try:
            numbers = np.array([float(word) for word in raw.decode("ascii").strip(" \0").split("\\")])
        except (ValueError, UnicodeDecodeError):
            raise refuse("outline_damaged", detail="a contour holds what is no number") from None
        if len(numbers) % 3 or not np.isfinite(numbers).all():
            raise refuse("outline_damaged", detail="the numbers of a contour are no points")
        if len(numbers) < 9:
            continue
        images = contour.items(0x30060016, 1000)[:1]
        uid = (images[0].text(0x00081155) or "") if images else ""
        yield numbers.reshape(-1, 3) * np.array(to_ras((1.0, 1.0, 1.0))), uid


def _drawn_on(volumes: Sequence[Volume], series: Sequence[str], instances: set[str]) -> Volume | None:
    """Return the volume that shows these images, else the one of a series that the structure set names."""
    for volume in volumes:
        if instances & {one.sop_instance_uid for one in (volume.sources[0] if volume.sources else ())}:
            return volume
    return next((volume for volume in volumes if volume.series_instance_uid in series), None)


def _filled(contours: Sequence[Points], volume: Volume) -> Mask:
    """Return the voxels whose centres lie inside an odd number of the contours of their slice."""
    back = np.linalg.inv(volume.affine)
    columns, rows, count = volume.data.shape[:3]
    data = np.zeros((columns, rows, count), bool)
    slices: dict[int, list[Points]] = defaultdict(list)
    for points in contours:
        index = points @ back[:3, :3].T + back[:3, 3]
        if np.ptp(index[:, 2]) > _FLAT_VOXELS:
            raise refuse("outline_geometry")
        slices[round(float(index[:, 2].mean()))].append(index[:, :2])
    for k, members in slices.items():
        if 0 <= k < count:
            for points in members:
                cross_out(data[:, :, k], points)
    return data


def cross_out(mask: Mask, points: Points) -> None:
    """Turn over, in place, every pixel of `mask` (columns, rows) whose centre lies inside a polygon (n, 2).

    Even-odd rule: a pixel inside two loops of the polygon is outside. Edges are half open, so that polygons which share
    an edge share no pixel.
    """
    columns, rows = mask.shape
    x0, y0 = points.T
    x1, y1 = np.roll(points, -1, axis=0).T
    first, last = max(int(np.ceil(y0.min())), 0), min(int(np.floor(y0.max())), rows - 1)
    for row in range(first, last + 1):
        cuts = (y0 <= row) != (y1 <= row)
        at = np.sort(x0[cuts] + (row - y0[cuts]) * (x1[cuts] - x0[cuts]) / (y1[cuts] - y0[cuts]))
        bounds = np.clip(np.ceil(at), 0, columns).astype(int)
        for start, stop in zip(bounds[::2], bounds[1::2], strict=True):
            mask[start:stop, row] ^= True
