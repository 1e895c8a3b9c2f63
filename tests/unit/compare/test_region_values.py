"""Regions on series of another grid: closed forms of a ball in a known field, partial volume, whose outline it is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mriloop.imaging.resample import Grid, rigid
from mriloop.model.judgement import Judged, Repeatability
from mriloop.model.outline import Outline
from mriloop.model.quantity import NotAssessable
from mriloop.model.study import Series, SeriesObject, Study
from mriloop.model.volume import Volume
from mriloop.stages.compare.quantities import (
    RegionValues,
    cover_of,
    home_of,
    judge_lesion,
    one_frame,
    region_values,
)

STUDY = Study(study_instance_uid="1", patient="p", series=())
LOAD = Repeatability(measure="lesion load", unit="mL", percent=12.0, absolute=0.11, when="same scanner")
DRAWN = Grid(shape=(48, 48, 24), affine=np.diag([1.0, 1.0, 2.0, 1.0]))
CENTRE = np.array([24.0, 24.0, 24.0])
RADIUS = 8.0


def points(grid):
    index = np.stack(np.indices(grid.shape), axis=-1).astype(float)
    return index @ grid.affine[:3, :3].T + grid.affine[:3, 3]


def ball(grid, centre, radius):
    return np.linalg.norm(points(grid) - centre, axis=-1) <= radius


OUTLINE = Outline(data=ball(DRAWN, CENTRE, RADIUS), affine=DRAWN.affine, label="lesion", series_instance_uid="drawn",
                  tracking_uid="1.2.3")  # fmt: skip


def visit(uid, move, inside, outside=0.7e-3, radius=RADIUS):
    """A visit on another grid, turned and shifted: the ball holds `inside`, all else `outside`."""
    grid = Grid(shape=(40, 40, 20), affine=move @ np.diag([1.3, 1.2, 2.5, 1.0]))
    there = (move @ np.append(CENTRE, 1.0))[:3]
    data = np.where(ball(grid, there, radius), inside, outside).astype(np.float32)
    return Volume(data=data, affine=grid.affine, series_instance_uid=uid)


MOVE = rigid((4.0, -6.0, 10.0), (3.0, -2.0, 5.0), CENTRE)


def measured(volume, move, **more):
    return region_values(volume.data, volume.affine, OUTLINE, move, unit="mm2/s", **more)


def test_a_region_is_found_again_on_a_turned_visit():
    for move, value in ((np.eye(4), 1.2e-3), (MOVE, 1.0e-3)):
        found = measured(visit("any", move, value), move, erode=True)
        assert isinstance(found, RegionValues)
        assert found.mean.value == pytest.approx(value, rel=1e-5)


def test_without_erosion_the_rim_mixes_and_the_volume_is_that_of_the_outline():
    found = measured(visit("any", MOVE, 1.2e-3), MOVE)
    assert isinstance(found, RegionValues)
    assert found.volume_ml == pytest.approx(OUTLINE.data.sum() * 2.0 / 1000.0, rel=0.03)
    assert 0.9 * 1.2e-3 < found.mean.value < 1.2e-3
    assert found.median.value == pytest.approx(1.2e-3, rel=1e-4)


def test_nothing_is_measured_in_another_frame_of_reference():
    assert isinstance(measured(visit("any", np.eye(4), 1.2e-3), None), NotAssessable)


def series(uid, frame=None):
    return Series(series_instance_uid=uid, study_instance_uid="1", modality="MR", object=SeriesObject.IMAGE,
                  frame_of_reference_uid=frame)  # fmt: skip


def test_an_outline_is_of_the_study_that_it_names_or_whose_voxels_it_lies_on():
    study = replace(STUDY, series=(series("drawn"), series("other")))
    volume = Volume(data=np.zeros(DRAWN.shape, np.float32), affine=DRAWN.affine, series_instance_uid="other")
    bare = replace(OUTLINE, series_instance_uid="")
    assert home_of(OUTLINE, study, ()) == "drawn"
    assert home_of(bare, study, (volume,)) == "other"
    assert home_of(replace(bare, study_instance_uid="1"), study, ()) == ""
    assert home_of(bare, study, ()) is None
    assert home_of(replace(OUTLINE, study_instance_uid="2"), study, (volume,)) is None
    assert home_of(replace(OUTLINE, series_instance_uid="elsewhere"), study, (volume,)) is None
    shifted = replace(volume, affine=rigid((0, 0, 0), (0.5, 0, 0), CENTRE) @ DRAWN.affine)
    assert home_of(bare, study, (shifted,)) is None


def test_series_that_state_two_frames_of_reference_are_not_one():
    study = replace(STUDY, series=(series("a", "1.1"), series("b", "1.1"), series("c", "1.2"), series("d")))
    assert one_frame(study, ("a", "b"))
    assert one_frame(study, ("a", "d"))
    assert not one_frame(study, ("a", "c"))
    assert not one_frame(study, ("", "a"))


def test_percentiles_and_spread_are_those_of_the_values_inside():
    rng = np.random.default_rng(1)
    data = rng.normal(50.0, 4.0, DRAWN.shape)
    found = region_values(data, DRAWN.affine, OUTLINE, np.eye(4), unit="%")
    assert isinstance(found, RegionValues)
    inside = data[OUTLINE.data]
    assert found.mean.value == pytest.approx(inside.mean(), abs=1e-9)
    assert found.sd.value == pytest.approx(inside.std(), abs=1e-9)
    for percent, value in found.percentiles.items():
        assert value == pytest.approx(np.percentile(inside, percent), abs=0.2)
    assert found.standard_error == pytest.approx(inside.std() / np.sqrt(inside.size), rel=1e-6)


def test_what_has_no_value_or_lies_outside_is_not_measured():
    data = np.ones(DRAWN.shape)
    data[:24] = np.nan
    for values, affine in ((data, DRAWN.affine), (np.ones(DRAWN.shape), rigid((0, 0, 0), (200.0, 0, 0), CENTRE))):
        found = region_values(values, affine, OUTLINE, np.eye(4), unit="%")
        assert isinstance(found, NotAssessable)
        assert "of the region has values" in found.reason
    tiny = Outline(data=ball(DRAWN, CENTRE, 0.9), affine=DRAWN.affine, label="speck")
    assert isinstance(region_values(np.ones(DRAWN.shape), DRAWN.affine, tiny, np.eye(4), unit="%"), NotAssessable)
    eroded = region_values(np.ones(DRAWN.shape), DRAWN.affine, tiny, np.eye(4), unit="%", erode=True)
    assert isinstance(eroded, NotAssessable)
    assert "rim" in eroded.reason


def test_cover_keeps_the_volume_on_any_grid():
    for spacing in ((0.7, 0.7, 3.0), (2.0, 2.0, 2.0)):
        grid = Grid(shape=tuple(int(48 / s) + 1 for s in spacing), affine=np.diag([*spacing, 1.0]))
        cover = cover_of(OUTLINE, grid, np.eye(4))
        assert cover.min() >= 0.0
        assert cover.max() <= 1.0
        assert cover.sum() * grid.voxel_ml == pytest.approx(OUTLINE.data.sum() * 2.0 / 1000.0, rel=0.03)


def test_a_lesion_is_judged_by_its_own_noise():
    one = judge_lesion(0.3, 0.1, LOAD, noise_ml=0.2)
    assert one.judged is Judged.WITHIN
    assert one.beyond == pytest.approx(1.96 * 0.2)
