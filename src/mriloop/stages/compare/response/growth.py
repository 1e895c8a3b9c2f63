"""Growth curves: every target and every sum as values over time, each with the noise of measuring it."""

from __future__ import annotations

from collections.abc import Sequence

from mriloop.model.judgement import Repeatability
from mriloop.model.response import GrowthPoint, GrowthSeries, ResponseHistory
from mriloop.stages.compare.judge import COVERAGE, least_change
from mriloop.stages.compare.response.course import runs_of
from mriloop.stages.compare.response.repeatability import repeatability_of
from mriloop.stages.compare.response.rules import Rules
from mriloop.stages.compare.response.sums import burden, targets_of


def curves(history: ResponseHistory, rules: Rules, known: Sequence[Repeatability] = ()) -> tuple[GrowthSeries, ...]:
    """Return one series for each target and one for each sum, in the measure of the criteria, oldest visit first.

    A lesion that is gone is 0; one that was not measured has no point, and then its sum has none either.
    """
    visits = tuple(sorted(history.visits, key=lambda each: each.on))
    baselines = tuple(run[0].id for run in runs_of(visits, history, rules)[1])

    def noise(value: float, lesions: int) -> float | None:
        """Return the standard deviation of measuring it once: what is published is that of a difference."""
        if not value:
            return None
        coefficient = repeatability_of(rules.unit, lesions, history.repeatability, known)
        return None if coefficient is None else least_change(value, value, coefficient) / COVERAGE

    found: list[GrowthSeries] = []
    for tissue in rules.tissues:
        targets = targets_of(history.lesions, tissue)
        if not targets:
            continue
        weighed = [(visit, burden(visit, targets, rules.size_of)) for visit in visits]
        for lesion in targets:
            points = tuple(
                GrowthPoint(visit=visit.id, on=visit.on, value=value, noise=noise(value, 1))
                for visit, now in weighed
                if (value := now.sizes.get(lesion.id)) is not None
            )
            found.append(
                GrowthSeries(name=lesion.id, unit=rules.unit, points=points, lesion=lesion.id, baselines=baselines)
            )
        sums = tuple(
            GrowthPoint(visit=visit.id, on=visit.on, value=now.total,
                        noise=noise(now.total, sum(size > 0 for size in now.sizes.values())))
            for visit, now in weighed
            if now.total is not None
        )  # fmt: skip
        name = rules.measure if tissue is None else f"{rules.measure}, {tissue}"
        found.append(GrowthSeries(name=name, unit=rules.unit, points=sums, baselines=baselines))
    return tuple(found)
