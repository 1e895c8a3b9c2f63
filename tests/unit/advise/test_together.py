"""Person and machine on one case: who is heard, and what is said when they differ."""

from __future__ import annotations

from datetime import date

import pytest

from mriloop.app import advise as use_case
from mriloop.model.fact import UNKNOWN, Truth
from mriloop.model.finding import Case, Fact, Source
from mriloop.model.quantity import Quantity
from mriloop.stages.advise import put_together

WORDS = use_case.guidelines_in_force().vocabulary
TWO, NONE = (Quantity(value=number, unit="{count}") for number in (2, 0))


def fact(name, value, source=Source.PERSON):
    return {name: Fact(name=name, value=value, source=source)}


def test_what_only_one_knows_is_taken():
    machine = fact("new_lesion_count", TWO, Source.COMPARE)
    facts, cautions = put_together(machine, fact("ms_drug", "ocrelizumab") | fact("new_lesion_count", UNKNOWN), WORDS)
    assert facts["new_lesion_count"].source is Source.COMPARE
    assert facts["ms_drug"].source is Source.PERSON
    assert cautions == ()


def test_a_persons_word_stands_and_the_difference_is_said():
    facts, (caution,) = put_together(
        fact("new_lesion_count", TWO, Source.COMPARE), fact("new_lesion_count", NONE), WORDS
    )
    assert facts["new_lesion_count"].value == NONE
    assert caution.text == (
        "number of new lesions: the case says 0, compare says 2. The word of the case was used; check both."
    )


@pytest.mark.parametrize("word", ["stable", "growth", "shrinkage"])
def test_a_machine_that_cannot_tell_contradicts_nobody_who_can(word):
    facts, cautions = put_together(
        fact("change_vs_prior", "cannot_tell", Source.COMPARE), fact("change_vs_prior", word), WORDS
    )
    assert facts["change_vs_prior"].value == word
    assert facts["change_vs_prior"].source is Source.PERSON
    assert cautions == ()


def test_the_reason_that_a_person_gives_completes_what_check_saw():
    machine = fact("termination", "reason_not_stated", Source.CHECK)
    facts, cautions = put_together(machine, fact("termination", "claustrophobia"), WORDS)
    assert facts["termination"].value == "claustrophobia"
    assert cautions == ()


@pytest.mark.parametrize(
    ("name", "machine", "person"),
    [("change_vs_prior", "cannot_tell", "no_prior"), ("termination", "reason_not_stated", "none")],
)
def test_who_denies_what_the_machine_saw_is_told_so(name, machine, person):
    facts, cautions = put_together(fact(name, machine, Source.CHECK), fact(name, person), WORDS)
    assert facts[name].value == person
    assert len(cautions) == 1


@pytest.mark.parametrize(
    ("person", "machine", "used"),
    [
        ("diagnostic", "not_diagnostic", "not_diagnostic"),
        ("diagnostic", "limited", "limited"),
        ("limited", "diagnostic", "limited"),
        ("not_diagnostic", "diagnostic", "not_diagnostic"),
    ],
)
def test_of_two_verdicts_on_quality_the_worse_counts(person, machine, used):
    facts, cautions = put_together(fact("study_quality", machine, Source.CHECK), fact("study_quality", person), WORDS)
    assert facts["study_quality"].value == used
    assert len(cautions) == 1


def test_a_case_file_cannot_vouch_for_a_study_that_check_finds_spoilt():
    stated = (
        fact("condition", ("diabetic_foot",))
        | fact("marrow_t1", "preserved")
        | fact("cortex", "intact")
        | fact("study_quality", "diagnostic")
    )
    case = Case(facts=stated, as_of=date(2026, 3, 1))
    assert [each.step for each in use_case.advise(case, site=None).recommendations] == ["osteomyelitis_unlikely"]
    spoilt = fact("study_quality", "not_diagnostic", Source.CHECK) | fact("t1_present", Truth.TRUE, Source.CHECK)
    advice = use_case.advise(case, site=None, machine_facts=spoilt)
    assert "osteomyelitis_unlikely" not in [each.step for each in advice.recommendations]
    assert "repeat_imaging" in [each.step for each in advice.recommendations]
    assert advice.warnings[0].code == "facts_disagree"
