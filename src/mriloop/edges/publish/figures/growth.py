"""Measures over the visits: one line for each lesion, with the noise of the measure as whiskers."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from datetime import date

from mriloop.edges.publish.figures.grid import round_step
from mriloop.edges.publish.render import render
from mriloop.edges.publish.words import day_words, number_words
from mriloop.model.comparison import Course, CoursePoint

_HEIGHT = 230
_LEFT, _RIGHT = 3.0, 84.0


def growth_svg(courses: Sequence[Course], visits: Mapping[str, date | None], *, title: str, unit: str) -> str:
    """Draw courses over time: dates across where every visit has one, else visits at equal distances.

    courses : of one unit, oldest point first; visits : the day of each study, oldest first. Whiskers are two standard
    deviations of the measure's noise. Each line ends with its number; the whole content stands in the description.
    """
    order = list(visits)
    days = [visits[study] for study in order]
    dated = all(day is not None for day in days) and len(set(days)) == len(days)
    places = _across([day for day in days if day is not None] if dated else None, len(order))
    values = [point.value + 2 * (point.noise or 0.0) for course in courses for point in course.points]
    step = round_step(max([*values, 1e-6]) / 3)
    top = math.ceil(max([*values, 1e-6]) / step - 1e-9) * step

    def up(value: float) -> float:
        return round(_HEIGHT * (1 - min(max(value, 0.0), top) / top), 2)

    def place(point: CoursePoint) -> dict[str, float]:
        spread = 2 * (point.noise or 0.0)
        return {
            "x": places[order.index(point.study)],
            "y": up(point.value),
            "high": up(point.value + spread),
            "low": up(point.value - spread),
        }

    lines = []
    taken: list[float] = []
    for course in sorted(courses, key=lambda one: -one.points[-1].value):
        points = [place(point) for point in course.points]
        at = points[-1]["y"]
        while any(abs(at - other) < 14 for other in taken):
            at += 14
        taken.append(at)
        lines.append(
            {
                "points": points,
                "pieces": list(itertools.pairwise(points)),
                "label": course.name if course.change is None else f"no. {course.change}",
                "at": at,
                "x": points[-1]["x"],
            }
        )
    told = "; ".join(
        f"{course.name if course.change is None else f'no. {course.change}'}: "
        + ", ".join(number_words(point.value) for point in course.points)
        for course in courses
    )
    return render(
        "figures/growth.svg.j2",
        title=title,
        desc=f"{unit} from the oldest visit to the latest. {told}",
        lines=lines,
        scale=[{"y": up(n * step), "text": number_words(round(n * step, 6))} for n in range(round(top / step) + 1)],
        visits=[
            {"x": x, "text": day_words(day) if day is not None else f"visit {n}"}
            for n, (x, day) in enumerate(zip(places, days, strict=True), start=1)
        ],
        unit=unit,
        height=max(_HEIGHT, int(max(taken, default=0.0))),
    )


def _across(days: Sequence[date] | None, count: int) -> list[float]:
    if days is None or count < 2:
        return [round(_LEFT + (_RIGHT - _LEFT) * n / max(count - 1, 1), 2) for n in range(count)]
    span = max((days[-1] - days[0]).days, 1)
    return [round(_LEFT + (_RIGHT - _LEFT) * (day - days[0]).days / span, 2) for day in days]
