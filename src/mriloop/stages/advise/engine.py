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
from mriloop.model.coding import Urgency
from mriloop.model.fact import UNKNOWN, Truth, truth
from mriloop.model.finding import Fact
from mriloop.model.guideline import (
    STAFF_STEPS,
    Condition,
    FactSpec,
    Guideline,
    GuidelineSet,
    Status,
    Step,
)
from mriloop.stages.advise.answers import Answer, share_families, side_by_side
from mriloop.stages.advise.cautions import emergencies_open, shared_lesion
from mriloop.stages.advise.compiled import EMERGENCIES, ReadyGuideline, ReadyTable, ready
from mriloop.stages.advise.conditions import name_of
from mriloop.stages.advise.contrast import with_a_person
from mriloop.stages.advise.decide import NO_ROW
from mriloop.stages.advise.facts import CaseFacts
from mriloop.stages.advise.recommend import cautions_of, due, recommend

# The one fact that follows from the guidelines themselves (facts/dispatch.yaml).
UNADDRESSED = "condition_unaddressed"
_STOPS = (Step.BLOCK_ORDER, Step.HOLD_ORDER, Step.ASK_BEFORE_ORDER)
_URGENCY_RANK = {urgency: rank for rank, urgency in enumerate(Urgency)}


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
        Recommendations ordered by urgency, of one urgency those that are overdue first, then by guideline. Every
        guideline appears in `recommendations`, `undetermined` or `out_of_scope`: none is silent. `facts` are the stated
        ones and the derived ones that some guideline asked for.
    """
    case = CaseFacts(facts, guidelines.vocabulary, as_of)
    profiles = guidelines.default_profiles
    if default_profiles:
        profiles = {**profiles, **default_profiles}
    first, last = _in_order(guidelines)
    answers = share_families([_ask(each, case, profiles) for each in first])
    unaddressed: tuple[str, ...] | None = None
    if last:
        unaddressed = _unaddressed(answers, case)
        case.settle(UNADDRESSED, UNKNOWN if unaddressed is None else truth(bool(unaddressed)), ("condition",))
        answers += [_ask(each, case, profiles) for each in last]
    recommendations = [each for answer in answers for each in answer.recommendations]
    # Within one urgency what is overdue comes first, and what is verified before what is a draft.
    recommendations.sort(
        key=lambda each: (
            _URGENCY_RANK[each.urgency],
            not (each.default and each.is_overdue(as_of)),
            each.default and each.status is Status.DRAFT,
        )
    )
    recommendations, on_contrast = with_a_person(recommendations, case)
    warnings = [*on_contrast, *emergencies_open(answers, guidelines.vocabulary)]
    warnings += [caution for answer in answers for caution in answer.warnings]
    warnings += [*shared_lesion(answers, case), *_without_guideline(unaddressed or (), case)]
    warnings += [
        Caution(
            code="facts_disagree",
            text=f"What is stated for {name_of(name, guidelines.vocabulary)} does not follow from the other facts; "
            f"{case.used_of(name)} Check both.",
        )
        for name in case.contradictions()
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
        facts=case.asked(),
    )


def questions_for(missing: Iterable[str], vocabulary: Mapping[str, FactSpec]) -> tuple[str, ...]:
    """Return the question to ask a person for each missing fact."""
    return tuple(vocabulary[name].question for name in missing)


@lru_cache(maxsize=32)
def _in_order(guidelines: GuidelineSet) -> tuple[tuple[ReadyGuideline, ...], tuple[ReadyGuideline, ...]]:
    """Return the guidelines made ready, and those that are asked last: they look at what the others leave open."""
    late = {each.id for each in guidelines.guidelines if UNADDRESSED in {cell.fact for cell in conditions_of(each)}}
    made = [ready(each, guidelines.vocabulary) for each in guidelines.guidelines]
    return (
        tuple(each for each in made if each.guideline.id not in late),
        tuple(each for each in made if each.guideline.id in late),
    )


def _unaddressed(answers: Iterable[Answer], facts: CaseFacts) -> tuple[str, ...] | None:
    """Return the stated conditions that raise no guideline that is in scope; None where no condition is stated."""
    stated = facts.value("condition")
    if not isinstance(stated, tuple):
        return None
    words = {answer.guideline.id: ready(answer.guideline, facts.vocabulary).conditions for answer in answers}
    # A guideline that applies and keeps silent leaves the word to one that the other facts put on the table.
    by_facts = any(
        each.step not in STAFF_STEPS
        for answer in answers
        if not words[answer.guideline.id] & set(stated)
        for each in answer.recommendations
    )
    spoken_for = {
        word
        for answer in answers
        if answer.out_of_scope is None or (by_facts and answer.silent)
        for word in words[answer.guideline.id]
    }
    return tuple(word for word in stated if word not in spoken_for and word != "none")


def _without_guideline(conditions: Iterable[str], facts: CaseFacts) -> list[Caution]:
    """Return a warning that names the conditions without a guideline, those first that no guideline ever heard of."""
    known = facts.vocabulary["condition"].values if "condition" in facts.vocabulary else ()
    new = [word.replace("_", " ") for word in conditions if word not in known]
    heard = [word.replace("_", " ") for word in conditions if word in known and word != "other"]
    said = [f"a word that none knows: {', '.join(new)}"] if new else []
    said += [f"not for this patient: {', '.join(heard)}"] if heard else []
    if not said:
        return []
    text = f"No guideline in force speaks about every stated condition ({'; '.join(said)}). A clinician looks at it."
    return [Caution(code="condition_without_guideline", text=text)]


def _ask(known: ReadyGuideline, facts: CaseFacts, profiles: Mapping[str, str]) -> Answer:
    guideline = known.guideline
    possible, unsure = known.raising.truths(facts)
    if not possible & ~unsure:
        reason = "nothing stated raises its question" if possible else "the case does not raise its question"
        return Answer(guideline=guideline, out_of_scope=OutOfScope(guideline=guideline.id, reason=reason))
    possible, unsure = known.matrix.truths(facts)
    outside: list[str] = []
    for bit, scope, asked in known.scopes:
        if not possible >> bit & 1:
            return Answer(guideline=guideline, out_of_scope=OutOfScope(guideline=guideline.id, reason=scope.otherwise))
        if unsure >> bit & 1:
            outside += [name for name in asked if not facts.is_known(name)]
    scope_missing = tuple(dict.fromkeys(outside))
    guards = _guards(known, facts, possible, unsure)
    if guards.fired:
        return Answer(
            guideline=guideline,
            recommendations=guards.fired,
            warnings=guards.notes,
            emergencies=guards.emergencies,
            scope_missing=scope_missing,
            guarded=True,
        )
    said = _tables(known, facts, profiles.get(guideline.id), possible, unsure)
    asked_for = {*said.missing, *scope_missing}
    cautions = known.not_excluded(tuple(name for name in guards.others if name not in asked_for))
    undetermined: tuple[Undetermined, ...] = ()
    if said.missing:
        undetermined = (
            Undetermined(guideline=guideline.id, missing=tuple(said.missing), profiles=tuple(said.profiles)),
        )
    silent = not said.recommendations and not said.missing
    return Answer(
        guideline=guideline,
        recommendations=tuple(said.recommendations),
        undetermined=undetermined,
        conflicts=tuple(said.conflicts),
        warnings=tuple(dict.fromkeys([*cautions, *said.cautions])),
        out_of_scope=OutOfScope(guideline=guideline.id, reason="no table of it speaks about this case")
        if silent
        else None,
        scope_missing=scope_missing,
        emergencies=guards.emergencies,
        silent=silent,
    )


@dataclass(frozen=True, slots=True)
class _Guards:
    """The guard that fires, if any, and the facts that nobody has stated though a guard would fire on them."""

    fired: tuple[Recommendation, ...]
    emergencies: tuple[str, ...]
    others: tuple[str, ...]
    notes: tuple[Caution, ...]


_NO_GUARDS = _Guards((), (), (), ())


def _guards(known: ReadyGuideline, facts: CaseFacts, possible: int, unsure: int) -> _Guards:
    """Ask the guards, emergencies first: the first that holds speaks, and each further emergency is named beside it.

    Of a guard that is unknown, the first unknown fact is the one to ask for.
    """
    if not known.guards:
        return _NO_GUARDS
    emergencies: dict[str, None] = {}
    others: dict[str, None] = {}
    fired: tuple[Recommendation, ...] = ()
    notes: tuple[Caution, ...] = ()
    for guard in known.guards:
        if not possible >> guard.bit & 1:
            continue
        if fired:
            if guard.row.urgency in EMERGENCIES and not unsure >> guard.bit & 1:
                notes = (*notes, Caution(code="emergency_as_well", text=f"This holds as well: {guard.row.text}"))
            continue
        if unsure >> guard.bit & 1:
            kind = emergencies if guard.row.urgency in EMERGENCIES else others
            kind[next(name for name in guard.asks if not facts.is_known(name))] = None
            continue
        when = due(guard, facts)
        notes = cautions_of(guard, when)
        if when.missing:
            asked = " ".join(questions_for(when.missing, facts.vocabulary))
            notes = (
                *notes,
                Caution(code="anchor_missing", text=f"{guard.id} has no date before this is known: {asked}"),
            )
        fired = (recommend(guard, facts, when, default=True),)
    return _Guards(fired, tuple(emergencies), tuple(name for name in others if name not in emergencies), notes)


class _Said:
    """What the tables of one guideline say together."""

    def __init__(self) -> None:
        self.recommendations: list[Recommendation] = []
        self.conflicts: list[Conflict] = []
        self.cautions: list[Caution] = []
        self.missing: dict[str, None] = {}
        self.profiles: dict[str, None] = {}


def _tables(known: ReadyGuideline, facts: CaseFacts, chosen: str | None, possible: int, unsure: int) -> _Said:
    said = _Said()
    for topic, rivals in known.topics(chosen):
        speaking = [each for each in rivals if possible >> each.when_bit & 1]
        answers: list[Recommendation] = []
        for table in speaking:
            speaks = Truth.UNKNOWN if unsure >> table.when_bit & 1 else Truth.TRUE
            lead = table is speaking[0]
            answered, lacks = _decide(known, table, facts, said, possible, unsure, speaks=speaks, default=lead)
            answers += answered
            if lacks:
                said.missing.update(dict.fromkeys(lacks))
                said.profiles[table.table.profile] = None
        if len(answers) > 1:
            answers, conflicts = side_by_side(known.guideline, topic, answers)
            said.conflicts += conflicts
        said.recommendations += answers
    if any(each.step in _STOPS for each in said.recommendations):
        said.recommendations = [each for each in said.recommendations if each.step is not Step.ALLOW_ORDER]
    return said


def _decide(
    known: ReadyGuideline, table: ReadyTable, facts: CaseFacts, said: _Said, possible: int, unsure: int,
    *, speaks: Truth, default: bool,
) -> tuple[list[Recommendation], list[str]]:  # fmt: skip
    """Return what one table recommends and the facts it lacks; what to warn of goes into `said`."""
    if not possible & table.mask:
        return [], []
    decisions = table.decide(facts, possible, unsure)
    if speaks is Truth.UNKNOWN:
        if all(decision.row == NO_ROW for decision in decisions):
            return [], []
        lacks = [name for name in table.limits if not facts.is_known(name)]
        if table.table.if_unknown == "ask":
            return [], lacks
        if table.table.if_unknown == "warn":
            said.cautions += known.not_excluded(tuple(lacks))
        return [], []
    answered: list[Recommendation] = []
    missing: list[str] = []
    for decision in decisions:
        if decision.row is None:
            missing += decision.missing
        elif decision.row != NO_ROW:
            row = table.rows[decision.row]
            when = due(row, facts)
            missing += when.missing
            if not when.missing:
                said.cautions += cautions_of(row, when)
                answered.append(recommend(row, facts, when, default=default))
    return answered, missing


def conditions_of(guideline: Guideline) -> tuple[Condition, ...]:
    """Return every condition of a guideline: what raises it, its scope, its guards and its tables."""
    found: list[Condition] = [each for group in guideline.raised_by for each in group]
    found += [each for scope in guideline.applies_when for each in scope.when]
    found += [each for row in guideline.guards for each in row.when]
    found += [each for table in guideline.tables for each in table.when]
    found += [each for table in guideline.tables for row in table.rows for each in row.when]
    return tuple(found)
