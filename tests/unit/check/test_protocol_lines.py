"""Lines of a protocol: set-ups, extra series, regions, what is unsure; and which protocol an exam was made for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mriloop.edges.knowledge.protocols import load_protocols, read_protocol, write_protocol
from mriloop.model.coding import Plane, Region, Subject, Weighting
from mriloop.model.errors import OperatorError
from mriloop.model.fact import Truth
from mriloop.model.guideline import Citation, Mark
from mriloop.model.protocol import CoilRule, FieldRule, Protocol, SeriesProtocol, Setup, Span
from mriloop.model.quality import SeriesKind, Severity, Verdict
from mriloop.model.study import Series, SeriesObject, Study
from mriloop.stages.check import check_study, choose_protocol, match_series, match_study
from mriloop.stages.check.protocol import check_protocol, fits, missing_lines
from mriloop.stages.check.protocol.lint import diff_protocols, lint_protocol, show_protocol

KIND = SeriesKind(weighting=Weighting.FLAIR, plane=Plane.AXIAL, region=Region.BRAIN, object=Subject.PATIENT)
SHIPPED = load_protocols()


def series(uid="1", description="", **parameters):
    return Series(
        series_instance_uid=uid, study_instance_uid="s", modality="MR", object=SeriesObject.IMAGE,
        parameters=parameters, description=description,
    )  # fmt: skip


FLAIR = SeriesProtocol(
    id="flair", title="FLAIR", weightings=(Weighting.FLAIR,), regions=(Region.BRAIN,),
    setups=(
        Setup(title="3-D", fields=(
            FieldRule(keyword="MRAcquisitionType", one_of=("3D",)),
            FieldRule(keyword="SliceThickness", unit="mm", maximum=1.5),
        )),
        Setup(title="2-D", fields=(
            FieldRule(keyword="MRAcquisitionType", one_of=("2D",)),
            FieldRule(keyword="SliceThickness", unit="mm", maximum=3.0),
        )),
    ),
)  # fmt: skip
PROTOCOL = Protocol(
    id="p", title="P", version="1", regions=(Region.BRAIN,), series=(FLAIR,), keywords=("ms brain",),
    citations=(Citation(text="t", year=2020, locator="l", mark=Mark.M),),
)  # fmt: skip


@pytest.mark.parametrize(
    ("header", "codes"),
    [
        ({"MRAcquisitionType": "3D", "SliceThickness": 1.0}, []),
        ({"MRAcquisitionType": "2D", "SliceThickness": 3.0}, []),
        ({"MRAcquisitionType": "3D", "SliceThickness": 3.0}, ["protocol_deviation"]),
        ({"MRAcquisitionType": "2D", "SliceThickness": 5.0}, ["protocol_deviation"]),
        ({"MRAcquisitionType": "2D"}, ["protocol_unknown"]),
    ],
)
def test_the_setup_that_is_met_best_counts(header, codes):
    assert [d.code for d in check_protocol(series(**header), FLAIR)] == codes


def test_a_deviation_names_found_wanted_unit_and_action():
    (one,) = check_protocol(series(MRAcquisitionType="2D", SliceThickness=5.0), FLAIR)
    assert one.message == "Slice thickness is 5 mm; FLAIR asks for at most 3 mm."
    (evidence,) = one.evidence
    assert (evidence.name, evidence.value, evidence.unit, evidence.limit) == (
        "SliceThickness",
        5.0,
        "mm",
        "at most 3 mm",
    )
    assert "slice thickness" in one.action


def test_an_extra_series_beside_a_good_one_is_held_to_nothing():
    good = series("1", MRAcquisitionType="3D", SliceThickness=1.0)
    thick = series("2", MRAcquisitionType="2D", SliceThickness=5.0)
    study = Study(study_instance_uid="s", patient="p", series=(good, thick))
    lines = match_study(study, {"1": KIND, "2": KIND}, PROTOCOL)
    assert not lines["1"].advisory
    assert {d.severity for d in check_protocol(thick, lines["2"])} == {Severity.INFO}
    alone = match_study(replace(study, series=(thick,)), {"2": KIND}, PROTOCOL)
    assert {d.severity for d in check_protocol(thick, alone["2"])} == {Severity.MINOR}
    assert match_study(study, {"1": KIND, "2": KIND}, None) == {}


def test_a_series_of_another_region_answers_no_line_and_an_unknown_one_only_perhaps():
    assert fits(replace(KIND, region=Region.KNEE), FLAIR) is Truth.FALSE
    assert fits(replace(KIND, region=Region.UNKNOWN), FLAIR) is Truth.UNKNOWN
    assert fits(replace(KIND, region=Region.HEAD_NECK), FLAIR) is Truth.UNKNOWN
    line = match_series(replace(KIND, region=Region.UNKNOWN), series(MRAcquisitionType="2D"), PROTOCOL)
    assert line is not None
    assert line.advisory
    ((_, state),) = missing_lines(PROTOCOL, [replace(KIND, region=Region.KNEE)])
    assert state is Truth.FALSE


def test_a_station_of_a_whole_body_exam_belongs_to_it():
    line = replace(FLAIR, regions=(Region.WHOLE_BODY,))
    assert fits(replace(KIND, region=Region.CHEST), line) is Truth.TRUE


def chosen(description, *kinds, names=()):
    rows = tuple(series(str(n), names[n] if n < len(names) else "") for n in range(len(kinds)))
    study = Study(study_instance_uid="s", patient="p", series=rows, description=description)
    return choose_protocol(study, {str(n): kind for n, kind in enumerate(kinds)}, SHIPPED)


def kind(region, weighting=Weighting.T1, **more):
    return SeriesKind(weighting=weighting, region=region, object=Subject.PATIENT, **more)


@pytest.mark.parametrize(
    ("description", "region", "wanted"),
    [
        ("MRI brain glioblastoma follow up", Region.BRAIN, "brain_tumour"),
        ("MRT Schaedel, bekanntes Gliom", Region.BRAIN, "brain_tumour"),
        ("MRI brain acoustic schwannoma, brain tumour", Region.BRAIN, "brain_general"),
        ("MRI brain headache", Region.BRAIN, "brain_general"),
        ("Known MS, new symptoms", Region.BRAIN, "ms_brain"),
        ("Known MS, new symptoms", Region.CERVICAL_SPINE, "ms_cord"),
        ("MRI cervical spine myelopathy", Region.CERVICAL_SPINE, "myelopathy"),
        ("LWS Spondylodiszitis", Region.LUMBAR_SPINE, "spine_infection"),
        ("spine mets, cord compression?", Region.THORACIC_SPINE, "spine_metastasis"),
        ("MRI cervical spine neck pain", Region.CERVICAL_SPINE, None),
        ("MR LWS", Region.LUMBAR_SPINE, None),
        ("MR knee meniscus", Region.KNEE, "knee"),
        ("MRI prostate PIRADS", Region.PELVIS, "prostate"),
        ("MRI pelvis rectal cancer staging, prostate seen", Region.PELVIS, None),
        ("MR pelvis", Region.PELVIS, None),
        ("MR Becken", Region.PROSTATE, "prostate"),
        ("MRI liver HCC surveillance", Region.LIVER, "liver"),
        ("MRI abdomen Crohn", Region.ABDOMEN, None),
        ("Multiple myeloma whole body MRI", Region.WHOLE_BODY, "whole_body_marrow"),
        ("MR shoulder", Region.SHOULDER, None),
        ("MR ankle ligament", Region.ANKLE, None),
        ("diabetic foot ulcer, osteomyelitis?", Region.FOOT, "foot_osteomyelitis"),
    ],
)  # fmt: skip
def test_exams_find_their_protocol(description, region, wanted):
    found = chosen(description, kind(region))
    assert (found.id if found else None) == wanted


def test_region_alone_informs_and_never_punishes():
    found = chosen("MR knee", kind(Region.KNEE))
    assert found is not None
    assert found.advisory
    study = Study(study_instance_uid="s", patient="p", series=())
    answer = check_study(study, [], found)
    assert {d.severity for d in answer.defects} == {Severity.INFO}
    assert answer.verdict is not Verdict.LIMITED


def test_words_alone_do_not_bind_when_no_series_was_made_for_the_protocol():
    spectrum = chosen("glioma spectroscopy planning", kind(Region.BRAIN, Weighting.MRA))
    assert spectrum is not None
    assert spectrum.advisory
    made = chosen("glioma", kind(Region.BRAIN, Weighting.FLAIR))
    assert made is not None
    assert not made.advisory


def test_two_protocols_called_for_alike_leave_the_exam_to_the_fallback():
    found = chosen("glioma, known ms", kind(Region.BRAIN, Weighting.FLAIR))
    assert found is not None
    assert (found.id, found.advisory) == ("brain_general", True)


def test_a_phantom_has_no_protocol():
    assert chosen("brain glioma", replace(kind(Region.BRAIN), object=Subject.PHANTOM)) is None


def test_brain_and_cord_of_one_ms_exam():
    rows = [kind(Region.BRAIN, Weighting.FLAIR), kind(Region.BRAIN, Weighting.T2),
            kind(Region.CERVICAL_SPINE, Weighting.T2, plane=Plane.SAGITTAL)]  # fmt: skip
    found = chosen("known ms", *rows)
    assert found is not None
    assert found.id == "ms_brain"
    line = match_series(rows[2], series(SliceThickness=3.0), found)
    assert line is not None
    assert line.id == "cord_t2"


@pytest.mark.parametrize("protocol", SHIPPED.values(), ids=lambda p: p.id)
def test_shipped_protocols_are_clean_drafts_that_read_back(protocol):
    from mriloop.app.protocol import READABLE

    assert lint_protocol(protocol, READABLE) == ()
    assert read_protocol(write_protocol(protocol), protocol.id) == protocol
    assert protocol.status.value == "draft"
    assert all(c.locator and c.year >= 2010 for c in protocol.citations)
    shown = show_protocol(protocol)
    assert all(line.title in shown for line in protocol.series)
    # Nobody signed these numbers: they may not call a patient back.
    rules = [r for line in protocol.series for r in (*line.fields, *(f for s in line.setups for f in s.fields))]
    assert all(rule.severity is not Severity.MAJOR and rule.major_tolerance is None for rule in rules)


def test_a_rich_protocol_reads_back_and_diff_names_what_changed():
    rich = replace(
        PROTOCOL,
        series=(
            replace(
                FLAIR, named=("flair tra",), required=False,
                fields=(
                    FieldRule(keyword="EchoTime", unit="ms", value=100, tolerance=2, major_tolerance=10,
                              when=(("MagneticFieldStrength", Span(minimum=2.5, maximum=3.5)), ("Manufacturer", "GE"))),
                    FieldRule(keyword="BValues", unit="s/mm2", values=(0, 1000), severity=Severity.INFO),
                    FieldRule(keyword="FlipAngle", unit="deg", any_of=(
                        FieldRule(keyword="FlipAngle", unit="deg", value=90),
                        FieldRule(keyword="FlipAngle", unit="deg", minimum=140))),
                ),
                coils=(CoilRule(names=("HEAD",), elements=("HC1-7",), when=(("Manufacturer", ("A", "B")),)),),
            ),
        ),
        not_for=("orbit",), fallback=True, fallback_regions=(Region.BRAIN,),
    )  # fmt: skip
    assert read_protocol(write_protocol(rich, head=("one\ntwo: three",)), "x") == rich
    found = {where: (a, b) for where, a, b in diff_protocols(PROTOCOL, rich)}
    assert found["series flair, required"] == ("yes", "no")
    assert found["not_for"] == ("none", "orbit")
    assert diff_protocols(rich, rich) == ()


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        (FieldRule(keyword="EcoTime", unit="ms", value=3), "unknown_field"),
        (FieldRule(keyword="EchoTime", unit="s", value=3), "wrong_unit"),
        (FieldRule(keyword="EchoTime", value=3), "no_unit"),
        (FieldRule(keyword="EchoTime", unit="ms", value=3.5, tolerance=100), "passes_all"),
        (FieldRule(keyword="PhaseEncodingAxis", one_of=("PA",)), "never_met"),
        (FieldRule(keyword="FatSuppression", value=1), "never_met"),
    ],
)
def test_lint_finds_what_loads_and_never_works(rule, code):
    from mriloop.app.protocol import READABLE

    wrong = replace(PROTOCOL, series=(replace(FLAIR, fields=(rule,)),))
    assert code in {p.code for p in lint_protocol(wrong, READABLE)}


HEAD = "{id: a, title: b, version: '1', regions: [brain], citations: [{text: t, year: 2020, locator: l, mark: M}], "


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("series: [{id: x, title: y, weighting: [T1], fields: [{keyword: EchoTime}]}]}", "no condition"),
        ("series: [{id: x, title: y, weighting: [T1], fields: [{keyword: EchoTime, value: yes}]}]}", "not a number"),
        ("series: [{id: x, title: y, weighting: [T1], fields: [{keyword: E, value: 1, unit: metre}]}]}", "no unit"),
        ("series: [{id: x, title: y, weighting: [T1], fields: [{keyword: E, value: 1, tolerance: -1}]}]}", "below zero"),
        ("series: [{id: x, title: y, weighting: [T1], fields: [{keyword: E, minimum: 2, maximum: 1}]}]}", "above"),
        ("series: [{id: x, title: y, weighting: [T1], fields: [{keyword: E, value: 1, when: {A: 3}}]}]}", "when A"),
        ("series: [{id: x, title: y, weighting: [T1], coil: [{because: z}]}]}", "no condition"),
        ("series: [{id: x, title: y, weighting: [T1], alternatives: [z]}]}", "no series is called z"),
        ("series: [{id: x, title: y, weighting: [T1], required: maybe}]}", "yes or no"),
        ("series: [{id: x, title: y, weighting: [T1]}], status: signed}", "status"),
        ("series: 3}", "must be a list"),
    ],
)  # fmt: skip
def test_every_mistake_in_a_file_is_named_with_its_place(text, words):
    with pytest.raises(OperatorError) as caught:
        read_protocol(HEAD + text, "site.yaml")
    assert caught.value.code == "knowledge_invalid"
    assert words in caught.value.message
