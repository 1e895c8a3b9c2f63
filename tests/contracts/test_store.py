"""The contract of a store, on SQLite and on PostgreSQL: what every room that records may rely on."""

from __future__ import annotations

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from sqlalchemy.exc import IntegrityError
from tests.contracts.story import follow_up, loop, opened, record, window

from mriloop import loop as sentence
from mriloop.edges.store import Store, open_store
from mriloop.edges.store.projections import kinds
from mriloop.edges.store.schema import LEDGER, PROJECTIONS
from mriloop.model.errors import MriloopError
from mriloop.model.quality import Verdict
from mriloop.model.record import GENESIS, LedgerProof, Record, as_json
from mriloop.model.study import Identity

DAY = date(2026, 8, 1)


def rows(store: Store) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every projection, as the database gives it."""
    with store._database.reading() as connection:
        return {
            table.name: [tuple(row) for row in connection.execute(table.select().order_by(*table.primary_key))]
            for table in PROJECTIONS
        }


def refused(call, *arguments) -> MriloopError:
    with pytest.raises(MriloopError) as caught:
        call(*arguments)
    return caught.value


# the ledger


def test_what_was_recorded_is_read_back_in_order(store):
    told = loop()
    entries = store.append(told)
    assert [entry.position for entry in entries] == list(range(1, len(told) + 1))
    assert list(store.entries()) == list(entries)
    assert [entry.record for entry in entries] == told
    assert [entry.record.kind for entry in store.entries(subject="rep1")] == ["report.drafted", "report.verified"]
    assert [entry.position for entry in store.entries(after=3, limit=2)] == [4, 5]
    assert [entry.record.subject for entry in store.entries(kind="study.checked", patient="p1")] == ["1.2.3"]
    assert list(store.entries(patient="p2")) == []


def test_the_chain_can_be_recomputed_from_its_description_alone(store):
    """SHA-256 over {"position":…,"previous":…,"record":…} in canonical JSON, by the standard library's writer."""
    previous = GENESIS
    for entry in store.append(loop()):
        told = entry.record
        content = {
            "position": entry.position,
            "previous": previous,
            "record": {
                "actor": told.actor,
                "at": told.at.strftime("%Y-%m-%dT%H:%M:%S.%f+00:00"),
                "inputs": list(told.inputs),
                "kind": told.kind,
                "patient": told.patient,
                "payload": told.payload,
                "subject": told.subject,
            },
        }
        text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        assert entry.previous == previous
        assert entry.digest == hashlib.sha256(text.encode()).hexdigest()
        previous = entry.digest
    assert store.verify() == LedgerProof(entries=12, head=previous)


def test_an_empty_store_proves_that_it_is_empty(store):
    assert store.append([]) == ()
    assert store.verify() == LedgerProof(entries=0, head=GENESIS)
    assert store.rebuild_projections() == 0


def test_payloads_come_back_as_they_went_in(store):
    payload = {
        "text": 'öß漢\U0001f9e0 "\\\n\x00\x1f ',
        "numbers": [0, -1, 2**53 - 1, 1.5, 1e-7, 1e300, 5e-324, -0.1],
        "words": [True, False, None, "", [], {}],
        "\U0001f9e0": {"é": 1, "e": 2},
    }
    (entry,) = store.append([record("note", payload=payload)])
    assert entry.record.payload == payload
    assert next(store.entries()).record.payload == payload
    store.verify()


def test_times_are_kept_in_utc(store):
    local = datetime(2026, 7, 1, 1, 30, 0, 5, tzinfo=timezone(timedelta(hours=2)))
    (entry,) = store.append([Record(kind="note", subject="s", at=local, actor="a")])
    assert entry.record.at == local
    assert entry.record.at.utcoffset() == timedelta(0)
    with pytest.raises(ValueError, match="without zone"):
        store.append([Record(kind="note", subject="s", at=datetime(2026, 7, 1), actor="a")])


def test_what_is_not_json_is_never_bent_to_fit(store, subtests):
    for value in (float("nan"), float("inf"), 2**53, "\ud800", {1: 2}, b"bytes", date(2026, 1, 1), {"a": {1, 2}}):
        with subtests.test(value=repr(value)), pytest.raises((ValueError, TypeError)):
            store.append([record("note"), record("note", "other", payload={"value": value})])
    assert list(store.entries()) == []


def test_the_same_step_is_recorded_once(store):
    (first,) = store.append([record("study.checked", payload={"verdict": "limited"}, inputs=("a", "b"))])
    again = record("study.checked", minutes=60, payload={"verdict": "acceptable"}, inputs=("a", "b"))
    assert store.append([again]) == (first,)
    assert store.studies()[0].verdict is Verdict.LIMITED
    for other in (
        record("study.checked", payload={"verdict": "repeat"}, inputs=("b", "a")),
        record("study.checked", "9.9", payload={"verdict": "repeat"}, inputs=("a", "b")),
        record("other", inputs=("a", "b")),
    ):
        assert store.append([other])[0].position > first.position
    assert len(list(store.entries())) == 4


def test_an_act_without_inputs_sent_twice_is_one_and_done_twice_is_two(store):
    act = record("note", payload={"text": "called"})
    later = record("note", minutes=1, payload={"text": "called"})
    assert [entry.position for entry in store.append([act, act, later, act])] == [1, 1, 2, 1]
    assert [entry.position for entry in store.append([later, act])] == [2, 1]


def test_many_records_are_one_append(store):
    told = [record("note", str(number)) for number in range(1203)]
    assert [entry.position for entry in store.append(told)] == list(range(1, 1204))
    assert store.append(told) == tuple(store.entries())
    assert [entry.position for entry in store.entries(after=5, limit=1100)] == list(range(6, 1106))


def test_all_or_nothing(store):
    store.append(loop())
    before, proof = rows(store), store.verify()
    error = refused(
        store.append,
        [
            record("study.checked", "7.7", payload={"verdict": "repeat"}),
            record("followup.closed", "nobody", payload={"reason": "lost"}),
        ],
    )
    assert error.code == "record_unknown_subject"
    with pytest.raises(KeyError):
        store.append([record("note"), record("study.checked", "7.7", payload={})])
    assert (rows(store), store.verify()) == (before, proof)


COLUMNS = "kind, subject, patient, at, body FROM ledger WHERE position = 12"
REWRITES = (
    "UPDATE ledger SET kind = 'other'",
    "UPDATE ledger SET body = body",
    "DELETE FROM ledger",
    "DELETE FROM ledger WHERE position = 12",
    f"INSERT INTO ledger SELECT 99, digest, digest, 'x', {COLUMNS}",
    f"INSERT INTO ledger SELECT 13, previous, digest, 'x', {COLUMNS}",
    f"INSERT INTO ledger SELECT 13, digest, digest, identity, {COLUMNS}",
)
OF_ITS_OWN = {
    "sqlite": (
        f"INSERT OR REPLACE INTO ledger SELECT 12, previous, digest, 'x', {COLUMNS}",
        f"INSERT OR REPLACE INTO ledger SELECT 13, digest, digest, identity, {COLUMNS}",
        "UPDATE OR REPLACE ledger SET position = 3 WHERE position = 12",
    ),
    "postgresql": ("TRUNCATE ledger", f"INSERT INTO ledger SELECT 14, digest, digest, 'x', {COLUMNS}"),
}


def test_the_database_itself_refuses_to_rewrite_the_ledger(place, store, subtests):
    store.append(loop())
    proof = store.verify()
    for statement in REWRITES + OF_ITS_OWN[place.kind]:
        with subtests.test(statement), pytest.raises(Exception, match=r"append-only|only grows|uq_ledger_identity"):
            place.run(statement)
    assert store.verify(proof) == proof


WITHOUT_TRIGGERS = {
    "sqlite": ["DROP TRIGGER ledger_chains", "DROP TRIGGER ledger_keeps_rows", "DROP TRIGGER ledger_keeps_words"],
    "postgresql": ["ALTER TABLE ledger DISABLE TRIGGER USER"],
}
FORGERIES = {
    "UPDATE ledger SET body = replace(body, 'limited', 'acceptable') WHERE position = 2": 2,
    "UPDATE ledger SET kind = 'study.lost' WHERE position = 3": 3,
    "UPDATE ledger SET patient = 'p9' WHERE position = 4": 4,
    "UPDATE ledger SET identity = 'x' WHERE position = 5": 5,
    "UPDATE ledger SET at = '2020-01-01T00:00:00.000000+00:00' WHERE position = 6": 6,
    "UPDATE ledger SET digest = previous WHERE position = 7": 7,
    "UPDATE ledger SET previous = digest WHERE position = 8": 8,
    "DELETE FROM ledger WHERE position = 9": 9,
    "DELETE FROM ledger WHERE position = 1": 1,
    "UPDATE ledger SET position = 99 WHERE position = 10": 10,
    "DELETE FROM ledger WHERE position > 10": 11,
    "DELETE FROM ledger": 1,
}


def test_whoever_gets_past_the_triggers_is_found(place, store, subtests):
    store.append(loop())
    proof = store.verify()
    place.run(*WITHOUT_TRIGGERS[place.kind], "CREATE TABLE kept AS SELECT * FROM ledger")
    for statement, entry in FORGERIES.items():
        place.run(statement)
        with subtests.test(statement):
            error = refused(store.verify, proof)
            assert (error.code, error.context["entry"]) == ("ledger_broken", entry)
        place.run("DELETE FROM ledger", "INSERT INTO ledger SELECT * FROM kept")
    assert store.verify(proof) == proof


def test_a_proof_kept_elsewhere_finds_a_chain_written_anew(place, store, tmp_path):
    """Somebody with the file can recompute every digest; only a proof outside of it tells."""
    store.append(loop())
    kept = store.verify()
    with open_store(tmp_path / "forged") as forged:
        forged.append([*loop(signed="0" * 64)])
        forged.append([record("note")])
        forged.verify()
        assert refused(forged.verify, kept).context["entry"] == 12
    store.append([record("note")])
    assert store.verify(kept).entries == 13


def test_writers_at_the_same_time_make_one_chain(store):
    def write(name: int) -> None:
        for number in range(12):
            store.append([record("note", f"{name}-{number}"), record("shared", str(number), inputs=("same",))])

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(write, range(4)))
    assert store.verify().entries == 4 * 12 + 12
    for name in range(4):
        mine = [e.record.subject for e in store.entries(kind="note") if e.record.subject.startswith(f"{name}-")]
        assert mine == [f"{name}-{number}" for number in range(12)]


def test_a_reader_sees_one_state_and_holds_no_writer_up(place, store):
    store.append(loop())
    count = LEDGER.select()
    with open_store(place.where, wait_s=0.05) as other, store._database.reading() as connection:
        assert len(connection.execute(count).all()) == 12
        other.append([record("note")])
        assert len(list(other.entries())) == 13
        seen = len(connection.execute(count).all())
    assert seen == 12


def test_a_writer_that_waits_too_long_says_so(place, store):
    store.append(loop())
    with open_store(place.where, wait_s=0.05) as other, store._database.writing():
        error = refused(other.append, [record("note")])
        assert len(list(other.entries())) == 12
    assert error.code == "store_locked"
    assert "mriloop:" not in error.message.replace("mriloop:***", "")


# the projections


def test_the_loop_of_one_study(store):
    store.append(loop())
    (study,) = store.studies()
    assert (study.patient, study.series, study.changes, study.recommendations, study.undetermined) == ("p1", 2, 3, 1, 0)
    assert (study.verdict, study.description, study.started_at) == (Verdict.LIMITED, "HEAD", datetime(2026, 3, 2, 8))
    times = [getattr(study, name) for name in study.__dataclass_fields__ if name.endswith("_at")][1:]
    assert sorted(times) == [datetime(2026, 3, 2, 8, minute, tzinfo=UTC) for minute in range(10)]
    (report,) = store.reports(study="1.2.3")
    assert (report.id, report.verified_by, report.digest) == ("rep1", "rad1", "f" * 64)
    assert report.drafted_at < report.verified_at
    (letter,) = store.letters(study="1.2.3")
    assert (letter.id, letter.audience, letter.report_digest) == ("rep1-l1", "patient", report.digest)
    (left,) = store.worklist(DAY)
    assert (left.id, left.owner, left.state.value, left.window) == (
        "rep1-fu1",
        "dr.c",
        "scheduled",
        window(date(2026, 9, 1)),
    )


def test_every_step_of_the_loop_has_its_projection():
    assert {step.makes for step in sentence.STEPS} <= set(kinds())
    assert {need for step in sentence.STEPS for need in (*step.needs, *step.optional_needs)} <= set(kinds())
    assert {told.kind for told in loop()} == set(kinds())


def test_studies_by_patient_and_verdict(store):
    store.append([*loop(), *loop("4.5.6", "p2", "rep2")])
    store.append([record("study.checked", "7.8.9", patient="p2", payload={"verdict": "repeat"})])
    assert [study.study_instance_uid for study in store.studies(verdict=Verdict.REPEAT)] == ["7.8.9"]
    assert {study.study_instance_uid for study in store.studies(patient="p2")} == {"4.5.6", "7.8.9"}
    assert [report.id for report in store.reports()] == ["rep1", "rep2"]
    assert len(store.letters()) == 2


def test_a_follow_up_comes_back_as_it_was_opened(store):
    told = (
        follow_up("a", date(2026, 5, 1), never_auto_close=True),
        follow_up("b", None, modality=None, region=None, contrast=None),
    )
    store.append([opened(*told)])
    assert {item.id: item for item in store.worklist(DAY)} == {item.id: item for item in told}


def test_the_worklist_is_what_is_owed_most_pressing_first(store):
    store.append(
        [
            opened(
                follow_up("later", date(2027, 6, 1)),
                follow_up("overdue", date(2026, 7, 1)),
                follow_up("today", date(2026, 9, 30), owner="dr.b"),  # opens on 1 August
                follow_up("tomorrow", date(2026, 10, 1)),
                follow_up("undated", None, owner="dr.b"),
                follow_up("done", date(2026, 6, 1)),
            ),
            record("followup.closed", "done", payload={"reason": "done-elsewhere"}),
        ]
    )

    def names(**words):
        return [item.id for item in store.worklist(DAY, **words)]

    assert names() == ["undated", "overdue", "today", "tomorrow", "later"]
    assert names(due_only=True) == ["undated", "overdue", "today"]
    assert names(owner="dr.b") == ["undated", "today"]
    assert names(owner="dr.b", due_only=True, limit=1) == ["undated"]
    assert names(owner="nobody") == []
    assert [item.id for item in store.worklist(DAY - timedelta(1), due_only=True)] == ["undated", "overdue"]


def test_a_follow_up_changes_hands_date_and_state(store):
    store.append([opened(follow_up("a", date(2026, 5, 1)))])

    def change(minutes, **changes):
        store.append([record("followup.changed", "a", minutes, payload={"changes": as_json(changes)})])

    change(1, window=window(date(2027, 1, 1)), owner="dr.b")
    assert store.worklist(DAY, due_only=True) == ()
    change(2, state="closed")
    assert store.worklist(DAY) == ()
    change(3, state="ordered", window=None)
    (item,) = store.worklist(DAY, due_only=True)
    assert (item.owner, item.state.value, item.window) == ("dr.b", "ordered", None)
    for wrong in ({"id": "b"}, {"owner": ""}, {"state": "lost"}, {"colour": "red"}):
        with pytest.raises((ValueError, KeyError, IntegrityError)):
            change(4, **wrong)
    assert store.worklist(DAY) == (item,)


def test_a_signed_report_never_changes(store):
    store.append(loop())
    signed = store.reports()
    payload = {"draft": {"study_instance_uid": "1.2.3"}, "verified_by": {"id": "rad2"}, "digest": "0" * 64}
    error = refused(store.append, [record("report.verified", "rep1", 30, payload=payload)])
    assert (error.code, error.context) == ("report_signed_twice", {"report": "rep1"})
    store.append([record("report.drafted", "rep1", 30, payload={"study_instance_uid": "1.2.3"})])
    assert store.reports() == signed
    assert store.rebuild_projections() == 13
    assert store.reports() == signed


def test_the_loop_run_once_more_undoes_nothing_that_people_did(store):
    """A study is reviewed again an hour later: same ids, other times, no inputs to recognise the records by."""
    store.append(loop())
    before = store.worklist(DAY)
    again = [replace(told, at=told.at + timedelta(hours=1), inputs=()) for told in loop() if "follow" in told.kind]
    store.append([told for told in again if told.kind == "followups.opened"])
    assert store.worklist(DAY) == before
    assert [item.owner for item in before] == ["dr.c"]


def test_the_projections_are_what_the_ledger_says(place, store):
    store.append([*loop(), *loop("4.5.6", "p2", "rep2"), record("of no known kind", payload={"x": 1})])
    before = rows(store)
    assert all(before.values())
    place.run("DELETE FROM study", "UPDATE follow_up SET owner = 'somebody else'", "DELETE FROM letter")
    assert rows(store) != before
    assert store.rebuild_projections() == 25
    assert rows(store) == before


# identity


def test_identity_is_kept_replaced_and_erased_apart_from_the_ledger(store):
    told = Identity(patient="p1", name="Doe^Jane", patient_id="4711", issuer="CLINIC", birth_date="19800229", sex="F")
    assert store.identity("p1") is None
    store.append(loop())
    proof = store.verify()
    store.put_identity(Identity(patient="p1", name="Do^Jan", patient_id="4711"))
    store.put_identity(told)
    assert store.identity("p1") == told
    assert store.erase_identity("p1") is True
    assert store.identity("p1") is None
    assert store.erase_identity("p1") is False
    assert store.verify() == proof
