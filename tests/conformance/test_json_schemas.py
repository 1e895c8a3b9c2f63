"""The JSON contract: documents against their schemas, schemas against their meta-schema, both against the reference."""

from __future__ import annotations

import copy
import functools
import importlib.util
import json
from datetime import date
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry, Resource

from mriloop.app.orders import Act, order_check
from mriloop.app.response import entries
from mriloop.edges.publish.documents import (
    NAMES,
    advice_document,
    check_document,
    comparison_document,
    entries_document,
    order_document,
    response_document,
    review_document,
    schema,
)
from mriloop.edges.publish.reference import json_reference
from mriloop.model.quantity import known_units
from mriloop.model.report import Person

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference" / "json.md"

# The keys that the contract of issue 2 names, copied from the issue by hand.
CONTRACT = {
    "check": {
        (): "schema studies refused",
        ("studies", 0): "study_instance_uid verdict series",
        ("studies", 0, "series", 0): "series_instance_uid series_number description kind volumes verdict defects "
        "measures completeness",
        ("studies", 0, "series", 0, "kind"): "weighting plane region contrast derived object",
        ("studies", 0, "series", 0, "defects", 0): "code severity message action evidence",
        ("studies", 0, "series", 0, "defects", 0, "evidence", 0): "name value unit limit",
        ("studies", 0, "series", 0, "completeness"): "expected found missing",
        ("refused", 0): "path code message",
    },
    "advice": {
        (): "schema recommendations undetermined conflicts warnings",
        ("recommendations", 0): "id step modality region contrast pulse_sequences window urgency specialty because "
        "citation profile status",
        ("recommendations", 0, "window"): "earliest target latest",
        ("undetermined", 0): "guideline missing",
    },
    "order": {
        (): "schema outcome reasons notes missing questions conflicts may_override override advice",
        ("reasons", 0): "id step text way_out status source mark",
        ("override",): "by on reason lifts",
    },
    "response": {
        (): "schema criteria title visits entries best_response progression objections cautions",
        ("visits", 1): "visit date",
        ("visits", 1, "sums", 0): "tissue value baseline nadir from_baseline_percent from_nadir_percent",
        ("visits", 1, "confirmation"): "standing needs earliest by_visit",
    },
    "comparison": {
        (): "schema pairs changes detection_limit not_comparable",
        ("pairs", 0): "today prior comparability alignment",
        ("pairs", 0, "alignment"): "method uncertainty_mm accepted",
        ("changes", 0): "id kind volume_ml volume_change_ml diameter_mm position_ras_mm confidence location",
        ("detection_limit", 0): "diameter_mm contrast_percent found",
        ("not_comparable", 0): "series reason",
    },
}


@functools.cache
def load_samples():
    path = ROOT / "tests" / "unit" / "publish" / "samples.py"
    spec = importlib.util.spec_from_file_location("publish_samples", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def stopped_order():
    """The document of an order with contrast alone that a radiologist let go on."""
    act = Act(by=Person(id="r1", name="Dr Ada Roe", role="radiologist"), reason="subtraction is not needed")
    path = ROOT / "docs" / "examples" / "contrast_only.yaml"
    found = order_check(path, site=None, now=date(2026, 3, 2), override=act)
    return order_document(found.decision, found.advice, {found.advice.recommendations[0].id: {"en": "In two parts."}})


@pytest.fixture(scope="module")
def documents():
    samples = load_samples()
    view = samples.full_view(report=samples.signed(samples.draft(objections=False)))
    return {
        "check": check_document((view.check,), view.refused),
        "advice": advice_document(view.advice),
        "order": stopped_order(),
        "comparison": comparison_document(view.comparison),
        "response": response_document(samples.response_course()),
        "review": review_document(view),
    }


def closed(node):
    """The same schema with every object closed, so that a field it does not know is an error."""
    if isinstance(node, dict):
        node = {key: closed(value) for key, value in node.items()}
        if "properties" in node and "additionalProperties" not in node:
            node["additionalProperties"] = False
    elif isinstance(node, list):
        node = [closed(value) for value in node]
    return node


def validator(name, change=lambda node: node):
    registry = Registry().with_resources(
        (schema(other)["$id"], Resource.from_contents(change(schema(other)))) for other in NAMES
    )
    return Draft202012Validator(change(schema(name)), registry=registry, format_checker=FormatChecker())


def properties(node, path=()):
    """Every (path, name, field) of a schema."""
    if isinstance(node, dict):
        for name, field in node.get("properties", {}).items():
            yield path, name, field
        for key, value in node.items():
            yield from properties(value, (*path, key))
    elif isinstance(node, list):
        for value in node:
            yield from properties(value, path)


@pytest.mark.parametrize("name", NAMES)
def test_schemas_are_valid_2020_12(name):
    Draft202012Validator.check_schema(schema(name))
    assert schema(name)["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema(name)["properties"]["schema"]["const"] == f"mriloop/{name}/1"


@pytest.mark.parametrize("name", NAMES)
def test_documents_are_valid_and_hold_no_field_that_the_schema_does_not_know(name, documents):
    errors = [f"{error.json_path}: {error.message}" for error in validator(name, closed).iter_errors(documents[name])]
    assert errors == []


def test_a_view_with_nothing_to_show_is_valid_too():
    samples = load_samples()
    for view in (samples.calm_view(), samples.blocked_view()):
        assert list(validator("review", closed).iter_errors(review_document(view))) == []


@pytest.mark.parametrize("criteria", ["disc", "ramris"])
def test_paired_entries_are_a_valid_response_too(criteria):
    document = entries_document(entries(ROOT / "docs" / "examples" / "response" / f"{criteria}.yaml", criteria))
    assert [
        f"{error.json_path}: {error.message}" for error in validator("response", closed).iter_errors(document)
    ] == []
    assert document["entries"]


@pytest.mark.parametrize("name", CONTRACT)
def test_documents_keep_the_names_of_the_contract(name, documents):
    for path, keys in CONTRACT[name].items():
        node = documents[name]
        for step in path:
            node = node[step]
        assert set(keys.split()) <= set(node), path


@pytest.mark.parametrize("name", CONTRACT)
def test_the_schema_demands_the_names_of_the_contract(name, documents):
    for path, keys in CONTRACT[name].items():
        for key in keys.split():
            broken = copy.deepcopy(documents[name])
            node = broken
            for step in path:
                node = node[step]
            del node[key]
            assert list(validator(name).iter_errors(broken)), (*path, key)


@pytest.mark.parametrize(
    ("name", "path", "value"),
    [
        ("check", ("studies", 0, "verdict"), "good"),
        ("check", ("studies", 0, "series", 0, "kind", "contrast"), False),
        ("check", ("studies", 0, "series", 0, "measures", "snr"), {"value": 3}),
        ("check", ("studies", 0, "series", 0, "measures", "snr"), 41),
        ("advice", ("recommendations", 0, "window", "target"), "2 Sep 2026"),
        ("order", ("outcome",), "maybe"),
        ("order", ("override", "on"), "today"),
        ("comparison", ("changes", 0, "kind"), "bigger"),
        ("comparison", ("changes", 0, "position_ras_mm"), [1.0, 2.0]),
        ("comparison", ("detection_limit", 0, "found"), 90),
        ("response", ("visits", 1, "category"), "better"),
        ("response", ("visits", 1, "sums", 0, "value"), 12),
        ("response", ("progression", "standing"), "sure"),
        ("review", ("report", "status"), "final"),
    ],
)
def test_the_schema_refuses_what_the_contract_does_not_allow(name, path, value, documents):
    broken = copy.deepcopy(documents[name])
    node = broken
    for step in path[:-1]:
        node = node[step]
    node[path[-1]] = value
    assert list(validator(name).iter_errors(broken))


@pytest.mark.parametrize("name", NAMES)
def test_documents_are_strict_json_and_the_same_every_time(name, documents):
    text = json.dumps(documents[name], allow_nan=False)
    samples = load_samples()
    if name == "response":
        again = response_document(samples.response_course())
    elif name == "order":
        again = stopped_order()
    else:
        whole = review_document(samples.full_view(report=samples.signed(samples.draft(objections=False))))
        again = whole if name == "review" else whole[name]
    assert json.dumps(again, allow_nan=False) == text


@pytest.mark.parametrize("name", NAMES)
def test_every_field_is_described_and_every_number_has_a_unit(name):
    units = {*known_units(), "as `unit` says"}
    for path, field_name, field in properties(schema(name)):
        assert field.get("description", "").endswith((".", "?")), (path, field_name)
        kinds = field.get("type", [])
        kinds = [kinds] if isinstance(kinds, str) else list(kinds)
        items = field.get("items", {}).get("type", [])
        if {"number", "integer"} & {*kinds, *([items] if isinstance(items, str) else items)}:
            assert field.get("unit") in units, (path, field_name)


def test_every_field_stands_in_the_reference():
    text = REFERENCE.read_text(encoding="utf-8")
    for name in NAMES:
        start = text.index(f"\n## mriloop/{name}/1\n")
        end = text.find("\n## ", start + 5)
        part = text[start : end if end > 0 else None]
        for path, field_name, field in properties(schema(name)):
            rows = [line for line in part.splitlines() if line.startswith(f"| `{field_name}` |")]
            assert any(field["description"] in row for row in rows), (path, field_name)


def test_the_reference_is_what_the_schemas_say():
    assert REFERENCE.read_text(encoding="utf-8") == json_reference()
