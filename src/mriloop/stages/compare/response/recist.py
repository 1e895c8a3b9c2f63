"""RECIST 1.1: sum of diameters, lymph nodes by their short axis, and the two tables of time-point response."""

from __future__ import annotations

from mriloop.model.fact import Truth, truth
from mriloop.model.guideline import Citation, Mark
from mriloop.model.response import Category, Criteria, NonTarget, Seen, Size, TrackedLesion
from mriloop.stages.compare.response import measurable
from mriloop.stages.compare.response.rules import Rules, Situation, new_lesion, no_new_lesion
from mriloop.stages.compare.response.table import Answer, Condition, Row, answer

RESPONSE, GROWTH, GROWTH_MM = 0.30, 0.20, 5.0
TOO_SMALL_MM = 5.0
NORMAL_NODE_MM = 10.0
SOURCE = Citation(
    text="Eisenhauer et al., New response evaluation criteria in solid tumours: revised RECIST guideline (version "
    "1.1), Eur J Cancer 45:228",
    year=2009,
    locator="4.3.1 and tables 1 to 3, through published summaries of them (PMC2755245 table 3)",
    mark=Mark.V2,
    doi="10.1016/j.ejca.2008.10.026",
)


def size_of(lesion: TrackedLesion, size: Size) -> float | None:
    """Return the diameter that goes into the sum, mm: the short axis of a node, the longest diameter of all else.

    A lesion that is there but too small to measure counts 5 mm unless a number is given.
    """
    stated = size.perpendicular_mm if lesion.node else size.longest_mm
    if stated is None and size.seen is Seen.TOO_SMALL:
        return TOO_SMALL_MM
    return stated


def _normal(lesion: TrackedLesion, size: float) -> bool:
    return lesion.node and size < NORMAL_NODE_MM


def judge(situation: Situation) -> Answer:
    """Return the time-point response of RECIST 1.1 (table 1 with targets, table 2 without)."""
    sums, others = situation.one, situation.others
    progressing = Condition(truth(others is NonTarget.PROGRESSES))
    none_new = no_new_lesion(situation)
    rows = [
        Row("new-lesion", Category.PD, "a new lesion", (new_lesion(situation),)),
        Row("non-target-progression", Category.PD, "unequivocal progression of non-target lesions", (progressing,)),
    ]
    if not sums.targets:
        return answer([*rows, *_without_targets(others, none_new)])
    complete = sums.all_gone(_normal)
    grown = Condition(sums.grew(GROWTH, GROWTH_MM) & ~complete, sums.asks)
    shrunk = Condition(sums.shrank(RESPONSE) & ~complete, sums.asks)
    gone = Condition(complete, sums.asks)
    whole = Condition(Truth.UNKNOWN if sums.now.missing or sums.baseline is None else Truth.TRUE, sums.asks)
    cleared = Condition(truth(others in (NonTarget.NONE, NonTarget.GONE)))
    left = Condition(truth(others in (NonTarget.PERSISTS, NonTarget.NOT_ASSESSED)))
    still = Condition(~progressing.holds)
    rows += [
        Row("target-growth", Category.PD, "sum of diameters at least 20 % and 5 mm above its nadir", (grown,)),
        Row("target-returns", Category.PD, "a target is back after all had gone", (_back(situation),)),
        Row("complete", Category.CR, "all targets gone, nodes below 10 mm, no other left", (gone, cleared, none_new)),
        Row("complete-but-others", Category.PR, "all targets gone, other lesions left or not assessed",
            (gone, left, none_new)),
        Row("target-shrinkage", Category.PR, "sum of diameters at least 30 % below baseline",
            (shrunk, still, none_new)),
        Row("neither", Category.SD, "neither enough shrinkage nor enough growth", (whole, still, none_new)),
    ]  # fmt: skip
    return answer(rows)


def _without_targets(others: NonTarget, none_new: Condition) -> list[Row]:
    if others is NonTarget.NONE:
        return []
    asks = ("non-target lesions",)
    known = others is not NonTarget.NOT_ASSESSED
    gone = Condition(truth(others is NonTarget.GONE) if known else Truth.UNKNOWN, asks)
    left = Condition(truth(others is NonTarget.PERSISTS) if known else Truth.UNKNOWN, asks)
    return [
        Row("non-target-complete", Category.CR, "all non-target lesions gone", (gone, none_new)),
        Row("non-target-persists", Category.NON_CR_NON_PD, "non-target lesions persist", (left, none_new)),
    ]


def _back(situation: Situation) -> Condition:
    """Whether a mass is seen again after all masses had gone; a node must grow by the numbers instead."""
    sums = situation.one
    if not sums.was_gone:
        return Condition(Truth.FALSE)
    masses = [each.id for each in sums.targets if not each.node]
    if any(sums.now.sizes.get(name, 0) > 0 for name in masses):
        return Condition(Truth.TRUE)
    asked = [name for name in masses if name in sums.now.missing]
    return Condition(Truth.UNKNOWN if asked else Truth.FALSE, tuple(f"size of {name}" for name in asked))


RULES = Rules(
    criteria=Criteria.RECIST,
    title="RECIST 1.1",
    measure="sum of diameters",
    unit="mm",
    size_of=size_of,
    judge=judge,
    citation=SOURCE,
    response=RESPONSE,
    growth=(GROWTH, GROWTH_MM),
    on_request=frozenset({Category.CR, Category.PR}),
    objects=measurable.recist,
    cautions=(
        "Progression on return after complete disappearance, and complete response before growth where nodes stay "
        "below 10 mm, are as remembered from the RECIST working group's answers (mark M), not read here.",
    ),
)
