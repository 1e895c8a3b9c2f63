"""Lets a person accept, reject, redraw or add a change; every number that rests on it follows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import numpy.typing as npt

from mriloop.imaging.diameters import measure
from mriloop.imaging.resample import Grid, apply
from mriloop.model.comparison import Amendment, Change, ChangeKind, Comparison, Course, Standing
from mriloop.model.errors import refuse
from mriloop.model.quantity import NotAssessable
from mriloop.stages.compare.words import statement

Labels = npt.NDArray[np.int32]
Mask = npt.NDArray[np.bool_]
NEW_SHARE = 0.10
GROWTH = 0.20
_READ = (
    (Standing.ACCEPTED, "accepted"),
    (Standing.EDITED, "redrawn"),
    (Standing.REJECTED, "rejected"),
    (Standing.PROPOSED, "not yet read"),
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Drawn:
    """The changes as they are drawn: label maps (Change.id) on the voxels of today's and of the prior's series.

    Both maps lie in the patient frame of their own visit (RAS+ mm).
    """

    today: Labels
    prior: Labels
    today_grid: Grid
    prior_grid: Grid


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Edit:
    """What a person says of one change.

    change : its id; an id that is not in the list adds a change, which needs an outline
    standing : ACCEPTED or REJECTED; EDITED where an outline is given
    today, prior : the outline as the person draws it, on the voxels of the two source series; None: as it is
    """

    change: int
    standing: Standing
    reason: str = ""
    today: Mask | None = None
    prior: Mask | None = None


def amend(
    comparison: Comparison, drawn: Drawn, edits: Sequence[Edit], *, by: str, at: datetime, tracking: Mapping[int, str]
) -> tuple[Comparison, Drawn]:
    """Return the comparison and its label maps after a person's edits; what stood before stays in `amendments`.

    A redrawn change gets its volumes, place and kind from the new outlines. Rejected changes keep their place in the
    list and in the maps, so that nothing is lost, and leave every count and course (`Comparison.upheld`).
    `tracking` gives the tracking UID of each added change.

    Raises OperatorError `edit_unknown_change` for an id that is not there and brings no outline, `edit_no_outline`
    for an outline without a voxel.
    """
    changes = {one.id: one for one in comparison.changes}
    today, prior = drawn.today.copy(), drawn.prior.copy()
    for edit in edits:
        known = changes.get(edit.change)
        if known is None and edit.today is None and edit.prior is None:
            raise refuse("edit_unknown_change", number=edit.change)
        if edit.standing is Standing.EDITED:
            for labels, outline in ((today, edit.today), (prior, edit.prior)):
                if outline is not None:
                    labels[labels == edit.change] = 0
                    labels[outline] = edit.change
            changes[edit.change] = _measured(edit.change, known, today, prior, drawn, tracking.get(edit.change, ""))
        else:
            assert known is not None
            changes[edit.change] = replace(known, standing=edit.standing)
    said = tuple(
        Amendment(change=edit.change, standing=edit.standing, by=by, at=at, reason=edit.reason) for edit in edits
    )
    listed = tuple(changes[number] for number in sorted(changes))
    after = replace(comparison, changes=listed, amendments=(*comparison.amendments, *said))
    after = replace(after, statement=_said(after), courses=_courses(after))
    return after, replace(drawn, today=today, prior=prior)


def _measured(
    number: int, known: Change | None, today: Labels, prior: Labels, drawn: Drawn, tracking_uid: str
) -> Change:
    """Return a change measured from its outlines on both visits."""
    now, then = today == number, prior == number
    if not now.any() and not then.any():
        raise refuse("edit_no_outline", number=number)
    now_ml = float(now.sum()) * drawn.today_grid.voxel_ml
    then_ml = float(then.sum()) * drawn.prior_grid.voxel_ml
    here = now if now.any() else None
    position = known.position_ras_mm if known is not None else (0.0, 0.0, 0.0)
    if here is not None:
        centre = apply(drawn.today_grid.affine, np.argwhere(here).mean(axis=0)[None])[0]
        position = (float(centre[0]), float(centre[1]), float(centre[2]))
    longest, across = _across_mm(*((now, drawn.today_grid) if now_ml >= then_ml else (then, drawn.prior_grid)))
    return Change(
        id=number,
        kind=_kind(now_ml, then_ml),
        volume_ml=now_ml,
        volume_change_ml=now_ml - then_ml,
        diameter_mm=longest,
        perpendicular_mm=across,
        position_ras_mm=position,
        confidence=known.confidence if known is not None else 1.0,
        location=known.location if known is not None else "",
        volume_noise_ml=known.volume_noise_ml if known is not None else None,
        tracking_uid=known.tracking_uid if known is not None else tracking_uid,
        standing=Standing.EDITED,
    )


def _kind(now_ml: float, then_ml: float) -> ChangeKind:
    if then_ml < NEW_SHARE * now_ml:
        return ChangeKind.NEW
    if now_ml < NEW_SHARE * then_ml:
        return ChangeKind.RESOLVED
    if now_ml > (1.0 + GROWTH) * then_ml:
        return ChangeKind.ENLARGING
    return ChangeKind.SHRINKING if now_ml < then_ml / (1.0 + GROWTH) else ChangeKind.STABLE


def _across_mm(region: Mask, grid: Grid) -> tuple[float, float | None]:
    """Return the longest distance across in one slice, and across it; the ball of that volume where none is drawn."""
    found = measure(region, grid.affine, axis=int(np.argmax(grid.spacing_mm)))
    if isinstance(found, NotAssessable):
        volume_mm3 = float(region.sum()) * grid.voxel_ml * 1000.0
        return 2.0 * float(np.cbrt(3.0 * volume_mm3 / (4.0 * np.pi))), None
    return found.longest_mm, found.perpendicular_mm


def _said(comparison: Comparison) -> str:
    """Return the statement over what no person rejected, and who has read how much of it."""
    counted = statement(
        comparison.upheld,
        comparison.detection_limit,
        weighting=comparison.changes_weighting,
        since=comparison.changes_since,
    )
    counts = Counter(one.standing for one in comparison.changes)
    read = ", ".join(f"{counts[standing]} {word}" for standing, word in _READ if counts[standing])
    by = ", ".join(dict.fromkeys(one.by for one in comparison.amendments))
    return f"{counted} Read by {by}: {read}."


def _courses(comparison: Comparison) -> tuple[Course, ...]:
    """Return the courses of changes that stand, with the volumes that a person has redrawn."""
    upheld = {one.id: one for one in comparison.upheld}
    courses = []
    for course in comparison.courses:
        change = upheld.get(course.change) if course.change is not None else None
        if course.change is not None and change is None:
            continue
        if change is None or change.standing is not Standing.EDITED:
            courses.append(course)
            continue
        *earlier, before, now = course.points
        now = replace(now, value=change.volume_ml)
        before = replace(before, value=change.volume_ml - change.volume_change_ml)
        courses.append(replace(course, points=(*earlier, before, now)))
    return tuple(courses)
