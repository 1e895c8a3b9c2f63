"""Prescription from frame headers: slices, gap, coverage, acquired pixels, phase axis in the patient, timing."""

from __future__ import annotations

import itertools
import statistics
from collections import defaultdict

from mriloop.model.study import Frame, Point
from mriloop.stages.check.header import Header, cross, dot

_AXES = ("RL", "AP", "HF")


def places(header: Header) -> list[float]:
    """Return the distinct slice positions along the one slice normal, mm, rising; [] with several normals or none."""
    frame = _oriented(header)
    if frame is None or len(header.normals) != 1:
        return []
    assert frame.row_axis_ras is not None and frame.column_axis_ras is not None
    normal = cross(frame.row_axis_ras, frame.column_axis_ras)
    return sorted({round(dot(normal, f.position_ras_mm), 2) for f in header.frames if f.position_ras_mm})


def thickness(header: Header) -> float | None:
    """Return the slice thickness in mm: the median of the frames, else the element."""
    thick = [f.thickness_mm for f in header.frames if f.thickness_mm]
    return statistics.median(thick) if thick else header.number("SliceThickness")


def pitch(header: Header) -> float | None:
    """Return the distance between slice centres in mm, by positions; of mosaics by their step or the element."""
    found = places(header)
    if len(found) > 1:
        return statistics.median(b - a for a, b in itertools.pairwise(found))
    step = next((f.tile_step_ras_mm for f in header.frames if f.tile_step_ras_mm), None)
    return dot(step, step) ** 0.5 if step else header.number("SpacingBetweenSlices")


def gap(header: Header) -> float | None:
    """Return the distance between the faces of neighbouring slices in mm; 0 for overlapping and touching ones."""
    apart, thick = pitch(header), thickness(header)
    return None if apart is None or thick is None else max(0.0, round(apart - thick, 3))


def coverage(header: Header) -> float | None:
    """Return the distance from the outer face of the first slice to that of the last, mm."""
    found, apart = places(header), pitch(header)
    count = slices(header)
    if len(found) > 1:
        return found[-1] - found[0] + (thickness(header) or apart or 0.0)
    return (count - 1) * apart + (thickness(header) or apart) if count and count > 1 and apart else None


def slices(header: Header) -> float | None:
    """Return the number of slice positions; that of the tiles for mosaic and grid files."""
    tiles = max((f.tiles or 0 for f in header.frames), default=0)
    return float(tiles or len(places(header))) or None


def volumes(header: Header) -> float | None:
    """Return the median number of images that share a slice position; of mosaics the number of images."""
    if any(f.tiles is not None for f in header.frames):
        return float(len(header.frames))
    counts: dict[Point, int] = defaultdict(int)
    for frame in header.frames:
        if frame.position_ras_mm is None:
            return None
        counts[frame.position_ras_mm] += 1
    return float(statistics.median_low(counts.values())) if counts else None


def interval_s(header: Header) -> float | None:
    """Return the median time from one volume to the next in s, None where one time or none stands at each place."""
    times: dict[Point | None, set[float]] = defaultdict(set)
    for frame in header.frames:
        if frame.acquired_at_s is not None:
            times[frame.position_ras_mm].add(frame.acquired_at_s)
    steps = [b - a for found in times.values() for a, b in itertools.pairwise(sorted(found))]
    if steps:
        return statistics.median(steps)
    stated = header.number("TemporalResolution")
    return stated / 1000 if stated else None


def field_of_view(header: Header) -> tuple[float | None, float | None]:
    """Return height and width of the field of view in mm; that of one tile for mosaics."""
    frame = next((f for f in header.frames if f.spacing_mm and f.rows and f.columns), None)
    if frame is None or frame.spacing_mm is None:
        return None, None
    down, across = frame.tile_grid or (1, 1)
    return frame.rows / down * frame.spacing_mm[0], frame.columns / across * frame.spacing_mm[1]


def matrix(header: Header) -> tuple[float, ...]:
    """Return acquired samples along the frequency and the phase direction, () where the header is silent."""
    stated = header.series.parameters.get("AcquisitionMatrix")
    if isinstance(stated, tuple) and len(stated) == 4:
        numbers = [float(v) for v in stated if not isinstance(v, str)]
        frequency, phase = max(numbers[:2]), max(numbers[2:])
        if frequency > 0 and phase > 0:
            return frequency, phase
    along = header.number("MRAcquisitionFrequencyEncodingSteps")
    across = header.number("MRAcquisitionPhaseEncodingStepsInPlane")
    return (along, across) if along and across else ()


def acquired(header: Header) -> tuple[float | None, float | None]:
    """Return the acquired pixel size in mm along the frequency and the phase direction.

    Reconstructed pixels are often interpolated; PI-RADS and its like speak of the acquired ones.
    """
    direction = header.words("InPlanePhaseEncodingDirection")[:1]
    height, width = field_of_view(header)
    samples = matrix(header)
    if height is None or width is None or not samples or direction not in (("ROW",), ("COL",), ("COLUMN",)):
        return None, None
    along, across = (height, width) if direction == ("ROW",) else (width, height)
    return along / samples[0], across / samples[1]


def phase_axis(header: Header) -> tuple[str, ...]:
    """Return the patient axis nearest to the phase-encode direction: RL, AP or HF; () where it cannot be told."""
    direction = header.words("InPlanePhaseEncodingDirection")[:1]
    frame = _oriented(header)
    if frame is None or len(header.normals) != 1 or direction not in (("ROW",), ("COL",), ("COLUMN",)):
        return ()
    axis = frame.row_axis_ras if direction == ("ROW",) else frame.column_axis_ras
    assert axis is not None
    sizes = [abs(v) for v in axis]
    return (_AXES[sizes.index(max(sizes))],)


def _oriented(header: Header) -> Frame | None:
    return next((f for f in header.frames if f.row_axis_ras and f.column_axis_ras), None)
