"""FHIR R4 out, held to three judges that we did not write; and what goes out comes back in.

fhir.resources (R4B, which differs from R4 in no field used here) runs always. The R4 JSON schema and the npm validator
are installed by `make judges`.
"""

from __future__ import annotations

import base64
import json
import re
import subprocess
from datetime import UTC, date, datetime
from pathlib import Path

import jsonschema
import pytest
from fhir.resources.R4B import get_fhir_model_class

from mriloop.app.advise import guidelines_in_force
from mriloop.app.exchange import (
    ExportForm,
    advise_with_record,
    bindings_in_force,
    export_guidelines,
    write_proposals,
)
from mriloop.edges.fhir.definitions import Saying, plan_definition
from mriloop.edges.fhir.record import read_record
from mriloop.edges.fhir.words import BODY_SITES
from mriloop.model.fact import UNKNOWN
from mriloop.model.guideline import Status

HERE = Path(__file__).parent / "judges"
EXAMPLES = sorted((Path(__file__).parents[2] / "docs" / "examples").glob("*.yaml"))
NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
KNOWN = guidelines_in_force()


@pytest.fixture(scope="module")
def guidelines(tmp_path_factory) -> dict[str, dict]:
    """Every guideline as a Bundle, by its id."""
    written = export_guidelines(ExportForm.FHIR, tmp_path_factory.mktemp("fhir"), site=None, only=None, now=NOW)
    return {path.name.removesuffix(".fhir.json"): json.loads(path.read_text("utf-8")) for path in written}


@pytest.fixture(scope="module")
def advices(tmp_path_factory) -> dict[str, dict]:
    """The advice on every example as a Bundle, by the name of the example."""
    folder, found = tmp_path_factory.mktemp("advice"), {}
    for path in EXAMPLES:
        name, advice = advise_with_record(path, None, site=None, today=NOW.date())
        write_proposals(advice, name, folder / "advice.json", site=None, now=NOW)
        found[path.stem] = json.loads((folder / "advice.json").read_text("utf-8"))
    return found


def resources(bundle: dict, kind: str = "") -> list[dict]:
    return [one["resource"] for one in bundle["entry"] if not kind or one["resource"]["resourceType"] == kind]


def actions(action: dict) -> list[dict]:
    return [action, *(found for each in action.get("action", []) for found in actions(each))]


def test_every_resource_is_one_of_r4b(guidelines, advices):
    for bundle in [*guidelines.values(), *advices.values()]:
        for one in resources(bundle):
            get_fhir_model_class(one["resourceType"]).model_validate(one)
        get_fhir_model_class("Bundle").model_validate(bundle)


def test_every_resource_is_one_of_the_r4_json_schema(guidelines, advices, node):
    path = HERE / "node_modules" / "@medplum" / "definitions" / "dist" / "fhir" / "r4" / "fhir.schema.json"
    definitions = json.loads(path.read_text("utf-8"))["definitions"]
    judges: dict[str, jsonschema.Draft6Validator] = {}
    for bundle in [*guidelines.values(), *advices.values()]:
        for one in resources(bundle):
            kind = one["resourceType"]
            if kind not in judges:
                schema = {"$ref": f"#/definitions/{kind}", "definitions": definitions}
                judges[kind] = jsonschema.Draft6Validator(schema)
            assert [error.message for error in judges[kind].iter_errors(one)] == [], one["id"]


def judged(node: str, program: str, task: object) -> list[str]:
    """Return the faults that a judge in JavaScript finds."""
    command = [node, program]
    ran = subprocess.run(command, cwd=HERE, input=json.dumps(task), capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr[:1000]
    return json.loads(ran.stdout)


def test_a_second_validator_finds_no_fault(guidelines, advices, node):
    assert judged(node, "fhir.mjs", [*guidelines.values(), *advices.values()]) == []


def test_every_condition_is_cql_that_its_own_translator_takes(guidelines, node):
    task = []
    for bundle in guidelines.values():
        (library,), (plan,) = resources(bundle, "Library"), resources(bundle, "PlanDefinition")
        said = [
            each["expression"]["expression"] for one in actions(plan["action"][0]) for each in one.get("condition", [])
        ]
        task.append({"library": base64.b64decode(library["content"][0]["data"]).decode(), "conditions": said})
    assert sum(len(each["conditions"]) for each in task) > 100
    assert judged(node, "translate.mjs", task) == []


def test_each_row_is_one_action_with_its_source_status_and_condition(guidelines):
    for guideline in KNOWN.guidelines:
        (plan,) = resources(guidelines[guideline.id], "PlanDefinition")
        found = {one.get("title"): one for one in actions(plan["action"][0])}
        for table, rows in [("guards", guideline.guards), *((table.id, table.rows) for table in guideline.tables)]:
            for row in rows:
                action = found[f"{table}/{row.id}"]
                assert action["description"] == row.text
                assert row.citation.locator in action["documentation"][0]["label"]
                assert f"[{row.citation.mark}]" in action["documentation"][0]["label"]
                assert row.status.value in [each.get("valueCode") for each in action["extension"]]
                assert action["condition"][0]["expression"]["language"] == "text/cql"
                assert ("definitionCanonical" in action) >= (row.modality is not None)


def test_no_shipped_plan_calls_itself_active(guidelines):
    plans = [one for bundle in guidelines.values() for one in resources(bundle, "PlanDefinition")]
    assert {one["status"] for one in plans} == {"draft"}
    assert all(one["experimental"] for one in plans)


@pytest.mark.parametrize(("one", "plan"), [(Status.ACTIVE, "active"), (Status.REVIEWED, "draft")])
def test_a_plan_is_active_only_when_every_row_of_it_is(one, plan):
    guideline = KNOWN.get("ms_pml")
    assert guideline is not None
    last = guideline.tables[-1].rows[-1].id
    say = Saying(
        condition=str,
        status=lambda row: one if row.id == last else Status.ACTIVE,
        provenance=lambda row: "signed by Dr A. Example" if row.id == last else "",
    )
    found = plan_definition(guideline, KNOWN.vocabulary, on=NOW.date(), say=say)
    assert (found["status"], found["experimental"]) == (plan, plan == "draft")
    assert json.dumps(found).count("signed by Dr A. Example") == 1
    get_fhir_model_class("PlanDefinition").model_validate(found)


def test_conditions_speak_of_expressions_and_facts_that_the_library_has(guidelines):
    for bundle in guidelines.values():
        (library,) = resources(bundle, "Library")
        text = base64.b64decode(library["content"][0]["data"]).decode()
        defined = set(re.findall(r'^define "([^"]+)":', text, re.MULTILINE))
        declared = set(re.findall(r'^parameter "([^"]+)"', text, re.MULTILINE))
        assert declared <= {each["name"] for each in library["parameter"]}
        (plan,) = resources(bundle, "PlanDefinition")
        for action in actions(plan["action"][0]):
            for condition in action.get("condition", []):
                assert set(re.findall(r'"([^"]+)"', condition["expression"]["expression"])) <= defined
                assert condition["expression"]["reference"] in plan["library"]


def test_a_row_of_a_first_match_table_applies_only_where_none_before_it_does(guidelines):
    (plan,) = resources(guidelines["pituitary_cyp"], "PlanDefinition")
    found = {one.get("title"): one for one in actions(plan["action"][0])}
    row = found["surveillance/macro_first"]["condition"][0]["expression"]["expression"]
    assert row == ('"surveillance/macro_first" and not "surveillance/not_adenoma" and not "surveillance/cannot_tell"')


def test_references_inside_a_bundle_lead_somewhere(guidelines, advices):
    for bundle in [*guidelines.values(), *advices.values()]:
        addresses = [one["fullUrl"] for one in bundle["entry"]]
        assert len(addresses) == len(set(addresses))
        text = json.dumps(bundle)
        assert set(re.findall(r'"reference": "(urn:uuid:[^"]+)"', text)) <= set(addresses)
        canonicals = set(re.findall(r'"definitionCanonical": "([^"]+)"', text))
        assert canonicals <= {one["url"] for one in resources(bundle) if "url" in one}


def test_ids_are_legal_and_tell_resources_apart(guidelines, advices):
    for bundle in [*guidelines.values(), *advices.values()]:
        ids = [(one["resourceType"], one["id"]) for one in resources(bundle)]
        assert len(ids) == len(set(ids))
        assert all(re.fullmatch(r"[A-Za-z0-9\-.]{1,64}", name) for _, name in ids)


def test_the_schedule_after_an_operation_is_six_offsets_from_it(guidelines):
    (plan,) = resources(guidelines["pituitary_cyp"], "PlanDefinition")
    found = {one.get("id"): one for one in actions(plan["action"][0])}
    dates = [found[f"post-operative.schedule.due-{number}"] for number in range(1, 7)]
    assert all(one["relatedAction"][0]["actionId"] == "anchor.surgery-date" for one in dates)
    assert "anchor.surgery-date" in found
    first, *others = [one["relatedAction"][0] for one in dates]
    assert (first["offsetDuration"]["value"], first["offsetDuration"]["code"]) == (3, "mo")
    ranges = [(one["offsetRange"]["low"]["value"], one["offsetRange"]["high"]["value"]) for one in others]
    assert ranges == [(5, 7), (11, 13), (22, 26), (34, 38), (57, 63)]
    exact = {one["url"]: one["valueString"] for one in dates[0]["extension"][0]["extension"]}
    assert exact == {"earliest": "P3M - P14D", "target": "P3M", "latest": "P3M + P14D"}
    assert found["post-operative.schedule.then"]["description"] == "A person sets the next date."


def test_a_proposal_is_a_draft_with_its_window_and_never_an_order(advices):
    requests = resources(advices["pituitary"], "ServiceRequest")
    assert requests
    for one in requests:
        assert (one["status"], one["intent"]) == ("draft", "proposal")
    window = next(one["occurrencePeriod"] for one in requests if "occurrencePeriod" in one)
    assert window == {"start": "2026-06-10", "end": "2026-08-10"}
    timing = next(
        each["valueTiming"] for one in requests for each in one["extension"] if each["url"].endswith("/schedule")
    )
    assert timing["event"] == ["2026-04-10", "2026-07-10", "2027-01-10", "2028-01-10", "2029-01-10", "2031-01-10"]


def test_a_missing_fact_is_data_required_with_the_question(advices):
    answers = resources(advices["natalizumab_unknown_jcv"], "GuidanceResponse")
    waiting = [one for one in answers if one["status"] == "data-required"]
    asked = {
        each["code"]
        for one in waiting
        for need in one["dataRequirement"]
        for f in need["codeFilter"]
        for each in f["code"]
    }
    assert "jcv_status" in asked
    assert any("JC virus" in note["text"] for one in waiting for note in one["note"])


def test_no_bundle_holds_a_name_or_a_birth_date(advices):
    for bundle in advices.values():
        (patient,) = resources(bundle, "Patient")
        assert set(patient) == {"resourceType", "id", "text", "identifier"}
        assert "birth_date" not in json.dumps(bundle)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_facts_of_an_advice_come_back_from_its_bundle(path, tmp_path):
    """Whoever answers a DataRequirement does so with an Observation of this code: the way in is the way out.

    What grows old (eGFR, pregnancy) is asked again where the answer has no day.
    """
    name, advice = advise_with_record(path, None, site=None, today=NOW.date())
    write_proposals(advice, name, tmp_path / "out.json", site=None, now=NOW)
    back = read_record(tmp_path / "out.json", bindings_in_force(), KNOWN.vocabulary, as_of=date(2099, 1, 1), zone=UTC)
    ageing = {name for name, each in bindings_in_force().items() if any(one.valid_days for one in each.fhir)}
    stated = {name: value for name, value in advice.facts.items() if value is not UNKNOWN and name != "birth_date"}
    assert {name: fact.value for name, fact in back.facts.items()} == {
        name: value for name, value in stated.items() if name not in ageing
    }
    assert {note.code for note in back.notes} == ({"record_old"} if ageing & set(stated) else set())


def test_body_sites_are_those_of_dicom():
    """PS3.16 gives SNOMED CT for anatomic regions; pydicom carries its tables."""
    from pydicom.sr._concepts_dict import concepts

    names: dict[str, set[str]] = {}
    for codes in concepts["SCT"].values():
        for code, meaning in codes.items():
            names.setdefault(code, set()).add(meaning[0])
    assert [(code, word) for code, word in BODY_SITES.values() if word not in names.get(code, ())] == []
