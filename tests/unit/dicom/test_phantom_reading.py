"""What the phantom writer wrote is what comes back: classic and enhanced, with holes, echoes, b-values and time."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from mriloop.edges.dicom import Limits, load_volumes, read_intake
from mriloop.edges.dicom.phantom_headers import InventedPatient, PhantomSeries, PhantomStudy
from mriloop.edges.dicom.phantom_study import write_study
from mriloop.imaging.phantom import Prescription, Readout
from mriloop.model.coding import Region, Weighting

LIMITS = Limits()
SHAPE = (12, 10, 6)
WHEN = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC).replace(tzinfo=None)
TURN = np.array([[0.98, -0.17, 0.1], [0.17, 0.985, 0.02], [-0.102, -0.003, 0.995]])


def series(points: int, *, weighting: Weighting, missing: tuple[int, ...] = (), **physics: object) -> PhantomSeries:
    q, _ = np.linalg.qr(TURN)
    q *= np.sign(np.diag(q))
    affine = np.eye(4)
    affine[:3, :3] = q * [0.9, 1.1, 5.0]
    affine[:3, 3] = [-40.0, 30.0, -20.0]
    shape = (*SHAPE, points) if points > 1 else SHAPE
    present = np.ones(SHAPE[2:] if points == 1 else (SHAPE[2], points), dtype=bool)
    present[list(missing)] = False
    prescription = Prescription(
        name="x", weighting=weighting, readout=Readout.SPIN_ECHO, matrix=SHAPE, spacing=(0.9, 1.1, 5.0), thickness=4.5,
        tr=4000.0, **({"te": (80.0,)} | physics),  # type: ignore[arg-type]
    )  # fmt: skip
    return PhantomSeries(
        number=4,
        description="x",
        data=np.random.default_rng(1).uniform(10, 900, shape),
        affine=affine,
        present=present,
        prescription=prescription,
        started_at=WHEN,
        slice_seconds=np.arange(SHAPE[2] * points, dtype=float).reshape(SHAPE[2], points),
        image_type=("ORIGINAL", "PRIMARY", "OTHER", "M"),
    )


@pytest.mark.parametrize("enhanced", [False, True])
@pytest.mark.parametrize(
    ("points", "weighting", "physics"),
    [
        (1, Weighting.T2, {}),
        (3, Weighting.DWI, {"b_values": (0.0, 400.0, 800.0)}),
        (4, Weighting.BOLD, {"volumes": 4}),
    ],
)
def test_what_was_written_comes_back(
    points: int, weighting: Weighting, physics: dict[str, object], enhanced: bool, tmp_path: Path
) -> None:
    truth = series(points, weighting=weighting, **physics)
    person = InventedPatient(name="Nobody^N", patient_id="N1", birth_date="19700101", sex="O")
    study = PhantomStudy(key="k", patient=person, started_at=WHEN, description="d", region=Region.BRAIN)
    write_study(study, [truth], tmp_path, enhanced=enhanced)
    with read_intake(tmp_path, LIMITS) as intake:
        (read,) = intake.studies[0].series
        (volume,) = load_volumes(intake, read, LIMITS)
        frames = {(frame.sop_instance_uid, frame.frame_number): frame for frame in read.frames}
    assert volume.data.shape == truth.data.shape
    # dcm2niix 1.0.20260724 shuffles slices among the time points of an enhanced object whose maker it does not know;
    # the phantom's truth says who is right, and the disagreement must be told.
    assert volume.confirmed_by == ("" if enhanced and points > 1 else "dcm2niix")
    assert bool(volume.notes) == (volume.confirmed_by == "")
    assert np.allclose(volume.affine, truth.affine, atol=1e-3)
    assert np.corrcoef(volume.data.ravel(), truth.data.ravel())[0, 1] > 0.999999
    assert volume.b_values == truth.prescription.b_values
    assert read.parameters["RepetitionTime"] == 4000.0
    assert read.parameters["EchoTime"] == 80.0
    for t in range(points):
        for k in range(SHAPE[2]):
            source = volume.sources[t][k]
            place = frames[source.sop_instance_uid, source.frame_number].position_ras_mm
            assert place == pytest.approx(tuple((truth.affine @ [0, 0, k, 1])[:3]), abs=1e-3)


@pytest.mark.parametrize("enhanced", [False, True])
def test_a_slice_that_the_phantom_left_out(enhanced: bool, tmp_path: Path) -> None:
    truth = series(1, weighting=Weighting.T1, missing=(2,))
    person = InventedPatient(name="Nobody^N", patient_id="N1", birth_date="19700101", sex="O")
    study = PhantomStudy(key="k", patient=person, started_at=WHEN, description="d", region=Region.BRAIN)
    write_study(study, [truth], tmp_path, enhanced=enhanced)
    with read_intake(tmp_path, LIMITS) as intake:
        (volume,) = load_volumes(intake, intake.studies[0].series[0], LIMITS)
    assert volume.filled_slices == (2,)
    assert np.allclose(volume.affine, truth.affine, atol=1e-3)
