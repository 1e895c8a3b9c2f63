"""Outlines of several visits: each is measured where it belongs, followed by its name, and judged by cited limits."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from mriloop.edges.knowledge.repeatability import load_repeatability
from mriloop.model.coding import Weighting
from mriloop.model.errors import SenderError
from mriloop.model.judgement import Judged
from mriloop.model.outline import Outline
from mriloop.model.quality import SeriesCheck, SeriesKind, Verdict
from mriloop.model.study import Series, SeriesObject, Study
from mriloop.model.volume import Volume
from mriloop.stages.compare.outlined import follow_outlines, measure_outlines

SHAPE = (64, 64, 20)
AFFINE = np.diag([1.0, 1.0, 3.0, 1.0])
MOVED = AFFINE.copy()
MOVED[:3, 3] = [5.0, -3.0, 7.0]


def _study(name: str, year: int) -> Study:
    series = Series(series_instance_uid=f"{name}.1", study_instance_uid=name, modality="MR", object=SeriesObject.IMAGE)
    return Study(study_instance_uid=name, patient="p", started_at=datetime(year, 3, 1, tzinfo=UTC), series=(series,))


STUDIES = [_study("b", 2026), _study("a", 2025)]


def _ball(radius_mm: float) -> np.ndarray:
    index = np.indices(SHAPE).reshape(3, -1).T
    away = (index - [32, 32, 10]) * [1.0, 1.0, 3.0]
    return (np.linalg.norm(away, axis=1) <= radius_mm).reshape(SHAPE)


def _volumes() -> dict[str, Volume]:
    rng = np.random.default_rng(0)
    return {
        uid: Volume(data=rng.normal(100, 1, SHAPE).astype(np.float32), affine=affine, series_instance_uid=uid)
        for uid, affine in (("b.1", AFFINE), ("a.1", MOVED))
    }


def _outline(radius_mm: float, affine: np.ndarray, **more) -> Outline:
    return Outline(data=_ball(radius_mm), affine=affine, label="T1", **more)


def test_an_outline_is_measured_on_the_visit_whose_voxels_it_lies_on():
    measured = measure_outlines([_outline(15.0, AFFINE), _outline(10.0, MOVED)], _volumes(), STUDIES)
    assert [one.study for one in measured] == ["b", "a"]
    for one, radius in zip(measured, (15.0, 10.0), strict=True):
        assert one.longest_mm == pytest.approx(2 * radius, abs=1.0)
        assert one.volume_ml == pytest.approx(4 / 3 * np.pi * radius**3 / 1000, rel=0.06)


def test_growth_beyond_the_published_limits_is_a_change_and_a_hair_is_not():
    coefficients = load_repeatability()
    for today, judged in ((15.0, Judged.CHANGED), (10.1, Judged.WITHIN)):
        measured = measure_outlines([_outline(today, AFFINE), _outline(10.0, MOVED)], _volumes(), STUDIES)
        courses, judgements = follow_outlines(measured, ["a", "b"], coefficients, kinds={}, checks={})
        assert {one.judged for one in judgements} == {judged}
        diameter = next(one for one in courses if one.unit == "mm")
        assert [point.study for point in diameter.points] == ["a", "b"]


def test_without_a_known_repeatability_nothing_is_said():
    measured = measure_outlines([_outline(15.0, AFFINE), _outline(10.0, MOVED)], _volumes(), STUDIES)
    _, judgements = follow_outlines(measured, ["a", "b"], (), kinds={}, checks={})
    assert {one.judged for one in judgements} == {Judged.CANNOT_TELL}


def test_a_tracking_uid_ties_lesions_that_are_called_differently():
    first = Outline(data=_ball(10.0), affine=MOVED, label="met", tracking_uid="2.25.7")
    second = Outline(data=_ball(12.0), affine=AFFINE, label="metastasis", tracking_uid="2.25.7")
    measured = measure_outlines([first, second], _volumes(), STUDIES)
    courses, _ = follow_outlines(measured, ["a", "b"], (), kinds={}, checks={})
    assert [len(one.points) for one in courses] == [2, 2]


def test_between_two_weightings_and_on_a_spoilt_series_nothing_is_judged():
    measured = measure_outlines([_outline(15.0, AFFINE), _outline(10.0, MOVED)], _volumes(), STUDIES)
    mixed = {"b.1": SeriesKind(weighting=Weighting.FLAIR), "a.1": SeriesKind(weighting=Weighting.T1)}
    spoilt = {"b.1": SeriesCheck(series_instance_uid="b.1", verdict=Verdict.REPEAT, kind=mixed["b.1"], volumes=1)}
    for more in ({"kinds": mixed, "checks": {}}, {"kinds": {}, "checks": spoilt}):
        _, judgements = follow_outlines(measured, ["a", "b"], load_repeatability(), **more)
        assert {one.judged for one in judgements} == {Judged.CANNOT_TELL}


def test_two_outlines_of_one_name_at_one_visit_make_no_course():
    twice = [_outline(15.0, AFFINE), _outline(5.0, AFFINE), _outline(10.0, MOVED)]
    courses, judgements = follow_outlines(
        measure_outlines(twice, _volumes(), STUDIES), ["a", "b"], load_repeatability(), kinds={}, checks={}
    )
    assert courses == ()
    assert {one.judged for one in judgements} == {Judged.CANNOT_TELL}


@pytest.mark.parametrize(
    "outline",
    [
        _outline(10.0, np.diag([2.0, 2.0, 2.0, 1.0])),
        _outline(10.0, AFFINE, series_instance_uid="9.9.9"),
        _outline(10.0, AFFINE, study_instance_uid="a"),
    ],
)
def test_an_outline_of_no_visit_is_refused(outline):
    with pytest.raises(SenderError) as refused:
        measure_outlines([outline], _volumes(), STUDIES)
    assert refused.value.code == "outline_elsewhere"


def test_an_outline_that_two_visits_could_hold_is_refused():
    volumes = _volumes()
    volumes["a.1"] = Volume(data=volumes["a.1"].data, affine=AFFINE, series_instance_uid="a.1")
    with pytest.raises(SenderError) as refused:
        measure_outlines([_outline(10.0, AFFINE)], volumes, STUDIES)
    assert refused.value.code == "outline_elsewhere"


def test_an_outline_at_the_edge_has_a_volume_and_no_length():
    cut = Outline(data=np.roll(_ball(15.0), 30, axis=0), affine=AFFINE, label="cut")
    (one,) = measure_outlines([cut], _volumes(), STUDIES)
    assert one.longest_mm is None
    assert "edge" in one.note
    assert one.volume_ml > 0
