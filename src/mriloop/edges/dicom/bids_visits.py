"""The order of the sessions of a BIDS subject: by the times that the dataset states, else by their labels.

https://bids-specification.readthedocs.io, sessions file and scans file (`acq_time`).
"""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

_LARGEST = 4 << 20
_FIRST = ("screening", "baseline", "base", "bl", "pre", "initial")
_LAST = ("post", "followup", "fu", "final")
BY_TIME, BY_LABEL = "acq_time", "label"


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One visit of a subject; `at` is when it began, as far as the dataset states it."""

    label: str
    at: datetime | None = None


def sessions_in_order(root: Path, subject: str, labels: Sequence[str]) -> tuple[tuple[Session, ...], str]:
    """Return the sessions of a subject, the earliest first, and by what they were put in order.

    Times count only where every session has one, each its own: half a calendar would put the rest anywhere. Labels are
    ordered as people count (2 before 10), baseline words first, follow-up words last.
    """
    stated = _from_sessions(root, subject) | _from_scans(root, subject, labels)
    times = [stated.get(label) for label in labels]
    known = [at for at in times if at is not None]
    sessions = [Session(label=label, at=stated.get(label)) for label in labels]
    if len(known) == len(labels) == len(set(known)):
        return tuple(sorted(sessions, key=lambda s: s.at.isoformat() if s.at else "")), BY_TIME
    return tuple(sorted(sessions, key=lambda s: label_order(s.label))), BY_LABEL


def label_order(label: str) -> tuple[int, tuple[tuple[int, int, str], ...]]:
    """Return what a label of a session is sorted by."""
    low = label.lower()
    words = re.findall(r"[a-z]+|\d+", low)
    place = 0 if low.startswith(_FIRST) else 2 if low.startswith(_LAST) else 1
    return place, tuple((0, int(w), "") if w.isdigit() else (1, 0, w) for w in words)


def _from_sessions(root: Path, subject: str) -> dict[str, datetime]:
    found = {}
    for row in _rows(root / f"sub-{subject}" / f"sub-{subject}_sessions.tsv"):
        label, at = row.get("session_id", "").removeprefix("ses-"), _time(row.get("acq_time", ""))
        if label and at is not None:
            found[label] = at
    return found


def _from_scans(root: Path, subject: str, labels: Sequence[str]) -> dict[str, datetime]:
    found = {}
    for label in labels:
        name = f"sub-{subject}_ses-{label}_scans.tsv"
        times = [_time(r.get("acq_time", "")) for r in _rows(root / f"sub-{subject}" / f"ses-{label}" / name)]
        known = [at for at in times if at is not None]
        if known:
            found[label] = min(known)
    return found


def _rows(path: Path) -> list[dict[str, str]]:
    """Return the rows of a table, none where it is absent, too large or no text."""
    try:
        if not path.is_file() or path.stat().st_size > _LARGEST:
            return []
        with path.open(encoding="utf-8-sig", newline="") as file:
            return [{k: v or "" for k, v in row.items() if k} for row in csv.DictReader(file, delimiter="\t")]
    except (OSError, UnicodeDecodeError, csv.Error):
        return []


def _time(text: str) -> datetime | None:
    """Read RFC 3339 date and time, as BIDS has it; None for `n/a` and anything else."""
    try:
        return datetime.fromisoformat(text.strip()).replace(tzinfo=None)
    except ValueError:
        return None
