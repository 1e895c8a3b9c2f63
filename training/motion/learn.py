"""Fits the interval: small networks under the pinball loss, then a shift of the ends by what held-out subjects show."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

LEVELS = (0.05, 0.5, 0.95)
HIDDEN = (48, 24)
NETS = 6
EPOCHS = 140
BATCH = 128
RATE = 2e-3
DECAY = 3e-3
JITTER = 0.15
TOP_MM = 6.0
CLIP = 4.0


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


Arrays = dict[str, np.ndarray]


def fit(table: Table, seed: int, *, epochs: int = EPOCHS, nets: int = NETS) -> Arrays:
    """Return the weights of an ensemble as plain arrays, ends not yet shifted; the same seed gives the same weights."""
    centre = np.nanmedian(table.features, axis=0)
    spread = np.nanpercentile(table.features, 84, axis=0) - np.nanpercentile(table.features, 16, axis=0)
    spread = np.where(spread > 1e-6, spread / 2, 1.0)
    centre = np.where(np.isfinite(centre), centre, 0.0)
    x = standardise(table.features, centre, spread)
    weight = _balance(table)
    found: Arrays = {"names": np.array(table.names), "centre": centre, "spread": spread}
    for net in range(nets):
        rng = np.random.default_rng([seed, net])
        for n, (w, b) in enumerate(_net(x, table.truth, weight, rng, epochs)):
            found[f"net{net}_w{n}"], found[f"net{net}_b{n}"] = w, b
    mean, cov = x.mean(axis=0), np.cov(x.T)
    values, vectors = np.linalg.eigh(cov)
    kept = np.argsort(values)[::-1][:40]
    found["familiar_mean"] = mean
    found["familiar_axes"] = vectors[:, kept] / np.sqrt(values[kept] + 0.02)
    found["shift"] = np.zeros(2)
    return {key: value if key == "names" else value.astype(np.float32) for key, value in found.items()}


def standardise(features: np.ndarray, centre: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """Return features in robust deviations from the training median, cut at ±4; missing ones are 0."""
    return np.clip(np.nan_to_num((features - centre) / spread, nan=0.0), -CLIP, CLIP)


def _balance(table: Table) -> np.ndarray:
    """Weigh real and drawn examples alike, and every subject alike within them."""
    weight = np.zeros(len(table.truth))
    for real in (True, False):
        own = table.real == real
        for subject in np.unique(table.subject[own]):
            rows = own & (table.subject == subject)
            weight[rows] = 1 / np.sqrt(rows.sum())
        if own.any():
            weight[own] /= weight[own].sum()
    return weight / weight.mean()


def _net(
    x: np.ndarray, truth: np.ndarray, weight: np.ndarray, rng: np.random.Generator, epochs: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Train one network by Adam; its three outputs are the middle and the two distances to the ends."""
    sizes = (x.shape[1], *HIDDEN, 3)
    layers = [[rng.normal(scale=np.sqrt(1.0 / a), size=(a, b)), np.zeros(b)] for a, b in pairwise(sizes)]
    layers[-1][1][:] = (0.5, 0.5, 0.5)
    first = [[np.zeros_like(p) for p in layer] for layer in layers]
    second = [[np.zeros_like(p) for p in layer] for layer in layers]
    truth = np.minimum(truth, TOP_MM)
    step = 0
    batches = max(1, len(x) // BATCH)
    for epoch in range(epochs):
        rate = RATE * 0.5 * (1 + np.cos(np.pi * epoch / epochs))
        for rows in np.array_split(rng.permutation(len(x)), batches):
            step += 1
            noisy = x[rows] + rng.normal(scale=JITTER, size=(rows.size, x.shape[1]))
            noisy = noisy * (rng.random(noisy.shape) > 0.05)
            gradients = _gradients(layers, noisy, truth[rows], weight[rows])
            for n, layer in enumerate(layers):
                for m, parameter in enumerate(layer):
                    g = gradients[n][m] + (DECAY * parameter if m == 0 else 0)
                    first[n][m] += 0.1 * (g - first[n][m])
                    second[n][m] += 0.001 * (g * g - second[n][m])
                    size = np.sqrt(second[n][m] / (1 - 0.999**step)) + 1e-8
                    np.subtract(parameter, rate * (first[n][m] / (1 - 0.9**step)) / size, out=parameter)
    return [(w, b) for w, b in layers]


def _gradients(layers: list, x: np.ndarray, truth: np.ndarray, weight: np.ndarray) -> list:
    """Return the gradient of the weighted pinball loss of the three levels."""
    activity = [x]
    for w, b in layers[:-1]:
        activity.append(np.tanh(activity[-1] @ w + b))
    out = activity[-1] @ layers[-1][0] + layers[-1][1]
    size = np.logaddexp(0, out)
    slope = 1 / (1 + np.exp(-np.clip(out, -30, 30)))
    middle = size[:, 1]
    answers = np.stack([middle - size[:, 0], middle, middle + size[:, 2]], axis=1)
    push = np.where(truth[:, None] > answers, -np.array(LEVELS), 1 - np.array(LEVELS)) * np.array([1.5, 1.0, 1.5])
    push = push * weight[:, None] / len(x)
    delta = np.stack([-push[:, 0], push.sum(axis=1), push[:, 2]], axis=1) * slope
    gradients = []
    for n in range(len(layers) - 1, -1, -1):
        gradients.append([activity[n].T @ delta, delta.sum(axis=0)])
        if n:
            delta = (delta @ layers[n][0].T) * (1 - activity[n] ** 2)
    return gradients[::-1]


def predict(model: Arrays, features: np.ndarray) -> np.ndarray:
    """Return (n, 3) lower, middle, upper in mm of rows of features, in the order of `names`."""
    x = standardise(features, model["centre"], model["spread"])
    total = np.zeros((len(x), 3))
    nets = sum(1 for key in model if key.endswith("_w0"))
    for net in range(nets):
        h, n = x, 0
        while f"net{net}_w{n + 1}" in model:
            h = np.tanh(h @ model[f"net{net}_w{n}"] + model[f"net{net}_b{n}"])
            n += 1
        size = np.logaddexp(0, h @ model[f"net{net}_w{n}"] + model[f"net{net}_b{n}"])
        total += np.stack([size[:, 1] - size[:, 0], size[:, 1], size[:, 1] + size[:, 2]], axis=1)
    total /= nets
    total[:, 0] -= model["shift"][0]
    total[:, 2] += model["shift"][1]
    return np.maximum(total, 0)


def strangeness(model: Arrays, features: np.ndarray) -> np.ndarray:
    """Return (n,) how far rows of features lie from the training examples: root-mean-square of whitened coordinates."""
    x = standardise(features, model["centre"], model["spread"]) - model["familiar_mean"]
    return np.sqrt(np.square(x @ model["familiar_axes"]).mean(axis=1))
