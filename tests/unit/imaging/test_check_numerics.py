"""The numbers of CHECK against closed forms: Rayleigh and Rician noise, known ghosts, known blur, known motion."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import ndimage, stats

from mriloop.imaging import background, ghosting, motion, noise, sharpness, slices
from mriloop.imaging.foreground import (
    object_mask,
    otsu,
    real_values,
    regions,
    regularity,
    roughness,
    stripes,
    structure,
)

SPACING = (2.0, 2.0, 3.0)


def head(seed=0, shape=(96, 96, 12), sigma=0.0, signal=100.0):
    """An ellipsoid of mottled tissue in air, with complex Gaussian noise of `sigma` a channel."""
    rng = np.random.default_rng(seed)
    i, j, k = np.meshgrid(*(np.linspace(-1, 1, n) for n in shape), indexing="ij")
    texture = ndimage.gaussian_filter(rng.normal(size=shape), (3, 3, 1))
    texture = 1 + 0.3 * texture / texture.std()
    body = signal * np.clip(texture, 0.4, 1.6) * ((i / 0.6) ** 2 + (j / 0.75) ** 2 + (k / 2) ** 2 < 1)
    body = ndimage.gaussian_filter(body, (0.7, 0.7, 0))
    return np.abs(body + sigma * (rng.normal(size=shape) + 1j * rng.normal(size=shape))).astype(np.float32)


def test_otsu_on_two_spikes():
    values = np.array([1.0] * 50 + [9.0] * 50, dtype=np.float32)
    assert 1 < otsu(values) < 9


@pytest.mark.parametrize("sigma", [2.0, 5.0])
def test_snr_from_air_is_the_true_one(sigma):
    data = head(sigma=sigma)
    parts = regions(data, SPACING)
    truth = float(np.median(head()[parts.object])) / sigma
    assert noise.snr_dietrich(data, parts.object, parts.air) == pytest.approx(truth, rel=0.06)


def test_snr_from_the_difference_is_the_true_one():
    one, two = head(sigma=0), head(sigma=0)
    rng = np.random.default_rng(1)
    one, two = one + rng.normal(0, 4, one.shape), two + rng.normal(0, 4, one.shape)
    mask = object_mask(head(), SPACING)
    assert noise.snr_difference(one, two, mask) == pytest.approx(float(head()[mask].mean()) / 4, rel=0.03)


@pytest.mark.parametrize("snr", [2.0, 5.0, 20.0])
def test_koay_factor_inverts_the_rice_distribution(snr):
    rice = stats.rice(snr)
    assert noise.koay_factor(rice.mean() / rice.std()) == pytest.approx(rice.var(), rel=1e-3)
    assert noise.koay_factor(1.0) == pytest.approx(2 - math.pi / 2)


def test_noise_inside_a_smooth_object():
    data = np.full((64, 64, 8), 100.0) + np.random.default_rng(2).normal(0, 5, (64, 64, 8))
    assert noise.sigma_inside(data, np.ones(data.shape, dtype=bool)) == pytest.approx(5, rel=0.08)


@pytest.mark.parametrize("amount", [0.05, 0.1, 0.2])
@pytest.mark.parametrize("sigma", [1.0, 4.0])
def test_a_ghost_of_known_strength_is_measured_whatever_the_noise(amount, sigma):
    shape = (96, 96, 6)
    i, j, _ = np.meshgrid(*(np.arange(n) - (n - 1) / 2 for n in shape), indexing="ij")
    body = 100.0 * ((i / 20) ** 2 + (j / 18) ** 2 < 1)
    ghost = np.roll(body, 48, axis=1) * amount
    rng = np.random.default_rng(4)
    data = np.abs(body + ghost + sigma * (rng.normal(size=shape) + 1j * rng.normal(size=shape))).astype(np.float32)
    mask = body > 50
    free = ~ndimage.binary_dilation(mask, iterations=3)
    lines = mask.any(axis=(1, 2))
    filled = (ghost > 0)[lines].mean() / free[lines].mean()
    wanted = amount * math.sqrt(filled)
    assert ghosting.ghost_ratio(data, mask, free, 1) == pytest.approx(wanted, rel=0.2)
    assert ghosting.ghost_ratio(data, mask, free, 0) == 0


def test_blur_lowers_edges_and_noise_does_not_pass_for_sharpness():
    clean = head(sigma=0.5)
    mask = object_mask(clean, SPACING)
    strengths = [
        sharpness.average_edge_strength(ndimage.gaussian_filter(clean, (s, s, 0)), mask) for s in (0, 0.7, 1.4, 2.5)
    ]
    assert strengths == sorted(strengths, reverse=True)
    noisy = head(sigma=6)
    corrected = sharpness.average_edge_strength(noisy, mask, noise.sigma_inside(noisy, mask))
    assert corrected == pytest.approx(strengths[0], rel=0.15)


def test_gradient_entropy_bounds():
    mask = np.ones((40, 40, 1), dtype=bool)
    step = np.zeros((40, 40, 1), dtype=np.float32)
    step[20:] = 1.0
    ramp = np.cumsum(np.ones((40, 40, 1), dtype=np.float32), axis=0)
    assert sharpness.gradient_entropy(step, mask, 0) == pytest.approx(math.log(40) / math.log(1600), abs=1e-6)
    assert sharpness.gradient_entropy(ramp, mask, 0) == pytest.approx(math.log(39 * 40) / math.log(1600), abs=1e-6)


def test_entropy_focus_of_a_flat_picture_is_one():
    assert background.entropy_focus(np.ones((16, 16, 4))) == pytest.approx(1.0)
    assert background.entropy_focus(np.zeros((4, 4, 4))) is None


def test_rayleigh_air_has_no_tail():
    air = np.ones((64, 64, 4), dtype=bool)
    assert background.background_tail(np.random.default_rng(0).rayleigh(3, air.shape), air) == pytest.approx(
        0, abs=0.06
    )


def test_blank_and_identical_slices_and_a_jump():
    data = head(sigma=1)
    data[:, :, 4] = 0
    data[:, :, 8] = data[:, :, 7]
    assert slices.blank_slices(data) == (4,)
    assert slices.identical_slices(data) == ((7, 8),)
    dim = head(sigma=1)
    mask = object_mask(dim, SPACING)
    dim[:, :, 6] *= 0.5
    assert int(np.nanargmax(slices.slice_jumps(dim, mask))) == 6


def test_zeroed_background_leaves_no_air():
    data = head(sigma=2)
    data[~ndimage.binary_dilation(object_mask(data, SPACING), iterations=2)] = 0
    parts = regions(data, SPACING)
    assert parts.zeroed > 0.95
    assert int(parts.air.sum()) < 200


def test_a_bottle_is_even_and_regular_and_a_head_is_not():
    shape = (96, 96, 8)
    i, j, _ = np.meshgrid(*(np.arange(n) - (n - 1) / 2 for n in shape), indexing="ij")
    rng = np.random.default_rng(0)
    bottle = np.abs(100.0 * (1 - 0.003 * i) * (i**2 + j**2 < 30**2) + rng.normal(0, 1, shape)).astype(np.float32)
    mask = object_mask(bottle, SPACING)
    assert roughness(bottle, mask) < 0.03
    assert regularity(mask) > 0.97
    tissue = head(sigma=1)
    assert roughness(tissue, object_mask(tissue, SPACING)) > 0.1


def test_noise_has_no_structure_and_stripes_are_told():
    rng = np.random.default_rng(0)
    assert structure(rng.rayleigh(1, (64, 64, 8))) < 0.1
    assert structure(head(sigma=5)) > 0.4
    assert stripes(np.tile(rng.random((1, 64, 1)), (64, 1, 4))) == pytest.approx(1.0)


def test_colour_complex_and_broken_numbers_become_magnitudes():
    colour = np.zeros((2, 2, 2), dtype=[("R", "u1"), ("G", "u1"), ("B", "u1")])
    colour["G"] = 30
    assert float(real_values(colour).max()) == pytest.approx(10)
    assert float(real_values(np.array([3 + 4j])).max()) == pytest.approx(5)
    assert real_values(np.array([np.nan, np.inf, 2.0])).tolist() == [0, 0, 2]


def moved(data, affine, truth):
    change = np.linalg.inv(affine) @ np.linalg.inv(truth) @ affine
    return ndimage.affine_transform(data, change[:3, :3], offset=change[:3, 3], order=3).astype(np.float32)


@pytest.mark.parametrize("slices", [15, 30])
def test_known_motions_come_back_within_a_twentieth_of_a_voxel(slices):
    """The body is longer than the stack, as a head is: moved whole, then cut to the slices that were acquired."""
    spacing, margin = (3.75, 3.75, 5.0), 8
    affine = np.diag([*spacing, 1.0])
    affine[:3, 3] = -118, -118, -5 * (slices / 2 + margin)
    rng = np.random.default_rng(9)
    texture = ndimage.gaussian_filter(rng.normal(size=(64, 64, slices + 2 * margin)), (1.6, 1.6, 1.2))
    i, j, k = np.meshgrid(*(np.linspace(-1, 1, n) for n in texture.shape), indexing="ij")
    inside = (i / 0.6) ** 2 + (j / 0.75) ** 2 + (k / 1.1) ** 2 < 1
    body = ndimage.gaussian_filter(100 * inside * (1 + 0.3 * texture / texture.std()), 0.7)
    cut = slice(margin, margin + slices)
    seen = affine.copy()
    seen[2, 3] += 5.0 * margin
    mask = object_mask(body[:, :, cut].astype(np.float32), spacing)
    centre = motion._centre(body[:, :, cut], mask, seen)
    given = [(0, 0, 0, 0, 0, 0), (1.0, -0.5, 0.3, 0.5, 0.2, -0.8), (3, 2, -1, 2, -1, 4), (-4, 1, 2, -3, 2, 12)]
    truths = [motion._matrix(np.array([*g[:3], *np.radians(g[3:])], dtype=float), centre) for g in given]
    volumes = [(moved(body, affine, t)[:, :, cut] + rng.normal(0, 1.0, mask.shape)).astype(np.float32) for t in truths]
    _, found = motion.estimate(volumes, seen, mask, reference=0)
    points = motion.object_points(mask, seen)
    for truth, one in zip(truths, found, strict=True):
        assert motion.mean_displacement(truth, one.matrix, points) < 0.2
