"""The last tenths of a millimetre: symmetric least squares on two pictures, with contrast and shading fitted along."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial.transform import Rotation

from mriloop.imaging.register.intensity import Greys, Table, Vector, explain, shading
from mriloop.imaging.register.picture import Picture
from mriloop.imaging.resample import Points, apply, inverse
from mriloop.imaging.voxels import ndimage
from mriloop.model.volume import Affine

POINTS = 30_000
FEWEST = 1_000
_STEPS = ((4, 15, 0.01), (1, 4, 0.003))  # one point in so many, at most so many steps, done below so many mm
_LOST_MM = 30.0
_THIRDS = (1 / 3, 2 / 3)
_GOLDEN = np.array([0.8191725134, 0.6710436067, 0.5497004779])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Refined:
    """A linear map polished by least squares, and what the data say of it.

    matrix : (4, 4), RAS+ mm of the moving picture to RAS+ mm of the fixed one
    explained : share (0 to 1) of the variance of each picture that the other explains, the smaller of the two;
        what Tukey's weights set aside does not count
    residual : mean absolute difference left after contrast and shading are fitted, over the typical brightness
    inverse_consistency_mm : mean distance between where the two directions, each by itself, would put the points
    spread_mm : root mean square displacement of the points over maps that leave out one block of the anatomy each
        (delete-one jackknife)
    misfit_mm : median distance by which the blocks, each by itself, would rather be shifted: what no single linear
        map can follow, and large where the two pictures do not show the same head
    parameter_spread : standard deviation (same jackknife) of the 6 or 12 parameters about the centre of the points:
        turn in radians or matrix row by row, then shift in mm
    """

    matrix: Affine
    explained: float
    residual: float
    inverse_consistency_mm: float
    spread_mm: float
    misfit_mm: float
    parameter_spread: Vector


def refine(fixed: Picture, moving: Picture, start: Affine, *, free: int = 6, points: int = POINTS) -> Refined | None:
    """Polish a map that is right to about two millimetres; None where the pictures share too little for it.

    Each picture, passed through a piecewise linear function of intensity and multiplied by a smooth shading, has to
    explain the other; intensities and place are solved for together, so that shading and contrast cannot pull the
    place. Tukey's biweight sets aside what changed between the visits (after Reuter et al., NeuroImage 2010,
    doi:10.1016/j.neuroimage.2010.07.020). Both pictures are interpolated at jittered points, so that no voxel grid
    attracts the other, and both directions weigh the same, so that the answer does not depend on who is called fixed.
    `free` is 6 (rigid) or 12 (affine).
    """
    matrix = start
    readable = _Readable.of(fixed), _Readable.of(moving)
    for share, most, done_mm in _STEPS:
        scene = _Scene.of(fixed, moving, readable, points // share, free)
        for _ in range(most):
            halves = scene.linearise(matrix)
            if halves is None:
                return None
            step = _solve(sum(h.normal.sum(axis=0) for h in halves), sum(h.pull.sum(axis=0) for h in halves))
            length = _length(step, halves[0].local)
            if not length < _LOST_MM:
                return None
            matrix = _increment(step, scene.centre) @ matrix
            if length < done_mm:
                break
    halves = scene.linearise(matrix)
    return None if halves is None else _verdict(matrix, halves)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Readable:
    """A picture as the coefficients of its cubic B-spline, with its slopes per voxel at the voxels."""

    spline: npt.NDArray[np.float32]
    slopes: tuple[npt.NDArray[np.float32], ...]
    affine: Affine

    @classmethod
    def of(cls, one: Picture) -> _Readable:
        spline = np.asarray(ndimage.spline_filter(one.data, order=3, mode="nearest", output=np.float32))
        return cls(spline=spline, slopes=tuple(_slope(spline, axis) for axis in range(3)), affine=one.affine)

    def value(self, where: Table) -> Vector:
        """Return the intensities at voxel coordinates (3, n)."""
        found = ndimage.map_coordinates(self.spline, where, order=3, prefilter=False, mode="nearest")
        return np.asarray(found, dtype=np.float64)

    def slope(self, where: Table) -> Points:
        """Return the slopes per voxel at voxel coordinates (3, n), shape (n, 3)."""
        return np.stack([ndimage.map_coordinates(s, where, order=1, mode="nearest") for s in self.slopes], axis=1)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Side:
    """One direction: points of one picture with what it shows there, and the other picture ready to be read."""

    at: Points
    own: Vector
    shade: Table
    other: _Readable
    greys: Greys


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Half:
    """The least squares of one direction about the present map, block by block, intensities projected out.

    normal : (27, free, free); pull : (27, free), both in units of the noise
    local : (n, 3) the points about the centre, in the fixed frame
    """

    normal: npt.NDArray[np.float64]
    pull: npt.NDArray[np.float64]
    local: Points
    explained: float
    residual: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Scene:
    """Both directions, and about which point of the fixed frame a step turns."""

    forward: _Side
    backward: _Side
    centre: Vector
    free: int

    @classmethod
    def of(
        cls, fixed: Picture, moving: Picture, readable: tuple[_Readable, _Readable], points: int, free: int
    ) -> _Scene:
        """Lay out `points` in each picture."""
        forward = _side(fixed, moving, readable, points)
        backward = _side(moving, fixed, readable[::-1], points)
        return cls(forward=forward, backward=backward, centre=forward.at.mean(axis=0), free=free)

    def linearise(self, matrix: Affine) -> tuple[_Half, _Half] | None:
        """Return both directions about a map; None where the pictures hardly meet."""
        there, home = self.forward.at, apply(matrix, self.backward.at)
        # the moving picture's content shifts with the step, so what is read at a fixed place shifts against it
        one = self._half(self.forward, inverse(matrix), there - self.centre, inverse(matrix)[:3, :3], -1.0)
        two = self._half(self.backward, matrix, home - self.centre, np.eye(3), 1.0)
        return None if one is None or two is None else (one, two)

    def _half(self, side: _Side, to_other: Affine, local: Points, turn: Table, sign: float) -> _Half | None:
        to_index = inverse(side.other.affine)
        where = apply(to_index @ to_other, side.at).T
        inside = np.all((where >= 0) & (where <= np.array(side.other.spline.shape)[:, None] - 1), axis=0)
        if int(inside.sum()) < FEWEST:
            return None
        where, own, local = where[:, inside], side.own[inside], local[inside]
        fit = explain(own, side.other.value(where), side.shade[inside], side.greys)
        along = side.other.slope(where) @ (to_index[:3, :3] @ turn) * (sign * fit.gain)[:, None]
        root = np.sqrt(fit.weights)[:, None]
        place = fit.apart(_columns(along, local, self.free)) * (root / fit.noise)
        left = fit.left[:, None] * root / fit.noise
        cuts = [np.quantile(self.forward.at[:, axis] - self.centre[axis], _THIRDS) for axis in range(3)]
        i, j, k = (np.searchsorted(cut, local[:, axis]) for axis, cut in enumerate(cuts))
        block = i * 9 + j * 3 + k
        normal, pull = np.zeros((27, self.free, self.free)), np.zeros((27, self.free))
        for b in np.unique(block):
            here = place[block == b]
            normal[b], pull[b] = here.T @ here, here.T @ left[block == b, 0]
        middle = np.average(own, weights=fit.weights)
        spread = np.average((own - middle) ** 2, weights=fit.weights)
        return _Half(
            normal=normal,
            pull=pull,
            local=local,
            explained=float(1.0 - np.average(fit.left**2, weights=fit.weights) / max(spread, 1e-12)),
            residual=float(np.abs(fit.left).mean() / max(np.median(own), 1e-12)),
        )


def _verdict(matrix: Affine, halves: tuple[_Half, _Half]) -> Refined:
    one, two = halves
    normal, pull = one.normal + two.normal, one.pull + two.pull
    whole = normal.sum(axis=0), pull.sum(axis=0)
    held = np.flatnonzero(np.trace(normal, axis1=1, axis2=2) > 1e-3 * np.trace(whole[0]) / len(normal))
    without = np.array([_solve(whole[0] - normal[b], whole[1] - pull[b]) for b in held])
    without -= without.mean(axis=0)
    covariance = without.T @ without * (len(held) - 1) / len(held)
    lever = _lever(one.local[::37], normal.shape[1])
    each = [_solve(h.normal.sum(axis=0), h.pull.sum(axis=0)) for h in halves]
    shifts = [np.linalg.norm(_solve(normal[b, -3:, -3:], pull[b, -3:])) for b in held]
    return Refined(
        matrix=matrix,
        explained=min(one.explained, two.explained),
        residual=(one.residual + two.residual) / 2,
        inverse_consistency_mm=_length(each[0] - each[1], one.local),
        spread_mm=float(np.sqrt(np.mean(np.einsum("nij,jk,nik->n", lever, covariance, lever)))),
        misfit_mm=float(np.median(shifts)),
        parameter_spread=np.sqrt(np.diag(covariance)),
    )


def _side(one: Picture, other: Picture, readable: tuple[_Readable, ...], points: int) -> _Side:
    index = np.argwhere(one.mask)
    take = np.linspace(0, len(index) - 1, points).round().astype(int)
    jitter = (np.arange(points)[:, None] * _GOLDEN) % 1.0 - 0.5
    where = np.clip(index[take] + jitter, 0, np.array(one.data.shape) - 1)
    at = apply(one.affine, where)
    return _Side(
        at=at,
        own=readable[0].value(where.T),
        shade=shading(at),
        other=readable[1],
        greys=Greys.of(other.data[other.mask]),
    )


def _slope(spline: npt.NDArray[np.float32], axis: int) -> npt.NDArray[np.float32]:
    """Return the derivative of a cubic B-spline along one axis, at its voxels, per voxel."""
    found = spline
    for along in range(3):
        weights = [-0.5, 0.0, 0.5] if along == axis else [1 / 6, 4 / 6, 1 / 6]
        found = ndimage.correlate1d(found, weights, axis=along, mode="nearest")
    return np.asarray(found)


def _columns(along: Points, local: Points, free: int) -> Table:
    """Return how the explanation changes with each parameter of a step, (n, free)."""
    if free == 6:
        return np.concatenate([np.cross(local, along), along], axis=1)
    outer = (along[:, :, None] * local[:, None, :]).reshape(len(local), 9)
    return np.concatenate([outer, along], axis=1)


def _lever(local: Points, free: int) -> npt.NDArray[np.float64]:
    """Return how each point moves with each parameter of a step, (n, 3, free)."""
    unit = np.eye(3)
    return np.stack([_columns(np.tile(unit[axis], (len(local), 1)), local, free) for axis in range(3)], axis=1)


def _length(step: Vector, local: Points) -> float:
    moved = _lever(local[::37], len(step)) @ step
    return float(np.linalg.norm(moved, axis=1).mean())


def _solve(normal: Table, pull: Vector) -> Vector:
    ridge = 1e-9 * np.trace(normal) / len(normal) + 1e-30
    return np.asarray(np.linalg.solve(normal + ridge * np.eye(len(normal)), pull))


def _increment(step: Vector, centre: Vector) -> Affine:
    matrix = np.eye(4)
    if len(step) == 6:
        matrix[:3, :3] = Rotation.from_rotvec(step[:3]).as_matrix()
    else:
        matrix[:3, :3] += step[:9].reshape(3, 3)
    matrix[:3, 3] = centre - matrix[:3, :3] @ centre + step[-3:]
    return matrix
