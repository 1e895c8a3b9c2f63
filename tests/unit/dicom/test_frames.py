"""Place, time and contrast of a frame, from public and private elements of every vendor."""

import math
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from mriloop.edges.dicom import Limits, load_volumes, read_intake
from mriloop.edges.dicom.frames import parse_date, seconds_of_day
from mriloop.edges.dicom.siemens import csa_numbers, protocol_integer, read_csa, read_protocol
from mriloop.edges.dicom.vendors import PARAMETERS
from mriloop.model.study import Component, Frame, Series

LIMITS = Limits()
Make = Callable[..., Dataset]
Write = Callable[..., Path]


def read(path: Path) -> Series:
    with read_intake(path, LIMITS) as intake:
        return intake.studies[0].series[0]


def private(ds: Dataset, creator: str, group: int, offset: int, vr: str, value: object) -> Dataset:
    ds.private_block(group, creator, create=True).add_new(offset, vr, value)
    return ds


@pytest.mark.parametrize(
    ("creator", "group", "offset", "vr", "value", "b"),
    [
        ("SIEMENS MR HEADER", 0x0019, 0x0C, "IS", "1000", 1000.0),
        ("SIEMENS MR HEADER", 0x0019, 0x0C, "UN", b"1000", 1000.0),
        ("GEMS_PARM_01", 0x0043, 0x39, "IS", ["800", "8", "0", "0"], 800.0),
        ("GEMS_PARM_01", 0x0043, 0x39, "IS", ["1000000800", "8", "0", "0"], 800.0),
        ("Philips Imaging DD 001", 0x2001, 0x03, "FL", 2000.0, 2000.0),
        ("Philips Imaging DD 001", 0x2001, 0x03, "FL", -1.0, None),
        ("Image Private Header", 0x0065, 0x09, "FD", 1.25, 1.25),
    ],
)
def test_b_values_of_the_vendors(
    creator: str,
    group: int,
    offset: int,
    vr: str,
    value: object,
    b: float | None,
    make: Make,
    write: Write,
    tmp_path: Path,
) -> None:
    write(private(make(), creator, group, offset, vr, value), tmp_path / "x")
    assert read(tmp_path).frames[0].b_value == b


@pytest.mark.parametrize(
    ("changes", "b"),
    [
        ({"DiffusionBValue": 700.0}, 700.0),
        ({"ImageComments": "b=1500(0.4,0.1,-0.9)"}, 1500.0),
        ({"SequenceName": "*ep_b50#12"}, 50.0),
        ({"SequenceName": "*ep_b800t"}, 800.0),
        ({"SequenceName": "*tfl3d1_ns"}, None),
        ({}, None),
    ],
)
def test_b_values_of_public_elements_and_text(
    changes: dict[str, object], b: float | None, make: Make, write: Write, tmp_path: Path
) -> None:
    write(make(1, **changes), tmp_path / "x")
    assert read(tmp_path).frames[0].b_value == b


def test_directions_become_unit_vectors_in_ras(make: Make, write: Write, tmp_path: Path) -> None:
    write(private(make(1), "SIEMENS MR HEADER", 0x0019, 0x0E, "FD", [0.6, 0.0, 0.8]), tmp_path / "1")
    ds = make(2)
    for axis, value in enumerate((0.0, 1.0, 0.0)):
        private(ds, "Philips MR Imaging DD 001", 0x2005, 0xB0 + axis, "FL", value)
    write(ds, tmp_path / "2")
    write(make(3, DiffusionGradientOrientation=[0.0, 0.0, -0.99]), tmp_path / "3")
    vectors = [frame.b_vector_ras for frame in read(tmp_path).frames]
    assert vectors[0] == pytest.approx((-0.6, 0.0, 0.8))
    assert vectors[1] == pytest.approx((0.0, -1.0, 0.0))
    assert vectors[2] == pytest.approx((0.0, 0.0, -1.0))


@pytest.mark.parametrize(
    ("changes", "component"),
    [
        ({"ImageType": ["ORIGINAL", "PRIMARY", "M", "ND"]}, Component.MAGNITUDE),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "P", "ND"]}, Component.PHASE),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "PHASE MAP", "P", "FFE"]}, Component.PHASE),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "R_IR", "R", "IR"]}, Component.REAL),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "M_SE", "M", "SE"]}, Component.MAGNITUDE),
        ({"ComplexImageComponent": "IMAGINARY"}, Component.IMAGINARY),
        ({"ImageType": ["DERIVED", "PRIMARY", "DIFFUSION", "ADC"]}, Component.UNKNOWN),
    ],
)
def test_the_component(
    changes: dict[str, object], component: Component, make: Make, write: Write, tmp_path: Path
) -> None:
    write(make(1, **changes), tmp_path / "x")
    assert read(tmp_path).frames[0].component is component


def test_the_component_of_ge(make: Make, write: Write, tmp_path: Path) -> None:
    write(
        private(make(1, ImageType=["ORIGINAL", "PRIMARY", "OTHER"]), "GEMS_PARM_01", 0x43, 0x2F, "SS", 3),
        tmp_path / "x",
    )
    assert read(tmp_path).frames[0].component is Component.IMAGINARY


def test_vendor_parameters_keep_their_units(make: Make, write: Write, tmp_path: Path) -> None:
    ds = private(make(), "GEMS_ACQU_01", 0x0019, 0x5A, "FL", 90_000_000.0)
    private(ds, "GEMS_RELA_01", 0x0021, 0x4F, "SS", 24)
    private(ds, "GEMS_PARM_01", 0x0043, 0x83, "DS", ["0.5", "1"])
    private(ds, "GEMS_ACQU_01", 0x0019, 0x9C, "LO", "epiRT")
    write(ds, tmp_path / "x")
    series = read(tmp_path)
    assert series.parameters["VendorAcquisitionDuration"] == pytest.approx(90.0)
    assert series.parameters["VendorSlices"] == 24
    assert series.parameters["VendorAssetFactors"] == (0.5, 1.0)
    assert series.parameters["VendorPulseSequence"] == "epiRT"
    assert series.declared["slices"] == 24


def test_a_private_element_needs_its_creator(make: Make, write: Write, tmp_path: Path) -> None:
    write(private(make(), "SOMEBODY ELSE", 0x0019, 0x0C, "IS", "1000"), tmp_path / "x")
    assert read(tmp_path).frames[0].b_value is None


def test_every_private_element_is_documented() -> None:
    page = (Path(__file__).parents[3] / "docs" / "reference" / "dicom-in.md").read_text("utf-8")
    for row in PARAMETERS:
        assert f"`{row.keyword}`" in page, row.keyword
        assert f"{row.group:04X},xx{row.offset:02X}" in page, row


def csa(entries: dict[str, list[str]], *, new: bool = True) -> bytes:
    """Return a CSA header with these entries, as syngo writes it."""
    out = (b"SV10\x04\x03\x02\x01" if new else b"") + struct.pack("<2I", len(entries), 77)
    for name, values in entries.items():
        items = 6
        out += struct.pack("<64si4s3i", name.encode(), len(values), b"FD\0\0", 4, items, 77)
        for n in range(items):
            text = values[n].encode() + b"\0" if n < len(values) else b""
            sizes = (len(text),) * 4 if new else (len(text) + 6, 0, 0, 0)
            out += struct.pack("<4i", *sizes) + text + bytes(-len(text) % 4)
    return out


@pytest.mark.parametrize("new", [True, False])
def test_csa_headers_of_both_formats(new: bool) -> None:
    header = csa({"NumberOfImagesInMosaic": ["5"], "SliceNormalVector": ["0.1", "0.2", "-0.9"], "Empty": []}, new=new)
    values = read_csa(header)
    assert csa_numbers(values, "NumberOfImagesInMosaic") == (5.0,)
    assert csa_numbers(values, "SliceNormalVector", 3) == (0.1, 0.2, -0.9)
    assert csa_numbers(values, "Absent") == ()
    for length in range(0, len(header), 7):
        read_csa(header[:length])


def test_the_protocol_text() -> None:
    lines = b"lRepetitions\t = \t9\nsSliceArray.lSize = 0x10\nx = 1\n"
    text = b"junk ### ASCCONV BEGIN object=MrProtDataImpl ###\n" + lines + b"### ASCCONV END ### junk"
    entries = read_protocol(text)
    assert protocol_integer(entries, "lRepetitions") == 9
    assert protocol_integer(entries, "sSliceArray.lSize") == 16
    assert "x" not in entries
    assert read_protocol(b"nothing here") == {}


def mosaic(make: Make, normal: tuple[float, float, float], tiles: np.ndarray, *, count: int | None) -> Dataset:
    """Return a mosaic of tiles (n, rows, columns) as Siemens stores them: nine a picture, position of the whole."""
    rows, columns = tiles.shape[1:]
    picture = np.zeros((3 * rows, 3 * columns), dtype="<u2")
    for index, tile in enumerate(tiles):
        down, across = divmod(index, 3)
        picture[down * rows : (down + 1) * rows, across * columns : (across + 1) * columns] = tile
    first = np.array([-30.0, -40.0, 10.0])
    corner = first - np.array([columns * 1.0, 0, 0]) * 1.0 - np.array([0, rows * 1.0, 0]) * 2.0
    ds = make(1, ImageType=["ORIGINAL", "PRIMARY", "M", "ND", "MOSAIC"], Rows=3 * rows, Columns=3 * columns,
              ImagePositionPatient=corner.tolist(), PixelSpacing=[2.0, 1.0], SpacingBetweenSlices=4.0,
              PixelData=picture.tobytes())  # fmt: skip
    if count is not None:
        private(ds, "SIEMENS MR HEADER", 0x0019, 0x0A, "US", count)
        header = csa({"SliceNormalVector": [f"{x:.8f}" for x in normal]})
        private(ds, "SIEMENS CSA HEADER", 0x0029, 0x10, "OB", header)
    return ds


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_mosaic_is_cut_into_slices_with_places(sign: float, make: Make, write: Write, tmp_path: Path) -> None:
    tiles = np.random.default_rng(1).integers(0, 4096, (7, 4, 6)).astype("<u2")
    write(mosaic(make, (0.0, 0.0, sign), tiles, count=7), tmp_path / "x")
    with read_intake(tmp_path, LIMITS) as intake:
        series = intake.studies[0].series[0]
        frame = series.frames[0]
        assert (frame.tiles, frame.tile_grid) == (7, (3, 3))
        assert frame.position_ras_mm == pytest.approx((30.0, 40.0, 10.0))
        assert frame.tile_step_ras_mm == pytest.approx((0.0, 0.0, 4.0 * sign))
        assert series.declared["slices"] == 7
        (volume,) = load_volumes(intake, series, LIMITS)
    for k in range(7):
        source = volume.sources[0][k]
        assert np.array_equal(volume.data[:, :, k].T, tiles[source.tile])
        place = volume.affine @ np.array([0, 0, k, 1.0])
        assert place[:3] == pytest.approx((30.0, 40.0, 10.0 + 4.0 * sign * source.tile))


def test_a_mosaic_without_count_says_that_it_is_unknowable(make: Make, write: Write, tmp_path: Path) -> None:
    write(mosaic(make, (0, 0, 1.0), np.zeros((7, 4, 6), "<u2"), count=None), tmp_path / "x")
    series = read(tmp_path)
    assert series.frames[0].tiles == 0
    assert series.frames[0].position_ras_mm is None
    assert any("number of slices" in note for note in series.notes)


def test_a_grid_of_united_imaging(make: Make, write: Write, tmp_path: Path) -> None:
    tiles = np.random.default_rng(2).integers(0, 4096, (5, 4, 6)).astype("<u2")
    picture = np.zeros((8, 18), dtype="<u2")  # five slices: three side by side, two rows
    items = []
    for index, tile in enumerate(tiles):
        down, across = divmod(index, 3)
        picture[down * 4 : down * 4 + 4, across * 6 : across * 6 + 6] = tile
        item = Dataset()
        item.ImagePositionPatient = [1.0, 2.0, 5.0 * index]
        items.append(item)
    ds = make(1, ImageType=["ORIGINAL", "PRIMARY", "M", "VFRAME"], Rows=8, Columns=18, ImagePositionPatient=None,
              PixelData=picture.tobytes())  # fmt: skip
    private(ds, "Image Private Header", 0x0065, 0x50, "DS", "5")
    private(ds, "Image Private Header", 0x0065, 0x51, "SQ", Sequence(items))
    write(ds, tmp_path / "x")
    with read_intake(tmp_path, LIMITS) as intake:
        (volume,) = load_volumes(intake, intake.studies[0].series[0], LIMITS)
    assert volume.data.shape == (6, 4, 5)
    for k in range(5):
        assert np.array_equal(volume.data[:, :, k].T, tiles[k])
    assert volume.affine[:3, 3] == pytest.approx((-1.0, -2.0, 0.0))
    assert volume.affine[:3, 2] == pytest.approx((0.0, 0.0, 5.0))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("101530.5", 36930.5), ("1015", 36900.0), ("10:15:30", 36930.0), ("", None), ("99", None), (None, None)],
)
def test_times(text: str | None, seconds: float | None) -> None:
    assert seconds_of_day(text) == seconds


@pytest.mark.parametrize("text", ["20201341", "2020", "", None, "ABCDEFGH"])
def test_dates_that_are_none(text: str | None) -> None:
    assert parse_date(text) is None


def test_time_goes_on_after_midnight(make: Make, write: Write, tmp_path: Path) -> None:
    write(make(1, AcquisitionDate="20200630", AcquisitionTime="235959"), tmp_path / "1")
    write(make(2, AcquisitionDate="20200701", AcquisitionTime="000001"), tmp_path / "2")
    first, second = (frame.acquired_at_s for frame in read(tmp_path).frames)
    assert first is not None
    assert second is not None
    assert math.isclose(second - first, 2.0)


def enhanced(make: Make, frames: int) -> Dataset:
    """Return an enhanced object whose per-frame groups place slices from the last to the first, two b-values each."""
    ds = make(1, SOPClassUID="1.2.840.10008.5.1.4.1.1.4.1", ImagePositionPatient=None, ImageOrientationPatient=None,
              PixelSpacing=None, EchoTime=None, NumberOfFrames=frames,
              PixelData=np.arange(24 * frames, dtype="<u2").tobytes())  # fmt: skip

    def group(**values: object) -> Sequence:
        item = Dataset()
        for keyword, value in values.items():
            setattr(item, keyword, value)
        return Sequence([item])

    shared = Dataset()
    shared.PlaneOrientationSequence = group(ImageOrientationPatient=[0, 1, 0, 0, 0, -1])
    shared.PixelMeasuresSequence = group(PixelSpacing=[2.0, 1.0], SliceThickness=3.0)
    shared.MREchoSequence = group(EffectiveEchoTime=84.5)
    shared.MRTimingAndRelatedParametersSequence = group(RepetitionTime=4000.0, FlipAngle=90.0)
    ds.SharedFunctionalGroupsSequence = Sequence([shared])
    items = []
    for n in range(frames):
        item = Dataset()
        item.PlanePositionSequence = group(ImagePositionPatient=[5.0 * (n // 2), 7.0, 8.0])
        item.FrameContentSequence = group(TemporalPositionIndex=n % 2 + 1, StackID="1",
                                          FrameAcquisitionDateTime=f"20200630101{n % 2}00.00")  # fmt: skip
        item.MRDiffusionSequence = group(DiffusionBValue=1000.0 * (n % 2))
        if n % 2:
            item.MRDiffusionSequence[0].DiffusionGradientDirectionSequence = group(
                DiffusionGradientOrientation=[1.0, 0.0, 0.0]
            )
        items.append(item)
    ds.PerFrameFunctionalGroupsSequence = Sequence(items)
    return ds


def test_functional_groups_place_every_frame(make: Make, write: Write, tmp_path: Path) -> None:
    write(enhanced(make, 8), tmp_path / "x")
    with read_intake(tmp_path, LIMITS) as intake:
        series = intake.studies[0].series[0]
        (volume,) = load_volumes(intake, series, LIMITS)
    frame: Frame = series.frames[5]
    assert (frame.frame_number, frame.te_ms, frame.b_value, frame.temporal_index) == (6, 84.5, 1000.0, 2)
    assert frame.position_ras_mm == (-10.0, -7.0, 8.0)
    assert frame.b_vector_ras == (-1.0, 0.0, 0.0)
    assert series.parameters["EchoTime"] == 84.5
    assert series.parameters["RepetitionTime"] == 4000.0
    assert series.declared["frames"] == 8
    assert volume.data.shape == (6, 4, 4, 2)
    assert volume.b_values == (0.0, 1000.0)
    stored = np.arange(24 * 8).reshape(8, 4, 6)
    for t in range(2):
        for k in range(4):
            source = volume.sources[t][k]
            assert np.array_equal(volume.data[:, :, k, t].T, stored[source.frame_number - 1])
            place = volume.affine @ np.array([0, 0, k, 1.0])
            assert tuple(place[:3]) == pytest.approx(series.frames[source.frame_number - 1].position_ras_mm)


def test_groups_that_do_not_number_as_many_as_the_frames(make: Make, write: Write, tmp_path: Path) -> None:
    ds = enhanced(make, 8)
    del ds.PerFrameFunctionalGroupsSequence[-1]
    write(ds, tmp_path / "bad")
    write(make(2), tmp_path / "good")
    with read_intake(tmp_path, LIMITS) as intake:
        assert [(entry.path, entry.code) for entry in intake.refused] == [("bad", "file_header_damaged")]
