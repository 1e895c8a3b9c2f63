"""Rheumatoid arthritis, axial spondyloarthritis, knee and lumbar disc (S15, S16, V25): the statements by hand."""

from __future__ import annotations

from itertools import product

import pytest
from tests.unit.advise.pelvis import ask, row_of, rows

from mriloop.model.guideline import Step

SIGNS = "numbness between the legs"


@pytest.mark.parametrize(("unclear", "row"), [("yes", "on_demand"), ("no", "no_interval"), ("unknown", None)])
@pytest.mark.parametrize("months", [1, 12, 60])
def test_rheumatoid_arthritis_has_no_interval_whatever_the_time(unclear, row, months):
    case = {"condition": "rheumatoid_arthritis", "activity_unclear": unclear, "months_since_first_mri": months}
    advice = ask("joint_inflammation", case | {"exam_date": "2025-01-01"})
    assert row_of(advice, "rheumatoid_arthritis") == (row or "asks activity_unclear")
    assert all(each.window is None and not each.schedule for each in advice.recommendations)


@pytest.mark.parametrize(("oedema", "said"), [("yes", True), ("no", False), ("unknown", False)])
def test_marrow_oedema_is_held_against_the_treatment(oedema, said):
    case = {"condition": "rheumatoid_arthritis", "activity_unclear": "no", "marrow_oedema": oedema}
    assert ("marrow_oedema/predicts" in rows(ask("joint_inflammation", case))) is said


def test_axial_spondyloarthritis_wants_both_reasons_for_a_repeat():
    for unclear, matters in product(("yes", "no", "unknown"), repeat=2):
        case = {
            "condition": "axial_spondyloarthritis",
            "activity_unclear": unclear,
            "result_changes_treatment": matters,
        }
        expected = "on_demand" if (unclear, matters) == ("yes", "yes") else "not_scheduled"
        if "no" not in (unclear, matters) and expected != "on_demand":
            asked = [
                name
                for name, value in (("activity_unclear", unclear), ("result_changes_treatment", matters))
                if value == "unknown"
            ]
            expected = f"asks {', '.join(sorted(asked))}"
        assert row_of(ask("joint_inflammation", case), "axial_spondyloarthritis") == expected


def test_the_knee_is_imaged_again_for_three_reasons_only():
    for mechanical, failed, planned in product(("yes", "no"), repeat=3):
        case = {
            "condition": "knee_complaint", "new_mechanical_symptoms": mechanical, "operation_failed": failed,
            "surgery_planned": planned,
        }  # fmt: skip
        (only,) = ask("knee_mri", case).recommendations
        wanted = "yes" in (mechanical, failed, planned)
        assert only.step is (Step.ADDITIONAL_IMAGING if wanted else Step.NO_ROUTINE_IMAGING)


@pytest.mark.parametrize("forgotten", ["new_mechanical_symptoms", "operation_failed", "surgery_planned"])
def test_a_knee_of_which_a_reason_is_not_known_is_not_called_quiet(forgotten):
    case = dict.fromkeys(("new_mechanical_symptoms", "operation_failed", "surgery_planned"), "no")
    case |= {"condition": "knee_complaint", forgotten: "unknown"}
    assert row_of(ask("knee_mri", case), "next_mri") == f"asks {forgotten}"


@pytest.mark.parametrize("course", ["unchanged", "improving"])
def test_v25_stable_sciatica_gets_no_repeat_and_the_safety_net(course):
    advice = ask("lumbar_disc", {"condition": "sciatica", "clinical_course": course, "exam_date": "2025-11-01"})
    (only,) = advice.recommendations
    assert only.step is Step.NO_ROUTINE_IMAGING
    assert any(SIGNS in action for action in only.actions)
    assert "%" not in only.text
    assert any(caution.code == "emergency_not_excluded" for caution in advice.warnings)


@pytest.mark.parametrize("others", [{}, {"clinical_course": "improving"}, {"study_quality": "not_diagnostic"}])
def test_a_cauda_equina_syndrome_is_an_emergency_whatever_else_is_said(others):
    (only,) = ask("lumbar_disc", {"condition": "sciatica", "cauda_equina_signs": "yes"} | others).recommendations
    assert (only.step, only.urgency) == (Step.EMERGENCY_REFERRAL, "minutes")


@pytest.mark.parametrize("course", ["improving", "unchanged", "worse", "unknown"])
def test_a_new_deficit_is_imaged_again_whatever_the_course(course):
    case = {"condition": "sciatica", "acute_deficit": "yes", "clinical_course": course}
    (only,) = ask("lumbar_disc", case).recommendations
    assert (only.step, only.urgency, only.repeat_reason) == (Step.ADDITIONAL_IMAGING, "hours", "R2.disc")


@pytest.mark.parametrize(
    ("weeks", "step"),
    [("5.9 wk", Step.DEFER_IMAGING), ("41 d", Step.DEFER_IMAGING), ("6 wk", Step.ADDITIONAL_IMAGING),
     ("42 d", Step.ADDITIONAL_IMAGING), ("26 wk", Step.ADDITIONAL_IMAGING)],
)  # fmt: skip
def test_a_candidate_for_a_procedure_is_imaged_after_six_weeks(weeks, step):
    case = {"condition": "sciatica", "clinical_course": "unchanged", "procedure_candidate": "yes"}
    assert [each.step for each in ask("lumbar_disc", case | {"conservative_weeks": weeks}).recommendations] == [step]


def test_more_pain_alone_is_examined_and_not_imaged():
    case = {"condition": "sciatica", "clinical_course": "worse", "acute_deficit": "no", "cauda_equina_signs": "no"}
    (only,) = ask("lumbar_disc", case).recommendations
    assert only.step is Step.CLINICAL_FOLLOW_UP
    assert any(SIGNS in action for action in only.actions)


@pytest.mark.parametrize(
    ("seen", "step"),
    [
        ("within_limits", Step.QUALIFY_STATEMENT),
        ("beyond_limits", Step.CLINICAL_CORRELATION),
        ("cannot_tell", Step.CLINICIAN_REVIEW),
    ],
)
def test_a_difference_within_measurement_error_is_no_change(seen, step):
    advice = ask("lumbar_disc", {"condition": "sciatica", "disc_change": seen})
    assert [each.step for each in advice.recommendations] == [step]
