"""One head or two on real heads: one patient on two visits in two contrasts, and strangers laid on each other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mriloop.imaging.brainmask import brain_mask
from mriloop.imaging.same_person import Likely
from mriloop.model.coding import Region, Weighting
from mriloop.model.quality import SeriesKind
from mriloop.model.volume import Volume
from mriloop.stages.compare import one_person
from mriloop.stages.compare.align import Loaded, across

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("real heads")]


@pytest.fixture(scope="module")
def heads(real_data: Path) -> dict[str, Loaded]:
    nibabel = pytest.importorskip("nibabel")
    folder = real_data / "12_ms_longitudinal_p12" / "raw" / "patient12"
    paths = {
        "first FLAIR": (folder / "study1_FLAIR.nii.gz", Weighting.FLAIR),
        "second FLAIR": (folder / "study2_FLAIR.nii.gz", Weighting.FLAIR),
        "second T1": (folder / "study2_T1W.nii.gz", Weighting.T1),
        "stranger": (real_data / "17_brain_T1_gadolinium_nifti" / "MR_Gd.nii.gz", Weighting.T1),
    }
    found = {}
    for name, (path, weighting) in paths.items():
        image = nibabel.load(path)
        data = np.nan_to_num(image.get_fdata(dtype=np.float32))
        found[name] = Loaded(
            kind=SeriesKind(weighting=weighting, region=Region.BRAIN),
            volume=Volume(data=data, affine=image.affine, series_instance_uid=name),
            brain=brain_mask(data, image.affine),
        )
    return found


@pytest.mark.parametrize("prior", ["first FLAIR", "second T1"])
def test_one_patient_is_one_person(heads: dict[str, Loaded], prior: str):
    today = heads["second FLAIR"]
    told = one_person(today, heads[prior], across(today, heads[prior]))
    assert told.verdict is Likely.SAME, told.evidence
    assert told.apart_mm < 1.0


@pytest.mark.parametrize(("one", "other"), [("second T1", "stranger"), ("stranger", "second T1")])
def test_a_stranger_is_never_the_same_person(heads: dict[str, Loaded], one: str, other: str):
    told = one_person(heads[one], heads[other], across(heads[one], heads[other]))
    assert told.verdict is Likely.OTHER, told.evidence
