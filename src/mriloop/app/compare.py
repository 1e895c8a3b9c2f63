"""COMPARE as a use case: today's study beside its priors, with the change maps on disk."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from mriloop.app.check import Checked, check_intake
from mriloop.app.compare_files import begin_folder, name_series, write_outcome
from mriloop.app.inputs import Progress, limits, only_study, open_input, refuse_priors, series_of, silent, unnamed
from mriloop.app.results_dicom import earlier_outlines, name_changes, write_dicom_results
from mriloop.app.warm import PRELOAD
from mriloop.edges.dicom import Intake, Limits, load_volumes
from mriloop.edges.dicom.outlines import read_outlines
from mriloop.edges.jobs import make_executor, report_progress
from mriloop.edges.knowledge.models import load_change_score
from mriloop.edges.knowledge.repeatability import load_repeatability
from mriloop.edges.publish.documents import comparison_document
from mriloop.model.comparison import Comparison
from mriloop.model.errors import MriloopError, refuse
from mriloop.model.judgement import Judgement, Repeatability
from mriloop.model.quality import SeriesCheck, SeriesKind
from mriloop.model.study import Series, Study
from mriloop.model.volume import Volume
from mriloop.settings import Settings
from mriloop.stages.compare import Compared
from mriloop.stages.compare import compare as compare_studies
from mriloop.stages.compare.outlined import follow_outlines, measure_outlines


@dataclass(frozen=True, slots=True, kw_only=True)
class CompareOutcome:
    """What `mriloop compare` found, and the files it wrote. `names`: how a person calls each series, by its UID."""

    comparison: Comparison
    written: tuple[Path, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """Return the document `mriloop/comparison/1`."""
        return comparison_document(self.comparison)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a person asks of a comparison beyond its studies.

    masks : outlines to be measured and followed, of any of the visits: DICOM SEG, RT structure sets, NIfTI masks
    baseline : path of the prior that counts as the baseline; None: the first usable one
    same_person : the person vouches that all visits are of one person, whatever the pictures say
    """

    masks: tuple[Path, ...] = ()
    baseline: Path | None = None
    same_person: bool = False


def compare_paths(
    today: Path,
    priors: Sequence[Path],
    settings: Settings,
    *,
    out: Path | None = None,
    asked: Asked = Asked(),
    progress: Progress = silent,
) -> CompareOutcome:
    """Compare the study at `today` with those at `priors`; write everything that came of it to `out`.

    Raises SenderError: `prior_other_patient`, `prior_other_head`, `prior_same_study`, `prior_not_earlier`,
    `several_studies`, those of `read_outlines` and others; OperatorError `baseline_not_given`.
    """
    if out is not None and out.exists() and not out.is_dir():
        raise refuse("usage_not_a_folder", path=out)
    if out is not None:
        begin_folder(out)
    for path in asked.masks:
        if not path.is_file():
            raise refuse("input_not_found", path=path)
    if asked.baseline is not None and asked.baseline not in priors:
        raise refuse("baseline_not_given", path=asked.baseline)
    with ExitStack() as stack:
        intakes = [stack.enter_context(open_input(path, settings, progress=progress)) for path in (today, *priors)]
        studies = [only_study(intake, path) for intake, path in zip(intakes, (today, *priors), strict=True)]
        refuse_priors(studies, (today, *priors), unnamed(intakes, studies))
        checked = [
            check_intake(intake, settings, studies=[study], progress=progress, step=f"checking visit {number}")[0]
            for number, (intake, study) in enumerate(zip(intakes, studies, strict=True), 1)
        ]
        compared = run_compare(intakes, checked, settings, asked=asked, baseline=_named(asked, priors, studies),
                               paths=(today, *priors), progress=progress)  # fmt: skip
        names = name_series(studies, {uid: kind for one in checked for uid, kind in one.kinds.items()})
        written: tuple[Path, ...] = ()
        if out is not None:
            progress("drawing and writing", 0, 2)
            written = write_outcome(compared, out, names=names, studies=studies)
            progress("drawing and writing", 1, 2)
            written += write_dicom_results(
                compared,
                intakes,
                studies,
                out,
                now=datetime.now().astimezone(),
                spend=limits(settings),
                earlier=earlier_outlines(compared, intakes, studies, limits(settings)),
                judgements=judged_changes(compared.comparison),
            )
            progress("drawing and writing", 2, 2)
    return CompareOutcome(comparison=compared.comparison, written=written, names=names)


def _named(asked: Asked, priors: Sequence[Path], studies: Sequence[Study]) -> str | None:
    if asked.baseline is None:
        return None
    return studies[1 + list(priors).index(asked.baseline)].study_instance_uid


def run_compare(
    intakes: Sequence[Intake],
    checked: Sequence[Checked],
    settings: Settings,
    *,
    asked: Asked = Asked(),
    baseline: str | None = None,
    paths: Sequence[Path] = (),
    progress: Progress = silent,
) -> Compared:
    """Compare the first of the checked studies with the others, in a process of its own. The intakes must be open.

    `baseline` is the StudyInstanceUID of the prior that a person named; `paths` are where the studies lie, so that a
    refusal can say which.
    """
    homes: dict[str, tuple[Intake, Series]] = {}
    for intake, one in zip(intakes, checked, strict=True):
        homes |= {uid: (intake.part(series), series) for uid, series in series_of(one.study).items()}
    material = Material(
        studies=tuple(one.study for one in checked),
        kinds={uid: kind for one in checked for uid, kind in one.kinds.items()},
        checks={uid: check for one in checked for uid, check in one.series.items()},
        homes=homes,
        unnamed=unnamed(intakes, [one.study for one in checked]),
        spend=limits(settings),
        masks=asked.masks,
        baseline=baseline,
        same_person=asked.same_person,
        site=settings.site_path,
    )
    progress("comparing", 0, 100)
    with make_executor(
        settings.executor,
        1,
        settings.step_timeout_s,
        settings.step_memory_gb,
        on_progress=lambda step, share, text: progress("comparing", round(100 * share), 100),
        preload=PRELOAD,
    ) as executor:
        try:
            compared = executor.submit(compare_job, material).result()
        except MriloopError as error:
            places = {one.study.study_instance_uid: path for one, path in zip(checked, paths, strict=False)}
            if error.code in ("prior_other_head", "compare_one_series") and error.context.get("path") in places:
                raise refuse(error.code, path=places[str(error.context["path"])]) from None
            raise
    progress("comparing", 100, 100)
    studies = [one.study for one in checked]
    return name_changes(compared, earlier_outlines(compared, intakes, studies, limits(settings)))


def judged_changes(comparison: Comparison) -> dict[int, tuple[Judgement, ...]]:
    """Return what was judged of each change, by Change.id."""
    numbers = {one.change_id for one in comparison.judgements if one.change_id is not None}
    return {n: tuple(one for one in comparison.judgements if one.change_id == n) for n in numbers}


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What the comparing process needs: studies (today first), what CHECK said, and where the voxels are."""

    studies: tuple[Study, ...]
    kinds: Mapping[str, SeriesKind]
    checks: Mapping[str, SeriesCheck]
    homes: Mapping[str, tuple[Intake, Series]]
    unnamed: tuple[str, ...]
    spend: Limits
    masks: tuple[Path, ...] = ()
    baseline: str | None = None
    same_person: bool = False
    site: Path | None = None


def compare_job(material: Material) -> Compared:
    """Load the voxels, compare, and measure what was outlined; runs in a process of its own."""

    def read(uid: str) -> Volume | None:
        part, series = material.homes[uid]
        try:
            volumes = load_volumes(part, series, material.spend)
        except MriloopError:
            return None
        return volumes[0] if volumes else None

    load = cache(read) if material.masks else read
    coefficients = load_repeatability(material.site)
    compared = compare_studies(
        material.studies[0],
        material.studies[1:],
        kinds=material.kinds,
        checks=material.checks,
        load=load,
        progress=report_progress,
        unnamed=material.unnamed,
        baseline=material.baseline,
        same_person=material.same_person,
        repeatability=coefficients,
        change_score=load_change_score(),
    )
    return _with_outlines(compared, material, load, coefficients) if material.masks else compared


def _with_outlines(
    compared: Compared, material: Material, load: Callable[[str], Volume | None], coefficients: Sequence[Repeatability]
) -> Compared:
    """Add what was measured inside the outlines to a comparison."""
    loaded = ((uid, load(uid)) for uid in material.homes)
    volumes = {uid: volume for uid, volume in loaded if volume is not None}
    outlines = [
        outline
        for path in material.masks
        for outline in read_outlines(path, material.spend, volumes=tuple(volumes.values()))
    ]
    measured = measure_outlines(outlines, volumes, material.studies)
    comparison = compared.comparison
    courses, judgements = follow_outlines(
        measured, comparison.visits, coefficients, kinds=material.kinds, checks=material.checks
    )
    return replace(
        compared,
        comparison=replace(
            comparison,
            measured=measured,
            courses=(*comparison.courses, *courses),
            judgements=(*comparison.judgements, *judgements),
        ),
    )
