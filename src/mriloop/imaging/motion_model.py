"""Motion in millimetres from one volume: a small ensemble of networks whose weights are passed in gives an interval."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mriloop.imaging.foreground import Regions
from mriloop.imaging.motion_features import features

Floats = npt.NDArray[np.floating]
Layer = tuple[Floats, Floats]

CLIP = 4.0
STEP_MM = (0.3, 2.6)
VOXEL_LEAST = 64
SLICES_LEAST = 2
NOISE_MOST = -1.2
OUTSIDE = "outside what the motion model was trained on"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MotionModel:
    """The weights of `motion_mm`, as read from its file.

    names : the features, in the order of the arrays
    centre, spread : what standardises them
    nets : for each network its layers (weights, offsets); hidden ones are tanh, the last gives the middle and the two
        distances to the ends through log(1 + exp)
    shift : (2,) mm by which the lower end is lowered and the upper raised, found on subjects held out from training
    familiar_mean, familiar_axes, familiar_most : whitened axes of the training features, and how far off is too far
    coverage : share of held-out subjects' examples that the interval was made to hold
    digest : SHA-256 of the file
    """

    names: tuple[str, ...]
    centre: Floats
    spread: Floats
    nets: tuple[tuple[Layer, ...], ...]
    shift: Floats
    familiar_mean: Floats
    familiar_axes: Floats
    familiar_most: float
    coverage: float
    digest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """Displacement during the acquisition as `kspace_motion.displacement_mm` defines it: between `lower` and `upper`.

    axis : the phase-encode axis that was judged
    """

    lower_mm: float
    middle_mm: float
    upper_mm: float
    axis: int


def from_arrays(arrays: Mapping[str, npt.NDArray[np.generic]], digest: str = "") -> MotionModel:
    """Return the model that plain arrays hold. Raises KeyError or ValueError for arrays that are not one."""
    names = tuple(str(name) for name in arrays["names"])
    nets: list[tuple[Layer, ...]] = []
    while f"net{len(nets)}_w0" in arrays:
        layers: list[Layer] = []
        while (key := f"net{len(nets)}_w{len(layers)}") in arrays:
            layers.append((_floats(arrays[key]), _floats(arrays[key.replace("_w", "_b")])))
        nets.append(tuple(layers))
    model = MotionModel(
        names=names,
        centre=_floats(arrays["centre"]),
        spread=_floats(arrays["spread"]),
        nets=tuple(nets),
        shift=_floats(arrays["shift"]),
        familiar_mean=_floats(arrays["familiar_mean"]),
        familiar_axes=_floats(arrays["familiar_axes"]),
        familiar_most=float(_floats(arrays["familiar_most"])),
        coverage=float(_floats(arrays["coverage"])),
        digest=digest,
    )
    width = len(names)
    if not nets or any(net[0][0].shape[0] != width or net[-1][0].shape[1] != 3 for net in nets):
        raise ValueError("the layers do not fit the features")
    if any(a.shape != (width,) for a in (model.centre, model.spread, model.familiar_mean)):
        raise ValueError("the standardisation does not fit the features")
    return model


def _floats(array: npt.NDArray[np.generic]) -> Floats:
    found = np.asarray(array, dtype=np.float64)
    if not np.isfinite(found).all():
        raise ValueError("a weight is not a number")
    return found


def predict(model: MotionModel, rows: Floats) -> Floats:
    """Return (n, 3) lower end, middle and upper end in mm for (n, f) rows of features; never below 0, always in order.

    A missing feature (NaN) counts as its training median; deviations are cut at four.
    """
    x = _standard(model, rows)
    total = np.zeros((len(x), 3))
    for net in model.nets:
        h = x
        for weights, offset in net[:-1]:
            h = np.tanh(h @ weights + offset)
        size = np.logaddexp(0, h @ net[-1][0] + net[-1][1])
        total += np.stack([size[:, 1] - size[:, 0], size[:, 1], size[:, 1] + size[:, 2]], axis=1)
    total /= len(model.nets)
    total[:, 0] = np.minimum(total[:, 0] - model.shift[0], total[:, 1])
    total[:, 2] = np.maximum(total[:, 2] + model.shift[1], total[:, 1])
    return np.maximum(total, 0)


def strangeness(model: MotionModel, rows: Floats) -> Floats:
    """Return (n,) how unlike the training examples rows of features are: 1 is typical; root mean square, whitened."""
    x = _standard(model, rows) - model.familiar_mean
    return np.asarray(np.sqrt(np.square(x @ model.familiar_axes).mean(axis=1)), dtype=np.float64)


def _standard(model: MotionModel, rows: Floats) -> Floats:
    scaled = np.nan_to_num((rows - model.centre) / model.spread, nan=0.0)
    return np.asarray(np.clip(scaled, -CLIP, CLIP), dtype=np.float64)


def judge(
    model: MotionModel, values: Floats, regions: Regions, spacing_mm: tuple[float, float, float], axis: int | None
) -> Interval | str:
    """Return how far the object moved while one magnitude volume (i, j, k) was taken, or why that cannot be said.

    Displacement: root mean square over the object and over the phase-encode lines, weighted by 1/|k|, from the weighted
    mean position, in mm; lower is better. Where the phase-encode axis is not known both are judged and the one of the
    larger middle counts. Refused: a matrix below 64, in-plane voxels outside 0.3 to 2.6 mm, fewer than two slices with
    enough of the object, noise of the size of the structure, and features unlike those of the training examples.
    Source: docs/models/motion_mm.md; simulation after Shaw et al., doi:10.1109/TMI.2020.2972547 (k-space lines of
    several poses); interval by conformalised quantiles, Romano et al., arXiv:1905.03222.
    """
    if min(values.shape[:2]) < VOXEL_LEAST:
        return f"{OUTSIDE}: a matrix of {values.shape[0]} × {values.shape[1]}"
    if not STEP_MM[0] <= min(spacing_mm[:2]) <= max(spacing_mm[:2]) <= STEP_MM[1]:
        return f"{OUTSIDE}: voxels of {spacing_mm[0]:.2f} × {spacing_mm[1]:.2f} mm"
    best: Interval | None = None
    for tried in (0, 1) if axis is None else (axis,):
        found = features(values, regions.object, regions.zeroed, spacing_mm, tried)
        if not found or found["slices"] < SLICES_LEAST:
            return "too few slices show enough of the object"
        if found["noise.m"] > NOISE_MOST:
            return f"{OUTSIDE}: noise as strong as the structure"
        row = np.array([[found.get(name, np.nan) for name in model.names]])
        strange = float(strangeness(model, row)[0])
        if strange > model.familiar_most:
            return f"{OUTSIDE}: its look ({strange:.1f}, at most {model.familiar_most:.1f})"
        lower, middle, upper = (float(v) for v in predict(model, row)[0])
        if best is None or middle > best.middle_mm:
            best = Interval(lower_mm=lower, middle_mm=middle, upper_mm=upper, axis=tried)
    return best if best is not None else OUTSIDE
