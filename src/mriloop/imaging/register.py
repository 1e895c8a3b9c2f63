"""Finds the rigid map between two pictures of the same anatomy, and says how well it is known."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mriloop.imaging.resample import (
    Grid,
    Points,
    apply,
    coarser,
    crop,
    inverse,
    mean_displacement_mm,
    mean_rigid,
    rigid,
)
from mriloop.imaging.voxels import ndimage, simpleitk
from mriloop.model.volume import Affine, Floats

Mask = npt.NDArray[np.bool_]
THREADS = 2
_TURNS = (-16.0, 0.0, 16.0)
BINS = 32


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Picture:
    """A three-dimensional picture made ready for registration: clipped, coarsened, cropped to its foreground."""

    data: npt.NDArray[np.float32]
    affine: Affine
    mask: Mask

    @property
    def points(self) -> Points:
        """A fixed sample of at most 4000 foreground voxel centres in RAS+ mm."""
        index = np.argwhere(self.mask)
        return apply(self.affine, index[:: max(1, len(index) // 4000)].astype(float))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fit:
    """A rigid map found between two pictures.

    matrix : (4, 4), RAS+ mm of the moving picture to RAS+ mm of the fixed one
    engine : who found it
    similarity : normalised mutual information (1 none, 2 identical) through `matrix`; higher is better
    header_similarity : the same through the identity, which is what the headers claim
    overlap : share (0 to 1) of the fixed foreground that the moving picture covers
    uncertainty_mm : mean displacement in the foreground between independent estimates of `matrix`
    """

    matrix: Affine
    engine: str
    similarity: float
    header_similarity: float
    overlap: float
    uncertainty_mm: float


Engine = Callable[[Picture, Picture, str], Affine]


def picture(data: Floats, affine: Affine, spacing_mm: float, inside: Mask | None = None) -> Picture:
    """Make a picture ready: intensities clipped to their robust range, voxels of at least `spacing_mm`, cropped.

    `inside` (the shape of `data`) limits where the similarity is measured, such as the brain without jaw and neck;
    without it the foreground is found by intensity.
    """
    small, at = coarser(data, affine, spacing_mm)
    low, high = np.percentile(small, [1.0, 99.5])
    small = np.clip(small, low, high) - low
    if inside is None:
        mask = foreground(small)
    else:
        spread, _ = coarser(inside.astype(np.float32), affine, spacing_mm)
        mask = spread > 0.25
    if not mask.any():
        mask = np.ones(small.shape, bool)
    grid, cut = crop(Grid(shape=small.shape, affine=at), mask, margin_mm=12.0)
    return Picture(data=np.ascontiguousarray(small[cut]), affine=grid.affine, mask=np.ascontiguousarray(mask[cut]))


def foreground(data: Floats) -> Mask:
    """Return where tissue is, holes filled: brighter than a tenth of the robust range, opened, the largest piece."""
    level = 0.10 * float(np.percentile(data, 98.0))
    rough = ndimage.binary_opening(ndimage.uniform_filter(np.asarray(data, np.float32), 3) > level, iterations=1)
    labels, count = ndimage.label(rough)
    if count == 0:
        return np.asarray(rough, dtype=bool)
    largest = labels == 1 + int(np.argmax(np.bincount(labels.ravel())[1:]))
    closed = ndimage.binary_closing(largest, iterations=2) | largest
    for axis in range(3):
        for n in range(closed.shape[axis]):
            cut = tuple(n if a == axis else slice(None) for a in range(3))
            closed[cut] = ndimage.binary_fill_holes(closed[cut])
    return np.asarray(closed, dtype=bool)


def similarity(fixed: Picture, moving: Picture, matrix: Affine, *, most: int = 60_000) -> tuple[float, float]:
    """Return normalised mutual information (1 to 2, higher is better; Studholme 1999) and overlap (0 to 1).

    Both are measured over the foreground of `fixed`; (1, 0) where the pictures do not meet.
    """
    index = np.argwhere(fixed.mask)
    index = index[:: max(1, len(index) // most)]
    back = inverse(moving.affine) @ inverse(matrix) @ fixed.affine
    where = apply(back, index.astype(float)).T
    limits = np.array(moving.data.shape)[:, None] - 1
    inside = np.all((where >= 0) & (where <= limits), axis=0)
    overlap = float(inside.mean())
    if inside.sum() < 500:
        return 1.0, overlap
    seen = ndimage.map_coordinates(moving.data, where[:, inside], order=1, mode="nearest")
    own = fixed.data[tuple(index[inside].T)]
    joint = np.histogram2d(own, seen, bins=BINS)[0]
    joint = ndimage.gaussian_filter(joint, 0.7, mode="constant")
    joint /= joint.sum()
    return _entropy(joint.sum(0)) / _entropy(joint) + _entropy(joint.sum(1)) / _entropy(joint), overlap


def _entropy(p: npt.NDArray[np.floating]) -> float:
    p = p[p > 0]
    return float(-(p * np.log(p)).sum()) or 1e-12


def capture(fixed: Picture, moving: Picture) -> Affine:
    """Return a rigid map good enough to start from, over turns of up to 24 degrees and any shift.

    A grid of turns is tried with the centres of the two foregrounds laid on each other, scored by similarity times
    overlap, and the best is polished by halving steps.
    """
    low_fixed, low_moving = _low(fixed), _low(moving)

    def score(matrix: Affine) -> float:
        nmi, overlap = similarity(low_fixed, low_moving, matrix, most=12_000)
        return (nmi - 1.0) * min(1.0, overlap / 0.7)

    middle_fixed, middle_moving = (p.points.mean(axis=0) for p in (low_fixed, low_moving))
    shift = middle_fixed - middle_moving
    turns = itertools.product(_TURNS, _TURNS, _TURNS)
    starts = [np.eye(4)] + [rigid(t, (shift[0], shift[1], shift[2]), middle_moving) for t in turns]
    best = max(starts, key=score)
    top = score(best)
    step_deg, step_mm = 8.0, 8.0
    while step_deg > 0.9:
        moved = False
        for axis, sign in itertools.product(range(6), (-1.0, 1.0)):
            turn, push = [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]
            (turn if axis < 3 else push)[axis % 3] = sign * (step_deg if axis < 3 else step_mm)
            trial = rigid((turn[0], turn[1], turn[2]), (push[0], push[1], push[2]), middle_fixed) @ best
            value = score(trial)
            if value > top:
                best, top, moved = trial, value, True
        if not moved:
            step_deg, step_mm = step_deg / 2.0, step_mm / 2.0
    return best


def _low(one: Picture) -> Picture:
    data, affine = coarser(one.data, one.affine, 5.0)
    mask = coarser(one.mask.astype(np.float32), one.affine, 5.0)[0] > 0.5
    return Picture(data=ndimage.gaussian_filter(data, 0.5), affine=affine, mask=mask if mask.any() else mask | True)


def by_greedy(fixed: Picture, moving: Picture, levels: str) -> Affine:
    """Refine from the identity with picsl_greedy (normalised mutual information).

    `levels` are the most iterations per level, coarse to fine, such as "20x10". Raises RuntimeError where it fails.
    """
    from picsl_greedy import Greedy3D

    engine, silent = Greedy3D(), _Silent()
    engine.execute(
        f"-threads {THREADS} -V 0 -a -dof 6 -i fixed moving -gm mask -m NMI -n {levels} -ia-identity -o found",
        fixed=_itk(fixed.data, fixed.affine),
        moving=_itk(moving.data, moving.affine),
        mask=_itk(fixed.mask.astype(np.float32), fixed.affine),
        found=None,
        out=silent,
        err=silent,
    )
    return _orthonormal(inverse(np.asarray(engine["found"], float)))


def by_simpleitk(fixed: Picture, moving: Picture, levels: str) -> Affine:
    """Refine from the identity with SimpleITK (Mattes mutual information, regular sampling); the fallback engine.

    `levels` as for `by_greedy`. Raises RuntimeError where it fails.
    """
    sitk = simpleitk()
    flip = np.diag([-1.0, -1.0, 1.0, 1.0])
    found = sitk.Euler3DTransform()
    found.SetCenter(apply(flip, fixed.points).mean(axis=0))
    method = sitk.ImageRegistrationMethod()
    method.SetNumberOfThreads(THREADS)
    method.SetMetricAsMattesMutualInformation(BINS)
    method.SetMetricFixedMask(_itk(fixed.mask.astype(np.uint8), fixed.affine))
    method.SetMetricSamplingStrategy(method.REGULAR)
    method.SetMetricSamplingPercentage(0.2, 1)
    method.SetInterpolator(sitk.sitkLinear)
    count = len(levels.split("x"))
    shrink = [2**n for n in reversed(range(count))]
    method.SetShrinkFactorsPerLevel(shrink)
    method.SetSmoothingSigmasPerLevel([float(s > 1) for s in shrink])
    method.SmoothingSigmasAreSpecifiedInPhysicalUnitsOff()
    method.SetOptimizerAsRegularStepGradientDescent(0.5, 1e-4, 80, 0.6)
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetInitialTransform(found, inPlace=True)
    method.Execute(_itk(fixed.data, fixed.affine), _itk(moving.data, moving.affine))
    lps = np.eye(4)
    lps[:3, :3] = np.reshape(found.GetMatrix(), (3, 3))
    lps[:3, 3] = apply(lps, -np.array([found.GetCenter()]))[0] + found.GetCenter() + found.GetTranslation()
    return _orthonormal(inverse(flip @ lps @ flip))


ENGINES: dict[str, Engine] = {"greedy": by_greedy, "simpleitk": by_simpleitk}
NAMES = {"greedy": "picsl_greedy rigid, NMI", "simpleitk": "SimpleITK rigid, Mattes MI"}


def align(fixed: Picture, moving: Picture, *, thorough: bool, engine: str = "greedy") -> Fit:
    """Find the rigid map from `moving` to `fixed`, in both directions, and keep the middle.

    `thorough` adds two estimates from interleaved halves of the foreground, so that the uncertainty also holds what
    the data themselves leave open; without it only forward and backward are compared. An engine that breaks hands
    over to the next one in ENGINES. The result may be worse than the header: the caller decides by the similarities.
    """
    start = capture(fixed, moving)
    for name in [engine, *(n for n in ENGINES if n != engine)]:
        try:
            matrix, estimates = _estimate(fixed, moving, start, ENGINES[name], thorough=thorough)
            break
        except RuntimeError:
            continue
    else:
        matrix, estimates, name = start, [start, np.eye(4)], "coarse search"
    points = fixed.points @ inverse(matrix)[:3, :3].T + inverse(matrix)[:3, 3]
    nmi, overlap = similarity(fixed, moving, matrix)
    spread = [mean_displacement_mm(a, b, points) for a, b in itertools.combinations(estimates, 2)]
    return Fit(
        matrix=matrix,
        engine=NAMES.get(name, name),
        similarity=nmi,
        header_similarity=similarity(fixed, moving, np.eye(4))[0],
        overlap=overlap,
        uncertainty_mm=float(np.mean(spread)),
    )


def _estimate(
    fixed: Picture, moving: Picture, start: Affine, run: Engine, *, thorough: bool
) -> tuple[Affine, list[Affine]]:
    forward = run(fixed, _moved(moving, start), "12x8") @ start
    if similarity(fixed, moving, forward)[0] < similarity(fixed, moving, start)[0]:
        raise RuntimeError("the engine ended worse than it began")
    backward = inverse(run(moving, _moved(fixed, inverse(forward)), "8") @ inverse(forward))
    middle = mean_rigid(forward, backward)
    estimates = [forward, backward]
    if thorough:
        blocks = np.indices(fixed.mask.shape) // np.array([12, 12, 4]).reshape(3, 1, 1, 1)
        odd = blocks.sum(axis=0) % 2 == 1
        for half in (fixed.mask & odd, fixed.mask & ~odd):
            part = Picture(data=fixed.data, affine=fixed.affine, mask=half)
            estimates.append(run(part, _moved(moving, middle), "8") @ middle)
    return middle, estimates


def _moved(one: Picture, matrix: Affine) -> Picture:
    """Return the picture put somewhere else; its voxels stay as they are."""
    return Picture(data=one.data, affine=matrix @ one.affine, mask=one.mask)


def _itk(data: npt.NDArray[np.float32 | np.uint8], affine: Affine) -> object:
    """Return the array as a SimpleITK image (LPS frame) that sits at the same place."""
    sitk = simpleitk()
    image = sitk.GetImageFromArray(np.ascontiguousarray(data.T))
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    flip = np.diag([-1.0, -1.0, 1.0])
    image.SetSpacing([float(s) for s in spacing])
    image.SetOrigin([float(x) for x in flip @ affine[:3, 3]])
    image.SetDirection([float(x) for x in (flip @ affine[:3, :3] / spacing).ravel()])
    return image


def _orthonormal(matrix: Affine) -> Affine:
    """Return the nearest rigid map (rounding inside an engine leaves the rotation a hair off)."""
    u, _, v = np.linalg.svd(matrix[:3, :3])
    clean = matrix.copy()
    clean[:3, :3] = u @ v
    return clean


class _Silent:
    """Takes what an engine prints and drops it."""

    def write(self, text: str) -> int:
        return len(text)

    def flush(self) -> None:
        return None
