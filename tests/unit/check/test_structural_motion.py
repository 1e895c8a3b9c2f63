"""Motion within one volume: who is judged, and that the lower end of the interval alone asks for a repeat."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mriloop.edges.knowledge.models import load_motion_model
from mriloop.imaging.foreground import regions
from mriloop.model.coding import Subject, Weighting
from mriloop.model.quality import SeriesKind, Severity
from mriloop.model.quantity import NotAssessable, Quantity
from mriloop.model.study import Series, SeriesObject
from mriloop.model.volume import Volume
from mriloop.stages.check import check_series
from mriloop.stages.check.limits import SHIPPED
from mriloop.stages.check.measures import Sample, take_all
from mriloop.stages.check.measures.structural_motion import STRUCTURAL_MOTION, motion_sample
from mriloop.stages.check.rules import structural_motion_defects

T1 = SeriesKind(weighting=Weighting.T1, object=Subject.PATIENT)
RANK = {None: 0, Severity.MINOR: 1, Severity.MAJOR: 2}


def series(**parameters):
    return Series(
        study_instance_uid="1", series_instance_uid="2", modality="MR", object=SeriesObject.IMAGE, parameters=parameters
    )


def a_sample(shape=(96, 96, 6), spacing=(1.2, 1.2, 4.0), noise=2.0):
    rng = np.random.default_rng(0)
    i, j = np.meshgrid(*(np.linspace(-1, 1, n) for n in shape[:2]), indexing="ij")
    body = 100.0 * (i**2 + j**2 < 0.5) + 50 * np.cos(9 * i) * (i**2 + j**2 < 0.3)
    values = np.abs(body[..., None] + rng.normal(scale=noise, size=shape)).astype(np.float32)
    return Sample(values, None, regions(values, spacing), spacing, 0)


def severity(lower, upper=9.0, voxel=1.0):
    measures = {
        "motion_in_volume_lower": Quantity(value=lower, unit="mm"),
        "motion_in_volume_upper": Quantity(value=max(lower, upper), unit="mm"),
    }
    found = structural_motion_defects(measures, voxel)
    return found[0].severity if found else None


def test_only_the_lower_end_decides_and_it_never_improves_with_motion():
    ladder = [RANK[severity(lower)] for lower in np.linspace(0, 6, 61)]
    assert ladder == sorted(ladder)
    assert ladder[0] == 0
    assert ladder[-1] == 2
    assert severity(SHIPPED.within_minor_mm, 30.0) is None
    assert severity(SHIPPED.within_minor_mm + 0.01) is Severity.MINOR
    assert severity(SHIPPED.within_major_mm + 0.01) is Severity.MAJOR


def test_large_voxels_forgive_more():
    assert severity(0.9, voxel=2.0) is None
    assert severity(0.9, voxel=0.5) is Severity.MINOR


def test_no_number_no_defect():
    nothing = NotAssessable(reason="no")
    assert structural_motion_defects({"motion_in_volume_lower": nothing, "motion_in_volume_upper": nothing}, 1.0) == []
    assert structural_motion_defects({}, 1.0) == []


@pytest.mark.parametrize(
    ("kind", "parameters", "says"),
    [
        (replace(T1, weighting=Weighting.DWI), {}, "DWI"),
        (replace(T1, weighting=Weighting.UNKNOWN), {}, "unknown"),
        (replace(T1, derived=True), {}, "computed"),
        (T1, {"ScanningSequence": ("EP", "SE")}, "echo-planar"),
        (T1, {"EchoPlanarPulseSequence": "YES"}, "echo-planar"),
    ],
)
def test_what_the_model_does_not_know_is_not_judged(kind, parameters, says):
    found = motion_sample(a_sample(), series(**parameters), kind, load_motion_model())
    assert isinstance(found, NotAssessable)
    assert says in found.reason


@pytest.mark.parametrize(
    ("sample", "says"),
    [
        (a_sample(shape=(96, 40, 6)), "matrix"),
        (a_sample(spacing=(3.0, 3.0, 4.0)), "voxels"),
        (a_sample(shape=(96, 96, 1)), "too few slices"),
        (a_sample(noise=150.0), "outside what the motion model was trained on"),
    ],
)
def test_out_of_range_is_refused_with_its_reason(sample, says):
    found = motion_sample(sample, series(), T1, load_motion_model())
    assert isinstance(found, NotAssessable)
    assert says in found.reason
    assert set(take_all(found, STRUCTURAL_MOTION).values()) == {found}


def test_without_model_or_picture_nothing_is_said():
    assert isinstance(motion_sample(a_sample(), series(), T1, None), NotAssessable)
    blank = NotAssessable(reason="every voxel has the same value")
    assert motion_sample(blank, series(), T1, load_motion_model()) is blank


def test_a_series_carries_the_interval_only_where_a_model_was_given_and_a_score_is_due():
    values = a_sample(shape=(96, 96, 6)).values
    volume = Volume(data=values, affine=np.diag([1.2, 1.2, 4.0, 1.0]), series_instance_uid="2")
    names = {measure.name for measure in STRUCTURAL_MOTION}
    asked = check_series(series(RepetitionTime=500.0), (volume,), kind=T1, motion_model=load_motion_model())
    assert names <= set(asked.measures)
    assert not names & set(check_series(series(RepetitionTime=500.0), (volume,), kind=T1).measures)
    planning = replace(T1, weighting=Weighting.LOCALIZER)
    unscored = check_series(series(), (volume,), kind=planning, motion_model=load_motion_model())
    assert all(isinstance(unscored.measures[name], NotAssessable) for name in names)
    assert "motion_in_volume" not in {one.code for one in unscored.defects}
