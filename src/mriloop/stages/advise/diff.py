"""Two editions of the guidelines beside each other: row by row, and case by case which answers change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from mriloop.model.advice import Advice, Recommendation
from mriloop.model.guideline import FactSpec, Guideline, GuidelineCase, GuidelineSet, Row, Table
from mriloop.stages.advise.conditions import say_condition, say_value
from mriloop.stages.advise.lint import advise_on
from mriloop.stages.advise.show import say_schedule
from mriloop.stages.advise.signatures import rows_of

_SAID = ("step", "text", "urgency", "modality", "region", "contrast", "pulse_sequences", "specialty", "actions", "note")


@dataclass(frozen=True, slots=True, kw_only=True)
class RowChange:
    """One row that is not the same: `what` names the part, `old` and `new` say it in words, empty where absent."""

    where: str
    what: str
    old: str
    new: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseChange:
    """One worked case that gets another answer. `facts` are those of the case, `old` and `new` the answers in words."""

    guideline: str
    name: str
    facts: str
    old: tuple[str, ...]
    new: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What differs between two editions; `cases_run` is the number of worked cases that both were asked."""

    rows: tuple[RowChange, ...]
    cases: tuple[CaseChange, ...]
    cases_run: int


def compare_editions(
    old: GuidelineSet, new: GuidelineSet, cases: Mapping[str, Sequence[GuidelineCase]], *, only: str | None = None
) -> Difference:
    """Return what differs between two editions of the guidelines.

    Parameters
    ----------
    old, new
        The editions. A guideline that only one of them has counts as removed or added with all its rows.
    cases
        Worked cases of both editions by guideline id; each runs once through either, whatever it expects.
    only
        The id of the one guideline to compare.

    Returns
    -------
    Difference
        Empty lists where nothing differs. An answer differs when a step, its row, urgency, examination or dates do, or
        what is asked for.
    """
    names = dict.fromkeys(each.id for each in (*old.guidelines, *new.guidelines) if only in (None, each.id))
    rows: list[RowChange] = []
    changed: list[CaseChange] = []
    run = 0
    for name in names:
        before, after = old.get(name), new.get(name)
        rows += _rows(name, before, after, {**old.vocabulary, **new.vocabulary})
        for case in _once(cases.get(name, ())):
            run += 1
            said = [
                _answer(advise_on(each, case, known)) if each is not None else ("there is no such guideline",)
                for each, known in ((before, old), (after, new))
            ]
            if said[0] != said[1]:
                facts = ", ".join(f"{fact}: {say_value(value)}" for fact, value in case.facts.items())
                changed.append(CaseChange(guideline=name, name=case.name, facts=facts, old=said[0], new=said[1]))
    return Difference(rows=tuple(rows), cases=tuple(changed), cases_run=run)


def _once(cases: Iterable[GuidelineCase]) -> Iterable[GuidelineCase]:
    """Yield each case once: the same facts on the same day with the same profiles are one question."""
    seen = set()
    for case in cases:
        key = (tuple(sorted((name, repr(value)) for name, value in case.facts.items())), case.as_of, str(case.profiles))
        if key not in seen:
            seen.add(key)
            yield case


def _rows(
    name: str, before: Guideline | None, after: Guideline | None, vocabulary: Mapping[str, FactSpec]
) -> Iterable[RowChange]:
    old, new = (
        {row: _parts(each, table, what, vocabulary) for row, table, what in rows_of(each)} if each else {}
        for each in (before, after)
    )
    for row in dict.fromkeys([*old, *new]):
        where, had, has = f"{name}/{row}", old.get(row), new.get(row)
        if had is None or has is None:
            yield RowChange(where=where, what="row", old=(had or {}).get("text", ""), new=(has or {}).get("text", ""))
            continue
        for part in had:
            if had[part] != has[part]:
                yield RowChange(where=where, what=part, old=had[part], new=has[part])
    stayed, stay = ([row for row in old if row in new], [row for row in new if row in old])
    if stayed != stay:
        yield RowChange(where=name, what="order of rows", old=", ".join(stayed), new=", ".join(stay))
    for part in ("edition", "version", "raised by", "scope"):
        said = [_head(each, vocabulary)[part] if each else "" for each in (before, after)]
        if before and after and said[0] != said[1]:
            yield RowChange(where=name, what=part, old=said[0], new=said[1])


def _head(guideline: Guideline, vocabulary: Mapping[str, FactSpec]) -> dict[str, str]:
    return {
        "edition": guideline.edition,
        "version": guideline.version,
        "raised by": " or ".join(
            " and ".join(say_condition(each, vocabulary) for each in group) for group in guideline.raised_by
        ),
        "scope": "; ".join(
            " and ".join(say_condition(each, vocabulary) for each in scope.when) for scope in guideline.applies_when
        ),
    }


def _parts(guideline: Guideline, table: Table | None, row: Row, vocabulary: Mapping[str, FactSpec]) -> dict[str, str]:
    """Return the parts of a row in words, by name."""
    limits = table.when if table else ()
    parts = {name: _plain(getattr(row, name)) for name in _SAID}
    parts["when"] = " and ".join(say_condition(each, vocabulary) for each in (*limits, *row.when)) or "otherwise"
    parts["schedule"] = say_schedule(row.schedule, vocabulary) if row.schedule else ""
    cited = row.citation
    parts["citation"] = f"{cited.text} {cited.locator} [{cited.mark}]"
    parts["profile"] = (
        f"{table.profile}{'' if table.default else ', beside the default'}" if table else guideline.edition
    )
    parts["status"] = str(row.status)
    return parts


def _plain(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value or "")


def _answer(advice: Advice) -> tuple[str, ...]:
    said = [_recommended(each) for each in advice.recommendations]
    said += [f"asks for {', '.join(each.missing)}" for each in advice.undetermined]
    said += [f"out of scope: {each.reason}" for each in advice.out_of_scope]
    said += [f"authorities differ on {each.topic}" for each in advice.conflicts]
    return tuple(said)


def _recommended(each: Recommendation) -> str:
    exam = " ".join(str(word).replace("_", " ") for word in (each.modality, each.region, each.contrast) if word)
    dates = ", ".join(f"{one.target} ({one.earliest} to {one.latest})" for one in each.schedule)
    beside = "" if each.default else " (beside the default)"
    parts = [f"{each.row}: {each.step}", str(each.urgency), exam, dates, each.then]
    return "; ".join(part for part in parts if part) + beside
