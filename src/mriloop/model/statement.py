"""The numbered statements of the mission, and how far the guidelines carry each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class HomeKind(StrEnum):
    """What a statement can live in beside the rows that carry its number.

    A block of the letters (`blocks/limits`), a kind of letter, a command, a page of the documents, a function of the
    code (`module:name`), a row (`guideline/table/row`) or a guideline as a whole.
    """

    BLOCK = "block"
    LETTER = "letter"
    COMMAND = "command"
    PAGE = "page"
    CODE = "code"
    ROW = "row"
    GUIDELINE = "guideline"


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """One place that carries a statement."""

    kind: HomeKind
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One clinical statement (S), correction (C) or wider pack (B) in our own words.

    `computable`: rules decide it, so rows must carry its number and worked cases must try it. `homes` are further
    places, and the only ones of a statement that rules cannot decide.
    """

    number: str
    says: str
    computable: bool
    homes: tuple[Home, ...] = ()


CASE_KINDS = ("positive", "negative", "boundary", "unknown")


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """How one statement is carried: rows, worked cases by kind, further homes, and what is lacking, in words.

    `homes` are those that the statement names and those that name the statement.
    """

    statement: Statement
    rows: tuple[str, ...]
    homes: tuple[Home, ...] = ()
    cases: Mapping[str, int] = field(default_factory=dict)
    lacking: tuple[str, ...] = ()
