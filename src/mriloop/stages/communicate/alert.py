"""The alert to the technologist while the patient is still there: what to repeat, why, and what to change."""

from __future__ import annotations

from collections.abc import Iterable

from mriloop.model.communication import Audience, Letter, LetterPart
from mriloop.model.quality import Defect, Evidence, SeriesCheck, Severity, StudyCheck, Verdict


def repeat_alert(check: StudyCheck) -> Letter | None:
    """Return the alert for a study that has something to repeat, or None when there is nothing to do.

    It stays in the house and names series, never the patient: the one message that needs no signature.
    A part per series: its major defects with the numbers behind them, and the action; then what the study lacks.
    A series that was repeated with success is not named.
    """
    spoilt = [
        item
        for item in check.series
        if item.verdict is Verdict.REPEAT and item.series_instance_uid not in check.superseded
    ]
    lacking = [item for item in check.defects if item.severity is Severity.MAJOR]
    if not spoilt and not lacking:
        return None
    parts = [(_name(item), tuple(_lines(_worst(item)))) for item in spoilt]
    if lacking:
        parts.append(("The study as a whole", tuple(_lines(lacking))))
    count = f"{len(spoilt)} series" if spoilt else "the study is not complete"
    return Letter(
        id=f"repeat-alert-{check.study_instance_uid}",
        audience=Audience.TECHNOLOGIST,
        language="en",
        kind="repeat_alert",
        title=f"Before the patient leaves: repeat {count}" if spoilt else f"Before the patient leaves: {count}",
        paragraphs=tuple(line for _, lines in parts for line in lines),
        parts=tuple(LetterPart(heading=heading, count=len(lines)) for heading, lines in parts),
        report_digest=None,
    )


def _name(item: SeriesCheck) -> str:
    number = f"Series {item.series_number}" if item.series_number is not None else "Series without number"
    return f"{number}: {item.description}" if item.description else number


def _worst(item: SeriesCheck) -> list[Defect]:
    """Return the major defects, or all of them where none is major: a repeat is never asked for without a reason."""
    return [one for one in item.defects if one.severity is Severity.MAJOR] or list(item.defects)


def _lines(defects: Iterable[Defect]) -> Iterable[str]:
    told = False
    for one in defects:
        told = True
        yield f"{one.message.rstrip('.')}.{_numbers(one.evidence)}"
        if one.action:
            yield f"- {one.action.rstrip('.')}."
    if not told:
        yield "No reason is recorded; look at the images."


def _numbers(evidence: Iterable[Evidence]) -> str:
    told = [
        f"{item.name} {_value(item.value)} {item.unit}".rstrip()
        + (f" (limit {_value(item.limit)})" if item.limit is not None else "")
        for item in evidence
    ]
    return f" [{'; '.join(told)}]" if told else ""


def _value(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.3g}"
