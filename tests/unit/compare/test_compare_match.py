"""Which series answers which, one difference at a time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mriloop.model.coding import Plane, Region, Subject, Weighting
from mriloop.model.difference import Difference
from mriloop.model.fact import Truth
from mriloop.model.quality import SeriesKind
from mriloop.model.study import Frame, Parameter, Series, SeriesObject, Study
from mriloop.stages.compare import match_series

FLAIR = SeriesKind(
    weighting=Weighting.FLAIR,
    plane=Plane.AXIAL,
    region=Region.BRAIN,
    contrast=Truth.FALSE,
    fat_suppressed=Truth.TRUE,
    three_d=Truth.FALSE,
)


def _series(
    uid: str, b: float | None = None, what: SeriesObject = SeriesObject.IMAGE, **parameters: Parameter
) -> Series:
    frame = Frame(sop_instance_uid=f"{uid}.1", frame_number=1, rows=8, columns=8, b_value=b)
    return Series(
        series_instance_uid=uid,
        study_instance_uid="s",
        modality="MR",
        object=what,
        frames=(frame,),
        parameters=parameters,
    )


def _match(today: dict[str, tuple[Series, SeriesKind]], prior: dict[str, tuple[Series, SeriesKind]]):
    one, two = (
        Study(study_instance_uid=n, patient="p", series=tuple(s for s, _ in group.values()))
        for n, group in (("today", today), ("prior", prior))
    )
    kinds = {s.series_instance_uid: k for group in (today, prior) for s, k in group.values()}
    return match_series(one, kinds, two, kinds)


def _one(kind: SeriesKind, other: SeriesKind, first: Series | None = None, second: Series | None = None):
    return _match({"a": (first or _series("a"), kind)}, {"b": (second or _series("b"), other)})


def test_the_same_protocol_is_said_to_be_the_same():
    scanner = {"Manufacturer": "SIEMENS", "ManufacturerModelName": "Vida", "DeviceSerialNumber": "1"}
    (proposal,), alone = _one(FLAIR, FLAIR, _series("a", **scanner), _series("b", **scanner))
    assert (proposal.today, proposal.prior) == ("a", "b")
    assert proposal.comparability == ("same protocol as far as the headers say",)
    assert (proposal.differences, proposal.other_scanner) == ((), Truth.FALSE)
    assert alone == []


def test_without_headers_the_scanner_is_unknown_and_said_to_be():
    (proposal,), _ = _one(FLAIR, FLAIR)
    assert proposal.comparability == ("nothing names the scanner: only what the pictures are was compared",)
    assert proposal.other_scanner is Truth.UNKNOWN


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"weighting": Weighting.T1}, "show other things"),
        ({"region": Region.KNEE}, "knee"),
        ({"contrast": Truth.TRUE}, "contrast agent"),
        ({"plane": Plane.SAGITTAL}, "sagittal"),
        ({"weighting": Weighting.UNKNOWN}, "could not be established"),
        ({"weighting": Weighting.LOCALIZER}, "localizer"),
        ({"object": Subject.PHANTOM}, "phantom"),
    ],
)
def test_what_would_mislead_is_not_paired(change: dict[str, object], word: str):
    proposals, alone = _one(FLAIR, replace(FLAIR, **change))
    assert proposals == []
    assert {n.series for n in alone} == {"a", "b"}
    assert any(word in n.reason for n in alone)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"fat_suppressed": Truth.FALSE}, "fat suppressed"),
        ({"three_d": Truth.TRUE}, "3-D in the prior"),
        ({"contrast": Truth.UNKNOWN}, "contrast agent unknown"),
        ({"plane": Plane.UNKNOWN}, "unknown in the prior"),
    ],
)
def test_what_merely_differs_is_said(change: dict[str, object], word: str):
    (proposal,), _ = _one(FLAIR, replace(FLAIR, **change))
    assert any(word in w for w in proposal.comparability)


def test_three_dimensional_series_are_paired_across_planes():
    volume = replace(FLAIR, three_d=Truth.TRUE)
    (proposal,), _ = _one(volume, replace(volume, plane=Plane.SAGITTAL))
    assert "axial today, sagittal in the prior" in proposal.comparability


def test_an_unknown_region_does_not_contradict():
    assert _one(FLAIR, replace(FLAIR, region=Region.UNKNOWN))[0]


@pytest.mark.parametrize(
    ("b", "c", "paired"), [(800, 800, True), (800, 850, True), (800, 1400, False), (800, None, True)]
)
def test_diffusion_needs_the_same_b_value(b: float, c: float | None, paired: bool):
    dwi = replace(FLAIR, weighting=Weighting.DWI)
    proposals, alone = _one(dwi, dwi, _series("a", b), _series("b", c))
    assert bool(proposals) is paired
    assert paired or any("b=800" in n.reason for n in alone)


def test_scanner_thickness_and_timing_are_said():
    first = _series("a", Manufacturer="SIEMENS", EchoTime=100.0, SliceThickness=3.0)
    second = _series("b", Manufacturer="GE MEDICAL SYSTEMS", EchoTime=140.0, SliceThickness=5.0)
    (proposal,), _ = _one(FLAIR, FLAIR, first, second)
    assert proposal.comparability == (
        "another maker",
        "slices 3 mm thick today, 5 mm in the prior",
        "TE 100 today, 140 in the prior",
    )
    assert proposal.differences == (Difference.SCANNER, Difference.THICKNESS, Difference.TIMING)
    assert proposal.other_scanner is Truth.TRUE


def test_the_most_alike_of_several_is_chosen():
    today = {"a": (_series("a"), FLAIR)}
    prior = {
        "thick": (_series("thick", SliceThickness=6.0), replace(FLAIR, fat_suppressed=Truth.FALSE)),
        "twin": (_series("twin"), FLAIR),
    }
    proposals, alone = _match(today, prior)
    assert [p.prior for p in proposals] == ["twin"]
    assert [n.series for n in alone] == ["thick"]


def test_what_is_no_picture_is_left_out_with_its_name():
    proposals, alone = _match({"a": (_series("a", what=SeriesObject.RAW_DATA), FLAIR)}, {"b": (_series("b"), FLAIR)})
    assert proposals == []
    assert alone[1].reason == "not an image (raw data)" or alone[0].reason == "not an image (raw data)"


def test_an_empty_prior_is_said():
    _, alone = _match({"a": (_series("a"), FLAIR)}, {})
    assert alone[0].reason == "the prior holds no series to compare with"
