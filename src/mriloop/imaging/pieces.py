"""Cuts a picture into the pieces that move by themselves: along a column, in blocks, around an organ."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mriloop.imaging.body import Column, Mask
from mriloop.imaging.local import LEAST_POINTS, Joint, Piece
from mriloop.imaging.register import Picture
from mriloop.imaging.resample import Points, apply

LEAST_LENGTH_MM = 8.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """How far a vertebra and what is tied to it reach from the middle of the canal, in mm."""

    across: float
    behind: float
    before: float


def along_column(one: Picture, course: Column, room: Room) -> tuple[list[Piece], list[Joint]]:
    """Return one piece per vertebra (or equal step), from below upwards, and the discs between them.

    Planes at right angles to the course cut at `Column.cuts`; a piece holds what lies within `room` of the canal.
    Pieces under 8 mm at either end go to their neighbour.
    """
    index, points = _tissue(one)
    low, high = float(points[:, 2].min()), float(points[:, 2].max())
    inner = [c for c in course.cuts if low + LEAST_LENGTH_MM < c < high - LEAST_LENGTH_MM]
    middle = np.column_stack([np.interp(points[:, 2], course.path[:, 2], course.path[:, a]) for a in (0, 1)])
    off = points[:, :2] - middle
    near = (np.abs(off[:, 0]) <= room.across) & (off[:, 1] >= -room.behind) & (off[:, 1] <= room.before)
    levels = np.zeros(len(points), int)
    meets = [course.at(c) + np.array([0.0, room.before / 2.0, 0.0]) for c in inner]
    for cut in inner:
        levels += (points - course.at(cut)) @ course.along(cut) > 0.0
    edges = [low, *inner, high]
    name = "vertebra" if course.vertebrae else "piece"
    pieces = []
    for n, (a, b) in enumerate(itertools.pairwise(edges)):
        centre = course.at((a + b) / 2.0) + np.array([0.0, (room.before - room.behind) / 2.0, 0.0])
        radius = float(np.linalg.norm([room.across, (room.before + room.behind) / 2.0, (b - a) / 2.0]))
        mask = _mask(one, index[near & (levels == n)])
        pieces.append(Piece(name=f"{name} at S {centre[2]:.0f} mm", mask=mask, centre=centre, radius_mm=radius))
    return pieces, _chain([(float(m[0]), float(m[1]), float(m[2])) for m in meets])


def in_blocks(one: Picture, inside: Mask, size_mm: float, label: str = "block") -> tuple[list[Piece], list[Joint]]:
    """Return blocks of about `size_mm` along R, A and S, and the faces that they share."""
    index, points = _tissue(one, inside)
    if len(points) < LEAST_POINTS:
        return [], []
    low, high = points.min(axis=0), points.max(axis=0)
    counts = np.maximum(np.round((high - low) / size_mm).astype(int), 1)
    cell = np.minimum(((points - low) / np.maximum(high - low, 1e-6) * counts).astype(int), counts - 1)
    pieces: list[Piece] = []
    where: dict[tuple[int, int, int], int] = {}
    for key in itertools.product(*(range(int(c)) for c in counts)):
        mine = np.all(cell == key, axis=1)
        if mine.sum() * abs(float(np.linalg.det(one.affine[:3, :3]))) > 0.15 * float(np.prod((high - low) / counts)):
            where[(key[0], key[1], key[2])] = len(pieces)
            pieces.append(_named(one, index[mine], points[mine], label))
    joints = []
    for (i, j, k), n in where.items():
        for other in ((i + 1, j, k), (i, j + 1, k), (i, j, k + 1)):
            if other in where:
                q = (pieces[n].centre + pieces[where[other]].centre) / 2.0
                joints.append(Joint(first=n, second=where[other], point=(float(q[0]), float(q[1]), float(q[2]))))
    return pieces, joints


def around(one: Picture, inside: Mask, centre: Points, radius_mm: float) -> tuple[list[Piece], list[Joint]]:
    """Return what lies within `radius_mm` of a point, and all tissue beyond 1.3 times that, which it moves against."""
    index, points = _tissue(one, inside)
    away = np.linalg.norm(points - centre, axis=1)
    near, far = away <= radius_mm, away > 1.3 * radius_mm
    pieces = [
        Piece(name="middle of the picture", mask=_mask(one, index[near]), centre=centre, radius_mm=radius_mm),
    ]
    if far.sum() < 500:
        return pieces, []
    reach = float(np.percentile(away, 98.0))
    pieces.append(Piece(name="surroundings", mask=_mask(one, index[far]), centre=centre, radius_mm=reach))
    return pieces, [Joint(first=0, second=1, point=(float(centre[0]), float(centre[1]), float(centre[2])))]


def merged(groups: Sequence[tuple[list[Piece], list[Joint]]]) -> tuple[list[Piece], list[Joint]]:
    """Return several sets of pieces as one list; the joints stay within their own set."""
    pieces: list[Piece] = []
    joints: list[Joint] = []
    for some, held in groups:
        joints += [Joint(first=j.first + len(pieces), second=j.second + len(pieces), point=j.point) for j in held]
        pieces += some
    return pieces, joints


def _chain(meets: Sequence[tuple[float, float, float]]) -> list[Joint]:
    return [Joint(first=n, second=n + 1, point=m) for n, m in enumerate(meets)]


def _tissue(one: Picture, inside: Mask | None = None) -> tuple[np.ndarray, Points]:
    index = np.argwhere(one.mask if inside is None else one.mask & inside)
    return index, apply(one.affine, index.astype(float))


def _mask(one: Picture, index: np.ndarray) -> Mask:
    mask = np.zeros(one.mask.shape, bool)
    mask[tuple(index.T)] = True
    return mask


def _named(one: Picture, index: np.ndarray, points: Points, label: str) -> Piece:
    centre = points.mean(axis=0)
    words = ", ".join(f"{axis} {value:.0f}" for axis, value in zip("RAS", centre, strict=True))
    radius = float(np.percentile(np.linalg.norm(points - centre, axis=1), 98.0))
    return Piece(name=f"{label} at {words} mm", mask=_mask(one, index), centre=centre, radius_mm=radius)
