"""The table of a longitudinal batch: one row for each pair of sessions of a subject, with a data dictionary beside it.

The folder is a BIDS derivative (https://bids-specification.readthedocs.io, derivatives). A count stands there only
where a list of changes was made: `n/a` is not 0.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from mriloop import __version__
from mriloop.edges.publish.tables.columns import Column, dictionary
from mriloop.edges.publish.tables.derivative import BIDS_VERSION
from mriloop.edges.publish.tables.journal import Line
from mriloop.edges.publish.tables.rows import Row
from mriloop.edges.publish.tables.write import replaced, write_csv

SCHEMA = "mriloop/longitudinal/1"
JOURNAL = "comparisons.jsonl"
TABLE = "longitudinal.tsv"
KINDS = ("new", "enlarging", "stable", "shrinking", "resolved")
FOUND_ENOUGH = 0.8
"""The share of planted lesions that must be found for their size to count as detectable."""
_CONTRASTS = (40, 25)
_IGNORED = f"{JOURNAL}\n{TABLE}\nlongitudinal.json\nleft_out.tsv\n*_comparison.json\n"


def _text(name: str, meaning: str, levels: tuple[str, ...] = ()) -> Column:
    return Column(name=name, kind="text", meaning=meaning, levels=levels)


def _number(name: str, unit: str, meaning: str) -> Column:
    return Column(name=name, kind="number", unit=unit, meaning=meaning)


COLUMNS: tuple[Column, ...] = (
    _text("participant_id", "BIDS subject"),
    _text("session_id", "the later session (today)"),
    _text("prior_session_id", "the earlier session"),
    _text("prior_role", "what the earlier session is to the later one", ("previous", "baseline", "previous+baseline")),
    _text("ordered_by", "what tells the order of the sessions", ("acq_time", "label")),
    _number("interval", "d", "days between the two sessions; n/a where the dataset states no times"),
    _text("image", "the image of the later session that changes were listed on"),
    _text("prior_image", "the image of the earlier session that changes were listed on"),
    _text("comparability", "every difference of the two images, the weightiest first"),
    _text("aligned", "was the alignment of the two images accepted?", ("yes", "no")),
    _number("alignment_uncertainty", "mm", "mean displacement between independent estimates of the alignment"),
    *(
        Column(name=kind, kind="integer", unit="{count}", meaning=f"candidate lesions that are {kind}")
        for kind in KINDS
    ),
    _number("volume_new", "mL", "volume of the new candidates"),
    _number("volume_resolved", "mL", "volume that the resolved candidates had in the earlier session"),
    _number("volume_change", "mL", "sum of the changes of volume of all candidates that are not stable"),
    _number("volume_listed", "mL", "volume of all candidates in the later session, stable ones included"),
    *(
        _number(
            f"detectable_{percent}",
            "mm",
            f"smallest diameter at +{percent} % contrast of which at least {FOUND_ENOUGH:.0%} of planted lesions, and "
            "of every larger size, were found in this very pair; n/a: none, or not measured",
        )
        for percent in _CONTRASTS
    ),
    _text("statement", "what may be said, with what could not have been seen"),
    _text("cautions", "what must be known before this row is trusted"),
    _text("code", "why nothing was compared, as a code of docs/reference/errors.md; n/a where it was"),
    _text("message", "the same in words"),
)


def rows_of_line(line: Line) -> Iterator[Row]:
    """Yield the rows of one session: one for each earlier session that it was compared with."""
    for one in line["pairs"]:
        yield {
            "participant_id": f"sub-{line['participant']}",
            "session_id": f"ses-{line['session']}",
            "prior_session_id": f"ses-{one['session']}",
            "prior_role": one["role"],
            "ordered_by": line["ordered_by"],
            "interval": one["interval_d"],
            "code": one["code"],
            "message": one["message"],
            **(_of_document(one["comparison"], one["images"]) if one["comparison"] else {}),
        }


def _of_document(comparison: Mapping[str, Any], images: Mapping[str, str]) -> Row:
    row: Row = {
        "statement": comparison["statement"],
        "cautions": "; ".join(comparison["cautions"]),
    }
    between = comparison["changes_between"]
    pairs = comparison["pairs"]
    pair = next(
        (p for p in pairs if between and (p["today"], p["prior"]) == (between["today"], between["prior"])),
        min(pairs, key=lambda p: p["alignment"]["uncertainty_mm"], default=None),
    )
    if pair is not None:
        row |= {
            "image": images.get(pair["today"]),
            "prior_image": images.get(pair["prior"]),
            "comparability": "; ".join(pair["comparability"]),
            "aligned": "yes" if pair["alignment"]["accepted"] else "no",
            "alignment_uncertainty": pair["alignment"]["uncertainty_mm"],
        }
    if between:
        changes = comparison["changes"]
        of = {kind: [c for c in changes if c["kind"] == kind] for kind in KINDS}
        row |= {kind: len(found) for kind, found in of.items()}
        row["volume_new"] = _sum(c["volume_ml"] for c in of["new"])
        row["volume_resolved"] = _sum(-c["volume_change_ml"] for c in of["resolved"])
        row["volume_change"] = _sum(c["volume_change_ml"] for c in changes if c["kind"] != "stable")
        row["volume_listed"] = _sum(c["volume_ml"] for c in changes)
        row |= {f"detectable_{p}": detectable_mm(comparison["detection_limit"], p) for p in _CONTRASTS}
    return row


def detectable_mm(limits: Iterable[Mapping[str, Any]], contrast_percent: float) -> float | None:
    """Return the smallest diameter from which on enough planted lesions of this contrast were found, None: none."""
    tried = sorted(
        (one for one in limits if one["contrast_percent"] == contrast_percent and one["tried"]),
        key=lambda one: -float(one["diameter_mm"]),
    )
    smallest = None
    for one in tried:
        if one["found"] < FOUND_ENOUGH:
            break
        smallest = float(one["diameter_mm"])
    return smallest


def _sum(values: Iterable[float]) -> float:
    return round(sum(values), 4)


def write_longitudinal(folder: Path, lines: Iterable[Line], source: str) -> tuple[Path, ...]:
    """Write longitudinal.tsv with its dictionary and what makes the folder a BIDS derivative; return the paths.

    `source` names the dataset that was compared. Raises OperatorError out_not_writable.
    """
    ordered = sorted(lines, key=lambda line: (line["participant"], line["number"]))
    rows = (row for line in ordered for row in rows_of_line(line))
    about = {
        "Name": "mriloop: what changed between sessions",
        "BIDSVersion": BIDS_VERSION,
        "DatasetType": "derivative",
        "GeneratedBy": [{"Name": "mriloop", "Version": __version__, "Description": "mriloop compare-bids"}],
        "SourceDatasets": [{"URL": source}],
    }
    files = [folder / "dataset_description.json", folder / "longitudinal.json"]
    for path, content in zip(files, (about, dictionary(COLUMNS)), strict=True):
        with replaced(path) as fresh:
            fresh.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    with replaced(folder / ".bidsignore") as fresh:
        fresh.write_text(_IGNORED, encoding="utf-8")
    return (*files, write_csv(folder / TABLE, rows, COLUMNS, dialect="excel-tab", absent="n/a"))
