"""The score of candidate changes: its arithmetic, its file, and that time turned round turns it round."""

from __future__ import annotations

import numpy as np
import pytest

from mriloop.edges.knowledge.models import load_change_score
from mriloop.imaging.change_candidates import FEATURES, Proposing, propose, setting
from mriloop.imaging.change_evidence import colour_map, evidence
from mriloop.imaging.change_score import from_arrays
from mriloop.imaging.normalise import Visits
from mriloop.imaging.resample import Grid

COUNT = len(FEATURES)


def _arrays(**other: np.ndarray) -> dict[str, np.ndarray]:
    knots = np.tile(np.array([0.0, 1.0, 2.0]), (COUNT, 1))
    heights = np.zeros((COUNT, 3))
    heights[0] = [0.0, 1.0, 4.0]
    held = {"names": np.array(FEATURES), "knots": knots, "heights": heights, "offset": -1.0, "keep": 0.5}
    return {k: np.asarray(v) for k, v in (held | other).items()}


def _visits(seed: int = 0) -> Visits:
    rng = np.random.default_rng(seed)
    shape = (60, 60, 20)
    i, j, k = np.indices(shape)
    mask = ((i - 30) / 28) ** 2 + ((j - 30) / 28) ** 2 + ((k - 10) / 9.5) ** 2 < 1
    ball = ((i - 30) ** 2 + (j - 30) ** 2 + (3 * (k - 10)) ** 2 < 4.0**2).astype(np.float32)
    today = (1.0 + 0.4 * ball + rng.normal(scale=0.02, size=shape)).astype(np.float32)
    prior = (1.0 + rng.normal(scale=0.02, size=shape)).astype(np.float32)
    grid = Grid(shape=shape, affine=np.diag([1.0, 1.0, 3.0, 1.0]))
    return Visits(today=np.where(mask, today, 0.1), prior=np.where(mask, prior, 0.1), mask=mask, grid=grid, gain=1.0)


@pytest.mark.parametrize(("value", "odds"), [(-5.0, -1.0), (0.5, -0.5), (1.5, 1.5), (9.0, 3.0)])
def test_curves_are_broken_lines_that_stay_level_beyond_their_ends(value: float, odds: float):
    row = np.zeros((1, COUNT))
    row[0, 0] = value
    assert from_arrays(_arrays()).probability(row)[0] == pytest.approx(1 / (1 + np.exp(-odds)))


@pytest.mark.parametrize(
    "wrong",
    [
        {"names": np.array(["other"] * COUNT)},
        {"knots": np.zeros((COUNT, 3))},
        {"heights": np.full((COUNT, 3), np.nan)},
        {"heights": np.zeros((COUNT, 4))},
        {"keep": np.asarray(1.0)},
    ],
)
def test_arrays_that_are_no_score_are_refused(wrong: dict[str, np.ndarray]):
    with pytest.raises(ValueError, match=r"\w"):
        from_arrays(_arrays(**wrong))


def test_what_each_feature_adds_sums_to_the_odds():
    score = load_change_score()
    row = np.random.default_rng(0).normal(size=COUNT)
    odds = score.offset + sum(score.contributions(row).values())
    assert score.probability(row[None])[0] == pytest.approx(1 / (1 + np.exp(-odds)))


def test_the_shipped_score_keeps_a_clear_lesion_whichever_visit_shows_it():
    score, forward = load_change_score(), _visits()
    backward = Visits(today=forward.prior, prior=forward.today, mask=forward.mask, grid=forward.grid, gain=1.0)
    found = []
    for visits, brighter_today in ((forward, True), (backward, False)):
        seen = evidence(visits)
        around = setting(seen, visits)
        listed = propose(seen, visits, Proposing(), around, brighter_today=brighter_today)
        (chances,) = (score.probability(one.features[None]) for one in listed if one.part.sum() > 10)
        found.append(float(chances[0]))
    assert found[0] > score.keep
    assert found[0] == pytest.approx(found[1], abs=1e-6)


def test_the_colour_map_shows_the_lesion_with_its_sign_and_little_else():
    visits = _visits()
    seen = evidence(visits)
    shown = colour_map(visits, seen)
    turned = Visits(today=visits.prior, prior=visits.today, mask=visits.mask, grid=visits.grid, gain=1.0)
    assert shown[30, 30, 10] > 4
    assert np.mean(shown[visits.mask] != 0) < 0.02
    assert colour_map(turned, evidence(turned))[30, 30, 10] < -4
