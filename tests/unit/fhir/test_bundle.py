"""A Bundle is of one patient and as the record stands: other people, old versions and withdrawn words never count."""

from __future__ import annotations

import json
from datetime import UTC, date
from pathlib import Path

import pytest

from mriloop.app.advise import guidelines_in_force
from mriloop.app.exchange import bindings_in_force
from mriloop.edges.fhir.proposals import FACTS
from mriloop.edges.fhir.record import Record, read_record
from mriloop.model.errors import MriloopError
from mriloop.model.fact import Truth
from mriloop.model.quantity import Quantity

VOCABULARY, BINDINGS = guidelines_in_force().vocabulary, bindings_in_force()
LOINC, SNOMED, ATC = "http://loinc.org", "http://snomed.info/sct", "http://www.whocc.no/atc"
TODAY = date(2026, 11, 20)
UNIT = "mL/min/{1.73_m2}"
EGFR = {"egfr": Quantity(value=62.0, unit=UNIT)}
ANNA = {"resourceType": "Patient", "id": "anna", "identifier": [{"system": "urn:clinic", "value": "7"}]}


def read(folder: Path, *entries: dict, kind: str = "collection") -> Record:
    """Read a Bundle; a resource stands for an entry without an address."""
    made = [each if "resource" in each or "request" in each else {"resource": each} for each in entries]
    path = folder / "record.json"
    path.write_text(json.dumps({"resourceType": "Bundle", "type": kind, "entry": made}), encoding="utf-8")
    return read_record(path, BINDINGS, VOCABULARY, as_of=TODAY, zone=UTC)


def values(record: Record) -> dict[str, object]:
    return {name: fact.value for name, fact in record.facts.items()}


def coded(system: str, code: str) -> dict:
    return {"coding": [{"system": system, "code": code}]}


def egfr(value: float = 62, **more: object) -> dict:
    return {
        "resourceType": "Observation", "status": "final", "code": coded(LOINC, "98979-8"),
        "effectiveDateTime": "2026-11-01", "valueQuantity": {"value": value, "code": UNIT}, **more,
    }  # fmt: skip


def about(reference: str, **more: object) -> dict:
    return egfr(subject={"reference": reference}, **more)


def at(url: str, resource: dict) -> dict:
    return {"fullUrl": url, "resource": resource}


@pytest.mark.parametrize(
    "entries",
    [
        (ANNA, about("Patient/anna")),
        (ANNA, about("Patient/anna/_history/3")),
        (ANNA, egfr(subject={"identifier": {"system": "urn:clinic", "value": "7"}})),
        (ANNA, egfr()),
        (at("urn:uuid:1f", ANNA), about("urn:uuid:1f")),
        (at("urn:uuid:1f", ANNA), about("Patient/anna")),
        (at("https://a.example/r4/Patient/anna", ANNA), about("https://a.example/r4/Patient/anna")),
        (
            at("https://a.example/r4/Patient/anna", ANNA),
            at("https://a.example/r4/Observation/9", about("Patient/anna")),
        ),
        (ANNA, about("https://a.example/r4/Patient/anna")),
        (about("Patient/anna"), {**about("Patient/anna"), "effectiveDateTime": "2026-10-01"}),
        (ANNA, about("Patient/anna"), {"resourceType": "Device", "patient": {"display": "a pump"}}),
    ],
)
def test_what_is_about_the_one_patient_counts(tmp_path, entries):
    assert values(read(tmp_path, *entries)) == EGFR


@pytest.mark.parametrize(
    "entries",
    [
        (ANNA, about("Patient/bert")),
        (ANNA, about("Group/anna")),
        (about("Device/pump"),),
        (ANNA, egfr(subject={"identifier": {"system": "urn:clinic", "value": "8"}})),
        (ANNA, egfr(subject={"display": "Anna"})),
        (ANNA, egfr(subject=["Patient/anna"])),
        (ANNA, about("#anna")),
        (at("urn:uuid:1f", ANNA), about("urn:uuid:2e")),
        (at("https://a.example/r4/Patient/anna", ANNA), about("https://b.example/r4/Patient/anna")),
        (
            at("https://a.example/r4/Patient/anna", ANNA),
            at("https://b.example/r4/Observation/9", about("Patient/anna")),
        ),
        (about("Patient/anna"), about("Patient/bert")),
        (about("https://a.example/Patient/anna"), about("https://b.example/Patient/anna"), about("Patient/anna")),
        (ANNA, egfr(), {"resourceType": "AllergyIntolerance", "patient": {"reference": "Patient/bert"}}),
    ],
)
def test_what_is_about_somebody_else_is_refused(tmp_path, entries):
    with pytest.raises(MriloopError) as caught:
        read(tmp_path, *entries)
    assert caught.value.code == "fhir_shape"
    assert "bert" not in caught.value.message


def version(status: str, updated: str | None) -> dict:
    return {**egfr(status=status), "id": "9", **({"meta": {"lastUpdated": updated}} if updated else {})}


def test_of_several_versions_the_last_updated_stands(tmp_path):
    old, new = version("final", "2026-11-01T10:00:00Z"), version("entered-in-error", "2026-11-02T10:00:00Z")
    assert values(read(tmp_path, old, new)) == values(read(tmp_path, new, old)) == {}
    assert values(read(tmp_path, old, old)) == EGFR
    again = {**version("amended", "2026-11-02T00:30:00+14:00"), "valueQuantity": {"value": 20, "code": UNIT}}
    assert values(read(tmp_path, again, version("final", "2026-11-01T10:45:00Z"))) == EGFR


@pytest.mark.parametrize("updated", [None, "2026-11-01", "2026-11-01T10:00:00Z", 7])
def test_versions_that_nothing_orders_are_refused(tmp_path, updated):
    with pytest.raises(MriloopError) as caught:
        read(tmp_path, version("final", "2026-11-01T10:00:00Z"), version("entered-in-error", updated))
    assert caught.value.code == "fhir_shape"


@pytest.mark.parametrize(
    ("kind", "entries"),
    [
        ("history", (egfr(),)),
        ("transaction", (egfr(), {"request": {"method": "DELETE", "url": "Observation/9"}})),
        ("batch", ({"resource": egfr(), "request": {"method": "PATCH", "url": "Observation/9"}},)),
    ],
)
def test_what_does_not_say_how_things_stand_is_refused(tmp_path, kind, entries):
    with pytest.raises(MriloopError) as caught:
        read(tmp_path, *entries, kind=kind)
    assert caught.value.code == "fhir_shape"


def diabetes(**more: object) -> dict:
    return {"resourceType": "Condition", "code": coded(SNOMED, "73211009"), **more}


def pregnancy(**more: object) -> dict:
    return {
        "resourceType": "Observation", "status": "final", "code": coded(LOINC, "82810-3"),
        "valueCodeableConcept": coded(SNOMED, "60001007"), **more,
    }  # fmt: skip


def own(name: str, **more: object) -> dict:
    return {"resourceType": "Observation", "status": "final", "code": coded(FACTS, name), **more}


def drug(**more: object) -> dict:
    return {"resourceType": "MedicationStatement", "medicationCodeableConcept": coded(ATC, "L04AG03"), **more}


def order(**more: object) -> dict:
    return {**drug(status="active", intent="order"), "resourceType": "MedicationRequest", **more}


@pytest.mark.parametrize(
    ("resource", "fact", "value"),
    [
        (diabetes(), "diabetes", Truth.TRUE),
        (diabetes(clinicalStatus=coded("", "recurrence")), "diabetes", Truth.TRUE),
        (diabetes(abatementDateTime="2010-04-01"), "diabetes", None),
        (diabetes(abatementPeriod={"end": "2010-04-01"}), "diabetes", None),
        (diabetes(abatementString="years ago"), "diabetes", None),
        (diabetes(clinicalStatus=["active"]), "diabetes", None),
        (diabetes(clinicalStatus=coded("", "unknown")), "diabetes", None),
        (diabetes(verificationStatus={"text": "perhaps"}), "diabetes", None),
        (diabetes(modifierExtension=[{"url": "http://x.example/not", "valueBoolean": True}]), "diabetes", None),
        (pregnancy(effectiveDateTime="2026-11-18"), "pregnant", Truth.FALSE),
        (pregnancy(effectivePeriod={"start": "2026-11-07", "end": "2026-11-08"}), "pregnant", Truth.FALSE),
        (pregnancy(effectivePeriod={"start": "2026-11-01", "end": "2026-11-05"}), "pregnant", None),
        (pregnancy(effectivePeriod={"start": "2025-01"}, issued="2026-11-18T08:00:00Z"), "pregnant", None),
        (pregnancy(issued="2026-11-18T08:00:00Z"), "pregnant", None),
        (pregnancy(effectiveDateTime="2026-11-18", focus=[{"reference": "Patient/child"}]), "pregnant", None),
        (egfr(status=["final"]), "egfr", None),
        (egfr(status=None), "egfr", None),
        (egfr(status="no such status"), "egfr", None),
        (own("pregnant", valueBoolean=False, effectiveDateTime="2026-11-18"), "pregnant", Truth.FALSE),
        (own("pregnant", valueBoolean=False, effectiveDateTime="2026-11-05"), "pregnant", None),
        (own("pregnant", valueBoolean=False), "pregnant", None),
        (own("jcv_status", valueCodeableConcept=coded(f"{FACTS}/jcv_status", "negative")), "jcv_status", "negative"),
        (own("jcv_status", valueCodeableConcept=coded("http://x.example", "negative")), "jcv_status", None),
        (drug(status="active"), "ms_drug", "natalizumab"),
        (drug(status=["active"]), "ms_drug", None),
        (drug(status="active", effectivePeriod={"end": "2024"}), "ms_drug", None),
        (order(), "ms_drug", "natalizumab"),
        (order(intent="proposal"), "ms_drug", None),
        (order(doNotPerform=True), "ms_drug", None),
    ],
)
def test_only_what_still_holds_counts(tmp_path, resource, fact, value):
    assert values(read(tmp_path, resource)).get(fact) == value


def test_a_word_without_a_day_is_not_outvoted_by_a_dated_one(tmp_path):
    def relapse(answer: bool, **more: object) -> dict:
        return own("relapse", valueBoolean=answer, **more)

    record = read(tmp_path, relapse(True), relapse(False, effectiveDateTime="2026-11-01"))
    assert (values(record), [note.code for note in record.notes]) == ({}, ["record_ambiguous"])


NAME = "Doe^Jane \u001b[31m"


@pytest.mark.parametrize(
    "resource",
    [
        egfr(valueQuantity={"value": 5, "unit": NAME}),
        egfr(valueQuantity={"value": 5, "code": UNIT, "comparator": NAME}),
        egfr(valueQuantity={"value": 5, "code": UNIT, "comparator": [NAME]}),
        egfr(valueQuantity={"value": -(10**400), "code": UNIT}),
        egfr(effectiveDateTime=NAME),
        {"resourceType": "Patient", "birthDate": NAME},
        {"resourceType": "Patient", "birthDate": "٢٠١٠-٠١-٠١"},
    ],
)
def test_no_text_of_the_record_is_repeated(tmp_path, resource):
    record = read(tmp_path, resource)
    assert values(record) == {}
    assert record.notes
    said = " ".join(note.text for note in record.notes)
    assert "Jane" not in said
    assert said.isascii() or "٢" not in said
    assert "\u001b" not in said


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (json.dumps({"resourceType": NAME}), "fhir_shape"),
        (json.dumps({"resourceType": "Bundle", "type": NAME}), "fhir_shape"),
        (r'{"resourceType": "Bundle", "type": "collection", "entry": [{"fullUrl": "\ud800"}]}', "fhir_unreadable"),
        ('{"resourceType": "Bundle", "type": "history", "type": "collection"}', "fhir_unreadable"),
        ('{"resourceType": "Bundle", "type": "collection", "n": ' + "9" * 5000 + "}", "fhir_unreadable"),
        ('{"resourceType": "Bundle", "type": "collection", "entry": [7]}', "fhir_shape"),
    ],
)
def test_what_is_refused_is_not_repeated_either(tmp_path, text, code):
    path = tmp_path / "record.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(MriloopError) as caught:
        read_record(path, BINDINGS, VOCABULARY, as_of=TODAY, zone=UTC)
    assert caught.value.code == code
    assert "Jane" not in caught.value.message
