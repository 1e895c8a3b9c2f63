"""Stored values from every encoding, and what is said when a witness disagrees or a decoder fails."""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from mriloop.edges.dicom import Limits, load_volumes, read_intake
from mriloop.edges.dicom.child import run_limited
from mriloop.model.errors import MriloopError
from mriloop.model.volume import Volume

LIMITS = Limits()
Make = Callable[..., Dataset]
Write = Callable[..., Path]


def volumes_of(path: Path) -> tuple[Volume, ...]:
    with read_intake(path, LIMITS) as intake:
        return load_volumes(intake, intake.studies[0].series[0], LIMITS)


@pytest.fixture
def picture() -> np.ndarray:
    """A 32 × 48 picture with structure and noise, so that every codec has work."""
    rng = np.random.default_rng(5)
    ramp = np.add.outer(np.arange(32) * 20, np.arange(48) * 10)
    return (ramp + rng.integers(0, 50, (32, 48))).astype("<u2")


@pytest.mark.parametrize(
    "syntax",
    [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian],
    ids=lambda uid: uid.name,
)
def test_uncompressed_encodings(syntax: object, picture: np.ndarray, make: Make, write: Write, tmp_path: Path) -> None:
    big = syntax == ExplicitVRBigEndian
    ds = make(Rows=32, Columns=48, PixelData=(picture.byteswap() if big else picture).tobytes())
    ds["PixelData"].VR = "OW"
    write(ds, tmp_path / "x", syntax)
    (volume,) = volumes_of(tmp_path)
    assert np.array_equal(volume.data[:, :, 0].T, picture)
    assert volume.confirmed_by == "dcm2niix"


@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless, JPEG2000Lossless], ids=lambda uid: uid.name)
def test_compressed_encodings(syntax: object, picture: np.ndarray, make: Make, write: Write, tmp_path: Path) -> None:
    path = write(make(Rows=32, Columns=48, PixelData=picture.tobytes()), tmp_path / "x")
    ds = dcmread(path)
    ds.compress(syntax, generate_instance_uid=False)
    ds.save_as(path)
    (volume,) = volumes_of(tmp_path)
    assert np.array_equal(volume.data[:, :, 0].T, picture)


def test_signed_values(make: Make, write: Write, tmp_path: Path) -> None:
    values = np.arange(-12, 12, dtype="<i2")
    write(make(PixelRepresentation=1, BitsStored=12, HighBit=11, PixelData=(values & 0x0FFF).tobytes()), tmp_path / "x")
    (volume,) = volumes_of(tmp_path)
    assert np.array_equal(volume.data[:, :, 0].T.ravel(), values)


@pytest.mark.parametrize("planar", [0, 1])
def test_colour_becomes_luminance(planar: int, make: Make, write: Write, tmp_path: Path) -> None:
    rgb = np.random.default_rng(3).integers(0, 256, (4, 6, 3), dtype=np.uint8)
    data = np.moveaxis(rgb, -1, 0) if planar else rgb
    write(
        make(SamplesPerPixel=3, PhotometricInterpretation="RGB", PlanarConfiguration=planar, BitsAllocated=8,
             BitsStored=8, HighBit=7, PixelData=np.ascontiguousarray(data).tobytes()),
        tmp_path / "x",
    )  # fmt: skip
    (volume,) = volumes_of(tmp_path)
    assert np.allclose(volume.data[:, :, 0].T, rgb @ np.array([0.299, 0.587, 0.114]), atol=1e-3)


def test_a_corrupt_fragment_loses_one_slice_and_says_so(
    picture: np.ndarray, make: Make, write: Write, tmp_path: Path
) -> None:
    for number in (1, 2, 3):
        path = write(make(number, Rows=32, Columns=48, PixelData=picture.tobytes()), tmp_path / f"{number}")
        ds = dcmread(path)
        ds.compress(JPEG2000Lossless, generate_instance_uid=False)
        ds.save_as(path)
    data = bytearray((tmp_path / "3").read_bytes())
    start = data.find(b"\xff\x4f\xff\x51")
    data[start : start + 60] = bytes(60)
    (tmp_path / "3").write_bytes(data)
    (volume,) = volumes_of(tmp_path)
    assert volume.data.shape[2] == 2
    assert any("1 instances cannot be decoded" in note for note in volume.notes)


def test_a_witness_that_fails_is_named(
    make: Make, write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import dcm2niix

    monkeypatch.setattr(dcm2niix, "bin", "/bin/false")
    for number in (1, 2):
        write(make(number), tmp_path / f"{number}")
    (volume,) = volumes_of(tmp_path)
    assert volume.data.shape == (6, 4, 2)
    assert volume.confirmed_by == ""
    assert volume.notes[0] == "dcm2niix: no output (exit code 1)"


def test_a_witness_that_hangs_is_stopped(
    make: Make, write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import dcm2niix

    program = tmp_path / "hang"
    program.write_text("#!/bin/sh\nsleep 60 & sleep 60\n")
    program.chmod(0o755)
    monkeypatch.setattr(dcm2niix, "bin", str(program))
    write(make(1), tmp_path / "in" / "1")
    with read_intake(tmp_path / "in", LIMITS) as intake:
        (volume,) = load_volumes(intake, intake.studies[0].series[0], Limits(convert_timeout_s=0.2))
    assert volume.notes[0].startswith("dcm2niix: stopped: longer than 0.2 s")


def test_a_child_is_held_to_its_memory_and_output(tmp_path: Path) -> None:
    def run(code: str) -> tuple[int, str]:
        outcome = run_limited(
            [sys.executable, "-c", code], cwd=tmp_path, timeout_s=20, memory_gb=0.5, output_bytes=1 << 20
        )
        return outcome.code, outcome.stopped

    assert run("x = 1") == (0, "")
    assert run("x = bytearray(1 << 30)")[0] == 1
    code, stopped = run("open('big', 'wb').write(bytes(2 << 20))")
    assert code != 0 or stopped
    assert run("import os; assert 'SECRET' not in os.environ and os.environ['HOME'] == os.getcwd()")[0] == 0


def test_an_object_without_pictures_has_no_volume(folder: Path, make: Make, write: Write) -> None:
    write(make(9, SOPClassUID="1.2.840.10008.5.1.4.1.1.66", SeriesInstanceUID="7.7", PixelData=None), folder / "raw")
    with read_intake(folder, LIMITS) as intake:
        raw = next(series for series in intake.studies[0].series if series.series_instance_uid == "7.7")
        with pytest.raises(MriloopError) as refusal:
            load_volumes(intake, raw, LIMITS)
    assert refusal.value.code == "converter_failed"
