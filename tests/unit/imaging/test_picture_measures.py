"""The measures of any body part against closed forms, known artefacts and the phantom's coils and folds."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
from scipy import ndimage, stats

from mriloop.imaging import background, coil, ghosting, greyscale, interference, shading, slices, smoothness
from mriloop.imaging.evenness import flat_share
from mriloop.imaging.foreground import object_mask, regions
from mriloop.imaging.phantom import Faults, acquire, head, t1_axial

SPACING = (2.0, 2.0, 3.0)


def body(seed=0, shape=(96, 96, 12), sigma=1.0, signal=100.0):
    """An ellipsoid of mottled tissue in air with Rician noise, and the voxels it fills."""
    rng = np.random.default_rng(seed)
    i, j, k = np.meshgrid(*(np.linspace(-1, 1, n) for n in shape), indexing="ij")
    texture = ndimage.gaussian_filter(rng.normal(size=shape), (3, 3, 1))
    inside = (i / 0.6) ** 2 + (j / 0.75) ** 2 + (k / 2) ** 2 < 1
    clean = signal * np.clip(1 + 0.3 * texture / texture.std(), 0.4, 1.6) * inside
    noise = sigma * (rng.normal(size=shape) + 1j * rng.normal(size=shape))
    return np.abs(ndimage.gaussian_filter(clean, (0.7, 0.7, 0)) + noise).astype(np.float32), inside


@lru_cache(maxsize=8)
def scan(dead=None):
    plan = t1_axial()
    plan = replace(plan, normalized=False, matrix=(*plan.matrix[:2], 8))
    return acquire(head(seed=3), plan, faults=Faults(snr=80, dead_coil=dead), seed=1)


@pytest.mark.parametrize("width", [1.0, 1.6, 2.5])
def test_smoothness_of_smoothed_noise_is_that_of_the_filter(width):
    noise = ndimage.gaussian_filter(np.random.default_rng(1).normal(size=(90, 90, 20)), (width, 1.2, 1.0))
    found = smoothness.fwhm_mm(noise, np.ones(noise.shape, dtype=bool), (0.8, 1.0, 3.0))
    wanted = [math.sqrt(8 * math.log(2)) * s * d for s, d in ((width, 0.8), (1.2, 1.0), (1.0, 3.0))]
    assert found == pytest.approx(wanted, rel=0.06)
    assert smoothness.fwhm_mm(noise, np.zeros(noise.shape, dtype=bool), SPACING) == (None, None, None)


@pytest.mark.parametrize("amplitude", [0.25, 0.5])
def test_stripes_of_known_amplitude_come_back_and_a_clean_picture_has_none(amplitude):
    data, inside = body()
    assert np.nanmax(interference.herringbone(data, inside)) == 0
    i, j = np.meshgrid(np.arange(96), np.arange(96), indexing="ij")
    wave = np.cos(2 * np.pi * (0.21 * i + 0.13 * j))
    level = float(np.median(data[:, :, 5][inside[:, :, 5]]))
    data[:, :, 5] = np.abs(data[:, :, 5] + inside[:, :, 5] * amplitude * level * wave)
    found = interference.herringbone(data, inside)
    assert int(np.nanargmax(found)) == 5
    assert np.nanmax(found) == pytest.approx(amplitude, rel=0.25)


def test_a_line_of_dots_is_a_zipper_and_a_straight_edge_is_none():
    data, inside = body()
    square = data.copy()
    square[30:60, 10:80] += 80  # edges straight along both axes
    for axis in (0, 1):
        assert np.nanmax(interference.zipper(square, inside, axis)) < 0.02
    found = []
    for strength in (20.0, 60.0, 200.0, 800.0):
        dots = data.copy()
        dots[40] = np.hypot(dots[40], np.random.default_rng(3).rayleigh(strength, dots[40].shape))
        found.append(float(np.nanmedian(interference.zipper(dots, object_mask(dots, SPACING), 1))))
    assert found == sorted(found)
    assert found[0] > 0.01
    assert found[1] > 0.1


def test_a_fold_runs_on_over_the_end_and_a_cut_does_not():
    whole = scan()
    data, axis = whole.data, whole.prescription.phase_index
    mask = object_mask(data, whole.prescription.spacing)
    assert ghosting.folded_share(data, mask, axis) == 0
    size = data.shape[axis]
    lines = round(0.62 * size)
    start = (size - lines) // 2
    folded = np.zeros_like(np.take(data, np.arange(lines), axis=axis))
    for at in range(size):  # a sampled k-space of fewer lines adds what lies one field of view apart
        place = [slice(None)] * 3
        place[axis] = (at - start) % lines
        folded[tuple(place)] += np.take(data, at, axis=axis)
    both = np.ones(folded.shape, dtype=bool)
    assert ghosting.folded_share(folded, both, axis) > 0.35
    aside = np.take(data, np.arange(start - 12, start - 12 + lines), axis=axis)  # cut where the sides are not mirrored
    assert ghosting.folded_share(aside, both, axis) == 0


def test_slices_taken_in_two_passes_are_torn_by_a_move_between_them_and_noise_is_not():
    noise = np.random.default_rng(0).normal(size=(64, 64, 20)) + 50
    everywhere = np.ones(noise.shape, dtype=bool)
    assert slices.interleave_tear(noise, everywhere) == pytest.approx(1.0, abs=0.02)
    image = scan()
    mask = object_mask(image.data, image.prescription.spacing)
    still = slices.interleave_tear(image.data, mask)
    assert still < 1
    found = [still]
    for shift in (1, 2, 4, 6):
        moved = image.data.copy()
        moved[:, :, 1::2] = np.roll(moved[:, :, 1::2], shift, axis=1)
        found.append(slices.interleave_tear(moved, mask))
    assert found == sorted(found)
    assert found[-1] > 1.2 * still


def test_packages_that_differ_in_brightness_give_their_difference():
    data = np.full((40, 40, 12), 100.0) + np.random.default_rng(0).normal(0, 1, (40, 40, 12))
    everywhere = np.ones(data.shape, dtype=bool)
    assert slices.interleave_step(data, everywhere) < 0.01
    data[:, :, ::2] *= 1.2
    assert slices.interleave_step(data, everywhere) == pytest.approx((0.2 + 1 / 6) / 2, abs=0.03)


@pytest.mark.parametrize("strength", [0.3, 0.8])
def test_a_known_field_over_the_phantom_comes_back(strength):
    image = scan()
    mask = object_mask(image.data, image.prescription.spacing)
    i, j, _ = np.meshgrid(*(np.linspace(-1, 1, n) for n in mask.shape), indexing="ij")
    truth = np.exp(strength * (0.6 * i + 0.4 * j**2))
    plain = shading.bias_field(image.data, mask, image.prescription.spacing)
    shaded = shading.bias_field((image.data * truth).astype(np.float32), mask, image.prescription.spacing)
    small, inside, _ = shading._on_grid(truth, mask & (image.data > 0), image.prescription.spacing)
    known = np.log(small[inside])
    change = np.log(shaded) - np.log(plain)
    assert np.corrcoef(change, known)[0, 1] > 0.9
    assert np.polyfit(known, change, 1)[0] == pytest.approx(0.85, abs=0.25)  # strong fields come back to two thirds
    assert shading.field_range(shaded) > shading.field_range(plain)
    assert shading.field_median(np.ones(9)) == 1


def test_a_silent_element_and_a_darkened_half_show_as_asymmetry():
    spacing = scan().prescription.spacing
    found = {}
    for dead in (None, 0, 1):
        image = scan(dead=dead)
        found[dead] = coil.asymmetry(image.data, object_mask(image.data, spacing), spacing, 0)
    assert abs(found[None]) < 0.05
    assert max(abs(found[0]), abs(found[1])) > 4 * abs(found[None])
    data, mask = scan().data, object_mask(scan().data, spacing)
    half = []
    for left in (1.0, 0.6, 0.3, 0.15):
        dark = data.copy()
        dark[: data.shape[0] // 2] *= left
        half.append(abs(coil.asymmetry(dark, mask, spacing, 0)))
    assert half == sorted(half)
    assert half[-1] == pytest.approx((1 - 0.15) / (1 + 0.15), abs=0.2)  # the smoothing mixes the halves


def test_centroids_of_an_even_and_of_a_one_sided_bar():
    bar = np.zeros((80, 40, 8), dtype=np.float32)
    bar[20:60, 10:30] = 100
    mask = bar > 0
    assert coil.centroid_offset_mm(bar, mask, SPACING) == pytest.approx((0, 0, 0), abs=0.2)
    assert coil.centre_offset_mm(bar, mask, SPACING) == pytest.approx((0, 0, 0), abs=2.1)
    moved = np.roll(bar, 10, axis=0)
    assert coil.centre_offset_mm(moved, moved > 0, SPACING)[0] == pytest.approx(20, abs=2.1)
    bar[20:60] *= np.linspace(1, 0.2, 40)[:, None, None].astype(np.float32)
    assert coil.centroid_offset_mm(bar, mask, SPACING)[0] < -5


def test_entropy_and_energy_equal_their_formulas():
    data, inside = body()
    wide = data.astype(np.float64)
    share = wide.ravel() / math.sqrt(float((wide**2).sum()))
    root = math.sqrt(data.size)
    wanted = -float((share * np.log(share + 1e-300)).sum()) / (root * math.log(root))
    assert background.entropy_focus(data) == pytest.approx(wanted, rel=1e-6)
    for air in (~inside, ~inside & (np.arange(data.size).reshape(data.shape) > 0)):
        ratio = float(np.median(wide[inside] ** 2) / np.median(wide[air] ** 2))
        assert background.foreground_background_energy(data, inside, air) == pytest.approx(ratio, rel=1e-6)


@pytest.mark.parametrize("channels", [1, 4, 12])
def test_air_of_any_number_of_channels_is_noise_and_a_ghost_in_it_is_not(channels):
    shape = (96, 96, 8)
    air = np.ones(shape, dtype=bool)
    noise = stats.chi.rvs(2 * channels, scale=5, size=shape, random_state=np.random.default_rng(2)).astype(np.float32)
    assert background.noise_misfit(noise, air) < 0.015
    assert background.artefact_share(noise, air) == 0
    assert background.air_correlation(noise, air) < 0.03
    ghost = noise.copy()
    ghost[20:44, 30:60] += 4 * float(np.median(noise))
    assert background.artefact_share(ghost, air) == pytest.approx(24 * 30 / 96**2, rel=0.15)
    assert background.noise_misfit(ghost, air) > 0.02
    assert background.air_correlation(ghost, air) > 0.3


def test_clipping_and_steps_of_grey():
    data, inside = body()
    assert greyscale.clipped_share(data, inside) == 0
    limit = float(np.percentile(data[inside], 80))
    assert greyscale.clipped_share(np.minimum(data, limit), inside) == pytest.approx(0.2, abs=0.01)
    coarse = np.round(data / 20)
    assert greyscale.grey_levels(coarse, inside) < 16 < greyscale.grey_levels(np.round(data), inside)


def test_bands_are_counted_by_their_area():
    data = np.full((120, 120, 3), 100.0, dtype=np.float32)
    mask = np.ones(data.shape, dtype=bool)
    assert shading.banding(data, mask, (1.0, 1.0, 3.0)) == 0
    data[20::30] = data[21::30] = data[22::30] = data[23::30] = 10
    assert shading.banding(data, mask, (1.0, 1.0, 3.0)) == pytest.approx(4 / 30, abs=0.06)


def test_masks_of_fine_voxels_fill_the_same_body():
    data, inside = body(shape=(256, 256, 12))
    mask = object_mask(data, (0.8, 0.8, 3.0))
    overlap = 2 * np.count_nonzero(mask & inside) / (np.count_nonzero(mask) + np.count_nonzero(inside))
    assert overlap > 0.95


def test_ghosts_are_measured_where_half_the_air_was_zeroed_and_where_no_air_lies_across():
    shape = (96, 96, 6)
    i, j, _ = np.meshgrid(*(np.arange(n) - (n - 1) / 2 for n in shape), indexing="ij")
    rng = np.random.default_rng(4)
    noise = 2.0 * (rng.normal(size=shape) + 1j * rng.normal(size=shape))
    disc = 100.0 * (i**2 + j**2 < 22**2)
    data = np.abs(disc + 0.15 * np.roll(disc, 48, axis=1) + noise).astype(np.float32)
    masked = data.copy()
    masked[:30] = 0
    found = []
    for one in (data, masked):
        part = regions(one, SPACING)
        bright = ghosting.core(one, part.object)
        beside = part.air | (part.object & ghosting.away(bright, SPACING))
        found.append(ghosting.ghost_ratio(one, bright, beside, 1))
        assert ghosting.ghost_ratio(one, bright, beside, None) == found[-1]
    assert found[1] == pytest.approx(found[0], rel=0.25)
    assert 0.08 < found[0] < 0.15
    column = 100.0 * (np.abs(j) < 18)
    strip = 0.2 * 100.0 * ((j > 30) & (j < 40))
    cut = np.abs(column + strip + noise).astype(np.float32)
    air = np.abs(j) > 24
    assert ghosting.ghost_ratio(cut, column > 0, air, 1) == pytest.approx(0.2 * math.sqrt(9 / 46), rel=0.25)
    clean = np.abs(column + noise).astype(np.float32)
    assert ghosting.ghost_ratio(clean, column > 0, air, 1) < 0.02


def test_a_liquid_with_inserts_is_one_substance_and_tissue_is_not():
    shape = (96, 96, 6)
    i, j, _ = np.meshgrid(*(np.arange(n) - (n - 1) / 2 for n in shape), indexing="ij")
    noise = np.random.default_rng(0).normal(0, 1, shape)
    bottle = 100.0 * (1 - 0.004 * i) * (i**2 + j**2 < 32**2)
    bottle[40:52, 30:60] = 0
    bottle[(i + 15) ** 2 + (j - 15) ** 2 < 36] = 160
    data = np.abs(bottle + noise).astype(np.float32)
    assert flat_share(data, object_mask(data, SPACING)) > 0.7
    tissue, inside = body()
    assert flat_share(tissue, inside) < 0.4


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("strength", [0.1, 0.3, 0.6, 0.9])
def test_a_ghost_of_half_a_field_is_measured_however_strong_and_without_air(axis, strength):
    values, inside = body()
    moved = values + strength * np.roll(values, values.shape[axis] // 2, axis=axis)
    assert ghosting.half_field_ghost(moved, inside, axis) == pytest.approx(strength, abs=0.03)
    assert ghosting.half_field_ghost(moved, inside, None) == pytest.approx(strength, abs=0.03)
    assert ghosting.half_field_ghost(values, inside, axis) < 0.05


def test_nothing_has_no_ghost():
    empty = np.zeros((32, 32, 4), np.float32)
    assert ghosting.half_field_ghost(empty, empty > 0, 0) is None
    assert ghosting.half_field_ghost(empty + 1, empty == 0, 0) < 0.01
