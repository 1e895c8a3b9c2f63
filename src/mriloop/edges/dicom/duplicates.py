"""Two files with one SOP instance UID: the same picture is counted once, two different pictures are both refused."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from mriloop.edges.dicom.decode import decode_all
from mriloop.edges.dicom.instance import Record
from mriloop.edges.dicom.limits import Limits
from mriloop.model.errors import MriloopError


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def resolve(
    records: Sequence[Record], limits: Limits
) -> tuple[list[Record], list[Record], dict[str, int], dict[str, str]]:
    """Sort out records that share a SOP instance UID.

    Returns the records to keep, those that contradict each other, how often each repeated UID was seen, and notes on
    copies whose headers differ.
    """
    by_uid: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        by_uid[record.sop_instance_uid].append(record)
    kept: list[Record] = []
    conflicting: list[Record] = []
    counts: dict[str, int] = {}
    notes: dict[str, str] = {}
    for uid, copies in by_uid.items():
        if len(copies) == 1:
            kept.append(copies[0])
            continue
        if len({file_digest(copy.path) for copy in copies}) == 1:
            kept.append(copies[0])
            counts[uid] = len(copies)
        elif _same_picture(copies, limits):
            kept.append(copies[0])
            counts[uid] = len(copies)
            notes[uid] = "an image came more than once with different headers or encodings but the same pixels"
        else:
            conflicting.extend(copies)
    return kept, conflicting, counts, notes


def _same_picture(copies: Sequence[Record], limits: Limits) -> bool:
    """Say whether copies agree in series, geometry and every decoded pixel."""
    first = copies[0]
    keys = {(copy.series_instance_uid, copy.study_instance_uid, copy.person.patient_id, copy.object) for copy in copies}
    if len(keys) > 1 or any(copy.pixels is None for copy in copies):
        return False
    places = [
        tuple(replace(frame, image_type=(), acquired_at_s=None, instance_number=None) for frame in copy.frames)
        for copy in copies
    ]
    if any(place != places[0] for place in places) or first.pixels is None:
        return False
    try:
        pictures = decode_all([copy.pixels for copy in copies if copy.pixels is not None], limits)
    except MriloopError:
        return False
    digests = {b"" if isinstance(one, MriloopError) else hashlib.sha256(one.tobytes()).digest() for one in pictures}
    return len(digests) == 1 and b"" not in digests
