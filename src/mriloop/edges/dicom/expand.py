"""A deflated DICOM file written out uncompressed, so that every reader of pixels can use it. PS3.5 A.5, PS3.10 7.1."""

from __future__ import annotations

import struct
from pathlib import Path

from mriloop.edges.dicom.part10 import EXPLICIT, inflate, meta_end


def expand_deflated(source: Path, target: Path, cap: int) -> None:
    """Write the data set of a deflated file as Explicit VR Little Endian. Raises DamagedError as `inflate` does."""
    data = source.read_bytes()
    body = inflate(data[meta_end(data) :], cap)
    syntax = EXPLICIT.encode("ascii") + b"\0" * (len(EXPLICIT) % 2)
    element = struct.pack("<HH2sH", 0x0002, 0x0010, b"UI", len(syntax)) + syntax
    group_length = struct.pack("<HH2sHI", 0x0002, 0x0000, b"UL", 4, len(element))
    target.write_bytes(bytes(128) + b"DICM" + group_length + element + body)
