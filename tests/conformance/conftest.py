"""Two visits of an invented patient on disk, and a comparison of them whose every number is known beforehand."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from mriloop.app.results_dicom import write_dicom_results
from mriloop.edges.dicom import Intake, Limits, load_volumes, read_intake
from mriloop.edges.dicom.phantom_headers import InventedPatient, PhantomSeries, PhantomStudy
from mriloop.edges.dicom.phantom_study import write_study
from mriloop.imaging.phantom import Prescription, Readout
from mriloop.imaging.resample import Grid, rigid, sample
from mriloop.model.coding import Region, Weighting
from mriloop.model.comparison import Alignment, Change, ChangeKind, Comparison, LinkedSeries, SeriesPair
from mriloop.model.study import Study
from mriloop.stages.compare import Compared, PairImages

NOW = datetime(2026, 11, 20, 19, 0, tzinfo=UTC)
TODAY, BEFORE = datetime(2026, 11, 20, 8, 0), datetime(2021, 3, 4, 9, 0)
SHAPE = (48, 40, 14)
SPACING = (1.25, 1.5, 4.0)
MOVED = rigid((4.0, -3.0, 6.0), (2.0, -5.0, 1.5), np.array([0.0, 10.0, -5.0]))
"""From RAS+ mm of the prior to RAS+ mm of today."""


def tilted(turn: tuple[float, float, float], centre: tuple[float, float, float]) -> np.ndarray:
    """Return the affine of oblique slices about a centre."""
    affine = rigid(turn, (0, 0, 0), np.zeros(3)) @ np.diag([-SPACING[0], -SPACING[1], SPACING[2], 1.0])
    middle = (np.array(SHAPE) - 1) / 2
    affine[:3, 3] = np.array(centre) - affine[:3, :3] @ middle
    return affine


def ball(affine: np.ndarray, centre: np.ndarray, radius: float) -> np.ndarray:
    """Return the voxels within a radius (mm) of a point."""
    index = np.moveaxis(np.indices(SHAPE), 0, -1)
    return np.linalg.norm(index @ affine[:3, :3].T + affine[:3, 3] - centre, axis=-1) <= radius


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two visits that were compared, and what must come of them."""

    compared: Compared
    intakes: tuple[Intake, ...]
    studies: tuple[Study, ...]
    folder: Path

    def write(self, out: Path, **more: object) -> tuple[Path, ...]:
        """Write all results."""
        return write_dicom_results(self.compared, self.intakes, self.studies, out, now=NOW, spend=Limits(), **more)


def _visit(folder: Path, key: str, when: datetime, affine: np.ndarray, *, enhanced: bool) -> None:
    rng = np.random.default_rng(len(key))
    prescription = Prescription(
        name="T2 FLAIR AX", weighting=Weighting.FLAIR, readout=Readout.INVERSION_SPIN_ECHO, matrix=SHAPE,
        spacing=SPACING, thickness=3.5, tr=9000.0, te=(120.0,), ti=2500.0,
    )  # fmt: skip
    head = 700.0 * ball(affine, affine[:3, :3] @ (np.array(SHAPE) / 2) + affine[:3, 3], 24.0)
    one = PhantomSeries(
        number=3,
        description="T2 FLAIR AX",
        data=head + rng.uniform(20, 60, SHAPE),
        affine=affine,
        present=np.ones(SHAPE[2], bool),
        prescription=prescription,
        started_at=when,
        slice_seconds=np.arange(SHAPE[2], dtype=float).reshape(-1, 1),
        image_type=("ORIGINAL", "PRIMARY", "OTHER", "M"),
    )
    study = PhantomStudy(
        key=f"results {key}",
        patient=InventedPatient(name="Invented^Ä", patient_id="R1", birth_date="19800229", sex="F"),
        started_at=when,
        description="MRI brain",
        region=Region.BRAIN,
    )
    write_study(study, [one], folder, enhanced=enhanced)


CHANGES = (
    (ChangeKind.NEW, (8.0, 5.0, 2.0), 5.0, 0.0),
    (ChangeKind.SHRINKING, (-9.0, 0.0, -4.0), 4.0, 6.0),
    (ChangeKind.RESOLVED, (0.0, -12.0, 6.0), 0.0, 5.0),
    (ChangeKind.STABLE, (10.0, -10.0, -8.0), 4.0, 4.0),
)
"""Kind, centre in today's RAS+ mm, radius today and before."""


def pair_of(folder: Path, *, enhanced: bool) -> Pair:
    """Write both visits and compare them by hand."""
    here, there = tilted((3.0, 5.0, -4.0), (4.0, 12.0, 20.0)), tilted((0.0, 0.0, 0.0), (0.0, 20.0, 10.0))
    _visit(folder / "today", "today", TODAY, here, enhanced=enhanced)
    _visit(folder / "prior", "prior", BEFORE, there, enhanced=enhanced)
    intakes = tuple(read_intake(folder / name, Limits()) for name in ("today", "prior"))
    studies = tuple(intake.studies[0] for intake in intakes)
    volumes = [load_volumes(i, s.series[0], Limits())[0] for i, s in zip(intakes, studies, strict=True)]
    today, prior = volumes
    middle = np.linalg.inv(MOVED)
    labels = [np.zeros(SHAPE, np.int32), np.zeros(SHAPE, np.int32)]
    changes = []
    for number, (kind, offset, radius, before) in enumerate(CHANGES, 1):
        centre = np.array([4.0, 12.0, 20.0]) + offset
        then = middle[:3, :3] @ centre + middle[:3, 3]
        inside = [ball(today.affine, centre, radius) & (radius > 0), ball(prior.affine, then, before) & (before > 0)]
        for label, mask in zip(labels, inside, strict=True):
            label[mask] = number
        millilitres = [float(mask.sum()) * float(np.prod(SPACING)) / 1000 for mask in inside]
        changes.append(
            Change(
                id=number,
                kind=kind,
                volume_ml=millilitres[0],
                volume_change_ml=millilitres[0] - millilitres[1],
                diameter_mm=2 * (radius or before),
                perpendicular_mm=1.9 * (radius or before),
                volume_noise_ml=0.02,
                position_ras_mm=tuple(float(c) for c in centre),
                confidence=0.9,
                location=("deep", "periventricular", "infratentorial", "other")[number - 1],
            )
        )
    alignment = Alignment(
        method="known", matrix=tuple(tuple(float(n) for n in row) for row in MOVED), uncertainty_mm=0.05, accepted=True
    )
    laid = sample(prior.data, prior.affine, Grid(shape=SHAPE, affine=today.affine), MOVED)
    itself = replace(alignment, method="reference", matrix=tuple(tuple(float(n) for n in row) for row in np.eye(4)))
    comparison = Comparison(
        today_study=studies[0].study_instance_uid,
        prior_studies=(studies[1].study_instance_uid,),
        pairs=(
            SeriesPair(
                today=today.series_instance_uid, prior=prior.series_instance_uid, comparability=(), alignment=alignment
            ),
        ),
        changes=tuple(changes),
        detection_limit=(),
        not_comparable=(),
        statement="Candidate changes for a reader to confirm: 1 new, 1 shrinking and 1 resolved.",
        reference=today.series_instance_uid,
        linked=(
            LinkedSeries(series=today.series_instance_uid, study=studies[0].study_instance_uid, alignment=itself),
            LinkedSeries(series=prior.series_instance_uid, study=studies[1].study_instance_uid, alignment=alignment),
        ),
        changes_prior_study=studies[1].study_instance_uid,
        changes_today=today.series_instance_uid,
        changes_prior=prior.series_instance_uid,
    )
    images = PairImages(
        role="change",
        today=today.series_instance_uid,
        prior=prior.series_instance_uid,
        today_volume=today,
        prior_volume=prior,
        prior_on_today=replace(today, data=laid, sources=()),
        subtraction=replace(today, data=np.zeros(SHAPE, np.float32), sources=()),
        changes_today=labels[0],
        changes_prior=labels[1],
    )
    return Pair(
        compared=Compared(comparison=comparison, images=(images,)), intakes=intakes, studies=studies, folder=folder
    )


@pytest.fixture(scope="session", params=[False, True], ids=["classic", "enhanced"])
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """The pair, as classic and as enhanced MR."""
    made = pair_of(tmp_path_factory.mktemp("pair"), enhanced=request.param)
    yield made
    for intake in made.intakes:
        intake.close()


@pytest.fixture
def make_pair() -> Callable[..., Pair]:
    """The maker of a pair of one's own, in a folder."""
    return pair_of


@pytest.fixture(scope="session")
def results(pair: Pair, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of all results of the pair."""
    out = tmp_path_factory.mktemp("results")
    pair.write(out)
    return out


@pytest.fixture(scope="session")
def node() -> str:
    """Node beside the judges that run on it. They are optional everywhere: npm's packages may be out of reach."""
    program = shutil.which("node", path=str(Path(sys.executable).parent)) or shutil.which("node")
    if program is None or not (Path(__file__).parent / "judges" / "node_modules").is_dir():
        pytest.skip("needs the judges on Node (`make judges` installs them)")
    return program
