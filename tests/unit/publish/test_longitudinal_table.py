"""One row for each pair of sessions: counts only where a list was made, codes where nothing was compared."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from mriloop.edges.publish.documents import comparison_document
from mriloop.edges.publish.tables.longitudinal import detectable_mm, rows_of_line, write_longitudinal
from mriloop.model.comparison import (
    Alignment,
    Change,
    ChangeKind,
    Comparison,
    DetectionLimit,
    SeriesPair,
)

STILL = ((1.0, 0.0, 0.0, 0.0), (0.0, 1.0, 0.0, 0.0), (0.0, 0.0, 1.0, 0.0), (0.0, 0.0, 0.0, 1.0))


def change(number: int, kind: ChangeKind, ml: float, more: float) -> Change:
    return Change(
        id=number,
        kind=kind,
        volume_ml=ml,
        volume_change_ml=more,
        diameter_mm=5.0,
        position_ras_mm=(0.0, 0.0, 0.0),
        confidence=0.5,
        location="other",
    )


def comparison(*, listed: bool = True) -> Comparison:
    alignment = Alignment(method="m", matrix=STILL, uncertainty_mm=0.2, accepted=True)
    said = (
        change(1, ChangeKind.NEW, 0.2, 0.2),
        change(2, ChangeKind.NEW, 0.1, 0.1),
        change(3, ChangeKind.SHRINKING, 0.3, -0.4),
        change(4, ChangeKind.RESOLVED, 0.0, -0.25),
        change(5, ChangeKind.STABLE, 1.0, 0.03),
    )
    limit = tuple(
        DetectionLimit(diameter_mm=d, contrast_percent=c, found=f, tried=16)
        for d, c, f in ((4, 40, 0.85), (5, 40, 0.7), (6, 40, 0.8), (8, 40, 1.0), (6, 25, 0.3), (8, 25, 0.75))
    )
    return Comparison(
        today_study="t",
        prior_studies=("p",),
        pairs=(
            SeriesPair(today="t.t1", prior="p.t1", comparability=("another device",), alignment=alignment),
            SeriesPair(today="t.f", prior="p.f", comparability=("another maker", "TR 1 today"), alignment=alignment),
        ),
        changes=said if listed else (),
        detection_limit=limit if listed else (),
        not_comparable=(),
        statement="said",
        changes_prior_study="p" if listed else None,
        changes_today="t.f" if listed else None,
        changes_prior="p.f" if listed else None,
        cautions=("first", "second"),
    )


def line(**pair: object) -> dict[str, object]:
    one = {
        "session": "1",
        "role": "previous",
        "interval_d": 365.0,
        "code": None,
        "message": None,
        "comparison": None,
        "images": {"t.f": "sub-01_ses-2_FLAIR.nii.gz", "p.f": "sub-01_ses-1_FLAIR.nii.gz"},
    }
    whole = {"participant": "01", "session": "2", "number": 1, "ordered_by": "acq_time"}
    return {**whole, "pairs": [one | pair]}


def test_counts_and_volumes_are_those_of_the_list():
    (row,) = rows_of_line(line(comparison=comparison_document(comparison())))
    counts = {kind: row[kind] for kind in ("new", "enlarging", "stable", "shrinking", "resolved")}
    assert counts == {"new": 2, "enlarging": 0, "stable": 1, "shrinking": 1, "resolved": 1}
    assert row["volume_new"] == pytest.approx(0.3)
    assert row["volume_resolved"] == pytest.approx(0.25)
    assert row["volume_change"] == pytest.approx(0.2 + 0.1 - 0.4 - 0.25)
    assert row["volume_listed"] == pytest.approx(1.6)
    assert (row["image"], row["comparability"]) == ("sub-01_ses-2_FLAIR.nii.gz", "another maker; TR 1 today")
    assert (row["detectable_40"], row["detectable_25"]) == (6.0, None)


def test_without_a_list_no_count_is_zero():
    (row,) = rows_of_line(line(comparison=comparison_document(comparison(listed=False))))
    assert row.get("new") is None
    assert row.get("volume_change") is None
    assert row["statement"] == "said"


def test_a_gap_in_the_sizes_ends_what_is_detectable():
    """4 mm was found often enough by chance, 5 mm was not: 6 mm is the smallest that one may count on."""
    limits = [
        {"contrast_percent": 40, "diameter_mm": d, "found": f, "tried": 9} for d, f in ((4, 0.9), (5, 0.5), (6, 0.9))
    ]
    assert detectable_mm(limits, 40) == 6.0
    assert detectable_mm(limits, 25) is None
    assert detectable_mm([{**limits[0], "tried": 0}], 40) is None


def test_the_folder_is_a_derivative_and_absent_is_na(tmp_path: Path):
    refused = line(code="compare_one_series", message="nothing")
    files = write_longitudinal(tmp_path, [line(comparison=comparison_document(comparison())), refused], "file:///ds")
    assert {path.name for path in files} == {"dataset_description.json", "longitudinal.json", "longitudinal.tsv"}
    about = json.loads((tmp_path / "dataset_description.json").read_text())
    assert (about["DatasetType"], about["GeneratedBy"][0]["Name"]) == ("derivative", "mriloop")
    with (tmp_path / "longitudinal.tsv").open(newline="") as file:
        rows = list(csv.DictReader(file, dialect="excel-tab"))
    assert [row["code"] for row in rows] == ["n/a", "compare_one_series"]
    assert (rows[1]["new"], rows[1]["statement"]) == ("n/a", "n/a")
    assert "" not in rows[0].values()
    says = json.loads((tmp_path / "longitudinal.json").read_text())
    assert list(says) == list(rows[0])
    assert says["alignment_uncertainty"]["Units"] == "mm"
