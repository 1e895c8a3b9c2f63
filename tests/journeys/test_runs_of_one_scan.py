"""A scan that was run twice: the worse run is laid on the better one, and judged by the edges of the same anatomy."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from scipy.ndimage import gaussian_filter
from tests.journeys.drawn import GRID, START, drawn

from mriloop.app.check import Judging
from mriloop.app.results import check_paths
from mriloop.edges.dicom.phantom_headers import InventedPatient, PhantomStudy
from mriloop.edges.dicom.phantom_study import as_series, write_study
from mriloop.imaging.phantom import t2_axial
from mriloop.model.coding import Region
from mriloop.model.quantity import Quantity
from mriloop.settings import load


def test_the_blurred_run_is_held_against_the_sharp_one(tmp_path: Path):
    sharp = drawn(replace(t2_axial(), **GRID))
    blurred = replace(sharp, data=gaussian_filter(sharp.data, (2.0, 2.0, 0)))
    study = PhantomStudy(
        key="two runs",
        patient=InventedPatient(name="Invented^Person", patient_id="TEST-1", birth_date="19800229", sex="O"),
        started_at=START,
        description="Head",
        region=Region.BRAIN,
        laterality="",
        feet_first=False,
    )
    runs = [
        as_series(one, number=number, started_at=START + timedelta(minutes=6 * number), description="T2 axial")
        for number, one in enumerate((blurred, sharp), 1)
    ]
    write_study(study, runs, tmp_path)
    settings = load({}, executor="serial")
    (found,) = check_paths([tmp_path], settings, Judging.of(settings)).checks
    worse, better = sorted(found.series, key=lambda one: one.series_number)
    assert "repeated_series" in {one.code for one in found.defects}
    assert isinstance(worse.measures["reference_ssim"], Quantity)
    assert worse.measures["reference_sharpness_ratio"].value < 1 < better.measures["reference_sharpness_ratio"].value
    assert "blurred_against_sister" in {one.code for one in worse.defects}
    assert "blurred_against_sister" not in {one.code for one in better.defects}
