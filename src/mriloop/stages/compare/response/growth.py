"""Growth curves: every target and every sum as values over time, each with the noise of measuring it."""

from __future__ import annotations

from math import sqrt

from mriloop.imaging.diameters import measure
from mriloop.model.judgement import Repeatability
from mriloop.model.outline import Outline
from mriloop.model.quantity import NotAssessable
from mriloop.model.response import (
    GrowthPoint,
    GrowthSeries,
    ResponseHistory,
    ResponseVisit,
    Seen,
    Size,
    TrackedLesion,
)
from mriloop.model.volume import Volume
from mriloop.stages.compare.response.course import runs_of
from mriloop.stages.compare.response.repeatability import DIAMETER_SD_MM, LIMITS, VOLUME_GAIN, VOLUME_LOSS
from mriloop.stages.compare.response.rules import Rules
from mriloop.stages.compare.response.sums import burden, targets_of


def curves(history: ResponseHistory, rules: Rules) -> tuple[GrowthSeries, ...]:
    """Return one series for each target and one for each sum, in the measure of the criteria, oldest visit first.

    A lesion that is gone is 0; one that was not measured has no point, and then its sum has none either.
    """
    visits = tuple(sorted(history.visits, key=lambda each: each.on))
    baselines = tuple(run[0].id for run in runs_of(visits, history, rules)[1])
    found: list[GrowthSeries] = []
    for tissue in rules.tissues:
        targets = targets_of(history.lesions, tissue)
        if not targets:
            continue
        weighed = [(visit, burden(visit, targets, rules.size_of)) for visit in visits]
        for lesion in targets:
            points = tuple(
                _point(visit, now.sizes[lesion.id], (lesion,), rules.unit, history.repeatability)
                for visit, now in weighed
                if lesion.id in now.sizes
            )
            found.append(
                GrowthSeries(name=lesion.id, unit=rules.unit, points=points, lesion=lesion.id, baselines=baselines)
            )
        sums = tuple(
            _point(visit, now.total, targets, rules.unit, history.repeatability)
            for visit, now in weighed
            if now.total is not None
        )
        name = rules.measure if tissue is None else f"{rules.measure}, {tissue}"
        found.append(GrowthSeries(name=name, unit=rules.unit, points=sums, baselines=baselines))
    return tuple(found)


def _point(
    visit: ResponseVisit, value: float, lesions: tuple[TrackedLesion, ...], unit: str, own: Repeatability | None
) -> GrowthPoint:
    squares = sum(_noise(visit.sizes.get(each.id, Size(seen=Seen.GONE)), unit, own) ** 2 for each in lesions)
    return GrowthPoint(visit=visit.id, on=visit.on, value=value, noise=sqrt(squares))


def _noise(size: Size, unit: str, own: Repeatability | None) -> float:
    """Return the standard deviation of measuring one lesion once: what is published is that of a difference."""
    if size.seen is Seen.GONE:
        return 0.0
    a, b, volume = size.longest_mm or 0.0, size.perpendicular_mm or 0.0, size.volume_ml or 0.0
    if own is not None:
        value = {"mm": max(a, b), "mm2": a * b}.get(unit, volume)
        return max((own.percent or 0.0) / 100 * value, own.absolute or 0.0) / (LIMITS * sqrt(2))
    if unit == "mL":
        return volume * (VOLUME_LOSS + VOLUME_GAIN) / 2 / (LIMITS * sqrt(2))
    sd = DIAMETER_SD_MM / sqrt(2)
    return sd if unit == "mm" else sd * sqrt(a**2 + b**2)


def size_of_outline(outline: Outline, picture: Volume | None = None, *, axis: int = 2) -> Size | NotAssessable:
    """Return the size of a target that was drawn as a region: a mask becomes an entry of a history.

    `picture` is the series it was drawn on, on the same grid; `axis` counts its slices. An empty outline is a lesion
    that is gone only where a person says so: here it is NotAssessable.
    """
    found = measure(outline.data, outline.affine, picture=None if picture is None else picture.data, axis=axis)
    if isinstance(found, NotAssessable):
        return found
    return Size(
        longest_mm=found.longest_mm,
        perpendicular_mm=found.perpendicular_mm,
        volume_ml=found.volume_ml,
        slices=found.slices,
    )
