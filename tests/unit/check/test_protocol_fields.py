"""Fields of a protocol on classic and enhanced headers of several vendors: spans, sets, grades and alternatives."""

from __future__ import annotations

import pytest

from mriloop.model.fact import Truth
from mriloop.model.protocol import FieldRule, FieldState, Span
from mriloop.model.quality import Severity
from mriloop.model.study import Frame, Series, SeriesObject
from mriloop.stages.check.header import Header
from mriloop.stages.check.protocol import compare
from mriloop.stages.check.protocol.compare import applies, in_force
from mriloop.stages.check.protocol.fields import BY_KEYWORD, FIELDS, take

PASS, OFF, UNKNOWN = FieldState.PASS, FieldState.DEVIATION, FieldState.UNKNOWN
AXIAL = {"row_axis_ras": (-1.0, 0.0, 0.0), "column_axis_ras": (0.0, -1.0, 0.0)}
SAGITTAL = {"row_axis_ras": (0.0, -1.0, 0.0), "column_axis_ras": (0.0, 0.0, -1.0)}


def stack(count=10, pitch=5.0, thick=3.0, volumes=1, axes=AXIAL, **more):
    """Slices along S for axial axes, along R for sagittal ones."""
    along = (0.0, 0.0, 1.0) if axes is AXIAL else (1.0, 0.0, 0.0)
    return tuple(
        Frame(
            sop_instance_uid=f"1.{t}.{k}", frame_number=1, rows=256, columns=192, spacing_mm=(1.0, 0.8),
            thickness_mm=thick, position_ras_mm=(along[0] * k * pitch, along[1] * k * pitch, along[2] * k * pitch),
            acquired_at_s=10.0 + 7.5 * t, **axes, **more,
        )
        for t in range(volumes)
        for k in range(count)
    )  # fmt: skip


def series(frames=(), **parameters):
    return Series(
        series_instance_uid="1", study_instance_uid="s", modality="MR", object=SeriesObject.IMAGE,
        parameters=parameters, frames=frames,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("keyword", "header", "value"),
    [
        ("MagneticFieldStrength", {"MagneticFieldStrength": 15000.0}, 1.5),
        ("MagneticFieldStrength", {"MagneticFieldStrength": 1.4939999580383}, 1.4939999580383),
        ("ParallelReductionFactorInPlane", {"ParallelReductionFactorInPlane": 2.5}, 2.5),
        ("ParallelReductionFactorInPlane", {"VendorAssetFactors": (0.5, 1.0)}, 2.0),
        ("ParallelReductionFactorInPlane", {"VendorParallelMode": "p3"}, 3.0),
        ("ParallelReductionFactorInPlane", {"VendorAccelerationPhase": 2}, 2.0),
        ("ParallelReductionFactorInPlane", {"ParallelAcquisition": "NO"}, 1.0),
        ("MultibandFactor", {"VendorParallelMode": "p2 s4"}, 4.0),
        ("EchoTrainLength", {"RFEchoTrainLength": 16}, 16.0),
        ("EchoTrainLength", {"EchoTrainLength": 1, "VendorEPIFactor": 39}, 39.0),
        ("EchoTrainLength", {"EchoTrainLength": 1, "ScanningSequence": "SE"}, 1.0),
        ("NumberOfAverages", {"VendorAverages": 3}, 3.0),
        ("EchoTime", {"EffectiveEchoTime": 100.0}, 100.0),
    ],
)
def test_numbers_of_every_vendor(keyword, header, value):
    assert take(keyword, Header(series(**header)), text=False) == (pytest.approx(value),)


@pytest.mark.parametrize(
    ("keyword", "header", "words"),
    [
        ("ScanningSequence", {"ScanningSequence": ("EP", "SE")}, ("EP", "SE")),
        ("ScanningSequence", {"ScanningSequence": "GR, IR"}, ("GR", "IR")),
        ("ScanningSequence", {"EchoPulseSequence": "SPIN", "EchoPlanarPulseSequence": "YES"}, ("SE", "EP")),
        ("InPlanePhaseEncodingDirection", {"InPlanePhaseEncodingDirection": "COLUMN"}, ("COL",)),
        ("PartialFourier", {"ScanOptions": ("PFP", "FS")}, ("YES",)),
        ("PartialFourier", {"PartialFourier": "NO"}, ("NO",)),
        ("PartialFourier", {"ScanOptions": "FS"}, ()),
        ("FatSuppression", {"ScanOptions": "FS"}, ("YES",)),
        ("FatSuppression", {"SpectrallySelectedSuppression": "FAT"}, ("YES",)),
        ("FatSuppression", {"VendorFatSuppression": "N"}, ("NO",)),
        ("FatSuppression", {}, ()),
        ("ContrastAgent", {"ContrastBolusAgent": "Gadovist"}, ("YES",)),
        ("ContrastAgent", {"ContrastBolusAgent": "NONE"}, ("NO",)),
        ("ContrastAgent", {}, ()),
        ("EchoTrainLength", {"EchoTrainLength": 1, "ScanningSequence": ("EP", "GR")}, ()),
    ],
)
def test_words_of_every_vendor(keyword, header, words):
    assert take(keyword, Header(series(**header)), text=True) == words


def test_prescription_comes_from_the_positions():
    header = Header(series(stack(count=10, pitch=5.0, thick=3.0, volumes=4)))
    wanted = {"SlicePitch": 5.0, "SliceGap": 2.0, "Coverage": 48.0, "Slices": 10.0, "Volumes": 4.0,
              "VolumeInterval": 7.5, "FieldOfViewRows": 256.0, "FieldOfViewColumns": 153.6}  # fmt: skip
    for keyword, value in wanted.items():
        assert take(keyword, header, text=False) == (pytest.approx(value),), keyword


@pytest.mark.parametrize(
    ("axes", "direction", "axis"),
    [
        (AXIAL, "COL", "AP"),
        (AXIAL, "COLUMN", "AP"),
        (AXIAL, "ROW", "RL"),
        (SAGITTAL, "ROW", "AP"),
        (SAGITTAL, "COL", "HF"),
    ],
)
def test_the_phase_axis_is_told_in_the_patient(axes, direction, axis):
    made = series(stack(axes=axes), InPlanePhaseEncodingDirection=direction)
    assert take("PhaseEncodingAxis", Header(made), text=True) == (axis,)


def test_acquired_pixels_are_not_the_interpolated_ones():
    made = series(stack(), InPlanePhaseEncodingDirection="COL", AcquisitionMatrix=(0, 96, 128, 0))
    header = Header(made)
    assert take("PixelSizeFrequency", header, text=False) == (pytest.approx(153.6 / 96),)
    assert take("PixelSizePhase", header, text=False) == (pytest.approx(256 / 128),)
    assert take("PixelSizePhase", Header(series(stack())), text=False) == ()


def test_diffusion_is_counted_by_directions():
    vectors = [(1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)]
    frames = stack(count=2, b_value=0.0) + tuple(
        frame for vector in vectors for frame in stack(count=2, b_value=998.0, b_vector_ras=vector)
    )
    header = Header(series(frames))
    assert take("BValues", header, text=False) == (0.0, 1000.0)
    assert take("BValueMax", header, text=False) == (1000.0,)
    assert take("DiffusionDirections", header, text=False) == (3.0,)


@pytest.mark.parametrize("field", FIELDS, ids=lambda f: f.keyword)
def test_an_empty_header_is_silent_on_every_field(field):
    assert not take(field.keyword, Header(series()), text=field.kind == "text")
    rule = {"one_of": ("X",)} if field.kind == "text" else {"value": 1.0}
    assert compare(FieldRule(keyword=field.keyword, **rule), series()).state is UNKNOWN
    assert "{wanted}" in field.action


@pytest.mark.parametrize(
    ("rule", "header", "state"),
    [
        ({"value": 5000, "tolerance": 0.5}, {"RepetitionTime": 5000.4}, PASS),
        ({"value": 5000, "tolerance": 0.3}, {"RepetitionTime": 5000.4}, OFF),
        ({"value": 5000, "relative": 1e-3}, {"RepetitionTime": 5004}, PASS),
        ({"minimum": 4000, "maximum": 6000}, {"RepetitionTime": 6000}, PASS),
        ({"minimum": 4000, "maximum": 6000}, {"RepetitionTime": 6100}, OFF),
        ({"any_of": (FieldRule(keyword="RepetitionTime", value=2000), FieldRule(keyword="RepetitionTime", value=5000))},
         {"RepetitionTime": 5000}, PASS),
        ({"any_of": (FieldRule(keyword="RepetitionTime", value=2000), FieldRule(keyword="RepetitionTime", value=5000))},
         {"RepetitionTime": 3000}, OFF),
        ({"any_of": (FieldRule(keyword="RepetitionTime", value=2000), FieldRule(keyword="RepetitionTime", value=5000))},
         {}, UNKNOWN),
    ],
)  # fmt: skip
def test_numbers_against_rules(rule, header, state):
    assert compare(FieldRule(keyword="RepetitionTime", unit="ms", **rule), series(**header)).state is state


@pytest.mark.parametrize(
    ("rule", "found", "state"),
    [
        ({"one_of": ("FS",)}, ("PFP", "FS"), PASS),
        ({"contains_all": ("PFP", "FS")}, ("PFP", "FS"), PASS),
        ({"contains_all": ("PFP", "FS")}, "FS", OFF),
        ({"none_of": ("PFF",)}, ("PFF", "FS"), OFF),
        ({"none_of": ("PFF",)}, "FS", PASS),
        ({"none_of": ("PFF",)}, None, UNKNOWN),
        ({"contains_any": ("gems",)}, "EPI_GEMS", PASS),
    ],
)
def test_words_against_rules(rule, found, state):
    header = {} if found is None else {"ScanOptions": found}
    assert compare(FieldRule(keyword="ScanOptions", **rule), series(**header)).state is state


def test_sets_of_numbers_hold_both_ways():
    rule = FieldRule(keyword="BValues", values=(0, 1000), tolerance=20)
    b = [stack(count=1, b_value=v)[0] for v in (0.0, 995.0, 2000.0)]
    assert compare(rule, series(tuple(b[:2]))).state is PASS
    assert compare(rule, series(tuple(b[:1]))).state is OFF
    assert compare(rule, series(tuple(b))).state is OFF


def test_beyond_the_second_limit_a_deviation_calls_for_a_repeat():
    rule = FieldRule(keyword="EchoTime", unit="ms", value=30, tolerance=0.5, major_tolerance=3)
    slight, gross = (compare(rule, series(EchoTime=te)) for te in (32, 35))
    assert (slight.severity, gross.severity) == (Severity.MINOR, Severity.MAJOR)
    assert "repeat the series before the patient leaves" in gross.action
    assert (gross.found, gross.wanted, gross.tolerance, gross.unit) == ("35", "30 ± 0.5 ms", 0.5, "ms")
    low = FieldRule(keyword="Volumes", minimum=10, major_minimum=8)
    volumes = [compare(low, series(stack(volumes=n))) for n in (10, 9, 6)]
    assert [v.state for v in volumes] == [PASS, OFF, OFF]
    assert [v.severity for v in volumes[1:]] == [Severity.MINOR, Severity.MAJOR]


def test_scanners_are_told_apart_by_maker_model_software_and_field():
    header = Header(series(Manufacturer="SIEMENS", ManufacturerModelName="Skyra", MagneticFieldStrength=2.89))
    assert applies((("Manufacturer", "siemens"),), header) is Truth.TRUE
    assert applies((("Manufacturer", ("GE", "PHILIPS")),), header) is Truth.FALSE
    assert applies((("MagneticFieldStrength", Span(minimum=2.5, maximum=3.5)),), header) is Truth.TRUE
    assert applies((("MagneticFieldStrength", Span(maximum=2.0)),), header) is Truth.FALSE
    assert applies((("SoftwareVersions", "E11"),), header) is Truth.UNKNOWN
    assert applies((("SoftwareVersions", "E11"), ("Manufacturer", "GE")), header) is Truth.FALSE


def test_a_rule_for_this_scanner_replaces_the_general_one():
    general = FieldRule(keyword="SliceThickness", maximum=4)
    high = FieldRule(keyword="SliceThickness", maximum=3, when=(("MagneticFieldStrength", Span(minimum=2.5)),))
    rules = (general, high)
    assert in_force(rules, Header(series(MagneticFieldStrength=3.0))) == (high,)
    assert in_force(rules, Header(series(MagneticFieldStrength=1.5))) == (general,)
    silent = Header(series())
    assert in_force(rules, silent) == (general, high)
    assert compare(high, series(SliceThickness=2)).state is UNKNOWN


def test_the_table_names_each_field_once():
    assert len(BY_KEYWORD) == len(FIELDS)
