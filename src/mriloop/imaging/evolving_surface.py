"""A surface that grows from the middle of a head to the border of its brain: no template, no learned weights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial import ConvexHull

from mriloop.imaging.resample import Points
from mriloop.imaging.voxels import ndimage

Mask = npt.NDArray[np.bool_]
STEP_MM = 2.0
_DEEP_MM = 140.0


def evolve(cube: npt.NDArray[np.float32], head: Mask, fraction: float) -> Mask:
    """Return the inside of a surface that grew in a picture of cubes of 2 mm along R, A, S.

    A sphere inside the head grows outwards as a smooth surface until the intensity under it falls to `fraction` of the
    brightest nearby (after the idea of Smith, Hum Brain Mapp 2002, doi:10.1002/hbm.10062).
    """
    low = float(np.percentile(cube, 2.0))
    high = float(np.percentile(cube[head], 98.0))
    floor = low + 0.1 * (high - low)
    top = int(np.flatnonzero(head.any(axis=(0, 1)))[-1])
    upper = head.copy()
    upper[:, :, : max(0, top - round(_DEEP_MM / STEP_MM))] = False
    centre = np.array(ndimage.center_of_mass(np.where(upper, np.clip(cube, floor, high) - floor, 0.0)))
    radius = (3.0 * float(upper.sum()) / (4.0 * np.pi)) ** (1.0 / 3.0)
    i, j, k = np.ogrid[: cube.shape[0], : cube.shape[1], : cube.shape[2]]
    near = (i - centre[0]) ** 2 + (j - centre[1]) ** 2 + (k - centre[2]) ** 2 < radius**2
    typical = float(np.median(cube[near & (cube > floor)]))
    smooth = ndimage.gaussian_filter(cube, 0.5)
    levels = _Levels(low=low, floor=floor, typical=typical, fraction=fraction)
    points, faces = _sphere(3)
    surface = centre + 0.5 * radius * points
    surface = _grow(surface, faces, smooth, levels, rounds=260)
    surface, faces = _split(surface, faces)
    surface = _grow(surface, faces, smooth, levels, rounds=100)
    return _fill(surface, faces, cube.shape)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Levels:
    """Intensities that steer the surface: background, where tissue begins, the middle of the head, how far to fall."""

    low: float
    floor: float
    typical: float
    fraction: float


def _grow(
    surface: Points, faces: npt.NDArray[np.intp], smooth: npt.NDArray[np.float32], levels: _Levels, *, rounds: int
) -> Points:
    """Let the surface move: evenly spaced along itself, smooth across, outwards while the tissue under it is bright.

    Radii of curvature between 3.3 and 10 mm pass from free to stiff; the darkest point is sought 20 mm under the
    surface and the brightest 10 mm (the constants of Smith 2002).
    """
    step, limits = STEP_MM, np.array(smooth.shape) - 1
    depths = np.arange(0.0, 20.1, 2.0) / step
    shallow = depths <= 10.0 / step
    stiff, free = 1.0 / 10.0, 1.0 / 3.33
    neighbours, count = _neighbours(faces, len(surface))
    for _ in range(rounds):
        normals = _normals(surface, faces)
        ends = np.vstack([surface, np.zeros((1, 3))])
        pull = ends[neighbours].sum(axis=1) / count - surface
        across = np.sum(pull * normals, axis=1, keepdims=True) * normals
        edge = float(np.linalg.norm(surface[faces[:, 0]] - surface[faces[:, 1]], axis=1).mean())
        bend = 2.0 * np.linalg.norm(across, axis=1, keepdims=True) / (edge**2 * step)
        hold = 0.5 * (1.0 + np.tanh(6.0 / (free - stiff) * (bend - (free + stiff) / 2.0)))
        path = np.rint(surface[:, None, :] - normals[:, None, :] * depths[None, :, None]).astype(int)
        index = np.clip(path, 0, limits)
        seen = smooth[index[..., 0], index[..., 1], index[..., 2]]
        least = np.clip(seen.min(axis=1), levels.low, levels.typical)
        most = np.clip(seen[:, shallow].max(axis=1), levels.floor, levels.typical)
        wanted = levels.low + levels.fraction * (most - levels.low)
        push = 2.0 * (least - wanted) / (most - levels.low)
        surface = surface + 0.5 * (pull - across) + hold * across + 0.05 * edge * push[:, None] * normals
    return surface


def _sphere(splits: int) -> tuple[Points, npt.NDArray[np.intp]]:
    """Return a triangulated unit sphere: an icosahedron whose triangles were split `splits` times, faces outwards."""
    golden = (1.0 + 5.0**0.5) / 2.0
    points = np.array(
        [p for a in (-1.0, 1.0) for b in (-golden, golden) for p in ((0.0, a, b), (a, b, 0.0), (b, 0.0, a))]
    )
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    faces = ConvexHull(points).simplices.astype(np.intp)
    inward = np.einsum("ij,ij->i", np.cross(points[faces[:, 0]], points[faces[:, 1]]), points[faces[:, 2]]) < 0
    faces[inward] = faces[inward][:, ::-1]
    for _ in range(splits):
        points, faces = _split(points, faces)
        points /= np.linalg.norm(points, axis=1, keepdims=True)
    return points, faces


def _split(points: Points, faces: npt.NDArray[np.intp]) -> tuple[Points, npt.NDArray[np.intp]]:
    """Split every triangle into four at the middles of its edges."""
    edges = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
    unique, back = np.unique(edges, axis=0, return_inverse=True)
    a, b, c = (back.reshape(3, -1) + len(points)).astype(np.intp)
    middles = points[unique].mean(axis=1)
    f = faces.T
    split = np.concatenate([np.stack(t, axis=1) for t in ((f[0], a, c), (f[1], b, a), (f[2], c, b), (a, b, c))])
    return np.vstack([points, middles]), split


def _neighbours(faces: npt.NDArray[np.intp], size: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.float64]]:
    """Return, per point, the indices of its neighbours (padded with `size`) and their number, shape (size, 1)."""
    pairs = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    pairs = np.unique(np.concatenate([pairs, pairs[:, ::-1]]), axis=0)
    count = np.bincount(pairs[:, 0], minlength=size)
    table = np.full((size, int(count.max())), size, dtype=np.intp)
    place = np.arange(len(pairs)) - np.repeat(np.cumsum(count) - count, count)
    table[pairs[:, 0], place] = pairs[:, 1]
    return table, count[:, None].astype(float)


def _normals(surface: Points, faces: npt.NDArray[np.intp]) -> Points:
    """Return the unit normal of every point, outwards."""
    corners = surface[faces]
    flat = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals = np.stack(
        [np.bincount(faces.ravel(), np.repeat(flat[:, axis], 3), minlength=len(surface)) for axis in range(3)], axis=1
    )
    return np.asarray(normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12))


def _fill(surface: Points, faces: npt.NDArray[np.intp], shape: tuple[int, ...]) -> Mask:
    """Return the voxels inside a closed surface: its skin is painted densely, then what the outside cannot reach."""
    corners = surface[faces]
    steps = [(u / 8.0, v / 8.0) for u in range(9) for v in range(9 - u)]
    skin = np.concatenate([corners[:, 0] * (1 - u - v) + corners[:, 1] * u + corners[:, 2] * v for u, v in steps])
    index = np.clip(np.rint(skin).astype(int), 0, np.array(shape) - 1)
    painted = np.zeros(shape, bool)
    painted[tuple(index.T)] = True
    return np.asarray(ndimage.binary_fill_holes(painted))
