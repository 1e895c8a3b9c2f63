"""Fits the interval in closed form: kernel ridge regressions for its middle and its width, ends by hold-out."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

COVERAGE = 0.9
FAMILIAR = 0.99
KERNELS = (0.05, 0.1, 0.2, 0.4)
RIDGES = (0.05, 0.1, 0.2, 0.4)
TOP_MM = 6.0
CLIP = 4.0
AXES = 40
LEAST_WIDTH_MM = 0.15
PARTS = 4

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True, kw_only=True, eq=False)
class Table:
    """Examples as arrays: features (n, f) with NaN, truth (n,), subject (n,) and whether it was a real volume."""

    names: tuple[str, ...]
    features: np.ndarray
    truth: np.ndarray
    subject: np.ndarray
    real: np.ndarray

    def take(self, chosen: np.ndarray) -> Table:
        """Return the chosen rows."""
        return Table(
            names=self.names,
            features=self.features[chosen],
            truth=self.truth[chosen],
            subject=self.subject[chosen],
            real=self.real[chosen],
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class HeldOut:
    """What a model without its subject says of each example: (n, 3) lower, middle, upper; and its strangeness."""

    answers: np.ndarray
    strange: np.ndarray


def fit(table: Table) -> tuple[Arrays, HeldOut]:
    """Return the weights as plain arrays, and the held-out answers that set the ends of the interval.

    Kernel and ridge are those of least held-out error on real examples; the width is what held-out errors are like
    around a point; the ends are the multiples of it that 95 % of held-out real examples stay above and below.
    """
    centre = np.nanmedian(table.features, axis=0)
    spread = np.nanpercentile(table.features, 84, axis=0) - np.nanpercentile(table.features, 16, axis=0)
    spread = np.where(np.isfinite(spread) & (spread > 1e-6), spread / 2, 1.0)
    centre = np.where(np.isfinite(centre), centre, 0.0)
    z = standardise(table.features, centre, spread).astype(np.float16).astype(np.float64)
    truth = np.minimum(table.truth, TOP_MM)
    groups = _groups(table)
    judged = table.real if table.real.any() else np.ones(len(truth), bool)
    apart = _distances(z, z)

    def error(choice: tuple[float, float]) -> float:
        left = _held_out(np.exp(-choice[0] * apart), truth - truth.mean(), choice[1], groups)[1]
        return float(np.abs(left[judged]).mean())

    kernel, ridge = min(itertools.product(KERNELS, RIDGES), key=error)
    alike = np.exp(-kernel * apart)
    pull, left = _held_out(alike, truth - truth.mean(), ridge, groups)
    size = np.abs(left)
    stretch, size_left = _held_out(alike, size - size.mean(), 4 * ridge, groups)
    middle = np.maximum(truth - left, 0)
    width = np.maximum(size - size_left, LEAST_WIDTH_MM)
    tail = 1 - (1 - COVERAGE) / 2
    ends = np.array([np.quantile(((s * (middle - truth)) / width)[judged], tail) for s in (1, -1)])
    ends = np.maximum(ends, 0)
    answers = np.stack([middle - ends[0] * width, middle, middle + ends[1] * width], axis=1)
    strange = np.full(len(truth), np.nan)
    for rows in groups:
        strange[rows] = _off(z[rows], *_familiar(np.delete(z, rows, axis=0)))
    mean, axes = _familiar(z)
    arrays = {
        "centre": centre,
        "spread": spread,
        "kernel": np.array(kernel),
        "level": np.array([truth.mean(), size.mean()]),
        "pulls": np.stack([pull, stretch], axis=1),
        "least_width": np.array(LEAST_WIDTH_MM),
        "ends": ends,
        "familiar_mean": mean,
        "familiar_axes": axes,
        "familiar_most": np.quantile(strange[judged], FAMILIAR),
        "coverage": np.array(COVERAGE),
    }
    weights: Arrays = {name: np.asarray(array, dtype=np.float32) for name, array in arrays.items()}
    weights |= {"names": np.array(table.names), "examples": z.astype(np.float16)}
    return weights, HeldOut(answers=np.maximum(answers, 0), strange=strange)


def standardise(features: np.ndarray, centre: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """Return features in robust deviations from the training median, cut at ±4; missing ones are 0."""
    return np.clip(np.nan_to_num((features - centre) / spread, nan=0.0), -CLIP, CLIP)


def _groups(table: Table) -> list[np.ndarray]:
    """Return the rows that are held out together: each real subject; the drawn bodies in four parts."""
    drawn = sorted(set(table.subject[~table.real]))
    names = [[one] for one in sorted(set(table.subject[table.real]))]
    names += [drawn[part::PARTS] for part in range(PARTS) if drawn[part::PARTS]]
    return [np.flatnonzero(np.isin(table.subject, own)) for own in names]


def _distances(one: np.ndarray, two: np.ndarray) -> np.ndarray:
    """Return the mean squared differences between rows."""
    square = (one**2).sum(axis=1)[:, None] + (two**2).sum(axis=1)[None, :] - 2 * one @ two.T
    return np.maximum(square, 0) / one.shape[1]


def _held_out(
    alike: np.ndarray, target: np.ndarray, ridge: float, groups: list[np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Return the weights of a kernel ridge regression and its residuals by hold-out of each group, in closed form.

    With A the inverse of K + ridge·I and w = A·target, the residuals of a group g by the regression without it are
    the solution r of A[g, g] r = w[g] (block inversion).
    """
    inverse = np.linalg.inv(alike + ridge * np.eye(len(target)))
    weights = inverse @ target
    left = np.empty(len(target))
    for rows in groups:
        left[rows] = np.linalg.solve(inverse[np.ix_(rows, rows)], weights[rows])
    return weights, left


def _familiar(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean and the whitened main axes of standardised features."""
    values, vectors = np.linalg.eigh(np.cov(z.T))
    kept = np.argsort(values)[::-1][:AXES]
    return z.mean(axis=0), vectors[:, kept] / np.sqrt(values[kept] + 0.02)


def _off(z: np.ndarray, mean: np.ndarray, axes: np.ndarray) -> np.ndarray:
    return np.sqrt(np.square((z - mean) @ axes).mean(axis=1))
