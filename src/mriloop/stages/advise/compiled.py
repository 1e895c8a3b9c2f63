"""A guideline made ready to be asked many times: one matrix of conditions, rows with the words they always say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from functools import lru_cache, partial
from typing import Any

from mriloop.model.advice import Caution
from mriloop.model.coding import Urgency
from mriloop.model.guideline import Condition, FactSpec, Guideline, Match, Row, Scope, Table
from mriloop.stages.advise.answers import rivals_of
from mriloop.stages.advise.conditions import name_of, say_condition
from mriloop.stages.advise.decide import NO_ROW, Cell, CompiledTable, Decision, compile_rows, decide_residual
from mriloop.stages.advise.facts import CaseFacts, SameObject
from mriloop.stages.advise.matrix import Matrix
from mriloop.stages.advise.signatures import status_on

EMERGENCIES = (Urgency.MINUTES, Urgency.HOURS)
_URGENCY_RANK = {urgency: rank for rank, urgency in enumerate(Urgency)}


class ReadyRow:
    """A row with its place in the matrix (`bit`) and what it always says. `unsigned`: its status without signatures.

    `cells` are its conditions on facts that may be unknown, with the fact of each; `asks` these facts, in the order in
    which the table asks for them. `grounds`: the facts that its answer rests on; those of the whole table for a row
    without conditions, which rests on what the others asked.
    """

    def __init__(
        self,
        row: Row,
        table: Table | None,
        guideline: Guideline,
        bit: int,
        cells: tuple[tuple[str, Cell], ...],
        vocabulary: Mapping[str, FactSpec],
    ) -> None:
        self.row, self.table, self.bit, self.cells = row, table, bit, cells
        self.place = f"{table.id if table else 'guards'}/{row.id}"
        self.id = f"{guideline.id}/{self.place}"
        self.asks = tuple(dict.fromkeys(name for name, _ in cells))
        grounds = [*(table.when if table else ()), *row.when]
        if not row.when and table is not None:
            grounds += [each for other in table.rows for each in other.when]
        self.grounds = _facts(grounds)
        held = row.when or (table.when if table is not None and table.rows[0] is row else ())
        said = " and ".join(say_condition(each, vocabulary) for each in held)
        self.unsigned = status_on(row, date.min)
        # What a proposal of this row says on every day and of every case.
        schedule = row.schedule
        self.fixed: dict[str, Any] = {
            "id": self.id,
            "guideline": guideline.id,
            "row": self.place,
            "step": row.step,
            "text": row.text,
            "citation": row.citation,
            "profile": table.profile if table else guideline.edition,
            "urgency": row.urgency,
            "modality": row.modality,
            "contrast": row.contrast,
            "never_auto_close": schedule.never_auto_close if schedule else False,
            "specialty": row.specialty,
            "actions": row.actions,
            "repeat_reason": row.repeat_reason,
            "question": table.question if table else "guards",
            "edition": guideline.edition,
            "note": row.note,
        }
        self.line = f"row {self.id} ({guideline.edition}): {said or 'what the rows before it do not cover'}"


class ReadyTable:
    """A table with the bit of its limiting condition and its rows in order."""

    def __init__(self, table: Table, when_bit: int, rows: tuple[ReadyRow, ...], compiled: CompiledTable) -> None:
        self.table, self.when_bit, self.rows = table, when_bit, rows
        self.limits = _facts(table.when)
        self.mask = sum(1 << row.bit for row in rows)
        self._decide = lru_cache(maxsize=4096)(partial(decide_residual, compiled))

    def decide(self, facts: CaseFacts, possible: int, unsure: int) -> tuple[Decision, ...]:
        """Return what the table says: one decision of a first-match table, one for each open row of an all-match one.

        `possible` and `unsure` are the states of the whole guideline's matrix.
        """
        left: list[tuple[int, tuple[Cell, ...]]] = []
        decisions: list[Decision] = []
        first = self.table.match is Match.FIRST
        for number, row in enumerate(self.rows):
            if not possible >> row.bit & 1:
                continue
            certain = not unsure >> row.bit & 1
            if not first:
                missing = () if certain else tuple(name for name in row.asks if not facts.is_known(name))
                decisions.append(Decision(row=number if certain else None, missing=missing))
            elif certain:
                if not left:
                    return (Decision(row=number),)
                left.append((number, ()))
                break
            else:
                left.append((number, tuple(cell for name, cell in row.cells if not facts.is_known(name))))
        if not first:
            return tuple(decisions)
        return (self._decide(tuple(left)) if left else Decision(row=NO_ROW),)


class ReadyGuideline:
    """A guideline with its matrix. Guards stand by urgency, so that none keeps an emergency from being said."""

    def __init__(self, guideline: Guideline, vocabulary: Mapping[str, FactSpec]) -> None:
        self.guideline = guideline
        conjunctions: list[Sequence[Condition]] = []
        self.scopes: list[tuple[int, Scope, tuple[str, ...]]] = []
        for scope in guideline.applies_when:
            self.scopes.append((len(conjunctions), scope, _facts(scope.when)))
            conjunctions.append(scope.when)
        guards = sorted(guideline.guards, key=_guard_rank)
        self.guards, _ = self._rows(guards, None, conjunctions, vocabulary)
        self.tables: list[ReadyTable] = []
        for table in guideline.tables:
            conjunctions.append(table.when)
            at = len(conjunctions) - 1
            self.tables.append(ReadyTable(table, at, *self._rows(table.rows, table, conjunctions, vocabulary)))
        self.raising = Matrix(guideline.raised_by, vocabulary)
        self.matrix = Matrix(conjunctions, vocabulary)
        self.asks = frozenset(each.fact for matrix in (self.raising, self.matrix) for each in matrix.columns)
        # The words of `condition` that put this guideline on the table.
        self.conditions = frozenset(
            str(each.value) for group in guideline.raised_by for each in group if each.fact == "condition"
        )
        self.topics = lru_cache(maxsize=64)(self._topics)
        self.not_excluded = lru_cache(maxsize=256)(partial(_not_excluded, guideline.title, vocabulary))

    def _rows(
        self,
        rows: Sequence[Row],
        table: Table | None,
        conjunctions: list[Sequence[Condition]],
        vocabulary: Mapping[str, FactSpec],
    ) -> tuple[tuple[ReadyRow, ...], CompiledTable]:
        compiled = compile_rows([row.when for row in rows], vocabulary)
        ready = []
        for row, made in zip(rows, compiled.rows, strict=True):
            cells = tuple(
                (compiled.variables[at].fact, (at, allowed))
                for at, allowed in made.cells
                if len(allowed) < len(compiled.variables[at].classes)
            )
            ready.append(ReadyRow(row, table, self.guideline, len(conjunctions), cells, vocabulary))
            conjunctions.append(row.when)
        return tuple(ready), compiled

    def _topics(self, chosen: str | None) -> tuple[tuple[str, tuple[ReadyTable, ...]], ...]:
        """Return each question with the tables that answer it, the chosen profile's first."""
        ready = {id(each.table): each for each in self.tables}
        return tuple(
            (topic, tuple(ready[id(each)] for each in rivals_of(tables, chosen)))
            for topic, tables in _by_question(self.guideline.tables).items()
        )


@lru_cache(maxsize=1024)
def _ready(guideline: Guideline, vocabulary: SameObject) -> ReadyGuideline:
    return ReadyGuideline(guideline, vocabulary.specs)


def ready(guideline: Guideline, vocabulary: Mapping[str, FactSpec]) -> ReadyGuideline:
    """Return a guideline made ready; the same one each time for the same guideline and vocabulary."""
    return _ready(guideline, SameObject(vocabulary))


def _guard_rank(row: Row) -> int:
    return _URGENCY_RANK[row.urgency] if row.urgency in EMERGENCIES else len(_URGENCY_RANK)


def _not_excluded(title: str, vocabulary: Mapping[str, FactSpec], names: tuple[str, ...]) -> tuple[Caution, ...]:
    """Return the warning that the answer may change with these facts; none for no facts."""
    if not names:
        return ()
    called = ", ".join(name_of(name, vocabulary) for name in names)
    questions = " ".join(vocabulary[name].question for name in names)
    text = f"{title}: the answer may change with what is not stated: {called}. Ask: {questions}"
    return (Caution(code="not_excluded", text=text, missing=names),)


def _by_question(tables: Iterable[Table]) -> dict[str, list[Table]]:
    found: dict[str, list[Table]] = {}
    for table in tables:
        found.setdefault(table.question, []).append(table)
    return found


def _facts(conditions: Iterable[Condition]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each.fact for each in conditions))
