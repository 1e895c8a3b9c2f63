"""A person's word on a change: numbers, courses and sentences follow, and nothing that stood before is lost."""

from __future__ import annotations

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
from mriloop.stages.compare.edits import Drawn, Edit, amend

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


def _amend(before, *edits):
    comparison, drawn = before
    return amend(comparison, drawn, edits, by="Dr. A", at=AT, tracking={3: "2.25.3"})


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
        (Edit(change=9, standing=Standing.EDITED, today=np.zeros(TODAY.shape, bool)), "edit_no_outline"),
    ],
)
def test_what_cannot_be_done_is_refused(before, edit, code):
    with pytest.raises(OperatorError) as refused:
        _amend(before, edit)
    assert refused.value.code == code
