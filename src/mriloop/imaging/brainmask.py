"""Finds the brain in a head picture by an evolving surface, without a template and without learned weights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial import ConvexHull

from mriloop.imaging.register import foreground
from mriloop.imaging.resample import Grid, Points, apply, isotropic, sample
from mriloop.imaging.voxels import ndimage
from mriloop.model.volume import Affine, Floats

Mask = npt.NDArray[np.bool_]
PLAUSIBLE_ML = (1000.0, 1750.0)
_STEP_MM = 2.0
_DEEP_MM = 140.0
_FRACTIONS = (0.5, 0.65, 0.8)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BrainMask:
    """The brain (with its ventricles) on the voxels of the picture it was found in.

    mask : same shape as the picture
    volume_ml : volume of the mask
    trusted : False when a check failed; `mask` is then the conservative inside of the head, which also holds skull
        base and meninges, so that more false candidates must be expected near its border
    reason : which check failed
    """

    mask: Mask
    volume_ml: float
    trusted: bool
    reason: str = ""


def brain_mask(data: Floats, affine: Affine, *, plausible_ml: tuple[float, float] = PLAUSIBLE_ML) -> BrainMask:
    """Find the brain in a T1, T2, PD or FLAIR picture of an adult head.

    A sphere inside the head grows outwards as a smooth surface until the intensity under it falls (after the idea of
    Smith, Hum Brain Mapp 2002, doi:10.1002/hbm.10062), on 2 mm cubes whatever the slices were; thin bridges and dark
    rims are then cut away. The result is checked against `plausible_ml`, for left-right balance and for its extent;
    when a check fails, harder borders are tried, and when all fail, it comes back not `trusted`.
    """
    cube, grid = isotropic(data, affine, _STEP_MM)
    head = foreground(cube)
    if not head.any():
        return BrainMask(mask=np.zeros(data.shape, bool), volume_ml=0.0, trusted=False, reason="no tissue found")
    held = float(head.sum()) * grid.voxel_ml
    if held < plausible_ml[0]:
        reason = f"the whole head holds {held:.0f} ml, less than a brain"
        return _at_home(_head_interior(head), grid, data, affine, reason)
    reasons = []
    for fraction in _FRACTIONS:
        inside = _tissue_only(cube, _evolve(cube, head, fraction))
        reason = _implausible(inside, grid, plausible_ml)
        if not reason:
            break
        reasons.append(reason)
    else:
        reason, inside = reasons[0], _head_interior(head)
    return _at_home(inside, grid, data, affine, reason)


def _at_home(inside: Mask, grid: Grid, data: Floats, affine: Affine, reason: str) -> BrainMask:
    """Carry a mask from the cubes to the voxels of the picture."""
    at_home = Grid(shape=(data.shape[0], data.shape[1], data.shape[2]), affine=affine)
    spread = sample(inside.astype(np.float32), grid.affine, at_home, order=1)
    mask = spread > 0.5
    return BrainMask(mask=mask, volume_ml=float(mask.sum()) * at_home.voxel_ml, trusted=not reason, reason=reason)


def _tissue_only(cube: npt.NDArray[np.float32], inside: Mask) -> Mask:
    """Return the inside without dark rims and without what hangs on it by a thin bridge; ventricles and sulci stay."""
    if not inside.any():
        return inside
    typical = float(np.median(cube[inside]))
    level = float(np.percentile(cube, 2.0)) * 0.55 + 0.45 * typical
    box = ndimage.find_objects(inside.astype(np.uint8))[0]
    result = np.zeros_like(inside)
    result[box] = _tidy(inside[box], inside[box] & (cube[box] > level))
    return result


def _tidy(inside: Mask, solid: Mask) -> Mask:
    """Return the largest solid piece without thin bridges, its holes and furrows closed, within `inside`."""
    core = ndimage.binary_opening(solid, _ball(2))
    labels, count = ndimage.label(core)
    if count == 0:
        return inside
    core = labels == 1 + int(np.argmax(np.bincount(labels.ravel())[1:]))
    grown = ndimage.binary_dilation(core, _ball(1), mask=solid)
    padded = np.pad(grown, 6)
    closed = ndimage.binary_closing(padded, _ball(5))[6:-6, 6:-6, 6:-6]
    return np.asarray(ndimage.binary_fill_holes(closed)) & inside


def _ball(radius: int) -> Mask:
    i, j, k = np.ogrid[-radius : radius + 1, -radius : radius + 1, -radius : radius + 1]
    return np.asarray(i * i + j * j + k * k <= radius * radius)


def _implausible(inside: Mask, grid: Grid, plausible_ml: tuple[float, float]) -> str:
    low, high = plausible_ml
    volume_ml = float(inside.sum()) * grid.voxel_ml
    if not low <= volume_ml <= high:
        return f"the brain mask holds {volume_ml:.0f} ml, outside {low:.0f} to {high:.0f} ml"
    middle = np.argwhere(inside).mean(axis=0)[0]
    left = int(inside[: round(middle)].sum())
    right = int(inside[round(middle) :].sum())
    if abs(left - right) > 0.15 * (left + right):
        return "the brain mask is lopsided"
    extent = np.ptp(apply(grid.affine, np.argwhere(inside).astype(float)), axis=0)
    if not (100 <= extent[0] <= 175 and 125 <= extent[1] <= 215 and 70 <= extent[2] <= 185):
        return "the brain mask has an impossible extent of " + " × ".join(f"{e:.0f}" for e in extent) + " mm"
    return ""


def _head_interior(head: Mask) -> Mask:
    """Return the head less its outer 14 mm: scalp, skull and most of the meninges go, whatever else is inside stays."""
    return np.asarray(ndimage.distance_transform_edt(head) * _STEP_MM > 14.0)


def _evolve(cube: npt.NDArray[np.float32], head: Mask, fraction: float) -> Mask:
    """Grow the surface on the cubes and return its inside."""
    low = float(np.percentile(cube, 2.0))
    high = float(np.percentile(cube[head], 98.0))
    floor = low + 0.1 * (high - low)
    top = int(np.flatnonzero(head.any(axis=(0, 1)))[-1])
    upper = head.copy()
    upper[:, :, : max(0, top - round(_DEEP_MM / _STEP_MM))] = False
    centre = np.array(ndimage.center_of_mass(np.where(upper, np.clip(cube, floor, high) - floor, 0.0)))
    radius = (3.0 * float(upper.sum()) / (4.0 * np.pi)) ** (1.0 / 3.0)
    i, j, k = np.ogrid[: cube.shape[0], : cube.shape[1], : cube.shape[2]]
    near = (i - centre[0]) ** 2 + (j - centre[1]) ** 2 + (k - centre[2]) ** 2 < radius**2
    typical = float(np.median(cube[near & (cube > floor)]))
    smooth = ndimage.gaussian_filter(cube, 0.5)
    levels = _Levels(low=low, floor=floor, typical=typical, fraction=fraction)
    points, faces = _sphere(3)
    surface = centre + 0.5 * radius * points
    surface = _grow(surface, faces, smooth, levels, rounds=400)
    surface, faces = _split(surface, faces)
    surface = _grow(surface, faces, smooth, levels, rounds=200)
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
    step, limits = _STEP_MM, np.array(smooth.shape) - 1
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
