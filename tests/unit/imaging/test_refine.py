"""The polish, affine maps, mirror images and slabs against maps that the test made."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from mriloop.imaging.register import Picture, align, align_affine, align_anyhow, picture, refine
from mriloop.imaging.resample import Grid, apply, halfway, inverse, mean_displacement_mm, rigid, sample, scales

MAP = rigid((5.0, -4.0, 7.0), (4.0, -6.0, 3.0), np.zeros(3))
NEAR = rigid((0.4, -0.3, 0.3), (0.5, -0.4, 0.5), np.zeros(3))
SCALE = np.diag([1.009, 1.007, 0.996, 1.0])


def _head(seed: int = 1) -> tuple[np.ndarray, Grid]:
    """A smooth texture inside an ellipsoid, on 2.5 mm voxels, without any symmetry."""
    shape = (64, 76, 56)
    affine = np.diag([2.5, 2.5, 2.5, 1.0])
    affine[:3, 3] = [-79.0, -94.0, -69.0]
    rng = np.random.default_rng(seed)
    texture = sum(
        w * ndimage.zoom(rng.normal(size=s), np.array(shape) / s, order=3)
        for w, s in ((1.0, (8, 9, 7)), (0.7, (16, 19, 14)))
    )
    points = apply(affine, np.argwhere(np.ones(shape, bool)).astype(float)).reshape(*shape, 3)
    inside = np.sum((points / np.array([62.0, 76.0, 54.0])) ** 2, axis=-1) < 1
    return np.where(inside, 100.0 + 25.0 * texture, 0.0).clip(0).astype(np.float32), Grid(shape=shape, affine=affine)


def _seen(matrix: np.ndarray, noise: float = 2.0) -> Picture:
    """The head as another visit shows it: elsewhere, darker to one side, in another contrast curve, with noise."""
    data, grid = _head()
    other = sample(data, grid.affine, grid, matrix)
    shade = np.exp(0.3 * np.linspace(-1, 1, grid.shape[0]))[:, None, None]
    curved = 255.0 * (other.clip(0) / 255.0) ** 0.8 * shade
    return picture(curved + np.random.default_rng(2).normal(scale=noise, size=curved.shape), grid.affine, 2.5)


@pytest.fixture(scope="module")
def moving() -> Picture:
    data, grid = _head()
    return picture(data, grid.affine, 2.5)


@pytest.fixture(scope="module")
def fixed() -> Picture:
    return _seen(MAP)


def test_least_squares_finds_a_hundredth_of_a_voxel_through_shading_and_contrast(fixed: Picture, moving: Picture):
    found = refine(fixed, moving, NEAR @ MAP)
    assert found is not None
    assert mean_displacement_mm(found.matrix, MAP, moving.points) < 0.025
    assert found.explained > 0.9


def test_the_answer_does_not_depend_on_who_is_called_fixed(fixed: Picture, moving: Picture):
    one, two = refine(fixed, moving, NEAR @ MAP), refine(moving, fixed, inverse(NEAR @ MAP))
    assert one is not None
    assert two is not None
    assert mean_displacement_mm(one.matrix, inverse(two.matrix), moving.points) < 0.01


def test_it_is_repeatable_to_the_bit_from_the_same_start(fixed: Picture, moving: Picture):
    one, two = (refine(fixed, moving, NEAR @ MAP) for _ in range(2))
    assert one is not None
    assert two is not None
    assert np.array_equal(one.matrix, two.matrix)


def test_a_new_lesion_does_not_pull_the_map(moving: Picture):
    changed = _seen(MAP)
    spots = changed.data.copy()
    spots[20:28, 24:32, 20:28] = spots.max()
    found = refine(Picture(data=spots, affine=changed.affine, mask=changed.mask), moving, NEAR @ MAP)
    assert found is not None
    assert mean_displacement_mm(found.matrix, MAP, moving.points) < 0.05


def test_pictures_that_do_not_meet_are_not_polished(fixed: Picture, moving: Picture):
    assert refine(fixed, moving, rigid((0.0, 0.0, 0.0), (900.0, 0.0, 0.0), np.zeros(3))) is None


def test_scales_of_another_scanner_are_found_and_those_of_the_same_stay_one(fixed: Picture, moving: Picture):
    same = align(fixed, moving, thorough=False, start=NEAR @ MAP)
    assert align_affine(fixed, moving, same) is None
    stretched = _seen(MAP @ SCALE)
    fit = align_affine(stretched, moving, align(stretched, moving, thorough=False, start=NEAR @ MAP))
    assert fit is not None
    assert np.allclose(scales(fit.matrix), np.diag(SCALE)[:3], atol=1e-3)
    assert mean_displacement_mm(fit.matrix, MAP @ SCALE, moving.points) < 0.08
    half = halfway(fit.matrix)
    assert np.allclose(half @ half, fit.matrix, atol=1e-9)


def test_impossible_scales_are_not_believed(moving: Picture):
    stretched = _seen(MAP @ np.diag([1.035, 1.0, 1.0, 1.0]))
    fit = align(stretched, moving, thorough=False, start=MAP)
    assert align_affine(stretched, moving, replace(fit, matrix=MAP)) is None


def test_a_mirror_image_is_noticed(fixed: Picture, moving: Picture):
    upright = align(fixed, moving, thorough=True, start=NEAR @ MAP)
    assert upright.explained is not None
    assert upright.mirror_explained is not None
    assert upright.explained > upright.mirror_explained
    mirrored = moving.put(np.diag([-1.0, 1.0, 1.0, 1.0]))
    assert align_anyhow(fixed, mirrored) is None


def test_a_picture_that_lies_on_its_face_by_its_header_is_turned(fixed: Picture, moving: Picture):
    turn = rigid((180.0, 0.0, 0.0), (0.0, 0.0, 0.0), np.zeros(3))
    fit = align_anyhow(fixed, moving.put(turn))
    assert fit is not None
    assert mean_displacement_mm(fit.matrix @ turn, MAP, moving.points) < 0.05


def test_a_slab_finds_its_place_in_the_whole(moving: Picture):
    data, grid = _head()
    start = np.eye(4)
    start[2, 3] = 34
    slab = picture(data[:, :, 34:50], grid.affine @ start, 2.5)
    fit = align(_seen(MAP), slab, thorough=False)
    assert fit.overlap < 0.6 < fit.shared
    assert mean_displacement_mm(fit.matrix, MAP, slab.points) < 0.08
