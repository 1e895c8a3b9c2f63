"""One table under three-valued logic, by hand: what answers, and exactly which facts matter."""

from __future__ import annotations

from mriloop.model.fact import Truth
from mriloop.model.guideline import (
    Condition,
    FactSpec,
    FactType,
    Op,
)
from mriloop.model.quantity import Quantity
from mriloop.stages.advise.decide import NO_ROW, Decision, compile_rows, decide_each, decide_first

WORDS = {
    "wet": FactSpec(name="wet", type=FactType.BOOL, question="Wet?"),
    "cold": FactSpec(name="cold", type=FactType.BOOL, question="Cold?"),
    "sky": FactSpec(name="sky", type=FactType.CODE, question="Sky?", values=("blue", "grey", "black")),
    "size": FactSpec(name="size", type=FactType.QUANTITY, unit="mm", question="Size?"),
    "signs": FactSpec(name="signs", type=FactType.LIST, question="Signs?", values=("a", "b")),
}
WET = Condition(fact="wet", op=Op.IS, value=Truth.TRUE)
DRY = Condition(fact="wet", op=Op.IS, value=Truth.FALSE)
COLD = Condition(fact="cold", op=Op.IS, value=Truth.TRUE)


def mm(value: float, unit: str = "mm") -> Quantity:
    return Quantity(value=value, unit=unit)


def size(op: Op, value: float) -> Condition:
    return Condition(fact="size", op=op, value=mm(value))


def test_the_first_row_that_holds_answers():
    table = compile_rows([[WET, COLD], [WET], []], WORDS)
    assert decide_first(table, {"wet": Truth.TRUE, "cold": Truth.TRUE}) == Decision(row=0)
    assert decide_first(table, {"wet": Truth.TRUE, "cold": Truth.FALSE}) == Decision(row=1)
    assert decide_first(table, {"wet": Truth.FALSE}) == Decision(row=2)


def test_only_the_facts_that_matter_are_missing():
    table = compile_rows([[WET, COLD], [WET], []], WORDS)
    assert decide_first(table, {"wet": Truth.TRUE}) == Decision(row=None, missing=("cold",))
    assert decide_first(table, {}) == Decision(row=None, missing=("wet", "cold"))


def test_an_answer_that_every_completion_gives_is_given():
    # Neither row alone is certain, yet one of two rows for the same unknown would always be; they are different rows.
    both = compile_rows([[WET], [DRY]], WORDS)
    assert decide_first(both, {}) == Decision(row=None, missing=("wet",))
    # The first row can never hold, so the unknown fact does not matter.
    never = compile_rows([[WET, DRY], []], WORDS)
    assert decide_first(never, {}) == Decision(row=1)


def test_a_row_split_in_two_still_needs_no_fact_that_changes_nothing():
    grey = Condition(fact="sky", op=Op.ONE_OF, value=("blue", "grey", "black"))
    assert decide_first(compile_rows([[grey], []], WORDS), {}) == Decision(row=0)


def test_a_case_that_no_row_covers_is_said_to_be_so():
    table = compile_rows([[WET]], WORDS)
    assert decide_first(table, {"wet": Truth.FALSE}).row == NO_ROW
    assert decide_first(table, {}) == Decision(row=None, missing=("wet",))


def test_breakpoints_are_exact_in_any_unit():
    table = compile_rows([[size(Op.LESS_THAN, 10)], [size(Op.AT_MOST, 10)], [size(Op.MORE_THAN, 10)]], WORDS)
    for value, row in [(mm(9.999), 0), (mm(10), 1), (mm(1, "cm"), 1), (mm(0.01, "m"), 1), (mm(10.001), 2)]:
        assert decide_first(table, {"size": value}).row == row
    table = compile_rows([[size(Op.AT_LEAST, 18)], []], WORDS)
    assert decide_first(table, {"size": mm(1.8, "cm")}).row == 0


def test_lists_word_by_word():
    has = Condition(fact="signs", op=Op.CONTAINS, value="a")
    lacks = Condition(fact="signs", op=Op.LACKS, value="b")
    table = compile_rows([[has, lacks], [has], []], WORDS)
    assert decide_first(table, {"signs": ("a",)}).row == 0
    assert decide_first(table, {"signs": ("a", "b")}).row == 1
    assert decide_first(table, {"signs": ()}).row == 2
    assert decide_first(table, {}).missing == ("signs",)


def test_asking_whether_a_fact_is_known_is_never_unknown():
    unasked = Condition(fact="cold", op=Op.KNOWN, value=Truth.FALSE)
    table = compile_rows([[unasked], [COLD], []], WORDS)
    assert decide_first(table, {}).row == 0
    assert decide_first(table, {"cold": Truth.UNKNOWN}).row == 0
    assert decide_first(table, {"cold": Truth.FALSE}).row == 2


def test_all_match_answers_row_by_row():
    table = compile_rows([[WET], [COLD], [DRY]], WORDS)
    assert decide_each(table, {"wet": Truth.TRUE}) == (
        Decision(row=0),
        Decision(row=None, missing=("cold",)),
        None,
    )
