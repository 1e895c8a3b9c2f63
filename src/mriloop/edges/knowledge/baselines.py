"""Baselines on disk (`mriloop/baseline/1`), written in one piece, and the results of CHECK to learn them from."""

from __future__ import annotations

import json
import math
import os
import tempfile
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from mriloop.model.coding import Plane, Region, Subject, Weighting
from mriloop.model.errors import refuse
from mriloop.model.fact import Truth
from mriloop.model.norm import Baseline, History, ScanKey, Sighting
from mriloop.model.quality import Scanner, SeriesCheck, SeriesKind, Verdict
from mriloop.model.quantity import Quantity, UnitError

SCHEMA = "mriloop/baseline/1"
SITE_FILE = Path("norms") / "baseline.json"
_TRUTH = {truth.answer: truth for truth in Truth}
_WRONG = (KeyError, TypeError, ValueError, AttributeError, UnitError)


def read_baseline(path: Path) -> Baseline:
    """Read a baseline. Raises SenderError `input_not_found`, OperatorError `baseline_invalid`."""
    try:
        content = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise refuse("input_not_found", path=path) from None
    except (OSError, UnicodeDecodeError, ValueError, RecursionError):
        raise refuse("baseline_invalid", path=path, detail="it is not readable JSON") from None
    if not isinstance(content, dict) or content.get("schema") != SCHEMA:
        raise refuse("baseline_invalid", path=path, detail=f"its schema is not {SCHEMA}")
    try:
        return Baseline(histories=tuple(_history(item) for item in content["histories"]))
    except _WRONG as error:
        raise refuse("baseline_invalid", path=path, detail=f"{type(error).__name__} in a history") from None


def write_baseline(baseline: Baseline, path: Path) -> None:
    """Write a baseline in one piece: beside its place, synced, then put there; a crash leaves the older one whole.

    Raises OperatorError `out_not_writable`.
    """
    document = {"schema": SCHEMA, "histories": [_plain(history) for history in baseline.histories]}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, suffix=".part", delete=False) as file:
            try:
                json.dump(document, file, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
                file.flush()
                os.fsync(file.fileno())
                Path(file.name).replace(path)
            except BaseException:
                Path(file.name).unlink(missing_ok=True)
                raise
    except OSError:
        raise refuse("out_not_writable", path=path) from None


def read_results(path: Path) -> Iterator[SeriesCheck]:
    """Yield the series of a file of results: one document `mriloop/check/1`, or a JSON document on each line.

    A line may hold a whole document, one study or one series of it. Of each series that is read which a baseline needs:
    kind, verdict, measures, scanner, coil and time. Raises `input_not_found` and OperatorError `results_invalid`, with
    the number of the line.
    """
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        raise refuse("input_not_found", path=path) from None
    except (OSError, UnicodeDecodeError):
        raise refuse("results_invalid", path=path, detail="the file cannot be read as UTF-8 text") from None
    try:
        parts = [(1, json.loads(text))]
    except (ValueError, RecursionError):
        parts = []
        for number, line in enumerate(text.splitlines(), 1):
            if not line.strip():
                continue
            try:
                parts.append((number, json.loads(line)))
            except (ValueError, RecursionError):
                raise refuse("results_invalid", path=path, detail=f"line {number} is no JSON document") from None
    for number, part in parts:
        for series in _series_in(part):
            try:
                found = _check(series)
            except _WRONG:
                raise refuse("results_invalid", path=path, detail=f"line {number} is no result of CHECK") from None
            yield found


def _series_in(part: Any) -> Iterator[Any]:
    """Yield the series of a document, a study, a series, or a list of these; other lines have none."""
    if isinstance(part, list):
        for each in part:
            yield from _series_in(each)
    elif isinstance(part, dict) and "measures" in part:
        yield part
    elif isinstance(part, dict):
        for name in ("studies", "series"):
            if isinstance(part.get(name), list | dict):
                yield from _series_in(part[name])


def _check(item: Mapping[str, Any]) -> SeriesCheck:
    kind = item["kind"]
    scanner = item.get("scanner") or {}
    at = item.get("acquired_at")
    return SeriesCheck(
        series_instance_uid=str(item["series_instance_uid"]),
        kind=SeriesKind(
            weighting=Weighting(kind["weighting"]),
            plane=Plane(kind["plane"]),
            region=Region(kind["region"]),
            contrast=_TRUTH[kind["contrast"]],
            derived=bool(kind["derived"]),
            object=Subject(kind["object"]),
            fat_suppressed=_TRUTH[kind.get("fat_suppressed", "unknown")],
            three_d=_TRUTH[kind.get("three_d", "unknown")],
        ),
        verdict=Verdict(item["verdict"]),
        volumes=int(item.get("volumes", 0)),
        description=str(item.get("description", "")),
        measures={
            name: Quantity(value=float(one["value"]), unit=one["unit"])
            for name, one in item["measures"].items()
            if "value" in one
        },
        scanner=Scanner(**{name: str(scanner.get(name, "")) for name in Scanner.__dataclass_fields__}),
        coil=str(item.get("coil") or ""),
        acquired_at=datetime.fromisoformat(at) if at else None,
    )


def _plain(history: History) -> dict[str, Any]:
    key = history.key
    return {
        "scanner": {name: getattr(key.scanner, name) for name in Scanner.__dataclass_fields__},
        "coil": key.coil,
        "kind": key.kind,
        "name": key.name,
        "sightings": [
            {"at": s.at.isoformat(), "mark": s.mark, "values": {n: float(f"{v:.6g}") for n, v in s.values.items()}}
            for s in history.sightings
        ],
    }


def _history(item: Mapping[str, Any]) -> History:
    return History(
        key=ScanKey(
            scanner=Scanner(**{name: str(item["scanner"][name]) for name in Scanner.__dataclass_fields__}),
            coil=str(item["coil"]),
            kind=str(item["kind"]),
            name=str(item["name"]),
        ),
        sightings=tuple(
            Sighting(
                at=_local(one["at"]),
                mark=str(one["mark"]),
                values={str(name): _finite(value) for name, value in one["values"].items()},
            )
            for one in item["sightings"]
        ),
    )


def _local(text: str) -> datetime:
    """Return a time of the scanner's own clock; a zone is dropped, since DICOM gives none and times are compared."""
    return datetime.fromisoformat(text).replace(tzinfo=None)


def _finite(value: float) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError
    return number
