"""The page of a comparison: what changed, pictured and numbered, with everything that limits the answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from mriloop.edges.publish.figures import growth_svg
from mriloop.edges.publish.sheet import encode, kinds_tally, limits_table, sheet, write_sheet
from mriloop.edges.publish.view import Figure
from mriloop.model.comparison import ChangeKind, Comparison, Course

DRAWN_COURSES = 12


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ChangeFigures:
    """The pictures of one change: prior, today and difference side by side, and the two that are laid on each other."""

    triptych: Figure
    prior: Figure
    today: Figure


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ComparisonView:
    """What the page of a comparison shows.

    names : what people call each series, by its UID; visits : the day of each study by its UID, oldest first
    changes : the pictures of each change by its id; maps : of the whole head (projections, colours)
    views : pairs that were aligned for the eye only
    files : what lies beside the page, as (file name, what it is)
    """

    comparison: Comparison
    names: Mapping[str, str]
    visits: Mapping[str, date | None]
    changes: Mapping[int, ChangeFigures] = field(default_factory=dict)
    maps: tuple[Figure, ...] = ()
    views: tuple[Figure, ...] = ()
    files: tuple[tuple[str, str], ...] = ()


def write_comparison_page(view: ComparisonView, out: Path) -> Path:
    """Write `index.html` into the folder `out` and return its path. Raises `out_not_writable`, `usage_not_a_folder`."""
    return write_sheet(out, comparison_html(view))


def comparison_html(view: ComparisonView) -> str:
    """Return the page as one text that needs nothing from outside."""
    comparison = view.comparison
    figures = [
        *(one for figures in view.changes.values() for one in (figures.triptych, figures.prior, figures.today)),
        *view.maps,
        *view.views,
    ]
    pictures = encode(figures)
    moving = [one for one in comparison.upheld if one.kind is not ChangeKind.STABLE]
    return sheet(
        "comparison.html.j2",
        view=view,
        comparison=comparison,
        names=view.names,
        kinds=kinds_tally(comparison),
        moving=moving,
        steady=[one for one in comparison.upheld if one.kind is ChangeKind.STABLE],
        rejected=[one for one in comparison.changes if one not in comparison.upheld],
        limits=limits_table(comparison),
        shown=[
            {
                "change": one,
                "triptych": pictures[id(view.changes[one.id].triptych)],
                "prior": pictures[id(view.changes[one.id].prior)],
                "today": pictures[id(view.changes[one.id].today)],
            }
            for one in moving
            if one.id in view.changes
        ],
        maps=[pictures[id(one)] for one in view.maps],
        views=[pictures[id(one)] for one in view.views],
        growth=_growth(view),
    )


def _growth(view: ComparisonView) -> list[str]:
    """Draw the courses of what changed, the largest last values first, one drawing for each unit."""
    stable = {one.id for one in view.comparison.upheld if one.kind is ChangeKind.STABLE}
    drawn: dict[tuple[str, str], list[Course]] = {}
    for course in view.comparison.courses:
        if course.change not in stable and len(course.points) > 1:
            drawn.setdefault((course.name, course.unit), []).append(course)
    return [
        growth_svg(
            sorted(courses, key=lambda one: -max(point.value for point in one.points))[:DRAWN_COURSES],
            view.visits,
            title=name.capitalize(),
            unit=unit,
        )
        for (name, unit), courses in drawn.items()
    ]
