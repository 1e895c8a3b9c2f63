"""Motion in millimetres from one volume: a regression whose weights are passed in gives an interval."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mriloop.imaging.foreground import Regions
from mriloop.imaging.motion_features import features

Floats = npt.NDArray[np.floating]

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
    examples : (n, f) the standardised training examples
    kernel : how fast likeness to them falls with the mean squared difference
    level : (2,) the middle and the width, in mm, of a volume that is like none of them
    pulls : (n, 2) how much each example pulls the middle and the width
    least_width, ends : the least width, and the multiples of the width that lie below and above the middle, such that
        subjects held out from training stay inside
    familiar_mean, familiar_axes, familiar_most : whitened axes of the training features, and how far off is too far
    coverage : share of held-out subjects' examples that the interval was made to hold
    digest : SHA-256 of the file
    """

    names: tuple[str, ...]
    centre: Floats
    spread: Floats
    examples: Floats
    kernel: float
    level: Floats
    pulls: Floats
    least_width: float
    ends: Floats
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
    model = MotionModel(
        names=names,
        centre=_floats(arrays["centre"]),
        spread=_floats(arrays["spread"]),
        examples=_floats(arrays["examples"]),
        kernel=float(_floats(arrays["kernel"])),
        level=_floats(arrays["level"]),
        pulls=_floats(arrays["pulls"]),
        least_width=float(_floats(arrays["least_width"])),
        ends=_floats(arrays["ends"]),
        familiar_mean=_floats(arrays["familiar_mean"]),
        familiar_axes=_floats(arrays["familiar_axes"]),
        familiar_most=float(_floats(arrays["familiar_most"])),
        coverage=float(_floats(arrays["coverage"])),
        digest=digest,
    )
    count = len(model.pulls)
    if model.examples.shape != (count, len(names)) or model.pulls.shape != (count, 2):
        raise ValueError("the examples do not fit the features")
    if any(a.shape != (len(names),) for a in (model.centre, model.spread, model.familiar_mean)):
        raise ValueError("the standardisation does not fit the features")
    if model.level.shape != (2,) or model.ends.shape != (2,) or model.familiar_axes.shape[:1] != (len(names),):
        raise ValueError("the ends or the familiar axes do not fit the features")
    if min(model.ends) < 0 or model.least_width <= 0 or model.kernel <= 0 or min(model.spread) <= 0:
        raise ValueError("a scale is not positive")
    return model


def _floats(array: npt.NDArray[np.generic]) -> Floats:
    found = np.asarray(array, dtype=np.float64)
    if not np.isfinite(found).all():
        raise ValueError("a weight is not a number")
    return found


def predict(model: MotionModel, rows: Floats) -> Floats:
    """Return (n, 3) lower end, middle and upper end in mm for (n, f) rows of features; never below 0, always in order.

    Kernel ridge regression: middle and width are `level` + Σ pulls · exp(-kernel · mean squared difference) over the
    examples; the ends lie `ends` widths away. A missing feature (NaN) counts as its training median; deviations are
    cut at four.
    """
    x = _standard(model, rows)
    apart = np.array([np.square(model.examples - one).mean(axis=1) for one in x])
    found = model.level + np.exp(-model.kernel * apart) @ model.pulls
    middle, width = np.maximum(found[:, 0], 0), np.maximum(found[:, 1], model.least_width)
    ends = np.stack([middle - model.ends[0] * width, middle, middle + model.ends[1] * width], axis=1)
    return np.asarray(np.maximum(ends, 0), dtype=np.float64)


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
    Source: docs/models/motion_mm.md; lines of several poses after Shaw et al. 2019, proceedings.mlr.press/v102/shaw19a.
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
