"""Fuzzing of the reader of FHIR records: any JSON, and any Bundle, ends as facts or as a coded refusal."""

from __future__ import annotations

import json
from datetime import UTC, date
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mriloop.app.advise import guidelines_in_force
from mriloop.app.exchange import bindings_in_force
from mriloop.edges.fhir.proposals import FACTS
from mriloop.edges.fhir.record import read_record
from mriloop.model.errors import BY_CODE, MriloopError
from mriloop.model.guideline import FactType
from mriloop.stages.advise import evaluate

KNOWN, BINDINGS = guidelines_in_force(), bindings_in_force()
TODAY = date(2026, 11, 20)
SYSTEMS = ("http://loinc.org", "http://snomed.info/sct", "http://www.whocc.no/atc", FACTS, f"{FACTS}/egfr")
CODES = (
    "98979-8", "82810-3", "24700007", "73211009", "L04AG03", "MR", "egfr", "pregnant", "dates", "active", "refuted",
)  # fmt: skip
WORDS = (
    "2026-11-01", "2026-11-01T10:00:00Z", "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00", "2026", "final",
    "mm", "mL/min/{1.73_m2}", "Patient/a", "https://x.example/Patient/a", "urn:uuid:1", "none", "\ud800", "\x1b[31m",
)  # fmt: skip
KEYS = (
    "id", "status", "code", "system", "coding", "value", "unit", "comparator", "start", "end", "subject", "patient",
    "reference", "identifier", "type", "meta", "lastUpdated", "birthDate", "gender", "effectiveDateTime",
    "effectivePeriod", "valueQuantity", "valueCodeableConcept", "valueBoolean", "valueString", "valueDateTime",
    "component", "started", "modality", "medicationCodeableConcept", "verificationStatus", "clinicalStatus",
    "abatementDateTime", "performedPeriod", "performedDateTime", "recordedDate", "deceasedBoolean", "focus",
    "modifierExtension", "implicitRules", "intent", "doNotPerform",
)  # fmt: skip
KINDS = (
    "Patient", "Observation", "Condition", "MedicationStatement", "MedicationRequest", "Procedure", "ImagingStudy",
    "Device", "",
)  # fmt: skip

atoms = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.just(10**400)
    | st.sampled_from([*SYSTEMS, *CODES, *WORDS])
    | st.text(max_size=8)
)
anything = st.recursive(
    atoms,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=4), inner),
    max_leaves=8,
)
concepts = st.builds(
    lambda system, code: {"coding": [{"system": system, "code": code}]},
    st.sampled_from(SYSTEMS),
    st.sampled_from(CODES),
)
quantities = st.builds(lambda value, unit: {"value": value, "code": unit}, atoms, st.sampled_from(WORDS))
resources = st.builds(
    lambda kind, content, code, likely: {"resourceType": kind, "code": code, **likely, **content},
    st.sampled_from(KINDS),
    st.dictionaries(st.sampled_from(KEYS), anything, max_size=4),
    concepts,
    st.fixed_dictionaries(
        {},
        optional={
            "id": st.sampled_from(["a", "b"]),
            "status": st.sampled_from(["final", "active", "completed", "available"]),
            "subject": st.sampled_from([{"reference": "Patient/a"}, {"reference": "Patient/b"}]),
            "effectiveDateTime": st.sampled_from(WORDS),
            "valueQuantity": quantities,
            "valueCodeableConcept": concepts,
            "medicationCodeableConcept": concepts,
        },
    ),
)
entries = st.builds(
    lambda resource, more: {"resource": resource, **more},
    resources,
    st.dictionaries(st.sampled_from(["fullUrl", "request", "search"]), anything, max_size=2),
)


def read(data: bytes, folder: Path) -> str:
    """Return `ok` or the code of the refusal; facts that are found also go through every guideline."""
    path = folder / "fuzzed.json"
    path.write_bytes(data)
    try:
        record = read_record(path, BINDINGS, KNOWN.vocabulary, as_of=TODAY, zone=UTC)
    except MriloopError as error:
        assert error.message.isprintable()
        assert error.message.encode()
        return error.code
    for name, fact in record.facts.items():
        spec = KNOWN.vocabulary[name]
        assert fact.stated_at is None or fact.stated_at <= TODAY
        if spec.type is FactType.CODE:
            assert fact.value in spec.values
    assert all(note.text.isprintable() and note.text.encode() for note in record.notes)
    evaluate(KNOWN, record.facts, as_of=TODAY)
    return "ok"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fhir")


@given(st.binary(max_size=400) | st.text(max_size=200).map(str.encode))
@example(b"[" * 100_000)
@example(b'{"resourceType": "Bundle", "type": "collection", "entry": [' + b'{"resource":' * 50_000)
@settings(max_examples=100, deadline=None)
def test_any_bytes(folder: Path, data: bytes) -> None:
    assert read(data, folder) in BY_CODE


@given(anything)
@settings(max_examples=100, deadline=None)
def test_any_json(folder: Path, value: object) -> None:
    assert read(json.dumps(value).encode(), folder) in BY_CODE
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": value}
    assert read(json.dumps(bundle).encode(), folder) in {"ok", *BY_CODE}


@given(st.sampled_from(["collection", "searchset", "transaction", "history"]), st.lists(entries, max_size=4))
@settings(max_examples=300, deadline=None)
def test_any_bundle(folder: Path, kind: str, made: list[object]) -> None:
    bundle = {"resourceType": "Bundle", "type": kind, "entry": made}
    assert read(json.dumps(bundle).encode(), folder) in {"ok", *BY_CODE}
