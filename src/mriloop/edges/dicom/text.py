"""Text values of a header: character sets (PS3.3 C.12.1.1.2) and the dirt that scanners leave in them."""

from __future__ import annotations

import re
from functools import lru_cache

_CODECS = {
    "": "latin-1",
    "ISO_IR 6": "latin-1",
    "ISO_IR 100": "latin-1",
    "ISO_IR 101": "iso8859-2",
    "ISO_IR 109": "iso8859-3",
    "ISO_IR 110": "iso8859-4",
    "ISO_IR 144": "iso8859-5",
    "ISO_IR 127": "iso8859-6",
    "ISO_IR 126": "iso8859-7",
    "ISO_IR 138": "iso8859-8",
    "ISO_IR 148": "iso8859-9",
    "ISO_IR 203": "iso8859-15",
    "ISO_IR 13": "shift_jis",
    "ISO_IR 166": "tis-620",
    "ISO_IR 192": "utf-8",
    "GB18030": "gb18030",
    "GBK": "gbk",
}
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
# Multi-byte sets in which 0x5C can be the second byte of a character, so that splitting comes after decoding.
_MULTI_BYTE = frozenset({"shift_jis", "gb18030", "gbk"})


@lru_cache(maxsize=65_536)
def decode_text(raw: bytes, charset: tuple[str, ...]) -> tuple[str, ...]:
    """Return the values of a text element: decoded, split at backslashes, without padding or control characters.

    Bytes that the declared set cannot hold become U+FFFD; an unknown set is read as Latin-1. Never raises.
    """
    if raw.isascii() and b"\x1b" not in raw:
        return tuple(_clean(part) for part in raw.decode("ascii").split("\\"))
    if b"\x1b" in raw or any(name.startswith("ISO 2022") for name in charset):
        return tuple(_clean(part) for part in _decode_iso2022(raw, charset))
    codec = _CODECS.get(charset[0] if charset else "", "latin-1")
    if codec in _MULTI_BYTE:
        return tuple(_clean(part) for part in raw.decode(codec, "replace").split("\\"))
    return tuple(_clean(part.decode(codec, "replace")) for part in raw.split(b"\\"))


def _decode_iso2022(raw: bytes, charset: tuple[str, ...]) -> list[str]:
    import warnings

    from pydicom.charset import convert_encodings, decode_bytes

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            encodings = convert_encodings(list(charset) or [""])
            text: str = decode_bytes(raw, encodings, {0x5C, 0x3D, 0x5E})
        except (LookupError, ValueError):
            text = raw.decode("latin-1")
    return text.split("\\")


def _clean(text: str) -> str:
    return _CONTROL.sub("", text).strip()
