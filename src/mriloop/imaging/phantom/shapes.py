"""Signed distances and the canvas they are painted on, with the share of two materials in every voxel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from mriloop.imaging.phantom.tissues import Tissue

Field = npt.NDArray[Any]
Points = tuple[Field, Field, Field]
Shape = Callable[[Points], Field]
Triple = tuple[float, float, float]


def ellipsoid(center: Triple, radii: Triple, rotation: npt.NDArray[np.float64] | None = None) -> Shape:
    """Return the signed distance in mm (negative inside) to an ellipsoid: exact at the surface to first order."""

    def distance(points: Points) -> Field:
        x, y, z = (p - np.float32(c) for p, c in zip(points, center, strict=True))
        if rotation is not None:
            r = rotation.astype(np.float32)
            x, y, z = (r[0, n] * x + r[1, n] * y + r[2, n] * z for n in range(3))
        a, b, c = (np.float32(1.0 / radius) for radius in radii)
        return _implicit(x * a, y * b, z * c, a, b, c)

    return distance


def dome(center: Triple, radii: Triple, below: float) -> Shape:
    """Return an ellipsoid whose lower half has another vertical radius (`below`)."""

    def distance(points: Points) -> Field:
        x, y, z = (p - np.float32(c) for p, c in zip(points, center, strict=True))
        a, b = (np.float32(1.0 / radius) for radius in radii[:2])
        c = np.where(z > 0, np.float32(1.0 / radii[2]), np.float32(1.0 / below))
        return _implicit(x * a, y * b, z * c, a, b, c)

    return distance


def _implicit(x: Field, y: Field, z: Field, a: Any, b: Any, c: Any) -> Field:
    """Return k0 (k0 − 1) / k1, where k0 is the norm of the scaled point and k1 that of its gradient."""
    xx, yy, zz = x * x, y * y, z * z
    # The small terms keep the quotient finite at the centre, where it tends to a radius.
    k0 = np.sqrt(xx + yy + zz + np.float32(1e-10))
    k1 = np.sqrt(xx * (a * a) + yy * (b * b) + zz * (c * c) + np.float32(1e-10) * (a * a))
    return np.asarray(k0 * (k0 - 1) / k1, dtype=np.float32)


def tube(path: Sequence[tuple[float, float, float, float]]) -> Shape:
    """Return the signed distance to a tube through (x, y, z, radius) knots, radius linear between them."""

    def distance(points: Points) -> Field:
        best: Field | None = None
        for (ax, ay, az, ar), (bx, by, bz, br) in pairwise(path):
            ab = np.array([bx - ax, by - ay, bz - az], dtype=np.float32)
            length2 = np.float32(max(float(ab @ ab), 1e-6))
            dx, dy, dz = (p - np.float32(c) for p, c in zip(points, (ax, ay, az), strict=True))
            t = np.clip((dx * ab[0] + dy * ab[1] + dz * ab[2]) / length2, 0, 1)
            d = np.sqrt((dx - t * ab[0]) ** 2 + (dy - t * ab[1]) ** 2 + (dz - t * ab[2]) ** 2)
            d -= np.float32(ar) + t * np.float32(br - ar)
            best = d if best is None else np.minimum(best, d)
        assert best is not None
        return best

    return distance


def union(a: Field, b: Field, blend_mm: float = 0.0) -> Field:
    """Return the union of two shapes, rounded over `blend_mm` where they meet."""
    if blend_mm <= 0:
        return np.minimum(a, b)
    h = np.maximum(np.float32(blend_mm) - np.abs(a - b), 0) / np.float32(blend_mm)
    return np.asarray(np.minimum(a, b) - h * h * np.float32(blend_mm / 4), dtype=np.float32)


@dataclass(eq=False)
class Canvas:
    """A grid being painted, outermost tissue first.

    x, y, z : (i, j, k) coordinates in mm at which shapes are evaluated: the grid's own, bent by the person's warp
    under, over : (i, j, k) labels of the two materials of a voxel
    share : (i, j, k) share of `over`, 0 to 1
    pitch : edge of a voxel, mm
    """

    x: Field
    y: Field
    z: Field
    pitch: float
    origin: Triple

    def __post_init__(self) -> None:
        self.under = np.zeros(self.x.shape, dtype=np.uint8)
        self.over = np.zeros(self.x.shape, dtype=np.uint8)
        self.share = np.zeros(self.x.shape, dtype=np.float32)

    def box(self, low: Triple, high: Triple) -> tuple[slice, slice, slice]:
        """Return the index box that holds the coordinates from `low` to `high` mm, with room for the warp."""
        margin = 6.0
        parts = []
        for lo, hi, start, n in zip(low, high, self.origin, self.x.shape, strict=True):
            first = int(np.clip((lo - margin - start) / self.pitch, 0, n))
            last = int(np.clip((hi + margin - start) / self.pitch + 2, first, n))
            parts.append(slice(first, last))
        return parts[0], parts[1], parts[2]

    def points(self, box: tuple[slice, slice, slice]) -> Points:
        """Return the coordinates inside an index box."""
        return self.x[box], self.y[box], self.z[box]

    def join(self, body: Field, shape: Shape, low: Triple, high: Triple, blend_mm: float) -> None:
        """Add a shape that lies between `low` and `high` mm to a distance field of the whole grid, in place."""
        reach = blend_mm + 4
        box = self.box(
            (low[0] - reach, low[1] - reach, low[2] - reach), (high[0] + reach, high[1] + reach, high[2] + reach)
        )
        body[box] = union(body[box], shape(self.points(box)), blend_mm)

    def paint(self, tissue: Tissue, distance: Field, box: tuple[slice, slice, slice] | None = None) -> None:
        """Lay a tissue over what is there: whole where distance < −pitch/2, mixed within half a voxel of the edge."""
        where = box if box is not None else (slice(None), slice(None), slice(None))
        under, over, share = self.under[where], self.over[where], self.share[where]
        half = np.float32(self.pitch / 2)
        inside = distance < half
        whole = distance < -half
        np.copyto(under, np.uint8(tissue), where=whole)
        np.copyto(over, np.uint8(tissue), where=whole)
        np.copyto(share, np.float32(1), where=whole)
        edge = inside & ~whole
        under[edge] = np.where(share[edge] > 0.5, over[edge], under[edge])
        over[edge] = np.uint8(tissue)
        share[edge] = np.float32(0.5) - distance[edge] / np.float32(self.pitch)

    def shape(self, tissue: Tissue, shape: Shape, low: Triple, high: Triple, only: Sequence[Tissue] = ()) -> None:
        """Paint a shape that lies between `low` and `high` mm; with `only`, just where these tissues are now."""
        box = self.box(low, high)
        distance = shape(self.points(box))
        if only:
            now = np.where(self.share[box] > 0.5, self.over[box], self.under[box])
            distance = np.where(np.isin(now, [int(t) for t in only]), distance, np.float32(1e3))
        self.paint(tissue, distance, box)

    def ball(self, tissue: Tissue, center: Triple, radii: Triple, only: Sequence[Tissue] = ()) -> None:
        """Paint an axis-aligned ellipsoid."""
        low = tuple(c - r for c, r in zip(center, radii, strict=True))
        high = tuple(c + r for c, r in zip(center, radii, strict=True))
        self.shape(tissue, ellipsoid(center, radii), (low[0], low[1], low[2]), (high[0], high[1], high[2]), only)

    def pipe(
        self, tissue: Tissue, path: Sequence[tuple[float, float, float, float]], only: Sequence[Tissue] = ()
    ) -> None:
        """Paint a tube through (x, y, z, radius) knots."""
        knots = np.array(path)
        low = (knots[:, :3] - knots[:, 3:]).min(axis=0)
        high = (knots[:, :3] + knots[:, 3:]).max(axis=0)
        self.shape(tissue, tube(path), (low[0], low[1], low[2]), (high[0], high[1], high[2]), only)
