"""What a series is: physics before text, unknown where nothing speaks, for headers as the vendors write them."""

from __future__ import annotations

import pytest

from mriloop.model.coding import Plane, Region, Subject, Weighting
from mriloop.model.fact import Truth
from mriloop.model.study import Component, Frame, Series, SeriesObject, Study
from mriloop.stages.check import identify, identify_study

AXIAL = ((-1.0, 0.0, 0.0), (0.0, -1.0, 0.0))


def series(description="", frames=4, uid="1", **parameters):
    frame = {key[1:]: parameters.pop(key) for key in list(parameters) if key.startswith("_")}
    axes = frame.pop("axes", AXIAL)
    pictures = tuple(
        Frame(
            sop_instance_uid=f"{uid}.{k}",
            frame_number=1,
            rows=64,
            columns=64,
            position_ras_mm=(0.0, 0.0, 5.0 * k),
            row_axis_ras=axes[0],
            column_axis_ras=axes[1],
            **{name: (value[k % len(value)] if isinstance(value, list) else value) for name, value in frame.items()},
        )
        for k in range(frames)
    )
    return Series(
        series_instance_uid=uid,
        study_instance_uid="s",
        modality="MR",
        object=SeriesObject.IMAGE,
        description=description,
        frames=pictures,
        parameters=parameters,
    )


SE, GR, EP, IR = "SE", "GR", "EP", "IR"
CASES = [
    ("T1 spin echo", {"ScanningSequence": SE, "RepetitionTime": 500, "_te_ms": 12.0}, Weighting.T1),
    ("T2 turbo spin echo", {"ScanningSequence": SE, "RepetitionTime": 5000, "_te_ms": 95.0}, Weighting.T2),
    ("PD", {"ScanningSequence": SE, "RepetitionTime": 3000, "_te_ms": 30.0}, Weighting.PD),
    (
        "FLAIR 3T",
        {"ScanningSequence": (SE, IR), "RepetitionTime": 9000, "_te_ms": 100.0, "_ti_ms": 2500.0},
        Weighting.FLAIR,
    ),
    (
        "SPACE FLAIR, TE 394",
        {"ScanningSequence": (SE, IR), "RepetitionTime": 6000, "_te_ms": 394.0, "_ti_ms": 2200.0},
        Weighting.FLAIR,
    ),
    (
        "STIR 1.5T",
        {"ScanningSequence": (SE, IR), "RepetitionTime": 4000, "_te_ms": 60.0, "_ti_ms": 160.0},
        Weighting.STIR,
    ),
    ("MPRAGE", {"ScanningSequence": (GR, IR), "RepetitionTime": 2300, "_te_ms": 2.9, "_ti_ms": 900.0}, Weighting.T1),
    ("VIBE", {"ScanningSequence": GR, "RepetitionTime": 4.5, "_te_ms": 2.0, "_flip_deg": 12.0}, Weighting.T1),
    ("T2* GRE", {"ScanningSequence": GR, "RepetitionTime": 600, "_te_ms": 20.0, "_flip_deg": 20.0}, Weighting.T2_STAR),
    (
        "BOLD",
        {"ScanningSequence": EP, "RepetitionTime": 2000, "_te_ms": 30.0, "frames": 8, "_position_ras_mm": None},
        None,
    ),
    ("DWI", {"ScanningSequence": EP, "_te_ms": 70.0, "_b_value": [0.0, 1000.0]}, Weighting.DWI),
    ("UIH b0 of 1.25", {"ScanningSequence": EP, "_te_ms": 70.0, "_b_value": [1.25, 930.0]}, Weighting.DWI),
    (
        "Siemens ADC with a b-value",
        {
            "ScanningSequence": EP,
            "_te_ms": 63.0,
            "_b_value": 800.0,
            "_image_type": ("DERIVED", "PRIMARY", "DIFFUSION", "ADC"),
        },
        Weighting.ADC,
    ),
    ("TOF", {"TimeOfFlightContrast": "YES", "EchoPulseSequence": "GRADIENT", "_te_ms": 3.4}, Weighting.MRA),
    ("phase", {"ScanningSequence": GR, "_te_ms": 7.0, "_component": Component.PHASE}, Weighting.PHASE),
    ("enhanced STIR", {"AcquisitionContrast": "STIR"}, Weighting.STIR),
    ("nothing at all", {}, Weighting.UNKNOWN),
]


@pytest.mark.parametrize(("name", "header", "wanted"), [case for case in CASES if case[2]], ids=lambda v: str(v)[:30])
def test_weighting_follows_physics_without_any_text(name, header, wanted):
    kind = identify(series("", **header))
    assert kind.weighting is wanted, kind.basis
    assert ("weighting" in kind.basis) == (wanted is not Weighting.UNKNOWN)


def test_physics_beats_a_wrong_name():
    kind = identify(series("T1 axial", ScanningSequence="SE", RepetitionTime=5000, _te_ms=95.0))
    assert kind.weighting is Weighting.T2


def test_flip_angle_in_a_name_is_no_anisotropy_map():
    kind = identify(series("vfa FA 15 deg", ScanningSequence="GR", RepetitionTime=5.0, _te_ms=2.0, _flip_deg=15.0))
    assert kind.weighting is Weighting.T1


@pytest.mark.parametrize(
    ("text", "region"),
    [
        ("Kniegelenk rechts pd tse", Region.KNEE),
        ("RM encéphale T2", Region.BRAIN),
        ("hypofyse cor T1", Region.PITUITARY),
        ("LWS sag T2", Region.LUMBAR_SPINE),
        ("rodilla sag", Region.KNEE),
        ("fegato T2", Region.LIVER),
        ("Vorfuß T1", Region.FOOT),
        ("T2 tse header test", Region.UNKNOWN),
    ],
)
def test_region_from_names_in_six_languages(text, region):
    assert identify(series(text)).region is region


def test_region_of_the_name_beats_a_default_body_part():
    assert identify(series("Knee sag", BodyPartExamined="BRAIN")).region is Region.KNEE
    assert identify(series("t1 se", BodyPartExamined="HEAD"), "MRT Hypophyse").region is Region.PITUITARY


@pytest.mark.parametrize(
    ("header", "answer"),
    [
        ({}, Truth.UNKNOWN),
        ({"ContrastBolusAgent": ""}, Truth.UNKNOWN),
        ({"ContrastBolusAgent": "NONE"}, Truth.FALSE),
        ({"ContrastBolusAgent": "Gadovist"}, Truth.TRUE),
        ({"ContrastBolusAgent": "Water", "ContrastBolusRoute": "ORAL"}, Truth.UNKNOWN),
        ({"description": "T1 SE +C"}, Truth.TRUE),
        ({"description": "T1 nativ"}, Truth.FALSE),
        ({"description": "t1_tse_KM"}, Truth.TRUE),
        ({"description": "T1 post op"}, Truth.UNKNOWN),
        ({"description": "T1 pre contrast", "ContrastBolusAgent": "Dotarem"}, Truth.UNKNOWN),
    ],
)
def test_contrast_is_never_denied_by_silence(header, answer):
    assert identify(series(**header)).contrast is answer


def test_the_bolus_time_of_one_series_tells_the_others():
    def at(uid, second, **header):
        return series(uid=uid, ScanningSequence="SE", RepetitionTime=500, _te_ms=10.0, _acquired_at_s=second, **header)

    study = Study(
        study_instance_uid="s",
        patient="p",
        series=(
            at("1", 36000.0),
            at("2", 37000.0, ContrastBolusAgent="Gd", ContrastBolusStartTime="101000"),
            at("3", 37400.0),
        ),
    )
    kinds = identify_study(study)
    assert [kinds[u].contrast for u in "123"] == [Truth.FALSE, Truth.TRUE, Truth.TRUE]


def test_an_agent_registered_before_it_was_given_does_not_make_a_series_one_after_it():
    def one(second):
        return series(_acquired_at_s=second, ContrastBolusAgent="Gd", ContrastBolusStartTime="101000")

    assert identify(one(36000.0)).contrast is Truth.FALSE
    assert identify(one(36900.0)).contrast is Truth.TRUE


def test_without_a_bolus_time_an_earlier_series_stays_unknown():
    first = series(uid="1", _acquired_at_s=100.0)
    second = series(uid="2", _acquired_at_s=200.0, ContrastBolusAgent="Gd")
    kinds = identify_study(Study(study_instance_uid="s", patient="p", series=(first, second)))
    assert kinds["1"].contrast is Truth.UNKNOWN


def test_planes_and_objects():
    assert identify(series(_axes=((0.0, -1.0, 0.0), (0.0, 0.0, -1.0)))).plane is Plane.SAGITTAL
    tilted = ((-1.0, 0.0, 0.0), (0.0, -(0.5**0.5), -(0.5**0.5)))
    assert identify(series(_axes=tilted)).plane is Plane.OBLIQUE
    assert identify(series("ACR phantom T1")).object is Subject.PHANTOM
    assert identify(series("phantom limb pain brain")).object is Subject.UNKNOWN
    assert identify(series(_has_pixels=False)).object is Subject.NOT_AN_IMAGE
    assert identify(series(frames=0)).object is Subject.UNKNOWN


def test_derived_is_what_image_type_says_and_a_prospective_moco_name_is_not():
    assert identify(series("x", _image_type=("DERIVED", "PRIMARY", "MPR"))).derived
    assert not identify(series("mocoMEMPRAGE RMS", _image_type=("ORIGINAL", "PRIMARY", "OTHER", "MEAN"))).derived


@pytest.mark.parametrize(
    ("text", "weighting"),
    [
        ("PLANTAR FASCIA", Weighting.UNKNOWN),
        ("Echo Planar DWI", Weighting.DWI),
        ("AX T1 planning", Weighting.T1),
        ("renal angiomyolipoma", Weighting.UNKNOWN),
        ("t2_tse_restore", Weighting.T2),
        ("medical centre", Weighting.UNKNOWN),
        ("3-plane", Weighting.LOCALIZER),
        ("Plan Scan", Weighting.LOCALIZER),
        ("Survey_32ch", Weighting.LOCALIZER),
        ("localizer", Weighting.LOCALIZER),
        ("REST1 SMS", Weighting.BOLD),
        ("dmri", Weighting.DWI),
        ("mt0", Weighting.MT),
        ("mt1", Weighting.MT),
        ("MR_Gd", Weighting.T1),
        ("example_mr_sm", Weighting.UNKNOWN),
    ],
)
def test_names_are_read_by_whole_words(text, weighting):
    kind = identify(series(text))
    assert kind.weighting is weighting, kind.basis


@pytest.mark.parametrize(("flip", "weighting"), [(5.0, Weighting.PD), (10.0, Weighting.T1), (3.0, Weighting.PD)])
def test_a_spoiled_gradient_echo_is_told_by_the_ernst_angle(flip, weighting):
    # TR 4.43 ms and T1 = 1 s: the Ernst angle is arccos(exp(-0.00443)) = 5.4 degrees.
    kind = identify(series("", ScanningSequence="GR", RepetitionTime=4.43, _te_ms=2.1, _flip_deg=flip))
    assert kind.weighting is weighting


@pytest.mark.parametrize(
    ("text", "region"),
    [
        ("FEMORAL HEAD", Region.HIP),
        ("metatarsal head II", Region.FOOT),
        ("head of humerus", Region.SHOULDER),
        ("head first", Region.BRAIN),
    ],
)
def test_a_head_of_a_bone_is_no_brain(text, region):
    assert identify(series(text)).region is region


@pytest.mark.parametrize(
    ("text", "subject"),
    [
        ("phantom pain stump", Subject.UNKNOWN),
        ("leg QC", Subject.UNKNOWN),
        ("T2 uniformity", Subject.UNKNOWN),
        ("QA uniformity", Subject.PHANTOM),
        ("daily QA", Subject.PHANTOM),
        ("Phantom T1", Subject.PHANTOM),
    ],
)
def test_one_weak_word_makes_no_phantom(text, subject):
    assert identify(series(text)).object is subject


@pytest.mark.parametrize(
    ("text", "contrast", "fat"),
    [
        ("T1 w/o FS", Truth.UNKNOWN, Truth.FALSE),
        ("T1 without fatsat", Truth.UNKNOWN, Truth.FALSE),
        ("T1 SC joint", Truth.UNKNOWN, Truth.UNKNOWN),
        ("T1 w/o contrast", Truth.FALSE, Truth.UNKNOWN),
        ("T1 without IV contrast", Truth.FALSE, Truth.UNKNOWN),
        ("T1 ohne KM", Truth.FALSE, Truth.UNKNOWN),
        ("T1 sans gado", Truth.FALSE, Truth.UNKNOWN),
        ("T1 s/c", Truth.FALSE, Truth.UNKNOWN),
        ("brain w/wo contrast", Truth.UNKNOWN, Truth.UNKNOWN),
        ("T1 fs +C", Truth.TRUE, Truth.TRUE),
    ],
)
def test_without_counts_for_what_stands_behind_it(text, contrast, fat):
    kind = identify(series(text))
    assert (kind.contrast, kind.fat_suppressed) == (contrast, fat)


def test_a_bolus_after_midnight_comes_after_the_series_before_it():
    def at(uid, second, **header):
        return series(uid=uid, ScanningSequence="SE", RepetitionTime=500, _te_ms=10.0, _acquired_at_s=second, **header)

    late = at("2", 86400.0 + 600, ContrastBolusAgent="Gd", ContrastBolusStartTime="000500")
    study = Study(study_instance_uid="s", patient="p", series=(at("1", 85800.0), late, at("3", 86400.0 + 900)))
    kinds = identify_study(study)
    assert [kinds[u].contrast for u in "123"] == [Truth.FALSE, Truth.TRUE, Truth.TRUE]
    # Given on the ward a quarter of an hour before the first picture: every series is after it.
    ward = Study(
        study_instance_uid="s", patient="p",
        series=(at("1", 36000.0), at("2", 36300.0, ContrastBolusAgent="Gd", ContrastBolusStartTime="094500")),
    )  # fmt: skip
    assert identify_study(ward)["1"].contrast is Truth.TRUE
