"""Results on real headers of every vendor at hand: what is written comes back, and dciodvfy finds nothing of ours."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from mriloop.edges.dicom import Limits, load_volumes, read_intake, read_outlines
from mriloop.edges.dicom.results import (
    Segment,
    read_source,
    write_derived_prior,
    write_segmentation,
    write_spatial_registration,
)
from mriloop.model.comparison import Alignment

pytestmark = pytest.mark.real
NOW = datetime(2026, 11, 20, 19, 0, tzinfo=UTC)
STILL = Alignment(
    method="none",
    matrix=((1.0, 0.0, 0.0, 0.0), (0.0, 1.0, 0.0, 0.0), (0.0, 0.0, 1.0, 0.0), (0.0, 0.0, 0.0, 1.0)),
    uncertainty_mm=0.0,
    accepted=True,
)
FOREIGN = (
    "needed to build DICOMDIR",  # the source has no such value
    "Retired Person Name form",  # the name as the source writes it
    "only permitted to be empty when actually unknown",  # the source names no body part
    "Rescale",  # no other element of MR Image Storage can say what one step means
    "not present in standard DICOM IOD",
    "Modality LUT",
)
SERIES = (
    "01_siemens_trio_T1_3D_one_slice_missing",
    "02_siemens_xa30_enhanced/5_anat-T1w_acq-tfl",
    "04_siemens_mosaic_fmri_still",
    "06_uih_dti_grid",
    "08_enhanced_misc/Philips",
    "10_prostate_mpMRI_siemens/ProstateX-0000/07-07-2011/4.000000-t2tsetra-00702",
    "15_kidney_philips_enhanced_molli",
    "18_acr_and_qa_phantoms/acr/GE_Artist_1.5T_T1",
)


@pytest.mark.component("dciodvfy")
@pytest.mark.parametrize("name", SERIES)
def test_results_on_real_headers(real_data: Path, tmp_path: Path, name: str) -> None:
    with read_intake(real_data / name, Limits()) as intake:
        study = intake.studies[0]
        series = next(one for one in study.series if one.object == "image")
        volume = load_volumes(intake, series, Limits())[0]
        source = read_source(intake.files[series.series_instance_uid][0], volume, Limits())
    data = volume.data if volume.data.ndim == 3 else volume.data[..., 0]
    i, j, k = data.shape
    labels = np.zeros(data.shape, np.int32)
    labels[i // 3 : i // 2, j // 3 : j // 2, : max(1, k // 2)] = 3
    labels[2, 2, k - 1] = 1
    segments = [Segment(value=n, label=str(n), tracking_id=f"L{n}", tracking_uid=f"2.25.{n}") for n in (1, 3)]
    written = write_segmentation(tmp_path / "s.dcm", labels, segments, source, now=NOW, description="test")
    assert written is not None
    first, second = read_outlines(written.path, Limits(), volumes=[volume])
    np.testing.assert_array_equal(first.data, labels == 1)
    np.testing.assert_array_equal(second.data, labels == 3)
    laid = write_derived_prior(
        tmp_path / "prior", data, today=source, prior=source, alignment=STILL, label="test", now=NOW
    )
    with read_intake(tmp_path / "prior", Limits()) as intake:
        again = load_volumes(intake, intake.studies[0].series[0], Limits())[0]
    assert np.abs(again.data - data).max() <= max(0.51, 0.51 * float(np.abs(data).max()) / 32_767)
    if k > 1:
        np.testing.assert_allclose(again.affine, volume.affine, atol=2e-3)
    placed = write_spatial_registration(tmp_path / "r.dcm", [(source, STILL)], source, now=NOW)
    for path in (written.path, laid.paths[0], placed):
        said = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True, check=False)
        lines = [one for one in (said.stdout + said.stderr).splitlines() if one.startswith(("Error", "Warning"))]
        assert [one for one in lines if not any(words in one for words in FOREIGN)] == []
