"""Control charts of a measure over time: robust scores against a history, and drift without knowing a distribution."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Sequence
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

WEIGHT = 0.05
LIMIT = 3.628
FALSE_ALARM_RUN = 10_000
_MAD = 1.4826
_NORMAL = NormalDist()


def robust(values: Sequence[float]) -> tuple[float, float]:
    """Return (median, 1.4826 × median absolute deviation): centre and spread that a few wild values do not move.

    The factor makes the spread that of the standard deviation for normal values (Hampel 1974, JASA 69:383).
    """
    found = np.asarray(values, dtype=np.float64)
    median = float(np.median(found))
    return median, _MAD * float(np.median(np.abs(found - median)))


def normal_scores(values: Iterable[float]) -> list[float]:
    """Return the normal score of each value's rank among itself and all values before it.

    score_t = Φ⁻¹((rank_t - 1/2) / t), ties with their middle rank. For any continuous distribution that does not change
    these scores are independent and nearly standard normal, so that a chart for normal values may watch them and keeps
    its false-alarm rate; nothing has to be learned first. Higher is a higher value. Conover, Tercero-Gómez and
    Cordero-Franco, Sequential Analysis 2017;36:397 (arXiv:1705.03496).
    """
    held: list[float] = []
    scores = []
    for value in values:
        below, upto = bisect_left(held, value), bisect_right(held, value)
        insort(held, value)
        rank = below + (upto - below) / 2 + 1
        scores.append(_NORMAL.inv_cdf((rank - 0.5) / len(held)))
    return scores


def moving_average(scores: Sequence[float], weight: float = WEIGHT) -> npt.NDArray[np.float64]:
    """Return the exponentially weighted moving average of scores, in units of its own standard deviation at that time.

    z_t = (1 - w) z_{t-1} + w x_t with z_0 = 0, divided by √(w / (2 - w) (1 - (1 - w)^{2t})) (Roberts 1959,
    Technometrics 1:239). Beyond ±LIMIT it is an alarm: with w = 0.05 and 3.628 the mean run between false alarms on
    unchanged values is 10 000 scores for the chart without the time-dependent factor (Brook and Evans 1972, Biometrika
    59:539), a little less with it; a lasting shift by one standard deviation is found after 17 scores on average, one
    by half after 59.
    """
    found = np.empty(len(scores))
    level = 0.0
    for t, score in enumerate(scores, 1):
        level = (1 - weight) * level + weight * score
        found[t - 1] = level / math.sqrt(weight / (2 - weight) * (1 - (1 - weight) ** (2 * t)))
    return found
