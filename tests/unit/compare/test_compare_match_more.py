"""Phases, sides, echoes, repetitions, reformats and views: what matching weighs beyond the kind of a series."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mriloop.model.coding import Plane, Region, Weighting
from mriloop.model.difference import Difference
from mriloop.model.fact import Truth
from mriloop.model.quality import SeriesCheck, SeriesKind, Verdict
from mriloop.model.study import Frame, Parameter, Series, SeriesObject, Study
from mriloop.stages.compare import Proposal, Role, fit_series, match_series

FLAIR = SeriesKind(weighting=Weighting.FLAIR, plane=Plane.AXIAL, region=Region.BRAIN, contrast=Truth.FALSE)
T1 = replace(FLAIR, weighting=Weighting.T1)
AFTER = replace(T1, contrast=Truth.TRUE)
KNEE = replace(T1, region=Region.KNEE)


def series(
    uid: str,
    description: str = "",
    number: int | None = None,
    *,
    begins_s: float | None = None,
    te_ms: float | None = None,
    slices_mm: float | None = None,
    **parameters: Parameter,
) -> Series:
    frames = tuple(
        Frame(
            sop_instance_uid=f"{uid}.{k}",
            frame_number=1,
            rows=8,
            columns=8,
            acquired_at_s=begins_s,
            te_ms=te_ms,
            row_axis_ras=(1.0, 0.0, 0.0),
            column_axis_ras=(0.0, 1.0, 0.0),
            position_ras_mm=(0.0, 0.0, k * (slices_mm or 1.0)),
        )
        for k in range(4 if slices_mm else 1)
    )
    return Series(
        series_instance_uid=uid,
        study_instance_uid="s",
        modality="MR",
        object=SeriesObject.IMAGE,
        description=description,
        series_number=number,
        frames=frames,
        parameters=parameters,
    )


def match(today: list[tuple[Series, SeriesKind]], prior: list[tuple[Series, SeriesKind]], **options):
    one, two = (
        Study(study_instance_uid=n, patient="p", series=tuple(s for s, _ in group))
        for n, group in (("today", today), ("prior", prior))
    )
    kinds = {s.series_instance_uid: k for s, k in [*today, *prior]}
    return match_series(one, kinds, two, kinds, **options)


def pairs(proposals: list[Proposal], role: Role = Role.CHANGE) -> set[tuple[str, str]]:
    return {(p.today, p.prior) for p in proposals if p.role is role}


def check(uid: str, verdict: Verdict) -> SeriesCheck:
    return SeriesCheck(series_instance_uid=uid, kind=FLAIR, verdict=verdict, volumes=1)


def test_phases_after_contrast_agent_find_their_own_time():
    """Three phases today 0, 40 and 180 s after the first; the prior's second was missed, its third came at 170 s."""
    today = [(series(n, begins_s=t), AFTER) for n, t in (("a0", 1000.0), ("a1", 1040.0), ("a2", 1180.0))]
    prior = [(series(n, begins_s=t), AFTER) for n, t in (("b0", 5000.0), ("b2", 5170.0))]
    proposals, alone = match(today, prior)
    assert {("a0", "b0"), ("a2", "b2")} <= pairs(proposals)
    late = next(p for p in proposals if p.today == "a2")
    assert Difference.PHASE not in late.differences
    middle = next((p for p in proposals if p.today == "a1"), None)
    assert middle is not None
    assert {Difference.PHASE, Difference.SHARED} <= set(middle.differences)
    assert alone == []


@pytest.mark.parametrize(
    ("first", "second", "paired"),
    [
        ({"Laterality": "L"}, {"Laterality": "R"}, False),
        ({"Laterality": "L"}, {"ImageLaterality": "L"}, True),
        ({"Laterality": "L"}, {}, True),
        ({"Laterality": "B"}, {"Laterality": "R"}, True),
    ],
)
def test_the_other_knee_is_another_knee(first: dict[str, str], second: dict[str, str], paired: bool):
    proposals, alone = match([(series("a", **first), KNEE)], [(series("b", **second), KNEE)])
    assert bool(proposals) is paired
    assert paired or "left side today, right side in the prior" in {n.reason for n in alone}


def test_a_side_is_read_from_the_name_where_no_element_tells_it():
    proposals, _ = match([(series("a", "T1 cor knee left"), KNEE)], [(series("b", "T1 cor Knie rechts"), KNEE)])
    assert proposals == []
    proposals, _ = match([(series("a", "T1 left"), T1)], [(series("b", "T1 right"), T1)])
    assert proposals, "a brain has no side"


def test_a_late_echo_of_t2_star_is_another_picture():
    star = replace(FLAIR, weighting=Weighting.T2_STAR)
    today = [(series("a5", te_ms=5.0), star), (series("a25", te_ms=25.0), star)]
    prior = [(series("b24", te_ms=24.0), star), (series("b5", te_ms=5.5), star)]
    assert pairs(match(today, prior)[0]) == {("a5", "b5"), ("a25", "b24")}
    proposals, alone = match(today[:1], prior[:1])
    assert proposals == []
    assert any("echo at 5 ms today, 24 ms in the prior" in n.reason for n in alone)


def test_the_good_repetition_is_compared_and_the_spoilt_run_named():
    today = [(series("bad", "FLAIR", 3), FLAIR), (series("good", "FLAIR", 4), FLAIR)]
    prior = [(series("b", "FLAIR", 3), FLAIR)]
    verdicts = {"bad": check("bad", Verdict.REPEAT), "good": check("good", Verdict.ACCEPTABLE)}
    proposals, alone = match(today, prior, checks=verdicts)
    assert pairs(proposals) == {("good", "b")}
    assert [(n.series, n.reason) for n in alone] == [
        ("bad", "a spoilt run of a series that is compared already (series 4)")
    ]
    swapped = {"bad": check("bad", Verdict.ACCEPTABLE), "good": check("good", Verdict.REPEAT)}
    assert pairs(match(today, prior, checks=swapped)[0]) == {("bad", "b")}


def test_of_equal_runs_the_later_is_taken_and_a_spoilt_one_only_where_nothing_else_is():
    today = [(series("first", "FLAIR", 3), FLAIR), (series("second", "FLAIR", 9), FLAIR)]
    assert pairs(match(today, [(series("b", "FLAIR", 3), FLAIR)])[0]) == {("second", "b")}
    (proposal,), _ = match(today[:1], [(series("b", "FLAIR"), FLAIR)], checks={"b": check("b", Verdict.NOT_ASSESSABLE)})
    assert proposal.spoilt
    assert proposal.comparability[0] == "CHECK says of the series in the prior: not assessable"


def test_one_prior_series_answers_two_only_where_they_differ_and_it_says_so():
    volume = replace(FLAIR, three_d=Truth.TRUE)
    today = [(series("cube", "3D FLAIR"), volume), (series("thick", "FLAIR ax", slices_mm=4.0), FLAIR)]
    proposals, alone = match(today, [(series("b", "3D FLAIR"), volume)])
    shared = next(p for p in proposals if p.today == "thick")
    assert pairs(proposals) == {("cube", "b"), ("thick", "b")}
    assert "answers more than one of today's" in shared.comparability[-1]
    assert shared.score < next(p.score for p in proposals if p.today == "cube")
    assert alone == []


def test_two_series_find_two_answers_and_none_is_used_twice():
    fat = replace(T1, fat_suppressed=Truth.TRUE)
    plain = replace(T1, fat_suppressed=Truth.FALSE)
    today = [(series("a"), plain), (series("a.fs"), fat)]
    prior = [(series("b.fs"), fat), (series("b"), plain)]
    assert pairs(match(today, prior)[0]) == {("a", "b"), ("a.fs", "b.fs")}


def test_a_reformat_counts_where_its_original_was_not_sent():
    reformatted = replace(FLAIR, derived=True)
    proposals, _ = match([(series("a"), FLAIR)], [(series("b"), reformatted)])
    assert pairs(proposals) == {("a", "b")}
    assert Difference.DERIVED in proposals[0].differences
    proposals, alone = match([(series("a"), FLAIR)], [(series("b"), FLAIR), (series("mpr"), reformatted)])
    assert pairs(proposals) == {("a", "b")}
    assert {n.series: n.reason for n in alone}["mpr"] == "a derived picture: its sources are compared instead"


def test_a_projection_and_a_map_are_no_pictures():
    projection = series("mip", ImageType=("DERIVED", "SECONDARY", "MIP"))
    adc = replace(FLAIR, weighting=Weighting.ADC, derived=True)
    prior = [(projection, replace(T1, derived=True)), (series("adc"), adc)]
    study = Study(study_instance_uid="s", patient="p", series=tuple(s for s, _ in prior))
    assert fit_series(study, {s.series_instance_uid: k for s, k in prior}) == ()
    proposals, alone = match([(series("a"), T1), (series("a.adc"), adc)], prior)
    assert proposals == []
    assert any("projection" in n.reason for n in alone)
    assert pairs(match([(series("a.adc"), adc)], prior, maps=True)[0], Role.MAP) == {("a.adc", "adc")}


def test_a_t1_beside_a_flair_is_not_comparable_yet_proposed_for_viewing():
    proposals, alone = match([(series("flair"), FLAIR)], [(series("t1"), T1)], view=True)
    (view,) = proposals
    assert (view.today, view.prior, view.role) == ("flair", "t1", Role.VIEW)
    assert "FLAIR" in view.reason
    assert "only" in view.comparability[-1]
    assert {n.series for n in alone} == {"flair", "t1"}, "it stays not comparable"
    assert match([(series("flair"), FLAIR)], [(series("t1"), T1)])[0] == []


def test_what_has_no_weighting_is_seen_beside_its_namesake_and_never_measured():
    unknown = SeriesKind(region=Region.BRAIN)
    today = [(series("a1", "study2_sag"), unknown), (series("a2", "study2_special"), unknown)]
    prior = [(series("b1", "study1_special"), unknown), (series("b2", "study1_sag"), unknown)]
    proposals, _ = match(today, prior, view=True)
    assert pairs(proposals) == set()
    assert pairs(proposals, Role.VIEW) == {("a1", "b2"), ("a2", "b1")}


def test_no_view_across_regions_or_onto_a_localizer():
    knee = (series("knee"), KNEE)
    assert match([(series("a"), T1)], [knee], view=True)[0] == []
    localizer = (series("loc"), replace(T1, weighting=Weighting.LOCALIZER))
    assert match([(series("a"), T1)], [localizer], view=True)[0] == []


def test_slice_distance_stands_in_for_a_thickness_that_nothing_states():
    (proposal,), _ = match([(series("a", slices_mm=3.0), FLAIR)], [(series("b", slices_mm=5.0), FLAIR)])
    assert "slices 3 mm apart today, 5 mm in the prior" in proposal.comparability


@pytest.mark.parametrize(
    ("parameters", "difference"),
    [
        ({"MagneticFieldStrength": 1.5}, Difference.FIELD_STRENGTH),
        ({"SoftwareVersions": "XA30"}, Difference.SOFTWARE),
        ({"DeviceSerialNumber": "42"}, Difference.SCANNER),
        ({"RepetitionTime": 9000.0}, Difference.TIMING),
    ],
)
def test_each_difference_is_named_for_rules(parameters: dict[str, Parameter], difference: Difference):
    here = {
        "Manufacturer": "S",
        "DeviceSerialNumber": "41",
        "MagneticFieldStrength": 3.0,
        "SoftwareVersions": "XA20",
        "RepetitionTime": 5000.0,
    }
    (proposal,), _ = match([(series("a", **here), FLAIR)], [(series("b", **(here | parameters)), FLAIR)])
    assert proposal.differences == (difference,)
    assert proposal.other_scanner is (
        Truth.TRUE if difference in (Difference.SCANNER, Difference.FIELD_STRENGTH) else Truth.FALSE
    )


def test_a_serial_number_that_was_blanked_tells_nothing():
    (proposal,), _ = match(
        [(series("a", Manufacturer="ANONYMIZED"), FLAIR)], [(series("b", Manufacturer="SIEMENS"), FLAIR)]
    )
    assert proposal.other_scanner is Truth.UNKNOWN


def test_an_organ_of_the_abdomen_answers_the_abdomen_but_not_another_organ():
    liver, abdomen, kidney = (replace(T1, region=r) for r in (Region.LIVER, Region.ABDOMEN, Region.KIDNEY))
    assert match([(series("a"), liver)], [(series("b"), abdomen)])[0]
    assert match([(series("a"), liver)], [(series("b"), kidney)])[0] == []
