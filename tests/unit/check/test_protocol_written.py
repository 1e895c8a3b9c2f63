"""A series written as DICOM, classic and enhanced: both are held against a reference alike, defect by defect."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import numpy as np
import pytest
from pydicom import dcmread

from mriloop.edges.dicom import Limits, read_intake
from mriloop.edges.dicom.phantom_headers import InventedPatient, PhantomSeries, PhantomStudy
from mriloop.edges.dicom.phantom_study import write_study
from mriloop.imaging.phantom.prescription import bold_epi
from mriloop.model.coding import Region
from mriloop.model.protocol import FieldState
from mriloop.model.quality import Severity
from mriloop.stages.check import identify_study, match_study
from mriloop.stages.check.protocol import check_protocol, results_of
from mriloop.stages.check.protocol.coil import coil_of
from mriloop.stages.check.protocol.learn import learn_protocol

START = datetime(2026, 1, 5, 9, 0)
PLAN = replace(bold_epi(volumes=3), matrix=(32, 32, 5), spacing=(6.8, 6.8, 5.0), thickness=4.0, tr=5000.0)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    data = np.random.default_rng(0).integers(100, 900, (*PLAN.matrix, PLAN.volumes)).astype(float)
    slices = PLAN.matrix[2]
    patient = InventedPatient(name="Phantom^Any", patient_id="P0", birth_date="19800101", sex="F")

    def write(key, *, enhanced=False):
        out = tmp_path_factory.mktemp(key)
        study = PhantomStudy(key=key, patient=patient, started_at=START, description="fMRI", region=Region.BRAIN)
        series = PhantomSeries(
            number=4,
            description="EPI",
            data=data,
            affine=np.diag([*PLAN.spacing, 1.0]),
            prescription=PLAN,
            present=np.ones((slices, PLAN.volumes), dtype=bool),
            started_at=START,
            coil="Head_32",
            slice_seconds=np.arange(slices * PLAN.volumes, dtype=float).reshape(PLAN.volumes, slices).T,
            image_type=("ORIGINAL", "PRIMARY", "OTHER", "M"),
        )
        return out, write_study(study, [series], out, enhanced=enhanced)

    return write


def read(folder):
    with read_intake(folder, Limits()) as intake:
        (study,) = intake.studies
    return study, identify_study(study)


@pytest.fixture(scope="module")
def reference(written):
    studies = {f"study {n}": read(written(f"ref{n}")[0]) for n in range(3)}
    learned = learn_protocol(studies, identity="ref", title="reference", year=2026)
    assert learned is not None
    return learned.protocol


def said(study, kinds, protocol):
    lines = match_study(study, kinds, protocol)
    (series,) = study.series
    return check_protocol(series, lines[series.series_instance_uid])


def test_classic_and_enhanced_copies_agree(written, reference):
    results = []
    for enhanced in (False, True):
        study, kinds = read(written(f"copy{enhanced}", enhanced=enhanced)[0])
        (line,) = match_study(study, kinds, reference).values()
        results.append({r.keyword: r.state for r in results_of(study.series[0], line)})
    assert FieldState.DEVIATION not in {*results[0].values(), *results[1].values()}
    silent = {k for k, state in results[1].items() if state is FieldState.UNKNOWN}
    assert {k: v for k, v in results[0].items() if k not in silent} == {
        k: v for k, v in results[1].items() if k not in silent
    }
    assert silent <= {"PercentSampling", "PixelBandwidth", "EchoTrainLength"}


def test_the_elements_in_use_are_read_from_enhanced_objects(written):
    folder, (path,) = written("elements", enhanced=True)
    made = dcmread(path)
    shared = made.SharedFunctionalGroupsSequence[0]
    elements = shared.MRReceiveCoilSequence[0].MultiCoilDefinitionSequence
    elements[0].MultiCoilElementUsed = "NO"
    names = sorted((e.MultiCoilElementName for e in elements[1:]), key=lambda name: int(name[1:]))
    made.save_as(path)
    study, _ = read(folder)
    assert coil_of(study.series[0]).elements == tuple(names)


def _te(one):
    one.EchoTime = float(one.EchoTime) + 5


def _tr(one):
    one.RepetitionTime = float(one.RepetitionTime) + 0.4


def _coil(one):
    one.ReceiveCoilName = "BODY"


def _no_coil(one):
    del one.ReceiveCoilName


def _phase(one):
    one.InPlanePhaseEncodingDirection = "ROW" if one.InPlanePhaseEncodingDirection == "COL" else "COL"


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        (lambda one: None, set()),
        (_tr, set()),
        (_te, {("protocol_deviation", "EchoTime", Severity.MAJOR)}),
        (_coil, {("wrong_coil", "ReceiveCoilName", Severity.MAJOR)}),
        (_no_coil, {("protocol_unknown", "ReceiveCoilName", Severity.INFO)}),
        (_phase, {("protocol_deviation", "PhaseEncodingAxis", Severity.MAJOR)}),
    ],
    ids=["unchanged", "tr", "te", "coil", "no coil", "phase axis"],
)
def test_each_change_is_named_and_nothing_else(written, reference, change, wanted):
    folder, paths = written(f"test{change.__name__.strip('<>')}")
    for path in paths:
        one = dcmread(path)
        change(one)
        one.save_as(path)
    found = said(*read(folder), reference)
    assert {(d.code, d.evidence[0].name, d.severity) for d in found} == wanted


def test_volumes_that_are_absent_call_for_a_repeat(written, reference):
    folder, paths = written("short")
    for path in paths[10:]:
        path.unlink()
    (one,) = said(*read(folder), reference)
    assert (one.code, one.evidence[0].name, one.severity) == ("protocol_deviation", "Volumes", Severity.MAJOR)
