"""What a series shows over time: the trace of motion in millimetres and the measures of its volumes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mriloop.model.quality import MotionTrace, SeriesKind
from mriloop.model.quantity import Measure, NotAssessable
from mriloop.model.study import Series
from mriloop.model.volume import Volume
from mriloop.stages.check.limits import SHIPPED, Limits
from mriloop.stages.check.measures.diffusion import DIFFUSION, diffusion_sample
from mriloop.stages.check.measures.measure import take_all
from mriloop.stages.check.measures.times import TIMES, TimeSample, time_sample

NAMES: tuple[str, ...] = (*(measure.name for measure in TIMES), *(measure.name for measure in DIFFUSION))


@dataclass(frozen=True, slots=True)
class Moved:
    """The trace of a series with the measures of its volumes, or only the measures with the reason why there is none.

    sample : what the measures were taken of, for the rules that name slices and volumes; None where nothing could be
    """

    trace: MotionTrace | None
    measures: Mapping[str, Measure]
    limit_mm: float = SHIPPED.motion_mm
    sample: TimeSample | None = None


def motion_of(series: Series, volumes: Sequence[Volume], kind: SeriesKind, limits: Limits = SHIPPED) -> Moved:
    """Return how the object moved from volume to volume, and what else the volumes tell by being several.

    Volumes are compared only with volumes of the same contrast (echo, b-value, inversion time, component); each with
    the one before it of that contrast. In diffusion series of ten or more directions the part of each parameter that
    is a linear function of the gradient direction is taken off (`imaging.diffusion.without_eddy_currents`).
    """
    sample = time_sample(series, volumes, kind, limits)
    measures: dict[str, Measure] = dict(take_all(sample, TIMES))
    measures.update(take_all(diffusion_sample(series, volumes, kind), DIFFUSION))
    if isinstance(sample, NotAssessable):
        return Moved(None, measures)
    return Moved(_trace(sample), measures, sample.limit_mm, sample)


def _trace(sample: TimeSample) -> MotionTrace | None:
    """Return the trace of every volume that could be compared with another one."""
    if sample.unmoved:
        return None
    step = {one.time: one.displacement_mm for one in sample.steps}
    poses = {time: pose for run in sample.runs for time, pose in zip(run.contrast.times, run.motions, strict=False)}
    torn = {run.contrast.times[t] for run in sample.runs for t in run.torn}
    order = sorted(poses)
    first = sample.runs[0].contrast.times

    def from_rest(time: int) -> float:
        return abs(sum(poses[time].translation_mm)) + abs(sum(poses[time].rotation_deg))

    return MotionTrace(
        reference=min((time for time in first if time in poses), key=from_rest, default=order[0]),
        translations_mm=tuple(poses[time].translation_mm for time in order),
        rotations_deg=tuple(poses[time].rotation_deg for time in order),
        framewise_mm=tuple(round(step.get(time, 0.0), 4) for time in order),
        volumes=tuple(order),
        limit_mm=sample.limit_mm,
        untrusted=tuple(sorted(torn)),
    )
