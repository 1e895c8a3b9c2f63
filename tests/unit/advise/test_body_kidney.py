"""Bosniak 2019: the MRI definitions of every class and what each class asks for, written out by hand; solid masses."""

from __future__ import annotations

import itertools
from datetime import date

import pytest
from tests.unit.advise.asking import EXAM, NOW, ask, missing, months_after, steps

ADULT = {"age": 60, "condition": "renal_mass", "exam_date": EXAM, "study_quality": "diagnostic"}


def class_of(protrusion: str, protrusion_size: float, thickness: float, septa: int, content: str) -> str:
    """Silverman 2019 in the order of severity: nodule, thick or irregular, minimally thick or many, few, simple."""
    if protrusion == "acute" or (protrusion == "obtuse" and protrusion_size >= 4):
        return "IV"
    if protrusion == "obtuse" or thickness >= 4:
        return "III"
    if thickness > 2 or septa >= 4 or content == "t1_bright_heterogeneous":
        return "IIF"
    return "II" if septa >= 1 or content == "t1_bright_homogeneous" else "I"


@pytest.mark.parametrize(
    ("protrusion", "protrusion_size"),
    [("none", 0), ("obtuse", 1), ("obtuse", 3.9), ("obtuse", 4), ("acute", 1), ("acute", 9)],
)
@pytest.mark.parametrize("thickness", [0.5, 2, 2.1, 3, 3.9, 4, 8])
def test_every_class_from_its_features(protrusion, protrusion_size, thickness):
    contents = ("simple_fluid", "t1_bright_homogeneous", "t1_bright_heterogeneous")
    for septa, content in itertools.product((0, 1, 3, 4, 9), contents):
        advice = ask(
            "renal_mass",
            **ADULT,
            renal_mass_kind="cystic",
            renal_protrusion=protrusion,
            renal_protrusion_size=protrusion_size,
            renal_wall_thickness=thickness,
            renal_septa_count=septa,
            renal_cyst_content=content,
        )
        (said,) = [each.text for each in advice.recommendations if each.row.startswith("class/")]
        assert said.startswith(
            f"Suggested: Bosniak {class_of(protrusion, protrusion_size, thickness, septa, content)},"
        )
        assert "bosniak_class" in missing(advice)  # a suggestion is no class


def test_a_feature_that_could_raise_the_class_is_asked_for():
    features = {
        "renal_mass_kind": "cystic",
        "renal_protrusion": "none",
        "renal_wall_thickness": 1,
        "renal_septa_count": 0,
        "renal_cyst_content": "simple_fluid",
        "bosniak_class": "III",
    }
    for name in ("renal_wall_thickness", "renal_septa_count", "renal_cyst_content"):
        kept = {other: value for other, value in features.items() if other != name}
        assert missing(ask("renal_mass", **ADULT, **kept)) == {name}


@pytest.mark.parametrize(
    ("bosniak", "step"),
    [
        ("I", "no_routine_imaging"),
        ("II", "no_routine_imaging"),
        ("IIF", "follow_up_imaging"),
        ("III", "specialist_referral"),
        ("IV", "specialist_referral"),
    ],
)
def test_every_class_has_its_next_step(bosniak, step):
    (only,) = ask("renal_mass", **ADULT, bosniak=bosniak, change_vs_prior="no_prior").recommendations
    assert only.step == step
    assert only.status == "reviewed-pending-signature"


def test_iif_is_seen_at_6_and_12_months_and_every_year_to_5_counted_from_the_first_study():
    (first,) = ask("renal_mass", **ADULT, bosniak="IIF", change_vs_prior="no_prior").recommendations
    assert [window.target for window in first.schedule] == months_after(EXAM, 6, 12, 24, 36, 48, 60)
    assert first.contrast == "without_and_with"
    begun = date(2025, 8, 31)
    (later,) = ask("renal_mass", **ADULT, bosniak="IIF", change_vs_prior="stable", first_mri_date=begun).recommendations
    assert [window.target for window in later.schedule] == months_after(begun, 6, 12, 24, 36, 48, 60)
    assert later.schedule[0].target == date(2026, 2, 28)
    assert later.window.target == date(2026, 8, 31)  # the study of 20 February closed the first date
    assert missing(ask("renal_mass", **ADULT, bosniak="IIF", change_vs_prior="stable")) == {"surveillance_start"}


def test_a_first_iif_study_of_an_unknown_day_is_counted_from_the_question_aloud():
    advice = ask("renal_mass", age=60, bosniak="IIF", change_vs_prior="no_prior")
    assert [window.target for window in advice.recommendations[0].schedule] == months_after(NOW, 6, 12, 24, 36, 48, 60)
    assert "anchor_assumed" in {caution.code for caution in advice.warnings}


@pytest.mark.parametrize("change", ["growth", "cannot_tell"])
def test_iif_that_changed_or_cannot_be_compared_goes_back_to_a_reader(change):
    (only,) = ask("renal_mass", **ADULT, bosniak="IIF", change_vs_prior=change).recommendations
    assert only.step == "clinician_review"


@pytest.mark.parametrize("bosniak", ["I", "II"])
def test_a_benign_class_ends_nothing_without_a_diagnostic_study(bosniak):
    facts = {name: value for name, value in ADULT.items() if name != "study_quality"}
    assert missing(ask("renal_mass", **facts, bosniak=bosniak)) == {"study_quality"}
    limited = ask("renal_mass", **facts, bosniak=bosniak, study_quality="limited")
    assert steps(limited, "cystic") == ["clinician_review"]
    assert steps(ask("renal_mass", **facts, bosniak=bosniak, study_quality="repeat"), "guards") == ["repeat_imaging"]


def test_contrast_is_needed_unless_a_reader_has_given_a_class():
    plain = ask("renal_mass", **ADULT, renal_mass_kind="cystic", t1_post_present="no")
    assert [each.row for each in plain.recommendations] == ["guards/no_contrast"]
    assert plain.recommendations[0].contrast == "without_and_with"
    given = ask("renal_mass", **ADULT, bosniak="II", t1_post_present="no")
    assert steps(given, "cystic") == ["no_routine_imaging"]


@pytest.mark.parametrize(
    ("size", "protocol", "change", "step"),
    [
        (9.9, "no", "no_prior", "follow_up_imaging"),
        (10, "no", "no_prior", "additional_imaging"),
        (10, "yes", "no_prior", "specialist_referral"),
        (45, "yes", "stable", "specialist_referral"),
        (8, "yes", "growth", "specialist_referral"),
    ],
)
def test_solid_masses_are_drafts_from_memory(size, protocol, change, step):
    (only,) = ask(
        "renal_mass",
        **ADULT,
        renal_mass_kind="solid",
        lesion_size=size,
        renal_protocol=protocol,
        change_vs_prior=change,
    ).recommendations
    assert (only.step, only.status) == (step, "draft")
    if step == "follow_up_imaging":
        assert (only.window.earliest, only.window.target, only.window.latest) == tuple(months_after(EXAM, 6, 9, 12))


@pytest.mark.parametrize(("size", "step"), [(39.9, "no_routine_imaging"), (40, "specialist_referral")])
def test_macroscopic_fat(size, step):
    (only,) = ask("renal_mass", **ADULT, renal_mass_kind="macroscopic_fat", lesion_size=size).recommendations
    assert (only.step, only.status) == (step, "draft")


def test_children_go_to_a_paediatric_urologist_and_an_unknown_age_stops_nothing():
    assert [each.row for each in ask("renal_mass", **{**ADULT, "age": 17}, bosniak="IIF").recommendations] == [
        "guards/child"
    ]
    for facts in ({**ADULT, "age": 18}, {}):
        assert steps(ask("renal_mass", **facts, bosniak="III"), "cystic") == ["specialist_referral"]
    assert ask("renal_mass", age=60, condition="cirrhosis").out_of_scope
