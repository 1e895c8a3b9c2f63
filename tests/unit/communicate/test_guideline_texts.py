"""What the shipped guidelines say to patients: a text for every row in every language, easy, legal, in its letter."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from mriloop.edges.knowledge.guidelines import load_guidelines
from mriloop.edges.knowledge.letters import load_letters
from mriloop.model.coding import Region
from mriloop.model.guideline import STAFF_STEPS, Status, Step
from mriloop.model.report import Outcome
from mriloop.stages.communicate import kind_of, patient_letter, problems_of

LETTERS = load_letters()
GUIDELINES = load_guidelines().guidelines
LANGUAGES = ("en", "es")


def rows():
    return [
        pytest.param(f"{guideline.id}/{table}/{row.id}", row, id=f"{guideline.id}/{table}/{row.id}")
        for guideline in GUIDELINES
        for table, several in [("guards", guideline.guards), *((table.id, table.rows) for table in guideline.tables)]
        for row in several
    ]


def test_every_row_has_its_text_in_every_language_and_every_text_its_row_and_passes_the_gate():
    assert [f"{each.code} {each.where}: {each.text}" for each in problems_of(LETTERS.steps, GUIDELINES)] == []


def test_the_languages_leave_the_same_dates_open():
    for (language, row), text in LETTERS.steps.items():
        if language == "en":
            other = LETTERS.steps["es", row]
            assert set(re.findall(r"{\w+}", text)) == set(re.findall(r"{\w+}", other)), row


def test_no_text_is_the_same_in_both_languages():
    for (language, row), text in LETTERS.steps.items():
        assert language == "en" or text != LETTERS.steps.get(("en", row)), row


def test_steps_that_stay_among_staff_are_those_of_reading_and_of_orders():
    assert {step.value for step in STAFF_STEPS} == {
        "review_series_together",
        "withhold_statement",
        "qualify_statement",
        "review_mimics",
        "suggest_category",
        "block_order",
        "hold_order",
        "ask_before_order",
        "advise_order",
        "allow_order",
    }
    assert Step.CLINICIAN_REVIEW not in STAFF_STEPS


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("place", "row"), rows())
def test_the_letter_of_every_row_is_written_and_easy(make, templates, clinic, place, row, language):
    step = make.recommendation(
        id=place,
        step=row.step,
        text=row.text,
        urgency=row.urgency,
        modality=row.modality,
        region=row.region or Region.BRAIN,
        contrast=row.contrast,
        window=make.window("2026-01-04", "2026-01-11", "2026-01-18") if row.schedule else None,
        specialty=row.specialty,
        repeat_reason=row.repeat_reason,
        row=row.id,
    )
    for outcome in (Outcome.ABNORMAL, Outcome.NORMAL):
        report = make.report(step, outcome=outcome)
        for kind in {kind_of(report), "r2_follow_up", "abnormal_next_step"}:
            assert patient_letter(report, templates, language=language, clinic=clinic, kind=kind).paragraphs
    assert kind_of(make.report(replace(step, default=False), outcome=Outcome.NORMAL)) == "normal"


@pytest.mark.parametrize("status", [Status.DRAFT, Status.RETIRED])
def test_a_row_that_nobody_verified_tells_the_patient_nothing(make, templates, clinic, status):
    place = "pituitary_cyp/surveillance/macro_first"
    step = make.recommendation(id=place, repeat_reason="R2.incidental")
    told = LETTERS.steps["en", place].split(".")[0]
    report = make.report(step, outcome=Outcome.ABNORMAL)
    assert told in " ".join(patient_letter(report, templates, language="en", clinic=clinic).paragraphs)
    report = make.report(replace(step, status=status), outcome=Outcome.ABNORMAL)
    assert told not in " ".join(patient_letter(report, templates, language="en", clinic=clinic).paragraphs)
