"""Worked cases as a table: one row a case, one column a fact; what nobody stated, unknown and no are three things."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from mriloop.edges.knowledge.values import MisfitError, parse_value
from mriloop.model.errors import refuse
from mriloop.model.fact import UNKNOWN, FactValue, Truth, Unknown
from mriloop.model.guideline import FactSpec, FactType, GuidelineCase
from mriloop.model.quantity import Quantity

HEAD = ("guideline", "name", "kind", "as_of")
TAIL = ("rows", "missing", "out_of_scope", "targets", "warnings", "profiles", "statements")
_FACT = "fact:"
UNKNOWN_CELL = "?"
EMPTY_LIST = "[]"
_LIST = "; "


def cases_csv(cases: Mapping[str, Sequence[GuidelineCase]], facts: Iterable[str] = ()) -> str:
    """Return worked cases as CSV (RFC 4180, UTF-8).

    Parameters
    ----------
    cases
        The cases of each guideline, by its id.
    facts
        Facts that have a column even where no case states them, so that columns stay when a case is added.

    Returns
    -------
    str
        `guideline, name, kind, as_of`, one column `fact:<name>` for each fact in alphabetical order, then what is
        expected. An empty cell: not stated; `?`: stated as unknown; `yes`, `no`; quantities with their UCUM unit; lists
        joined by "; ", `[]` for one that is stated to be empty.
    """
    named = sorted({*facts, *(name for each in cases.values() for case in each for name in case.facts)})
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([*HEAD, *(_FACT + name for name in named), *TAIL])
    for guideline, listed in cases.items():
        for case in listed:
            stated = [_cell(case.facts[name]) if name in case.facts else "" for name in named]
            writer.writerow([guideline, case.name, case.kind, case.as_of.isoformat(), *stated, *_expected(case)])
    return out.getvalue()


def read_cases_csv(
    text: str, vocabulary: Mapping[str, FactSpec], *, source: str = "cases.csv"
) -> dict[str, tuple[GuidelineCase, ...]]:
    """Return the cases of a table that `cases_csv` wrote.

    Raises SenderError `case_shape` for a table without the columns, `case_unknown_fact` for a column of no fact, and
    `case_wrong_value` and kin for a cell that does not fit its fact.
    """
    rows = list(csv.reader(io.StringIO(text, newline="")))
    if not rows or tuple(rows[0][: len(HEAD)]) != HEAD or tuple(rows[0][-len(TAIL) :]) != TAIL:
        detail = f"the columns must begin with {', '.join(HEAD)} and end with {', '.join(TAIL)}"
        raise refuse("case_shape", path=source, detail=detail)
    columns = rows[0][len(HEAD) : -len(TAIL)]
    names = [column.removeprefix(_FACT) for column in columns]
    for name in names:
        if name not in vocabulary:
            raise refuse("case_unknown_fact", path=source, fact=name[:60], hint="")
    found: dict[str, list[GuidelineCase]] = {}
    for number, row in enumerate(rows[1:], start=2):
        place = f"{source}, line {number}"
        if len(row) != len(rows[0]):
            raise refuse("case_shape", path=place, detail=f"{len(row)} cells where {len(rows[0])} are needed")
        found.setdefault(row[0], []).append(_case(row, names, vocabulary, place))
    return {guideline: tuple(cases) for guideline, cases in found.items()}


def _case(row: Sequence[str], names: Sequence[str], vocabulary: Mapping[str, FactSpec], place: str) -> GuidelineCase:
    guideline, name, kind, as_of = row[: len(HEAD)]
    del guideline
    rows, missing, out_of_scope, targets, warnings, profiles, statements = row[-len(TAIL) :]
    stated = zip(names, row[len(HEAD) : -len(TAIL)], strict=True)
    try:
        return GuidelineCase(
            name=name,
            kind=kind,
            facts={fact: _value(vocabulary[fact], cell, place) for fact, cell in stated if cell},
            as_of=date.fromisoformat(as_of),
            rows=_split(rows),
            missing=_split(missing),
            out_of_scope=out_of_scope == "yes",
            targets=tuple(date.fromisoformat(day) for day in _split(targets)),
            warnings=_split(warnings),
            profiles=dict(each.split("=", maxsplit=1) for each in _split(profiles)),
            statements=_split(statements),
        )
    except ValueError as error:
        raise refuse("case_shape", path=place, detail=str(error)) from None


def _cell(value: FactValue) -> str:
    if isinstance(value, Unknown) or value is Truth.UNKNOWN:
        return UNKNOWN_CELL
    if isinstance(value, Truth):
        return value.answer
    if isinstance(value, Quantity):
        return f"{value.value!r} {value.unit}"
    if isinstance(value, tuple):
        return _LIST.join(value) if value else EMPTY_LIST
    return value.isoformat() if isinstance(value, date) else value


def _value(spec: FactSpec, cell: str, place: str) -> FactValue:
    if cell == UNKNOWN_CELL:
        return UNKNOWN
    if cell == EMPTY_LIST and spec.type is FactType.LIST:
        return ()
    try:
        return parse_value(spec, cell.split(_LIST) if spec.type is FactType.LIST else cell)
    except MisfitError as problem:
        raise refuse(
            problem.code, path=place, fact=spec.name, found=problem.found, expected=problem.expected, unit=problem.unit
        ) from None


def _expected(case: GuidelineCase) -> list[str]:
    return [
        _LIST.join(case.rows),
        _LIST.join(case.missing),
        "yes" if case.out_of_scope else "no",
        _LIST.join(day.isoformat() for day in case.targets),
        _LIST.join(case.warnings),
        _LIST.join(f"{guideline}={profile}" for guideline, profile in case.profiles.items()),
        _LIST.join(case.statements),
    ]


def _split(cell: str) -> tuple[str, ...]:
    return tuple(cell.split(_LIST)) if cell else ()
