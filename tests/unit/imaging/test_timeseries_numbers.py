"""Measures of time series against closed forms, simulation with known parameters, and displacements by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import norm, spearmanr

from mriloop.imaging import motion, timeseries

VOXELS, TIMES = 4000, 200


@pytest.fixture(scope="module")
def noise():
    """White Gaussian noise of sd 10 round 1000."""
    return 1000 + np.random.default_rng(1).normal(0, 10, (VOXELS, TIMES))


def autoregressive(rho, rng):
    x = rng.normal(size=(VOXELS, TIMES + 50))
    for t in range(1, x.shape[1]):
        x[:, t] = rho * x[:, t - 1] + math.sqrt(1 - rho**2) * x[:, t]
    return x[:, 50:]


@pytest.mark.parametrize("rho", [0.0, 0.3, 0.6])
def test_standardised_dvars_of_autoregressive_noise_is_one_and_plain_dvars_its_closed_form(rho):
    x = 1000 + 10 * autoregressive(rho, np.random.default_rng(2))
    standard, plain, voxelwise = timeseries.dvars(x)
    assert standard.shape == (TIMES - 1,)
    assert float(plain.mean()) == pytest.approx(10 * math.sqrt(2 * (1 - rho)), rel=0.01)
    # r is estimated from 200 points with a bias of -(1 + 4 rho) / 200, and the quartiles of correlated points are close
    assert float(standard.mean()) == pytest.approx(1, rel=0.04)
    assert float(voxelwise.mean()) == pytest.approx(1, rel=0.04)


def test_dvars_shows_the_step_and_knows_no_scale(noise):
    stepped = noise.copy()
    stepped[:, 100:] += 30
    standard, plain, _ = timeseries.dvars(stepped)
    assert int(standard.argmax()) == 99
    assert float(plain[99]) == pytest.approx(math.hypot(30, 10 * math.sqrt(2)) * 1000 / np.median(stepped), rel=0.02)
    assert timeseries.dvars(7.5 * stepped)[0] == pytest.approx(standard, rel=1e-9)


def test_dvars_leaves_out_voxels_that_never_change(noise):
    with_dead = np.vstack([noise, np.full((50, TIMES), 1000.0)])
    assert timeseries.dvars(with_dead)[0] == pytest.approx(timeseries.dvars(noise)[0], rel=1e-3)
    assert timeseries.dvars(np.full((10, 5), 3.0)) is None
    assert timeseries.dvars(np.zeros((10, 5))) is None
    assert timeseries.dvars(noise[:, :1]) is None


def test_masks_and_courses_are_the_same_question(noise):
    data = noise[:1000].reshape(10, 10, 10, TIMES)
    mask = np.zeros((10, 10, 10), dtype=bool)
    mask[2:7, 3:9] = True
    assert timeseries.dvars(data, mask)[0] == pytest.approx(timeseries.dvars(data[mask])[0])
    assert timeseries.global_correlation(data, mask) == pytest.approx(timeseries.global_correlation(data[mask]))


def test_tsnr_is_mean_over_sd_and_a_polynomial_is_taken_off(noise):
    assert float(np.median(timeseries.tsnr(noise))) == pytest.approx(100, rel=0.02)
    steps = np.linspace(-1, 1, TIMES)
    bent = noise + 80 * steps + 60 * steps**2
    assert float(np.median(timeseries.tsnr(bent))) < 30
    flat = float(np.median(timeseries.tsnr(bent, degree=2)))
    # what the parabola adds to the mean stays: 60 times the mean of x²
    assert flat == pytest.approx((1000 + 60 / 3) / 10, rel=0.03)
    assert not timeseries.tsnr(np.full((3, 9), 5.0)).any()


def test_tsnr_and_correlation_do_not_mind_the_order_of_volumes(noise):
    order = np.random.default_rng(0).permutation(TIMES)
    assert timeseries.tsnr(noise[:, order]) == pytest.approx(timeseries.tsnr(noise), rel=1e-9)
    assert timeseries.global_correlation(noise[:, order]) == pytest.approx(timeseries.global_correlation(noise))
    assert timeseries.outlier_fraction(noise[:, order]) == pytest.approx(timeseries.outlier_fraction(noise)[order])


def test_outliers_in_gaussian_noise_are_as_rare_as_the_normal_distribution_has_them(noise):
    fraction = timeseries.outlier_fraction(noise)
    limit = math.sqrt(math.pi / 2) * norm.isf(0.001 / TIMES) * norm.ppf(0.75)  # in sd: MAD is 0.6745 of it
    assert float(fraction.mean()) == pytest.approx(2 * norm.sf(limit), abs=2e-4)
    spoilt = noise.copy()
    spoilt[: VOXELS // 4, 50] += 200
    assert float(timeseries.outlier_fraction(spoilt)[50]) == pytest.approx(0.25, abs=0.005)


def test_quality_index_is_one_less_the_rank_correlation(noise):
    x = noise[:300, :12] + np.linspace(0, 60, 300)[:, None]
    middle = np.median(x, axis=1)
    wanted = [1 - spearmanr(middle, x[:, t]).statistic for t in range(12)]
    assert timeseries.quality_index(x) == pytest.approx(np.array(wanted), abs=1e-12)


def test_global_correlation_is_the_mean_of_all_pairs():
    x = np.random.default_rng(5).normal(size=(40, 30)) + np.random.default_rng(6).normal(size=30)
    assert timeseries.global_correlation(x) == pytest.approx(float(np.corrcoef(x).mean()), abs=1e-12)


@pytest.mark.parametrize("bright", [0, 1, 3])
def test_bright_first_volumes_are_counted(noise, bright):
    x = noise[:500].copy()
    x[:, :bright] += 100
    assert timeseries.non_steady_volumes(x) == bright


def test_drift_is_not_tilted_by_a_spike_and_says_how_well_it_is_known():
    rng = np.random.default_rng(3)
    means = 500 * (1 + 0.06 * np.linspace(0, 1, 100)) + rng.normal(0, 1, 100)
    means[[0, 40, 41]] += 200
    found, error = timeseries.drift(means)
    assert found == pytest.approx(0.06 / 1.03, abs=3 * error)
    assert 0 < error < 0.002
    assert timeseries.drift(means[:2]) == (0.0, math.inf)


def test_displacements_by_hand():
    still, turned = np.zeros(6), np.array([1, 0, -2, 0, 0, math.radians(1)])
    power = timeseries.framewise_displacement_power(np.stack([still, turned, turned]))
    assert power == pytest.approx([3 + 50 * math.radians(1), 0])

    def pose(shift, turn_deg):
        return motion.Rigid(shift, (0.0, 0.0, turn_deg), (0.0, 0.0, 0.0), 1.0).matrix

    poses = np.stack([np.eye(4), pose((3.0, 4.0, 0.0), 0.0), pose((3.0, 4.0, 0.0), 2.0)])
    angle = math.radians(2)
    wanted = math.sqrt(80**2 / 5 * 4 * (1 - math.cos(angle)))
    found = timeseries.framewise_displacement_jenkinson(poses, np.array([3.0, 4.0, 0.0]))
    assert found == pytest.approx([5, wanted])
    assert motion.mean_displacement(poses[0], poses[1], np.zeros((5, 3))) == pytest.approx(5)


def test_jenkinson_is_the_root_mean_square_over_the_sphere():
    """The closed form against points in a ball, for any two poses."""
    rng = np.random.default_rng(4)
    points = rng.normal(size=(200_000, 3))
    points *= 80 * rng.uniform(size=(200_000, 1)) ** (1 / 3) / np.linalg.norm(points, axis=1, keepdims=True)
    centre = np.array([10.0, -20.0, 30.0])
    one = motion.Rigid((1.0, 2.0, -1.0), (2.0, -3.0, 1.0), (0.0, 0.0, 0.0), 1.0).matrix
    other = motion.Rigid((-2.0, 0.5, 3.0), (-1.0, 4.0, 5.0), (0.0, 0.0, 0.0), 1.0).matrix
    change = other @ np.linalg.inv(one)
    moved = (points + centre) @ change[:3, :3].T + change[:3, 3] - points - centre
    wanted = math.sqrt(np.square(moved).sum(axis=1).mean())
    assert timeseries.framewise_displacement_jenkinson(np.stack([one, other]), centre)[0] == pytest.approx(
        wanted, rel=0.005
    )
