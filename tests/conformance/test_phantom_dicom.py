"""Phantom studies against tools that we did not write: dciodvfy reads the headers, dcm2niix the geometry."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from itertools import pairwise
from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest

from mriloop.edges.dicom.phantom_headers import InventedPatient, PhantomStudy
from mriloop.edges.dicom.phantom_study import as_adc, as_series, write_study
from mriloop.edges.dicom.uids import uid
from mriloop.imaging.phantom import (
    Acquired,
    Axis,
    Faults,
    Prescription,
    acquire,
    bold_epi,
    dixon_axial,
    dwi_axial,
    flair_axial,
    foot,
    pituitary_t1,
    stir_foot,
    t1_3d,
    t2_axial,
)
from mriloop.model.coding import Plane, Region

START = datetime(2026, 11, 20, 8, 0, tzinfo=timezone(timedelta(hours=1)))
PATIENT = InventedPatient(name="Invented^Person", patient_id="TEST-1", birth_date="19800229", sex="O")
KINDS = {
    "t1_3d": t1_3d,
    "t2": t2_axial,
    "flair": flair_axial,
    "stir": stir_foot,
    "dwi": dwi_axial,
    "dixon": dixon_axial,
    "bold": lambda: bold_epi(volumes=2),
    "sella": pituitary_t1,
}
pytestmark = pytest.mark.xdist_group("phantom_foot")


@pytest.fixture(scope="module")
def body():
    return foot()


def small(p: Prescription, **changes) -> Prescription:
    """The same prescription on a grid that takes milliseconds."""
    return replace(p, matrix=(32, 40, 4), spacing=(5.0, 4.0, 7.0), thickness=5.0, center=(4.0, -10.0, 6.0), **changes)


def study(region: Region = Region.BRAIN) -> PhantomStudy:
    return PhantomStudy(
        key="conformance",
        patient=PATIENT,
        started_at=START,
        description="Conformance",
        region=region,
        laterality="L" if region is Region.FOOT else "",
        feet_first=region is Region.FOOT,
    )


def written(acquired: Acquired, out: Path, *, enhanced: bool, region: Region = Region.BRAIN, **more) -> list[Path]:
    series = [as_series(acquired, number=1, started_at=START + timedelta(minutes=2), **more)]
    if acquired.prescription.weighting.value == "DWI":
        series.append(as_adc(acquired, number=100, started_at=START + timedelta(minutes=2)))
    return list(write_study(study(region), series, out, enhanced=enhanced))


def verdict(path: Path) -> list[str]:
    done = subprocess.run(["/usr/bin/dciodvfy", str(path)], capture_output=True, text=True, check=False)
    return [line for line in (done.stdout + done.stderr).splitlines() if line.startswith(("Error", "Warning"))]


@pytest.mark.component("dciodvfy")
@pytest.mark.parametrize("enhanced", [False, True], ids=["classic", "enhanced"])
@pytest.mark.parametrize("kind", KINDS)
def test_dciodvfy_finds_neither_error_nor_warning(body, tmp_path, kind, enhanced):
    acquired = acquire(body, small(KINDS[kind]()), faults=Faults(snr=30.0))
    for path in written(acquired, tmp_path, enhanced=enhanced)[-2:]:
        complaints = verdict(path)
        if kind == "dwi" and not enhanced:
            # The classic object knows no diffusion; every vendor puts b-values and DIFFUSION there all the same.
            complaints = [c for c in complaints if "diffusion" not in c.lower() and "Standard Extended" not in c]
        assert complaints == []


@pytest.mark.component("dciodvfy")
@pytest.mark.parametrize("enhanced", [False, True], ids=["classic", "enhanced"])
@pytest.mark.parametrize("region", [Region.BRAIN, Region.PITUITARY, Region.FOOT])
def test_contrast_and_region_are_valid(body, tmp_path, enhanced, region):
    acquired = acquire(body, small(pituitary_t1()), faults=Faults(stop_at=0.5))
    paths = written(acquired, tmp_path, enhanced=enhanced, region=region, contrast_at=START + timedelta(minutes=1))
    assert verdict(paths[0]) == []
    header = pydicom.dcmread(paths[0])
    assert "ContrastBolusAgent" in header or "ContrastBolusAgentSequence" in header


@pytest.mark.parametrize("enhanced", [False, True], ids=["classic", "enhanced"])
@pytest.mark.parametrize("plane", [Plane.AXIAL, Plane.CORONAL, Plane.SAGITTAL])
def test_dcm2niix_finds_every_voxel_where_the_phantom_put_it(body, tmp_path, plane, enhanced):
    acquired = acquire(body, small(t2_axial(), plane=plane, tilt_deg=(8.0, -5.0, 12.0), phase_axis=Axis.COLUMN))
    source, target = tmp_path / "in", tmp_path / "out"
    target.mkdir()
    written(acquired, source, enhanced=enhanced)
    tool = Path(sys.executable).parent / "dcm2niix"
    subprocess.run([tool, "-o", target, "-f", "x", source], capture_output=True, check=True)
    image = nibabel.load(target / "x.nii")
    data = np.asarray(image.dataobj, dtype=float)
    # Ask both for the value at the same places in the patient.
    index = np.argwhere(acquired.data > 0.2 * acquired.data.max())[::7]
    ras = index @ acquired.affine[:3, :3].T + acquired.affine[:3, 3]
    back = np.linalg.inv(image.affine)
    there = ras @ back[:3, :3].T + back[:3, 3]
    assert np.abs(there - np.rint(there)).max() < 0.01
    ours = acquired.data[tuple(index.T)]
    theirs = data[tuple(np.rint(there).astype(int).T)]
    scale = np.median(theirs / ours)
    assert np.abs(theirs / scale - ours).max() < 0.002 * ours.max() + 1 / scale


def test_classic_positions_run_along_the_slice_normal_and_times_run_on(body, tmp_path):
    acquired = acquire(body, small(bold_epi(volumes=3)))
    headers = [pydicom.dcmread(path, stop_before_pixels=True) for path in written(acquired, tmp_path, enhanced=False)]
    assert [h.InstanceNumber for h in headers] == list(range(1, 13))
    row, column = np.split(np.array(headers[0].ImageOrientationPatient, dtype=float), 2)
    along = [float(np.cross(row, column) @ np.array(h.ImagePositionPatient, dtype=float)) for h in headers[:4]]
    assert np.diff(along) == pytest.approx([7.0] * 3)
    assert {int(h.TemporalPositionIdentifier) for h in headers} == {1, 2, 3}
    starts = [min(h.AcquisitionTime for h in headers[4 * t : 4 * t + 4]) for t in range(3)]
    assert [float(b) - float(a) for a, b in pairwise(starts)] == pytest.approx([2.0, 2.0])


def test_a_stopped_series_lacks_instances_but_says_how_many_were_meant(body, tmp_path):
    acquired = acquire(body, small(flair_axial()), faults=Faults(snr=30.0, stop_at=0.5))
    headers = [pydicom.dcmread(path) for path in written(acquired, tmp_path, enhanced=False)]
    assert len(headers) == 2
    assert {int(h.ImagesInAcquisition) for h in headers} == {4}


@pytest.mark.parametrize("enhanced", [False, True], ids=["classic", "enhanced"])
def test_the_same_study_is_the_same_bytes(body, tmp_path, enhanced):
    copies = []
    for name in ("first", "second"):
        acquired = acquire(body, small(t2_axial()), seed=4)
        copies.append([path.read_bytes() for path in written(acquired, tmp_path / name, enhanced=enhanced)])
    assert copies[0] == copies[1]


def test_diffusion_maps_hold_the_apparent_diffusion_coefficient(body, tmp_path):
    acquired = acquire(body, small(dwi_axial()), faults=Faults(snr=500.0))
    derived = [pydicom.dcmread(path) for path in written(acquired, tmp_path, enhanced=False)][-4:]
    assert all(list(h.ImageType)[:4] == ["DERIVED", "PRIMARY", "DIFFUSION", "ADC"] for h in derived)
    values = np.stack([h.pixel_array for h in derived])
    assert 500 < np.median(values[values > 0]) < 2000


def test_uids_are_valid_unique_and_lasting():
    made = [uid("study", n) for n in range(50)]
    assert len(set(made)) == 50
    assert made[3] == uid("study", 3)
    assert all(pydicom.uid.UID(one).is_valid and len(one) <= 64 for one in made)
    number = int(made[0][5:])
    assert (number >> 76) & 0xF == 8
    assert (number >> 62) & 0x3 == 2
