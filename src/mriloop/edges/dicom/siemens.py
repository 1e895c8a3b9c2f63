"""Siemens' own headers: the CSA image header, and the protocol text (ASCCONV) inside the series header."""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping

_TAG = struct.Struct("<64si4s3i")
_ITEM = struct.Struct("<4i")
_MAX_TAGS = 1024
_MAX_ITEMS = 256
_ASCCONV = re.compile(rb"### ASCCONV BEGIN[^\n]*###(.*?)### ASCCONV END ###", re.DOTALL)
_LINE = re.compile(rb"^\s*([A-Za-z_][\w.\[\]]*)\s*=\s*(\S[^\n\r]*)", re.MULTILINE)
_WANTED = re.compile(
    r"sSliceArray\.(lSize|asSlice\[\d+\]\.(sPosition|sNormal)\.\w+)|sKSpace\.(lImagesPerSlab|lPartitions|ucDimension)"
    r"|lRepetitions|lContrasts|lAverages|lTotalScanTimeSec|sPat\.(lAccelFactPE|lAccelFact3D|ucPATMode)"
    r"|sSliceAcceleration\.lMultiBandFactor|sDiffusion\.(lDiffDirections|lDiffWeightings|alBValue\[\d+\])|sAdjData\.uiAdjShimMode"
    r"|sAngio\.\w+|sGroupArray\.lSize"
)


def read_csa(data: bytes) -> dict[str, tuple[str, ...]]:
    """Return the named values of a CSA header (formats SV10 and the older one without it); {} when it is not one."""
    new = data[:4] == b"SV10"
    position = 8 if new else 0
    if len(data) < position + 8:
        return {}
    count = struct.unpack_from("<I", data, position)[0]
    position += 8
    if not 0 < count <= _MAX_TAGS:
        return {}
    values: dict[str, tuple[str, ...]] = {}
    base: int | None = None
    for _ in range(count):
        if position + _TAG.size > len(data):
            return values
        name, _vm, _vr, _syngo, items, _end = _TAG.unpack_from(data, position)
        position += _TAG.size
        if not 0 <= items <= _MAX_ITEMS:
            return values
        if base is None:
            base = items
        found = []
        for _item in range(items):
            if position + _ITEM.size > len(data):
                return values
            lengths = _ITEM.unpack_from(data, position)
            position += _ITEM.size
            length = lengths[1] if new else lengths[0] - base
            if length < 0 or position + length > len(data):
                return values
            text = data[position : position + length].split(b"\0", 1)[0].decode("latin-1").strip()
            if text:
                found.append(text)
            position += (length + 3) // 4 * 4
        if found:
            values[name.split(b"\0", 1)[0].decode("latin-1")] = tuple(found)
    return values


def csa_numbers(values: dict[str, tuple[str, ...]], name: str, count: int = 1) -> tuple[float, ...]:
    """Return the first `count` numbers of a CSA value, () when there are fewer."""
    try:
        found = tuple(float(text) for text in values.get(name, ())[:count])
    except ValueError:
        return ()
    return found if len(found) == count else ()


def read_protocol(data: bytes) -> dict[str, str]:
    """Return the entries of the protocol text that mriloop uses, by their names; {} when there is none."""
    match = _ASCCONV.search(data)
    if match is None:
        return {}
    entries: dict[str, str] = {}
    for line in _LINE.finditer(match.group(1)):
        name = line.group(1).decode("ascii")
        if _WANTED.fullmatch(name):
            entries[name] = line.group(2).decode("latin-1").strip().strip('"')
    return entries


def protocol_integer(entries: Mapping[str, str], name: str) -> int | None:
    """Return a whole number of the protocol (decimal or 0x…), None when it is absent."""
    try:
        return int(entries[name].split("#")[0].strip(), 0)
    except (KeyError, ValueError):
        return None
