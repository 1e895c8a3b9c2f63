"""Measures what somebody outlined at each visit, and follows each lesion over the visits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from mriloop.imaging.diameters import Diameters, measure
from mriloop.imaging.resample import Grid, sample
from mriloop.model.comparison import Course, CoursePoint, MeasuredOutline
from mriloop.model.errors import refuse
from mriloop.model.judgement import Judgement, Repeatability
from mriloop.model.outline import Outline
from mriloop.model.quality import SeriesCheck, SeriesKind
from mriloop.model.quantity import NotAssessable, Quantity
from mriloop.model.study import Study
from mriloop.model.volume import Volume
from mriloop.stages.compare.desk import SPOILT
from mriloop.stages.compare.judge import choose, judge

_NEAR_MM = 0.01


def measure_outlines(
    outlines: Sequence[Outline], volumes: Mapping[str, Volume], studies: Sequence[Study]
) -> tuple[MeasuredOutline, ...]:
    """Return the size of every outline, in the order given.

    An outline belongs to the series it names, else to the one whose voxels it lies on. Raises SenderError
    `outline_elsewhere` where it is of none of the studies, or could be of several.
    """
    owner = {s.series_instance_uid: study for study in studies for s in study.series}
    found = []
    for one in outlines:
        uid = _series(one, volumes, owner)
        volume, study = volumes[uid], owner[uid]
        size = _size(one, volume)
        voxel_ml = abs(float(np.linalg.det(one.affine[:3, :3]))) / 1000.0
        bare = MeasuredOutline(
            lesion=one.tracking_uid or one.tracking_id or one.label,
            label=one.label,
            study=study.study_instance_uid,
            series=uid,
            at=study.started_at,
            volume_ml=float(one.data.sum()) * voxel_ml,
            tracking_uid=one.tracking_uid,
        )
        found.append(_with(bare, size))
    return tuple(found)


def _with(bare: MeasuredOutline, size: Diameters | NotAssessable) -> MeasuredOutline:
    if isinstance(size, NotAssessable):
        return replace(bare, note=size.reason)
    return replace(
        bare,
        volume_ml=size.volume_ml,
        longest_mm=size.longest_mm,
        perpendicular_mm=size.perpendicular_mm,
        slices=size.slices,
        note=f"outline by {size.outline}" + (f", {size.pieces} pieces" if size.pieces > 1 else ""),
    )


def follow_outlines(
    measured: Sequence[MeasuredOutline],
    visits: Sequence[str],
    coefficients: Sequence[Repeatability],
    *,
    kinds: Mapping[str, SeriesKind],
    checks: Mapping[str, SeriesCheck],
) -> tuple[tuple[Course, ...], tuple[Judgement, ...]]:
    """Return diameter and volume of each lesion over the visits, and what may be said of its latest difference.

    visits : StudyInstanceUIDs, oldest first
    kinds, checks : what CHECK says of the series that were drawn on: between two weightings, and on a series that it
        gave up, nothing is judged

    Where no repeatability is known the judgement is `cannot tell`. Two outlines of one lesion at one visit make no
    course: which of them continues is a person's word.
    """
    order = {study: place for place, study in enumerate(visits)}
    courses: list[Course] = []
    judgements: list[Judgement] = []
    for lesion in dict.fromkeys(one.lesion for one in measured):
        seen = sorted((one for one in measured if one.lesion == lesion), key=lambda one: order[one.study])
        twice = len({one.study for one in seen}) < len(seen)
        label = seen[-1].label
        for name, unit, coefficient, values in (
            (f"longest diameter, {label}", "mm", "diameter", [one.longest_mm for one in seen]),
            (f"volume, {label}", "mL", "tumour volume", [one.volume_ml for one in seen]),
        ):
            known = [(one, value) for one, value in zip(seen, values, strict=True) if value is not None]
            points = tuple(CoursePoint(study=one.study, at=one.at, value=value) for one, value in known)
            if points and not twice:
                courses.append(Course(name=name, unit=unit, points=points))
            if len(points) > 1:
                before, now = (Quantity(value=point.value, unit=unit) for point in points[-2:])
                obstacle = "two outlines of it at one visit" if twice else _obstacle(known[-2:], kinds, checks)
                found = judge(coefficient, now, before, choose(coefficients, coefficient), obstacle=obstacle)
                judgements.append(replace(found, measure=name))
    return tuple(courses), tuple(judgements)


def _obstacle(
    known: Sequence[tuple[MeasuredOutline, float]], kinds: Mapping[str, SeriesKind], checks: Mapping[str, SeriesCheck]
) -> str:
    """Return what stands against judging two outlines, empty where nothing does."""
    series = [one.series for one, _ in known]
    weightings = {kinds[uid].weighting for uid in series if uid in kinds}
    if len(weightings) > 1:
        return "drawn on " + " and ".join(sorted(one.value for one in weightings))
    spoilt = next((uid for uid in series if uid in checks and checks[uid].verdict in SPOILT), None)
    return (
        "" if spoilt is None else f"CHECK says of one of the series: {checks[spoilt].verdict.value.replace('_', ' ')}"
    )


def _size(one: Outline, volume: Volume) -> Diameters | NotAssessable:
    picture = volume.data if volume.data.ndim == 3 else volume.data[..., 0]
    if one.data.shape == picture.shape and np.allclose(one.affine, volume.affine, atol=_NEAR_MM):
        return measure(one.data, volume.affine, picture=picture, axis=volume.slice_axis)
    grid = Grid(shape=(one.data.shape[0], one.data.shape[1], one.data.shape[2]), affine=one.affine)
    return measure(one.data, one.affine, picture=sample(picture, volume.affine, grid))


def _series(one: Outline, volumes: Mapping[str, Volume], owner: Mapping[str, Study]) -> str:
    """Return the series that an outline belongs to."""
    if one.series_instance_uid:
        if one.series_instance_uid in volumes:
            return one.series_instance_uid
        raise refuse("outline_elsewhere", path=one.source, label=one.label)
    fitting = [
        uid
        for uid, volume in volumes.items()
        if (not one.study_instance_uid or owner[uid].study_instance_uid == one.study_instance_uid)
        and volume.data.shape[:3] == one.data.shape
        and np.allclose(volume.affine, one.affine, atol=_NEAR_MM)
    ]
    visits = {owner[uid].study_instance_uid for uid in fitting}
    if len(visits) != 1:
        raise refuse("outline_elsewhere", path=one.source, label=one.label)
    return fitting[0]
