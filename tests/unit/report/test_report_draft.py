"""The draft: what each section says, what it admits it cannot tell, and what a machine may not conclude."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest

from mriloop.model.advice import Advice, Caution, Conflict
from mriloop.model.coding import Region, Urgency
from mriloop.model.comparison import ChangeKind, NotComparable
from mriloop.model.fact import Truth
from mriloop.model.finding import Source
from mriloop.model.quality import Verdict
from mriloop.model.report import Outcome, Review
from mriloop.stages.report.sections import PROPOSAL


def said(draft, code):
    return " ".join(next(section for section in draft.sections if section.code == code).paragraphs)


def test_the_six_sections_come_in_the_order_a_reader_expects(make):
    codes = [section.code for section in make.draft().sections]
    assert codes == ["technique", "quality", "comparison", "findings", "impression", "recommendations"]
    assert all(section.paragraphs for section in make.draft().sections)


def test_the_comparison_names_the_prior_its_uncertainty_and_its_detection_limit(make):
    prior = make.study(study_instance_uid="1.1", started_at=datetime(2025, 4, 1, 8))
    compared = make.comparison(make.change(1, ChangeKind.NEW), make.change(2, ChangeKind.STABLE))
    text = said(make.draft(comparison=compared, priors=(prior,)), "comparison")
    assert "1 April 2025" in text
    assert "0.4 mm" in text
    assert "1 new and 1 stable" in text
    assert "4 mm at 30 % contrast" in text  # the smallest size found in nine of ten trials, not 3 mm


def test_a_prior_without_a_date_is_not_given_one(make):
    assert "date is not recorded" in said(make.draft(comparison=make.comparison()), "comparison")


def test_no_accepted_alignment_means_cannot_tell_and_no_word_of_changes(make):
    text = said(make.draft(comparison=make.comparison(accepted=False)), "comparison")
    assert "cannot tell" in text
    assert "9 mm" in text
    assert "No candidate change" not in text


def test_no_change_without_a_measured_detection_limit_is_not_called_stable(make):
    text = said(make.draft(comparison=make.comparison(detection_limit=())), "comparison")
    assert "was not measured" in text
    assert "may be missed" in text


@pytest.mark.parametrize(
    "statement", ["", "Cannot tell whether lesions changed: no FLAIR of the brain in both visits."]
)
def test_without_a_list_of_changes_the_draft_says_neither_that_none_was_found_nor_what_would_have_been(make, statement):
    unlisted = make.comparison(
        changes_today=None, changes_prior=None, changes_prior_study=None, detection_limit=(), statement=statement
    )
    text = said(make.draft(comparison=unlisted), "comparison")
    assert text.lower().count("cannot tell whether lesions changed") == 1
    assert "No candidate change" not in text
    assert "How small a change" not in text
    assert "0.4 mm" in text  # how well the series lie on each other is known all the same


def test_what_is_not_comparable_is_listed_with_its_reason(make):
    compared = make.comparison(not_comparable=(NotComparable(series="1.2.3", reason="the prior has no FLAIR"),))
    assert "the prior has no FLAIR" in said(make.draft(comparison=compared), "comparison")


def test_no_prior_says_that_nothing_can_be_said_about_change(make):
    assert "nothing can be said about change" in said(make.draft(), "comparison")


@pytest.mark.parametrize(
    ("contrast", "words"),
    [
        (Truth.TRUE, "after contrast agent: series 3"),
        (Truth.FALSE, "No series was acquired after contrast"),
        (Truth.UNKNOWN, "do not say whether contrast"),
    ],
)
def test_contrast_is_yes_no_or_not_known(make, contrast, words):
    assert words in said(make.draft(check=make.check(make.series(contrast=contrast))), "technique")


def test_machine_candidates_are_proposals_until_a_person_takes_them_over(make):
    compared = make.comparison(make.change(1, ChangeKind.NEW), make.change(2, ChangeKind.ENLARGING))
    fresh = make.draft(comparison=compared)
    assert [item.source for item in fresh.findings] == [Source.COMPARE, Source.COMPARE]
    assert said(fresh, "findings").count(PROPOSAL) == 2
    assert "5.2 mm" not in said(fresh, "impression")

    read = Review(accepted=frozenset({"change-1"}), rejected=frozenset({"change-2"}))
    mended = make.draft(comparison=compared, review=read)
    assert [(item.id, item.source) for item in mended.findings] == [("change-1", Source.PERSON)]
    assert PROPOSAL not in said(mended, "findings")
    assert "5.2 mm" in said(mended, "impression")
    assert mended.rejected == ("change-2",)
    assert mended.outcome is Outcome.ABNORMAL


def test_stable_lesions_are_counted_and_not_proposed_as_findings(make):
    assert make.draft(comparison=make.comparison(make.change(1, ChangeKind.STABLE))).findings == ()


def test_the_impression_puts_the_most_severe_first(make):
    advice = Advice(
        recommendations=(
            make.recommendation(),
            make.recommendation(
                id="apoplexy", text="Call neurosurgery", urgency=Urgency.MINUTES, modality=None, region=None
            ),
        ),
        warnings=(Caution(code="apoplexy", text="Nobody has excluded apoplexy."),),
    )
    draft = make.draft(advice=advice, case=make.case(make.finding("A cyst.")))
    lines = next(section for section in draft.sections if section.code == "impression").paragraphs
    assert [word in line for word, line in zip(("apoplexy", "neurosurgery", "cyst"), lines, strict=False)] == [True] * 3
    assert draft.recommendations[0].id == "apoplexy"


def test_the_readers_own_impression_replaces_the_proposed_one(make):
    draft = make.draft(review=Review(impression=("Stable disease.",)))
    assert said(draft, "impression") == "1. Stable disease."


def test_a_recommendation_says_what_when_why_who_basis_and_what_then(make):
    item = make.recommendation(
        schedule=(make.window("2028-04-04", "2028-05-04", "2028-06-04"),),
        then="individualise",
        never_auto_close=True,
        specialty=("neurology",),
    )
    text = said(make.draft(advice=Advice(recommendations=(item,)), owner="Dr. Grey"), "recommendations")
    for words in (
        "MRI of the brain in one year",
        "MRI of the brain without contrast",
        "between 4 April 2027 and 4 June 2027 (target 4 May 2027)",
        "on treatment for one year",
        "Dr. Grey",
        "neurology",
        "MAGNIMS-CMSC-NAIMS, 2021, monitoring [V]",
        "MAGNIMS 2021, active",
        "again between 4 April 2028",
        "individualise",
        "only a person may end",
    ):
        assert words in text


def test_disagreeing_authorities_are_shown(make):
    conflict = Conflict(topic="interval", recommendations=("a", "b"), text="EMA says yearly, MAGNIMS 3 to 4 months")
    advice = Advice(recommendations=(), conflicts=(conflict,))
    assert "EMA says yearly" in said(make.draft(advice=advice), "recommendations")


def test_a_study_to_repeat_always_brings_its_repeat_along(make):
    check = make.check(make.spoilt(3), make.series(4), verdict=Verdict.REPEAT)
    draft = make.draft(check=check, advice=Advice(recommendations=()))
    (repeat,) = draft.recommendations
    assert repeat.repeat_reason == "R1.motion.voluntary"
    assert "not a guideline" in repeat.citation.text
    assert repeat.window is not None
    assert (repeat.window.latest - make.now.date()).days == 14
    assert draft.outcome is Outcome.NOT_DIAGNOSTIC
    assert draft.repeat is not None
    assert not draft.repeat.whole
    assert draft.repeat.series == ("series 3 (axial FLAIR)",)


def test_a_reader_who_finds_the_study_not_diagnostic_gets_its_repeat_too(make):
    ghost = replace(make.spoilt(3, code="ghosting"), verdict=Verdict.LIMITED)
    check = make.check(ghost, make.series(4), verdict=Verdict.LIMITED)
    read = Review(outcome=Outcome.NOT_DIAGNOSTIC)
    draft = make.draft(check=check, advice=Advice(recommendations=()), review=read)
    (repeat,) = draft.recommendations
    assert (repeat.repeat_reason, repeat.region) == ("R1.motion", Region.BRAIN)
    assert draft.repeat is not None
    assert draft.repeat.series == ("series 3 (axial FLAIR)",)
    struck = replace(read, declined=frozenset({"repeat"}))
    keys = {item.key for item in make.draft(check=check, advice=Advice(recommendations=()), review=struck).objections}
    assert keys == {"series_not_diagnostic"}


def test_the_advised_repeat_is_not_doubled(make):
    check = make.check(make.spoilt(3), verdict=Verdict.REPEAT)
    advised = make.recommendation(id="advised", repeat_reason="R1.motion.voluntary")
    draft = make.draft(check=check, advice=Advice(recommendations=(advised,)))
    assert [item.id for item in draft.recommendations] == ["advised"]
    assert draft.repeat is not None
    assert draft.repeat.whole


def test_an_exam_that_stopped_is_told_from_one_that_moved(make):
    check = make.check(make.spoilt(3), make.spoilt(4, code="R1.incomplete.claustrophobia"), verdict=Verdict.REPEAT)
    draft = make.draft(check=check, advice=Advice(recommendations=()))
    assert draft.recommendations[0].repeat_reason == "R1.incomplete.claustrophobia"


@pytest.mark.parametrize(("parameters", "minutes"), [({"AcquisitionDuration": 245.0}, 5), ({}, None)])
def test_minutes_come_from_the_header_or_are_not_known(make, parameters, minutes):
    check = make.check(make.spoilt(3), make.series(4), verdict=Verdict.REPEAT)
    draft = make.draft(study=make.study(parameters), check=check, advice=Advice(recommendations=()))
    assert draft.repeat is not None
    assert draft.repeat.minutes == minutes


@pytest.mark.parametrize("verdict", list(Verdict))
@pytest.mark.parametrize("findings", [(), ("No lesion.",)])
@pytest.mark.parametrize("reason", ["", "R1.coil", "R2.ms", "R3.contrast"])
def test_a_machine_never_says_normal(make, verdict, findings, reason):
    draft = make.draft(
        check=make.check(verdict=verdict),
        case=make.case(*(make.finding(text) for text in findings)),
        advice=Advice(recommendations=(make.recommendation(repeat_reason=reason),)),
    )
    assert draft.outcome is not Outcome.NORMAL


def test_the_reader_strikes_dates_and_hands_over_recommendations(make):
    advice = Advice(recommendations=(make.recommendation(), make.recommendation(id="other", window=None)))
    window = make.window("2026-08-01", "2026-08-15", "2026-09-01")
    review = Review(declined=frozenset({"ms.monitor"}), windows={"other": window}, owners={"other": "Dr. Grey"})
    draft = make.draft(advice=advice, review=review)
    (kept,) = draft.recommendations
    assert kept.window == window
    assert "the reader has set the window" in kept.because
    assert draft.owners == {"other": "Dr. Grey"}


def test_a_check_or_comparison_of_another_study_is_a_bug(make):
    with pytest.raises(ValueError, match="another study"):
        make.draft(study=make.study(study_instance_uid="9.9"))
    with pytest.raises(ValueError, match="another study"):
        make.draft(comparison=make.comparison(today_study="9.9"))


def test_the_same_material_gives_the_same_draft(make):
    assert make.draft() == make.draft()
