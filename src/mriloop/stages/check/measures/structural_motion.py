"""Motion during one structural volume, as an interval in mm that a learned model gives."""

from __future__ import annotations

from dataclasses import dataclass

from mriloop.imaging.motion_model import Interval, MotionModel, judge
from mriloop.model.coding import Weighting
from mriloop.model.quality import SeriesKind
from mriloop.model.quantity import NotAssessable
from mriloop.model.study import Series
from mriloop.stages.check.header import Header
from mriloop.stages.check.measures.measure import ImageMeasure
from mriloop.stages.check.measures.sample import Sample

TRAINED = frozenset({Weighting.T1, Weighting.T2, Weighting.PD, Weighting.FLAIR, Weighting.STIR, Weighting.T2_STAR})
NO_MODEL = "no motion model was given"


@dataclass(frozen=True, slots=True)
class MotionSample:
    """The interval that the model gave for one volume."""

    interval: Interval


def motion_sample(
    sample: Sample | NotAssessable, series: Series, kind: SeriesKind, model: MotionModel | None
) -> MotionSample | NotAssessable:
    """Judge one series: structural contrasts that are acquired line by line, within the range of training.

    Not assessable: another contrast, echo-planar readouts (their lines are taken within milliseconds), computed series,
    and whatever `imaging.motion_model.judge` refuses. The reason says which.
    """
    if isinstance(sample, NotAssessable):
        return sample
    if model is None:
        return NotAssessable(reason=NO_MODEL)
    if kind.derived:
        return NotAssessable(reason="a computed series")
    if kind.weighting not in TRAINED:
        return NotAssessable(reason=f"the motion model knows no {kind.weighting.value} series")
    header = Header(series)
    if "EP" in header.words("ScanningSequence") or "YES" in header.words("EchoPlanarPulseSequence"):
        return NotAssessable(reason="echo-planar: every slice is taken at once")
    found = judge(model, sample.values, sample.regions, sample.spacing_mm, sample.phase_axis)
    if isinstance(found, str):
        return NotAssessable(reason=found)
    return MotionSample(found)


def _lower(sample: MotionSample) -> float:
    return sample.interval.lower_mm


def _middle(sample: MotionSample) -> float:
    return sample.interval.middle_mm


def _upper(sample: MotionSample) -> float:
    return sample.interval.upper_mm


STRUCTURAL_MOTION: tuple[ImageMeasure[MotionSample], ...] = (
    ImageMeasure("motion_in_volume_lower", "mm", "lower", _lower),
    ImageMeasure("motion_in_volume", "mm", "lower", _middle),
    ImageMeasure("motion_in_volume_upper", "mm", "lower", _upper),
)
