"""Bindings: the shipped ones speak of facts and words that exist; what does not is refused with its place."""

from __future__ import annotations

import pytest
from pydicom.datadict import dictionary_has_tag, tag_for_keyword

from mriloop.app.advise import guidelines_in_force
from mriloop.app.exchange import bindings_in_force
from mriloop.edges.knowledge.bindings import load_bindings
from mriloop.model.errors import MriloopError
from mriloop.model.guideline import Mark

VOCABULARY = guidelines_in_force().vocabulary


def test_the_shipped_bindings_speak_of_facts_that_exist():
    found = bindings_in_force()
    assert {"age", "sex", "birth_date", "exam_date", "egfr", "ms_drug", "pregnant", "condition"} <= set(found)
    assert set(found) <= set(VOCABULARY)


def test_every_dicom_keyword_is_in_the_dictionary():
    for binding in bindings_in_force().values():
        for one in binding.dicom:
            tag = tag_for_keyword(one.keyword)
            assert tag is not None, one.keyword
            assert dictionary_has_tag(tag)


def test_codes_from_memory_are_marked_so():
    drugs = bindings_in_force()["ms_drug"].fhir
    assert {one.mark for one in drugs} == {Mark.V2, Mark.M}
    assert all(one.mark is not Mark.V for binding in bindings_in_force().values() for one in binding.fhir if one.codes
               and one.resource != "ImagingStudy")  # fmt: skip


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("- a", "a mapping from facts"),
        ("sexx: {dicom: [{keyword: PatientSex}]}", "did you mean sex"),
        ("sex: {}", "one of dicom, fhir, radelement"),
        ("sex: {hl7: []}", "unknown key 'hl7'"),
        ("sex: {fhir: [{resource: Patient, element: name, mark: V}]}", "Patient.name is not read"),
        ("sex: {fhir: [{resource: Patient, element: gender, mark: X}]}", "'X' is none of"),
        ("sex: {fhir: [{resource: Patient, element: gender, mark: V, values: {f: woman}}]}", ""),
        ("sex: {fhir: [{resource: Patient, element: gender, mark: V, values: {f: purple}}]}", "purple"),
        ("egfr: {fhir: [{resource: Observation, element: value, mark: V}]}", "`system` and `codes` are needed"),
        ("egfr: {fhir: [{resource: Observation, element: value, mark: V, system: nc, codes: {a: x}}]}",
         "'nc' is none of"),
        ("egfr: {fhir: [{resource: Observation, element: value, mark: V, system: loinc, codes: {a: ''},"
         " valid_days: 0}]}", "a number of days"),
    ],
)  # fmt: skip
def test_a_binding_that_does_not_fit_is_refused_with_its_place(tmp_path, text, words):
    (tmp_path / "bindings").mkdir()
    (tmp_path / "bindings" / "x.yaml").write_text(text, encoding="utf-8")
    if not words:
        load_bindings(VOCABULARY, shipped=tmp_path)
        return
    with pytest.raises(MriloopError) as caught:
        load_bindings(VOCABULARY, shipped=tmp_path)
    assert caught.value.code == "knowledge_invalid"
    assert "x.yaml" in caught.value.message
    assert words in caught.value.message


def test_a_fact_bound_twice_is_refused_and_a_site_may_bind_it_anew(tmp_path):
    (tmp_path / "bindings").mkdir()
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / "bindings" / name).write_text("sex: {dicom: [{keyword: PatientSex, values: {F: female}}]}")
    with pytest.raises(MriloopError) as caught:
        load_bindings(VOCABULARY, shipped=tmp_path)
    assert "binds the same fact" in caught.value.message
    own = tmp_path / "site" / "guidelines" / "bindings"
    own.mkdir(parents=True)
    text = "egfr: {fhir: [{resource: Observation, element: value, system: loinc, codes: {77147-7: ''}, mark: V2}]}"
    (own / "x.yaml").write_text(text)
    found = load_bindings(VOCABULARY, site=tmp_path / "site")
    assert list(found["egfr"].fhir[0].codes) == ["77147-7"]
    assert found["sex"] == bindings_in_force()["sex"]
