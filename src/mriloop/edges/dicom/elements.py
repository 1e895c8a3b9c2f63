"""The data elements of one DICOM header: found in a single pass over bytes that nobody vouches for, decoded on demand.

A tokenizer of our own instead of a library, for two reasons: index speed (most elements of a header are never asked
for), and control of what a hostile header can cost (lengths, nesting, repeated elements). PS3.5 sections 6, 7 and 8.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Mapping
from functools import lru_cache

from mriloop.edges.dicom.dictionary import VR_OF
from mriloop.edges.dicom.text import decode_text

UNDEFINED = 0xFFFFFFFF
ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
PIXEL_TAGS = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})
MAX_DEPTH = 24
_LONGEST_TEXT = 10_240  # PS3.5 table 6.2-1: the longest bounded text
_LONGEST_NUMBERS = 4096
_LONG = frozenset({b"OB", b"OW", b"OF", b"OD", b"OL", b"OV", b"SQ", b"UN", b"UT", b"UC", b"UR", b"SV", b"UV"})
_SHORT = frozenset((b"AE", b"AS", b"AT", b"CS", b"DA", b"DS", b"DT", b"FL", b"FD", b"IS", b"LO", b"LT", b"PN", b"SH"))
_SHORT |= {b"SL", b"SS", b"ST", b"TM", b"UI", b"UL", b"US"}
_BINARY = {b"FL": "f", b"FD": "d", b"US": "H", b"SS": "h", b"UL": "I", b"SL": "i", b"SV": "q", b"UV": "Q", b"AT": "H"}
_NUMBER = re.compile(r"[+-]?(?:\d+[.,]?\d*|[.,]\d+)(?:[eE][+-]?\d+)?")

Field = tuple[bytes, int, int]  # VR (empty where the syntax has none), start and stop of the value


class DamagedError(Exception):
    """The bytes are not the header they claim to be. `code` is one of the error table."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class NeedMoreError(Exception):
    """The header goes on beyond the bytes at hand."""


class Syntax:
    """How elements are laid out: explicit or implicit VR, little or big endian."""

    __slots__ = ("explicit", "long", "order", "pair", "short")

    def __init__(self, *, explicit: bool, big: bool) -> None:
        self.explicit = explicit
        self.order = ">" if big else "<"
        self.short = struct.Struct(self.order + "HH2sH").unpack_from
        self.long = struct.Struct(self.order + "I").unpack_from
        self.pair = struct.Struct(self.order + "HHI").unpack_from


EXPLICIT_LITTLE = Syntax(explicit=True, big=False)
IMPLICIT_LITTLE = Syntax(explicit=False, big=False)
EXPLICIT_BIG = Syntax(explicit=True, big=True)


class Elements:
    """The elements of a data set or of an item of an SQ element, as places in one buffer.

    Accessors return None or an empty tuple where the element is absent, empty or not readable as asked: a damaged value
    is an unknown value.
    """

    __slots__ = ("charset", "creators", "data", "fields", "syntax")

    def __init__(
        self, data: bytes, fields: dict[int, Field], syntax: Syntax, charset: tuple[str, ...] | None = None
    ) -> None:
        self.data = data
        self.fields = fields
        self.syntax = syntax
        self.creators: dict[tuple[int, str], int] | None = None  # found by `vendors.creators_of`, once
        self.charset = charset if charset is not None else self._charset()

    def __contains__(self, tag: int) -> bool:
        return tag in self.fields

    def _charset(self) -> tuple[str, ...]:
        raw = self.raw(0x00080005)
        return tuple(part.strip() for part in raw.decode("latin-1").split("\\")) if raw else ()

    def raw(self, tag: int) -> bytes | None:
        """Return the value's bytes as they stand."""
        field = self.fields.get(tag)
        return None if field is None else self.data[field[1] : field[2]]

    def vr(self, tag: int) -> bytes:
        """Return the VR in force: the one in the file, or the dictionary's where the file has none or says UN."""
        vr = self.fields[tag][0]
        return vr if vr not in (b"", b"UN") else VR_OF.get(tag, b"UN")

    def texts(self, tag: int) -> tuple[str, ...]:
        """Return the values of a text element without padding and control characters."""
        raw = self.raw(tag)
        return () if not raw else decode_text(raw[:_LONGEST_TEXT], self.charset)

    def text(self, tag: int) -> str | None:
        """Return the first value of a text element, None when it is absent or empty."""
        values = self.texts(tag)
        return values[0] or None if values else None

    def numbers(self, tag: int) -> tuple[float, ...]:
        """Return finite numbers of a numeric element, () when one of them is not a number."""
        raw = self.raw(tag)
        if not raw or len(raw) > _LONGEST_NUMBERS:
            return ()
        return decode_numbers(raw, self.vr(tag), self.syntax.order)

    def number(self, tag: int) -> float | None:
        """Return the first number of an element, or None."""
        values = self.numbers(tag)
        return values[0] if values else None

    def integer(self, tag: int) -> int | None:
        """Return the first number of an element when it is whole, or None."""
        value = self.number(tag)
        return int(value) if value is not None and value == int(value) else None

    def items(self, tag: int, limit: int = 1_000_000) -> list[Elements]:
        """Return the items of an SQ element, [] when it is none. Raises DamagedError when it is broken."""
        field = self.fields.get(tag)
        if field is None:
            return []
        vr, start, stop = field
        if vr not in (b"SQ", b"UN", b"") or stop - start < 8:
            return []
        syntax = IMPLICIT_LITTLE if vr == b"UN" else self.syntax
        return _read_items(self.data, start, stop, syntax, self.charset, limit)

    def with_fields(self, fields: Mapping[int, Field]) -> Elements:
        """Return a view on the same buffer in which `fields` win over what is there."""
        merged = dict(self.fields)
        merged.update(fields)
        return Elements(self.data, merged, self.syntax, self.charset)


@lru_cache(maxsize=65_536)
def decode_numbers(raw: bytes, vr: bytes, order: str) -> tuple[float, ...]:
    """Return the numbers of a value: binary by its VR, else decimal text (a comma as decimal point is accepted)."""
    kind = _BINARY.get(vr)
    if kind is not None:
        size = struct.calcsize(kind)
        count = len(raw) // size
        values: tuple[float, ...] = struct.unpack_from(f"{order}{count}{kind}", raw)
    else:
        found = []
        for part in raw.split(b"\\"):
            text = part.decode("latin-1").strip(" \t\r\n\0")
            try:
                found.append(float(text))
            except ValueError:
                if not _NUMBER.fullmatch(text):
                    return ()
                found.append(float(text.replace(",", ".")))
        values = tuple(found)
    return values if all(map(math.isfinite, values)) else ()


def scan(data: bytes, start: int, syntax: Syntax, *, whole: bool) -> tuple[dict[int, Field], int]:
    """Find the top-level elements up to the pixel data.

    `whole` says that `data` reaches to the end of the file. Returns the fields and the offset where the walk ended: at
    the pixel data element (whose field has its declared length, UNDEFINED included, as third member minus its start),
    or at the end of the data. Raises DamagedError, or NeedMoreError when the header goes on beyond `data`.
    """
    fields: dict[int, Field] = {}
    end = len(data)
    position = start
    explicit = syntax.explicit
    short, long, pair = syntax.short, syntax.long, syntax.pair
    while True:
        if position + 8 > end:
            if not whole:
                raise NeedMoreError
            if any(data[position:end]):
                raise DamagedError("file_truncated")
            return fields, position
        group, element, vr, length = short(data, position)
        tag = group << 16 | element
        value = position + 8
        if explicit and vr in _SHORT:
            stop = value + length
            if stop <= end and 0 < group < 0x7FE0 and tag not in fields:  # nearly every element
                fields[tag] = (vr, value, stop)
                position = stop
                continue
        elif explicit and vr in _LONG:
            if value + 4 > end:
                raise DamagedError("file_truncated") if whole else NeedMoreError
            length = long(data, value)[0]
            value += 4
        else:
            if explicit and vr.isalpha() and vr.isupper():
                raise DamagedError("file_header_damaged")
            vr = b""
            length = pair(data, position)[2]
        if tag in PIXEL_TAGS:
            fields[tag] = (vr, value, value + length)
            return fields, value
        if group in (0xFFFE, 0x0000):
            if tag in (ITEM_END, SEQUENCE_END):
                position = value
                continue
            raise DamagedError("file_header_damaged")
        stop = value + length
        if length == UNDEFINED:
            inner = IMPLICIT_LITTLE if vr == b"UN" else syntax
            stop = skip_sequence(data, value, end, inner, 1, whole=whole)
        elif stop > end:
            raise DamagedError("file_truncated") if whole else NeedMoreError
        if tag in fields and data[fields[tag][1] : fields[tag][2]] != data[value:stop]:
            raise DamagedError("file_header_damaged")
        fields[tag] = (vr, value, stop)
        position = stop


def skip_sequence(data: bytes, position: int, end: int, syntax: Syntax, depth: int, *, whole: bool) -> int:
    """Return where an SQ element of undefined length ends. Raises DamagedError (too deep, broken) or NeedMoreError."""
    if depth > MAX_DEPTH:
        raise DamagedError("file_too_nested")
    while True:
        if position + 8 > end:
            raise DamagedError("file_truncated") if whole else NeedMoreError
        group, element, length = syntax.pair(data, position)
        tag = group << 16 | element
        position += 8
        if tag == SEQUENCE_END:
            return position
        if tag != ITEM:
            raise DamagedError("file_header_damaged")
        if length == UNDEFINED:
            position = _walk_item(data, position, end, syntax, depth, None, whole=whole)
        else:
            position += length
            if position > end:
                raise DamagedError("file_truncated") if whole else NeedMoreError


def _walk_item(
    data: bytes,
    position: int,
    end: int,
    syntax: Syntax,
    depth: int,
    fields: dict[int, Field] | None,
    *,
    whole: bool,
    open_end: bool = True,
) -> int:
    """Walk the elements of one item, into `fields` when given; return where it ends."""
    short, long, pair, explicit = syntax.short, syntax.long, syntax.pair, syntax.explicit
    while open_end or position < end:
        if position + 8 > end:
            raise DamagedError("file_truncated") if whole else NeedMoreError
        group, element, vr, length = short(data, position)
        tag = group << 16 | element
        value = position + 8
        if explicit and group != 0xFFFE and vr in _SHORT:
            pass
        elif explicit and group != 0xFFFE and vr in _LONG:
            if value + 4 > end:
                raise DamagedError("file_truncated") if whole else NeedMoreError
            length = long(data, value)[0]
            value += 4
        else:
            vr = b""
            length = pair(data, position)[2]
        if tag == ITEM_END:
            return value
        if group == 0xFFFE:
            raise DamagedError("file_header_damaged")
        stop = value + length
        if length == UNDEFINED:
            inner = IMPLICIT_LITTLE if vr == b"UN" else syntax
            stop = skip_sequence(data, value, end, inner, depth + 1, whole=whole)
        elif stop > end:
            raise DamagedError("file_truncated") if whole else NeedMoreError
        if fields is not None:
            fields[tag] = (vr, value, stop)
        position = stop
    return position


def _read_items(
    data: bytes, start: int, stop: int, syntax: Syntax, charset: tuple[str, ...], limit: int
) -> list[Elements]:
    items: list[Elements] = []
    position = start
    while position + 8 <= stop:
        group, element, length = syntax.pair(data, position)
        tag = group << 16 | element
        position += 8
        if tag == SEQUENCE_END:
            break
        if tag != ITEM or len(items) >= limit:
            raise DamagedError("file_header_damaged")
        fields: dict[int, Field] = {}
        if length == UNDEFINED:
            position = _walk_item(data, position, stop, syntax, 1, fields, whole=True)
        else:
            if position + length > stop:
                raise DamagedError("file_truncated")
            position = _walk_item(data, position, position + length, syntax, 1, fields, whole=True, open_end=False)
        items.append(Elements(data, fields, syntax, charset))
    return items
