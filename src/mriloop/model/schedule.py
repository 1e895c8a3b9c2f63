"""When a step is due, as data: durations of the calendar, due points, schedules, and the windows they come to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True, kw_only=True)
class Duration:
    """A calendar duration: months are added first, then days. ISO 8601 `P1Y6M`, `P2W`, `P14D`. FHIR: Duration."""

    months: int = 0
    days: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DuePoint:
    """One due date of a schedule, counted from its anchor.

    Either `earliest` and `latest` are durations from the anchor, or `tolerance` lies on both sides of the target.
    """

    target: Duration
    earliest: Duration | None = None
    latest: Duration | None = None
    tolerance: Duration | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """When a step is due, as data. FHIR: PlanDefinition.action.timing.

    `anchor` is the date fact it is counted from. `or_as_of` lets the day of the question stand in for an anchor that
    nobody stated, with a warning; otherwise an unstated anchor makes the row undetermined. After `points` come
    `repeat_times` more, each `repeat_every` after the one before, with the tolerance of the last point. `then` says how
    it goes on (`individualise`: a person sets the next date); `while_words` names the condition it depends on.
    """

    anchor: str
    points: tuple[DuePoint, ...]
    repeat_every: Duration | None = None
    repeat_times: int = 0
    then: str = ""
    while_words: str = ""
    never_auto_close: bool = False
    or_as_of: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """When a step is due. Dates of the calendar; earliest ≤ target ≤ latest. FHIR: Timing.repeat.boundsPeriod."""

    earliest: date
    target: date
    latest: date
