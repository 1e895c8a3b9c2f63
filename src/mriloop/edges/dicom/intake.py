"""Everything that one path holds, told apart: MR studies, what else was there, and what had to be refused."""

from __future__ import annotations

import hashlib
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType

from mriloop.edges.dicom.assemble import SeriesKey, build_series, build_study, group
from mriloop.edges.dicom.duplicates import file_digest, resolve
from mriloop.edges.dicom.gather import gather, refused
from mriloop.edges.dicom.identity import identity
from mriloop.edges.dicom.instance import Record
from mriloop.edges.dicom.limits import Limits
from mriloop.edges.dicom.nifti import NiftiSource, read_nifti
from mriloop.edges.dicom.reader import Loose, read_all
from mriloop.edges.dicom.sidecars import is_companion
from mriloop.model.errors import refuse
from mriloop.model.study import Frame, Identity, PerformedStep, Refused, Series, SeriesObject, Study


@dataclass(frozen=True, slots=True, kw_only=True)
class Other:
    """Objects of another modality that lay in the input. They are left out of every study and listed under refused."""

    modality: str
    count: int
    studies: tuple[str, ...]


class Digests(Mapping[str, str]):
    """SHA-256 over the sorted digests of the files of a series, computed when asked for."""

    def __init__(self, files: Mapping[str, tuple[Path, ...]]) -> None:
        self._files = files
        self._known: dict[str, str] = {}

    def __getitem__(self, series_instance_uid: str) -> str:
        if series_instance_uid not in self._known:
            total = hashlib.sha256()
            for one in sorted(file_digest(path) for path in self._files[series_instance_uid]):
                total.update(one.encode("ascii"))
            self._known[series_instance_uid] = total.hexdigest()
        return self._known[series_instance_uid]

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)


@dataclass(kw_only=True)
class Intake:
    """What one path held. A context manager: leaving it removes unpacked files, so load volumes inside.

    studies : MR studies, each with its image series and the other objects that belong to it
    others : objects of other modalities, left out
    refused : files that could not become part of a study, with their codes; paths are relative to the input
    identities : who the pseudonyms stand for
    files : for each SeriesInstanceUID, the files that count
    digest : for each SeriesInstanceUID, a digest of the content of its files, independent of their names and order
    performed : what scanners reported of the examinations, where such objects lay beside the images
    """

    studies: tuple[Study, ...]
    others: tuple[Other, ...]
    refused: tuple[Refused, ...]
    identities: tuple[Identity, ...]
    files: Mapping[str, tuple[Path, ...]]
    digest: Mapping[str, str]
    records: Mapping[tuple[str, str], tuple[Record, ...]] = field(repr=False)
    nifti: Mapping[str, NiftiSource] = field(repr=False)
    workspace: tempfile.TemporaryDirectory[str] | None = field(repr=False)
    performed: tuple[PerformedStep, ...] = ()

    def __enter__(self) -> Intake:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Remove the files that were unpacked for this input."""
        if self.workspace is not None:
            self.workspace.cleanup()

    def unnamed(self, study: Study) -> bool:
        """Say whether nothing tells whose study this is (NIfTI without a BIDS subject)."""
        return _anonymous(study, self.nifti)

    def part(self, series: Series) -> Intake:
        """Return what `load_volumes` needs of this input for one series: small, picklable, owning no file."""
        uid = series.series_instance_uid
        key = (series.study_instance_uid, uid)
        return Intake(
            studies=(),
            others=(),
            refused=(),
            identities=(),
            files={},
            digest={},
            records={key: self.records[key]} if key in self.records else {},
            nifti={uid: self.nifti[uid]} if uid in self.nifti else {},
            workspace=None,
        )


def read_intake(
    path: Path,
    limits: Limits,
    *,
    workers: int = 0,
    progress: Callable[[int, int], None] | None = None,
    several_patients: bool = False,
    salt: bytes = b"",
) -> Intake:
    """Read whatever lies at `path`: a folder of any nesting, a DICOM file, a zip, a NIfTI file or a BIDS folder.

    Parameters
    ----------
    workers : processes that read headers; 0 chooses by the number of files
    progress : called now and then with (files read, files in all)
    several_patients : accept studies of more than one patient (a whole collection) instead of refusing them
    salt : secret of the site under which pseudonyms are made; without one they hold for tests alone

    Raises
    ------
    SenderError
        input_not_found, input_not_supported, input_unreadable, input_empty, input_too_large, input_no_dicom (nothing
        is DICOM or NIfTI), input_no_mr (only other modalities), input_all_refused (`context["refused"]` lists why),
        two_patients, and the zip_… codes. A single file that is refused raises its own code.
    """
    workspace = tempfile.TemporaryDirectory(prefix="mriloop-", ignore_cleanup_errors=True)
    try:
        return _read(Path(path), limits, workers, progress, several_patients, salt, workspace)
    except BaseException:
        workspace.cleanup()
        raise


def _read(
    path: Path,
    limits: Limits,
    workers: int,
    progress: Callable[[int, int], None] | None,
    several_patients: bool,
    salt: bytes,
    workspace: tempfile.TemporaryDirectory[str],
) -> Intake:
    room = Path(workspace.name)
    found, rejected, single = gather(path, limits, room)
    records, loose, more, steps = read_all(found, limits, room, workers, progress)
    return join_files(
        path,
        records,
        loose,
        rejected + more,
        limits,
        performed=steps,
        salt=salt,
        several_patients=several_patients,
        single=single,
        workspace=workspace,
    )


def join_files(
    path: Path,
    records: Sequence[Record],
    loose: Sequence[Loose],
    rejected: list[Refused],
    limits: Limits,
    *,
    salt: bytes,
    performed: Sequence[PerformedStep] = (),
    several_patients: bool = False,
    single: bool = False,
    workspace: tempfile.TemporaryDirectory[str] | None = None,
) -> Intake:
    """Join files that were read one by one into studies. Raises as `read_intake`; closing it empties `workspace`."""
    count = len(records) + len(loose) + len(rejected) + len(performed)
    records, empty = _without_pixels(records, rejected)
    mr, others = _apart(records, rejected)
    kept, conflicting, counts, notes = resolve(mr, limits)
    rejected += [refused(record.shown, "file_duplicate_differs") for record in conflicting]
    groups = group(kept, salt)
    _one_patient_each(groups, path, rejected, several_patients=several_patients)
    studies, persons = _studies(groups, counts, notes, empty)
    nifti_studies, nifti_sources, nifti_refused = _nifti(loose, path, limits, salt)
    rejected += nifti_refused
    studies += nifti_studies
    _nothing_left(path, studies, rejected, others, count, single=single)
    patients = {study.patient for study in studies if not _anonymous(study, nifti_sources)}
    if len(patients) > 1 and not several_patients:
        raise refuse("two_patients", path=path, count=len(patients))
    files: dict[str, tuple[Path, ...]] = {}
    for (_, _, uid), members in groups.items():
        files[uid] = files.get(uid, ()) + tuple(member.path for member in members)
    files |= {uid: source.files for uid, source in nifti_sources.items()}
    return Intake(
        studies=tuple(
            sorted(studies, key=lambda study: (study.patient, str(study.started_at), study.study_instance_uid))
        ),
        others=tuple(others),
        refused=tuple(sorted(rejected, key=lambda entry: entry.path)),
        identities=tuple(persons.values()),
        files=files,
        digest=Digests(files),
        records={(study, uid): tuple(members) for (_, study, uid), members in groups.items()},
        nifti=nifti_sources,
        workspace=workspace,
        performed=tuple(performed),
    )


def _anonymous(study: Study, sources: Mapping[str, NiftiSource]) -> bool:
    """Say whether nothing tells whose study this is, so that it cannot contradict another."""
    return any(series.series_instance_uid in sources and not sources[series.series_instance_uid].subject
               for series in study.series)  # fmt: skip


def _without_pixels(
    records: Sequence[Record], rejected: list[Refused]
) -> tuple[list[Record], dict[tuple[str, str], tuple[Frame, ...]]]:
    """Take out the images without pixel data: they are refused, and their frames stay with their series as places."""
    kept: list[Record] = []
    empty: dict[tuple[str, str], tuple[Frame, ...]] = defaultdict(tuple)
    for record in records:
        if record.frames and record.pixels is None and record.object is SeriesObject.IMAGE:
            empty[record.study_instance_uid, record.series_instance_uid] += record.frames
            rejected.append(refused(record.shown, "file_no_pixels"))
        else:
            kept.append(record)
    return kept, empty


def _apart(records: Sequence[Record], rejected: list[Refused]) -> tuple[list[Record], list[Other]]:
    """Keep the records of studies that hold MR; count and refuse what belongs to other modalities."""
    companions = (SeriesObject.IMAGE,)
    with_mr = {record.study_instance_uid for record in records if record.modality == "MR"}
    kept: list[Record] = []
    count: Counter[str] = Counter()
    studies: dict[str, set[str]] = defaultdict(set)
    for record in records:
        companion = record.object not in companions and record.study_instance_uid in with_mr
        if record.modality == "MR" or companion:
            kept.append(record)
        else:
            count[record.modality] += 1
            studies[record.modality].add(record.study_instance_uid)
            rejected.append(refused(record.shown, "file_not_mr", modality=record.modality))
    return kept, [
        Other(modality=modality, count=number, studies=tuple(sorted(studies[modality])))
        for modality, number in sorted(count.items())
    ]


def _one_patient_each(
    groups: dict[SeriesKey, list[Record]], path: Path, rejected: list[Refused], *, several_patients: bool
) -> None:
    """Take out the studies whose UID two patients share: nobody can tell whose images these are."""
    patients: dict[str, set[str]] = defaultdict(set)
    for patient, study, _ in groups:
        patients[study].add(patient)
    shared = {study for study, names in patients.items() if len(names) > 1}
    if shared and not several_patients:
        raise refuse("two_patients", path=path, count=max(len(patients[study]) for study in shared))
    for key in [key for key in groups if key[1] in shared]:
        rejected += [refused(record.shown, "file_two_patients") for record in groups.pop(key)]


def _studies(
    groups: Mapping[SeriesKey, Sequence[Record]],
    counts: Mapping[str, int],
    notes: Mapping[str, str],
    empty: Mapping[tuple[str, str], tuple[Frame, ...]],
) -> tuple[list[Study], dict[str, Identity]]:
    series: dict[tuple[str, str], list[Series]] = defaultdict(list)
    firsts: dict[tuple[str, str], Record] = {}
    persons: dict[str, Identity] = {}
    for (patient, study, uid), members in groups.items():
        one = build_series(members, counts, notes)
        series[patient, study].append(replace(one, frames=one.frames + empty.get((study, uid), ())))
        if (patient, study) not in firsts or members[0].modality == "MR":
            firsts[patient, study] = members[0]
        persons.setdefault(patient, identity(members[0].person, patient))
    return [build_study(key[0], found, firsts[key]) for key, found in series.items()], persons


def _nifti(
    loose: Sequence[Loose], path: Path, limits: Limits, salt: bytes
) -> tuple[list[Study], dict[str, NiftiSource], list[Refused]]:
    images = [one for one in loose if one.kind == "nifti"]
    if not images:
        return [], {}, [refused(one.shown, "file_not_dicom") for one in loose]
    studies, sources, rejected, used = read_nifti(images, loose, path, limits, salt)
    rest = [one for one in loose if one.kind != "nifti" and one.shown not in used and not is_companion(one.shown)]
    return studies, sources, rejected + [refused(one.shown, "file_not_dicom") for one in rest]


def _nothing_left(
    path: Path,
    studies: Sequence[Study],
    rejected: Sequence[Refused],
    others: Sequence[Other],
    count: int,
    *,
    single: bool,
) -> None:
    """Raise the refusal of the whole input when no MR study came of it."""
    if studies:
        return
    telling = [
        entry for entry in rejected if entry.code not in ("file_not_dicom", "file_not_mr", "file_nested_archive")
    ]
    if single and telling:
        context = {"limit": "the limit for one file", "setting": "MRILOOP_MAX_FILE_MB", "syntax": "of this file"}
        raise refuse(telling[0].code, path=path, **context)
    if telling:
        raise refuse("input_all_refused", path=path, count=len(telling), code=telling[0].code, refused=tuple(rejected))
    if others:
        found = ", ".join(f"{other.count} {other.modality}" for other in others)
        raise refuse("input_no_mr", path=path, modalities=found)
    if single:
        raise refuse("input_not_supported", path=path)
    raise refuse("input_no_dicom", path=path, count=count)
