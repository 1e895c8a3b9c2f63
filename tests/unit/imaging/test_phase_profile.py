"""The profile along the phase-encode direction: a planted ghost stands where it was put, as high as it was made."""

from __future__ import annotations

import numpy as np
import pytest

from mriloop.imaging.phase_profile import phase_profile


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("ghost", [0.0, 0.05, 0.2])
def test_a_planted_ghost_is_found_where_it_is(axis, ghost):
    rng = np.random.default_rng(1)
    shape = (80, 80, 4)
    mask = np.zeros(shape, dtype=bool)
    mask[32:48, 32:48] = True
    image = 100.0 * mask
    image += np.roll(ghost * image, 30, axis=axis)
    image = np.hypot(image + rng.standard_normal(shape), rng.standard_normal(shape))
    along, inside, beside = phase_profile(image, mask, ~mask, axis)
    assert along[40] == pytest.approx(1.0, rel=0.02)
    assert inside[40] == 1.0
    assert inside[70] == 0.0
    assert beside == pytest.approx(np.sqrt(2) / 100, rel=0.05)
    assert along[70] == pytest.approx(max(ghost, np.sqrt(np.pi / 2) / 100), abs=0.004)
    assert along[10] == pytest.approx(np.sqrt(np.pi / 2) / 100, rel=0.1)


def test_nothing_is_drawn_without_object_or_air():
    values, mask = np.ones((40, 40, 2)), np.zeros((40, 40, 2), dtype=bool)
    assert phase_profile(values, mask, ~mask, 0) is None
    assert phase_profile(values, ~mask, mask, 0) is None
