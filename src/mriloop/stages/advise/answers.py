"""What several authorities say to one case: side by side where they differ, once where they agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from mriloop.model.advice import (
    Caution,
    Conflict,
    OutOfScope,
    Recommendation,
    Undetermined,
)
from mriloop.model.guideline import CLOSING_STEPS, STOPPING_STEPS, Guideline, Table

_NOTHING_DONE = CLOSING_STEPS | STOPPING_STEPS


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What one guideline says of a case, before the guidelines are put together.

    `scope_missing` are the facts that decide whether it applies at all; until they are known its recommendations are
    only what it would say, unless a guard fired (`guarded`): an emergency does not wait for the patient's age.
    `emergencies` are the facts of an emergency that nobody has stated. `silent` tells that it applies, and that none of
    its tables speaks about the case.
    """

    guideline: Guideline
    recommendations: tuple[Recommendation, ...] = ()
    undetermined: tuple[Undetermined, ...] = ()
    out_of_scope: OutOfScope | None = None
    conflicts: tuple[Conflict, ...] = ()
    warnings: tuple[Caution, ...] = ()
    scope_missing: tuple[str, ...] = ()
    guarded: bool = False
    emergencies: tuple[str, ...] = ()
    silent: bool = False


def rivals_of(tables: Sequence[Table], chosen: str | None) -> list[Table]:
    """Return the tables of one question that are evaluated, the default first.

    The chosen profile leads; without one the shipped default does. A superseded table takes part only when chosen.
    """
    named = [table for table in tables if chosen in (table.profile, table.id)]
    rest = [table for table in tables if table not in named and not table.superseded]
    return named + sorted(rest, key=lambda table: not table.default)


def side_by_side(
    guideline: Guideline, topic: str, answers: list[Recommendation]
) -> tuple[list[Recommendation], list[Conflict]]:
    """Keep the default's answer and every profile that says something else; say where they differ."""
    profiles = list(dict.fromkeys(each.profile for each in answers))
    if len(profiles) < 2:
        return answers, []
    lead = [each for each in answers if each.profile == profiles[0]]
    kept, agreeing = list(lead), []
    for profile in profiles[1:]:
        said = [each for each in answers if each.profile == profile]
        if [_gist(each) for each in said] == [_gist(each) for each in lead]:
            agreeing.append(profile)
        else:
            kept += said
    if agreeing:
        kept = [
            replace(each, because=(*each.because, f"{', '.join(agreeing)} says the same"))
            if each.profile == profiles[0]
            else each
            for each in kept
        ]
    if len(kept) == len(lead):
        return kept, []
    sides = "; ".join(f"{each.profile}: {each.text.rstrip('.')}" for each in kept)
    marked = f" The default here is {lead[0].profile}." if lead[0].default else ""
    conflict = Conflict(
        topic=f"{guideline.title}: {topic}",
        recommendations=tuple(each.id for each in kept),
        text=f"{sides}.{marked}",
        default=lead[0].id if lead[0].default else "",
    )
    return kept, [conflict]


def _gist(each: Recommendation) -> tuple[object, ...]:
    """Return all that a reader would act on: authorities agree only where none of it differs.

    Of a step after which nothing is done, who is told and what is said beside it count for nothing.
    """
    examination = (each.modality, each.region, each.contrast)
    dates = (each.window, each.schedule, each.then)
    doing = () if each.step in _NOTHING_DONE else (frozenset(each.specialty), frozenset(each.actions))
    return (each.step, each.urgency, examination, dates, doing)


def share_families(answers: list[Answer]) -> list[Answer]:
    """Settle guidelines that wait to know whether they apply.

    Guidelines of one family share out a population (by age, say). Where the fact that would choose between them is
    unknown and all members that may apply propose the same steps, those steps stand once, with a warning. Otherwise
    nothing is proposed and the fact is asked for.
    """
    if not any(answer.scope_missing for answer in answers):
        return answers
    settled = []
    for answer in answers:
        if not answer.scope_missing or answer.out_of_scope:
            settled.append(answer)
            continue
        family = [
            each for each in answers if each.guideline.family == answer.guideline.family and not each.out_of_scope
        ]
        agreed = (
            len(family) > 1
            and all(each.recommendations and not each.undetermined for each in family)
            and len({_steps(each) for each in family}) == 1
        )
        if agreed and answer is family[0]:
            titles = " and ".join(each.guideline.title for each in family)
            missing = ", ".join(answer.scope_missing)
            text = f"Which applies is not known ({missing} not stated), but all say this: {titles}."
            settled.append(replace(answer, warnings=(*answer.warnings, Caution(code="scope_not_confirmed", text=text))))
        elif not agreed and answer.guarded:
            settled.append(answer)
        elif agreed:
            reason = f"{family[0].guideline.title} says the same; which of them applies is not known"
            settled.append(
                Answer(
                    guideline=answer.guideline,
                    out_of_scope=OutOfScope(guideline=answer.guideline.id, reason=reason),
                )
            )
        else:
            settled.append(_waiting(answer))
    return settled


def _waiting(answer: Answer) -> Answer:
    """Withdraw what a guideline would say while nobody knows whether it applies; ask for all that it needs."""
    lacks = [name for each in answer.undetermined for name in each.missing]
    profiles = [name for each in answer.undetermined for name in each.profiles]
    waiting = Undetermined(
        guideline=answer.guideline.id,
        missing=tuple(dict.fromkeys([*answer.scope_missing, *lacks])),
        profiles=tuple(dict.fromkeys(profiles)),
    )
    return replace(answer, recommendations=(), conflicts=(), out_of_scope=None, undetermined=(waiting,))


def _steps(answer: Answer) -> tuple[tuple[object, ...], ...]:
    return tuple(sorted((each.step, each.urgency, each.specialty) for each in answer.recommendations if each.default))
