"""A visit as a researcher gives it: an array, an image of nibabel, or the path of a file or folder."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
import numpy.typing as npt

from mriloop import settings
from mriloop.app.check import Judging, check_one, join_study
from mriloop.edges.dicom import Intake, Limits, load_volumes, read_intake
from mriloop.model.coding import Plane, Region, Weighting
from mriloop.model.errors import MriloopError, refuse
from mriloop.model.fact import Truth
from mriloop.model.quality import SeriesCheck, SeriesKind
from mriloop.model.study import Series, SeriesObject, Study
from mriloop.model.volume import Volume

_BY_AXIS = (Plane.SAGITTAL, Plane.CORONAL, Plane.AXIAL)


@runtime_checkable
class Spatial(Protocol):
    """What nibabel's images are: an affine to RAS+ mm and floating-point data."""

    affine: Any

    def get_fdata(self) -> Any:
        """Return the voxels."""
        ...


Picture: TypeAlias = str | PathLike[str] | npt.ArrayLike | Spatial
"""An array, an image of nibabel, or the path of a NIfTI file, a DICOM file, folder or zip."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Visit:
    """One visit, whatever it was given as.

    load : gives the primary volume of a series, None where it has none
    nameless : whether nothing tells whose it is; path : what the refusals call it
    """

    study: Study
    kinds: dict[str, SeriesKind]
    checks: dict[str, SeriesCheck]
    load: Callable[[str], Volume | None]
    nameless: bool
    path: str


@contextmanager
def open_visit(
    given: Any,
    affine: npt.ArrayLike | None,
    weighting: Weighting | None,
    region: Region,
    contrast: Truth,
    name: str,
    check: bool,
) -> Iterator[Visit]:
    """Open what was given as the visit called `name`, with what the caller says that it shows.

    Raises ValueError for an array that is no picture, MriloopError for files that cannot be read.
    """
    if isinstance(given, str | PathLike):
        if affine is not None:
            raise ValueError(f"{name}: a file brings its own affine")
        with read_intake(Path(given), Limits()) as intake:
            yield _of_files(intake, Path(given), weighting, region, contrast, check)
        return
    if isinstance(given, Spatial) and not isinstance(given, np.ndarray):
        given, affine = given.get_fdata(), given.affine if affine is None else affine
    if weighting is None:
        raise ValueError(f'{name}: an array does not tell what it shows: say it, as in weighting="FLAIR"')
    yield _of_array(given, affine, weighting, region, contrast, name)


def _of_array(
    given: Any, affine: npt.ArrayLike | None, weighting: Weighting, region: Region, contrast: Truth, name: str
) -> Visit:
    data = np.asarray(given)
    if data.dtype.names or data.dtype.kind not in "biufc":
        raise ValueError(f"{name}: data must be numbers, not {data.dtype}")
    voxels = np.asarray(np.abs(data) if data.dtype.kind == "c" else data, dtype=np.float32)
    if voxels.ndim not in (3, 4) or not voxels.size:
        raise ValueError(f"{name}: data must be (i, j, k) or (i, j, k, t), not of shape {voxels.shape}")
    if affine is None:
        raise ValueError(f"{name}: an array needs its affine from voxel index to RAS+ millimetres")
    matrix = np.asarray(affine, dtype=np.float64)
    if matrix.shape != (4, 4) or not np.isfinite(matrix).all() or abs(np.linalg.det(matrix[:3, :3])) < 1e-9:
        raise ValueError(f"{name}: affine must be an invertible (4, 4) matrix")
    if not np.isfinite(voxels).any() or float(np.nanmax(voxels)) == float(np.nanmin(voxels)):
        raise ValueError(f"{name}: data hold one value alone: nothing can be compared")
    digest = hashlib.sha256(voxels.tobytes() + matrix.tobytes() + name.encode()).hexdigest()
    uid = f"2.25.{int(digest[:32], 16)}"
    spacing = np.linalg.norm(matrix[:3, :3], axis=0)
    normal = matrix[:3, int(np.argmax(spacing))]
    even = float(spacing.max()) < 1.5 * float(spacing.min())
    kind = SeriesKind(
        weighting=weighting,
        plane=_BY_AXIS[int(np.argmax(np.abs(normal)))],
        region=region,
        contrast=contrast,
        three_d=Truth.TRUE if even else Truth.UNKNOWN,
        basis={"weighting": "said by the caller", "region": "said by the caller"},
    )
    series = Series(
        series_instance_uid=uid,
        study_instance_uid=f"{uid}.1",
        modality="MR",
        object=SeriesObject.IMAGE,
    )
    study = Study(study_instance_uid=f"{uid}.1", patient=f"{uid}.2", series=(series,))
    volume = Volume(data=voxels, affine=matrix, series_instance_uid=uid, reader="array")
    return Visit(study=study, kinds={uid: kind}, checks={}, load={uid: volume}.get, nameless=True, path=name)


def _of_files(
    intake: Intake, path: Path, weighting: Weighting | None, region: Region, contrast: Truth, check: bool
) -> Visit:
    if len(intake.studies) != 1:
        raise refuse("several_studies", path=path, count=len(intake.studies))
    study = intake.studies[0]
    judging = Judging.of(settings.load({}))
    plan = judging.plan(study)
    kinds, checks = dict(plan.kinds), {}
    if check:
        answers = [
            check_one(
                intake,
                one,
                plan.kinds[one.series_instance_uid],
                plan.lines.get(one.series_instance_uid),
                plan.limits[one.series_instance_uid],
                Limits(),
                False,
            )
            for one in study.series
        ]
        checked = join_study(study, plan, answers, intake.performed)
        kinds, checks = dict(checked.kinds), dict(checked.series)
    kinds = {uid: _told(kind, weighting, region, contrast) for uid, kind in kinds.items()}
    series = {one.series_instance_uid: one for one in study.series}

    def load(uid: str) -> Volume | None:
        try:
            volumes = load_volumes(intake, series[uid], Limits())
        except MriloopError:
            return None
        return volumes[0] if volumes else None

    nameless = intake.unnamed(study)
    return Visit(study=study, kinds=kinds, checks=checks, load=load, nameless=nameless, path=str(path))


def _told(kind: SeriesKind, weighting: Weighting | None, region: Region, contrast: Truth) -> SeriesKind:
    """Let the caller's weighting replace what was found, and region and contrast agent fill what was not."""
    basis = dict(kind.basis)
    if weighting is not None:
        basis["weighting"] = "said by the caller"
    if kind.region is Region.UNKNOWN:
        basis["region"] = "said by the caller"
    return replace(
        kind,
        weighting=kind.weighting if weighting is None else weighting,
        region=region if kind.region is Region.UNKNOWN else kind.region,
        contrast=contrast if kind.contrast is Truth.UNKNOWN else kind.contrast,
        basis=basis,
    )
