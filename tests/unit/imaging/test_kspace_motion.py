"""The motion simulator against closed forms: phase ramps, rolled pictures, variances of two positions."""

from __future__ import annotations

import numpy as np
import pytest

from mriloop.imaging.kspace_motion import (
    Kind,
    Order,
    Path,
    displacement_mm,
    line_times,
    line_weights,
    move,
    random_path,
    scaled_to,
    spread_mm,
)

SPACING = (1.0, 1.5, 3.0)


def blob(shape=(48, 40, 10)):
    i, j, k = np.meshgrid(*(np.linspace(-1, 1, n) for n in shape), indexing="ij")
    body = 100.0 * ((i / 0.6) ** 2 + (j / 0.5) ** 2 + (k / 2) ** 2 < 1) + 60.0 * ((i - 0.2) ** 2 + j**2 < 0.02)
    return body.astype(np.float32)


def path_of(times, shift, turn=None):
    shift = np.asarray(shift, dtype=float)
    turn = np.zeros_like(shift) if turn is None else np.asarray(turn, dtype=float)
    return Path(times=np.asarray(times, dtype=float), shift_mm=shift, turn_deg=turn, pivot_mm=np.zeros(3))


def step(at, shift, turn=(0, 0, 0)):
    zero = (0.0, 0.0, 0.0)
    return path_of([0, at, at + 1e-9, 1], [zero, zero, shift, shift], [zero, zero, turn, turn])


def test_nobody_moves_and_the_picture_stays():
    picture = blob()
    still = step(0.5, (0, 0, 0))
    out = move(picture, SPACING, 0, line_times(48, Order.LINEAR, train=1), still)
    assert np.abs(out - picture).max() < 1e-3


@pytest.mark.parametrize("axis", [0, 1])
def test_one_step_is_a_phase_ramp_on_the_lines_after_it(axis):
    """Fourier shift theorem, written out line by line for a step of a fraction of a voxel along both axes."""
    picture = blob()
    lines = picture.shape[axis]
    shift = np.array([1.7, -2.2, 0.0])
    out = move(picture, SPACING, axis, line_times(lines, Order.LINEAR, train=1), step(0.4999, tuple(shift)))
    k = np.fft.fft2(picture, axes=(0, 1))
    fi, fj = np.fft.fftfreq(48, SPACING[0]), np.fft.fftfreq(40, SPACING[1])
    ramp = np.exp(-2j * np.pi * (fi[:, None] * shift[0] + fj[None, :] * shift[1]))
    late = np.fft.ifftshift(np.arange(lines) / lines > 0.4999)
    late = late[:, None] if axis == 0 else late[None, :]
    expected = np.fft.ifft2(k * np.where(late, ramp, 1)[:, :, None], axes=(0, 1))
    assert np.abs(out - expected).max() < 1e-3 * picture.max()


def test_a_whole_voxel_moved_from_the_start_is_a_rolled_picture():
    picture = blob()
    away = path_of([0, 1], [(3.0, 0, 0), (3.0, 0, 0)])
    out = np.abs(move(picture, SPACING, 1, line_times(40, Order.CENTRIC), away))
    assert np.abs(out - np.roll(picture, 3, axis=0)).max() < 1e-2


def test_through_plane_and_slices_alone():
    picture = blob()
    away = path_of([0, 1], [(0, 0, 3.0), (0, 0, 3.0)])
    out = np.abs(move(picture, SPACING, 0, line_times(48, Order.LINEAR), away, slices=range(2, 8, 2)))
    assert out.shape == (48, 40, 3)
    assert np.abs(out - picture[:, :, [1, 3, 5]]).max() < 1.0


@pytest.mark.parametrize("order", list(Order))
@pytest.mark.parametrize(("train", "together"), [(1, 1), (8, 1), (5, 3)])
def test_every_order_takes_every_line_once_and_fills_shots_evenly(order, train, together):
    times = line_times(96, order, train=train, together=together, seed=4)
    assert times.shape == (96,)
    assert times.min() == 0
    assert times.max() < 1
    _, counts = np.unique(times, return_counts=True)
    assert counts.max() <= train * together
    if train > 1:
        assert np.all(np.diff(times) >= 0) == (order is Order.LINEAR)


def test_orders_are_what_their_names_say():
    centric = line_times(64, Order.CENTRIC, train=4)
    assert centric[32] == 0
    assert centric[[0, -1]].min() > 0.9
    interleaved = line_times(64, Order.INTERLEAVED, train=8)
    assert list(interleaved[:8] * 8) == list(range(8))
    segmented = line_times(64, Order.SEGMENTED, train=8)
    assert sorted(segmented[28:36] * 8) == list(range(8))


def test_weights_follow_the_amplitude_of_pictures():
    weights = line_weights(200, 1.0)
    assert weights.sum() == pytest.approx(1)
    assert weights[100] == weights[104] == pytest.approx(weights[96])
    assert weights[100 + 40] == pytest.approx(weights[100 + 20] / 2)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.8])
def test_two_positions_have_the_spread_of_two_positions(share):
    """Of two places at distance d with shares p and 1 - p, the root mean square distance is d·sqrt(p(1-p))."""
    poses = np.tile(np.eye(4), (2, 1, 1))
    poses[1, :3, 3] = (0, 3, 4)
    assert spread_mm(poses, np.array([1 - share, share]), np.zeros((1, 3))) == pytest.approx(
        5 * np.sqrt(share * (1 - share))
    )


def test_truth_of_a_turn_is_the_arc_and_a_shift_of_the_whole_scan_is_nothing():
    ring = np.array([[50.0, 0, 0], [0, 50.0, 0], [-50.0, 0, 0], [0, -50.0, 0]])
    times, uniform = np.arange(100) / 100, np.full(100, 0.01)
    turned = displacement_mm(step(0.4999, (0, 0, 0), (0, 0, 2.0)), times, uniform, ring)
    assert turned == pytest.approx(50 * np.sin(np.radians(1.0)), rel=1e-3)
    away = path_of([0, 1], [(9, 9, 9), (9, 9, 9)])
    assert displacement_mm(away, times, uniform, ring) == pytest.approx(0, abs=1e-9)


def test_slices_that_pause_between_packages_are_still():
    """Two packages, each still, the body elsewhere in the second: no line of a slice disagrees with another."""
    times = np.stack([np.linspace(0, 0.45, 64), np.linspace(0.55, 0.99, 64)])
    between = step(0.5, (5.0, 0, 0))
    points = np.random.default_rng(0).normal(size=(50, 3)) * 40
    assert displacement_mm(between, times, line_weights(64, 2.0), points) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("kind", list(Kind))
def test_random_paths_can_be_brought_to_any_size(kind):
    rng = np.random.default_rng(7)
    points = rng.normal(size=(100, 3)) * 40
    times, weights = line_times(128, Order.INTERLEAVED, train=4), line_weights(128, 1.2)
    for target in (0.5, 2.0, 5.0):
        path = scaled_to(random_path(rng, kind, radius_mm=70.0), target, times, weights, points)
        assert displacement_mm(path, times, weights, points) == pytest.approx(target, rel=0.011)
    flat = random_path(rng, kind, radius_mm=70.0, in_plane=True)
    assert not flat.shift_mm[:, 2].any()
    assert not flat.turn_deg[:, :2].any()


def test_energy_of_a_translated_body_stays():
    """A rigid shift only turns phases: the energy of the complex picture is that of the still one."""
    picture = blob()
    shaken = path_of(np.linspace(0, 1, 20), np.random.default_rng(1).normal(size=(20, 3)) * (2, 2, 0))
    out = move(picture, SPACING, 0, line_times(48, Order.INTERLEAVED, train=6), shaken)
    assert np.square(np.abs(out)).sum() == pytest.approx(np.square(picture).sum(), rel=1e-3)
