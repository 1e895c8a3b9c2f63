"""Still pictures to move: phantoms drawn here, and whatever real volumes somebody has."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mriloop.edges.dicom import Limits, load_volumes, read_intake
from mriloop.imaging import phantom
from mriloop.imaging.phantom import Faults, Visit, acquire
from mriloop.model.coding import Plane, Subject, Weighting
from mriloop.model.errors import MriloopError
from mriloop.stages.check import identify_study
from mriloop.stages.check import subject as subject_seen
from mriloop.stages.check.measures import Sample, sample_of

STRUCTURAL = frozenset(
    {Weighting.T1, Weighting.T2, Weighting.PD, Weighting.FLAIR, Weighting.STIR, Weighting.T2_STAR, Weighting.UNKNOWN}
)
SALT = b"subjects of one folder are told apart, the same way in every run"
SMALLEST = 64


@dataclass(frozen=True, kw_only=True, eq=False)
class Source:
    """One still picture: `subject` is what a split must keep together."""

    subject: str
    name: str
    contrast: str
    values: np.ndarray
    mask: np.ndarray
    zeroed: float
    spacing_mm: tuple[float, float, float]
    axis: int | None
    real: bool

    @property
    def group(self) -> str:
        """The subject as a file name."""
        return "".join(c if c.isalnum() else "_" for c in self.subject)


def trial() -> Iterator[Source]:
    """Yield two small drawn bodies: enough to try the machinery, not to learn from."""
    for seed in range(2):
        rng = np.random.default_rng(seed)
        i, j, k = np.meshgrid(np.linspace(-1, 1, 96), np.linspace(-1, 1, 88), np.linspace(-1, 1, 8), indexing="ij")
        body = (i / 0.75) ** 2 + (j / 0.65) ** 2 + (k / 3) ** 2 < 1
        inside = sum(np.cos(9 * (a * i + b * j) + 3 * k) for a, b in rng.normal(size=(5, 2)))
        values = body * (100 + 25 * np.sign(inside)) + rng.normal(scale=2, size=body.shape)
        made = _source(f"trial{seed}", "drawn", "T1", np.abs(values), (2.0, 2.0, 5.0), 0, real=False)
        if made is not None:
            yield made


def phantoms(bodies: int) -> Iterator[Source]:
    """Yield pictures of `bodies` heads and feet of the phantom in several contrasts, planes and voxel sizes."""
    for seed in range(bodies):
        head = phantom.head(Visit(), seed=100 + seed)
        axial = (phantom.t1_axial, phantom.t2_axial, phantom.flair_axial, phantom.pd_axial)
        plans = [axial[seed % 4](), axial[(seed + 1) % 4]()]
        plane = (Plane.SAGITTAL, Plane.CORONAL)[seed % 2]
        plans.append(replace(axial[(seed + 2) % 4](), plane=plane, center=(6.0, -15.0, 0.0)))
        plans.append(replace(phantom.t1_3d(), coils=2))
        yield from _scans(f"head{seed}", head, plans)
        foot = phantom.foot(Visit(), seed=100 + seed)
        turned = (Plane.SAGITTAL, Plane.CORONAL)[seed % 2]
        yield from _scans(f"foot{seed}", foot, [phantom.t1_foot(plane=turned), phantom.stir_foot(plane=Plane.SAGITTAL)])


def _scans(subject: str, body: phantom.Anatomy, plans: list[phantom.Prescription]) -> Iterator[Source]:
    for plan in plans:
        scan = acquire(body, plan, faults=Faults(snr=90.0), seed=1)
        affine = scan.affine
        spacing = tuple(float(s) for s in np.linalg.norm(affine[:3, :3], axis=0))
        made = _source(subject, plan.name, plan.weighting.value, scan.data, spacing, plan.phase_index, real=False)
        if made is not None:
            yield made


def folders(root: Path) -> Iterator[Source]:
    """Yield the structural, patient, not computed series under a folder; each folder in it is one subject.

    DICOM of any vendor and NIfTI are read as CHECK reads them. What cannot be read is passed over.
    """
    for folder in sorted(path for path in root.iterdir() if path.is_dir()):
        yield from read_folder(folder, folder.name)


def read_folder(folder: Path, subject: str) -> Iterator[Source]:
    """Yield the structural series under one folder, all of one subject unless its studies name several patients."""
    with read_intake(folder, Limits(), several_patients=True, salt=SALT) as intake:
        for study in intake.studies:
            kinds = identify_study(study)
            for series in study.series:
                kind = kinds[series.series_instance_uid]
                if kind.derived or kind.object not in (Subject.PATIENT, Subject.UNKNOWN):
                    continue
                if kind.weighting not in STRUCTURAL:
                    continue
                try:
                    sample = sample_of(load_volumes(intake, series, Limits()), series)
                except MriloopError:
                    continue
                if not isinstance(sample, Sample) or min(sample.values.shape[:2]) < SMALLEST:
                    continue
                if subject_seen.seen(sample, kind).object not in (Subject.PATIENT, Subject.UNKNOWN):
                    continue
                who = f"{subject} {study.patient[:6]}"
                name = f"{series.series_number} {series.description} {series.series_instance_uid[-6:]}"
                made = _source(
                    who, name, kind.weighting.value, sample.values, sample.spacing_mm, sample.phase_axis, real=True
                )
                if made is not None:
                    yield made


def _source(
    subject: str,
    name: str,
    contrast: str,
    values: np.ndarray,
    spacing: tuple[float, ...],
    axis: int | None,
    *,
    real: bool,
) -> Source | None:
    from mriloop.imaging.foreground import regions

    values = np.asarray(values, dtype=np.float32)
    where = (spacing[0], spacing[1], spacing[2])
    found = regions(values, where)
    if not found.object.any():
        return None
    return Source(
        subject=subject,
        name=name,
        contrast=contrast,
        values=values,
        mask=found.object,
        zeroed=found.zeroed,
        spacing_mm=where,
        axis=axis,
        real=real,
    )
