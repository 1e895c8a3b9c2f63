"""A person's word on a change: numbers, courses and sentences follow, and nothing that stood before is lost."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from mriloop.imaging.resample import Grid
from mriloop.model.comparison import (
    Change,
    ChangeKind,
    Comparison,
    Course,
    CoursePoint,
    DetectionLimit,
    Standing,
)
from mriloop.model.errors import OperatorError
from mriloop.model.judgement import Judged, Judgement, Repeatability
from mriloop.model.quantity import Quantity
from mriloop.stages.compare.edits import Drawn, Edit, amend, changed_part
from mriloop.stages.compare.judged import judge_change

AT = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
TODAY = Grid(shape=(20, 20, 10), affine=np.diag([1.0, 1.0, 3.0, 1.0]))
PRIOR = Grid(shape=(20, 20, 20), affine=np.diag([1.0, 1.0, 1.0, 1.0]))


def _change(number: int, kind: ChangeKind, now: float, before: float) -> Change:
    return Change(
        id=number,
        kind=kind,
        volume_ml=now,
        volume_change_ml=now - before,
        diameter_mm=5.0,
        position_ras_mm=(1.0, 2.0, 3.0),
        confidence=0.8,
        location="deep",
        tracking_uid=f"2.25.{number}",
    )


@pytest.fixture
def before() -> tuple[Comparison, Drawn]:
    today = np.zeros(TODAY.shape, np.int32)
    today[2:4, 2:4, 2] = 1
    today[10:14, 10:14, 5] = 2
    prior = np.zeros(PRIOR.shape, np.int32)
    prior[10:12, 10:12, 15:18] = 2
    changes = (_change(1, ChangeKind.NEW, 0.012, 0.0), _change(2, ChangeKind.ENLARGING, 0.048, 0.012))
    courses = tuple(
        Course(
            name="lesion volume",
            unit="mL",
            change=one.id,
            points=(
                CoursePoint(study="a", at=None, value=one.volume_ml - one.volume_change_ml),
                CoursePoint(study="b", at=None, value=one.volume_ml),
            ),
        )
        for one in changes
    )
    comparison = Comparison(
        today_study="b",
        prior_studies=("a",),
        pairs=(),
        changes=changes,
        detection_limit=(DetectionLimit(diameter_mm=5.0, contrast_percent=40.0, found=0.9, tried=10),),
        not_comparable=(),
        changes_today="b.f",
        changes_prior="a.f",
        changes_weighting="FLAIR",
        changes_since="the prior of 2025-01-01",
        courses=courses,
    )
    return comparison, Drawn(today=today, prior=prior, today_grid=TODAY, prior_grid=PRIOR)


def _amend(before, *edits, repeatability=()):
    comparison, drawn = before
    return amend(comparison, drawn, edits, by="Dr. A", at=AT, tracking={3: "2.25.3"}, repeatability=repeatability)


def _box(*where):
    outline = np.zeros(TODAY.shape, bool)
    outline[where] = True
    return outline


HALF = Repeatability(measure="lesion volume", unit="mL", percent=50.0, when="invented")


def _judged(comparison):
    """The judgement that the machine's list carries for no. 2, and one of the brain that no edit touches."""
    quantity = Quantity(value=1.0, unit="mL")
    brain = Judgement(
        measure="brain volume", today=quantity, before=quantity, judged=Judged.WITHIN, because="x", beyond=1.0
    )
    return replace(comparison, judgements=(brain, judge_change(comparison.changes[1], HALF)))


def test_a_rejected_change_leaves_counts_and_courses_but_not_the_record(before):
    after, drawn = _amend(before, Edit(change=1, standing=Standing.REJECTED, reason="vessel"))
    assert [one.id for one in after.upheld] == [2]
    assert [one.id for one in after.changes] == [1, 2]
    assert [course.change for course in after.courses] == [2]
    assert (drawn.today == 1).any()
    assert "1 enlarging" in after.statement
    assert " new" not in after.statement
    assert "1 rejected" in after.statement
    assert (after.amendments[-1].by, after.amendments[-1].at, after.amendments[-1].reason) == ("Dr. A", AT, "vessel")


def test_a_redrawn_change_is_measured_from_its_outline(before):
    outline = np.zeros(TODAY.shape, bool)
    outline[10:12, 10:12, 5] = True  # 2 x 2 x 1 voxels of 3 mm3: as large as at the prior
    after, drawn = _amend(before, Edit(change=2, standing=Standing.EDITED, today=outline))
    change = after.changes[1]
    assert change.volume_ml == pytest.approx(0.012)
    assert change.volume_change_ml == pytest.approx(0.0)
    assert change.kind is ChangeKind.STABLE
    assert change.tracking_uid == "2.25.2"
    assert change.position_ras_mm == pytest.approx((10.5, 10.5, 15.0))
    assert ((drawn.today == 2) == outline).all()
    course = next(one for one in after.courses if one.change == 2)
    assert [point.value for point in course.points] == pytest.approx([0.012, 0.012])


def test_a_missed_lesion_can_be_added(before):
    outline = np.zeros(TODAY.shape, bool)
    outline[5:8, 15:18, 4:6] = True
    after, _ = _amend(before, Edit(change=3, standing=Standing.EDITED, today=outline))
    added = after.changes[2]
    assert (added.id, added.kind, added.tracking_uid) == (3, ChangeKind.NEW, "2.25.3")
    assert added.volume_ml == pytest.approx(18 * 0.003)
    assert "2 new" in after.statement


def test_an_accepted_change_keeps_its_numbers(before):
    after, _ = _amend(before, Edit(change=1, standing=Standing.ACCEPTED))
    assert after.changes[0].volume_ml == before[0].changes[0].volume_ml
    assert after.changes[0].standing is Standing.ACCEPTED
    assert "1 accepted, 1 not yet read" in after.statement


def test_a_change_of_mind_is_kept_with_both_words(before):
    once, drawn = _amend(before, Edit(change=1, standing=Standing.REJECTED))
    twice, _ = _amend((once, drawn), Edit(change=1, standing=Standing.ACCEPTED))
    assert len(twice.upheld) == 2
    assert [one.standing for one in twice.amendments] == [Standing.REJECTED, Standing.ACCEPTED]


@pytest.mark.parametrize(
    ("edit", "code"),
    [
        (Edit(change=9, standing=Standing.ACCEPTED), "edit_unknown_change"),
        (Edit(change=9, standing=Standing.ACCEPTED, today=np.ones(TODAY.shape, bool)), "edit_unknown_change"),
        (Edit(change=9, standing=Standing.EDITED, today=np.zeros(TODAY.shape, bool)), "edit_no_outline"),
        (Edit(change=2, standing=Standing.EDITED, today=np.zeros(TODAY.shape, bool)), "edit_no_outline"),
        (Edit(change=2, standing=Standing.EDITED), "edit_no_outline"),
        (Edit(change=2, standing=Standing.ACCEPTED, today=np.ones(TODAY.shape, bool)), "edit_twice"),
        (Edit(change=2, standing=Standing.EDITED, today=np.ones(TODAY.shape, bool)), "edit_overlap"),
    ],
)
def test_what_cannot_be_done_is_refused(before, edit, code):
    with pytest.raises(OperatorError) as refused:
        _amend(before, edit)
    assert refused.value.code == code


def test_a_redrawn_change_is_judged_anew(before):
    comparison, drawn = before
    judged = _judged(comparison)
    assert judged.judgements[1].judged is Judged.CHANGED  # 0.012 to 0.048 mL is far beyond a half
    outline = _box(slice(10, 15), 10, 5)  # 5 voxels of 3 mm3: a quarter more than the 0.012 mL before
    after, _ = _amend((judged, drawn), Edit(change=2, standing=Standing.EDITED, today=outline), repeatability=(HALF,))
    assert after.judgements[0] == judged.judgements[0]
    assert after.judgements[1].judged is Judged.WITHIN
    assert after.judgements[1].today.value == pytest.approx(0.015)
    unknown, _ = _amend((judged, drawn), Edit(change=2, standing=Standing.EDITED, today=outline))
    assert [one.change_id for one in unknown.judgements] == [None]


def test_a_rejected_change_has_no_judgement_until_it_is_accepted_again(before):
    comparison, drawn = before
    judged = _judged(comparison)
    accepted, _ = _amend((judged, drawn), Edit(change=2, standing=Standing.ACCEPTED))
    assert accepted.judgements == judged.judgements
    rejected, _ = _amend((judged, drawn), Edit(change=2, standing=Standing.REJECTED), repeatability=(HALF,))
    assert [one.change_id for one in rejected.judgements] == [None]
    again, _ = _amend((rejected, drawn), Edit(change=2, standing=Standing.ACCEPTED), repeatability=(HALF,))
    assert again.judgements == judged.judgements


def test_what_is_rejected_may_be_drawn_over_and_its_volume_follows(before):
    whole = _box(slice(10, 14), slice(10, 14), 5)
    over = _box(slice(2, 4), slice(3, 5), 2)  # two of the four voxels of no. 1
    edits = (Edit(change=1, standing=Standing.REJECTED), Edit(change=2, standing=Standing.EDITED, today=whole | over))
    after, drawn = _amend(before, *edits)
    first, second = after.changes
    assert (drawn.today == 1).sum() == 2
    assert first.volume_ml == pytest.approx(0.006)
    assert first.standing is Standing.REJECTED
    assert second.volume_ml == pytest.approx(20 * 0.003)
    all_of_it = _box(slice(2, 4), slice(2, 4), 2)
    covered = _amend((after, drawn), Edit(change=2, standing=Standing.EDITED, today=all_of_it))
    with pytest.raises(OperatorError) as refused:
        _amend(covered, Edit(change=1, standing=Standing.ACCEPTED))
    assert refused.value.code == "edit_no_outline"


def test_two_neighbours_may_be_redrawn_in_one_call(before):
    """Each takes the place of the other: neither is in the way, since both are drawn anew."""
    first, second = _box(slice(10, 14), slice(10, 14), 5), _box(slice(2, 4), slice(2, 4), 2)
    after, drawn = _amend(
        before,
        Edit(change=1, standing=Standing.EDITED, today=first),
        Edit(change=2, standing=Standing.EDITED, today=second),
    )
    assert [one.volume_ml for one in after.changes] == pytest.approx([0.048, 0.012])
    assert ((drawn.today == 1) == first).all()


@pytest.mark.parametrize(("before_voxels", "kind"), [(6, ChangeKind.ENLARGING), (5, ChangeKind.NEW)])
def test_new_means_what_it_means_in_the_list_of_the_machine(before, before_voxels, kind):
    """Up to 6 % of a lesion counts as nothing: 100 mm3 today, 6 or 5 mm3 before."""
    comparison, drawn = before
    prior = np.zeros(PRIOR.shape, np.int32)
    prior[0:before_voxels, 0, 0] = 2
    today = Grid(shape=TODAY.shape, affine=np.diag([1.0, 1.0, 1.0, 1.0]))
    outline = _box(slice(5, 15), slice(5, 15), 8)
    after, _ = _amend((comparison, replace(drawn, prior=prior, today_grid=today)),
                      Edit(change=2, standing=Standing.EDITED, today=outline))  # fmt: skip
    assert after.changes[1].kind is kind


def test_a_shrinking_lesion_is_measured_across_today(before):
    outline = _box(slice(10, 12), 10, 5)
    after, drawn = _amend(before, Edit(change=2, standing=Standing.EDITED, today=outline))
    assert after.changes[1].kind is ChangeKind.SHRINKING
    alone, _ = _amend((before[0], replace(drawn, prior=np.zeros_like(drawn.prior))),
                      Edit(change=2, standing=Standing.EDITED, today=outline))  # fmt: skip
    assert after.changes[1].diameter_mm == alone.changes[1].diameter_mm


def test_the_rim_of_a_growing_lesion_is_what_changed(before):
    comparison, drawn = before
    part = changed_part(comparison.changes[1], drawn, np.eye(4))
    assert part.sum() == 16 - 4  # the prior's 2 x 2 lies inside today's 4 x 4
    assert changed_part(comparison.changes[0], drawn, np.eye(4)).sum() == 4
