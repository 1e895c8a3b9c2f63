"""The noise floor of magnitude pictures: how large it is, and what it adds to a faint signal."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.special import digamma, gammaln, polygamma, xlogy

from mriloop.imaging.foreground import Floats, Mask, regions
from mriloop.imaging.noise import sigma_inside

Array = npt.NDArray[np.float64]
_STEEP = 20.0  # times sigma: from here on the asymptote is exact to 1e-4
_MOST_CHANNELS = 64.0
_LEAST_AIR = 500
_CLEAN_AIR = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class NoiseFloor:
    """The noise of a magnitude picture: noncentral chi with 2 × `channels` degrees of freedom.

    sigma : standard deviation of the Gaussian noise of one channel, in the units of the picture
    channels : 1 for one receiver or an adaptive combination (Rician); more for a sum of squares. It need not be whole
    directions : of how many such magnitudes the picture is the geometric mean: 3 for a scanner's trace
    source : where it was found, in words
    """

    sigma: float
    channels: float = 1.0
    directions: int = 1
    source: str = "given"

    def mean(self, signal: Array) -> Array:
        """Return the mean magnitude of a true signal of this size."""
        x, mean, _, _ = self._table()
        scaled = np.maximum(np.asarray(signal, dtype=np.float64) / self.sigma, 0.0)
        far = np.sqrt(scaled**2 + 2 * self.channels - 1)
        return np.asarray(self.sigma * np.where(scaled > x[-1], far, np.interp(scaled, x, mean)))

    def beneath(self, magnitude: Array) -> Array:
        """Return the signal whose mean magnitude this is; 0 for what does not reach the floor."""
        x, mean, _, _ = self._table()
        scaled = np.asarray(magnitude, dtype=np.float64) / self.sigma
        far = np.sqrt(np.maximum(scaled**2 - (2 * self.channels - 1), 0.0))
        return np.asarray(np.where(scaled > mean[-1], far, np.interp(scaled, mean, x)) * self.sigma)

    def of_logarithm(self, signal: Array) -> tuple[Array, Array]:
        """Return by how much the mean logarithm of the magnitude exceeds that of the signal, and its variance."""
        x, _, excess, variance = self._table()
        scaled = np.clip(np.asarray(signal, dtype=np.float64) / self.sigma, x[1], None)
        far = scaled > x[-1]
        bias = np.where(far, (self.channels - 1) / scaled**2, np.interp(scaled, x, excess))
        spread = np.where(far, 1.0 / scaled**2, np.interp(scaled, x, variance)) / self.directions
        return bias, spread

    def _table(self) -> tuple[Array, Array, Array, Array]:
        return _table(round(max(self.channels, 0.5), 2), self.directions)


@lru_cache(maxsize=64)
def _table(channels: float, directions: int) -> tuple[Array, Array, Array, Array]:
    """Return signal, mean magnitude, excess and variance of its logarithm, in units of sigma.

    The square of a noncentral chi magnitude is a chi-squared one whose degrees of freedom are 2 (n + k) with k from a
    Poisson law of mean x²/2, so that moments of it and of its logarithm are sums over k (Johnson, Kotz, Balakrishnan,
    Continuous Univariate Distributions 2, ch. 29). The mean of a geometric mean of d magnitudes of equal signal is the
    d-th power of the mean of their d-th root.
    """
    x = np.concatenate([np.linspace(0.0, 6.0, 601), np.linspace(6.0, _STEEP, 401)[1:]])
    k = np.arange(int(_STEEP**2 / 2 + 8 * _STEEP))
    half = x[:, None] ** 2 / 2
    share = np.exp(xlogy(k, half) - half - gammaln(k + 1))
    root = np.exp(gammaln(channels + k + 0.5 / directions) - gammaln(channels + k) + np.log(2.0) * 0.5 / directions)
    log = (digamma(channels + k) + np.log(2.0)) / 2
    mean_log = share @ log
    variance = share @ (polygamma(1, channels + k) / 4 + log**2) - mean_log**2
    excess = mean_log - np.log(np.maximum(x, x[1]))
    return x, (share @ root) ** directions, excess, np.maximum(variance, 1e-9)


def channels_of(mean: float, mean_square: float) -> float:
    """Return the effective number of channels from the first two moments of magnitudes without signal.

    The squared mean over the mean square is Γ(n + ½)² / (n Γ(n)²): 0.785 for one channel, towards 1 for many.
    """
    ratio = mean**2 / mean_square
    low, high = 0.5, _MOST_CHANNELS
    for _ in range(60):
        middle = (low + high) / 2
        found = np.exp(2 * (gammaln(middle + 0.5) - gammaln(middle))) / middle
        low, high = (middle, high) if found < ratio else (low, middle)
    return (low + high) / 2


def noise_floor(
    values: Floats, spacing_mm: tuple[float, float, float], *, inside: Mask | None = None, directions: int = 1
) -> NoiseFloor | None:
    """Estimate the noise floor of one (i, j, k) magnitude volume; None where nothing tells.

    `inside` is the object (None: found here); `directions` says of how many Rician magnitudes the volume is the
    geometric mean.

    Two witnesses: the finest detail inside the object, and the first two moments of the air, on the darker half of its
    blocks. The larger sigma counts: scanners filter and shade the air away (in three of three real series it showed a
    third of the noise of the tissue), and interpolation thins out fine detail. The air tells the number of channels
    where both agree; otherwise one is assumed.
    """
    found = regions(values, spacing_mm)
    object_ = found.object if inside is None else inside
    one = (2.0 ** (1 / directions) * np.exp(gammaln(1 + 1 / directions))) ** directions
    detail = sigma_inside(values, object_) if object_.any() else None
    tissue = (detail or 0.0) * float(np.sqrt(directions))  # the mean of several is quieter than each
    air, channels = 0.0, 1.0
    if int(found.air.sum()) >= _LEAST_AIR:
        quiet = _quiet(values, found.air)
        mean, square = float(quiet.mean()), float((quiet**2).mean())
        if mean > 0 and float((quiet > 0).mean()) > _CLEAN_AIR and float(quiet.std()) > 0.05 * mean:
            channels = max(channels_of(mean, square), 1.0) if directions == 1 else 1.0
            air = float(np.sqrt(square / (2 * channels if directions == 1 else one)))
    if max(tissue, air) <= 0:
        return None
    agree = tissue > 0 and 0.75 <= air / tissue <= 1.33
    if air > tissue:
        return NoiseFloor(sigma=air, channels=channels, directions=directions, source="air")
    source = "finest detail of the object"
    return NoiseFloor(sigma=tissue, channels=channels if agree else 1.0, directions=directions, source=source)


def _quiet(values: Floats, air: Mask) -> Array:
    """Return the magnitudes of the darker half of the blocks (16 × 16 in the slice) of the air."""
    size = 16
    i, j, k = np.nonzero(air)
    columns = values.shape[1] // size + 1
    block = (i // size * columns + j // size) * values.shape[2] + k
    sample = values[i, j, k].astype(np.float64)
    _, place, count = np.unique(block, return_inverse=True, return_counts=True)
    power = np.bincount(place, sample**2) / count
    full = count >= 24
    if full.sum() < 4:
        return sample
    limit = float(np.median(power[full]))
    # what noise alone makes of the median block: the darker half of equal blocks is not darker by more than chance
    return np.asarray(sample[(full & (power <= 1.15 * limit))[place]])
