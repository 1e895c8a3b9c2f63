"""Conditions and schedules of a guideline in words, as a clinician reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mriloop.model.guideline import Condition, FactSpec
from mriloop.model.schedule import INDIVIDUALISE, CountedFrom, Duration, Schedule
from mriloop.stages.advise.conditions import name_of, say_condition
from mriloop.stages.advise.schedule import say_duration, say_repeat, say_while


def conjunction(conditions: Sequence[Condition], vocabulary: Mapping[str, FactSpec]) -> str:
    """Return conditions that must all hold, in words; empty for none."""
    return " and ".join(say_condition(condition, vocabulary) for condition in conditions)


def say_schedule(schedule: Schedule, vocabulary: Mapping[str, FactSpec]) -> str:
    """Return a schedule in words: "Counted from the exam date: 6 months (± 1 month), then every 12 months, 3 times"."""
    points = []
    for point in schedule.points:
        words = say_duration(point.target)
        if point.tolerance is not None:
            words += f" (± {say_duration(point.tolerance)})"
        elif point.earliest is not None or point.latest is not None:
            ends = (point.earliest or point.target, point.latest or point.target)
            words += f" ({' to '.join('at once' if end == Duration() else say_duration(end) for end in ends)})"
        points.append(words)
    said = f"Counted from the {name_of(schedule.anchor, vocabulary)}: {', '.join(points)}"
    said += "".join(say_repeat(phase) for phase in schedule.repeats)
    held = say_while(schedule, vocabulary)
    if held:
        said += f", while {held}"
    if schedule.counted_from is CountedFrom.PERFORMED:
        said += ", counted on from the day each scan was made"
    if schedule.then:
        said += f"; then {'a person sets each date' if schedule.then == INDIVIDUALISE else schedule.then}"
    if schedule.site_default is not None:
        said += f" ({schedule.site_default.label}: after {say_duration(schedule.site_default.after)})"
    if schedule.stop is not None:
        said += f". Where {conjunction(schedule.stop.when, vocabulary)}: {schedule.stop.text.rstrip('.')}"
    return said + (". Only a person may end it." if schedule.never_auto_close else ".")
