"""The linter finds each kind of fault in a table that was broken on purpose, and prints the exact situation."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from mriloop.app import advise as use_case
from mriloop.model.coding import Region, Urgency
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
from mriloop.stages.advise import lint, lint_between

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
    assert gap.text == "no row answers when largest diameter of the lesion is exactly 10 mm"


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


FROM_TEN = cell("lesion_size", Op.AT_LEAST, 10.0)
GROWN, STABLE = cell("change_vs_prior", Op.IS, "growth"), cell("change_vs_prior", Op.IS, "stable")
READABLE = cell("study_quality", Op.IS, "diagnostic")


def test_every_uncovered_situation_is_printed_and_what_is_open_in_it():
    clear = cell("chiasm", Op.IS, "clear")
    gaps = found(guideline(row("small", SMALL, clear), row("big", BIG)), code="gap")
    assert [each.text for each in gaps] == [
        "no row answers when largest diameter of the lesion is below 10 mm and relation to the optic chiasm is "
        "abuts or compresses",
        "no row answers when largest diameter of the lesion is exactly 10 mm",
    ]


def test_many_gaps_do_not_drown_the_reader():
    facts = ("vision_loss", "functioning", "post_operative", "pregnant", "dialysis", "charcot", "abscess")
    rows = [
        row(f"r{size}", cell("lesion_size", Op.LESS_THAN, size + 1.0), cell(name, Op.IS, Truth.TRUE))
        for size, name in enumerate(facts)
    ]
    gaps = found(guideline(*rows), code="gap")
    assert len(gaps) == 6
    assert gaps[-1].text == "there are further gaps: close these first"


def test_an_exception_before_a_wider_row_is_written_on_purpose_and_not_noted():
    ends = row("ends", SMALL, STABLE, READABLE, step=Step.MAY_STOP_IMAGING, modality="MR")
    wide = row("wide", SMALL, step=Step.FOLLOW_UP_IMAGING, modality="MR", urgency=Urgency.DAYS)
    assert not found(guideline(ends, wide, row("rest")), code="order_decides")


def test_contradicting_rows_of_which_order_alone_chooses_are_noted():
    ends = row("ends", SMALL, READABLE, step=Step.MAY_STOP_IMAGING, modality="MR")
    goes_on = row("goes_on", GROWN, step=Step.FOLLOW_UP_IMAGING, modality="MR", urgency=Urgency.DAYS)
    (note,) = found(guideline(ends, goes_on, row("rest")), code="order_decides")
    assert note.note
    assert note.where == "g/t/goes_on"
    assert note.text.startswith(
        "ends comes before goes_on and both hold when largest diameter of the lesion is below 10"
    )
    assert "change against the prior is growth" in note.text


def test_an_emergency_below_a_row_that_hides_part_of_it_is_noted():
    plain = row("plain", SMALL)
    urgent = row("urgent", cell("vision_loss", Op.IS, Truth.TRUE), urgency=Urgency.MINUTES)
    (note,) = found(guideline(plain, urgent, row("rest")), code="emergency_below")
    assert "both hold when" in note.text
    assert not found(guideline(urgent, plain, row("rest")), code="emergency_below")


def test_steps_that_may_stand_beside_the_end_of_a_search_are_no_overlap():
    ends = row("ends", READABLE, step=Step.REASSURE)
    task = row("task", READABLE, step=Step.CLINICAL_CORRELATION)
    assert not found(guideline(ends, task, match=Match.ALL), code="overlap")
    again = row("again", GROWN, step=Step.REPEAT_IMAGING)
    assert found(guideline(ends, again, match=Match.ALL), code="overlap")


def test_stopping_one_examination_does_not_contradict_another():
    stop = row("stop", READABLE, step=Step.NO_ROUTINE_IMAGING, modality="MR", region=Region.BRAIN)
    spine = row("spine", GROWN, step=Step.ADDITIONAL_IMAGING, modality="MR", region=Region.SPINE)
    assert not found(guideline(stop, spine, match=Match.ALL), code="overlap")
    brain = replace(spine, region=Region.BRAIN)
    assert found(guideline(stop, brain, match=Match.ALL), code="overlap")


def test_a_row_of_an_all_match_table_that_nothing_reaches():
    never = row("never", cell("age", Op.LESS_THAN, 10.0))
    assert [each.where for each in found(guideline(row("r"), never, match=Match.ALL), code="unreachable")] == [
        "g/t/never"
    ]


def test_a_guard_behind_a_wider_guard():
    wide, narrow = row("wide", GROWN), row("narrow", GROWN, SMALL)
    (problem,) = found(guideline(row("r"), guards=(wide, narrow)), code="unreachable")
    assert problem.where == "g/guards/narrow"


@pytest.mark.parametrize(
    ("step", "urgency", "expected"),
    [
        (Step.FOLLOW_UP_IMAGING, Urgency.ROUTINE, [False]),
        (Step.FOLLOW_UP_IMAGING, Urgency.DAYS, []),
        (Step.CLINICAL_FOLLOW_UP, Urgency.ROUTINE, [True]),
        (Step.INDIVIDUALISE, Urgency.ROUTINE, []),
    ],
)
def test_planned_steps_say_when(step, urgency, expected):
    subject = guideline(row("r", step=step, urgency=urgency))
    assert [each.note for each in found(subject, code="no_schedule")] == expected


def test_a_schedule_beyond_the_calendar_is_a_problem_and_no_crash():
    schedule = Schedule(anchor="exam_date", points=(DuePoint(target=Duration(months=12 * 9000), tolerance=Duration()),))
    (problem,) = found(guideline(row("r", schedule=schedule)), code="bad_schedule")
    assert "beyond the calendar" in problem.text


def test_the_end_of_imaging_needs_a_look_at_the_images_somewhere():
    stop = row("stop", SMALL, step=Step.MAY_STOP_IMAGING, modality="MR")
    assert found(guideline(stop, row("rest")), code="no_quality_gate")
    assert not found(guideline(stop, row("rest"), when=(READABLE,)), code="no_quality_gate")
    guard = row("not_diagnostic", cell("study_quality", Op.IS, "not_diagnostic"))
    assert not found(guideline(stop, row("rest"), guards=(guard,)), code="no_quality_gate")
    unrelated = row("grown", GROWN)
    assert found(guideline(stop, row("rest"), guards=(unrelated,)), code="no_quality_gate")


def test_a_statement_that_the_mission_does_not_have():
    subject = guideline(row("r", statements=("S1", "S99")))
    (problem,) = [each for each in lint(subject, KNOWN, statements={"S1"}) if each.code == "unknown_statement"]
    assert problem.text == "there is no statement S99"
    assert not [each for each in lint(subject, KNOWN) if each.code == "unknown_statement"]


def test_a_guideline_without_sources_is_told_so():
    subject = guideline(row("r"))
    assert [each.where for each in lint(subject, KNOWN) if each.code == "no_source_file"] == ["g"]
    assert not [each for each in lint(subject, KNOWN, source="# Sources") if each.code == "no_source_file"]


def both(one: Guideline, other: Guideline) -> tuple[LintProblem, ...]:
    return lint_between(GuidelineSet(guidelines=(one, replace(other, id="h")), vocabulary=KNOWN.vocabulary))


def test_two_guidelines_at_odds_over_one_statement_are_noted_where_they_can_meet():
    stop = row("stop", SMALL, READABLE, step=Step.MAY_STOP_IMAGING, modality="MR", statements=("S52",))
    go_on = row("go_on", SMALL, step=Step.FOLLOW_UP_IMAGING, modality="MR", statements=("S52",))
    (note,) = both(guideline(stop), guideline(go_on))
    assert note.note
    assert (note.code, note.where) == ("statement_at_odds", "g/t/stop")
    assert note.text.startswith("S52 is answered otherwise by h/t/go_on, and both hold when")
    apart = replace(go_on, when=(FROM_TEN,))
    assert both(guideline(stop), guideline(apart)) == ()
    assert both(guideline(stop), guideline(replace(go_on, statements=("S53",)))) == ()
    assert both(guideline(stop), guideline(replace(go_on, when=(GROWN,)))) == ()


@pytest.mark.parametrize(
    ("changed", "noted"),
    [("schedule", True), ("parameter", True), ("schedule, text", False), ("text", False), ("status", False)],
)
def test_an_overlay_that_moves_dates_and_not_words_is_noted(changed, noted):
    overlay = row("r", provenance=f"{changed} changed at the site by Dr A on 2026-01-01: agreed")
    assert bool(found(guideline(overlay), code="text_may_not_fit")) is noted


def test_a_place_holder_is_no_place():
    assert found(guideline(row("r", citation=replace(CITATION, locator="page (replace)"))), code="no_locator")


def stopping(step: Step, *conditions: Condition, no_image: str = "") -> list[str]:
    made = replace(row("end", *conditions), step=step, no_image=no_image)
    return [each.code for each in found(guideline(made)) if each.code in ("no_quality_gate", "limited_not_gated")]


@pytest.mark.parametrize(
    ("conditions", "codes"),
    [
        ((), ["no_quality_gate"]),
        ((cell("t1_readable", Op.IS, Truth.FALSE),), ["no_quality_gate"]),
        ((cell("t1_readable", Op.IS, Truth.TRUE),), []),
        ((cell("t1_quality", Op.IS_NOT, "diagnostic"),), ["no_quality_gate"]),
        ((cell("study_quality", Op.IS, "not_diagnostic"),), ["no_quality_gate"]),
        ((cell("study_quality", Op.IS, "limited"),), ["no_quality_gate"]),
        ((cell("study_quality", Op.IS, "limited"), cell("limited_study_answers", Op.IS, Truth.TRUE)), []),
        ((cell("study_quality", Op.KNOWN, Truth.TRUE),), ["no_quality_gate"]),
        ((cell("study_readable", Op.IS, Truth.TRUE),), []),
    ],
)
def test_a_step_that_ends_a_search_needs_a_gate_that_holds_for_good_images_alone(conditions, codes):
    assert stopping(Step.REASSURE, *conditions) == codes


def test_a_step_that_stops_imaging_may_rest_on_no_image_and_says_why():
    assert stopping(Step.NO_ROUTINE_IMAGING) == ["no_quality_gate"]
    assert stopping(Step.NO_ROUTINE_IMAGING, no_image="it rests on the drug") == []
    assert stopping(Step.REASSURE, no_image="it rests on the drug") == ["no_quality_gate"]
    assert stopping(Step.MAY_STOP_IMAGING, cell("study_quality", Op.IS_NOT, "not_diagnostic")) == ["limited_not_gated"]
