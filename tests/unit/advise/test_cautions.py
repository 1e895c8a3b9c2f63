"""What is warned of across guidelines: one lesion for two conditions, emergencies asked once, what is overdue."""

from __future__ import annotations

from datetime import date

import pytest

from mriloop.app import advise as use_case
from mriloop.stages.advise import explain

NOW = date(2026, 3, 2)


@pytest.fixture
def advise(tmp_path):
    def put(text):
        path = tmp_path / "case.yaml"
        path.write_text(f"as_of: {NOW}\n{text}", encoding="utf-8")
        return use_case.advise_case(path, site=None, now=NOW)

    return put


def texts(advice, code):
    return [each.text for each in advice.warnings if each.code == code]


def test_two_conditions_that_read_one_lesion_are_warned_of(advise):
    (text,) = texts(
        advise("condition: [pancreatic_cyst, adrenal_lesion]\nage: 60\nlesion_size: 14 mm\nexam_date: 2026-02-20"),
        "one_lesion_read_twice",
    )
    assert "Cyst of the pancreas" in text
    assert "Adrenal" in text
    assert "largest diameter of the lesion" in text


@pytest.mark.parametrize(
    "text",
    [
        "condition: pancreatic_cyst\nage: 60\nlesion_size: 14 mm",
        "condition: [pancreatic_cyst, adrenal_lesion]\nage: 60",
        "condition: [glioma, glioblastoma]\nage: 60\nlesion_size: 14 mm\nchange_vs_prior: stable",
        "condition: [pancreatic_cyst, sarcoidosis]\nage: 60\nlesion_size: 14 mm",
    ],
)
def test_one_lesion_of_one_condition_is_not(advise, text):
    assert not texts(advise(text), "one_lesion_read_twice")


def test_an_emergency_that_several_guidelines_ask_for_is_asked_once(advise):
    advice = advise("condition: spine_infection\ninfection_treatment_weeks: 4\nmri_infection: positive")
    asked = [name for each in advice.warnings if each.code == "emergency_not_excluded" for name in each.missing]
    assert asked
    assert len(asked) == len(set(asked))


def test_a_diagnosis_without_a_guideline_ends_in_a_review_that_shows_its_word(advise):
    advice = advise("condition: [cavernoma, sarcoidosis]\nquality: diagnostic")
    assert "unaddressed/dispatch/review" in [each.id for each in advice.recommendations]
    assert any(each.guideline == "incidental_brain" for each in advice.recommendations)
    assert "sarcoidosis" in texts(advice, "condition_without_guideline")[0]
    review = next(each for each in advice.recommendations if each.guideline == "unaddressed")
    assert any("sarcoidosis" in line for line in review.because)


def test_a_condition_that_waits_for_a_fact_beside_an_answer_is_not_called_unaddressed(advise):
    for lesions in (1, 2):
        advice = advise(f"condition: suspected_myeloma\nfocal_lesions: {lesions}\nquality: diagnostic")
        assert any(each.guideline == "myeloma_mri" for each in advice.recommendations)
        assert not [each for each in advice.recommendations if each.guideline == "unaddressed"]
    alone = advise("condition: suspected_myeloma")
    assert [each.guideline for each in alone.recommendations] == ["unaddressed"]


OVERDUE = (
    "condition: [ms, pineal_cyst]\ndrug: natalizumab\njcv_status: positive\njcv_index: 2\nmonths_on_drug: 30\n"
    "prior_immunosuppression: no\nexam_date: 2025-06-01\nnew_lesions: 0\nquality: diagnostic\nage: 40"
)


def test_what_is_overdue_comes_before_what_is_planned_and_is_said_first(advise):
    advice = advise(OVERDUE)
    routine = [each for each in advice.recommendations if each.default and each.urgency == "routine"]
    late = [each.is_overdue(NOW) for each in routine]
    assert any(late)
    assert late == sorted(late, reverse=True)
    text = explain(advice)
    assert text.index("Overdue: The MRI due on") < text.index("steps are proposed")
    assert ", then what is overdue" in text


def test_questions_name_the_fact_and_its_words(advise):
    known = use_case.guidelines_in_force()
    text = explain(advise("condition: pituitary_lesion\nage: 30"), {}, known.vocabulary)
    missing = {name for each in advise("condition: pituitary_lesion\nage: 30").undetermined for name in each.missing}
    assert missing
    assert all(f"[{name}" in text for name in missing)
