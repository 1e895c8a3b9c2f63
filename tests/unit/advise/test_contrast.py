"""Contrast that a person decides on: held over every row that the worked cases of the shelf reach."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from mriloop.app import advise as use_case
from mriloop.edges.knowledge.cases import load_guideline_cases
from mriloop.model.coding import Contrast
from mriloop.model.fact import Truth
from mriloop.model.finding import Fact, Source
from mriloop.model.guideline import GuidelineSet
from mriloop.stages.advise import evaluate, explain

EXAMPLES = Path(__file__).parents[3] / "docs" / "examples"
GIVES = {Contrast.WITH, Contrast.WITHOUT_AND_WITH, Contrast.SITE_POLICY, Contrast.UNKNOWN}
LOUD, PLAIN = "contrast_needs_a_person", "mri_in_pregnancy"
REASONS = {"prior_gbca_reaction": "severe", "pregnant": Truth.TRUE}


def stated(facts):
    return {name: Fact(name=name, value=value, source=Source.PERSON) for name, value in facts.items()}


def advise(known, as_of=date(2026, 3, 2), **facts):
    return evaluate(known, stated(facts), as_of=as_of)


def codes(advice):
    return {each.code for each in advice.warnings}


@pytest.mark.parametrize("guideline", use_case.list_guidelines(), ids=lambda each: each.id)
@pytest.mark.parametrize("reason", REASONS)
def test_no_row_of_any_guideline_proposes_contrast_by_itself(guideline, reason):
    known = use_case.guidelines_in_force()
    alone = GuidelineSet(guidelines=(guideline,), vocabulary=known.vocabulary)
    for case in load_guideline_cases(guideline.id, known):
        facts = stated(case.facts)
        facts[reason] = Fact(name=reason, value=REASONS[reason], source=Source.PERSON)
        advice = evaluate(alone, facts, as_of=case.as_of, default_profiles=case.profiles)
        scans = [each for each in advice.recommendations if each.modality in (None, "MR")]
        assert not [each.id for each in scans if each.contrast in GIVES], case.name
        held = [each for each in scans if each.contrast is Contrast.NEEDS_DECISION]
        assert bool(held) is (LOUD in codes(advice)), case.name
        for each in held:
            assert each.text.startswith("Contrast is for a person to decide (")
            assert any(action.startswith("contrast: ") and "options are" in action for action in each.actions)


GLIOBLASTOMA = {
    "condition": ("glioblastoma",),
    "exam_date": date(2026, 2, 20),
    "surgery_date": date(2025, 6, 1),
    "change_vs_prior": "stable",
}


@pytest.mark.parametrize("reaction", ["moderate", "severe"])
def test_after_a_strong_reaction_the_caution_comes_before_everything_else(reaction):
    known = use_case.guidelines_in_force()
    advice = advise(known, **GLIOBLASTOMA, prior_gbca_reaction=reaction)
    text = explain(advice)
    assert text.startswith(f"First of all: An earlier {reaction} reaction to a gadolinium agent is stated")
    assert "Examination: MRI brain, contrast for a person to decide" in text
    assert "glioma/eano/grade_4" in text.splitlines()[0]


@pytest.mark.parametrize("facts", [{}, {"prior_gbca_reaction": "mild"}, {"prior_gbca_reaction": "none"}])
def test_without_a_stated_reason_the_row_stands(facts):
    advice = advise(use_case.guidelines_in_force(), **GLIOBLASTOMA, **facts)
    assert LOUD not in codes(advice)
    assert {each.contrast for each in advice.recommendations} == {Contrast.WITHOUT_AND_WITH}


def test_a_pregnant_patient_gets_a_plain_note_for_an_mri_without_contrast():
    known = use_case.guidelines_in_force()
    case = use_case.read_case(EXAMPLES / "aneurysm.yaml", site=None, now=date(2026, 3, 2))
    advice = evaluate(known, {**case.facts, **stated({"pregnant": Truth.TRUE})}, as_of=case.as_of)
    scans = [each for each in advice.recommendations if each.modality == "MR"]
    assert scans
    assert PLAIN in codes(advice)
    assert LOUD not in codes(advice) or any(each.contrast is Contrast.NEEDS_DECISION for each in scans)
    assert PLAIN not in codes(advise(known, **{**GLIOBLASTOMA, "pregnant": Truth.FALSE}))
