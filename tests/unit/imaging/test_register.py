"""Registration against maps that are known because the test made them."""

from __future__ import annotations

import importlib

import numpy as np
import pytest
from scipy import ndimage

from mriloop.imaging import register
from mriloop.imaging.register import align, capture, foreground, picture, similarity
from mriloop.imaging.resample import Grid, apply, mean_displacement_mm, rigid, sample

align_module = importlib.import_module("mriloop.imaging.register.align")  # `register.align` is the function
MAP = rigid((12.0, -9.0, 16.0), (9.0, -14.0, 6.0), np.array([0.0, 0.0, 0.0]))


def _head(seed: int = 1) -> tuple[np.ndarray, Grid]:
    """A smooth random texture inside an ellipsoid, on 2.5 mm voxels: structure everywhere, no symmetry."""
    shape = (70, 84, 60)
    affine = np.diag([2.5, 2.5, 2.5, 1.0])
    affine[:3, 3] = [-86.0, -104.0, -74.0]
    rng = np.random.default_rng(seed)
    texture = sum(
        w * ndimage.zoom(rng.normal(size=s), np.array(shape) / s, order=3)
        for w, s in ((1.0, (7, 8, 6)), (0.7, (14, 17, 12)))
    )
    points = apply(affine, np.argwhere(np.ones(shape, bool)).astype(float)).reshape(*shape, 3)
    inside = np.sum((points / np.array([68.0, 84.0, 58.0])) ** 2, axis=-1) < 1
    return np.where(inside, 100.0 + 25.0 * texture, 0.0).clip(0).astype(np.float32), Grid(shape=shape, affine=affine)


@pytest.fixture(scope="module")
def pair():
    data, grid = _head()
    other = sample(data, grid.affine, grid, MAP)
    contrast = 255.0 * (other.clip(0) / 255.0) ** 0.8
    rng = np.random.default_rng(2)
    return (
        picture((contrast + rng.normal(scale=2.0, size=contrast.shape)).astype(np.float32), grid.affine, 2.5),
        picture(data, grid.affine, 2.5),
    )


def test_a_coarse_search_captures_a_large_turn(pair):
    fixed, moving = pair
    assert mean_displacement_mm(capture(fixed, moving), MAP, moving.points) < 4.0


@pytest.mark.parametrize(("engine", "limit_mm"), [("greedy", 0.03), ("simpleitk", 0.03)])
def test_engines_find_the_map(pair, engine: str, limit_mm: float):
    fixed, moving = pair
    fit = align(fixed, moving, thorough=False, engine=engine)
    error = mean_displacement_mm(fit.matrix, MAP, moving.points)
    assert fit.engine == f"{register.NAMES[engine]} + least squares"
    assert error < limit_mm
    assert fit.similarity > fit.header_similarity
    assert fit.overlap > 0.9
    assert np.allclose(fit.matrix[:3, :3] @ fit.matrix[:3, :3].T, np.eye(3), atol=1e-9)


def test_uncertainty_is_no_smaller_than_a_third_of_the_error(pair):
    fixed, moving = pair
    fit = align(fixed, moving, thorough=True)
    assert mean_displacement_mm(fit.matrix, MAP, moving.points) < 3 * fit.uncertainty_mm + 0.05


def test_a_broken_engine_hands_over(pair, monkeypatch: pytest.MonkeyPatch):
    def broken(*_: object) -> np.ndarray:
        raise RuntimeError("no such thing")

    monkeypatch.setitem(register.ENGINES, "greedy", broken)
    assert align(*pair, thorough=False).engine.startswith(register.NAMES["simpleitk"])


def test_no_engine_at_all_leaves_the_coarse_search_and_doubt(pair, monkeypatch: pytest.MonkeyPatch):
    def broken(*_: object) -> np.ndarray:
        raise RuntimeError("no such thing")

    for name in list(register.ENGINES):
        monkeypatch.setitem(register.ENGINES, name, broken)
    monkeypatch.setattr(align_module, "refine", lambda *_, **__: None)
    fit = align(*pair, thorough=False)
    assert fit.engine == "coarse search"
    assert fit.uncertainty_mm > 1.0


def test_similarity_is_highest_at_the_truth_and_one_where_nothing_meets(pair):
    fixed, moving = pair
    right = similarity(fixed, moving, MAP)[0]
    for push in ((2.0, 0.0, 0.0), (0.0, -2.0, 0.0), (0.0, 0.0, 2.0)):
        assert similarity(fixed, moving, rigid((0.0, 0.0, 0.0), push, np.zeros(3)) @ MAP)[0] < right
    away = rigid((0.0, 0.0, 0.0), (900.0, 0.0, 0.0), np.zeros(3))
    assert similarity(fixed, moving, away) == (1.0, 0.0)


def test_another_head_resembles_less(pair):
    fixed, moving = pair
    other, grid = _head(seed=9)
    stranger = picture(other, grid.affine, 2.5)
    fit = align(fixed, stranger, thorough=False)
    assert fit.similarity - 1 < 0.5 * (similarity(fixed, moving, MAP)[0] - 1)


def test_the_foreground_fills_its_holes():
    data, _ = _head()
    data[30:40, 36:48, 24:34] = 0.0
    assert foreground(data)[35, 42, 29]
    assert not foreground(data)[1, 1, 1]
