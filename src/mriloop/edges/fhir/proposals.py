"""The advice on one case as a FHIR R4 Bundle: proposals, what is missing, and which guideline said so."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from mriloop.edges.fhir.timing import event_timing, period
from mriloop.edges.fhir.words import (
    CANONICAL,
    PRIORITY,
    TELLING_STEPS,
    UCUM,
    Resource,
    body_site,
    canonical,
    category,
    coding,
    concept,
    exam_code,
    identifier,
    related_artifact,
    text_of,
)
from mriloop.model.advice import Advice, Recommendation, Undetermined
from mriloop.model.fact import FactValue, Truth, Unknown
from mriloop.model.guideline import Citation, FactSpec, Guideline, GuidelineSet, Step
from mriloop.model.quantity import Quantity
from mriloop.model.record import digest_of

SYSTEM = f"{CANONICAL}/proposal"
FACTS = f"{CANONICAL}/fact"
_IDENTIFYING = frozenset({"birth_date"})


def advice_bundle(advice: Advice, known: GuidelineSet, *, case: str, now: datetime) -> Resource:
    """Return an advice as a Bundle of type collection.

    Each guideline that speaks gives a GuidanceResponse: `success` with a CarePlan of its proposals, or `data-required`
    with a DataRequirement for each fact that is missing. A step that somebody has to take is a ServiceRequest with
    status draft and intent proposal, its window as `occurrencePeriod`; what only tells is text of the CarePlan. The
    facts used are Observations. The Patient has no identity but the id of the case: whoever files the Bundle puts the
    person in. `now` is the time of the answer, with a zone.

    Notes
    -----
    Ids follow from case and recommendation: the same case gives the same Bundle, save for its time.
    """
    patient = {
        "resourceType": "Patient",
        "id": _id("patient", case),
        "text": text_of("The patient of the case, without identity."),
        "identifier": [{"system": f"{CANONICAL}/case", "value": case}],
    }
    subject = {"reference": _uuid(patient)}
    observations = {
        name: _observation(name, value, known.vocabulary, subject, case)
        for name, value in sorted(advice.facts.items())
        if not isinstance(value, Unknown) and value is not Truth.UNKNOWN and name not in _IDENTIFYING
    }
    basis = [{"reference": _uuid(each)} for each in observations.values()]
    resources: list[Resource] = [patient, *observations.values()]
    for guideline in known.guidelines:
        said = [each for each in advice.recommendations if each.guideline == guideline.id]
        lacking = [each for each in advice.undetermined if each.guideline == guideline.id]
        if said or lacking:
            resources += _guidance(guideline, said, lacking, known.vocabulary, subject, basis, case, now)
    if advice.warnings:
        resources.append(_warnings(advice, case))
    return {
        "resourceType": "Bundle",
        "id": _id("advice", case),
        "type": "collection",
        "timestamp": now.isoformat(timespec="seconds"),
        "entry": [{"fullUrl": _uuid(each), "resource": each} for each in resources],
    }


def _guidance(
    guideline: Guideline,
    said: list[Recommendation],
    lacking: list[Undetermined],
    vocabulary: Mapping[str, FactSpec],
    subject: Resource,
    basis: list[Resource],
    case: str,
    now: datetime,
) -> list[Resource]:
    missing = list(dict.fromkeys(name for each in lacking for name in each.missing))
    response: Resource = {
        "resourceType": "GuidanceResponse",
        "id": _id("guidance", case, guideline.id),
        "text": text_of(guideline.title),
        "moduleCanonical": canonical("PlanDefinition", guideline.id, guideline.version),
        "status": "data-required" if missing else "success",
        "subject": subject,
        "occurrenceDateTime": now.isoformat(timespec="seconds"),
    }
    found = [response]
    if missing:
        response["dataRequirement"] = [_requirement(vocabulary[name]) for name in missing]
        response["note"] = [{"text": vocabulary[name].question} for name in missing]
    if said:
        requests = {each.id: _request(each, guideline, subject, basis, case, now) for each in said if _asks(each)}
        plan = _care_plan(guideline, said, requests, subject, case)
        response["result"] = {"reference": _uuid(plan)}
        found += [plan, *requests.values()]
    return found


def _asks(each: Recommendation) -> bool:
    try:
        return Step(each.step) not in TELLING_STEPS
    except ValueError:
        return True


def _care_plan(
    guideline: Guideline, said: list[Recommendation], requests: Mapping[str, Resource], subject: Resource, case: str
) -> Resource:
    activities: list[Resource] = []
    for each in said:
        if each.id in requests:
            activities.append({"reference": {"reference": _uuid(requests[each.id])}})
        else:
            words = f"{each.text} [{each.profile}; {each.status}; {_cited(each.citation)}]"
            activities.append({"detail": {"status": "not-started", "description": words}})
    return {
        "resourceType": "CarePlan",
        "id": _id("plan", case, guideline.id),
        "text": text_of(f"{guideline.title}: proposals for a person to decide on."),
        "instantiatesCanonical": [canonical("PlanDefinition", guideline.id, guideline.version)],
        "status": "draft",
        "intent": "proposal",
        "title": guideline.title,
        "subject": subject,
        "activity": activities,
    }


def _request(
    each: Recommendation, guideline: Guideline, subject: Resource, basis: list[Resource], case: str, now: datetime
) -> Resource:
    step = Step(each.step)
    words = each.step.replace("_", " ")
    code = exam_code(each.modality, each.region, each.contrast) if each.modality else concept(words)
    found: Resource = {
        "resourceType": "ServiceRequest",
        "id": _id("proposal", case, each.id),
        "extension": [
            {
                "url": f"{CANONICAL}/StructureDefinition/citation",
                "valueRelatedArtifact": related_artifact(each.citation),
            },
            {"url": f"{CANONICAL}/StructureDefinition/status", "valueCode": each.status.value},
        ],
        "text": text_of(each.text),
        "identifier": [{"system": SYSTEM, "value": f"{case}/{each.id}"}],
        "instantiatesCanonical": [canonical("PlanDefinition", guideline.id, guideline.version)],
        "status": "draft",
        "intent": "proposal",
        "priority": PRIORITY[each.urgency],
        "code": code,
        "subject": subject,
        "authoredOn": now.isoformat(timespec="seconds"),
        "reasonCode": [concept("; ".join(each.because))],
        "note": [{"text": text} for text in _notes(each)],
    }
    kind = category(step)
    if kind is not None:
        found["category"] = [kind]
    site = body_site(each.region)
    if site is not None:
        found["bodySite"] = [site]
    if each.pulse_sequences:
        found["orderDetail"] = [concept(name) for name in each.pulse_sequences]
    if each.specialty:
        found["performerType"] = concept(", ".join(name.replace("_", " ") for name in each.specialty))
    if basis:
        found["supportingInfo"] = basis
    if each.window is not None and len(each.schedule) > 1:
        found["extension"].append(
            {
                "url": f"{CANONICAL}/StructureDefinition/schedule",
                "valueTiming": event_timing(each.schedule, each.then or "the whole schedule"),
            }
        )
    if each.window is not None:
        found["occurrencePeriod"] = period(each.window)
    return found


def _notes(each: Recommendation) -> list[str]:
    notes = [f"{each.text} A proposal, not an order.", f"Source: {_cited(each.citation)} ({each.status})."]
    notes += [each.note] if each.note else []
    notes += list(each.actions)
    if each.window is not None:
        notes.append(f"Target {each.window.target}; window {each.window.earliest} to {each.window.latest}.")
    if each.then:
        notes.append(f"Then: {each.then}.")
    if each.suggested is not None:
        notes.append(f"{each.suggested_by}: {each.suggested}. Not the guideline's date.")
    if each.never_auto_close:
        notes.append("Only a person may end it.")
    if not each.default:
        notes.append(f"Shown beside the default profile: {each.profile}.")
    return notes


def _cited(citation: Citation) -> str:
    return f"{citation.text} ({citation.year}), {citation.locator} [{citation.mark}]"


def _requirement(spec: FactSpec) -> Resource:
    """Return what is asked for: an Observation with the code of the fact."""
    return {"type": "Observation", "codeFilter": [{"path": "code", "code": [coding(FACTS, spec.name, _name(spec))]}]}


def _observation(
    name: str, value: FactValue, vocabulary: Mapping[str, FactSpec], subject: Resource, case: str
) -> Resource:
    spec = vocabulary.get(name)
    words = _name(spec) if spec else name.replace("_", " ")
    found: Resource = {
        "resourceType": "Observation",
        "id": _id("fact", case, name),
        "text": text_of(words),
        "status": "preliminary",
        "code": concept(words, coding(FACTS, name, words)),
        "subject": subject,
    }
    if isinstance(value, Truth):
        found["valueBoolean"] = value is Truth.TRUE
    elif isinstance(value, Quantity):
        found["valueQuantity"] = {"value": value.value, "unit": value.unit, "system": UCUM, "code": value.unit}
    elif isinstance(value, tuple):
        found["component"] = [
            {
                "code": concept(words),
                "valueCodeableConcept": concept(item.replace("_", " "), coding(f"{FACTS}/{name}", item, item)),
            }
            for item in value
        ]
        if not value:
            found["valueString"] = "none"
            del found["component"]
    elif isinstance(value, str):
        found["valueCodeableConcept"] = concept(value.replace("_", " "), coding(f"{FACTS}/{name}", value, value))
    elif not isinstance(value, Unknown):
        found["valueDateTime"] = value.isoformat()
    return found


def _name(spec: FactSpec) -> str:
    return spec.words or spec.name.replace("_", " ")


def _warnings(advice: Advice, case: str) -> Resource:
    return {
        "resourceType": "OperationOutcome",
        "id": _id("warnings", case),
        "issue": [
            {"severity": "warning", "code": "informational", "details": {"text": each.text}, "diagnostics": each.code}
            for each in advice.warnings
        ],
    }


def _id(*parts: str) -> str:
    return f"{identifier(parts[0])}-{digest_of(list(parts))[:24]}"


def _uuid(resource: Resource) -> str:
    """Return the address of a resource inside its Bundle: a UUID that follows from its type and id."""
    digest = digest_of([resource["resourceType"], resource["id"]])
    variant = "89ab"[int(digest[16], 16) % 4]
    return f"urn:uuid:{digest[:8]}-{digest[8:12]}-5{digest[13:16]}-{variant}{digest[17:20]}-{digest[20:32]}"
