"""The linter's eye for whole tables: gaps, rows that never answer, rows at odds, each with the exact situation."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import groupby

from mriloop.model.coding import Urgency
from mriloop.model.guideline import (
    CLOSING_STEPS,
    STOPPING_STEPS,
    Condition,
    Guideline,
    GuidelineSet,
    LintProblem,
    Match,
    Op,
    Row,
    Step,
    Table,
)
from mriloop.model.quantity import Quantity
from mriloop.stages.advise.conditions import name_of, say_value
from mriloop.stages.advise.decide import (
    NO_ROW,
    Cell,
    CompiledTable,
    Diagram,
    Node,
    TooManyWaysError,
    Variable,
    compile_rows,
)

Way = dict[int, frozenset[int]]  # the classes that a situation allows, by variable

_GAPS_SHOWN = 5
_EMERGENCIES = (Urgency.MINUTES, Urgency.HOURS)
_IMAGING = frozenset(
    {Step.FOLLOW_UP_IMAGING, Step.ADDITIONAL_IMAGING, Step.REPEAT_IMAGING, Step.COMPLETE_IMAGING, Step.DEFER_IMAGING}
)
# What may stand beside the end of a search without contradicting it.
_COMPANIONS = frozenset(
    {
        Step.REVIEW_SERIES_TOGETHER,
        Step.QUALIFY_STATEMENT,
        Step.SUGGEST_CATEGORY,
        Step.REVIEW_MIMICS,
        Step.CLINICAL_CORRELATION,
        Step.CLINICAL_FOLLOW_UP,
        Step.LABORATORY_TESTS,
    }
)


def contradict(one: Row, other: Row) -> bool:
    """Tell whether two rows cannot both be followed: one ends a search or the imaging, the other goes on with it."""
    for ending, going_on in ((one, other), (other, one)):
        if ending.step in CLOSING_STEPS and going_on.step not in CLOSING_STEPS | _COMPANIONS:
            return True
        if ending.step in STOPPING_STEPS and going_on.step in _IMAGING:
            return (ending.modality or "MR") == (going_on.modality or "MR") and ending.region in (
                None,
                going_on.region,
            )
    return False


def lint_table(guideline: Guideline, table: Table, known: GuidelineSet) -> tuple[LintProblem, ...]:
    """Return gaps, unreachable rows and rows at odds, seen from the situations that reach the table at all.

    A situation is said in the facts that the table's rows ask for; the scope holds in it and no guard fires.

    Of rows that overlap in a first-match table, where order alone decides, those are noted that neither is an exception
    to the other and that contradict each other, or of which the later is an emergency; a row before a wider one is the
    usual way to write an exception and is not.
    """
    try:
        return _Shelf(guideline, table, known).problems()
    except TooManyWaysError:
        text = "its rows leave too many ways open: a case that lacks facts is asked for all of them; split the table"
        return (LintProblem(code="too_wide", where=f"{guideline.id}/{table.id}", text=text, note=True),)


def lint_guards(guideline: Guideline, known: GuidelineSet) -> tuple[LintProblem, ...]:
    """Return the guards that can never answer, because guards before them or the scope always do."""
    limits = [each for scope in guideline.applies_when for each in scope.when if each.op is not Op.KNOWN]
    guards = [row for row in guideline.guards if not _asks_known(row)]
    compiled = compile_rows([*(row.when for row in guards), limits], known.vocabulary)
    cells = _outside(compiled, len(guards)) + [(number, row.cells) for number, row in enumerate(compiled.rows[:-1])]
    try:
        reached = _ways(compiled, cells)
    except TooManyWaysError:
        text = "the guards leave too many ways open to be looked at one by one"
        return (LintProblem(code="too_wide", where=f"{guideline.id}/guards", text=text, note=True),)
    return tuple(
        LintProblem(
            code="unreachable",
            where=f"{guideline.id}/guards/{row.id}",
            text="an earlier guard or the scope always answers first",
        )
        for number, row in enumerate(guards)
        if number not in reached
    )


def compatible(conditions: Sequence[Condition], known: GuidelineSet) -> str | None:
    """Return one situation, in words, in which all conditions hold; None when there is none."""
    compiled = compile_rows([[each for each in conditions if each.op is not Op.KNOWN]], known.vocabulary)
    cells = compiled.rows[0].cells
    if not all(allowed for _, allowed in cells):
        return None
    return _situation(dict(cells), compiled.variables, known)


class _Shelf:
    """One table with the rows, guards and limits that stand before it, over class numbers."""

    def __init__(self, guideline: Guideline, table: Table, known: GuidelineSet) -> None:
        self.where, self.table, self.known = f"{guideline.id}/{table.id}", table, known
        # Rows that ask whether a fact is known answer only part of the cases: they close no gap and hide no row.
        self.firm = [row for row in table.rows if not _asks_known(row)]
        guards = [row.when for row in guideline.guards if not _asks_known(row)]
        limits = [each for each in table.when if each.op is not Op.KNOWN]
        limits += [each for scope in guideline.applies_when for each in scope.when if each.op is not Op.KNOWN]
        self.lead = len(guards)
        self.compiled = compile_rows([*guards, *(row.when for row in self.firm), limits], known.vocabulary)
        rows = [(number, row.cells) for number, row in enumerate(self.compiled.rows[:-1])]
        # Rows for every way of being outside of the table come first, and keep those situations out of the search.
        self.before = _outside(self.compiled, self.lead + len(self.firm)) + rows[: self.lead]
        self.rows = rows[self.lead :]
        # What only guards and limits ask goes without saying: the scope holds, and no guard fires.
        self.asked = frozenset(variable for _, cells in self.rows for variable, _ in cells)

    def problems(self) -> tuple[LintProblem, ...]:
        if self.table.match is Match.ALL:
            return (*self._never_alone(), *self._at_odds())
        return (*self._gaps(), *self._order())

    def _problem(self, code: str, text: str, row: str = "", *, note: bool = False) -> LintProblem:
        return LintProblem(code=code, where=f"{self.where}/{row}" if row else self.where, text=text, note=note)

    def _gaps(self) -> Iterable[LintProblem]:
        diagram, root = _folded(self.compiled, [*self.before, *self.rows])
        ways = diagram.leaves(root)
        for number, gap in enumerate(_ways_to_nothing(root)):
            if number == _GAPS_SHOWN:
                yield self._problem("gap", "there are further gaps: close these first")
                break
            yield self._problem("gap", f"no row answers when {self._say(gap, self.asked)}")
        for number, row in enumerate(self.firm):
            if self.lead + number not in ways:
                text = "an earlier row, a guard or the limits of the table always answer first"
                yield self._problem("unreachable", text, row.id)

    def _never_alone(self) -> Iterable[LintProblem]:
        """Rows of an all-match table that no situation reaches."""
        for (number, cells), row in zip(self.rows, self.firm, strict=True):
            if number not in _ways(self.compiled, [*self.before, (number, cells)]):
                yield self._problem("unreachable", "a guard or the limits of the table always answer first", row.id)

    def _at_odds(self) -> Iterable[LintProblem]:
        """Pairs of rows of an all-match table that can hold together though they contradict or repeat each other."""
        for first, one in enumerate(self.firm):
            for second in range(first + 1, len(self.firm)):
                other = self.firm[second]
                if not contradict(one, other) and (one.when != other.when or one.step is not other.step):
                    continue
                shared = self._together(first, second, [])
                if shared is not None:
                    text = f"{one.id} and {other.id} both answer when {self._say(shared, shared)}"
                    yield self._problem("overlap", text)

    def _order(self) -> Iterable[LintProblem]:
        """Pairs of rows of a first-match table where order alone decides between answers that matter."""
        for first, one in enumerate(self.firm):
            for second in range(first + 1, len(self.firm)):
                other = self.firm[second]
                hidden = other.urgency in _EMERGENCIES and one.urgency not in _EMERGENCIES
                if not (hidden or contradict(one, other)) or self._inside(first, second):
                    continue
                shared = self._together(first, second, self.rows[:first])
                if shared is not None:
                    code = "emergency_below" if hidden else "order_decides"
                    text = f"{one.id} comes before {other.id} and both hold when {self._say(shared, shared)}"
                    yield self._problem(code, text, other.id, note=True)

    def _inside(self, first: int, second: int) -> bool:
        """Tell whether every situation of the first row is one of the second: an exception, written on purpose."""
        own = dict(self.rows[first][1])
        everything = {
            number: frozenset(range(len(each.classes))) for number, each in enumerate(self.compiled.variables)
        }
        return all(own.get(variable, everything[variable]) <= allowed for variable, allowed in self.rows[second][1])

    def _together(self, first: int, second: int, earlier: Sequence[tuple[int, tuple[Cell, ...]]]) -> Way | None:
        """Return what both rows ask, where some situation meets it before anything else answers; None otherwise."""
        shared = dict(self.rows[first][1])
        for variable, allowed in self.rows[second][1]:
            shared[variable] = shared.get(variable, allowed) & allowed
        both = self.lead + 2 * len(self.firm) + len(self.before)
        reached = _ways(self.compiled, [*self.before, *earlier, (both, tuple(sorted(shared.items())))])
        return shared if all(shared.values()) and both in reached else None

    def _say(self, way: Mapping[int, frozenset[int]], only: Collection[int]) -> str:
        return _situation(
            {at: allowed for at, allowed in way.items() if at in only}, self.compiled.variables, self.known
        )


def _asks_known(row: Row) -> bool:
    return any(each.op is Op.KNOWN for each in row.when)


def _outside(compiled: CompiledTable, name: int) -> list[tuple[int, tuple[Cell, ...]]]:
    """Return a row for each way of missing a limit; the limits are the last compiled row."""
    found: list[tuple[int, tuple[Cell, ...]]] = []
    for variable, allowed in compiled.rows[-1].cells:
        others = frozenset(range(len(compiled.variables[variable].classes))) - allowed
        if others:
            found.append((name + len(found), ((variable, others),)))
    return found


def _folded(compiled: CompiledTable, cells: Iterable[tuple[int, tuple[Cell, ...]]]) -> tuple[Diagram, Node]:
    """Return the diagram of rows in first-match order, and its root."""
    kept: list[tuple[int, tuple[Cell, ...]]] = []
    for number, row in cells:
        if any(not allowed for _, allowed in row):
            continue
        kept.append((number, row))
        if not row:
            break
    diagram = Diagram(compiled)
    return diagram, diagram.fold(tuple(kept))


def _ways(compiled: CompiledTable, cells: Iterable[tuple[int, tuple[Cell, ...]]]) -> dict[int, dict[int, int]]:
    """Return, for each row that some situation reaches first, one such situation; NO_ROW where none answers."""
    diagram, root = _folded(compiled, cells)
    return diagram.leaves(root)


def _ways_to_nothing(root: Node) -> Iterator[Way]:
    """Yield every situation that no row covers: the classes, by variable, along each way to the empty leaf."""
    open_ended: dict[int, bool] = {}

    def leads_there(node: Node) -> bool:
        if isinstance(node, int):
            return node == NO_ROW
        if id(node) not in open_ended:
            open_ended[id(node)] = any(leads_there(child) for child in node[1])
        return open_ended[id(node)]

    def walk(node: Node, way: Way) -> Iterator[Way]:
        if isinstance(node, int):
            yield way
            return
        variable, children = node
        same: dict[int, set[int]] = {}
        for index, child in enumerate(children):
            if leads_there(child):
                same.setdefault(id(child), set()).add(index)
        for indices in same.values():
            yield from walk(children[min(indices)], {**way, variable: frozenset(indices)})

    if leads_there(root):
        yield from walk(root, {})


def _situation(way: Mapping[int, frozenset[int]], variables: Sequence[Variable], known: GuidelineSet) -> str:
    said = [_class_words(variables[at], sorted(way[at]), known) for at in sorted(way)]
    return " and ".join(words for words in said if words) or "anything is the case"


def _class_words(variable: Variable, indices: Sequence[int], known: GuidelineSet) -> str:
    """Return in words which classes a fact is in; empty for all of them."""
    if len(indices) == len(variable.classes):
        return ""
    name = name_of(variable.fact, known.vocabulary)
    if variable.item:
        return f"{name} {'includes' if indices[0] else 'does not include'} {variable.item.replace('_', ' ')}"
    if not variable.limits:
        return f"{name} is {' or '.join(say_value(variable.classes[index]) for index in indices)}"
    runs = [[index for _, index in run] for _, run in groupby(enumerate(indices), key=lambda pair: pair[1] - pair[0])]
    return f"{name} is {' or '.join(_run_words(variable, run[0], run[-1]) for run in runs)}"


def _run_words(variable: Variable, first: int, last: int) -> str:
    """Return neighbouring classes of a quantity in words; odd numbers are the limits themselves."""
    values = [say_value(Quantity(value=limit, unit=variable.unit)) for limit in variable.limits]
    if first == last and first % 2:
        return f"exactly {values[first // 2]}"
    low = "" if first == 0 else f"at least {values[first // 2]}" if first % 2 else f"above {values[first // 2 - 1]}"
    top = last == len(variable.classes) - 1
    high = "" if top else f"at most {values[last // 2]}" if last % 2 else f"below {values[last // 2]}"
    return " and ".join(word for word in (low, high) if word)
