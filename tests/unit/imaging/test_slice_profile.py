"""Slice profiles against boxes whose averages have a closed form."""

from __future__ import annotations

import numpy as np
import pytest

from mriloop.imaging.resample import rigid
from mriloop.imaging.slice_profile import SliceProfile, matched, seen_through, slice_profile


def _waves(z: np.ndarray, thickness: float, period: float = 14.0) -> np.ndarray:
    """A cosine along z averaged over a box, in closed form."""
    return 50.0 + 20.0 * np.cos(2 * np.pi * z / period) * np.sinc(thickness / period)


def _picture(step: float, thickness: float, slices: int) -> tuple[np.ndarray, np.ndarray]:
    affine = np.diag([2.0, 2.0, step, 1.0])
    line = _waves(step * np.arange(slices), thickness)
    return np.broadcast_to(line, (12, 12, slices)).astype(np.float32).copy(), affine


@pytest.mark.parametrize(("own", "other"), [(1.0, 4.0), (3.0, 5.0), (1.0, 6.0)])
def test_thin_slices_become_what_thick_ones_see(own, other):
    data, affine = _picture(1.0, own, 90)
    seen = seen_through(
        data, affine, slice_profile(affine, thickness_mm=own), slice_profile(affine, thickness_mm=other)
    )
    truth = _waves(np.arange(90.0), other)
    inner = slice(20, 70)
    assert np.abs(seen[6, 6, inner] - truth[inner]).max() < 0.05 * np.abs(truth - 50).max() + 0.2


def test_thick_slices_stay_as_they_are():
    data, affine = _picture(4.0, 4.0, 30)
    thin = SliceProfile(normal=np.array([0.0, 0.0, 1.0]), thickness_mm=1.0)
    np.testing.assert_array_equal(seen_through(data, affine, slice_profile(affine), thin), data)


def test_turned_slices_average_along_their_own_normal():
    size = 80
    affine = np.eye(4)
    angle = np.deg2rad(20.0)
    normal = np.array([0.0, np.sin(angle), np.cos(angle)])
    j, k = np.meshgrid(np.arange(size), np.arange(size), indexing="ij")
    along = j * normal[1] + k * normal[2]
    data = np.broadcast_to(_waves(along, 0.0), (8, size, size)).astype(np.float32)
    seen = seen_through(data, affine, slice_profile(affine), SliceProfile(normal=normal, thickness_mm=5.0))
    inner = np.s_[4, 20:60, 20:60]
    truth = np.broadcast_to(_waves(along, 5.0), data.shape)
    wrong = np.broadcast_to(_waves(along, 0.0), data.shape)
    assert np.abs(seen[inner] - truth[inner]).mean() < 0.15 * np.abs(wrong[inner] - truth[inner]).mean()


def test_the_sharper_visit_is_brought_to_the_other():
    thin, thin_affine = _picture(3.0, 3.0, 40)
    thick, thick_affine = _picture(4.0, 4.0, 30)
    today, prior = matched(thin, thin_affine, thick, thick_affine, rigid((0, 0, 0), (1.0, 0.0, 0.0), np.zeros(3)))
    np.testing.assert_array_equal(prior, thick)
    assert np.ptp(today[6, 6, 8:-8]) < np.ptp(thin[6, 6, 8:-8])
