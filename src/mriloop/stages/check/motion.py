"""Movement between the volumes of a series in millimetres, so that contrast never passes for motion."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mriloop.imaging import motion as rigid
from mriloop.imaging.foreground import Floats, object_mask
from mriloop.imaging.motion import Rigid
from mriloop.model.coding import Region, Weighting
from mriloop.model.quality import MotionTrace, SeriesKind
from mriloop.model.quantity import Measure, NotAssessable, Quantity
from mriloop.model.study import Frame, Series
from mriloop.model.volume import Volume
from mriloop.stages.check.limits import SHIPPED, Limits
from mriloop.stages.check.measures.sample import b_values_of, frames_by_time, slices_last

HEAD_REGIONS = frozenset({Region.BRAIN, Region.PITUITARY, Region.HEAD_NECK})
NAMES = ("displacement_mean", "displacement_max", "motion_free", "framewise_power_mean")
LEAST_CORRELATION = 0.5
SMALLEST_FIELD_MM = 50.0
_UNSUITABLE = frozenset(
    {
        Weighting.LOCALIZER, Weighting.SCREENSHOT, Weighting.PHASE, Weighting.FIELD_MAP, Weighting.T1_MAP,
        Weighting.T2_MAP, Weighting.ADC, Weighting.FA, Weighting.FAT_FRACTION,
    }
)  # fmt: skip
_STEP = 1.15
_EDDY_VOLUMES = 10
_EDDY_SHARE = 0.6


@dataclass(frozen=True, slots=True)
class Moved:
    """The trace of a series with its measures, or only the measures with the reason why there is none."""

    trace: MotionTrace | None
    measures: Mapping[str, Measure]
    limit_mm: float = SHIPPED.motion_mm


def motion_of(series: Series, volumes: Sequence[Volume], kind: SeriesKind, limits: Limits = SHIPPED) -> Moved:
    """Return how the object moved from volume to volume.

    Volumes are compared only with volumes of the same contrast (echo, b-value, inversion time, component); each with
    the one before it of that contrast. In diffusion series of ten or more directions the part of each parameter that
    is a linear function of the gradient direction is taken off where it explains most of it: that is the eddy current,
    not the patient (Andersson and Sotiropoulos, NeuroImage 2016;125:1063, doi:10.1016/j.neuroimage.2015.10.019).
    """
    if kind.weighting in _UNSUITABLE:
        return _none(f"motion between volumes is not judged on {kind.weighting.value} pictures")
    groups = _groups(series, volumes)
    best = max(groups, key=lambda g: len(g.volumes), default=None)
    if best is None or len(best.volumes) < 2:
        return _none("one volume of each contrast: nothing to compare with")
    if min(best.volumes[0].shape[:2]) < 16:
        return _none("matrix too small to register")
    extent = np.linalg.norm(best.affine[:3, :2], axis=0) * best.volumes[0].shape[:2]
    if float(extent.max()) < SMALLEST_FIELD_MM:
        return _none(f"a field of view of {extent.max():.0f} mm is too small to tell motion from deformation")
    groups = [part for group in groups for part in _alike(group)]
    usable = [g for g in groups if len(g.volumes) >= 2 and min(g.volumes[0].shape[:2]) >= 16]
    if not usable:
        return _none("the volumes differ in brightness as different contrasts do: nothing to compare with")
    parts = [part for part in (_trace(group) for group in usable) if part is not None]
    if not parts:
        return _none("the volumes could not be registered to each other")
    steps: dict[int, tuple[float, float, Rigid]] = {}
    for part in parts:
        steps.update(part)
    order = sorted(steps)
    framewise = [steps[t][0] for t in order]
    power = [steps[t][1] for t in order]
    spacing = np.linalg.norm(best.affine[:3, :3], axis=0)
    limit = limit_mm(float(np.cbrt(np.prod(spacing))), limits)
    first = parts[0]
    trace = MotionTrace(
        reference=min(first, key=lambda t: abs(sum(first[t][2].translation_mm)) + abs(sum(first[t][2].rotation_deg))),
        translations_mm=tuple(steps[t][2].translation_mm for t in order),
        rotations_deg=tuple(steps[t][2].rotation_deg for t in order),
        framewise_mm=tuple(round(value, 4) for value in framewise),
        volumes=tuple(order),
        limit_mm=limit,
    )
    compared = [value for t, value in zip(order, framewise, strict=True) if not _is_first(t, parts)]
    still = sum(value <= limit for value in compared) / len(compared)
    head = kind.region in HEAD_REGIONS
    return Moved(
        trace,
        {
            "displacement_mean": Quantity(value=float(np.mean(compared)), unit="mm"),
            "displacement_max": Quantity(value=float(np.max(compared)), unit="mm"),
            "motion_free": Quantity(value=100 * still, unit="%"),
            "framewise_power_mean": Quantity(
                value=float(np.mean([p for t, p in zip(order, power, strict=True) if not _is_first(t, parts)])),
                unit="mm",
            )
            if head
            else NotAssessable(reason="Power's displacement is defined for heads; the region is not known to be one"),
        },
        limit,
    )


def limit_mm(voxel_mm: float, limits: Limits = SHIPPED) -> float:
    """Return the displacement between volumes beyond which one counts as moved: 0.5 mm, or a fifth of a large voxel.

    0.5 mm: Power 2012; Afacan et al. 2016 (doi:10.1007/s00247-016-3677-4) for the mean over a scan. `voxel_mm` is the
    cube root of the voxel's volume; what it adds ends at `motion_most_mm` (1 mm).
    """
    return float(max(limits.motion_mm, min(limits.motion_most_mm, limits.motion_voxel_share * voxel_mm)))


@dataclass(frozen=True, slots=True)
class _Group:
    """Volumes of one contrast on one grid; `times` is their place in the whole series."""

    volumes: list[Floats]
    times: list[int]
    directions: list[tuple[float, float, float] | None]
    affine: npt.NDArray[np.float64]
    diffusion: bool


def _groups(series: Series, volumes: Sequence[Volume]) -> list[_Group]:
    found: dict[Hashable, _Group] = {}
    counter = 0
    for volume in volumes:
        if volume.data.dtype.names or volume.data.ndim > 4:
            continue
        data = slices_last(volume)
        affine = _slices_last_affine(volume)
        bs = b_values_of(volume, series)
        for t, frame in enumerate(frames_by_time(volume, series)):
            picture = data[..., t]
            b = bs[t]
            if float(picture.max()) > float(picture.min()):
                key = (data.shape[:3], tuple(np.round(affine, 2).ravel()), b, _contrast(frame, volume))
                group = found.setdefault(key, _Group([], [], [], affine, bool(b)))
                group.volumes.append(picture)
                group.times.append(counter)
                group.directions.append(_direction(frame, volume, t))
            counter += 1
    return list(found.values())


def _alike(group: _Group) -> list[_Group]:
    """Part a group where the brightness of its volumes steps by more than a seventh: a contrast no header names.

    The 90th percentile of a volume does not change when the object moves; it does with an inversion time or a b-value.
    """
    levels = [float(np.percentile(volume, 90)) for volume in group.volumes]
    order = np.argsort(levels)
    parts: list[list[int]] = []
    for index in order:
        if not parts or levels[index] > _STEP * levels[parts[-1][-1]]:
            parts.append([])
        parts[-1].append(int(index))
    if len(parts) == 1:
        return [group]
    return [
        _Group(
            [group.volumes[t] for t in sorted(part)],
            [group.times[t] for t in sorted(part)],
            [group.directions[t] for t in sorted(part)],
            group.affine,
            group.diffusion,
        )
        for part in parts
    ]


def _direction(frame: Frame | None, volume: Volume, t: int) -> tuple[float, float, float] | None:
    if len(volume.b_vectors_ras) == volume.count:
        return volume.b_vectors_ras[t]
    return frame.b_vector_ras if frame else None


def _contrast(frame: Frame | None, volume: Volume) -> Hashable:
    """What, beside the b-value, must be equal for two volumes to be compared."""
    if frame is None:
        return volume.label
    kind = tuple(word for word in frame.image_type if word in ("ADC", "FA", "TRACEW", "TRACE", "PHASE", "P", "R", "I"))
    te = None if frame.te_ms is None else round(frame.te_ms, 1)
    ti = None if frame.ti_ms is None else round(frame.ti_ms)
    return (te, ti, frame.component, kind)


def _slices_last_affine(volume: Volume) -> npt.NDArray[np.float64]:
    affine = np.array(volume.affine, dtype=np.float64)
    order = [axis for axis in range(3) if axis != volume.slice_axis] + [volume.slice_axis]
    affine[:3, :3] = affine[:3, order]
    return affine


def _trace(group: _Group) -> dict[int, tuple[float, float, Rigid]] | None:
    """Return for each time of the group (mean displacement from the one before, Power's, motion)."""
    spacing = np.linalg.norm(group.affine[:3, :3], axis=0)
    typical = group.volumes[len(group.volumes) // 2]
    mask = object_mask(typical, (float(spacing[0]), float(spacing[1]), float(spacing[2])))
    if int(mask.sum()) < 200:
        return None
    _, motions = rigid.estimate(group.volumes, group.affine, mask)
    if max(m.correlation for m in motions) < LEAST_CORRELATION:
        return None
    if group.diffusion:
        motions = _without_eddy_currents(motions, group.directions)
    points = rigid.object_points(mask, group.affine)
    result = {group.times[0]: (0.0, 0.0, motions[0])}
    for t in range(1, len(motions)):
        result[group.times[t]] = (
            rigid.mean_displacement(motions[t - 1].matrix, motions[t].matrix, points),
            rigid.power_displacement(motions[t - 1], motions[t]),
            motions[t],
        )
    return result


def _without_eddy_currents(
    motions: Sequence[Rigid], directions: Sequence[tuple[float, float, float] | None]
) -> tuple[Rigid, ...]:
    """Take off the part of each parameter that follows the gradient direction linearly, where that is most of it."""
    if len(motions) < _EDDY_VOLUMES or any(d is None for d in directions):
        return tuple(motions)
    design = np.column_stack([np.ones(len(motions)), np.array(directions, dtype=float)])
    if np.linalg.matrix_rank(design, tol=0.1) < 4:
        return tuple(motions)
    values = np.array([[*m.translation_mm, *m.rotation_deg] for m in motions])
    terms = np.linalg.lstsq(design, values, rcond=None)[0]
    fitted = design[:, 1:] @ terms[1:]
    spare = (len(motions) - 1) / (len(motions) - 4)
    total = values.var(axis=0)
    share = 1 - spare * (values - design @ terms).var(axis=0) / np.where(total > 0, total, 1)
    cleaned = values - np.where(share > _EDDY_SHARE, fitted, 0.0)
    return tuple(
        Rigid(
            (float(v[0]), float(v[1]), float(v[2])), (float(v[3]), float(v[4]), float(v[5])), m.centre_mm, m.correlation
        )
        for v, m in zip(cleaned, motions, strict=True)
    )


def _is_first(time: int, parts: Sequence[Mapping[int, object]]) -> bool:
    return any(time == min(part) for part in parts)


def _none(why: str) -> Moved:
    absent: defaultdict[str, Measure] = defaultdict(lambda: NotAssessable(reason=why))
    return Moved(None, {name: absent[name] for name in NAMES})
