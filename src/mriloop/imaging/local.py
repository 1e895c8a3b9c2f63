"""Finds how pieces that move by themselves lie: rigid maps, solved together so that none flies from its neighbours.

Every piece has its own six degrees of freedom. What the other visit shows there is explained by a smooth function of
today's brightness plus a slope of shading (a correlation ratio, Roche 1998, doi:10.1007/BFb0056301), so that gain,
gamma and coil do not matter; what is left is weighed robustly, so that a lesion does not pull. Two neighbours hold each
other at the point where they meet: a Gaussian prior on their relative turn and shift. All pieces are solved in one
Gauss-Newton system, from blurred to sharp.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.spatial.transform import Rotation

from mriloop.imaging.register import Mask, Picture
from mriloop.imaging.resample import Points, apply, inverse, mean_displacement_mm, mean_rigid
from mriloop.imaging.voxels import ndimage
from mriloop.model.volume import Affine, Floats

MOST_POINTS = 3000
LEAST_POINTS = 150
CHANCE = 0.01  # what three powers of brightness and a slope explain of 3000 points of noise, and more
LEAST_SEEN = 0.6  # share of a piece that must lie in the other picture before its likeness counts
SHARP_MM = 0.8
_BLURS = (3.0, 1.6, SHARP_MM)
_SWEEP_BLURS = (4.5, 3.0)
_ROBUST = 2.5
Vector = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Piece:
    """A part of today's picture that moves as one body.

    mask : (i, j, k) on the voxels of today's `Picture`
    centre : (3,) RAS+ mm; radius_mm : within which its map holds
    """

    name: str
    mask: Mask
    centre: Points
    radius_mm: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Joint:
    """Two neighbours, by their places in the list of pieces, and the point (RAS+ mm, today) where they meet."""

    first: int
    second: int
    point: tuple[float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Play:
    """How far two neighbours may move against each other between two visits: at most, and a third of it usually."""

    turn_deg: float
    shift_mm: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LocalFit:
    """The map of one piece and what it rests on.

    matrix : (4, 4), RAS+ mm of the prior to RAS+ mm of today
    uncertainty_mm : mean displacement inside the piece between independent estimates (both directions, both halves of
        the points), at least what the slope of the misfit allows
    inverse_consistency_mm : by which forward and backward miss each other
    overlap : share (0 to 1) of the piece that the prior covers
    likeness, likeness_before : share (0 to 1) of the prior's contrast that today's brightness explains, through
        `matrix` and through the map it began with; higher is better
    turn_deg, shift_mm : the largest relative movement against a neighbour, shift at the joint
    """

    piece: Piece
    matrix: Affine
    uncertainty_mm: float
    inverse_consistency_mm: float
    overlap: float
    likeness: float
    likeness_before: float
    turn_deg: float
    shift_mm: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Look:
    """A picture at one blur: values, gradient in RAS+ per mm, and the way to its voxels."""

    values: npt.NDArray[np.float32]
    gradient: tuple[npt.NDArray[np.float32], ...]
    to_voxel: Affine
    kernel_mm3: float
    rest_mm: float
    least_noise: float

    def at(self, points: Points) -> tuple[Vector, Points, Mask]:
        """Return values (n,), gradients (n, 3) and which points lie inside."""
        where = apply(self.to_voxel, points).T
        top = np.array(self.values.shape)[:, None] - 1
        within = np.asarray(np.all((where >= -0.01) & (where <= top + 0.01), axis=0), dtype=np.bool_)
        where = where[:, within]
        values = ndimage.map_coordinates(self.values, where, order=1, mode="nearest")
        slope = np.stack([ndimage.map_coordinates(g, where, order=1, mode="nearest") for g in self.gradient], axis=1)
        return np.asarray(values, float), np.asarray(slope @ self.to_voxel[:3, :3], float), within


@dataclass(slots=True, kw_only=True, eq=False)
class _Term:
    """What one piece asks of its map: normal equations about its centre, and how well it fits."""

    hessian: Vector
    pull: Vector
    likeness: float
    overlap: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Part:
    """The points of a piece in the picture that stays, with that picture's values there, per blur."""

    points: Points
    centre: Points
    every_mm3: float


def fit_pieces(
    today: Picture, prior: Picture, start: Affine, pieces: Sequence[Piece], joints: Sequence[Joint], play: Play
) -> list[LocalFit]:
    """Find the map of every piece from the prior to today.

    `start` maps RAS+ mm of the prior to RAS+ mm of today; a piece may begin up to about 10 mm from the truth, since
    the search spreads from the piece that already fits best to its neighbours. Pieces of fewer than 150 voxels inside
    the tissue keep the map of their neighbours. Deterministic: the same pictures give the same maps.
    """
    parts = [_part(p, today) for p in pieces]
    begun = [inverse(start)] * len(pieces)
    size = _grain(today, prior)
    looks = {b: (_look(today, prior, b * size), _look(prior, today, b * size)) for b in {*_SWEEP_BLURS, *_BLURS}}
    pulls = _sweep(parts, begun, joints, play, looks)
    for blur in _BLURS:
        pulls = _solve(parts, pulls, joints, play, *looks[blur])
    forward = [inverse(p) for p in pulls]
    swapped = [_carried(part, piece, p, prior, today) for part, piece, p in zip(parts, pieces, pulls, strict=True)]
    over = [Joint(first=j.first, second=j.second, point=_triple(_meet(j, pulls))) for j in joints]
    backward = forward
    for blur in _BLURS[1:]:
        backward = _solve(swapped, backward, over, play, looks[blur][1], looks[blur][0])
    middle = [mean_rigid(a, b) for a, b in zip(forward, backward, strict=True)]
    halves = []
    for odd in (0, 1):
        some = [_half(p, odd) for p in parts]
        turned = [inverse(m) for m in middle]
        halves.append([inverse(p) for p in _solve(some, turned, joints, play, *looks[SHARP_MM])])
    within = _bending(parts, [inverse(m) for m in middle], play, looks[_BLURS[1]])
    fits = []
    for n, piece in enumerate(pieces):
        term, before = (_term(parts[n], inverse(m), *looks[SHARP_MM]) for m in (middle[n], start))
        seen = apply(inverse(middle[n]), parts[n].points if len(parts[n].points) else piece.centre[None])
        estimates = (forward[n], backward[n], halves[0][n], halves[1][n])
        spread = [mean_displacement_mm(a, b, seen) for a, b in itertools.combinations(estimates, 2)]
        turn, shift = _against(n, middle, joints)
        fits.append(
            LocalFit(
                piece=piece,
                matrix=middle[n],
                uncertainty_mm=max(float(np.mean(spread)), _flatness_mm(term, piece.radius_mm), within[n]),
                inverse_consistency_mm=mean_displacement_mm(forward[n], backward[n], seen),
                overlap=term.overlap,
                likeness=term.likeness,
                likeness_before=before.likeness,
                turn_deg=turn,
                shift_mm=shift,
            )
        )
    return fits


def likeness(
    today: Picture, prior: Picture, maps: Sequence[Affine], pieces: Sequence[Piece], blur_mm: float = 3.0
) -> Vector:
    """Return (maps, pieces) the share of the prior's contrast that today's brightness explains; NaN where unseen.

    Each map leads from the prior to today. A piece of which less than 60 % is covered by the prior gives NaN.
    """
    looks = _look(today, prior, blur_mm), _look(prior, today, blur_mm)
    parts = [_part(p, today) for p in pieces]
    found = []
    for matrix in maps:
        terms = [_term(p, inverse(matrix), *looks) for p in parts]
        found.append([t.likeness if t.overlap >= LEAST_SEEN else float("nan") for t in terms])
    return np.array(found)


def promise(
    today: Picture,
    prior: Picture,
    starts: Sequence[Affine],
    pieces: Sequence[Piece],
    joints: Sequence[Joint],
    play: Play,
) -> list[float]:
    """Return how well the pieces would explain the prior from each start: mean likeness once roughly settled.

    What `fit_pieces` would end near, for an eighth of its time: to choose between starts that are a vertebra apart.
    """
    size = _grain(today, prior)
    looks = [(_look(today, prior, b * size), _look(prior, today, b * size)) for b in (_SWEEP_BLURS[-1], _BLURS[1])]
    parts = [_part(p, today) for p in pieces]
    found = []
    for start in starts:
        now = [inverse(start)] * len(parts)
        for look in looks:
            now = _solve(parts, now, joints, play, *look)
        terms = [_term(p, m, *looks[-1]) for p, m in zip(parts, now, strict=True)]
        seen = [t.likeness for t in terms if t.overlap >= LEAST_SEEN]
        found.append(float(np.mean(seen)) if seen else 0.0)
    return found


def relative(first: Affine, second: Affine, point: Points) -> tuple[float, float]:
    """Return how far two maps differ: turn in degrees, and shift in mm where both send what lies at `point` (today)."""
    there = apply(inverse(first), point[None])
    turn = Rotation.from_matrix(first[:3, :3].T @ second[:3, :3]).magnitude()
    return float(np.degrees(turn)), float(np.linalg.norm(apply(second, there)[0] - point))


def _against(n: int, maps: Sequence[Affine], joints: Sequence[Joint]) -> tuple[float, float]:
    moves = [relative(maps[j.first], maps[j.second], np.array(j.point)) for j in joints if n in (j.first, j.second)]
    return max((t for t, _ in moves), default=0.0), max((s for _, s in moves), default=0.0)


def _part(piece: Piece, picture: Picture) -> _Part:
    index = np.argwhere(piece.mask & picture.mask)
    step = max(1, len(index) // MOST_POINTS)
    voxel = abs(float(np.linalg.det(picture.affine[:3, :3])))
    return _Part(points=apply(picture.affine, index[::step].astype(float)), centre=piece.centre, every_mm3=voxel * step)


def _carried(part: _Part, piece: Piece, pull: Affine, prior: Picture, today: Picture) -> _Part:
    """Return the piece as voxels of the prior: those that `pull` reaches from inside it."""
    if not len(part.points):
        return _Part(points=part.points, centre=apply(pull, part.centre[None])[0], every_mm3=part.every_mm3)
    seen = apply(inverse(prior.affine) @ pull, part.points)
    low = np.clip(np.floor(seen.min(axis=0)).astype(int), 0, None)
    high = np.minimum(np.ceil(seen.max(axis=0)).astype(int) + 1, prior.data.shape)
    size = np.maximum(high - low, 0)
    index = np.indices(tuple(size)).reshape(3, -1).T + low
    back = np.rint(apply(inverse(today.affine) @ inverse(pull) @ prior.affine, index.astype(float))).astype(int)
    within = np.all((back >= 0) & (back < np.array(today.data.shape)), axis=1)
    held = np.zeros(len(index), bool)
    held[within] = (piece.mask & today.mask)[tuple(back[within].T)]
    index = index[held]
    step = max(1, len(index) // MOST_POINTS)
    voxel = abs(float(np.linalg.det(prior.affine[:3, :3])))
    points = apply(prior.affine, index[::step].astype(float))
    return _Part(points=points, centre=apply(pull, part.centre[None])[0], every_mm3=voxel * step)


def _half(part: _Part, odd: int) -> _Part:
    """Return the points in every other cube of 6 mm: neighbouring cubes share little noise."""
    if not len(part.points):
        return part
    cube = np.floor(part.points / 6.0).astype(int).sum(axis=1) % 2 == odd
    return _Part(points=part.points[cube], centre=part.centre, every_mm3=part.every_mm3)


def _bending(parts: Sequence[_Part], pulls: Sequence[Affine], play: Play, look: tuple[_Look, _Look]) -> list[float]:
    """Return, per piece, by how much its own halves (front and back, left and right, low and high) want to move apart.

    Median over the halves of the mean displacement between the map of the half and that of the piece: what is not
    rigid inside, such as an organ that swells, shows here and in no other estimate. In mm.
    """
    halves, owners = [], []
    for n, part in enumerate(parts):
        for axis, side in itertools.product(range(3), (-1.0, 1.0)):
            mine = side * (part.points[:, axis] - part.centre[axis]) > 0.0
            if mine.sum() >= 2 * LEAST_POINTS:
                points = part.points[mine]
                halves.append(_Part(points=points, centre=points.mean(axis=0), every_mm3=part.every_mm3))
                owners.append(n)
    if not halves:
        return [0.0] * len(parts)
    found = _solve(halves, [pulls[n] for n in owners], (), play, *look)
    apart: list[list[float]] = [[] for _ in parts]
    for half, n, pull in zip(halves, owners, found, strict=True):
        if _term(half, pull, *look).likeness > 0.2:
            apart[n].append(mean_displacement_mm(pull, pulls[n], half.points))
    return [float(np.median(a)) if a else 0.0 for a in apart]


def _look(one: Picture, other: Picture, blur_mm: float) -> _Look:
    """Blur to `blur_mm`, and along thick slices of the other to their width, so that both show the same detail."""
    spacing = np.linalg.norm(one.affine[:3, :3], axis=0)
    axes = one.affine[:3, :3] / spacing
    theirs = (axes.T @ other.affine[:3, :3] * 0.29) ** 2
    missing = np.maximum(theirs.sum(axis=1) - (0.29 * spacing) ** 2, 0.0)
    sigma = np.sqrt(blur_mm**2 + missing) / spacing
    values = ndimage.gaussian_filter(np.asarray(one.data, np.float32), sigma, truncate=3.0)
    gradient = tuple(np.gradient(values, axis=a) if values.shape[a] > 1 else np.zeros_like(values) for a in range(3))
    width = np.maximum(2 * np.sqrt(np.pi) * sigma, 1.0) * spacing
    return _Look(
        values=values,
        gradient=gradient,
        to_voxel=inverse(one.affine),
        kernel_mm3=float(np.prod(width)),
        rest_mm=0.005 * blur_mm,
        least_noise=(0.005 * float(values.std())) ** 2,
    )


def _term(part: _Part, pull: Affine, still: _Look, moving: _Look) -> _Term:
    """Return the normal equations of a piece at the map `pull` (the picture that stays to the one that moves)."""
    none = _Term(hessian=np.zeros((6, 6)), pull=np.zeros(6), likeness=0.0, overlap=0.0)
    if len(part.points) < LEAST_POINTS:
        return none
    own, _, _ = still.at(part.points)
    if len(own) < len(part.points):
        return none
    seen, slope, within = moving.at(apply(pull, part.points))
    overlap = float(within.mean())
    if within.sum() < LEAST_POINTS:
        return _Term(hessian=none.hessian, pull=none.pull, likeness=0.0, overlap=overlap)
    arm = part.points[within] - part.centre
    own = (own[within] - own[within].mean()) / max(float(own[within].std()), 1e-6)
    shading = np.column_stack([np.ones(len(own)), arm / max(float(np.abs(arm).max()), 1.0)])
    bright = np.clip(own, -3.0, 3.0)
    table = np.column_stack([shading, bright, bright**2, bright**3])
    weight, rest, plain = np.ones(len(own)), seen, seen
    for _ in range(3):
        rest = seen - table @ _weighted(table, seen, weight)
        scale = max(1.4826 * float(np.median(np.abs(rest))), 1e-6 * max(float(np.abs(seen).max()), 1e-6))
        weight = 1.0 / (1.0 + (rest / (_ROBUST * scale)) ** 2) ** 2
    plain = seen - shading @ _weighted(shading, seen, weight)
    turned = slope @ pull[:3, :3]
    jacobian = np.column_stack([np.cross(arm, turned), turned])
    jacobian = jacobian - table @ _weighted(table, jacobian, weight)
    noise = float((weight * rest**2).sum() / weight.sum())
    explained = max(1.0 - noise * float(weight.sum()) / max(float((weight * plain**2).sum()), 1e-12), 0.0)
    # The gradient of mere noise says nothing: what is not explained by today's picture lends no weight to its slope.
    told = max(explained - CHANCE, 1e-4)
    independent = told * min(1.0, part.every_mm3 / moving.kernel_mm3) / max(noise, moving.least_noise, 1e-12)
    return _Term(
        hessian=(jacobian.T * weight) @ jacobian * independent,
        pull=(jacobian.T * weight) @ rest * independent,
        likeness=explained,
        overlap=overlap,
    )


def _weighted(table: Vector, target: Floats, weight: Vector) -> Vector:
    normal = (table.T * weight) @ table
    normal[np.diag_indices_from(normal)] += 1e-9 * max(float(np.trace(normal)), 1e-12)
    return np.asarray(np.linalg.solve(normal, (table.T * weight) @ target), float)


def _solve(
    parts: Sequence[_Part],
    pulls: Sequence[Affine],
    joints: Sequence[Joint],
    play: Play,
    still: _Look,
    moving: _Look,
    held: int | None = None,
) -> list[Affine]:
    """Move all pieces but `held` together until they rest: data of each, and the joints between them."""
    now = list(pulls)
    for _ in range(14):
        terms = [_term(p, m, still, moving) for p, m in zip(parts, now, strict=True)]
        if held is not None:
            terms[held].hessian, terms[held].pull = np.eye(6) * 1e12, np.zeros(6)
        step = _step(parts, now, terms, joints, play)
        now = [m @ _about(p.centre, d) for m, p, d in zip(now, parts, step, strict=True)]
        if np.abs(step[:, 3:]).max() < still.rest_mm and np.abs(step[:, :3]).max() < still.rest_mm / 20.0:
            break
    return now


def _step(
    parts: Sequence[_Part], pulls: Sequence[Affine], terms: Sequence[_Term], joints: Sequence[Joint], play: Play
) -> Vector:
    count = len(parts)
    table, target = np.zeros((6 * count, 6 * count)), np.zeros(6 * count)
    for n, term in enumerate(terms):
        at = slice(6 * n, 6 * n + 6)
        table[at, at] += term.hessian
        target[at] -= term.pull
    turn, shift = np.radians(play.turn_deg / 3.0), play.shift_mm / 3.0
    weight = np.diag([turn**-2] * 3 + [shift**-2] * 3)
    for joint in joints:
        i, j, q = joint.first, joint.second, np.array(joint.point)
        a, b = pulls[i][:3, :3], pulls[j][:3, :3]
        wrong = Rotation.from_matrix(b.T @ a).as_rotvec()
        apart = apply(pulls[i], q[None])[0] - apply(pulls[j], q[None])[0]
        rows = np.zeros((6, 12))
        rows[:3, :3], rows[:3, 6:9] = np.eye(3), -np.eye(3)
        rows[3:, :3], rows[3:, 3:6] = -a @ _cross(q - parts[i].centre), a
        rows[3:, 6:9], rows[3:, 9:] = b @ _cross(q - parts[j].centre), -b
        where = np.r_[6 * i : 6 * i + 6, 6 * j : 6 * j + 6]
        table[np.ix_(where, where)] += rows.T @ weight @ rows
        target[where] -= rows.T @ weight @ np.concatenate([wrong, apart])
    table[np.diag_indices_from(table)] += np.tile([1e2] * 3 + [1e-2] * 3, count)
    found = np.linalg.solve(table, target).reshape(count, 6)
    found[:, :3] *= np.minimum(1.0, 0.06 / np.maximum(np.abs(found[:, :3]).max(axis=1, keepdims=True), 1e-12))
    found[:, 3:] *= np.minimum(1.0, 2.5 / np.maximum(np.abs(found[:, 3:]).max(axis=1, keepdims=True), 1e-12))
    return np.asarray(found)


def _sweep(
    parts: Sequence[_Part],
    begun: Sequence[Affine],
    joints: Sequence[Joint],
    play: Play,
    looks: dict[float, tuple[_Look, _Look]],
) -> list[Affine]:
    """Start from the piece that fits best as it lies; every other begins where its nearest settled neighbour lies."""
    first, last = (looks[b] for b in (_SWEEP_BLURS[0], _SWEEP_BLURS[-1]))
    terms = [_term(p, m, *first) for p, m in zip(parts, begun, strict=True)]
    worth = [t.likeness * t.overlap for t in terms]
    maps, waiting = list(begun), set(range(len(parts)))
    while waiting:
        edges = [(a, b, j) for j in joints for a, b in ((j.first, j.second), (j.second, j.first))]
        open_edges = [e for e in edges if e[0] not in waiting and e[1] in waiting]
        if not open_edges:
            child = max(waiting, key=lambda n: worth[n])
            trials = [_down([parts[child]], [begun[child]], (), play, looks)[0]]
        else:
            parent, child, joint = max(open_edges, key=lambda e: worth[e[1]])
            held = (replace(joint, first=0, second=1),)
            both = [parts[parent], parts[child]]
            trials = [_down(both, [maps[parent], m], held, play, looks)[1] for m in (begun[child], maps[parent])]
        ends = [_term(parts[child], m, *last) for m in trials]
        best = max(range(len(trials)), key=lambda n: ends[n].likeness * ends[n].overlap)
        maps[child] = trials[best]
        waiting.discard(child)
    return maps


def _down(
    parts: Sequence[_Part],
    maps: Sequence[Affine],
    joints: Sequence[Joint],
    play: Play,
    looks: dict[float, tuple[_Look, _Look]],
) -> list[Affine]:
    """Solve at the coarse blurs; the first of several pieces stays where it is."""
    now = list(maps)
    for blur in _SWEEP_BLURS:
        now = _solve(parts, now, joints, play, *looks[blur], held=0 if len(parts) > 1 else None)
    return now


def _grain(today: Picture, prior: Picture) -> float:
    """Return by how much blurs must grow so that they span the voxels of the slices: 1 up to voxels of 1 mm."""
    steps = [float(np.median(np.linalg.norm(p.affine[:3, :3], axis=0))) for p in (today, prior)]
    return max(1.0, *steps)


def _flatness_mm(term: _Term, radius_mm: float) -> float:
    """Return the displacement that the data alone leave open (one standard deviation, mean inside the piece)."""
    table = term.hessian.copy()
    table[np.diag_indices_from(table)] += [1e-6] * 3 + [1e-8] * 3
    spread = np.diag(np.linalg.inv(table))
    return float(min(np.sqrt(spread[3:].sum() + 0.4 * radius_mm**2 * spread[:3].sum()), 50.0))


def _meet(joint: Joint, pulls: Sequence[Affine]) -> Points:
    point = np.array(joint.point)[None]
    return np.asarray((apply(pulls[joint.first], point)[0] + apply(pulls[joint.second], point)[0]) / 2.0)


def _about(centre: Points, step: Vector) -> Affine:
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_rotvec(step[:3]).as_matrix()
    matrix[:3, 3] = centre - matrix[:3, :3] @ centre + step[3:]
    return matrix


def _cross(v: Points) -> Points:
    return np.array([[0.0, -v[2], v[1]], [v[2], 0.0, -v[0]], [-v[1], v[0], 0.0]])


def _triple(point: Points) -> tuple[float, float, float]:
    return float(point[0]), float(point[1]), float(point[2])
