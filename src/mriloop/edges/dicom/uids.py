"""UIDs that follow from content: the same parts give the same UID, on every machine and in every run."""

from __future__ import annotations

import hashlib


def uid(*parts: object) -> str:
    """Return a UID of the 2.25 arc (DICOM PS3.5 B.2) that depends on nothing but these parts."""
    digest = hashlib.sha256("\x1f".join(str(part) for part in parts).encode()).digest()
    number = int.from_bytes(digest[:16], "big")
    number = (number & ~(0xF << 76)) | (0x8 << 76)
    number = (number & ~(0x3 << 62)) | (0x2 << 62)
    return f"2.25.{number}"
