"""Aligns what is not a brain: vertebra by vertebra, bone by bone, block by block, and refuses part by part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mriloop.imaging.body import limbs, tissue
from mriloop.imaging.deform import ViewingDeformation, deform
from mriloop.imaging.local import LocalFit, fit_pieces, likeness, promise
from mriloop.imaging.register import Picture, align
from mriloop.imaging.resample import apply, inverse, rigid
from mriloop.model.coding import Region
from mriloop.model.comparison import Alignment, LocalAlignment, Matrix
from mriloop.model.study import Point
from mriloop.model.volume import Affine
from mriloop.stages.compare.align import LEAST_OVERLAP, LEAST_SIMILARITY, MOST_UNCERTAIN_MM, Loaded, alignable
from mriloop.stages.compare.divide import SOFT, Division, divide, ready

LEAST_LIKENESS = 0.2
METHOD = "own rigid per part, correlation ratio"
_SLIDE_MM = 60.0
_AS_GOOD = 1.2  # a level that leaves unexplained at most a fifth more than the best one is as good


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """Where a point of one visit lies in the other: RAS+ mm, how sure that is, and which part says so."""

    point_ras_mm: Point
    uncertainty_mm: float
    by: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Regional:
    """A whole map between two visits, the maps of its parts, and what a reader must know.

    whole : the rigid map of the whole picture (of the limb that is meant, where another was masked out)
    parts : each with its own quality, accepted or refused; refused ones carry no point
    words : cautions, in sentences
    deformation : only when asked for; for viewing and for carrying a point, never for subtraction or measurement
    """

    whole: Alignment
    parts: tuple[LocalAlignment, ...] = ()
    words: tuple[str, ...] = ()
    deformation: ViewingDeformation | None = None

    def point_today(self, point: Point) -> Placed | None:
        """Return where a point of the prior lies today: by the parts around it, else the whole; None when refused."""
        return carry(self.whole, self.parts, point)

    def point_prior(self, point: Point) -> Placed | None:
        """Return where a point of today lies in the prior, by the same parts; None when refused."""
        return carry_back(self.whole, self.parts, point)


def regional(today: Loaded, prior: Loaded, start: Alignment, region: Region, *, bend: bool = False) -> Regional:
    """Align two series of one region part by part.

    Parameters
    ----------
    start : maps the prior to today as a whole (`align.across`); it may be up to 15 mm off where parts moved
    region : decides what the parts are: vertebrae, stretches of a limb, blocks, the middle and its surroundings
    bend : adds the deformable option where the region is one of soft organs

    Every part is rigid, tied to its neighbours and judged by itself. A region whose parts are not known, and a picture
    of too few slices, keep `start`, and the words say so. Nothing that a picture shows or lacks is raised.
    """
    for one, visit in ((today, "today's series"), (prior, "the prior")):
        obstacle = alignable(one.volume)
        if obstacle:
            return Regional(whole=start, words=(f"no part was aligned by itself: {visit} has {_has(obstacle)}",))
    division = divide(today, region)
    words = list(division.words)
    if not division.pieces:
        return Regional(whole=start, words=(*words, f"no part was aligned by itself: {division.why_not}"))
    whole, moving = _whole(division, prior, start)
    begin = np.array(whole.matrix)
    ambiguous = ""
    if division.rhythm_mm:
        begin, off_mm, ambiguous = _level(division, moving, begin)
        if off_mm:
            said = f"the two visits lay {off_mm:.0f} mm apart along the spine: corrected"
            words.append(said)
            whole = replace(whole, matrix=_rows(begin), accepted=False, reason=f"{said}, for the parts only")
    fits = fit_pieces(division.picture, moving, begin, division.pieces, division.joints, division.play)
    parts = tuple(_judged(f, division, ambiguous) for f in fits)
    words += _summary(parts, whole)
    bent = None
    if bend and region in SOFT:
        bent = _bent(division.picture, moving, begin, words)
    return Regional(whole=whole, parts=parts, words=tuple(words), deformation=bent)


def carry(whole: Alignment, parts: Sequence[LocalAlignment], point: Point) -> Placed | None:
    """Return where a point of the prior lies today; None where neither a part nor the whole is accepted.

    The accepted part in whose sphere the point falls decides; across the border of two, over about 6 mm, their answers
    are blended by distance (a smooth power diagram), and what they disagree by goes into the uncertainty. Outside all
    spheres the map of the whole takes over within half a radius. A refused part sends nothing; a point that lies in it
    is carried by the others, and by how much the refused map contradicts them adds to the uncertainty.
    """
    here = np.array(point, float)[None]
    good = [p for p in parts if p.alignment.accepted]
    found = [(apply(np.array(p.alignment.matrix), here)[0], p) for p in good]
    overall = apply(np.array(whole.matrix), here)[0] if whole.accepted else None
    if not found:
        if overall is None:
            return None
        doubt = float(np.hypot(whole.uncertainty_mm, _contradiction(parts, here, overall)))
        return Placed(point_ras_mm=_triple(overall), uncertainty_mm=doubt, by="whole")
    away = np.array([float(np.linalg.norm(q - np.array(p.centre_ras_mm))) for q, p in found])
    radii = np.array([p.radius_mm for _, p in found])
    power = away**2 - radii**2
    weights = np.exp(-(power - power.min()) / (2.0 * _softness(good, power)))
    weights /= weights.sum()
    places = np.array([q for q, _ in found])
    reach = np.maximum(away / radii, 1.0)
    doubts = np.array([p.alignment.uncertainty_mm for _, p in found]) * reach
    lead = found[int(weights.argmax())][1]
    outside = float(np.clip(2.0 * (away[weights.argmax()] / lead.radius_mm - 1.0), 0.0, 1.0))
    if overall is not None and outside > 0.0:
        weights = np.append(weights * (1.0 - outside), outside)
        places, doubts = np.vstack([places, overall]), np.append(doubts, whole.uncertainty_mm)
    where = weights @ places
    spread = float(weights @ (doubts**2 + ((places - where) ** 2).sum(axis=1))) ** 0.5
    if outside > 0.0:
        spread = float(np.hypot(spread, outside * np.linalg.norm(places[int(weights[: len(found)].argmax())] - where)))
    spread = float(np.hypot(spread, _contradiction(parts, here, where)))
    return Placed(point_ras_mm=_triple(where), uncertainty_mm=spread, by="whole" if outside >= 1.0 else lead.part)


def _contradiction(parts: Sequence[LocalAlignment], here: np.ndarray, where: np.ndarray) -> float:
    """Return by how far the map of the part in which a point falls misses `where`, if that part was refused; else 0."""
    power = []
    for one in parts:
        there = apply(np.array(one.alignment.matrix), here)[0]
        off = float(np.linalg.norm(there - np.array(one.centre_ras_mm)))
        power.append((off**2 - one.radius_mm**2, float(np.linalg.norm(there - where)), one.alignment.accepted))
    nearest = min(power, default=(1.0, 0.0, True))
    return 0.0 if nearest[2] or nearest[0] > 0.0 else nearest[1]


def carry_back(whole: Alignment, parts: Sequence[LocalAlignment], point: Point) -> Placed | None:
    """Return where a point of today lies in the prior: the point that `carry` sends here."""
    goal = np.array(point, float)
    good = [p for p in parts if p.alignment.accepted]
    maps = [np.array(p.alignment.matrix) for p in good] + ([np.array(whole.matrix)] if whole.accepted else [])
    if not maps:
        return None
    near = [float(np.linalg.norm(goal - np.array(p.centre_ras_mm))) / p.radius_mm for p in good] + [2.0]
    lead = maps[int(np.argmin(near[: len(maps)]))]
    there = apply(inverse(lead), goal[None])[0]
    placed = carry(whole, parts, _triple(there))
    for _ in range(25):
        if placed is None:
            return None
        missed = goal - np.array(placed.point_ras_mm)
        there = there + 0.8 * lead[:3, :3].T @ missed
        placed = carry(whole, parts, _triple(there))
        if float(np.abs(missed).max()) < 1e-4:
            break
    if placed is None:
        return None
    left = float(np.linalg.norm(goal - np.array(placed.point_ras_mm)))
    return Placed(
        point_ras_mm=_triple(there), uncertainty_mm=float(np.hypot(placed.uncertainty_mm, left)), by=placed.by
    )


def _softness(good: Sequence[LocalAlignment], power: np.ndarray) -> float:
    """Return the variance (mm²) of the blend: 3 mm beyond the border of two parts the nearer has seven eighths."""
    if len(good) < 2:
        return 1.0
    first, second = np.argsort(power)[:2]
    apart = np.linalg.norm(np.array(good[first].centre_ras_mm) - np.array(good[second].centre_ras_mm))
    return max(1.5 * float(apart), 1.0)


def _has(obstacle: str) -> str:
    return obstacle.replace("only ", "too few slices: ") if obstacle.startswith("only ") else obstacle


def _whole(division: Division, prior: Loaded, start: Alignment) -> tuple[Alignment, Picture]:
    """Return the map of what takes part and the prior's picture; where a limb was masked out, it is aligned anew."""
    inside = tissue(prior.volume.data, prior.volume.affine)
    if not division.masked:
        return start, ready(prior, inside)
    tries = []
    for limb in limbs(inside, prior.grid) or [inside]:
        moving = ready(prior, limb)
        fit = align(division.picture, moving, thorough=True)
        tries.append(((fit.similarity - 1.0) * fit.overlap, fit, moving))
    _, fit, moving = max(tries, key=lambda t: t[0])
    reason = ""
    if fit.overlap < LEAST_OVERLAP:
        reason = f"only {100 * fit.overlap:.0f} % of the limb is in both pictures"
    elif fit.similarity < LEAST_SIMILARITY:
        reason = "the two limbs do not resemble each other wherever they are laid"
    return Alignment(
        method=fit.engine,
        matrix=_rows(fit.matrix),
        uncertainty_mm=fit.uncertainty_mm,
        accepted=not reason,
        reason=reason,
        overlap=fit.overlap,
        similarity=fit.similarity,
    ), moving


def _level(division: Division, moving: Picture, begin: Affine) -> tuple[Affine, float, str]:
    """Slide the prior along the spine: return the best start, how far it was off, and why the level is not certain.

    Vertebrae look alike, so a start may lie one or two off. Every height within 60 mm is tried as it lies; the start
    and the two best other heights are then settled and compared by what they leave unexplained.
    """
    steps = np.arange(-_SLIDE_MM, _SLIDE_MM + 1.0, 3.0)
    maps = [rigid((0.0, 0.0, 0.0), (0.0, 0.0, float(s)), np.zeros(3)) @ begin for s in steps]
    seen = likeness(division.picture, moving, maps, division.pieces)
    enough = np.isfinite(seen).sum(axis=1) >= max(1, (len(division.pieces) + 1) // 2)
    worth = np.array([float(np.nanmean(row)) if good else 0.0 for row, good in zip(seen, enough, strict=True)])
    taken, apart = [int(np.abs(steps).argmin())], 0.6 * division.rhythm_mm
    for n in np.argsort(-worth):
        if worth[n] > 0.0 and len(taken) < 3 and all(abs(steps[n] - steps[m]) > apart for m in taken):
            taken.append(int(n))
    if len(taken) == 1:
        return begin, 0.0, ""
    gained = promise(
        division.picture, moving, [maps[n] for n in taken], division.pieces, division.joints, division.play
    )
    order = np.argsort([-g for g in gained])
    best, rival = int(order[0]), int(order[1])
    doubt = ""
    if 1.0 - gained[rival] < _AS_GOOD * (1.0 - gained[best]):
        doubt = "a neighbouring vertebra fits as well: the level is not certain"
    if best == 0:
        return begin, 0.0, doubt
    return maps[taken[best]], abs(float(steps[taken[best]])), doubt


def _judged(fit: LocalFit, division: Division, ambiguous: str) -> LocalAlignment:
    play = division.play
    reason = ambiguous
    if fit.overlap < LEAST_OVERLAP:
        reason = f"only {100 * fit.overlap:.0f} % of it is in both pictures"
    elif fit.likeness < LEAST_LIKENESS:
        reason = "what it shows does not resemble the prior wherever it is laid"
    elif fit.uncertainty_mm > MOST_UNCERTAIN_MM:
        reason = f"independent estimates of its place differ by {fit.uncertainty_mm:.1f} mm"
    elif fit.likeness < fit.likeness_before - 0.02:
        reason = "its own map explains less than that of the whole"
    elif fit.turn_deg > play.turn_deg or fit.shift_mm > play.shift_mm:
        reason = f"turned {fit.turn_deg:.0f} degrees and shifted {fit.shift_mm:.0f} mm against its neighbour: too far"
    centre = fit.piece.centre
    return LocalAlignment(
        part=fit.piece.name,
        centre_ras_mm=_triple(centre),
        radius_mm=fit.piece.radius_mm,
        alignment=Alignment(
            method=METHOD,
            matrix=_rows(fit.matrix),
            uncertainty_mm=fit.uncertainty_mm,
            accepted=not reason,
            reason=reason,
            inverse_consistency_mm=fit.inverse_consistency_mm,
            overlap=fit.overlap,
        ),
    )


def _summary(parts: Sequence[LocalAlignment], whole: Alignment) -> list[str]:
    words = []
    refused = [p for p in parts if not p.alignment.accepted]
    if refused:
        named = "; ".join(f"{p.part}: {p.alignment.reason}" for p in refused[:4])
        words.append(f"{len(refused)} of {len(parts)} parts could not be aligned by themselves ({named})")
    moves = []
    for one in parts:
        if one.alignment.accepted:
            here = np.array(one.centre_ras_mm)[None]
            there = apply(inverse(np.array(one.alignment.matrix)), here)
            moves.append(float(np.linalg.norm(apply(np.array(whole.matrix), there) - here)))
    if moves and max(moves) > 1.0:
        words.append(f"parts moved against each other: up to {max(moves):.0f} mm off the map of the whole")
    return words


def _bent(today: Picture, prior: Picture, begin: Affine, words: list[str]) -> ViewingDeformation | None:
    try:
        bent = deform(today, prior, begin)
    except RuntimeError:
        words.append("the deformable option failed: the rigid maps stand")
        return None
    if not bent.accepted:
        words.append(f"the deformable option was refused: {bent.reason}")
    return bent


def _rows(matrix: Affine) -> Matrix:
    return tuple((float(r[0]), float(r[1]), float(r[2]), float(r[3])) for r in matrix)


def _triple(point: np.ndarray) -> Point:
    return float(point[0]), float(point[1]), float(point[2])
