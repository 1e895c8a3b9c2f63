"""Brain volume change against a brain whose shrinkage has a closed form, and against none."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from mriloop.imaging.brain_volume import BrainVolumeChange, brain_volume_change
from mriloop.imaging.normalise import Visits
from mriloop.imaging.resample import Grid
from mriloop.model.quantity import NotAssessable

SHAPE = (110, 130, 100)
GRID = Grid(shape=SHAPE, affine=np.diag([1.5, 1.5, 1.5, 1.0]))


def _visit(scale: float, seed: int) -> np.ndarray:
    """Tissue (1) in fluid (0.2): an ellipsoid of `scale` times 66, 80 and 60 mm, its edge one voxel wide."""
    axes = [(np.arange(n) - (n - 1) / 2) * 1.5 for n in SHAPE]
    x, y, z = np.meshgrid(*axes, indexing="ij")
    norm = np.sqrt((x / 66) ** 2 + (y / 80) ** 2 + (z / 60) ** 2)
    slope = np.sqrt((x / 66**2) ** 2 + (y / 80**2) ** 2 + (z / 60**2) ** 2) / np.maximum(norm, 1e-6)
    share = np.clip(0.5 - (norm - scale) / np.maximum(slope, 1e-6) / 1.5, 0, 1)
    noise = np.random.default_rng(seed).normal(scale=0.02, size=SHAPE)
    return (0.2 + 0.8 * share + noise).astype(np.float32)


def _pair(scale: float) -> Visits:
    today, prior = _visit(scale, 1), _visit(1.0, 2)
    mask = ndimage.binary_dilation(prior > 0.6, iterations=4)
    return Visits(today=today, prior=prior, mask=mask, grid=GRID, gain=1.0)


@pytest.mark.parametrize("percent", [0.0, -1.0, -2.0, 1.0])
def test_a_known_change_is_found_within_its_repeatability(percent):
    found = brain_volume_change(_pair((1 + percent / 100) ** (1 / 3)), uncertainty_mm=0.1)
    assert isinstance(found, BrainVolumeChange)
    assert found.brain_ml == pytest.approx(4 / 3 * np.pi * 66 * 80 * 60 / 1000, rel=0.03)
    assert found.percent == pytest.approx(percent, abs=0.15 * abs(percent) + 0.05)
    assert found.repeatability_percent <= 1.0


def test_a_poor_alignment_or_a_foreign_scale_gives_no_number():
    pair = _pair(1.0)
    assert isinstance(brain_volume_change(pair, uncertainty_mm=0.8), NotAssessable)
    assert isinstance(brain_volume_change(pair, uncertainty_mm=0.1, rigid_error_percent=1.5), NotAssessable)


def test_without_dark_fluid_nothing_is_said():
    pair = _pair(1.0)
    flat = Visits(today=pair.today + 2, prior=pair.prior + 2, mask=pair.mask, grid=GRID, gain=1.0)
    assert isinstance(brain_volume_change(flat, uncertainty_mm=0.1), NotAssessable)
