"""The summary table that the RANO criteria share: tumour, T2/FLAIR, new lesions, steroids, clinical status."""

from __future__ import annotations

from mriloop.model.fact import Truth, truth
from mriloop.model.response import Category, NonTarget
from mriloop.stages.compare.response.rules import (
    Situation,
    new_lesion,
    no_new_lesion,
    no_steroids,
    not_worse,
    steroids_not_raised,
    worse,
)
from mriloop.stages.compare.response.sums import Sums
from mriloop.stages.compare.response.table import Answer, Condition, Row, answer


def judge_group(
    situation: Situation,
    sums: Sums,
    *,
    response: float,
    growth: Truth,
    growth_words: str,
    minor: float | None = None,
    t2_flair: bool = False,
    person: bool = True,
) -> Answer:
    """Return what the table says of one group of targets.

    Parameters
    ----------
    response, minor
        Shares below baseline that are PR and MR; no MR where `minor` is None.
    growth, growth_words
        Whether the group grew enough for PD, and what enough is, in words.
    t2_flair
        Whether the table has a column for non-enhancing T2/FLAIR signal.
    person
        Whether it has the columns for corticosteroids and clinical status, which only a person can fill.
    """
    visit, others = situation.visit, situation.others
    known = others is not NonTarget.NOT_ASSESSED
    asks = ("non-target lesions",)
    none_new = no_new_lesion(situation)
    worse_elsewhere = Condition(truth(others is NonTarget.PROGRESSES) if known else Truth.UNKNOWN, asks)
    not_elsewhere = Condition(~worse_elsewhere.holds, asks)
    cleared = Condition(truth(others in (NonTarget.NONE, NonTarget.GONE)) if known else Truth.UNKNOWN, asks)
    everywhere: list[Condition] = [none_new]
    rows = [
        Row("growth", Category.PD, growth_words, (Condition(growth, sums.asks),)),
        Row("new-lesion", Category.PD, "a new lesion", (new_lesion(situation),)),
        Row("non-target-progression", Category.PD, "clear progression of non-target lesions", (worse_elsewhere,)),
    ]
    if t2_flair:
        what = "T2/FLAIR signal against baseline"
        rows.append(Row("t2-flair", Category.PD, "significantly more T2/FLAIR signal", (worse(visit.t2_flair, what),)))
        everywhere.append(not_worse(visit.t2_flair, what))
    off, not_raised = [], []
    if person:
        what = "clinical status"
        rows.append(
            Row("clinical", Category.PD, "clinical deterioration by the tumour", (worse(visit.clinical, what),))
        )
        everywhere.append(not_worse(visit.clinical, what))
        off, not_raised = [no_steroids(situation)], [steroids_not_raised(situation)]
    gone = Condition(sums.all_gone(), sums.asks)
    held = (*everywhere, *not_raised, not_elsewhere)
    drop = f"at least {response:.0%} below baseline".replace("%", " %")
    rows += [
        Row("complete", Category.CR, "no lesion left", (gone, cleared, *everywhere, *off)),
        Row("shrinkage", Category.PR, drop, (Condition(sums.shrank(response), sums.asks), *held)),
    ]
    if minor is not None:
        words = f"{minor:.0%} to less than {response:.0%} below baseline".replace("%", " %")
        rows.append(Row("minor-shrinkage", Category.MR, words, (Condition(sums.shrank(minor), sums.asks), *held)))
    whole = Truth.UNKNOWN if sums.targets and (sums.now.missing or sums.baseline is None) else Truth.TRUE
    nothing = Condition(truth(bool(sums.targets) or others is not NonTarget.NONE))
    rows.append(
        Row("neither", Category.SD, "neither enough shrinkage nor enough growth",
            (Condition(whole, sums.asks), nothing, *held))
    )  # fmt: skip
    return answer(rows)


def worst(answers: list[Answer]) -> Answer:
    """Return the worst of several answers; progression of one group is progression, else one unknown leaves all so."""
    for category in (Category.PD, Category.NE, Category.SD, Category.MR, Category.PR, Category.CR):
        mine = [each for each in answers if each.category is category]
        if mine:
            missing = tuple(dict.fromkeys(word for each in mine for word in each.missing))
            return Answer(category, mine[0].row, mine[0].because, missing)
    raise ValueError("there is no answer to choose from")
