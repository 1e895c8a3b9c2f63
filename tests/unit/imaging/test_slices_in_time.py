"""Single slices against their neighbours: a lost slice, a spike, and interleaves combed apart by a known motion."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from mriloop.imaging import motion, slices_in_time

SHAPE, SPACING = (48, 48, 20), 4.0
AFFINE = np.diag([SPACING, SPACING, SPACING, 1.0])
AFFINE[:3, 3] = -SPACING * (np.array(SHAPE) - 1) / 2
X, Y, Z = np.meshgrid(*(np.linspace(-1, 1, n) for n in SHAPE), indexing="ij")
INSIDE = (X / 0.7) ** 2 + (Y / 0.8) ** 2 + (Z / 1.5) ** 2 < 1


def body(seed=3):
    texture = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=SHAPE), 1.5)
    return np.where(INSIDE, 1000 * (1 + 0.25 * texture / texture.std()), 0.0)


def run(rng, count=12, sigma=20.0, moved=lambda base, t: base):
    base = body()
    noise = lambda: rng.normal(0, sigma, SHAPE)  # noqa: E731
    return [np.hypot(moved(base, t) + noise(), noise()).astype(np.float32) for t in range(count)]


def moved_by(base, shift_mm, turn_deg=0.0):
    """Shift along i and turn about the slice normal, by a map that knows nothing of the code under test."""
    angle = np.radians(turn_deg)
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    centre = (np.array(SHAPE) - 1) / 2
    offset = centre - turn.T @ (centre + np.array([shift_mm / SPACING, 0, 0]))
    return ndimage.affine_transform(base, turn.T, offset=offset, order=3)


def test_a_slice_that_lost_its_signal_stands_alone_and_by_how_much():
    volumes = run(np.random.default_rng(0))
    volumes[4][:, :, 9] *= 0.5
    volumes[7][:, :, 12] *= 0.7
    rest, deviations = slices_in_time.departures(slices_in_time.slice_means(volumes, INSIDE))
    assert np.exp(rest[9, 4]) == pytest.approx(0.5, abs=0.03)
    assert np.exp(rest[12, 7]) == pytest.approx(0.7, abs=0.03)
    far = np.argwhere((deviations < -5) & (rest < np.log(0.75)))
    assert far.tolist() == [[9, 4], [12, 7]]


def test_what_all_slices_do_is_no_loss():
    """Drift, a volume that is darker as a whole, and a shading along the slices as a gradient direction gives it."""
    volumes = run(np.random.default_rng(1))
    shading = np.exp(np.linspace(-0.2, 0.2, SHAPE[2]))
    changed = [v * (1 - 0.01 * t) * (0.6 if t == 5 else 1) * (shading if t == 8 else 1) for t, v in enumerate(volumes)]
    rest, _ = slices_in_time.departures(slices_in_time.slice_means([v.astype(np.float32) for v in changed], INSIDE))
    assert float(np.nanmax(np.abs(rest))) < 0.1
    assert np.isnan(rest[[0, -1]]).all()


def test_scaling_changes_nothing_and_too_little_says_nothing():
    volumes = run(np.random.default_rng(2), count=4)
    rest, _ = slices_in_time.departures(slices_in_time.slice_means(volumes, INSIDE))
    again, _ = slices_in_time.departures(slices_in_time.slice_means([v * np.float32(40) for v in volumes], INSIDE))
    assert np.nan_to_num(again) == pytest.approx(np.nan_to_num(rest), abs=1e-4)
    assert np.isnan(slices_in_time.departures(slices_in_time.slice_means(volumes[:2], INSIDE))[0]).all()
    assert np.isnan(slices_in_time.departures(slices_in_time.slice_means(volumes, INSIDE)[:4])[0]).all()


def test_a_spike_in_k_space_raises_the_air_of_its_slice_alone():
    volumes = run(np.random.default_rng(3))
    air = ~ndimage.binary_dilation(INSIDE, iterations=3)
    spectrum = np.fft.fft2(volumes[6][:, :, 8])
    spectrum[17, 31] += 0.3 * np.abs(spectrum).max()
    volumes[6][:, :, 8] = np.abs(np.fft.ifft2(spectrum))
    rest, deviations = slices_in_time.departures(slices_in_time.slice_levels(volumes, air))
    assert np.argwhere((rest > np.log(2)) & (deviations > 8)).tolist() == [[8, 6]]


@pytest.mark.parametrize(("shift", "turn"), [(0.0, 0.0), (1.0, 0.0), (3.0, 0.0), (0.0, 2.0)])
def test_interleaves_are_as_far_apart_as_the_object_moved_between_them(shift, turn):
    """Even slices before the move, odd ones after it; displacement of a turn: mean distance from the axis times it."""

    def torn(base, t):
        if t != 5:
            return base
        after = moved_by(base, shift, turn)
        after[:, :, ::2] = base[:, :, ::2]
        return after

    volumes = run(np.random.default_rng(4), moved=torn)
    _, found = motion.estimate(volumes, AFFINE, INSIDE)
    apart = slices_in_time.interleave_displacements(volumes, AFFINE, INSIDE, found)
    arms = np.argwhere(INSIDE)[:, :2] * SPACING + AFFINE[:2, 3]
    truth = shift + np.radians(turn) * np.linalg.norm(arms, axis=1).mean()
    assert apart[5] == pytest.approx(truth, abs=0.1 + 0.1 * truth)
    assert float(np.delete(apart, 5).max()) < 0.12


def test_motion_between_volumes_combs_nothing():
    volumes = run(np.random.default_rng(5), moved=lambda base, t: moved_by(base, 1.5 * (t % 3), 2.0 * (t % 2)))
    _, found = motion.estimate(volumes, AFFINE, INSIDE)
    assert float(slices_in_time.interleave_displacements(volumes, AFFINE, INSIDE, found).max()) < 0.25
    assert (
        slices_in_time.interleave_displacements([v[:, :, :6] for v in volumes], AFFINE, INSIDE[:, :, :6], found) is None
    )


def test_torn_volumes_are_not_trusted_and_noisy_series_are():
    assert motion.untrusted([0.98, 0.97, 0.99, 0.6]).tolist() == [False, False, False, True]
    assert not motion.untrusted([0.6, 0.65, 0.62, 0.58]).any()
    assert not motion.untrusted([0.999, 0.999, 0.99]).any()


def test_thick_far_apart_slices_show_motion_in_their_plane_only():
    affine = AFFINE.copy()
    affine[2] *= 4
    volumes = run(np.random.default_rng(6), count=4, moved=lambda base, t: moved_by(base, 2.0 * t, 1.0 * t))
    _, found = motion.estimate(volumes, affine, INSIDE, reference=0)
    for t, one in enumerate(found):
        assert one.translation_mm[0] == pytest.approx(2.0 * t, abs=0.25)
        assert one.translation_mm[2] == pytest.approx(0, abs=1e-6)
        assert one.rotation_deg[2] == pytest.approx(1.0 * t, abs=0.2)
        assert one.rotation_deg[:2] == pytest.approx((0, 0), abs=1e-6)


def test_courses_follow_the_object():
    volumes = run(np.random.default_rng(7), count=4, sigma=2.0, moved=lambda base, t: moved_by(base, 3.0 * t))
    _, found = motion.estimate(volumes, AFFINE, INSIDE)
    inner = ndimage.binary_erosion(INSIDE, iterations=4)
    points = motion.object_points(inner, AFFINE)
    followed = motion.aligned_courses(volumes, AFFINE, found, points)
    fixed = np.stack([v[inner] for v in volumes], axis=1)
    assert float(np.median(followed.std(axis=1))) < 0.2 * float(np.median(fixed.std(axis=1)))
