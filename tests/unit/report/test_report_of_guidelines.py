"""The guidelines' own worked cases to signed reports, letters in both languages and follow-ups: none left over."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest

from mriloop.edges.knowledge.cases import load_guideline_cases
from mriloop.edges.knowledge.guidelines import load_guidelines
from mriloop.edges.knowledge.letters import load_letters
from mriloop.model.coding import Urgency
from mriloop.model.communication import Clinic
from mriloop.model.finding import Fact, Source
from mriloop.model.follow_up import DATED_BY_PERSON, owed
from mriloop.model.report import Outcome, Review
from mriloop.model.schedule import Window
from mriloop.stages.advise import evaluate
from mriloop.stages.communicate import patient_letter, referrer_message
from mriloop.stages.follow_up import due_list, open_follow_ups
from mriloop.stages.report import verify

KNOWN = load_guidelines()
LETTERS = load_letters()
CLINIC = Clinic(name="Riverside Imaging Center", phone="555-0100")


@pytest.mark.parametrize("guideline", [guideline.id for guideline in KNOWN.guidelines])
def test_every_worked_case_ends_with_letters_and_owners(make, guideline):
    cases = load_guideline_cases(guideline, KNOWN)
    assert cases
    for case in cases:
        facts = {name: Fact(name=name, value=value, source=Source.PERSON) for name, value in case.facts.items()}
        now = datetime.combine(case.as_of, time(12), UTC)
        advice = evaluate(KNOWN, facts, as_of=case.as_of)
        ahead = Window(earliest=case.as_of, target=case.as_of, latest=case.as_of + timedelta(days=14))
        past = [one.id for one in advice.recommendations if one.window and one.window.latest < case.as_of]
        review = Review(outcome=Outcome.ABNORMAL, windows=dict.fromkeys(past, ahead))
        draft = make.draft(advice=advice, now=now, review=review)
        assert [item.text for item in draft.objections if not item.overridable] == []
        reasons = {item.key: "looked at with the referrer" for item in draft.objections}
        report = verify(draft, make.person(), now, overrides=reasons)

        opened = open_follow_ups(report, owner="pool", now=now)
        assert {item.recommendation for item in opened} == {item.id for item in draft.recommendations if owed(item)}
        by_id = {item.id: item for item in draft.recommendations}
        for item in opened:
            asked = by_id[item.recommendation]
            assert item.owner
            assert item.window is not None or asked.then or asked.step in DATED_BY_PERSON
            assert asked.urgency is Urgency.ROUTINE or item.window is not None
        assert len(due_list(opened, case.as_of)) == len(opened)

        for language in LETTERS.languages:
            letter = patient_letter(report, LETTERS, language=language, clinic=CLINIC)
            assert letter.report_digest == report.digest
        assert referrer_message(report, LETTERS, language="en", clinic=CLINIC).paragraphs
