"""The reference pages say what the guidelines say: every step, every guideline."""

from __future__ import annotations

from pathlib import Path

from mriloop.app import advise as use_case
from mriloop.model.guideline import Step
from mriloop.stages.advise import show_guideline

REFERENCE = Path(__file__).parents[3] / "docs" / "reference"


def table_under(page: str, heading: str) -> list[str]:
    """Return the rows of the first table under a heading, without its two lines of header."""
    lines = page.split(f"\n## {heading}\n")[1].splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("|"))
    rows = lines[start + 2 :]
    end = next((number for number, line in enumerate(rows) if not line.startswith("|")), len(rows))
    return rows[:end]


def test_the_pages_hold_every_step_and_every_guideline():
    page = (REFERENCE / "guidelines.md").read_text()
    steps = [row.split("|")[1].strip() for row in table_under(page, "Steps")]
    assert sorted(steps) == sorted(f"`{step}`" for step in Step)
    page = (REFERENCE / "shelf.md").read_text()
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
