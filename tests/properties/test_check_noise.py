"""A head drowning in noise: the verdict never improves on the way down, and the bottom is no way out."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mriloop.imaging.phantom import Faults, acquire, head, t1_axial
from mriloop.model.coding import Plane, Subject, Weighting
from mriloop.model.fact import Truth
from mriloop.model.quality import SeriesKind, Severity, Verdict
from mriloop.model.study import Series, SeriesObject, Study
from mriloop.model.volume import Volume
from mriloop.stages.check import check_series, check_study
from mriloop.stages.check.verdict import ORDER

T1 = SeriesKind(weighting=Weighting.T1, plane=Plane.AXIAL)
T2 = SeriesKind(weighting=Weighting.T2, plane=Plane.AXIAL)


@lru_cache(maxsize=1)
def scan():
    """Return three slices of a head without noise, two fields of noise of the size of its signal, and the affine."""
    image = acquire(head(seed=3), t1_axial(), faults=Faults(snr=None), seed=1)
    middle = image.data.shape[2] // 2
    data = image.data[:, :, middle - 1 : middle + 2]
    noise = np.random.default_rng(7).standard_normal((2, *data.shape)) * np.percentile(data[data > 0], 80)
    return data, noise, image.affine


def series(uid):
    return Series(series_instance_uid=uid, study_instance_uid="s", modality="MR", object=SeriesObject.IMAGE)


def checked(uid, level, kind):
    data, noise, affine = scan()
    values = np.hypot(data + level * noise[0], level * noise[1]).astype(np.float32)
    return check_series(series(uid), (Volume(data=values, affine=affine, series_instance_uid=uid),), kind=kind)


@lru_cache(maxsize=1)
def clear():
    return checked("1", 0.02, T1)


@lru_cache(maxsize=64)
def study(level):
    both = Study(study_instance_uid="s", patient="p", series=(series("1"), series("2")))
    return check_study(both, [clear(), checked("2", level, T2)])


@settings(max_examples=6, deadline=None)
@given(st.floats(0.0, 30.0), st.floats(1.0, 10.0))
@example(0.02, 10.0)
@example(0.3, 8.0)
@example(0.7, 2.0)
def test_more_noise_never_improves_the_verdict_of_a_study_with_a_patient(level, more):
    before, after = study(level), study(level * more)
    assert clear().kind.object is Subject.PATIENT
    for one, two in ((before.verdict, after.verdict), (before.series[1].verdict, after.series[1].verdict)):
        assert ORDER.index(two) >= ORDER.index(one)


def test_a_drowned_series_beside_a_patient_is_to_be_repeated_and_says_what_to_look_at():
    found = study(5.0)
    assert found.verdict is Verdict.REPEAT
    (defect,) = (d for d in found.series[1].defects if d.severity is Severity.MAJOR)
    assert defect.code == "no_signal"
    assert "coil" in defect.action
    assert "no_object" not in {d.code for d in found.series[1].defects}


def test_an_agent_that_was_given_tells_of_a_patient_and_an_empty_study_of_nobody():
    alone = Study(study_instance_uid="s", patient="p", series=(series("2"),))
    empty = checked("2", 5.0, T2)
    assert check_study(alone, [empty]).verdict is Verdict.NOT_ASSESSABLE
    given_agent = SeriesKind(
        weighting=Weighting.T1, contrast=Truth.TRUE, basis={"contrast": "ContrastBolusAgent is filled"}
    )
    assert check_study(alone, [checked("2", 5.0, given_agent)]).verdict is Verdict.REPEAT


def test_a_black_picture_beside_a_patient_is_no_pass_either():
    black = Volume(data=np.zeros((64, 64, 5), np.float32), affine=np.eye(4), series_instance_uid="2")
    both = Study(study_instance_uid="s", patient="p", series=(series("1"), series("2")))
    found = check_study(both, [clear(), check_series(series("2"), (black,), kind=T2)])
    assert found.verdict is Verdict.REPEAT
