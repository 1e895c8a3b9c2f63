"""The order of sessions: by stated times where all have one, else by labels as people count."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from mriloop.edges.dicom import sessions_in_order


def order(root: Path, *labels: str) -> tuple[list[str], str]:
    sessions, basis = sessions_in_order(root, "01", labels)
    return [one.label for one in sessions], basis


def scans(root: Path, label: str, *times: str) -> None:
    folder = root / "sub-01" / f"ses-{label}"
    folder.mkdir(parents=True, exist_ok=True)
    rows = ["filename\tacq_time", *(f"anat/{n}.nii.gz\t{time}" for n, time in enumerate(times))]
    (folder / f"sub-01_ses-{label}_scans.tsv").write_text("\n".join(rows) + "\n")


def test_labels_are_ordered_as_people_count(tmp_path: Path):
    assert order(tmp_path, "10", "2", "1") == (["1", "2", "10"], "label")
    assert order(tmp_path, "m12", "baseline", "m06") == (["baseline", "m06", "m12"], "label")
    assert order(tmp_path, "post", "pre", "during") == (["pre", "during", "post"], "label")


def test_times_of_the_scans_come_before_labels(tmp_path: Path):
    scans(tmp_path, "A", "2021-03-01T10:00:00", "2021-03-01T09:30:00")
    scans(tmp_path, "B", "2019-01-05T08:00:00.250000")
    sessions, basis = sessions_in_order(tmp_path, "01", ["A", "B"])
    assert ([s.label for s in sessions], basis) == (["B", "A"], "acq_time")
    assert sessions[1].at == datetime(2021, 3, 1, 9, 30)


def test_the_table_of_sessions_counts_as_well(tmp_path: Path):
    (tmp_path / "sub-01").mkdir()
    text = "session_id\tacq_time\nses-A\t2021-01-01T00:00:00\nses-B\t2020-01-01T00:00:00\n"
    (tmp_path / "sub-01" / "sub-01_sessions.tsv").write_text(text)
    assert order(tmp_path, "A", "B") == (["B", "A"], "acq_time")


@pytest.mark.parametrize("time", ["n/a", "", "yesterday", "2021-03-01T10:00:00"])
def test_half_a_calendar_or_the_same_time_twice_is_none(tmp_path: Path, time: str):
    scans(tmp_path, "A", "2021-03-01T10:00:00")
    scans(tmp_path, "B", time)
    assert order(tmp_path, "B", "A") == (["A", "B"], "label")


def test_a_table_that_is_no_text_is_left_alone(tmp_path: Path):
    scans(tmp_path, "A", "2021-03-01T10:00:00")
    (tmp_path / "sub-01" / "ses-A" / "sub-01_ses-A_scans.tsv").write_bytes(b"\xff\xfe\x00acq_time\x00\xff")
    assert order(tmp_path, "A", "B") == (["A", "B"], "label")
