"""What must hold of every history: nadirs, order of targets, scale, new lesions, growth, and confirmation."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mriloop.model.response import Category, Criteria, NewLesion, Role, Seen, Size, Standing
from mriloop.stages.compare.response import assess

_SPEC = importlib.util.spec_from_file_location(
    "response_second_opinion", Path(__file__).with_name("test_response_second_opinion.py")
)
_OPINION = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(_OPINION)
histories = _OPINION.histories
SOME = settings(max_examples=30, deadline=None)
ANY = st.sampled_from(list(Criteria)).flatmap(histories)
GOOD = {Category.PD: 0, Category.SD: 2, Category.NON_CR_NON_PD: 2, Category.MR: 3, Category.PR: 4, Category.CR: 5}


def corrected(history, visit):
    return replace(history, visits=tuple(visit if each.id == visit.id else each for each in history.visits))


@given(ANY)
@SOME
def test_the_nadir_never_rises_and_never_lies_above_the_baseline(history):
    nadirs = [each.sums[0].nadir for each in assess(history).verdicts if each.sums and each.sums[0].nadir is not None]
    assert nadirs == sorted(nadirs, reverse=True)
    baselines = {each.sums[0].baseline for each in assess(history).verdicts if each.sums}
    assert len(baselines) <= 1
    assert all(nadir <= max(baselines) for nadir in nadirs)


@given(ANY, st.randoms())
@SOME
def test_the_order_of_targets_and_of_visits_changes_nothing(history, rng):
    lesions, visits = list(history.lesions), list(history.visits)
    rng.shuffle(lesions)
    rng.shuffle(visits)
    mixed = assess(replace(history, lesions=tuple(lesions), visits=tuple(visits)))
    said = assess(history)
    assert [(each.visit, each.category, each.counts_as, each.row) for each in mixed.verdicts] == [
        (each.visit, each.category, each.counts_as, each.row) for each in said.verdicts
    ]
    assert (mixed.best, mixed.progression_on) == (said.best, said.progression_on)


@given(histories(Criteria.RANO_2), st.sampled_from([2, 3, 5]))
@SOME
def test_criteria_without_floors_do_not_depend_on_scale(history, factor):
    def larger(size):
        if size.longest_mm is None:
            return size
        return replace(size, longest_mm=size.longest_mm * factor, perpendicular_mm=size.perpendicular_mm * factor)

    grown = tuple(
        replace(visit, sizes={name: larger(size) for name, size in visit.sizes.items()}) for visit in history.visits
    )
    assert [each.category for each in assess(replace(history, visits=grown)).verdicts] == [
        each.category for each in assess(history).verdicts
    ]


@given(ANY, st.integers(1, 5))
@SOME
def test_a_new_lesion_is_progression_whatever_else_is_seen(history, number):
    assume(number < len(history.visits))
    visit = replace(history.visits[number], new_lesions=NewLesion.YES)
    # Within 12 weeks of radiotherapy RANO 2010 calls no progression by imaging.
    history = replace(history, no_radiotherapy=True, radiotherapy_ended=None)
    said = assess(corrected(history, visit)).verdicts[number]
    assert said.category is Category.PD


@given(ANY.filter(lambda each: any(lesion.role is Role.TARGET for lesion in each.lesions)), st.floats(1, 40))
@SOME
def test_a_larger_last_visit_is_never_a_better_one(history, more):
    last = history.visits[-1]
    name = next(each.id for each in history.lesions if each.role is Role.TARGET)
    size = last.sizes[name]
    assume(size.seen is Seen.MEASURED)
    grown = replace(
        size,
        longest_mm=size.longest_mm + more,
        perpendicular_mm=size.perpendicular_mm + more,
        volume_ml=size.volume_ml + more,
    )
    before = assess(history).verdicts[-1].category
    after = assess(corrected(history, replace(last, sizes={**last.sizes, name: grown}))).verdicts[-1].category
    assume(Category.NE not in (before, after))
    assert GOOD[after] <= GOOD[before]


@given(ANY.filter(lambda each: any(lesion.role is Role.TARGET for lesion in each.lesions)))
@SOME
def test_a_target_that_nobody_measured_never_makes_a_visit_better_than_unknown(history):
    last = history.visits[-1]
    name = next(each.id for each in history.lesions if each.role is Role.TARGET)
    said = assess(corrected(history, replace(last, sizes={**last.sizes, name: Size(seen=Seen.NOT_ASSESSED)})))
    assert said.verdicts[-1].category in (Category.NE, Category.PD)


def confirmed_by_hand(days, words, number, least, needed):
    """Whether a run of visits at least that good around a visit lasts long enough, read visit by visit."""
    good = [word == "NE" or rank(word) >= least for word in words]
    first = last = number
    while first > 1 and good[first - 1]:
        first -= 1
    while last + 1 < len(words) and good[last + 1]:
        last += 1
    counted = [days[each] for each in range(first, last + 1) if words[each] != "NE"]
    ended = last + 1 < len(words)
    if counted and counted[-1] - counted[0] >= needed:
        return "confirmed"
    return "refuted" if ended else "pending"


def rank(word):
    return {"CR": 6, "PR": 5, "MR": 4, "SD": 3, "non-CR/non-PD": 3, "PD": 1, "NE": 0, "baseline": 0}[word]


@pytest.mark.parametrize("criteria", [Criteria.RANO_2, Criteria.RANO_BM, Criteria.RECIST])
@given(data=st.data())
@SOME
def test_responses_are_confirmed_as_by_hand(criteria, data):
    history = replace(data.draw(histories(criteria, whole=True)), confirm=True)
    course = assess(history)
    days = [(each.on - history.visits[0].on) // timedelta(1) for each in course.verdicts]
    words = ["baseline", *(each.category.value for each in course.verdicts[1:])]
    for number, verdict in enumerate(course.verdicts):
        if verdict.category in (Category.CR, Category.PR):
            said = confirmed_by_hand(days, words, number, rank(verdict.category.value), 28)
            assert verdict.confirmation.standing.value == said
            if verdict.confirmation.standing is not Standing.CONFIRMED and verdict.category is Category.PR:
                assert verdict.counts_as is Category.SD
