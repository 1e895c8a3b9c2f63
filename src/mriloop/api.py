"""The library: one call each for an array, a file and a folder, without processes, settings or a store."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mriloop import settings
from mriloop.app.check import Checked, Judging, check_one, join_study
from mriloop.edges.dicom import Intake, Limits, read_intake
from mriloop.edges.knowledge.models import load_motion_model
from mriloop.model.coding import Region, Weighting
from mriloop.model.errors import refuse
from mriloop.model.quality import SeriesCheck, SeriesKind, StudyCheck
from mriloop.model.study import Parameter, Series, SeriesObject, Study
from mriloop.model.volume import Volume
from mriloop.stages.check import check_series

_AXES = "ijk"


def check_array(
    data: npt.ArrayLike,
    affine: npt.ArrayLike,
    *,
    weighting: Weighting | str = Weighting.UNKNOWN,
    region: Region | str = Region.UNKNOWN,
    phase_axis: int | None = None,
    slice_axis: int = 2,
    b_values: Sequence[float] = (),
    b_vectors_ras: npt.ArrayLike | None = None,
    repetition_time_s: float | None = None,
    echo_time_s: float | None = None,
    brain: bool = False,
) -> SeriesCheck:
    """Check one image that is in memory.

    Parameters
    ----------
    data : (i, j, k) or (i, j, k, t) intensities in any unit; time, echoes or diffusion weightings along t
    affine : (4, 4) from voxel index to RAS+ millimetres, as nibabel gives it
    weighting, region : what the image is, such as "T1", "BOLD", "DWI" and "brain", "knee"; they choose the limits
    phase_axis : voxel axis of phase encoding; without it ghosts and gradient entropy are not assessable
    slice_axis : voxel axis through the slices
    b_values : s/mm² for each t
    b_vectors_ras : (t, 3) unit directions in RAS+; rows of zeros or NaN have none
    repetition_time_s, echo_time_s : seconds
    brain : take the measures of structural brains as well (MRIQC's, with a segmentation: seconds)

    Returns
    -------
    SeriesCheck
        verdict, defects with evidence and action, and measures: each a Quantity, or NotAssessable with its reason.
        What only headers tell (missing slices, protocol) stays unknown. Complex numbers count by their magnitude.

    Raises
    ------
    ValueError
        for shapes that contradict each other, an affine that is not one, a word that is no weighting or region.

    Examples
    --------
    >>> import numpy as np
    >>> from mriloop import check_array
    >>> noise = np.random.default_rng(1).rayleigh(5.0, (48, 48, 20))
    >>> check_array(noise, np.diag([4.0, 4.0, 4.0, 1.0])).verdict
    <Verdict.NOT_ASSESSABLE: 'not_assessable'>
    """
    given = np.asarray(data)
    if given.dtype.names or given.dtype.kind not in "biufc":
        raise ValueError(f"data must be numbers, not {given.dtype}")
    voxels = np.asarray(np.abs(given) if given.dtype.kind == "c" else given, dtype=np.float32)
    matrix = np.asarray(affine, dtype=np.float64)
    if not voxels.size:
        raise ValueError(f"data holds nothing: {voxels.shape}")
    if voxels.ndim not in (3, 4):
        raise ValueError(f"data must be (i, j, k) or (i, j, k, t), not of {voxels.ndim} axes")
    if matrix.shape != (4, 4) or not np.isfinite(matrix).all() or abs(np.linalg.det(matrix[:3, :3])) < 1e-9:
        raise ValueError("affine must be an invertible (4, 4) matrix")
    count = voxels.shape[3] if voxels.ndim == 4 else 1
    for axis in (slice_axis, phase_axis):
        if axis is not None and axis not in (0, 1, 2):
            raise ValueError(f"an axis is 0, 1 or 2, not {axis}")
    if len(b_values) not in (0, count):
        raise ValueError(f"{len(b_values)} b-values for {count} volumes")
    if not all(np.isfinite(b) and b >= 0 for b in b_values):
        raise ValueError("b-values are numbers of 0 and more")
    if not all(value is None or (np.isfinite(value) and value > 0) for value in (repetition_time_s, echo_time_s)):
        raise ValueError("times are positive numbers of seconds")
    if phase_axis is not None and phase_axis == slice_axis:
        raise ValueError("phase is not encoded along the slices")
    vectors: list[tuple[float, float, float] | None] = []
    if b_vectors_ras is not None:
        table = np.asarray(b_vectors_ras, dtype=np.float64)
        if table.shape != (count, 3):
            raise ValueError(f"b_vectors_ras must be ({count}, 3), not {table.shape}")
        vectors = [
            (float(x), float(y), float(z)) if 0.5 < np.hypot(np.hypot(x, y), z) < 2 else None for x, y, z in table
        ]
    uid = f"2.25.{int(hashlib.sha256(voxels.tobytes() + matrix.tobytes()).hexdigest()[:32], 16)}"
    parameters: dict[str, Parameter] = {}
    if phase_axis is not None:
        parameters["VendorPhaseEncodingAxis"] = _AXES[phase_axis]
    if repetition_time_s is not None:
        parameters["RepetitionTime"] = 1000.0 * repetition_time_s
    if echo_time_s is not None:
        parameters["EchoTime"] = 1000.0 * echo_time_s
    series = Series(
        series_instance_uid=uid,
        study_instance_uid=uid,
        modality="MR",
        object=SeriesObject.IMAGE,
        parameters=parameters,
    )
    volume = Volume(
        data=voxels,
        affine=matrix,
        series_instance_uid=uid,
        slice_axis=slice_axis,
        b_values=tuple(float(b) for b in b_values),
        b_vectors_ras=tuple(vectors),
        repetition_time_ms=None if repetition_time_s is None or count == 1 else 1000.0 * repetition_time_s,
        te_ms=None if echo_time_s is None else 1000.0 * echo_time_s,
        reader="array",
    )
    said = {
        name: "said by the caller" for name, word in (("weighting", weighting), ("region", region)) if word != "unknown"
    }
    kind = SeriesKind(weighting=Weighting(weighting), region=Region(region), basis=said)
    return check_series(series, (volume,), kind=kind, brain=brain, motion_model=load_motion_model())


def check_file(path: str | Path, *, brain: bool = False) -> SeriesCheck:
    """Check one image file: NIfTI with the sidecars beside it, or one DICOM file that is a whole series.

    `brain` takes the measures of structural brains as well.

    Raises
    ------
    MriloopError
        with its `code`: input_not_found, several_series (use `check_folder`), and the codes of files that cannot be
        read.
    """
    source = Path(path)
    with read_intake(source, Limits()) as intake:
        series = [one for study in intake.studies for one in study.series]
        if len(series) != 1:
            raise refuse("several_series", path=source, count=len(series))
        return _check(intake, intake.studies[0], Judging.of(settings.load({}), brain=brain)).check.series[0]


def check_folder(
    path: str | Path, *, protocol: str | None = None, indication: str = "", brain: bool = False
) -> tuple[StudyCheck, ...]:
    """Check every study of a DICOM or BIDS folder, or of a zip, one after the other in this process.

    `protocol` holds all of them against one shipped protocol instead of the one that their region calls for;
    `indication` is the clinical question as norms name it; `brain` takes the measures of structural brains too. For
    thousands of studies, for limits on time and memory, and to resume, use `mriloop check --out`.

    Raises
    ------
    MriloopError
        with its `code`: input_not_found, input_no_dicom, knowledge_unknown and the like.
    """
    judging = Judging.of(settings.load({}), protocol, indication, brain=brain)
    with read_intake(Path(path), Limits(), several_patients=True) as intake:
        return tuple(_check(intake, study, judging).check for study in intake.studies)


def _check(intake: Intake, study: Study, judging: Judging) -> Checked:
    plan = judging.plan(study)
    answers = [
        check_one(
            intake,
            one,
            plan.kinds[one.series_instance_uid],
            plan.lines.get(one.series_instance_uid),
            plan.limits[one.series_instance_uid],
            Limits(),
            False,
            plan.brain,
        )
        for one in study.series
    ]
    return join_study(study, plan, answers, intake.performed)
