"""Many conjunctions at once under three-valued logic: one bit a conjunction, one step a fact.

The state of n conjunctions is two whole numbers of n bits: those that are not false, and those that hang on an unknown
fact. Each fact that a case states strikes out what it contradicts, whatever the number of conjunctions.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import and_

from mriloop.model.fact import UNKNOWN, FactValue, Truth
from mriloop.model.guideline import Condition, FactSpec
from mriloop.model.quantity import Quantity
from mriloop.stages.advise.conditions import TOLERANCE
from mriloop.stages.advise.decide import CompiledTable, Variable, compile_rows
from mriloop.stages.advise.facts import CaseFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """What one fact does to every conjunction, as masks.

    `cares`: those that ask for it. `unknown`: those that are not false while it is unknown, of which `hangs` are
    unknown. `known`: those that are not false because it is known.
    """

    fact: str
    cares: int
    unknown: int
    hangs: int
    known: int

    def rows(self, value: FactValue) -> int | None:
        """Return the conjunctions that a known value does not contradict; None for a value outside the fact's words."""
        return self.known


@dataclass(frozen=True, slots=True, kw_only=True)
class WordColumn(Column):
    """A yes-or-no or a code: one mask a word."""

    words: Mapping[FactValue, int]

    def rows(self, value: FactValue) -> int | None:
        """See `Column.rows`."""
        return self.words.get(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListColumn(Column):
    """A list: for each word that is asked for, one mask where the list has it and one where it has not."""

    items: tuple[tuple[str, int, int], ...]

    def rows(self, value: FactValue) -> int | None:
        """See `Column.rows`."""
        if not isinstance(value, tuple):
            return None
        mask = self.known
        for word, with_it, without in self.items:
            mask &= with_it if word in value else without
        return mask


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeColumn(Column):
    """A quantity: one mask a class, below, on and between the limits. `lows` and `highs` lie a rounding beside them."""

    unit: str
    lows: tuple[float, ...]
    highs: tuple[float, ...]
    masks: tuple[int, ...]

    def rows(self, value: FactValue) -> int | None:
        """See `Column.rows`."""
        if not isinstance(value, Quantity):
            return None
        number = value.value if value.unit == self.unit else value.to(self.unit).value
        return self.masks[bisect_right(self.lows, number) + bisect_left(self.highs, number)]


class Matrix:
    """Conjunctions of conditions, ready to be held against cases. Bit i stands for conjunction i."""

    def __init__(self, conjunctions: Sequence[Sequence[Condition]], vocabulary: Mapping[str, FactSpec]) -> None:
        table = compile_rows(conjunctions, vocabulary)
        # A conjunction that contradicts itself is false whatever the facts.
        self.every = _mask(all(allowed for _, allowed in row.cells) for row in table.rows)
        facts = dict.fromkeys(each.fact for conjunction in conjunctions for each in conjunction)
        self.columns = tuple(_column(fact, table, self.every) for fact in facts)

    def truths(self, facts: CaseFacts) -> tuple[int, int]:
        """Return the conjunctions that are not false, and of these the unknown ones.

        Asks only for facts on which a conjunction that is not false yet may hang.
        """
        possible, unsure, found = self.every, 0, facts.found
        for column in self.columns:
            if not possible & column.cares:
                continue
            value = found.get(column.fact)
            if value is None:
                value = facts.value(column.fact)
            left = None if value is UNKNOWN or value is Truth.UNKNOWN else column.rows(value)
            if left is None:
                possible &= column.unknown
                unsure |= column.hangs
            else:
                possible &= left
        return possible, possible & unsure


def _column(fact: str, table: CompiledTable, every: int) -> Column:
    asked = [[each for each in row.known if each.fact == fact] for row in table.rows]
    known = _mask(all(each.value is Truth.TRUE for each in cells) for cells in asked)
    unknown = _mask(all(each.value is Truth.FALSE for each in cells) for cells in asked)
    places = [number for number, variable in enumerate(table.variables) if variable.fact == fact]
    variables = [table.variables[place] for place in places]
    masks = [
        [
            _mask(index in dict(row.cells).get(place, (index,)) for row in table.rows)
            for index in range(len(table.variables[place].classes))
        ]
        for place in places
    ]
    hangs, everything = 0, (1 << len(table.rows)) - 1
    for each in masks:
        hangs |= everything & ~reduce(and_, each)
    cares = hangs | _mask(bool(cells) for cells in asked)
    masks = [[mask & known for mask in each] for each in masks]
    shared = {"fact": fact, "cares": cares, "unknown": unknown, "hangs": hangs & unknown & every, "known": known}
    if not variables:
        return Column(**shared)  # type: ignore[arg-type]
    if variables[0].item:
        items = tuple((each.item, mask[1], mask[0]) for each, mask in zip(variables, masks, strict=True))
        return ListColumn(**shared, items=items)  # type: ignore[arg-type]
    if variables[0].limits:
        return _size_column(variables[0], masks[0], shared)
    return WordColumn(**shared, words=dict(zip(variables[0].classes, masks[0], strict=True)))  # type: ignore[arg-type]


def _size_column(variable: Variable, masks: Sequence[int], shared: Mapping[str, object]) -> SizeColumn:
    reach = [TOLERANCE * max(1.0, abs(limit)) for limit in variable.limits]
    return SizeColumn(
        **shared,  # type: ignore[arg-type]
        unit=variable.unit,
        lows=tuple(limit - by for limit, by in zip(variable.limits, reach, strict=True)),
        highs=tuple(limit + by for limit, by in zip(variable.limits, reach, strict=True)),
        masks=tuple(masks),
    )


def _mask(bits: Iterable[bool]) -> int:
    return sum(1 << number for number, bit in enumerate(bits) if bit)
