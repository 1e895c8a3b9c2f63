"""What is learned from good studies: closed forms for centre and tolerance, outliers named, free fields left out."""

from __future__ import annotations

import statistics

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mriloop.edges.knowledge.protocols import read_protocol, write_protocol
from mriloop.model.coding import Plane, Region, Subject, Weighting
from mriloop.model.protocol import FieldState
from mriloop.model.quality import SeriesKind, Severity
from mriloop.model.study import Series, SeriesObject, Study
from mriloop.stages.check import match_study
from mriloop.stages.check.protocol import check_protocol, results_of
from mriloop.stages.check.protocol.learn import learn_protocol

KIND = SeriesKind(weighting=Weighting.BOLD, plane=Plane.AXIAL, region=Region.BRAIN, object=Subject.PATIENT)
GOOD = {
    "RepetitionTime": 2000.0, "EchoTime": 30.0, "FlipAngle": 78.0, "PixelBandwidth": 2300.0, "NumberOfAverages": 1.0,
    "MagneticFieldStrength": 3.0, "ReceiveCoilName": "HeadNeck_64", "VendorCoilElements": "HC1-7",
    "ScanningSequence": ("EP", "GR"), "MRAcquisitionType": "2D", "ParallelReductionFactorInPlane": 2.0,
}  # fmt: skip


def study(n, *changes, kinds=(KIND,), names=("bold",)):
    """One study whose k-th series has the good settings with changes[k]."""
    rows = []
    for k in range(len(kinds)):
        values = {**GOOD, **(changes[k] if k < len(changes) else {})}
        values = {key: value for key, value in values.items() if value is not None}
        rows.append(
            Series(
                series_instance_uid=f"{n}.{k}",
                study_instance_uid=f"s{n}",
                modality="MR",
                object=SeriesObject.IMAGE,
                parameters=values,
                description=names[k % len(names)],
            )  # fmt: skip
        )
    made = Study(study_instance_uid=f"s{n}", patient=f"p{n}", series=tuple(rows))
    return made, {row.series_instance_uid: kind for row, kind in zip(rows, kinds, strict=True)}


def learn(*studies):
    named = {f"study {n}": one for n, one in enumerate(studies, 1)}
    return learn_protocol(named, identity="own", title="own", year=2026)


def rules(learned, line=0):
    return {rule.keyword: rule for rule in learned.protocol.series[line].fields}


def test_the_median_and_three_robust_standard_deviations():
    times = [1900.0, 1960.0, 2000.0, 2030.0, 2100.0]
    learned = learn(*(study(n, {"RepetitionTime": t}) for n, t in enumerate(times)))
    rule = rules(learned)["RepetitionTime"]
    mad = statistics.median(abs(t - 2000.0) for t in times)
    assert rule.value == 2000.0
    assert rule.tolerance == pytest.approx(3 * 1.4826 * mad, rel=0.01)
    assert rules(learned)["EchoTime"].tolerance == pytest.approx(0.6)  # 2 % of 30 ms: the floor
    assert rules(learned)["EchoTime"].major_tolerance == pytest.approx(3.0)  # a tenth


def test_an_outlier_is_named_and_nothing_is_learned_from_it():
    learned = learn(*(study(n, {"EchoTime": t}) for n, t in enumerate([30.0, 30.1, 29.9, 30.0, 30.05, 45.0])))
    (odd,) = [o for o in learned.outliers if o.field == "EchoTime"]
    assert (odd.study, odd.found, odd.usual) == ("study 6", "45 ms", "30")
    rule = rules(learned)["EchoTime"]
    assert rule.value == pytest.approx(30.0, abs=0.05)
    assert rule.tolerance < 1


def test_what_varies_freely_is_left_out_with_the_reason():
    learned = learn(*(study(n, {"PixelBandwidth": b}) for n, b in enumerate([500.0, 1000.0, 2000.0, 3000.0])))
    assert "PixelBandwidth" not in rules(learned)
    assert any(x.what == "PixelBandwidth" and "varies freely: 500 to 3000 Hz" in x.why for x in learned.left_out)


def test_a_field_that_most_headers_do_not_carry_is_left_out():
    learned = learn(*(study(n, {"FlipAngle": 78.0 if n < 2 else None}) for n in range(4)))
    assert "FlipAngle" not in rules(learned)
    assert any(x.what == "FlipAngle" and "2 of 4" in x.why for x in learned.left_out)


def test_coil_and_words_are_learned_and_planar_series_need_their_phase_axis():
    learned = learn(*(study(n) for n in range(3)))
    (coil,) = learned.protocol.series[0].coils
    assert coil.names == ("HEADNECK_64",)
    assert coil.elements == ("HC1", "HC2", "HC3", "HC4", "HC5", "HC6", "HC7")
    rule = rules(learned)["ScanningSequence"]
    assert (rule.contains_all, rule.severity) == (("EP", "GR"), Severity.MAJOR)
    mixed = learn(*(study(n, {"VendorCoilElements": e}) for n, e in enumerate(["HC1-7", "HC1-6", "HC5-7"])))
    assert mixed.protocol.series[0].coils[0].elements == ()
    assert any(x.what == "coil" for x in mixed.left_out)


def test_series_alike_are_told_apart_by_name_and_rare_ones_left_out():
    two = (KIND, KIND)
    learned = learn(*(study(n, {}, {"EchoTime": 50.0}, kinds=two, names=("rest", "task")) for n in range(3)))
    by_name = {line.named: {r.keyword: r for r in line.fields}["EchoTime"].value for line in learned.protocol.series}
    assert by_name == {("rest",): 30.0, ("task",): 50.0}
    swapped = study(9, {"EchoTime": 50.0}, kinds=two, names=("rest", "task"))
    lines = match_study(*swapped, learned.protocol)
    assert any(d.code == "protocol_deviation" for d in check_protocol(swapped[0].series[0], lines["9.0"]))
    t2 = SeriesKind(weighting=Weighting.T2, plane=Plane.AXIAL, region=Region.BRAIN, object=Subject.PATIENT)
    rare = learn(study(0, kinds=(KIND, t2)), *(study(n) for n in range(1, 5)))
    assert len(rare.protocol.series) == 1
    assert any(x.what == "series" and x.why == "1 of 5 studies hold it" for x in rare.left_out)


def test_nothing_in_common_gives_nothing():
    assert learn(study(0, kinds=(), names=("x",))) is None


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.floats(300, 9000), st.floats(2, 200), st.floats(1, 180), st.sampled_from(["A", "HEAD", "HeadNeck_64"]),
            st.sampled_from(["EP", "GR", ("EP", "GR"), ("SE", "EP")]),
        ),
        min_size=3, max_size=9,
    )
)  # fmt: skip
def test_every_study_that_was_learned_from_passes_whatever_the_spread(values):
    studies = [
        study(n, {"RepetitionTime": tr, "EchoTime": te, "FlipAngle": flip, "ReceiveCoilName": coil,
                  "ScanningSequence": pulse, "VendorCoilElements": None})
        for n, (tr, te, flip, coil, pulse) in enumerate(values)
    ]  # fmt: skip
    learned = learn(*studies)
    protocol = read_protocol(write_protocol(learned.protocol), "own.yaml")
    assert protocol == learned.protocol
    apart = {(o.study, o.field) for o in learned.outliers}
    for number, (one, kinds) in enumerate(studies, 1):
        for uid, line in match_study(one, kinds, protocol).items():
            row = next(s for s in one.series if s.series_instance_uid == uid)
            for result in results_of(row, line):
                if (f"study {number}", result.keyword) not in apart:
                    assert result.state in (FieldState.PASS, FieldState.UNKNOWN), result


def test_learned_from_noise_about_a_setting_it_holds_for_unseen_studies():
    """False deviations on 500 unseen series whose TE is rounded and jitters by 0.3 %: none."""
    rng = np.random.default_rng(0)
    learned = learn(*(study(n, {"EchoTime": 30 * (1 + rng.normal(0, 0.003))}) for n in range(10)))
    line = learned.protocol.series[0]
    states = []
    for n in range(500):
        one, _ = study(n, {"EchoTime": round(30 * (1 + rng.normal(0, 0.003)), 2)})
        states += [r.state for r in results_of(one.series[0], line) if r.keyword == "EchoTime"]
    assert states.count(FieldState.DEVIATION) == 0
