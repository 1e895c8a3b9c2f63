"""Two masks of one head are joined midway; what disagrees is said aloud."""

from __future__ import annotations

import numpy as np

from mriloop.imaging.average_brain import average_brain
from mriloop.imaging.brainmask import BrainMask
from mriloop.imaging.one_brain import agree
from mriloop.imaging.resample import Grid, rigid

GRID = Grid(shape=(90, 110, 60), affine=np.diag([2.0, 2.0, 3.0, 1.0]))


def _ball(radius: float, *, trusted: bool = True) -> BrainMask:
    i, j, k = np.indices(GRID.shape)
    mask = ((i - 45) * 2.0) ** 2 + ((j - 55) * 2.0) ** 2 + ((k - 30) * 3.0) ** 2 < radius**2
    return BrainMask(
        mask=mask, volume_ml=float(mask.sum()) * GRID.voxel_ml, trusted=trusted, reason="" if trusted else "x"
    )


def _still() -> np.ndarray:
    return rigid((0, 0, 0), (0, 0, 0), np.zeros(3))


def test_two_good_masks_meet_midway():
    one = agree(_ball(70.0), GRID, _ball(70.5), GRID, _still())
    assert not one.caution
    assert one.dice > 0.97
    np.testing.assert_array_equal(one.today, one.prior)


def test_masks_that_differ_carry_a_caution():
    one = agree(_ball(70.0), GRID, _ball(74.0), GRID, _still())
    assert "differ by" in one.caution
    middle = _ball(72.0).mask
    assert 2 * (one.today & middle).sum() / (one.today.sum() + middle.sum()) > 0.97


def test_a_mask_that_is_not_trusted_gives_way():
    one = agree(_ball(70.0), GRID, _ball(50.0, trusted=False), GRID, _still())
    assert "prior" in one.caution
    good = _ball(70.0).mask
    assert 2 * (one.prior & good).sum() / (one.prior.sum() + good.sum()) > 0.98


def test_the_average_brain_is_symmetric_and_of_the_size_that_its_source_states():
    one = average_brain()
    np.testing.assert_array_equal(one.hull, one.hull[::-1])
    assert 1.80 < float(one.hull.sum()) * one.grid.voxel_ml / 1000 < 1.95
