"""Diffusion coefficients against closed forms: Rician and tensor truth, the phantom's tissues, intruders."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mriloop.imaging.adc import Unfit, adc_map, choose_b, scale_of_adc
from mriloop.imaging.magnitude import NoiseFloor, channels_of
from mriloop.imaging.phantom import Faults, Tissue, Visit, acquire, dwi_axial
from mriloop.imaging.phantom.anatomy import furnish
from mriloop.imaging.phantom.head import Map
from mriloop.imaging.phantom.shapes import Canvas
from mriloop.imaging.phantom.tissues import TISSUES
from mriloop.imaging.voxels import ndimage
from mriloop.model.coding import Region
from mriloop.model.quantity import NotAssessable

SHAPE = (40, 40, 8)
FULL = np.ones(SHAPE, bool)


def magnitudes(signal, rng, channels=1):
    noise = rng.normal(size=(2 * channels, *signal.shape))
    noise[0] += signal
    return np.sqrt((noise**2).sum(axis=0))


def decay(coefficient, b_values, snr, rng, channels=1):
    signal = snr * np.exp(-np.asarray(b_values, float) * coefficient)
    return magnitudes(np.broadcast_to(signal, (*SHAPE, len(b_values))), rng, channels)


@pytest.mark.parametrize("channels", [1, 4])
def test_moments_of_the_noise_floor_are_those_of_drawn_noise(channels):
    rng = np.random.default_rng(1)
    floor = NoiseFloor(sigma=1.0, channels=channels)
    for signal in (0.5, 1.0, 3.0, 25.0):
        drawn = magnitudes(np.full(200_000, signal), rng, channels)
        bias, variance = floor.of_logarithm(np.array([signal]))
        assert floor.mean(np.array([signal]))[0] == pytest.approx(drawn.mean(), rel=0.005)
        assert floor.beneath(floor.mean(np.array([signal])))[0] == pytest.approx(signal, abs=0.01)
        assert bias[0] == pytest.approx(np.log(drawn).mean() - np.log(signal), abs=0.006)
        assert variance[0] == pytest.approx(np.log(drawn).var(), rel=0.03)
    air = magnitudes(np.zeros(200_000), rng, channels)
    assert channels_of(float(air.mean()), float((air**2).mean())) == pytest.approx(channels, rel=0.02)


def test_a_trace_has_the_floor_of_a_geometric_mean():
    rng = np.random.default_rng(2)
    floor = NoiseFloor(sigma=1.0, directions=3)
    for signal in (0.0, 1.0, 3.0):
        drawn = np.prod([magnitudes(np.full(200_000, signal), rng) for _ in range(3)], axis=0) ** (1 / 3)
        assert floor.mean(np.array([signal]))[0] == pytest.approx(drawn.mean(), rel=0.005)


@pytest.mark.parametrize("b_values", [(0, 1000), (50, 400, 800), (0, 500, 1000)])
@pytest.mark.parametrize("coefficient", [0.3e-3, 0.7e-3, 1.1e-3, 2.0e-3])
def test_the_mean_coefficient_is_right_within_one_percent_above_an_snr_of_twenty(b_values, coefficient):
    rng = np.random.default_rng(3)
    found = adc_map(decay(coefficient, b_values, 25.0, rng), b_values, noise=1.0, mask=FULL)
    assert found.assessable.mean() > 0.99
    # the mean of 12 800 voxels is itself uncertain: allow three of its standard errors beside the one percent
    allowed = 0.01 * coefficient + 3.0 * float(np.nanstd(found.adc)) / np.sqrt(found.assessable.sum())
    assert abs(float(np.nanmean(found.adc)) - coefficient) < allowed
    assert float(np.nanmedian(found.error)) == pytest.approx(float(np.nanstd(found.adc)), rel=0.1)


def test_near_the_floor_the_coefficient_stays_right_where_a_plain_logarithm_does_not():
    rng = np.random.default_rng(4)
    truth, b_values = 2.0e-3, (0.0, 1000.0)
    data = decay(truth, b_values, 2.0 * np.exp(2.0), rng)  # the signal at b = 1000 is two sigma
    found = adc_map(data, b_values, noise=1.0, mask=FULL)
    four = adc_map(decay(truth, b_values, 3.0 * np.exp(2.0), rng, 4), b_values, noise=NoiseFloor(sigma=1.0, channels=4),
                   mask=FULL)  # fmt: skip
    plain = float(np.log(data[..., 0] / data[..., 1]).mean()) / 1000.0
    assert abs(float(np.nanmean(found.adc)) / truth - 1.0) < 0.01
    assert abs(float(np.nanmean(four.adc)) / truth - 1.0) < 0.02
    assert plain / truth - 1.0 < -0.008


def test_what_sinks_into_the_noise_is_not_assessed():
    rng = np.random.default_rng(5)
    found = adc_map(decay(3.0e-3, (0, 2000), 30.0, rng), (0, 2000), noise=1.0, mask=FULL)
    assert (found.unfit == Unfit.SUNK).mean() > 0.99
    assert np.isnan(found.adc[found.unfit == Unfit.SUNK]).all()
    nothing = adc_map(decay(1.0e-3, (0, 1000), 0.0, rng), (0, 1000), noise=1.0, mask=FULL)
    assert (nothing.unfit == Unfit.NO_SIGNAL).mean() > 0.95


def directions(count, rng):
    found = rng.normal(size=(count, 3))
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def tensor_series(rng, vectors, snr=40.0):
    """Fibres along one axis: eigenvalues 1.7, 0.3, 0.3, mean 0.767."""
    tensor = np.diag([1.7e-3, 0.3e-3, 0.3e-3])
    b_values = np.array([0.0, *([1000.0] * len(vectors))])
    exponents = [0.0, *(1000.0 * v @ tensor @ v for v in vectors)]
    signal = snr * np.exp(-np.array(exponents))
    data = magnitudes(np.broadcast_to(signal, (*SHAPE, len(signal))), rng)
    return data, b_values, (None, *(tuple(v) for v in vectors)), float(np.trace(tensor)) / 3.0


def test_many_directions_give_the_mean_diffusivity_however_uneven_they_are():
    rng = np.random.default_rng(6)
    vectors = directions(20, rng)
    vectors[:8] = vectors[:8] * 0.2 + np.array([1.0, 0.0, 0.0])  # crowded along the fibres
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    data, b_values, known, truth = tensor_series(rng, vectors)
    found = adc_map(data, b_values, directions=known, noise=1.0, mask=FULL)
    assert found.tensor
    assert float(np.nanmean(found.adc)) == pytest.approx(truth, rel=0.01)
    assert float(np.nanmedian(found.misfit)) == pytest.approx(1.0, abs=0.1)
    blind = adc_map(data, b_values, noise=1.0, mask=FULL)
    assert not blind.tensor
    assert any("not known" in said for said in blind.cautions)
    assert abs(float(np.nanmean(blind.adc)) / truth - 1.0) > 0.1


def test_three_orthogonal_directions_are_combined_by_their_geometric_mean():
    rng = np.random.default_rng(7)
    data, b_values, known, truth = tensor_series(rng, np.eye(3))
    found = adc_map(data, b_values, directions=known, noise=1.0, mask=FULL)
    assert not found.tensor
    assert not found.cautions
    assert float(np.nanmean(found.adc)) == pytest.approx(truth, rel=0.01)
    uneven = adc_map(data[..., :3], b_values[:3], directions=known[:3], noise=1.0, mask=FULL)
    assert any("not evenly spread" in said for said in uneven.cautions)


def test_a_scanners_map_among_the_measurements_is_left_out():
    rng = np.random.default_rng(8)
    vectors = directions(12, rng)
    data, b_values, known, truth = tensor_series(rng, vectors)
    map_ = np.full((*SHAPE, 1), 767.0)  # 10⁻⁶ mm²/s, with a b-value and without a direction, as Philips stores it
    wrong = np.concatenate([data, map_], axis=3)
    found = adc_map(wrong, [*b_values, 1000.0], directions=[*known, None], noise=1.0, mask=FULL)
    assert [t for t, _ in found.left_out] == [13]
    assert float(np.nanmean(found.adc)) == pytest.approx(truth, rel=0.01)
    without_table = adc_map(wrong, [*b_values, 1000.0], noise=1.0, mask=FULL)
    assert [t for t, _ in without_table.left_out] == [13]


def test_b_values_are_chosen_with_a_reason():
    assert choose_b((0, 1000)) == (0, 1000)
    assert choose_b((50, 400, 800)) == (400, 800)
    assert choose_b((0, 50, 800)) == (0, 50, 800)
    assert choose_b((0, 1000, 2000, 3000)) == (0, 1000)
    assert choose_b((0, 2000)) == (0, 2000)
    assert choose_b((50, 400, 800), least_b=0.0) == (50, 400, 800)
    assert choose_b((0, 950, 1050)) == (0, 950, 1050)  # the two above are too near each other to do without b = 0


def test_odd_b0s_are_one_shell_and_too_few_b_values_give_no_map():
    rng = np.random.default_rng(9)
    data = decay(0.8e-3, (0.0, 0.001, 1.25, 950, 1050), 60.0, rng)
    found = adc_map(data, (0.0, 0.001, 1.25, 950, 1050), noise=1.0, mask=FULL)
    assert found.b_used == pytest.approx((0.417, 950.0, 1050.0), abs=0.01)
    for b_values in ((0, 0.001), (1000,), (0, 100), (0, float("nan"))):
        answer = adc_map(data[..., : len(b_values)], b_values, noise=1.0, mask=FULL)
        assert isinstance(answer, NotAssessable)
    with pytest.raises(ValueError, match="b-values for data"):
        adc_map(data, (0, 1000))


@pytest.mark.parametrize("level", [0.0, 7.0, float("nan")])
def test_a_picture_of_nothing_gives_no_coefficient(level):
    found = adc_map(np.full((*SHAPE, 2), level), (0, 1000))
    assert isinstance(found, NotAssessable)
    assert "object" in found.reason


def test_the_unit_of_a_scanners_map_is_told_by_its_numbers():
    rng = np.random.default_rng(10)
    body = rng.uniform(0.5e-3, 2.5e-3, 1000)
    for scale in (1e-6, 1e-3, 1.0):
        assert scale_of_adc(np.concatenate([np.zeros(500), body / scale])) == scale
    assert scale_of_adc(np.zeros(1000)) is None
    assert scale_of_adc(rng.uniform(4e4, 6e4, 1000) * 10) is None


def test_the_phantoms_tissues_have_their_coefficients():
    """Through k-space, coils, blur and noise of the phantom scanner: balls of three tissues in air."""
    low = (-60.0, -60.0, -30.0)
    axes = [np.arange(start, -start + 1, dtype=np.float32) for start in low]
    x, y, z = np.meshgrid(*axes, indexing="ij")
    canvas = Canvas(x=x, y=y, z=z, pitch=1.0, origin=low)
    tissues = {Tissue.WHITE_MATTER: -30.0, Tissue.GREY_MATTER: 0.0, Tissue.MS_LESION: 30.0}
    for tissue, place in tissues.items():
        canvas.ball(tissue, (place, 0.0, 0.0), (13.0, 13.0, 13.0))
    body = Map(under=canvas.under, over=canvas.over, share=canvas.share, texture=np.ones_like(canvas.share),
               origin=low, pitch=1.0)  # fmt: skip
    plan = replace(dwi_axial(center=(0.0, 0.0, 0.0)), matrix=(80, 64, 5), spacing=(2.0, 2.0, 3.0), thickness=3.0)
    still = furnish(body, Visit(), region=Region.FOOT, reference=Tissue.WHITE_MATTER)
    scan = acquire(still, plan, faults=Faults(snr=60.0), seed=3)
    found = adc_map(scan.data, plan.b_values, spacing_mm=plan.spacing)
    for tissue in tissues:
        pure = ndimage.binary_erosion(scan.tissue_labels == tissue, np.ones((3, 3, 1), bool), iterations=2)
        inside = pure & found.assessable
        assert inside.sum() > 60
        assert inside.sum() > 0.98 * pure.sum()
        error = float(np.nanstd(found.adc[inside])) / np.sqrt(inside.sum())
        truth = TISSUES[tissue].adc * 1e-3
        assert abs(float(np.mean(found.adc[inside])) - truth) < 0.01 * truth + 3.0 * error
