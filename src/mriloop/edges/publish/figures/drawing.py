"""Drawings from numbers, as SVG whose text keeps its size at every width: timeline, motion trace, slice map.

Places across are percentages, so that a drawing fills a phone and a wide screen without a change of its lettering.
Colours are CSS variables of the page with a fallback, so that dark mode and print follow.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from dateutil.relativedelta import relativedelta

from mriloop.edges.publish.figures.grid import ranges as _ranges
from mriloop.edges.publish.figures.grid import round_step as _round_step
from mriloop.edges.publish.figures.grid import slice_grid_svg
from mriloop.edges.publish.render import render
from mriloop.edges.publish.words import count, day_words, number_words, window_words
from mriloop.model.quality import Completeness, MotionTrace
from mriloop.model.schedule import Window

_GUTTER, _PLOT = 9.0, 76.0  # per cent of the width: numbers at the left, the plot, names of the lines at the right
_PANEL = 84  # height of one panel in pixels


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineRow:
    """One step on the time axis: its windows in order, and how it goes on after them (empty: it ends there)."""

    label: str
    windows: tuple[Window, ...]
    then: str = ""


def timeline_svg(rows: Sequence[TimelineRow], today: date) -> str:
    """Draw next steps on a time axis: a bar from the earliest to the latest day, a diamond at the target, today's line.

    A window that has passed is hatched. An open circle stands where a person sets the date. The whole content stands
    as text in the drawing's description.
    """
    days = [day for row in rows for window in row.windows for day in (window.earliest, window.latest)]
    start, end = min([today, *days]), max([today + relativedelta(months=3), *days])
    span = max((end - start).days, 1)
    open_ended = any(row.then or not row.windows for row in rows)
    left, right = 3.0, 90.0 if open_ended else 97.0

    def across(day: date) -> float:
        return round(left + (right - left) * (day - start).days / span, 3)

    drawn = [
        {
            "label": row.label,
            "short": _next_words(row, today),
            "open": bool(row.then or not row.windows),
            "from": across(row.windows[-1].latest) if row.windows else across(today),
            "bars": [
                {
                    "left": across(one.earliest),
                    "width": round(max(across(one.latest) - across(one.earliest), 0.4), 3),
                    "target": across(one.target),
                    "past": one.latest < today,
                }
                for one in row.windows
            ],
        }
        for row in rows
    ]
    return render(
        "figures/timeline.svg.j2",
        rows=drawn,
        ticks=[{"at": across(day), "text": text} for day, text in _ticks(start, end)],
        today={"at": across(today), "text": f"today, {day_words(today)}", "end": across(today) > 60},
        desc=" ".join(_row_words(row, today) for row in rows),
        row_px=54,
        top_px=26,
        height=26 + 54 * len(rows) + 26,
        open_at=95.5,
        title="Next steps on a time axis",
    )


def motion_trace_svg(trace: MotionTrace, limits: Mapping[str, float]) -> str:
    """Draw motion volume by volume: displacement between volumes in mm with its limits, shift in mm, turn in degrees.

    limits : name to framewise displacement in mm, drawn as a line with its name

    Volumes that moved beyond the smallest limit are marked through all three panels, and counted in the description.
    Volumes without an entry (nothing to compare with) leave a gap in the numbers, not in the drawing.
    """
    framewise = [value if math.isfinite(value) else 0.0 for value in trace.framewise_mm]
    numbers = [volume + 1 for volume in trace.volumes] or list(range(1, len(framewise) + 1))
    least = min(limits.values(), default=math.inf)
    moved = [at for at, value in enumerate(framewise) if value > least]
    names = ("right", "front", "up")
    panels = [
        _panel("Displacement between volumes", "mm", [("", framewise)], dict(limits), numbers),
        _panel("Shift from the reference", "mm", _columns(trace.translations_mm, names), {}),
        _panel("Turn from the reference", "°", _columns(trace.rotations_deg, ("nod", "tilt", "turn")), {}),
    ]
    worst = max(range(len(framewise)), key=framewise.__getitem__) if framewise else 0
    most = f"{number_words(framewise[worst])} mm, at volume {numbers[worst]}" if framewise else "unknown"
    desc = f"{count(len(framewise), 'volume')}. Largest displacement between neighbouring volumes {most}."
    for name, limit in limits.items():
        beyond = sum(value > limit for value in framewise)
        desc += f" {beyond} above the limit “{name}” of {number_words(limit)} mm"
        named = [numbers[at] - 1 for at, value in enumerate(framewise) if value > limit]
        desc += f": {count(len(named), 'volume')} {_ranges(named)}." if 0 < len(named) <= 40 else "."
    return render(
        "figures/motion.svg.j2",
        panels=panels,
        gutter=_GUTTER,
        plot=_PLOT,
        panel_px=_PANEL,
        height=len(panels) * (_PANEL + 30) + 18,
        moved=[round(1000 * at / max(len(framewise) - 1, 1), 1) for at in moved],
        first=numbers[0] if numbers else 1,
        last=numbers[-1] if numbers else 0,
        desc=desc,
        title="Motion, volume by volume",
    )


_STRIPS = 8


def slice_map_svg(completeness: Completeness, volumes: int = 1) -> str:
    """Draw where slices are missing: a strip for those missing from all volumes, one for each volume with gaps.

    With gaps in more volumes than strips can be told apart it is a grid: volumes across, slices upwards.

    Returns an empty text when nothing is missing or the expected number is unknown: there is nothing to draw then.
    """
    if not completeness.missing or not completeness.expected:
        return ""
    volumes = max(volumes, 1)
    depth = max(math.ceil(completeness.expected / volumes), max(one.index for one in completeness.missing) + 1)
    by_volume: dict[int | None, list[int]] = {}
    for one in completeness.missing:
        by_volume.setdefault(one.volume, []).append(one.index)
    order = sorted(by_volume, key=lambda volume: -1 if volume is None else volume)
    if len(order) > _STRIPS:
        return slice_grid_svg(by_volume, depth, volumes)
    shown = order
    strips = [
        {
            "name": ("all volumes" if volumes > 1 else "slices") if volume is None else f"volume {volume + 1}",
            "cells": [
                {"left": round(100 * index / depth, 3), "width": round(100 / depth, 3)} for index in by_volume[volume]
            ],
            "text": _ranges(by_volume[volume]),
        }
        for volume in shown
    ]
    desc = "; ".join(f"{strip['name']}: missing {strip['text']}" for strip in strips) + "."
    return render(
        "figures/slices.svg.j2",
        strips=strips,
        depth=depth,
        height=len(strips) * 46 + 20,
        desc=desc,
        title=f"Missing slices, of {depth} in a volume",
    )


def _row_words(row: TimelineRow, today: date) -> str:
    parts = [
        f"{window_words(one)}, target {day_words(one.target)}{' (passed)' if one.latest < today else ''}"
        for one in row.windows
    ]
    if row.then or not row.windows:
        parts.append(f"then {row.then}" if row.then and row.windows else "a person sets the date")
    return f"{row.label}: {'; '.join(parts)}."


def _next_words(row: TimelineRow, today: date) -> str:
    coming = [one for one in row.windows if one.latest >= today]
    if coming:
        more = f" (+{len(coming) - 1})" if len(coming) > 1 else ""
        return f"{day_words(coming[0].target)}{more}"
    return f"was due {day_words(row.windows[-1].target)}" if row.windows else "date to be set"


def _ticks(start: date, end: date) -> list[tuple[date, str]]:
    """Return at most six calendar days with names, on whole months or years."""
    months = (end.year - start.year) * 12 + end.month - start.month
    step = next((step for step in (1, 2, 3, 6, 12, 24, 60) if months / step <= 5), 120)
    day = date(start.year, start.month, 1)
    found: list[tuple[date, str]] = []
    while day <= end:
        if day >= start and (day.year * 12 + day.month - 1) % step == 0:
            found.append(
                (day, str(day.year) if step >= 12 or (day.month == 1 and step > 1) else f"{day:%b} {day.year}")
            )
        day += relativedelta(months=1)
    return found


def _columns(points: Sequence[tuple[float, float, float]], names: Sequence[str]) -> list[tuple[str, list[float]]]:
    return [
        (name, [point[axis] if math.isfinite(point[axis]) else 0.0 for point in points])
        for axis, name in enumerate(names)
    ]


def _panel(
    title: str, unit: str, lines: list[tuple[str, list[float]]], limits: dict[str, float], numbers: Sequence[int] = ()
) -> dict[str, object]:
    """Lay out one panel: polylines in a 1000 × 100 field, a scale of round numbers, names beside the lines' ends.

    numbers : of the volumes; where they are given the peak of the first line is marked with its own
    """
    values = [value for _, line in lines for value in line] or [0.0]
    low, high = min(0.0, *values), max(0.0, *values, *limits.values())
    if high - low < 0.1:
        low, high = (0.0, 0.1) if low == 0.0 else (-0.1, 0.1)
    step = _round_step((high - low) / 2)
    bottom, top = math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step

    def up(value: float) -> float:
        return round(100 * (top - value) / (top - bottom), 2)

    points = max(len(line) for _, line in lines)

    def across(at: int) -> float:
        return round(1000 * at / max(points - 1, 1), 1)

    first = lines[0][1]
    worst = max(range(len(first)), key=first.__getitem__) if numbers and first else None
    ends = _spread([up(line[-1]) * _PANEL / 100 if line else 0.0 for _, line in lines], 13.0)
    return {
        "title": f"{title} ({unit})",
        "lines": [
            {
                "name": name,
                "style": number,
                "points": " ".join(f"{across(at)},{up(value)}" for at, value in enumerate(line)),
                "end": round(end, 1),
            }
            for number, ((name, line), end) in enumerate(zip(lines, ends, strict=True))
        ],
        "peak": None
        if worst is None
        else {
            "x": round(_GUTTER + _PLOT * across(worst) / 1000, 2),
            "y": up(first[worst]),
            "text": f"{number_words(first[worst])} {unit} at volume {numbers[worst]}",
            "left": across(worst) > 450,
        },
        "limits": [{"y": up(limit), "text": f"{name} {number_words(limit)}"} for name, limit in limits.items()],
        "scale": [
            {"y": up(bottom + number * step), "text": number_words(round(bottom + number * step, 6))}
            for number in range(round((top - bottom) / step) + 1)
        ],
    }


def _spread(places: Sequence[float], least: float) -> list[float]:
    """Move names apart until each has its line, keeping their order."""
    order = sorted(range(len(places)), key=places.__getitem__)
    result = list(places)
    for before, after in itertools.pairwise(order):
        result[after] = max(result[after], result[before] + least)
    overflow = max(0.0, max(result, default=0.0) - _PANEL)
    return [place - overflow for place in result]
