"""A guideline as FHIR R4: PlanDefinition with an action for each row, ActivityDefinition for each examination."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date

from mriloop.edges.fhir import cql
from mriloop.edges.fhir.timing import schedule_actions, schedule_timing
from mriloop.edges.fhir.words import (
    IMAGING_STEPS,
    PRIORITY,
    Resource,
    body_site,
    canonical,
    category,
    coding,
    concept,
    exam_code,
    identifier,
    related_artifact,
    terminology,
    text_of,
)
from mriloop.model.condition import Condition
from mriloop.model.guideline import FactSpec, FactType, Guideline, Match, Row, Status, Table
from mriloop.model.record import digest_of

STEPS = canonical("CodeSystem", "steps")
Say = Callable[[Condition], str]


def guideline_bundle(
    guideline: Guideline, vocabulary: Mapping[str, FactSpec], *, on: date, version: str, say: Say
) -> Resource:
    """Return one guideline as a Bundle of type collection.

    It holds the PlanDefinition, an ActivityDefinition for each distinct examination, and the Library that declares the
    facts. `on` is the day of the export, `version` that of the vocabulary, `say` puts a condition into words. The
    export is a picture: what decides is the guideline's own file, which also says what happens when a fact is unknown.
    """
    used = {name: vocabulary[name] for name in facts_of(guideline)}
    activities = {activity_id(row): activity_definition(row, guideline, on) for row in _rows(guideline) if _exam(row)}
    resources = [
        plan_definition(guideline, vocabulary, on=on, say=say),
        *activities.values(),
        cql.facts_library(used, version, on=on),
    ]
    return {
        "resourceType": "Bundle",
        "id": identifier(guideline.id),
        "type": "collection",
        "entry": [{"fullUrl": _address(each), "resource": each} for each in resources],
    }


def facts_of(guideline: Guideline) -> tuple[str, ...]:
    """Return the names of the facts that a guideline speaks of, in alphabetical order."""
    groups = [*guideline.raised_by, *(scope.when for scope in guideline.applies_when)]
    groups += [table.when for table in guideline.tables] + [row.when for row in _rows(guideline)]
    names = {condition.fact for group in groups for condition in group}
    for row in _rows(guideline):
        if row.schedule is not None:
            names |= {row.schedule.anchor, *(each.fact for each in row.schedule.holds_while)}
            names |= {each.fact for each in (row.schedule.stop.when if row.schedule.stop else ())}
        if row.pulse_sequences_from:
            names.add(row.pulse_sequences_from)
    return tuple(sorted(names))


def plan_definition(guideline: Guideline, vocabulary: Mapping[str, FactSpec], *, on: date, say: Say) -> Resource:
    """Return the PlanDefinition of a guideline: guards first, then one action a table and in it one a row.

    The condition of a row of a first-match table says that it holds and no row before it does. `status` is active only
    when every row is; the status of each row stands in its own extension.
    """
    rows = _rows(guideline)
    facts = facts_of(guideline)
    anchors = sorted({row.schedule.anchor for row in rows if row.schedule is not None})
    actions = [_anchor(name, vocabulary) for name in anchors]
    if guideline.guards:
        actions.append(_guards(guideline, vocabulary, say))
    actions += [_table(table, vocabulary, say) for table in guideline.tables]
    raised = " or ".join(f"({cql.conjunction_text(group, vocabulary)})" for group in guideline.raised_by)
    scope = [raised or "true", *(cql.conjunction_text(each.when, vocabulary) for each in guideline.applies_when)]
    words = " or ".join(" and ".join(say(each) for each in group) for group in guideline.raised_by)
    applies = "; and ".join([words, *(" and ".join(say(each) for each in one.when) for one in guideline.applies_when)])
    statuses = {row.status for row in rows}
    return {
        "resourceType": "PlanDefinition",
        "id": identifier(guideline.id),
        "text": text_of(f"{guideline.title}, after {guideline.edition}. It proposes; a person decides."),
        "url": canonical("PlanDefinition", guideline.id),
        "version": guideline.version,
        "name": "".join(part.capitalize() for part in guideline.id.split("_")),
        "title": guideline.title,
        "type": terminology("plan-definition-type", "eca-rule"),
        "status": "active" if statuses == {Status.ACTIVE} else "draft",
        "experimental": statuses != {Status.ACTIVE},
        "date": on.isoformat(),
        "publisher": "mriloop" if guideline.source == "shipped" else "site",
        "description": f"After {guideline.edition}. Proposals with their basis, never orders. A fact that nobody "
        "stated is null: where the answer hangs on it, the guideline asks for it.",
        "library": [canonical("Library", cql.FACTS)],
        "relatedArtifact": _artifacts(rows),
        "action": [
            {
                "id": "guideline",
                "title": guideline.title,
                "condition": [{"kind": "applicability", "expression": cql.expression(" and ".join(scope), applies)}],
                "input": [_requirement(vocabulary[name]) for name in facts],
                "groupingBehavior": "logical-group",
                "selectionBehavior": "any",
                "action": actions,
            }
        ],
    }


def activity_id(row: Row) -> str:
    """Return the id of the examination that a row asks for: rows that ask for the same one share it."""
    asked = [row.step, row.modality, row.region, row.contrast, list(row.pulse_sequences), row.pulse_sequences_from]
    words = [row.modality or row.step, row.region or "", row.contrast or ""]
    return (
        identifier("-".join(str(word) for word in words if word)) + "-" + digest_of([str(each) for each in asked])[:8]
    )


def activity_definition(row: Row, guideline: Guideline, on: date) -> Resource:
    """Return the ActivityDefinition of the examination of a row: a ServiceRequest with intent `proposal`."""
    name = activity_id(row)
    code = exam_code(row.modality, row.region, row.contrast)
    found: Resource = {
        "resourceType": "ActivityDefinition",
        "id": name,
        "text": text_of(f"{code['text']}. A proposal, not an order."),
        "url": canonical("ActivityDefinition", name),
        "version": guideline.version,
        "name": "Exam" + digest_of(name)[:8].capitalize(),
        "title": code["text"],
        "status": "draft",
        "date": on.isoformat(),
        "kind": "ServiceRequest",
        "intent": "proposal",
        "doNotPerform": False,
        "code": code,
    }
    site = body_site(row.region)
    if site is not None:
        found["bodySite"] = [site]
    if row.pulse_sequences:
        found["description"] = f"Series: {', '.join(row.pulse_sequences)}."
    return found


def _rows(guideline: Guideline) -> list[Row]:
    return [*guideline.guards, *(row for table in guideline.tables for row in table.rows)]


def _exam(row: Row) -> bool:
    return row.modality is not None or row.step in IMAGING_STEPS


def _address(resource: Resource) -> str:
    return str(resource.get("url") or canonical(resource["resourceType"], resource["id"]))


def _artifacts(rows: Sequence[Row]) -> list[Resource]:
    found = {digest_of(each): each for each in (related_artifact(row.citation) for row in rows)}
    return list(found.values())


def _anchor(name: str, vocabulary: Mapping[str, FactSpec]) -> Resource:
    spec = vocabulary[name]
    return {
        "id": _anchor_id(name),
        "title": f"Anchor: {spec.words or name.replace('_', ' ')}",
        "description": "The event from which dates are counted; nothing is done here.",
        "timingTiming": {"code": {"text": name}},
    }


def _anchor_id(name: str) -> str:
    return f"anchor.{identifier(name)}"


def _requirement(spec: FactSpec) -> Resource:
    kinds = {
        FactType.BOOL: "boolean", FactType.CODE: "code", FactType.QUANTITY: "Quantity", FactType.DATE: "date",
        FactType.LIST: "code",
    }  # fmt: skip
    return {
        "type": kinds[spec.type],
        "extension": [{"url": canonical("StructureDefinition", "fact"), "valueString": spec.name}],
    }


def _guards(guideline: Guideline, vocabulary: Mapping[str, FactSpec], say: Say) -> Resource:
    earlier = [row.when for row in guideline.guards]
    return {
        "id": "guards",
        "title": "First of all",
        "description": "Emergencies and other reasons not to go on. One that holds is the answer; one that nobody has "
        "excluded is named in a warning and stops nothing.",
        "groupingBehavior": "logical-group",
        "selectionBehavior": "at-most-one",
        "action": [
            _row(row, "guards", earlier[:number], vocabulary, say) for number, row in enumerate(guideline.guards)
        ],
    }


def _table(table: Table, vocabulary: Mapping[str, FactSpec], say: Say) -> Resource:
    first = table.match is Match.FIRST
    whens = [row.when for row in table.rows]
    found: Resource = {
        "id": identifier(table.id),
        "title": f"{table.question}: {table.profile}",
        "description": "The first row that holds answers." if first else "Every row that holds answers.",
        "groupingBehavior": "logical-group",
        "selectionBehavior": "at-most-one" if first else "any",
        "action": [
            _row(row, table.id, whens[:number] if first else [], vocabulary, say)
            for number, row in enumerate(table.rows)
        ],
    }
    if not table.default:
        found["description"] += " Another authority's answer, shown beside the default."
    if table.when:
        said = " and ".join(say(each) for each in table.when)
        text = cql.conjunction_text(table.when, vocabulary)
        found["condition"] = [{"kind": "applicability", "expression": cql.expression(text, said)}]
    return found


def _row(
    row: Row, table: str, before: Sequence[Sequence[Condition]], vocabulary: Mapping[str, FactSpec], say: Say
) -> Resource:
    name = f"{identifier(table)}.{identifier(row.id)}"
    said = " and ".join(say(each) for each in row.when) or "otherwise"
    text = cql.applies_text(row.when, before, vocabulary)
    found: Resource = {
        "id": name,
        "extension": [
            {"url": canonical("StructureDefinition", "status"), "valueCode": row.status.value},
            {"url": canonical("StructureDefinition", "mark"), "valueCode": row.citation.mark.value},
        ],
        "title": f"{table}/{row.id}",
        "description": row.text,
        "textEquivalent": f"{row.text} ({row.citation.locator})",
        "priority": PRIORITY[row.urgency],
        "code": [concept(row.step.replace("_", " "), coding(STEPS, row.step.value, row.step.replace("_", " ")))],
        "documentation": [related_artifact(row.citation)],
        "condition": [{"kind": "applicability", "expression": cql.expression(text, said)}],
    }
    if row.specialty:
        found["participant"] = [
            {"type": "practitioner", "role": concept(each.replace("_", " "))} for each in row.specialty
        ]
    if row.step in IMAGING_STEPS or category(row.step):
        found["type"] = terminology("action-type", "create")
    if _exam(row):
        found["definitionCanonical"] = canonical("ActivityDefinition", activity_id(row))
    if row.schedule is not None:
        found["timingTiming"] = schedule_timing(row.schedule)
        found["groupingBehavior"] = "logical-group"
        found["action"] = schedule_actions(row.schedule, name, _anchor_id(row.schedule.anchor))
    return found
