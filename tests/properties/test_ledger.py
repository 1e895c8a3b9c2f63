"""Whatever is recorded in whatever order: one canonical text, one chain, one set of projections."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.contracts.story import follow_up

from mriloop.edges.store import Store, open_store
from mriloop.edges.store.schema import PROJECTIONS
from mriloop.model.errors import MriloopError
from mriloop.model.follow_up import FollowUpState
from mriloop.model.record import Record, as_json, canonical_json, entry_digest, read_canonical, record_body, record_from

UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
TEXT = st.text(st.characters(codec="utf-8"), max_size=8)
NUMBER = st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBER | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)
PAYLOAD = st.dictionaries(TEXT, JSON, max_size=4)
MOMENT = st.datetimes(timezones=st.timezones(), min_value=datetime(1990, 1, 1), max_value=datetime(2100, 1, 1))
RECORD = st.builds(
    Record,
    kind=TEXT,
    subject=TEXT,
    at=MOMENT,
    actor=TEXT,
    patient=TEXT,
    payload=PAYLOAD,
    inputs=st.lists(TEXT, max_size=3).map(tuple),
)


@UNHURRIED
@given(JSON)
def test_canonical_text_reads_back_and_is_its_own_canonical_text(value):
    text = canonical_json(value)
    assert read_canonical(text) == value
    assert canonical_json(read_canonical(text)) == text
    assert text.encode().decode() == text
    json.loads(text)


@UNHURRIED
@given(PAYLOAD, st.randoms(use_true_random=False))
def test_canonical_text_does_not_know_the_order_of_members(value, chance):
    names = list(value)
    chance.shuffle(names)
    assert canonical_json({name: value[name] for name in names}) == canonical_json(value)


@UNHURRIED
@given(RECORD)
def test_a_record_reads_back(told):
    # in the hour that a clock repeats, Python calls a time unequal to itself in UTC
    assert record_from(record_body(told)) == replace(told, at=told.at.astimezone(UTC))


@UNHURRIED
@given(RECORD, st.data())
def test_no_byte_of_a_record_can_change_without_its_digest(told, data):
    body = record_body(told)
    place = data.draw(st.integers(0, len(body) - 1))
    other = data.draw(st.characters(codec="utf-8").filter(lambda sign: sign != body[place]))
    assert entry_digest(1, "0" * 64, body) != entry_digest(1, "0" * 64, body[:place] + other + body[place + 1 :])


# A clinic in miniature: a few follow-ups, opened, changed, closed and opened again in any order, some of it nonsense.
NAMES = st.sampled_from(["a", "b", "c", "d"])
DAYS = st.none() | st.dates(date(2026, 1, 1), date(2027, 12, 31))
EVENT = st.one_of(
    st.tuples(st.just("open"), NAMES, DAYS),
    st.tuples(st.just("owner"), NAMES, st.sampled_from(["dr.a", "dr.b"])),
    st.tuples(st.just("state"), NAMES, st.sampled_from(FollowUpState)),
    st.tuples(st.just("close"), NAMES, st.just("done")),
)


def record_of(event: tuple[str, str, object], number: int) -> Record:
    verb, name, value = event
    at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=number)
    if verb == "open":
        payload, kind, subject = {"follow_ups": [follow_up(name, value)]}, "followups.opened", "1.2.3"
    elif verb == "close":
        payload, kind, subject = {"reason": value}, "followup.closed", name
    else:
        payload, kind, subject = {"changes": {verb: value}}, "followup.changed", name
    return Record(kind=kind, subject=subject, at=at, actor="x", payload=as_json(payload))


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    with open_store(tmp_path_factory.mktemp("property") / "store") as store:
        yield store


def projected(store: Store) -> list[list[tuple[object, ...]]]:
    with store._database.reading() as connection:
        return [
            [tuple(row) for row in connection.execute(table.select().order_by(*table.primary_key))]
            for table in PROJECTIONS
        ]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(events=st.lists(EVENT, max_size=14))
def test_projections_follow_a_model_and_equal_their_rebuild(shared, events):
    """The expected worklist is kept by a dictionary that knows nothing of tables; the store is shared and grows."""
    start = shared.verify().entries
    model: dict[str, tuple[str, str, bool]] = {
        item.id: (item.owner, item.state.value, True) for item in shared.worklist(date(2026, 1, 1))
    }
    closed = {row[0] for row in projected(shared)[3]} - set(model)
    model |= dict.fromkeys(closed, ("?", "closed", False))
    for number, event in enumerate(events):
        verb, name, value = event
        told = record_of(event, start + number)
        if verb != "open" and name not in model:
            with pytest.raises(MriloopError):
                shared.append([told])
            continue
        (entry,) = shared.append([told])
        assert entry.record == told
        owner, state, _ = model.get(name, ("", "", True))
        if verb == "open":
            owner, state = (owner, state) if name in model else ("coordinator", "recommended")
        elif verb == "owner":
            owner = value
        else:
            state = "closed" if verb == "close" else value.value
        model[name] = (owner, state, state != "closed")
    expected = {name: (owner, state) for name, (owner, state, is_open) in model.items() if is_open}
    found = {item.id: (item.owner, item.state.value) for item in shared.worklist(date(2026, 1, 1))}
    assert set(found) == set(expected)
    assert all(found[name] == expected[name] for name in found if expected[name][0] != "?")
    before = projected(shared)
    shared.rebuild_projections()
    assert projected(shared) == before
    shared.verify()
