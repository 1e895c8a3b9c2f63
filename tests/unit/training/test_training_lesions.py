"""The fit of the score against truth that a test decided, and the labels against pairs that it made."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from training.lesions.__main__ import Pair, counts, held_out, label, train
from training.lesions.fates import fates_in, table
from training.lesions.learn import Examples, fit

from mriloop.imaging.change_candidates import FEATURES
from mriloop.imaging.normalise import Visits
from mriloop.imaging.resample import Grid


@pytest.fixture(scope="module")
def examples() -> Examples:
    """Candidates whose log odds are a known bend of the third feature; the others mean nothing."""
    rng = np.random.default_rng(3)
    features = rng.normal(size=(3000, len(FEATURES)))
    odds = 4.0 * np.minimum(features[:, 2], 0.5) + 0.5
    truth = (rng.random(3000) < 1 / (1 + np.exp(-odds))).astype(int)
    pair = np.arange(3000) // 100
    met = np.where(truth == 1, np.arange(3000) % 100, -1)
    return Examples(features=features, truth=truth, pair=pair, subject=pair % 3, met=met, weight=np.ones(3000))


def test_the_curve_that_made_the_truth_is_found_and_the_others_stay_low(examples: Examples):
    score = fit(examples)
    heights = np.ptp(score.heights, axis=1)
    assert int(np.argmax(heights)) == 2
    assert heights[2] > 3 * np.delete(heights, 2).max()
    for value, odds in ((-1.0, -3.5), (0.0, 0.5), (1.5, 2.5)):
        row = np.zeros((1, len(FEATURES)))
        row[0, 2] = value
        chance = float(score.probability(row)[0])
        assert np.log(chance / (1 - chance)) == pytest.approx(odds, abs=1.0)


def test_held_out_heads_are_judged_by_others_and_a_higher_threshold_lists_less(examples: Examples):
    held = held_out(examples)
    pairs = [Pair(sizes=np.full(100, 20.0), setting=f"{'one' if n % 2 else 'two'} scanner") for n in range(30)]
    low, high = (counts(examples, held, pairs, range(30), keep) for keep in (0.3, 0.8))
    assert low["sensitivity"] > high["sensitivity"]
    assert low["false_per_pair"] > high["false_per_pair"]
    score, report = train(examples, pairs)
    assert 0 < score.keep < 1
    assert report["pairs"] == 30
    assert report["one scanner"]["pairs"] == report["two scanner"]["pairs"] == 15


def test_a_subject_that_is_left_out_does_not_move_the_curves(examples: Examples):
    pairs = [Pair(sizes=np.full(100, 20.0), setting="one scanner")] * 30
    mine = examples.subject == 1
    other = replace(examples, truth=np.where(mine, 1 - examples.truth, examples.truth))
    first, second = (train(one, pairs, without=1)[0] for one in (examples, other))
    assert np.allclose(first.heights, second.heights)


def test_candidates_are_labelled_by_what_truly_changed():
    rng = np.random.default_rng(0)
    shape = (60, 60, 20)
    i, j, k = np.indices(shape)
    mask = ((i - 30) / 28) ** 2 + ((j - 30) / 28) ** 2 + ((k - 10) / 9.5) ** 2 < 1
    true, other = (((i - 30) ** 2 + (j - m) ** 2 + (3 * (k - 10)) ** 2 < 16.0) for m in (20, 42))
    today = (1 + 0.4 * (true | other) + rng.normal(scale=0.02, size=shape)).astype(np.float32)
    prior = (1 + rng.normal(scale=0.02, size=shape)).astype(np.float32)
    grid = Grid(shape=shape, affine=np.diag([1.0, 1.0, 3.0, 1.0]))
    visits = Visits(today=today, prior=prior, mask=mask, grid=grid, gain=1.0)
    table = label(visits, true, np.zeros(shape, bool))
    assert sorted(table["truth"]) == [0, 1]
    assert table["sizes"] == pytest.approx([true.sum() * 3.0])
    assert sorted(table["met"]) == [-1, 0]


def test_what_planted_lesions_are_called_is_counted():
    rng = np.random.default_rng(1)
    shape = (60, 60, 20)
    i, j, k = np.indices(shape)
    mask = ((i - 30) / 28) ** 2 + ((j - 30) / 28) ** 2 + ((k - 10) / 9.5) ** 2 < 1
    ball = (i - 30) ** 2 + (j - 30) ** 2 + (3 * (k - 10)) ** 2 < 20.0
    today, prior = (
        (1 + 0.5 * lesion * ball + rng.normal(scale=0.02, size=shape)).astype(np.float32) for lesion in (1, 0)
    )
    visits = Visits(
        today=today, prior=prior, mask=mask, grid=Grid(shape=shape, affine=np.diag([1.0, 1.0, 3.0, 1.0])), gain=1.0
    )
    rows = fates_in(visits, None, ["new", "stable"], np.array([[30.0, 30.0, 10.0], [15.0, 30.0, 10.0]]))
    assert table(rows) == {"new": {"new": 1}, "stable": {"missed": 1}}
