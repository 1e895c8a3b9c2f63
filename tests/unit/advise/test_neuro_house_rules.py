"""What holds for every pack of the brain at once: emergencies first, quality before relief, drafts, scope, texts."""

from __future__ import annotations

import re
from collections import defaultdict
from datetime import date

import pytest

from mriloop.app import advise as use_case
from mriloop.edges.knowledge.cases import load_guideline_cases
from mriloop.edges.knowledge.letters import load_letters
from mriloop.model.fact import FactValue, Truth
from mriloop.model.finding import Fact, Source
from mriloop.model.guideline import Guideline, GuidelineCase, Mark, Row, Status, Step
from mriloop.model.quantity import Quantity
from mriloop.stages.advise import put_together
from mriloop.stages.advise.engine import evaluate
from mriloop.stages.advise.lint import advise_on
from mriloop.stages.communicate import problems_of

KNOWN = use_case.guidelines_in_force()
PACKS = (
    "brain_metastases",
    "follow_on_studies",
    "glioma",
    "incidental_brain",
    "intracranial_aneurysm",
    "meningioma",
    "pineal_cyst",
    "spine_infection_follow_up",
    "vestibular_schwannoma",
)
RELIEVING = {Step.NO_ROUTINE_IMAGING, Step.MAY_STOP_IMAGING}
# The sign of an emergency that each pack asks first.
EMERGENCY = {
    "brain_metastases": "hydrocephalus",
    "glioma": "hydrocephalus",
    "incidental_brain": "hydrocephalus",
    "intracranial_aneurysm": "thunderclap_headache",
    "meningioma": "hydrocephalus",
    "pineal_cyst": "hydrocephalus",
    "spine_infection_follow_up": "cord_compression",
    "vestibular_schwannoma": "hydrocephalus",
}
LETTERS = load_letters()


def pack(name: str) -> Guideline:
    found = KNOWN.get(name)
    assert found is not None
    return found


def cases(name: str) -> tuple[GuidelineCase, ...]:
    return load_guideline_cases(name, KNOWN)


def rows(name: str) -> dict[str, Row]:
    guideline = pack(name)
    found = {f"guards/{row.id}": row for row in guideline.guards}
    return found | {f"{table.id}/{row.id}": row for table in guideline.tables for row in table.rows}


def with_fact(case: GuidelineCase, **facts: FactValue) -> GuidelineCase:
    return GuidelineCase(
        name=case.name,
        kind=case.kind,
        facts={**case.facts, **facts},
        as_of=case.as_of,
        profiles=case.profiles,
    )


@pytest.mark.parametrize(("name", "sign"), EMERGENCY.items())
def test_an_emergency_comes_before_everything_in_every_worked_case(name, sign):
    tried = 0
    for case in cases(name):
        if case.out_of_scope:
            continue
        answers = advise_on(pack(name), with_fact(case, **{sign: Truth.TRUE}), KNOWN).recommendations
        assert [each.step for each in answers] == [Step.EMERGENCY_REFERRAL], case.name
        tried += 1
    assert tried > 5


@pytest.mark.parametrize("name", [name for name in PACKS if name != "follow_on_studies"])
@pytest.mark.parametrize("quality", ["not_diagnostic", "limited"])
def test_no_relief_on_images_that_do_not_answer(name, quality):
    for case in cases(name):
        before = {each.row for each in advise_on(pack(name), case, KNOWN).recommendations if each.step in RELIEVING}
        spoilt = with_fact(case, study_quality=quality, limited_study_answers=Truth.FALSE)
        after = advise_on(pack(name), spoilt, KNOWN).recommendations
        # Under treatment of an infection "no MRI" rests on clinic and blood, not on a limited study.
        if name == "spine_infection_follow_up" and quality == "limited":
            continue
        assert not {each.row for each in after if each.step in RELIEVING}, (case.name, before)


@pytest.mark.parametrize("name", PACKS)
def test_every_row_says_its_source_and_no_memory_is_more_than_a_draft(name):
    for place, row in rows(name).items():
        assert row.citation.text, place
        assert len(row.citation.locator) > 8, place
        assert row.statements, place
        remembered = row.citation.mark in (Mark.M, Mark.M_PLUS, Mark.C)
        assert (row.status is Status.DRAFT) is remembered, place
        assert "from memory" not in row.citation.locator or remembered, place


@pytest.mark.parametrize("name", PACKS)
def test_every_repeat_has_its_reason(name):
    for place, row in rows(name).items():
        if row.step in (Step.FOLLOW_UP_IMAGING, Step.ADDITIONAL_IMAGING, Step.REPEAT_IMAGING, Step.COMPLETE_IMAGING):
            assert re.match(r"R[123](\.|$)", row.repeat_reason), place
            assert row.modality == "MR", place


def test_every_statement_of_these_packs_is_tried_in_every_way():
    tried: dict[str, set[str]] = defaultdict(set)
    for name in PACKS:
        known = rows(name)
        for case in cases(name):
            told = set(case.statements)
            if case.kind in ("positive", "boundary"):
                told |= {statement for place in case.rows for statement in known[place].statements}
            for statement in told:
                tried[statement].add(case.kind)
    for statement in ("B3", "B4", "B5", "B6", "B7", "B8", "B17", "S17", "S18", "S19", "S22", "S23", "S24"):
        assert tried[statement] == {"positive", "negative", "boundary", "unknown"}, statement


def test_every_row_has_easy_words_for_patients_in_both_languages():
    mine = [pack(name) for name in PACKS]
    texts = {key: text for key, text in LETTERS.steps.items() if key[1].split("/")[0] in PACKS}
    assert len(texts) > 200
    assert [f"{each.where}: {each.text}" for each in problems_of(texts, mine)] == []


@pytest.mark.parametrize("language", ["en", "es"])
def test_a_specialised_study_is_never_told_as_a_failure(language):
    words = {"en": "not because something went wrong", "es": "No es porque algo saliera mal"}[language]
    for place, row in rows("follow_on_studies").items():
        if row.repeat_reason.startswith("R3"):
            assert words in LETTERS.steps[language, f"follow_on_studies/{place}"], place


CONDITIONS = (
    "glioma",
    "meningioma",
    "vestibular_schwannoma",
    "intracranial_aneurysm",
    "brain_metastases",
    "pineal_cyst",
    "arachnoid_cyst",
    "colloid_cyst",
)


@pytest.mark.parametrize("condition", CONDITIONS)
def test_the_pituitary_tables_leave_other_lesions_alone(condition):
    stated: dict[str, FactValue] = {
        "condition": (condition,),
        "discovered": "incidental",
        "lesion_size": Quantity(value=8, unit="mm"),
        "surgery_date": date(2026, 1, 1),
    }
    facts = {name: Fact(name=name, value=value, source=Source.PERSON) for name, value in stated.items()}
    advice = evaluate(KNOWN, facts, as_of=date(2026, 3, 1))
    spoken = {each.guideline for each in (*advice.recommendations, *advice.undetermined)}
    assert not [name for name in spoken if name.startswith("pituitary")]
    assert spoken


@pytest.mark.parametrize("condition", CONDITIONS)
def test_a_list_of_bright_spots_does_not_vouch_for_one_lesion(condition):
    machine = {"change_vs_prior": Fact(name="change_vs_prior", value="stable", source=Source.COMPARE)}
    stated = {"condition": Fact(name="condition", value=(condition,), source=Source.PERSON)}
    facts, _ = put_together(machine, stated, KNOWN.vocabulary)
    assert facts["change_vs_prior"].value == "cannot_tell"


def test_bright_spots_are_not_counted_as_new_metastases():
    machine = {
        "change_vs_prior": Fact(name="change_vs_prior", value="growth", source=Source.COMPARE),
        "new_lesion_count": Fact(
            name="new_lesion_count", value=Quantity(value=2, unit="{count}"), source=Source.COMPARE
        ),
    }
    for condition, counted in (("brain_metastases", False), ("multiple_sclerosis", True)):
        stated = {"condition": Fact(name="condition", value=(condition,), source=Source.PERSON)}
        facts, _ = put_together(machine, stated, KNOWN.vocabulary)
        assert ("new_lesion_count" in facts) is counted
