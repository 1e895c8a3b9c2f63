"""The adrenal tables against a second reading of their sources, over sizes, attenuations, cancer, growth, quality."""

from __future__ import annotations

from datetime import date
from itertools import product

import pytest
from tests.unit.advise.pelvis import ask, row_of, rows

SETTLED = {
    "condition": "adrenal_lesion",
    "metanephrines": "normal",
    "dexamethasone_cortisol": 30,
    "hypertension_or_hypokalaemia": "no",
    "biopsy_planned": "no",
    "exam_date": "2026-02-20",
    "first_mri_date": "2025-08-20",
}
SIZES = (5, 9.9, 10, 19.9, 20, 39.9, 40, 80)


def acr(size, drop, attenuation, homogeneous, cancer, change, months, vouched):
    """Say what the ACR's flowchart does, as clinical reference B13 gives it, with our reading of its edges."""
    lipid = drop == "yes" or (attenuation is not None and attenuation <= 10)
    if lipid and homogeneous == "yes":
        return "benign" if vouched else "benign_unvouched"
    if cancer == "yes":
        return "known_cancer"
    if size >= 40:
        return "large"
    if size >= 20:
        return "middle_chemical_shift" if drop is None else "middle"
    if size < 10:
        return "below_1_cm"
    if change == "no_prior":
        return "small_first"
    if change == "stable":
        if months < 12:
            return "small_stable_early"
        return "small_stable_12_months" if vouched else "small_stable_unvouched"
    return "cannot_tell"


def european(size, attenuation, homogeneous, cancer, vouched):
    """Say what ESE/ENSAT does with a lesion that is no myelolipoma and no cyst, and shows no signal drop."""
    if attenuation is None:
        return "known_cancer_without_ct" if cancer == "yes" else "large_without_ct" if size >= 40 else "ct_first"
    if attenuation <= 10 and homogeneous == "yes" and vouched:
        return "lipid_rich"
    if cancer == "yes":
        return "known_cancer"
    if size >= 40:
        return "large"
    if attenuation > 20:
        return "dense"
    if homogeneous == "no":
        return "heterogeneous"
    return "between_10_and_20" if attenuation > 10 else "lipid_rich_unvouched"


def facts(size, drop, attenuation, homogeneous, cancer, change, months, vouched):
    found = SETTLED | {
        "lesion_size": size,
        "adrenal_homogeneous": homogeneous,
        "known_cancer": cancer,
        "change_vs_prior": change,
        "months_since_first_mri": months,
        "study_quality": "diagnostic" if vouched else "limited",
        "limited_study_answers": "no",
    }
    if drop is not None:
        found["adrenal_signal_drop"] = drop
    if attenuation is not None:
        found["adrenal_attenuation"] = attenuation
    return found


@pytest.mark.parametrize("size", SIZES)
def test_the_acr_table_says_what_its_flowchart_says(size):
    grid = product(
        ("yes", "no", None), (-5, 10, 10.1, 20, 20.1, None), ("yes", "no"), ("yes", "no"),
        ("no_prior", "stable", "cannot_tell"), (11.9, 12), (True, False),
    )  # fmt: skip
    for drop, attenuation, *rest in grid:
        if drop is None and attenuation is None:
            continue
        case = (size, drop, attenuation, *rest)
        assert row_of(ask("adrenal", facts(*case)), "acr_2017") == acr(*case), case


@pytest.mark.parametrize("size", SIZES)
def test_the_european_table_says_what_its_recommendations_say(size):
    for attenuation, homogeneous, cancer, vouched in product(
        (-5, 10, 10.1, 20, 20.1, None), ("yes", "no"), ("yes", "no"), (True, False)
    ):
        case = facts(size, "no", attenuation, homogeneous, cancer, "no_prior", 0, vouched)
        found = ask("adrenal", case, lead="ESE/ENSAT 2023")
        assert row_of(found, "ese_2023") == european(size, attenuation, homogeneous, cancer, vouched), case


@pytest.mark.parametrize(
    ("rate", "row"),
    [
        (2.9, "acr_2017/small_slow_growth"),
        (3, "guards/growth_between"),
        (5, "guards/growth_between"),
        (5.1, "guards/growth_fast"),
    ],
)
def test_growth_a_year_below_3_stops_and_above_5_mm_goes_to_surgery(rate, row):
    case = facts(15, "no", 25, "yes", "no", "growth", 12, True) | {"growth_per_year": rate}
    assert row in rows(ask("adrenal", case))


def test_growth_of_a_lesion_is_computed_from_two_sizes_and_their_days():
    case = facts(16, "no", 25, "yes", "no", "growth", 12, True) | {
        "prior_lesion_size": 10,
        "prior_exam_date": "2025-02-20",
    }
    assert rows(ask("adrenal", case)) == {"guards/growth_fast"}


def test_growth_of_unknown_speed_is_asked_for():
    case = facts(15, "no", 25, "yes", "no", "growth", 12, True)
    assert row_of(ask("adrenal", case), "acr_2017") == "asks growth_per_year"


def test_chemical_shift_alone_sets_the_two_authorities_at_odds():
    case = facts(25, "yes", None, "yes", "no", "no_prior", 0, True)
    advice = ask("adrenal", case)
    assert rows(advice) == {"acr_2017/benign", "ese_2023/ct_first"}
    assert advice.conflicts[0].default == "adrenal/acr_2017/benign"


def test_authorities_that_agree_are_said_once():
    advice = ask("adrenal", facts(25, "yes", 4, "yes", "no", "no_prior", 0, True))
    assert rows(advice) == {"acr_2017/benign"}
    assert not advice.conflicts
    assert any("ESE/ENSAT 2023 says the same" in line for line in advice.recommendations[0].because)


@pytest.mark.parametrize("kind", ["myelolipoma", "cyst"])
@pytest.mark.parametrize("size", SIZES)
def test_fat_and_cysts_stop_at_any_size_even_with_cancer_and_ask_for_no_hormones(kind, size):
    case = {
        "condition": "adrenal_lesion", "adrenal_kind": kind, "lesion_size": size, "known_cancer": "yes",
        "study_quality": "diagnostic",
    }  # fmt: skip
    advice = ask("adrenal", case)
    assert rows(advice) == {"acr_2017/benign"}
    assert not advice.undetermined


@pytest.mark.parametrize("quality", ["not_diagnostic", "limited", None])
def test_nothing_ends_on_a_study_that_nobody_vouches_for(quality):
    case = facts(25, "yes", 4, "yes", "no", "stable", 24, True)
    case.pop("limited_study_answers")
    case.pop("study_quality")
    if quality:
        case["study_quality"] = quality
    steps = {each.step.value for each in ask("adrenal", case).recommendations}
    assert not steps & {"no_routine_imaging", "may_stop_imaging", "reassure"}


@pytest.mark.parametrize(
    ("cortisol", "row"), [(50, None), (50.1, "hormones/cortisol_not_suppressed"), (None, "hormones/dexamethasone")]
)
def test_cortisol_is_suppressed_up_to_50_nmol_a_litre(cortisol, row):
    case = facts(25, "yes", 4, "yes", "no", "no_prior", 0, True)
    case.pop("dexamethasone_cortisol")
    if cortisol is not None:
        case["dexamethasone_cortisol"] = cortisol
    assert {each for each in rows(ask("adrenal", case)) if each.startswith("hormones/")} == ({row} if row else set())


@pytest.mark.parametrize(("drop", "asked"), [("no", True), ("yes", False)])
def test_metanephrines_are_wanted_where_no_lipid_is_shown(drop, asked):
    attenuation = 30 if drop == "no" else 5
    case = facts(45, drop, attenuation, "yes", "no", "no_prior", 0, True) | {"metanephrines": "not_measured"}
    assert ("hormones/metanephrines" in rows(ask("adrenal", case))) is asked


@pytest.mark.parametrize("metanephrines", ["not_measured", "raised", "unknown"])
def test_no_biopsy_goes_to_the_team_before_a_phaeochromocytoma_is_excluded(metanephrines):
    case = facts(30, "no", 30, "yes", "yes", "no_prior", 0, True)
    advice = ask("adrenal", case | {"biopsy_planned": "yes", "metanephrines": metanephrines})
    assert "before_biopsy/may_go_to_team" not in rows(advice)
    if metanephrines == "unknown":
        assert "metanephrines" in {name for each in advice.undetermined for name in each.missing}


def test_the_follow_up_of_a_small_lesion_is_a_year_after_its_first_image():
    first = ask("adrenal", facts(15, "no", 25, "yes", "no", "no_prior", 0, True))
    later = ask("adrenal", facts(15, "no", 25, "yes", "no", "stable", 6, True))
    dates = {
        each.row: each.window.target for advice in (first, later) for each in advice.recommendations if each.window
    }
    assert dates["acr_2017/small_first"] == date(2027, 2, 20)
    assert dates["acr_2017/small_stable_early"] == date(2026, 8, 20)
