"""From facts and guidelines to advice: recommendations, what is missing, what does not apply, where authorities differ.

Deterministic and pure: the same facts, guidelines and `as_of` give the same advice. Windows are counted from dates
among the facts, so that asking again later never moves them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache

from mriloop.model.advice import (
    Advice,
    Caution,
    Conflict,
    OutOfScope,
    Recommendation,
    Undetermined,
)
from mriloop.model.coding import Region, Urgency
from mriloop.model.fact import UNKNOWN, Truth, all_of, any_of
from mriloop.model.finding import Fact
from mriloop.model.guideline import (
    Condition,
    FactSpec,
    Guideline,
    GuidelineSet,
    Match,
    Row,
    Step,
    Table,
)
from mriloop.model.schedule import Window
from mriloop.stages.advise.answers import Answer, Question, rivals_of, share_families, side_by_side
from mriloop.stages.advise.conditions import holds, name_of, say_condition, say_fact
from mriloop.stages.advise.decide import NO_ROW, CompiledTable, compile_rows, decide_each, decide_first, residual_rows
from mriloop.stages.advise.derive.common import is_unknown
from mriloop.stages.advise.facts import complete
from mriloop.stages.advise.schedule import next_open, windows

_EMERGENCIES = (Urgency.MINUTES, Urgency.HOURS)
_STOPS = (Step.BLOCK_ORDER, Step.HOLD_ORDER, Step.ASK_BEFORE_ORDER)


def evaluate(
    guidelines: GuidelineSet,
    facts: Mapping[str, Fact],
    *,
    as_of: date,
    default_profiles: Mapping[str, str] | None = None,
) -> Advice:
    """Put a case to every guideline.

    Parameters
    ----------
    guidelines
        The guidelines in force with their vocabulary.
    facts
        What is on record, by name of the vocabulary; a fact that is absent or UNKNOWN is unknown, never negative.
    as_of
        The day on which the advice is asked for. It enters ages and times since, and stands in for an anchor date only
        where a row says so, with a warning.
    default_profiles
        Guideline id → profile that the site, or the case, prefers; lies over the choice in `guidelines`.

    Returns
    -------
    Advice
        Recommendations ordered by urgency, then by guideline. Every guideline appears in `recommendations`,
        `undetermined` or `out_of_scope`: none is silent.
    """
    stated = complete(facts, guidelines.vocabulary, as_of)
    question = Question(
        facts=stated.facts,
        values={name: fact.value for name, fact in stated.facts.items()},
        basis=stated.basis,
        vocabulary=guidelines.vocabulary,
        as_of=as_of,
        profiles={**guidelines.default_profiles, **(default_profiles or {})},
    )
    answers = share_families([_ask(guideline, question) for guideline in guidelines.guidelines])
    order = list(Urgency)
    recommendations = sorted(
        (each for answer in answers for each in answer.recommendations), key=lambda each: order.index(each.urgency)
    )
    warnings = [caution for answer in answers for caution in answer.warnings]
    warnings += [
        Caution(
            code="facts_disagree",
            text=f"What is stated for {name_of(name, guidelines.vocabulary)} does not follow from the other facts; "
            "the stated word was used. Check both.",
        )
        for name in stated.contradictions
    ]
    return Advice(
        recommendations=tuple(recommendations),
        undetermined=tuple(
            replace(each, questions=questions_for(each.missing, guidelines.vocabulary))
            for answer in answers
            for each in answer.undetermined
        ),
        out_of_scope=tuple(answer.out_of_scope for answer in answers if answer.out_of_scope),
        conflicts=tuple(conflict for answer in answers for conflict in answer.conflicts),
        warnings=tuple(dict.fromkeys(warnings)),
        facts=question.values,
    )


def questions_for(missing: Iterable[str], vocabulary: Mapping[str, FactSpec]) -> tuple[str, ...]:
    """Return the question to ask a person for each missing fact."""
    return tuple(vocabulary[name].question for name in missing)


def _ask(guideline: Guideline, question: Question) -> Answer:
    values = question.values
    raised = any_of(
        all_of(holds(each, values.get(each.fact, UNKNOWN)) for each in group) for group in guideline.raised_by
    )
    if raised is not Truth.TRUE:
        reason = (
            "the case does not raise its question" if raised is Truth.FALSE else "nothing stated raises its question"
        )
        return Answer(guideline=guideline, out_of_scope=OutOfScope(guideline=guideline.id, reason=reason))
    outside: list[str] = []
    for scope in guideline.applies_when:
        inside = all_of(holds(each, values.get(each.fact, UNKNOWN)) for each in scope.when)
        if inside is Truth.FALSE:
            return Answer(guideline=guideline, out_of_scope=OutOfScope(guideline=guideline.id, reason=scope.otherwise))
        if inside is Truth.UNKNOWN:
            outside += [
                each.fact for each in scope.when if holds(each, values.get(each.fact, UNKNOWN)) is Truth.UNKNOWN
            ]
    scope_missing = tuple(dict.fromkeys(outside))
    guards = _guards(guideline, question)
    if guards.fired:
        warnings = [*guards.notes, *_not_excluded(guideline, guards.emergencies, question, "emergency_not_excluded")]
        return Answer(
            guideline=guideline,
            recommendations=guards.fired,
            warnings=tuple(warnings),
            scope_missing=scope_missing,
            guarded=True,
        )
    answer = _tables(guideline, question)
    asked = {name for each in answer.undetermined for name in each.missing} | set(scope_missing)
    warnings = _not_excluded(guideline, guards.emergencies, question, "emergency_not_excluded")
    warnings += _not_excluded(guideline, [name for name in guards.others if name not in asked], question)
    return replace(answer, warnings=tuple(dict.fromkeys([*warnings, *answer.warnings])), scope_missing=scope_missing)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Guards:
    """The guard that fires, if any, and the facts that nobody has stated though a guard would fire on them."""

    fired: tuple[Recommendation, ...] = ()
    emergencies: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    notes: tuple[Caution, ...] = ()


def _guards(guideline: Guideline, question: Question) -> _Guards:
    """Ask the guards in order. Of a guard that is unknown, the first unknown fact is the one to ask for."""
    if not guideline.guards:
        return _Guards()
    table = _compiled_guards(guideline, _Vocabulary(question.vocabulary))
    residual = residual_rows(table, question.values)
    emergencies: dict[str, None] = {}
    others: dict[str, None] = {}
    for number, cells in residual:
        if cells:
            kind = emergencies if guideline.guards[number].urgency in _EMERGENCIES else others
            kind[table.variables[cells[0][0]].fact] = None
    open_guards = _Guards(
        emergencies=tuple(emergencies), others=tuple(name for name in others if name not in emergencies)
    )
    if not residual or residual[-1][1]:
        return open_guards
    row = guideline.guards[residual[-1][0]]
    due, window, _, notes = _due(row, question)
    fired = (_recommend(guideline, None, row, question, window=window, due=due),)
    return replace(open_guards, fired=fired, notes=tuple(notes))


def _tables(guideline: Guideline, question: Question) -> Answer:
    chosen = question.profiles.get(guideline.id)
    recommendations: list[Recommendation] = []
    conflicts: list[Conflict] = []
    missing: dict[str, None] = {}
    profiles: dict[str, None] = {}
    cautions: list[Caution] = []
    for topic in dict.fromkeys(table.question for table in guideline.tables):
        rivals = rivals_of([table for table in guideline.tables if table.question == topic], chosen)
        rivals = [table for table in rivals if _speaks(table, question) is not Truth.FALSE]
        answers: list[Recommendation] = []
        for table in rivals:
            said, lacks, notes = _decide(guideline, table, question)
            answers += [replace(each, default=table is rivals[0]) for each in said]
            cautions += notes
            if lacks:
                missing.update(dict.fromkeys(lacks))
                profiles[table.profile] = None
        kept, conflict = side_by_side(guideline, topic, answers)
        recommendations += kept
        conflicts += conflict
    undetermined: tuple[Undetermined, ...] = ()
    if missing:
        undetermined = (Undetermined(guideline=guideline.id, missing=tuple(missing), profiles=tuple(profiles)),)
    if any(each.step in _STOPS for each in recommendations):
        recommendations = [each for each in recommendations if each.step is not Step.ALLOW_ORDER]
    reason = "" if recommendations or missing else "no table of it speaks about this case"
    return Answer(
        guideline=guideline,
        recommendations=tuple(recommendations),
        undetermined=undetermined,
        conflicts=tuple(conflicts),
        warnings=tuple(dict.fromkeys(cautions)),
        out_of_scope=OutOfScope(guideline=guideline.id, reason=reason) if reason else None,
    )


def _decide(
    guideline: Guideline, table: Table, question: Question
) -> tuple[list[Recommendation], tuple[str, ...], list[Caution]]:
    """Return what one table recommends, the facts it lacks, and what to warn of."""
    values = question.values
    speaks = _speaks(table, question)
    compiled = _compiled_table(table, _Vocabulary(question.vocabulary))
    decisions = [decide_first(compiled, values)] if table.match is Match.FIRST else decide_each(compiled, values)
    missing: list[str] = []
    if speaks is Truth.UNKNOWN:
        if all(decision is None or decision.row == NO_ROW for decision in decisions):
            return [], (), []
        lacks = [each.fact for each in table.when if holds(each, values.get(each.fact, UNKNOWN)) is Truth.UNKNOWN]
        if table.if_unknown == "ask":
            return [], tuple(dict.fromkeys(lacks)), []
        return [], (), _not_excluded(guideline, lacks, question) if table.if_unknown == "warn" else []
    said: list[Recommendation] = []
    notes: list[Caution] = []
    for decision in decisions:
        if decision is None or decision.row == NO_ROW:
            continue
        if decision.row is None:
            missing += decision.missing
            continue
        row = table.rows[decision.row]
        due, window, anchor, note = _due(row, question)
        missing += anchor
        notes += note
        if not anchor:
            said.append(_recommend(guideline, table, row, question, window=window, due=due))
    return said, tuple(dict.fromkeys(missing)), notes


def _speaks(table: Table, question: Question) -> Truth:
    return all_of(holds(each, question.values.get(each.fact, UNKNOWN)) for each in table.when)


def _not_excluded(
    guideline: Guideline, names: Iterable[str], question: Question, code: str = "not_excluded"
) -> list[Caution]:
    asked = tuple(dict.fromkeys(names))
    if not asked:
        return []
    text = (
        f"{guideline.title}: nobody has excluded {', '.join(name_of(name, question.vocabulary) for name in asked)}. "
        f"Ask: {' '.join(questions_for(asked, question.vocabulary))}"
    )
    return [Caution(code=code, text=text)]


def _due(row: Row, question: Question) -> tuple[tuple[Window, ...], Window | None, tuple[str, ...], list[Caution]]:
    """Return all windows of a row, the next open one, the anchor if it is missing, and warnings."""
    schedule = row.schedule
    if schedule is None:
        return (), None, (), []
    anchor = question.values.get(schedule.anchor, UNKNOWN)
    notes: list[Caution] = []
    name = name_of(schedule.anchor, question.vocabulary)
    if not isinstance(anchor, date):
        if not schedule.or_as_of:
            return (), None, (schedule.anchor,), []
        anchor = question.as_of
        text = f"The {name} is not stated: dates are counted from {anchor}. State it, and they will never move."
        notes.append(Caution(code="anchor_assumed", text=text))
    due = windows(schedule, anchor)
    window = next_open(due, _performed(question, after=anchor))
    if window is not None and window.latest < question.as_of:
        text = f"The MRI due on {window.target} (until {window.latest}) is not on record as done."
        notes.append(Caution(code="window_passed", text=text))
    return due, window, (), notes


def _performed(question: Question, *, after: date) -> list[date]:
    """Return the days after the anchor on which the case says that an MRI was made."""
    days = [question.values.get("exam_date", UNKNOWN)]
    listed = question.values.get("performed_follow_ups", UNKNOWN)
    if isinstance(listed, tuple):
        days += [date.fromisoformat(day) for day in listed]
    return [day for day in days if isinstance(day, date) and day > after]


def _recommend(
    guideline: Guideline,
    table: Table | None,
    row: Row,
    question: Question,
    *,
    window: Window | None,
    due: tuple[Window, ...],
) -> Recommendation:
    place = f"{table.id if table else 'guards'}/{row.id}"
    listed = question.values.get(row.pulse_sequences_from, UNKNOWN) if row.pulse_sequences_from else UNKNOWN
    schedule = row.schedule
    return Recommendation(
        id=f"{guideline.id}/{place}",
        guideline=guideline.id,
        row=place,
        step=row.step,
        text=row.text,
        because=_because(guideline, table, row, question),
        citation=row.citation,
        profile=table.profile if table else guideline.edition,
        status=row.status,
        urgency=row.urgency,
        modality=row.modality,
        region=row.region or _region(row, question),
        contrast=row.contrast,
        pulse_sequences=listed if isinstance(listed, tuple) else row.pulse_sequences,
        window=window,
        schedule=due,
        then=schedule.then if schedule else "",
        never_auto_close=schedule.never_auto_close if schedule else False,
        specialty=row.specialty,
        actions=row.actions,
        repeat_reason=row.repeat_reason,
        question=table.question if table else "guards",
        edition=guideline.edition,
        note=row.note,
        provenance=row.provenance,
    )


def _region(row: Row, question: Question) -> Region | None:
    """The region that was imaged, for an examination whose row names none."""
    region = question.values.get("region", UNKNOWN)
    return Region(region) if row.modality and isinstance(region, str) else None


def _because(guideline: Guideline, table: Table | None, row: Row, question: Question) -> tuple[str, ...]:
    """Return the facts of the table and the row with their sources, the row in words, and what the row says of itself.

    A row without conditions rests on what the rows before it asked for.
    """
    conditions = [*(table.when if table else ()), *row.when]
    if not row.when and table is not None:
        conditions += [condition for other in table.rows for condition in other.when]
    lines = []
    for name in dict.fromkeys(condition.fact for condition in conditions):
        fact = question.facts.get(name)
        if fact is not None and not is_unknown(fact.value):
            basis = [question.facts[other] for other in question.basis.get(name, ())]
            lines.append(say_fact(fact, question.vocabulary, basis))
    cells = " and ".join(say_condition(condition, question.vocabulary) for condition in row.when)
    title = f"{guideline.id}/{table.id if table else 'guards'}/{row.id}"
    lines.append(f"row {title}: {cells or 'what the rows before it do not cover'}")
    lines += [words for words in (row.note, row.provenance) if words]
    return tuple(lines)


class _Vocabulary:
    """A vocabulary that may key a cache: two are the same when they are the same object."""

    __slots__ = ("specs",)

    def __init__(self, specs: Mapping[str, FactSpec]) -> None:
        self.specs = specs

    def __hash__(self) -> int:
        return id(self.specs)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Vocabulary) and self.specs is other.specs


@lru_cache(maxsize=1024)
def _compiled_table(table: Table, vocabulary: _Vocabulary) -> CompiledTable:
    return compile_rows([row.when for row in table.rows], vocabulary.specs)


@lru_cache(maxsize=256)
def _compiled_guards(guideline: Guideline, vocabulary: _Vocabulary) -> CompiledTable:
    return compile_rows([row.when for row in guideline.guards], vocabulary.specs)


def conditions_of(guideline: Guideline) -> tuple[Condition, ...]:
    """Return every condition of a guideline: what raises it, its scope, its guards and its tables."""
    found: list[Condition] = [each for group in guideline.raised_by for each in group]
    found += [each for scope in guideline.applies_when for each in scope.when]
    found += [each for row in guideline.guards for each in row.when]
    found += [each for table in guideline.tables for each in table.when]
    found += [each for table in guideline.tables for row in table.rows for each in row.when]
    return tuple(found)
