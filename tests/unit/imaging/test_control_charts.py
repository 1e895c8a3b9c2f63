"""Control charts: the false-alarm rate and the delay that their docstring states, by simulation and Markov chain."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from mriloop.imaging import control


def markov_run_length(weight, limit, shift=0.0, cells=301):
    """Mean run to an alarm of the chart with its final limits, by Brook and Evans' discrete chain."""
    half = limit * np.sqrt(weight / (2 - weight))
    width = 2 * half / cells
    centre = -half + width * (np.arange(cells) + 0.5)
    upper = (centre[None, :] + width / 2 - (1 - weight) * centre[:, None]) / weight
    stay = stats.norm.cdf(upper - shift) - stats.norm.cdf(upper - width / weight - shift)
    return np.linalg.solve(np.eye(cells) - stay, np.ones(cells))[cells // 2]


def test_the_limit_is_the_one_for_the_stated_false_alarm_run():
    assert markov_run_length(0.1, 2.814) == pytest.approx(500, rel=0.01)  # Lucas and Saccucci 1990, table 3
    assert markov_run_length(control.WEIGHT, control.LIMIT) == pytest.approx(control.FALSE_ALARM_RUN, rel=0.02)
    assert markov_run_length(control.WEIGHT, control.LIMIT, 1.0) == pytest.approx(17.5, abs=0.3)


@pytest.mark.parametrize("draw", ["standard_normal", "exponential", "standard_cauchy"])
def test_unchanged_values_of_any_distribution_alarm_as_rarely_as_stated(draw):
    """Of 300 histories of 500 values 5 % may alarm; more than 10 % would be chance once in ten thousand."""
    rng = np.random.default_rng(7)
    alarms = 0
    for _ in range(300):
        level = control.moving_average(control.normal_scores(getattr(rng, draw)(size=500)))
        alarms += bool((np.abs(level) > control.LIMIT).any())
    assert alarms / 300 <= 0.10


@pytest.mark.parametrize(("shift", "within"), [(-1.0, 60), (-2.0, 25)])
def test_a_lasting_shift_is_found_soon(shift, within):
    rng = np.random.default_rng(8)
    delays = []
    for _ in range(100):
        values = rng.standard_normal(400)
        values[200:] += shift
        level = control.moving_average(control.normal_scores(values))
        beyond = np.flatnonzero(level[200:] < -control.LIMIT)
        delays.append(beyond[0] if beyond.size else 999)
    assert np.percentile(delays, 95) <= within


def test_scores_are_independent_of_scale_and_symmetric():
    values = np.random.default_rng(9).standard_normal(200)
    scores = np.array(control.normal_scores(values))
    np.testing.assert_allclose(control.normal_scores(np.exp(3 * values)), scores)
    np.testing.assert_allclose(control.normal_scores(-values), -scores, atol=1e-12)
    assert control.normal_scores([5.0, 5.0, 5.0]) == pytest.approx([0.0, 0.0, 0.0])


def test_robust_agrees_with_scipy_and_bears_a_wild_value():
    values = np.random.default_rng(10).standard_normal(101)
    median, spread = control.robust(values.tolist())
    assert median == pytest.approx(np.median(values))
    assert spread == pytest.approx(stats.median_abs_deviation(values, scale="normal"), rel=1e-4)
    wild = control.robust([*values.tolist(), 1e9])
    assert wild[0] == pytest.approx(median, abs=0.1)
    assert wild[1] == pytest.approx(spread, rel=0.1)
