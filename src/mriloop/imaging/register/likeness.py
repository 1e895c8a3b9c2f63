"""How much two pictures, laid on each other, resemble and cover each other."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mriloop.imaging.register.picture import Picture
from mriloop.imaging.resample import apply, inverse
from mriloop.imaging.voxels import ndimage
from mriloop.model.volume import Affine

BINS = 32
_FEWEST = 500


def similarity(fixed: Picture, moving: Picture, matrix: Affine, *, most: int = 60_000) -> tuple[float, float]:
    """Return normalised mutual information (1 to 2, higher is better; Studholme 1999) and overlap (0 to 1).

    Both are measured over the foreground of `fixed`; (1, 0) where the pictures do not meet.
    """
    index = np.argwhere(fixed.mask)
    index = index[:: max(1, len(index) // most)]
    back = inverse(moving.affine) @ inverse(matrix) @ fixed.affine
    where = apply(back, index.astype(float)).T
    limits = np.array(moving.data.shape)[:, None] - 1
    inside = np.all((where >= 0) & (where <= limits), axis=0)
    overlap = float(inside.mean())
    if inside.sum() < _FEWEST:
        return 1.0, overlap
    seen = ndimage.map_coordinates(moving.data, where[:, inside], order=1, mode="nearest")
    own = fixed.data[tuple(index[inside].T)]
    return _nmi(own, seen), overlap


def _nmi(one: npt.NDArray[np.float32], two: npt.NDArray[np.float32]) -> float:
    joint = np.histogram2d(one, two, bins=BINS)[0]
    joint = ndimage.gaussian_filter(joint, 0.7, mode="constant")
    joint /= joint.sum()
    return _entropy(joint.sum(0)) / _entropy(joint) + _entropy(joint.sum(1)) / _entropy(joint)


def _entropy(p: npt.NDArray[np.floating]) -> float:
    p = p[p > 0]
    return float(-(p * np.log(p)).sum()) or 1e-12
