"""Derived facts, each against a hand-made answer, with what makes them unknown."""

from __future__ import annotations

from datetime import date

import pytest

from mriloop.app import advise as use_case
from mriloop.model.fact import UNKNOWN, FactValue, Truth
from mriloop.model.finding import Fact, Source
from mriloop.model.quantity import Quantity
from mriloop.stages.advise.derive import DERIVATIONS
from mriloop.stages.advise.derive.common import is_unknown, months_between
from mriloop.stages.advise.facts import CaseFacts

VOCABULARY = use_case.guidelines_in_force().vocabulary
AS_OF = date(2026, 3, 1)
YES, NO = Truth.TRUE, Truth.FALSE


def q(value: float, unit: str) -> Quantity:
    return Quantity(value=value, unit=unit)


def derive(name: str, **values: FactValue) -> FactValue:
    stated = {key: Fact(name=key, value=value, source=Source.PERSON) for key, value in values.items()}
    value = CaseFacts(stated, VOCABULARY, AS_OF).value(name)
    return UNKNOWN if is_unknown(value) else value


def test_every_derivation_is_used_and_every_used_one_exists():
    assert {spec.derived for spec in VOCABULARY.values() if spec.derived} == set(DERIVATIONS)


@pytest.mark.parametrize(
    ("start", "end", "months"),
    [
        (date(2026, 1, 10), date(2026, 7, 10), 6),
        (date(2024, 2, 29), date(2025, 2, 28), 12),
        (date(2025, 8, 31), date(2026, 2, 28), 6),
        (date(2024, 9, 1), date(2026, 3, 1), 18),
    ],
)
def test_calendar_months_are_exact_on_the_day(start, end, months):
    assert months_between(start, end) == months
    assert months_between(end, start) == -months


def test_a_day_short_of_a_month_is_less():
    assert 5 < months_between(date(2026, 1, 10), date(2026, 7, 9)) < 6


@pytest.mark.parametrize(
    ("name", "facts", "expected"),
    [
        ("age", {"birth_date": date(2011, 3, 1)}, q(15, "a")),
        ("age", {"birth_date": date(2011, 3, 2)}, q(14, "a")),
        ("age", {"birth_date": date(2027, 1, 1)}, UNKNOWN),
        ("months_on_drug", {"drug_start_date": date(2024, 9, 1)}, q(18, "mo")),
        ("months_on_drug", {"drug_start_date": date(2026, 9, 1)}, UNKNOWN),
        ("months_since_first_mri", {"first_mri_date": date(2025, 2, 20), "exam_date": date(2026, 2, 20)}, q(12, "mo")),
        ("months_since_first_mri", {"first_mri_date": date(2025, 2, 20)}, UNKNOWN),
        ("days_since_exam", {"exam_date": date(2026, 2, 27)}, q(2, "d")),
        ("pregnant", {"sex": "male"}, NO),
        ("pregnant", {"sex": "female", "age": q(70, "a")}, NO),
        ("pregnant", {"sex": "female", "age": q(30, "a")}, UNKNOWN),
        ("region", {"condition": ("spine_infection",)}, "spine"),
        ("region", {"condition": ("spine_infection", "diabetic_foot")}, UNKNOWN),
        ("t1_readable", {"study_quality": "diagnostic"}, YES),
        ("t1_readable", {"study_quality": "diagnostic", "t1_present": NO}, NO),
        ("t1_readable", {"study_quality": "diagnostic", "t1_quality": "not_diagnostic"}, NO),
        ("t1_readable", {"study_quality": "not_diagnostic", "t1_quality": "diagnostic"}, YES),
        ("t1_readable", {"study_quality": "not_diagnostic"}, UNKNOWN),
        ("t1_readable", {"study_quality": "limited"}, UNKNOWN),
        ("t1_readable", {"study_quality": "limited", "limited_study_answers": YES}, YES),
        ("t1_readable", {"t1_present": YES}, UNKNOWN),
        ("ms_activity", {"new_lesion_count": q(2, "{count}")}, YES),
        ("ms_activity", {"new_lesion_count": q(0, "{count}")}, NO),
        ("ms_activity", {"new_lesion_count": q(0, "{count}"), "relapse": YES}, YES),
        ("ms_activity", {"new_lesion_count": q(0, "{count}"), "enhancing_lesion_count": q(1, "{count}")}, YES),
        ("ms_activity", {"enhancing_lesion_count": q(0, "{count}")}, UNKNOWN),
        ("ms_activity", {"change_vs_prior": "stable"}, NO),
        ("ms_activity", {"change_vs_prior": "cannot_tell"}, UNKNOWN),
        ("ms_activity", {}, UNKNOWN),
        ("prior_available", {"change_vs_prior": "no_prior"}, NO),
        ("switched_from_natalizumab", {"ms_drug": "natalizumab"}, NO),
        ("switched_from_natalizumab", {"natalizumab_stop_date": date(2026, 1, 1), "ms_drug": "ocrelizumab"}, YES),
        ("lymphocytes", {"lymphocyte_count": q(600, "/uL")}, "low"),
        ("lymphocytes", {"lymphocyte_count": q(0.9, "10*9/L")}, UNKNOWN),
        ("lymphocytes", {"lymphocyte_count": q(1.0, "10*9/L")}, "normal"),
        ("post_operative", {"surgery_date": date(2026, 1, 1)}, YES),
        ("post_operative", {"discovered": "incidental"}, NO),
        ("necrotic_decubitus", {"ulcer_or_sinus": NO}, NO),
        ("repeat_causes", {"termination": "claustrophobia"}, ("stopped",)),
        ("repeat_needed", {"termination": "none"}, UNKNOWN),
        ("repeat_needed", {"study_quality": "diagnostic"}, NO),
        ("agent_group", {"agent": "gadobutrol"}, "group_ii"),
        ("agent_group", {"agent": "gadodiamide"}, "group_i"),
        ("agent_group", {"agent": "gadoxetate"}, "group_ii"),
        ("agent_group", {"agent": "other"}, UNKNOWN),
        ("kidney_risk", {"egfr": q(29, "mL/min/{1.73_m2}")}, YES),
        ("kidney_risk", {"egfr": q(30, "mL/min/{1.73_m2}")}, UNKNOWN),
        ("kidney_risk", {"egfr": q(30, "mL/min/{1.73_m2}"), "aki": NO, "dialysis": NO}, NO),
        ("kidney_risk", {"dialysis": YES}, YES),
        ("egfr_age", {"egfr_date": date(2026, 1, 30)}, q(30, "d")),
        ("egfr_age", {"egfr_date": date(2031, 1, 1)}, UNKNOWN),
        ("agent_group", {"site_only_group_ii": YES}, "group_ii"),
        ("agent_group", {"site_only_group_ii": YES, "agent": "gadodiamide"}, "group_i"),
        ("agent_group", {"site_only_group_ii": NO}, UNKNOWN),
        ("reaction_same_agent", {"agent": "gadobutrol", "reaction_agent": "gadobutrol"}, YES),
        ("reaction_same_agent", {"agent": "gadoterate", "reaction_agent": "gadobutrol"}, NO),
        ("reaction_same_agent", {"agent": "other", "reaction_agent": "other"}, UNKNOWN),
        ("reaction_same_agent", {"agent": "gadobutrol"}, UNKNOWN),
        ("implant_conditions_met", {"implant_conditions_confirmed": ("sar", "landmark")}, NO),
        ("implant_conditions_met", {}, UNKNOWN),
        ("order_laterality_matches", {"order_laterality": "left", "question_laterality": "left"}, YES),
        ("order_laterality_matches", {"order_laterality": "both", "question_laterality": "left"}, YES),
        ("order_laterality_matches", {"order_laterality": "left", "question_laterality": "both"}, NO),
        ("order_laterality_matches", {"order_laterality": "left"}, UNKNOWN),
        ("order_emergency", {"order_contrast": "with"}, NO),
        ("order_emergency", {}, UNKNOWN),
        ("contrast_planned", {"order_contrast": "without"}, NO),
        ("contrast_planned", {"agent": "gadobutrol"}, YES),
        ("order_exam_kind", {"order_contrast": "with", "order_route": "intra_articular"}, "arthrogram"),
        ("order_route", {"order_contrast": "with"}, "iv"),
        ("order_route", {"order_contrast": "with", "order_exam_kind": "arthrogram"}, "intra_articular"),
        ("precontrast_same_session", {"order_contrast": "with"}, NO),
        ("precontrast_same_session", {"order_contrast": "with", "order_exam_kind": "add_on"}, UNKNOWN),
        ("radiologist_override", {"order_contrast": "with"}, NO),
        ("order_modality", {"order_contrast": "with"}, "MR"),
        ("order_region_matches", {"order_region": "lumbar_spine", "question_region": "spine"}, YES),
        ("order_region_matches", {"order_region": "knee", "question_region": "hip"}, NO),
        ("lesion_type", {"functioning": YES}, "adenoma_presumed"),
        ("lesion_type", {}, UNKNOWN),
        ("months_since_natalizumab", {"natalizumab_stop_date": date(2025, 9, 1)}, q(6, "mo")),
        ("discovered", {"condition": ("pituitary_incidentaloma",)}, "incidental"),
        ("septic_joint", {"condition": ("septic_joint",)}, YES),
        ("septic_joint", {"condition": ("osteomyelitis_question",)}, UNKNOWN),
        ("jcv_status", {"jcv_index": q(0.4, "{index}")}, UNKNOWN),
        ("jcv_status", {"jcv_index": q(0.41, "{index}")}, "positive"),
        ("jcv_status", {"jcv_index": q(0.19, "{index}")}, "negative"),
        ("fluid_sensitive_readable", {"fluid_sensitive_present": NO}, NO),
    ],
)
def test_derived_facts(name, facts, expected):
    assert derive(name, **facts) == expected


def test_a_stated_fact_stands_and_a_contradiction_is_said():
    stated = {
        "age": Fact(name="age", value=q(40, "a"), source=Source.PERSON),
        "birth_date": Fact(name="birth_date", value=date(2011, 3, 1), source=Source.HEADER),
    }
    result = CaseFacts(stated, VOCABULARY, AS_OF)
    assert result.value("age") == q(40, "a")
    assert result.contradictions() == ("age",)


def test_a_fact_stated_as_unknown_is_derived():
    stated = {
        "age": Fact(name="age", value=UNKNOWN, source=Source.PERSON),
        "birth_date": Fact(name="birth_date", value=date(2011, 3, 1), source=Source.PERSON),
    }
    assert CaseFacts(stated, VOCABULARY, AS_OF).fact("age") == Fact(name="age", value=q(15, "a"), source=Source.DERIVED)


@pytest.mark.parametrize(
    ("stated", "contradicted"),
    [
        ({"jcv_status": "negative", "jcv_index": q(1.2, "{index}")}, ("jcv_status",)),
        ({"jcv_status": "positive", "jcv_index": q(1.2, "{index}")}, ()),
        ({"jcv_status": "negative", "jcv_index": q(0.3, "{index}")}, ()),
        ({"lymphocytes": "normal", "lymphocyte_count": q(0.5, "10*9/L")}, ("lymphocytes",)),
        ({"pregnant": YES, "sex": "male"}, ("pregnant",)),
        ({"t1_readable": YES, "t1_present": NO}, ("t1_readable",)),
        # More exact, or what is taken until somebody says otherwise: no contradiction.
        ({"region": "lumbar_spine", "condition": ("spine_infection",)}, ()),
        ({"order_route": "oral", "order_contrast": "with"}, ()),
        ({"jcv_status": UNKNOWN, "jcv_index": q(1.2, "{index}")}, ()),
    ],
)
def test_a_word_contradicts_only_what_follows_by_definition(stated, contradicted):
    facts = {name: Fact(name=name, value=value, source=Source.PERSON) for name, value in stated.items()}
    assert CaseFacts(facts, VOCABULARY, AS_OF).contradictions() == contradicted


def test_facts_of_a_case_are_a_mapping_that_knows_what_is_unknown():
    facts = CaseFacts({"age": Fact(name="age", value=q(40, "a"), source=Source.PERSON)}, VOCABULARY, AS_OF)
    assert facts["age"] == q(40, "a")
    assert facts["chiasm"] is UNKNOWN
    assert facts.get("nothing_of_this_name") is UNKNOWN
    assert dict(facts) == {"age": q(40, "a")}
    assert facts.say("age") == "age: 40 years (stated)"
    assert facts.say("chiasm") == ""


@pytest.mark.parametrize(
    ("name", "stated", "used"),
    [
        ("t1_readable", {"t1_readable": YES, "t1_quality": "not_diagnostic"}, NO),
        ("t1_readable", {"t1_readable": NO, "t1_quality": "diagnostic"}, NO),
        # A bare word does not clear a study that is not diagnostic; the verdict of the series itself does.
        ("t1_readable", {"t1_readable": YES, "study_quality": "not_diagnostic"}, UNKNOWN),
        ("t1_readable", {"t1_readable": YES, "study_quality": "not_diagnostic", "t1_quality": "diagnostic"}, YES),
        ("t1_readable", {"t1_readable": YES}, YES),
        ("study_readable", {"study_readable": YES, "study_quality": "not_diagnostic"}, NO),
        ("contrast_planned", {"contrast_planned": NO, "order_contrast": "without_and_with"}, YES),
        ("implant_conditions_met", {"implant_conditions_met": YES, "implant_conditions_confirmed": ("sar",)}, NO),
        (
            "order_region_matches",
            {"order_region_matches": YES, "order_region": "brain", "question_region": "lumbar_spine"},
            NO,
        ),
        ("agent_group", {"agent_group": "group_ii", "agent": "gadodiamide"}, "group_i"),
        ("agent_group", {"agent_group": "group_i", "agent": "gadobutrol"}, "group_i"),
        ("pregnant", {"pregnant": YES, "sex": "male"}, YES),
        ("egfr_age", {"egfr_age": q(1, "d"), "egfr_date": date(2026, 1, 1)}, q(59, "d")),
        (
            "recent_same_exam_days",
            {"recent_same_exam_days": q(90, "d"), "recent_same_exam_date": date(2026, 2, 27)},
            q(2, "d"),
        ),
    ],
)
def test_of_two_words_that_disagree_the_more_careful_one_counts(name, stated, used):
    facts = {each: Fact(name=each, value=value, source=Source.PERSON) for each, value in stated.items()}
    result = CaseFacts(facts, VOCABULARY, AS_OF)
    value = result.value(name)
    assert (UNKNOWN if is_unknown(value) else value) == used
