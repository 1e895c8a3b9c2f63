"""A guideline as FHIR R4: PlanDefinition with an action for each row, ActivityDefinition for each examination.

The conditions are CQL over the Library of the guideline; its expressions are true, false or null, our unknown.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

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
from mriloop.model.coding import Urgency
from mriloop.model.condition import Condition
from mriloop.model.guideline import FactSpec, FactType, Guideline, Match, Row, Status, Table
from mriloop.model.record import digest_of

STEPS = canonical("CodeSystem", "steps")


@dataclass(frozen=True, slots=True, kw_only=True)
class Saying:
    """What ADVISE alone knows: a condition in words, where a row stands on the day, who changed or signed it."""

    condition: Callable[[Condition], str]
    status: Callable[[Row], Status]
    provenance: Callable[[Row], str]


# Emergencies are asked before the other guards, whatever the order in the file.
_EMERGENCIES = {Urgency.MINUTES: 0, Urgency.HOURS: 1}


def guideline_bundle(
    guideline: Guideline, vocabulary: Mapping[str, FactSpec], *, library: str, on: date, say: Saying
) -> Resource:
    """Return one guideline as a Bundle of type collection: PlanDefinition, ActivityDefinitions, Library.

    Parameters
    ----------
    guideline, vocabulary
        The guideline and the facts that it speaks of.
    library
        The guideline as the text of a CQL library with the expressions `raised`, `scope n`, `limit of <table>`,
        `guards/<row>` and `<table>/<row>`.
    on
        The day of the export.
    say
        Conditions in words, and where each row stands on the day.

    Notes
    -----
    The export is a picture: what decides is the guideline's own file. A row whose condition is null is not silent
    there: the fact is asked for.
    """
    exams = {activity_id(row): activity_definition(row, guideline, on) for row in _rows(guideline) if _exam(row)}
    resources = [
        plan_definition(guideline, vocabulary, on=on, say=say),
        *exams.values(),
        logic_library(guideline, vocabulary, library, on),
    ]
    return {
        "resourceType": "Bundle",
        "id": identifier(guideline.id),
        "type": "collection",
        "entry": [{"fullUrl": str(each["url"]), "resource": each} for each in resources],
    }


def logic_library(guideline: Guideline, vocabulary: Mapping[str, FactSpec], text: str, on: date) -> Resource:
    """Return the Library of a guideline: each fact with its question as a parameter, and the CQL text."""
    return {
        "resourceType": "Library",
        "id": identifier(guideline.id),
        "text": text_of(f"The facts and conditions of: {guideline.title}. A fact that nobody stated is null."),
        "url": canonical("Library", guideline.id),
        "version": guideline.version,
        "name": _pascal(guideline.id),
        "title": f"Facts and conditions: {guideline.title}",
        "status": "draft",
        "type": terminology("library-type", "logic-library"),
        "date": on.isoformat(),
        "description": "A fact that nobody stated is null: unknown, never negative.",
        "parameter": [_parameter(vocabulary[name]) for name in facts_of(guideline)],
        "content": [{"contentType": "text/cql", "data": base64.b64encode(text.encode()).decode()}],
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


def plan_definition(guideline: Guideline, vocabulary: Mapping[str, FactSpec], *, on: date, say: Saying) -> Resource:
    """Return the PlanDefinition of a guideline: guards first, then one action a table and in it one a row.

    The condition of a row of a first-match table says that it holds and no row before it does. `status` is active only
    when every row is; the status of each row stands in its own extension.
    """
    rows = _rows(guideline)
    facts = facts_of(guideline)
    anchors = sorted({row.schedule.anchor for row in rows if row.schedule is not None})
    actions = [_anchor(name, vocabulary) for name in anchors]
    if guideline.guards:
        actions.append(_guards(guideline, say))
    actions += [_table(guideline, table, say) for table in guideline.tables]
    scope = ["raised", *(f"scope {number}" for number in range(1, len(guideline.applies_when) + 1))]
    words = " or ".join(" and ".join(say.condition(each) for each in group) for group in guideline.raised_by)
    applies = "; and ".join(
        [words, *(" and ".join(say.condition(each) for each in one.when) for one in guideline.applies_when)]
    )
    statuses = {say.status(row) for row in rows}
    return {
        "resourceType": "PlanDefinition",
        "id": identifier(guideline.id),
        "text": text_of(f"{guideline.title}, after {guideline.edition}. It proposes; a person decides."),
        "url": canonical("PlanDefinition", guideline.id),
        "version": guideline.version,
        "name": _pascal(guideline.id),
        "title": guideline.title,
        "type": terminology("plan-definition-type", "eca-rule"),
        "status": "active" if statuses == {Status.ACTIVE} else "draft",
        "experimental": statuses != {Status.ACTIVE},
        "date": on.isoformat(),
        "publisher": "mriloop" if guideline.source == "shipped" else "site",
        "description": f"After {guideline.edition}. Proposals with their basis, never orders. A fact that nobody "
        "stated is null: where the answer hangs on it, the guideline asks for it.",
        "library": [_library_of(guideline)],
        "relatedArtifact": _artifacts(rows),
        "action": [
            {
                "id": "guideline",
                "title": guideline.title,
                "condition": [_applies(guideline, " and ".join(f'"{name}"' for name in scope), applies)],
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


def _pascal(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


def _library_of(guideline: Guideline) -> str:
    return canonical("Library", guideline.id, guideline.version)


def _applies(guideline: Guideline, text: str, words: str) -> Resource:
    """Return the condition of an action: CQL over the Library of the guideline, and what it says in words."""
    expression = {"description": words, "language": "text/cql", "expression": text, "reference": _library_of(guideline)}
    return {"kind": "applicability", "expression": expression}


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


_TYPES = {
    FactType.BOOL: "boolean",
    FactType.CODE: "code",
    FactType.QUANTITY: "Quantity",
    FactType.DATE: "date",
    FactType.LIST: "code",
}


def _requirement(spec: FactSpec) -> Resource:
    named = {"url": canonical("StructureDefinition", "fact"), "valueString": spec.name}
    return {"extension": [named], "type": _TYPES[spec.type]}


def _parameter(spec: FactSpec) -> Resource:
    most = "*" if spec.type is FactType.LIST else "1"
    return {"name": spec.name, "use": "in", "min": 0, "max": most, "documentation": spec.question,
            "type": _TYPES[spec.type]}  # fmt: skip


def _guards(guideline: Guideline, say: Saying) -> Resource:
    guards = sorted(guideline.guards, key=lambda row: _EMERGENCIES.get(row.urgency, len(_EMERGENCIES)))
    return {
        "id": "guards",
        "title": "First of all",
        "description": "Emergencies and other reasons not to go on. One that holds is the answer; one that nobody has "
        "excluded is named in a warning and stops nothing.",
        "groupingBehavior": "logical-group",
        "selectionBehavior": "at-most-one",
        "action": [_row(guideline, row, "guards", guards[:number], say) for number, row in enumerate(guards)],
    }


def _table(guideline: Guideline, table: Table, say: Saying) -> Resource:
    first = table.match is Match.FIRST
    found: Resource = {
        "id": identifier(table.id),
        "title": f"{table.question}: {table.profile}",
        "description": "The first row that holds answers." if first else "Every row that holds answers.",
        "groupingBehavior": "logical-group",
        "selectionBehavior": "at-most-one" if first else "any",
        "action": [
            _row(guideline, row, table.id, table.rows[:number] if first else (), say)
            for number, row in enumerate(table.rows)
        ],
    }
    if not table.default:
        found["description"] += " Another authority's answer, shown beside the default."
    if table.when:
        said = " and ".join(say.condition(each) for each in table.when)
        found["condition"] = [_applies(guideline, f'"limit of {table.id}"', said)]
    return found


def _row(guideline: Guideline, row: Row, table: str, before: Sequence[Row], say: Saying) -> Resource:
    """Return the action of a row; of a first-match table it applies when it holds and no row `before` it does."""
    name = f"{identifier(table)}.{identifier(row.id)}"
    said = " and ".join(say.condition(each) for each in row.when) or "otherwise"
    text = " and ".join([f'"{table}/{row.id}"', *(f'not "{table}/{other.id}"' for other in before)])
    found: Resource = {
        "id": name,
        "extension": [
            {"url": canonical("StructureDefinition", "status"), "valueCode": say.status(row).value},
            {"url": canonical("StructureDefinition", "mark"), "valueCode": row.citation.mark.value},
        ],
        "title": f"{table}/{row.id}",
        "description": row.text,
        "textEquivalent": f"{row.text} ({row.citation.locator})",
        "priority": PRIORITY[row.urgency],
        "code": [concept(row.step.replace("_", " "), coding(STEPS, row.step.value, row.step.replace("_", " ")))],
        "documentation": [related_artifact(row.citation)],
        "condition": [_applies(guideline, text, said)],
    }
    provenance = say.provenance(row)
    if provenance:
        found["extension"].append({"url": canonical("StructureDefinition", "provenance"), "valueString": provenance})
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
