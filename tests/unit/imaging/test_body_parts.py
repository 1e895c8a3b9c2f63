"""Limbs, columns and discs against shapes of known place."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from mriloop.imaging.body import column, limbs, meant
from mriloop.imaging.resample import Grid

AFFINE = np.diag([2.0, 2.0, 2.0, 1.0])


def _legs(apart: float, shift: float = 0.0) -> tuple[np.ndarray, Grid]:
    shape = (110, 50, 40)
    x, y, _ = np.indices(shape) * 2.0
    mask = np.zeros(shape, bool)
    for side in (-1, 1):
        mask |= np.hypot(x - 110.0 - shift - side * apart / 2.0, y - 50.0) < 38.0
    return mask, Grid(shape=shape, affine=AFFINE)


def test_two_legs_are_two_limbs_and_neither_is_meant_in_the_middle():
    mask, grid = _legs(90.0)
    found = limbs(mask, grid)
    assert len(found) == 2
    assert meant(found, grid) is None


def test_touching_thighs_are_parted_in_the_middle():
    mask, grid = _legs(72.0)
    assert ndimage.label(mask)[1] == 1
    found = limbs(mask, grid)
    assert len(found) == 2
    places = sorted(float(np.argwhere(m)[:, 0].mean() * 2.0) for m in found)
    assert places == pytest.approx([75.0, 145.0], abs=3.0)


def test_the_leg_in_the_middle_is_meant():
    mask, grid = _legs(90.0, shift=40.0)
    found = limbs(mask, grid)
    chosen = meant(found, grid)
    assert chosen is not None
    assert np.argwhere(found[chosen])[:, 0].mean() * 2.0 == pytest.approx(105.0, abs=3.0)


def _spine(discs: list[float], *, bright_canal: bool, bright_discs: bool) -> tuple[np.ndarray, np.ndarray]:
    """A curved canal of 16 mm, bodies before it, and discs of 6 mm in them, on 1.5 mm voxels."""
    shape, step = (40, 56, 80), 1.5
    x, y, z = np.indices(shape) * step
    middle = 35.0 + 6.0 * np.sin(z / 60.0)
    data = np.full(shape, 100.0)
    canal = np.hypot(x - 30.0, y - middle) < 8.0
    body = (np.abs(x - 30.0) < 14.0) & (y > middle + 9.0) & (y < middle + 27.0)
    data[body] = 140.0
    for disc in discs:
        data[body & (np.abs(z - disc) < 3.0)] = 230.0 if bright_discs else 40.0
    data[canal] = 220.0 if bright_canal else 20.0
    rng = np.random.default_rng(4)
    noisy = ndimage.gaussian_filter(data, 0.6) + rng.normal(scale=4.0, size=shape)
    return noisy.astype(np.float32), np.diag([step, step, step, 1.0])


@pytest.mark.parametrize("bright_canal", [True, False])
@pytest.mark.parametrize("bright_discs", [True, False])
def test_canal_and_discs_are_found_whichever_way_they_are_bright(bright_canal: bool, bright_discs: bool):
    discs = [14.0, 32.0, 50.0, 69.0, 87.0, 106.0]
    found = column(
        *_spine(discs, bright_canal=bright_canal, bright_discs=bright_discs),
        pitch_mm=17.0,
        forward_mm=17.0,
        bright=None,
    )
    assert found is not None
    truth = 35.0 + 6.0 * np.sin(found.path[:, 2] / 60.0)
    assert np.abs(found.path[4:-4, 0] - 30.0).max() < 2.5
    assert np.abs(found.path[4:-4, 1] - truth[4:-4]).max() < 2.5
    assert found.vertebrae
    assert np.abs(np.array(found.cuts) - np.array(discs)).max() < 2.0


def test_without_discs_the_pieces_are_equal_and_do_not_claim_to_be_vertebrae():
    found = column(*_spine([], bright_canal=True, bright_discs=True), pitch_mm=17.0, forward_mm=17.0, bright=True)
    assert found is not None
    assert not found.vertebrae
    assert np.ptp(np.diff(found.cuts)) < 1e-6


def test_a_flat_slab_has_no_column():
    assert column(np.ones((40, 40, 5), np.float32), AFFINE, pitch_mm=17.0, forward_mm=17.0, bright=True) is None
