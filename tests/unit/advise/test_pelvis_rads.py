"""O-RADS MRI, BI-RADS, Bone-RADS, myeloma MRI: tables by hand, boundaries on both sides, unknowns asked for."""

from __future__ import annotations

from datetime import date
from itertools import product

import pytest
from tests.unit.advise.pelvis import ask, row_of, rows

from mriloop.model.guideline import CLOSING_STEPS, Step

FLUIDS = ("none", "simple", "endometriotic", "haemorrhagic", "proteinaceous", "lipid")


def score(solid, contrast, curve, above, locules, wall, fluid, large):
    """Read the O-RADS MRI table (PMC9688526 table 2) from the highest concern down; None: no score without contrast."""
    if solid and contrast == "none":
        return None
    if fluid == "lipid":
        return "4" if solid and large else "2"
    if solid:
        if contrast == "time_resolved":
            return {"low_risk": "3", "intermediate_risk": "4", "high_risk": "5"}[curve]
        return "5" if above else "4"
    if locules == "multilocular":
        return "3"
    return "3" if wall and fluid not in ("simple", "endometriotic") else "2"


def test_the_features_lead_to_the_score_of_the_table():
    grid = product(
        (True, False), ("none", "single_early", "time_resolved"), ("low_risk", "intermediate_risk", "high_risk"),
        (True, False), ("unilocular", "multilocular"), (True, False), FLUIDS, (True, False),
    )  # fmt: skip
    for case in grid:
        solid, contrast, curve, above, locules, wall, fluid, large = case
        advice = ask(
            "orads_mri",
            {
                "adnexal_solid_tissue": solid, "dynamic_contrast": contrast, "time_intensity_curve": curve,
                "enhances_above_myometrium": above, "adnexal_locules": locules, "adnexal_wall_enhancement": wall,
                "adnexal_fluid": fluid, "adnexal_solid_large": large and solid,
            },
        )  # fmt: skip
        (only,) = advice.recommendations
        expected = score(*case)
        if expected is None:
            assert only.step is Step.ADDITIONAL_IMAGING, case
            assert only.repeat_reason == "R3.contrast"
        else:
            assert only.step is Step.SUGGEST_CATEGORY
            assert f"O-RADS MRI {expected} is suggested" in only.text, case


@pytest.mark.parametrize(
    ("given", "row"),
    [("0", "score_0"), ("1", "score_1"), ("2", "score_2"), ("3", "score_3"), ("4", "score_4"), ("5", "score_5")],
)
def test_each_score_has_its_step(given, row):
    assert rows(ask("orads_mri", {"orads_mri": given, "study_quality": "diagnostic"})) == {f"by_score/{row}"}


@pytest.mark.parametrize("given", ["3", "4"])
def test_a_score_of_3_or_4_does_not_stand_on_solid_tissue_without_contrast(given):
    case = {"orads_mri": given, "adnexal_solid_tissue": "yes", "dynamic_contrast": "none"}
    (only,) = ask("orads_mri", case).recommendations
    assert (only.step, only.contrast) == (Step.ADDITIONAL_IMAGING, "without_and_with")
    assert rows(ask("orads_mri", case | {"dynamic_contrast": "single_early"})) == {f"by_score/score_{given}"}
    assert rows(ask("orads_mri", case | {"adnexal_solid_tissue": "no"})) == {f"by_score/score_{given}"}


def test_shares_of_malignancy_stand_in_notes_and_never_in_the_text():
    for given in "12345":
        (only,) = ask("orads_mri", {"orads_mri": given, "study_quality": "diagnostic"}).recommendations
        assert "malignant" not in only.text
        assert "%" not in only.text


@pytest.mark.parametrize(
    ("guideline", "case"),
    [
        ("orads_mri", {"orads_mri": "1"}),
        ("orads_mri", {"orads_mri": "2"}),
        ("breast_mri", {"birads": "1"}),
        ("breast_mri", {"birads": "2"}),
        ("bone_lesion", {"bone_rads": "1"}),
    ],
)
@pytest.mark.parametrize("quality", [None, "limited", "not_diagnostic"])
def test_a_harmless_category_closes_nothing_on_a_study_that_nobody_vouches_for(guideline, case, quality):
    ending = {*CLOSING_STEPS, Step.NO_ROUTINE_IMAGING, Step.MAY_STOP_IMAGING}
    assert {each.step for each in ask(guideline, case | {"study_quality": "diagnostic"}).recommendations} & ending
    stated = case | ({"study_quality": quality} if quality else {})
    advice = ask(guideline, stated)
    assert not {each.step for each in advice.recommendations} & ending
    assert advice.undetermined or quality == "not_diagnostic"
    if quality == "limited":
        vouched = ask(guideline, stated | {"limited_study_answers": "yes"})
        assert {each.step for each in vouched.recommendations} & ending


@pytest.mark.parametrize(
    ("given", "step"),
    [
        ("0", Step.COMPLETE_IMAGING),
        ("1", Step.REASSURE),
        ("2", Step.REASSURE),
        ("3", Step.FOLLOW_UP_IMAGING),
        ("4", Step.CONSIDER_BIOPSY),
        ("5", Step.CONSIDER_BIOPSY),
        ("6", Step.MDT_REVIEW),
    ],
)
def test_each_category_of_the_breast_has_its_step(given, step):
    case = {"birads": given, "study_quality": "diagnostic", "change_vs_prior": "no_prior", "exam_date": "2026-02-20"}
    assert [each.step for each in ask("breast_mri", case).recommendations] == [step]


@pytest.mark.parametrize(
    ("first", "due"),
    [
        ("2026-02-20", ["2026-08-20", "2027-02-20", "2028-02-20"]),
        ("2025-08-31", ["2026-02-28", "2026-08-31", "2027-08-31"]),
        ("2023-08-29", ["2024-02-29", "2024-08-29", "2025-08-29"]),
    ],
)
def test_a_probably_benign_finding_is_seen_at_6_12_and_24_months_of_the_calendar(first, due):
    case = {"birads": "3", "study_quality": "diagnostic", "change_vs_prior": "no_prior", "exam_date": first}
    (only,) = ask("breast_mri", case, as_of=date.fromisoformat(first)).recommendations
    assert [each.target.isoformat() for each in only.schedule] == due


@pytest.mark.parametrize(("months", "row"), [(23.9, "category_3_stable"), (24, "category_3_two_years")])
def test_two_years_without_change_suggest_another_category(months, row):
    case = {
        "birads": "3", "study_quality": "diagnostic", "change_vs_prior": "stable", "months_since_first_mri": months,
        "first_mri_date": "2024-02-20",
    }  # fmt: skip
    assert row_of(ask("breast_mri", case), "by_category") == row


def test_the_next_open_date_counts_once_a_follow_up_was_made():
    case = {"birads": "3", "study_quality": "diagnostic", "change_vs_prior": "stable", "first_mri_date": "2025-08-20"}
    (only,) = ask("breast_mri", case | {"exam_date": "2026-02-24"}).recommendations
    assert only.window is not None
    assert only.window.target == date(2026, 8, 20)


@pytest.mark.parametrize(("day", "fits"), [(6, False), (7, True), (15, True), (16, False)])
def test_days_7_to_15_of_the_cycle_suit_an_elective_mri(day, fits):
    case = {"breast_mri_planned": "elective", "menstruating": "yes", "cycle_day": day}
    assert [each.step for each in ask("breast_mri", case).recommendations] == [
        Step.ALLOW_ORDER if fits else Step.DEFER_IMAGING
    ]
    assert rows(ask("breast_mri", case | {"breast_mri_planned": "urgent"})) == {"day_of_cycle/urgent"}


@pytest.mark.parametrize(
    ("result", "concordant", "row"),
    [
        ("benign", "yes", "concordant"),
        ("benign", "no", "discordant"),
        ("benign", "unknown", "asks biopsy_concordant"),
        ("high_risk", "yes", "high_risk"),
        ("malignant", "unknown", "malignant"),
    ],
)
def test_a_benign_biopsy_counts_only_where_it_explains_the_images(result, concordant, row):
    case = {"birads": "4", "breast_biopsy_result": result, "biopsy_concordant": concordant, "biopsy_date": "2026-01-31"}
    advice = ask("breast_mri", case)
    assert row_of(advice, "after_biopsy") == row
    if row == "concordant":
        window = advice.recommendations[0].window
        assert window is not None
        assert (window.target, window.latest) == (date(2026, 7, 31), date(2027, 1, 31))


@pytest.mark.parametrize(
    ("given", "step"),
    [
        ("1", Step.NO_ROUTINE_IMAGING),
        ("2", Step.OTHER_MODALITY),
        ("3", Step.INDIVIDUALISE),
        ("4", Step.CONSIDER_BIOPSY),
    ],
)
def test_each_category_of_a_bone_lesion_has_its_step_and_category_3_no_invented_date(given, step):
    (only,) = ask("bone_lesion", {"bone_rads": given, "study_quality": "diagnostic"}).recommendations
    assert (only.step, only.window, only.citation.mark) == (step, None, "V")


@pytest.mark.parametrize(
    ("number", "pattern", "row"),
    [
        (0, "normal", "none"),
        (0, "focal", "none"),
        (0, "diffuse", "equivocal_diffuse"),
        (1, "diffuse", "equivocal_focal"),
        (1, "unknown", "equivocal_focal"),
        (2, "unknown", "more_than_one"),
        (9, "diffuse", "more_than_one"),
        ("unknown", "normal", "asks focal_marrow_lesions"),
    ],
)
def test_more_than_one_focal_lesion_defines_myeloma(number, pattern, row):
    case = {
        "condition": "multiple_myeloma", "study_quality": "diagnostic", "exam_date": "2026-02-20",
        "focal_marrow_lesions": number, "marrow_pattern": pattern,
    }  # fmt: skip
    assert row_of(ask("myeloma_mri", case), "at_diagnosis") == row


@pytest.mark.parametrize(
    ("category", "step"),
    [
        ("1", Step.INDIVIDUALISE),
        ("2", Step.INDIVIDUALISE),
        ("3", Step.CLINICAL_CORRELATION),
        ("4", Step.MDT_REVIEW),
        ("5", Step.MDT_REVIEW),
    ],
)
def test_myrads_1_and_2_go_on_and_4_and_5_go_to_the_team(category, step):
    advice = ask("myeloma_mri", {"condition": "multiple_myeloma", "myrads_category": category})
    assert [each.step for each in advice.recommendations] == [step]


@pytest.mark.parametrize(
    ("guideline", "case", "sign", "row"),
    [
        ("orads_mri", {"orads_mri": "1"}, "ovarian_torsion", "guards/torsion"),
        ("orads_mri", {"orads_mri": "2"}, "peritoneal_disease", "guards/peritoneal"),
        ("bone_lesion", {"bone_rads": "1"}, "impending_fracture", "guards/impending_fracture"),
        ("bone_lesion", {"bone_rads": "1"}, "cord_compression", "guards/cord"),
        ("myeloma_mri", {"myrads_category": "1"}, "cord_compression", "guards/cord"),
    ],
)
def test_an_emergency_comes_before_any_category_even_on_images_that_cannot_be_read(guideline, case, sign, row):
    assert rows(ask(guideline, case | {sign: "yes"})) == {row}
    if row != "guards/peritoneal":
        assert rows(ask(guideline, case | {sign: "yes", "study_quality": "not_diagnostic"})) == {row}
