"""A series against a good picture of the same anatomy: likeness falls with motion and noise, not with gain or place."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from mriloop.imaging.kspace_motion import Order, Path, line_times, move
from mriloop.imaging.resample import Grid, rigid
from mriloop.imaging.resample import sample as resampled
from mriloop.model.quantity import NotAssessable, Quantity
from mriloop.model.study import Series, SeriesObject
from mriloop.model.volume import Volume
from mriloop.stages.check.reference import REFERENCE, placed, reference_measures

SERIES = Series(
    study_instance_uid="1", series_instance_uid="2", modality="MR", object=SeriesObject.IMAGE,
    parameters={"RepetitionTime": 500.0},
)  # fmt: skip
AFFINE = np.array([[2.0, 0, 0, -80], [0, 2.0, 0, -90], [0, 0, 3.0, -40], [0, 0, 0, 1]])


@cache
def body():
    """Lobes, ventricle-like holes and a rim in an ellipsoid, 80 × 90 × 28 voxels."""
    rng = np.random.default_rng(4)
    i, j, k = np.meshgrid(np.linspace(-1, 1, 80), np.linspace(-1, 1, 90), np.linspace(-1, 1, 28), indexing="ij")
    radius = np.sqrt((i / 0.7) ** 2 + (j / 0.8) ** 2 + (k / 0.95) ** 2)
    lobes = gaussian_filter(rng.normal(size=i.shape), (3, 3, 2))
    values = (radius < 1) * (100 + 35 * np.tanh(lobes / lobes.std())) + 70.0 * ((radius > 0.9) & (radius < 1))
    values -= 70 * ((i - 0.15) ** 2 / 0.02 + j**2 / 0.08 + k**2 / 0.2 < 1)
    return gaussian_filter(values, 0.6).astype(np.float32)


def seen(values, affine=AFFINE, noise=1.5, filled=()):
    rng = np.random.default_rng(9)
    noisy = np.hypot(values + rng.normal(scale=noise, size=values.shape), rng.normal(scale=noise, size=values.shape))
    volume = Volume(
        data=noisy.astype(np.float32), affine=affine, series_instance_uid="2", filled_slices=filled
    )  # fmt: skip
    return placed((volume,), SERIES)


def numbers(found):
    assert all(isinstance(one, Quantity) for one in found.values()), found
    return {name: one.value for name, one in found.items()}


@cache
def elsewhere():
    """The same body at another place, gain and grid: a prior visit."""
    matrix = rigid((3.0, -2.0, 4.0), (5.0, -4.0, 3.0), (0.0, 0.0, 0.0))
    affine = AFFINE.copy()
    affine[:3, 3] += (1.0, 0.7, -1.2)
    return seen(3.0 * resampled(body(), AFFINE, Grid(shape=(80, 90, 28), affine=affine), matrix), affine, noise=4.5)


def test_the_same_anatomy_is_alike_from_elsewhere_and_motion_makes_it_less_so():
    still = numbers(reference_measures(seen(body()), elsewhere()))
    at = np.array([0, 0.35, 0.3501, 0.7, 0.7001, 1.0])
    shift = np.array([[0, 0, 0], [0, 0, 0], [6, 4, 0], [6, 4, 0], [-5, 7, 0], [-5, 7, 0]], float)
    path = Path(times=at, shift_mm=shift, turn_deg=shift * 0, pivot_mm=np.zeros(3))
    shaken = np.abs(move(body(), (2.0, 2.0, 3.0), 1, line_times(90, Order.LINEAR, train=1), path))
    moved = numbers(reference_measures(seen(shaken.astype(np.float32)), elsewhere()))
    assert still["reference_ssim"] > 0.75
    assert 1 - moved["reference_ssim"] > 2 * (1 - still["reference_ssim"])
    assert moved["reference_ssim_worst_slice"] < still["reference_ssim_worst_slice"]
    assert moved["reference_gradient_deviation"] > still["reference_gradient_deviation"]
    assert moved["reference_correlation"] < still["reference_correlation"]
    dull = numbers(reference_measures(seen(gaussian_filter(body(), (1.5, 1.5, 0))), elsewhere()))
    assert dull["reference_sharpness_ratio"] < 0.85 * still["reference_sharpness_ratio"]


@pytest.mark.parametrize(
    ("one", "says"),
    [
        (lambda: seen(body()[:, :, :2]), "too few slices"),
        (lambda: seen(body(), filled=(3,)), "no even grid"),
        (lambda: NotAssessable(reason="every voxel has the same value"), "same value"),
    ],
)
def test_what_cannot_be_laid_on_each_other_is_not_compared(one, says):
    found = reference_measures(one(), elsewhere())
    assert set(found) == {measure.name for measure in REFERENCE}
    for answer in found.values():
        assert isinstance(answer, NotAssessable)
        assert says in answer.reason
    backwards = reference_measures(elsewhere(), one())
    assert all(isinstance(answer, NotAssessable) for answer in backwards.values())


def test_noise_is_not_the_same_anatomy():
    noise = np.abs(np.random.default_rng(1).normal(scale=60, size=(80, 90, 28))).astype(np.float32)
    found = reference_measures(seen(body()), seen(noise))
    assert not any(
        isinstance(one, Quantity) and one.value > 0.6 for one in found.values() if one is found["reference_ssim"]
    )
