"""Opening: what is owed gets one owner and a date; plans go on; a later report supersedes."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from mriloop.model.coding import Urgency
from mriloop.model.errors import MriloopError
from mriloop.model.follow_up import CloseReason, FollowUpState
from mriloop.stages.follow_up import next_follow_up, open_follow_ups, supersede

BARE = {"modality": None, "region": None, "contrast": None, "window": None}


def test_every_owed_step_gets_one_owner_and_a_window(make):
    report = make.report(
        make.recommendation(),
        make.recommendation(
            id="refer", step="referral", specialty=("neurosurgery",), **{**BARE, "window": make.window()}
        ),
        owners={"ms.monitor": "Dr. Grey"},
    )
    opened = open_follow_ups(report, owner="follow-up pool", now=make.now)
    assert [(item.recommendation, item.owner) for item in opened] == [
        ("ms.monitor", "Dr. Grey"),
        ("refer", "follow-up pool"),
    ]
    assert all(item.window == make.window() for item in opened)
    assert all(item.state is FollowUpState.RECOMMENDED for item in opened)
    assert opened[0].region == "brain"
    assert opened[1].modality is None


def test_a_statement_is_not_owed(make):
    report = make.report(make.recommendation(step="withhold_statement", **BARE))
    assert open_follow_ups(report, owner="pool", now=make.now) == ()


@pytest.mark.parametrize("owner", ["", "   "])
def test_nothing_is_opened_without_an_owner(make, owner):
    with pytest.raises(MriloopError) as caught:
        open_follow_ups(make.report(make.recommendation()), owner=owner, now=make.now)
    assert caught.value.code == "followup_no_owner"


@pytest.mark.parametrize(("urgency", "days"), [(Urgency.MINUTES, 0), (Urgency.HOURS, 1), (Urgency.DAYS, 7)])
def test_an_urgent_step_without_a_date_is_dated_from_today(make, urgency, days):
    report = make.report(make.recommendation(step="referral", urgency=urgency, **BARE))
    (opened,) = open_follow_ups(report, owner="pool", now=make.now)
    assert opened.window is not None
    assert opened.window.earliest == make.now.date()
    assert (opened.window.latest - make.now.date()).days == days


def test_opening_twice_opens_the_same(make):
    report = make.report(make.recommendation(), make.recommendation(id="b"))
    once, twice = (open_follow_ups(report, owner="pool", now=make.now) for _ in range(2))
    assert once == twice
    assert len({item.id for item in once}) == 2
    other = open_follow_ups(make.report(make.recommendation(), seed=b"y"), owner="pool", now=make.now)
    assert other[0].id not in {item.id for item in once}


def plan(make):
    second = make.window("2028-04-04", "2028-05-04", "2028-06-04")
    third = make.window("2029-04-04", "2029-05-04", "2029-06-04")
    return second, third


def done(item):
    return replace(item, state=FollowUpState.CLOSED, closed_as=CloseReason.DONE, closed_on=date(2027, 9, 9))


def test_a_schedule_opens_its_first_window_and_the_rest_in_turn_unmoved(make):
    second, third = plan(make)
    report = make.report(make.recommendation(schedule=(second, third), then="individualise"))
    (first,) = open_follow_ups(report, owner="pool", now=make.now)
    assert first.window == make.window()
    assert first.plan == (second, third)
    following = next_follow_up(done(first), date(2027, 9, 9))  # done three months late: the plan stays where it was
    assert following is not None
    assert (following.window, following.plan, following.occurrence) == (second, (third,), 2)
    assert following.state is FollowUpState.RECOMMENDED
    assert following.id != first.id
    assert following.owner == first.owner
    last = next_follow_up(done(following), date(2028, 5, 5))
    assert last is not None
    assert (last.window, last.plan) == (third, ())
    undated = next_follow_up(done(last), date(2029, 5, 5))
    assert undated is not None
    assert undated.window is None  # individualise: a clinician sets the date


def test_a_schedule_that_repeats_the_window_or_holds_past_ones_owes_none_twice(make):
    second, third = plan(make)
    past = make.window("2026-01-04", "2026-02-04", "2026-03-04")
    report = make.report(make.recommendation(schedule=(past, make.window(), second, third, second)))
    (first,) = open_follow_ups(report, owner="pool", now=make.now)
    assert first.window == make.window()
    assert first.plan == (second, third)


def test_a_finished_plan_without_a_then_ends(make):
    (only,) = open_follow_ups(make.report(make.recommendation()), owner="pool", now=make.now)
    assert next_follow_up(done(only), date(2027, 5, 5)) is None


def test_a_lifelong_surveillance_never_ends_by_being_done(make):
    report = make.report(make.recommendation(never_auto_close=True))
    (item,) = open_follow_ups(report, owner="pool", now=make.now)
    for _ in range(5):
        following = next_follow_up(done(item), date(2027, 5, 5))
        assert following is not None
        assert following.never_auto_close
        item = following


def test_what_is_open_or_closed_for_good_has_no_next(make):
    second, _ = plan(make)
    item = make.follow_up(plan=(second,))
    assert next_follow_up(item, date(2027, 5, 5)) is None
    for reason in (CloseReason.DECEASED, CloseReason.DECLINED_BY_PATIENT, CloseReason.SUPERSEDED):
        assert next_follow_up(replace(done(item), closed_as=reason), date(2027, 5, 5)) is None
    assert next_follow_up(replace(done(item), closed_as=CloseReason.DONE_ELSEWHERE), date(2027, 5, 5)) is not None


def test_a_later_report_supersedes_the_same_step_and_no_other(make):
    (standing,) = open_follow_ups(make.report(make.recommendation()), owner="pool", now=make.now)
    (later,) = open_follow_ups(make.report(make.recommendation(), seed=b"later"), owner="pool", now=make.now)
    (closed,) = supersede([standing], [later], date(2026, 9, 1))
    assert closed.closed_as is CloseReason.SUPERSEDED
    assert closed.superseded_by == later.id
    unlike = [
        replace(later, patient="another"),
        replace(later, region="foot"),
        replace(later, modality="CT"),
        replace(later, step="biopsy"),
        replace(later, report_digest=standing.report_digest),
    ]
    for other in unlike:
        assert supersede([standing], [other], date(2026, 9, 1)) == (standing,)


def test_a_lifelong_surveillance_gives_way_only_to_its_like(make):
    (standing,) = open_follow_ups(make.report(make.recommendation(never_auto_close=True)), owner="pool", now=make.now)
    (once,) = open_follow_ups(make.report(make.recommendation(), seed=b"later"), owner="pool", now=make.now)
    assert supersede([standing], [once], date(2026, 9, 1)) == (standing,)
    like = replace(once, never_auto_close=True)
    assert supersede([standing], [like], date(2026, 9, 1))[0].state is FollowUpState.CLOSED


def test_closed_ones_stay_as_they_are(make):
    closed = done(make.follow_up())
    assert supersede([closed], [make.follow_up(id="new", report_digest="e")], date(2026, 9, 1)) == (closed,)
