"""The linter of decision tables: what a clinician's eye would miss, with the exact situation printed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date

from mriloop.model.advice import Advice
from mriloop.model.coding import Urgency
from mriloop.model.finding import Fact, Source
from mriloop.model.guideline import (
    Condition,
    Guideline,
    GuidelineCase,
    GuidelineSet,
    LintProblem,
    Row,
    Status,
    Step,
    Table,
)
from mriloop.model.quantity import Quantity
from mriloop.model.schedule import Schedule
from mriloop.stages.advise.engine import conditions_of, evaluate
from mriloop.stages.advise.lint_cells import lint_cells
from mriloop.stages.advise.lint_quality import lint_quality
from mriloop.stages.advise.lint_tables import compatible, contradict, lint_guards, lint_table
from mriloop.stages.advise.repeats import repeat_problems
from mriloop.stages.advise.schedule import in_order, windows
from mriloop.stages.advise.signatures import SIGNABLE, rows_of

# Month ends, a leap day and a plain day: a schedule must be in order from each of them.
_ANCHORS = (date(2026, 1, 10), date(2026, 1, 31), date(2024, 2, 29), date(2027, 12, 31), date(2025, 8, 31))
_VAGUE_LOCATORS = ("", "-", "full text", "whole text", "document", "passim")
_PLACEHOLDER = "(replace)"  # in knowledge/skeleton
_PLANNED = (Step.FOLLOW_UP_IMAGING, Step.CLINICAL_FOLLOW_UP)


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFailure:
    """A worked case that did not get what it expects."""

    expected: str
    found: str


def lint(
    guideline: Guideline,
    known: GuidelineSet,
    cases: Sequence[GuidelineCase] = (),
    *,
    statements: Collection[str] = (),
    source: str = "",
) -> tuple[LintProblem, ...]:
    """Return everything that is wrong with a guideline, and notes on what a reader should weigh.

    Parameters
    ----------
    guideline, known
        The guideline and the vocabulary that it speaks.
    cases
        Its worked cases.
    statements
        The numbers that a row or a case may carry; empty to leave them unchecked.
    source
        The text of its SOURCE.md; empty where there is none.

    Returns
    -------
    tuple of LintProblem
        Empty when nothing is wrong. docs/reference/guidelines.md lists the codes.
    """
    problems = list(lint_cells(guideline, known))
    if problems:
        return tuple(problems)
    problems += lint_guards(guideline, known)
    for table in guideline.tables:
        problems += lint_table(guideline, table, known)
    for name, table_of, row in rows_of(guideline):
        problems += _row(f"{guideline.id}/{name}", row)
        problems += lint_quality(f"{guideline.id}/{name}", row, table_of, guideline, known)
    problems += _statements(guideline, cases, statements)
    problems += repeat_problems(guideline)
    problems += _cases(guideline, known, cases)
    if not source.strip():
        text = "SOURCE.md is missing or empty: say what was read, what is verified, what is not"
        problems.append(LintProblem(code="no_source_file", where=guideline.id, text=text))
    return tuple(problems)


def lint_between(known: GuidelineSet) -> tuple[LintProblem, ...]:
    """Return notes on guidelines that carry one statement, look at one fact and can contradict each other on a case."""
    notes = []
    carriers: dict[str, list[tuple[Guideline, str, Table | None, Row]]] = {}
    for guideline in known.guidelines:
        for name, table, row in rows_of(guideline):
            for statement in row.statements:
                carriers.setdefault(statement, []).append((guideline, name, table, row))
    seen: set[tuple[str, str]] = set()
    for statement, rows in carriers.items():
        for number, (guideline, name, table, row) in enumerate(rows):
            for other, other_name, other_table, other_row in rows[number + 1 :]:
                pair = (f"{guideline.id}/{name}", f"{other.id}/{other_name}")
                if other is guideline or pair in seen or not contradict(row, other_row):
                    continue
                if not {each.fact for each in _own(table, row)} & {each.fact for each in _own(other_table, other_row)}:
                    continue
                seen.add(pair)
                way = compatible([*_all_of(guideline, table, row), *_all_of(other, other_table, other_row)], known)
                if way is not None:
                    text = f"{statement} is answered otherwise by {pair[1]}, and both hold when {way}"
                    notes.append(LintProblem(code="statement_at_odds", where=pair[0], text=text, note=True))
    return tuple(notes)


def _all_of(guideline: Guideline, table: Table | None, row: Row) -> list[Condition]:
    return [*(each for scope in guideline.applies_when for each in scope.when), *_own(table, row)]


def _own(table: Table | None, row: Row) -> list[Condition]:
    return [*(table.when if table else ()), *row.when]


def run_case(guideline: Guideline, case: GuidelineCase, known: GuidelineSet) -> CaseFailure | None:
    """Return what a worked case got instead of what it expects; None when it got that."""
    advice = advise_on(guideline, case, known)
    found_rows = tuple(sorted(each.row for each in advice.recommendations))
    found_missing = tuple(name for each in advice.undetermined for name in each.missing)
    dated = [tuple(w.target for w in each.schedule) for each in advice.recommendations if each.schedule]
    targets = case.targets if case.targets in dated else next(iter(dated), ())
    checks: tuple[tuple[str, object, object], ...] = (
        ("rows", tuple(sorted(case.rows)), found_rows),
        ("missing", tuple(sorted(case.missing)), tuple(sorted(found_missing))),
        ("out of scope", case.out_of_scope, bool(advice.out_of_scope)),
        ("targets", case.targets or targets, targets),
        ("warnings", set(case.warnings) - {caution.code for caution in advice.warnings}, set()),
    )
    for title, expected, found in checks:
        if expected != found:
            return CaseFailure(expected=f"{title}: {_words(expected)}", found=f"{title}: {_words(found)}")
    return None


def advise_on(guideline: Guideline, case: GuidelineCase, known: GuidelineSet) -> Advice:
    """Put a worked case to its guideline alone."""
    alone = GuidelineSet(guidelines=(guideline,), vocabulary=known.vocabulary, default_profiles=known.default_profiles)
    facts = {name: Fact(name=name, value=value, source=Source.PERSON) for name, value in case.facts.items()}
    return evaluate(alone, facts, as_of=case.as_of, default_profiles=case.profiles)


def _row(where: str, row: Row) -> list[LintProblem]:
    problems = []

    def wrong(code: str, text: str, *, note: bool = False) -> None:
        problems.append(LintProblem(code=code, where=where, text=text, note=note))

    if row.citation.locator.strip().lower() in _VAGUE_LOCATORS or len(row.citation.locator.strip()) < 4:
        wrong("no_locator", "the citation does not say where in the document")
    elif _PLACEHOLDER in row.citation.locator:
        wrong("no_locator", "the citation still holds the place-holder of the skeleton: fill it in, or remove the row")
    if row.citation.mark not in SIGNABLE and row.status is not Status.DRAFT:
        wrong("status_not_allowed", f"a row marked {row.citation.mark} can only be a draft, not {row.status}")
    elif row.status is Status.ACTIVE:
        wrong("status_not_allowed", "only a signature makes a row active: `mriloop guidelines sign`")
    if row.schedule is not None:
        text = _schedule_problem(row.schedule)
        if text:
            wrong("bad_schedule", text)
    elif row.step in _PLANNED and row.urgency is Urgency.ROUTINE:
        text = "it says neither when (`schedule`, `urgency`) nor that a person sets the date (step `individualise`)"
        wrong("no_schedule", text, note=row.step is Step.CLINICAL_FOLLOW_UP)
    changed = row.provenance.split(" changed at the site")[0].split(", ") if row.provenance else []
    if {"schedule", "parameter"} & set(changed) and "text" not in changed:
        text = "the site changed its dates or a limit, not its words: read whether the text still says what is done"
        wrong("text_may_not_fit", text, note=True)
    return problems


def _schedule_problem(schedule: Schedule) -> str:
    if not schedule.points:
        return "a schedule needs a point"
    try:
        computed = [windows(schedule, anchor) for anchor in _ANCHORS]
    except (OverflowError, ValueError):
        return "its dates run beyond the calendar"
    if not all(computed):
        return "its dates run beyond the calendar"
    if not all(in_order(each) for each in computed):
        return "the windows are not in order: earliest ≤ target ≤ latest, each target after the one before"
    return ""


def _statements(guideline: Guideline, cases: Sequence[GuidelineCase], statements: Collection[str]) -> list[LintProblem]:
    if not statements:
        return []
    carried = [(f"{guideline.id}/{name}", each) for name, _, row in rows_of(guideline) for each in row.statements]
    carried += [(f"{guideline.id}: {case.name}", each) for case in cases for each in case.statements]
    return [
        LintProblem(code="unknown_statement", where=where, text=f"there is no statement {each}")
        for where, each in carried
        if each not in statements
    ]


def _cases(guideline: Guideline, known: GuidelineSet, cases: Sequence[GuidelineCase]) -> list[LintProblem]:
    problems = []
    for case in cases:
        failure = run_case(guideline, case, known)
        if failure is not None:
            text = f"expected {failure.expected}; found {failure.found}"
            problems.append(LintProblem(code="case_fails", where=f"{guideline.id}: {case.name}", text=text))
    positive = {name for case in cases if case.kind in ("positive", "boundary") for name in case.rows}
    # A profile that agrees with the default is folded into it; with that profile in the lead its own row shows.
    for profile in {table.profile for table in guideline.tables if not table.default}:
        for case in cases:
            if case.kind in ("positive", "boundary") and not case.profiles:
                chosen = advise_on(guideline, replace(case, profiles={guideline.id: profile}), known)
                positive |= {each.row for each in chosen.recommendations}
    for name, _, _ in rows_of(guideline):
        if name not in positive:
            text = "no case gets this row"
            problems.append(LintProblem(code="row_without_case", where=f"{guideline.id}/{name}", text=text))
    kinds = {case.kind for case in cases}
    wanted = ["negative", "unknown"]
    if any(isinstance(each.value, Quantity) for each in conditions_of(guideline)):
        wanted.append("boundary")
    for kind in wanted:
        if kind not in kinds:
            problems.append(LintProblem(code="kind_without_case", where=guideline.id, text=f"there is no {kind} case"))
    return problems


def _words(value: object) -> str:
    if isinstance(value, tuple | set):
        return ", ".join(sorted(str(item) for item in value)) or "none"
    return str(value)
