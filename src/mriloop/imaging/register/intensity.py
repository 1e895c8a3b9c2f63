"""How the intensities of one picture explain those of another: a curve through knots times a smooth shading."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mriloop.imaging.resample import Points

Vector = npt.NDArray[np.float64]
Table = npt.NDArray[np.float64]
_KNOTS = 10
_DEGREE = 3
_TUKEY = 4.685
_ROUNDS = 3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Greys:
    """A piecewise linear function of intensity, by its knots (rising)."""

    knots: Vector

    @classmethod
    def of(cls, values: npt.NDArray[np.float32]) -> Greys:
        """Lay the knots so that each piece holds as many of the values as any other."""
        return cls(knots=np.unique(np.percentile(values, np.linspace(0.5, 99.5, _KNOTS)).astype(float)))

    def table(self, values: Vector) -> tuple[Table, Table]:
        """Return the hat functions at the values, and their slopes; each (n, knots). Beyond the ends lines go on."""
        if len(self.knots) < 2:
            return np.ones((len(values), 1)), np.zeros((len(values), 1))
        piece = np.clip(np.searchsorted(self.knots, values) - 1, 0, len(self.knots) - 2)
        width = self.knots[piece + 1] - self.knots[piece]
        share = (values - self.knots[piece]) / width
        hats, slopes = np.zeros((len(values), len(self.knots))), np.zeros((len(values), len(self.knots)))
        rows = np.arange(len(values))
        hats[rows, piece], hats[rows, piece + 1] = 1.0 - share, share
        slopes[rows, piece], slopes[rows, piece + 1] = -1.0 / width, 1.0 / width
        return hats, slopes


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Explained:
    """One picture as far as the other explains it, point by point.

    left : what is not explained
    gain : by how much the explanation changes with the other picture's intensity
    weights : Tukey's biweight of `left`, 0 (an outlier) to 1
    noise : robust standard deviation of `left`
    terms : the intensity terms, (n, terms)
    """

    left: Vector
    gain: Vector
    weights: Vector
    noise: float
    terms: Table

    def apart(self, table: Table) -> Table:
        """Return columns without what the intensity terms could take over, by weighted least squares."""
        return np.asarray(table - self.terms @ _solve(self.terms, table, self.weights))


def explain(own: Vector, seen: Vector, shade: Table, greys: Greys) -> Explained:
    """Fit `own` (n,) as curve(seen) + seen × shading by reweighted least squares; `shade` is (n, terms)."""
    hats, slopes = greys.table(seen)
    table = np.concatenate([hats, shade * seen[:, None]], axis=1)
    weights = np.ones(len(own))
    coefficients, noise = np.zeros(table.shape[1]), 1.0
    for _ in range(_ROUNDS):
        coefficients = _solve(table, own, weights)
        left = own - table @ coefficients
        noise = 1.4826 * float(np.median(np.abs(left))) + 1e-9 * float(np.abs(own).mean()) + 1e-12
        weights = (1.0 - np.clip(np.abs(left) / (_TUKEY * noise), 0.0, 1.0) ** 2) ** 2
    count = hats.shape[1]
    return Explained(
        left=left,
        gain=slopes @ coefficients[:count] + shade @ coefficients[count:],
        weights=weights,
        noise=noise,
        terms=table,
    )


def shading(at: Points) -> Table:
    """Return the smooth shadings a picture may have: polynomials of degree 3 in space without the constant, (n, 19)."""
    middle, half = (at.max(axis=0) + at.min(axis=0)) / 2, np.maximum(np.ptp(at, axis=0) / 2, 1e-6)
    x, y, z = ((at - middle) / half).T
    powers = [
        (i, j, k)
        for i in range(_DEGREE + 1)
        for j in range(_DEGREE + 1 - i)
        for k in range(_DEGREE + 1 - i - j)
        if i + j + k > 0
    ]
    return np.stack([x**i * y**j * z**k for i, j, k in powers], axis=1)


def _solve(table: Table, values: Table, weights: Vector) -> Table:
    weighted = table * weights[:, None]
    normal = table.T @ weighted
    normal[np.diag_indices_from(normal)] += 1e-9 * np.trace(normal) / len(normal)
    return np.asarray(np.linalg.solve(normal, weighted.T @ values))
