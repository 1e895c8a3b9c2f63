"""Facts from a FHIR R4 record: what it states, what it leaves out, and what cannot be trusted to be a fact."""

from __future__ import annotations

import json
from datetime import UTC, date
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mriloop.app.advise import guidelines_in_force
from mriloop.app.exchange import bindings_in_force
from mriloop.edges.fhir.proposals import FACTS
from mriloop.edges.fhir.record import Record, read_record
from mriloop.model.errors import MriloopError
from mriloop.model.fact import Truth
from mriloop.model.finding import Source
from mriloop.model.quantity import Quantity
from mriloop.stages.advise import evaluate

VOCABULARY, BINDINGS = guidelines_in_force().vocabulary, bindings_in_force()
LOINC, SNOMED, ATC = "http://loinc.org", "http://snomed.info/sct", "http://www.whocc.no/atc"
TODAY = date(2026, 11, 20)


def read(folder: Path, *resources: dict, zone=UTC) -> Record:
    path = folder / "record.json"
    entries = [{"resource": one} for one in resources]
    path.write_text(json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}), encoding="utf-8")
    return read_record(path, BINDINGS, VOCABULARY, as_of=TODAY, zone=zone)


def values(record: Record) -> dict[str, object]:
    return {name: fact.value for name, fact in record.facts.items()}


def codes(record: Record) -> list[str]:
    return [note.code for note in record.notes]


def coded(system: str, code: str) -> dict:
    return {"coding": [{"system": system, "code": code}]}


def egfr(value: float = 62, on: str = "2026-11-01", **more: object) -> dict:
    quantity = {"value": value, "code": "mL/min/{1.73_m2}", "system": "http://unitsofmeasure.org"}
    return {
        "resourceType": "Observation", "status": "final", "code": coded(LOINC, "98979-8"), "effectiveDateTime": on,
        "valueQuantity": {**quantity, **more},
    }  # fmt: skip


def drug(code: str, status: str = "active", **period: str) -> dict:
    return {
        "resourceType": "MedicationStatement", "status": status, "medicationCodeableConcept": coded(ATC, code),
        "effectivePeriod": period,
    }  # fmt: skip


def problem(code: str, verified: str = "confirmed", clinical: str = "active") -> dict:
    return {
        "resourceType": "Condition", "code": coded(SNOMED, code),
        "verificationStatus": {"coding": [{"code": verified}]}, "clinicalStatus": {"coding": [{"code": clinical}]},
    }  # fmt: skip


def pregnancy(answer: str, on: str) -> dict:
    return {
        "resourceType": "Observation", "status": "final", "code": coded(LOINC, "82810-3"), "effectiveDateTime": on,
        "valueCodeableConcept": coded(SNOMED, answer),
    }  # fmt: skip


def mri(started: str, modality: str = "MR", status: str = "available") -> dict:
    system = "http://dicom.nema.org/resources/ontology/DCM"
    return {
        "resourceType": "ImagingStudy", "status": status, "started": started,
        "modality": [{"system": system, "code": modality}],
    }  # fmt: skip


def test_what_the_record_states_is_a_fact_from_the_record(tmp_path):
    record = read(
        tmp_path,
        {"resourceType": "Patient", "birthDate": "2010-05-01", "gender": "female"},
        problem("24700007"),
        drug("L04AG03", start="2025-03-01"),
        egfr(),
        mri("2026-10-01"),
    )
    assert values(record) == {
        "birth_date": date(2010, 5, 1),
        "sex": "female",
        "condition": ("multiple_sclerosis",),
        "ms_drug": "natalizumab",
        "drug_start_date": date(2025, 3, 1),
        "egfr": Quantity(value=62.0, unit="mL/min/{1.73_m2}"),
        "exam_date": date(2026, 10, 1),
    }
    assert {fact.source for fact in record.facts.values()} == {Source.RECORD}
    assert record.facts["egfr"].stated_at == date(2026, 11, 1)
    assert record.notes == ()


def test_what_the_record_leaves_out_stays_unknown(tmp_path):
    """No diabetes on the list of problems is no word on diabetes."""
    assert values(read(tmp_path, problem("24700007"))) == {"condition": ("multiple_sclerosis",)}
    assert values(read(tmp_path)) == {}


@pytest.mark.parametrize(
    ("resource", "fact", "value"),
    [
        (problem("73211009"), "diabetes", Truth.TRUE),
        (problem("73211009", verified="refuted"), "diabetes", Truth.FALSE),
        (problem("73211009", verified="entered-in-error"), "diabetes", None),
        (problem("73211009", verified="provisional"), "diabetes", None),
        (problem("73211009", clinical="resolved"), "diabetes", None),
        (problem("24700007", verified="refuted"), "condition", None),
        (drug("L04AA23"), "ms_drug", "natalizumab"),
        (drug("L04AA23", status="stopped"), "ms_drug", None),
        (drug("L04AA23", status="entered-in-error"), "ms_drug", None),
        (drug("L04AA23", end="2026-01-01"), "ms_drug", None),
        (drug("L04AA23", end="2027-01-01"), "ms_drug", "natalizumab"),
        (drug("A10BA02"), "ms_drug", None),
        (pregnancy("77386006", "2026-11-18"), "pregnant", Truth.TRUE),
        (pregnancy("60001007", "2026-11-18"), "pregnant", Truth.FALSE),
        (pregnancy("60001007", "2026-01-18"), "pregnant", None),
        (pregnancy("261665006", "2026-11-18"), "pregnant", None),
        ({**egfr(), "status": "entered-in-error"}, "egfr", None),
        (egfr(on="2026-12-24"), "egfr", None),
        (egfr(on="2025-01-01"), "egfr", None),
        (mri("2026-10-01", modality="CT"), "exam_date", None),
        (mri("2026-10-01", status="cancelled"), "exam_date", None),
        (mri("2026-12-01"), "exam_date", None),
        ({"resourceType": "Patient", "gender": "unknown"}, "sex", None),
    ],
)
def test_status_and_date_decide_whether_a_statement_counts(tmp_path, resource, fact, value):
    assert values(read(tmp_path, resource)).get(fact) == value


@pytest.mark.parametrize(
    ("resource", "fact", "note"),
    [
        (egfr(comparator=">"), "egfr", "record_inexact"),
        (egfr(float("nan")), "egfr", "record_inexact"),
        (egfr(float("inf")), "egfr", "record_inexact"),
        (egfr(-4), "egfr", "record_inexact"),
        (egfr(code="mL/min"), "egfr", "record_unit"),
        (egfr(code="furlong"), "egfr", "record_unit"),
        (egfr(on="2025-01-01"), "egfr", "record_old"),
        ({"resourceType": "Patient", "birthDate": "2010"}, "birth_date", "record_date"),
        ({"resourceType": "Patient", "birthDate": "2010-05"}, "birth_date", "record_date"),
        ({"resourceType": "Patient", "birthDate": "2010-02-30"}, "birth_date", "record_date"),
        ({"resourceType": "Patient", "deceasedBoolean": True}, "birth_date", "patient_deceased"),
        (problem("73211009", clinical="remission"), "diabetes", "record_past"),
    ],
)
def test_what_cannot_be_used_is_said_and_stays_unknown(tmp_path, resource, fact, note):
    record = read(tmp_path, resource)
    assert fact not in record.facts
    assert codes(record) == [note]


def test_a_list_of_dates_holds_dates_alone(tmp_path):
    own = {"resourceType": "Observation", "status": "final", "code": coded(FACTS, "performed_follow_ups")}
    parts = [
        {"valueCodeableConcept": coded(f"{FACTS}/performed_follow_ups", word)}
        for word in ("98979-8", "2026-04-08", "20260409")
    ]
    assert values(read(tmp_path, {**own, "component": parts[:1]})) == {}
    assert values(read(tmp_path, {**own, "component": parts})) == {"performed_follow_ups": ("2026-04-08",)}


def test_the_latest_statement_stands(tmp_path):
    record = read(tmp_path, egfr(28, "2026-11-10"), egfr(75, "2026-09-01"), pregnancy("77386006", "2026-11-10"),
                  pregnancy("60001007", "2026-11-19"))  # fmt: skip
    assert values(record) == {"egfr": Quantity(value=28.0, unit="mL/min/{1.73_m2}"), "pregnant": Truth.FALSE}


def test_two_values_of_one_day_or_two_drugs_at_once_leave_it_unknown(tmp_path):
    assert codes(read(tmp_path, egfr(28), egfr(31))) == ["record_ambiguous"]
    both = read(tmp_path, drug("L04AA23", start="2025-01-01"), drug("N07XX09", start="2026-01-01"))
    assert both.facts == {}
    assert codes(both) == ["record_ambiguous", "record_ambiguous"]


@pytest.mark.parametrize(
    ("zone", "day"), [("Europe/Berlin", date(2026, 10, 2)), ("America/New_York", date(2026, 10, 1))]
)
def test_an_instant_counts_on_the_day_that_it_has_at_the_site(tmp_path, zone, day):
    record = read(tmp_path, mri("2026-10-01T23:30:00-04:00"), zone=ZoneInfo(zone))
    assert record.facts["exam_date"].value == day


def test_a_bound_element_and_an_answer_of_our_own_count_alike(tmp_path):
    own = {"resourceType": "Observation", "status": "final", "code": coded(FACTS, "egfr")}
    quantity = {"value": 20, "code": "mL/min/{1.73_m2}"}
    later = {**own, "effectiveDateTime": "2026-11-19", "valueQuantity": quantity}
    assert values(read(tmp_path, egfr(62), later)) == {"egfr": Quantity(value=20.0, unit="mL/min/{1.73_m2}")}
    same_day = {**later, "effectiveDateTime": "2026-11-01"}
    assert codes(read(tmp_path, egfr(62), same_day)) == ["record_ambiguous"]


def test_a_prescription_says_which_drug_and_not_since_when(tmp_path):
    order = {**drug("L04AA23", start="2026-11-01"), "resourceType": "MedicationRequest", "authoredOn": "2026-11-01"}
    del order["effectivePeriod"]
    assert values(read(tmp_path, order)) == {"ms_drug": "natalizumab"}
    assert values(read(tmp_path, {**order, "status": "cancelled"})) == {}
    both = read(tmp_path, order, drug("L04AG03", start="2025-03-01"))
    assert values(both) == {"ms_drug": "natalizumab", "drug_start_date": date(2025, 3, 1)}


def test_an_observation_of_our_own_code_states_that_fact(tmp_path):
    """This is how a DataRequirement of ours is answered."""

    def own(name: str, **value: object) -> dict:
        return {"resourceType": "Observation", "status": "final", "code": coded(FACTS, name), **value}

    record = read(
        tmp_path,
        own("jcv_status", valueCodeableConcept=coded(f"{FACTS}/jcv_status", "positive")),
        own("relapse", valueBoolean=False),
        own("lesion_size", valueQuantity={"value": 1.4, "code": "cm"}),
        own("surgery_date", valueDateTime="2026-01-10"),
        own("chiasm", valueCodeableConcept=coded(f"{FACTS}/chiasm", "no such word")),
    )
    assert values(record) == {
        "jcv_status": "positive",
        "relapse": Truth.FALSE,
        "lesion_size": Quantity(value=14.0, unit="mm"),
        "surgery_date": date(2026, 1, 10),
    }


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "fhir_unreadable"),
        ("{", "fhir_unreadable"),
        ("[" * 100_000, "fhir_unreadable"),
        ("[]", "fhir_shape"),
        ("null", "fhir_shape"),
        ('{"resourceType": "Patient"}', "fhir_shape"),
        ('{"resourceType": "Bundle", "type": "message"}', "fhir_shape"),
        ('{"resourceType": "Bundle", "type": "collection", "entry": {}}', "fhir_shape"),
        ('{"resourceType": "Bundle", "type": "collection", "entry": [{"resource": 1}]}', "fhir_shape"),
        ('{"resourceType": "Bundle", "type": "collection", "entry": [{"resource": {"resourceType": "Patient"}},'
         '{"resource": {"resourceType": "Patient"}}]}', "fhir_shape"),
    ],
)  # fmt: skip
def test_what_is_no_record_is_refused(tmp_path, text, code):
    path = tmp_path / "record.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(MriloopError) as caught:
        read_record(path, BINDINGS, VOCABULARY, as_of=TODAY, zone=UTC)
    assert caught.value.code == code


@pytest.mark.parametrize(("make", "code"), [(None, "input_not_found"), (b"\xff\xfe{", "fhir_unreadable")])
def test_what_cannot_be_read_is_refused(tmp_path, make, code):
    path = tmp_path / "record.json"
    if make is not None:
        path.write_bytes(make)
    with pytest.raises(MriloopError) as caught:
        read_record(path, BINDINGS, VOCABULARY, as_of=TODAY, zone=UTC)
    assert caught.value.code == code


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12) | st.just("2026-01-10"),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["coding", "code", "value", "start"]), inner)
    ),
    max_leaves=6,
)
KEYS = (
    "status", "code", "birthDate", "gender", "effectiveDateTime", "valueQuantity", "valueCodeableConcept", "started",
    "modality", "medicationCodeableConcept", "effectivePeriod", "verificationStatus", "clinicalStatus",
    "performedPeriod", "performedDateTime", "component", "valueBoolean", "valueDateTime", "recordedDate",
    "deceasedBoolean",
)  # fmt: skip


@settings(deadline=None)
@given(
    st.sampled_from(["Patient", "Observation", "Condition", "MedicationStatement", "Procedure", "ImagingStudy", "Odd"]),
    st.dictionaries(st.sampled_from(KEYS), JSON),
    st.sampled_from([LOINC, SNOMED, ATC, FACTS]),
    st.sampled_from(["98979-8", "24700007", "L04AG03", "82810-3", "lesion_size", "dates", "performed_follow_ups"]),
)
def test_no_resource_however_odd_is_a_traceback(tmp_path_factory, kind, content, system, code):
    resource = {"resourceType": kind, **content}
    for key in ("code", "medicationCodeableConcept"):
        if not isinstance(resource.get(key), dict):
            resource[key] = coded(system, code)
    record = read(tmp_path_factory.getbasetemp(), resource)
    evaluate(guidelines_in_force(), record.facts, as_of=TODAY)
