"""The reference pages say what the code does: each table of theirs has the rows of the table in the code."""

from __future__ import annotations

from pathlib import Path

from mriloop.model.communication import CHECKLIST, FLAGS, LETTER_KINDS, LISTS, PLACEHOLDERS
from mriloop.model.follow_up import Clock, FollowUpState
from mriloop.stages.follow_up import TRANSITIONS

PAGES = Path(__file__).parents[3] / "docs" / "reference"


def test_the_transitions_on_the_page_are_those_of_the_code():
    page = (PAGES / "follow-up.md").read_text()
    for line in TRANSITIONS:
        before = ", ".join(state.value for state in FollowUpState if state in line.before)
        after = line.after.value if line.after else "stays"
        person = "yes" if line.person else ""
        assert f"| `{line.event.value}` | {before} | {after} | {person} | {line.says} |" in page
    for clock in Clock:
        assert f"| `{clock.value}` |" in page


def test_the_words_of_the_templates_are_on_the_page():
    page = (PAGES / "letters.md").read_text()
    for table in (PLACEHOLDERS, LISTS, FLAGS, CHECKLIST):
        for name, meaning in table.items():
            assert f"| `{name}` | {meaning} |" in page
    for kind in LETTER_KINDS:
        assert f"| `{kind}` |" in page
