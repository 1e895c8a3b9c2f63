"""From a path to the plain files it holds: folder, single file or zip, without following anything out of it."""

from __future__ import annotations

import gzip
import os
import stat
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from mriloop.edges.dicom.limits import Limits
from mriloop.edges.dicom.part10 import sniff
from mriloop.model.errors import refuse
from mriloop.model.study import Refused

_CHUNK = 1 << 20
_IGNORED = frozenset({"dicomdir", ".ds_store", "thumbs.db", "desktop.ini"})
_NOT_RAW = frozenset({"code", "derivatives", "sourcedata", "stimuli"})  # folders of a BIDS dataset beside the raw data


@dataclass(frozen=True, slots=True)
class Found:
    """One file of the input: `shown` is its path inside the input, `path` where its bytes are."""

    shown: str
    path: Path


def refused(shown: str, code: str, **context: object) -> Refused:
    """Return the entry of the list of refused files for a code of the error table."""
    return Refused(path=shown, code=code, message=refuse(code, **context).message)


def gather(source: Path, limits: Limits, workspace: Path) -> tuple[list[Found], list[Refused], bool]:
    """Return the files of the input, the entries that were refused already, and whether it was a single file.

    An archive is unpacked below `workspace` under names of our own. Raises SenderError: input_not_found,
    input_unreadable, input_empty, input_too_large, and the zip_… codes.
    """
    try:
        mode = source.stat().st_mode
    except FileNotFoundError:
        raise refuse("input_not_found", path=source) from None
    except OSError:
        raise refuse("input_unreadable", path=source) from None
    if stat.S_ISDIR(mode):
        found, rejected = _walk(source, limits)
    elif stat.S_ISREG(mode):
        if _head(source, refuse("input_unreadable", path=source)) == "zip":
            found, rejected = _unzip(source, limits, workspace)
        else:
            return [Found(source.name, source)], [], True
    else:
        raise refuse("input_not_supported", path=source)
    if not found and not rejected:
        raise refuse("input_empty", path=source)
    return found, rejected, False


def _head(path: Path, error: Exception) -> str:
    try:
        with path.open("rb") as file:
            return sniff(file.read(512))
    except OSError:
        raise error from None


def _walk(source: Path, limits: Limits) -> tuple[list[Found], list[Refused]]:
    if not os.access(source, os.R_OK | os.X_OK):
        raise refuse("input_unreadable", path=source)
    found: list[Found] = []
    rejected: list[Refused] = []
    for one in entries(source):
        if isinstance(one, Found):
            found.append(one)
        else:
            rejected.append(one)
        if len(found) + len(rejected) > limits.max_files:
            raise refuse(
                "input_too_large", path=source, limit=limits.max_files, what="files", setting="MRILOOP_MAX_FILES"
            )
    return found, rejected


def entries(source: Path, below: str = "", *, deep: bool = True) -> Iterator[Found | Refused]:
    """Yield the files of a folder in a stable order, those of one folder in a row, or why an entry is none.

    `below` is a folder inside `source`, `deep` whether its own folders count. Links are never followed. What a BIDS
    dataset keeps beside its raw data is left out.
    """
    root = os.path.realpath(source)
    folders = [below]
    while folders:
        here = folders.pop()
        try:
            members = sorted(os.scandir(Path(root, here)), key=lambda entry: entry.name)
        except OSError:
            yield refused(here, "file_unreadable")
            continue
        bids = any(entry.name == "dataset_description.json" for entry in members)
        inner = []
        for entry in members:
            path = f"{here}/{entry.name}" if here else entry.name
            if entry.is_symlink():
                inside = os.path.realpath(entry.path).startswith(root + os.sep)
                if not inside:
                    yield refused(_printable(path), "file_link_outside")
            elif entry.is_dir():
                if bids and entry.name in _NOT_RAW:
                    yield refused(_printable(path), "file_bids_not_raw")
                else:
                    inner.append(path)
            elif entry.is_file() and entry.name.lower() not in _IGNORED:
                yield Found(_printable(path), Path(entry.path))
        if deep:
            folders.extend(reversed(inner))


def _printable(shown: str) -> str:
    """Return a path that can be shown and encoded, whatever bytes its sender chose: no control or direction marks."""
    text = shown.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return "".join("\ufffd" if unicodedata.category(c) in ("Cc", "Cf", "Cs") else c for c in text)


def _unzip(source: Path, limits: Limits, workspace: Path) -> tuple[list[Found], list[Refused]]:
    """Unpack an archive under numbered names, counting what really comes out of it."""
    cap = limits.unpacked_bytes(source.stat().st_size)
    found: list[Found] = []
    rejected: list[Refused] = []
    total = 0
    try:
        with zipfile.ZipFile(source) as archive:
            members = archive.infolist()
            _inspect(source, members, limits)
            target = workspace / "unpacked"
            target.mkdir()
            for number, member in enumerate(members):
                shown = _printable(member.filename)
                if member.is_dir() or PurePosixPath(shown).name.lower() in _IGNORED or shown.startswith("__MACOSX/"):
                    continue
                if stat.S_ISLNK(member.external_attr >> 16):
                    rejected.append(refused(shown, "file_link_outside"))
                    continue
                if member.file_size > limits.max_file_bytes:
                    rejected.append(_too_large(shown, limits))
                    continue
                path = target / f"{number:08d}"
                try:
                    total += _copy(archive, member, path, cap - total, source)
                except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError):
                    path.unlink(missing_ok=True)
                    rejected.append(refused(shown, "file_truncated"))
                    continue
                found.append(Found(shown, path))
    except (zipfile.BadZipFile, NotImplementedError, ValueError):
        raise refuse("zip_unreadable", path=source) from None
    return found, rejected


def _too_large(shown: str, limits: Limits) -> Refused:
    return refused(shown, "file_too_large", limit=f"{limits.max_file_mb:g} MB", setting="MRILOOP_MAX_FILE_MB")


def _inspect(source: Path, members: list[zipfile.ZipInfo], limits: Limits) -> None:
    if len(members) > limits.max_files:
        raise refuse("input_too_large", path=source, limit=limits.max_files, what="files", setting="MRILOOP_MAX_FILES")
    for member in members:
        name = member.filename.replace("\\", "/")
        if name.startswith("/") or ".." in name.split("/") or name[1:2] == ":" or "\0" in name:
            raise refuse("zip_path_escape", path=source)
        if member.flag_bits & 0x1:
            raise refuse("zip_encrypted", path=source)
    cap = limits.unpacked_bytes(source.stat().st_size)
    if sum(member.file_size for member in members) > cap:
        raise _bomb(source, cap)


def _bomb(source: Path, cap: int) -> Exception:
    return refuse("zip_bomb", path=source, limit=f"{cap / (1 << 20):g} MB")


def _copy(archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path, room: int, source: Path) -> int:
    written = 0
    with archive.open(member) as inside, path.open("wb") as outside:
        while chunk := inside.read(_CHUNK):
            written += len(chunk)
            if written > room:
                raise _bomb(source, room)
            outside.write(chunk)
    return written


def gunzip(found: Found, limits: Limits, target: Path) -> str | None:
    """Expand a gzip file to `target`; return None, or the code why not (bomb, truncated)."""
    written = 0
    try:
        with gzip.open(found.path) as inside, target.open("wb") as outside:
            while chunk := inside.read(_CHUNK):
                written += len(chunk)
                if written > limits.max_file_bytes:
                    target.unlink()
                    return "file_deflate_bomb"
                outside.write(chunk)
    except EOFError:
        target.unlink(missing_ok=True)
        return "file_truncated"
    except (OSError, zlib.error):
        target.unlink(missing_ok=True)
        return "file_not_dicom"
    return None
