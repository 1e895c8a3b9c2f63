"""Phantom series with holes, written as classic and as enhanced DICOM: both copies get the same answers."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import numpy as np
import pytest

from mriloop.edges.dicom import Limits, read_intake
from mriloop.edges.dicom.phantom_headers import InventedPatient, PhantomSeries, PhantomStudy
from mriloop.edges.dicom.phantom_study import write_study
from mriloop.imaging.phantom import Prescription, Readout
from mriloop.model.coding import Region, Weighting
from mriloop.stages.check import identify_study
from mriloop.stages.check.completeness import completeness_of
from mriloop.stages.check.rules import completeness_defects

SLICES = 24
PERSON = InventedPatient(name="Nobody^N", patient_id="N1", birth_date="19700101", sex="O")
START = datetime(2024, 5, 6, 7, 8, 9)
PHYSICS = {
    Weighting.T1: {"readout": Readout.GRADIENT_ECHO, "tr": 250.0, "te": (4.6,), "flip_deg": 70.0, "train": 1},
    Weighting.T2: {"readout": Readout.SPIN_ECHO, "tr": 4500.0, "te": (100.0,), "train": 15},
    Weighting.FLAIR: {"readout": Readout.INVERSION_SPIN_ECHO, "tr": 9000.0, "te": (110.0,), "ti": 2500.0, "train": 15},
}


def prescribed(weighting, present, declared=None):
    shape = (16, 14, SLICES)
    physics = Prescription(
        name="x", weighting=weighting, matrix=shape, spacing=(2.0, 2.0, 5.0), thickness=4.5, tesla=1.5,
        **PHYSICS[weighting],
    )  # fmt: skip
    affine = np.diag([2.0, 2.0, 5.0, 1.0])
    return PhantomSeries(
        number=4, description="x", data=np.random.default_rng(1).uniform(10, 900, shape), affine=affine,
        present=present, prescription=physics, started_at=START,
        slice_seconds=np.arange(SLICES, dtype=float)[:, None], image_type=("ORIGINAL", "PRIMARY", "M", "NONE"),
        declared_slices=declared,
    )  # fmt: skip


def answer(series, tmp_path, *, enhanced):
    study = PhantomStudy(key="k", patient=PERSON, started_at=START, description="x", region=Region.BRAIN, tesla=1.5)
    out = tmp_path / ("enhanced" if enhanced else "classic")
    write_study(study, [series], out, enhanced=enhanced)
    with read_intake(out, Limits()) as intake:
        (read,) = intake.studies
    kind = identify_study(read)[read.series[0].series_instance_uid]
    found = completeness_of(read.series[0], kind)
    codes = [(d.code, d.severity) for d in completeness_defects(found, kind, read.series[0])]
    places = [(m.index, m.position_ras_mm) for m in found.completeness.missing]
    return kind.weighting, kind.plane, found.completeness.found, found.completeness.expected, places, codes


@pytest.mark.parametrize("weighting", PHYSICS)
@pytest.mark.parametrize("gone", [(), (11,), (3, 4, 5), (2, 9, 17)])
def test_classic_and_enhanced_copies_agree_on_holes(weighting, gone, tmp_path):
    present = np.ones(SLICES, dtype=bool)
    present[list(gone)] = False
    series = prescribed(weighting, present)
    classic = answer(series, tmp_path, enhanced=False)
    enhanced = answer(series, tmp_path, enhanced=True)
    assert classic == enhanced
    assert classic[0] is weighting
    assert classic[2:4] == (SLICES - len(gone), SLICES)
    assert [index for index, _ in classic[4]] == list(gone)


@pytest.mark.parametrize("enhanced", [False, True])
def test_a_cut_end_is_found_by_what_was_meant(enhanced, tmp_path):
    present = np.arange(SLICES) >= 9
    series = replace(prescribed(Weighting.T2, present), declared_slices=SLICES)
    _, _, found, expected, places, codes = answer(series, tmp_path, enhanced=enhanced)
    assert found == 15
    assert (expected, len(places)) == (SLICES, 9)
    assert [code for code, _ in codes] == ["missing_slices"]
