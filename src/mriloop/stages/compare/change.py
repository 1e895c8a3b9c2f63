"""Lists what became of each bright lesion between two aligned FLAIR or T2 series of the brain."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mriloop.imaging.lesions import Evidence, Lesion, Rules, evidence, follow
from mriloop.imaging.normalise import Map, Mask, Visits, joint
from mriloop.imaging.resample import Grid, apply, crop, halfway, inverse, sample
from mriloop.imaging.voxels import ndimage
from mriloop.model.coding import Weighting
from mriloop.model.comparison import Alignment, Change, ChangeKind
from mriloop.stages.compare.align import Loaded

FINEST_MM = 0.8
BRIGHTEST = {Weighting.FLAIR: 3.0, Weighting.T2: 1.9}
Labels = npt.NDArray[np.int32]
STRICT = Rules()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ChangeMap:
    """What changed between two series, as a list and as pictures.

    visits, seen : both visits on their half-way grid, and the evidence there
    back_to_today, back_to_prior : (4, 4) from RAS+ mm half-way to RAS+ mm of each visit
    changes_today, changes_prior : label maps (Change.id) on the voxels of each source series; a lesion that has no
        outline at a visit has no voxels there
    """

    changes: tuple[Change, ...]
    visits: Visits
    seen: Evidence
    rules: Rules
    changes_today: Labels
    changes_prior: Labels
    back_to_today: npt.NDArray[np.float64]
    back_to_prior: npt.NDArray[np.float64]


def meet_halfway(today: Loaded, prior: Loaded, alignment: Alignment) -> tuple[Visits, npt.NDArray[np.float64]]:
    """Return both visits on a grid half-way between them, and the (4, 4) half step (half-way to today).

    Each visit is interpolated once, over the same distance, so that neither is blurred more than the other; voxels
    are as coarse as the coarser visit along each direction. Needs the brain mask of both.
    """
    assert today.brain is not None
    assert prior.brain is not None
    half = halfway(np.array(alignment.matrix))
    back = inverse(half)
    spacing = np.array(today.grid.spacing_mm)
    theirs = prior.volume.affine[:3, :3]
    mine = np.array(alignment.matrix)[:3, :3] @ theirs
    axes = today.volume.affine[:3, :3] / spacing
    seen = np.sqrt(np.sum((axes.T @ mine) ** 2, axis=1))
    step = np.maximum.reduce([spacing, np.full(3, FINEST_MM), np.where(seen > 1.2 * spacing, seen, 0.0)]) / spacing
    shape = tuple(round(n / s) for n, s in zip(today.grid.shape, step, strict=True))
    scale = np.diag([*step, 1.0])
    full = Grid(shape=(shape[0], shape[1], shape[2]), affine=back @ today.volume.affine @ scale)
    mask = np.ones(full.shape, bool)
    for one, move in ((today, back), (prior, half)):
        assert one.brain is not None
        mask &= sample(one.brain.mask.astype(np.float32), one.volume.affine, full, move, order=1) > 0.5
    if float(mask.sum()) * full.voxel_ml < 300.0:
        raise ValueError("the two brains hardly meet")
    grid, cut = crop(full, mask, margin_mm=5.0)
    maps = [
        np.maximum(sample(one.volume.data, one.volume.affine, grid, move), 0.0)
        for one, move in ((today, back), (prior, half))
    ]
    visits = joint(maps[0], maps[1], mask[cut], grid)
    top = BRIGHTEST.get(today.kind.weighting, 3.0)
    return (
        Visits(
            today=np.minimum(visits.today, top),
            prior=np.minimum(visits.prior, top),
            mask=visits.mask,
            grid=grid,
            gain=visits.gain,
        ),
        half,
    )


def list_changes(today: Loaded, prior: Loaded, alignment: Alignment, rules: Rules = STRICT) -> ChangeMap:
    """Make the strict list of changes between two aligned series of the same weighting.

    Raises ValueError where the two brain masks hardly overlap.
    """
    visits, half = meet_halfway(today, prior, alignment)
    seen = evidence(visits, rules)
    lesions = sorted((one for one in follow(seen, visits, rules) if _clear(one, rules)), key=_order)
    places = _places(visits, today.kind.weighting)
    trusted = today.brain is not None and today.brain.trusted and prior.brain is not None and prior.brain.trusted
    common_today = np.zeros(visits.mask.shape, np.int32)
    common_prior = np.zeros(visits.mask.shape, np.int32)
    changes = []
    for number, lesion in enumerate(lesions, start=1):
        common_today[lesion.today] = number
        common_prior[lesion.prior] = number
        changes.append(_change(number, lesion, visits, half, places, rules, trusted=trusted))
    back = inverse(half)
    return ChangeMap(
        changes=tuple(changes),
        visits=visits,
        seen=seen,
        rules=rules,
        changes_today=_labels_at(common_today, visits.grid, today.grid, half),
        changes_prior=_labels_at(common_prior, visits.grid, prior.grid, back),
        back_to_today=half,
        back_to_prior=back,
    )


def _labels_at(labels: Labels, grid: Grid, target: Grid, move: npt.NDArray[np.float64]) -> Labels:
    return np.rint(sample(labels.astype(np.float32), grid.affine, target, move, order=0)).astype(np.int32)


SURE_OF_GROWTH = 0.7  # set on the phantom; of `_confidence`
_KINDS = (ChangeKind.NEW, ChangeKind.ENLARGING, ChangeKind.RESOLVED, ChangeKind.SHRINKING, ChangeKind.STABLE)


def _clear(lesion: Lesion, rules: Rules) -> bool:
    """Tell whether a change is clear enough for the list.

    A bright spot that was there before borders on cortex or ventricle more often than not, and then seems to grow or
    shrink with every fraction of a millimetre: it has to exceed the rules by more than a new or a vanished one.
    """
    standing = lesion.kind in (ChangeKind.ENLARGING, ChangeKind.SHRINKING)
    return not standing or _confidence(lesion, rules, trusted=True) >= SURE_OF_GROWTH


def _order(lesion: Lesion) -> tuple[int, float]:
    return _KINDS.index(lesion.kind), -float(max(lesion.today.sum(), lesion.prior.sum()))


def _change(
    number: int,
    lesion: Lesion,
    visits: Visits,
    half: npt.NDArray[np.float64],
    places: _Places,
    rules: Rules,
    *,
    trusted: bool,
) -> Change:
    voxel = visits.grid.voxel_ml
    shown = lesion.today if lesion.today.sum() >= lesion.prior.sum() else lesion.prior
    centre = np.argwhere(shown).mean(axis=0)[None]
    position = apply(half, apply(visits.grid.affine, centre))[0]
    now, before = float(lesion.today.sum()) * voxel, float(lesion.prior.sum()) * voxel
    return Change(
        id=number,
        kind=lesion.kind,
        volume_ml=now,
        volume_change_ml=now - before,
        diameter_mm=_diameter_mm(shown, visits.grid),
        position_ras_mm=(float(position[0]), float(position[1]), float(position[2])),
        confidence=_confidence(lesion, rules, trusted=trusted),
        location=places.of(shown),
    )


def _diameter_mm(region: Mask, grid: Grid) -> float:
    """Return the longest distance across a region, between the faces of its voxels."""
    points = apply(grid.affine, np.argwhere(region).astype(float))
    edge = float(np.cbrt(grid.voxel_ml * 1000.0))
    if len(points) == 1:
        return edge
    directions = np.random.default_rng(0).normal(size=(200, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    return float(np.ptp(points @ directions.T, axis=0).max()) + edge


def _confidence(lesion: Lesion, rules: Rules, *, trusted: bool) -> float:
    """Order candidates by how far they exceed the rules (0.5 at the threshold, towards 1 above); no probability."""
    if lesion.kind is ChangeKind.STABLE:
        return 0.5
    excess = max(lesion.score - rules.seed, 0.0) / rules.seed
    clear = min(lesion.contrast / (3.0 * rules.local), 1.0)
    value = 1.0 - 0.5 * float(np.exp(-excess)) * (1.5 - clear)
    return round(float(np.clip(value, 0.05, 0.99)) * (1.0 if trusted else 0.7), 2)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Places:
    """Distances by which a lesion is placed, in mm, and where the brain lies."""

    to_ventricle: Map | None
    to_surface: Map
    grid: Grid
    centre: npt.NDArray[np.float64]
    lowest: float
    height: float

    def of(self, region: Mask) -> str:
        """Name the place: infratentorial, periventricular, juxtacortical, deep, or other when it is not clear."""
        place = apply(self.grid.affine, np.argwhere(region).mean(axis=0)[None])[0]
        level = (place[2] - self.lowest) / self.height
        behind = self.centre[1] - place[1]
        if self.height > 100.0 and level < 0.28 and behind > 0.0:
            return "infratentorial"
        if self.height > 100.0 and level < 0.38 and behind > -15.0:
            return "other"
        if self.to_ventricle is None:
            return "other"
        if float(self.to_ventricle[region].min()) <= 3.0:
            return "periventricular"
        if float(self.to_surface[region].min()) <= 4.0:
            return "juxtacortical"
        return "deep"


def _places(visits: Visits, weighting: Weighting) -> _Places:
    """Find ventricles (dark and deep on FLAIR) and the surface (outside, or dark sulci) on the half-way grid."""
    spacing = visits.grid.spacing_mm
    padded = np.pad(visits.mask, 1)
    depth = ndimage.distance_transform_edt(padded, sampling=spacing)[1:-1, 1:-1, 1:-1]
    mean = (visits.today + visits.prior) / 2.0
    points = apply(visits.grid.affine, np.argwhere(visits.mask)[::50].astype(float))
    low, high = np.percentile(points[:, 2], [0.5, 99.5])
    to_ventricle = None
    dark = visits.mask & (mean < 0.55)
    if weighting is Weighting.FLAIR:
        labels, count = ndimage.label(ndimage.binary_opening(dark & (depth > 18.0), iterations=1))
        if count:
            sizes = np.bincount(labels.ravel())[1:] * visits.grid.voxel_ml
            chosen = 1 + np.flatnonzero(sizes > max(1.0, 0.2 * float(sizes.max())))
            if len(chosen):
                ventricle = ndimage.binary_dilation(np.isin(labels, chosen), mask=dark, iterations=3)
                to_ventricle = ndimage.distance_transform_edt(~ventricle, sampling=spacing).astype(np.float32)
                dark &= ~ventricle
    sulci = dark & (depth < 18.0)
    to_surface = ndimage.distance_transform_edt(visits.mask & ~sulci, sampling=spacing).astype(np.float32)
    return _Places(
        to_ventricle=to_ventricle,
        to_surface=to_surface,
        grid=visits.grid,
        centre=points.mean(axis=0),
        lowest=float(low),
        height=float(high - low),
    )
