"""COMPARE over a longitudinal BIDS dataset: every session against the one before and the baseline, to be resumed."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from mriloop.app.batch import code_version
from mriloop.app.check import Checked, check_intake
from mriloop.app.compare import run_compare
from mriloop.app.compare_files import changing
from mriloop.app.inputs import RUN_SALT, Progress, limits, silent
from mriloop.edges.dicom import Intake, Place, Session, Survey, sessions_in_order, write_nifti
from mriloop.edges.jobs import step_identity
from mriloop.edges.publish.documents import comparison_document
from mriloop.edges.publish.tables import Journal, write_longitudinal, write_refused
from mriloop.edges.publish.tables.longitudinal import JOURNAL, SCHEMA
from mriloop.model.errors import Exit, MriloopError, refuse
from mriloop.model.study import Refused, Study
from mriloop.settings import Settings
from mriloop.stages.compare import Compared, choose_priors

STEP = "comparing sessions"
_FOLDERS = frozenset({"anat", "dwi"})
_PARTS = ("imaging", "model", "stages/check", "stages/compare", "edges/dicom")
_PASSING = ("job_timeout", "job_memory", "job_crashed")
"""Refusals that say something of the machine: such a session is tried again by the next call."""

Line = Mapping[str, Any]
OnLine = Callable[[Line, "LongitudinalTally"], None]


@dataclass(slots=True, kw_only=True)
class LongitudinalTally:
    """What a batch has come to so far: sessions that have an earlier one, and what became of them.

    failed : sessions that a bug stopped, with the kind of the bug; they are tried again by the next call
    """

    total: int = 0
    compared: int = 0
    skipped: int = 0
    failed: list[tuple[str, str]] = field(default_factory=list)
    left_out: list[Refused] = field(default_factory=list)

    @property
    def over(self) -> int:
        """Sessions that need nothing more in this run."""
        return self.compared + self.skipped + len(self.failed)


@dataclass(frozen=True, slots=True, kw_only=True)
class LongitudinalOutcome:
    """What a folder of comparisons has come to.

    compared, skipped, failed : sessions compared by this run, done before it, stopped by a bug
    pairs : rows of the table; refused : those of them in which nothing was compared
    left_out : subjects and files that took no part, with code and reason
    """

    out: Path
    compared: int
    skipped: int
    failed: tuple[tuple[str, str], ...]
    pairs: int
    refused: int
    left_out: tuple[Refused, ...]
    files: tuple[Path, ...]

    @property
    def exit(self) -> Exit:
        """Return the exit code: a bug before the rest."""
        return Exit.BUG if self.failed else Exit.DONE

    def document(self) -> dict[str, Any]:
        """Return what `mriloop compare-bids --json` prints."""
        return {
            "schema": "mriloop/longitudinal-summary/1",
            "out": str(self.out),
            "compared": self.compared,
            "skipped": self.skipped,
            "failed": [{"session": place, "bug": kind} for place, kind in self.failed],
            "pairs": self.pairs,
            "refused": self.refused,
            "left_out": [{"path": r.path, "code": r.code, "message": r.message} for r in self.left_out],
            "files": [str(path) for path in self.files],
        }


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Subject:
    """A subject with at least two sessions, the earliest first."""

    label: str
    sessions: tuple[Session, ...]
    places: tuple[Place, ...]
    ordered_by: str


def compare_bids(
    root: Path,
    out: Path,
    settings: Settings,
    *,
    participants: Sequence[str] = (),
    baseline: bool = True,
    maps: bool = True,
    progress: Progress = silent,
    on_line: OnLine | None = None,
) -> LongitudinalOutcome:
    """Compare the sessions of every subject of a BIDS dataset with the ones before them.

    Each session is held against its previous usable session and, unless `baseline` is False, the first usable one.
    Only images under anat/ and dwi/ take part. `out` becomes a BIDS derivative: a line in comparisons.jsonl and the
    maps (unless `maps` is False) for each session as soon as it is done, then longitudinal.tsv over all of them. The
    same call goes on where the last one ended. `participants` (labels with or without `sub-`) limits the work.

    A subject that cannot be read, or whose comparison is refused, gets a row with its code and stops nothing; a session
    that a bug stops is tried again by the next call.

    Raises
    ------
    SenderError
        input_not_found, bids_no_visits, and what a dataset as a whole is refused for.
    OperatorError
        out_not_writable, usage_not_a_folder, out_busy, out_not_ours.
    """
    if not root.exists():
        raise refuse("input_not_found", path=root)
    tally = LongitudinalTally()
    wanted = {label.removeprefix("sub-") for label in participants}
    with Survey(root, limits(settings), workers=settings.workers, salt=RUN_SALT) as survey:
        subjects = _subjects(root, survey.places, wanted, tally)
        if not subjects:
            raise refuse("bids_no_visits", path=root)
        tally.total = sum(len(one.sessions) - 1 for one in subjects)
        with Journal(out, name=JOURNAL, schema=SCHEMA) as journal:
            work = _Work(survey, journal, out, settings, baseline, maps, tally, progress, on_line)
            _in_turn(work, subjects, settings)
            left_out = (*tally.left_out, *survey.refused)
            files = write_longitudinal(out, journal, root.resolve().as_uri())
            files += (write_refused(out / "left_out.tsv", left_out, dialect="excel-tab"),)
            pairs = [pair for line in journal for pair in line["pairs"]]
    return LongitudinalOutcome(
        out=out,
        compared=tally.compared,
        skipped=tally.skipped,
        failed=tuple(tally.failed),
        pairs=len(pairs),
        refused=sum(pair["code"] is not None for pair in pairs),
        left_out=left_out,
        files=files,
    )


def _in_turn(work: _Work, subjects: Sequence[_Subject], settings: Settings) -> None:
    """Do the subjects, several at a time; an interrupt lets none begin any more."""
    at_once = 1 if settings.executor == "serial" else int(settings.workers) or os.cpu_count() or 1
    with ThreadPoolExecutor(max_workers=at_once) as pool:
        waiting = [pool.submit(work.subject, one) for one in subjects]
        try:
            for future in waiting:
                future.result()
        except BaseException:
            work.stopped = True
            for future in waiting:
                future.cancel()
            raise


def _subjects(root: Path, places: Sequence[Place], wanted: set[str], tally: LongitudinalTally) -> list[_Subject]:
    visits: dict[str, dict[str, Place]] = {}
    for place in places:
        if place.key[0] == "nifti" and len(place.key) == 3 and place.key[1]:
            visits.setdefault(place.key[1], {})[place.key[2]] = place
    subjects = []
    for label, of in sorted(visits.items()):
        if wanted and label not in wanted:
            continue
        if len(of) < 2:
            code, path = "bids_one_session", f"sub-{label}"
            tally.left_out.append(Refused(path=path, code=code, message=refuse(code, path=path).message))
            continue
        sessions, ordered_by = sessions_in_order(root, label, sorted(of))
        found = tuple(of[session.label] for session in sessions)
        subjects.append(_Subject(label=label, sessions=sessions, places=found, ordered_by=ordered_by))
    return subjects


class _Work:
    """Does the subjects one by one, from several threads; what is shared is taken in turns."""

    def __init__(
        self,
        survey: Survey,
        journal: Journal,
        out: Path,
        settings: Settings,
        baseline: bool,
        maps: bool,
        tally: LongitudinalTally,
        progress: Progress,
        on_line: OnLine | None,
    ) -> None:
        self._survey, self._journal, self._out = survey, journal, out
        self._settings = Settings({**settings.values, "workers": 1})
        self._baseline, self._maps = baseline, maps
        self._tally, self._progress, self._on_line = tally, progress, on_line
        self._turn = threading.Lock()
        self._version = code_version(_PARTS)
        self.stopped = False

    def subject(self, one: _Subject) -> None:
        """Compare every session of a subject that is not done yet."""
        with ExitStack() as stack:
            checked: dict[int, tuple[Intake, Checked] | MriloopError] = {}
            for number in range(1, len(one.sessions)):
                if self.stopped:
                    return
                identity = self._identity(one, number)
                if identity in self._journal:
                    self._tally.skipped += 1
                else:
                    self._session(one, number, identity, checked, stack)
                self._progress(STEP, self._tally.over, self._tally.total)

    def _identity(self, one: _Subject, number: int) -> str:
        """Of this session beside all earlier ones: a later session changes nothing, a mended earlier one all after."""
        options = f"baseline {self._baseline} maps {self._maps} order {one.ordered_by}"
        visits = [f"{one.label} {s.label} {p.digest}" for s, p in zip(one.sessions, one.places, strict=True)]
        return step_identity("compare-bids", self._version, [options, *visits[: number + 1]])

    def _session(
        self,
        one: _Subject,
        number: int,
        identity: str,
        checked: dict[int, tuple[Intake, Checked] | MriloopError],
        stack: ExitStack,
    ) -> None:
        shown = f"sub-{one.label}/ses-{one.sessions[number].label}"
        try:
            pairs = self._pairs(one, number, checked, stack)
        except Exception as error:  # noqa: BLE001  a bug in one subject must not stop the others
            with self._turn:
                self._tally.failed.append((shown, type(error).__name__))
            return
        passing = any(pair["code"] in _PASSING for pair in pairs)
        line = {
            "schema": SCHEMA,
            "identity": step_identity("unfinished", self._version, [identity]) if passing else identity,
            "subject": shown,
            "participant": one.label,
            "session": one.sessions[number].label,
            "number": number,
            "ordered_by": one.ordered_by,
            "pairs": pairs,
        }
        with self._turn:
            self._journal.append(line)
            self._tally.compared += 1
            if self._on_line is not None:
                self._on_line(line, self._tally)

    def _pairs(
        self,
        one: _Subject,
        number: int,
        checked: dict[int, tuple[Intake, Checked] | MriloopError],
        stack: ExitStack,
    ) -> list[dict[str, Any]]:
        """Compare a session with its previous one and the baseline; what is refused becomes a pair with its code."""
        visits = {n: self._checked(one, n, checked, stack) for n in range(number + 1)}
        today = visits[number]
        if isinstance(today, MriloopError):
            return [_refused(one, number, number - 1, "previous", today)]
        earlier = {n: v for n, v in visits.items() if n < number and not isinstance(v, MriloopError)}
        if not earlier:
            broken = visits[number - 1]
            assert isinstance(broken, MriloopError)
            return [_refused(one, number, number - 1, "previous", broken)]
        known = [today, *earlier.values()]
        chosen = choose_priors(
            today[1].study,
            [v[1].study for v in earlier.values()],
            {uid: kind for _, c in known for uid, kind in c.kinds.items()},
            checks={uid: check for _, c in known for uid, check in c.series.items()},
        )
        by_study = {v[1].study.study_instance_uid: n for n, v in earlier.items()}
        previous, first = (
            None if study is None else by_study[study.study_instance_uid]
            for study in (chosen.previous, chosen.baseline)
        )
        roles: dict[int, list[str]] = {}
        roles.setdefault(max(earlier) if previous is None else previous, []).append("previous")
        if self._baseline and first is not None:
            roles.setdefault(first, []).append("baseline")
        return [self._pair(one, number, n, "+".join(names), today, earlier[n]) for n, names in roles.items()]

    def _pair(
        self,
        one: _Subject,
        number: int,
        before: int,
        role: str,
        today: tuple[Intake, Checked],
        prior: tuple[Intake, Checked],
    ) -> dict[str, Any]:
        try:
            compared = run_compare([today[0], prior[0]], [today[1], prior[1]], self._settings)
        except MriloopError as error:
            return _refused(one, number, before, role, error)
        images = {
            series.series_instance_uid: PurePosixPath(intake.nifti[series.series_instance_uid].name).name
            for intake, visit in (today, prior)
            for series in visit.study.series
        }
        document = comparison_document(compared.comparison)
        if self._maps:
            self._write(one, number, before, compared, document, images)
        return {**_head(one, number, before, role), "comparison": document, "images": images}

    def _checked(
        self,
        one: _Subject,
        number: int,
        checked: dict[int, tuple[Intake, Checked] | MriloopError],
        stack: ExitStack,
    ) -> tuple[Intake, Checked] | MriloopError:
        """Return a session that CHECK has judged, once; or what it was refused for."""
        if number not in checked:
            place = one.places[number]
            try:
                with self._turn:
                    intake, study = stack.enter_context(self._survey.open(place))
                study = None if study is None else _pictures(study, intake)
                if study is None or not study.series:
                    raise refuse("compare_one_series", path=place.folder or ".")
                study = replace(study, started_at=one.sessions[number].at or study.started_at)
                checked[number] = intake, check_intake(intake, self._settings, studies=[study])[0]
            except MriloopError as error:
                checked[number] = error
        return checked[number]

    def _write(
        self,
        one: _Subject,
        number: int,
        before: int,
        compared: Compared,
        document: Mapping[str, Any],
        images: Mapping[str, str],
    ) -> None:
        """Write the maps of a pair under names of BIDS, on the voxels of the later session's image."""
        today, prior = one.sessions[number].label, one.sessions[before].label
        folder = self._out / f"sub-{one.label}" / f"ses-{today}" / "anat"
        folder.mkdir(parents=True, exist_ok=True)
        stem = f"sub-{one.label}_ses-{today}"
        _json(folder / f"{stem}_desc-since{_plain(prior)}_comparison.json", document)
        pair = changing(compared) or next(iter(compared.images), None)
        if pair is None:
            return
        suffix = images[pair.prior].split(".")[0].rpartition("_")[2]
        about = {"Sources": [images[pair.today], images[pair.prior]], "SkullStripped": False}
        for name, ending, data, said in (
            ("prior", suffix, pair.prior_on_today.data, "the earlier session's image on the later one's voxels"),
            ("difference", suffix, pair.subtraction.data, "later less earlier session in units of noise"),
        ):
            path = folder / f"{stem}_desc-{name}{_plain(prior)}_{ending}"
            write_nifti(path.with_suffix(".nii.gz"), np.asarray(data, np.float32), pair.prior_on_today.affine)
            _json(path.with_suffix(".json"), {"Description": said, **about})
        if pair.changes_today is not None:
            path = folder / f"{stem}_desc-changes{_plain(prior)}_dseg"
            labels = pair.changes_today.astype(np.int16)
            write_nifti(path.with_suffix(".nii.gz"), labels, pair.today_volume.affine)
            _json(path.with_suffix(".json"), {"Description": "labels: `index` of the table of this name", **about})
            rows = ["index\tname", *(f"{c['id']}\t{c['kind']}" for c in document["changes"])]
            path.with_suffix(".tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")


def _pictures(study: Study, intake: Intake) -> Study:
    """Return the study with its images under anat/ and dwi/ alone."""
    places = {
        s.series_instance_uid: PurePosixPath(intake.nifti[s.series_instance_uid].name).parent.name
        for s in study.series
        if s.series_instance_uid in intake.nifti
    }
    return replace(study, series=tuple(s for s in study.series if places.get(s.series_instance_uid) in _FOLDERS))


def _head(one: _Subject, number: int, before: int, role: str) -> dict[str, Any]:
    first, second = one.sessions[before].at, one.sessions[number].at
    timed = first is not None and second is not None and one.ordered_by == "acq_time"
    return {
        "session": one.sessions[before].label,
        "role": role,
        "interval_d": round((second - first).total_seconds() / 86400, 3) if timed and first and second else None,
        "code": None,
        "message": None,
        "comparison": None,
        "images": {},
    }


def _refused(one: _Subject, number: int, before: int, role: str, error: MriloopError) -> dict[str, Any]:
    return {**_head(one, number, before, role), "code": error.code, "message": error.message}


def _plain(label: str) -> str:
    return "".join(c for c in label if c.isalnum())


def _json(path: Path, content: Mapping[str, Any]) -> None:
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")
