"""Why an answer stays the same when a fact is put otherwise: found from what the engine did on both sides."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from mriloop.model.fact import Truth
from mriloop.model.guideline import Match, Step
from mriloop.stages.advise.compiled import ReadyGuideline, ReadyRow, ReadyTable
from mriloop.stages.advise.conditions import name_of
from mriloop.stages.advise.decide import NO_ROW, Decision
from mriloop.stages.advise.derive import DERIVATIONS
from mriloop.stages.advise.facts import CaseFacts


class Why(StrEnum):
    """The kinds of reason for which a fact does not matter to an answer."""

    NOT_ASKED = "not_asked"
    NOT_COUNTED = "not_counted"
    OVERRULED = "overruled"
    NOTHING_FOLLOWS = "nothing_follows"
    OUT_OF_SCOPE = "out_of_scope"
    GUARD_FIRST = "guard_first"
    SAME_CLASS = "same_class"
    SCOPE_FIRST = "scope_first"
    RULED_OUT = "ruled_out"
    WAITS = "waits"
    SILENT = "silent"
    EARLIER_ROW = "earlier_row"
    SAME_ROW = "same_row"
    NOT_EVALUATED = "not_evaluated"
    PROFILES_AGREE = "profiles_agree"
    ORDER_STOPPED = "order_stopped"
    UNEXPLAINED = "unexplained"


@dataclass(frozen=True, slots=True)
class Reason:
    """A reason in one word of `Why` and in a sentence. UNEXPLAINED is a fault of ours, and the tests look for it."""

    why: Why
    text: str


class Side:
    """What the engine made of one version of a case: the state of every conjunction of the guideline."""

    def __init__(self, known: ReadyGuideline, facts: CaseFacts, chosen: str | None) -> None:
        self.known, self.facts, self.chosen = known, facts, chosen
        possible, unsure = known.raising.truths(facts)
        self.raised = bool(possible & ~unsure)
        self.possible, self.unsure = known.matrix.truths(facts)
        self.outside = next((scope for bit, scope, _ in known.scopes if self.truth(bit) is Truth.FALSE), None)
        self.guard = next((each for each in known.guards if self.truth(each.bit) is Truth.TRUE), None)
        self.scope_unknown = any(self.truth(bit) is Truth.UNKNOWN for bit, _, _ in known.scopes)

    def truth(self, bit: int) -> Truth:
        """Return the truth of one conjunction."""
        if not self.possible >> bit & 1:
            return Truth.FALSE
        return Truth.UNKNOWN if self.unsure >> bit & 1 else Truth.TRUE

    def decide(self, table: ReadyTable) -> tuple[Decision, ...]:
        """Return what a table says on this side."""
        return table.decide(self.facts, self.possible, self.unsure)

    def answering(self, table: ReadyTable) -> tuple[ReadyRow, ...]:
        """Return the rows of a table that answer on this side."""
        if self.truth(table.when_bit) is not Truth.TRUE:
            return ()
        rows = (each.row for each in self.decide(table))
        return tuple(table.rows[row] for row in rows if row is not None and row != NO_ROW)


def why_unchanged(name: str, one: Side, other: Side) -> Reason:
    """Return why the answer of a guideline is the same on both sides, which differ in one stated fact."""
    known = one.known
    if one.raised == other.raised is False:
        return Reason(Why.OUT_OF_SCOPE, "the guideline is not on the table either way: nothing raises its question")
    if one.outside is not None and one.outside is other.outside:
        return Reason(Why.OUT_OF_SCOPE, f"the guideline does not speak either way: {one.outside.otherwise}")
    changed = _changed(name, one, other)
    if not changed:
        return _not_asked(name, one, other)
    if all(_same_class(each, one, other) for each in changed):
        return Reason(Why.SAME_CLASS, "no row tells the two apart: no limit and no other word lies between them")
    if one.guard is not None and one.guard is other.guard:
        return Reason(Why.GUARD_FIRST, f"{one.guard.place} answers before any row that asks for it")
    reasons = list(_of_places(changed, one, other))
    if not reasons:
        return Reason(Why.UNEXPLAINED, f"{known.guideline.id} asks for {', '.join(changed)}, but nowhere")
    reasons.sort(key=lambda each: (each.why is not Why.UNEXPLAINED, list(Why).index(each.why)))
    texts = list(dict.fromkeys(each.text for each in reasons))
    return Reason(reasons[0].why, "; ".join(texts[:3]) + (f"; and {len(texts) - 3} more" if len(texts) > 3 else ""))


def _changed(name: str, one: Side, other: Side) -> tuple[str, ...]:
    """Return the facts that the guideline asks for and that differ: the one put otherwise, and those that follow."""
    asked = [column.fact for column in (*one.known.raising.columns, *one.known.matrix.columns)]
    found = [each for each in dict.fromkeys(asked) if one.facts.value(each) != other.facts.value(each)]
    return tuple(sorted(found, key=lambda each: each != name))


def _not_asked(name: str, one: Side, other: Side) -> Reason:
    """Neither the fact nor one that follows from it reaches a row: never asked for, overruled, or nothing follows."""
    vocabulary = one.facts.vocabulary
    asked = {column.fact for column in (*one.known.raising.columns, *one.known.matrix.columns)}
    if name in asked:
        follows = name_of(name, vocabulary)
        return Reason(
            Why.NOTHING_FOLLOWS, f"{follows} follows from the other facts, and is the same without being stated"
        )
    for each in asked:
        spec = vocabulary[each]
        if spec.derived and name in _inputs(spec.derived, one.facts) | _inputs(spec.derived, other.facts):
            follows = name_of(each, vocabulary)
            if each in one.facts.stated and one.facts.fact(each) is one.facts.stated[each]:
                return Reason(Why.OVERRULED, f"{follows} is stated itself, and the stated word stands")
            return Reason(Why.NOTHING_FOLLOWS, f"{follows} is the same either way")
    schedules = [row.row.schedule for row in _all_rows(one.known) if row.row.schedule is not None]
    if schedules and (name in ("exam_date", "performed_follow_ups") or any(each.anchor == name for each in schedules)):
        return Reason(Why.NOT_COUNTED, "no date of what is proposed is counted from it, and it closes none")
    return Reason(Why.NOT_ASKED, "no row of this guideline asks for it")


def _inputs(function: str, facts: CaseFacts) -> set[str]:
    used: set[str] = set()

    def ask(name: str) -> object:
        used.add(name)
        for basis in facts.basis_of(name):
            used.add(basis)
        return facts.value(name)

    DERIVATIONS[function](ask, facts.as_of)  # type: ignore[arg-type]
    return used


def _same_class(name: str, one: Side, other: Side) -> bool:
    if not (one.facts.is_known(name) and other.facts.is_known(name)):
        return False
    values = one.facts.value(name), other.facts.value(name)
    return all(
        column.rows(values[0]) == column.rows(values[1])
        for column in (*one.known.raising.columns, *one.known.matrix.columns)
        if column.fact == name
    )


def _of_places(changed: Sequence[str], one: Side, other: Side) -> Iterator[Reason]:
    """Yield one reason for each scope, guard and table that asks for a changed fact."""
    known = one.known
    cares = 0
    for column in known.matrix.columns:
        if column.fact in changed:
            cares |= column.cares
    say = _Speaker(changed, one, other)
    for bit, _, _ in known.scopes:
        if cares >> bit & 1:
            yield say.conjunction(bit, "whether it applies")
    if one.scope_unknown and other.scope_unknown:
        asked = [name for bit, _, facts in known.scopes if one.truth(bit) is Truth.UNKNOWN for name in facts]
        yield Reason(Why.SCOPE_FIRST, f"first it must be known whether the guideline applies: {say.names(asked)}")
        return
    for guard in known.guards:
        if cares >> guard.bit & 1:
            yield say.conjunction(guard.bit, guard.place, guard)
    evaluated = {id(each.table) for _, rivals in known.topics(one.chosen) for each in rivals}
    for table in known.tables:
        mask = table.mask | 1 << table.when_bit
        if not cares & mask:
            continue
        if id(table.table) not in evaluated:
            yield Reason(
                Why.NOT_EVALUATED, f"{table.table.id} ({table.table.profile}) is superseded and was not chosen"
            )
            continue
        yield from _of_table(table, cares, say)
    if not cares:
        yield Reason(Why.SAME_CLASS, "it only decides whether the guideline is on the table, and it is either way")


def _of_table(table: ReadyTable, cares: int, say: _Speaker) -> Iterator[Reason]:
    one, other, place = say.one, say.other, table.table.id
    limited = one.truth(table.when_bit), other.truth(table.when_bit)
    if limited == (Truth.FALSE, Truth.FALSE):
        yield Reason(Why.RULED_OUT, f"{place} stays silent: {say.blame(table.when_bit) or 'its limit does not hold'}")
        return
    if not one.possible & table.mask and not other.possible & table.mask:
        yield Reason(Why.RULED_OUT, f"no row of {place} can answer: {say.blame_all(table.rows)}")
        return
    if limited == (Truth.UNKNOWN, Truth.UNKNOWN):
        yield Reason(Why.WAITS, f"{place} first waits for {say.unknown(table.limits)}")
        return
    decisions = one.decide(table), other.decide(table)
    if limited[0] is not limited[1] and all(
        _silent(table, truth, said) for truth, said in zip(limited, decisions, strict=True)
    ):
        yield Reason(Why.SILENT, f"{place} has nothing to say either way")
        return
    if table.table.match is Match.FIRST:
        yield _of_first(table, cares, decisions[0][0], decisions[1][0], say)
        return
    for row in table.rows:
        if cares >> row.bit & 1:
            yield say.conjunction(row.bit, row.place, row)


def _of_first(table: ReadyTable, cares: int, one: Decision, other: Decision, say: _Speaker) -> Reason:
    place = table.table.id
    if one.row is None and other.row is None and one.missing == other.missing:
        return Reason(Why.WAITS, f"{place} still waits for {say.names(one.missing)}")
    if one.row is None or one.row != other.row:
        return say.hidden(table)
    asking = [row for row in table.rows if cares >> row.bit & 1]
    if one.row == NO_ROW:
        return Reason(Why.RULED_OUT, f"no row of {place} answers either way: {say.blame_all(asking)}")
    answer = table.rows[one.row]
    before = [row for row in asking if table.rows.index(row) < one.row]
    if not before:
        return Reason(Why.EARLIER_ROW, f"{answer.place} answers before any row of its table that asks for it")
    if all(say.both_false(row.bit) for row in before):
        return Reason(Why.RULED_OUT, f"the rows of {place} that ask for it are ruled out: {say.blame_all(before)}")
    return Reason(Why.SAME_ROW, f"{answer.place} answers whatever it is")


def _silent(table: ReadyTable, limited: Truth, decisions: Sequence[Decision]) -> bool:
    """Tell whether a table says nothing: its limit does not hold, no row of it answers, or it does not ask."""
    if limited is Truth.FALSE or all(decision.row == NO_ROW for decision in decisions):
        return True
    return limited is Truth.UNKNOWN and table.table.if_unknown == "silent"


class _Speaker:
    """Puts the state of a conjunction on both sides into words."""

    def __init__(self, changed: Sequence[str], one: Side, other: Side) -> None:
        self.changed, self.one, self.other = changed, one, other
        self.vocabulary = one.facts.vocabulary

    def names(self, facts: Iterable[str]) -> str:
        return ", ".join(name_of(name, self.vocabulary) for name in dict.fromkeys(facts))

    def unknown(self, facts: Iterable[str]) -> str:
        return self.names(name for name in facts if not self.one.facts.is_known(name))

    def both_false(self, bit: int) -> bool:
        return self.one.truth(bit) is self.other.truth(bit) is Truth.FALSE

    def blame(self, bit: int) -> str:
        """Return the facts, beside the changed ones, that make a conjunction false."""
        found = []
        for column in self.one.known.matrix.columns:
            if column.fact in self.changed or not column.cares >> bit & 1:
                continue
            value = self.one.facts.value(column.fact)
            rows = column.rows(value) if self.one.facts.is_known(column.fact) else column.unknown
            if rows is not None and not rows >> bit & 1:
                found.append(column.fact)
        return self.names(found)

    def blame_all(self, rows: Iterable[ReadyRow]) -> str:
        named = dict.fromkeys(name for row in rows for name in self.blame(row.bit).split(", ") if name)
        return ", ".join(named) or "their own conditions"

    def conjunction(self, bit: int, place: str, row: ReadyRow | None = None) -> Reason:
        """Say why a conjunction that asks for the fact comes to the same on both sides."""
        states = self.one.truth(bit), self.other.truth(bit)
        if states == (Truth.FALSE, Truth.FALSE):
            return Reason(Why.RULED_OUT, f"{place} is ruled out: {self.blame(bit) or 'by the fact itself either way'}")
        if states == (Truth.UNKNOWN, Truth.UNKNOWN):
            return Reason(Why.WAITS, f"{place} still waits for {self.unknown(row.asks if row else ())}")
        if states == (Truth.TRUE, Truth.TRUE):
            return Reason(Why.SAME_CLASS, f"{place} holds either way")
        if row is None or row.table is None:
            return Reason(Why.WAITS, f"another fact is asked for first, in {place} or a guard like it")
        return self.hidden(next(table for table in self.one.known.tables if row in table.rows))

    def hidden(self, table: ReadyTable) -> Reason:
        """Say why a table that answers otherwise is not seen to: it only allows an order, or another speaks for it."""
        place = table.table.id
        said = {row.row.step for side in (self.one, self.other) for row in side.answering(table)}
        if said <= {Step.ALLOW_ORDER}:
            return Reason(Why.ORDER_STOPPED, f"{place} would only allow the order, and another answer stops it")
        rivals = next(rivals for _, rivals in self.one.known.topics(self.one.chosen) if table in rivals)
        if table is not rivals[0]:
            return Reason(Why.PROFILES_AGREE, f"{place} says the same as the default, which speaks for both")
        return Reason(Why.UNEXPLAINED, f"{place} answers otherwise, and nobody can see it")


def _all_rows(known: ReadyGuideline) -> tuple[ReadyRow, ...]:
    return (*known.guards, *(row for table in known.tables for row in table.rows))
