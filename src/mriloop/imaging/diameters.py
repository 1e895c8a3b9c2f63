"""How large a region is: longest and perpendicular diameter within a slice, longest in space, short axis, volume."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.spatial import ConvexHull, QhullError

from mriloop.imaging.voxels import ndimage
from mriloop.model.quantity import NotAssessable
from mriloop.model.study import Point
from mriloop.model.volume import Affine

Mask = npt.NDArray[np.bool_]
Points = npt.NDArray[np.float64]
Field = npt.NDArray[np.float64]
HALF, MASK = "half intensity", "mask"
# A mask is a staircase whose corners stand out of the true outline. Rounded by this much, the longest line of an
# ellipsoid is as often too short as too long (mean error 0.01 voxels at 1 mm; unrounded it is 0.25 too long).
SMOOTHING_VOXELS = 0.8
# Below this contrast between region and surroundings, in standard deviations of the surroundings, half way between
# the two is drowned by noise and the mask itself is the better outline.
LEAST_CONTRAST = 5.0
_RING_MM = 5.0
_LEAST_VOXELS = 9
_REACH_VOXELS = 2
_LEAK = 0.1  # share of the rim that other bright tissue may take before the mask is trusted instead
_TIE = 1e-6
_CONNECTED = np.ones((3, 3), dtype=bool)


@dataclass(frozen=True, slots=True, kw_only=True)
class Diameters:
    """The size of one connected region.

    longest_mm : longest straight line between two points of its outline within one slice
    perpendicular_mm : longest line at a right angle to it in the same slice; the short axis of a lymph node
    slice : index of that slice along the slice axis; ends_ras_mm : ends of the longest line, RAS+ mm
    longest_3d_mm : longest straight line between two points of its surface, in any direction
    volume_ml : with a picture, each voxel at the edge counts by how far it is from background to region
    slices : how many slices it is seen on; slice_spacing_mm : distance between them
    half_voxel_mm : half of the larger voxel side in the slice, the error to expect at a signal-to-noise above 20
    outline : "half intensity" where the picture drew it, "mask" where the voxels of the mask did
    pieces : connected regions of the mask; the numbers describe the one with the longest line, the volume all of them
    """

    longest_mm: float
    perpendicular_mm: float
    slice: int
    ends_ras_mm: tuple[Point, Point]
    longest_3d_mm: float
    volume_ml: float
    slices: int
    slice_spacing_mm: float
    half_voxel_mm: float
    outline: str
    pieces: int = 1

    @property
    def product_mm2(self) -> float:
        """Longest times perpendicular diameter, mm²: the bidimensional measure of RANO."""
        return self.longest_mm * self.perpendicular_mm


@dataclass(frozen=True, slots=True)
class _Line:
    """The longest line in a slice with what lies across it."""

    longest: float
    across: float
    ends: tuple[Point, Point]

    def beats(self, other: _Line) -> bool:
        """Return whether it is longer, or as long with more across: ties must not depend on how a grid is turned."""
        if abs(self.longest - other.longest) > _TIE * other.longest:
            return self.longest > other.longest
        return self.across > other.across


def measure(
    mask: npt.NDArray[Any], affine: Affine, *, picture: npt.NDArray[Any] | None = None, axis: int = 2
) -> Diameters | NotAssessable:
    """Measure a region.

    Parameters
    ----------
    mask
        (i, j, k), nonzero inside. Pieces that do not touch are separate lesions: no line is drawn across a gap.
    affine
        (4, 4) from voxel index to RAS+ mm; voxels may be anisotropic, slices oblique.
    picture
        (i, j, k) on the same grid. Where the region stands out of it, bright or dark, its outline is drawn half way
        between the two, between the voxels; otherwise the mask alone draws it.
    axis
        Which axis counts the slices: lines are drawn within them.

    Returns
    -------
    Diameters or NotAssessable
        NotAssessable for an empty mask, a mask that touches the border of a slice (the region may go on), or geometry
        that is not one of space.

    Notes
    -----
    The longest line is exact for the outline: the greatest distance between two corners of its convex hull. The line
    across is the longest chord of the hull at a right angle to it, also exact.
    """
    inside = np.asarray(mask) != 0
    if inside.ndim != 3:
        return NotAssessable(reason="a region needs three dimensions")
    if not inside.any():
        return NotAssessable(reason="the mask is empty")
    if picture is not None and picture.shape != inside.shape:
        return NotAssessable(reason="mask and picture lie on different grids")
    if abs(float(np.linalg.det(affine[:3, :3]))) < 1e-9:
        return NotAssessable(reason="the geometry of the mask spans no volume")
    order = [each for each in range(3) if each != axis] + [axis]
    turned = np.eye(4)
    turned[:3, :3] = np.asarray(affine)[:3, :3][:, order]
    turned[:3, 3] = np.asarray(affine)[:3, 3]
    inside = np.transpose(inside, order)
    if any(np.take(inside, end, axis=side).any() for side in range(2) for end in (0, -1)):
        return NotAssessable(reason="the region touches the edge of the picture and may go on beyond it")
    box = _box(inside, np.linalg.norm(turned[:3, :3], axis=0))
    start = np.array([each.start for each in box])
    turned[:3, 3] += turned[:3, :3] @ start
    inside = inside[box]
    seen = None if picture is None else np.transpose(np.asarray(picture), order)[box].astype(np.float64)
    labels, count = ndimage.label(inside, np.ones((3, 3, 3), dtype=bool))
    level = None if seen is None else _standing_out(inside, seen, turned)
    scaled = None if seen is None or level is None else (seen - level[0]) / (level[1] - level[0])
    found = [_one(labels == number, turned, scaled) for number in range(1, count + 1)]
    # Of pieces that are alike to a nanometre the larger one, so that the order of the axes never decides.
    best = max(
        found,
        key=lambda each: tuple(
            round(size, 6) for size in (each.longest_mm, each.perpendicular_mm, each.longest_3d_mm, each.volume_ml)
        ),
    )
    return replace(
        best, slice=best.slice + int(start[2]), volume_ml=sum(each.volume_ml for each in found), pieces=count
    )


def _box(inside: Mask, sides: npt.NDArray[np.float64]) -> tuple[slice, slice, slice]:
    """Return the part of the grid that holds a region with the ring around it that its background is taken from."""
    margin = [int(np.ceil(max(_RING_MM, 4 * max(sides[:2])) / side)) + 2 for side in sides[:2]] + [2]
    found = []
    for side in range(3):
        filled = np.flatnonzero(inside.any(axis=tuple(each for each in range(3) if each != side)))
        found.append(
            slice(max(int(filled[0]) - margin[side], 0), min(int(filled[-1]) + margin[side] + 1, inside.shape[side]))
        )
    return found[0], found[1], found[2]


def _one(region: Mask, affine: Affine, scaled: Field | None) -> Diameters:
    """Measure one connected region, slices along the last axis; `scaled` is 0 in the background and 1 in the region."""
    field, drawn = _field(region, scaled)
    best: tuple[_Line, int] | None = None
    surface = [_caps(field, region)]
    for k in np.flatnonzero(region.any(axis=(0, 1))).tolist():
        for corners in _outlines(field[:, :, k], region[:, :, k]):
            index = np.column_stack([corners, np.full(len(corners), float(k))])
            surface.append(index)
            line = _longest(index @ affine[:3, :3].T + affine[:3, 3], affine)
            if best is None or line.beats(best[0]):
                best = (line, k)
    if best is None:
        raise ValueError("a region without an outline")
    line, at = best
    sides = np.linalg.norm(affine[:3, :3], axis=0)
    return Diameters(
        longest_mm=line.longest,
        perpendicular_mm=line.across,
        slice=at,
        ends_ras_mm=line.ends,
        longest_3d_mm=_farthest(np.vstack(surface) @ affine[:3, :3].T),
        volume_ml=_filled(region, None if drawn == MASK else scaled) * abs(float(np.linalg.det(affine[:3, :3]))) / 1000,
        slices=int(region.any(axis=(0, 1)).sum()),
        slice_spacing_mm=float(sides[2]),
        half_voxel_mm=float(max(sides[:2]) / 2),
        outline=drawn,
    )


def _standing_out(inside: Mask, picture: Field, affine: Affine) -> tuple[float, float] | None:
    """Return the brightness of background and region, or None where the region does not stand out."""
    sides = np.linalg.norm(affine[:3, :3], axis=0)
    # In the plane only: the slices above and below may cut other tissue.
    far = ndimage.distance_transform_edt(~inside, sampling=(sides[0], sides[1], 1e6))
    ring = (far > 1.5 * max(sides[:2])) & (far <= max(_RING_MM, 4 * max(sides[:2])))
    core = ndimage.binary_erosion(inside, _CONNECTED[:, :, None])
    if ring.sum() < _LEAST_VOXELS:
        return None
    back = float(np.median(picture[ring]))
    spread = 1.4826 * float(np.median(np.abs(picture[ring] - back)))
    if core.sum() >= _LEAST_VOXELS:
        full = float(np.median(picture[core]))
    else:  # no voxel lies well inside: the fullest say most about the region
        full = float(np.percentile(picture[inside], 90 if np.median(picture[inside]) > back else 10))
    if abs(full - back) <= LEAST_CONTRAST * max(spread, 1e-6 * max(abs(full), abs(back))):
        return None
    return back, full


def _field(region: Mask, scaled: Field | None) -> tuple[Field, str]:
    """Return the field whose level 0.5 is the outline of a region, slice by slice, and who drew it."""
    if scaled is not None:
        near = ndimage.binary_dilation(region, _CONNECTED[:, :, None], iterations=_REACH_VOXELS)
        rim = near & ~ndimage.binary_dilation(region, _CONNECTED[:, :, None], iterations=_REACH_VOXELS - 1)
        field = np.where(near, scaled, 0.0)
        # Where the picture goes on as bright as the region, half intensity no longer says where the region ends.
        if (field[rim] > 0.5).mean() <= _LEAK and (field[region] > 0.5).mean() >= 0.5:
            return field, HALF
    return _rounded(region), MASK


def _rounded(region: Mask) -> Field:
    """Return a mask with its corners rounded, whose level 0.5 holds as many voxels of each slice as the mask does."""
    field = np.asarray(
        ndimage.gaussian_filter(region.astype(np.float64), (SMOOTHING_VOXELS, SMOOTHING_VOXELS, 0)), dtype=np.float64
    )
    for k in np.flatnonzero(region.any(axis=(0, 1))):
        count = int(region[:, :, k].sum())
        ranked = np.sort(field[:, :, k], axis=None)[::-1]
        field[:, :, k] += 0.5 - (ranked[count - 1] + ranked[count]) / 2
    return field


def _outlines(field: Field, region: Mask) -> Iterator[Points]:
    """Yield, for each piece of a slice, the (n, 2) points where its outline crosses the lines between voxel centres."""
    labels, count = ndimage.label(field > 0.5, _CONNECTED)
    wanted = set(np.unique(labels[region])) - {0}
    if not wanted:  # too thin for the smoothing: its own voxels draw it
        field = region.astype(np.float64)
        labels, count = ndimage.label(region, _CONNECTED)
        wanted = set(range(1, count + 1))
    for number in sorted(wanted):
        yield _crossings(field, labels == number)


def _crossings(field: Field, piece: Mask) -> Points:
    """Return the (n, d) places at which a field falls to 0.5 between a voxel of the piece and one outside of it."""
    found = []
    for side in range(field.ndim):
        ends = [[slice(None)] * field.ndim for _ in range(2)]
        ends[0][side], ends[1][side] = slice(None, -1), slice(1, None)
        low, high = tuple(ends[0]), tuple(ends[1])
        at = np.argwhere((piece[low] != piece[high]) & ((field[low] > 0.5) != (field[high] > 0.5)))
        if len(at):
            first, second = field[low][tuple(at.T)], field[high][tuple(at.T)]
            places = at.astype(np.float64)
            places[:, side] += (0.5 - first) / (second - first)
            found.append(places)
    return np.vstack(found) if found else np.argwhere(piece).astype(np.float64)


def _caps(field: Field, region: Mask) -> Points:
    """Return the (n, 3) places where a region ends between two slices."""
    padded = np.pad(np.where(ndimage.binary_dilation(region, np.ones((3, 3, 1))), field, 0.0), ((0, 0), (0, 0), (1, 1)))
    solid = padded > 0.5
    low, high = padded[:, :, :-1], padded[:, :, 1:]
    at = np.argwhere(solid[:, :, :-1] != solid[:, :, 1:])
    places = at.astype(np.float64)
    first, second = low[tuple(at.T)], high[tuple(at.T)]
    places[:, 2] += (0.5 - first) / (second - first) - 1
    return places if len(places) else np.argwhere(region).astype(np.float64)


def _longest(places: Points, affine: Affine) -> _Line:
    """Return the longest line between two (n, 3) points of a plane, and the longest chord of their hull across it."""
    along = affine[:3, 0] / np.linalg.norm(affine[:3, 0])
    up = affine[:3, 1] - along * (affine[:3, 1] @ along)
    plane = np.column_stack([along, up / np.linalg.norm(up)])
    flat = places @ plane
    corner = _hull(flat)
    apart = np.linalg.norm(flat[corner][:, None] - flat[corner][None], axis=2)
    longest = float(apart.max())
    best: _Line | None = None
    for a, b in np.argwhere(np.triu(apart) >= longest * (1 - _TIE)):
        start, end = flat[corner[a]], flat[corner[b]]
        line = _Line(
            longest=float(apart[a, b]),
            across=_chord(flat[corner], (end - start) / max(float(apart[a, b]), 1e-12)),
            ends=(_point(places[corner[a]]), _point(places[corner[b]])),
        )
        if best is None or line.beats(best):
            best = line
    return best if best is not None else _Line(longest=0.0, across=0.0, ends=(_point(places[0]), _point(places[0])))


def _hull(flat: Points) -> npt.NDArray[np.intp]:
    """Return the indices of the corners of a convex hull; all points where they lie on a line."""
    try:
        return np.asarray(ConvexHull(flat).vertices, dtype=np.intp)
    except QhullError:
        return np.arange(len(flat))


def _chord(corners: Points, direction: Points) -> float:
    """Return the longest chord of a convex polygon (n, 2) at a right angle to a direction.

    The length of such a chord is a concave, piecewise linear function of where it stands, so it is longest at a corner.
    """
    x = corners @ direction
    y = corners @ np.array([-direction[1], direction[0]])
    upper, lower = np.full(len(x), -np.inf), np.full(len(x), np.inf)
    for a in range(len(x)):
        b = (a + 1) % len(x)
        left, right = min(x[a], x[b]), max(x[a], x[b])
        over = (x >= left - 1e-9) & (x <= right + 1e-9)
        if right - left < 1e-9:
            highest, lowest = np.full(int(over.sum()), max(y[a], y[b])), np.full(int(over.sum()), min(y[a], y[b]))
        else:
            share = np.clip((x[over] - x[a]) / (x[b] - x[a]), 0, 1)
            highest = lowest = y[a] + share * (y[b] - y[a])
        upper[over] = np.maximum(upper[over], highest)
        lower[over] = np.minimum(lower[over], lowest)
    return float(np.max(upper - lower))


def _farthest(places: Points) -> float:
    """Return the greatest distance between two of (n, 3) points."""
    corner = places[_hull(places)]
    return float(max(np.linalg.norm(corner - each, axis=1).max() for each in corner))


def _filled(region: Mask, scaled: Field | None) -> float:
    """Return how many voxels a region fills; with a picture, those at its edge count by how full they are."""
    if scaled is None:
        return float(region.sum())
    cross = ndimage.generate_binary_structure(3, 1)
    core = ndimage.binary_erosion(region, cross)
    shell = ndimage.binary_dilation(region, cross) & ~core
    # Noise takes from a background voxel as often as it adds: cutting at 0 would only keep what it adds.
    return float(core.sum() + np.clip(scaled[shell], -0.5, 1.5).sum())


def _point(place: Points) -> Point:
    return (float(place[0]), float(place[1]), float(place[2]))
