"""Interpolation and rigid maps against closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from mriloop.imaging.resample import (
    Grid,
    apply,
    coarser,
    crop,
    halfway,
    inverse,
    isotropic,
    mean_displacement_mm,
    mean_rigid,
    rigid,
    sample,
)

CENTRE = np.array([3.0, -4.0, 10.0])


def _blob(grid: Grid, at: np.ndarray, sigma_mm: float = 8.0) -> np.ndarray:
    points = apply(grid.affine, np.argwhere(np.ones(grid.shape, bool)).astype(float))
    return np.exp(-np.sum((points - at) ** 2, axis=1) / (2 * sigma_mm**2)).reshape(grid.shape).astype(np.float32)


def _grid(spacing: tuple[float, float, float], shape: tuple[int, int, int]) -> Grid:
    affine = np.diag([*spacing, 1.0])
    affine[:3, 3] = [-s * (n - 1) / 2 for s, n in zip(spacing, shape, strict=True)]
    return Grid(shape=shape, affine=affine)


def test_half_a_map_done_twice_is_the_map():
    matrix = rigid((11.0, -7.0, 20.0), (4.0, -9.0, 2.5), CENTRE)
    half = halfway(matrix)
    assert np.allclose(half @ half, matrix, atol=1e-9)
    assert np.isclose(np.linalg.det(half[:3, :3]), 1.0)


def test_the_mean_of_two_maps_lies_between_them():
    one, two = rigid((2.0, 0.0, 0.0), (0.0, 0.0, 0.0), CENTRE), rigid((4.0, 0.0, 0.0), (0.0, 0.0, 0.0), CENTRE)
    assert np.allclose(mean_rigid(one, two), rigid((3.0, 0.0, 0.0), (0.0, 0.0, 0.0), CENTRE), atol=1e-9)


def test_a_rigid_map_turns_about_its_centre():
    assert np.allclose(apply(rigid((15.0, 5.0, -8.0), (0.0, 0.0, 0.0), CENTRE), CENTRE[None])[0], CENTRE)


def test_displacement_of_a_shift_is_its_length():
    points = np.random.default_rng(0).normal(size=(50, 3))
    shift = rigid((0.0, 0.0, 0.0), (3.0, 4.0, 0.0), CENTRE)
    assert mean_displacement_mm(np.eye(4), shift, points) == pytest.approx(5.0)


@pytest.mark.parametrize("order", [1, 3])
def test_a_moved_blob_is_seen_where_the_map_sends_it(order: int):
    source, target = _grid((1.5, 1.5, 3.0), (50, 52, 26)), _grid((2.0, 1.8, 2.5), (40, 42, 30))
    place = np.array([5.0, -6.0, 4.0])
    matrix = rigid((8.0, -5.0, 12.0), (3.0, -2.0, 4.0), np.zeros(3))
    seen = sample(_blob(source, place), source.affine, target, matrix, order=order)
    centre = (np.argwhere(seen > -1) * seen.reshape(-1, 1)).sum(axis=0) / seen.sum()
    found = apply(target.affine, centre[None])[0]
    assert np.linalg.norm(found - apply(matrix, place[None])[0]) < 0.15


def test_labels_keep_their_numbers():
    grid = _grid((1.0, 1.0, 1.0), (20, 20, 20))
    labels = np.zeros(grid.shape, np.float32)
    labels[5:9, 5:9, 5:9] = 7
    seen = sample(labels, grid.affine, grid, rigid((10.0, 0.0, 0.0), (0.3, 0.2, 0.1), np.zeros(3)), order=0)
    assert set(np.unique(seen)) == {0.0, 7.0}


def test_a_thinner_slice_is_seen_through_the_thicker_profile():
    thin, thick = _grid((1.0, 1.0, 1.0), (9, 9, 61)), _grid((1.0, 1.0, 5.0), (9, 9, 11))
    line = np.zeros(thin.shape, np.float32)
    line[:, :, 30] = 1.0
    seen = sample(line, thin.affine, thick, order=1)[4, 4]
    # Gaussian of 5 mm less the 1 mm that is there already, full width at half maximum, at its centre
    sigma = np.sqrt(5.0**2 - 1.0**2) / 2.355
    assert seen.max() == pytest.approx(1.0 / (sigma * np.sqrt(2 * np.pi)), rel=0.05)


def test_coarser_keeps_the_mean_and_the_middle():
    grid = _grid((0.7, 0.7, 3.0), (90, 90, 20))
    data = _blob(grid, np.array([4.0, 2.0, -3.0]))
    small, affine = coarser(data, grid.affine, 2.0)
    assert small.shape[2] == 20
    assert small.sum() * abs(np.linalg.det(affine[:3, :3])) == pytest.approx(
        data.sum() * abs(np.linalg.det(grid.affine[:3, :3])), rel=0.02
    )
    middle = Grid(shape=small.shape, affine=affine).centre_ras_mm
    assert np.allclose(middle, grid.centre_ras_mm, atol=1e-6)


def test_cubes_cover_an_oblique_picture():
    grid = _grid((1.0, 1.0, 4.0), (30, 30, 10))
    turned = rigid((20.0, 10.0, 0.0), (0.0, 0.0, 0.0), np.zeros(3)) @ grid.affine
    _, cubes = isotropic(np.ones(grid.shape, np.float32), turned, 2.0)
    corners = apply(turned, np.array([[i, j, k] for i in (0, 29) for j in (0, 29) for k in (0, 9)], float))
    index = apply(inverse(cubes.affine), corners)
    assert (index > -1e-6).all()
    assert (index < np.array(cubes.shape) - 1 + 1e-6).all()


def test_a_crop_stays_in_place():
    grid = _grid((1.0, 2.0, 3.0), (20, 20, 20))
    inside = np.zeros(grid.shape, bool)
    inside[8:12, 5:7, 10:15] = True
    part, cut = crop(grid, inside, margin_mm=3.0)
    assert part.shape == inside[cut].shape == (10, 6, 7)
    index = np.argwhere(inside[cut])[0][None].astype(float)
    assert np.allclose(apply(part.affine, index), apply(grid.affine, np.argwhere(inside)[0][None].astype(float)))
