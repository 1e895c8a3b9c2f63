"""The verdict rule, the protocol rule and the study rule, each against what they promise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mriloop.app.check import CheckOutcome
from mriloop.edges.knowledge.protocols import load_protocols, read_protocol
from mriloop.edges.publish.documents import check_document
from mriloop.model.coding import Plane, Region, Subject, Weighting
from mriloop.model.errors import Exit, OperatorError
from mriloop.model.fact import Truth
from mriloop.model.protocol import FieldRule, FieldState
from mriloop.model.quality import SeriesCheck, SeriesKind, Severity, Verdict
from mriloop.model.quantity import NotAssessable, Quantity
from mriloop.model.study import Frame, Series, SeriesObject, Study
from mriloop.model.volume import Volume
from mriloop.stages.advise import facts_from_check
from mriloop.stages.check import check_series, check_study, choose_protocol
from mriloop.stages.check.defects import BY_CODE, TABLE, defect
from mriloop.stages.check.measures import NAMES as MEASURES
from mriloop.stages.check.protocol import compare
from mriloop.stages.check.verdict import verdict_of
from mriloop.stages.communicate import repeat_alert

T1 = SeriesKind(weighting=Weighting.T1, plane=Plane.AXIAL, region=Region.BRAIN, object=Subject.PATIENT)


def series(uid="1", **parameters):
    return Series(
        series_instance_uid=uid, study_instance_uid="s", modality="MR", object=SeriesObject.IMAGE, parameters=parameters
    )


def check(uid, kind=T1, verdict=Verdict.ACCEPTABLE, number=1, defects=(), edges=None):
    measures = {} if edges is None else {"average_edge_strength": Quantity(value=edges, unit="{index}")}
    return SeriesCheck(
        series_instance_uid=uid, kind=kind, verdict=verdict, volumes=1, series_number=number, defects=defects,
        measures=measures,
    )  # fmt: skip


def test_every_code_of_the_table_is_unique_and_tells_what_to_do():
    assert len(BY_CODE) == len(TABLE)
    assert all(entry.action and entry.meaning for entry in TABLE)
    assert all(entry.taxonomy == "" or entry.taxonomy.startswith(("R1.", "R4.")) for entry in TABLE)


def test_the_worst_defect_decides_and_a_phantom_is_never_scored():
    minor, major = (defect("low_snr", s, "x") for s in (Severity.MINOR, Severity.MAJOR))
    assert verdict_of(T1, [], computed=False, seen=True) is Verdict.ACCEPTABLE
    assert verdict_of(T1, [minor], computed=False, seen=True) is Verdict.LIMITED
    assert verdict_of(T1, [minor, major], computed=False, seen=True) is Verdict.REPEAT
    assert verdict_of(T1, [], computed=False, seen=False) is Verdict.NOT_ASSESSABLE
    assert verdict_of(replace(T1, object=Subject.PHANTOM), [major], computed=False, seen=True) is Verdict.NOT_ASSESSABLE


def test_a_computed_series_is_limited_by_what_it_lacks_and_by_nothing_else():
    lacks, noisy = defect("missing_slices", Severity.MAJOR, "x"), defect("low_snr", Severity.MAJOR, "x")
    assert verdict_of(T1, [noisy], computed=True, seen=True) is Verdict.NOT_ASSESSABLE
    assert verdict_of(T1, [lacks], computed=True, seen=True) is Verdict.LIMITED


@pytest.mark.parametrize(
    "shape", [(64, 64, 1), (4, 4, 4), (20, 20, 3, 2), (17, 40, 2)], ids=lambda s: "x".join(map(str, s))
)
@pytest.mark.parametrize("fill", ["zeros", "nan", "noise", "ones"])
def test_every_measure_answers_for_every_shape_and_content(shape, fill):
    rng = np.random.default_rng(3)
    data = {
        "zeros": np.zeros(shape), "nan": np.full(shape, np.nan), "ones": np.ones(shape), "noise": rng.rayleigh(1, shape)
    }[fill].astype(np.float32)  # fmt: skip
    volume = Volume(data=data, affine=np.diag([2.0, 2.0, 3.0, 1.0]), series_instance_uid="1")
    answer = check_series(series(), (volume,), kind=SeriesKind())
    assert set(answer.measures) >= set(MEASURES)
    for measure in answer.measures.values():
        assert isinstance(measure, NotAssessable) or np.isfinite(measure.value)


def test_colour_is_measured_as_grey_and_headers_alone_are_not_acceptable():
    colour = np.zeros((32, 32, 4), dtype=[("R", "u1"), ("G", "u1"), ("B", "u1")])
    colour["R"][8:24, 8:24] = np.random.default_rng(0).integers(100, 200, (16, 16, 4))
    volume = Volume(data=colour, affine=np.eye(4), series_instance_uid="1")
    assert isinstance(check_series(series(), (volume,), kind=SeriesKind()).measures["entropy_focus"], Quantity)
    unseen = check_series(series(), None, kind=T1)
    assert unseen.verdict is Verdict.NOT_ASSESSABLE
    assert all(isinstance(m, NotAssessable) for m in unseen.measures.values())


def test_pure_noise_is_no_object():
    noise = np.random.default_rng(5).rayleigh(10, (64, 64, 12)).astype(np.float32)
    answer = check_series(series(), (Volume(data=noise, affine=np.eye(4), series_instance_uid="1"),), kind=T1)
    assert answer.kind.object is Subject.NONE
    assert answer.verdict is Verdict.NOT_ASSESSABLE
    assert [d.code for d in answer.defects if d.code == "no_object"]


@pytest.mark.parametrize(
    ("rule", "header", "state"),
    [
        ({"keyword": "RepetitionTime", "value": 5000}, {"RepetitionTime": 5000.4}, FieldState.PASS),
        ({"keyword": "RepetitionTime", "value": 5000}, {"RepetitionTime": 5100}, FieldState.DEVIATION),
        ({"keyword": "RepetitionTime", "value": 5000}, {}, FieldState.UNKNOWN),
        ({"keyword": "EchoTime", "minimum": 80, "maximum": 110}, {"EchoTime": 35}, FieldState.DEVIATION),
        ({"keyword": "EchoTime", "maximum": 110}, {"EffectiveEchoTime": 100}, FieldState.PASS),
        ({"keyword": "ReceiveCoilName", "contains_any": ("HEAD",)}, {"ReceiveCoilName": "32Ch Head"}, FieldState.PASS),
        ({"keyword": "ReceiveCoilName", "contains_any": ("HEAD",)}, {"ReceiveCoilName": "BODY"}, FieldState.DEVIATION),
        ({"keyword": "ReceiveCoilName", "contains_any": ("HEAD",)}, {}, FieldState.UNKNOWN),
        (
            {"keyword": "FlipAngle", "value": 9, "when": (("Manufacturer", "GE"),)},
            {"Manufacturer": "SIEMENS", "FlipAngle": 15},
            FieldState.NOT_APPLICABLE,
        ),
    ],
)
def test_fields_pass_deviate_or_are_unknown_and_never_pass_in_silence(rule, header, state):
    assert compare(FieldRule(**rule), series(**header)).state is state


def test_shipped_protocols_load_each_with_a_citation_and_reach_the_demo_patients():
    protocols = load_protocols(None)
    assert {"ms_brain", "pituitary", "foot_osteomyelitis", "brain_general", "prostate"} <= set(protocols)
    assert all(p.citations and p.series for p in protocols.values())

    def chosen(text, region):
        study = Study(study_instance_uid="s", patient="p", series=(series(),), description=text)
        found = choose_protocol(study, {"1": replace(T1, region=region)}, protocols)
        return found.id if found else None

    assert chosen("MRI brain MS follow-up", Region.BRAIN) == "ms_brain"
    assert chosen("MRI pituitary", Region.PITUITARY) == "pituitary"
    assert chosen("MR Fuss", Region.FOOT) == "foot_osteomyelitis"
    assert chosen("MRI head", Region.BRAIN) == "brain_general"
    assert chosen("MR knee", Region.KNEE) == "knee"
    assert chosen("MR shoulder", Region.SHOULDER) is None
    for text in (
        "brain TE 90 ms",
        "brain 12 Sep 2024",
        "Brain EM test",
        "brain TR 500 ms follow",
        "tuberous sclerosis",
    ):
        assert chosen(text, Region.BRAIN) == "brain_general", text
    for text in ("IRM SEP contrôle", "Multiple Sklerose", "known MS, new symptoms"):
        assert chosen(text, Region.BRAIN) == "ms_brain", text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("id: [", "not YAML"),
        ("[1]", "mapping"),
        ("id: a\nfoo: 1", "unknown key foo"),
        (
            "{id: a, title: b, version: '1', regions: [brain], citations: [], series: [{id: x, title: y, "
            "weighting: [T9]}]}",
            "T9",
        ),
    ],
)
def test_a_wrong_protocol_is_refused_with_its_place(text, words):
    with pytest.raises(OperatorError) as caught:
        read_protocol(text, "site.yaml")
    assert caught.value.code == "knowledge_invalid"
    assert words in caught.value.message


def test_a_site_protocol_lies_over_the_shipped_one(tmp_path):
    (tmp_path / "protocols").mkdir()
    (tmp_path / "protocols" / "own.yaml").write_text(
        "{id: prostate, title: ours, version: '9', regions: [prostate], citations: [{text: us, year: 2026, "
        "locator: p1, mark: M}], series: [{id: t2, title: T2, weighting: [T2]}]}"
    )
    assert load_protocols(tmp_path)["prostate"].title == "ours"


def study_of(*uids):
    frames = {u: 100.0 * n for n, u in enumerate(uids)}
    return Study(
        study_instance_uid="s",
        patient="p",
        series=tuple(
            replace(
                series(u),
                description="t1 tse tra",
                frames=(
                    Frame(
                        sop_instance_uid=u, frame_number=1, rows=8, columns=8, acquired_at_s=frames[u],
                        position_ras_mm=(0.0, 0.0, 0.0),
                    ),
                ),
            )
            for u in uids
        ),
    )  # fmt: skip


NATIVE = replace(T1, contrast=Truth.FALSE)
T2 = replace(T1, weighting=Weighting.T2)


def test_a_successful_repeat_rescues_the_study_and_the_better_run_is_named():
    bad = check("1", NATIVE, Verdict.REPEAT, number=1)
    good = check("2", NATIVE, Verdict.ACCEPTABLE, number=2)
    found = check_study(study_of("1", "2"), [bad, good])
    assert found.verdict is Verdict.ACCEPTABLE
    assert found.superseded == ("1",)
    assert any(d.code == "repeated_series" and "better" in d.message for d in found.defects)
    alone = check_study(study_of("1"), [bad])
    assert (alone.verdict, alone.superseded) == (Verdict.REPEAT, ())
    assert any(d.code == "spoilt_without_repeat" for d in alone.defects)


def test_an_earlier_run_rescues_nothing():
    good = check("1", NATIVE, Verdict.ACCEPTABLE, number=1)
    bad = check("2", NATIVE, Verdict.REPEAT, number=2)
    found = check_study(study_of("1", "2"), [good, bad])
    assert (found.verdict, found.superseded) == (Verdict.REPEAT, ())


@pytest.mark.parametrize(
    ("kind", "volumes", "change"),
    [
        (T1, 1, {}),  # with or without an agent is not known: the other may be the picture after contrast
        (replace(T1, weighting=Weighting.BOLD), 1, {}),
        (replace(T1, weighting=Weighting.PERFUSION), 1, {}),
        (NATIVE, 40, {}),
        (T2, 1, {"description": "t2 other"}),
        (T2, 1, {"description": ""}),
        (T2, 1, {"parameters": {"ProtocolName": "upper"}}),
        (T2, 1, {"place": (0.0, 0.0, 200.0)}),
        (replace(T1, contrast=Truth.TRUE), 1, {}),  # 100 s after each other: phases
    ],
    ids=lambda v: str(v)[:24] if isinstance(v, dict) else "",
)
def test_what_only_looks_like_a_repeat_is_told_and_replaces_nothing(kind, volumes, change):
    bad = replace(check("1", kind, Verdict.REPEAT, edges=0.1), volumes=volumes)
    good = replace(check("2", kind, number=2, edges=0.3), volumes=volumes)
    study = study_of("1", "2")
    first, second = study.series
    place = change.pop("place", None)
    if place:
        change["frames"] = (replace(second.frames[0], position_ras_mm=place),)
    found = check_study(replace(study, series=(first, replace(second, **change))), [bad, good])
    assert (found.verdict, found.superseded) == (Verdict.REPEAT, ())
    assert not any(d.code == "blurred_against_sister" for c in found.series for d in c.defects)


def test_a_run_with_dull_edges_is_marked_against_its_sister():
    found = check_study(study_of("1", "2"), [check("1", NATIVE, edges=0.12), check("2", NATIVE, edges=0.24)])
    assert found.series[0].verdict is Verdict.LIMITED
    assert found.series[1].verdict is Verdict.ACCEPTABLE
    assert found.superseded == ("1",)


def test_a_series_repeated_with_success_raises_no_alarm_anywhere():
    bad = check("1", NATIVE, Verdict.REPEAT, defects=(defect("motion_artifact", Severity.MAJOR, "x"),))
    rescued = check_study(study_of("1", "2"), [bad, check("2", NATIVE, number=2)])
    assert repeat_alert(rescued) is None
    assert CheckOutcome(checks=(rescued,), refused=()).exit is Exit.DONE
    facts = facts_from_check(rescued)
    assert "series_to_repeat" not in facts
    assert check_document([rescued])["studies"][0]["superseded"] == ["1"]
    other = replace(rescued, verdict=Verdict.REPEAT, series=(*rescued.series, check("3", T2, Verdict.REPEAT, 3)))
    assert len(repeat_alert(other).parts) == 1
    assert facts_from_check(other)["series_to_repeat"].value == ("T2",)


def test_contrast_pictures_without_their_native_twin():
    after, before = replace(T1, contrast=Truth.TRUE), replace(T1, contrast=Truth.FALSE)
    codes = {d.code: d.severity for d in check_study(study_of("1"), [check("1", after)]).defects}
    assert codes["incomplete_precontrast"] is Severity.MINOR
    both = check_study(study_of("1", "2"), [check("1", before), check("2", after)])
    assert "incomplete_precontrast" not in {d.code for d in both.defects}
    maybe = check_study(study_of("1", "2"), [check("1", T1), check("2", after)])
    assert {d.code: d.severity for d in maybe.defects}["incomplete_precontrast"] is Severity.INFO


def test_an_exam_that_was_stopped():
    protocol = load_protocols(None)["ms_brain"]
    flair = replace(T1, weighting=Weighting.FLAIR)
    cut = check("1", flair, Verdict.LIMITED, 1, (defect("missing_slices", Severity.MAJOR, "x"),))
    found = check_study(study_of("1"), [cut], protocol)
    assert {"missing_series", "exam_stopped"} <= {d.code for d in found.defects}
    assert found.verdict is Verdict.REPEAT


def test_a_nearly_black_picture_of_a_scanner_is_a_picture_and_a_drawn_mask_is_none():
    few = np.random.default_rng(2).integers(0, 5, (64, 64, 6)).astype(np.float32)
    volume = (Volume(data=few, affine=np.eye(4), series_instance_uid="1"),)
    scanned = check_series(series(ScanningSequence="SE", RepetitionTime=500), volume, kind=T1)
    assert scanned.verdict is Verdict.NOT_ASSESSABLE
    assert "grey levels" in scanned.measures["snr_air"].reason
    assert check_series(series(), volume, kind=SeriesKind()).verdict is Verdict.NOT_AN_IMAGE
