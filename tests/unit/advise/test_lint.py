"""The linter finds each kind of fault in a table that was broken on purpose, and prints the exact situation."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from mriloop.app import advise as use_case
from mriloop.model.fact import Truth
from mriloop.model.guideline import (
    Citation,
    Condition,
    Guideline,
    GuidelineCase,
    GuidelineSet,
    LintProblem,
    Mark,
    Match,
    Op,
    Row,
    Scope,
    Status,
    Step,
    Table,
)
from mriloop.model.quantity import Quantity
from mriloop.model.schedule import DuePoint, Duration, Schedule
from mriloop.stages.advise import lint

KNOWN = use_case.guidelines_in_force()
CITATION = Citation(text="Somebody, Journal", year=2024, locator="table 2", mark=Mark.V)


def cell(fact: str, op: Op, value: object) -> Condition:
    held = Quantity(value=value, unit=KNOWN.vocabulary[fact].unit or "1") if isinstance(value, float) else value
    return Condition(fact=fact, op=op, value=held)  # type: ignore[arg-type]


def row(name: str, *when: Condition, **changes: object) -> Row:
    plain = Row(id=name, when=when, step=Step.CLINICIAN_REVIEW, text=name, citation=CITATION, status=Status.REVIEWED)
    return replace(plain, **changes)  # type: ignore[arg-type]


def guideline(*rows: Row, match: Match = Match.FIRST, guards: tuple[Row, ...] = (), **table: object) -> Guideline:
    plain = Table(id="t", question="what next", profile="Somebody 2024", match=match, rows=rows)
    return Guideline(
        id="g",
        title="G",
        version="1",
        edition="2024",
        family="g",
        raised_by=((cell("condition", Op.CONTAINS, "other"),),),
        applies_when=(Scope(when=(cell("age", Op.AT_LEAST, 18.0),), otherwise="children"),),
        guards=guards,
        tables=(replace(plain, **table),),  # type: ignore[arg-type]
    )


def found(subject: Guideline, *cases: GuidelineCase, code: str = "") -> list[LintProblem]:
    problems = lint(subject, KNOWN, cases)
    return [each for each in problems if each.code == code] if code else list(problems)


SMALL, BIG = cell("lesion_size", Op.LESS_THAN, 10.0), cell("lesion_size", Op.MORE_THAN, 10.0)


def test_the_shipped_guidelines_have_no_fault_and_their_cases_pass():
    assert use_case.lint_guidelines() == ()
    runs = use_case.test_guidelines()
    assert len(runs) > 150
    assert [each for each in runs if each.failure] == []


def test_a_gap_is_printed_as_the_exact_situation():
    (gap,) = found(guideline(row("small", SMALL), row("big", BIG)), code="gap")
    assert gap.where == "g/t"
    assert (
        gap.text == "no row answers when largest diameter of the lesion is exactly 10 mm and age is above 18 years"
        or ("largest diameter of the lesion is exactly 10 mm" in gap.text and "age is" in gap.text)
    )


def test_a_gap_outside_of_the_scope_or_behind_a_guard_is_none():
    chiasm = cell("chiasm", Op.IS, "clear")
    pressed = cell("chiasm", Op.IS_NOT, "clear")
    assert found(guideline(row("clear", chiasm)), code="gap")
    assert not found(guideline(row("clear", chiasm), guards=(row("pressed", pressed),)), code="gap")
    assert not found(guideline(row("clear", chiasm), when=(chiasm,)), code="gap")


def test_a_row_that_can_never_answer_is_named():
    shadowed = guideline(row("all"), row("small", SMALL))
    (problem,) = found(shadowed, code="unreachable")
    assert problem.where == "g/t/small"
    split = guideline(
        row("below", SMALL),
        row("from", cell("lesion_size", Op.AT_LEAST, 10.0)),
        row("rest", cell("age", Op.AT_LEAST, 40.0)),
    )
    assert [each.where for each in found(split, code="unreachable")] == ["g/t/rest"]
    assert [
        each.where
        for each in found(guideline(row("young", cell("age", Op.LESS_THAN, 18.0)), row("rest")), code="unreachable")
    ] == ["g/t/young"]


def test_rows_of_an_all_match_table_at_odds_are_printed():
    ends = row(
        "ends",
        cell("marrow_t1", Op.IS, "preserved"),
        cell("t1_readable", Op.IS, Truth.TRUE),
        step=Step.OSTEOMYELITIS_UNLIKELY,
    )
    goes_on = row("goes_on", cell("cortex", Op.IS, "disrupted"))
    (overlap,) = found(guideline(ends, goes_on, match=Match.ALL), code="overlap")
    assert "ends and goes_on" in overlap.text
    assert "cortex is disrupted" in overlap.text
    apart = row("apart", cell("marrow_t1", Op.IS, "confluent"))
    assert not found(guideline(ends, apart, match=Match.ALL), code="overlap")


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        (Condition(fact="no_such_fact", op=Op.IS, value=Truth.TRUE), "no fact of this name"),
        (Condition(fact="chiasm", op=Op.IS, value="bent"), "no word of this fact"),
        (Condition(fact="chiasm", op=Op.AT_LEAST, value="clear"), "cannot be compared by size"),
        (Condition(fact="lesion_size", op=Op.AT_LEAST, value=Quantity(value=1, unit="mo")), "measures"),
        (Condition(fact="lesion_size", op=Op.AT_LEAST, value="big"), "a number is needed"),
        (Condition(fact="exam_date", op=Op.IS, value=date(2026, 1, 1)), "derive a time"),
        (Condition(fact="condition", op=Op.IS, value="other"), "contains or lacks"),
        (Condition(fact="condition", op=Op.CONTAINS, value="gout"), "no word of this fact"),
        (Condition(fact="pregnant", op=Op.IS, value="maybe"), "yes or no"),
        (Condition(fact="pregnant", op=Op.CONTAINS, value="yes"), "only a list"),
    ],
)
def test_cells_that_no_fact_can_be_held_against(condition, words):
    (problem,) = found(guideline(row("r", condition), row("rest")))
    assert problem.code == "bad_cell"
    assert words in problem.text


def test_a_derivation_that_does_not_exist_is_named():
    words = {**KNOWN.vocabulary, "age": replace(KNOWN.vocabulary["age"], derived="stars")}
    problems = lint(guideline(row("r")), GuidelineSet(guidelines=(), vocabulary=words))
    assert ("unknown_derivation", "age") in {(each.code, each.where) for each in problems}


@pytest.mark.parametrize("mark", [Mark.M, Mark.M_PLUS, Mark.C])
def test_a_row_from_memory_can_only_be_a_draft(mark):
    cited = replace(CITATION, mark=mark)
    assert found(guideline(row("r", citation=cited, status=Status.REVIEWED)), code="status_not_allowed")
    assert not found(guideline(row("r", citation=cited, status=Status.DRAFT)), code="status_not_allowed")


def test_nothing_is_active_by_itself():
    assert found(guideline(row("r", status=Status.ACTIVE)), code="status_not_allowed")
    overlay = row("r", status=Status.ACTIVE, provenance="status changed at the site by Dr A on 2026-01-01: read")
    assert found(guideline(overlay), code="status_not_allowed")


def test_a_citation_says_where():
    assert found(guideline(row("r", citation=replace(CITATION, locator=" - "))), code="no_locator")


def test_a_schedule_that_cannot_be_computed():
    late = DuePoint(target=Duration(months=3), earliest=Duration(months=4), latest=Duration(months=5))
    overlapping = (
        DuePoint(target=Duration(months=1), tolerance=Duration()),
        DuePoint(target=Duration(days=28), tolerance=Duration()),
    )
    for points in ((), (late,), overlapping):
        schedule = Schedule(anchor="exam_date", points=points)
        assert found(guideline(row("r", schedule=schedule)), code="bad_schedule")


def test_a_step_that_ends_a_search_needs_a_quality_condition():
    ends = row("r", cell("marrow_t1", Op.IS, "preserved"), step=Step.OSTEOMYELITIS_UNLIKELY)
    assert found(guideline(ends, row("rest")), code="no_quality_gate")


def test_rows_without_a_case_and_cases_that_fail():
    subject = guideline(row("small", SMALL), row("rest"))
    facts = {"condition": ("other",), "age": Quantity(value=40, unit="a"), "lesion_size": Quantity(value=4, unit="mm")}
    good = GuidelineCase(name="small ones", kind="positive", facts=facts, as_of=date(2026, 1, 1), rows=("t/small",))
    problems = found(subject, good)
    assert {each.where for each in problems if each.code == "row_without_case"} == {"g/t/rest"}
    assert {each.text for each in problems if each.code == "kind_without_case"} == {
        "there is no negative case",
        "there is no unknown case",
        "there is no boundary case",
    }
    (failure,) = found(subject, replace(good, rows=("t/rest",)), code="case_fails")
    assert failure.text == "expected rows: t/rest; found rows: t/small"
