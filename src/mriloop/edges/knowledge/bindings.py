"""Bindings from YAML: where each fact of the rules is found in DICOM, FHIR R4 and RadElement. Never part of a rule."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mriloop.edges.knowledge.guidelines import SHIPPED
from mriloop.edges.knowledge.places import At, read_yaml
from mriloop.edges.knowledge.values import MisfitError, hint_for, parse_value
from mriloop.model.binding import Binding, DicomBinding, FhirBinding
from mriloop.model.guideline import FactSpec, FactType, Mark

SYSTEMS = {
    "loinc": "http://loinc.org",
    "snomed": "http://snomed.info/sct",
    "atc": "http://www.whocc.no/atc",
    "rxnorm": "http://www.nlm.nih.gov/research/umls/rxnorm",
    "icd10": "http://hl7.org/fhir/sid/icd-10",
    "dicom": "http://dicom.nema.org/resources/ontology/DCM",
}
ELEMENTS = {
    "Patient": ("birthDate", "gender"),
    "Observation": ("value",),
    "Condition": ("code",),
    "MedicationStatement": ("medicationCodeableConcept", "effectivePeriod.start"),
    "Procedure": ("performed",),
    "ImagingStudy": ("started",),
}
_KEYS = {"dicom", "fhir", "radelement"}
_FHIR = {"resource", "element", "mark", "system", "codes", "values", "valid_days", "note"}


def load_bindings(
    vocabulary: Mapping[str, FactSpec], *, shipped: Path = SHIPPED, site: Path | None = None
) -> dict[str, Binding]:
    """Read `bindings/*.yaml` of the shipped knowledge, then of the site's; a site's binding replaces the shipped one.

    Raises OperatorError `knowledge_invalid` with file and key: a fact that does not exist, an element that is not read,
    a word that the fact does not have, codes without a system.
    """
    found: dict[str, Binding] = {}
    for folder in (shipped / "bindings", *([site / "guidelines" / "bindings"] if site is not None else [])):
        here: dict[str, Binding] = {}
        for path in sorted(folder.glob("*.yaml")) if folder.is_dir() else ():
            at = At(path)
            raw = read_yaml(path)
            if not isinstance(raw, dict):
                raise at.wrong("a mapping from facts to bindings is needed")
            for name, entry in raw.items():
                if name not in vocabulary:
                    raise at.wrong(f"no fact is called {name!r}{hint_for(str(name), list(vocabulary))}")
                if name in here:
                    raise at.down(name).wrong("another file of this folder binds the same fact")
                here[name] = _binding(vocabulary[name], entry, at.down(name))
        found |= here
    return dict(sorted(found.items()))


def _binding(spec: FactSpec, raw: object, at: At) -> Binding:
    given = at.mapping(raw, _KEYS)
    if not given:
        raise at.wrong(f"one of {', '.join(sorted(_KEYS))} is needed")
    dicom, fhir = at.down("dicom"), at.down("fhir")
    return Binding(
        fact=spec.name,
        dicom=tuple(
            _dicom(spec, each, dicom.down(number)) for number, each in enumerate(dicom.items(given.get("dicom", [])))
        ),
        fhir=tuple(
            _fhir(spec, each, fhir.down(number)) for number, each in enumerate(fhir.items(given.get("fhir", [])))
        ),
        radelement=at.down("radelement").words(given.get("radelement")),
    )


def _dicom(spec: FactSpec, raw: object, at: At) -> DicomBinding:
    given = at.mapping(raw, {"keyword", "values", "note"}, ("keyword",))
    return DicomBinding(
        keyword=str(given["keyword"]),
        values=_words(spec, given.get("values"), at.down("values")),
        note=str(given.get("note", "")),
    )


def _fhir(spec: FactSpec, raw: object, at: At) -> FhirBinding:
    given = at.mapping(raw, _FHIR, ("resource", "element", "mark"))
    resource, element = str(given["resource"]), str(given["element"])
    if element not in ELEMENTS.get(resource, ()):
        known = [f"{name}.{each}" for name, elements in ELEMENTS.items() for each in elements]
        raise at.wrong(f"{resource}.{element} is not read; one of {', '.join(known)}")
    system = str(given.get("system", ""))
    if system and system not in SYSTEMS:
        raise at.down("system").wrong(f"{system!r} is none of {', '.join(SYSTEMS)}")
    if resource != "Patient" and not (system and given.get("codes")):
        raise at.wrong("`system` and `codes` are needed: without them every resource would speak of this fact")
    days = given.get("valid_days")
    if days is not None and (not isinstance(days, int) or isinstance(days, bool) or days < 1):
        raise at.down("valid_days").wrong("a number of days is needed")
    holds_words = element in ("code", "medicationCodeableConcept")
    return FhirBinding(
        resource=resource,
        element=element,
        mark=at.down("mark").one_of(Mark, given["mark"]),
        system=SYSTEMS.get(system, ""),
        codes=_words(spec, given.get("codes"), at.down("codes"), needed=holds_words),
        values=_words(spec, given.get("values"), at.down("values")),
        valid_days=days,
        note=str(given.get("note", "")),
    )


def _words(spec: FactSpec, raw: Any, at: At, *, needed: bool | None = None) -> dict[str, str]:
    """Return a mapping from words of others to words of the fact, each checked; `needed` says whether it must have one.

    None: every entry has one (`values`). False: the codes only select, and have none.
    """
    if raw is None:
        return {}
    if not isinstance(raw, dict):
        raise at.wrong("a mapping is needed here")
    found = {}
    for other, word in raw.items():
        text = "yes" if word is True else "no" if word is False else str(word)
        if needed is False:
            found[str(other)] = ""
            continue
        try:
            parse_value(spec, [text] if spec.type is FactType.LIST else text)
        except MisfitError as problem:
            raise at.down(other).wrong(str(problem)) from None
        found[str(other)] = text
    return found
