"""Three tissues in nested spheres of known volume, under shading and noise, in each order of contrast."""

from __future__ import annotations

import numpy as np
import pytest

from mriloop.imaging.segment import CSF, GM, WM, Contrast, segment

LEVELS = {
    Contrast.T1: {CSF: 30.0, GM: 70.0, WM: 100.0},
    Contrast.T2: {CSF: 200.0, GM: 100.0, WM: 70.0},
    Contrast.FLAIR: {CSF: 20.0, GM: 100.0, WM: 78.0},
}
AFFINE = np.diag([2.0, 2.0, 2.0, 1.0])


def _brain(contrast: Contrast, *, noise: float = 4.0, shade: float = 0.3) -> tuple[np.ndarray, np.ndarray]:
    """White matter round a core of CSF, folded grey matter round it, CSF outside. Returns data and 1 + tissue."""
    shape = (72, 84, 66)
    i, j, k = (np.arange(n).reshape([-1 if a == b else 1 for b in range(3)]) - (n - 1) / 2 for a, n in enumerate(shape))
    radius = np.sqrt((i / 32) ** 2 + (j / 38) ** 2 + (k / 29) ** 2)
    fold = 0.06 * np.sin(i / 2.5) * np.sin(j / 2.5) * np.sin(k / 2.5)
    truth = np.select([radius < 0.2, radius < 0.74 + fold, radius < 0.94 + fold, radius < 1], [1, 3, 2, 1], 0)
    data = np.zeros(shape)
    for tissue, level in LEVELS[contrast].items():
        data[truth == tissue + 1] = level
    field = np.exp(shade * (i / shape[0] + 0.5 * (j / shape[1]) ** 2))
    rng = np.random.default_rng(0)
    seen = np.hypot(data * field + rng.normal(scale=noise, size=shape), rng.normal(scale=noise, size=shape))
    return seen.astype(np.float32), truth


def _dice(a: np.ndarray, b: np.ndarray) -> float:
    return 2 * float((a & b).sum()) / float(a.sum() + b.sum())


@pytest.mark.parametrize("contrast", list(Contrast))
def test_tissues_of_known_shape(contrast):
    data, truth = _brain(contrast)
    found = segment(data, AFFINE, truth > 0, contrast)
    assert not isinstance(found, str)
    least = {CSF: 0.8, GM: 0.85, WM: 0.9}
    for tissue in (CSF, GM, WM):
        assert _dice(found.labels == tissue + 1, truth == tissue + 1) > least[tissue]
    total = sum(found.maps)
    assert np.allclose(total[truth > 0], 1, atol=1e-5)
    assert not total[truth == 0].any()
    levels = LEVELS[contrast]
    even = [mean / found.means[WM] for mean in found.means]
    assert even[GM] == pytest.approx(levels[GM] / levels[WM], rel=0.06)


def test_the_shading_is_found():
    data, truth = _brain(Contrast.T1, shade=0.6)
    found = segment(data, AFFINE, truth > 0, Contrast.T1)
    assert not isinstance(found, str)
    white = truth == 3
    assert (
        data[white].std() / data[white].mean()
        > 2 * (data / found.bias)[white].std() / (data / found.bias)[white].mean()
    )


def test_the_unit_of_the_intensities_does_not_matter():
    data, truth = _brain(Contrast.T1)
    one, other = (segment(data * np.float32(f), AFFINE, truth > 0, Contrast.T1) for f in (1, 37))
    assert not isinstance(one, str)
    assert not isinstance(other, str)
    assert np.mean(one.labels == other.labels) > 0.999
    assert other.means[WM] == pytest.approx(37 * one.means[WM], rel=1e-3)


def test_what_holds_no_three_tissues_is_refused():
    data, truth = _brain(Contrast.T1)
    flat = np.random.default_rng(1).normal(100, 5, data.shape).astype(np.float32)
    assert isinstance(segment(flat, AFFINE, truth > 0, Contrast.T1), str)
    assert segment(data, AFFINE, np.zeros_like(truth, bool), Contrast.T1) == "too few voxels of brain"
