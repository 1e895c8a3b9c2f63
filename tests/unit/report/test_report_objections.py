"""Seeded errors: each is objected to, and its harmless neighbour is not."""

from __future__ import annotations

from datetime import date

import pytest

from mriloop.model.advice import Advice, Conflict, Undetermined
from mriloop.model.coding import Laterality, Region, Urgency
from mriloop.model.comparison import ChangeKind
from mriloop.model.fact import Truth
from mriloop.model.guideline import Status
from mriloop.model.quality import Verdict
from mriloop.model.report import Outcome, Review
from mriloop.model.schedule import Window

ABNORMAL = Review(outcome=Outcome.ABNORMAL)


def keys(draft):
    return {item.key for item in draft.objections}


def test_a_complete_report_meets_no_objection(make):
    assert keys(make.draft()) == set()


@pytest.mark.parametrize(
    ("change", "missing"),
    [
        ({"modality": None}, "modality"),
        ({"region": None}, "region"),
        ({"window": None}, "window"),
        ({"because": ()}, "reason"),
        ({"because": ("  ",)}, "reason"),
    ],
)
def test_an_incomplete_recommendation_cannot_be_signed(make, change, missing):
    draft = make.draft(advice=Advice(recommendations=(make.recommendation(**change),)))
    assert keys(draft) == {f"recommendation_no_{missing}:ms.monitor"}
    assert all(item.remedy for item in draft.objections)


def test_nobody_owns_it(make):
    draft = make.draft(owner="  ")
    assert keys(draft) == {"recommendation_no_owner:ms.monitor"}
    assert not draft.objections[0].overridable


@pytest.mark.parametrize(
    "change",
    [
        {"window": None, "then": "individualise"},
        {"window": None, "urgency": Urgency.HOURS},
        {
            "modality": None,
            "region": None,
            "step": "specialist_referral",
            "repeat_reason": "",
            "specialty": ("neurology",),
        },
        {
            "modality": None,
            "region": None,
            "window": None,
            "because": (),
            "step": "withhold_statement",
            "repeat_reason": "",
        },
    ],
)
def test_what_needs_no_exam_or_no_date_is_not_asked_for_one(make, change):
    draft = make.draft(advice=Advice(recommendations=(make.recommendation(**change),)), review=ABNORMAL)
    assert keys(draft) == set()


@pytest.mark.parametrize(
    ("finding", "study", "objected"),
    [
        ({"text": "Mass in the left kidney", "laterality": Laterality.RIGHT}, {}, True),
        ({"text": "Mass in the right kidney", "laterality": Laterality.RIGHT}, {}, False),
        ({"text": "Left larger than right", "laterality": Laterality.RIGHT}, {}, False),
        ({"text": "Call right away", "laterality": Laterality.LEFT}, {}, False),
        ({"text": "Tear of the left meniscus"}, {"ImageLaterality": "R"}, True),
        ({"text": "Tear of the left meniscus"}, {"Laterality": "L"}, False),
        ({"text": "Tear of the left meniscus"}, {}, False),
        # RAS+: positive x is the patient's right
        ({"text": "Lesion", "laterality": Laterality.LEFT, "position_ras_mm": (40.0, 0.0, 0.0)}, {}, True),
        ({"text": "Lesion", "laterality": Laterality.LEFT, "position_ras_mm": (-40.0, 0.0, 0.0)}, {}, False),
        ({"text": "Lesion", "laterality": Laterality.LEFT, "position_ras_mm": (6.0, 0.0, 0.0)}, {}, False),
    ],
)
def test_laterality_against_words_headers_and_place(make, finding, study, objected):
    draft = make.draft(
        study=make.study(study), case=make.case(make.finding(finding.pop("text"), **finding)), review=ABNORMAL
    )
    assert ("laterality_contradiction:f1" in keys(draft)) is objected


@pytest.mark.parametrize(
    ("text", "region", "sex", "objected"),
    [
        ("Lesion of the prostate", Region.PELVIS, "F", True),
        ("Lesion of the prostate", Region.PELVIS, "M", False),
        ("Lesion of the prostate", Region.PELVIS, None, False),
        ("Lesion of the prostate", Region.PELVIS, "O", False),
        ("Thick endometrium", Region.PELVIS, "M", True),
        ("A mass", Region.UTERUS, "M", True),
        ("Cervical cord compression", Region.CERVICAL_SPINE, "M", False),
    ],
)
def test_sex_against_organs(make, text, region, sex, objected):
    draft = make.draft(study=make.study(sex=sex), case=make.case(make.finding(text, region=region)), review=ABNORMAL)
    assert ("sex_contradiction:f1" in keys(draft)) is objected


@pytest.mark.parametrize(
    ("text", "given", "objected"),
    [
        ("An enhancing nodule", Truth.FALSE, True),
        ("No enhancement", Truth.FALSE, True),
        ("A non-enhancing lesion", Truth.FALSE, True),
        ("An enhancing nodule", Truth.TRUE, False),
        ("An enhancing nodule", Truth.UNKNOWN, False),
        ("On the unenhanced images, a cyst", Truth.FALSE, False),
        ("On non-enhanced images, a cyst", Truth.FALSE, False),
    ],
)
def test_enhancement_needs_contrast(make, text, given, objected):
    draft = make.draft(
        check=make.check(make.series(contrast=given)), case=make.case(make.finding(text)), review=ABNORMAL
    )
    assert ("contrast_contradiction:f1" in keys(draft)) is objected


@pytest.mark.parametrize(
    ("text", "prior", "objected"),
    [("Unchanged cyst", False, True), ("Unchanged cyst", True, False), ("A cyst", False, False)],
)
def test_no_comparison_without_a_prior(make, text, prior, objected):
    compared = make.comparison() if prior else None
    draft = make.draft(comparison=compared, case=make.case(make.finding(text)), review=ABNORMAL)
    assert ("prior_contradiction:f1" in keys(draft)) is objected


def test_nothing_further_on_a_study_that_is_not_diagnostic_needs_a_reason(make):
    check = make.check(make.spoilt(), verdict=Verdict.REPEAT)
    struck = Review(declined=frozenset({"repeat"}), outcome=Outcome.ABNORMAL)
    draft = make.draft(check=check, advice=Advice(recommendations=()), review=struck)
    assert keys(draft) == {"series_not_diagnostic"}
    assert "series 3 (axial FLAIR)" in draft.objections[0].text
    assert keys(make.draft(check=check, advice=Advice(recommendations=()))) == set()  # the repeat is recommended


def test_a_study_that_nobody_could_assess_is_not_a_good_one(make):
    draft = make.draft(check=make.check(verdict=Verdict.NOT_ASSESSABLE), review=ABNORMAL)
    assert "series_not_diagnostic" in keys(draft)


def test_unconfirmed_candidates_stand_in_the_way_of_a_signature_and_of_normal(make):
    compared = make.comparison(make.change(1, ChangeKind.NEW))
    assert keys(make.draft(comparison=compared)) == {"candidate_unconfirmed"}
    normal = make.draft(comparison=compared, review=Review(outcome=Outcome.NORMAL))
    assert keys(normal) == {"candidate_unconfirmed", "outcome_contradiction"}
    rejected = Review(outcome=Outcome.NORMAL, rejected=frozenset({"change-1"}))
    assert keys(make.draft(comparison=compared, review=rejected)) == set()


def test_undetermined_advice_brings_its_questions(make):
    open_question = Undetermined(
        guideline="ms.pml", missing=("jcv",), questions=("Is the anti-JCV antibody positive?",)
    )
    draft = make.draft(advice=Advice(recommendations=(make.recommendation(),), undetermined=(open_question,)))
    assert keys(draft) == {"advice_undetermined:ms.pml"}
    assert "anti-JCV" in draft.objections[0].text
    assert draft.open_questions == ("ms.pml: Is the anti-JCV antibody positive?",)


def test_two_authorities_that_disagree_are_not_both_followed_by_oversight(make):
    conflict = Conflict(topic="interval", recommendations=("a", "b"), text="yearly or 3 months")
    advice = Advice(recommendations=(make.recommendation(id="a"), make.recommendation(id="b")), conflicts=(conflict,))
    assert keys(make.draft(advice=advice)) == {"conflict_open:interval"}
    assert keys(make.draft(advice=advice, review=Review(declined=frozenset({"b"})))) == set()


def test_a_report_that_states_no_result_cannot_be_signed(make):
    draft = make.draft(advice=Advice(recommendations=()), case=make.case(make.finding("A small cyst.")))
    assert keys(draft) == {"outcome_unstated"}
    assert not draft.objections[0].overridable


def test_a_window_that_has_passed_and_a_rule_that_nobody_verified_stand_in_the_way(make):
    past = make.recommendation(
        id="old", window=Window(earliest=date(2025, 1, 1), target=date(2025, 2, 1), latest=date(2025, 3, 1))
    )
    draft = make.draft(advice=Advice(recommendations=(past,)), review=ABNORMAL)
    assert "recommendation_window_past:old" in keys(draft)
    unsure = make.recommendation(id="unsure", status=Status.DRAFT)
    advice = Advice(recommendations=(unsure,))
    assert "recommendation_unverified:unsure" in keys(make.draft(advice=advice, review=ABNORMAL))
    mended = Review(outcome=Outcome.ABNORMAL, windows={"unsure": unsure.window})
    assert "recommendation_unverified:unsure" not in keys(make.draft(advice=advice, review=mended))
