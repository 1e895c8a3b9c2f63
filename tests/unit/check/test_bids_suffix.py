"""The BIDS suffix of an image settles its weighting where the word does; the phase axis comes from the sidecar."""

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from mriloop import check_file
from mriloop.model.coding import Weighting
from mriloop.model.quantity import Quantity


def write(path: Path, **sidecar: object) -> Path:
    grid = np.stack(np.meshgrid(*[np.linspace(-1, 1, 28)] * 3, indexing="ij"))
    data = 500.0 * ((grid**2).sum(axis=0) < 0.5) + np.random.default_rng(1).rayleigh(8, grid.shape[1:])
    nib.save(nib.Nifti1Image(data.astype(np.float32), np.diag([4.0, 4.0, 4.0, 1.0])), path)
    path.with_suffix("").with_suffix(".json").write_text(json.dumps(sidecar))
    return path


@pytest.mark.parametrize(
    ("suffix", "weighting"),
    [
        ("T1w", Weighting.T1),
        ("T2w", Weighting.T2),
        ("FLAIR", Weighting.FLAIR),
        ("T2starw", Weighting.T2_STAR),
        ("PDw", Weighting.PD),
        ("angio", Weighting.MRA),
        ("dwi", Weighting.DWI),
        ("phasediff", Weighting.FIELD_MAP),
        ("bold", Weighting.BOLD),
        ("mystery", Weighting.UNKNOWN),
    ],
)
def test_the_suffix_settles_the_weighting(tmp_path: Path, suffix: str, weighting: Weighting):
    assert check_file(write(tmp_path / f"sub-01_{suffix}.nii.gz")).kind.weighting is weighting


def test_a_reference_of_unknown_contrast_is_told_by_its_physics(tmp_path: Path):
    path = write(tmp_path / "sub-01_task-rest_sbref.nii.gz", ScanningSequence="EP_GR", EchoTime=0.03, RepetitionTime=2)
    assert check_file(path).kind.weighting in (Weighting.T2_STAR, Weighting.BOLD)


def test_the_phase_axis_of_a_sidecar_is_used(tmp_path: Path):
    known = check_file(write(tmp_path / "sub-01_T1w.nii.gz", PhaseEncodingDirection="j-"))
    assert isinstance(known.measures["gradient_entropy"], Quantity)
    unknown = check_file(write(tmp_path / "sub-02_T1w.nii.gz"))
    assert not isinstance(unknown.measures["gradient_entropy"], Quantity)
