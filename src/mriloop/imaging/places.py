"""Says where in this very brain a lesion lies: infratentorial, periventricular, juxtacortical or deep."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mriloop.imaging.average_brain import CENTRE, average_brain
from mriloop.imaging.normalise import Map, Mask, Visits
from mriloop.imaging.resample import Grid, Points, apply, inverse
from mriloop.imaging.voxels import ndimage
from mriloop.model.coding import Weighting
from mriloop.model.volume import Affine

TOUCHING_MM = 3.0
CORTEX_MM = 4.0
_DEEP_MM = 15.0
_LEAST_VENTRICLE_ML = 0.3
# Fluid, as a share of the commonest tissue (white matter): darker than this, and on T2 brighter.
_DARK = {Weighting.FLAIR: 0.55, Weighting.T1: 0.6}
_BRIGHT = {Weighting.T2: 1.7}
_FURROW = 0.2  # a furrow is narrower than a voxel: half fluid counts


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Places:
    """The landmarks of one brain on the grid of two visits.

    to_average : (4, 4) from RAS+ mm of the grid to mm of the average brain
    to_ventricle : distance to the lateral or third ventricle in mm; None where none was found
    to_surface : distance to the outside or to the fluid of a furrow in mm
    """

    grid: Grid
    to_average: Affine
    to_ventricle: Map | None
    to_surface: Map

    def of(self, region: Mask) -> str:
        """Name the place of a region: infratentorial, periventricular, juxtacortical, deep, or other when not clear.

        After the McDonald criteria (Thompson et al., Lancet Neurol 2018, doi:10.1016/S1474-4422(17)30470-2):
        infratentorial is brainstem and cerebellum; periventricular touches a ventricle, here: comes within one thick
        slice of it (`TOUCHING_MM`); juxtacortical touches the cortex, here: comes within `CORTEX_MM` of fluid or
        outside, of which the cortex takes 2.5 mm (Fischl and Dale, PNAS 2000, doi:10.1073/pnas.200033797). A lesion
        that touches both is periventricular where most of it lies nearer to the ventricle.
        """
        points = apply(self.grid.affine, np.argwhere(region).astype(float))
        if not len(points):
            return "other"
        below = float(infratentorial(apply(self.to_average, points)).mean())
        if below > 0.5:
            return "infratentorial"
        if self.to_ventricle is None or below > 0.2:
            return "other"
        inner, outer = self.to_ventricle[region], self.to_surface[region]
        at_ventricle, at_cortex = float(inner.min()) <= TOUCHING_MM, float(outer.min()) <= CORTEX_MM
        if at_ventricle and at_cortex:
            return "periventricular" if float(np.median(inner - outer)) <= 0 else "juxtacortical"
        if at_ventricle:
            return "periventricular"
        return "juxtacortical" if at_cortex else "deep"


def infratentorial(points: Points) -> Mask:
    """Tell which points (n, 3), in mm of the average brain, lie in brainstem or cerebellum.

    The tent falls from the straight sinus to the sides and backwards; before it the brainstem ends at the midbrain.
    """
    x, y, z = np.abs(points[:, 0]), points[:, 1], points[:, 2]
    tent = 3.0 + 0.34 * np.minimum(y + 45.0, 0.0) - 16.0 * (np.minimum(x, 60.0) / 55.0) ** 1.2
    tent = tent - 0.45 * np.maximum(y + 60.0, 0.0) * np.minimum(x / 40.0, 1.0)
    cerebellum = (y < -38.0) & (z < tent)
    brainstem = (x < 18.0) & (y >= -42.0) & (y < -8.0) & (z < -7.0)
    return np.asarray(cerebellum | brainstem)


def places(visits: Visits, weighting: Weighting, *, from_average: Affine | None = None) -> Places:
    """Find the landmarks that lesions are placed by.

    from_average : (4, 4) from mm of the average brain to RAS+ mm of the grid (`BrainMask.from_average`, moved with the
        picture); without it the average brain is laid into the mask by their moments, which knows no turned heads
    """
    grid, spacing = visits.grid, visits.grid.spacing_mm
    to_average = inverse(by_moments(visits.mask, grid) if from_average is None else from_average)
    depth = ndimage.distance_transform_edt(np.pad(visits.mask, 1), sampling=spacing)[1:-1, 1:-1, 1:-1]
    mean = (visits.today + visits.prior) / 2.0
    fluid = _fluid(mean, visits.mask, weighting, 0.0)
    ventricle = _ventricles(fluid & (depth > _DEEP_MM), fluid, grid, to_average)
    to_ventricle = None
    if ventricle.any():
        to_ventricle = ndimage.distance_transform_edt(~ventricle, sampling=spacing).astype(np.float32)
    furrows = _fluid(mean, visits.mask, weighting, _FURROW) & ~ventricle & (depth < _DEEP_MM + 10.0)
    surface = ndimage.distance_transform_edt(np.pad(visits.mask & ~furrows, 1), sampling=spacing)[1:-1, 1:-1, 1:-1]
    return Places(
        grid=grid, to_average=to_average, to_ventricle=to_ventricle, to_surface=np.asarray(surface, dtype=np.float32)
    )


def _fluid(mean: Map, mask: Mask, weighting: Weighting, allowance: float) -> Mask:
    if weighting in _BRIGHT:
        return np.asarray(mask & (mean > _BRIGHT[weighting] - allowance))
    if weighting in _DARK:
        return np.asarray(mask & (mean < _DARK[weighting] + allowance))
    return np.zeros(mask.shape, bool)


def _ventricles(deep: Mask, fluid: Mask, grid: Grid, to_average: Affine) -> Mask:
    """Return lateral and third ventricles: deep fluid that starts near the midline of the average brain."""
    index = np.argwhere(deep)
    if not len(index):
        return np.zeros(deep.shape, bool)
    x, y, z = apply(to_average, apply(grid.affine, index.astype(float))).T
    zone = (np.abs(x) < 42) & (y > -75) & (y < 45) & (z > -22) & (z < 42) & ~infratentorial(np.stack([x, y, z], axis=1))
    inner = zone & (np.abs(x) < 22) & (y > -55) & (z > -8) & (z < 34)
    where, seeds = np.zeros(deep.shape, bool), np.zeros(deep.shape, bool)
    where[tuple(index[zone].T)] = True
    seeds[tuple(index[inner].T)] = True
    flat = ndimage.generate_binary_structure(3, 1)
    flat[:, :, [0, 2]] &= max(grid.spacing_mm) < 2.0
    core = ndimage.binary_opening(where, flat)
    labels, count = ndimage.label(core)
    if count == 0:
        return np.asarray(core)
    sizes = np.bincount(labels.ravel(), minlength=count + 1) * grid.voxel_ml
    seeded = np.bincount(labels[seeds & core], minlength=count + 1) > 0
    chosen = [n for n in range(1, count + 1) if seeded[n] and sizes[n] >= _LEAST_VENTRICLE_ML]
    return np.asarray(ndimage.binary_dilation(np.isin(labels, chosen), mask=fluid, iterations=2))


def by_moments(mask: Mask, grid: Grid) -> Affine:
    """Return the affine from mm of the average brain to RAS+ mm that gives its hull the middle and spread of a mask."""
    one = average_brain()
    theirs = apply(one.grid.affine, np.argwhere(one.hull > 0.5).astype(float))
    mine = apply(grid.affine, np.argwhere(mask)[::20].astype(float))
    if len(mine) < 100:
        matrix = np.eye(4)
        matrix[:3, 3] = -CENTRE
        return matrix
    root = _root(np.cov(theirs.T))
    back = np.linalg.inv(root)
    matrix = np.eye(4)
    matrix[:3, :3] = back @ _root(root @ np.cov(mine.T) @ root) @ back
    matrix[:3, 3] = mine.mean(axis=0) - matrix[:3, :3] @ theirs.mean(axis=0)
    return matrix


def _root(matrix: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    values, vectors = np.linalg.eigh(matrix)
    return np.asarray((vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T)
