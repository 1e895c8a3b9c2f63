"""The acceptance vignettes of the clinical reference (Annex 2) that these guidelines cover, put as case files."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from mriloop.app import advise as use_case
from mriloop.model.advice import Advice
from mriloop.stages.advise import explain

NOW = date(2026, 3, 1)


@pytest.fixture
def ask(tmp_path: Path):
    def put(text: str) -> Advice:
        path = tmp_path / "case.yaml"
        path.write_text(text)
        return use_case.advise_case(path, site=None, now=NOW)

    return put


def steps(advice: Advice) -> list[str]:
    return [str(each.step) for each in advice.recommendations]


def test_v1_negative_diabetic_foot_is_unlikely_never_ruled_out(ask):
    advice = ask(
        "{condition: diabetic_foot, t1_present: yes, quality: diagnostic, marrow_t1: preserved, cortex: intact,"
        " abscess: no, exam_date: 2026-02-27}"
    )
    assert steps(advice) == ["osteomyelitis_unlikely"]
    only = advice.recommendations[0]
    assert only.window is not None
    assert only.window.target == date(2026, 3, 13)
    assert "no biopsy now" in only.actions
    words = f"{explain(advice)}".lower()
    assert "ruled out" not in words
    assert "70" not in only.text
    assert any(caution.code == "emergency_not_excluded" for caution in advice.warnings)


def test_v3_reticulated_marrow_is_indeterminate_for_infectious_diseases(ask):
    advice = ask(
        "{region: foot, t1_present: yes, quality: diagnostic, marrow_t1: reticulated, cortex: intact, abscess: no}"
    )
    assert steps(advice) == ["osteomyelitis_indeterminate"]
    assert "infectious_diseases" in advice.recommendations[0].specialty


def test_v5_confluent_marrow_without_wound_goes_to_a_team(ask):
    advice = ask("{region: foot, quality: diagnostic, marrow_t1: confluent, wound: no, on_antibiotics: yes}")
    assert steps(advice) == ["biopsy_mdt"]
    assert any("14 days without antibiotics" in action for action in advice.recommendations[0].actions)


def test_v7_septic_knee_is_urgent_and_shows_no_percentage(ask):
    advice = ask("{region: knee, septic_joint: yes}")
    assert steps(advice) == ["emergency_referral"]
    only = advice.recommendations[0]
    assert only.urgency == "hours"
    assert "orthopaedics" in only.specialty
    assert any("aspiration" in action for action in only.actions)
    assert "blood cultures" in only.actions
    assert "%" not in explain(advice)


def test_v9_contrast_only_order_is_blocked_with_the_way_out(ask):
    advice = ask("order: {modality: MR, region: brain, contrast: with, route: IV, precontrast_same_session: no}")
    assert steps(advice) == ["block_order"]
    assert advice.recommendations[0].contrast == "without_and_with"
    assert "WO&W" in advice.recommendations[0].text


def test_v13_stable_micro_shows_the_stop_rule_beside_the_interval(ask):
    advice = ask(
        "{age: 15, condition: pituitary_lesion, lesion_type: microadenoma, discovered: incidental, size: 6 mm,"
        " change_vs_prior: stable, months_stable: 12, exam_date: 2026-02-28}"
    )
    interval, stop = advice.recommendations
    assert (interval.step, stop.step) == ("follow_up_imaging", "may_stop_imaging")
    assert interval.window is not None
    assert (interval.window.earliest, interval.window.latest) == (date(2027, 2, 28), date(2028, 2, 28))
    assert interval.default and not stop.default
    assert advice.conflicts[0].recommendations == (interval.id, stop.id)


@pytest.mark.parametrize("age", ["age: 15, ", "age: 45, ", ""])
def test_v15_macro_at_the_chiasm_is_referred_whatever_the_age(ask, age):
    advice = ask(f"{{{age}condition: pituitary_lesion, size: 14 mm, chiasm: abuts}}")
    assert steps(advice) == ["specialist_referral"]
    assert "formal visual fields" in advice.recommendations[0].actions
    assert any("hormone" in action for action in advice.recommendations[0].actions)
    assert advice.recommendations[0].window is None
    assert any(caution.code == "scope_not_confirmed" for caution in advice.warnings) is (age == "")


def test_v17_natalizumab_20_months_shows_the_conflict(ask):
    advice = ask("{drug: natalizumab, months_on_drug: 20, jcv: positive, jcv_index: 1.0, exam_date: 2026-02-01}")
    windows = {
        each.profile: (each.window.earliest, each.window.latest) for each in advice.recommendations if each.window
    }
    assert windows["MAGNIMS 2015"] == (date(2026, 5, 1), date(2026, 6, 1))
    assert windows["EMA 2016"] == (date(2027, 1, 1), date(2027, 3, 1))
    assert len(advice.conflicts) == 1
    assert "MAGNIMS 2015" in advice.conflicts[0].text
    assert advice.conflicts[0].default == "ms_pml/magnims_2015/high_risk"


def test_v19_dimethyl_fumarate_gets_no_pml_interval(ask):
    advice = ask("{drug: dimethyl_fumarate, lymphocytes: normal, exam_date: 2026-02-01}")
    only = advice.recommendations[0]
    assert only.window is not None
    assert only.window.target == date(2027, 2, 1)
    assert "no MRI at PML intervals" in only.text


@pytest.mark.parametrize("status", ["", "jcv_status: unknown, ", "jcv: ~, "])
def test_v21_unknown_jc_virus_status_is_asked_for(ask, status):
    advice = ask(f"{{{status}drug: natalizumab, months_on_drug: 20}}")
    assert advice.recommendations == ()
    assert advice.undetermined[0].missing == ("jcv_status",)
    assert "JC virus" in advice.undetermined[0].questions[0]


def test_v23_dialysis_with_group_ii_is_allowed_without_extra_dialysis(ask):
    advice = ask("{dialysis: yes, order: {modality: MR, contrast: WO&W, agent_group: II}}")
    assert set(steps(advice)) == {"allow_order"}
    assert any("no extra dialysis" in action for each in advice.recommendations for action in each.actions)
    assert "implant_status" in {name for each in advice.undetermined for name in each.missing}


def test_v29_week_5_with_falling_markers_needs_no_mri(ask):
    advice = ask("{condition: vertebral_osteomyelitis, treatment_weeks: 5, clinically: improving, crp: falling}")
    assert steps(advice) == ["no_routine_imaging"]
    assert "no operation for the look of the bone alone" in advice.recommendations[0].actions


def test_the_spine_never_reaches_the_non_spinal_table(ask):
    advice = ask("{region: lumbar_spine, marrow_t1: preserved, cortex: intact, quality: diagnostic}")
    assert "osteomyelitis_unlikely" not in steps(advice)
    reason = next(each.reason for each in advice.out_of_scope if each.guideline == "osteomyelitis_nonspinal")
    assert "spine_infection" in reason


def test_a_spoilt_t1_turns_unlikely_into_repeat_the_t1(ask):
    good = "{condition: diabetic_foot, quality: diagnostic, marrow_t1: preserved, cortex: intact"
    assert steps(ask(good + "}")) == ["osteomyelitis_unlikely"]
    advice = ask(good + ", t1_quality: repeat}")
    assert steps(advice) == ["repeat_imaging"]
    assert advice.recommendations[0].pulse_sequences == ("T1",)
    assert advice.recommendations[0].text.startswith("Repeat the T1")


def test_every_guideline_answers_asks_or_says_why_not(ask):
    advice = ask("{condition: ms, drug: natalizumab, months_on_drug: 30}")
    spoken = {each.guideline for each in (*advice.recommendations, *advice.undetermined, *advice.out_of_scope)}
    assert spoken == {each.id for each in use_case.list_guidelines()}
