"""A row that answers, made into a proposal: its dates, its reasons, its authority."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from mriloop.model.advice import Caution, Recommendation
from mriloop.model.coding import Region
from mriloop.model.guideline import Guideline, Row, Status
from mriloop.model.schedule import Window
from mriloop.stages.advise.compiled import ReadyRow
from mriloop.stages.advise.conditions import name_of
from mriloop.stages.advise.facts import CaseFacts
from mriloop.stages.advise.schedule import next_open


@dataclass(frozen=True, slots=True)
class Due:
    """When a row is due: all windows, the next open one, the anchor if it is missing, and what to warn of."""

    schedule: tuple[Window, ...] = ()
    window: Window | None = None
    missing: tuple[str, ...] = ()
    cautions: tuple[Caution, ...] = ()


_NEVER = Due()


def due(ready: ReadyRow, facts: CaseFacts) -> Due:
    """Return when a row is due for this case."""
    schedule = ready.row.schedule
    if schedule is None or ready.windows is None:
        return _NEVER
    anchor = facts.value(schedule.anchor)
    cautions: list[Caution] = []
    if not isinstance(anchor, date):
        if not schedule.or_as_of:
            return Due(missing=(schedule.anchor,))
        anchor = facts.as_of
        name = name_of(schedule.anchor, facts.vocabulary)
        text = f"The {name} is not stated: dates are counted from {anchor}. State it, and they will never move."
        cautions.append(Caution(code="anchor_assumed", text=text))
    windows = ready.windows(anchor)
    window = next_open(windows, _performed(facts, after=anchor))
    if window is not None and window.latest < facts.as_of:
        text = f"The MRI due on {window.target} (until {window.latest}) is not on record as done."
        cautions.append(Caution(code="window_passed", text=text))
    return Due(windows, window, (), tuple(cautions))


def _performed(facts: CaseFacts, *, after: date) -> list[date]:
    """Return the days after the anchor on which the case says that an MRI was made."""
    days = [facts.value("exam_date")]
    listed = facts.value("performed_follow_ups")
    if isinstance(listed, tuple):
        days += [date.fromisoformat(day) for day in listed]
    return [day for day in days if isinstance(day, date) and day > after]


def recommend(guideline: Guideline, ready: ReadyRow, facts: CaseFacts, when: Due, *, default: bool) -> Recommendation:
    """Return the proposal of a row that answers."""
    row, table, schedule = ready.row, ready.table, ready.row.schedule
    listed = facts.value(row.pulse_sequences_from) if row.pulse_sequences_from else None
    return Recommendation(
        id=ready.id,
        guideline=guideline.id,
        row=ready.place,
        step=row.step,
        text=row.text,
        because=_because(ready, facts),
        citation=row.citation,
        profile=table.profile if table else guideline.edition,
        status=row.status,
        urgency=row.urgency,
        modality=row.modality,
        region=row.region or _region(row, facts),
        contrast=row.contrast,
        pulse_sequences=listed if isinstance(listed, tuple) else row.pulse_sequences,
        window=when.window,
        schedule=when.schedule,
        then=schedule.then if schedule else "",
        never_auto_close=schedule.never_auto_close if schedule else False,
        specialty=row.specialty,
        actions=row.actions,
        patient_text=row.patient_text,
        repeat_reason=row.repeat_reason,
        question=table.question if table else "guards",
        default=default,
        edition=guideline.edition,
        note=row.note,
        provenance=row.provenance,
    )


def cautions_of(ready: ReadyRow, when: Due) -> tuple[Caution, ...]:
    """Return what to warn of beside a proposal: its dates, and a row that the site has retired."""
    cautions = when.cautions
    if ready.row.status is Status.RETIRED:
        text = f"{ready.id} is retired at this site and shown for reference only: a clinician decides in its place."
        cautions = (*cautions, Caution(code="row_retired", text=text))
    return cautions


def _region(row: Row, facts: CaseFacts) -> Region | None:
    """The region that was imaged, for an examination whose row names none."""
    if not row.modality:
        return None
    region = facts.value("region")
    return Region(region) if isinstance(region, str) else None


def _because(ready: ReadyRow, facts: CaseFacts) -> tuple[str, ...]:
    """Return the facts of table and row with their sources, the row in words, and what the row says of itself."""
    lines = [said for said in map(facts.say, ready.grounds) if said]
    lines.append(ready.line)
    row = ready.row
    lines += [words for words in (row.note, row.provenance) if words]
    return tuple(lines)
