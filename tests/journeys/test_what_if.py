"""`mriloop advise --what-if`: which facts of a case file would change the answer, and why the others would not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from mriloop.cli import app

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"


def run(*words: str) -> str:
    result = CliRunner().invoke(app, ["advise", *words])
    assert result.exit_code == 0, result.output
    return result.output


def test_the_text_says_what_would_change_and_what_would_not():
    text = run(str(EXAMPLES / "pituitary_micro.yaml"), "--what-if")
    would, would_not = text.split("Would not:")[:2]
    assert "(vision_loss) = yes: guards/apoplexy (emergency referral)" in would
    assert "emergency not excluded" not in would.split("(vision_loss) = no")[0].split("age = not stated")[0]
    assert "age = not stated: asks for age" in would
    assert "no row tells the two apart" in would_not


def test_the_document_holds_every_tried_value_with_its_answer_or_its_reason():
    found = json.loads(run(str(EXAMPLES / "natalizumab.yaml"), "--what-if", "--json"))
    assert found["schema"] == "mriloop/what-if/1"
    tried = [each for guideline in found["guidelines"] for each in guideline["changes"]]
    assert {each["changes"] for each in tried} == {True, False}
    for each in tried:
        assert (each["answer"] is not None) == each["changes"]
        assert (each["reason"] is not None) == (not each["changes"])
        assert each["reason"] != "unexplained"


def test_a_case_that_no_guideline_speaks_about_has_nothing_to_vary(tmp_path):
    case = tmp_path / "case.yaml"
    case.write_text("age: 40\n")
    assert run(str(case), "--what-if").strip() == "No guideline speaks about this case."


@pytest.mark.parametrize("name", sorted(path.name for path in EXAMPLES.glob("*.yaml")))
def test_no_change_of_an_example_is_unexplained(name):
    found = json.loads(run(str(EXAMPLES / name), "--what-if", "--json"))
    assert all(each["reason"] != "unexplained" for guideline in found["guidelines"] for each in guideline["changes"])
