"""CHECK as a use case: every series of every study under a path, each in a process of its own."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, as_completed
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mriloop.app.inputs import Progress, limits, open_input, silent
from mriloop.edges.dicom import Intake, Limits, load_volumes
from mriloop.edges.jobs import make_executor
from mriloop.edges.knowledge.models import load_motion_model
from mriloop.edges.knowledge.protocols import load_protocols
from mriloop.edges.publish.documents import check_document
from mriloop.edges.publish.figures import marks_for, mosaic
from mriloop.model.errors import Exit, MriloopError, OperatorError, refuse
from mriloop.model.protocol import Protocol, SeriesProtocol
from mriloop.model.quality import SeriesCheck, SeriesKind, StudyCheck, Verdict
from mriloop.model.study import Refused, Series, SeriesObject, Study
from mriloop.settings import Settings
from mriloop.stages.check import check_series, check_study, choose_protocol, identify_study, match_series

PRELOAD = ("mriloop.edges.dicom", "mriloop.stages.check", "mriloop.edges.publish.figures")


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A study with the answer of CHECK, the kinds of its series, and their mosaics (PNG) where they were asked for."""

    study: Study
    check: StudyCheck
    kinds: Mapping[str, SeriesKind]
    mosaics: Mapping[str, bytes] = field(default_factory=dict)

    @staticmethod
    def unread(study: Study) -> Checked:
        """Return a study that has been received and not checked yet."""
        pending = StudyCheck(study_instance_uid=study.study_instance_uid, verdict=Verdict.NOT_ASSESSABLE, series=())
        return Checked(study=study, check=pending, kinds={})

    @property
    def series(self) -> dict[str, SeriesCheck]:
        """The checks by SeriesInstanceUID."""
        return {one.series_instance_uid: one for one in self.check.series}


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckOutcome:
    """What `mriloop check` found under a path."""

    checks: tuple[StudyCheck, ...]
    refused: tuple[Refused, ...]
    warnings: tuple[str, ...] = ()

    @property
    def exit(self) -> Exit:
        """Say whether something needs a person: a series to repeat that has not been repeated with success."""
        verdicts = {check.verdict for check in self.checks}
        verdicts |= {
            one.verdict
            for check in self.checks
            for one in check.series
            if one.series_instance_uid not in check.superseded
        }
        return Exit.NEEDS_PERSON if Verdict.REPEAT in verdicts else Exit.DONE

    def document(self) -> dict[str, Any]:
        """Return the document `mriloop/check/1`."""
        return {**check_document(self.checks, self.refused), "warnings": list(self.warnings)}


def check_path(
    path: Path, settings: Settings, *, protocol: str | None = None, progress: Progress = silent
) -> CheckOutcome:
    """Check everything under a path. Studies of several patients are checked one by one, and this is said."""
    with open_input(path, settings, progress=progress, many=True) as intake:
        found = check_intake(intake, settings, protocol=protocol, progress=progress)
        patients = len({study.patient for study in intake.studies})
        warnings = (f"{patients} patients under one path: each was checked alone",) if patients > 1 else ()
        return CheckOutcome(checks=tuple(one.check for one in found), refused=intake.refused, warnings=warnings)


def check_intake(
    intake: Intake,
    settings: Settings,
    *,
    studies: Sequence[Study] | None = None,
    protocol: str | None = None,
    pictures: bool = False,
    progress: Progress = silent,
    step: str = "checking series",
) -> tuple[Checked, ...]:
    """Check the studies of an input (default: all), in their order. With `pictures`, make the mosaics as well."""
    protocols = load_protocols(settings.site_path)
    if protocol is not None and protocol not in protocols:
        raise refuse("knowledge_unknown", kind="protocol", name=protocol)
    chosen = intake.studies if studies is None else tuple(studies)
    kinds = {study.study_instance_uid: identify_study(study) for study in chosen}
    plans = {
        study.study_instance_uid: protocols[protocol]
        if protocol
        else choose_protocol(study, kinds[study.study_instance_uid], protocols)
        for study in chosen
    }
    with make_executor(
        settings.executor, settings.workers, settings.step_timeout_s, settings.step_memory_gb, preload=PRELOAD
    ) as executor:
        jobs = {
            executor.submit(
                check_one,
                intake.part(series),
                series,
                kinds[study.study_instance_uid][series.series_instance_uid],
                _line(plans[study.study_instance_uid], kinds[study.study_instance_uid], series),
                limits(settings),
                pictures,
            ): (study.study_instance_uid, series)
            for study in chosen
            for series in study.series
        }
        answers = dict(_collect(jobs, kinds, progress, step))
    result = []
    for study in chosen:
        own = [answers[study.study_instance_uid, series.series_instance_uid] for series in study.series]
        check = check_study(study, [one for one, _ in own], plans[study.study_instance_uid])
        mosaics = {one.series_instance_uid: png for one, png in own if png}
        result.append(Checked(study=study, check=check, kinds=kinds[study.study_instance_uid], mosaics=mosaics))
    return tuple(result)


def check_one(
    part: Intake,
    series: Series,
    kind: SeriesKind,
    protocol: SeriesProtocol | None,
    spend: Limits,
    pictures: bool,
) -> tuple[SeriesCheck, bytes]:
    """Check one series, by its voxels where they can be had and by its headers alone where not.

    Returns the check and its mosaic (empty without `pictures` or voxels). Runs in a process of its own.
    """
    volumes = None
    if series.object is SeriesObject.IMAGE:
        with contextlib.suppress(MriloopError):
            volumes = load_volumes(part, series, spend)
    check = check_series(series, volumes, kind=kind, protocol=protocol, motion_model=load_motion_model())
    if not pictures or not volumes:
        return check, b""
    return check, mosaic(volumes[0], marks=marks_for(check.completeness, volumes[0]))


def _line(protocol: Protocol | None, kinds: Mapping[str, SeriesKind], series: Series) -> SeriesProtocol | None:
    return None if protocol is None else match_series(kinds[series.series_instance_uid], series, protocol)


Answer = tuple[SeriesCheck, bytes]


def _collect(
    jobs: Mapping[Future[Answer], tuple[str, Series]],
    kinds: Mapping[str, Mapping[str, SeriesKind]],
    progress: Progress,
    step: str,
) -> Iterator[tuple[tuple[str, str], Answer]]:
    """Yield each answer as it comes; a job that was stopped or crashed leaves its series without a verdict."""
    progress(step, 0, len(jobs))
    for done, future in enumerate(as_completed(jobs), 1):
        study, series = jobs[future]
        try:
            answer = future.result()
        except OperatorError as error:
            answer = (_not_assessed(series, kinds[study][series.series_instance_uid], error), b"")
        yield (study, series.series_instance_uid), answer
        progress(step, done, len(jobs))


def _not_assessed(series: Series, kind: SeriesKind, error: OperatorError) -> SeriesCheck:
    check = check_series(replace(series, notes=(*series.notes, error.message)), None, kind=kind, protocol=None)
    return replace(check, verdict=Verdict.NOT_ASSESSABLE)
