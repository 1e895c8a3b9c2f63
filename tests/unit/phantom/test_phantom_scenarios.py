"""Scenarios end to end on a small grid: what is written, and that truth.json says what was done."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pydicom
import pytest

from mriloop.app import phantom as use_case
from mriloop.app.phantom_scenarios import SCENARIOS, Appointment, Scenario, Shot
from mriloop.imaging.phantom import (
    Faults,
    Lesion,
    LesionKind,
    Visit,
    drift,
    dwi_axial,
    stir_foot,
    t1_foot,
    t2_axial,
)
from mriloop.model.coding import Region

pytestmark = pytest.mark.xdist_group("phantom_foot")
FOOT = next(one for one in SCENARIOS if one.name == "foot")
GRID = {"matrix": (24, 20, 5), "spacing": (8.0, 8.0, 9.0), "thickness": 6.0, "center": (0, 0, 0)}


def _plan(seed: int) -> tuple[Appointment, Appointment]:
    today, _ = FOOT.plan(seed)
    oedema = Lesion(id=4, center_mm=(0, -78, -8), radii_mm=(9, 12, 8), kind=LesionKind.MARROW_OEDEMA, site="calcaneus")
    shots = (
        Shot(prescription=replace(t1_foot(), **GRID)),
        Shot(prescription=replace(stir_foot(), **GRID), motion=drift((0.0, 0.0, 6.0))),
        Shot(prescription=replace(t2_axial(), **GRID), faults=Faults(snr=30.0, stop_at=0.6)),
        Shot(prescription=replace(dwi_axial(), **GRID), with_adc=True),
        Shot(prescription=replace(t1_foot(), **GRID), after_contrast=True),
    )
    now = replace(today, shots=shots, visit=Visit(lesions=(oedema,), translation_mm=(3.0, 1.0, -2.0)))
    return now, replace(now, at=now.at - timedelta(days=100), visit=Visit(), shots=shots[:1])


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    small: Scenario = replace(FOOT, name="small", plan=_plan, seed=0)
    out = tmp_path_factory.mktemp("scenario")
    said: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(use_case, "SCENARIOS", (small,))
        truth = use_case.write_scenario("small", out, progress=said.append)
    return out, truth, said


def test_every_file_is_counted_and_readable(written):
    out, truth, said = written
    files = sorted(out.rglob("*.dcm"))
    assert len(files) == truth.files == 5 + 5 + 3 + 10 + 5 + 5 + 5
    assert all(pydicom.dcmread(path).pixel_array.any() for path in files)
    assert len(said) == 7


def test_truth_names_what_was_planted_moved_and_lost(written):
    out, _, _ = written
    document = json.loads((out / "truth.json").read_text(encoding="utf-8"))
    assert document["schema"] == "mriloop/truth/1"
    assert [one["missing_slices"] for one in document["series"]] == [[], [], [3, 4], [], []]
    # Three shots (24 lines, trains of 10) at 0, 2 and 4 mm of the drift; the first holds the centre of k-space.
    assert document["series"][1]["motion_mm"] == pytest.approx((0 + 2 + 4) / 3)
    assert document["series"][0]["motion_mm"] == 0
    (lesion,) = document["lesions"]
    assert lesion["change"] == "new"
    assert lesion["position_ras_mm"] == pytest.approx([3.0, -77.0, -10.0])
    assert np.array(document["today_from_prior"])[:3, 3] == pytest.approx([3.0, 1.0, -2.0])


def test_contrast_is_given_before_the_series_that_shows_it_and_not_before(written):
    out, _, _ = written
    headers = [pydicom.dcmread(next(folder.iterdir())) for folder in sorted((out / "today").iterdir())]
    given = [h for h in headers if "ContrastBolusAgent" in h]
    assert [h.SeriesDescription for h in given] == ["T1 TSE SAG FOOT +GD"]
    assert given[0].ContrastBolusStartTime < given[0].AcquisitionTime
    before = [h for h in headers if "ContrastBolusAgent" not in h]
    assert max(h.AcquisitionTime for h in before) < given[0].ContrastBolusStartTime


def test_one_patient_two_studies_two_frames_of_reference(written):
    out, _, _ = written
    now, then = (pydicom.dcmread(next((out / visit).rglob("*.dcm"))) for visit in ("today", "prior"))
    assert now.PatientID == then.PatientID
    assert now.StudyInstanceUID != then.StudyInstanceUID
    assert now.FrameOfReferenceUID != then.FrameOfReferenceUID
    assert now.StudyDate > then.StudyDate


def test_scenarios_are_told_apart_and_invented():
    names = [one.name for one in SCENARIOS]
    assert len(set(names)) == len(names)
    assert {"ms", "motion", "claustrophobia", "pituitary", "foot", "contrast_only", "clean", "fmri_motion"} == set(
        names
    )
    assert len({one.patient.patient_id for one in SCENARIOS}) == len(names)
    assert all(one.patient.patient_id.startswith("PHANTOM-") for one in SCENARIOS)
    assert FOOT.region is Region.FOOT


def test_an_unknown_scenario_is_a_key_error(tmp_path):
    with pytest.raises(KeyError):
        use_case.write_scenario("no such patient", tmp_path)
