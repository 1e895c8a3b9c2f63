"""Slices become volumes: which belong together, in which order, and where the regular grid has holes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from mriloop.edges.dicom.slices import Slice
from mriloop.model.study import Frame
from mriloop.model.volume import Source, Volume

_SAME_PLACE_MM = 0.05
_SAME_LINE_MM = 0.5
_STEP_TOLERANCE = 0.04
_MAX_HOLES = 0.25

Kind = tuple[Hashable, ...]
Place = list[Slice]  # all slices at one place, the time points in any order
TimePoint = dict[int, Slice]  # one time point: its slices by index


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Run:
    """Places on a regular grid: `places` by slice index, of which some may be missing up to `count`."""

    places: dict[int, Place]
    count: int
    step: npt.NDArray[np.float64]


def stack(slices: Sequence[Slice], series_instance_uid: str) -> list[Volume]:
    """Return the volumes that the slices of a series form, their voxels in the order column, row, slice.

    Slices belong together that agree in orientation, matrix, spacing, echo time, image type, component and stack.
    Slices at one place are time points, in the order of temporal position, then of acquisition. A grid with few holes
    is filled (see `Volume.filled_slices`); one with many or irregular ones becomes several volumes.
    """
    kinds: dict[Kind, list[Slice]] = defaultdict(list)
    directed = any(one.frame.b_vector_ras for one in slices)
    for one in slices:
        kinds[_kind(one, directed=directed)].append(one)
    labels = _labels({kind: members[0].frame for kind, members in kinds.items()})
    return [
        _volume(run, series_instance_uid, label)
        for members, label in zip(kinds.values(), labels, strict=True)
        for line in _lines(members)
        for run in _runs(line)
    ]


def _kind(one: Slice, *, directed: bool) -> Kind:
    frame = one.frame
    return (
        tuple(float(x) + 0.0 for x in np.round(np.concatenate([one.row_axis, one.column_axis]), 3)),
        one.stored.shape,
        tuple(round(mm, 4) for mm in one.spacing),
        one.colour,
        frame.te_ms,
        frame.image_type,
        frame.component,
        frame.stack,
        directed and _isotropic(frame),
    )


def _isotropic(frame: Frame) -> bool:
    """Say whether a frame has a b-value but no direction: among directed ones, the vendor's trace or ADC."""
    return bool(frame.b_value) and frame.b_vector_ras is None


def _labels(firsts: Mapping[Kind, Frame]) -> list[str]:
    """Return what sets volumes apart, in words, from the kind and a frame of each; empty where nothing does."""
    frames = list(firsts.values())
    if len(frames) == 1:
        return [""]
    words: list[list[str]] = [[] for _ in frames]

    def add(differs: Callable[[Frame], Hashable], say: Callable[[Frame], str]) -> None:
        if len({differs(frame) for frame in frames}) > 1:
            for found, frame in zip(words, frames, strict=True):
                found.append(say(frame))

    add(lambda frame: frame.te_ms, lambda frame: "" if frame.te_ms is None else f"TE {frame.te_ms:g} ms")
    add(lambda frame: frame.component, lambda frame: frame.component.value)
    common = set.intersection(*(set(frame.image_type) for frame in frames))
    add(
        lambda frame: frame.image_type,
        lambda frame: " ".join(word for word in frame.image_type if word not in common),
    )
    add(lambda frame: frame.stack, lambda frame: f"stack {frame.stack}")
    for found, kind in zip(words, firsts, strict=True):
        found.append("isotropic (trace or ADC)" if kind[-1] else "")
    return [" ".join(word for word in found if word) for found in words]


def _places(members: Sequence[Slice]) -> list[Place]:
    """Group slices by their place along the normal, in ascending order."""
    places: list[Place] = []
    here = -np.inf
    for one in sorted(members, key=lambda one: one.along):
        if one.along - here > _SAME_PLACE_MM:
            here = one.along
            places.append([])
        places[-1].append(one)
    return places


def _lines(members: Sequence[Slice]) -> list[list[Place]]:
    """Split a group where slices at the same place along the normal lie beside each other in their plane."""
    places = _places(members)
    if all(np.ptp([one.position for one in place], axis=0).max() < _SAME_LINE_MM for place in places):
        return [places]
    lines: dict[Hashable, list[Slice]] = defaultdict(list)
    for one in members:
        beside = one.position - one.along * one.normal
        lines[tuple(float(x) + 0.0 for x in np.round(beside / _SAME_LINE_MM))].append(one)
    return [_places(line) for line in lines.values()]


def _runs(places: list[Place]) -> list[Run]:
    """Cut a line of places into runs on a regular grid."""
    if len(places) == 1:
        return [_run(places, [0])]
    gaps = np.diff([place[0].along for place in places])
    base = float(np.median(gaps))
    counts = np.rint(gaps / base)
    regular = (counts >= 1) & (np.abs(gaps - counts * base) <= _STEP_TOLERANCE * base * np.maximum(counts, 1))
    holes = float(np.sum(counts[regular] - 1))
    if regular.all() and holes <= _MAX_HOLES * (len(places) + holes):
        return [_run(places, np.concatenate([[0], np.cumsum(counts)]).astype(int).tolist())]
    cuts = [n + 1 for n in range(len(gaps)) if not regular[n] or counts[n] > 1]
    if not cuts:
        return [_run(places, list(range(len(places))))]
    edges = [0, *cuts, len(places)]
    return [run for start, stop in pairwise(edges) for run in _runs(places[start:stop])]


def _run(places: list[Place], indices: list[int]) -> Run:
    first = places[0][0]
    if len(places) > 1:
        step = (places[-1][0].position - first.position) / (indices[-1] - indices[0])
    else:
        step = first.normal * (first.frame.thickness_mm or 1.0)
    return Run(places=dict(zip(indices, places, strict=True)), count=indices[-1] + 1, step=step)


def _time_points(run: Run) -> tuple[list[TimePoint], list[str]]:
    """Return the complete time points of a run, each a slice per index, and notes on what was left out."""
    counts = {len(place) for place in run.places.values()}
    if len(counts) == 1:
        for key in (_acquired, _by_contrast):
            ordered = {index: sorted(place, key=key) for index, place in run.places.items()}
            points = [{index: place[t] for index, place in ordered.items()} for t in range(counts.pop())]
            if all(len({_contrast(one) for one in point.values()}) == 1 for point in points):
                return points, []
            counts = {len(points)}
        return points, []
    candidates = [_by_key(run, key) for key in (_temporal, _contrast, _trigger)] + [_by_order(run)]
    complete = [[point for point in points if len(point) == len(run.places)] for points in candidates]
    best = max(range(len(candidates)), key=lambda n: (len(complete[n]), -n))
    if not complete[best]:
        fullest = max(candidates[best], key=len, default={})
        return [fullest], ["no time point is complete: the fullest one is shown"]
    left_out = max(counts) - len(complete[best])
    return complete[best], [f"{left_out} incomplete time points were left out"] if left_out > 0 else []


def _acquired(one: Slice) -> tuple[float, ...]:
    frame = one.frame
    unknown = float(1 << 40)
    return (
        frame.temporal_index if frame.temporal_index is not None else 0,
        frame.instance_number if frame.instance_number is not None else unknown,
        frame.acquired_at_s if frame.acquired_at_s is not None else unknown,
        frame.frame_number,
    )


def _by_contrast(one: Slice) -> tuple[float, ...]:
    b, vector, ti = _contrast(one)
    return (b, ti, *vector, *_acquired(one))


def _contrast(one: Slice) -> tuple[float, tuple[float, ...], float]:
    frame = one.frame
    vector = tuple(round(x, 3) for x in frame.b_vector_ras or (0.0, 0.0, 0.0))
    return (frame.b_value if frame.b_value is not None else -1.0, vector, frame.ti_ms or 0.0)


def _temporal(one: Slice) -> Hashable:
    return one.frame.temporal_index


def _trigger(one: Slice) -> Hashable:
    return one.frame.trigger_time_ms


def _by_key(run: Run, key: Callable[[Slice], Hashable]) -> list[TimePoint]:
    """Return time points by a key, [] unless it tells the slices at every place apart."""
    points: dict[Hashable, TimePoint] = defaultdict(dict)
    for index, place in run.places.items():
        for one in sorted(place, key=_acquired):
            name = key(one)
            if name is None or index in points[name]:
                return []
            points[name][index] = one
    return list(points.values())


def _by_order(run: Run) -> list[TimePoint]:
    """Return time points in the order of acquisition: a new one begins where a place comes again."""
    index_of = {id(one): index for index, place in run.places.items() for one in place}
    ordered = sorted((one for place in run.places.values() for one in place), key=_acquired)
    indices = [index_of[id(one)] for one in ordered]
    repeats = sum(a == b for a, b in pairwise(indices))
    points: list[TimePoint] = [{}]
    if repeats > len(indices) / 2:  # stored place by place: the n-th slice of each place forms time point n
        rank: dict[int, int] = defaultdict(int)
        for one, index in zip(ordered, indices, strict=True):
            while len(points) <= rank[index]:
                points.append({})
            points[rank[index]][index] = one
            rank[index] += 1
        return points
    for one, index in zip(ordered, indices, strict=True):
        if index in points[-1]:
            points.append({})
        points[-1][index] = one
    return points


def _volume(run: Run, series_instance_uid: str, label: str) -> Volume:
    points, notes = _time_points(run)
    first = next(iter(points[0].values()))
    rows, columns = first.stored.shape
    data = np.zeros((columns, rows, run.count, len(points)), dtype=np.float32)
    for t, point in enumerate(points):
        for index, one in point.items():
            data[:, :, index, t] = one.stored.T.astype(np.float32) * np.float32(one.slope) + np.float32(one.intercept)
    affine = np.eye(4)
    affine[:3, 0] = first.row_axis * first.spacing[1]
    affine[:3, 1] = first.column_axis * first.spacing[0]
    affine[:3, 2] = run.step
    affine[:3, 3] = _origin(run, points[0])
    filled = tuple(index for index in range(run.count) if any(index not in point for point in points))
    if filled:
        _fill(data, filled)
        notes.append(f"{len(filled)} slices that were never received are interpolated")
    absent = Source(sop_instance_uid="")
    frames = [[point[index].frame for index in sorted(point)] for point in points]
    if any(one.colour for one in points[0].values()):
        notes.append("the luminance of colour images")
    flat = [frame for point in frames for frame in point]
    b_values = tuple(point[0].b_value for point in frames)
    return Volume(
        data=data if len(points) > 1 else data[..., 0],
        affine=affine,
        series_instance_uid=series_instance_uid,
        sources=tuple(
            tuple(point[index].source if index in point else absent for index in range(run.count)) for point in points
        ),
        label=label,
        b_values=tuple(b for b in b_values if b is not None) if None not in b_values else (),
        b_vectors_ras=tuple(point[0].b_vector_ras for point in frames) if any(b_values) else (),
        repetition_time_ms=_repetition_time(frames),
        te_ms=flat[0].te_ms if len({frame.te_ms for frame in flat}) == 1 else None,
        image_type=flat[0].image_type,
        component=flat[0].component,
        filled_slices=filled,
        notes=tuple(notes),
        reader="mriloop",
    )


def _origin(run: Run, point: TimePoint) -> npt.NDArray[np.float64]:
    index = min(point)
    return point[index].position - index * run.step


def _repetition_time(frames: Sequence[Sequence[Frame]]) -> float | None:
    """Return the time between time points from the acquisition times, None when these do not advance."""
    times = [min((f.acquired_at_s for f in point if f.acquired_at_s is not None), default=np.nan) for point in frames]
    gaps = np.diff(times)
    if gaps.size == 0 or not np.isfinite(gaps).all() or gaps.min() <= 0:
        return None
    return round(float(np.median(gaps)) * 1000, 3)


def _fill(data: npt.NDArray[np.float32], filled: Sequence[int]) -> None:
    """Interpolate the missing slices linearly between their received neighbours, in place."""
    there = [k for k in range(data.shape[2]) if k not in filled]
    for k in filled:
        below = max((n for n in there if n < k), default=None)
        above = min((n for n in there if n > k), default=None)
        if below is None or above is None:
            data[:, :, k] = data[:, :, above if below is None else below] if there else 0
        else:
            weight = (k - below) / (above - below)
            data[:, :, k] = (1 - weight) * data[:, :, below] + weight * data[:, :, above]
