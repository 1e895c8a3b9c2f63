"""Any life of a follow-up, in any order of events: one owner, an unmoved window, no quiet end."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from mriloop.model.errors import MriloopError
from mriloop.model.fact import Truth
from mriloop.model.follow_up import (
    Clock,
    CloseReason,
    EventKind,
    FollowUp,
    FollowUpEvent,
    FollowUpState,
    Performed,
)
from mriloop.model.report import Person
from mriloop.model.schedule import Window
from mriloop.stages.follow_up import TRANSITIONS, advance, clock, due_list, next_follow_up

DAYS = st.dates(min_value=date(2026, 1, 1), max_value=date(2035, 12, 31))
PEOPLE = st.sampled_from([None, Person(id="a", name="A", role="r"), Person(id="", name="", role="")])
FRESH = FollowUp(
    id="f",
    patient="p",
    study_instance_uid="1.2",
    recommendation="r",
    step="mri",
    text="t",
    owner="pool",
    state=FollowUpState.PROPOSED,
    window=None,
    modality="MR",
    region="brain",
    contrast="without",
    opened_on=date(2026, 1, 1),
)
ORDER = [Clock.NOT_YET_DUE, Clock.COMING_DUE, Clock.DUE, Clock.OVERDUE, Clock.NON_COMPLIANT]


@st.composite
def windows(draw: st.DrawFn) -> Window:
    earliest = draw(DAYS)
    target = earliest + timedelta(days=draw(st.integers(0, 400)))
    return Window(earliest=earliest, target=target, latest=target + timedelta(days=draw(st.integers(0, 400))))


events = st.builds(
    FollowUpEvent,
    kind=st.sampled_from(EventKind),
    on=DAYS,
    by=PEOPLE,
    reason=st.sampled_from(["", "why"]),
    owner=st.sampled_from(["", " ", "someone", "someone else"]),
    window=st.none() | windows(),
    appointment=st.none() | DAYS,
    performed=st.none()
    | st.builds(
        Performed,
        patient=st.sampled_from(["p", "q"]),
        study_instance_uid=st.sampled_from(["1.2", "1.3"]),
        performed_on=DAYS,
        diagnostic=st.sampled_from(Truth),
        modality=st.sampled_from(["MR", "CT", None]),
        region=st.sampled_from(["brain", "foot", None]),
        contrast=st.sampled_from(["without", None]),
    ),
    close_as=st.none() | st.sampled_from(CloseReason),
    superseded_by=st.sampled_from(["", "f", "g"]),
)


class Life(RuleBasedStateMachine):
    """Throws any event at a follow-up; what is refused changes nothing, what is accepted keeps the promises."""

    @initialize(window=st.none() | windows(), never=st.booleans())
    def begin(self, window, never):
        self.item = replace(FRESH, window=window, never_auto_close=never)
        self.states = [self.item.state]

    @rule(event=events)
    def happen(self, event):
        before = self.item
        try:
            self.item = advance(before, event)
        except MriloopError:
            return
        line = next(one for one in TRANSITIONS if one.event is event.kind)
        assert before.state in line.before
        assert self.item.state is (line.after or before.state)
        self.states.append(self.item.state)
        assert before.window is None or self.item.window == before.window
        if event.kind is EventKind.PERFORM:
            done = self.item.performed
            assert done is not None
            assert (done.patient, done.diagnostic, done.modality, done.region) == ("p", Truth.TRUE, "MR", "brain")
        if self.item.state is FollowUpState.CLOSED and event.kind is EventKind.CLOSE:
            assert event.by is not None
            assert event.by.id

    @rule(choice=st.integers(0, 100), day=DAYS, window=windows(), reason=st.sampled_from(CloseReason))
    def happen_in_order(self, choice, day, window, reason):
        """An event that the table allows now, complete: so that lives get as far as their ends."""
        legal = [line.event for line in TRANSITIONS if self.item.state in line.before]
        if legal:
            done = Performed(
                patient="p",
                study_instance_uid="1.3",
                performed_on=day,
                diagnostic=Truth.TRUE,
                modality="MR",
                region="brain",
            )
            self.happen(
                FollowUpEvent(
                    kind=legal[choice % len(legal)],
                    on=day,
                    by=Person(id="a", name="A", role="r"),
                    reason="why",
                    owner="someone",
                    window=window,
                    appointment=day,
                    performed=done,
                    close_as=reason,
                    superseded_by="g",
                )
            )

    @rule(today=DAYS)
    def go_on(self, today):
        following = next_follow_up(self.item, today)
        if following is None:
            return
        assert self.item.state is FollowUpState.CLOSED
        assert following.state is not FollowUpState.CLOSED
        assert following.owner == self.item.owner
        assert following.id != self.item.id

    @invariant()
    def one_owner_and_an_identity(self):
        assert self.item.owner.strip()
        assert (self.item.id, self.item.patient, self.item.recommendation) == ("f", "p", "r")

    @invariant()
    def closed_is_the_end_and_has_a_reason(self):
        closed = self.item.state is FollowUpState.CLOSED
        assert closed is (self.item.closed_as is not None) is (self.item.closed_on is not None)
        assert FollowUpState.CLOSED not in self.states[:-1]
        if self.item.closed_as is CloseReason.DONE:
            assert FollowUpState.REVIEWED in self.states
            assert self.item.performed is not None

    @invariant()
    def open_means_listed(self):
        listed = due_list([self.item], date(2027, 1, 1))
        assert bool(listed) is (self.item.state is not FollowUpState.CLOSED)


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=80, stateful_step_count=30, deadline=None)


@given(window=windows(), first=DAYS, later=st.integers(0, 2000))
def test_the_clock_only_runs_forward(window, first, later):
    item = replace(FRESH, window=window)
    now, then = clock(item, first), clock(item, first + timedelta(days=later))
    assert ORDER.index(then) >= ORDER.index(now)


@given(window=windows(), today=DAYS)
def test_looking_at_a_follow_up_never_moves_its_window(window, today):
    item = replace(FRESH, window=window)
    clock(item, today)
    (line,) = due_list([item], today)
    assert line.follow_up is item
    assert line.follow_up.window == window
