"""The linter's eye for single cells: facts that exist, comparisons that fit, units that convert, known words."""

from __future__ import annotations

from collections.abc import Iterator

from mriloop.model.fact import FactValue, Truth
from mriloop.model.guideline import Condition, FactType, Guideline, GuidelineSet, LintProblem, Op
from mriloop.model.quantity import Quantity, UnitError
from mriloop.stages.advise.derive import DERIVATIONS
from mriloop.stages.advise.engine import conditions_of
from mriloop.stages.advise.signatures import rows_of


def lint_cells(guideline: Guideline, known: GuidelineSet) -> tuple[LintProblem, ...]:
    """Return every cell of a guideline that its fact cannot be held against, and facts that nothing derives."""
    problems = []
    for condition in (*conditions_of(guideline), *_of_schedules(guideline)):
        text = cell_problem(condition, known)
        if text:
            where = f"{guideline.id}: {condition.fact} {condition.op}"
            problems.append(LintProblem(code="bad_cell", where=where, text=text))
    for name, spec in known.vocabulary.items():
        if spec.derived and spec.derived not in DERIVATIONS:
            text = f"no function derives {spec.derived!r}"
            problems.append(LintProblem(code="unknown_derivation", where=name, text=text))
    return tuple(dict.fromkeys(problems))


def _of_schedules(guideline: Guideline) -> Iterator[Condition]:
    """Yield the conditions under which schedules hold and may stop."""
    for _, _, row in rows_of(guideline):
        if row.schedule is not None:
            yield from row.schedule.holds_while
            yield from row.schedule.stop.when if row.schedule.stop is not None else ()


def cell_problem(condition: Condition, known: GuidelineSet) -> str:
    """Return what is wrong with a cell; empty when nothing is."""
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
