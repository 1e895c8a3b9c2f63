"""Fat fractions against the signal equation: two, three and six echoes, water and fat pictures, exchanged regions."""

from __future__ import annotations

import numpy as np
import pytest

from mriloop.imaging.dixon import (
    LIVER_FAT,
    ONE_PEAK,
    NoFat,
    decay_bias,
    fat_signal,
    from_water_fat,
    multi_echo,
    two_point,
)
from mriloop.imaging.voxels import ndimage
from mriloop.model.quantity import NotAssessable

SHAPE = (36, 36, 4)
FULL = np.ones(SHAPE, bool)
TESLA = 1.5
OPPOSED = 1000.0 / (2 * 3.4 * 42.577478518 * TESLA)
BELOW = [0.0, 0.05, 0.1, 0.2, 0.35, 0.45]
SNR = 25.0


def rician(signal, rng):
    return np.abs(signal + rng.normal(size=np.shape(signal)) + 1j * rng.normal(size=np.shape(signal)))


def echoes(fraction, te_ms, rng, *, r2_star=0.0, spectrum=LIVER_FAT, snr=SNR):
    """The signal of a voxel of water and fat, written out from the physics, without the module under test."""
    times = np.asarray(te_ms) / 1000.0
    fat = sum(a * np.exp(2j * np.pi * ppm * 42.577478518 * TESLA * times) for ppm, a in spectrum)
    fat = fat / sum(a for _, a in spectrum)
    signal = snr * (1 - fraction + fraction * fat) * np.exp(-r2_star * times)
    return [rician(np.full(SHAPE, s), rng) for s in signal]


@pytest.mark.parametrize("fraction", BELOW)
def test_two_echoes_are_right_within_one_point_below_half(fraction):
    te = (OPPOSED, 2 * OPPOSED)
    pictures = echoes(fraction, te, np.random.default_rng(1), spectrum=ONE_PEAK)
    found = two_point(pictures, te, TESLA, spectrum=ONE_PEAK, noise=1.0, mask=FULL)
    assert float(np.nanmean(found.fraction)) == pytest.approx(100 * fraction, abs=1.0)
    assert float(np.nanmean(found.alternative)) == pytest.approx(100 - 100 * fraction, abs=1.0)
    assert found.ambiguous.mean() > 0.95
    turned = two_point(pictures[::-1], te[::-1], TESLA, spectrum=ONE_PEAK, noise=1.0, mask=FULL)
    assert np.array_equal(turned.fraction, found.fraction)


def test_two_echoes_of_fatty_tissue_give_the_wrong_answer_and_say_so():
    te = (OPPOSED, 2 * OPPOSED)
    pictures = echoes(0.8, te, np.random.default_rng(2), spectrum=ONE_PEAK)
    found = two_point(pictures, te, TESLA, spectrum=ONE_PEAK, noise=1.0, mask=FULL)
    assert float(np.nanmean(found.fraction)) == pytest.approx(20.0, abs=1.0)
    assert float(np.nanmean(found.alternative)) == pytest.approx(80.0, abs=1.0)
    assert found.ambiguous.all()


@pytest.mark.parametrize("fraction", [0.05, 0.2, 0.4])
def test_an_assumed_decay_is_taken_off_and_an_unknown_one_is_stated(fraction):
    te = (OPPOSED, 2 * OPPOSED)
    pictures = echoes(fraction, te, np.random.default_rng(3), r2_star=40.0, spectrum=ONE_PEAK)
    known = two_point(pictures, te, TESLA, r2_star=40.0, spectrum=ONE_PEAK, noise=1.0, mask=FULL)
    assert float(np.nanmean(known.fraction)) == pytest.approx(100 * fraction, abs=1.0)
    blind = two_point(pictures, te, TESLA, spectrum=ONE_PEAK, noise=1.0, mask=FULL)
    bias = decay_bias(100 * fraction, te[0], te[1], 25.0)
    assert bias < -0.9
    assert float(np.nanmean(blind.fraction)) == pytest.approx(100 * fraction + bias, abs=1.0)
    assert any("not corrected" in said for said in blind.cautions)
    assert not any("not corrected" in said for said in known.cautions)


@pytest.mark.parametrize("fraction", BELOW)
def test_three_echoes_measure_fat_and_its_decay(fraction):
    te = (2 * OPPOSED, 3 * OPPOSED, 4 * OPPOSED)
    found = multi_echo(echoes(fraction, te, np.random.default_rng(4), r2_star=40.0), te, TESLA, noise=1.0, mask=FULL)
    assert float(np.nanmean(found.fraction)) == pytest.approx(100 * fraction, abs=1.0)
    assert float(np.nanmean(found.r2_star)) == pytest.approx(40.0, abs=2.0)


@pytest.mark.parametrize("fraction", [0.05, 0.2, 0.35, 0.8, 0.95])
def test_six_echoes_tell_water_from_fat_by_the_spectrum(fraction):
    te = tuple(OPPOSED * n for n in range(1, 7))
    found = multi_echo(
        echoes(fraction, te, np.random.default_rng(5), r2_star=40.0, snr=45.0), te, TESLA, noise=1.0, mask=FULL
    )
    assert found.ambiguous.mean() < 0.1
    assert float(np.nanmean(found.fraction[~found.ambiguous])) == pytest.approx(100 * fraction, abs=1.0)


@pytest.mark.parametrize("fraction", [0.0, 0.05, 0.3, 0.5, 0.8, 1.0])
def test_water_and_fat_pictures_are_right_over_the_whole_range(fraction):
    rng = np.random.default_rng(6)
    water, fat = (rician(np.full(SHAPE, SNR * share), rng) for share in (1 - fraction, fraction))
    found = from_water_fat(water, fat, noise=1.0, mask=FULL)
    assert float(np.nanmean(found.fraction)) == pytest.approx(100 * fraction, abs=1.0)
    assert not found.ambiguous.any()


def test_what_cannot_be_told_is_refused():
    rng = np.random.default_rng(7)
    both_in = (2 * OPPOSED, 4 * OPPOSED)
    assert isinstance(two_point(echoes(0.2, both_in, rng), both_in, TESLA, noise=1.0, mask=FULL), NotAssessable)
    assert isinstance(multi_echo(echoes(0.2, both_in, rng), both_in, TESLA, noise=1.0, mask=FULL), NotAssessable)
    pair = np.ones(SHAPE), np.ones((8, 8, 4))
    assert isinstance(from_water_fat(*pair, noise=1.0), NotAssessable)
    dark = from_water_fat(rician(np.zeros(SHAPE), rng), rician(np.zeros(SHAPE), rng), noise=1.0, mask=FULL)
    assert (dark.unfit == NoFat.NO_SIGNAL).all()


def test_the_signal_of_fat_turns_against_that_of_water():
    assert fat_signal((OPPOSED, 2 * OPPOSED), TESLA, ONE_PEAK) == pytest.approx(np.array([-1.0, 1.0]), abs=1e-9)


def body(snr, fat_brightness):
    """A trunk: water within a coat of fat, a liver with 20 % fat, a lump of fat inside; blurred as a scanner does."""
    x, y = np.mgrid[:96, :96] - 47.5
    trunk, core = np.hypot(x / 30, y / 39) < 1, np.hypot(x / 30, y / 39) < 0.82
    liver, lump = np.hypot(x, y + 15) < 11, np.hypot(x / 6, (y - 12) / 8) < 1
    water, fat = np.where(trunk, 0.95, 0.0), np.where(trunk, 0.05, 0.0)
    water, fat = np.where(liver, 0.8, water), np.where(liver, 0.2, fat)
    coat = (trunk & ~core) | lump
    water, fat = np.where(coat, 0.06 * fat_brightness, water), np.where(coat, 0.94 * fat_brightness, fat)
    stack = [np.repeat(ndimage.gaussian_filter(one, 0.7)[:, :, None], 8, axis=2) for one in (water, fat)]
    return snr * stack[0], snr * stack[1], np.repeat(trunk[:, :, None], 8, axis=2)


@pytest.mark.parametrize("fat_brightness", [0.9, 1.6])
@pytest.mark.parametrize("where", ["nowhere", "liver", "half of a slice", "two slices", "everywhere"])
def test_exchanged_regions_are_refused_and_true_borders_are_not(fat_brightness, where):
    rng = np.random.default_rng(8)
    water, fat, trunk = body(30.0, fat_brightness)
    x, y = np.mgrid[:96, :96] - 47.5
    wrong = np.zeros(trunk.shape, bool)
    if where == "liver":
        wrong[:, :, 2:6] = (np.hypot(x, y + 15) < 9)[:, :, None]
    elif where == "half of a slice":
        wrong[48:, :, 4] = True
    elif where == "two slices":
        wrong[:, :, 3:5] = True
    elif where == "everywhere":
        wrong[:] = True
    seen = from_water_fat(
        rician(np.where(wrong, fat, water), rng), rician(np.where(wrong, water, fat), rng), noise=1.0,
        spacing_mm=(3.0, 3.0, 5.0),
    )  # fmt: skip
    refused = seen.unfit == NoFat.SWAPPED
    if where == "nowhere":
        assert not refused.any()
        assert not seen.cautions
        return
    assert refused[wrong & trunk].mean() > 0.9
    assert any("exchanged" in said for said in seen.cautions)
    untouched = trunk & ~wrong.any(axis=(0, 1))[None, None, :]
    assert not refused[untouched].any()
    assert np.isnan(seen.fraction[refused]).all()
