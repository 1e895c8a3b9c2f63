"""One decision table under three-valued logic: the row that answers, or exactly the facts on which the answer hangs.

An answer is given only when every completion of the unknown facts leads to the same row. The completions are not
listed one by one: the table is folded into a reduced, ordered decision diagram over the unknown facts (Bryant, IEEE
Trans. Comput. 1986;C-35:677, doi 10.1109/TC.1986.1676819). A fact matters if and only if the diagram still tests it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from mriloop.model.fact import FactValue, Truth
from mriloop.model.guideline import (
    Condition,
    FactSpec,
    FactType,
    Op,
)
from mriloop.model.quantity import Quantity
from mriloop.stages.advise.conditions import holds

NO_ROW = -1
# Beyond this many open ways through a table nobody waits for the exact list of what is missing.
MOST_FOLDS = 20_000


class TooManyWaysError(Exception):
    """A table whose rows leave more ways open than are worth folding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """One fact, or one word of a list fact, as a finite set of classes that no row can tell apart inside.

    `classes` holds one value that stands for each class. For a quantity with limits b₁ < b₂ … they are: below b₁, b₁,
    between b₁ and b₂, b₂ … `item` is the word of a list fact; empty for other facts.
    """

    fact: str
    item: str
    classes: tuple[FactValue, ...]
    limits: tuple[float, ...] = ()
    unit: str = ""


Cell = tuple[int, frozenset[int]]
Residual = tuple[tuple[int, tuple[Cell, ...]], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledRow:
    """A row over class numbers. `known`: conditions on whether a fact is known at all, which are never unknown."""

    cells: tuple[Cell, ...]
    known: tuple[Condition, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledTable:
    """A table over class numbers, ready to be decided. Made by `compile_rows`."""

    variables: tuple[Variable, ...]
    rows: tuple[CompiledRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a table says of a case: `row` is its index, NO_ROW for a case that no row covers, None when it cannot say.

    `missing` are then the facts on which it depends.
    """

    row: int | None
    missing: tuple[str, ...] = ()


def compile_rows(rows: Sequence[Sequence[Condition]], vocabulary: Mapping[str, FactSpec]) -> CompiledTable:
    """Fold rows of conditions into classes. The order of variables is the order in which rows ask for them.

    Raises KeyError for a fact outside the vocabulary; TypeError or UnitError for a cell that its fact cannot be held
    against.
    """
    cells: dict[tuple[str, str], list[Condition]] = {}
    for row in rows:
        for condition in row:
            if condition.op is not Op.KNOWN:
                cells.setdefault(_key(condition), []).append(condition)
    variables = tuple(_variable(key, held, vocabulary[key[0]]) for key, held in cells.items())
    place = {(variable.fact, variable.item): number for number, variable in enumerate(variables)}
    compiled = []
    for row in rows:
        merged: dict[int, frozenset[int]] = {}
        for condition in row:
            if condition.op is Op.KNOWN:
                continue
            number = place[_key(condition)]
            allowed = frozenset(
                index for index, value in enumerate(variables[number].classes) if holds(condition, value) is Truth.TRUE
            )
            merged[number] = merged[number] & allowed if number in merged else allowed
        known = tuple(condition for condition in row if condition.op is Op.KNOWN)
        compiled.append(CompiledRow(cells=tuple(sorted(merged.items())), known=known))
    return CompiledTable(variables=variables, rows=tuple(compiled))


def decide_residual(table: CompiledTable, residual: Residual) -> Decision:
    """First match: the one row that answers under every completion of the unknown facts, or what is missing.

    `residual` are the rows of the table that are not false, in order, each with the cells that are still unknown, up to
    the first row that has none. Of a table too wide to fold all open facts are missing.
    """
    if not residual:
        return Decision(row=NO_ROW)
    if not residual[0][1]:
        return Decision(row=residual[0][0])
    diagram = Diagram(table)
    try:
        root = diagram.fold(residual)
    except TooManyWaysError:
        open_facts = (table.variables[at].fact for _, cells in residual for at, _ in cells)
        return Decision(row=None, missing=_unique(open_facts))
    if isinstance(root, int):
        return Decision(row=root)
    return Decision(row=None, missing=diagram.facts_of(root))


Node = int | tuple[int, tuple["Node", ...]]


class Diagram:
    """A reduced, ordered, multi-valued decision diagram of the rows that a case leaves open.

    A leaf is the index of the row that answers, or NO_ROW; an inner node is a variable with one child a class.
    """

    def __init__(self, table: CompiledTable) -> None:
        self.table = table
        self._folded: dict[Residual, Node] = {}
        self._nodes: dict[tuple[int, ...], Node] = {}

    def fold(self, residual: Residual) -> Node:
        """Return the diagram of the rows in first-match order. Raises TooManyWaysError."""
        if not residual:
            return NO_ROW
        if not residual[0][1]:
            return residual[0][0]
        if residual not in self._folded:
            if len(self._folded) >= MOST_FOLDS:
                raise TooManyWaysError
            variable = min(cells[0][0] for _, cells in residual if cells)
            children = tuple(
                self.fold(_specialise(residual, variable, index))
                for index in range(len(self.table.variables[variable].classes))
            )
            self._folded[residual] = self._node(variable, children)
        return self._folded[residual]

    def _node(self, variable: int, children: tuple[Node, ...]) -> Node:
        """Return the one node with these children; the child itself where all are the same."""
        # Leaves are small integers and inner nodes are shared, so the identity of a child says what it decides.
        names = tuple(child if isinstance(child, int) else -2 - id(child) for child in children)
        if len(set(names)) == 1:
            return children[0]
        return self._nodes.setdefault((variable, *names), (variable, children))

    def facts_of(self, node: Node) -> tuple[str, ...]:
        """Return the facts that the diagram tests, in the table's order."""
        seen: dict[int, None] = {}
        pending, visited = [node], set()
        while pending:
            at = pending.pop()
            if isinstance(at, int) or id(at) in visited:
                continue
            visited.add(id(at))
            seen[at[0]] = None
            pending.extend(at[1])
        return _unique(self.table.variables[variable].fact for variable in sorted(seen))

    def leaves(self, node: Node) -> dict[int, dict[int, int]]:
        """Return, for each leaf that can be reached, one way to it: variable → class."""
        ways: dict[int, dict[int, int]] = {}
        pending: list[tuple[Node, dict[int, int]]] = [(node, {})]
        visited: set[int] = set()
        while pending:
            at, way = pending.pop()
            if isinstance(at, int):
                ways.setdefault(at, way)
            elif id(at) not in visited:
                visited.add(id(at))
                pending.extend((child, {**way, at[0]: index}) for index, child in enumerate(at[1]))
        return ways


def _specialise(residual: Residual, variable: int, index: int) -> Residual:
    left: list[tuple[int, tuple[Cell, ...]]] = []
    for number, cells in residual:
        if cells and cells[0][0] == variable:
            if index not in cells[0][1]:
                continue
            remaining = cells[1:]
        else:
            remaining = cells
        left.append((number, remaining))
        if not remaining:
            break
    return tuple(left)


def _key(condition: Condition) -> tuple[str, str]:
    return condition.fact, str(condition.value) if condition.op in (Op.CONTAINS, Op.LACKS) else ""


def _variable(key: tuple[str, str], conditions: Sequence[Condition], spec: FactSpec) -> Variable:
    fact, item = key
    if item:
        return Variable(fact=fact, item=item, classes=((), (item,)))
    if spec.type is FactType.BOOL:
        return Variable(fact=fact, item="", classes=(Truth.FALSE, Truth.TRUE))
    if spec.type is FactType.CODE:
        return Variable(fact=fact, item="", classes=spec.values)
    if spec.type is not FactType.QUANTITY or spec.unit is None:
        raise TypeError(f"{fact}: a {spec.type} can only be asked whether it is known")
    held = [condition.value.to(spec.unit).value for condition in conditions if isinstance(condition.value, Quantity)]
    if len(held) < len(conditions):
        raise TypeError(f"{fact}: a quantity is held against something that is none")
    limits = tuple(sorted({round(limit, 9) for limit in held}))
    between = [(low + high) / 2 for low, high in pairwise(limits)]
    points = [limits[0] - 1.0]
    for number, limit in enumerate(limits):
        points += [limit, between[number] if number < len(between) else limit + 1.0]
    classes = tuple(Quantity(value=point, unit=spec.unit) for point in points)
    return Variable(fact=fact, item="", classes=classes, limits=limits, unit=spec.unit)


def _unique(facts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(facts))
