"""Numbers of a diffusion series against simulation, brute force and tables whose faults are known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mriloop.imaging import diffusion
from mriloop.imaging.motion import Rigid


def spread(count):
    """Return `count` directions spread over a half sphere (Fibonacci)."""
    n = np.arange(count) + 0.5
    z, turn = n / count, np.pi * (1 + 5**0.5) * n
    flat = np.sqrt(1 - z**2)
    return np.column_stack([flat * np.cos(turn), flat * np.sin(turn), z])


def test_neighbours_are_the_nearest_up_to_sign_and_across_shells():
    g = np.array([[0, 0, 0], [1, 0, 0], [-0.99, 0.1411, 0], [0, 1, 0], [0, 0.9, 0.4359]])
    b = np.array([0.0, 1000, 1000, 1000, 1000])
    assert diffusion.q_neighbours(b, g) == [(1, 2), (2, 1), (3, 4), (4, 3)]
    assert diffusion.q_neighbours(b[:2], g[:2]) == []


def test_correlation_of_neighbours_is_what_signal_and_noise_make_of_it():
    rng = np.random.default_rng(0)
    signal, noise = rng.normal(size=(20, 20, 10, 1)), rng.normal(size=(20, 20, 10, 30))
    found = diffusion.neighbouring_dwi_correlation(signal + noise, np.full(30, 1000.0), spread(30))
    assert found == pytest.approx(0.5, abs=0.02)
    mask = np.zeros((20, 20, 10), dtype=bool)
    mask[5:15] = True
    pairs = diffusion.q_neighbours(np.full(30, 1000.0), spread(30))
    brute = np.mean([np.corrcoef((signal + noise)[mask][:, a], (signal + noise)[mask][:, b])[0, 1] for a, b in pairs])
    masked = diffusion.neighbouring_dwi_correlation(signal + noise, np.full(30, 1000.0), spread(30), mask)
    assert masked == pytest.approx(float(brute), rel=1e-9)
    assert diffusion.neighbouring_dwi_correlation(np.ones((9, 9, 9, 5)), np.full(5, 1000.0), spread(5)) is None


@pytest.mark.parametrize("count", [2, 3, 8])
def test_noise_of_repeats_is_the_noise(count):
    data = 300 + np.random.default_rng(count).normal(0, 12, (20, 20, 20, count))
    assert diffusion.noise_of_repeats(data, np.ones((20, 20, 20), bool)) == pytest.approx(12, rel=0.02)
    assert diffusion.noise_of_repeats(data[..., :1]) is None


def test_a_good_table_reads_as_one():
    b = np.array([0, 0.001, 1.25, *[1000.0] * 30, *[2000.0] * 60])
    g = np.vstack([np.full((3, 3), np.nan), spread(30), spread(60)])
    table = diffusion.gradient_table(b, g)
    assert table.b0 == 3
    assert table.shells == ((1000.0, 30, 30), (2000.0, 60, 60))
    assert (table.duplicates, table.not_unit, table.unknown) == (0, 0, 0)
    # a uniform sphere has the condition number √2.5 (Skare 2000: 1.58 for the icosahedral schemes)
    assert table.condition == pytest.approx(math.sqrt(2.5), rel=0.05)
    assert table.one_sided == pytest.approx(0.5, abs=0.02)


def test_the_faults_of_a_table_are_counted():
    g = spread(12)
    repeated = diffusion.gradient_table(np.full(24, 1000.0), np.vstack([g, -g]))
    assert (repeated.duplicates, repeated.shells) == (12, ((1000.0, 12, 24),))
    assert repeated.one_sided == pytest.approx(0.5, abs=0.05)
    flat = g * [1, 1, 0]
    flat /= np.linalg.norm(flat, axis=1, keepdims=True)
    assert diffusion.gradient_table(np.full(12, 1000.0), flat).condition == math.inf
    assert diffusion.gradient_table(np.full(5, 1000.0), g[:5]).condition == math.inf
    scaled = diffusion.gradient_table(np.full(12, 1000.0), g * 0.8)
    assert scaled.not_unit == 12
    holes = g.copy()
    holes[:4] = np.nan
    assert diffusion.gradient_table(np.full(12, 1000.0), holes).unknown == 4
    assert diffusion.gradient_table(np.zeros(3), np.full((3, 3), np.nan)).shells == ()


def test_a_turned_table_is_as_good():
    g = spread(20)
    turn = np.linalg.qr(np.random.default_rng(2).normal(size=(3, 3)))[0]
    b = np.full(20, 1000.0)
    one, other = diffusion.gradient_table(b, g), diffusion.gradient_table(b, g @ turn.T)
    assert one.condition == pytest.approx(other.condition, rel=1e-9)
    assert one.shells == other.shells


def poses(values):
    return [Rigid(tuple(v[:3]), tuple(v[3:]), (0.0, 0.0, 0.0), 0.95) for v in values]


def moving(order, jump_at):
    """Return directions in this order and parameters with an eddy current on one and a jump on another."""
    g, rng = spread(20)[order], np.random.default_rng(3)
    values = rng.normal(0, 0.05, (20, 6))
    values[:, 1] += 2.0 * g[:, 0] - 1.0 * g[:, 2]
    values[:, 3] += np.where(np.arange(20) >= jump_at, 1.5, 0.0)
    return values, [tuple(d) for d in g]


def test_what_follows_the_direction_is_taken_off():
    values, directions = moving(np.random.default_rng(8).permutation(20), 12)
    cleaned = diffusion.without_eddy_currents(poses(values), directions)
    assert np.std([m.translation_mm[1] for m in cleaned]) < 0.1
    assert [m.rotation_deg[0] for m in cleaned] == pytest.approx(values[:, 3].tolist())


@pytest.mark.parametrize("jump_at", [5, 10, 15])
def test_a_patient_who_moved_once_stays_so_though_the_directions_are_sorted(jump_at):
    values, directions = moving(np.arange(20), jump_at)
    cleaned = diffusion.without_eddy_currents(poses(values), directions)
    assert [m.rotation_deg[0] for m in cleaned] == pytest.approx(values[:, 3].tolist())


def test_nothing_is_taken_off_where_too_little_is_known():
    values, directions = moving(np.arange(20), 12)
    assert diffusion.without_eddy_currents(poses(values)[:9], directions[:9]) == tuple(poses(values)[:9])
    assert diffusion.without_eddy_currents(poses(values), [None, *directions[1:]]) == tuple(poses(values))
