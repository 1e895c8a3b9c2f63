"""The deformable option: a known smooth bend is undone for viewing, and nothing can compute with the result."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from mriloop.imaging.deform import ViewingPicture, deform
from mriloop.imaging.register import Picture
from mriloop.imaging.resample import Grid, apply
from mriloop.model.comparison import Alignment

SHAPE = (30, 28, 24)
AFFINE = np.diag([3.0, 3.0, 3.0, 1.0])
MIDDLE = np.array([45.0, 42.0, 36.0])


def _pull(points: np.ndarray) -> np.ndarray:
    near = np.exp(-(((points - MIDDLE) / 28.0) ** 2).sum(axis=1))[:, None]
    return points + near * np.array([1.0, 2.0, 6.0])


@pytest.fixture(scope="module")
def bent():
    rng = np.random.default_rng(5)
    coarse = ndimage.gaussian_filter(rng.normal(size=SHAPE), 2.5)
    data = (100.0 + 40.0 * coarse / coarse.std()).clip(0).astype(np.float32)
    points = apply(AFFINE, np.argwhere(np.ones(SHAPE, bool)).astype(float))
    seen = ndimage.map_coordinates(data, (_pull(points) / 3.0).T, order=3, mode="nearest").reshape(SHAPE)
    full = np.ones(SHAPE, bool)
    seen = (seen + rng.normal(scale=2.0, size=SHAPE)).astype(np.float32)
    today, prior = (Picture(data=d, affine=AFFINE, mask=full) for d in (seen, data))
    return deform(today, prior, np.eye(4)), data


def _points() -> np.ndarray:
    return MIDDLE + np.random.default_rng(1).uniform(-15.0, 15.0, (60, 3))


def test_a_smooth_bend_is_undone_without_folding(bent):
    found, _ = bent
    points = _points()
    truth = _pull(points)
    before = np.linalg.norm(truth - points, axis=1)
    after = np.array(
        [np.linalg.norm(np.array(found.point_prior(tuple(p))[0]) - t) for p, t in zip(points, truth, strict=True)]
    )
    assert before.mean() > 4.0
    assert after.mean() < 1.0
    assert found.accepted and found.least_jacobian > 0.0 and found.inverse_consistency_mm < 1.0


def test_a_point_comes_back_to_where_it_was(bent):
    found, _ = bent
    for point in _points()[:10]:
        there, doubt = found.point_prior(tuple(point))
        back, _ = found.point_today(there)
        assert np.linalg.norm(np.array(back) - point) < 0.05
        assert doubt >= 0.5


def test_nothing_can_be_computed_with_what_is_for_viewing(bent):
    found, data = bent
    seen = found.show(data, AFFINE, Grid(shape=SHAPE, affine=AFFINE))
    assert isinstance(seen, ViewingPicture)
    for attempt in (
        lambda: np.asarray(seen),
        lambda: data - seen,
        lambda: seen - data,
        lambda: seen[0],
        lambda: list(seen),
        lambda: float(seen),
        lambda: np.subtract(data, seen),
        lambda: np.mean(seen),
    ):
        with pytest.raises(TypeError, match="viewing"):
            attempt()
    assert seen.display(0.0, 255.0).dtype == np.uint8
    with pytest.raises(ValueError, match="window"):
        seen.display(5.0, 5.0)


def test_a_deformation_is_no_alignment_and_has_no_matrix(bent):
    found, _ = bent
    assert not isinstance(found, Alignment)
    assert not hasattr(found, "matrix")
