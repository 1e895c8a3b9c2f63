"""Finds the map between two pictures of the same anatomy, and says how well it is known."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace

import numpy as np

from mriloop.imaging.register.capture import capture, capture_anyhow, coarse, descend, scored
from mriloop.imaging.register.engines import ENGINES, NAMES, Engine
from mriloop.imaging.register.likeness import similarity
from mriloop.imaging.register.picture import Picture
from mriloop.imaging.register.refine import Refined, refine
from mriloop.imaging.resample import inverse, mean_displacement_mm, mean_rigid
from mriloop.model.volume import Affine

POLISH = " + least squares"
FLOOR_MM = 0.01
FOREIGN = 0.25  # of a voxel, per share left unexplained: what another contrast pulls (docs/reference/alignment.md)
FURTHEST_MM = 1.5
SCALES = (0.98, 1.02)
LEAST_STEP_MM = 0.1
LEAST_GAIN = 1.01
_MIRROR_POINTS = 8_000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fit:
    """A map found between two pictures.

    matrix : (4, 4), RAS+ mm of the moving picture to RAS+ mm of the fixed one
    engine : who found it
    similarity : normalised mutual information (1 none, 2 identical) through `matrix`; higher is better
    header_similarity : the same through the identity, which is what the headers claim
    overlap : share (0 to 1) of the fixed foreground that the moving picture covers
    shared : the same for the picture that holds less, whichever it is: 1 for a slab inside a whole head
    uncertainty_mm : expected mean displacement in the foreground between `matrix` and the true map
    inverse_consistency_mm : mean distance by which forward and backward miss each other
    residual : mean absolute difference left, over the typical brightness; None where least squares were not used
    misfit_mm : median distance by which single blocks would rather lie elsewhere; None likewise
    explained : share of the variance that each picture explains of the other; None likewise
    mirror_explained : `explained` with the moving picture mirrored left to right; None where that was not tried
    """

    matrix: Affine
    engine: str
    similarity: float
    header_similarity: float
    overlap: float
    shared: float
    uncertainty_mm: float
    inverse_consistency_mm: float
    residual: float | None = None
    misfit_mm: float | None = None
    explained: float | None = None
    mirror_explained: float | None = None


def align(
    fixed: Picture, moving: Picture, *, thorough: bool, engine: str = "greedy", start: Affine | None = None
) -> Fit:
    """Find the rigid map from `moving` to `fixed`.

    A coarse search (unless `start` is given) and an engine bring the pictures within a millimetre; least squares in
    both directions at once do the rest. Where these fail, or lead away from what the engine found, the engine's middle
    of forward and backward stands, and `thorough` adds two estimates from interleaved halves of the foreground to its
    uncertainty. `thorough` also tries whether the moving picture fits better as its own mirror image. An engine that
    breaks hands over to the next one in ENGINES. The result may be worse than the header: the caller decides.
    """
    first = capture(fixed, moving) if start is None else start
    for name in [engine, *(n for n in ENGINES if n != engine)]:
        try:
            rough = _run(fixed, moving, first, ENGINES[name])
            break
        except RuntimeError:
            continue
    else:
        rough, name = first, "coarse search"
    refined = refine(fixed, moving, rough)
    if refined is not None and improves(fixed, moving, refined, rough):
        fit = polished(fixed, moving, refined, rough, NAMES.get(name, name) + POLISH)
    else:
        fit = _unpolished(fixed, moving, rough, name, thorough=thorough)
        if refined is not None:
            away = mean_displacement_mm(refined.matrix, fit.matrix, landing(fixed, fit.matrix))
            fit = replace(fit, uncertainty_mm=max(fit.uncertainty_mm, away), explained=refined.explained)
    if thorough and fit.explained is not None:
        return replace(fit, mirror_explained=_mirrored(fixed, moving, fit.matrix))
    return fit


def align_affine(fixed: Picture, moving: Picture, fit: Fit) -> Fit | None:
    """Let scales and shears follow where a rigid map is known; None where they do not clearly help.

    The step from rigid to affine must be three times its own jackknife spread and a tenth of a millimetre (so noise
    alone cannot take it), every scale must lie in 0.98 to 1.02, and similarity must rise by 1 % of its excess over 1.
    """
    refined = refine(fixed, moving, fit.matrix, free=12)
    if refined is None or not improves(fixed, moving, refined, fit.matrix):
        return None
    scales = np.linalg.svd(refined.matrix[:3, :3], compute_uv=False)
    if scales.min() < SCALES[0] or scales.max() > SCALES[1]:
        return None
    step = mean_displacement_mm(refined.matrix, fit.matrix, landing(fixed, fit.matrix))
    if step < max(LEAST_STEP_MM, 3.0 * refined.spread_mm):
        return None
    best = polished(fixed, moving, refined, refined.matrix, fit.engine.replace("rigid", "rigid, then affine"))
    if best.similarity - 1.0 < LEAST_GAIN * (fit.similarity - 1.0):
        return None
    return replace(best, mirror_explained=fit.mirror_explained)


def align_anyhow(fixed: Picture, moving: Picture) -> Fit | None:
    """Align pictures whose headers are wrong throughout; None where one fits only as a mirror image of itself."""
    start = capture_anyhow(fixed, moving)
    return None if np.linalg.det(start[:3, :3]) < 0 else align(fixed, moving, thorough=True, start=start)


def improves(fixed: Picture, moving: Picture, refined: Refined, rough: Affine) -> bool:
    """Tell whether a polished map stayed near the one it came from and kept its similarity."""
    if mean_displacement_mm(refined.matrix, rough, landing(fixed, rough)) > FURTHEST_MM:
        return False
    before, after = (similarity(fixed, moving, m)[0] - 1.0 for m in (rough, refined.matrix))
    return after > 0.95 * before


def polished(fixed: Picture, moving: Picture, refined: Refined, rough: Affine, engine: str) -> Fit:
    """Return the fit of a polished map; `rough` is what another method had found."""
    gap = mean_displacement_mm(refined.matrix, rough, landing(fixed, refined.matrix))
    coarser = max(float(np.prod(p.spacing_mm)) for p in (fixed, moving)) ** (1 / 3)
    foreign = FOREIGN * coarser * (1.0 - refined.explained)
    parts = (FLOOR_MM, refined.spread_mm, refined.inverse_consistency_mm / 2, gap / 2, foreign)
    return replace(
        _measured(fixed, moving, refined.matrix, engine, []),
        uncertainty_mm=float(np.linalg.norm(parts)),
        inverse_consistency_mm=refined.inverse_consistency_mm,
        residual=refined.residual,
        misfit_mm=refined.misfit_mm,
        explained=refined.explained,
    )


def _run(fixed: Picture, moving: Picture, start: Affine, run: Engine) -> Affine:
    """Run an engine from a start, over the foreground of the picture that holds less."""
    if moving.foreground_ml < 0.7 * fixed.foreground_ml:
        found = inverse(run(moving, fixed.put(inverse(start)), "12x8") @ inverse(start))
    else:
        found = run(fixed, moving.put(start), "12x8") @ start
    if similarity(fixed, moving, found)[0] < similarity(fixed, moving, start)[0]:
        raise RuntimeError("the engine ended worse than it began")
    return found


def _unpolished(fixed: Picture, moving: Picture, forward: Affine, name: str, *, thorough: bool) -> Fit:
    """Return the middle of an engine's two directions, or the coarse search as it is, doubted by the header."""
    if name not in ENGINES:
        return _measured(fixed, moving, forward, name, [forward, np.eye(4)])
    run = ENGINES[name]
    estimates = [forward]
    try:
        estimates.append(inverse(run(moving, fixed.put(inverse(forward)), "8") @ inverse(forward)))
        middle = mean_rigid(*estimates)
        if thorough:
            blocks = np.indices(fixed.mask.shape) // np.array([12, 12, 4]).reshape(3, 1, 1, 1)
            odd = blocks.sum(axis=0) % 2 == 1
            for half in (fixed.mask & odd, fixed.mask & ~odd):
                part = Picture(data=fixed.data, affine=fixed.affine, mask=half)
                estimates.append(run(part, moving.put(middle), "8") @ middle)
    except RuntimeError:
        return _measured(fixed, moving, forward, NAMES[name], [forward, np.eye(4)])
    return _measured(fixed, moving, middle, NAMES[name], estimates)


def _measured(fixed: Picture, moving: Picture, matrix: Affine, engine: str, estimates: list[Affine]) -> Fit:
    nmi, overlap = similarity(fixed, moving, matrix)
    points = landing(fixed, matrix)
    spread = [mean_displacement_mm(a, b, points) for a, b in itertools.combinations(estimates, 2)]
    return Fit(
        matrix=matrix,
        engine=engine,
        similarity=nmi,
        header_similarity=similarity(fixed, moving, np.eye(4))[0],
        overlap=overlap,
        shared=max(overlap, similarity(moving, fixed, inverse(matrix))[1]),
        uncertainty_mm=float(np.mean(spread)) if spread else 0.0,
        inverse_consistency_mm=spread[0] if spread else 0.0,
    )


def _mirrored(fixed: Picture, moving: Picture, matrix: Affine) -> float:
    """Return how much is explained when the moving picture is mirrored about the middle of its foreground."""
    mirror = np.diag([-1.0, 1.0, 1.0, 1.0])
    mirror[0, 3] = 2.0 * float(np.median(moving.points[:, 0]))
    low_fixed, low_moving = coarse(fixed), coarse(moving)
    start = descend(matrix @ mirror, scored(low_fixed, low_moving), low_fixed)
    refined = refine(fixed, moving, start, points=_MIRROR_POINTS)
    return 0.0 if refined is None else refined.explained


def landing(fixed: Picture, matrix: Affine) -> np.ndarray:
    """Return points of the moving picture that `matrix` sends into the fixed foreground."""
    return fixed.points @ inverse(matrix)[:3, :3].T + inverse(matrix)[:3, 3]
