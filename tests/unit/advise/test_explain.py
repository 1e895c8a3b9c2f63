"""The prose for a clinician: everything that matters is said, drafts are called drafts, nothing is an order."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from mriloop.app import advise as use_case
from mriloop.model.guideline import Status
from mriloop.stages.advise import cite, explain, explain_recommendation

EXAMPLES = Path(__file__).parents[3] / "docs" / "examples"
NOW = date(2026, 3, 2)


def said(name: str) -> str:
    titles = {each.id: each.title for each in use_case.list_guidelines()}
    return explain(use_case.advise_case(EXAMPLES / f"{name}.yaml", site=None, now=NOW), titles)


def test_a_schedule_is_said_with_its_dates_and_its_end():
    text = said("pituitary")
    assert "Due: 2026-07-10, from 2026-06-10 to 2026-08-10." in text
    assert "2026-04-10, 2026-07-10, 2027-01-10, 2028-01-10, 2029-01-10, 2031-01-10" in text
    assert "a clinician sets each date. Only a person may end this surveillance." in text


def test_reasons_name_the_facts_with_their_sources_and_the_row():
    text = said("ms")
    assert "disease activity: yes (from number of new lesions: 2 (stated))" in text
    assert "Rule: row ms_monitoring/magnims_2021/active (MAGNIMS-CMSC-NAIMS 2021): disease activity is yes." in text
    assert "CMSC 2016 says the same" in text


def test_authorities_that_differ_stand_side_by_side_with_the_default_named():
    text = said("natalizumab")
    assert "Authorities differ." in text
    assert "The default here is MAGNIMS 2015." in text
    assert text.index("Authorities differ.") < text.index("Shown beside the default:")


def test_both_sides_of_a_conflict_have_a_line_each():
    lines = said("natalizumab").splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("Authorities differ."))
    assert [line.split(":")[0] for line in lines[at + 1 : at + 4]] == [
        "  - MAGNIMS 2015",
        "  - EMA 2016",
        "  - CMSC 2016",
    ]


def test_an_emergency_that_nobody_has_excluded_comes_first_and_behind_one_that_is_proposed():
    text = said("pituitary_micro")
    assert text.startswith("First of all: Pituitary lesion under 19 years: nobody has excluded sudden loss of vision")
    knee = said("septic_knee")
    assert knee.startswith("Suspected septic joint")
    assert "[within hours]" in knee.splitlines()[0]
    assert "First of all: Osteomyelitis or septic joint outside the spine: nobody has excluded" in knee


def test_a_draft_is_called_one_before_anything_else_is_said_and_the_count_says_how_many():
    text = said("ms")
    assert "2 steps are proposed, 1 of them not verified (DRAFT), the most urgent first." in text
    assert "2. DRAFT. Disease activity on the drug" in text
    assert "[M: from memory, unverified]" in text


def test_a_limit_on_the_citation_is_said_once_and_apart_from_the_reasons():
    text = said("pituitary")
    assert text.count("The dates were read on one secondary site only") == 1
    assert "  Mind: The dates were read on one secondary site only; check them in Part 2" in text


def test_what_is_missing_is_asked_in_words():
    text = said("natalizumab_unknown_jcv")
    assert "PML surveillance by MRI" in text
    assert "cannot answer before this is known: What is the JC virus antibody status" in text


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_proposal_carries_source_mark_and_status_and_a_draft_is_called_one(path):
    advice = use_case.advise_case(path, site=None, now=NOW)
    assert explain(advice).endswith("These are proposals. A named person decides.")
    for each in advice.recommendations:
        text = explain_recommendation(each)
        assert cite(each.citation) in text
        assert ("DRAFT" in text) is (each.status is Status.DRAFT)
        assert ".." not in text.replace("...", "")
