"""A second evaluator, written apart, that lists every completion: it must say the same as the decision diagram."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date

from hypothesis import given, settings
from hypothesis import strategies as st

from mriloop.app import advise as use_case
from mriloop.model.fact import UNKNOWN, FactValue, Truth
from mriloop.model.finding import Fact, Source
from mriloop.model.guideline import (
    Citation,
    Condition,
    FactSpec,
    FactType,
    Guideline,
    Mark,
    Match,
    Op,
    Row,
    Status,
    Step,
    Table,
)
from mriloop.model.quantity import Quantity
from mriloop.stages.advise.compiled import ReadyGuideline
from mriloop.stages.advise.decide import NO_ROW
from mriloop.stages.advise.facts import CaseFacts

KNOWN = use_case.guidelines_in_force()
Rows = Sequence[Sequence[Condition]]
MOST_COMPLETIONS = 6_000


def plainly_holds(cell: Condition, value: FactValue) -> bool:
    """Hold a cell against a known value, by Python's own comparisons."""
    held = cell.value
    if isinstance(value, Quantity):
        assert isinstance(held, Quantity)
        number = value.to(held.unit).value
        return {
            "at_least": number >= held.value,
            "more_than": number > held.value,
            "at_most": number <= held.value,
            "less_than": number < held.value,
            "is": number == held.value,
            "is_not": number != held.value,
        }[cell.op]
    if cell.op == "contains":
        return held in value
    if cell.op == "lacks":
        return held not in value
    options = held if isinstance(held, tuple) else (held,)
    return (value in options) != (cell.op == "is_not")


def candidates(fact: str, rows: Rows, vocabulary: Mapping[str, FactSpec]) -> list[FactValue]:
    """Return values of a fact that cover everything the rows can tell apart."""
    spec = vocabulary[fact]
    cells = [cell for row in rows for cell in row if cell.fact == fact and cell.op is not Op.KNOWN]
    if spec.type is FactType.BOOL:
        return [Truth.TRUE, Truth.FALSE]
    if spec.type is FactType.CODE:
        return list(spec.values)
    if spec.type is FactType.DATE or (spec.type is FactType.LIST and not cells):
        return [date(2025, 5, 5) if spec.type is FactType.DATE else ("2025-05-05",)]
    if spec.type is FactType.LIST:
        words = sorted({str(cell.value) for cell in cells})
        return [tuple(some) for count in range(len(words) + 1) for some in itertools.combinations(words, count)]
    limits = sorted({cell.value.to(spec.unit).value for cell in cells if isinstance(cell.value, Quantity)})
    if not limits:
        return [Quantity(value=1.0, unit=spec.unit or "1")]
    points = [limits[0] - 0.5, *limits, limits[-1] + 0.5]
    points += [(low + high) / 2 for low, high in itertools.pairwise(limits)]
    return [Quantity(value=point, unit=spec.unit) for point in points]


def second_evaluator(
    rows: Rows, values: Mapping[str, FactValue], vocabulary: Mapping[str, FactSpec]
) -> tuple[int | None, set[str]]:
    """Return the row that every completion of the unknown facts gives, else None and the facts that change it."""
    stated = {name for name, value in values.items() if value is not UNKNOWN and value is not Truth.UNKNOWN}
    kept = [
        (number, [cell for cell in row if cell.op is not Op.KNOWN])
        for number, row in enumerate(rows)
        if all((cell.fact in stated) == (cell.value is Truth.TRUE) for cell in row if cell.op is Op.KNOWN)
    ]
    unknown = sorted({cell.fact for _, row in kept for cell in row} - stated)
    outcomes: dict[tuple[int, ...], int] = {}
    spaces = [candidates(fact, rows, vocabulary) for fact in unknown]
    for choice in itertools.product(*(range(len(space)) for space in spaces)):
        filled = dict(values) | {
            fact: spaces[at][index] for at, (fact, index) in enumerate(zip(unknown, choice, strict=True))
        }
        outcomes[choice] = next(
            (number for number, row in kept if all(plainly_holds(cell, filled[cell.fact]) for cell in row)), NO_ROW
        )
    if len(set(outcomes.values())) == 1:
        return next(iter(outcomes.values())), set()
    matter = set()
    for at, fact in enumerate(unknown):
        groups: dict[tuple[int, ...], set[int]] = {}
        for choice, outcome in outcomes.items():
            groups.setdefault(choice[:at] + choice[at + 1 :], set()).add(outcome)
        if any(len(group) > 1 for group in groups.values()):
            matter.add(fact)
    return None, matter


def completions(rows: Rows, stated: set[str], vocabulary: Mapping[str, FactSpec]) -> int:
    count = 1
    for fact in {cell.fact for row in rows for cell in row if cell.op is not Op.KNOWN} - stated:
        count *= len(candidates(fact, rows, vocabulary))
    return count


def table_of(rows: Rows, vocabulary: Mapping[str, FactSpec], match: Match = Match.FIRST) -> ReadyGuideline:
    """Return a guideline of one table with these rows."""
    cite = Citation(text="Example", year=2026, locator="page 1", mark=Mark.V)
    made = [
        Row(id=f"r{number}", when=tuple(when), step=Step.CLINICIAN_REVIEW, text="?", citation=cite, status=Status.DRAFT)
        for number, when in enumerate(rows)
    ]
    table = Table(id="t", question="q", profile="p", match=match, rows=tuple(made))
    guideline = Guideline(
        id="g",
        title="G",
        version="1",
        edition="E",
        family="g",
        raised_by=(),
        applies_when=(),
        guards=(),
        tables=(table,),
    )
    return ReadyGuideline(guideline, vocabulary)


def underived(vocabulary: Mapping[str, FactSpec]) -> dict[str, FactSpec]:
    """Return a vocabulary in which every fact stands for itself, so that only the table is tried."""
    return {name: replace(spec, derived="") for name, spec in vocabulary.items()}


def assert_same(ready: ReadyGuideline, values: Mapping[str, FactValue], vocabulary: Mapping[str, FactSpec]) -> None:
    rows = [row.when for row in ready.guideline.tables[0].rows]
    stated = {name: Fact(name=name, value=value, source=Source.PERSON) for name, value in values.items()}
    facts = CaseFacts(stated, vocabulary, date(2026, 3, 1))
    decisions = ready.tables[0].decide(facts, *ready.matrix.truths(facts))
    if ready.guideline.tables[0].match is Match.FIRST:
        (decision,) = decisions
        row, missing = second_evaluator(rows, values, vocabulary)
        assert decision.row == row
        assert set(decision.missing) == missing
        return
    expected = []
    for number, row in enumerate(rows):
        answer, missing = second_evaluator([row], values, vocabulary)
        if answer != NO_ROW:
            expected.append((None if answer is None else number, missing))
    assert [(each.row, set(each.missing)) for each in decisions] == expected


PLAIN = underived(KNOWN.vocabulary)
TABLES = [
    table_of([row.when for row in table.rows], PLAIN, table.match)
    for guideline in KNOWN.guidelines
    for table in guideline.tables
]


@settings(max_examples=250, deadline=None)
@given(data=st.data())
def test_shipped_tables_say_the_same_under_both_evaluators(data):
    table = data.draw(st.sampled_from(TABLES))
    rows = [row.when for row in table.guideline.tables[0].rows]
    facts = sorted({cell.fact for row in rows for cell in row})
    values: dict[str, FactValue] = {}
    for fact in facts:
        options = candidates(fact, rows, KNOWN.vocabulary)
        values[fact] = data.draw(st.sampled_from([UNKNOWN, *options, *options]), label=fact)
    for fact in facts:
        stated = {name for name, value in values.items() if value is not UNKNOWN}
        if completions(rows, stated, KNOWN.vocabulary) <= MOST_COMPLETIONS:
            break
        if fact not in stated:
            values[fact] = candidates(fact, rows, KNOWN.vocabulary)[0]
    assert_same(table, values, PLAIN)


SPECS = {
    **{f"b{n}": FactSpec(name=f"b{n}", type=FactType.BOOL, question="?") for n in range(3)},
    "code": FactSpec(name="code", type=FactType.CODE, question="?", values=("x", "y", "z")),
    "size": FactSpec(name="size", type=FactType.QUANTITY, unit="mm", question="?"),
    "list": FactSpec(name="list", type=FactType.LIST, question="?", values=("p", "q")),
}
SIZES = st.sampled_from([5.0, 10.0]).map(lambda value: Quantity(value=value, unit="mm"))
CELLS = st.one_of(
    st.builds(
        Condition,
        fact=st.sampled_from(["b0", "b1", "b2"]),
        op=st.sampled_from([Op.IS, Op.IS_NOT]),
        value=st.sampled_from([Truth.TRUE, Truth.FALSE]),
    ),
    st.builds(
        Condition, fact=st.just("code"), op=st.sampled_from([Op.IS, Op.IS_NOT]), value=st.sampled_from(["x", "y", "z"])
    ),
    st.builds(
        Condition, fact=st.just("code"), op=st.just(Op.ONE_OF), value=st.sampled_from([("x", "y"), ("y", "z"), ("z",)])
    ),
    st.builds(
        Condition,
        fact=st.just("size"),
        op=st.sampled_from([Op.AT_LEAST, Op.MORE_THAN, Op.AT_MOST, Op.LESS_THAN]),
        value=SIZES,
    ),
    st.builds(
        Condition, fact=st.just("list"), op=st.sampled_from([Op.CONTAINS, Op.LACKS]), value=st.sampled_from(["p", "q"])
    ),
    st.builds(
        Condition,
        fact=st.sampled_from(["b0", "code"]),
        op=st.just(Op.KNOWN),
        value=st.sampled_from([Truth.TRUE, Truth.FALSE]),
    ),
)
STATES = st.fixed_dictionaries(
    {
        **{f"b{n}": st.sampled_from([UNKNOWN, Truth.TRUE, Truth.FALSE]) for n in range(3)},
        "code": st.sampled_from([UNKNOWN, "x", "y", "z"]),
        "size": st.sampled_from([UNKNOWN, *(Quantity(value=v, unit="mm") for v in (1.0, 5.0, 7.0, 10.0, 20.0))]),
        "list": st.sampled_from([UNKNOWN, (), ("p",), ("q",), ("p", "q")]),
    }
)


@settings(max_examples=400, deadline=None)
@given(
    rows=st.lists(st.lists(CELLS, max_size=4), min_size=1, max_size=6),
    values=STATES,
    match=st.sampled_from(list(Match)),
)
def test_any_table_says_the_same_under_both_evaluators(rows, values, match):
    assert_same(table_of(rows, SPECS, match), values, SPECS)
