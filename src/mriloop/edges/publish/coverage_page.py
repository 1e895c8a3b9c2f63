"""The page that shows what carries each numbered statement: docs/reference/coverage.md is its output."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from mriloop.model.statement import Coverage, Home, HomeKind

_HEAD = """<!-- written by `make docs` from the guidelines and knowledge/statements.yaml; do not edit -->

# What carries each statement

The mission states 68 things (S). Rules decide most of them: such a statement has rows, and worked cases that try it,
of each of four kinds. *Positive*: it holds. *Negative*: it does not, or must not answer. *Boundary*: at the edge.
*Unknown*: a fact is missing and is asked for. A statement that no rule can decide names the text, command, page or code
that carries it. C are the statements that were corrected, with the place of the better rule; B the wider packs.
"""
_TITLES = {"S": "Statements of the mission", "C": "Corrections", "B": "Wider packs"}
_SHOWN = 6


def coverage_page(found: Sequence[Coverage]) -> str:
    """Return docs/reference/coverage.md: one table for each kind of number, then what is lacking."""
    parts = [_HEAD]
    for letter, group in groupby(found, key=lambda one: one.statement.number[0]):
        parts.append(f"\n## {_TITLES[letter]}\n\n{_table(group)}")
    holes = [f"- {one.statement.number}: {', '.join(one.lacking)}\n" for one in found if one.lacking]
    parts.append(f"\n## Holes\n\n{''.join(holes) or 'None.'}".rstrip() + "\n")
    return "".join(parts)


def _table(group: Iterable[Coverage]) -> str:
    lines = [
        "| No. | It says | Rows | Positive | Negative | Boundary | Unknown | Also in |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for one in group:
        counts = " | ".join(str(count or "") for count in one.cases.values())
        homes = "<br>".join(_home(home) for home in one.homes)
        lines.append(f"| {one.statement.number} | {one.statement.says} | {_rows(one.rows)} | {counts} | {homes} |")
    return "\n".join(lines) + "\n"


def _rows(rows: Sequence[str]) -> str:
    """Return the rows by guideline: all of few, the number of many."""
    parts = []
    for guideline, group in groupby(rows, key=lambda name: name.split("/", 1)[0]):
        names = [name.split("/", 1)[1] for name in group]
        said = ", ".join(names) if len(names) <= _SHOWN else f"{len(names)} rows"
        parts.append(f"`{guideline}`: {said}")
    return "<br>".join(parts)


def _home(home: Home) -> str:
    if home.kind is HomeKind.PAGE:
        return f"[{home.name}]({home.name})"
    words = {
        HomeKind.BLOCK: "letters, block",
        HomeKind.LETTER: "letter",
        HomeKind.COMMAND: "command",
        HomeKind.CODE: "code",
        HomeKind.ROW: "row",
        HomeKind.GUIDELINE: "guideline",
    }[home.kind]
    name = f"mriloop {home.name}" if home.kind is HomeKind.COMMAND else home.name
    return f"{words} `{name}`"
