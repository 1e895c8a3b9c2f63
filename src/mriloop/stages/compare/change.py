"""Lists what became of each bright lesion between two aligned FLAIR or T2 series of the brain."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mriloop.imaging.change_evidence import Evidence, colour_map, evidence
from mriloop.imaging.change_score import ChangeScore
from mriloop.imaging.lesions import Lesion, Rules, follow
from mriloop.imaging.normalise import Map, Mask, Visits, joint
from mriloop.imaging.places import Places, places
from mriloop.imaging.resample import Grid, apply, common_step, crop, halfway, inverse, sample
from mriloop.model.coding import Weighting
from mriloop.model.comparison import Alignment, Change, ChangeKind
from mriloop.model.quantity import Measure, NotAssessable
from mriloop.stages.compare.align import Loaded

FINEST_MM = 0.8
BRIGHTEST = {Weighting.FLAIR: 3.0, Weighting.T2: 1.9}
Labels = npt.NDArray[np.int32]
STRICT = Rules()
NO_LOAD = NotAssessable(
    reason="all lesions of a brain are not outlined well enough: on the phantom the sum was 0.6 to 3.6 times the truth"
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ChangeMap:
    """What changed between two series, as a list and as pictures.

    visits, seen : both visits on their half-way grid, and the evidence there
    back_to_today, back_to_prior : (4, 4) from RAS+ mm half-way to RAS+ mm of each visit
    changes_today, changes_prior : label maps (Change.id) on the voxels of each source series: the outline of every
        lesion at that visit; a lesion that has no outline at a visit has no voxels there
    changed, changed_today : label map (Change.id), half-way and on the voxels of today's series, of the tissue that
        changed: all of a new or resolved lesion, the rim of a growing or shrinking one, nothing of a stable one
    colour : (half-way grid) the sensitive map for the eye, see `colour_map`
    load_today_ml, load_prior_ml : volume of all lesions at either visit
    """

    changes: tuple[Change, ...]
    visits: Visits
    seen: Evidence
    rules: Rules
    score: ChangeScore | None
    changes_today: Labels
    changes_prior: Labels
    changed: Labels
    changed_today: Labels
    colour: Map
    load_today_ml: Measure
    load_prior_ml: Measure
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
    step = common_step(today.grid, prior.volume.affine, np.array(alignment.matrix), FINEST_MM)
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


def list_changes(
    today: Loaded,
    prior: Loaded,
    alignment: Alignment,
    rules: Rules = STRICT,
    *,
    model: ChangeScore | None = None,
) -> ChangeMap:
    """Make the strict list of changes between two aligned series of the same weighting.

    `model` is the learned score (`edges.knowledge.models.load_change_score`); without it `rules` decide alone, which
    finds fewer lesions and more that are none. Raises ValueError where the two brain masks hardly overlap.
    """
    visits, half = meet_halfway(today, prior, alignment)
    seen = evidence(visits)
    lesions = sorted(follow(seen, visits, rules, model), key=_order)
    landmarks = _landmarks(visits, today, half)
    trusted = today.brain is not None and today.brain.trusted and prior.brain is not None and prior.brain.trusted
    drawn = [np.zeros(visits.mask.shape, np.int32) for _ in range(3)]
    changes = []
    for number, lesion in reversed(list(enumerate(lesions, start=1))):
        for labels, part in zip(drawn, (lesion.today, lesion.prior, lesion.changed), strict=True):
            labels[lesion.box][part] = number
        changes.append(_change(number, lesion, visits, half, landmarks, trusted=trusted))
    back = inverse(half)
    return ChangeMap(
        changes=tuple(reversed(changes)),
        visits=visits,
        seen=seen,
        rules=rules,
        score=model,
        changes_today=_labels_at(drawn[0], visits.grid, today.grid, half),
        changes_prior=_labels_at(drawn[1], visits.grid, prior.grid, back),
        changed=drawn[2],
        changed_today=_labels_at(drawn[2], visits.grid, today.grid, half),
        colour=colour_map(visits, seen),
        load_today_ml=NO_LOAD,
        load_prior_ml=NO_LOAD,
        back_to_today=half,
        back_to_prior=back,
    )


def _labels_at(labels: Labels, grid: Grid, target: Grid, move: npt.NDArray[np.float64]) -> Labels:
    return np.rint(sample(labels.astype(np.float32), grid.affine, target, move, order=0)).astype(np.int32)


def _landmarks(visits: Visits, today: Loaded, half: npt.NDArray[np.float64]) -> Places:
    """Return what lesions are placed by; where the brain was found by the average brain, its fit is carried along."""
    known = None if today.brain is None else today.brain.from_average
    from_average = None if known is None else inverse(half) @ known
    return places(visits, today.kind.weighting, from_average=from_average)


_KINDS = (ChangeKind.NEW, ChangeKind.ENLARGING, ChangeKind.RESOLVED, ChangeKind.SHRINKING, ChangeKind.STABLE)


def _order(lesion: Lesion) -> tuple[int, float]:
    return _KINDS.index(lesion.kind), -float(max(lesion.today.sum(), lesion.prior.sum()))


def _change(
    number: int,
    lesion: Lesion,
    visits: Visits,
    half: npt.NDArray[np.float64],
    landmarks: Places,
    *,
    trusted: bool,
) -> Change:
    shown = lesion.today if lesion.today.any() else lesion.prior
    index = np.argwhere(shown) + np.array([b.start for b in lesion.box])
    region = np.zeros(visits.mask.shape, bool)
    region[lesion.box] = shown
    position = apply(half, apply(visits.grid.affine, index.mean(axis=0)[None]))[0]
    longest, across = diameters_mm(shown, visits.grid)
    return Change(
        id=number,
        kind=lesion.kind,
        volume_ml=lesion.today_ml,
        volume_change_ml=lesion.today_ml - lesion.prior_ml,
        diameter_mm=longest,
        perpendicular_mm=across,
        volume_noise_ml=lesion.noise_ml,
        position_ras_mm=(float(position[0]), float(position[1]), float(position[2])),
        confidence=round(lesion.confidence * (1.0 if trusted else 0.7), 2),
        location=landmarks.of(region),
    )


def diameters_mm(region: Mask, grid: Grid) -> tuple[float, float]:
    """Return the longest distance across a region within one slice, and the longest at a right angle to it there.

    The slice (across the thickest axis of the grid) is the one whose longest distance is longest; distances run
    between the outer faces of voxels.
    """
    spacing = np.array(grid.spacing_mm)
    through = int(np.argmax(spacing))
    flat = [axis for axis in range(3) if axis != through]
    angles = np.radians(np.arange(0.0, 180.0))
    rays = np.stack([np.cos(angles), np.sin(angles)])
    # what half of a voxel at either end adds along each ray, as an ellipse rather than a box: corners are cut by blur
    ends = np.sqrt(np.sum((rays * spacing[flat][:, None]) ** 2, axis=0))
    best = (0.0, 0.0)
    for cut in np.flatnonzero(region.any(axis=tuple(flat))):
        points = np.argwhere(np.take(region, cut, axis=through)) * spacing[flat]
        widths = np.ptp(points @ rays, axis=0) + ends
        long = int(np.argmax(widths))
        if widths[long] > best[0]:
            best = float(widths[long]), float(widths[(long + len(angles) // 2) % len(angles)])
    return best
