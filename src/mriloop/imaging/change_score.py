"""Scores a candidate change by what was learnt on invented pairs of visits: a sum of one curve per feature."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mriloop.imaging.change_candidates import FEATURES

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ChangeScore:
    """The curves of an additive logistic model.

    names : the features, in the order of the arrays
    knots, heights : (f, k) each feature adds the value of its broken line; beyond the ends the line stays level
    offset : log odds of a candidate whose every curve is at zero
    keep : least probability that enters the strict list
    digest : SHA-256 of the file
    """

    names: tuple[str, ...]
    knots: Floats
    heights: Floats
    offset: float
    keep: float
    digest: str = ""

    def probability(self, features: Floats) -> Floats:
        """Return (n,) how probable it is that candidates (n, f) are changed lesions, among invented pairs."""
        odds = self.offset + sum(
            np.interp(features[:, n], self.knots[n], self.heights[n]) for n in range(len(self.names))
        )
        return np.asarray(1.0 / (1.0 + np.exp(-odds)), dtype=np.float64)

    def contributions(self, features: Floats) -> dict[str, float]:
        """Return what each feature of one candidate (f,) adds to its log odds: why it was kept or dropped."""
        return {
            name: float(np.interp(features[n], self.knots[n], self.heights[n])) for n, name in enumerate(self.names)
        }


def from_arrays(arrays: Mapping[str, npt.NDArray[np.generic]], digest: str = "") -> ChangeScore:
    """Return the model that plain arrays hold. Raises KeyError or ValueError for arrays that are not one."""
    names = tuple(str(name) for name in arrays["names"])
    knots, heights = (np.asarray(arrays[key], dtype=np.float64) for key in ("knots", "heights"))
    offset, keep = (float(np.asarray(arrays[key], dtype=np.float64)) for key in ("offset", "keep"))
    if names != FEATURES:
        raise ValueError("the features are not those that this version measures")
    if knots.ndim != 2 or knots.shape != heights.shape or len(knots) != len(names):
        raise ValueError("the curves do not fit the features")
    if not (np.isfinite(knots).all() and np.isfinite(heights).all() and np.isfinite(offset)):
        raise ValueError("a weight is not a number")
    if (np.diff(knots, axis=1) <= 0).any() or not 0.0 < keep < 1.0:
        raise ValueError("knots must ascend, and the threshold lie between 0 and 1")
    return ChangeScore(names=names, knots=knots, heights=heights, offset=offset, keep=keep, digest=digest)
