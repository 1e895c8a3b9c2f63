"""Lets a person accept, reject, redraw or add a change; every number that rests on it follows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import numpy.typing as npt

from mriloop.imaging.diameters import measure
from mriloop.imaging.lesions import STOOD_BEFORE
from mriloop.imaging.resample import Grid, apply, sample
from mriloop.model.coding import Region
from mriloop.model.comparison import Amendment, Change, ChangeKind, Comparison, Course, Standing
from mriloop.model.errors import refuse
from mriloop.model.fact import Truth
from mriloop.model.judgement import Judgement, Repeatability
from mriloop.model.quantity import NotAssessable
from mriloop.model.volume import Affine
from mriloop.stages.compare.judge import choose
from mriloop.stages.compare.judged import judge_change
from mriloop.stages.compare.words import statement

Labels = npt.NDArray[np.int32]
Mask = npt.NDArray[np.bool_]
MOVED = 0.20
"""A lesion drawn at both visits counts as stable within this share: hands differ by as much. The list of the machine
has no such limit, since it looks for what changed and not at two volumes."""
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
    standing : ACCEPTED or REJECTED; EDITED where an outline is given, and only there
    today, prior : the outline as the person draws it, on the voxels of the two source series; None: as it is
    """

    change: int
    standing: Standing
    reason: str = ""
    today: Mask | None = None
    prior: Mask | None = None


def amend(
    comparison: Comparison,
    drawn: Drawn,
    edits: Sequence[Edit],
    *,
    by: str,
    at: datetime,
    tracking: Mapping[int, str],
    repeatability: Sequence[Repeatability] = (),
) -> tuple[Comparison, Drawn]:
    """Return the comparison and its label maps after a person's edits; what stood before stays in `amendments`.

    A redrawn change gets its volumes, place, kind and judgement from the new outlines; without `repeatability` nothing
    is judged of it. Rejected changes keep their place in the list and in the maps, so that nothing is lost, and leave
    every count, course and judgement (`Comparison.upheld`); only they may be drawn over, and are measured again then.
    `tracking` gives the tracking UID of each added change.

    Raises OperatorError `edit_unknown_change` for an id that is not there and that nobody adds, `edit_no_outline` for
    an outline without a voxel or none at all, `edit_overlap` for one that takes voxels of a change that stands,
    `edit_twice` for an outline of a change that is not EDITED.
    """
    changes = {one.id: one for one in comparison.changes}
    _refuse(changes, drawn, edits)
    for edit in edits:
        if edit.standing is not Standing.EDITED:
            changes[edit.change] = replace(changes[edit.change], standing=edit.standing)
    redrawn = [edit for edit in edits if edit.standing is Standing.EDITED]
    gone = {n for n, one in changes.items() if one.standing is Standing.REJECTED} - {edit.change for edit in redrawn}
    today, lost_today = _drawn_over(drawn.today, {one.change: one.today for one in redrawn}, gone)
    prior, lost_prior = _drawn_over(drawn.prior, {one.change: one.prior for one in redrawn}, gone)
    after_maps = replace(drawn, today=today, prior=prior)
    to_today = prior_to_today(comparison)
    for edit in redrawn:
        changes[edit.change] = _measured(
            edit.change, changes.get(edit.change), after_maps, to_today, tracking.get(edit.change, "")
        )
    for number in lost_today | lost_prior:
        if number in changes and ((today == number).any() or (prior == number).any()):
            left = _measured(number, changes[number], after_maps, to_today, "")
            changes[number] = replace(left, standing=Standing.REJECTED)
    said = tuple(
        Amendment(change=edit.change, standing=edit.standing, by=by, at=at, reason=edit.reason) for edit in edits
    )
    listed = tuple(changes[number] for number in sorted(changes))
    after = replace(comparison, changes=listed, amendments=(*comparison.amendments, *said))
    touched = {edit.change for edit in edits} | lost_today | lost_prior
    judgements = _judgements(comparison, after, touched, repeatability)
    return replace(after, statement=_said(after), courses=_courses(after), judgements=judgements), after_maps


def changed_part(change: Change, drawn: Drawn, to_today: Affine) -> Mask:
    """Return the tissue that changed, on today's voxels: all of a new or resolved lesion, the rim of the others.

    `to_today` is (4, 4), from RAS+ mm of the prior to RAS+ mm of today (`prior_to_today`).
    """
    now = drawn.today == change.id
    outline = (drawn.prior == change.id).astype(np.float32)
    then = sample(outline, drawn.prior_grid.affine, drawn.today_grid, to_today, order=0) > 0.5
    parts: dict[ChangeKind, Mask] = {
        ChangeKind.NEW: now,
        ChangeKind.ENLARGING: now & ~then,
        ChangeKind.STABLE: np.zeros_like(now),
        ChangeKind.SHRINKING: then & ~now,
        ChangeKind.RESOLVED: then,
    }
    return parts[change.kind]


def prior_to_today(comparison: Comparison) -> Affine:
    """Return the (4, 4) map of the pair that the list was made on; the identity where the record has no such pair."""
    listed = (comparison.changes_today, comparison.changes_prior)
    found = next((one.alignment.matrix for one in comparison.pairs if (one.today, one.prior) == listed), None)
    return np.eye(4) if found is None else np.array(found, dtype=float)


def _refuse(changes: Mapping[int, Change], drawn: Drawn, edits: Sequence[Edit]) -> None:
    """Refuse what cannot be done, before anything is done."""
    for edit in edits:
        outlines = [one for one in (edit.today, edit.prior) if one is not None]
        known = changes.get(edit.change)
        if known is None and (edit.standing is not Standing.EDITED or not outlines):
            raise refuse("edit_unknown_change", number=edit.change)
        if edit.standing is not Standing.EDITED and outlines:
            raise refuse("edit_twice", number=edit.change)
        if edit.standing is Standing.EDITED and not (outlines and all(one.any() for one in outlines)):
            raise refuse("edit_no_outline", number=edit.change)
        again = edit.standing is Standing.ACCEPTED and known is not None and known.standing is Standing.REJECTED
        if again and not ((drawn.today == edit.change).any() or (drawn.prior == edit.change).any()):
            raise refuse("edit_no_outline", number=edit.change)  # another one was drawn over it since


def _drawn_over(
    labels: Labels, outlines: Mapping[int, Mask | None], rejected: Set[int]
) -> tuple[Labels, frozenset[int]]:
    """Return a label map with new outlines, and which rejected changes lost voxels to them."""
    after, lost = labels.copy(), set[int]()
    given = {number: outline for number, outline in outlines.items() if outline is not None}
    after[np.isin(labels, list(given))] = 0
    for number, outline in given.items():
        taken = {int(value) for value in np.unique(after[outline])} - {0, number}
        if taken - rejected:
            raise refuse("edit_overlap", number=number, other=min(taken - rejected))
        lost |= taken
        after[outline] = number
    return after, frozenset(lost)


def _measured(number: int, known: Change | None, drawn: Drawn, to_today: Affine, tracking_uid: str) -> Change:
    """Return a change measured from its outlines on both visits; lengths today, at the prior where it is gone today."""
    now, then = drawn.today == number, drawn.prior == number
    now_ml = float(now.sum()) * drawn.today_grid.voxel_ml
    then_ml = float(then.sum()) * drawn.prior_grid.voxel_ml
    shown, grid = (now, drawn.today_grid) if now.any() else (then, drawn.prior_grid)
    centre = apply(grid.affine, np.argwhere(shown).mean(axis=0)[None])
    centre = centre[0] if now.any() else apply(to_today, centre)[0]
    longest, across = _across_mm(shown, grid)
    return Change(
        id=number,
        kind=_kind(now_ml, then_ml),
        volume_ml=now_ml,
        volume_change_ml=now_ml - then_ml,
        diameter_mm=longest,
        perpendicular_mm=across,
        position_ras_mm=(float(centre[0]), float(centre[1]), float(centre[2])),
        confidence=known.confidence if known is not None else 1.0,
        location=known.location if known is not None else "",
        volume_noise_ml=known.volume_noise_ml if known is not None else None,
        tracking_uid=known.tracking_uid if known is not None else tracking_uid,
        standing=Standing.EDITED,
    )


def _judgements(
    before: Comparison, after: Comparison, touched: Set[int], repeatability: Sequence[Repeatability]
) -> tuple[Judgement, ...]:
    """Return what still holds of the judgements, with those of touched changes made anew, in the order of the list.

    A change that was accepted as it stands keeps the judgement that it has.
    """
    stood = {one.change_id: one for one in before.judgements if one.change_id is not None}
    coefficient = _coefficient(tuple(stood.values()), repeatability)
    found = [one for one in before.judgements if one.change_id is None]
    for change in after.changes:
        there = change.kind in (ChangeKind.ENLARGING, ChangeKind.SHRINKING)
        kept = change.id not in touched or change.standing is Standing.ACCEPTED
        if kept and change.id in stood:
            found.append(stood[change.id])
        elif change.id in touched and there and repeatability and change.standing is not Standing.REJECTED:
            found.append(judge_change(change, coefficient))
    return tuple(found)


def _coefficient(stood: Sequence[Judgement], repeatability: Sequence[Repeatability]) -> Repeatability | None:
    """Return the coefficient that the list was judged by; where nothing tells which, the one for other scanners."""
    for same in (Truth.TRUE, Truth.FALSE):
        one = choose(repeatability, "lesion volume", region=Region.BRAIN, same_scanner=same)
        if one is not None and one.when and any(one.when in judgement.because for judgement in stood):
            return one
    return choose(repeatability, "lesion volume", region=Region.BRAIN)


def _kind(now_ml: float, then_ml: float) -> ChangeKind:
    if then_ml < STOOD_BEFORE * now_ml:
        return ChangeKind.NEW
    if now_ml < STOOD_BEFORE * then_ml:
        return ChangeKind.RESOLVED
    if now_ml > (1.0 + MOVED) * then_ml:
        return ChangeKind.ENLARGING
    return ChangeKind.SHRINKING if now_ml < then_ml / (1.0 + MOVED) else ChangeKind.STABLE


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
