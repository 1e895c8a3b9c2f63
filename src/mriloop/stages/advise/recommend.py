"""A row that answers, made into a proposal: its dates, its reasons, its authority."""

from __future__ import annotations

from mriloop.model.advice import Caution, Recommendation
from mriloop.model.coding import Region
from mriloop.model.guideline import Guideline, Row, Status
from mriloop.stages.advise.compiled import ReadyRow
from mriloop.stages.advise.facts import CaseFacts
from mriloop.stages.advise.schedule import NO_PLAN, Plan, plan
from mriloop.stages.advise.signatures import holding_on, provenance_on, status_on


def due(ready: ReadyRow, facts: CaseFacts) -> Plan:
    """Return what the schedule of a row comes to for this case."""
    schedule = ready.row.schedule
    return NO_PLAN if schedule is None else plan(schedule, facts, facts.as_of, vocabulary=facts.vocabulary)


def recommend(guideline: Guideline, ready: ReadyRow, facts: CaseFacts, when: Plan, *, default: bool) -> Recommendation:
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
        status=status_on(row, facts.as_of),
        urgency=row.urgency,
        modality=row.modality,
        region=row.region or _region(row, facts),
        contrast=row.contrast,
        pulse_sequences=listed if isinstance(listed, tuple) else row.pulse_sequences,
        window=when.next,
        schedule=when.windows,
        then=when.then,
        open_ended=when.open_ended,
        suggested=when.suggested,
        suggested_by=schedule.site_default.label if schedule and schedule.site_default and when.suggested else "",
        never_auto_close=schedule.never_auto_close if schedule else False,
        specialty=row.specialty,
        actions=row.actions,
        repeat_reason=row.repeat_reason,
        question=table.question if table else "guards",
        default=default,
        edition=guideline.edition,
        note=row.note,
        provenance=provenance_on(row, facts.as_of),
        signatures=holding_on(row, facts.as_of),
    )


def cautions_of(ready: ReadyRow, when: Plan) -> tuple[Caution, ...]:
    """Return what to warn of beside a proposal: its dates, and a row that the site has retired."""
    cautions = when.notes
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
    lines += [words for words in (row.note, provenance_on(row, facts.as_of)) if words]
    return tuple(lines)
