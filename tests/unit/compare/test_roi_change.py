"""Regions carried through alignments: closed forms of a ball in a known field, refusals, partial volume."""

from __future__ import annotations

import numpy as np
import pytest

from mriloop.imaging.resample import Grid, rigid
from mriloop.model.comparison import Alignment
from mriloop.model.fact import Truth
from mriloop.model.judgement import Judged, Repeatability
from mriloop.model.outline import Outline
from mriloop.model.quantity import NotAssessable
from mriloop.model.volume import Volume
from mriloop.stages.compare.quantities import (
    RegionValues,
    cover_of,
    judge_lesion,
    region_values,
    roi_change,
)

ADC = Repeatability(measure="ADC", unit="mm2/s", percent=8.0, when="same scanner", same_scanner=Truth.TRUE)
LOAD = Repeatability(measure="lesion load", unit="mL", percent=12.0, absolute=0.11, when="same scanner")
DRAWN = Grid(shape=(48, 48, 24), affine=np.diag([1.0, 1.0, 2.0, 1.0]))
CENTRE = np.array([24.0, 24.0, 24.0])
RADIUS = 8.0


def points(grid):
    index = np.stack(np.indices(grid.shape), axis=-1).astype(float)
    return index @ grid.affine[:3, :3].T + grid.affine[:3, 3]


def ball(grid, centre, radius):
    return np.linalg.norm(points(grid) - centre, axis=-1) <= radius


def alignment(matrix, *, accepted=True, reason=""):
    rows = tuple(tuple(float(v) for v in row) for row in matrix)
    return Alignment(method="known", matrix=rows, uncertainty_mm=0.1, accepted=accepted, reason=reason)


OUTLINE = Outline(data=ball(DRAWN, CENTRE, RADIUS), affine=DRAWN.affine, label="lesion", series_instance_uid="drawn",
                  tracking_uid="1.2.3")  # fmt: skip


def visit(uid, move, inside, outside=0.7e-3, radius=RADIUS):
    """A visit on another grid, turned and shifted: the ball holds `inside`, all else `outside`."""
    grid = Grid(shape=(40, 40, 20), affine=move @ np.diag([1.3, 1.2, 2.5, 1.0]))
    there = (move @ np.append(CENTRE, 1.0))[:3]
    data = np.where(ball(grid, there, radius), inside, outside).astype(np.float32)
    return Volume(data=data, affine=grid.affine, series_instance_uid=uid)


MOVE = rigid((4.0, -6.0, 10.0), (3.0, -2.0, 5.0), CENTRE)


def linked(**more):
    known = {"drawn": alignment(np.eye(4)), "today": alignment(np.eye(4)), "prior": alignment(np.linalg.inv(MOVE))}
    return known | more


def measured(today, prior, maps=None, **more):
    return roi_change(OUTLINE, today, prior, maps or linked(), measure="ADC", unit="mm2/s", repeatability=ADC, **more)


def test_a_region_is_found_again_on_a_turned_visit():
    found = measured(visit("today", np.eye(4), 1.2e-3), visit("prior", MOVE, 1.0e-3), erode=True)
    assert isinstance(found.today, RegionValues)
    assert isinstance(found.before, RegionValues)
    assert found.today.mean.value == pytest.approx(1.2e-3, rel=1e-5)
    assert found.before.mean.value == pytest.approx(1.0e-3, rel=1e-5)
    assert found.judgement.judged is Judged.CHANGED
    assert found.judgement.change_percent == pytest.approx(20.0, abs=0.1)
    assert found.tracking_uid == "1.2.3"


def test_without_erosion_the_rim_mixes_and_the_volume_is_that_of_the_outline():
    found = measured(visit("today", np.eye(4), 1.2e-3), visit("prior", MOVE, 1.2e-3))
    assert isinstance(found.today, RegionValues)
    true_ml = OUTLINE.data.sum() * 2.0 / 1000.0
    assert found.today.volume_ml == pytest.approx(true_ml, rel=0.03)
    assert 0.9 * 1.2e-3 < found.today.mean.value < 1.2e-3
    assert found.today.median.value == pytest.approx(1.2e-3, rel=1e-4)
    assert found.judgement.judged is Judged.WITHIN


def test_nothing_is_measured_through_a_refused_or_missing_alignment():
    today, prior = visit("today", np.eye(4), 1.2e-3), visit("prior", MOVE, 1.0e-3)
    refused = linked(prior=alignment(np.linalg.inv(MOVE), accepted=False, reason="estimates differ by 3 mm"))
    missing = {uid: one for uid, one in linked().items() if uid != "prior"}
    for maps in (refused, missing):
        found = measured(today, prior, maps)
        assert isinstance(found.before, NotAssessable)
        assert isinstance(found.today, RegionValues)
        assert found.judgement.judged is Judged.CANNOT_TELL
    assert measured(today, prior, obstacle="other b-values").judgement.judged is Judged.CANNOT_TELL


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
