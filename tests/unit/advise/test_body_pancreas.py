"""Cysts of the pancreas: every ladder of every authority in months by hand, limits on both sides, conflicts."""

from __future__ import annotations

from datetime import date

import pytest
from tests.unit.advise.asking import EXAM, ask, missing, months_after

from mriloop.model.advice import Advice, Recommendation

CLEAN = {
    "age": 60,
    "condition": "pancreatic_cyst",
    "pancreatic_cyst_findings": "none",
    "pancreatic_cyst_clinical": "none",
    "main_duct_diameter": 3,
    "duct_communication": "communicates",
    "change_vs_prior": "no_prior",
    "exam_date": EXAM,
    "pancreas_protocol": "yes",
    "study_quality": "diagnostic",
}
YEARLY_5_THEN_9 = (12, 24, 36, 48, 60, 84, 108)
TWO_YEARLY_10 = (24, 48, 72, 96, 120)
HALF_YEARLY = (6, 12, 18, 24, 36, 48, 72, 96, 120)


def cyst(*, profile: str = "", **changed: object) -> Advice:
    return ask("pancreatic_cyst", profile=profile, **{**CLEAN, **changed})


def led_by(profile: str, **changed: object) -> Recommendation:
    """Return what one authority says, by putting it in the lead."""
    (only,) = [each for each in cyst(profile=profile, **changed).recommendations if each.profile == profile]
    return only


# ACR 2017: size, communication, age when first seen → months of the ladder.
ACR = [
    (2, "communicates", 40, (24,)),
    (4.9, "does_not", 79, (24,)),
    (5, "communicates", 64, YEARLY_5_THEN_9),
    (14.9, "does_not", 64, YEARLY_5_THEN_9),
    (5, "communicates", 65, TWO_YEARLY_10),
    (14.9, "cannot_tell", 79, TWO_YEARLY_10),
    (15, "communicates", 40, YEARLY_5_THEN_9),
    (19.9, "communicates", 79, YEARLY_5_THEN_9),
    (20, "communicates", 40, HALF_YEARLY),
    (25, "communicates", 79, HALF_YEARLY),
    (15, "does_not", 40, HALF_YEARLY),
    (15, "cannot_tell", 79, HALF_YEARLY),
    (25, "does_not", 64, HALF_YEARLY),
]


@pytest.mark.parametrize(("size", "communication", "age", "months"), ACR)
def test_every_ladder_of_the_acr(size, communication, age, months):
    said = led_by("ACR 2017", lesion_size=size, duct_communication=communication, age=age)
    assert said.step == "follow_up_imaging"
    assert [window.target for window in said.schedule] == months_after(EXAM, *months)
    assert said.default


@pytest.mark.parametrize(("size", "step"), [(25, "follow_up_imaging"), (25.1, "consider_procedure")])
def test_above_25_mm_endoscopic_ultrasound_is_an_option(size, step):
    assert led_by("ACR 2017", lesion_size=size).step == step


@pytest.mark.parametrize("size", [4, 12, 18, 25])
def test_from_80_on_the_acr_asks_for_fitness(size):
    fit = led_by("ACR 2017", lesion_size=size, age=80, surgical_candidate="yes")
    assert [window.target for window in fit.schedule] == months_after(EXAM, 24, 48)
    unfit = led_by("ACR 2017", lesion_size=size, age=80, surgical_candidate="no")
    assert unfit.step == "no_routine_imaging"
    assert "surgical_candidate" in missing(cyst(lesion_size=size, age=80))
    assert "surgical_candidate" not in missing(cyst(lesion_size=size, age=79))


def test_surveillance_that_began_earlier_may_end_at_80():
    facts = {"lesion_size": 12, "change_vs_prior": "stable", "first_mri_date": date(2018, 2, 20)}
    said = led_by("ACR 2017", **facts, age=80, birth_date=date(1945, 6, 1), surgical_candidate="yes")
    assert said.step == "may_stop_imaging"
    younger = led_by("ACR 2017", **{**facts, "age": 79}, birth_date=date(1946, 6, 1))
    assert [window.target for window in younger.schedule] == months_after(date(2018, 2, 20), *TWO_YEARLY_10)


def test_the_clock_runs_from_the_earliest_study_and_the_next_date_from_what_was_done():
    begun = date(2023, 2, 20)
    said = led_by("ACR 2017", lesion_size=12, change_vs_prior="stable", first_mri_date=begun)
    assert [window.target for window in said.schedule] == months_after(begun, *YEARLY_5_THEN_9)
    assert said.window.target == date(2027, 2, 20)
    assert "surveillance_start" in missing(cyst(lesion_size=12, change_vs_prior="stable"))


KYOTO = [
    (5, (6, 24, 42, 60)),
    (19.9, (6, 24, 42, 60)),
    (20, (6, 12, 24, 36, 48, 60)),
    (29.9, (6, 12, 24, 36, 48, 60)),
]


@pytest.mark.parametrize(("size", "months"), KYOTO)
def test_kyoto_by_size(size, months):
    said = led_by("Kyoto 2024", lesion_size=size)
    assert said.step == "follow_up_imaging"
    assert [window.target for window in said.schedule] == months_after(EXAM, *months)
    assert said.never_auto_close


def test_europe_never_ends_while_the_patient_is_fit():
    said = led_by("Europe 2018", lesion_size=12)
    assert [window.target for window in said.schedule] == months_after(EXAM, 6, 12, 24, 36, 48, 60)
    assert said.never_auto_close
    assert said.status == "draft"  # the intervals are from memory
    assert led_by("Europe 2018", lesion_size=12, surgical_candidate="no").step == "no_routine_imaging"


FUKUOKA = [(9.9, (6, 30, 54, 78)), (10, (6, 18, 30)), (19.9, (6, 18, 30))]


@pytest.mark.parametrize(("size", "months"), FUKUOKA)
def test_fukuoka_is_superseded_and_answers_only_when_chosen(size, months):
    assert "Fukuoka 2017" not in {each.profile for each in cyst(lesion_size=size).recommendations}
    said = led_by("Fukuoka 2017", lesion_size=size)
    assert [window.target for window in said.schedule] == months_after(EXAM, *months)


def test_fukuoka_looks_with_ultrasound_from_20_mm():
    said = led_by("Fukuoka 2017", lesion_size=20)
    assert said.step == "consider_procedure"
    assert (said.window.earliest, said.window.latest) == (date(2026, 5, 20), date(2026, 8, 20))


FOLLOW, SCOPE, SURGEON = "follow_up_imaging", "consider_procedure", "specialist_referral"
# The finding, then what ACR, Kyoto, Europe and Fukuoka do about it in a cyst of 12 mm.
SIGNS = [
    ({"main_duct_diameter": 4.9}, FOLLOW, FOLLOW, FOLLOW, FOLLOW),
    ({"main_duct_diameter": 5}, FOLLOW, SCOPE, SURGEON, SCOPE),
    ({"main_duct_diameter": 6.9}, FOLLOW, SCOPE, SURGEON, SCOPE),
    ({"main_duct_diameter": 7}, SCOPE, SCOPE, SURGEON, SCOPE),
    ({"main_duct_diameter": 9.9}, SCOPE, SCOPE, SURGEON, SCOPE),
    ({"main_duct_diameter": 10}, SCOPE, SURGEON, SURGEON, SURGEON),
    ({"pancreatic_cyst_findings": "mural_nodule", "mural_nodule_size": 4.9}, SCOPE, SCOPE, SURGEON, SCOPE),
    ({"pancreatic_cyst_findings": "mural_nodule", "mural_nodule_size": 5}, SCOPE, SURGEON, SURGEON, SURGEON),
    ({"pancreatic_cyst_findings": "thick_wall"}, SCOPE, SCOPE, FOLLOW, SCOPE),
    ({"pancreatic_cyst_findings": "solid_component"}, SCOPE, SURGEON, SURGEON, FOLLOW),
    ({"pancreatic_cyst_findings": "abrupt_duct_change"}, FOLLOW, SCOPE, FOLLOW, SCOPE),
    ({"pancreatic_cyst_findings": "lymph_nodes"}, FOLLOW, SCOPE, FOLLOW, SCOPE),
    ({"pancreatic_cyst_clinical": "ca19_9_raised"}, FOLLOW, SCOPE, SURGEON, SCOPE),
    ({"pancreatic_cyst_clinical": "new_diabetes"}, FOLLOW, SCOPE, SURGEON, FOLLOW),
    ({"pancreatic_cyst_clinical": "pancreatitis"}, SURGEON, SCOPE, SURGEON, SCOPE),
    ({"pancreatic_cyst_clinical": "suspicious_cytology"}, FOLLOW, SURGEON, SURGEON, FOLLOW),
]


@pytest.mark.parametrize(("sign", "acr", "kyoto", "europe", "fukuoka"), SIGNS)
def test_every_sign_under_every_authority(sign, acr, kyoto, europe, fukuoka):
    profiles = ("ACR 2017", "Kyoto 2024", "Europe 2018", "Fukuoka 2017")
    said = [str(led_by(profile, lesion_size=12, **sign).step) for profile in profiles]
    assert said == [acr, kyoto, europe, fukuoka]


@pytest.mark.parametrize(
    ("size", "acr", "kyoto", "europe"),
    [
        (29.9, SCOPE, FOLLOW, FOLLOW),
        (30, SCOPE, SCOPE, FOLLOW),
        (39.9, SCOPE, SCOPE, FOLLOW),
        (40, SCOPE, SCOPE, SURGEON),
    ],
)
def test_large_cysts(size, acr, kyoto, europe):
    profiles = ("ACR 2017", "Kyoto 2024", "Europe 2018")
    assert [str(led_by(profile, lesion_size=size).step) for profile in profiles] == [acr, kyoto, europe]


# Prior size, size, months between them → who acts: the ACR by share, Kyoto from 2.5 and Europe from 5 mm a year.
GROWTH = [
    (4, 7.9, 24, False, False, False),
    (4, 8, 24, True, False, False),
    (10, 14.9, 24, False, False, False),
    (10, 15, 24, True, True, False),
    (12, 17, 24, False, True, False),
    (12, 16.9, 12, False, True, False),
    (12, 17, 12, False, True, True),
    (15, 17.9, 24, False, False, False),
    (15, 18, 24, True, False, False),
]


@pytest.mark.parametrize(("prior", "size", "apart", "acr", "kyoto", "europe"), GROWTH)
def test_growth_by_each_measure_overrides_the_interval(prior, size, apart, acr, kyoto, europe):
    facts = {
        "lesion_size": size,
        "prior_lesion_size": prior,
        "months_since_prior": apart,
        "change_vs_prior": "growth",
        "first_mri_date": date(2024, 2, 20),
    }
    profiles = ("ACR 2017", "Kyoto 2024", "Europe 2018")
    acts = [led_by(profile, **facts).step != FOLLOW for profile in profiles]
    assert acts == [acr, kyoto, europe]


def test_growth_without_sizes_is_asked_for_by_every_authority():
    advice = cyst(lesion_size=12, change_vs_prior="growth", first_mri_date=date(2024, 2, 20))
    assert missing(advice) == {"acr_cyst_growth", "growth_per_year"}
    assert advice.recommendations == ()


@pytest.mark.parametrize(
    ("first", "quality", "step"),
    [
        (date(2021, 2, 20), "diagnostic", "may_stop_imaging"),
        (date(2021, 2, 21), "diagnostic", FOLLOW),
        (date(2021, 2, 20), "limited", FOLLOW),
    ],
)
def test_kyoto_lets_it_end_after_five_stable_years_on_a_diagnostic_study(first, quality, step):
    facts = {"lesion_size": 12, "change_vs_prior": "stable", "first_mri_date": first, "study_quality": quality}
    facts |= {"limited_study_answers": True} if quality == "limited" else {}
    assert led_by("Kyoto 2024", **facts).step == step
    assert led_by("Kyoto 2024", **{**facts, "lesion_size": 20}).step == FOLLOW


def test_a_duct_of_6_mm_is_a_conflict_and_the_number_is_reported():
    advice = cyst(lesion_size=12, main_duct_diameter=6)
    (conflict,) = advice.conflicts
    assert conflict.default == "pancreatic_cyst/acr/small_under_65"
    assert {each.profile for each in advice.recommendations if not each.default} == {"Kyoto 2024", "Europe 2018"}
    (number,) = [each for each in advice.recommendations if each.step == "qualify_statement"]
    assert any("6 mm" in reason for reason in number.because)


@pytest.mark.parametrize(("duct", "said"), [(4.9, False), (5, True), (9.9, True), (10, False)])
def test_the_number_is_asked_for_only_where_the_authorities_part(duct, said):
    advice = cyst(lesion_size=12, main_duct_diameter=duct)
    assert any(each.step == "qualify_statement" for each in advice.recommendations) is said


@pytest.mark.parametrize(
    "name", ["pancreatic_cyst_findings", "pancreatic_cyst_clinical", "main_duct_diameter", "change_vs_prior", "age"]
)
def test_nothing_is_followed_before_what_could_override_it_is_known(name):
    facts = {other: value for other, value in CLEAN.items() if other != name}
    advice = ask("pancreatic_cyst", **facts, lesion_size=12)
    assert missing(advice)
    assert all(each.row.split("/")[0] != "acr" for each in advice.recommendations)


@pytest.mark.parametrize(
    ("known", "steps_by_profile"),
    [
        ({"main_duct_diameter": 12}, {"ACR 2017": SCOPE, "Kyoto 2024": SURGEON, "Europe 2018": SURGEON}),
        ({"main_duct_diameter": 6}, {"Kyoto 2024": SCOPE, "Europe 2018": SURGEON}),
        ({"pancreatic_cyst_findings": "mural_nodule"}, {"ACR 2017": SCOPE}),
        ({"pancreatic_cyst_findings": "thick_wall"}, {"ACR 2017": SCOPE}),
        ({"pancreatic_cyst_findings": "solid_component"}, {"ACR 2017": SCOPE, "Kyoto 2024": SURGEON}),
        ({"pancreatic_cyst_clinical": "suspicious_cytology"}, {"Kyoto 2024": SURGEON}),
        ({"lesion_size": 45, "main_duct_diameter": 3}, {"Kyoto 2024": SCOPE, "Europe 2018": SURGEON}),
    ],
)
def test_a_sign_that_is_known_refers_while_everything_else_is_unknown(known, steps_by_profile):
    for profile, step in steps_by_profile.items():
        advice = ask("pancreatic_cyst", profile=profile, age=60, condition="pancreatic_cyst", **known)
        assert step in {str(each.step) for each in advice.recommendations if each.profile == profile}


def test_guards_go_first():
    jaundice = {"pancreatic_cyst_clinical": "jaundice"}
    rows = {
        "guards/cholangitis": {**jaundice, "sepsis": "yes"},
        "guards/jaundice": jaundice,
        "guards/other_kind": {"pancreatic_cyst_kind": "serous"},
        "guards/not_diagnostic": {"study_quality": "not_diagnostic"},
        "guards/first_study": {"pancreas_protocol": "no"},
    }
    for row, facts in rows.items():
        (only,) = cyst(lesion_size=12, **facts).recommendations
        assert only.row == row
    first = cyst(lesion_size=12, pancreas_protocol="no").recommendations[0]
    assert (first.contrast, first.pulse_sequences) == ("without_and_with", ("MRCP",))
    followed = cyst(lesion_size=12, pancreas_protocol="no", change_vs_prior="stable", first_mri_date=date(2025, 2, 20))
    assert all(not each.row.startswith("guards/") for each in followed.recommendations)


def test_children_go_to_a_team_and_a_sign_waits_for_no_age():
    assert [each.row for each in cyst(lesion_size=12, age=17).recommendations] == ["guards/child"]
    assert all(not each.row.startswith("guards/") for each in cyst(lesion_size=12, age=18).recommendations)
    assert ask("pancreatic_cyst", condition="pancreatic_cyst", mpd=12).recommendations
    assert ask("pancreatic_cyst", age=60, condition="renal_mass").out_of_scope
