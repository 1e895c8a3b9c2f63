"""How far the guidelines carry the numbered statements: rows, worked cases by kind, other homes, what is lacking."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from mriloop.model.guideline import GuidelineCase, GuidelineSet
from mriloop.model.statement import CASE_KINDS, Coverage, Home, HomeKind, Statement
from mriloop.stages.advise.signatures import rows_of


def cover(
    known: GuidelineSet,
    cases: Mapping[str, Sequence[GuidelineCase]],
    statements: Sequence[Statement],
    exists: Callable[[Home], bool],
    tagged: Mapping[str, Sequence[Home]] | None = None,
) -> tuple[Coverage, ...]:
    """Return how each statement is carried.

    Parameters
    ----------
    known, cases
        The guidelines, and their worked cases by id. A case tries the statements that it names itself and those of the
        rows that it expects.
    statements
        What has to be carried.
    exists
        Whether a home outside of the guidelines is there. Rows and guidelines are looked up in `known`.
    tagged
        Places that name the numbers they carry, by number.

    Returns
    -------
    tuple of Coverage
        In the order of `statements`. `lacking` is empty where a computable statement has a row and a case of every
        kind, and any other has a home; every named home must be there.
    """
    names = {f"{each.id}/{name}": row for each in known.guidelines for name, _, row in rows_of(each)}
    carried: dict[str, list[str]] = {}
    for name, row in names.items():
        for number in row.statements:
            carried.setdefault(number, []).append(name)
    tried = _tried(cases, names_to_statements={name: row.statements for name, row in names.items()})

    def is_there(home: Home) -> bool:
        if home.kind is HomeKind.ROW:
            return home.name in names
        return known.get(home.name) is not None if home.kind is HomeKind.GUIDELINE else exists(home)

    def one(each: Statement) -> Coverage:
        homes = tuple(dict.fromkeys((*each.homes, *(tagged or {}).get(each.number, ()))))
        missing = [home for home in each.homes if not is_there(home)]
        return _one(each, tuple(carried.get(each.number, ())), tried.get(each.number, {}), homes, missing)

    return tuple(one(each) for each in statements)


def _tried(
    cases: Mapping[str, Sequence[GuidelineCase]], names_to_statements: Mapping[str, Sequence[str]]
) -> dict[str, dict[str, int]]:
    """Count the cases of each kind that try each statement."""
    tried: dict[str, dict[str, int]] = {}
    for guideline, listed in cases.items():
        for case in listed:
            numbers = dict.fromkeys(case.statements)
            for row in case.rows:
                numbers.update(dict.fromkeys(names_to_statements.get(f"{guideline}/{row}", ())))
            for number in numbers:
                counts = tried.setdefault(number, {})
                counts[case.kind] = counts.get(case.kind, 0) + 1
    return tried


def _one(
    statement: Statement,
    rows: tuple[str, ...],
    tried: Mapping[str, int],
    homes: tuple[Home, ...],
    missing: Sequence[Home],
) -> Coverage:
    lacking = [f"no {home.kind} {home.name}" for home in missing]
    if statement.computable and not rows:
        lacking.append("no row")
    elif statement.computable:
        lacking += [f"no {kind} case" for kind in CASE_KINDS if not tried.get(kind)]
    elif not rows and not homes:
        lacking.append("no home")
    counts = {kind: tried.get(kind, 0) for kind in CASE_KINDS}
    return Coverage(statement=statement, rows=rows, homes=homes, cases=counts, lacking=tuple(lacking))
