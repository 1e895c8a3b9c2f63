"""COMPARE as a use case: today's study beside its priors, with the change maps on disk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mriloop.app.check import Checked, check_intake
from mriloop.app.compare_files import name_series, write_outcome
from mriloop.app.inputs import Progress, limits, only_study, open_input, refuse_priors, series_of, silent, unnamed
from mriloop.app.warm import PRELOAD
from mriloop.edges.dicom import Intake, Limits, load_volumes
from mriloop.edges.jobs import make_executor, report_progress
from mriloop.edges.knowledge.models import load_change_score
from mriloop.edges.publish.documents import comparison_document
from mriloop.model.comparison import Comparison
from mriloop.model.errors import MriloopError, refuse
from mriloop.model.quality import SeriesCheck, SeriesKind
from mriloop.model.study import Series, Study
from mriloop.model.volume import Volume
from mriloop.settings import Settings
from mriloop.stages.compare import Compared
from mriloop.stages.compare import compare as compare_studies


@dataclass(frozen=True, slots=True, kw_only=True)
class CompareOutcome:
    """What `mriloop compare` found, and the files it wrote. `names`: how a person calls each series, by its UID."""

    comparison: Comparison
    written: tuple[Path, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """Return the document `mriloop/comparison/1`."""
        return comparison_document(self.comparison)


def compare_paths(
    today: Path, priors: Sequence[Path], settings: Settings, *, out: Path | None = None, progress: Progress = silent
) -> CompareOutcome:
    """Compare the study at `today` with those at `priors`; write maps and pictures to `out`.

    Raises SenderError: `prior_other_patient`, `prior_same_study`, `prior_not_earlier`, `several_studies` and others.
    """
    if out is not None and out.exists() and not out.is_dir():
        raise refuse("usage_not_a_folder", path=out)
    with ExitStack() as stack:
        intakes = [stack.enter_context(open_input(path, settings, progress=progress)) for path in (today, *priors)]
        studies = [only_study(intake, path) for intake, path in zip(intakes, (today, *priors), strict=True)]
        refuse_priors(studies, (today, *priors), unnamed(intakes, studies))
        checked = [
            check_intake(intake, settings, studies=[study], progress=progress, step=f"checking visit {number}")[0]
            for number, (intake, study) in enumerate(zip(intakes, studies, strict=True), 1)
        ]
        compared = run_compare(intakes, checked, settings, progress=progress)
    names = name_series(studies, {uid: kind for one in checked for uid, kind in one.kinds.items()})
    written: tuple[Path, ...] = ()
    if out is not None:
        progress("drawing and writing", 0, 1)
        written = write_outcome(compared, out, names=names, studies=studies)
        progress("drawing and writing", 1, 1)
    return CompareOutcome(comparison=compared.comparison, written=written, names=names)


def run_compare(
    intakes: Sequence[Intake], checked: Sequence[Checked], settings: Settings, *, progress: Progress = silent
) -> Compared:
    """Compare the first of the checked studies with the others, in a process of its own. The intakes must be open."""
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
        compared = executor.submit(compare_job, material).result()
    progress("comparing", 100, 100)
    return compared


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What the comparing process needs: studies (today first), what CHECK said, and where the voxels are."""

    studies: tuple[Study, ...]
    kinds: Mapping[str, SeriesKind]
    checks: Mapping[str, SeriesCheck]
    homes: Mapping[str, tuple[Intake, Series]]
    unnamed: tuple[str, ...]
    spend: Limits


def compare_job(material: Material) -> Compared:
    """Load the voxels and compare; runs in a process of its own."""

    def load(uid: str) -> Volume | None:
        part, series = material.homes[uid]
        try:
            volumes = load_volumes(part, series, material.spend)
        except MriloopError:
            return None
        return volumes[0] if volumes else None

    return compare_studies(
        material.studies[0],
        material.studies[1:],
        kinds=material.kinds,
        checks=material.checks,
        load=load,
        progress=report_progress,
        unnamed=material.unnamed,
        change_score=load_change_score(),
    )
