"""From a file to its elements: preamble, file meta, transfer syntax, and where the pixel data lie. PS3.10, PS3.5."""

from __future__ import annotations

import io
import os
import re
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from mriloop.edges.dicom.elements import (
    EXPLICIT_BIG,
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    PIXEL_TAGS,
    UNDEFINED,
    DamagedError,
    Elements,
    Field,
    NeedMoreError,
    Syntax,
    scan,
)

IMPLICIT, EXPLICIT, DEFLATED, BIG = (f"1.2.840.10008.1.2{tail}" for tail in ("", ".1", ".1.99", ".2"))
RLE = "1.2.840.10008.1.2.5"
DECODABLE = frozenset(
    {IMPLICIT, EXPLICIT, DEFLATED, BIG, RLE}
    | {f"1.2.840.10008.1.2.4.{n}" for n in (50, 51, 57, 70, 80, 81, 90, 91, 201, 202, 203)}
)
MEDIA_DIRECTORY = "1.2.840.10008.1.3.10"
FIRST_READ = 1 << 16
_MAX_HEADER = 1 << 28
_ITEM, _DELIMITER = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0"
_VR = re.compile(rb"[A-Z]{2}")


@dataclass(frozen=True, slots=True, kw_only=True)
class PixelPlace:
    """Where the pixel data element lies: offset of its value in the file, its declared length, and its encapsulation.

    `present` is the number of bytes that are there; `fragments` are (offset, length) of the encapsulated fragments
    after the offset table, `offsets` that table (relative to the first fragment's item header).
    """

    tag: int
    offset: int
    length: int
    present: int
    encapsulated: bool
    fragments: tuple[tuple[int, int], ...] = ()
    offsets: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Part10:
    """One opened DICOM file: its elements up to the pixel data, and where these are."""

    elements: Elements
    transfer_syntax: str
    media_class: str
    pixels: PixelPlace | None
    size: int


def sniff(head: bytes) -> str:
    """Say what the first bytes are of: dicom, gzip, zip, nifti, maybe (a data set without preamble) or other."""
    if head[128:132] == b"DICM":
        return "dicom"
    if head[:2] == b"\x1f\x8b":
        return "gzip"
    if head[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        return "zip"
    if head[344:348] in (b"n+1\0", b"ni1\0") or head[4:12] in (b"n+2\0\r\n\x1a\n", b"ni2\0\r\n\x1a\n"):
        return "nifti"
    if len(head) >= 16:
        group = head[:2]
        if group in (b"\x08\x00", b"\x02\x00") and head[3:4] == b"\0" and (_VR.match(head, 4) or head[6:8] == b"\0\0"):
            return "maybe"
        if group == b"\x00\x08" and head[2:3] == b"\0" and _VR.match(head, 4):
            return "maybe"
    return "other"


def read_first(path: Path) -> tuple[bytes, int]:
    """Return the first bytes of a file, enough for most headers, and its size. Raises OSError."""
    with path.open("rb", buffering=0) as file:
        return file.read(FIRST_READ), os.fstat(file.fileno()).st_size


def open_part10(path: Path, cap: int, first: tuple[bytes, int] | None = None) -> Part10:
    """Read the header of a file. `cap` bounds a deflated data set, in bytes; `first` is what `read_first` gave.

    Raises DamagedError with the code of what is wrong, OSError when the file cannot be read.
    """
    data, size = first or read_first(path)
    with io.BytesIO() if len(data) >= size else path.open("rb", buffering=0) as file:
        file.seek(len(data))
        while True:
            whole = len(data) >= size
            try:
                return _read(file, data, size, cap, whole=whole)
            except NeedMoreError:
                if len(data) >= _MAX_HEADER:
                    raise DamagedError("file_header_damaged") from None
                more = file.read(min(size - len(data), max(3 * len(data), FIRST_READ)))
                if not more:
                    raise DamagedError("file_truncated") from None
                data += more


def _read(file: BinaryIO, data: bytes, size: int, cap: int, *, whole: bool) -> Part10:
    start = 132 if data[128:132] == b"DICM" else 0
    meta, start = _file_meta(data, start, whole=whole)
    syntax_uid = meta.text(0x00020010) or ""
    media_class = meta.text(0x00020002) or ""
    if syntax_uid == DEFLATED:
        data = inflate(data[start:] + (b"" if whole else file.read()), cap)
        start, whole, size = 0, True, len(data)
    elif syntax_uid and syntax_uid not in DECODABLE:
        raise DamagedError("file_transfer_syntax")
    if media_class == MEDIA_DIRECTORY:
        return Part10(
            elements=meta, transfer_syntax=syntax_uid, media_class=media_class, pixels=None, size=size
        )  # never followed: what it lists is found by looking
    syntax = _syntax(data, start, syntax_uid)
    fields, end = scan(data, start, syntax, whole=whole)
    elements = Elements(data, fields, syntax)
    place = None
    for tag in PIXEL_TAGS & fields.keys():
        length = fields[tag][2] - fields[tag][1]
        place = _place(file, data, tag, end, length, size, in_memory=syntax_uid == DEFLATED)
    return Part10(
        elements=elements,
        transfer_syntax=syntax_uid or (EXPLICIT if syntax.explicit else IMPLICIT),
        media_class=media_class,
        pixels=place,
        size=size,
    )


def _file_meta(data: bytes, start: int, *, whole: bool) -> tuple[Elements, int]:
    """Read group 0002, whatever its group length claims; return it and where the data set starts."""
    fields: dict[int, Field] = {}
    position = start
    while data[position : position + 2] == b"\x02\x00":
        if position + 12 > len(data):
            raise DamagedError("file_truncated") if whole else NeedMoreError
        group, element, vr, length = EXPLICIT_LITTLE.short(data, position)
        value = position + 8
        if vr in (b"OB", b"UN", b"OW", b"SQ", b"UT"):
            length = EXPLICIT_LITTLE.long(data, value)[0]
            value += 4
        elif vr not in (b"UL", b"UI", b"SH", b"AE", b"UR", b"LO", b"ST", b"CS", b"DA", b"TM"):
            raise DamagedError("file_header_damaged")
        if value + length > len(data):
            raise DamagedError("file_truncated") if whole or length > FIRST_READ else NeedMoreError
        fields[group << 16 | element] = (vr, value, value + length)
        position = value + length
    if position + 8 > len(data) and not whole:
        raise NeedMoreError
    return Elements(data, fields, EXPLICIT_LITTLE, ()), position


def _syntax(data: bytes, start: int, uid: str) -> Syntax:
    """Choose the layout by what the first element looks like, since some writers declare one and write another."""
    if uid == BIG or (not uid and data[start : start + 1] == b"\0" and data[start + 1 : start + 2] != b"\0"):
        return EXPLICIT_BIG
    return EXPLICIT_LITTLE if _VR.match(data, start + 4) else IMPLICIT_LITTLE


def inflate(compressed: bytes, cap: int) -> bytes:
    """Inflate a deflated data set (PS3.5 A.5). Raises DamagedError: `file_deflate_bomb` beyond `cap`, or broken."""
    engine = zlib.decompressobj(-zlib.MAX_WBITS)
    parts: list[bytes] = []
    total = 0
    rest = compressed
    try:
        while rest and not engine.eof:
            part = engine.decompress(rest, 1 << 22)
            total += len(part)
            if total > cap:
                raise DamagedError("file_deflate_bomb")
            parts.append(part)
            rest = engine.unconsumed_tail
            if not part and not rest:
                break
    except zlib.error:
        raise DamagedError("file_header_damaged") from None
    if not engine.eof:
        raise DamagedError("file_truncated")
    return b"".join(parts)


def _place(
    file: BinaryIO, data: bytes, tag: int, offset: int, length: int, size: int, *, in_memory: bool
) -> PixelPlace:
    present = max(0, size - offset)
    if length != UNDEFINED:
        return PixelPlace(tag=tag, offset=offset, length=length, present=min(present, length), encapsulated=False)
    fragments: list[tuple[int, int]] = []
    position = offset
    while True:
        header = data[position : position + 8]
        if len(header) < 8 and not in_memory:
            file.seek(position)
            header = file.read(8)
        kind, count = header[:4], int.from_bytes(header[4:8], "little")
        if len(header) == 8 and kind == _DELIMITER:
            break
        if len(header) == 8 and kind != _ITEM:
            raise DamagedError("file_pixels_impossible")
        if len(header) < 8 or position + 8 + count > size:
            raise DamagedError("file_truncated")
        fragments.append((position + 8, count))
        position += 8 + count
        if len(fragments) > 4_000_000:
            raise DamagedError("file_pixels_impossible")
    offsets: tuple[int, ...] = ()
    if fragments and fragments[0][1] >= 4:
        first, count = fragments[0]
        file.seek(first)
        table = data[first : first + count] if first + count <= len(data) else file.read(count)
        offsets = tuple(int.from_bytes(table[i : i + 4], "little") for i in range(0, count - count % 4, 4))
    return PixelPlace(
        tag=tag,
        offset=offset,
        length=UNDEFINED,
        present=position - offset,
        encapsulated=True,
        fragments=tuple(fragments[1:]),
        offsets=offsets,
    )


def meta_end(data: bytes) -> int:
    """Return where the data set starts in the bytes of a whole file."""
    return _file_meta(data, 132 if data[128:132] == b"DICM" else 0, whole=True)[1]
