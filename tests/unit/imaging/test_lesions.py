"""The strict list against spheres whose size, contrast and fate the test decided."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from scipy import ndimage

from mriloop.imaging.change_evidence import evidence
from mriloop.imaging.lesions import Lesion, Rules, follow, strict
from mriloop.imaging.normalise import Visits
from mriloop.imaging.resample import Grid
from mriloop.model.comparison import ChangeKind

SHAPE, SPACING = (90, 100, 30), (1.0, 1.0, 3.0)
GRID = Grid(shape=SHAPE, affine=np.diag([*SPACING, 1.0]))
RULES = Rules()


def _sphere(at: tuple[float, float, float], diameter_mm: float) -> np.ndarray:
    """Share of each voxel inside a sphere (centre in voxels), blurred a little as a scanner would."""
    fine = 5
    axes = [
        ((np.arange(n)[:, None] + (np.arange(fine) - 2) / fine).ravel() - c) * s
        for n, c, s in zip(SHAPE, at, SPACING, strict=True)
    ]
    i, j, k = (np.flatnonzero(np.abs(a) <= diameter_mm) for a in axes)
    share = np.zeros([n * fine for n in SHAPE], np.float32)
    inside = (axes[0][i][:, None, None] ** 2 + axes[1][j][None, :, None] ** 2 + axes[2][k][None, None, :] ** 2) <= (
        diameter_mm / 2
    ) ** 2
    share[np.ix_(i, j, k)] = inside
    voxels = share.reshape([x for n in SHAPE for x in (n, fine)]).mean(axis=(1, 3, 5))
    return ndimage.gaussian_filter(voxels, (0.5, 0.5, 0))


def _ball_mm3(diameter_mm: float) -> float:
    return np.pi / 6 * diameter_mm**3


def _visits(today: np.ndarray, prior: np.ndarray, seed: int = 0, noise: float = 0.025, outside: float = 0.05) -> Visits:
    rng = np.random.default_rng(seed)
    i, j, k = np.indices(SHAPE)
    mask = ((i - 45) / 43) ** 2 + ((j - 50) / 48) ** 2 + ((k - 15) / 14.5) ** 2 < 1
    pair = [
        np.where(mask | (outside == 1.0), 1.0 + change + rng.normal(scale=noise, size=SHAPE), outside).astype(
            np.float32
        )
        for change in (today, prior)
    ]
    return Visits(today=pair[0], prior=pair[1], mask=mask, grid=GRID, gain=1.0)


@pytest.fixture(scope="module")
def followed() -> dict[tuple[int, int], Lesion]:
    """Five lesions of five fates, by the place of their middle."""
    new, old, grown, gone, still = (25, 35, 14), (62, 62, 15), (62, 62, 15), (25, 65, 15), (62, 30, 15)
    today = 0.4 * _sphere(new, 7) + 0.4 * _sphere(grown, 12) + 0.4 * _sphere(still, 9)
    prior = 0.4 * _sphere(old, 7) + 0.4 * _sphere(gone, 8) + 0.4 * _sphere(still, 9)
    visits = _visits(today, prior)
    found = {}
    for lesion in follow(evidence(visits), visits, RULES):
        middle = np.argwhere(lesion.today | lesion.prior).mean(axis=0) + [b.start for b in lesion.box]
        found[round(float(middle[0])), round(float(middle[1]))] = lesion
    return found


@pytest.mark.parametrize(
    ("place", "kind"),
    [
        ((25, 35), ChangeKind.NEW),
        ((62, 62), ChangeKind.ENLARGING),
        ((25, 65), ChangeKind.RESOLVED),
        ((62, 30), ChangeKind.STABLE),
    ],
)
def test_each_fate_is_named(followed: dict[tuple[int, int], Lesion], place: tuple[int, int], kind: ChangeKind):
    near = [v for k, v in followed.items() if abs(k[0] - place[0]) <= 1 and abs(k[1] - place[1]) <= 1]
    assert [lesion.kind for lesion in near] == [kind]


def test_nothing_else_is_listed(followed: dict[tuple[int, int], Lesion]):
    assert Counter(v.kind for v in followed.values()) == Counter(
        [ChangeKind.NEW, ChangeKind.ENLARGING, ChangeKind.RESOLVED, ChangeKind.STABLE]
    )


@pytest.mark.parametrize(("kind", "today_mm", "prior_mm"), [("new", 7, 0), ("enlarging", 12, 7), ("resolved", 0, 8)])
def test_volumes_are_those_of_the_spheres(
    followed: dict[tuple[int, int], Lesion], kind: str, today_mm: float, prior_mm: float
):
    lesion = next(v for v in followed.values() if v.kind == kind)
    assert lesion.today_ml * 1000 == pytest.approx(_ball_mm3(today_mm), rel=0.25, abs=8)
    assert lesion.prior_ml * 1000 == pytest.approx(_ball_mm3(prior_mm), rel=0.25, abs=8)


@pytest.mark.parametrize("seed", range(4))
def test_noise_alone_lists_nothing(seed: int):
    visits = _visits(np.zeros(SHAPE), np.zeros(SHAPE), seed=seed)
    assert follow(evidence(visits), visits, RULES) == []


def test_edges_that_slipped_are_measured_and_are_no_change():
    """Stripes laid half a millimetre beside themselves differ a lot and have not changed."""
    stripes = 0.15 * np.sin(2 * np.pi * np.indices(SHAPE)[0] / 12.0)
    moved = 0.15 * np.sin(2 * np.pi * (np.indices(SHAPE)[0] - 0.5) / 12.0)
    visits = _visits(moved, stripes, noise=0.01, outside=1.0)
    seen = evidence(visits)
    assert seen.slip_mm == pytest.approx(0.5, abs=0.15)
    changed = [lesion for lesion in follow(seen, visits, RULES) if lesion.kind is not ChangeKind.STABLE]
    assert changed == []


def test_the_noise_is_measured():
    visits = _visits(np.zeros(SHAPE), np.zeros(SHAPE), noise=0.03)
    # two visits of 0.03 each, smoothed in plane by a Gaussian of 0.8 voxels: sqrt(2) * 0.03 * sum of squared weights
    kernel = ndimage.gaussian_filter1d(np.eye(1, 41, 20)[0], 0.8)
    truth = np.sqrt(2) * 0.03 * float(np.sum(kernel**2))
    core = ndimage.binary_erosion(visits.mask, iterations=4)
    assert evidence(visits).difference[core].std() == pytest.approx(truth, rel=0.05)


def test_time_turned_round_turns_the_list_round():
    lesion = 0.35 * _sphere((40, 40, 15), 8)
    forward, backward = _visits(lesion, np.zeros(SHAPE)), _visits(np.zeros(SHAPE), lesion)
    counts = [
        len(strict(evidence(pair), pair, RULES, directions=(brighter_today,)))
        for pair in (forward, backward)
        for brighter_today in (True, False)
    ]
    assert counts == [1, 0, 0, 1]
