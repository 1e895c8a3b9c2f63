"""Making, opening, upgrading, copying and erasing a store, on SQLite and on PostgreSQL."""

from __future__ import annotations

import json
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import CheckConstraint, inspect, make_url, text
from tests.contracts.story import loop, record
from tests.contracts.test_store import refused, rows

from mriloop.edges.store import open_store
from mriloop.edges.store.database import Database, open_postgresql, open_sqlite
from mriloop.edges.store.migrate import MIGRATIONS, run
from mriloop.edges.store.schema import HEAD, METADATA, REVISION_TABLE
from mriloop.model.record import entry_digest, record_body, record_identity
from mriloop.model.study import Identity

REVISIONS = [script.revision for script in ScriptDirectory(str(MIGRATIONS)).walk_revisions()][::-1]
JANE = Identity(patient="p1", name="Doe^Jane Q", patient_id="HOSP-4711", issuer="CLINIC", birth_date="19800229")


def empty_database(place) -> Database:
    """The database of a place that is no store yet."""
    if place.kind == "sqlite":
        Path(place.where).mkdir()
        return open_sqlite(Path(place.where) / "ledger.sqlite3", wait_s=5)
    return open_postgresql(make_url(place.where).difference_update_query(["blobs"]), wait_s=5)


# migrations


def test_the_code_knows_its_own_last_migration():
    assert REVISIONS[-1] == HEAD


def test_the_migrations_make_exactly_the_tables_of_the_code(store):
    with store._database.reading() as connection:
        options = {"version_table": REVISION_TABLE, "compare_type": True, "compare_server_default": True}
        assert compare_metadata(MigrationContext.configure(connection, opts=options), METADATA) == []
        made = inspect(connection)
        for table in METADATA.sorted_tables:
            columns = {column["name"]: column["nullable"] for column in made.get_columns(table.name)}
            assert columns == {column.name: column.nullable for column in table.columns}
            checks = {check["name"] for check in made.get_check_constraints(table.name)}
            assert checks == {each.name for each in table.constraints if isinstance(each, CheckConstraint)}


@pytest.mark.parametrize("revision", REVISIONS)
def test_a_filled_database_of_any_age_is_upgraded(new_place, revision):
    """The ledger of an old version, put there as that version would have, is read by this one."""
    old, previous = empty_database(new_place), "0" * 64
    with old.writing() as connection:
        run(connection, revision, name="old")
        for position, told in enumerate(loop(), start=1):
            body = record_body(told)
            digest = entry_digest(position, previous, body)
            row = {
                "position": position,
                "previous": previous,
                "digest": digest,
                "identity": record_identity(told, body),
                "kind": told.kind,
                "subject": told.subject,
                "patient": told.patient,
                "at": json.loads(body)["at"],
                "body": body,
            }
            names = ", ".join(row)
            values = ", ".join(f":{name}" for name in row)
            connection.execute(text(f"INSERT INTO ledger ({names}) VALUES ({values})"), row)
            previous = digest
    old.close()
    with open_store(new_place.where, create=False) as store:
        assert store.verify().head == previous
        if revision == HEAD:
            store.rebuild_projections()  # an upgrade has done it already
        assert [item.id for item in store.worklist(date(2026, 8, 1))] == ["rep1-fu1"]


def test_a_migration_that_fails_leaves_nothing_behind(new_place):
    database = empty_database(new_place)
    with database.engine.begin() as connection:
        connection.execute(text("CREATE TABLE follow_up (id INTEGER)"))  # in the way of the last table
    with pytest.raises(Exception, match="follow_up"):
        open_store(new_place.where)
    with database.reading() as connection:
        assert inspect(connection).get_table_names() == ["follow_up"]
    with database.engine.begin() as connection:
        connection.execute(text("DROP TABLE follow_up"))
    database.close()
    with open_store(new_place.where) as store:
        store.append(loop())


def test_a_store_of_a_newer_mriloop_is_left_alone(place, store):
    store.append(loop())
    store.close()
    place.run(f"UPDATE {REVISION_TABLE} SET version_num = '9999'")
    error = refused(open_store, place.where)
    assert error.code == "store_newer"
    place.run(f"UPDATE {REVISION_TABLE} SET version_num = '{HEAD}'")
    with open_store(place.where) as again:
        assert again.verify().entries == 12


def test_many_open_a_new_store_at_once(new_place):
    def work(name: int) -> None:
        with open_store(new_place.where) as store:
            store.append([record("note", str(name))])

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(work, range(4)))
    with open_store(new_place.where, create=False) as store:
        assert store.verify().entries == 4


# places that are none


def test_nothing_is_made_where_nothing_shall_be_made(new_place):
    assert refused(lambda: open_store(new_place.where, create=False)).code == "store_absent"
    if new_place.kind == "sqlite":
        assert not Path(new_place.where).exists()


def test_what_is_no_store_is_refused(tmp_path):
    (tmp_path / "file").write_text("hello")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "ledger.sqlite3").write_bytes(b"This is not a database, whatever its name says. " * 100)
    assert refused(open_store, tmp_path / "file").code == "store_unusable"
    assert refused(open_store, tmp_path / "file" / "below").code == "store_unusable"
    assert refused(open_store, tmp_path / "other").code == "store_damaged"
    for url in ("mysql://x/y?blobs=/tmp", "postgresql://x/y", "://", "sqlite:///x?blobs=/tmp"):
        assert refused(open_store, url).code == "usage_value"


def test_a_server_that_does_not_answer_is_named_without_its_password(tmp_path):
    error = refused(open_store, f"postgresql://nurse:geheim@127.0.0.1:1/clinic?blobs={tmp_path}")
    assert error.code == "store_unusable"
    assert "127.0.0.1:1/clinic" in error.message
    assert "geheim" not in error.message


def test_a_store_is_for_its_owner_alone(tmp_path):
    with open_store(tmp_path / "store") as store:
        digest = store.blobs.put(b"image")
        store.append(loop())
        assert (tmp_path / "store").stat().st_mode & 0o077 == 0
        for path in (tmp_path / "store").rglob("*"):
            assert path.stat().st_mode & 0o077 == 0, path
        assert store.blobs.path(digest).stat().st_mode & 0o222 == 0


# identity


def test_what_is_erased_is_in_no_byte_of_the_folder(tmp_path):
    folder = tmp_path / "store"
    words = (JANE.name, JANE.patient_id, JANE.birth_date)

    def found() -> set[str]:
        content = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
        return {word for word in words if word.encode() in content}

    with open_store(folder) as store:
        store.append(loop())
        for number in range(50):
            store.put_identity(Identity(patient=f"q{number}", name=f"Other^{number}", patient_id=str(number)))
        store.put_identity(JANE)
        store.put_identity(Identity(**{name: getattr(JANE, name) for name in JANE.__slots__} | {"sex": "F"}))
        assert found() == set(words)
        assert store.erase_identity("p1")
        assert found() == set()
        assert store.identity("q49").name == "Other^49"


def test_erasing_waits_for_readers_and_says_when_they_do_not_end(tmp_path):
    with open_store(tmp_path / "store", wait_s=0.05) as store:
        store.append(loop())
        store.put_identity(JANE)
        with store._database.reading() as connection:
            connection.execute(text("SELECT count(*) FROM ledger"))
            assert refused(store.erase_identity, "p1").code == "store_locked"
        assert store.identity("p1") is None
        assert store.erase_identity("p1") is False
        assert JANE.name.encode() not in b"".join(path.read_bytes() for path in tmp_path.rglob("*.sqlite3*"))


# backup and restore


def test_restore_drill(place, store, tmp_path):
    """Back up while somebody writes, lose everything, restore by copying the folder back, go on working."""
    blob = store.blobs.put(b"pixels" * 1000)
    store.append([*loop(), record("note", payload={"blob": blob})])
    store.put_identity(JANE)
    writing = threading.Event()

    def write() -> None:
        number = 0
        while not writing.is_set():
            name = str(number)
            store.append([record("note", name, payload={"blob": store.blobs.put(name.encode())})])
            number += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        proof = store.backup(tmp_path / "backup")
    finally:
        writing.set()
        writer.join()
    assert store.verify(proof).entries >= proof.entries >= 13
    assert refused(store.backup, tmp_path / "backup").code == "out_not_writable"
    store.close()

    shutil.copytree(tmp_path / "backup", tmp_path / "restored")
    with open_store(tmp_path / "restored", create=False) as again:
        assert again.verify(proof) == proof
        assert again.identity("p1") == JANE
        assert again.blobs.get(blob) == b"pixels" * 1000
        for entry in again.entries(kind="note"):
            again.blobs.get(entry.record.payload["blob"])
        before = rows(again)
        assert len(before["study"]) == 1
        again.rebuild_projections()
        assert rows(again) == before
        assert again.append([record("note", "after the fire")])[0].position == proof.entries + 1


def test_a_backup_of_a_damaged_store_is_refused(place, store, tmp_path):
    digest = store.blobs.put(b"image")
    path = store.blobs.path(digest)
    path.chmod(0o600)
    path.write_bytes(b"imagf")
    assert refused(store.backup, tmp_path / "backup").code == "blob_damaged"
