"""Tumour response: RECIST 1.1, RANO 2010, RANO 2.0, RANO-BM, iRANO and volume over any number of visits."""

from collections.abc import Sequence
from dataclasses import replace

from mriloop.model.judgement import Repeatability
from mriloop.model.response import Criteria, ResponseCourse, ResponseHistory
from mriloop.stages.compare.response import rano, rano_bm, recist, volumetric
from mriloop.stages.compare.response.course import over_visits
from mriloop.stages.compare.response.growth import curves
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


def assess(history: ResponseHistory, repeatability: Sequence[Repeatability] = ()) -> ResponseCourse:
    """Return what the history's criteria say of each of its visits, with best response and progression.

    `repeatability` are the coefficients in force, against which each change of a sum is held beside its category;
    where none of them fits and the history states none, that answer is `cannot tell`. Nothing is assumed: where a fact
    that decides is missing, the verdict is NE and names it. Raises ValueError for a history without visits or with two
    visits on one day.
    """
    rules = RULES[history.criteria]
    return replace(over_visits(history, rules, repeatability), growth=curves(history, rules, repeatability))


__all__ = ["RULES", "assess"]
