"""SSIM and its relatives against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from mriloop.imaging.similarity import correlation, gradient_deviation, scaled, sharpness_ratio, ssim, ssim_map

RNG = np.random.default_rng(3)
PICTURE = gaussian_filter(RNG.normal(size=(48, 48, 4)), (2, 2, 0)) * 100 + 200
MASK = np.ones(PICTURE.shape, bool)


def test_a_picture_is_itself_whatever_its_gain():
    other = 7.5 * PICTURE + 30
    assert ssim(PICTURE, other, MASK) == pytest.approx(np.ones(4))
    assert gradient_deviation(PICTURE, other, MASK) == pytest.approx(0, abs=1e-6)
    assert sharpness_ratio(PICTURE, other, MASK) == pytest.approx(1)
    assert correlation(PICTURE, other, MASK) == pytest.approx(1)
    assert correlation(PICTURE, -PICTURE, MASK) == pytest.approx(-1)


def test_two_grey_walls_differ_by_their_brightness_alone():
    """Without structure SSIM is (2ab + C1) / (a² + b² + C1)."""
    one, two = np.full((20, 20), 0.8), np.full((20, 20), 0.3)
    expected = (2 * 0.8 * 0.3 + 1e-4) / (0.8**2 + 0.3**2 + 1e-4)
    assert ssim_map(one, two) == pytest.approx(np.full((20, 20), expected))


def test_opposite_stripes_are_opposite():
    """Stripes of contrast s about one mean against their negative: contrast term (C2 - 2 s²)/(C2 + 2 s²)."""
    stripes = np.where(np.arange(60) % 2, 0.7, 0.3)[:, None] * np.ones((1, 60))
    inner = ssim_map(stripes, 1 - stripes, sigma=4.0)[25:35, 25:35]
    c2, power = 0.03**2, 0.2**2
    assert inner.mean() == pytest.approx((c2 - 2 * power) / (c2 + 2 * power), abs=0.01)


@pytest.mark.parametrize("measure", ["ssim", "gradient", "correlation"])
def test_the_more_it_is_spoilt_the_less_it_is_alike(measure):
    noise = RNG.normal(size=PICTURE.shape) * PICTURE.std()
    found = []
    for share in (0.05, 0.2, 0.6):
        other = PICTURE + share * noise
        answer = {
            "ssim": lambda o: np.nanmean(ssim(PICTURE, o, MASK)),
            "gradient": lambda o: -gradient_deviation(PICTURE, o, MASK),
            "correlation": lambda o: correlation(PICTURE, o, MASK),
        }[measure](other)
        found.append(answer)
    assert found[0] > found[1] > found[2]


def test_the_duller_picture_has_less_edge_and_the_ratio_turns_round():
    dull = gaussian_filter(PICTURE, (2, 2, 0))
    ratio = sharpness_ratio(dull, PICTURE, MASK)
    assert ratio < 0.9
    assert sharpness_ratio(PICTURE, dull, MASK) == pytest.approx(1 / ratio, rel=0.1)


def test_nothing_to_compare_gives_no_number():
    flat = np.zeros((20, 20, 2))
    few = np.zeros(flat.shape, bool)
    few[:2, :2] = True
    assert np.isnan(ssim(flat, flat, few)).all()
    assert gradient_deviation(flat, flat, few) is None
    assert sharpness_ratio(flat, flat, few) is None
    assert correlation(flat, flat, few) is None
    assert not scaled(flat, few).any()
