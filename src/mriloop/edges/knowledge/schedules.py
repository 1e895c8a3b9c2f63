"""Schedules from YAML, checked key by key: due points, repetitions, the conditions under which they hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from mriloop.edges.knowledge.places import At
from mriloop.edges.knowledge.values import parse_duration
from mriloop.model.condition import Condition
from mriloop.model.guideline import FactSpec, FactType
from mriloop.model.schedule import (
    INDIVIDUALISE,
    CountedFrom,
    DuePoint,
    Duration,
    Repeat,
    Schedule,
    SiteDefault,
    StopRule,
)

_KEYS = {
    "anchor", "or_as_of", "points", "repeat", "horizon", "counted_from", "while", "while_ends", "stop", "then",
    "site_default", "never_auto_close",
}  # fmt: skip
_HORIZON = Duration(months=60)


class Words(Protocol):
    """What reads the facts and conditions that a schedule speaks of."""

    vocabulary: Mapping[str, FactSpec]

    def fact(self, name: object, at: At) -> str:
        """Return the name of a fact, or refuse one that does not exist."""

    def conditions(self, raw: object, at: At) -> tuple[Condition, ...]:
        """Return a conjunction of conditions."""


def read_schedule(raw: object, at: At, words: Words) -> Schedule:
    """Read one schedule; docs/reference/guidelines.md has its keys.

    Raises OperatorError `knowledge_invalid` with the place: an unknown key, an anchor that is no date, a duration that
    is none, a repetition that does not go forward, a phase after one without an end.
    """
    given = at.mapping(raw, _KEYS, ("anchor", "points"))
    anchor = words.fact(given["anchor"], at.down("anchor"))
    if words.vocabulary[anchor].type is not FactType.DATE:
        raise at.down("anchor").wrong(f"{anchor} is no date")
    points = at.down("points").items(given["points"])
    if not points:
        raise at.down("points").wrong("at least one due point is needed")
    condition = given.get("while", "")
    return Schedule(
        anchor=anchor,
        points=tuple(_point(each, at.down(f"points[{number}]")) for number, each in enumerate(points)),
        repeats=_repeats(given.get("repeat"), at.down("repeat")),
        then=str(given.get("then", "")),
        while_words=condition if isinstance(condition, str) else "",
        holds_while=() if isinstance(condition, str) else words.conditions(condition, at.down("while")),
        while_ends=str(given.get("while_ends", INDIVIDUALISE)),
        stop=_stop(given["stop"], at.down("stop"), words) if "stop" in given else None,
        site_default=_site_default(given["site_default"], at.down("site_default")) if "site_default" in given else None,
        counted_from=at.down("counted_from").one_of(CountedFrom, given.get("counted_from", CountedFrom.ANCHOR)),
        horizon=_forward(given["horizon"], at.down("horizon")) if "horizon" in given else _HORIZON,
        never_auto_close=at.down("never_auto_close").truth(given.get("never_auto_close", False)),
        or_as_of=at.down("or_as_of").truth(given.get("or_as_of", False)),
    )


def _point(raw: object, at: At) -> DuePoint:
    given = at.mapping(raw, {"target", "earliest", "latest", "tolerance"}, ("target",))
    if ("tolerance" in given) == ("earliest" in given or "latest" in given):
        raise at.wrong("give either tolerance, or earliest and latest")
    return DuePoint(**{name: _duration(value, at.down(name)) for name, value in given.items()})


def _repeats(raw: object, at: At) -> tuple[Repeat, ...]:
    if raw is None or raw == {}:
        return ()
    phases = tuple(_repeat(each, at) for each in (raw if isinstance(raw, list) else [raw]))
    for phase in phases[:-1]:
        if phase.times is None and phase.until is None:
            raise at.wrong("only the last phase may go on without an end: give `times` or `until`")
    return phases


def _repeat(raw: object, at: At) -> Repeat:
    given = at.mapping(raw, {"every", "times", "until", "tolerance"}, ("every",))
    times = given.get("times")
    if times is not None and (not isinstance(times, int) or isinstance(times, bool) or times < 1):
        raise at.down("times").wrong(f"{times!r} is no number of times; leave it out for no end")
    return Repeat(
        every=_forward(given["every"], at.down("every")),
        times=times,
        until=_forward(given["until"], at.down("until")) if "until" in given else None,
        tolerance=_duration(given["tolerance"], at.down("tolerance")) if "tolerance" in given else None,
    )


def _stop(raw: object, at: At, words: Words) -> StopRule:
    given = at.mapping(raw, {"when", "text"}, ("when", "text"))
    when = words.conditions(given["when"], at.down("when"))
    if not when:
        raise at.down("when").wrong("a stop rule needs its condition")
    return StopRule(when=when, text=str(given["text"]).strip())


def _site_default(raw: object, at: At) -> SiteDefault:
    given = at.mapping(raw, {"after", "label"}, ("after", "label"))
    return SiteDefault(after=_forward(given["after"], at.down("after")), label=str(given["label"]).strip())


def _forward(raw: object, at: At) -> Duration:
    found = _duration(raw, at)
    if found == Duration():
        raise at.wrong("a duration longer than nothing is needed")
    return found


def _duration(raw: object, at: At) -> Duration:
    try:
        return parse_duration(raw)
    except ValueError as error:
        raise at.wrong(str(error)) from None
