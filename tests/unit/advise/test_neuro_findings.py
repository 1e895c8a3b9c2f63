"""Aneurysms, chance findings, spine infection under treatment and follow-on studies against tables written by hand."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from mriloop.app import advise as use_case
from mriloop.model.advice import Advice, Recommendation
from mriloop.stages.advise import explain

NOW = date(2026, 3, 1)


@pytest.fixture
def ask(tmp_path: Path):
    def put(text: str) -> Advice:
        path = tmp_path / "case.yaml"
        path.write_text("{" + text + "}")
        return use_case.advise_case(path, site=None, now=NOW)

    return put


def of(guideline: str, advice: Advice) -> list[Recommendation]:
    return [each for each in advice.recommendations if each.guideline == guideline]


def only(advice: Advice) -> Recommendation:
    (found,) = advice.recommendations
    return found


def missing(advice: Advice) -> set[str]:
    return {name for each in advice.undetermined for name in each.missing}


def span(each: Recommendation) -> tuple[str, str]:
    window = each.schedule[0]
    return str(window.earliest), str(window.latest)


# Aneurysm: AHA/ASA 2015, decision model 2017, category 1 from the local list.

ANEURYSM = "condition: unruptured_intracranial_aneurysm, age: 55"


@pytest.mark.parametrize("sign", ["thunderclap: yes", "third_nerve_palsy: yes", "acute_haemorrhage: yes"])
def test_an_aneurysm_that_may_bleed_is_category_1_whatever_else_is_unknown(ask, sign):
    advice = ask(f"{ANEURYSM}, {sign}")
    assert {(each.step, each.urgency) for each in advice.recommendations} == {("emergency_referral", "minutes")}
    assert {each.guideline for each in advice.recommendations} == {"intracranial_aneurysm", "actionable_finding"}
    assert {each.status for each in advice.recommendations} == {"draft"}


@pytest.mark.parametrize("sign", ["change: growth", "lesion_symptoms: yes"])
def test_growth_or_symptoms_of_an_aneurysm_are_urgent(ask, sign):
    found = only(ask(f"{ANEURYSM}, discovered: incidental, observation_chosen: yes, lesion_size: 2 mm, {sign}"))
    assert (found.step, found.urgency, found.window) == ("specialist_referral", "hours", None)


def test_a_new_aneurysm_is_referred_with_what_the_scores_need(ask):
    found = only(ask(f"{ANEURYSM}, discovered: incidental, lesion_size: 5 mm"))
    assert found.step == "specialist_referral"
    assert any("PHASES" in action for action in found.actions)


@pytest.mark.parametrize(
    ("change", "expected"),
    [("no_prior", ("2026-08-20", "2027-02-20")), ("stable", ("2027-02-20", "2028-02-20"))],
)
def test_an_observed_aneurysm_gets_mra_without_contrast(ask, change, expected):
    found = only(
        ask(
            f"{ANEURYSM}, discovered: incidental, observation_chosen: yes, lesion_size: 5 mm, exam_date: 2026-02-20,"
            f" change: {change}"
        )
    )
    assert span(found) == expected
    assert found.contrast == "without"
    assert found.pulse_sequences == ("TOF MRA",)
    assert found.never_auto_close


@pytest.mark.parametrize(("size", "shown"), [("3 mm", True), ("3.1 mm", False), ("1 mm", True)])
def test_3_mm_and_less_shows_the_decision_model_beside_the_interval(ask, size, shown):
    advice = ask(
        f"{ANEURYSM}, discovered: incidental, observation_chosen: yes, aneurysm_high_risk: no, lesion_size: {size},"
        " change: stable, exam_date: 2026-02-20"
    )
    assert (("tiny/shared_decision") in [each.row for each in advice.recommendations]) is shown
    assert bool(advice.conflicts) is shown
    assert not any(each.step in ("may_stop_imaging", "no_routine_imaging") for each in advice.recommendations)


def test_after_treatment_of_an_aneurysm(ask):
    coiled = only(ask(f"{ANEURYSM}, aneurysm_treatment: coiled, treatment_date: 2025-08-31"))
    assert str(coiled.schedule[0].target) == "2026-02-28"
    assert only(ask(f"{ANEURYSM}, aneurysm_treatment: clipped")).step == "other_modality"
    assert missing(ask(f"{ANEURYSM}, aneurysm_treatment: coiled")) == {"treatment_date"}


# Pineal cyst: ACR 2026.


@pytest.mark.parametrize(
    ("kind", "size", "step", "spans"),
    [
        ("simple", "14.9 mm", "no_routine_imaging", []),
        ("simple", "15 mm", "follow_up_imaging", [("2026-08-20", "2027-02-20"), ("2027-08-20", "2028-02-20")]),
        ("simple", "1.6 cm", "follow_up_imaging", [("2026-08-20", "2027-02-20"), ("2027-08-20", "2028-02-20")]),
        ("non_simple", "9.9 mm", "follow_up_imaging", [("2026-07-20", "2026-09-20"), ("2027-07-20", "2027-09-20")]),
        ("non_simple", "10 mm", "specialist_referral", []),
    ],
)
def test_pineal_cyst_by_kind_and_size(ask, kind, size, step, spans):
    found = only(ask(f"condition: pineal_cyst, age: 30, cyst_simple: {kind}, size: {size}, exam_date: 2026-02-20"))
    assert found.step == step
    assert [(str(window.earliest), str(window.latest)) for window in found.schedule] == spans


@pytest.mark.parametrize("sign", ["aqueduct_compression: yes", "lesion_symptoms: yes"])
def test_a_small_simple_pineal_cyst_that_presses_or_hurts_goes_to_neurosurgery(ask, sign):
    found = only(ask(f"condition: pineal_cyst, age: 30, cyst_simple: simple, size: 8 mm, {sign}"))
    assert (found.step, found.specialty) == ("specialist_referral", ("neurosurgery",))


@pytest.mark.parametrize("quality", ["limited", "not_diagnostic"])
def test_no_cyst_is_called_simple_on_images_that_do_not_answer(ask, quality):
    found = only(ask(f"condition: pineal_cyst, age: 30, cyst_simple: simple, size: 8 mm, quality: {quality}"))
    assert found.step in ("clinician_review", "repeat_imaging")


# Chance findings.


@pytest.mark.parametrize("size", ["2 mm", "20 mm"])
def test_a_colloid_cyst_always_goes_to_neurosurgery(ask, size):
    found = only(ask(f"condition: colloid_cyst, size: {size}"))
    assert (found.step, found.specialty) == ("specialist_referral", ("neurosurgery",))


def test_hydrocephalus_is_category_1_with_any_of_these_findings(ask):
    for name in ("colloid_cyst", "arachnoid_cyst", "pineal_cyst", "meningioma", "glioma", "vestibular_schwannoma"):
        advice = ask(f"condition: {name}, hydrocephalus: yes")
        assert {(each.step, each.urgency) for each in advice.recommendations} == {("emergency_referral", "minutes")}


def test_chance_findings_without_a_document_are_drafts(ask):
    for case in (
        "condition: dva",
        "condition: cavernoma",
        "condition: arachnoid_cyst, arachnoid_cyst_typical: yes",
        "condition: wmh, white_matter_pattern: vascular",
    ):
        for each in of("incidental_brain", ask(case)):
            assert each.status == "draft"


def test_white_matter_lesions_of_vessels_ask_for_risk_factors_and_no_mri(ask):
    found = only(ask("condition: wmh, white_matter_pattern: vascular"))
    assert found.step == "clinical_follow_up"
    assert "no repeat MRI for this finding" in found.actions


# Spine infection under treatment: IDSA 2015.

WEEK_5 = "condition: vertebral_osteomyelitis, treatment_weeks: 5"


def test_v29_worse_endplates_with_falling_markers_need_neither_mri_nor_operation(ask):
    advice = ask(f"{WEEK_5}, clinically: improving, crp: falling, endplate_change: worse")
    assert [each.step for each in advice.recommendations] == ["no_routine_imaging", "qualify_statement"]
    assert "no operation for the look of the bone alone" in advice.recommendations[0].actions
    assert "no reason to debride" in advice.recommendations[1].text
    assert advice.recommendations[1].status == "reviewed-pending-signature"


@pytest.mark.parametrize(
    ("weeks", "course", "markers", "row"),
    [
        (3.9, "improving", "rising", "mri/early"),
        (3.9, "unchanged", "flat", "mri/early"),
        (3.9, "worse", "falling", "mri/poor_response"),
        (4, "improving", "falling", "mri/improving"),
        (4, "improving", "flat", "mri/poor_response"),
        (4, "improving", "rising", "mri/poor_response"),
        (4, "unchanged", "falling", "mri/poor_response"),
        (6, "worse", "rising", "mri/poor_response"),
    ],
)
def test_mri_under_treatment_by_week_course_and_markers(ask, weeks, course, markers, row):
    advice = ask(f"condition: discitis, treatment_weeks: {weeks}, clinically: {course}, crp: {markers}")
    assert [each.row for each in advice.recommendations if each.row.startswith("mri/")] == [row]


def test_failure_by_clinic_and_images_is_sampled_again(ask):
    found = only(ask(f"{WEEK_5}, clinically: worse, crp: rising, soft_tissue_change: worse"))
    assert found.step == "consider_biopsy"
    assert {"infectious_diseases", "spine_surgery"} <= set(found.specialty)


def test_worse_bone_is_no_failure(ask):
    advice = ask(f"{WEEK_5}, clinically: improving, crp: falling, endplate_change: worse, soft_tissue_change: better")
    assert "consider_biopsy" not in [each.step for each in advice.recommendations]


def test_an_undrained_abscess_is_imaged_again_though_all_is_well(ask):
    found = only(ask(f"{WEEK_5}, clinically: improving, crp: falling, undrained_abscess: yes"))
    assert (found.step, found.contrast) == ("additional_imaging", "without_and_with")


@pytest.mark.parametrize(
    ("weeks", "brucella", "row"),
    [
        (5.9, "no", None),
        (6, "no", "duration/six_weeks_done"),
        (6, "yes", "duration/brucella_goes_on"),
        (12.9, "yes", "duration/brucella_goes_on"),
        (13, "yes", "duration/brucella_done"),
    ],
)
def test_length_of_treatment(ask, weeks, brucella, row):
    advice = ask(
        f"condition: discitis, treatment_weeks: {weeks}, clinically: improving, crp: falling, brucella: {brucella}"
    )
    assert [each.row for each in advice.recommendations if "duration" in each.row] == ([row] if row else [])


# Follow-on studies: S17 to S25, reasons R3.


@pytest.mark.parametrize(
    ("case", "reason", "contrast"),
    [
        ("study_contrast: without, enhancement_question: yes, condition: other", "R3.contrast", "without_and_with"),
        ("vessel_question: aneurysm", "R3.mra_mrv", "without"),
        ("vessel_question: venous", "R3.mra_mrv", "site_policy"),
        ("vessel_question: flow_voids", "R3.mra_mrv", "without_and_with"),
        ("resection_near_eloquent: yes, fmri_requested: yes, can_do_tasks: yes", "R3.fmri_dti", "without"),
        ("perfusion_question: yes", "R3.perfusion_spect", "site_policy"),
        ("duct_question: yes", "R3.mrcp", "site_policy"),
        ("field_strength_limits: yes", "R3.higher_field", None),
        ("dedicated_organ_needed: yes", "R3.dedicated_organ", None),
        ("technique_not_in_protocol: yes, missing_series: [SWI]", "R3.protocol", None),
    ],
)
def test_each_specialised_study_has_its_reason(ask, case, reason, contrast):
    (found,) = of("follow_on_studies", ask(case))
    assert (found.repeat_reason, found.contrast) == (reason, contrast)


def test_no_study_is_ever_proposed_with_contrast_only_save_as_an_add_on(ask):
    base = "study_contrast: without, enhancement_question: yes, condition: other"
    seen = {}
    for word in ("unknown", "no", "yes"):
        (found,) = of("follow_on_studies", ask(f"{base}, precontrast_same_session: {word}"))
        seen[word] = found.contrast
    assert seen == {"unknown": "without_and_with", "no": "without_and_with", "yes": "with"}


@pytest.mark.parametrize(
    ("fact", "row"),
    [
        ("prior_reaction: moderate", "guards/reaction"),
        ("prior_reaction: severe", "guards/reaction"),
        ("pregnant: yes", "guards/pregnant"),
        ("condition: ms", "guards/not_needed"),
        ("condition: aneurysm", "guards/not_needed"),
    ],
)
def test_contrast_is_not_proposed_by_itself_against_a_reason(ask, fact, row):
    advice = ask(f"study_contrast: without, enhancement_question: yes, {fact}")
    assert [each.row for each in of("follow_on_studies", advice)] == [row]


def test_functional_mri_waits_for_the_surgeon(ask):
    assert missing(ask("resection_near_eloquent: yes")) == {"surgeon_requests_mapping", "task_compliance"}
    advice = ask("resection_near_eloquent: yes, fmri_requested: no, can_do_tasks: yes")
    assert [each.step for each in of("follow_on_studies", advice)] == ["mdt_review"]
    assert "BOLD" not in explain(advice)


def test_the_missing_series_are_named(ask):
    (found,) = of("follow_on_studies", ask("technique_not_in_protocol: yes, missing_series: [SWI, DWI]"))
    assert found.step == "complete_imaging"
    assert set(found.pulse_sequences) == {"SWI", "DWI"}


def test_the_spinal_mra_says_that_it_is_no_rating(ask):
    (found,) = of("follow_on_studies", ask("vessel_question: flow_voids"))
    assert "not an appropriateness rating" in found.note
