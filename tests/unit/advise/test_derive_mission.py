"""Derived facts of infection, pituitary, spine and results: known answers, boundaries, unknown in and unknown out."""

from __future__ import annotations

from datetime import date

import pytest

from mriloop.model.fact import UNKNOWN, Truth
from mriloop.model.quantity import Quantity
from mriloop.stages.advise.derive import DERIVATIONS

YES, NO, OPEN = Truth.TRUE, Truth.FALSE, Truth.UNKNOWN


def years(number: float) -> Quantity:
    return Quantity(value=number, unit="a")


def mm_per_hour(number: float) -> Quantity:
    return Quantity(value=number, unit="mm/h")


@pytest.mark.parametrize(
    ("name", "facts", "expected"),
    [
        ("joint_category", {"age": years(17.9), "region": "hip"}, "paediatric_hip"),
        ("joint_category", {"age": Quantity(value=11, unit="mo"), "region": "hip"}, "paediatric_hip"),
        ("joint_category", {"age": years(18), "region": "hip"}, UNKNOWN),
        ("joint_category", {"age": years(9), "region": "knee"}, UNKNOWN),
        ("joint_category", {"region": "hip"}, UNKNOWN),
        ("joint_category", {"condition": ("prosthetic_joint_infection",), "region": "hip"}, "prosthetic"),
        ("septic_joint", {"condition": ("prosthetic_joint_infection",)}, YES),
        ("septic_joint", {"condition": ("septic_joint", "diabetic_foot")}, YES),
        ("septic_joint", {"condition": ("diabetic_foot",)}, OPEN),
        ("markers_raised", {"inflammatory_markers": "rising"}, YES),
        ("markers_raised", {"inflammatory_markers": "falling"}, OPEN),
        ("markers_raised", {"esr": mm_per_hour(70)}, YES),
        ("markers_raised", {"esr": mm_per_hour(69)}, OPEN),
        ("markers_raised", {}, OPEN),
        ("necrotic_decubitus", {"ulcer_or_sinus": NO}, NO),
        ("necrotic_decubitus", {"ulcer_or_sinus": YES}, OPEN),
        ("functioning", {"condition": ("functioning_adenoma",)}, YES),
        ("functioning", {"lesion_type": "functioning_adenoma"}, YES),
        ("functioning", {"lesion_type": "adenoma_presumed"}, OPEN),
        ("functioning", {}, OPEN),
        ("back_pain_red_flag", {"back_pain_red_flags": ("night_pain",)}, YES),
        ("back_pain_red_flag", {"back_pain_red_flags": ("none",)}, NO),
        ("back_pain_red_flag", {"back_pain_red_flags": ("none",), "spine_suspicion": "neoplasm"}, YES),
        ("back_pain_red_flag", {"back_pain_red_flags": ("none",), "age": years(3.9)}, YES),
        ("back_pain_red_flag", {"back_pain_red_flags": ("none",), "age": years(4)}, NO),
        ("back_pain_red_flag", {"spine_suspicion": "none"}, OPEN),
        ("back_pain_red_flag", {"age": years(10)}, OPEN),
        ("cord_vessels_suspected", {"myelopathy_findings": ("cord_oedema", "flow_voids")}, YES),
        ("cord_vessels_suspected", {"myelopathy_findings": ("cord_oedema",)}, NO),
        ("cord_vessels_suspected", {}, OPEN),
        ("csf_space_lesion", {"myelopathy_findings": ("arachnoid_web",)}, YES),
        ("csf_space_lesion", {"myelopathy_findings": ("none",)}, NO),
        ("csf_space_lesion", {}, OPEN),
        ("report_result", {"question_result": "positive"}, "abnormal"),
        ("report_result", {"question_result": "negative"}, UNKNOWN),
        ("report_result", {}, UNKNOWN),
        ("report_recommends", {"recommendation_interval_named": NO}, YES),
        ("report_recommends", {"recommendation_conditional": YES}, YES),
        ("report_recommends", {}, OPEN),
    ],
)
def test_what_follows_from_other_facts(name, facts, expected):
    assert DERIVATIONS[name](lambda other: facts.get(other, UNKNOWN), date(2026, 3, 1)) == expected
