"""Damaged bytes give a study or a coded refusal, and nothing else."""

import random
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from mriloop.edges.dicom import Limits, load_volumes, read_intake
from mriloop.edges.dicom.siemens import read_csa, read_protocol
from mriloop.edges.dicom.text import decode_text
from mriloop.model.errors import BY_CODE, MriloopError

LIMITS = Limits(max_file_mb=8, max_unpacked_mb=16, convert_timeout_s=20)


def item(**values: object) -> Dataset:
    ds = Dataset()
    for keyword, value in values.items():
        setattr(ds, keyword, value)
    return ds


def seeds() -> list[bytes]:
    """Return a classic, an implicit, an enhanced and a mosaic file."""
    found = []
    for kind in ("classic", "implicit", "enhanced", "mosaic"):
        ds = item(
            SOPClassUID=UID("1.2.840.10008.5.1.4.1.1.4" + (".1" if kind == "enhanced" else "")),
            SOPInstanceUID="1.2.3.4", SeriesInstanceUID="1.2.3", StudyInstanceUID="1.2", Modality="MR",
            PatientID="P", PatientName="A^B", StudyDate="20200101", Manufacturer="X", SeriesDescription="é",
            SpecificCharacterSet="ISO_IR 100", InstanceNumber=1, EchoTime=10.0, RepetitionTime=500.0,
            Rows=8, Columns=8, SamplesPerPixel=1, PhotometricInterpretation="MONOCHROME2", BitsAllocated=16,
            BitsStored=12, HighBit=11, PixelRepresentation=0,
            ImageType=["ORIGINAL", "PRIMARY", "M", "MOSAIC" if kind == "mosaic" else "ND"],
        )  # fmt: skip
        place = {"ImagePositionPatient": [0.0, 1.0, 2.0], "ImageOrientationPatient": [1.0, 0, 0, 0, 1.0, 0]}
        frames = 1
        if kind == "enhanced":
            frames = ds.NumberOfFrames = 3
            ds.SharedFunctionalGroupsSequence = Sequence(
                [item(PixelMeasuresSequence=Sequence([item(PixelSpacing=[1.0, 1.0], SliceThickness=2.0)]))]
            )
            ds.PerFrameFunctionalGroupsSequence = Sequence(
                item(PlanePositionSequence=Sequence([item(ImagePositionPatient=[0.0, 0.0, 2.0 * n])]),
                     PlaneOrientationSequence=Sequence([item(ImageOrientationPatient=[1.0, 0, 0, 0, 1.0, 0])]))
                for n in range(3)
            )  # fmt: skip
        else:
            ds.update(item(**place, PixelSpacing=[1.0, 1.0], SliceThickness=2.0))
        if kind == "mosaic":
            ds.private_block(0x0019, "SIEMENS MR HEADER", create=True).add_new(0x0A, "US", 4)
        ds.PixelData = np.arange(64 * frames, dtype="<u2").tobytes()
        ds.file_meta = FileMetaDataset()
        ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
        ds.file_meta.MediaStorageSOPInstanceUID = "1.2.3.4"
        ds.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if kind == "implicit" else ExplicitVRLittleEndian
        ds.file_meta.ImplementationClassUID = UID("1.2.3")
        with tempfile.NamedTemporaryFile() as file:
            ds.save_as(file.name, enforce_file_format=True)
            found.append(Path(file.name).read_bytes())
    return found


SEEDS = seeds()


def read(data: bytes, *, voxels: bool = False) -> str:
    """Read bytes as one file; return the code, or `ok`. Any other exception fails the test."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x"
        path.write_bytes(data)
        try:
            with read_intake(path, LIMITS, several_patients=True) as intake:
                for study in intake.studies:
                    for series in study.series:
                        assert all(len(part) <= 64 for part in (series.series_instance_uid, study.study_instance_uid))
                        if voxels:
                            load_volumes(intake, series, LIMITS)
                code = "ok"
        except MriloopError as refusal:
            code = refusal.code
            assert "{" not in refusal.message
    return code


def mutate(data: bytes, rng: random.Random) -> bytes:
    """Return bytes with a few of the wounds that transfers, disks and attackers make."""
    out = bytearray(data)
    for _ in range(rng.choice([1, 1, 2, 5, 20])):
        at = rng.randrange(len(out))
        match rng.randrange(6):
            case 0:
                out[at] ^= 1 << rng.randrange(8)
            case 1:
                out[at : at + 4] = rng.choice(
                    [b"\xff\xff\xff\xff", b"\0\0\0\0", b"\xfe\xff\x00\xe0", b"\xff\xff\xff\x7f"]
                )
            case 2:
                del out[at : at + rng.randrange(1, 16)]
            case 3:
                piece = out[rng.randrange(len(out)) :][: rng.randrange(1, 200)]
                out[at:at] = piece
            case 4:
                out[at : at + 2] = rng.choice([b"SQ", b"UN", b"OB", b"DS", b"IS", b"US", b"FD"])
            case _ if rng.random() < 0.2:
                del out[max(200, at) :]
    return bytes(out)


def test_the_seeds_are_sound() -> None:
    assert [read(seed, voxels=True) for seed in SEEDS] == ["ok"] * 4


@pytest.mark.parametrize("block", range(8))
def test_wounded_files(block: int) -> None:
    rng = random.Random(block)
    codes = {read(mutate(rng.choice(SEEDS), rng)) for _ in range(150)}
    assert codes <= {"ok", *BY_CODE}
    assert len(codes) > 2


def test_wounded_files_down_to_their_voxels() -> None:
    rng = random.Random(99)
    for _ in range(25):
        read(mutate(rng.choice(SEEDS), rng), voxels=True)


@given(st.binary(max_size=2000))
@example(b"DICM" * 100)
@example(bytes(128) + b"DICM")
@example(bytes(128) + b"DICM\x02\x00\x00\x00UL\x04\x00\xff\xff\xff\xff")
@settings(max_examples=150, deadline=None)
def test_any_bytes(data: bytes) -> None:
    assert read(data) != "ok"
    assert read(bytes(128) + b"DICM" + data) in BY_CODE


@given(
    st.binary(max_size=600), st.sampled_from([(), ("ISO 2022 IR 87",), ("", "ISO 2022 IR 149"), ("GB18030",), ("x",)])
)
@settings(max_examples=200, deadline=None)
def test_any_text(raw: bytes, charset: tuple[str, ...]) -> None:
    for value in decode_text(raw, charset):
        assert not any(ord(c) < 9 for c in value)


@given(st.binary(max_size=2000))
@settings(max_examples=150, deadline=None)
def test_any_private_header(raw: bytes) -> None:
    read_csa(raw)
    read_csa(b"SV10" + raw)
    read_protocol(b"### ASCCONV BEGIN ###" + raw + b"### ASCCONV END ###")


def test_deep_and_wide_headers_end_soon() -> None:
    head, tail = SEEDS[0][:-140], SEEDS[0][-140:]
    sequence = b"\x20\x00\x40\x40SQ\0\0\xff\xff\xff\xff"
    begin = b"\xfe\xff\x00\xe0\xff\xff\xff\xff"
    assert read(head + (sequence + begin) * 50_000 + tail) == "file_too_nested"
    wide = sequence + b"\xfe\xff\x00\xe0\0\0\0\0" * 200_000 + b"\xfe\xff\xdd\xe0\0\0\0\0"
    assert read(head + wide + tail) == "ok"
