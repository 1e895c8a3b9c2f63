"""Every worked case, one fact changed at a time: nothing raises, nothing turns unknown into negative, no date moves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mriloop.app import advise as use_case
from mriloop.edges.knowledge.cases import load_guideline_cases
from mriloop.model.advice import Advice
from mriloop.model.fact import UNKNOWN, FactValue, Truth
from mriloop.model.finding import Fact, Source
from mriloop.model.guideline import (
    CLOSING_STEPS,
    FactSpec,
    FactType,
    Guideline,
    GuidelineCase,
    GuidelineSet,
    Step,
)
from mriloop.model.quantity import Quantity
from mriloop.stages.advise.engine import conditions_of, evaluate
from mriloop.stages.advise.lint import advise_on

KNOWN = use_case.guidelines_in_force()
CASES = [(each, case) for each in KNOWN.guidelines for case in load_guideline_cases(each.id, KNOWN)]
# What a reader could take for "nothing more to do", beside the steps that end a search.
RELIEVING = {*CLOSING_STEPS, Step.NO_ROUTINE_IMAGING, Step.MAY_STOP_IMAGING, Step.ALLOW_ORDER}


# Circumstances that an order states where they are there, and that nobody is asked for otherwise.
OPTIONAL = {
    ("order_check", name)
    for name in (
        "dialysis",
        "question_region",
        "order_region",
        "recent_same_exam_days",
        "new_clinical_question",
        "order_route",
        "order_exam_kind",
    )
}


def put(
    guideline: Guideline, values: Mapping[str, FactValue], case: GuidelineCase, as_of: date | None = None
) -> Advice:
    alone = GuidelineSet(guidelines=(guideline,), vocabulary=KNOWN.vocabulary)
    facts = {name: Fact(name=name, value=value, source=Source.PERSON) for name, value in values.items()}
    return evaluate(alone, facts, as_of=as_of or case.as_of, default_profiles=case.profiles)


def others(spec: FactSpec, value: FactValue, guideline: Guideline) -> Iterator[FactValue]:
    """Return every other kind of value a fact can take: flipped, another word, across each breakpoint, on it."""
    if spec.type is FactType.BOOL:
        yield from (each for each in (Truth.TRUE, Truth.FALSE) if each is not value)
    elif spec.type is FactType.CODE:
        yield from (each for each in spec.values if each != value)
    elif spec.type is FactType.QUANTITY:
        limits = {
            cell.value.to(spec.unit).value
            for cell in conditions_of(guideline)
            if cell.fact == spec.name and isinstance(cell.value, Quantity)
        }
        for limit in sorted(limits):
            for point in (limit - 0.5, limit, limit + 0.5):
                if point >= 0:
                    yield Quantity(value=point, unit=spec.unit or "1")
    elif spec.type is FactType.DATE and isinstance(value, date):
        yield from (value - timedelta(days=400), value + timedelta(days=400))
    elif isinstance(value, tuple):
        yield ()
        yield from ((each,) for each in spec.values if (each,) != value)


@pytest.mark.parametrize("guideline", KNOWN.guidelines, ids=lambda each: each.id)
def test_no_single_change_of_a_fact_raises_and_every_answer_is_accounted_for(guideline):
    changed = 0
    for case in (each for owner, each in CASES if owner is guideline):
        for name, value in case.facts.items():
            for other in others(KNOWN.vocabulary[name], value, guideline):
                advice = put(guideline, {**case.facts, name: other}, case)
                assert advice.recommendations or advice.undetermined or advice.out_of_scope
                changed += 1
    assert changed > 50


def test_forgetting_a_fact_never_brings_relief():
    """A fact removed: the same answer, a question, or no answer; never a new "nothing further" without a warning."""
    for guideline, case in CASES:
        before = advise_on(guideline, case, KNOWN)
        had = {each.row for each in before.recommendations}
        for name in case.facts:
            for removed in ({**case.facts, name: UNKNOWN}, {n: v for n, v in case.facts.items() if n != name}):
                after = put(guideline, removed, case)
                fresh = [each for each in after.recommendations if each.step in RELIEVING and each.row not in had]
                if not fresh or (guideline.id, name) in OPTIONAL:
                    continue
                # Only where a guard or a table fell silent; and then what was forgotten is asked for, aloud.
                lost = [fact for fact in before.facts if after.facts.get(fact, UNKNOWN) in (UNKNOWN, Truth.UNKNOWN)]
                aloud = " ".join(
                    [caution.text for caution in after.warnings]
                    + [question for each in after.undetermined for question in each.questions]
                )
                assert any(KNOWN.vocabulary[fact].question in aloud for fact in lost), (guideline.id, case.name, name)


def test_a_closing_step_never_stands_on_a_study_that_failed_or_that_nobody_judged():
    closing = [
        (guideline, case)
        for guideline, case in CASES
        if any(each.step in CLOSING_STEPS for each in advise_on(guideline, case, KNOWN).recommendations)
    ]
    assert closing
    for guideline, case in closing:
        kept = {name: value for name, value in case.facts.items() if "quality" not in name}
        kept.pop("limited_study_readable", None)
        for quality in (UNKNOWN, "limited", "not_diagnostic"):
            advice = put(guideline, {**kept, "study_quality": quality}, case)
            assert not any(each.step in CLOSING_STEPS for each in advice.recommendations)


def test_asking_again_later_never_moves_a_window_that_hangs_on_a_stated_date():
    for guideline, case in CASES:
        advice = advise_on(guideline, case, KNOWN)
        if any(caution.code == "anchor_assumed" for caution in advice.warnings) or "birth_date" in case.facts:
            continue
        dated = {each.row: (each.schedule, each.window) for each in advice.recommendations if each.schedule}
        for days in (1, 200):
            later = put(guideline, case.facts, case, case.as_of + timedelta(days=days))
            for each in later.recommendations:
                if each.row in dated:
                    assert (each.schedule, each.window) == dated[each.row]


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_any_mixture_of_facts_is_answered_by_every_guideline(data):
    """Random facts over the whole vocabulary, several guidelines at once: deterministic, total, never raising."""
    names = data.draw(st.lists(st.sampled_from(sorted(KNOWN.vocabulary)), max_size=14, unique=True))
    facts = {}
    for name in names:
        spec = KNOWN.vocabulary[name]
        if spec.type is FactType.BOOL:
            value: FactValue = data.draw(st.sampled_from([Truth.TRUE, Truth.FALSE, Truth.UNKNOWN]))
        elif spec.type is FactType.CODE:
            value = data.draw(st.sampled_from(spec.values))
        elif spec.type is FactType.QUANTITY:
            value = Quantity(value=data.draw(st.floats(0, 120)), unit=spec.unit or "1")
        elif spec.type is FactType.DATE or not spec.values:
            day = data.draw(st.dates(date(1940, 1, 1), date(2026, 12, 31)))
            value = day if spec.type is FactType.DATE else (day.isoformat(),)
        else:
            value = tuple(data.draw(st.lists(st.sampled_from(spec.values), max_size=3, unique=True)))
        facts[name] = Fact(name=name, value=value, source=Source.PERSON)
    as_of = data.draw(st.dates(date(2020, 1, 1), date(2030, 12, 31)))
    advice = evaluate(KNOWN, facts, as_of=as_of)
    assert advice == evaluate(KNOWN, dict(reversed(facts.items())), as_of=as_of)
    spoken = {each.guideline for each in (*advice.recommendations, *advice.undetermined, *advice.out_of_scope)}
    assert spoken == {each.id for each in KNOWN.guidelines}
    for each in advice.recommendations:
        assert each.window is None or each.window.earliest <= each.window.target <= each.window.latest
        assert each.because and each.citation.locator
