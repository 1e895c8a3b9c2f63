"""The tokenizer finds what pydicom finds, and gives up with a code where the bytes are hostile."""

import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.datadict import dictionary_VR, keyword_for_tag
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from mriloop.edges.dicom.dictionary import OTHERS, PARAMETERS
from mriloop.edges.dicom.elements import (
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    MAX_DEPTH,
    DamagedError,
    Elements,
    NeedMoreError,
    decode_numbers,
    scan,
)
from mriloop.edges.dicom.part10 import open_part10, sniff

CAP = 1 << 20
SYNTAXES = [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian]


def test_the_dictionary_is_that_of_the_standard() -> None:
    for keyword, (tag, vr) in (PARAMETERS | OTHERS).items():
        assert keyword_for_tag(tag) == keyword
        assert vr in dictionary_VR(tag).split(" or ")


@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda uid: uid.name)
def test_every_element_is_found_as_pydicom_finds_it(
    syntax: object, make: Callable[..., Dataset], write: Callable[..., Path], tmp_path: Path
) -> None:
    inner = Dataset()
    inner.DiffusionBValue, inner.StackID = 750.0, "7"
    ds = make(
        MRDiffusionSequence=Sequence([inner, inner]), InversionTimes=[120.5, 3.25], AcquisitionMatrix=[0, 64, 48, 0]
    )
    ds["MRDiffusionSequence"].value[0].is_undefined_length_sequence_item = True
    path = write(ds, tmp_path / "x.dcm", syntax)
    part10 = open_part10(path, CAP)
    truth = dcmread(path)
    assert set(part10.elements.fields) == {int(element.tag) for element in truth}
    for element in truth:
        if element.VR in ("DS", "IS", "FD", "US"):
            expected = element.value if element.VM > 1 else [element.value]
            assert part10.elements.numbers(int(element.tag)) == tuple(float(value) for value in expected)
        elif element.VR in ("LO", "SH", "CS", "UI", "DA"):
            expected = element.value if element.VM > 1 else [element.value]
            assert part10.elements.texts(int(element.tag)) == tuple(str(value) for value in expected)
    items = part10.elements.items(0x00189117)
    assert [item.number(0x00189087) for item in items] == [750.0, 750.0]
    assert [item.text(0x00209056) for item in items] == ["7", "7"]


def element(tag: int, vr: bytes, value: bytes, length: int | None = None) -> bytes:
    size = len(value) if length is None else length
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF) + vr
    return (
        head + (b"\0\0" + struct.pack("<I", size) if vr in (b"SQ", b"OB", b"UN") else struct.pack("<H", size)) + value
    )


def nested(depth: int) -> bytes:
    content = element(0x00080060, b"CS", b"MR")
    for _ in range(depth):
        item = b"\xfe\xff\x00\xe0\xff\xff\xff\xff" + content + b"\xfe\xff\x0d\xe0\0\0\0\0"
        content = element(0x00081140, b"SQ", item + b"\xfe\xff\xdd\xe0\0\0\0\0", 0xFFFFFFFF)
    return content


def test_nesting_is_followed_to_a_limit_and_no_further() -> None:
    fields, _ = scan(nested(MAX_DEPTH), 0, EXPLICIT_LITTLE, whole=True)
    assert 0x00081140 in fields
    with pytest.raises(DamagedError) as refusal:
        scan(nested(5000), 0, EXPLICIT_LITTLE, whole=True)
    assert refusal.value.code == "file_too_nested"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (element(0x00080060, b"CS", b"MR", 60), "file_truncated"),
        (element(0x00081140, b"SQ", b"\xfe\xff\x00\xe0\x10\0\0\0", 0xFFFFFFFF), "file_truncated"),
        (element(0x00081140, b"SQ", b"\x08\x00\x60\x00\x10\0\0\0", 0xFFFFFFFF), "file_header_damaged"),
        (element(0x00080060, b"CS", b"MR") + element(0x00080060, b"CS", b"CT"), "file_header_damaged"),
        (element(0x00080060, b"QQ", b"MR"), "file_header_damaged"),
        (b"\xfe\xff\x00\xe0\x00\0\0\0", "file_header_damaged"),
    ],
)
def test_broken_headers_have_a_code(data: bytes, code: str) -> None:
    with pytest.raises(DamagedError) as refusal:
        scan(data, 0, EXPLICIT_LITTLE, whole=True)
    assert refusal.value.code == code


def test_a_header_that_goes_on_asks_for_more_bytes() -> None:
    data = element(0x00080060, b"CS", b"MR") + element(0x00080070, b"LO", b"x" * 40)
    for length in range(1, len(data)):
        with pytest.raises(NeedMoreError):
            scan(data[:length], 0, EXPLICIT_LITTLE, whole=False)


def test_a_repeated_element_with_the_same_value_does_no_harm() -> None:
    fields, _ = scan(element(0x00080060, b"CS", b"MR") * 2, 0, EXPLICIT_LITTLE, whole=True)
    assert len(fields) == 1


def test_headers_larger_than_one_read_are_read_whole(
    make: Callable[..., Dataset], write: Callable[..., Path], tmp_path: Path
) -> None:
    ds = make()
    block = ds.private_block(0x0009, "BULK", create=True)
    block.add_new(0x01, "OB", bytes(300_000))
    ds.EchoTime = 77.0
    assert open_part10(write(ds, tmp_path / "x.dcm"), CAP).elements.number(0x00180081) == 77.0


def test_a_deflated_file_may_not_expand_beyond_the_cap(
    make: Callable[..., Dataset], write: Callable[..., Path], tmp_path: Path
) -> None:
    ds = make(Rows=2048, Columns=2048)
    ds.PixelData = bytes(2048 * 2048 * 2)
    path = write(ds, tmp_path / "bomb.dcm", DeflatedExplicitVRLittleEndian)
    assert path.stat().st_size < 20_000
    with pytest.raises(DamagedError) as refusal:
        open_part10(path, 1 << 20)
    assert refusal.value.code == "file_deflate_bomb"
    assert open_part10(path, 1 << 24).pixels is not None


@pytest.mark.parametrize(
    ("raw", "vr", "values"),
    [
        (b"1.5\\-2e3 ", b"DS", (1.5, -2000.0)),
        (b"1,5", b"DS", (1.5,)),
        (b" 12\0", b"IS", (12.0,)),
        (b"1A", b"IS", ()),
        (b"nan", b"DS", ()),
        (b"inf\\1", b"DS", ()),
        (b"", b"DS", ()),
        (b"\x01\x02\x03", b"DS", ()),
        (b"\x00\x00\xc0\x7f", b"FL", ()),
        (b"\x00\x00\x80\x3f", b"FL", (1.0,)),
        (b"\xff\xff", b"SS", (-1.0,)),
    ],
)
def test_a_damaged_number_is_an_unknown_number(raw: bytes, vr: bytes, values: tuple[float, ...]) -> None:
    assert decode_numbers(raw, vr, "<") == values


def test_absent_elements_are_none() -> None:
    empty = Elements(b"", {}, IMPLICIT_LITTLE)
    assert empty.text(0x00100010) is None
    assert empty.number(0x00180081) is None
    assert empty.numbers(0x00200032) == ()
    assert empty.items(0x52009230) == []


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (bytes(128) + b"DICM", "dicom"),
        (b"\x1f\x8b\x08", "gzip"),
        (b"PK\x03\x04rest", "zip"),
        (bytes(344) + b"n+1\0", "nifti"),
        (b"\x08\x00\x05\x00CS\x0a\x00ISO_IR 100", "maybe"),
        (b"\x08\x00\x05\x00\x0a\x00\x00\x00ISO_IR 100", "maybe"),
        (b'{"a": 1, "b": [2, 3, 4]}', "other"),
        (b"MSH|^~\\&|A|B|C|D|2020", "other"),
        (b"", "other"),
    ],
)
def test_the_first_bytes_say_what_a_file_is(head: bytes, kind: str) -> None:
    assert sniff(head) == kind
