"""CHECK as a use case: every series of every study under a path, each in a process of its own."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, as_completed
from dataclasses import dataclass, field, replace
from typing import Any

from mriloop.app.inputs import Progress, limits, silent
from mriloop.edges.dicom import Intake, Limits, load_volumes
from mriloop.edges.jobs import make_executor
from mriloop.edges.knowledge.protocols import load_protocols
from mriloop.edges.publish.documents import check_document
from mriloop.edges.publish.figures import marks_for, mosaic
from mriloop.model.errors import Exit, MriloopError, OperatorError, refuse
from mriloop.model.protocol import Protocol, SeriesProtocol
from mriloop.model.quality import SeriesCheck, SeriesKind, StudyCheck, Verdict
from mriloop.model.study import Refused, Series, SeriesObject, Study
from mriloop.settings import Settings
from mriloop.stages.check import check_series, check_study, choose_protocol, identify_study, match_series

Answer = tuple[SeriesCheck, bytes]
"""The check of a series, and its mosaic (PNG) or nothing."""

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
    """What `mriloop check` found under its paths."""

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
    protocols = known_protocols(settings, protocol)
    chosen = intake.studies if studies is None else tuple(studies)
    plans = {study.study_instance_uid: plan_study(study, protocols, protocol) for study in chosen}
    with make_executor(
        settings.executor, settings.workers, settings.step_timeout_s, settings.step_memory_gb, preload=PRELOAD
    ) as executor:
        jobs = {
            submit_series(executor, intake, series, plans[study.study_instance_uid], settings, pictures): (
                study.study_instance_uid,
                series,
            )
            for study in chosen
            for series in study.series
        }
        answers = dict(_collect(jobs, plans, progress, step))
    return tuple(
        join_study(
            study,
            plans[study.study_instance_uid],
            [answers[study.study_instance_uid, series.series_instance_uid] for series in study.series],
        )
        for study in chosen
    )


@dataclass(frozen=True, slots=True)
class Plan:
    """What every series of a study is, and the protocol that the study is held against."""

    kinds: Mapping[str, SeriesKind]
    protocol: Protocol | None


def known_protocols(settings: Settings, wanted: str | None) -> Mapping[str, Protocol]:
    """Return the protocols of the site. Raises OperatorError knowledge_unknown where the wanted one is none of them."""
    protocols = load_protocols(settings.site_path)
    if wanted is not None and wanted not in protocols:
        raise refuse("knowledge_unknown", kind="protocol", name=wanted)
    return protocols


def plan_study(study: Study, protocols: Mapping[str, Protocol], wanted: str | None) -> Plan:
    """Identify the series of a study and choose its protocol: the wanted one, else by its region."""
    kinds = identify_study(study)
    return Plan(kinds, protocols[wanted] if wanted else choose_protocol(study, kinds, protocols))


def submit_series(
    executor: Executor, intake: Intake, series: Series, plan: Plan, settings: Settings, pictures: bool = False
) -> Future[Answer]:
    """Hand one series out to be checked."""
    kind = plan.kinds[series.series_instance_uid]
    line = None if plan.protocol is None else match_series(kind, series, plan.protocol)
    return executor.submit(check_one, intake.part(series), series, kind, line, limits(settings), pictures)


def answer_of(future: Future[Answer], series: Series, plan: Plan) -> Answer:
    """Return the answer of a job that is over; one that was stopped or crashed leaves its series without a verdict."""
    try:
        return future.result()
    except OperatorError as error:
        spoken = replace(series, notes=(*series.notes, error.message))
        check = check_series(spoken, None, kind=plan.kinds[series.series_instance_uid], protocol=None)
        return replace(check, verdict=Verdict.NOT_ASSESSABLE), b""


def join_study(study: Study, plan: Plan, answers: Sequence[Answer]) -> Checked:
    """Return the check of a study from those of its series, in their order."""
    check = check_study(study, [one for one, _ in answers], plan.protocol)
    mosaics = {one.series_instance_uid: png for one, png in answers if png}
    return Checked(study=study, check=check, kinds=plan.kinds, mosaics=mosaics)


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
    check = check_series(series, volumes, kind=kind, protocol=protocol)
    if not pictures or not volumes:
        return check, b""
    return check, mosaic(volumes[0], marks=marks_for(check.completeness, volumes[0]))


def _collect(
    jobs: Mapping[Future[Answer], tuple[str, Series]], plans: Mapping[str, Plan], progress: Progress, step: str
) -> Iterator[tuple[tuple[str, str], Answer]]:
    """Yield each answer as it comes."""
    progress(step, 0, len(jobs))
    for done, future in enumerate(as_completed(jobs), 1):
        study, series = jobs[future]
        yield (study, series.series_instance_uid), answer_of(future, series, plans[study])
        progress(step, done, len(jobs))
