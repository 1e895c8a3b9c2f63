"""The linter of tables against the plainest judge: every situation written out, every row asked in turn."""

from __future__ import annotations

from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from mriloop.app import advise as use_case
from mriloop.model.fact import Truth
from mriloop.model.guideline import Citation, Condition, Guideline, Mark, Match, Op, Row, Scope, Status, Step, Table
from mriloop.model.quantity import Quantity
from mriloop.stages.advise import lint

KNOWN = use_case.guidelines_in_force()
CITATION = Citation(text="Somebody, Journal", year=2024, locator="table 2", mark=Mark.V)
CHIASM = KNOWN.vocabulary["chiasm"].values
# Sizes at, between and beyond the limits that a table may use, so that no two behave alike unless they are alike.
LIMITS = (5.0, 10.0)
SIZES = (1.0, 5.0, 7.0, 10.0, 20.0)
SITUATIONS = [
    {"lesion_size": size, "chiasm": word, "functioning": answer, "condition": listed}
    for size, word, answer, listed in product(SIZES, CHIASM, (True, False), (("pituitary_lesion",), ()))
]
COMPARE = {
    Op.AT_LEAST: lambda value, limit: value >= limit,
    Op.MORE_THAN: lambda value, limit: value > limit,
    Op.AT_MOST: lambda value, limit: value <= limit,
    Op.LESS_THAN: lambda value, limit: value < limit,
}


@st.composite
def cells(draw: st.DrawFn) -> tuple[str, Op, object]:
    kind = draw(st.sampled_from(("lesion_size", "chiasm", "functioning", "condition")))
    if kind == "lesion_size":
        return kind, draw(st.sampled_from(list(COMPARE))), draw(st.sampled_from(LIMITS))
    if kind == "chiasm":
        if draw(st.booleans()):
            return kind, draw(st.sampled_from((Op.IS, Op.IS_NOT))), draw(st.sampled_from(CHIASM))
        return kind, Op.ONE_OF, tuple(draw(st.sets(st.sampled_from(CHIASM), min_size=1)))
    if kind == "functioning":
        return kind, Op.IS, draw(st.booleans())
    return kind, draw(st.sampled_from((Op.CONTAINS, Op.LACKS))), "pituitary_lesion"


CONJUNCTIONS = st.lists(cells(), max_size=3)


def true_of(cell: tuple[str, Op, object], situation: dict[str, object]) -> bool:
    name, op, held = cell
    value = situation[name]
    if op in COMPARE:
        return COMPARE[op](value, held)
    if op is Op.ONE_OF:
        return value in held  # type: ignore[operator]
    if op is Op.CONTAINS:
        return held in value  # type: ignore[operator]
    if op is Op.LACKS:
        return held not in value  # type: ignore[operator]
    return (value == held) is (op is Op.IS)


def condition(cell: tuple[str, Op, object]) -> Condition:
    name, op, held = cell
    if isinstance(held, bool):
        held = Truth.TRUE if held else Truth.FALSE
    return Condition(fact=name, op=op, value=Quantity(value=held, unit="mm") if isinstance(held, float) else held)  # type: ignore[arg-type]


def row(name: str, conjunction: list[tuple[str, Op, object]]) -> Row:
    when = tuple(condition(each) for each in conjunction)
    return Row(id=name, when=when, step=Step.CLINICIAN_REVIEW, text=name, citation=CITATION, status=Status.REVIEWED)


@settings(max_examples=150, deadline=None)
@given(
    rows=st.lists(CONJUNCTIONS, min_size=1, max_size=5),
    guards=st.lists(CONJUNCTIONS.filter(bool), max_size=2),
    limit=CONJUNCTIONS,
    scope=CONJUNCTIONS,
    match=st.sampled_from(Match),
)
def test_gaps_and_unreachable_rows_are_those_that_counting_finds(rows, guards, limit, scope, match):
    table = Table(
        id="t",
        question="q",
        profile="p",
        match=match,
        rows=tuple(row(f"r{number}", each) for number, each in enumerate(rows)),
        when=tuple(condition(each) for each in limit),
    )
    guideline = Guideline(
        id="g",
        title="G",
        version="1",
        edition="E",
        family="g",
        raised_by=(),
        applies_when=(Scope(when=tuple(condition(each) for each in scope), otherwise="x"),),
        guards=tuple(row(f"g{number}", each) for number, each in enumerate(guards)),
        tables=(table,),
    )
    found = [(each.code, each.where) for each in lint(guideline, KNOWN)]

    in_scope = [each for each in SITUATIONS if all(true_of(cell, each) for cell in scope)]
    first_guards = [
        next((number for number, guard in enumerate(guards) if all(true_of(cell, each) for cell in guard)), None)
        for each in in_scope
    ]
    unguarded = [each for each, guard in zip(in_scope, first_guards, strict=True) if guard is None]
    inside = [each for each in unguarded if all(true_of(cell, each) for cell in limit)]
    holding = [[n for n, one in enumerate(rows) if all(true_of(cell, each) for cell in one)] for each in inside]
    answers = {number for each in holding for number in (each[:1] if match is Match.FIRST else each)}

    gap = match is Match.FIRST and any(not each for each in holding)
    assert (("gap", "g/t") in found) is gap
    unreachable = {f"g/t/r{number}" for number in range(len(rows)) if number not in answers}
    unreachable |= {f"g/guards/g{number}" for number in range(len(guards)) if number not in first_guards}
    assert {where for code, where in found if code == "unreachable"} == unreachable
