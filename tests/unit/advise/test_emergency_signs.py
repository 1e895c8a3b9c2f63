"""A stated sign of an emergency is never drowned: by a condition, by its absence, by a normal report."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from mriloop.app import advise as use_case
from mriloop.model.advice import Advice

NOW = date(2026, 3, 2)
INFECTION = "condition: discitis, mri_infection: positive, organism_known: no"


@pytest.fixture
def ask(tmp_path: Path):
    def put(text: str) -> Advice:
        path = tmp_path / "case.yaml"
        path.write_text(f"{{{text}}}")
        return use_case.advise_case(path, site=None, now=NOW)

    return put


@pytest.mark.parametrize(
    "sign",
    [
        "new_deficit: yes",
        "progressive_deficit: yes",
        "neurological_deficit: yes",
        "ces: yes",
        "critical_finding: acute_cord_compression",
        "sepsis: yes",
    ],
)
@pytest.mark.parametrize("course", ["", ", treatment_weeks: 4, crp: falling, clinical_course: improving"])
def test_nothing_stands_beside_an_emergency_of_the_spine(ask, sign, course):
    advice = ask(f"{INFECTION}{course}, {sign}")
    assert {(each.step, each.urgency) for each in advice.recommendations} == {("emergency_referral", "minutes")}


@pytest.mark.parametrize(
    "sign", ["cord_compression", "sepsis", "apoplexy", "thunderclap_headache", "third_nerve_palsy", "hydrocephalus"]
)
def test_a_sign_needs_no_condition(ask, sign):
    found = ask(f"{sign}: yes").recommendations
    assert ("emergency_referral", "minutes") in {(each.step, each.urgency) for each in found}


@pytest.mark.parametrize("sign", ["cord_compression: yes", "sepsis: yes", "unexpected_deterioration: yes", "ces: yes"])
def test_a_normal_report_reassures_nobody_beside_a_sign(ask, sign):
    advice = ask(f"report_result: normal, quality: diagnostic, question_answered: yes, {sign}")
    assert {each.step for each in advice.recommendations} == {"emergency_referral"}


def test_a_critical_finding_speaks_to_the_guideline_of_the_disease(ask):
    foot = "condition: diabetic_foot, marrow_t1: preserved, cortex: intact, quality: diagnostic"
    advice = ask(f"{foot}, critical_finding: necrotising_fasciitis")
    assert {each.step for each in advice.recommendations} == {"emergency_referral"}


def test_a_lesser_finding_leaves_the_disease_alone(ask):
    foot = "condition: diabetic_foot, marrow_t1: preserved, cortex: intact, quality: diagnostic, abscess: no"
    advice = ask(f"{foot}, critical_finding: incidental_mass")
    assert "osteomyelitis_unlikely" in {each.step for each in advice.recommendations}
