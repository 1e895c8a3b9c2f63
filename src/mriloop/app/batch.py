"""CHECK over any number of studies: streamed as they are judged, in parallel, with memory that does not grow."""

from __future__ import annotations

import hashlib
from collections.abc import Container, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from contextlib import ExitStack
from dataclasses import dataclass, field
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from mriloop import __version__
from mriloop.app.check import (
    Answer,
    Checked,
    Judging,
    Plan,
    answer_of,
    join_study,
    likened,
    submit_series,
)
from mriloop.app.context import context_of
from mriloop.app.inputs import RUN_SALT, Progress, limits, silent
from mriloop.app.warm import PRELOAD
from mriloop.edges.dicom import Intake, Limits, Place, Survey
from mriloop.edges.jobs import make_executor, step_identity
from mriloop.model.errors import MriloopError
from mriloop.model.study import PerformedStep, Refused, Series, Study
from mriloop.settings import Settings

STEP = "checking studies"
_PARTS = ("imaging", "model", "stages/check", "edges/dicom", "knowledge/models")


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One study of a batch, with its answer.

    number : its place in the order of the input
    identity : of this check of this content: equal identities mean equal answers
    subject : what the answer is about: this study of this input, whatever its content
    path, folder : the input, and the folder inside it that holds the study
    context : for each SeriesInstanceUID what the tables say beside the answer: scanner, physics, grid, BIDS name
    """

    number: int
    identity: str
    subject: str
    path: Path
    folder: str
    checked: Checked
    context: Mapping[str, Mapping[str, Any]]


@dataclass(slots=True, kw_only=True)
class Tally:
    """What a stream of studies has come to so far.

    known : studies that were found; total : those and at least one for each path that was not walked yet
    skipped : identities that were done before; failed : studies that a bug stopped, with the kind of the bug
    """

    known: int = 0
    paths_left: int = 0
    done: int = 0
    skipped: list[str] = field(default_factory=list)
    failed: list[tuple[str, str]] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    patients: set[str] = field(default_factory=set)
    first_refusal: MriloopError | None = None

    @property
    def over(self) -> int:
        """Studies that need nothing more."""
        return self.done + len(self.skipped) + len(self.failed)


@dataclass(slots=True, eq=False)
class _Input:
    """One path; its survey stays open until the last of its studies is over."""

    survey: Survey
    path: Path
    left: int

    def leave(self, tally: Tally) -> None:
        self.left -= 1
        if self.left == 0:
            tally.refused += self.survey.refused
            self.survey.close()


@dataclass(slots=True, eq=False)
class _Open:
    """A study whose series are being checked."""

    source: _Input
    place: Place
    number: int
    identity: str
    study: Study
    intake: Intake
    plan: Plan
    performed: tuple[PerformedStep, ...]
    context: Mapping[str, Mapping[str, Any]]
    held: ExitStack
    waiting: dict[Future[Answer], Series] = field(default_factory=dict)
    answers: dict[str, Answer] = field(default_factory=dict)


class Stream:
    """Checks the studies under some paths and yields each result as soon as its last series is judged.

    Parameters
    ----------
    judging : protocols, norms and baseline; part of every identity
    done : identities that need no check any more: their studies are neither opened nor yielded
    basis : whatever else the answers rest on; part of every identity
    pictures : make the mosaics as well
    keep_going : note a study that a bug stops and go on, instead of raising the bug

    A path that is refused is noted in `tally` and the others go on. Iterating raises its refusal at the end where no
    path held anything to check. Leaving the loop early ends all jobs.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        settings: Settings,
        judging: Judging,
        *,
        done: Container[str] = (),
        basis: Sequence[str] = (),
        keep_going: bool = False,
        pictures: bool = False,
        progress: Progress = silent,
    ) -> None:
        self.tally = Tally(paths_left=len(paths))
        self._paths, self._settings, self._judging = paths, settings, judging
        self._done, self._basis, self._keep_going, self._progress = done, tuple(basis), keep_going, progress
        self._pictures = pictures
        self._version = check_version(judging)
        self._headers = 0

    def __iter__(self) -> Iterator[Result]:
        settings = self._settings
        busy: list[_Open] = []
        with make_executor(
            settings.executor, settings.workers, settings.step_timeout_s, settings.step_memory_gb, preload=PRELOAD
        ) as executor:
            enough = 2 * int(getattr(executor, "workers", 1))
            try:
                for number, (source, place) in enumerate(self._places()):
                    self._begin(executor, busy, source, place, number)
                    while sum(len(one.waiting) for one in busy) >= enough:
                        yield from self._finished(busy)
                while busy:
                    yield from self._finished(busy)
            finally:
                for one in busy:
                    one.held.close()
                    one.source.survey.close()
        if not self.tally.over and self.tally.first_refusal is not None:
            raise self.tally.first_refusal

    def _places(self) -> Iterator[tuple[_Input, Place]]:
        """Walk one path after the other and yield its studies; the next is walked when they have been begun."""
        for path in self._paths:
            self.tally.paths_left -= 1
            try:
                survey = Survey(
                    path, limits(self._settings), workers=self._settings.workers, progress=self._read, salt=RUN_SALT
                )
            except MriloopError as error:
                self._refuse(path, error)
                continue
            source = _Input(survey, path, len(survey.places))
            self.tally.known += len(survey.places)
            for place in survey.places:
                yield source, place
        self._progress("reading headers", self._headers, self._headers)

    def _read(self, files: int) -> None:
        self._headers += files
        self._progress("reading headers", self._headers, self._headers + 1)

    def _refuse(self, path: Path, error: MriloopError) -> None:
        if len(self._paths) == 1:
            raise error
        self.tally.first_refusal = self.tally.first_refusal or error
        self.tally.refused.append(Refused(path=str(path), code=error.code, message=error.message))

    def _begin(self, executor: Executor, busy: list[_Open], source: _Input, place: Place, number: int) -> None:
        """Open a study and hand its series out, unless it is done already or cannot be opened."""
        identity = step_identity("check", self._version, [place.digest, *self._basis])
        if identity in self._done:
            self.tally.skipped.append(identity)
            self._leave(source)
            return
        held = ExitStack()
        try:
            intake, study = held.enter_context(source.survey.open(place))
        except MriloopError as error:
            self.tally.refused.append(Refused(path=place.folder or ".", code=error.code, message=error.message))
            study = None
        if study is None:
            held.close()
            self._leave(source)
            return
        self.tally.patients.add(study.patient)
        plan = self._judging.plan(study)
        context = {
            series.series_instance_uid: context_of(series, intake.nifti.get(series.series_instance_uid))
            for series in study.series
        }
        one = _Open(source, place, number, identity, study, intake, plan, intake.performed, context, held)
        busy.append(one)
        for series in study.series:
            future = submit_series(executor, intake, series, plan, self._settings, pictures=self._pictures)
            one.waiting[future] = series

    def _finished(self, busy: list[_Open]) -> Iterator[Result]:
        """Wait for the next series; yield the studies that need no more."""
        waiting = [future for one in busy for future in one.waiting]
        over = wait(waiting, return_when=FIRST_COMPLETED).done if waiting else set()
        for one in list(busy):
            try:
                for future in over & one.waiting.keys():
                    series = one.waiting.pop(future)
                    one.answers[series.series_instance_uid] = answer_of(future, series, one.plan)
                if one.waiting:
                    continue
                result = _result(one, limits(self._settings))
            except Exception as error:
                if not self._keep_going:
                    raise
                for future in one.waiting:
                    future.cancel()
                self.tally.failed.append((one.place.folder or str(one.source.path), type(error).__name__))
                result = None
            busy.remove(one)
            one.held.close()
            if result is not None:
                self.tally.done += 1
                yield result
            self._leave(one.source)

    def _leave(self, source: _Input) -> None:
        source.leave(self.tally)
        self._progress(STEP, self.tally.over, self.tally.known + self.tally.paths_left)


def _result(one: _Open, spend: Limits) -> Result:
    answers = [one.answers[series.series_instance_uid] for series in one.study.series]
    answers = likened(one.intake, one.study, answers, spend)
    subject = "\0".join([str(one.source.path.resolve()), *one.place.key])
    return Result(
        number=one.number,
        identity=_again(one.identity) if any(check.unfinished for check, _ in answers) else one.identity,
        subject=hashlib.sha256(subject.encode("utf-8", "surrogatepass")).hexdigest()[:32],
        path=one.source.path,
        folder=one.place.folder,
        checked=join_study(one.study, one.plan, answers, one.performed),
        context=one.context,
    )


def _again(identity: str) -> str:
    """Return the identity of an answer that a stopped step left unfinished: the next call does not take it for done."""
    return hashlib.sha256(f"{identity} unfinished".encode()).hexdigest()


def check_version(judging: Judging) -> str:
    """Return what the answers depend on beside the input: this version, its code, and the knowledge in force."""
    return code_version(_PARTS, judging.digest)


def code_version(parts: Sequence[str], basis: str = "") -> str:
    """Return this version and a digest of these parts of its code, with whatever else the answers rest on."""
    total = hashlib.sha256(f"{__version__} {basis}".encode())
    package = resources.files("mriloop")
    for part in parts:
        _add(total, package.joinpath(*part.split("/")), part)
    return f"{__version__}+{total.hexdigest()[:16]}"


def _add(total: Any, folder: Traversable, name: str) -> None:
    for entry in sorted(folder.iterdir(), key=lambda one: one.name):
        if entry.is_dir() and entry.name != "__pycache__":
            _add(total, entry, f"{name}/{entry.name}")
        elif entry.is_file():
            total.update(f"{name}/{entry.name}".encode())
            total.update(entry.read_bytes())
