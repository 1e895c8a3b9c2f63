"""The reference pages say what the guidelines say: every fact, every step, every guideline."""

from __future__ import annotations

from pathlib import Path

from mriloop.app import advise as use_case
from mriloop.model.guideline import Step
from mriloop.stages.advise import STEP_WORDS, show_facts, show_guideline, show_steps

REFERENCE = Path(__file__).parents[3] / "docs" / "reference"


def test_the_page_on_cases_holds_the_vocabulary_as_it_is():
    vocabulary = use_case.guidelines_in_force().vocabulary
    assert show_facts(vocabulary) in (REFERENCE / "cases.md").read_text()


def test_the_page_on_guidelines_holds_every_step_and_every_guideline():
    page = (REFERENCE / "guidelines.md").read_text()
    assert set(STEP_WORDS) == set(Step)
    assert show_steps() in page
    for guideline in use_case.list_guidelines():
        assert f"| `{guideline.id}` |" in page
        for table in guideline.tables:
            assert table.profile in page


def test_every_step_is_proposed_somewhere():
    used = {
        row.step
        for guideline in use_case.list_guidelines()
        for row in [*guideline.guards, *(row for table in guideline.tables for row in table.rows)]
    }
    assert used == set(Step)


def test_a_shown_guideline_has_every_row_with_its_status_and_source():
    known = use_case.guidelines_in_force()
    for guideline in known.guidelines:
        page = show_guideline(guideline, known.vocabulary)
        for row in [*guideline.guards, *(row for table in guideline.tables for row in table.rows)]:
            lines = [line for line in page.splitlines() if line.startswith(f"| `{row.id}` |") and row.text in line]
            assert any(row.citation.locator in line and f"| {row.status}" in line for line in lines)
    page = show_guideline(known.get("pituitary_cyp"), known.vocabulary)
    assert "6 months (± 1 month), then every 12 months, 3 times" in page
    assert "18 months (12 months to 2 years)" in page
