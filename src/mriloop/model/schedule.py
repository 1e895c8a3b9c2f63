"""When a step is due, as data: durations of the calendar, due points, schedules, and the windows they come to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from enum import StrEnum

from mriloop.model.condition import Condition


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
class Repeat:
    """A phase of a schedule: due again each `every` after the one before. FHIR: Timing.repeat.

    `times` is how often; None for no end, save that no target lies later than `until` after the anchor. `tolerance`
    replaces that of the last due point.
    """

    every: Duration
    times: int | None = None
    until: Duration | None = None
    tolerance: Duration | None = None


class CountedFrom(StrEnum):
    """Whether later windows stay where the anchor puts them, or keep their distance from the scan that was made."""

    ANCHOR = "anchor"
    PERFORMED = "performed"


INDIVIDUALISE = "individualise"
"""How a schedule goes on where no table can give the date: a person sets it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StopRule:
    """Where an authority allows the end. It is said; nothing stops by itself."""

    when: tuple[Condition, ...]
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteDefault:
    """The date that a site's policy fills in where a person sets it: `after` the last one, labelled as the site's."""

    after: Duration
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """When a step is due, as data. FHIR: PlanDefinition.action.timing.

    `anchor` is the date fact it is counted from. `or_as_of` lets the day of the question stand in for an anchor that
    nobody stated, with a warning; otherwise an unstated anchor makes the row undetermined. After `points` come the
    `repeats`, one phase after another; one without an end is shown for `horizon` beyond the day of the question.
    The schedule holds while `holds_while` does (`while_words` where it is words only); `while_ends` says what comes
    when it does not. `then` says how it goes on after the last window (`individualise`: a person sets the next date).
    """

    anchor: str
    points: tuple[DuePoint, ...]
    repeats: tuple[Repeat, ...] = ()
    then: str = ""
    while_words: str = ""
    holds_while: tuple[Condition, ...] = ()
    while_ends: str = INDIVIDUALISE
    stop: StopRule | None = None
    site_default: SiteDefault | None = None
    counted_from: CountedFrom = CountedFrom.ANCHOR
    horizon: Duration = Duration(months=60)
    never_auto_close: bool = False
    or_as_of: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """When a step is due. Dates of the calendar; earliest ≤ target ≤ latest. FHIR: Timing.repeat.boundsPeriod."""

    earliest: date
    target: date
    latest: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """A window that a study closed. `late`: it was made after the last day of the window."""

    window: Window
    performed_on: date
    late: bool


def day_of(instant: datetime, zone: tzinfo) -> date:
    """Return the day of an instant in the zone of the site; an instant without a zone is taken as the site's own.

    23:30 in New York is the next day in Berlin; on the night of a clock change the day is what the wall clock says.
    """
    return instant.date() if instant.tzinfo is None else instant.astimezone(zone).date()
