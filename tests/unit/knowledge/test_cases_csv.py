"""Worked cases as CSV: nothing is lost on the way there and back, and unknown is not no."""

from __future__ import annotations

import csv
import io
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mriloop.app.advise import guidelines_in_force
from mriloop.edges.knowledge.cases import load_guideline_cases
from mriloop.edges.knowledge.cases_csv import HEAD, TAIL, cases_csv, read_cases_csv
from mriloop.model.errors import MriloopError
from mriloop.model.fact import UNKNOWN, Truth
from mriloop.model.guideline import FactSpec, FactType, GuidelineCase
from mriloop.model.quantity import Quantity

KNOWN = guidelines_in_force()
WORDS = {
    "wound": FactSpec(name="wound", type=FactType.BOOL, question=""),
    "size": FactSpec(name="size", type=FactType.QUANTITY, question="", unit="mm"),
    "day": FactSpec(name="day", type=FactType.DATE, question=""),
    "kind": FactSpec(name="kind", type=FactType.CODE, question="", values=("one", "two", "unknown")),
    "signs": FactSpec(name="signs", type=FactType.LIST, question="", values=("fever", "pain", "weight_loss")),
    "dates": FactSpec(name="dates", type=FactType.LIST, question=""),
}
DAYS = st.dates(date(1900, 1, 1), date(2100, 1, 1))
FACTS = st.fixed_dictionaries(
    {},
    optional={
        "wound": st.sampled_from([Truth.TRUE, Truth.FALSE, UNKNOWN]),
        "size": st.builds(Quantity, value=st.floats(0, 1e6), unit=st.just("mm")) | st.just(UNKNOWN),
        "day": DAYS | st.just(UNKNOWN),
        "kind": st.sampled_from(["one", "two", "unknown"]),
        "signs": st.lists(st.sampled_from(["fever", "pain", "weight_loss"]), unique=True).map(tuple),
        "dates": st.lists(DAYS.map(date.isoformat), unique=True).map(sorted).map(tuple),
    },
)
NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1)
CASES = st.builds(
    GuidelineCase,
    name=NAMES,
    kind=st.sampled_from(["positive", "negative", "boundary", "unknown"]),
    facts=FACTS,
    as_of=DAYS,
    rows=st.lists(st.sampled_from(["a/b", "a/c"]), unique=True).map(tuple),
    missing=st.lists(st.sampled_from(list(WORDS)), unique=True).map(tuple),
    out_of_scope=st.booleans(),
    targets=st.lists(DAYS, max_size=3).map(tuple),
    profiles=st.just({"ms_pml": "EMA 2016"}) | st.just({}),
    statements=st.just(("S48", "B9")) | st.just(()),
)


def plain(case: GuidelineCase) -> dict[str, object]:
    return {name: getattr(case, name) for name in case.__dataclass_fields__}


@pytest.mark.parametrize("guideline", [each.id for each in KNOWN.guidelines])
def test_the_cases_of_every_guideline_come_back_as_they_were(guideline):
    cases = load_guideline_cases(guideline, KNOWN)
    back = read_cases_csv(cases_csv({guideline: cases}), KNOWN.vocabulary)
    assert [plain(one) for one in back[guideline]] == [plain(one) for one in cases]


@settings(deadline=None)
@given(st.lists(CASES, min_size=1, max_size=4))
def test_any_case_comes_back_as_it_was(cases):
    back = read_cases_csv(cases_csv({"any": cases}, WORDS), WORDS)
    assert [plain(one) for one in back["any"]] == [plain(one) for one in cases]


def case(name: str, **facts: object) -> GuidelineCase:
    return GuidelineCase(name=name, kind="unknown", facts=facts, as_of=date(2026, 1, 1))


def test_not_stated_unknown_and_no_are_three_cells():
    text = cases_csv({"x": [case("a"), case("b", wound=UNKNOWN), case("c", wound=Truth.FALSE)]}, WORDS)
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["fact:wound"] for row in rows] == ["", "?", "no"]


def test_a_code_that_is_called_unknown_is_not_an_unknown_fact():
    text = cases_csv({"x": [case("a", kind="unknown"), case("b", kind=UNKNOWN)]})
    first, second = read_cases_csv(text, WORDS)["x"]
    assert (first.facts["kind"], second.facts["kind"]) == ("unknown", UNKNOWN)


def test_columns_stay_where_they_are_when_a_case_is_added():
    before = cases_csv({"x": [case("a", size=Quantity(value=9.9, unit="mm"))]}, WORDS).splitlines()[0]
    after = cases_csv({"x": [case("a"), case("b", wound=Truth.TRUE)]}, WORDS).splitlines()[0]
    assert before == after
    assert before.split(",") == [*HEAD, *(f"fact:{name}" for name in sorted(WORDS)), *TAIL]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "case_shape"),
        ("a,b\r\n", "case_shape"),
        (f"{','.join(HEAD)},fact:nothing,{','.join(TAIL)}\r\n", "case_unknown_fact"),
        (
            f"{','.join(HEAD)},fact:size,{','.join(TAIL)}\r\nx,n,positive,2026-01-01,12 kg,,,no,,,,\r\n",
            "case_wrong_unit",
        ),
        (f"{','.join(HEAD)},fact:size,{','.join(TAIL)}\r\nx,n,positive,2026-02-30,,,,no,,,,\r\n", "case_shape"),
        (f"{','.join(HEAD)},fact:size,{','.join(TAIL)}\r\nx,n\r\n", "case_shape"),
    ],
)
def test_a_table_that_does_not_fit_is_refused(text, code):
    with pytest.raises(MriloopError) as caught:
        read_cases_csv(text, WORDS)
    assert caught.value.code == code
