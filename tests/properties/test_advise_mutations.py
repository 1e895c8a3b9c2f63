"""Every worked case, one fact changed at a time: nothing raises, nothing turns unknown into negative, no date moves."""

from __future__ import annotations

from collections.abc import Mapping
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
    FactType,
    Guideline,
    GuidelineCase,
    GuidelineSet,
    Step,
)
from mriloop.model.quantity import Quantity
from mriloop.stages.advise.engine import evaluate
from mriloop.stages.advise.facts import CaseFacts
from mriloop.stages.advise.lint import advise_on
from mriloop.stages.advise.reasons import Why
from mriloop.stages.advise.sensitivity import influences

KNOWN = use_case.guidelines_in_force()
CASES = [(each, case) for each in KNOWN.guidelines for case in load_guideline_cases(each.id, KNOWN)]
# What a reader could take for "nothing more to do", beside the steps that end a search.
RELIEVING = {*CLOSING_STEPS, Step.NO_ROUTINE_IMAGING, Step.MAY_STOP_IMAGING, Step.ALLOW_ORDER}
DATED = [
    (guideline, case)
    for guideline, case in CASES
    if any(each.schedule for each in advise_on(guideline, case, KNOWN).recommendations)
    and not any(caution.code == "anchor_assumed" for caution in advise_on(guideline, case, KNOWN).warnings)
]


def stated_as_optional(guideline: Guideline, case: GuidelineCase) -> set[str]:
    """Return the facts that a guideline declares a circumstance: a table limited by them is silent without them."""
    limits = {cell.fact for table in guideline.tables if table.if_unknown == "silent" for cell in table.when}
    stated = {name: Fact(name=name, value=value, source=Source.PERSON) for name, value in case.facts.items()}
    facts = CaseFacts(stated, KNOWN.vocabulary, case.as_of)
    return limits | {basis for name in limits for basis in facts.basis_of(name)}


def put(
    guideline: Guideline, values: Mapping[str, FactValue], case: GuidelineCase, as_of: date | None = None
) -> Advice:
    alone = GuidelineSet(guidelines=(guideline,), vocabulary=KNOWN.vocabulary)
    facts = {name: Fact(name=name, value=value, source=Source.PERSON) for name, value in values.items()}
    return evaluate(alone, facts, as_of=as_of or case.as_of, default_profiles=case.profiles)


@pytest.mark.parametrize("guideline", KNOWN.guidelines, ids=lambda each: each.id)
def test_every_single_change_of_a_fact_changes_the_answer_or_has_a_reason(guideline):
    """Flip, forget, cross every limit, every other word, each word more or less, on every case: changed, or why not."""
    seen = {True: 0, False: 0}
    for case in (each for owner, each in CASES if owner is guideline):
        facts = {name: Fact(name=name, value=value, source=Source.PERSON) for name, value in case.facts.items()}
        for each in influences(guideline, KNOWN, facts, as_of=case.as_of, default_profiles=case.profiles):
            seen[each.changes] += 1
            if each.changes:
                assert each.after is not None and each.reason is None
                assert each.after.recommendations or each.after.undetermined or each.after.out_of_scope
            else:
                assert each.reason is not None
                assert each.reason.why is not Why.UNEXPLAINED, (case.name, each.fact, each.value, each.reason.text)
                assert each.reason.text
    assert all(seen.values())


def test_forgetting_a_fact_never_brings_relief():
    """A fact removed: the same answer, a question, or no answer; never a new "nothing further" without a warning."""
    for guideline, case in CASES:
        before = advise_on(guideline, case, KNOWN)
        had = {(each.question, each.step) for each in before.recommendations}
        optional = stated_as_optional(guideline, case)
        for name in case.facts:
            for removed in ({**case.facts, name: UNKNOWN}, {n: v for n, v in case.facts.items() if n != name}):
                after = put(guideline, removed, case)
                fresh = [
                    each
                    for each in after.recommendations
                    if each.step in RELIEVING and (each.question, each.step) not in had
                ]
                if not fresh or name in optional:
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
        kept.pop("limited_study_answers", None)
        for quality in (UNKNOWN, "limited", "not_diagnostic"):
            advice = put(guideline, {**kept, "study_quality": quality}, case)
            assert not any(each.step in CLOSING_STEPS for each in advice.recommendations)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_asking_again_on_another_day_never_moves_a_window_that_hangs_on_a_stated_date(data):
    """Once every stated day is past, no later day of the question moves a date of a row that still answers."""
    guideline, case = data.draw(st.sampled_from(DATED))
    days = [day for value in case.facts.values() for day in (value if isinstance(value, tuple) else (value,))]
    stated = [date.fromisoformat(str(day)) for day in days if str(day)[:2] in ("19", "20") and str(day)[4:5] == "-"]
    start = max([case.as_of, *stated])
    first = put(guideline, case.facts, case, start)
    dated = {each.row: each for each in first.recommendations if each.schedule}
    later = put(guideline, case.facts, case, start + timedelta(days=data.draw(st.integers(1, 4000))))
    for each in later.recommendations:
        if each.row in dated and not dated[each.row].open_ended:
            assert (each.schedule, each.window) == (dated[each.row].schedule, dated[each.row].window)
        elif each.row in dated:
            shown = dated[each.row].schedule
            assert each.schedule[: len(shown)] == shown


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


@pytest.mark.parametrize("condition", [word for word in KNOWN.vocabulary["condition"].values if word != "none"])
def test_no_condition_ends_in_silence(condition):
    """Statement S27: a condition is answered, or asked about, or a clinician looks; whatever the patient's age."""
    for years in (None, 0, 10, 30, 90):
        facts = {"condition": Fact(name="condition", value=(condition,), source=Source.PERSON)}
        if years is not None:
            age = Quantity(value=float(years), unit="a")
            facts["age"] = Fact(name="age", value=age, source=Source.PERSON)
        advice = evaluate(KNOWN, facts, as_of=date(2026, 3, 1))
        spoken = {each.guideline for each in (*advice.recommendations, *advice.undetermined)}
        raised = {
            each.id
            for each in KNOWN.guidelines
            for group in each.raised_by
            for cell in group
            if cell.fact == "condition" and cell.value == condition
        }
        assert spoken & raised or "unaddressed" in spoken


def test_what_follows_from_facts_does_not_hang_on_the_order_of_asking():
    """On demand, forwards and backwards through the vocabulary: the same derived facts for every worked case."""
    for _, case in CASES:
        stated = {name: Fact(name=name, value=value, source=Source.PERSON) for name, value in case.facts.items()}
        one, other = (CaseFacts(stated, KNOWN.vocabulary, case.as_of) for _ in range(2))
        forwards = {name: one[name] for name in KNOWN.vocabulary}
        backwards = {name: other[name] for name in reversed(list(KNOWN.vocabulary))}
        assert forwards == backwards
