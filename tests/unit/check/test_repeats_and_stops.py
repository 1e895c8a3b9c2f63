"""Runs of one scan and which is better; what is no repeat; and an examination that the scanner reports as stopped."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mriloop.model.coding import Code, Plane, Region, Subject, Weighting
from mriloop.model.fact import Truth
from mriloop.model.quality import Completeness, MissingSlice, SeriesCheck, SeriesKind, Severity, Verdict
from mriloop.model.quantity import Quantity
from mriloop.model.study import Frame, PerformedSeries, PerformedStep, Series, SeriesObject, StepStatus, Study
from mriloop.stages.advise.from_check import facts_from_check
from mriloop.stages.check import check_study
from mriloop.stages.check.defects import CLAUSTROPHOBIA
from mriloop.stages.check.discontinued import ADMINISTRATIVE, REASONS, termination_of

T2 = SeriesKind(
    weighting=Weighting.T2, plane=Plane.AXIAL, region=Region.BRAIN, contrast=Truth.FALSE, object=Subject.PATIENT
)


def series(uid, begin=0.0, description="t2 tse tra", slices=range(20), offset=0.0, **parameters):
    frames = tuple(
        Frame(
            sop_instance_uid=f"{uid}.{k}", frame_number=1, rows=64, columns=64, acquired_at_s=begin + k,
            position_ras_mm=(0.0, 0.0, 4.0 * k + offset), row_axis_ras=(-1.0, 0.0, 0.0),
            column_axis_ras=(0.0, -1.0, 0.0),
        )
        for k in slices
    )  # fmt: skip
    return Series(
        series_instance_uid=uid, study_instance_uid="s", modality="MR", object=SeriesObject.IMAGE, frames=frames,
        description=description, series_number=int(uid), parameters=parameters,
    )  # fmt: skip


def check(uid, kind=T2, verdict=Verdict.ACCEPTABLE, missing=0, volumes=1, **measures):
    lost = tuple(MissingSlice(index=k, position_ras_mm=None) for k in range(missing))
    return SeriesCheck(
        series_instance_uid=uid, kind=kind, verdict=verdict, volumes=volumes, series_number=int(uid),
        measures={name: Quantity(value=value, unit="1") for name, value in measures.items()},
        completeness=Completeness(found=20 - missing, expected=20, missing=lost),
    )  # fmt: skip


def answer(parts, checks):
    return check_study(Study(study_instance_uid="s", patient="p", series=tuple(parts)), checks)


def told(parts, checks):
    return [d for d in answer(parts, checks).defects if d.code == "repeated_series"]


TWO = (series("1"), series("2", 400.0))


@pytest.mark.parametrize(
    ("first", "second", "better", "why"),
    [
        ({"verdict": Verdict.LIMITED}, {}, "2", ""),
        ({}, {"verdict": Verdict.LIMITED}, "1", "its verdict"),
        ({}, {"missing": 1}, "1", "fewer slices"),
        ({"displacement_mean": 0.9}, {"displacement_mean": 0.1}, "2", "less motion"),
        ({"ghost_ratio": 0.02}, {"ghost_ratio": 0.09}, "1", "fewer ghosts"),
        ({"average_edge_strength": 0.20}, {"average_edge_strength": 0.26}, "2", "sharper edges"),
        ({"ghost_ratio": 0.02, "average_edge_strength": 0.20}, {"ghost_ratio": 0.03, "average_edge_strength": 0.21},
         None, "do not tell them apart"),
        ({}, {}, None, "do not tell them apart"),
    ],
)  # fmt: skip
def test_the_better_run_is_named_only_where_the_measures_tell(first, second, better, why):
    (one,) = told(TWO, [check("1", **first), check("2", **second)])
    named = [e.value for e in one.evidence if e.name == "better"]
    assert named == ([better] if better else [])
    assert why in one.message


@pytest.mark.parametrize("word", ["rpt", "repeat", "WDH", "Wiederholung", "run 2", "#2", "redo"])
def test_what_operators_add_to_the_name_of_a_second_run_is_passed_over(word):
    assert told((series("1"), series("2", 400.0, f"t2 tse tra {word}")), [check("1"), check("2")])


def test_a_run_that_was_cut_is_recognised_at_its_place():
    parts = (series("1", slices=range(8)), series("2", 400.0))
    (one,) = told(parts, [check("1", verdict=Verdict.REPEAT, missing=12), check("2")])
    assert "Series 2" in one.message
    assert answer(parts, [check("1", verdict=Verdict.REPEAT, missing=12), check("2")]).superseded == ("1",)


AFTER = replace(T2, weighting=Weighting.T1, contrast=Truth.TRUE)


@pytest.mark.parametrize(
    ("parts", "kinds"),
    [
        ((series("1", description="vibe art"), series("2", 60, "vibe art")), (AFTER, AFTER)),
        ((series("1", description="vibe"), series("2", 60, "vibe")), (AFTER, AFTER)),
        ((series("1", description="vibe"), series("2", 300, "vibe")),
         (replace(AFTER, region=Region.LIVER), replace(AFTER, region=Region.LIVER))),
        ((series("1"), series("2", 400.0, offset=250.0)), (T2, T2)),
        ((series("1"), series("2")), (T2, T2)),
        ((series("1", description="t1"), series("2", 400, "t1")), (replace(AFTER, contrast=Truth.FALSE), AFTER)),
        ((series("1", description="t1"), series("2", 400, "t1"), series("3", 700, "t1 km")),
         (replace(AFTER, contrast=Truth.UNKNOWN), replace(AFTER, contrast=Truth.UNKNOWN), AFTER)),
        ((series("1", Laterality="L"), series("2", 400, Laterality="R")), (T2, T2)),
        ((series("1", InPlanePhaseEncodingDirection="ROW"), series("2", 400, InPlanePhaseEncodingDirection="COL")),
         (T2, T2)),
        (tuple(series(str(n), 30.0 * n) for n in range(1, 9)), (T2,) * 8),
        ((series("1"), series("2", 400)), (replace(T2, weighting=Weighting.BOLD),) * 2),
    ],
    ids=["named phases", "passage", "liver phases", "stations", "two reconstructions", "before and after",
         "before and maybe after", "left and right", "phase encoding turned", "eight dynamics", "fMRI runs"],
)  # fmt: skip
def test_what_is_no_repeat(parts, kinds):
    checks = [check(part.series_instance_uid, kind) for part, kind in zip(parts, kinds, strict=True)]
    assert told(parts, checks) == []


def step(code="110505", status=StepStatus.DISCONTINUED, comment="", meaning="", lists=(), study="s"):
    return PerformedStep(
        studies=(study,), status=status, comment=comment, series=tuple(lists),
        reason=Code(value=code, scheme="DCM", meaning=meaning) if code else None,
    )  # fmt: skip


def stopped(*steps):
    return check_study(Study(study_instance_uid="s", patient="p", series=(series("1"),)), [check("1")], performed=steps)


@pytest.mark.parametrize(
    ("code", "severity", "why"),
    [
        ("110505", Severity.MAJOR, "patient_request"),
        ("110515", Severity.MAJOR, "other"),
        ("110501", Severity.MAJOR, "machine"),
        ("110513", Severity.MINOR, "reason_not_stated"),
        ("", Severity.MINOR, "reason_not_stated"),
        ("110510", Severity.INFO, ADMINISTRATIVE),
        ("110514", Severity.INFO, ADMINISTRATIVE),
        ("48694002", Severity.MAJOR, "claustrophobia"),
        ("999999", Severity.MAJOR, "other"),
    ],
)
def test_a_discontinued_examination_by_its_reason(code, severity, why):
    (one,) = [d for d in stopped(step(code)).defects if d.code == "exam_discontinued"]
    assert one.severity is severity
    assert [e.value for e in one.evidence if e.name == "termination"] == [why]
    assert (one.action == CLAUSTROPHOBIA) == (code in ("110505", "110515", "48694002"))


@pytest.mark.parametrize(
    ("comment", "why"),
    [
        ("claustrophobia, pressed the bell", "claustrophobia"),
        ("Platzangst", "claustrophobia"),
        ("Patient panicked", "claustrophobia"),
        ("not claustrophobic, back pain", "pain"),
        ("keine Klaustrophobie", "patient_request"),
        ("", "patient_request"),
    ],
)
def test_words_of_fear_and_pain_say_more_than_a_refusal(comment, why):
    assert termination_of(step("110505", comment=comment)) == why
    assert termination_of(step("110501", comment=comment)) == "machine"


def test_the_comment_is_never_repeated():
    found = stopped(step("110505", comment="Mrs Doe was afraid of the tunnel, claustrophobia"))
    assert not any("Doe" in d.message for d in found.defects)


def test_a_step_that_was_completed_or_belongs_elsewhere_says_nothing():
    assert not stopped(step(status=StepStatus.COMPLETED)).defects
    assert not stopped(step(study="another")).defects


def test_advice_learns_why_the_patient_stopped():
    facts = facts_from_check(stopped(step("110505", comment="claustrophobia")))
    assert facts["termination"].value == "claustrophobia"
    assert "stopped" in facts["repeat_causes"].value


def test_images_that_were_performed_and_did_not_arrive_are_counted():
    lists = (
        PerformedSeries(series_instance_uid="1", images=tuple(f"1.{k}" for k in range(24))),
        PerformedSeries(series_instance_uid="9", description="t1 tse", images=("9.1", "9.2")),
        PerformedSeries(series_instance_uid="8", description="localizer", images=("8.1",)),
        PerformedSeries(series_instance_uid="7", description="raw", others=3),
    )
    found = [d for d in stopped(step("", StepStatus.COMPLETED, lists=lists)).defects if d.code == "not_received"]
    assert [(d.severity, [e.value for e in d.evidence][1]) for d in found] == [
        (Severity.MINOR, 4), (Severity.MINOR, 2), (Severity.INFO, 1),
    ]  # fmt: skip


def test_every_reason_code_of_the_standard_has_a_line():
    from pydicom.sr.codedict import codes

    standard = {
        getattr(codes.cid9300, name).value
        for name in dir(codes.cid9300)
        if getattr(getattr(codes.cid9300, name), "scheme_designator", "") == "DCM"
    }
    assert standard <= set(REASONS)
