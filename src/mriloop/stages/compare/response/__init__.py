"""Tumour response: RECIST 1.1, RANO 2010, RANO 2.0, RANO-BM, iRANO and volume over any number of visits."""

from mriloop.model.response import Criteria, GrowthSeries, ResponseCourse, ResponseHistory
from mriloop.stages.compare.response import rano, rano_bm, recist, volumetric
from mriloop.stages.compare.response.course import over_visits
from mriloop.stages.compare.response.growth import curves, size_of_outline
from mriloop.stages.compare.response.rules import Rules

RULES: dict[Criteria, Rules] = {
    each.criteria: each
    for each in (
        recist.RULES,
        rano.RULES_2010,
        rano.RULES_2,
        rano.RULES_2_VOLUME,
        rano_bm.RULES,
        rano.RULES_IRANO,
        volumetric.RULES,
    )
}


def assess(history: ResponseHistory) -> ResponseCourse:
    """Return what the history's criteria say of each of its visits, with best response and progression.

    Nothing is assumed: where a fact that decides is missing, the verdict is NE and names it. Raises ValueError for a
    history without visits or with two visits on one day.
    """
    return over_visits(history, RULES[history.criteria])


def courses(history: ResponseHistory) -> tuple[GrowthSeries, ...]:
    """Return the growth of every target and every sum over visits, in the measure of the history's criteria.

    For figures: each point has its day, its value and the standard deviation of measuring it once.
    """
    return curves(history, RULES[history.criteria])


__all__ = ["RULES", "assess", "courses", "size_of_outline"]
