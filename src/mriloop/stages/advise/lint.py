"""The linter of decision tables: what a clinician's eye would miss, with the exact situation printed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from mriloop.model.advice import Advice
from mriloop.model.fact import FactValue, Truth
from mriloop.model.finding import Fact, Source
from mriloop.model.guideline import (
    CLOSING_STEPS,
    Condition,
    FactType,
    Guideline,
    GuidelineCase,
    GuidelineSet,
    LintProblem,
    Mark,
    Match,
    Op,
    Row,
    Status,
    Table,
)
from mriloop.model.quantity import Quantity, UnitError
from mriloop.stages.advise.conditions import name_of, say_value
from mriloop.stages.advise.decide import NO_ROW, CompiledTable, Diagram, Residual, Variable, compile_rows
from mriloop.stages.advise.derive import DERIVATIONS
from mriloop.stages.advise.engine import conditions_of, evaluate
from mriloop.stages.advise.schedule import in_order, windows

# Month ends, a leap day and a plain day: a schedule must be in order from each of them.
_ANCHORS = (date(2026, 1, 10), date(2026, 1, 31), date(2024, 2, 29), date(2027, 12, 31), date(2025, 8, 31))
_QUALITY = ("study_quality", "t1_readable", "fluid_sensitive_readable")
_DRAFT_ONLY = (Mark.M, Mark.M_PLUS, Mark.C)
_VAGUE_LOCATORS = ("", "-", "full text", "whole text", "document")


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFailure:
    """A worked case that did not get what it expects."""

    expected: str
    found: str


def lint(guideline: Guideline, known: GuidelineSet, cases: Sequence[GuidelineCase] = ()) -> tuple[LintProblem, ...]:
    """Return everything that is wrong with a guideline; empty when nothing is.

    Checked: facts and units of every cell, gaps (with the uncovered situation), rows that can never answer, rows of an
    all-match table that answer together with opposite steps, citations without a place, statuses that the mark does not
    allow, schedules that cannot be computed, closing steps without a quality condition, rows without a case, cases that
    fail.
    """
    problems = _cells(guideline, known)
    if problems:
        return tuple(problems)
    for table in guideline.tables:
        problems += _table(guideline, table, known)
    rows = [(f"guards/{row.id}", row) for row in guideline.guards]
    rows += [(f"{table.id}/{row.id}", row) for table in guideline.tables for row in table.rows]
    for name, row in rows:
        problems += _row(f"{guideline.id}/{name}", row)
    problems += _cases(guideline, known, cases, [name for name, _ in rows])
    return tuple(problems)


def run_case(guideline: Guideline, case: GuidelineCase, known: GuidelineSet) -> CaseFailure | None:
    """Return what a worked case got instead of what it expects; None when it got that."""
    advice = advise_on(guideline, case, known)
    found_rows = tuple(sorted(each.row for each in advice.recommendations))
    found_missing = tuple(name for each in advice.undetermined for name in each.missing)
    targets = next((tuple(w.target for w in each.schedule) for each in advice.recommendations if each.schedule), ())
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


def _cells(guideline: Guideline, known: GuidelineSet) -> list[LintProblem]:
    """Facts that exist, operators that fit their type, units that convert, values that are words of the fact."""
    problems = []
    for condition in conditions_of(guideline):
        text = _cell_problem(condition, known)
        if text:
            where = f"{guideline.id}: {condition.fact} {condition.op}"
            problems.append(LintProblem(code="bad_cell", where=where, text=text))
    for name, spec in known.vocabulary.items():
        if spec.derived and spec.derived not in DERIVATIONS:
            text = f"no function derives {spec.derived!r}"
            problems.append(LintProblem(code="unknown_derivation", where=name, text=text))
    return list(dict.fromkeys(problems))


def _cell_problem(condition: Condition, known: GuidelineSet) -> str:
    spec = known.vocabulary.get(condition.fact)
    if spec is None:
        return "no fact of this name"
    if condition.op is Op.KNOWN:
        return "" if isinstance(condition.value, Truth) else "`known` is yes or no"
    if spec.type is FactType.DATE:
        return "a date can only be asked whether it is known; derive a time from it"
    if spec.type is FactType.LIST:
        if not spec.values:
            return "a list of dates can only be asked whether it is known"
        if condition.op not in (Op.CONTAINS, Op.LACKS):
            return "a list is asked what it contains or lacks"
        return "" if condition.value in spec.values else f"{condition.value!r} is no word of this fact"
    if condition.op in (Op.CONTAINS, Op.LACKS):
        return "only a list contains or lacks"
    if spec.type is FactType.QUANTITY:
        return _quantity_problem(condition.value, spec.unit or "")
    if condition.op not in (Op.IS, Op.IS_NOT, Op.ONE_OF):
        return f"a {spec.type} cannot be compared by size"
    if spec.type is FactType.BOOL:
        return "" if isinstance(condition.value, Truth) else "yes or no is needed"
    held = condition.value if isinstance(condition.value, tuple) else (condition.value,)
    return "; ".join(f"{value!r} is no word of this fact" for value in held if value not in spec.values)


def _quantity_problem(value: FactValue, unit: str) -> str:
    if not isinstance(value, Quantity):
        return "a number is needed"
    try:
        value.to(unit)
    except UnitError as error:
        return str(error)
    return ""


def _table(guideline: Guideline, table: Table, known: GuidelineSet) -> list[LintProblem]:
    """Gaps, unreachable rows and rows at odds, seen from the situations that reach the table at all."""
    where = f"{guideline.id}/{table.id}"
    # Rows that ask whether a fact is known answer only part of the cases, so they neither close a gap nor hide a row.
    firm = [row for row in table.rows if not any(each.op is Op.KNOWN for each in row.when)]
    guards = [row.when for row in guideline.guards]
    limits = [each for each in table.when if each.op is not Op.KNOWN]
    limits += [each for scope in guideline.applies_when for each in scope.when if each.op is not Op.KNOWN]
    compiled = compile_rows([*guards, *(row.when for row in firm), limits], known.vocabulary)
    inside = dict(compiled.rows[-1].cells)
    lead = len(guards)
    if table.match is Match.ALL:
        return _at_odds(where, firm, compiled, lead, known)
    problems = []
    diagram = Diagram(compiled)
    cells: list[tuple[int, tuple[tuple[int, frozenset[int]], ...]]] = []
    # A leading row for each way of being outside of the table keeps those situations out of the search.
    outside = [((variable, _others(compiled.variables[variable], allowed)),) for variable, allowed in inside.items()]
    cells += [(lead + len(firm) + number, cell) for number, cell in enumerate(outside) if cell[0][1]]
    cells += [(number, row.cells) for number, row in enumerate(compiled.rows[:-1])]
    ways = diagram.leaves(diagram.fold(_until_certain(cells)))
    if NO_ROW in ways:
        text = f"no row answers when {_situation(ways[NO_ROW], compiled.variables, known)}"
        problems.append(LintProblem(code="gap", where=where, text=text))
    for number, row in enumerate(firm):
        if lead + number not in ways:
            text = "an earlier row, a guard or the limits of the table always answer first"
            problems.append(LintProblem(code="unreachable", where=f"{where}/{row.id}", text=text))
    return problems


def _until_certain(cells: Iterable[tuple[int, tuple[tuple[int, frozenset[int]], ...]]]) -> Residual:
    kept = []
    for number, row in cells:
        kept.append((number, row))
        if not row:
            break
    return tuple(kept)


def _others(variable: Variable, allowed: frozenset[int]) -> frozenset[int]:
    return frozenset(range(len(variable.classes))) - allowed


def _at_odds(
    where: str, rows: Sequence[Row], compiled: CompiledTable, lead: int, known: GuidelineSet
) -> list[LintProblem]:
    """Pairs of rows of an all-match table that can hold together though one ends a search and the other does not."""
    problems = []
    for first, one in enumerate(rows):
        for second in range(first + 1, len(rows)):
            other = rows[second]
            if (one.step in CLOSING_STEPS) == (other.step in CLOSING_STEPS) and one.when != other.when:
                continue
            shared = dict(compiled.rows[lead + first].cells)
            for variable, allowed in compiled.rows[lead + second].cells:
                shared[variable] = shared.get(variable, allowed) & allowed
            if all(shared.values()):
                way = {variable: min(allowed) for variable, allowed in shared.items()}
                text = f"{one.id} and {other.id} both answer when {_situation(way, compiled.variables, known)}"
                problems.append(LintProblem(code="overlap", where=where, text=text))
    return problems


def _situation(way: Mapping[int, int], variables: Sequence[Variable], known: GuidelineSet) -> str:
    return " and ".join(_class_words(variables[at], way[at], known) for at in sorted(way)) or "anything is the case"


def _class_words(variable: Variable, index: int, known: GuidelineSet) -> str:
    name = name_of(variable.fact, known.vocabulary)
    if variable.item:
        return f"{name} {'includes' if index else 'does not include'} {variable.item.replace('_', ' ')}"
    if not variable.limits:
        return f"{name} is {say_value(variable.classes[index])}"
    values = [say_value(Quantity(value=limit, unit=variable.unit)) for limit in variable.limits]
    at, exact = divmod(index, 2)
    if exact:
        return f"{name} is exactly {values[at]}"
    if at == 0:
        return f"{name} is below {values[0]}"
    return (
        f"{name} is above {values[-1]}" if at == len(values) else f"{name} is between {values[at - 1]} and {values[at]}"
    )


def _row(where: str, row: Row) -> list[LintProblem]:
    problems = []
    if row.citation.locator.strip().lower() in _VAGUE_LOCATORS or len(row.citation.locator.strip()) < 4:
        problems.append(
            LintProblem(code="no_locator", where=where, text="the citation does not say where in the document")
        )
    if row.citation.mark in _DRAFT_ONLY and row.status is not Status.DRAFT:
        text = f"a row marked {row.citation.mark} can only be a draft, not {row.status}"
        problems.append(LintProblem(code="status_not_allowed", where=where, text=text))
    if row.status is Status.ACTIVE and not row.provenance:
        text = "only a site's named clinician makes a row active"
        problems.append(LintProblem(code="status_not_allowed", where=where, text=text))
    schedule = row.schedule
    if schedule is not None:
        if not schedule.points:
            problems.append(LintProblem(code="bad_schedule", where=where, text="a schedule needs a point"))
        elif not all(in_order(windows(schedule, anchor)) for anchor in _ANCHORS):
            text = "the windows are not in order: earliest ≤ target ≤ latest, each target after the one before"
            problems.append(LintProblem(code="bad_schedule", where=where, text=text))
    if row.step in CLOSING_STEPS and not any(each.fact in _QUALITY for each in row.when):
        text = "a step that ends a search needs a condition on the quality of the images"
        problems.append(LintProblem(code="no_quality_gate", where=where, text=text))
    return problems


def _cases(
    guideline: Guideline, known: GuidelineSet, cases: Sequence[GuidelineCase], rows: Sequence[str]
) -> list[LintProblem]:
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
    for name in rows:
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
