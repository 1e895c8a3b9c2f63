"""Several minor faults of different causes spoil a series together; those of one cause, and information, do not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mriloop.model.coding import Subject, Weighting
from mriloop.model.quality import SeriesKind, Severity, Verdict
from mriloop.stages.check.defects import TABLE, defect
from mriloop.stages.check.limits import SHIPPED
from mriloop.stages.check.verdict import ORDER, several_faults, verdict_of

KIND = SeriesKind(weighting=Weighting.T1, object=Subject.PATIENT)
THREE = ("low_snr", "ghosting", "blank_slice")


def minor(*codes):
    return [defect(code, Severity.MINOR, "x") for code in codes]


def verdict(defects, limits=SHIPPED):
    return verdict_of(KIND, [*defects, *several_faults(defects, limits)], computed=False, seen=True)


def test_three_causes_spoil_and_say_why():
    assert verdict(minor(*THREE)) is Verdict.REPEAT
    (told,) = several_faults(minor(*THREE))
    assert told.severity is Severity.MAJOR
    assert [(e.name, e.value) for e in told.evidence] == [
        ("faults", 3.0), ("signal", "low_snr"), ("movement", "ghosting"), ("loss", "blank_slice"),
    ]  # fmt: skip
    assert "too little signal" in told.message


@pytest.mark.parametrize(
    "codes",
    [
        ("low_snr", "ghosting"),
        ("motion", "ghosting", "motion_artifact", "blurred_against_sister"),
        ("low_snr", "ghosting", "protocol_deviation", "stopped_early", "short_volume"),
    ],
)
def test_fewer_causes_or_none_of_the_picture_only_limit(codes):
    assert verdict(minor(*codes)) is Verdict.LIMITED


def test_information_is_no_fault():
    assert verdict([*minor("low_snr", "ghosting"), defect("blank_slice", Severity.INFO, "x")]) is Verdict.LIMITED


def test_a_site_may_ask_for_more_or_fewer():
    assert verdict(minor(*THREE), replace(SHIPPED, minor_faults_spoil=4.0)) is Verdict.LIMITED
    assert verdict(minor(*THREE[:2]), replace(SHIPPED, minor_faults_spoil=2.0)) is Verdict.REPEAT


CODES = st.sampled_from([entry.code for entry in TABLE if entry.code not in ("not_mr", "several_faults")])


@given(st.lists(st.tuples(CODES, st.sampled_from(list(Severity))), max_size=6), CODES, st.sampled_from(list(Severity)))
def test_another_defect_or_a_worse_one_never_improves_the_verdict(pairs, code, severity):
    before = [defect(name, s, "x") for name, s in pairs]
    assert ORDER.index(verdict([*before, defect(code, severity, "y")])) >= ORDER.index(verdict(before))
    worse = [replace(one, severity=Severity.MAJOR) for one in before]
    assert ORDER.index(verdict(worse)) >= ORDER.index(verdict(before))
