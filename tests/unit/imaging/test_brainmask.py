"""The brain mask against a head whose brain has a closed-form volume."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from mriloop.imaging.brainmask import brain_mask

SPACING = (1.6, 1.6, 3.0)


def _head(radii: tuple[float, float, float], *, slices: int = 64) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Brain (bright), fluid and skull (dark), scalp (middling), air; a neck below. Returns data, affine, brain."""
    shape = (120, 140, slices)
    affine = np.diag([*SPACING, 1.0])
    affine[:3, 3] = [-s * (n - 1) / 2 for s, n in zip(SPACING, shape, strict=True)]
    x, y, z = (
        np.arange(n).reshape([-1 if a == b else 1 for b in range(3)]) * s + o
        for a, (n, s, o) in enumerate(zip(shape, SPACING, affine[:3, 3], strict=True))
    )
    scaled = [
        np.sqrt((x / (radii[0] + m)) ** 2 + (y / (radii[1] + m)) ** 2 + (z / (radii[2] + m)) ** 2) for m in (0, 8, 14)
    ]
    brain = scaled[0] < 1
    data = np.where(brain, 100.0, np.where(scaled[1] < 1, 12.0, np.where(scaled[2] < 1, 60.0, 0.0)))
    neck = ((x / 50) ** 2 + (y / 55) ** 2 < 1) & (z < -radii[2] - 12)
    data = np.where(neck, 50.0, data)
    rng = np.random.default_rng(0)
    noisy = ndimage.gaussian_filter(data, 0.5) + rng.normal(scale=3.0, size=shape)
    return np.abs(noisy).astype(np.float32), affine, brain


def test_volume_and_shape_of_a_known_brain():
    data, affine, brain = _head((66.0, 82.0, 62.0))
    found = brain_mask(data, affine)
    truth_ml = 4 / 3 * np.pi * 66 * 82 * 62 / 1000
    assert found.trusted
    assert found.volume_ml == pytest.approx(truth_ml, rel=0.06)
    assert 2 * (found.mask & brain).sum() / (found.mask.sum() + brain.sum()) > 0.95


def test_an_impossible_brain_is_said_aloud():
    data, affine, _ = _head((40.0, 50.0, 38.0))
    found = brain_mask(data, affine)
    assert not found.trusted
    assert found.reason
    assert found.mask.any()


def test_air_has_no_brain():
    found = brain_mask(np.zeros((40, 40, 20), np.float32), np.diag([4.0, 4.0, 6.0, 1.0]))
    assert not found.trusted
    assert not found.mask.any()


def test_the_mask_follows_a_turned_header():
    data, affine, brain = _head((66.0, 82.0, 62.0))
    swapped = np.ascontiguousarray(data[::-1].transpose(1, 0, 2))
    turn = np.array([[0, -1, 0, data.shape[0] - 1], [1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]])
    found = brain_mask(swapped, affine @ turn)
    there = brain[::-1].transpose(1, 0, 2)
    assert 2 * (found.mask & there).sum() / (found.mask.sum() + there.sum()) > 0.95
