"""The table of transitions, event by event, against a matrix written by hand; and what answers a follow-up."""

from __future__ import annotations

import itertools
from datetime import date

import pytest

from mriloop.model.errors import MriloopError
from mriloop.model.fact import Truth
from mriloop.model.follow_up import CloseReason, EventKind, FollowUpState
from mriloop.model.report import Person
from mriloop.stages.follow_up import TRANSITIONS, advance, reasons_against

STATES = "proposed recommended sent acknowledged ordered scheduled performed reviewed closed".split()  # noqa: SIM905
# For each event, the state it leads to from each of STATES: "." illegal, "=" stays.
MATRIX = {
    "sign": "recommended . . . . . . . .",
    "send": ". sent sent . . . . . .",
    "acknowledge": ". . acknowledged . . . . . .",
    "transfer": "= = = = = = = = .",
    "set_window": "= = = = = = = = .",
    "order": ". ordered ordered ordered . . . . .",
    "cancel_order": ". . . . acknowledged acknowledged . . .",
    "schedule": ". . . scheduled scheduled scheduled . . .",
    "cancel": ". . . . . ordered . . .",
    "no_show": ". . . . . ordered . . .",
    "not_diagnostic": ". . . . acknowledged acknowledged acknowledged . .",
    "perform": ". performed performed performed performed performed . . .",
    "review": ". . . . . . reviewed . .",
    "close": ". closed closed closed closed closed closed closed .",
    "supersede": "closed closed closed closed closed closed closed closed .",
}


def complete(make, kind):
    """An event that carries everything any event may ask for."""
    return make.event(
        kind,
        reason="as agreed",
        owner="Dr. New",
        window=make.window(),
        appointment=date(2027, 5, 2),
        performed=make.performed(),
        close_as=CloseReason.RESOLVED_OTHERWISE,
        superseded_by="followup-2",
    )


def test_the_matrix_knows_every_event_and_state():
    assert set(MATRIX) == {kind.value for kind in EventKind}
    assert [state.value for state in FollowUpState] == STATES
    assert {item.event for item in TRANSITIONS} == set(EventKind)
    assert len(TRANSITIONS) == len(EventKind)
    assert all(item.says for item in TRANSITIONS)


@pytest.mark.parametrize(("state", "kind"), list(itertools.product(FollowUpState, EventKind)))
def test_every_state_meets_every_event(make, state, kind):
    leads_to = MATRIX[kind.value].split()[STATES.index(state.value)]
    undated = kind is EventKind.SET_WINDOW
    item = make.follow_up(state=state, window=None if undated else make.window())
    if leads_to == ".":
        with pytest.raises(MriloopError) as caught:
            advance(item, complete(make, kind))
        assert caught.value.code == "followup_illegal"
    else:
        moved = advance(item, complete(make, kind))
        assert moved.state.value == (state.value if leads_to == "=" else leads_to)
        assert moved.owner
        assert moved.window == make.window()


@pytest.mark.parametrize(
    "kind",
    [
        EventKind.ACKNOWLEDGE,
        EventKind.TRANSFER,
        EventKind.REVIEW,
        EventKind.CLOSE,
        EventKind.SET_WINDOW,
        EventKind.SIGN,
    ],
)
@pytest.mark.parametrize("nobody", [None, Person(id="", name="Inbox", role="x"), Person(id="inbox", name="", role="x")])
def test_what_takes_a_person_takes_a_named_one(make, kind, nobody):
    line = next(item for item in TRANSITIONS if item.event is kind)
    item = make.follow_up(state=sorted(line.before)[0], window=None)
    with pytest.raises(MriloopError) as caught:
        advance(item, complete(make, kind).__class__(kind=kind, on=date(2027, 1, 1), by=nobody, owner="x", reason="x"))
    assert caught.value.code == "followup_incomplete"


def test_there_is_always_an_owner(make):
    with pytest.raises(MriloopError) as caught:
        advance(make.follow_up(), make.event(EventKind.TRANSFER, owner="  "))
    assert caught.value.code == "followup_no_owner"
    assert advance(make.follow_up(), make.event(EventKind.TRANSFER, owner=" Dr. New ")).owner == "Dr. New"


def test_a_window_that_is_set_never_moves(make):
    other = make.window("2030-01-01", "2030-01-02", "2030-01-03")
    with pytest.raises(MriloopError) as caught:
        advance(make.follow_up(), make.event(EventKind.SET_WINDOW, window=other))
    assert caught.value.code == "followup_illegal"
    dated = advance(make.follow_up(window=None), make.event(EventKind.SET_WINDOW, window=other))
    assert (dated.window, dated.set_by) == (other, "c1")


def test_a_window_runs_forward(make):
    backwards = make.window("2030-01-03", "2030-01-02", "2030-01-01")
    with pytest.raises(MriloopError) as caught:
        advance(make.follow_up(window=None), make.event(EventKind.SET_WINDOW, window=backwards))
    assert caught.value.code == "followup_incomplete"


def test_cancelled_missed_and_spoilt_appointments_leave_the_step_owed(make):
    booked = advance(
        make.follow_up(state=FollowUpState.ORDERED),
        make.event(EventKind.SCHEDULE, appointment=date(2027, 5, 2)),
    )
    assert booked.appointment == date(2027, 5, 2)
    for kind in (EventKind.CANCEL, EventKind.NO_SHOW, EventKind.NOT_DIAGNOSTIC, EventKind.CANCEL_ORDER):
        reopened = advance(booked, make.event(kind))
        assert reopened.state in (FollowUpState.ORDERED, FollowUpState.ACKNOWLEDGED)
        assert reopened.appointment is None


def test_done_is_closed_only_after_a_review(make):
    close = make.event(EventKind.CLOSE, close_as=CloseReason.DONE)
    for state in set(FollowUpState) - {FollowUpState.REVIEWED}:
        with pytest.raises(MriloopError):
            advance(make.follow_up(state=state), close)
    closed = advance(make.follow_up(state=FollowUpState.REVIEWED), close)
    assert (closed.closed_as, closed.closed_on) == (CloseReason.DONE, close.on)


@pytest.mark.parametrize("reason", [reason for reason in CloseReason if reason is not CloseReason.DONE])
def test_every_other_end_needs_a_reason_in_words(make, reason):
    with pytest.raises(MriloopError) as caught:
        advance(make.follow_up(), make.event(EventKind.CLOSE, close_as=reason))
    assert caught.value.code == "followup_incomplete"


def test_a_machine_closes_nothing(make):
    for never in (False, True):
        item = make.follow_up(state=FollowUpState.REVIEWED, never_auto_close=never)
        with pytest.raises(MriloopError):
            advance(item, make.event(EventKind.CLOSE, close_as=CloseReason.DONE, by=None))


def test_nothing_supersedes_itself(make):
    with pytest.raises(MriloopError) as caught:
        advance(make.follow_up(), make.event(EventKind.SUPERSEDE, superseded_by="followup-1"))
    assert caught.value.code == "followup_incomplete"


@pytest.mark.parametrize(
    ("kind", "missing"),
    [
        (EventKind.PERFORM, "what was done"),
        (EventKind.SCHEDULE, "date of the appointment"),
        (EventKind.CLOSE, "reason"),
    ],
)
def test_an_event_without_its_content_is_refused(make, kind, missing):
    with pytest.raises(MriloopError) as caught:
        advance(make.follow_up(state=FollowUpState.ACKNOWLEDGED), make.event(kind))
    assert caught.value.code == "followup_incomplete"
    assert missing in caught.value.message


@pytest.mark.parametrize(
    ("follow_up", "performed", "answers"),
    [
        ({}, {}, True),
        ({}, {"performed_on": date(2027, 12, 24)}, True),  # late, and still an answer
        ({}, {"performed_on": date(2027, 3, 5)}, True),  # 30 days before the window opens
        ({}, {"performed_on": date(2027, 3, 4)}, False),
        ({}, {"performed_on": date(2026, 5, 3)}, False),  # before the recommendation
        ({}, {"patient": "another"}, False),
        ({}, {"study_instance_uid": "1.2"}, False),
        ({}, {"diagnostic": Truth.FALSE}, False),
        ({}, {"diagnostic": Truth.UNKNOWN}, False),
        ({}, {"modality": "CT"}, False),
        ({}, {"modality": None}, False),
        ({}, {"region": "foot"}, False),
        ({}, {"region": None}, False),
        ({"region": "lumbar_spine"}, {"region": "spine"}, True),
        ({"region": "spine"}, {"region": "lumbar_spine"}, False),
        ({"region": "pituitary"}, {"region": "brain"}, False),
        ({"region": "liver"}, {"region": "abdomen"}, True),
        ({"contrast": "without"}, {"contrast": "without_and_with"}, True),
        ({"contrast": "without_and_with"}, {"contrast": "without"}, False),
        ({"contrast": "without_and_with"}, {"contrast": "with"}, False),
        ({"contrast": "without_and_with"}, {"contrast": None}, False),
        ({"contrast": "without_and_with"}, {"contrast": "unknown"}, False),
        ({"contrast": "without_and_with"}, {"contrast": "without_and_with"}, True),
        ({"contrast": "with"}, {"contrast": "with"}, True),
        ({"contrast": "site_policy"}, {"contrast": "without"}, True),
        ({"modality": None, "step": "biopsy"}, {"modality": None, "step": "biopsy"}, True),
        ({"modality": None, "step": "biopsy"}, {"modality": "MR", "step": ""}, False),
        ({"window": None}, {"performed_on": date(2026, 8, 1)}, True),
    ],
)
def test_only_the_right_diagnostic_exam_answers(make, follow_up, performed, answers):
    item, exam = make.follow_up(**follow_up), make.performed(**performed)
    against = reasons_against(item, exam)
    assert (against == ()) is answers
    event = make.event(EventKind.PERFORM, performed=exam)
    if answers:
        assert advance(item, event).performed == exam
    else:
        with pytest.raises(MriloopError) as caught:
            advance(item, event)
        assert caught.value.code == "followup_not_answered"
        assert against[0] in caught.value.message
