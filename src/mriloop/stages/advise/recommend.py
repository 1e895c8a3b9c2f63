"""A row that answers, made into a proposal: its dates, its reasons, its authority."""

from __future__ import annotations

from mriloop.model.advice import Caution, Recommendation
from mriloop.model.coding import Region
from mriloop.model.guideline import Row, Status
from mriloop.stages.advise.compiled import ReadyRow
from mriloop.stages.advise.facts import CaseFacts
from mriloop.stages.advise.schedule import NO_PLAN, Plan, plan
from mriloop.stages.advise.signatures import holding_on, provenance_on, status_on


def due(ready: ReadyRow, facts: CaseFacts) -> Plan:
    """Return what the schedule of a row comes to for this case."""
    schedule = ready.row.schedule
    return NO_PLAN if schedule is None else plan(schedule, facts, facts.as_of, vocabulary=facts.vocabulary)


def recommend(ready: ReadyRow, facts: CaseFacts, when: Plan, *, default: bool) -> Recommendation:
    """Return the proposal of a row that answers."""
    row, site_default = ready.row, ready.row.schedule and ready.row.schedule.site_default
    listed = facts.value(row.pulse_sequences_from) if row.pulse_sequences_from else None
    signed = bool(row.signatures)
    provenance = provenance_on(row, facts.as_of) if signed else row.provenance
    return Recommendation(
        **ready.fixed,
        because=_because(ready, facts, provenance),
        status=status_on(row, facts.as_of) if signed else ready.unsigned,
        region=row.region or _region(row, facts),
        pulse_sequences=listed if isinstance(listed, tuple) else row.pulse_sequences,
        window=when.next,
        schedule=when.windows,
        then=when.then,
        open_ended=when.open_ended,
        suggested=when.suggested,
        suggested_by=site_default.label if site_default and when.suggested else "",
        default=default,
        provenance=provenance,
        signatures=holding_on(row, facts.as_of) if signed else (),
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


def _because(ready: ReadyRow, facts: CaseFacts, provenance: str) -> tuple[str, ...]:
    """Return the facts of table and row with their sources, the row in words, and what the row says of itself."""
    lines = [said for said in map(facts.say, ready.grounds) if said]
    lines.append(ready.line)
    lines += [words for words in (ready.row.note, provenance) if words]
    return tuple(lines)
