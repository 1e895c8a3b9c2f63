"""Which scanner and coil took a series, and when: what its measures may be held against."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from mriloop.model.quality import Scanner
from mriloop.stages.check.header import Header

_COILS = ("ReceiveCoilName", "VendorCoilName", "MultiCoilElementName")
_LENGTH = 12


def scanner_of(header: Header) -> Scanner:
    """Return the scanner of a series. `device` is a digest of maker and serial number, or station name without one.

    The digest is the same for the same scanner everywhere, so that histories of several runs meet; it keeps the number
    from being read, not from being tried.
    """
    maker = " ".join(header.words("Manufacturer"))
    told = [word for keyword in ("DeviceSerialNumber", "StationName") for word in header.words(keyword)[:1]]
    device = hashlib.sha256(f"{maker}\0{told[0]}".encode()).hexdigest()[:_LENGTH] if told else ""
    return Scanner(
        manufacturer=maker,
        model=" ".join(header.words("ManufacturerModelName")),
        device=device,
        software=" ".join(header.words("SoftwareVersions")),
    )


def coil_of(header: Header) -> str:
    """Return the name of the receive coil in upper case, by the first element that tells it; empty where none does."""
    return next((" ".join(words) for keyword in _COILS if (words := header.words(keyword))), "")


def acquired_at(header: Header) -> datetime | None:
    """Return when the series began, local time of the scanner; None without a date. Without a time it is midnight."""
    for keyword in ("StudyDate", "SeriesDate"):
        for word in header.words(keyword):
            try:
                day = datetime.strptime(word[:8], "%Y%m%d")  # noqa: DTZ007  DICOM gives local time without a zone
            except ValueError:
                continue
            return day + timedelta(seconds=header.began_at_s or 0.0)
    return None
