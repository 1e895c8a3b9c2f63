"""The deformable option: bends the prior onto today for the eye and for carrying a point, and for nothing else.

A deformation shrinks a new lesion and swallows an old one: what it is asked to hide is what COMPARE looks for. So its
result is no `Alignment` and gives no array: a `ViewingDeformation` carries points, and a `ViewingPicture` gives 8-bit
display values and refuses arithmetic. Neither fits where pictures are subtracted or measured.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn

import numpy as np
import numpy.typing as npt

from mriloop.imaging.register import Picture
from mriloop.imaging.resample import Grid, Points, apply, inverse, isotropic
from mriloop.imaging.voxels import ndimage, simpleitk
from mriloop.model.volume import Affine, Floats

LEAST_PITCH_MM = 2.0
MOST_VOXELS = 600_000
MOST_INCONSISTENT_MM = 2.0
LEAST_VOXELS = 5  # the window of the correlation: on a thinner level greedy shrinks it and says so on standard output
_VIEW_ONLY = "a deformed picture is for viewing: it may not be subtracted or measured"
_STEPS = 30


class ViewingPicture:
    """A prior bent onto today's voxels, for display. Every attempt to compute with it is a TypeError."""

    __slots__ = ("_grid", "_values")

    def __init__(self, values: npt.NDArray[np.float32], grid: Grid) -> None:
        self._values, self._grid = values, grid

    @property
    def grid(self) -> Grid:
        """The voxels it is shown on."""
        return self._grid

    def display(self, low: float, high: float) -> npt.NDArray[np.uint8]:
        """Return (i, j, k) display values, `low` black and `high` white. Raises ValueError unless low < high."""
        if not low < high:
            raise ValueError("the window is empty")
        return np.asarray(np.clip((self._values - low) / (high - low), 0.0, 1.0) * 255.0, dtype=np.uint8)

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        raise TypeError(_VIEW_ONLY)

    __array__ = __array_ufunc__ = __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = _refuse
    __truediv__ = __rtruediv__ = __getitem__ = __iter__ = __len__ = __float__ = _refuse


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ViewingDeformation:
    """A smooth map between two visits, for viewing and for carrying a point.

    accepted, reason : False where it folds, or where forward and backward disagree by more than 2 mm
    inverse_consistency_mm : mean distance, in the tissue, by which two independent runs (today to prior, prior to
        today) miss each other; `uncertainty` at a point is that distance there, smoothed over 10 mm, at least 0.5 mm
    least_jacobian : the strongest local shrinking; at or below 0 the map folds
    largest_mm : 99th percentile of the displacement in the tissue
    """

    accepted: bool
    reason: str
    inverse_consistency_mm: float
    least_jacobian: float
    largest_mm: float
    start: Affine
    grid: Grid
    _field: npt.NDArray[np.float32]
    _doubt: npt.NDArray[np.float32]

    def point_prior(self, point: tuple[float, float, float]) -> tuple[tuple[float, float, float], float]:
        """Return where a point of today (RAS+ mm) lies in the prior, and the uncertainty in mm."""
        here = np.array(point, float)[None]
        there = apply(inverse(self.start), here + self._at(self._field, here))[0]
        return (float(there[0]), float(there[1]), float(there[2])), float(self._at(self._doubt[..., None], here)[0, 0])

    def point_today(self, point: tuple[float, float, float]) -> tuple[tuple[float, float, float], float]:
        """Return where a point of the prior (RAS+ mm) lies today, and the uncertainty in mm."""
        goal = apply(self.start, np.array(point, float)[None])
        here = goal.copy()
        for _ in range(_STEPS):
            here = here + 0.7 * (goal - here - self._at(self._field, here))
        missed = float(np.linalg.norm(goal - here - self._at(self._field, here)))
        doubt = float(self._at(self._doubt[..., None], here)[0, 0])
        return (float(here[0, 0]), float(here[0, 1]), float(here[0, 2])), float(np.hypot(doubt, missed))

    def show(self, data: Floats, affine: Affine, grid: Grid) -> ViewingPicture:
        """Return the prior bent onto `grid` (of today), for display; black outside it."""
        index = np.indices(grid.shape).reshape(3, -1).T.astype(float)
        here = apply(grid.affine, index)
        there = apply(inverse(affine) @ inverse(self.start), here + self._at(self._field, here))
        seen = ndimage.map_coordinates(np.asarray(data, np.float32), there.T, order=1, mode="constant")
        return ViewingPicture(np.asarray(seen.reshape(grid.shape), np.float32), grid)

    def _at(self, field: npt.NDArray[np.float32], points: Points) -> Points:
        where = apply(inverse(self.grid.affine), points).T
        parts = [ndimage.map_coordinates(field[..., a], where, order=1, mode="nearest") for a in range(field.shape[3])]
        return np.stack(parts, axis=1)


def deform(today: Picture, prior: Picture, start: Affine) -> ViewingDeformation:
    """Bend the prior onto today, beginning at the rigid map `start` (RAS+ mm of the prior to RAS+ mm of today).

    picsl_greedy, local correlation over 5 × 5 × 5 voxels of at least 2 mm, both directions by themselves. Raises
    RuntimeError where the engine fails.
    """
    size = np.prod(np.array(today.data.shape) * np.linalg.norm(today.affine[:3, :3], axis=0))
    steps = np.linalg.norm(today.affine[:3, :3], axis=0)
    pitch = max(LEAST_PITCH_MM, float(np.median(steps)), float(size / MOST_VOXELS) ** (1.0 / 3.0))
    fixed, grid = isotropic(today.data, today.affine, pitch)
    moving, over = isotropic(prior.data, start @ prior.affine, pitch)
    tissue = isotropic(today.mask.astype(np.float32), today.affine, pitch)[0] > 0.5
    forward = _run(fixed, grid, moving, over)
    backward = _run(moving, over, fixed, grid)
    index = np.argwhere(np.ones(grid.shape, bool)).astype(float)
    there = apply(grid.affine, index) + forward.reshape(-1, 3)
    where = apply(inverse(over.affine), there).T
    back = np.stack([ndimage.map_coordinates(backward[..., a], where, order=1, mode="nearest") for a in range(3)], 1)
    missed = np.linalg.norm(forward.reshape(-1, 3) + back, axis=1).reshape(grid.shape)
    top = np.array(over.shape)[:, None] - 1
    met = np.all((where >= 0) & (where <= top), axis=0).reshape(grid.shape) & tissue
    least = float(_jacobian(forward, pitch)[tissue].min()) if tissue.any() else 0.0
    apart = float(missed[met].mean()) if met.any() else float("inf")
    reason = ""
    if least <= 0.0:
        reason = "the deformation folds"
    elif apart > MOST_INCONSISTENT_MM:
        reason = f"forward and backward deformation disagree by {apart:.1f} mm"
    doubt = np.sqrt(ndimage.gaussian_filter(missed**2, 10.0 / pitch)).clip(0.5)
    return ViewingDeformation(
        accepted=not reason,
        reason=reason,
        inverse_consistency_mm=apart,
        least_jacobian=least,
        largest_mm=float(np.percentile(np.linalg.norm(forward[tissue], axis=1), 99.0)) if tissue.any() else 0.0,
        start=start,
        grid=grid,
        _field=np.asarray(forward, np.float32),
        _doubt=np.asarray(doubt, np.float32),
    )


def _run(
    fixed: npt.NDArray[np.float32], grid: Grid, moving: npt.NDArray[np.float32], over: Grid
) -> npt.NDArray[np.float64]:
    """Return the displacement (i, j, k, 3) in RAS+ mm from every voxel of `fixed` to its place in `moving`."""
    from picsl_greedy import Greedy3D

    engine, thinnest = Greedy3D(), min(*fixed.shape, *moving.shape)
    if thinnest < LEAST_VOXELS:
        raise RuntimeError(f"only {thinnest} voxels of {grid.spacing_mm[0]:.1f} mm across: too thin to be bent")
    levels = "60x40x20" if thinnest >= 4 * LEAST_VOXELS else "60x30" if thinnest >= 2 * LEAST_VOXELS else "60"
    engine.execute(
        f"-threads 1 -V 0 -m NCC 2x2x2 -n {levels} -s 1.7vox 0.7vox -wp 0 -i fixed moving -o found",
        fixed=_itk(fixed, grid),
        moving=_itk(moving, over),
        found=None,
    )
    found = simpleitk().GetArrayFromImage(engine["found"]).transpose(2, 1, 0, 3)
    return np.asarray(found * np.array([-1.0, -1.0, 1.0]), float)


def _itk(data: npt.NDArray[np.float32], grid: Grid) -> object:
    """Return cubic voxels along R, A and S as a SimpleITK image (LPS frame) that sits at the same place."""
    image = simpleitk().GetImageFromArray(np.ascontiguousarray(data.T))
    image.SetSpacing(grid.spacing_mm)
    image.SetOrigin([-float(grid.affine[0, 3]), -float(grid.affine[1, 3]), float(grid.affine[2, 3])])
    image.SetDirection([-1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 1.0])
    return image


def _jacobian(field: npt.NDArray[np.float64], pitch: float) -> npt.NDArray[np.float64]:
    rows = [np.stack([np.gradient(field[..., a], pitch, axis=b) for b in range(3)], axis=-1) for a in range(3)]
    return np.asarray(np.linalg.det(np.stack(rows, axis=-2) + np.eye(3)))
