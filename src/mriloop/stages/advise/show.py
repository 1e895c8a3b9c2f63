"""Guidelines and their words as tables that a clinician can read, discuss and sign (Markdown)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mriloop.model.guideline import Condition, Duration, FactSpec, FactType, Guideline, Row, Schedule, Step, Table
from mriloop.stages.advise.conditions import name_of, say_condition
from mriloop.stages.advise.schedule import say_duration

STEP_WORDS: Mapping[Step, str] = {
    Step.EMERGENCY_REFERRAL: "a person is called now (minutes or hours), by voice",
    Step.SPECIALIST_REFERRAL: "the named specialty sees the patient, within days",
    Step.CLINICIAN_REVIEW: "a reader or clinician looks again before anything else is proposed",
    Step.FOLLOW_UP_IMAGING: "planned MRI at a date; windows and schedule are given",
    Step.ADDITIONAL_IMAGING: "another kind of MRI for a new question: contrast, region, dedicated protocol",
    Step.REPEAT_IMAGING: "the same MRI, or series of it, again: what was made cannot be read",
    Step.COMPLETE_IMAGING: "series that are missing are added",
    Step.DEFER_IMAGING: "the planned MRI waits; a person says until when",
    Step.NO_ROUTINE_IMAGING: "no scheduled MRI of this kind is called for",
    Step.MAY_STOP_IMAGING: "an authority allows imaging to end; a person decides, nothing ends by itself",
    Step.INDIVIDUALISE: "no interval can be computed; a person sets the date",
    Step.OSTEOMYELITIS_UNLIKELY: "negative on a diagnostic study: no biopsy now, seen again; never excluded",
    Step.OSTEOMYELITIS_INDETERMINATE: "neither likely nor unlikely: infectious diseases review",
    Step.TISSUE_CULTURE: "deep tissue for culture, no swab",
    Step.BIOPSY_MDT: "a team discusses an image-guided biopsy",
    Step.SURGICAL_CULTURES: "cultures and histology are taken in an operation",
    Step.TREAT: "treatment by the known cause; no further sampling is needed",
    Step.REVIEW_SERIES_TOGETHER: "the named series are read side by side, linked",
    Step.WITHHOLD_STATEMENT: "a statement must not be made before the named series is read",
    Step.BLOCK_ORDER: "the order cannot go ahead as written; the way out is named; override with a reason",
    Step.HOLD_ORDER: "the order waits for a named person's decision",
    Step.ASK_BEFORE_ORDER: "the order may go ahead once a question is answered",
    Step.ALLOW_ORDER: "on this question nothing speaks against the order",
}


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


def show_facts(vocabulary: Mapping[str, FactSpec]) -> str:
    """Return the vocabulary as one Markdown table: name, how it is written, its other names, its question."""
    lines = ["| Fact | Write | Also called | Question |", "| --- | --- | --- | --- |"]
    for name in sorted(vocabulary):
        spec = vocabulary[name]
        others = ", ".join(f"`{other}`" for other in spec.synonyms)
        words = "; ".join(f"`{other}` = {value}" for other, value in spec.value_synonyms.items())
        derived = " Follows from other facts where they are stated." if spec.derived else ""
        note = f" {spec.note}" if spec.note else ""
        also = "<br>".join(part for part in (others, words) if part)
        lines.append(f"| `{name}` | {_written(spec)} | {also} | {spec.question}{derived}{note} |".replace("\n", " "))
    return "\n".join(lines) + "\n"


def show_steps() -> str:
    """Return the closed vocabulary of steps as a Markdown table."""
    lines = ["| Step | What it asks |", "| --- | --- |"]
    lines += [f"| `{step}` | {words} |" for step, words in STEP_WORDS.items()]
    return "\n".join(lines) + "\n"


def _written(spec: FactSpec) -> str:
    if spec.type is FactType.BOOL:
        return "yes, no, unknown"
    if spec.type is FactType.DATE:
        return "YYYY-MM-DD"
    if spec.type is FactType.QUANTITY:
        limits = f" (changes at {', '.join(f'{limit:g}' for limit in spec.breakpoints)})" if spec.breakpoints else ""
        return f"number in `{spec.unit}`{limits}"
    if not spec.values:
        return "list of YYYY-MM-DD"
    many = "one or a list of " if spec.type is FactType.LIST else ""
    return many + ", ".join(spec.values)


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
            then += f" _{_schedule(row.schedule, vocabulary)}_"
        source = f"{row.citation.text} {row.citation.locator} [{row.citation.mark}]"
        status = f"{row.status}{f'; {row.provenance}' if row.provenance else ''}"
        lines.append(f"| `{row.id}` | {when} | {then} | {source} | {status} |")
    return [*lines, ""]


def _conjunction(conditions: Sequence[Condition], vocabulary: Mapping[str, FactSpec]) -> str:
    return " and ".join(say_condition(condition, vocabulary) for condition in conditions)


def _schedule(schedule: Schedule, vocabulary: Mapping[str, FactSpec]) -> str:
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
    if schedule.repeat_every is not None:
        said += f", then every {say_duration(schedule.repeat_every)}, {schedule.repeat_times} times"
    if schedule.while_words:
        said += f", while {schedule.while_words}"
    if schedule.then:
        said += f"; then {'a person sets each date' if schedule.then == 'individualise' else schedule.then}"
    return said + (". Only a person may end it." if schedule.never_auto_close else ".")
