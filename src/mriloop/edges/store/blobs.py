"""Content-addressed files: a blob's name is the SHA-256 of its bytes, so it can be neither changed nor stored twice."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mriloop.model.errors import refuse

_CHUNK = 1 << 20
_DAY_S = 86_400
_INCOMING = ".incoming-"
_DIGEST = re.compile(r"[0-9a-f]{64}")


class Blobs:
    """Blobs in a folder: `ab/cd/abcd…`. A blob is there whole or not at all, on disk before `put` returns."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, content: bytes | Path) -> str:
        """Store bytes, or the bytes of a file, and return their SHA-256 in lower-case hex.

        The same content again costs a look-up, unless the stored copy has another length (a damaged disk): then it is
        replaced. Raises `store_full` when the disk is, leaving nothing behind.
        """
        if isinstance(content, bytes):
            digest = hashlib.sha256(content).hexdigest()
            if self._holds(digest, len(content)):
                return digest
        with self._full_disk(), self._temporary() as temporary:
            found = hashlib.sha256()
            with temporary.open("wb") as target:
                for piece in (content,) if isinstance(content, bytes) else _pieces(content):
                    found.update(piece)
                    target.write(piece)
                target.flush()
                size = target.tell()
                digest = found.hexdigest()
                if self._holds(digest, size):
                    return digest
                os.fsync(target.fileno())
            self._keep(temporary, digest)
        return digest

    def get(self, digest: str) -> bytes:
        """Return the bytes of a blob, checked against their digest.

        Raises `blob_missing` for one that was never stored and `blob_damaged` for one that the disk has changed.
        """
        path = self.path(digest)
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            raise refuse("blob_missing", digest=digest) from None
        if hashlib.sha256(content).hexdigest() != digest:
            raise refuse("blob_damaged", digest=digest)
        return content

    def path(self, digest: str) -> Path:
        """Return where a blob lies, or would lie. Raises `blob_missing` for what is not a digest at all."""
        if not _DIGEST.fullmatch(digest):
            raise refuse("blob_missing", digest=digest)
        return self.folder / digest[:2] / digest[2:4] / digest

    def __contains__(self, digest: str) -> bool:
        return self.path(digest).is_file()

    def __iter__(self) -> Iterator[str]:
        """Give the digest of every blob, in order."""
        for path in sorted(self.folder.glob("??/??/*")):
            if _DIGEST.fullmatch(path.name):
                yield path.name

    def copy(self, target: Path) -> int:
        """Copy every blob, checked on the way, into another blob folder; return how many are there now.

        What is there already is left alone. Raises `blob_damaged` for a blob that the disk has changed.
        """
        copies = Blobs(target)
        count = 0
        for digest in self:
            if digest not in copies and copies.put(self.path(digest)) != digest:
                raise refuse("blob_damaged", digest=digest)
            count += 1
        return count

    def _holds(self, digest: str, size: int) -> bool:
        """Whether the blob is there in full, and its name on disk even if whoever put it is not that far yet."""
        path = self.path(digest)
        try:
            if path.stat().st_size != size:
                return False
        except FileNotFoundError:
            return False
        sync_folder(path.parent)
        return True

    def _keep(self, temporary: Path, digest: str) -> None:
        """Give the file its name and make the name last: each new folder is synced into the one above it."""
        path = self.path(digest)
        for folder in (path.parent.parent, path.parent):
            try:
                folder.mkdir(mode=0o700)
            except FileExistsError:
                continue
            sync_folder(folder.parent)
        temporary.chmod(0o400)
        temporary.replace(path)
        sync_folder(path.parent)

    def sweep(self) -> None:
        """Remove what a killed `put` left behind more than a day ago."""
        for path in self.folder.glob(f"{_INCOMING}*"):
            with suppress(FileNotFoundError):
                if time.time() - path.stat().st_mtime > _DAY_S:
                    path.unlink()

    @contextmanager
    def _temporary(self) -> Iterator[Path]:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=_INCOMING, dir=self.folder)
        os.close(handle)
        path = Path(name)
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)

    @contextmanager
    def _full_disk(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise refuse("store_full", path=self.folder) from error
            raise


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as source:
        while piece := source.read(_CHUNK):
            yield piece


def sync_folder(folder: Path) -> None:
    """Make the names in a folder last."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
