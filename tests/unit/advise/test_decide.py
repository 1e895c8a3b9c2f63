"""One table under three-valued logic, by hand: what answers, and exactly which facts matter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from mriloop.model.fact import FactValue, Truth
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
from mriloop.stages.advise.decide import NO_ROW, CompiledTable, Decision, Variable, decide_residual
from mriloop.stages.advise.facts import CaseFacts

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


def table_of(rows: Sequence[Sequence[Condition]], match: Match = Match.FIRST) -> ReadyGuideline:
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
    return ReadyGuideline(guideline, WORDS)


def decide_all(ready: ReadyGuideline, values: Mapping[str, FactValue]) -> tuple[Decision, ...]:
    stated = {name: Fact(name=name, value=value, source=Source.PERSON) for name, value in values.items()}
    facts = CaseFacts(stated, WORDS, date(2026, 3, 1))
    return ready.tables[0].decide(facts, *ready.matrix.truths(facts))


def decide_first(ready: ReadyGuideline, values: Mapping[str, FactValue]) -> Decision:
    (decision,) = decide_all(ready, values)
    return decision


def mm(value: float, unit: str = "mm") -> Quantity:
    return Quantity(value=value, unit=unit)


def size(op: Op, value: float) -> Condition:
    return Condition(fact="size", op=op, value=mm(value))


def test_the_first_row_that_holds_answers():
    table = table_of([[WET, COLD], [WET], []])
    assert decide_first(table, {"wet": Truth.TRUE, "cold": Truth.TRUE}) == Decision(row=0)
    assert decide_first(table, {"wet": Truth.TRUE, "cold": Truth.FALSE}) == Decision(row=1)
    assert decide_first(table, {"wet": Truth.FALSE}) == Decision(row=2)


def test_only_the_facts_that_matter_are_missing():
    table = table_of([[WET, COLD], [WET], []])
    assert decide_first(table, {"wet": Truth.TRUE}) == Decision(row=None, missing=("cold",))
    assert decide_first(table, {}) == Decision(row=None, missing=("wet", "cold"))


def test_an_answer_that_every_completion_gives_is_given():
    # Neither row alone is certain, yet one of two rows for the same unknown would always be; they are different rows.
    both = table_of([[WET], [DRY]])
    assert decide_first(both, {}) == Decision(row=None, missing=("wet",))
    # The first row can never hold, so the unknown fact does not matter.
    never = table_of([[WET, DRY], []])
    assert decide_first(never, {}) == Decision(row=1)


def test_a_row_split_in_two_still_needs_no_fact_that_changes_nothing():
    grey = Condition(fact="sky", op=Op.ONE_OF, value=("blue", "grey", "black"))
    assert decide_first(table_of([[grey], []]), {}) == Decision(row=0)


def test_a_case_that_no_row_covers_is_said_to_be_so():
    table = table_of([[WET]])
    assert decide_first(table, {"wet": Truth.FALSE}).row == NO_ROW
    assert decide_first(table, {}) == Decision(row=None, missing=("wet",))


def test_breakpoints_are_exact_in_any_unit():
    table = table_of([[size(Op.LESS_THAN, 10)], [size(Op.AT_MOST, 10)], [size(Op.MORE_THAN, 10)]])
    for value, row in [(mm(9.999), 0), (mm(10), 1), (mm(1, "cm"), 1), (mm(0.01, "m"), 1), (mm(10.001), 2)]:
        assert decide_first(table, {"size": value}).row == row
    table = table_of([[size(Op.AT_LEAST, 18)], []])
    assert decide_first(table, {"size": mm(1.8, "cm")}).row == 0


def test_lists_word_by_word():
    has = Condition(fact="signs", op=Op.CONTAINS, value="a")
    lacks = Condition(fact="signs", op=Op.LACKS, value="b")
    table = table_of([[has, lacks], [has], []])
    assert decide_first(table, {"signs": ("a",)}).row == 0
    assert decide_first(table, {"signs": ("a", "b")}).row == 1
    assert decide_first(table, {"signs": ()}).row == 2
    assert decide_first(table, {}).missing == ("signs",)


def test_asking_whether_a_fact_is_known_is_never_unknown():
    unasked = Condition(fact="cold", op=Op.KNOWN, value=Truth.FALSE)
    table = table_of([[unasked], [COLD], []])
    assert decide_first(table, {}).row == 0
    assert decide_first(table, {"cold": Truth.UNKNOWN}).row == 0
    assert decide_first(table, {"cold": Truth.FALSE}).row == 2


def test_all_match_answers_row_by_row():
    table = table_of([[WET], [COLD], [DRY]], Match.ALL)
    assert decide_all(table, {"wet": Truth.TRUE}) == (Decision(row=0), Decision(row=None, missing=("cold",)))
    assert decide_all(table, {"wet": Truth.FALSE, "cold": Truth.FALSE}) == (Decision(row=2),)


def test_two_facts_that_only_matter_together_are_both_asked_for():
    both = Condition(fact="cold", op=Op.IS, value=Truth.FALSE)
    exclusive = table_of([[WET, COLD], [DRY, both], []])
    # Neither fact alone decides: wet and cold, or dry and warm, answer otherwise than the rest.
    assert decide_first(exclusive, {}).missing == ("wet", "cold")
    assert decide_first(exclusive, {"wet": Truth.TRUE}).missing == ("cold",)
    assert decide_first(exclusive, {"cold": Truth.TRUE}).missing == ("wet",)


def test_a_row_that_contradicts_itself_never_answers_and_asks_for_nothing():
    table = table_of([[WET, DRY, COLD], []])
    assert decide_first(table, {}) == Decision(row=1)
    each = table_of([[WET, DRY], [COLD]], Match.ALL)
    assert decide_all(each, {"cold": Truth.TRUE}) == (Decision(row=1),)
    between = table_of([[size(Op.AT_LEAST, 10), size(Op.LESS_THAN, 5)], []])
    assert decide_first(between, {}) == Decision(row=1)


def test_a_word_that_the_fact_has_not_is_unknown_and_not_none_of_these():
    not_blue = Condition(fact="sky", op=Op.IS_NOT, value="blue")
    assert decide_first(table_of([[not_blue], []]), {"sky": "pink"}) == Decision(row=None, missing=("sky",))


def test_a_table_too_wide_to_fold_asks_for_everything_that_is_open():
    pairs, classes = 24, (Truth.FALSE, Truth.TRUE)
    names = [f"x{n}" for n in range(pairs)] + [f"y{n}" for n in range(pairs)]
    table = CompiledTable(variables=tuple(Variable(fact=name, item="", classes=classes) for name in names), rows=())
    yes = frozenset({1})
    decision = decide_residual(table, tuple((n, ((n, yes), (pairs + n, yes))) for n in range(pairs)))
    assert decision.row is None
    assert set(decision.missing) == set(names)
