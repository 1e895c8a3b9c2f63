"""Diameters against closed forms, and the detection limit against what must be so."""

from __future__ import annotations

import numpy as np
import pytest

from mriloop.edges.knowledge.models import load_change_score
from mriloop.imaging.change_evidence import evidence
from mriloop.imaging.lesions import Rules
from mriloop.imaging.normalise import Visits
from mriloop.imaging.resample import Grid
from mriloop.stages.compare.change import diameters_mm
from mriloop.stages.compare.limit import detection_limit

STEP = (0.8, 0.8, 3.0)


@pytest.mark.parametrize(("long", "across", "turn_deg"), [(12.0, 12.0, 0.0), (16.0, 8.0, 30.0), (20.0, 6.0, 75.0)])
def test_diameters_of_an_ellipse_are_its_axes(long: float, across: float, turn_deg: float):
    grid = Grid(shape=(64, 64, 5), affine=np.diag([*STEP, 1.0]))
    x, y = ((np.indices((64, 64)) - 31.5) * 0.8).reshape(2, -1)
    turn = np.radians(turn_deg)
    u, v = x * np.cos(turn) + y * np.sin(turn), -x * np.sin(turn) + y * np.cos(turn)
    region = np.zeros(grid.shape, bool)
    region[..., 2] = ((2 * u / long) ** 2 + (2 * v / across) ** 2 <= 1).reshape(64, 64)
    region[32, 32, 3] = True
    longest, perpendicular = diameters_mm(region, grid)
    assert longest == pytest.approx(long, abs=0.8)
    assert perpendicular == pytest.approx(across, abs=0.8)


def test_large_and_bright_lesions_are_found_more_often_and_tiny_ones_are_not():
    rng = np.random.default_rng(1)
    shape = (110, 110, 30)
    i, j, k = np.indices(shape)
    mask = ((i - 55) / 53) ** 2 + ((j - 55) / 53) ** 2 + ((k - 15) / 14.5) ** 2 < 1
    pair = [np.where(mask, 1 + rng.normal(scale=0.08, size=shape), 0.1).astype(np.float32) for _ in range(2)]
    grid = Grid(shape=shape, affine=np.diag([*STEP, 1.0]))
    visits = Visits(today=pair[0], prior=pair[1], mask=mask, grid=grid, gain=1.0)
    limit = detection_limit(
        visits, evidence(visits), Rules(), np.random.default_rng(2), each=4, model=load_change_score()
    )
    found = {(c.diameter_mm, c.contrast_percent): c.found for c in limit}
    assert found[8.0, 40.0] == 1.0
    assert found[3.0, 15.0] <= 0.25
    assert all(c.tried == 4 for c in limit)
    assert detection_limit(visits, evidence(visits), Rules(), rng, each=0) == ()
