"""Follows each lesion over today, the previous visit and the baseline, where both lists show it."""

from __future__ import annotations

import numpy as np

from mriloop.model.comparison import Change, Course, CoursePoint
from mriloop.model.study import Study
from mriloop.stages.compare.listing import Listed

LEAST_SHARED = 0.3


def courses(today: Study, previous: Listed, baseline: Listed | None) -> tuple[Course, ...]:
    """Return the volume of every listed lesion over the visits, oldest first.

    A lesion of the list against the baseline is the same one when the two outlines on today's voxels share at least
    `LEAST_SHARED` of the smaller; where nothing answers, that visit has no point: not seen there is not zero.
    """
    if previous.change is None or previous.prior is None:
        return ()
    found = []
    for change in previous.change.changes:
        points = [
            _point(previous.prior, change.volume_ml - change.volume_change_ml, change),
            _point(today, change.volume_ml, change),
        ]
        earlier = _same(change, previous, baseline)
        if earlier is not None and baseline is not None and baseline.prior is not None:
            points.insert(0, _point(baseline.prior, earlier.volume_ml - earlier.volume_change_ml, earlier))
        found.append(Course(name="lesion volume", unit="mL", points=tuple(points), change=change.id))
    return tuple(found)


def _point(study: Study, volume_ml: float, change: Change) -> CoursePoint:
    return CoursePoint(
        study=study.study_instance_uid,
        at=study.started_at,
        value=max(volume_ml, 0.0),
        noise=change.volume_noise_ml,
    )


def _same(change: Change, previous: Listed, baseline: Listed | None) -> Change | None:
    """Return the change against the baseline whose outline today is that of `change`, None where none is."""
    if previous.change is None or baseline is None or baseline.change is None:
        return None
    if previous.pair is None or baseline.pair is None or previous.pair.today != baseline.pair.today:
        return None
    mine = previous.change.changes_today == change.id
    if not mine.any():
        return None
    theirs = baseline.change.changes_today
    counts = np.bincount(theirs[mine], minlength=1)
    counts[0] = 0
    number = int(counts.argmax())
    shared = int(counts[number])
    if shared < LEAST_SHARED * min(int(mine.sum()), int((theirs == number).sum())) or shared == 0:
        return None
    return next((one for one in baseline.change.changes if one.id == number), None)
