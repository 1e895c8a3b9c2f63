"""PI-RADS with PSA density, and PRECISE v2: the tables of the clinical reference (B9) written out by hand."""

from __future__ import annotations

from datetime import date

import pytest
from tests.unit.advise.asking import EXAM, ask, missing, steps

GOOD = {"study_quality": "diagnostic", "exam_date": EXAM}
LOW, BETWEEN, HIGH = (0.0, 0.05, 0.0999), (0.10, 0.12, 0.1499), (0.15, 0.2, 1.0)


def expected(pirads: int, density: float, risk: bool) -> str:
    if pirads >= 4:
        return "consider_biopsy"
    if pirads == 3:
        if risk or density >= 0.15:
            return "consider_biopsy"
        return "specialist_referral" if density >= 0.10 else "follow_up_imaging"
    return "specialist_referral" if risk or density >= 0.10 else "no_routine_imaging"


@pytest.mark.parametrize("pirads", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("density", [*LOW, *BETWEEN, *HIGH])
@pytest.mark.parametrize("risk", [True, False])
def test_every_score_density_and_risk(pirads, density, risk):
    advice = ask("prostate", **GOOD, pirads=pirads, psa_density=density, prostate_risk_factor="yes" if risk else "no")
    assert [str(each.step) for each in advice.recommendations] == [expected(pirads, density, risk)]
    assert not advice.undetermined
    assert all(each.status == "draft" for each in advice.recommendations)


@pytest.mark.parametrize(("psa", "volume", "step"), [(6, 40, "consider_biopsy"), (5.9, 40, "specialist_referral")])
def test_the_density_follows_from_psa_and_volume(psa, volume, step):
    advice = ask(
        "prostate", **GOOD, pirads=3, prostate_risk_factor="no", psa=f"{psa} ng/mL", prostate_volume=f"{volume} cc"
    )
    assert steps(advice, "next_step") == [step]


def test_a_high_score_waits_for_nothing_and_a_low_one_for_everything_that_could_raise_it():
    for score in (4, 5):
        assert steps(ask("prostate", pirads=score), "next_step") == ["consider_biopsy"]
    for score in (1, 2):
        assert missing(ask("prostate", pirads=score)) == {"prostate_risk_factor", "psa_density", "study_quality"}
    assert missing(ask("prostate", pirads=3)) == {"prostate_risk_factor", "psa_density"}


@pytest.mark.parametrize(("score", "density", "step"), [(3, 0.15, "consider_biopsy"), (2, 0.10, "specialist_referral")])
def test_either_reason_is_enough_while_the_other_is_unknown(score, density, step):
    assert steps(ask("prostate", pirads=score, psa_density=density), "next_step") == [step]
    assert steps(ask("prostate", pirads=score, prostate_risk_factor="yes"), "next_step") == [step]


def test_a_low_score_leaves_a_biopsy_out_only_on_a_diagnostic_study():
    facts = {"pirads": 2, "psa_density": 0.05, "prostate_risk_factor": "no", "exam_date": EXAM}
    answers = {
        quality: [str(each.step) for each in ask("prostate", **facts, study_quality=quality).recommendations]
        for quality in ("diagnostic", "limited", "not_diagnostic")
    }
    assert answers == {
        "diagnostic": ["no_routine_imaging"],
        "limited": ["clinician_review"],
        "not_diagnostic": ["repeat_imaging"],
    }
    assert [str(each.step) for each in ask("prostate", **{**facts, "pirads": "X"}).recommendations] == [
        "repeat_imaging"
    ]


def test_mri_after_a_low_risk_three_is_at_twelve_months():
    (only,) = ask("prostate", **GOOD, pirads=3, psa_density=0.05, prostate_risk_factor="no").recommendations
    assert (only.window.earliest, only.window.target, only.window.latest) == (
        date(2027, 1, 20),
        date(2027, 2, 20),
        date(2027, 3, 20),
    )


SURVEILLANCE = {"condition": "prostate_active_surveillance", "exam_date": EXAM, "precise_comparison": "both"}


@pytest.mark.parametrize(
    ("score", "step"),
    [
        ("1", "follow_up_imaging"),
        ("2", "follow_up_imaging"),
        ("3-V", "follow_up_imaging"),
        ("3-NonV", "follow_up_imaging"),
        ("3", "clinician_review"),
        ("4", "consider_biopsy"),
        ("5", "mdt_review"),
        ("X", "repeat_imaging"),
    ],
)
def test_every_precise_score(score, step):
    (only,) = ask("prostate_active_surveillance", **SURVEILLANCE, precise_score=score).recommendations
    assert only.step == step
    if step == "follow_up_imaging":
        assert only.window.target == date(2027, 2, 20)
        assert only.never_auto_close
        assert only.status == "draft"


@pytest.mark.parametrize("score", ["1", "2", "3-V", "3-NonV", "4", "5"])
def test_insufficient_quality_is_x_whatever_score_was_given(score):
    (only,) = ask(
        "prostate_active_surveillance", **SURVEILLANCE, precise_score=score, quality="not_diagnostic"
    ).recommendations
    assert only.step == "repeat_imaging"
    assert "PRECISE X" in only.text


@pytest.mark.parametrize("compared", ["baseline_only", "previous_only", "none"])
@pytest.mark.parametrize("score", ["1", "2", "3-V", "3-NonV"])
def test_an_interval_follows_only_from_a_score_against_baseline_and_previous(compared, score):
    advice = ask(
        "prostate_active_surveillance", **{**SURVEILLANCE, "precise_comparison": compared}, precise_score=score
    )
    assert [str(each.step) for each in advice.recommendations] == ["clinician_review"]
    without = {name: value for name, value in SURVEILLANCE.items() if name != "precise_comparison"}
    assert missing(ask("prostate_active_surveillance", **without, precise_score=score)) == {"precise_comparison"}


@pytest.mark.parametrize(("score", "step"), [("4", "consider_biopsy"), ("5", "mdt_review")])
def test_progression_waits_for_no_further_fact(score, step):
    (only,) = ask("prostate_active_surveillance", precise_score=score).recommendations
    assert only.step == step


def test_the_two_packs_never_answer_together():
    assert ask("prostate", pirads=4, precise_score="3-V").out_of_scope
    assert ask("prostate_active_surveillance", pirads=4).out_of_scope


def test_a_compressed_cord_goes_first_in_both():
    for guideline, facts in (("prostate", {"pirads": 5}), ("prostate_active_surveillance", SURVEILLANCE)):
        (only,) = ask(guideline, **facts, cord_compression="yes").recommendations
        assert (only.step, only.urgency) == ("emergency_referral", "minutes")
