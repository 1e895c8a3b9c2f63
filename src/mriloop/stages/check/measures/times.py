"""The measures of a time series of any body part: a new one is one function and one line of TIMES."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from mriloop.imaging import motion, slices_in_time, timeseries
from mriloop.imaging.diffusion import without_eddy_currents
from mriloop.imaging.foreground import Regions, regions
from mriloop.imaging.motion import Rigid
from mriloop.model.coding import Region, Weighting
from mriloop.model.quality import SeriesKind
from mriloop.model.quantity import NotAssessable
from mriloop.model.study import Series
from mriloop.model.volume import Volume
from mriloop.stages.check.limits import SHIPPED, Limits
from mriloop.stages.check.measures.contrasts import Contrast, alike, contrasts_of
from mriloop.stages.check.measures.measure import ImageMeasure

Matrix = npt.NDArray[np.float64]

HEAD_REGIONS = frozenset({Region.BRAIN, Region.PITUITARY, Region.HEAD_NECK})
SMALLEST_FIELD_MM = 50.0
LEAST_CORRELATION = 0.5
LEAST_COURSE = 5
POWER_LIMIT_MM = 0.2
LOST_SHARE = 0.25
LOST_DEVIATIONS = 5.0
SPIKE_TIMES = 2.0
SPIKE_DEVIATIONS = 8.0
_COURSES = 5000
_LEAST_OBJECT = 200
_UNSUITABLE = frozenset(
    {
        Weighting.LOCALIZER, Weighting.SCREENSHOT, Weighting.PHASE, Weighting.FIELD_MAP, Weighting.T1_MAP,
        Weighting.T2_MAP, Weighting.ADC, Weighting.FA, Weighting.FAT_FRACTION,
    }
)  # fmt: skip
NOT_A_HEAD = "this displacement is defined for heads; the region is not known to be one"
TOO_SHORT = f"fewer than {LEAST_COURSE} volumes of one contrast"
DIRECTIONS = "the volumes differ by diffusion direction: their course in time says nothing"


@dataclass(frozen=True, slots=True)
class Run:
    """The volumes of one contrast with where the object lay in each.

    found : the motions as registered, empty where the volumes could not be registered
    motions : the same without what eddy currents do; what displacements are taken from
    torn : volumes (places in the run) that fit no pose, so that their motion is a guess
    """

    contrast: Contrast
    regions: Regions
    found: tuple[Rigid, ...] = ()
    motions: tuple[Rigid, ...] = ()
    torn: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Step:
    """From one volume to the next of its contrast; `time` is the place of the second one in the series."""

    time: int
    displacement_mm: float
    power_mm: float
    jenkinson_mm: float
    torn: bool


@dataclass(frozen=True, slots=True)
class Slice:
    """A slice that stands out in one volume: place along the normal, place of the volume in the series, by how much."""

    index: int
    time: int
    share: float


@dataclass(frozen=True, eq=False)
class TimeSample:
    """What the measures of time look at.

    runs : one for each contrast of two and more volumes
    head : whether the region is known to be a head
    limit_mm : displacement beyond which a volume counts as moved
    unmoved : why no motion could be told, empty where it could
    """

    runs: tuple[Run, ...]
    head: bool
    limit_mm: float
    unmoved: str = ""

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """Every step from a volume to the next of its contrast, in the order of the series."""
        return tuple(sorted((step for run in self.runs for step in _steps(run)), key=lambda step: step.time))

    @cached_property
    def course(self) -> Run | None:
        """The run whose course in time means something: the longest one that is not diffusion-weighted."""
        fitting = [r for r in self.runs if not r.contrast.diffusion and len(r.contrast.volumes) >= LEAST_COURSE]
        return max(fitting, key=lambda r: len(r.contrast.volumes), default=None)

    @cached_property
    def courses(self) -> Matrix | None:
        """(n, t) brightness of up to 5000 places of the object in `course`, followed through the motion."""
        run = self.course
        if run is None:
            return None
        points = motion.object_points(run.regions.object, run.contrast.affine, _COURSES)
        here = run.found or (_STILL,) * len(run.contrast.volumes)
        found = motion.aligned_courses(run.contrast.volumes, run.contrast.affine, here, points)
        return found if len(found) >= _LEAST_OBJECT else None

    @cached_property
    def slices_seen(self) -> int:
        """How many slices, over all volumes, could be compared with others."""
        return sum(int(np.isfinite(rest).sum()) for _, rest, _ in self._slices)

    @cached_property
    def lost(self) -> tuple[Slice, ...]:
        """Slices that lost a quarter of their signal and more, worst first; `share` is what they lost."""
        found = [
            Slice(int(k), run.contrast.times[t], 1 - math.exp(rest[k, t]))
            for run, rest, deviations in self._slices
            for k, t in np.argwhere((rest < math.log(1 - LOST_SHARE)) & (deviations < -LOST_DEVIATIONS))
        ]
        return tuple(sorted(found, key=lambda one: -one.share))

    @cached_property
    def lost_at_worst(self) -> float:
        """Share of the volumes of one contrast that one slice position lost, at the worst position."""
        worst = 0.0
        for run, rest, _ in self._slices:
            times = {time: t for t, time in enumerate(run.contrast.times)}
            gone = np.zeros(rest.shape, dtype=bool)
            for one in self.lost:
                if one.time in times:
                    gone[one.index, times[one.time]] = True
            worst = max(worst, float(gone.mean(axis=1).max()))
        return worst

    @cached_property
    def spikes(self) -> tuple[Slice, ...] | None:
        """Slices of still volumes whose air carries twice its usual level and more; None where no air can be seen."""
        seen = False
        found: list[Slice] = []
        moved = {step.time for step in self.steps if step.displacement_mm > self.limit_mm or step.torn}
        for run in self.runs:
            levels = slices_in_time.slice_levels(run.contrast.volumes, run.regions.air)
            rest, deviations = slices_in_time.departures(levels)
            seen |= bool(np.isfinite(rest).any())
            # above its own usual level as well: among neighbours that lost their signal a good slice stands out too
            above = levels > SPIKE_TIMES * np.median(levels, axis=1, keepdims=True)
            for k, t in np.argwhere(above & (rest > math.log(SPIKE_TIMES)) & (deviations > SPIKE_DEVIATIONS)):
                after = run.contrast.times[t + 1] if t + 1 < len(run.contrast.times) else -1
                if moved.isdisjoint({run.contrast.times[t], after}):
                    found.append(Slice(int(k), run.contrast.times[t], math.exp(rest[k, t])))
        return tuple(sorted(found, key=lambda one: -one.share)) if seen else None

    @cached_property
    def combed(self) -> dict[int, float]:
        """For each volume of the series how far its even slices lie from its odd ones, in mm."""
        result: dict[int, float] = {}
        for run in self.runs:
            if not run.found:
                continue
            mask, affine = run.regions.object, run.contrast.affine
            found = slices_in_time.interleave_displacements(run.contrast.volumes, affine, mask, run.found)
            if found is not None:
                result.update({time: float(mm) for time, mm in zip(run.contrast.times, found, strict=True)})
        return {time: mm for time, mm in sorted(result.items()) if math.isfinite(mm)}

    @cached_property
    def _slices(self) -> list[tuple[Run, Matrix, Matrix]]:
        return [
            (run, *slices_in_time.departures(slices_in_time.slice_means(run.contrast.volumes, run.regions.object)))
            for run in self.runs
        ]


_STILL = Rigid((0.0, 0.0, 0.0), (0.0, 0.0, 0.0), (0.0, 0.0, 0.0), 1.0)


def limit_mm(voxel_mm: float, limits: Limits = SHIPPED) -> float:
    """Return the displacement between volumes beyond which one counts as moved: 0.5 mm, or a fifth of a large voxel.

    0.5 mm: Power 2012; Afacan et al. 2016 (doi:10.1007/s00247-016-3677-4) for the mean over a scan. `voxel_mm` is the
    cube root of the voxel's volume; what it adds ends at `motion_most_mm` (1 mm).
    """
    return float(max(limits.motion_mm, min(limits.motion_most_mm, limits.motion_voxel_share * voxel_mm)))


def time_sample(
    series: Series, volumes: Sequence[Volume], kind: SeriesKind, limits: Limits = SHIPPED
) -> TimeSample | NotAssessable:
    """Register the volumes of each contrast of a series to each other; NotAssessable where nothing can be compared."""
    if kind.weighting in _UNSUITABLE:
        return NotAssessable(reason=f"volumes of {kind.weighting.value} pictures are not compared")
    groups = contrasts_of(series, volumes)
    best = max(groups, key=lambda g: len(g.volumes), default=None)
    if best is None or len(best.volumes) < 2:
        return NotAssessable(reason="one volume of each contrast: nothing to compare with")
    if min(best.volumes[0].shape[:2]) < 16:
        return NotAssessable(reason="matrix too small to register")
    groups = [part for group in groups for part in alike(group)]
    usable = [g for g in groups if len(g.volumes) >= 2 and min(g.volumes[0].shape[:2]) >= 16]
    if not usable:
        return NotAssessable(
            reason="the volumes differ in brightness as different contrasts do: nothing to compare with"
        )
    extent = max(float(s * n) for s, n in zip(best.spacing_mm[:2], best.volumes[0].shape[:2], strict=True))
    small = f"a field of view of {extent:.0f} mm is too small to tell motion from deformation"
    unmoved = small if extent < SMALLEST_FIELD_MM else ""
    runs = [_run(group, register=not unmoved) for group in usable]
    seen = tuple(run for run in runs if run is not None)
    if not seen:
        return NotAssessable(reason="no object stands out of the volumes")
    if not unmoved and not any(run.found for run in seen):
        unmoved = "the volumes could not be registered to each other"
    voxel = float(np.cbrt(np.prod(best.spacing_mm)))
    return TimeSample(seen, kind.region in HEAD_REGIONS, limit_mm(voxel, limits), unmoved)


def _run(group: Contrast, *, register: bool) -> Run | None:
    where = regions(group.volumes[len(group.volumes) // 2], group.spacing_mm)
    if int(where.object.sum()) < _LEAST_OBJECT:
        return None
    if not register:
        return Run(group, where)
    _, found = motion.estimate(group.volumes, group.affine, where.object)
    fit = [one.correlation for one in found]
    if max(fit) < LEAST_CORRELATION:
        return Run(group, where)
    motions = without_eddy_currents(found, group.directions) if group.diffusion else found
    return Run(group, where, found, motions, frozenset(int(t) for t in np.flatnonzero(motion.untrusted(fit))))


def _steps(run: Run) -> list[Step]:
    if not run.motions:
        return []
    points = motion.object_points(run.regions.object, run.contrast.affine)
    matrices = np.array([one.matrix for one in run.motions])
    parameters = np.array([[*m.translation_mm, *np.radians(m.rotation_deg)] for m in run.motions])
    power = timeseries.framewise_displacement_power(parameters)
    jenkinson = timeseries.framewise_displacement_jenkinson(np.linalg.inv(matrices), np.array(run.motions[0].centre_mm))
    return [
        Step(
            time=run.contrast.times[t],
            displacement_mm=motion.mean_displacement(one, other, points),
            power_mm=float(power[t - 1]),
            jenkinson_mm=float(jenkinson[t - 1]),
            torn=not run.torn.isdisjoint({t - 1, t}),
        )
        for t, (one, other) in enumerate(pairwise(matrices), start=1)
    ]


def _displacements(sample: TimeSample) -> list[float]:
    return [step.displacement_mm for step in sample.steps]


def _displacement_mean(sample: TimeSample) -> float | str | None:
    return sample.unmoved or float(np.mean(_displacements(sample)))


def _displacement_max(sample: TimeSample) -> float | str | None:
    return sample.unmoved or max(_displacements(sample))


def _motion_free(sample: TimeSample) -> float | str | None:
    still = [step.displacement_mm <= sample.limit_mm and not step.torn for step in sample.steps]
    return sample.unmoved or 100 * float(np.mean(still))


def _untrusted(sample: TimeSample) -> float | str | None:
    return sample.unmoved or float(sum(len(run.torn) for run in sample.runs))


def _of_a_head(sample: TimeSample) -> str:
    return sample.unmoved or ("" if sample.head else NOT_A_HEAD)


def _power_mean(sample: TimeSample) -> float | str | None:
    return _of_a_head(sample) or float(np.mean([step.power_mm for step in sample.steps]))


def _power_over(sample: TimeSample) -> float | str | None:
    return _of_a_head(sample) or float(sum(step.power_mm > POWER_LIMIT_MM for step in sample.steps))


def _power_share(sample: TimeSample) -> float | str | None:
    return _of_a_head(sample) or 100 * float(np.mean([step.power_mm > POWER_LIMIT_MM for step in sample.steps]))


def _jenkinson_mean(sample: TimeSample) -> float | str | None:
    return _of_a_head(sample) or float(np.mean([step.jenkinson_mm for step in sample.steps]))


def _combed_max(sample: TimeSample) -> float | str | None:
    return sample.unmoved or max(sample.combed.values(), default=None) or "too few slices to part even from odd ones"


def _combed_share(sample: TimeSample) -> float | str | None:
    if sample.unmoved or not sample.combed:
        return sample.unmoved or "too few slices to part even from odd ones"
    return 100 * float(np.mean([mm > sample.limit_mm for mm in sample.combed.values()]))


def _without_course(sample: TimeSample) -> str:
    """Return why the course in time cannot be measured, empty where it can."""
    if sample.courses is not None:
        return ""
    return DIRECTIONS if any(run.contrast.diffusion for run in sample.runs) else TOO_SHORT


def _dvars(sample: TimeSample) -> float | str | None:
    if sample.courses is None:
        return _without_course(sample)
    found = timeseries.dvars(sample.courses)
    return "no voxel changes in time" if found is None else float(found[0].mean())


def _tsnr(sample: TimeSample) -> float | str | None:
    if sample.courses is None:
        return _without_course(sample)
    found = timeseries.tsnr(sample.courses)
    return float(np.median(found)) if found.any() else "no voxel changes in time"


def _outliers(sample: TimeSample) -> float | str | None:
    if sample.courses is None:
        return _without_course(sample)
    return float(timeseries.outlier_fraction(sample.courses).mean())


def _quality(sample: TimeSample) -> float | str | None:
    if sample.courses is None:
        return _without_course(sample)
    return float(timeseries.quality_index(sample.courses).mean())


def _global_correlation(sample: TimeSample) -> float | str | None:
    return _without_course(sample) if sample.courses is None else timeseries.global_correlation(sample.courses)


def _dummy(sample: TimeSample) -> float | str | None:
    if sample.courses is None:
        return _without_course(sample)
    return float(timeseries.non_steady_volumes(sample.courses))


def _drift(sample: TimeSample) -> float | str | None:
    if sample.courses is None:
        return _without_course(sample)
    return 100 * timeseries.drift(sample.courses.mean(axis=0))[0]


def _drift_rate(sample: TimeSample) -> float | str | None:
    if sample.courses is None or sample.course is None:
        return _without_course(sample)
    apart = sample.course.contrast.repetition_time_ms
    if not apart:
        return "the header does not say how long a volume takes"
    times = sample.course.contrast.times
    return 100 * timeseries.drift(sample.courses.mean(axis=0))[0] / ((times[-1] - times[0]) * apart / 60_000)


def _lost(sample: TimeSample) -> float | str | None:
    return float(len(sample.lost)) if sample.slices_seen else "fewer than three volumes of one contrast, or five slices"


def _lost_share(sample: TimeSample) -> float | str | None:
    found = _lost(sample)
    return found if isinstance(found, str) else 100 * len(sample.lost) / sample.slices_seen


def _lost_at_worst(sample: TimeSample) -> float | str | None:
    found = _lost(sample)
    return found if isinstance(found, str) else 100 * sample.lost_at_worst


def _spikes(sample: TimeSample) -> float | str | None:
    return "no air beside the object in several volumes" if sample.spikes is None else float(len(sample.spikes))


TIMES: tuple[ImageMeasure[TimeSample], ...] = (
    ImageMeasure("displacement_mean", "mm", "lower", _displacement_mean),
    ImageMeasure("displacement_max", "mm", "lower", _displacement_max),
    ImageMeasure("motion_free", "%", "higher", _motion_free),
    ImageMeasure("volumes_untrusted", "{count}", "lower", _untrusted),
    ImageMeasure("framewise_power_mean", "mm", "lower", _power_mean),
    ImageMeasure("framewise_power_over", "{count}", "lower", _power_over),
    ImageMeasure("framewise_power_share", "%", "lower", _power_share),
    ImageMeasure("framewise_jenkinson_mean", "mm", "lower", _jenkinson_mean),
    ImageMeasure("within_volume_max", "mm", "lower", _combed_max),
    ImageMeasure("within_volume_share", "%", "lower", _combed_share),
    ImageMeasure("dvars_mean", "1", "lower", _dvars),
    ImageMeasure("tsnr_median", "1", "higher", _tsnr),
    ImageMeasure("outlier_fraction", "1", "lower", _outliers),
    ImageMeasure("quality_index", "1", "lower", _quality),
    ImageMeasure("global_correlation", "1", "lower", _global_correlation),
    ImageMeasure("dummy_volumes", "{count}", "", _dummy),
    ImageMeasure("drift", "%", "", _drift),
    ImageMeasure("drift_rate", "%/min", "", _drift_rate),
    ImageMeasure("slices_lost", "{count}", "lower", _lost),
    ImageMeasure("slices_lost_share", "%", "lower", _lost_share),
    ImageMeasure("slices_lost_at_worst", "%", "lower", _lost_at_worst),
    ImageMeasure("slice_spikes", "{count}", "lower", _spikes),
)
