"""What a record means for the tables, without a database."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from mriloop.edges.store.projections import Add, Change, effects, follow_up_from, follow_up_row
from mriloop.edges.store.schema import FOLLOW_UP
from mriloop.model.fact import Truth
from mriloop.model.follow_up import CloseReason, FollowUp, FollowUpState, Performed
from mriloop.model.record import Record, as_json
from mriloop.model.schedule import Window

ADDED_LATER = ("plan", "then", "occurrence", "report_digest", "specialty", "superseded_by")
AT = datetime(2026, 3, 2, 8, 30, tzinfo=UTC)
WINDOW = Window(earliest=date(2026, 8, 1), target=date(2026, 9, 1), latest=date(2026, 10, 1))
FULL = FollowUp(
    id="f1",
    patient="p1",
    study_instance_uid="1.2",
    recommendation="r1",
    step="mri",
    text="MRI of the brain",
    owner="coordinator",
    state=FollowUpState.ORDERED,
    window=WINDOW,
    modality="MR",
    region="brain",
    contrast="without",
    never_auto_close=True,
    set_by="ms",
    opened_on=date(2026, 3, 1),
    plan=(WINDOW, replace(WINDOW, latest=date(2027, 2, 1))),
    then="individualise",
    occurrence=2,
    report_digest="d" * 64,
    specialty=("neurology", "ophthalmology"),
    appointment=date(2026, 8, 20),
    performed=Performed(
        patient="p1",
        study_instance_uid="9.9",
        performed_on=date(2026, 8, 20),
        diagnostic=Truth.UNKNOWN,
        modality="MR",
    ),
    closed_as=CloseReason.DONE_ELSEWHERE,
    closed_on=date(2026, 9, 2),
    superseded_by="f2",
)


def told(kind: str, subject: str = "1.2", **payload: object) -> Record:
    return Record(kind=kind, subject=subject, at=AT, actor="a", patient="p1", payload=as_json(payload))


def test_every_field_of_a_follow_up_has_its_place():
    """A field that is added to the model needs a column, and a migration."""
    parts = {"earliest", "target", "latest"}
    assert set(FollowUp.__dataclass_fields__) - {"window"} | parts <= set(FOLLOW_UP.columns.keys())
    told = {name: value for name, value in as_json(FULL).items() if value}
    assert set(told) == set(FollowUp.__dataclass_fields__), "the example leaves a field at its default"


@pytest.mark.parametrize("state", FollowUpState)
@pytest.mark.parametrize("window", [WINDOW, None])
def test_every_field_of_a_follow_up_survives_the_table(state, window):
    item = replace(FULL, state=state, window=window)
    assert follow_up_from(follow_up_row(as_json(item))) == item


def test_a_follow_up_with_nothing_optional_survives_the_table():
    words = {name: getattr(FULL, name) for name in ("id", "patient", "study_instance_uid", "recommendation", "owner")}
    item = FollowUp(**words, step="referral", text="See a neurologist", state=FollowUpState.PROPOSED, window=None)
    row = dict.fromkeys(FOLLOW_UP.columns.keys()) | follow_up_row(as_json(item))
    assert follow_up_from(row) == item
    older = dict.fromkeys(FOLLOW_UP.columns.keys()) | {
        name: value for name, value in follow_up_row(as_json(item)).items() if name not in ADDED_LATER
    }
    assert follow_up_from(older) == item


def test_a_row_is_open_from_its_earliest_day_to_its_latest():
    (put, study) = effects(told("followups.opened", follow_ups=[FULL]))
    assert isinstance(put, Add)
    assert (put.row["opens_on"], put.row["act_by"]) == (date(2026, 8, 1), date(2026, 10, 1))
    assert put.row["closed_at"] is None
    assert study.row["follow_ups_opened_at"] == "2026-03-02T08:30:00.000000+00:00"


def test_a_step_without_a_window_is_due_from_the_day_it_was_opened():
    (put, _) = effects(told("followups.opened", follow_ups=[replace(FULL, window=None)]))
    assert (put.row["opens_on"], put.row["act_by"], put.row["latest"]) == (date(2026, 3, 1), date(2026, 3, 1), None)
    (put, _) = effects(told("followups.opened", follow_ups=[replace(FULL, window=None, opened_on=None)]))
    assert put.row["act_by"] == AT.date()
    (change,) = effects(told("followup.changed", "f1", changes={"window": None}))
    assert isinstance(change, Change)
    assert (change.row["opens_on"], change.row["act_by"], change.row["latest"]) == (AT.date(), AT.date(), None)


def test_a_change_names_only_what_changed():
    (change,) = effects(told("followup.changed", "f1", changes={"owner": "dr.b"}))
    assert change.row == {"id": "f1", "owner": "dr.b", "changed_at": "2026-03-02T08:30:00.000000+00:00"}


def test_closing_and_opening_again():
    (closed,) = effects(told("followup.closed", "f1", reason="done-elsewhere"))
    assert closed.row["state"] == "closed"
    assert (closed.row["closed_at"], closed.row["closed_because"]) == (closed.row["changed_at"], "done-elsewhere")
    (closed,) = effects(
        told("followup.closed", "f1", reason="", changes={"closed_as": "done", "closed_on": "2026-09-01"})
    )
    assert (closed.row["state"], closed.row["closed_as"], closed.row["closed_on"]) == (
        "closed",
        "done",
        date(2026, 9, 1),
    )
    (again,) = effects(told("followup.changed", "f1", changes={"state": "ordered"}))
    assert (again.row["closed_at"], again.row["closed_because"]) == (None, None)


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        ("study.received", {}),
        ("study.received", {"series": 3}),
        ("study.checked", {}),
        ("report.verified", {"draft": {"study_instance_uid": "1.2"}, "digest": "d"}),
        ("report.verified", {"draft": "1.2", "digest": "d", "verified_by": {"id": "x"}}),
        ("letters.written", {"letters": [{"id": "l1"}]}),
        ("followups.opened", {"follow_ups": {}}),
        ("followups.opened", {"follow_ups": [{**as_json(FULL), "state": "somewhere"}]}),
        ("followups.opened", {"follow_ups": [{**as_json(FULL), "opened_on": "31.12.2026"}]}),
        ("followup.changed", {"changes": {"colour": "red"}}),
        ("followup.changed", {"changes": {"id": "f2"}}),
        ("followup.closed", {"reason": None}),
    ],
)
def test_a_payload_that_lacks_what_is_read_is_a_bug(kind, payload):
    with pytest.raises((KeyError, TypeError, ValueError)):
        effects(told(kind, **payload))


def test_other_kinds_change_nothing():
    assert effects(told("image.viewed", series="1")) == ()
