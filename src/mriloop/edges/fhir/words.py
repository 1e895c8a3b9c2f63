"""The words of FHIR R4 that mriloop uses: systems, canonical addresses, codings of what our own words mean."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from mriloop.model.coding import Contrast, Region, Urgency
from mriloop.model.guideline import Citation, Step

Resource = dict[str, Any]

FHIR_VERSION = "4.0.1"
CANONICAL = "http://mriloop.invalid/fhir"
SNOMED = "http://snomed.info/sct"
LOINC = "http://loinc.org"
UCUM = "http://unitsofmeasure.org"
DICOM = "http://dicom.nema.org/resources/ontology/DCM"
_TERMINOLOGY = "http://terminology.hl7.org/CodeSystem"

PRIORITY = {Urgency.MINUTES: "stat", Urgency.HOURS: "asap", Urgency.DAYS: "urgent", Urgency.ROUTINE: "routine"}
# SNOMED CT concepts of body structures as DICOM PS3.16 CID 4 and CID 4031 have them; a region outside goes as text.
BODY_SITES: Mapping[Region, tuple[str, str]] = {
    Region.BRAIN: ("12738006", "Brain"),
    Region.PITUITARY: ("56329008", "Pituitary"),
    Region.HEAD_NECK: ("774007", "Head and Neck"),
    Region.CERVICAL_SPINE: ("122494005", "Cervical spine"),
    Region.THORACIC_SPINE: ("122495006", "Thoracic spine"),
    Region.LUMBAR_SPINE: ("122496007", "Lumbar spine"),
    Region.SPINE: ("421060004", "Spine"),
    Region.CHEST: ("816094009", "Chest"),
    Region.HEART: ("80891009", "Heart"),
    Region.BREAST: ("76752008", "Breast"),
    Region.ABDOMEN: ("818981001", "Abdomen"),
    Region.LIVER: ("10200004", "Liver"),
    Region.KIDNEY: ("64033007", "Kidney"),
    Region.PANCREAS: ("15776009", "Pancreas"),
    Region.PELVIS: ("816092008", "Pelvis"),
    Region.PROSTATE: ("41216001", "Prostate"),
    Region.UTERUS: ("35039007", "Uterus"),
    Region.SHOULDER: ("16982005", "Shoulder"),
    Region.HAND: ("85562004", "Hand"),
    Region.HIP: ("29836001", "Hip"),
    Region.KNEE: ("72696002", "Knee"),
    Region.FOOT: ("56459004", "Foot"),
    Region.WHOLE_BODY: ("38266002", "Entire body"),
}

IMAGING_STEPS = frozenset(
    {
        Step.FOLLOW_UP_IMAGING,
        Step.ADDITIONAL_IMAGING,
        Step.REPEAT_IMAGING,
        Step.COMPLETE_IMAGING,
    }
)
# Categories of a request: SNOMED CT as the value set servicerequest-category of FHIR R4 has them.
_CATEGORIES = {
    "imaging": ("363679005", "Imaging"),
    "laboratory": ("108252007", "Laboratory procedure"),
    "procedure": ("387713003", "Surgical procedure"),
}
_CATEGORY_OF = {
    **dict.fromkeys(IMAGING_STEPS, "imaging"),
    Step.OTHER_MODALITY: "imaging",
    Step.LABORATORY_TESTS: "laboratory",
    Step.SURGICAL_CULTURES: "procedure",
}
# Steps that tell rather than ask: they become text of a plan, not a request.
TELLING_STEPS = frozenset(
    {
        Step.NO_ROUTINE_IMAGING,
        Step.MAY_STOP_IMAGING,
        Step.DEFER_IMAGING,
        Step.OSTEOMYELITIS_UNLIKELY,
        Step.OSTEOMYELITIS_INDETERMINATE,
        Step.REVIEW_SERIES_TOGETHER,
        Step.WITHHOLD_STATEMENT,
        Step.REASSURE,
        Step.NEGATIVE_FOR_QUESTION,
        Step.SUGGEST_CATEGORY,
        Step.QUALIFY_STATEMENT,
        Step.REVIEW_MIMICS,
        Step.BLOCK_ORDER,
        Step.HOLD_ORDER,
        Step.ASK_BEFORE_ORDER,
        Step.ADVISE_ORDER,
        Step.ALLOW_ORDER,
    }
)
_CONTRAST = {
    Contrast.WITHOUT: "without contrast",
    Contrast.WITH: "with contrast",
    Contrast.WITHOUT_AND_WITH: "without and with contrast",
    Contrast.NEEDS_DECISION: "contrast for a person to decide",
}


def canonical(kind: str, name: str, version: str = "") -> str:
    """Return the canonical address of a resource of ours. The host is reserved (RFC 2606): it never resolves."""
    return f"{CANONICAL}/{kind}/{name}{f'|{version}' if version else ''}"


def identifier(name: str) -> str:
    """Return a name as a FHIR id: letters, digits, hyphen and point, at most 64 characters."""
    return re.sub(r"[^A-Za-z0-9.-]+", "-", name)[:64].strip("-")


def concept(text: str, *codings: Mapping[str, str]) -> Resource:
    """Return a CodeableConcept."""
    return {**({"coding": [dict(each) for each in codings]} if codings else {}), "text": text}


def coding(system: str, code: str, display: str) -> dict[str, str]:
    """Return a Coding."""
    return {"system": system, "code": code, "display": display}


def terminology(system: str, code: str) -> Resource:
    """Return a CodeableConcept of a code system of HL7 Terminology."""
    return {"coding": [{"system": f"{_TERMINOLOGY}/{system}", "code": code}]}


def category(step: Step) -> Resource | None:
    """Return the category of the request that a step makes; None where none of the value set fits."""
    kind = _CATEGORY_OF.get(step)
    return None if kind is None else {"coding": [coding(SNOMED, *_CATEGORIES[kind])]}


def exam_code(modality: str | None, region: Region | None, contrast: Contrast | None) -> Resource:
    """Return what an examination is, by attributes as in the LOINC/RSNA Playbook: modality, region, contrast.

    One LOINC code for each combination is a table that a site has; here the modality is coded (DICOM) and the whole is
    said in words.
    """
    if modality == "MR":
        parts, codings = ["MRI"], [coding(DICOM, "MR", "Magnetic Resonance")]
    else:
        parts, codings = [modality or "Next step"], []
    if region is not None and region is not Region.UNKNOWN:
        parts.append(str(region).replace("_", " "))
    if contrast in _CONTRAST:
        parts.append(_CONTRAST[contrast])
    return concept(" ".join(parts), *codings)


def body_site(region: Region | None) -> Resource | None:
    """Return the body structure of a region, coded where SNOMED CT is certain."""
    if region is None or region is Region.UNKNOWN:
        return None
    found = BODY_SITES.get(region)
    words = str(region).replace("_", " ")
    return concept(words, coding(SNOMED, *found)) if found else concept(words)


def related_artifact(citation: Citation) -> Resource:
    """Return a citation: document, year and DOI as the document, the place and how far it is verified as the label."""
    found: Resource = {
        "type": "citation",
        "label": f"{citation.locator} [{citation.mark}]",
        "citation": f"{citation.text} ({citation.year})",
    }
    if citation.doi:
        found["url"] = f"https://doi.org/{citation.doi}"
    return found


def text_of(words: str) -> Resource:
    """Return a narrative of plain words."""
    escaped = words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml"><p>{escaped}</p></div>'}
