"""MRIQC's metrics against closed forms, brute force and scipy; the peers themselves are in benchmarks/mriqc_parity."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from mriloop.imaging import iqm
from mriloop.imaging.iqm import air as air_metrics


def test_ratios_by_hand():
    assert iqm.snr(100.0, 10.0, 5) == pytest.approx(10 * math.sqrt(4 / 5))
    assert iqm.cnr(1000.0, 700.0, 3.0, 4.0, 12.0) == pytest.approx(300 / 13)
    assert iqm.cjv(1000.0, 700.0, 30.0, 60.0) == pytest.approx(0.3)
    assert iqm.snr_dietrich(1000.0, mad_air=2.0) == pytest.approx(500 * math.sqrt((4 - math.pi) / 2))
    assert iqm.snr_dietrich(1000.0, mad_air=0.5, sigma_air=10.0) == pytest.approx(100 * math.sqrt((4 - math.pi) / 2))


def test_what_cannot_be_divided_has_no_number():
    assert iqm.snr(100.0, 0.0, 5) is None
    assert iqm.cnr(1.0, 1.0, 0.0, 0.0, 0.0) is None
    assert iqm.cjv(5.0, 5.0, 1.0, 1.0) is None
    assert iqm.snr_dietrich(1000.0, mad_air=0.0, sigma_air=0.0) is None
    assert iqm.efc(np.zeros((4, 4, 4))) is None
    assert iqm.art_qi1(np.zeros(4, bool), np.ones(4, bool)) is None
    assert iqm.art_qi2(np.zeros((20, 20, 20)), np.ones((20, 20, 20), bool)) is None
    assert iqm.fber(np.ones((4, 4)), np.ones((4, 4), bool)) is None


@pytest.mark.parametrize("size", [999, 1000, 250_000])
def test_wm2max_is_the_exact_percentile(size):
    values = np.random.default_rng(size).gamma(2.0, 100.0, size)
    assert iqm.wm2max(values, 200.0) == pytest.approx(200 / np.percentile(values, 99.95), rel=1e-12)


def test_efc_of_flat_and_of_one_voxel():
    assert iqm.efc(np.full((10, 10, 10), 7.0)) == pytest.approx(1.0)
    one = np.zeros((10, 10, 10))
    one[3, 4, 5] = 9.0
    assert iqm.efc(one) == pytest.approx(0.0, abs=1e-12)


def test_fber_is_the_ratio_of_median_energies():
    values = np.full((10, 10, 10), 2.0)
    head = np.zeros(values.shape, bool)
    head[2:8, 2:8, 2:8] = True
    values[head] = 50.0
    values[4, 4, 4] = 1e6
    assert iqm.fber(values, head) == pytest.approx(625.0)
    excluded = np.zeros(values.shape, bool)
    excluded[0] = True
    values[0] = 1e3
    assert iqm.fber(values, head, excluded) == pytest.approx(625.0)


def test_rpve_counts_the_tissue_and_only_on_request_the_field_of_view():
    one = np.zeros((10, 10, 10))
    one[2:7, 2:7, 2:7] = 0.5
    found = iqm.rpve([one, one, one])
    assert found == {name: pytest.approx(0.5) for name in iqm.TISSUES}
    theirs = iqm.residual_partial_volume(one, background=True)
    assert theirs == pytest.approx(0.5 + (1000 - 125) / 125)
    wider = np.pad(one, 10)
    assert iqm.residual_partial_volume(wider) == pytest.approx(0.5)
    assert iqm.residual_partial_volume(wider, background=True) > 5 * theirs


def test_weighted_quantiles_are_those_of_repeated_values():
    rng = np.random.default_rng(0)
    values, weights = rng.integers(-40, 90, 500).astype(float), rng.integers(0, 5, 500).astype(float)
    repeated = np.repeat(values, weights.astype(int))
    for moved in (values, values + 0.25):
        found = iqm.weighted_quantiles(moved, weights, (0.05, 0.5, 0.95))
        again = np.quantile(repeated + (moved - values)[0], (0.05, 0.5, 0.95), method="averaged_inverted_cdf")
        assert found == pytest.approx(list(again))


def test_summary_of_a_mask_is_that_of_its_voxels():
    rng = np.random.default_rng(1)
    values = rng.normal(500, 30, (20, 20, 20))
    mask = rng.random(values.shape) < 0.4
    found = iqm.summary_stats(values, {"bg": mask}, round_values=None)["bg"]
    seen = values[mask]
    assert found.mean == pytest.approx(seen.mean())
    assert found.stdv == pytest.approx(seen.std())
    assert found.median == pytest.approx(np.quantile(seen, 0.5, method="averaged_inverted_cdf"))
    assert found.k == pytest.approx(stats.kurtosis(seen))
    assert found.mad == pytest.approx(stats.median_abs_deviation(seen, scale="normal"), rel=1e-4)
    assert found.n == mask.sum()
    assert "none" not in iqm.summary_stats(values, {"none": np.zeros(values.shape)})


def test_kernel_density_is_the_direct_sum():
    values = np.random.default_rng(2).gamma(4.0, 9.0, 4000)
    points = np.linspace(0, 110, 50)
    direct = stats.norm.pdf(points[:, None], values[None, :], 4.0).mean(axis=1)
    found = air_metrics.kernel_density(values, points, 4.0)
    assert np.abs(found - direct).max() < 1e-8 * direct.max()


def test_the_fit_of_noise_is_scipys():
    noise = np.random.default_rng(3).chisquare(8, 3000) * 5
    theirs = stats.chi2.fit(noise, 32.0)
    assert air_metrics._fit_chi2(np.sort(noise)) == pytest.approx(theirs, rel=1e-9)


def test_qi2_grows_when_the_air_holds_more_than_noise():
    rng = np.random.default_rng(4)
    values = np.sqrt(rng.chisquare(2, (40, 40, 40))) * 10
    air = np.ones(values.shape, bool)
    clean = iqm.art_qi2(values, air)
    values[:, 10:16] += 25.0
    assert 0 <= clean < 0.003
    assert iqm.art_qi2(values, air) > 2 * clean


def test_artefacts_are_found_away_from_the_head_and_counted():
    rng = np.random.default_rng(5)
    values = np.abs(rng.normal(0, 2, (30, 30, 30)))
    air = np.ones(values.shape, bool)
    far = np.ones(values.shape)
    values[5:11, 5:11, 5:11] = 500.0
    values[20, 20, 20] = 500.0
    found = iqm.artifact_mask(values, air, far)
    inside = np.zeros(values.shape, bool)
    inside[5:11, 5:11, 5:11] = True
    assert found.any()
    assert not (found & ~inside).any(), "a single voxel is no artefact"
    assert iqm.art_qi1(air & ~found, found) == pytest.approx(found.sum() / found.size)
    assert not iqm.artifact_mask(values, air, far * 0.05).any()


@pytest.mark.parametrize("axis", [0, 1])
def test_ghost_to_signal_of_a_known_ghost(axis):
    mask = np.zeros((64, 64, 4), bool)
    mask[24:40, 24:40] = True
    values = np.where(mask, 100.0, 2.0)
    ghost = np.roll(mask, 32, axis=axis) & ~mask
    values[ghost] = 7.0
    assert iqm.gsr(values, mask, axis) == pytest.approx((7 - 2) / 100)
    assert iqm.gsr(values, mask, 1 - axis) < 0
    assert iqm.gsr(values, np.ones_like(mask), axis) is None
