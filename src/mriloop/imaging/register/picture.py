"""Makes a picture ready to be laid on another: clipped, no finer than needed, cropped to its tissue."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mriloop.imaging.resample import Grid, Points, apply, coarser, crop
from mriloop.imaging.voxels import ndimage
from mriloop.model.volume import Affine, Floats

Mask = npt.NDArray[np.bool_]
MARGIN_MM = 12.0
_BRIGHTEST_AIR = 0.15  # of the 98th percentile: air at a signal to noise of 8


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Picture:
    """A three-dimensional picture made ready for registration: clipped, coarsened, cropped to its foreground."""

    data: npt.NDArray[np.float32]
    affine: Affine
    mask: Mask

    @property
    def points(self) -> Points:
        """A fixed sample of at most 4000 foreground voxel centres in RAS+ mm."""
        index = np.argwhere(self.mask)
        return apply(self.affine, index[:: max(1, len(index) // 4000)].astype(float))

    @property
    def spacing_mm(self) -> npt.NDArray[np.float64]:
        """Distance between neighbouring voxel centres along the three axes, in millimetres."""
        return np.asarray(np.linalg.norm(self.affine[:3, :3], axis=0))

    @property
    def foreground_ml(self) -> float:
        """Volume of the foreground in millilitres."""
        return float(self.mask.sum()) * abs(float(np.linalg.det(self.affine[:3, :3]))) / 1000.0

    def put(self, matrix: Affine) -> Picture:
        """Return the picture laid elsewhere by a (4, 4) map; its voxels stay as they are."""
        return Picture(data=self.data, affine=matrix @ self.affine, mask=self.mask)


def picture(data: Floats, affine: Affine, spacing_mm: float, inside: Mask | None = None) -> Picture:
    """Make a picture ready: intensities clipped to their robust range, voxels of at least `spacing_mm`, cropped.

    `inside` (the shape of `data`) limits where the similarity is measured, such as the brain without jaw and neck;
    without it the foreground is found by intensity.
    """
    small, at = coarser(data, affine, spacing_mm)
    low, high = np.percentile(small, [1.0, 99.5])
    small = np.clip(small, low, high) - low
    if inside is None:
        mask = foreground(small)
    else:
        spread, _ = coarser(inside.astype(np.float32), affine, spacing_mm)
        mask = spread > 0.25
    if not mask.any():
        mask = np.ones(small.shape, bool)
    grid, cut = crop(Grid(shape=small.shape, affine=at), mask, margin_mm=MARGIN_MM)
    return Picture(data=np.ascontiguousarray(small[cut]), affine=grid.affine, mask=np.ascontiguousarray(mask[cut]))


def foreground(data: Floats) -> Mask:
    """Return where tissue is, holes filled: a tenth of the range above the air, opened, largest piece."""
    smooth = ndimage.uniform_filter(np.asarray(data, np.float32), 3)
    high = float(np.percentile(data, 98.0))
    # Noise in magnitude pictures lifts the air; where there is no air at all the darkest tissue must not pass for it.
    air = min(max(float(np.percentile(smooth, 2.0)), 0.0), _BRIGHTEST_AIR * high)
    rough = ndimage.binary_opening(smooth > air + 0.10 * (high - air), iterations=1)
    labels, count = ndimage.label(rough)
    if count == 0:
        return np.asarray(rough, dtype=bool)
    largest = labels == 1 + int(np.argmax(np.bincount(labels.ravel())[1:]))
    closed = ndimage.binary_closing(largest, iterations=2) | largest
    for axis in range(3):
        for n in range(closed.shape[axis]):
            cut = tuple(n if a == axis else slice(None) for a in range(3))
            closed[cut] = ndimage.binary_fill_holes(closed[cut])
    return np.asarray(closed, dtype=bool)
