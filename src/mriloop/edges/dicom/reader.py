"""Reading many files: what each is, gzip and deflate expanded, headers in one process or in several."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from mriloop.edges.dicom.expand import expand_deflated
from mriloop.edges.dicom.gather import Found, gunzip, refused
from mriloop.edges.dicom.instance import Record, read_instance
from mriloop.edges.dicom.limits import Limits
from mriloop.edges.dicom.part10 import DEFLATED, read_first, sniff
from mriloop.model.study import PerformedStep, Refused

_HEAD = 512
_STEP = 64
_PARALLEL_FROM = 4000
_CHUNK = 400


@dataclass(frozen=True, slots=True)
class Loose:
    """A file that is not DICOM: a NIfTI image, or text that may be its sidecar."""

    shown: str
    path: Path
    kind: str


Parsed = Record | PerformedStep | Refused | Loose | None


def read_all(
    found: Sequence[Found],
    limits: Limits,
    workspace: Path,
    workers: int,
    progress: Callable[[int, int], None] | None,
) -> tuple[list[Record], list[Loose], list[Refused], list[PerformedStep]]:
    """Read every file; return records, files that are not DICOM, refused ones and performed steps, in this order."""
    total = len(found)
    if workers == 0:
        workers = 1 if total < _PARALLEL_FROM else min(8, os.cpu_count() or 1)
    parsed: list[Parsed] = []
    if workers == 1:
        known: set[str] = set()
        for number, one in enumerate(found):
            parsed.append(read_one(one, limits, workspace, number, known))
            if progress and number % _STEP == 0:
                progress(number, total)
    else:
        chunks = [(start, found[start : start + _CHUNK]) for start in range(0, total, _CHUNK)]
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            for part in pool.map(_read_chunk, chunks, [limits] * len(chunks), [workspace] * len(chunks)):
                parsed.extend(part)
                if progress:
                    progress(len(parsed), total)
    if progress:
        progress(total, total)
    records = [one for one in parsed if isinstance(one, Record)]
    return (
        records,
        [one for one in parsed if isinstance(one, Loose)],
        [one for one in parsed if isinstance(one, Refused)],
        [one for one in parsed if isinstance(one, PerformedStep)],
    )


def _read_chunk(chunk: tuple[int, Sequence[Found]], limits: Limits, workspace: Path) -> list[Parsed]:
    known: set[str] = set()
    start, found = chunk
    return [read_one(one, limits, workspace, start + number, known) for number, one in enumerate(found)]


def read_one(found: Found, limits: Limits, workspace: Path, number: int, known_series: set[str]) -> Parsed:
    """Read one file of any kind; None for what is passed over in silence (a DICOMDIR)."""
    try:
        head, size = read_first(found.path)
    except OSError:
        return refused(found.shown, "file_unreadable")
    if size > limits.max_file_bytes:
        return refused(found.shown, "file_too_large", limit=f"{limits.max_file_mb:g} MB", setting="MRILOOP_MAX_FILE_MB")
    kind = sniff(head)
    path = found.path
    first: tuple[bytes, int] | None = (head, size)
    if kind == "gzip":
        path = workspace / f"gz{number:08d}"
        code = gunzip(found, limits, path)
        if code is not None:
            return refused(found.shown, code, limit=f"{limits.max_file_mb:g} MB")
        with path.open("rb") as file:
            kind = sniff(file.read(_HEAD))
        first = None
    if kind == "zip":
        return refused(found.shown, "file_nested_archive")
    if kind in ("nifti", "other"):
        return Loose(found.shown, path, kind)
    result = read_instance(found.shown, path, limits.max_file_bytes, known_series, first)
    if isinstance(result, Record) and result.pixels and result.pixels.transfer_syntax == DEFLATED:
        expanded = workspace / f"ex{number:08d}"
        expand_deflated(path, expanded, limits.max_file_bytes)
        known_series.discard(result.series_instance_uid)
        result = read_instance(found.shown, expanded, limits.max_file_bytes, known_series)
    if isinstance(result, str):
        if kind == "maybe":
            result = "file_not_dicom"
        return refused(found.shown, result, limit=f"{limits.max_file_mb:g} MB", syntax="of this file")
    return result
