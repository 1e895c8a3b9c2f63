"""Which slices the distances between the others call for: what is certain, and what is only a question."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from mriloop.model.coding import Weighting
from mriloop.model.quality import SeriesKind
from mriloop.model.study import Frame, Point, Series
from mriloop.stages.check.header import Header

_INTEGER_WITHIN = 0.25  # of a slice spacing
_INTEGER_SURELY = 0.1
_REGULAR_SHARE = 0.6
_GAP_AT_MOST = 0.25  # of the slices found: a longer gap is a second slab unless InstanceNumber agrees


@dataclass(frozen=True, slots=True)
class Stack:
    """Frames of one orientation and matrix, sorted into places along the normal."""

    normal: Point
    places: tuple[float, ...]
    frames: tuple[tuple[Frame, ...], ...]


@dataclass(frozen=True, slots=True)
class Layout:
    """How the places of a stack follow each other.

    gaps: (place before the gap, slices missing), for gaps that are certain. `slabs`: there are separate blocks.
    `question`: what may be missing without proof.
    """

    gaps: tuple[tuple[int, int], ...] = ()
    spacing_mm: float | None = None
    slabs: bool = False
    question: str = ""


def layout_of(stack: Stack, series: Series, kind: SeriesKind) -> Layout:
    """Find the gaps between the places of a stack.

    A gap is certain where it is a small whole number of slices, where InstanceNumber jumps with it, or where the
    scanner declares as many slices. A wide gap that fits whole slices and lies within one acquisition is a question.
    """
    places = stack.places
    if len(places) < 2:
        return Layout()
    steps = [b - a for a, b in itertools.pairwise(places)]
    usual = _usual_step(steps, Header(series).number("SpacingBetweenSlices"))
    if usual is None:
        return Layout(spacing_mm=statistics.median(steps))
    spacing, question = _true_spacing(stack, steps, usual, series, kind)
    spare = (series.declared.get("slices") or len(places)) - len(places)
    gaps: list[tuple[int, int]] = []
    slabs = False
    for place, step in enumerate(steps):
        ratio = step / spacing
        lack = round(ratio) - 1
        if lack < 1:
            continue
        off = abs(ratio - round(ratio))
        if off > _INTEGER_WITHIN or kind.weighting is Weighting.LOCALIZER:
            slabs = True
        elif lack > max(3, _GAP_AT_MOST * len(places)) and lack > spare and not _numbers_jump(stack, place, lack):
            slabs = True
            if off <= _INTEGER_SURELY and "slices" not in series.declared:
                question = question or _torn(stack, place, lack)
        else:
            gaps.append((place, lack))
    return Layout(tuple(gaps), spacing, slabs, question)


def _true_spacing(
    stack: Stack, steps: Sequence[float], usual: float, series: Series, kind: SeriesKind
) -> tuple[float, str]:
    """Return the distance at which slices were made, and the question where every second slice may be missing.

    Steps that are all the same multiple of SpacingBetweenSlices lack the slices between. Some systems write the gap
    there, not the distance of centres (PS3.3 C.8.4.15 leaves it to them for classic MR): where that reading, or the
    thickness alone, explains the steps, nothing is certain. A declared number of slices that is there settles it.
    """
    if kind.weighting is Weighting.LOCALIZER or series.declared.get("slices") == len(stack.places):
        return usual, ""
    header = Header(series)
    pitch = header.number("SpacingBetweenSlices")
    thickness = next((f.thickness_mm for f in header.frames if f.thickness_mm), None)
    least = min(steps)
    if pitch and pitch > 0:
        many = round(least / pitch)
        whole = all(abs(s / pitch - round(s / pitch)) < 0.1 for s in steps)
        if many < 2 or not whole:
            return usual, ""
        as_gap = thickness is not None and abs(least - thickness - pitch) < 0.05 * least
        plain = thickness is not None and pitch >= 0.95 * thickness and (not as_gap or _numbers_skip(stack, many))
        if plain and not kind.derived:
            return pitch, ""
        if as_gap and thickness is not None and pitch < 0.95 * thickness:
            return usual, ""  # A gap smaller than a slice, written as a gap: the usual way of those who write gaps.
        return usual, (
            f"slices lie {least:.1f} mm apart and the header gives a spacing of {pitch:.1f} mm: "
            f"{_MANY.get(many, 'most slices')} may be missing"
        )
    if thickness is None or thickness <= 0 or kind.derived or len(steps) < 3:
        return usual, ""
    many = round(least / thickness)
    if many < 2 or abs(least / thickness - many) > 0.1 or not _numbers_skip(stack, many):
        return usual, ""
    return usual, (
        f"slices of {thickness:.1f} mm lie {least:.1f} mm apart and their numbers skip with them: "
        f"{_MANY.get(many, 'most slices')} may be missing"
    )


_MANY = {2: "every second slice", 3: "two of three slices"}


def _numbers_skip(stack: Stack, many: int) -> bool:
    """Tell whether InstanceNumber rises by `many` from slice to slice throughout."""
    numbers = [frames[0].instance_number for frames in stack.frames if len(frames) == 1]
    known = [n for n in numbers if n is not None]
    return len(known) == len(stack.places) and all(abs(b - a) == many for a, b in itertools.pairwise(known))


def _torn(stack: Stack, place: int, lack: int) -> str:
    """Return the question about a wide gap, empty where the blocks beside it were acquired one after the other."""
    first, second = (
        [f.acquired_at_s for frames in part for f in frames if f.acquired_at_s is not None]
        for part in (stack.frames[: place + 1], stack.frames[place + 1 :])
    )
    if first and second:
        early, late = sorted((first, second), key=min)
        pause, each = min(late) - max(early), (max(early) - min(early)) / max(1, len(early) - 1)
        # Slices acquired in their order leave a pause as long as the lost ones took; another acquisition a longer one.
        if pause > 1 and pause > 3 * (lack + 1) * each:
            return ""
    return f"the slices lie in two blocks with room for {lack} slices between them: were these scanned, and lost?"


def _usual_step(steps: Sequence[float], header_spacing: float | None) -> float | None:
    """Return the spacing that at least 60 % of the steps share (within 10 %); None when there is none.

    With one or two steps the header's SpacingBetweenSlices decides, where it divides them.
    """
    if len(steps) >= 3:
        middle = statistics.median(steps)
        near = [s for s in steps if abs(s - middle) <= 0.1 * middle]
        if len(near) >= _REGULAR_SHARE * len(steps):
            return statistics.fmean(near)
        smallest = min(steps)
        whole = [s for s in steps if abs(s / smallest - round(s / smallest)) < 0.1]
        near = [s for s in steps if abs(s - smallest) <= 0.1 * smallest]
        # Many slices lost here and there: every step is a multiple of the smallest one.
        return statistics.fmean(near) if len(whole) == len(steps) and len(near) >= 0.3 * len(steps) else None
    if (
        header_spacing
        and header_spacing > 0
        and all(abs(s / header_spacing - round(s / header_spacing)) < 0.1 for s in steps)
    ):
        return header_spacing
    smallest = min(steps)
    return smallest if all(abs(s - smallest) <= 0.1 * smallest for s in steps) else None


def _numbers_jump(stack: Stack, place: int, lack: int) -> bool:
    """Tell whether InstanceNumber jumps at the gap by as many slices as the gap is wide: a hint, never a proof."""
    first = [frames[0].instance_number for frames in stack.frames]
    known = [n for n in first if n is not None]
    if len(known) != len(first):
        return False
    jumps = [abs(b - a) for a, b in itertools.pairwise(known)]
    usual = statistics.median(jumps)
    return usual > 0 and round(jumps[place] / usual) == lack + 1
