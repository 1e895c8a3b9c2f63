"""Guidelines as tables that a clinician can read, discuss and sign (Markdown)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mriloop.model.guideline import (
    Condition,
    FactSpec,
    Guideline,
    Row,
    Table,
)
from mriloop.model.schedule import INDIVIDUALISE, CountedFrom, Duration, Schedule
from mriloop.stages.advise.conditions import name_of, say_condition
from mriloop.stages.advise.schedule import say_duration, say_repeat, say_while


def show_guideline(guideline: Guideline, vocabulary: Mapping[str, FactSpec]) -> str:
    """Return one guideline as Markdown: when it speaks, its guards, its tables with citation and status a row."""
    lines = [f"# {guideline.title}", "", f"`{guideline.id}` {guideline.version}, after {guideline.edition}.", ""]
    raised = " · ".join(_conjunction(group, vocabulary) for group in guideline.raised_by)
    lines += [f"**Raised by**: {raised}.", ""]
    for scope in guideline.applies_when:
        lines += [f"**Applies when** {_conjunction(scope.when, vocabulary)}; otherwise: {scope.otherwise}.", ""]
    if guideline.guards:
        lines += ["## First of all", ""]
        lines += ["A guard that holds is the answer. One that nobody has excluded is named in a warning.", ""]
        lines += _rows(guideline.guards, vocabulary)
    for table in guideline.tables:
        lines += [
            f"## {table.question[0].upper()}{table.question[1:]}: {table.profile}",
            "",
            _terms(table, vocabulary),
            "",
        ]
        lines += _rows(table.rows, vocabulary)
    return "\n".join(lines).rstrip() + "\n"


def _terms(table: Table, vocabulary: Mapping[str, FactSpec]) -> str:
    terms = ["The first row that holds answers." if table.match == "first" else "Every row that holds answers."]
    if table.when:
        terms.append(f"Asked only when {_conjunction(table.when, vocabulary)}.")
    if not table.default:
        terms.append("Shown beside the default profile.")
    if table.superseded:
        terms.append("Superseded: evaluated only where a site or a case selects it.")
    return " ".join(terms)


def _rows(rows: Sequence[Row], vocabulary: Mapping[str, FactSpec]) -> list[str]:
    lines = ["| Row | When | Then | Source | Status |", "| --- | --- | --- | --- | --- |"]
    for row in rows:
        when = _conjunction(row.when, vocabulary) or "otherwise"
        then = f"**{row.step}** ({row.urgency}). {row.text}"
        if row.schedule is not None:
            then += f" _{say_schedule(row.schedule, vocabulary)}_"
        source = f"{row.citation.text} {row.citation.locator} [{row.citation.mark}]"
        status = f"{row.status}{f'; {row.provenance}' if row.provenance else ''}"
        lines.append(f"| `{row.id}` | {when} | {then} | {source} | {status} |")
    return [*lines, ""]


def _conjunction(conditions: Sequence[Condition], vocabulary: Mapping[str, FactSpec]) -> str:
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
        said += f". Where {_conjunction(schedule.stop.when, vocabulary)}: {schedule.stop.text.rstrip('.')}"
    return said + (". Only a person may end it." if schedule.never_auto_close else ".")
