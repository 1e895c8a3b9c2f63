"""Schedules and windows as FHIR R4: offsets from the event that they are counted from, Timing, Period."""

from __future__ import annotations

from mriloop.edges.fhir.words import CANONICAL, UCUM, Resource
from mriloop.model.schedule import INDIVIDUALISE, CountedFrom, DuePoint, Duration, Repeat, Schedule, Window

WINDOW = f"{CANONICAL}/StructureDefinition/window"
"""Extension: earliest, target and latest of a due point as ISO 8601 durations from its anchor, exactly."""


def period(window: Window) -> Resource:
    """Return a window as a Period: first and last day, both within it."""
    return {"start": window.earliest.isoformat(), "end": window.latest.isoformat()}


def event_timing(windows: tuple[Window, ...], words: str) -> Resource:
    """Return the Timing of an anchored schedule: its target dates as events, the whole of it as bounds."""
    return {
        "event": [window.target.isoformat() for window in windows],
        "repeat": {"boundsPeriod": {"start": windows[0].earliest.isoformat(), "end": windows[-1].latest.isoformat()}},
        "code": {"text": words},
    }


def schedule_timing(schedule: Schedule) -> Resource:
    """Return the Timing of a schedule without an anchor: the period of its last repetition, or of its one point."""
    if schedule.repeats:
        return _repeat_timing(schedule.repeats[-1])
    return {"code": {"text": _words(schedule)}}


def schedule_actions(schedule: Schedule, action: str, anchor: str) -> list[Resource]:
    """Return the dates of a schedule as sub-actions of a PlanDefinition.

    Each due point comes after the action `anchor` by an offset: a range where earliest and latest are of one unit, the
    target otherwise; the extension has all three exactly. Each phase of repetitions comes after the one before, with a
    Timing that repeats. The last sub-action is the person who sets the date.
    """
    found = [_point(point, f"{action}.due-{number}", anchor) for number, point in enumerate(schedule.points, 1)]
    for number, phase in enumerate(schedule.repeats, 1):
        found.append(
            {
                "id": f"{action}.repeat-{number}",
                "title": f"Again every {_iso(phase.every)}",
                "relatedAction": [{"actionId": str(found[-1]["id"]), "relationship": "after"}],
                "timingTiming": _repeat_timing(phase),
            }
        )
    if schedule.then:
        then = "A person sets the next date." if schedule.then == INDIVIDUALISE else schedule.then
        found.append(
            {
                "id": f"{action}.then",
                "title": "Then",
                "description": then,
                "relatedAction": [{"actionId": str(found[-1]["id"]), "relationship": "after"}],
            }
        )
    return found


def _point(point: DuePoint, name: str, anchor: str) -> Resource:
    earliest, latest = edges(point)
    ends = [_quantity(earliest), _quantity(latest)]
    related: Resource = {"actionId": anchor, "relationship": "after"}
    if None not in ends and ends[0] and ends[1] and ends[0]["code"] == ends[1]["code"]:
        related["offsetRange"] = {"low": ends[0], "high": ends[1]}
    else:
        related["offsetDuration"] = _quantity(point.target) or {
            "value": point.target.days, "unit": "d", "system": UCUM, "code": "d",
        }  # fmt: skip
    return {
        "id": name,
        "extension": [
            {
                "url": WINDOW,
                "extension": [
                    {"url": key, "valueString": value}
                    for key, value in (
                        ("earliest", iso_edge(point, first=True)),
                        ("target", _iso(point.target)),
                        ("latest", iso_edge(point, first=False)),
                    )
                ],
            }
        ],
        "title": f"Due {_iso(point.target)} after the anchor",
        "relatedAction": [related],
    }


def edges(point: DuePoint) -> tuple[Duration | None, Duration | None]:
    """Return earliest and latest as one duration each; None where target and tolerance do not add up to one."""
    if point.tolerance is None:
        return point.earliest or point.target, point.latest or point.target
    target, tolerance = point.target, point.tolerance
    if (target.days and tolerance.months) or (tolerance.days and target.months):
        return None, None
    return (
        Duration(months=target.months - tolerance.months, days=target.days - tolerance.days),
        Duration(months=target.months + tolerance.months, days=target.days + tolerance.days),
    )


def iso_edge(point: DuePoint, *, first: bool) -> str:
    """Return one end of a window as text: a duration, or the target and what is taken off or added."""
    if point.tolerance is None:
        return _iso((point.earliest if first else point.latest) or point.target)
    return f"{_iso(point.target)} {'-' if first else '+'} {_iso(point.tolerance)}"


def _repeat_timing(phase: Repeat) -> Resource:
    unit, value = ("mo", phase.every.months) if phase.every.months else ("d", phase.every.days)
    repeat: Resource = {"frequency": 1, "period": value, "periodUnit": unit}
    if phase.times is not None:
        repeat["count"] = phase.times
    if phase.until is not None:
        bounds = _quantity(phase.until)
        if bounds is not None:
            repeat["boundsDuration"] = bounds
    return {"repeat": repeat}


def _words(schedule: Schedule) -> str:
    counted = "the day each was made" if schedule.counted_from is CountedFrom.PERFORMED else schedule.anchor
    return f"{', '.join(_iso(point.target) for point in schedule.points)} from {counted}"


def _quantity(duration: Duration | None) -> Resource | None:
    """Return a duration of months or of days as a Quantity in UCUM; None for both at once or for less than nothing."""
    if duration is None or (duration.months and duration.days) or duration.months < 0 or duration.days < 0:
        return None
    unit, value = ("mo", duration.months) if duration.months else ("d", duration.days)
    return {"value": value, "unit": unit, "system": UCUM, "code": unit}


def _iso(duration: Duration) -> str:
    parts = "".join(f"{value}{unit}" for value, unit in ((duration.months, "M"), (duration.days, "D")) if value)
    return f"P{parts or '0D'}"
