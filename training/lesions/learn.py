"""Fits the curves of the score: penalised logistic regression on broken lines, and what held-out heads say of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mriloop.imaging.change_candidates import FEATURES
from mriloop.imaging.change_score import ChangeScore

KNOTS = 7


@dataclass(frozen=True, kw_only=True, eq=False)
class Examples:
    """Candidates of many pairs, a row each.

    truth : 1 changed, 0 not, -1 cannot be said; met : the number of the change it met in its pair, -1 for none
    """

    features: np.ndarray
    truth: np.ndarray
    weight: np.ndarray
    pair: np.ndarray
    subject: np.ndarray
    met: np.ndarray


def fit(examples: Examples, *, ridge: float = 1.0, rough: float = 3.0, rounds: int = 40) -> ChangeScore:
    """Return the curves that fit best: few bends (`rough` penalises changes of slope), small heights (`ridge`)."""
    knots = _knots(examples.features)
    table = _table(examples.features, knots)
    penalty = _penalty(knots, ridge, rough)
    truth, weight = examples.truth.astype(float), examples.weight / examples.weight.mean()
    heights = np.zeros(table.shape[1])
    for _ in range(rounds):
        probability = 1.0 / (1.0 + np.exp(-(table @ heights)))
        bend = np.maximum(weight * probability * (1 - probability), 1e-6)
        gradient = table.T @ (weight * (truth - probability)) - penalty @ heights
        step = np.linalg.solve((table * bend[:, None]).T @ table + penalty, gradient)
        heights = heights + step * min(1.0, 5.0 / np.abs(step).max())
        if np.abs(step).max() < 1e-5:
            break
    curves = heights[1:].reshape(len(FEATURES), KNOTS)
    return ChangeScore(names=FEATURES, knots=knots, heights=curves, offset=float(heights[0]), keep=0.5)


def _knots(features: np.ndarray) -> np.ndarray:
    knots = np.quantile(features, np.linspace(0.02, 0.98, KNOTS), axis=0).T
    floor = 1e-3 * (np.abs(knots).max(axis=1, keepdims=True) + 1e-3)
    return np.maximum.accumulate(knots, axis=1) + floor * np.arange(KNOTS)


def _table(features: np.ndarray, knots: np.ndarray) -> np.ndarray:
    columns = [np.ones(len(features))]
    for n in range(features.shape[1]):
        columns += [np.interp(features[:, n], knots[n], np.eye(KNOTS)[k]) for k in range(KNOTS)]
    return np.stack(columns, axis=1)


def _penalty(knots: np.ndarray, ridge: float, rough: float) -> np.ndarray:
    bends = np.diff(np.eye(KNOTS), 2, axis=0)
    block = rough * bends.T @ bends + ridge * np.eye(KNOTS) / KNOTS
    size = len(FEATURES) * KNOTS
    whole = np.zeros((size + 1, size + 1))
    for n in range(len(FEATURES)):
        at = slice(1 + n * KNOTS, 1 + (n + 1) * KNOTS)
        whole[at, at] = block
    return whole
