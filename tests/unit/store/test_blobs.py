"""Blobs: whole or not at all, once, and never other bytes than were stored."""

from __future__ import annotations

import errno
import hashlib
import os
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from mriloop.edges.store import Blobs
from mriloop.model.errors import MriloopError


@pytest.fixture
def blobs(tmp_path):
    return Blobs(tmp_path / "blobs")


def refused(call, *arguments) -> str:
    with pytest.raises(MriloopError) as caught:
        call(*arguments)
    return caught.value.code


def test_bytes_and_files_are_stored_under_their_sha256(blobs, tmp_path):
    content = bytes(range(256)) * 10_000  # more than one piece
    (tmp_path / "file").write_bytes(content)
    expected = hashlib.sha256(content).hexdigest()
    assert blobs.put(content) == blobs.put(tmp_path / "file") == expected
    assert blobs.get(expected) == content
    assert blobs.path(expected).parts[-3:] == (expected[:2], expected[2:4], expected)
    assert expected in blobs
    assert hashlib.sha256(b"").hexdigest() == blobs.put(b"")
    assert sorted(blobs) == sorted([expected, hashlib.sha256(b"").hexdigest()])


def test_the_same_content_is_written_once(blobs):
    digest = blobs.put(b"same")
    before, _ = blobs.path(digest).stat(), blobs.put(b"same")
    after = blobs.path(digest).stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def test_changed_and_missing_blobs_are_noticed_and_mended_by_storing_again(blobs):
    digest = blobs.put(b"image")
    path = blobs.path(digest)
    path.chmod(0o600)
    path.write_bytes(b"imagf")
    assert refused(blobs.get, digest) == "blob_damaged"
    path.write_bytes(b"im")
    assert blobs.put(b"image") == digest
    assert blobs.get(digest) == b"image"
    assert refused(blobs.get, "0" * 64) == "blob_missing"


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "A" * 64, "0" * 63, "0" * 64 + "\n", "../" + "0" * 61])
def test_only_a_digest_is_a_name(blobs, name):
    assert refused(blobs.get, name) == "blob_missing"


def test_a_full_disk_leaves_nothing_behind(blobs, monkeypatch):
    blobs.put(b"first")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        assert refused(blobs.put, b"second") == "store_full"
    files = [path for path in blobs.folder.rglob("*") if path.is_file()]
    assert [path.name for path in files] == list(blobs)
    assert len(files) == 1
    assert blobs.put(b"second") in blobs


def test_content_reaches_the_disk_before_its_name_does(blobs, monkeypatch):
    """Every fsync and rename in order: the file, its new folders, the name, the folder that holds the name."""
    steps: list[str] = []
    real_fsync, real_replace = os.fsync, os.replace

    def fsync(handle: int) -> None:
        steps.append("sync " + os.path.basename(os.readlink(f"/proc/self/fd/{handle}")))
        real_fsync(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "replace", lambda *names: (steps.append("name"), real_replace(*names)))
    digest = blobs.put(b"content")
    assert steps[0].startswith("sync .incoming-")
    assert steps[1:] == ["sync blobs", f"sync {digest[:2]}", "name", f"sync {digest[2:4]}"]


def test_writers_of_the_same_content_do_not_meet(blobs):
    content = [bytes([number]) * 100_000 for number in range(5)]
    with ThreadPoolExecutor(6) as threads:
        list(threads.map(lambda _: [blobs.put(item) for item in content], range(6)))
    assert sorted(blobs) == sorted(hashlib.sha256(item).hexdigest() for item in content)
    assert not list(blobs.folder.glob(".incoming-*"))


def test_what_a_killed_writer_left_is_swept_after_a_day(blobs):
    digest = blobs.put(b"kept")
    old, young = blobs.folder / ".incoming-old", blobs.folder / ".incoming-young"
    for path in (old, young):
        path.write_bytes(b"half")
    os.utime(old, (time.time() - 90_000,) * 2)
    blobs.sweep()
    assert (old.exists(), young.exists(), digest in blobs) == (False, True, True)
