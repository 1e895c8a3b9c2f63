"""Joint normalisation against shading, gain and drift that the test put in."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from mriloop.imaging.normalise import joint, match, shading, slow_drift, tissue_mode
from mriloop.imaging.resample import Grid

SHAPE = (60, 70, 30)
GRID = Grid(shape=SHAPE, affine=np.diag([2.0, 2.0, 3.5, 1.0]))


@pytest.fixture(scope="module")
def brain():
    """Two tissues in a ball, 100 (most of it) and 125, and the mask."""
    rng = np.random.default_rng(0)
    i, j, k = np.indices(SHAPE)
    mask = ((i - 30) * 2.0) ** 2 + ((j - 35) * 2.0) ** 2 + ((k - 15) * 3.5) ** 2 < 50.0**2
    grey = ndimage.gaussian_filter(rng.normal(size=SHAPE), 2) > 0.03
    picture = np.where(mask, np.where(grey, 125.0, 100.0), 0.0) + rng.normal(scale=1.5, size=SHAPE)
    return picture.clip(0.5).astype(np.float32), mask


def _slope(strength: float, axis: int) -> np.ndarray:
    line = np.linspace(-strength, strength, SHAPE[axis])
    return np.exp(line).reshape([-1 if a == axis else 1 for a in range(3)]).astype(np.float32)


def test_the_mode_is_the_commonest_tissue(brain):
    picture, mask = brain
    assert tissue_mode(picture[mask]) == pytest.approx(100.0, abs=2.0)


def test_shading_is_found(brain):
    picture, mask = brain
    field = shading((picture * _slope(0.25, 1)).astype(np.float32), GRID, mask)
    truth = np.broadcast_to(_slope(0.25, 1), SHAPE)
    ratio = (field / truth)[mask]
    assert ratio.std() / ratio.mean() < 0.04
    assert np.ptp(np.log(truth[mask])) > 0.3


def test_gain_is_shared(brain):
    picture, mask = brain
    today = picture / 100.0
    weaker = 1.0 + 0.8 * (today - 1.0)
    first, second, gain = match(today, weaker.astype(np.float32), mask)
    assert gain == pytest.approx(1.25, rel=0.03)
    assert np.abs((first - second)[mask]).mean() < 0.005


def test_drift_is_removed_and_a_lesion_is_not(brain):
    _, mask = brain
    rng = np.random.default_rng(1)
    wave = 0.1 * np.cos(np.linspace(0, np.pi, SHAPE[1]))[None, :, None] * np.ones(SHAPE)
    lesion = np.zeros(SHAPE)
    lesion[28:32, 33:37, 14:16] = 0.4
    drift = slow_drift((wave + lesion + rng.normal(scale=0.02, size=SHAPE)).astype(np.float32), mask, GRID)
    core = ndimage.binary_erosion(mask, iterations=5)
    assert np.abs(drift - wave)[core].mean() < 0.02
    assert drift[30, 35, 15] < 0.05


def test_two_visits_meet_whatever_the_coil_and_the_scale(brain):
    picture, mask = brain
    rng = np.random.default_rng(3)
    today = 7.0 * picture * _slope(0.2, 0) + rng.normal(scale=5.0, size=SHAPE)
    prior = 0.3 * picture * _slope(-0.15, 1) + rng.normal(scale=0.3, size=SHAPE)
    visits = joint(today.astype(np.float32), prior.astype(np.float32), mask, GRID)
    difference = (visits.today - visits.prior)[ndimage.binary_erosion(mask, iterations=2)]
    assert abs(np.median(difference)) < 0.005
    assert 1.4826 * np.median(np.abs(difference)) < 0.03
