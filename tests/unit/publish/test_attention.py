"""What heads the page: the most pressing thing first, for the person who can do it."""

from __future__ import annotations

import dataclasses

import pytest

from mriloop.app.review import _exit
from mriloop.edges.publish.attention import Tone, acts, headline
from mriloop.model.advice import Advice, Caution
from mriloop.model.errors import Exit
from mriloop.model.follow_up import Clock
from mriloop.model.guideline import Status
from mriloop.model.quality import Severity, Verdict


def bare(samples, **more):
    return dataclasses.replace(samples.calm_view(), **more)


def with_verdict(samples, verdict):
    check = samples.study_check()
    return bare(samples, check=dataclasses.replace(check, verdict=verdict))


def test_a_good_study_without_a_question_needs_nobody(samples):
    view = samples.calm_view()
    assert acts(view) == ()
    assert headline(view).tone is Tone.CALM


def test_pressing_things_come_first(full_view):
    tones = [list(Tone).index(act.tone) for act in acts(full_view)]
    assert tones == sorted(tones)
    assert acts(full_view)[0].tone is Tone.STOP


def test_a_blocked_order_outranks_a_repeat(samples, full_view):
    view = dataclasses.replace(full_view, order=samples.blocked_view().order)
    assert headline(view).title == "Do not scan as ordered"
    assert headline(view).tone is Tone.STOP
    assert acts(view)[0].who == "Referrer"


@pytest.mark.parametrize(
    ("verdict", "tone"),
    [
        (Verdict.REPEAT, Tone.ACT),
        (Verdict.LIMITED, Tone.DECIDE),
        (Verdict.ACCEPTABLE, Tone.CALM),
        (Verdict.NOT_ASSESSABLE, Tone.NOTE),
        (Verdict.NOT_AN_IMAGE, Tone.NOTE),
    ],
)
def test_the_headline_follows_the_verdict(samples, verdict, tone):
    assert headline(with_verdict(samples, verdict)).tone is tone


def test_only_a_calm_headline_says_good_enough(samples):
    for verdict in Verdict:
        good = headline(with_verdict(samples, verdict)).title == "Good enough to read"
        assert good == (verdict is Verdict.ACCEPTABLE)


def test_a_repeat_names_the_series_and_what_to_do(samples):
    (act,) = [act for act in acts(bare(samples, check=samples.study_check())) if act.what.startswith("Repeat")]
    assert act.what == "Repeat series 7, DWI b0/b1000"
    assert act.who == "Technologist"
    assert "Talk to the patient, support the head with pads, and repeat the series." in act.why
    assert headline(bare(samples, check=samples.study_check())).title == "Repeat 1 of 4 series"


def test_unknown_facts_are_asked_for(samples):
    only = dataclasses.replace(samples.advice(), recommendations=(), conflicts=(), warnings=())
    (act,) = acts(bare(samples, advice=only))
    assert act.why == ("Is the JC virus antibody positive?",)
    assert act.tone is Tone.DECIDE


@pytest.mark.parametrize(("code", "tone"), [("emergency_not_excluded", Tone.STOP), ("window_passed", Tone.DECIDE)])
def test_only_an_emergency_that_nobody_excluded_says_stop(samples, code, tone):
    advice = Advice(recommendations=(), warnings=(Caution(code=code, text="Something."),))
    (act,) = acts(bare(samples, advice=advice))
    assert act.tone is tone


@pytest.mark.parametrize(
    ("clock", "tone"),
    [
        (Clock.OVERDUE, Tone.ACT),
        (Clock.NON_COMPLIANT, Tone.ACT),
        (Clock.INDIVIDUALISE, Tone.DECIDE),
        (Clock.DUE, Tone.NOTE),
    ],
)
def test_what_is_due_overdue_or_undated_is_named_with_its_owner(samples, clock, tone):
    owed = dataclasses.replace(samples.follow_ups()[0], clock=clock)
    (act,) = acts(bare(samples, follow_ups=(owed,)))
    assert act.tone is tone
    assert act.why == ("Owner: Neurology clinic.",)


@pytest.mark.parametrize("clock", [Clock.NOT_YET_DUE, Clock.COMING_DUE])
def test_what_is_in_time_needs_nobody_now(samples, clock):
    owed = dataclasses.replace(samples.follow_ups()[0], clock=clock)
    assert acts(bare(samples, follow_ups=(owed,))) == ()


def test_a_draft_waits_for_a_signature_and_a_signed_report_does_not(samples):
    (act,) = acts(bare(samples, report=samples.draft(objections=False)))
    assert act.what == "Read, correct and sign the draft report"
    (act,) = acts(bare(samples, report=samples.draft()))
    assert act.why == ("A recommendation has no owner. Name one.",)
    assert acts(bare(samples, report=samples.signed(samples.draft()))) == ()


def test_changes_are_for_a_reader_to_confirm(samples):
    (act,) = acts(bare(samples, comparison=samples.comparison()))
    assert act.what == "Confirm or reject 3 candidate changes"
    assert act.why == ("1 new, 1 enlarging, 1 shrinking.",)


def test_advice_alone_heads_the_page_of_a_study_without_images(samples):
    step = dataclasses.replace(samples.advice().recommendations[0], status=Status.ACTIVE)
    view = bare(samples, check=None, advice=Advice(recommendations=(step,)))
    assert headline(view).title == "1 next step proposed"


def test_a_defect_of_the_study_is_an_act_even_without_a_known_remedy(samples):
    lacking = dataclasses.replace(samples.study_check().defects[0], severity=Severity.MAJOR)
    check = dataclasses.replace(samples.calm_view().check, defects=(lacking,), verdict=Verdict.REPEAT)
    (act,) = acts(bare(samples, check=check))
    assert act.what == "Ask the radiologist whether it is needed."
    assert headline(bare(samples, check=check)).title == "The study is not complete"
    unknown = dataclasses.replace(check, defects=(dataclasses.replace(lacking, action=""),))
    (act,) = acts(bare(samples, check=unknown))
    assert act.what == lacking.message


def test_a_series_repeated_with_success_asks_nobody_to_repeat_it(samples):
    check = samples.study_check()
    spoilt = [one.series_instance_uid for one in check.series if one.verdict is Verdict.REPEAT]
    assert spoilt
    rescued = dataclasses.replace(check, verdict=Verdict.ACCEPTABLE, defects=(), superseded=tuple(spoilt))
    view = bare(samples, check=rescued)
    assert not [act for act in acts(view) if act.what.startswith("Repeat")]
    assert _exit(view) is Exit.DONE
    alarm = bare(samples, check=dataclasses.replace(rescued, superseded=()))
    assert len([act for act in acts(alarm) if act.what.startswith("Repeat")]) == len(spoilt)
    assert _exit(alarm) is Exit.NEEDS_PERSON
