"""DICOM Segmentation (PS3.3 A.51) to masks: binary, fractional and label map, frames in any order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mriloop.edges.dicom.decode import decode_all
from mriloop.edges.dicom.elements import Elements
from mriloop.edges.dicom.frames import build_frame, frame_views
from mriloop.edges.dicom.limits import Limits
from mriloop.edges.dicom.part10 import Part10
from mriloop.edges.dicom.pixels import describe
from mriloop.model.coding import Code
from mriloop.model.errors import MriloopError, refuse
from mriloop.model.outline import Outline
from mriloop.model.study import Frame
from mriloop.model.volume import Affine, Volume

LABEL_MAP = "1.2.840.10008.5.1.4.1.1.66.7"
SEGMENTATIONS = frozenset({"1.2.840.10008.5.1.4.1.1.66.4", LABEL_MAP})
_MOST_SEGMENTS = 10_000
_SAME_MM = 0.05  # two frames this close along the normal show one slice
_OFF_VOXELS = 0.1  # how far a frame may lie beside the slice it is counted to
_SQ_SEGMENTS, _SQ_SOURCES, _SQ_SERIES, _SQ_INSTANCES = 0x00620002, 0x00082112, 0x00081115, 0x0008114A


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Lattice:
    """Where the frames lie: the slice of each of them on a regular grid."""

    affine: Affine
    shape: tuple[int, int, int]
    slice_of: tuple[int, ...]
    series: str


def read_segments(path: Path, part10: Part10, limits: Limits, volumes: Sequence[Volume]) -> tuple[Outline, ...]:
    """Return the segments of a segmentation. Raises as `outlines.read_outlines`, and DamagedError."""
    header = part10.elements
    pixels = describe(part10, path)
    if pixels is None:
        raise refuse("file_no_pixels")
    if pixels.frame_bytes * pixels.frames > limits.max_file_bytes:
        raise refuse("outline_too_large")
    described = {item.integer(0x00620004): item for item in header.items(_SQ_SEGMENTS, _MOST_SEGMENTS)}
    views = frame_views(header)
    if len(views) == 1:
        views *= pixels.frames
    frames = [build_frame(view, "", number, None) for number, view in enumerate(views, 1)]
    lattice = _lattice(frames, views, header, volumes)
    stored = decode_all([pixels], limits)[0]
    if isinstance(stored, MriloopError):
        raise stored
    by_segment = _voxels(header, views, np.asarray(stored), described)
    if len(by_segment) * int(np.prod(lattice.shape)) > limits.max_file_bytes:
        raise refuse("outline_too_large")
    found = []
    for number, members in sorted(by_segment.items()):
        data = np.zeros(lattice.shape, bool)
        for index, inside in members:
            data[:, :, lattice.slice_of[index]] |= inside.T
        found.append(_outline(number, described[number], data, lattice, header, path.name))
    return tuple(found)


def _voxels(
    header: Elements, views: Sequence[Elements], stored: npt.NDArray[np.generic], described: dict[int | None, Elements]
) -> dict[int, list[tuple[int, npt.NDArray[np.bool_]]]]:
    """Return, for each segment that has a voxel, its frames: index and what is inside."""
    found: dict[int, list[tuple[int, npt.NDArray[np.bool_]]]] = defaultdict(list)
    label_map = header.text(0x00080016) == LABEL_MAP or header.text(0x00620001) == "LABELMAP"
    half = 0.5 * (header.number(0x0062000E) or 255.0) if header.text(0x00620001) == "FRACTIONAL" else 0.5
    for index, view in enumerate(views):
        frame = stored[index]
        if label_map:
            for value in np.unique(frame[frame != 0]):
                found[int(value)].append((index, np.asarray(frame == value)))
            continue
        number = view.integer(0x0062000B)
        if number is None and len(described) == 1:
            number = next(iter(described))
        if number is None:
            raise refuse("outline_damaged", detail="a frame does not say which segment it shows")
        inside = np.asarray(frame >= half)
        if inside.any():
            found[number].append((index, inside))
    for number in found:
        if number not in described:
            raise refuse("outline_damaged", detail=f"segment {number} is shown, but not described")
    return found


def _lattice(
    frames: Sequence[Frame], views: Sequence[Elements], header: Elements, volumes: Sequence[Volume]
) -> _Lattice:
    """Return the grid of the frames: that of a volume whose slices they lie on, else their own."""
    said = [item.text(0x0020000E) or "" for item in header.items(_SQ_SERIES, 1000)]
    shown = [_shown(view) for view in views]
    instances = {uid for uid, _ in shown if uid}
    for item in header.items(_SQ_SERIES, 1000):
        instances |= {one.text(0x00081155) or "" for one in item.items(_SQ_INSTANCES, 1_000_000)}
    placed = all(f.position_ras_mm and f.row_axis_ras and f.column_axis_ras and f.spacing_mm for f in frames)
    series = said[0] if len(said) == 1 else ""
    likely = [v for v in volumes if _drawn_on(v, said, instances)]
    for volume in [*likely, *(v for v in volumes if v not in likely)]:
        on = _on_volume(frames, volume) if placed else _by_reference(frames, shown, volume)
        if on is not None:
            i, j, k = volume.data.shape[:3]
            return _Lattice(affine=volume.affine, shape=(i, j, k), slice_of=on, series=volume.series_instance_uid)
    if not placed:
        raise refuse("outline_geometry")
    return _own(frames, header, series or (likely[0].series_instance_uid if likely else ""))


def _shown(view: Elements) -> tuple[str, int]:
    """Return the image (and frame) that a frame was drawn on, where it says."""
    for item in view.items(_SQ_SOURCES, 64)[:1]:
        return item.text(0x00081155) or "", item.integer(0x00081160) or 1
    return "", 1


def _drawn_on(volume: Volume, said: Sequence[str], instances: set[str]) -> bool:
    if volume.series_instance_uid in said:
        return True
    return any(one.sop_instance_uid in instances for one in (volume.sources[0] if volume.sources else ()))


def _corners(frame: Frame) -> npt.NDArray[np.float64]:
    """Return the first voxel of a frame, the last of its first row and the last of its first column, in RAS+ mm."""
    assert frame.row_axis_ras is not None
    assert frame.column_axis_ras is not None
    assert frame.spacing_mm is not None
    start = np.array(frame.position_ras_mm)
    between_rows, between_columns = frame.spacing_mm
    across = (frame.columns - 1) * between_columns * np.array(frame.row_axis_ras)
    down = (frame.rows - 1) * between_rows * np.array(frame.column_axis_ras)
    return np.stack([start, start + across, start + down])


def _on_volume(frames: Sequence[Frame], volume: Volume) -> tuple[int, ...] | None:
    """Return the slice of the volume that each frame lies on, None where one lies beside its voxels."""
    columns, rows, count = volume.data.shape[:3]
    back = np.linalg.inv(volume.affine)
    found = []
    for frame in frames:
        if (frame.columns, frame.rows) != (columns, rows):
            return None
        index = _corners(frame) @ back[:3, :3].T + back[:3, 3]
        k = round(float(index[0, 2]))
        meant = np.array([[0, 0, k], [columns - 1, 0, k], [0, rows - 1, k]])
        if not 0 <= k < count or np.abs(index - meant).max() > _OFF_VOXELS:
            return None
        found.append(k)
    return tuple(found)


def _by_reference(frames: Sequence[Frame], shown: Sequence[tuple[str, int]], volume: Volume) -> tuple[int, ...] | None:
    """Return the slice of the volume that each frame says it was drawn on, None where one does not say."""
    columns, rows = volume.data.shape[:2]
    if not volume.sources or any((frame.columns, frame.rows) != (columns, rows) for frame in frames):
        return None
    known = {(one.sop_instance_uid, one.frame_number): k for k, one in enumerate(volume.sources[0])}
    slices = [known.get(one) for one in shown]
    return None if None in slices else tuple(k for k in slices if k is not None)


def _own(frames: Sequence[Frame], header: Elements, series: str) -> _Lattice:
    """Return the smallest regular grid of the frames themselves. Raises SenderError `outline_geometry`."""
    first = frames[0]
    corners = [_corners(frame) for frame in frames]
    shape = {(frame.columns, frame.rows) for frame in frames}
    edges = np.array([points[1:] - points[0] for points in corners])
    if len(shape) > 1 or np.abs(edges - edges[0]).max() > _SAME_MM * 2:
        raise refuse("outline_geometry")
    assert first.spacing_mm is not None
    row_axis, column_axis = np.array(first.row_axis_ras), np.array(first.column_axis_ras)
    normal = np.cross(row_axis, column_axis)
    starts = np.array([points[0] for points in corners])
    along = starts @ normal
    order = np.argsort(along)
    said = _said_step(header)
    step, index = normal * (said or first.thickness_mm or 1.0), np.zeros(len(frames), int)
    gaps = np.diff(along[order])
    gaps = gaps[gaps > _SAME_MM]
    if len(gaps):
        base = next((b for b in (said, float(gaps.min())) if b and _divides(b, gaps)), None)
        if base is None:
            raise refuse("outline_geometry")
        index = np.rint((along - along.min()) / base).astype(int)
        step = (starts[order[-1]] - starts[order[0]]) / index.max()
        if np.linalg.norm(starts - starts[order[0]] - index[:, None] * step, axis=1).max() > _OFF_VOXELS * base:
            raise refuse("outline_geometry")
    affine = np.eye(4)
    affine[:3, 0], affine[:3, 1] = row_axis * first.spacing_mm[1], column_axis * first.spacing_mm[0]
    affine[:3, 2], affine[:3, 3] = step, starts[order[0]]
    return _Lattice(
        affine=affine,
        shape=(first.columns, first.rows, int(index.max()) + 1),
        slice_of=tuple(int(k) for k in index),
        series=series,
    )


def _said_step(header: Elements) -> float | None:
    """Return the distance between slices that the shared functional groups claim, in mm."""
    for view in frame_views(header)[:1]:
        step = view.number(0x00180088)
        return abs(step) if step else None
    return None


def _divides(base: float, gaps: npt.NDArray[np.float64]) -> bool:
    """Tell whether every gap is a whole number of steps; the step may be rounded in its last digits."""
    counts = np.rint(gaps / base)
    return bool((counts >= 1).all() and (np.abs(gaps - counts * base) < _OFF_VOXELS * base).all())


def _outline(
    number: int, item: Elements, data: npt.NDArray[np.bool_], lattice: _Lattice, header: Elements, name: str
) -> Outline:
    return Outline(
        data=data,
        affine=lattice.affine,
        label=item.text(0x00620005) or item.text(0x00620006) or str(number),
        number=number,
        series_instance_uid=lattice.series,
        study_instance_uid=header.text(0x0020000D) or "",
        tracking_id=item.text(0x00620020) or "",
        tracking_uid=item.text(0x00620021) or "",
        category=code_in(item, 0x00620003),
        kind=code_in(item, 0x0062000F),
        source=name,
    )


def code_in(item: Elements, tag: int) -> Code | None:
    """Return the first code of an SQ element (PS3.3 8.8), None where there is none."""
    for one in item.items(tag, 64)[:1]:
        value = one.text(0x00080100) or one.text(0x00080119) or one.text(0x00080120)
        if value:
            return Code(value=value, scheme=one.text(0x00080102) or "", meaning=one.text(0x00080104) or "")
    return None
