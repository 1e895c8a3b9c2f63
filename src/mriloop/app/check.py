"""CHECK as a use case: every series of every study of an input, each in a process of its own."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, as_completed
from dataclasses import dataclass, field, replace
from typing import Any

from mriloop.app.inputs import Progress, limits, silent
from mriloop.app.norms import norms_in_force
from mriloop.app.warm import PRELOAD
from mriloop.edges.dicom import Intake, Limits, load_volumes, open_volumes
from mriloop.edges.jobs import make_executor
from mriloop.edges.knowledge.models import load_motion_model
from mriloop.edges.knowledge.protocols import load_protocols
from mriloop.edges.publish.documents import check_document
from mriloop.edges.publish.figures import marks_for, mosaic
from mriloop.model.errors import Exit, MriloopError, OperatorError, refuse
from mriloop.model.norm import Baseline, Norm
from mriloop.model.protocol import Protocol, SeriesProtocol
from mriloop.model.quality import SeriesCheck, SeriesKind, StudyCheck, Verdict
from mriloop.model.study import PerformedStep, Refused, Series, SeriesObject, Study
from mriloop.model.volume import Volume
from mriloop.settings import Settings
from mriloop.stages.check import check_series, check_study, choose_protocol, identify_study, match_study
from mriloop.stages.check.baseline import against_baseline
from mriloop.stages.check.limits import Limits as JudgedBy
from mriloop.stages.check.reference import placed, reference_measures
from mriloop.stages.check.repeats import surely_runs
from mriloop.stages.check.thresholds import circumstances_of, limits_for

Answer = tuple[SeriesCheck, bytes]
"""The check of a series, and its mosaic (PNG) or nothing."""


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
    """What `mriloop check` found under its paths. `found` holds the studies with their pictures, for a report."""

    checks: tuple[StudyCheck, ...]
    refused: tuple[Refused, ...]
    warnings: tuple[str, ...] = ()
    found: tuple[Checked, ...] = ()

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How one study is judged: what each series is, its line of the protocol where it has one, and its limits."""

    kinds: Mapping[str, SeriesKind]
    protocol: Protocol | None
    lines: Mapping[str, SeriesProtocol]
    limits: Mapping[str, JudgedBy]
    baseline: Baseline | None
    brain: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Judging:
    """How every study of a run is judged.

    wanted : the protocol that all are held against; None chooses by the region
    indication : what norms may ask of the clinical question
    baseline : the history that each series is held against, None for none
    brain : take the measures of structural brains as well, which cost seconds each
    """

    protocols: Mapping[str, Protocol]
    norms: tuple[Norm, ...]
    wanted: str | None = None
    indication: str = ""
    baseline: Baseline | None = None
    brain: bool = False

    @staticmethod
    def of(
        settings: Settings,
        protocol: str | None = None,
        indication: str = "",
        baseline: Baseline | None = None,
        *,
        brain: bool = False,
    ) -> Judging:
        """Read protocols and norms of the site. Raises OperatorError knowledge_unknown, knowledge_invalid."""
        protocols = load_protocols(settings.site_path)
        if protocol is not None and protocol not in protocols:
            raise refuse("knowledge_unknown", kind="protocol", name=protocol)
        return Judging(
            protocols=protocols,
            norms=norms_in_force(settings.site_path, protocols),
            wanted=protocol,
            indication=indication,
            baseline=baseline,
            brain=brain,
        )

    @property
    def digest(self) -> str:
        """SHA-256 over all of it: equal digests judge alike."""
        parts = (sorted(self.protocols.items()), self.norms, self.wanted, self.indication, self.baseline, self.brain)
        return hashlib.sha256(repr(parts).encode("utf-8", "surrogatepass")).hexdigest()

    def plan(self, study: Study) -> Plan:
        """Identify the series of a study; choose its protocol and the limits of each series."""
        kinds = identify_study(study)
        protocol = self.protocols[self.wanted] if self.wanted else choose_protocol(study, kinds, self.protocols)
        judged = {
            series.series_instance_uid: limits_for(
                self.norms,
                circumstances_of(
                    series,
                    kinds[series.series_instance_uid],
                    protocol.id if protocol else None,
                    self.indication,
                ),
            )
            for series in study.series
        }
        lines = match_study(study, kinds, protocol)
        return Plan(
            kinds=kinds, protocol=protocol, lines=lines, limits=judged, baseline=self.baseline, brain=self.brain
        )


def check_intake(
    intake: Intake,
    settings: Settings,
    *,
    studies: Sequence[Study] | None = None,
    protocol: str | None = None,
    indication: str = "",
    baseline: Baseline | None = None,
    pictures: bool = False,
    progress: Progress = silent,
    step: str = "checking series",
) -> tuple[Checked, ...]:
    """Check the studies of an input (default: all), in their order. With `pictures`, make the mosaics as well.

    Each series is judged by the limits that the norms give it; `indication` is what norms may ask of the question.
    With a `baseline` each is held against the history of its own kind, too.
    """
    judging = Judging.of(settings, protocol, indication, baseline)
    chosen = intake.studies if studies is None else tuple(studies)
    plans = {study.study_instance_uid: judging.plan(study) for study in chosen}
    with make_executor(
        settings.executor, settings.workers, settings.step_timeout_s, settings.step_memory_gb, preload=PRELOAD
    ) as executor:
        jobs = {
            submit_series(executor, intake, series, plans[study.study_instance_uid], settings, pictures=pictures): (
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
            likened(
                intake,
                study,
                [answers[study.study_instance_uid, series.series_instance_uid] for series in study.series],
                limits(settings),
            ),
            intake.performed,
        )
        for study in chosen
    )


def check_one(
    part: Intake,
    series: Series,
    kind: SeriesKind,
    protocol: SeriesProtocol | None,
    judged_by: JudgedBy,
    spend: Limits,
    pictures: bool,
    brain: bool = False,
) -> Answer:
    """Check one series, by its voxels where they can be had and by its headers alone where not.

    Returns the check and its mosaic (empty without `pictures` or voxels). Runs in a process of its own.
    """
    if series.object is not SeriesObject.IMAGE:
        return check_series(series, None, kind=kind, protocol=protocol, limits=judged_by), b""
    with contextlib.ExitStack() as held:
        volumes: tuple[Volume, ...] | None = None
        with contextlib.suppress(MriloopError):
            volumes, disagreement = held.enter_context(open_volumes(part, series, spend))
        check = check_series(
            series,
            volumes,
            kind=kind,
            protocol=protocol,
            limits=judged_by,
            brain=brain,
            motion_model=load_motion_model(),
        )
        if volumes is None:
            return check, b""
        png = mosaic(volumes[0], marks=marks_for(check.completeness, volumes[0], check.look_at)) if pictures else b""
        difference = disagreement()
        notes = tuple(dict.fromkeys(note for volume in volumes for note in volume.notes))
        if difference:
            notes = (f"dcm2niix: {difference}", *notes)
        return replace(check, confirmed_by="dcm2niix" if difference == "" else "", notes=notes), png


def submit_series(
    executor: Executor, intake: Intake, series: Series, plan: Plan, settings: Settings, *, pictures: bool = False
) -> Future[Answer]:
    """Hand one series out to be checked."""
    uid = series.series_instance_uid
    return executor.submit(
        check_one,
        intake.part(series),
        series,
        plan.kinds[uid],
        plan.lines.get(uid),
        plan.limits[uid],
        limits(settings),
        pictures,
        plan.brain,
    )


def answer_of(future: Future[Answer], series: Series, plan: Plan) -> Answer:
    """Return the answer of a job that is over; what one that was stopped or crashed leaves is judged by its headers."""
    try:
        return future.result()
    except OperatorError as error:
        uid = series.series_instance_uid
        check = check_series(series, None, kind=plan.kinds[uid], protocol=plan.lines.get(uid), limits=plan.limits[uid])
        return replace(check, notes=(*check.notes, error.message), unfinished=True), b""


def likened(intake: Intake, study: Study, answers: Sequence[Answer], spend: Limits) -> list[Answer]:
    """Hold each series that was run again against the best other run: registered SSIM and its relatives.

    Reads the voxels of such series once more. A run that cannot be read, or laid on the other, says so in its measures.
    """
    by_uid = {series.series_instance_uid: series for series in study.series}
    checks = {check.series_instance_uid: (check, png) for check, png in answers}
    for uid, best in surely_runs([check for check, _ in answers], by_uid):
        with contextlib.suppress(MriloopError):
            mine, its = (
                placed(load_volumes(intake.part(by_uid[one]), by_uid[one], spend), by_uid[one]) for one in (uid, best)
            )
            check, png = checks[uid]
            checks[uid] = replace(check, measures={**check.measures, **reference_measures(mine, its)}), png
    return [checks[check.series_instance_uid] for check, _ in answers]


def join_study(study: Study, plan: Plan, answers: Sequence[Answer], performed: Sequence[PerformedStep] = ()) -> Checked:
    """Return the check of a study from those of its series, in their order, held against the baseline.

    `performed` is what scanners reported of examinations (MPPS).
    """
    checks = [one for one, _ in answers]
    if plan.baseline is not None:
        checks = [against_baseline(one, plan.baseline, plan.limits[one.series_instance_uid]) for one in checks]
    check = check_study(study, checks, plan.protocol, performed=performed)
    mosaics = {one.series_instance_uid: png for one, png in answers if png}
    return Checked(study=study, check=check, kinds=plan.kinds, mosaics=mosaics)


def _collect(
    jobs: Mapping[Future[Answer], tuple[str, Series]], plans: Mapping[str, Plan], progress: Progress, step: str
) -> Iterator[tuple[tuple[str, str], Answer]]:
    """Yield each answer as it comes."""
    progress(step, 0, len(jobs))
    for done, future in enumerate(as_completed(jobs), 1):
        study, series = jobs[future]
        yield (study, series.series_instance_uid), answer_of(future, series, plans[study])
        progress(step, done, len(jobs))
