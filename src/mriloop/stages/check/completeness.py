"""Is every slice of every volume there? From slice positions, never from InstanceNumber; and against declarations."""

from __future__ import annotations

import itertools
import statistics
from collections import Counter, defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from mriloop.model.coding import Weighting
from mriloop.model.quality import Completeness, MissingSlice, SeriesKind
from mriloop.model.study import Frame, Point, Series
from mriloop.stages.check.gaps import Stack, layout_of
from mriloop.stages.check.header import Header, cross, dot
from mriloop.stages.check.planned import Plan, plan_of

_CUT_ANEW = frozenset({"MPR", "MIP", "MNIP", "PROJECTION IMAGE", "REFORMATTED", "CPR", "CSA MPR", "VRT"})
_SAME_DIRECTION = 0.9998  # cosine of one degree


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What the frames of a series amount to.

    `question` says in a sentence which slices may have been lost where the header can neither prove nor rule it out;
    then `completeness.expected` is None.

    `plan` is what was meant and is not there; None when nothing says that volumes are absent. `parts` is how many
    instances of a split object are there, and of how many.

    `volumes` is how many volumes they make. `spacing_mm` is the distance between neighbouring slices (None for one).
    `uneven` maps the volume (from 0) to how many slices it lacks. `spare` counts pictures at a place that already has
    one in the same volume. `slabs` tells that the slices lie in separate blocks. `last_short`: only the last volume
    lacks slices. `edge`: slices that a declaration calls for at the ends. `bare`: images that came
    without pixel data.
    """

    completeness: Completeness
    volumes: int
    spacing_mm: float | None = None
    uneven: Mapping[int, int] = field(default_factory=dict)
    spare: int = 0
    slabs: bool = False
    plan: Plan | None = None
    parts: tuple[int, int] | None = None
    last_short: bool = False
    edge: int = 0
    bare: int = 0
    question: str = ""


def completeness_of(series: Series, kind: SeriesKind) -> Found:
    """Return what is there of `series`, what should be, and where the missing slices belong.

    Interior gaps follow from the spacing of the others; missing ends from other volumes of the series or from a
    declaration of the scanner. `expected` is None, with the reason, where a mosaic hides its count or no frame says
    where it lies.
    """
    bare = [frame for frame in series.frames if not frame.has_pixels]
    if bare and len(bare) < len(series.frames):
        whole = replace(series, frames=tuple(replace(frame, has_pixels=True) for frame in series.frames))
        found = _without_pixels(_found(whole, kind), series, bare)
    else:
        found = _found(series, kind)
    wanted, there = series.declared.get("instances", 0), len({f.sop_instance_uid for f in series.frames})
    if there >= wanted:
        return found
    return replace(
        found,
        parts=(there, wanted),
        completeness=replace(found.completeness, basis=f"{there} of {wanted} parts; {found.completeness.basis}"),
    )


def _without_pixels(found: Found, series: Series, bare: Sequence[Frame]) -> Found:
    """Count the images that came without pixel data as missing ones whose places are known."""
    normals = Header(series).normals
    places: dict[float, list[Frame]] = defaultdict(list)
    if len(normals) == 1:
        for frame in series.frames:
            if frame.position_ras_mm is not None:
                places[round(dot(normals[0], frame.position_ras_mm), 1)].append(frame)
    missing = []
    for index, place in enumerate(sorted(places)):
        for volume, frame in enumerate(sorted(places[place], key=_order)):
            if not frame.has_pixels:
                missing.append(
                    MissingSlice(
                        index=index,
                        position_ras_mm=frame.position_ras_mm,
                        volume=volume if found.volumes > 1 else None,
                    )
                )
    missing += [MissingSlice(index=0, position_ras_mm=None)] * (len(bare) - len(missing))
    whole = found.completeness
    return replace(
        found,
        bare=len(bare),
        completeness=replace(
            whole,
            found=whole.found - len(bare),
            missing=tuple(sorted((*whole.missing, *missing), key=lambda m: m.index)),
            basis=f"{len(bare)} images without pixel data; {whole.basis}",
        ),
    )


def _found(series: Series, kind: SeriesKind) -> Found:
    header = Header(series)
    frames = header.frames
    if not frames:
        return Found(completeness=Completeness(found=0, expected=None, basis="no frame headers"), volumes=0)
    if any(frame.tiles is not None for frame in frames):
        return _mosaic(series, kind, frames)
    if any(f.position_ras_mm is None or f.row_axis_ras is None or f.column_axis_ras is None for f in frames):
        return _unplaced(series, frames)
    stacks = _stacks(frames)
    parts = [_stack(stack, series, kind, alone=len(stacks) == 1) for stack in stacks]
    if len(parts) == 1:
        return parts[0]
    known = [p.completeness.expected for p in parts]
    places = sum(len(s.places) for s in stacks) + sum(
        1 for p in parts for m in p.completeness.missing if m.volume is None
    )
    # The scanner counts the slices of all orientations together.
    edge = max(0, _declared_slices(series, kind, places) - places)
    return Found(
        completeness=Completeness(
            found=sum(p.completeness.found for p in parts),
            expected=None if None in known else sum(k for k in known if k is not None) + edge,
            missing=(
                *(m for p in parts for m in p.completeness.missing),
                *(MissingSlice(index=places + step, position_ras_mm=None) for step in range(edge)),
            ),
            basis=f"{len(parts)} orientations or matrices, each by its slice positions"
            + (f", and the scanner declares {places + edge} slices" if edge else ""),
        ),
        volumes=sum(p.volumes for p in parts),
        spacing_mm=parts[0].spacing_mm,
        spare=sum(p.spare for p in parts),
        slabs=any(p.slabs for p in parts),
        edge=edge,
        question=next((p.question for p in parts if p.question), ""),
    )


def _mosaic(series: Series, kind: SeriesKind, frames: Sequence[Frame]) -> Found:
    """Every file of a mosaic or grid holds one volume of `tiles` slices."""
    counts = [frame.tiles for frame in frames]
    volumes = len(frames)
    plan = plan_of(series, kind, sorted(frames, key=_order))
    if any(not count for count in counts):
        return Found(
            completeness=Completeness(
                found=volumes,
                expected=None,
                basis="a mosaic whose header does not say how many slices it holds: counted in files, not slices",
            ),
            volumes=volumes,
            plan=plan,
        )
    known = [count for count in counts if count]
    each = Counter(known).most_common(1)[0][0]
    declared = series.declared.get("slices")
    each = max(each, declared) if declared and declared <= 2 * each else each
    uneven = {index: each - count for index, count in enumerate(known) if count < each}
    return Found(
        completeness=Completeness(
            found=sum(known),
            expected=each * (volumes + _lost(plan)),
            missing=tuple(
                MissingSlice(index=k, position_ras_mm=None, volume=v)
                for v, lack in uneven.items()
                for k in range(each - lack, each)
            ),
            basis=f"{volumes} mosaics of {each} slices{_said(plan)}",
        ),
        volumes=volumes,
        spacing_mm=Header(series).number("SpacingBetweenSlices"),
        uneven=uneven,
        plan=plan,
    )


def _unplaced(series: Series, frames: Sequence[Frame]) -> Found:
    """No position for some frame: only a declaration can tell what should be there."""
    declared = series.declared.get("frames")
    slices, volumes = series.declared.get("slices"), series.declared.get("volumes")
    if declared is None and slices:
        declared = slices * (volumes or 1)
    lacking = sum(1 for f in frames if f.position_ras_mm is None)
    return Found(
        completeness=Completeness(
            found=len(frames),
            expected=max(declared, len(frames)) if declared else None,
            basis=f"{lacking} of {len(frames)} images do not say where they lie"
            + (f"; the scanner declares {declared}" if declared else ""),
        ),
        volumes=volumes or 1,
    )


def _stacks(frames: Sequence[Frame]) -> list[Stack]:
    """Sort frames by orientation and matrix, then by place along the normal."""
    groups: dict[tuple[int, int, int], list[Frame]] = {}
    normals: list[Point] = []
    for frame in frames:
        assert frame.row_axis_ras is not None and frame.column_axis_ras is not None
        normal = cross(frame.row_axis_ras, frame.column_axis_ras)
        index = next((i for i, known in enumerate(normals) if dot(normal, known) > _SAME_DIRECTION), len(normals))
        if index == len(normals):
            normals.append(normal)
        groups.setdefault((index, frame.rows, frame.columns), []).append(frame)
    return [_sorted_stack(normals[key[0]], group) for key, group in groups.items()]


def _sorted_stack(normal: Point, frames: Sequence[Frame]) -> Stack:
    placed = sorted(((dot(normal, f.position_ras_mm), i) for i, f in enumerate(frames) if f.position_ras_mm))
    distances = [b[0] - a[0] for a, b in itertools.pairwise(placed)]
    real = [d for d in distances if d > 0.02]
    same = min(0.25 * statistics.median(real), 0.5) if real else 0.02
    places: list[float] = []
    members: list[list[Frame]] = []
    for where, index in placed:
        if not places or where - places[-1] > same:
            places.append(where)
            members.append([])
        members[-1].append(frames[index])
    return Stack(normal, tuple(places), tuple(tuple(sorted(m, key=_order)) for m in members))


def _order(frame: Frame) -> tuple[float, float, float]:
    """In the order of acquisition, as far as the header tells."""
    time = frame.acquired_at_s if frame.acquired_at_s is not None else 0.0
    step = frame.temporal_index if frame.temporal_index is not None else 0
    return (float(step), time, float(frame.instance_number or frame.frame_number))


_ATTRIBUTES = (
    "component",
    "te_ms",
    "ti_ms",
    "b_value",
    "b_vector_ras",
    "temporal_index",
    "trigger_time_ms",
    "flip_deg",
    "image_type",
    "stack",
)


def _value(frame: Frame, name: str) -> Hashable:
    value = getattr(frame, name)
    if isinstance(value, float):
        return round(value, 1)
    if name == "b_vector_ras" and value is not None:
        return tuple(round(v, 2) + 0.0 for v in value)
    return value if isinstance(value, Hashable) else str(value)


def _volumes(stack: Stack) -> dict[Hashable, dict[int, Frame]]:
    """Return for every volume of the stack: place index → frame.

    An attribute sets volumes apart when frames at one place differ in it and most places show the same set of values.
    What the attributes cannot tell apart is numbered in order of acquisition.
    """
    telling = []
    for name in _ATTRIBUTES:
        sets = [frozenset(_value(f, name) for f in frames) for frames in stack.frames]
        common, times = Counter(sets).most_common(1)[0]
        if len(common) > 1 and times >= 0.5 * len(sets):
            telling.append(name)
    volumes: dict[Hashable, dict[int, Frame]] = defaultdict(dict)
    for place, frames in enumerate(stack.frames):
        seen: Counter[Hashable] = Counter()
        for frame in frames:
            attributes = tuple(_value(frame, name) for name in telling)
            volumes[(attributes, seen[attributes])][place] = frame
            seen[attributes] += 1
    return dict(sorted(volumes.items(), key=lambda item: min(_order(f) for f in item[1].values())))


def _stack(stack: Stack, series: Series, kind: SeriesKind, *, alone: bool) -> Found:
    volumes = list(_volumes(stack).values())
    count = len(stack.places)
    layout = layout_of(stack, series, kind)
    gaps, spacing, slabs = layout.gaps, layout.spacing_mm, layout.slabs
    # A place that few volumes know (a stray image) does not make all others incomplete.
    holders = Counter(place for volume in volumes for place in volume)
    usual = statistics.median(holders.values())
    full = (
        [place for place in range(count) if holders[place] >= 0.5 * usual] if len(volumes) > 1 else list(range(count))
    )
    spare = 0
    if len(volumes) > 1:
        # A volume of one or two slices beside full ones is no volume but a second copy of those slices.
        whole = [v for v in volumes if len(v) >= max(1, 0.1 * len(full))] if len(full) > 4 else volumes
        spare = sum(len(v) for v in volumes if v not in whole) if _twins(volumes, whole) else 0
        volumes = whole if spare else volumes
    uneven: dict[int, int] = {}
    missing: list[MissingSlice] = []
    offset = [0] * count
    for after, lack in gaps:
        for place in range(after + 1, count):
            offset[place] += lack
    for after, lack in gaps:
        for step in range(1, lack + 1):
            missing.append(
                MissingSlice(
                    index=after + offset[after] + step,
                    position_ras_mm=_between(stack, after, step / (lack + 1)),
                )
            )
    for number, volume in enumerate(volumes):
        lacking = [place for place in full if place not in volume]
        if lacking:
            uneven[number] = len(lacking)
            missing += [
                MissingSlice(index=place + offset[place], position_ras_mm=_at(stack, place), volume=number)
                for place in lacking
            ]
    known = count + sum(lack for _, lack in gaps)
    edge, basis = _declared_ends(series, known, len(volumes), kind, alone=alone)
    lead = _before_first(stack)
    if lead > edge:
        edge, basis = lead, f"InStackPositionNumber begins at {lead + 1}"
    found = sum(len(volume) for volume in volumes)
    firsts = [min(volume.values(), key=_order) for volume in volumes]
    plan = plan_of(series, kind, firsts) if alone else None
    per_volume = len(full) + sum(lack for _, lack in gaps) + edge
    for step in range(edge):
        missing.append(MissingSlice(index=per_volume - edge + step, position_ras_mm=None))
    expected = per_volume * (len(volumes) + _lost(plan))
    extra = sum(len(set(volume) - set(full)) for volume in volumes)
    if count == 1:
        basis = basis or "all images at one place"
    question = "" if edge else layout.question
    if question:
        basis = question
    return Found(
        completeness=Completeness(
            found=found,
            expected=None if question else max(expected + extra, found),
            missing=tuple(sorted(missing, key=lambda m: (m.volume if m.volume is not None else -1, m.index))),
            basis=(basis or f"slice positions: {count} places, {len(volumes)} volume{'s' if len(volumes) > 1 else ''}")
            + _said(plan),
        ),
        volumes=len(volumes),
        spacing_mm=spacing,
        uneven=uneven,
        spare=spare,
        slabs=slabs,
        plan=plan,
        last_short=bool(uneven) and set(uneven) == {len(volumes) - 1},
        edge=edge,
        question=question,
    )


def _twins(volumes: Sequence[Mapping[int, Frame]], whole: Sequence[Mapping[int, Frame]]) -> bool:
    """Tell whether the leftover slices repeat others in everything that a header says, time included."""
    if not whole:
        return False
    for volume in volumes:
        if volume in whole:
            continue
        for place, frame in volume.items():
            others = [v[place] for v in whole if place in v]
            if not any(
                o.acquired_at_s == frame.acquired_at_s and o.temporal_index == frame.temporal_index for o in others
            ):
                return False
    return True


def _before_first(stack: Stack) -> int:
    """Return how many slices InStackPositionNumber, which counts from 1 along the normal, puts before the first."""
    ends = [{f.in_stack for f in frames} for frames in (stack.frames[0], stack.frames[-1])]
    numbers = [next(iter(end)) for end in ends if len(end) == 1]
    known = [number for number in numbers if number is not None]
    if len(known) < 2 or len(stack.places) < 2 or abs(known[1] - known[0]) < len(stack.places) - 1:
        return 0
    return max(0, min(known) - 1)


def _declared_ends(series: Series, known: int, volumes: int, kind: SeriesKind, *, alone: bool) -> tuple[int, str]:
    """Return how many slices the scanner declares beyond those known from positions, and the basis.

    ImagesInAcquisition counts where it is no multiple of what is there: a multiple is what a Dixon or multi-echo
    acquisition declares when each of its contrasts is stored as a series.
    """
    if not alone or kind.weighting is Weighting.LOCALIZER:
        return 0, ""
    declared = _declared_slices(series, kind, known)
    acquired = series.declared.get("acquired_images", 0) // max(1, volumes)
    if "slices" not in series.declared and acquired % known and 2 <= known < acquired <= 4 * known:
        declared = acquired
    if declared > known:
        return declared - known, f"slice positions, and the scanner declares {declared} slices a volume"
    return 0, ""


def _declared_slices(series: Series, kind: SeriesKind, known: int) -> int:
    """Return the slices that the scanner declares for a volume, 0 where it declares none for these very pictures.

    Pictures computed from others may be cut anew: a declaration many times what is there speaks of their source.
    """
    declared = series.declared.get("slices", 0)
    if kind.weighting in (Weighting.LOCALIZER, Weighting.SCREENSHOT):
        return 0
    if kind.derived and (known < 2 or declared > 4 * known or not _CUT_ANEW.isdisjoint(Header(series).image_type)):
        return 0
    return declared


def _lost(plan: Plan | None) -> int:
    """Return how many absent volumes count as expected."""
    return plan.lost * plan.each if plan is not None and plan.believed else 0


def _said(plan: Plan | None) -> str:
    return "" if plan is None else f"; {plan.lost} more {plan.what} were planned"


def _between(stack: Stack, place: int, share: float) -> Point:
    one, two = _at(stack, place), _at(stack, place + 1)
    return (
        one[0] + share * (two[0] - one[0]),
        one[1] + share * (two[1] - one[1]),
        one[2] + share * (two[2] - one[2]),
    )


def _at(stack: Stack, place: int) -> Point:
    position = stack.frames[place][0].position_ras_mm
    assert position is not None
    return position
