"""A tree of any size told apart into its studies, before the first of them is opened: where each lies, and its digest.

The headers of a small tree stay in memory and are read once. Of a larger one only the place and the digest of each
study are kept, and its headers are read again when its turn comes: memory grows with the number of studies, by some
hundred bytes each, never with the number of files.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path, PurePosixPath

from mriloop.edges.dicom.bids import visit_of
from mriloop.edges.dicom.gather import Found, entries, gather, refused
from mriloop.edges.dicom.instance import Record
from mriloop.edges.dicom.intake import Intake, join_files
from mriloop.edges.dicom.limits import Limits
from mriloop.edges.dicom.reader import Loose, read_all
from mriloop.edges.dicom.sidecars import ENDINGS, Sidecars
from mriloop.model.errors import refuse
from mriloop.model.study import PerformedStep, Refused, Study

KEPT_FILES = 5_000
"""Up to how many files of one input the headers stay in memory: some 50 MB."""

_MODULUS = 1 << 256
_HEAD, _TAIL = 512, 64
Key = tuple[str, ...]
Whole = tuple[list[Record], list[Loose], list[Refused]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One study of a tree, not opened yet.

    key : ("dicom", StudyInstanceUID), or ("nifti", BIDS subject, session or folder)
    digest : SHA-256 over what it is made of, whatever the names, the folders and the order of its files: SOP instance
        UID and size of each DICOM file; of NIfTI name, size, head and end of each image (a gzip ends in the checksum of
        its content; an uncompressed one counts with its time of change), and its sidecars
    files : how many files it has
    folder : the folder that holds all of it, inside the input
    """

    key: Key
    digest: str
    files: int
    folder: str
    where: Mapping[str, tuple[str, ...]] = field(repr=False)


@dataclass(slots=True)
class _Tally:
    """What is known of one study while its tree is walked. The sum of digests does not depend on their order."""

    total: int = 0
    files: int = 0
    mr: bool = False
    where: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def add(self, content: bytes) -> None:
        self.also(content)
        self.files += 1

    def also(self, content: bytes) -> None:
        self.total = (self.total + int.from_bytes(hashlib.sha256(content).digest())) % _MODULUS


class Survey:
    """The studies of one input. A context manager: leaving it removes unpacked files.

    places : its MR studies, by key
    refused : what could not become part of a study; of studies of another modality one entry for each folder
    """

    def __init__(
        self,
        path: Path,
        limits: Limits,
        *,
        workers: int = 0,
        progress: Callable[[int], None] | None = None,
        salt: bytes = b"",
        kept_files: int = KEPT_FILES,
    ) -> None:
        """Walk the input; `progress` is told how many files were read since it was told last.

        Raises as `read_intake` where there is nothing to check in it.
        """
        self._path, self._limits, self._workers, self._salt = path, limits, workers, salt
        self._tallies: dict[Key, _Tally] = defaultdict(_Tally)
        self._whole: Intake | None = None
        self._refused: list[Refused] = []
        self._performed: list[PerformedStep] = []
        room = tempfile.TemporaryDirectory(prefix="mriloop-", ignore_cleanup_errors=True)
        try:
            kept = self._walk(Path(room.name), progress, kept_files)
            if kept is not None:
                records, loose, rejected = kept
                self._whole = join_files(
                    path,
                    records,
                    loose,
                    rejected,
                    limits,
                    performed=self._performed,
                    salt=salt,
                    several_patients=True,
                    single=not path.is_dir() and len(records) + len(loose) + len(rejected) == 1,
                    workspace=room,
                )
                self._refused = list(self._whole.refused)
        except BaseException:
            room.cleanup()
            raise
        if self._whole is None:
            room.cleanup()
        for step in self._performed:  # what was reported of a study is part of what it is judged by
            for study in step.studies:
                if ("dicom", study) in self._tallies:
                    self._tallies["dicom", study].also(repr(step).encode())
        self.places = tuple(
            Place(
                key=key,
                digest=hashlib.sha256(f"{tally.files} {tally.total:064x}".encode("ascii")).hexdigest(),
                files=tally.files,
                folder=_common(tally.where),
                where=tally.where,
            )
            for key, tally in sorted(self._tallies.items())
            if tally.mr
        )
        if not self.places:
            raise refuse("input_no_mr", path=path, modalities="other studies")

    def __enter__(self) -> Survey:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Remove the files that were unpacked for this input."""
        if self._whole is not None:
            self._whole.close()

    @property
    def refused(self) -> tuple[Refused, ...]:
        """What could not become part of a study, so far: some of it shows only when a study is opened."""
        return tuple(self._refused)

    @contextmanager
    def open(self, place: Place) -> Iterator[tuple[Intake, Study | None]]:
        """Give the study of a place, with the input that its volumes load from while the block runs.

        None where no study can be made of its files: two patients share its UID, or they have changed since. Raises
        as `read_intake`.
        """
        if self._whole is not None:
            yield self._whole, next((one for one in self._whole.studies if _is(one, place.key, self._whole)), None)
            return
        if place.files > self._limits.max_files:
            raise refuse(
                "input_too_large",
                path=place.folder or ".",
                limit=self._limits.max_files,
                what="files",
                setting="MRILOOP_MAX_FILES",
            )
        with tempfile.TemporaryDirectory(prefix="mriloop-", ignore_cleanup_errors=True) as name:
            workers = self._workers if place.files > KEPT_FILES else 1
            records, loose, rejected, _ = read_all(self._files(place), self._limits, Path(name), workers, None)
            records = [one for one in records if ("dicom", one.study_instance_uid) == place.key]
            images = {
                one.shown for one in loose if one.kind == "nifti" and ("nifti", *visit_of(one.shown)) == place.key
            }
            loose = [one for one in loose if one.shown in images or one.kind != "nifti"] if images else []
            intake = join_files(
                self._path,
                records,
                loose,
                rejected,
                self._limits,
                performed=[one for one in self._performed if place.key[1] in one.studies],
                salt=self._salt,
                several_patients=True,
            )
            known = {(one.path, one.code) for one in self._refused}
            self._refused += [
                one for one in intake.refused if (one.path, one.code) not in known and one.code != "file_not_dicom"
            ]
            yield intake, next(iter(intake.studies), None)

    def _files(self, place: Place) -> list[Found]:
        """Return the files of a place as they lie there now, and the sidecars above them."""
        found: list[Found] = []
        for folder, names in place.where.items():
            here = [one for one in entries(self._path, folder, deep=False) if isinstance(one, Found)]
            wanted = frozenset(names)
            found += [one for one in here if not wanted or PurePosixPath(one.shown).name in wanted]
        if place.key[0] == "nifti":
            there = {one.shown for one in found}
            above = {str(parent) for folder in place.where for parent in (PurePosixPath(folder), *_parents(folder))}
            for folder in sorted(above):
                found += [one for one in self._sidecars(folder) if one.shown not in there]
        return found

    def _sidecars(self, folder: str) -> list[Found]:
        below = "" if folder == "." else folder
        return [
            one
            for one in entries(self._path, below, deep=False)
            if isinstance(one, Found) and PurePosixPath(one.shown).suffix in ENDINGS
        ]

    def _walk(self, room: Path, progress: Callable[[int], None] | None, kept_files: int) -> Whole | None:
        """Read every header once, folder by folder; return them all as long as they are few, else None."""
        kept: Whole | None = ([], [], [])
        count = 0
        for number, (folder, found) in enumerate(self._chunks(room)):
            inside = room / f"{number:06d}"
            inside.mkdir()
            rejected = [one for one in found if isinstance(one, Refused)]
            files = [one for one in found if isinstance(one, Found)]
            records, loose, more, steps = read_all(
                files, self._limits, inside, self._workers if len(files) > KEPT_FILES else 1, None
            )
            self._performed += steps
            count += len(found)
            if progress:
                progress(len(found))
            if self._path.is_dir() and kept is not None and count > kept_files:
                self._refused += kept[2]
                kept = None
            self._count(folder, records, loose)
            if kept is None:
                self._note(folder, records, rejected + more)
                _empty(inside)
            else:
                kept[0].extend(records)
                kept[1].extend(loose)
                kept[2].extend(rejected + more)
        return kept

    def _chunks(self, room: Path) -> Iterator[tuple[str, list[Found | Refused]]]:
        """Yield the input folder by folder; an archive and a single file are one folder."""
        if not self._path.is_dir():
            found, rejected, _ = gather(self._path, self._limits, room)
            yield "", [*found, *rejected]
            return
        empty = True
        for folder, members in groupby(entries(self._path), key=_folder):
            empty = False
            yield folder, list(members)
        if empty:
            raise refuse("input_empty", path=self._path)

    def _note(self, folder: str, records: Sequence[Record], rejected: Sequence[Refused]) -> None:
        """Remember what of a large tree is refused: a file that is broken, a folder of another modality."""
        self._refused += [one for one in rejected if one.code != "file_not_dicom"]
        others = {one.modality for one in records if one.modality != "MR"}
        if others and not any(one.modality == "MR" for one in records):
            self._refused.append(refused(folder or ".", "file_not_mr", modality=", ".join(sorted(others))))

    def _count(self, folder: str, records: Sequence[Record], loose: Sequence[Loose]) -> None:
        members: dict[Key, list[str]] = defaultdict(list)
        for record in records:
            key: Key = ("dicom", record.study_instance_uid)
            tally = self._tallies[key]
            tally.add(f"{record.sop_instance_uid} {record.path.stat().st_size}".encode())
            tally.mr |= record.modality == "MR"
            members[key].append(PurePosixPath(record.shown).name)
        images = [one for one in loose if one.kind == "nifti"]
        sidecars = self._all_sidecars(folder, loose) if images else None
        for image in images:
            key = ("nifti", *visit_of(image.shown))
            tally = self._tallies[key]
            tally.add(_image_token(image))
            tally.mr = True
            members[key].append(PurePosixPath(image.shown).name)
            for companions in sidecars.of(image.shown).values() if sidecars else ():
                for shown, path in companions:
                    tally.also(shown.encode() + b"\0" + path.read_bytes())
        alone = len(members) == 1 and next(iter(members))[0] == "dicom"
        for key, names in members.items():
            self._tallies[key].where[folder] = () if alone else tuple(names)

    def _all_sidecars(self, folder: str, loose: Sequence[Loose]) -> Sidecars:
        files = [(one.shown, one.path) for one in loose]
        if self._path.is_dir():
            for parent in _parents(folder):
                files += [(one.shown, one.path) for one in self._sidecars(str(parent))]
        return Sidecars(files)


def _folder(one: Found | Refused) -> str:
    shown = one.shown if isinstance(one, Found) else one.path
    parent = str(PurePosixPath(shown).parent)
    return "" if parent == "." else parent


def _parents(folder: str) -> tuple[PurePosixPath, ...]:
    return tuple(PurePosixPath(folder).parents) if folder else ()


def _common(where: Mapping[str, object]) -> str:
    """Return the deepest folder that holds all of these."""
    parts = [PurePosixPath(folder).parts for folder in where]
    shared: list[str] = []
    for level in zip(*parts, strict=False):
        if len(set(level)) > 1:
            break
        shared.append(level[0])
    return "/".join(shared)


def _image_token(image: Loose) -> bytes:
    """Return what tells a NIfTI file from another without reading all of it."""
    state = image.path.stat()
    with image.path.open("rb") as file:
        head = file.read(_HEAD)
        file.seek(max(0, state.st_size - _TAIL))
        tail = file.read(_TAIL)
    changed = b"" if PurePosixPath(image.shown).suffix == ".gz" else str(state.st_mtime_ns).encode()
    return b"\0".join([image.shown.encode(), str(state.st_size).encode(), head, tail, changed])


def _is(study: Study, key: Key, intake: Intake) -> bool:
    if key[0] == "dicom":
        return study.study_instance_uid == key[1] and not _source(study, intake)
    name = _source(study, intake)
    return bool(name) and visit_of(name) == key[1:]


def _source(study: Study, intake: Intake) -> str:
    """Return the path of an image of a NIfTI study, empty for DICOM."""
    names = (
        intake.nifti[one.series_instance_uid].name for one in study.series if one.series_instance_uid in intake.nifti
    )
    return next(names, "")


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
