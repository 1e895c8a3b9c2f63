"""Carries pictures from their own voxels to another grid, through one linear map and one interpolation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.linalg import sqrtm
from scipy.spatial.transform import Rotation

from mriloop.imaging.voxels import ndimage
from mriloop.model.volume import Affine, Floats

Points = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Grid:
    """Voxel centres in space: `shape` voxels, `affine` (4, 4) from voxel index to RAS+ mm."""

    shape: tuple[int, int, int]
    affine: Affine

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Distance between neighbouring voxel centres along i, j, k in millimetres."""
        i, j, k = np.linalg.norm(self.affine[:3, :3], axis=0)
        return float(i), float(j), float(k)

    @property
    def voxel_ml(self) -> float:
        """Volume of one voxel in millilitres."""
        return abs(float(np.linalg.det(self.affine[:3, :3]))) / 1000.0

    @property
    def centre_ras_mm(self) -> Points:
        """The middle of the grid in RAS+ mm, shape (3,)."""
        middle = (np.asarray(self.shape, float) - 1.0) / 2.0
        return np.asarray(self.affine[:3, :3] @ middle + self.affine[:3, 3])


def apply(matrix: Affine, points: Points) -> Points:
    """Map points (n, 3) through a (4, 4) matrix."""
    return np.asarray(points @ matrix[:3, :3].T + matrix[:3, 3], dtype=np.float64)


def inverse(matrix: Affine) -> Affine:
    """Return the inverse of a (4, 4) map."""
    return np.asarray(np.linalg.inv(matrix), dtype=np.float64)


def rigid(rotation_deg: tuple[float, float, float], shift_mm: tuple[float, float, float], centre: Points) -> Affine:
    """Return the (4, 4) map that turns about the R, A, S axes (in this order) through `centre`, then shifts."""
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_euler("xyz", rotation_deg, degrees=True).as_matrix()
    matrix[:3, 3] = centre - matrix[:3, :3] @ centre + np.asarray(shift_mm, float)
    return matrix


def halfway(matrix: Affine) -> Affine:
    """Return the map that, done twice, is `matrix`: rigid where that is rigid, turning by less than 180 degrees."""
    half = np.eye(4)
    linear = matrix[:3, :3]
    if np.allclose(linear @ linear.T, np.eye(3), atol=1e-9):
        half[:3, :3] = Rotation.from_rotvec(Rotation.from_matrix(linear).as_rotvec() / 2.0).as_matrix()
    else:
        half[:3, :3] = np.real(sqrtm(linear))
    half[:3, 3] = np.linalg.solve(np.eye(3) + half[:3, :3], matrix[:3, 3])
    return half


def mean_rigid(first: Affine, second: Affine) -> Affine:
    """Return the map midway between two nearby rigid (or affine) maps."""
    return halfway(second @ inverse(first)) @ first


def scales(matrix: Affine) -> tuple[float, float, float]:
    """Return by how much a map stretches along the R, A and S axes of where it comes from (1 for a rigid map).

    The diagonal of the symmetric stretch of its polar decomposition.
    """
    _, sizes, turn = np.linalg.svd(matrix[:3, :3])
    right, anterior, superior = np.diag(turn.T @ np.diag(sizes) @ turn)
    return float(right), float(anterior), float(superior)


def mean_displacement_mm(first: Affine, second: Affine, points: Points) -> float:
    """Mean distance, in mm, between where two maps send the same points (n, 3)."""
    return float(np.linalg.norm(apply(first, points) - apply(second, points), axis=1).mean())


def sample(
    data: Floats, affine: Affine, grid: Grid, to_grid: Affine | None = None, *, order: int = 3, fill: float = 0.0
) -> npt.NDArray[np.float32]:
    """Interpolate a three-dimensional picture on a grid.

    `to_grid` maps RAS+ mm of the picture to RAS+ mm of the grid (None: they share a frame). `order` is the degree of
    the B-spline: 0 for labels, 1 for speed, 3 for measuring. Where the grid is coarser than the picture, the picture
    is first smoothed to the resolution of the grid along that axis, so that two visits of different slice thickness
    are seen through the same slice profile. Voxels of the grid outside the picture get `fill`.
    """
    move = np.eye(4) if to_grid is None else to_grid
    index = inverse(affine) @ inverse(move) @ grid.affine
    source = np.asarray(data, dtype=np.float32)
    if order > 0:
        source = ndimage.gaussian_filter(source, _profile_sigma(affine, grid, move), truncate=3.0)
    at = index[:3, :3], index[:3, 3]
    found = ndimage.affine_transform(source, *at, output_shape=grid.shape, order=order, mode="constant", cval=fill)
    return np.asarray(found, dtype=np.float32)


def _profile_sigma(affine: Affine, grid: Grid, move: Affine) -> list[float]:
    """Gaussian sigma in voxels, per axis of the picture, that turns its resolution into that of the grid."""
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    axes = move[:3, :3] @ (affine[:3, :3] / spacing)
    seen = np.sqrt(np.sum((axes.T @ grid.affine[:3, :3]) ** 2, axis=1))
    excess = np.where(seen > 1.2 * spacing, seen**2 - spacing**2, 0.0)
    return [float(x) for x in np.sqrt(excess) / 2.355 / spacing]


def coarser(data: Floats, affine: Affine, spacing_mm: float) -> tuple[npt.NDArray[np.float32], Affine]:
    """Return the picture on voxels of at least `spacing_mm` along each axis (thick slices stay), and their affine."""
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    step = np.maximum(spacing_mm / spacing, 1.0)
    shape = tuple(max(1, round(n / s)) for n, s in zip(data.shape, step, strict=True))
    scale = np.eye(4)
    scale[:3, :3] = np.diag(step)
    scale[:3, 3] = [(n - 1 - (m - 1) * s) / 2 for n, m, s in zip(data.shape, shape, step, strict=True)]
    grid = Grid(shape=(shape[0], shape[1], shape[2]), affine=affine @ scale)
    return sample(data, affine, grid, order=1), grid.affine


def isotropic(data: Floats, affine: Affine, spacing_mm: float, order: int = 1) -> tuple[npt.NDArray[np.float32], Grid]:
    """Return the picture on cubic voxels along the R, A and S axes that cover it, and their grid."""
    corners = np.array([[i, j, k] for i in (0, 1) for j in (0, 1) for k in (0, 1)]) * (np.array(data.shape) - 1.0)
    low, high = (f(apply(affine, corners), axis=0) for f in (np.min, np.max))
    shape = np.ceil((high - low) / spacing_mm).astype(int) + 1
    matrix = np.diag([spacing_mm, spacing_mm, spacing_mm, 1.0])
    matrix[:3, 3] = low
    grid = Grid(shape=(int(shape[0]), int(shape[1]), int(shape[2])), affine=matrix)
    return sample(data, affine, grid, order=order), grid


def common_step(grid: Grid, other: Affine, to_grid: Affine, finest_mm: float) -> Points:
    """Return, per axis of a grid, how many of its voxels one voxel spans that is as coarse as the coarser of two.

    `other` is the affine of the other picture and `to_grid` maps its RAS+ mm to the grid's; a spacing that exceeds the
    grid's by less than a fifth counts as the same, and no voxel is finer than `finest_mm`.
    """
    spacing = np.array(grid.spacing_mm)
    seen = np.sqrt(np.sum(((grid.affine[:3, :3] / spacing).T @ (to_grid[:3, :3] @ other[:3, :3])) ** 2, axis=1))
    coarsest = np.maximum.reduce([spacing, np.full(3, finest_mm), np.where(seen > 1.2 * spacing, seen, 0.0)])
    return np.asarray(coarsest / spacing)


def crop(grid: Grid, inside: npt.NDArray[np.bool_], margin_mm: float) -> tuple[Grid, tuple[slice, slice, slice]]:
    """Return the smallest part of the grid that holds `inside` and a margin, and the slices that cut it out."""
    cut = []
    for axis, step in enumerate(grid.spacing_mm):
        along = np.flatnonzero(inside.any(axis=tuple(a for a in range(3) if a != axis)))
        pad = int(np.ceil(margin_mm / step))
        cut.append(slice(max(0, int(along[0]) - pad), min(grid.shape[axis], int(along[-1]) + 1 + pad)))
    start = np.eye(4)
    start[:3, 3] = [c.start for c in cut]
    shape = (cut[0].stop - cut[0].start, cut[1].stop - cut[1].start, cut[2].stop - cut[2].start)
    return Grid(shape=shape, affine=grid.affine @ start), (cut[0], cut[1], cut[2])
