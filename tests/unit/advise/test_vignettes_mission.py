"""Vignettes of the mission's packs beside those of Annex 2: real-life wording, missing words, words at odds."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from mriloop.app import advise as use_case
from mriloop.model.advice import Advice
from mriloop.stages.advise import explain

NOW = date(2026, 3, 1)
NARRATIVE = "narrative advice, not an appropriateness rating"


@pytest.fixture
def ask(tmp_path: Path):
    def put(text: str) -> Advice:
        path = tmp_path / "case.yaml"
        path.write_text(text)
        return use_case.advise_case(path, site=None, now=NOW)

    return put


def steps(advice: Advice) -> list[str]:
    return [str(each.step) for each in advice.recommendations]


def missing(advice: Advice) -> set[str]:
    return {name for each in advice.undetermined for name in each.missing}


def rows(advice: Advice) -> set[str]:
    return {f"{each.guideline}/{each.row}" for each in advice.recommendations}


@pytest.mark.parametrize("words", ["[flow_voids, cord_oedema]", "[perimedullary_flow_voids, cord_edema]"])
def test_v11_flow_voids_and_cord_oedema_get_mra_and_neurointervention(ask, words):
    advice = ask(f"{{condition: myelopathy, quality: diagnostic, myelopathy_findings: {words}}}")
    only = advice.recommendations[0]
    assert steps(advice) == ["additional_imaging"]
    assert (only.modality, only.region, only.urgency) == ("MR", "spine", "hours")
    assert "neurointervention" in only.specialty
    assert NARRATIVE in explain(advice).lower()
    assert any(caution.code == "emergency_not_excluded" for caution in advice.warnings)


@pytest.mark.parametrize("finding", ["arachnoid_cyst", "web", "ventral_cord_herniation", "scalpel_sign"])
def test_lesions_of_the_csf_space_get_a_ct_myelogram_and_the_badge(ask, finding):
    advice = ask(f"{{condition: myelopathy, acute_deficit: no, myelopathy_findings: {finding}}}")
    assert steps(advice) == ["other_modality"]
    assert advice.recommendations[0].modality == "CT"
    assert NARRATIVE in explain(advice).lower()


def test_severe_stenosis_with_an_acute_deficit_is_category_1(ask):
    advice = ask("{condition: myelopathy, myelopathy_findings: severe_stenosis, progressive_deficit: yes}")
    assert {(each.step, each.urgency) for each in advice.recommendations} == {("emergency_referral", "minutes")}
    assert {each.guideline for each in advice.recommendations} == {"myelopathy", "actionable_finding"}


def test_severe_stenosis_without_a_plan_asks_for_it(ask):
    advice = ask("{condition: myelopathy, myelopathy_findings: severe_stenosis, acute_deficit: no}")
    assert advice.recommendations == ()
    assert missing(advice) == {"surgery_planned", "study_quality", "hardware"}


@pytest.mark.parametrize(
    ("age", "flags", "extra", "row", "urgency"),
    [
        ("7", "fever", "", "guards/fever_unstated", "hours"),
        ("12", "[night_pain, weakness]", "spine_mri_done: none", "guards/deficit", "hours"),
        ("9", "night_pain", "spine_mri_done: none", "next_imaging/radiograph_unstated", "days"),
        ("11", "none", "xray: suspicious, spine_mri_done: none, suspected_spine_disease: none",
         "next_imaging/suspicious_radiograph", "days"),
        ("11", "none", "xray: normal, spine_suspicion: tumour, spine_mri_done: none", "next_imaging/suspected", "days"),
        ("14", "weight_loss", "xray: normal, spine_mri_done: WO", "next_imaging/after_plain", "days"),
        ("14", "weight_loss", "xray: normal, spine_mri_done: W", "next_imaging/contrast_only", "days"),
    ],
)  # fmt: skip
def test_a_child_with_red_flags_gets_mri_without_and_with_contrast(ask, age, flags, extra, row, urgency):
    advice = ask(f"{{condition: back_pain, age: {age}, red_flags: {flags}, {extra}}}".replace(", }", "}"))
    only = advice.recommendations[0]
    assert only.row == row
    assert (only.contrast, only.region, only.urgency) == ("without_and_with", "spine", urgency)


def test_a_child_without_red_flags_gets_no_imaging_and_an_adult_none_of_this(ask):
    quiet = "condition: back_pain, red_flags: none, xray: not_done"
    assert steps(ask(f"{{{quiet}, age: 14}}")) == ["no_routine_imaging"]
    adult = ask(f"{{{quiet}, age: 40}}")
    assert "paediatric_back_pain" not in {each.guideline for each in adult.recommendations}
    assert "age" in missing(ask(f"{{{quiet}}}"))


def test_nobody_says_whether_there_are_red_flags(ask):
    advice = ask("{condition: back_pain, age: 14, xray: normal}")
    assert advice.recommendations == ()
    assert "back_pain_red_flag" in missing(advice)


def test_a_normal_result_reassures_only_on_a_study_that_answers(ask):
    good = "report_result: normal, question_answered: yes, symptoms_unexplained: no"
    assert steps(ask(f"{{{good}, quality: diagnostic}}")) == ["reassure", "clinical_correlation"]
    assert steps(ask(f"{{{good}, quality: not_diagnostic}}")) == ["repeat_imaging"]
    assert steps(ask("{report_result: normal, question_answered: no, quality: diagnostic}")) == ["clinician_review"]
    unknown = ask("{report_result: normal, question_answered: yes}")
    assert "reassure" not in steps(unknown)
    assert "study_quality" in missing(unknown)


def test_red_flags_that_persist_outweigh_a_normal_result(ask):
    advice = ask("{report_result: normal, quality: diagnostic, question_answered: yes, red_flags_persist: yes}")
    assert steps(advice) == ["clinical_correlation"]
    assert "normal_does_not_end_workup" in advice.recommendations[0].text


def test_a_negative_answer_spares_invasive_tests_and_is_seen_again(ask):
    advice = ask(
        "{question_result: negative, question_kind: infection, quality: diagnostic, exam_date: 2026-02-27,"
        " on_antibiotics: no, early_disease: no}"
    )
    only = advice.recommendations[0]
    assert only.step == "negative_for_question"
    assert only.window is not None
    assert (only.window.earliest, only.window.latest) == (date(2026, 3, 6), date(2026, 3, 13))
    assert "ruled out" not in explain(advice).lower()
    assert "not excluded" in only.text


def test_a_negative_and_a_positive_word_of_one_study_reassure_nobody(ask):
    advice = ask("{question_result: positive, question_kind: infection, quality: diagnostic, report_recommends: yes}")
    assert rows(advice) == {"result_next_step/abnormal/report_recommends"}


def test_a_probe_on_bone_keeps_a_negative_mri_open_and_a_high_esr_all_the_more(ask):
    negative = "condition: dfo, quality: diagnostic, marrow_t1: normal, cortex: intact, abscess: no"
    assert steps(ask(f"{{{negative}}}")) == ["osteomyelitis_unlikely"]
    for more in ("probe_to_bone: yes", "probe_to_bone: yes, esr_raised: yes", "charcot: yes"):
        assert steps(ask(f"{{{negative}, {more}}}")) == ["osteomyelitis_indeterminate"]
    assert steps(ask(f"{{{negative}, hardware: yes}}")) == ["clinician_review"]


@pytest.mark.parametrize(("age", "row"), [("15", "guards/septic_joint_special"), ("40", "guards/septic_joint")])
def test_a_childs_hip_is_known_by_age_and_region(ask, age, row):
    advice = ask(f"{{region: hip, age: {age}, septic_arthritis_suspected: yes}}")
    assert [each.row for each in advice.recommendations] == [row]
    assert advice.recommendations[0].urgency == "hours"


def test_v13_at_two_years_and_at_five(ask):
    micro = (
        "age: 15, condition: pituitary_lesion, lesion_type: microadenoma, discovered: incidental, size: 0.6 cm,"
        " change: unchanged, exam_date: 2026-02-28"
    )
    assert steps(ask(f"{{{micro}, first_mri_date: 2024-02-28}}")) == ["follow_up_imaging", "may_stop_imaging"]
    assert steps(ask(f"{{{micro}, first_mri_date: 2021-02-28}}")) == ["individualise", "may_stop_imaging"]
    limited = ask(f"{{{micro}, first_mri_date: 2024-02-28, quality: limited, limited_study_answers: no}}")
    assert steps(limited) == ["repeat_imaging"]


def test_a_microadenoma_near_the_chiasm_gets_visual_fields(ask):
    micro = "age: 45, condition: pituitary_incidentaloma, lesion_type: adenoma, size: 7 mm, change: no_prior"
    assert "clinical_follow_up" in steps(ask(f"{{{micro}, chiasm_distance: 3 mm}}"))
    assert "clinical_follow_up" not in steps(ask(f"{{{micro}, chiasm_distance: 6 mm}}"))


def test_v17_shows_the_lower_limit_of_2021_as_a_draft_only(ask):
    case = "drug: natalizumab, months_on_drug: 20, jcv: positive, jcv_index: 1.0, exam_date: 2026-02-01"
    advice = ask(f"{{profiles: {{ms_pml: MAGNIMS-CMSC-NAIMS 2021}}, facts: {{{case}}}}}")
    lead = next(each for each in advice.recommendations if each.default and each.guideline == "ms_pml")
    assert lead.status == "draft"
    assert "could not be verified" in lead.note
    assert any(each.profile == "EMA 2016" for each in advice.recommendations)


@pytest.mark.parametrize("drug", ["rituximab", "ocrelizumab", "alemtuzumab", "tecfidera, lymphocytes: normal"])
def test_c1_no_drug_but_natalizumab_is_imaged_every_three_months_by_its_name(ask, drug):
    advice = ask(f"{{drug: {drug}, exam_date: 2026-02-01, switched_from_ntz: no}}")
    windows = [each.window for each in advice.recommendations if each.guideline == "ms_pml" and each.window]
    assert all(window.target >= date(2027, 1, 1) for window in windows)


def test_a_negative_status_with_a_positive_index_is_asked_about(ask):
    advice = ask("{drug: natalizumab, months_on_drug: 20, jcv: negative, jcv_index: 1.2}")
    assert [each.step for each in advice.recommendations if each.guideline == "ms_pml"] == ["laboratory_tests"]


@pytest.mark.parametrize(
    ("facts", "urgency"),
    [
        ("critical_finding: sah", "minutes"),
        ("critical_finding: brain_abscess", "hours"),
        ("critical_finding: renal_mass", "days"),
        ("critical_finding: brain_abscess, category_certain: no, patient_setting: ED", "minutes"),
        ("critical_finding: renal_mass, category_certain: no, patient_setting: ED", "hours"),
        ("critical_finding: renal_mass, category_certain: no, patient_setting: outpatient", "days"),
    ],
)
def test_the_clock_of_a_finding_and_its_raise_in_doubt(ask, facts, urgency):
    first = ask(f"{{{facts}}}").recommendations[0]
    assert first.urgency == urgency
    assert first.status == "draft"


def test_a_young_smoker_is_told_apart_from_a_sound_negative_study(ask):
    advice = ask(
        "{marrow_result: negative, quality: diagnostic, age: 28, smoker: yes, anaemia: no, gcsf: no, moving_zone: no}"
    )
    assert steps(advice) == ["qualify_statement", "qualify_statement"]
    assert all("negative_limited_by" in each.text for each in advice.recommendations)


def test_no_text_of_the_mission_rules_anything_out(ask):
    for guideline in use_case.list_guidelines():
        for row in [*guideline.guards, *(row for table in guideline.tables for row in table.rows)]:
            assert "ruled out" not in row.text.lower(), f"{guideline.id}/{row.id}"
