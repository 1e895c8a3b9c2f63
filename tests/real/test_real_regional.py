"""Regional alignment on real volumes: a neck that the test bends, and series too thin to be aligned."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from mriloop.edges.dicom import Limits, load_volumes, read_intake
from mriloop.imaging.resample import apply, rigid
from mriloop.model.coding import Region, Weighting
from mriloop.model.quality import SeriesKind
from mriloop.model.volume import Volume
from mriloop.stages.compare.align import Loaded, itself, load_one
from mriloop.stages.compare.regional import regional

pytestmark = pytest.mark.real
CORD = "13_spine_cervical_nifti"
HINGE = np.array([-9.0, 8.0, 13.5])  # the disc in the middle, read off the picture


def _nifti(path: Path, region: Region, weighting: Weighting) -> Loaded:
    nibabel = pytest.importorskip("nibabel")
    image = nibabel.as_closest_canonical(nibabel.load(path))
    volume = Volume(data=image.get_fdata(dtype=np.float32), affine=image.affine, series_instance_uid=path.name)
    return load_one(volume, SeriesKind(weighting=weighting, region=region), seek_brain=False)


def test_a_neck_bent_by_eight_degrees_is_found_above_and_below_the_disc(real_data: Path):
    prior = _nifti(real_data / CORD / "t1" / "t1w.nii.gz", Region.CERVICAL_SPINE, Weighting.T1)
    data, affine = prior.volume.data, prior.volume.affine
    bend = rigid((8.0, 0.0, 0.0), (0.0, 0.0, 0.0), HINGE)
    points = apply(affine, np.argwhere(np.ones(data.shape, bool)).astype(float))
    share = (1.0 / (1.0 + np.exp(-(points[:, 2] - HINGE[2]) / 0.8)))[:, None]
    pull = (1.0 - share) * points + share * apply(bend, points)
    seen = ndimage.map_coordinates(data, apply(np.linalg.inv(affine), pull).T, order=3).reshape(data.shape)
    top = float(np.percentile(seen, 99.5))
    noise = np.random.default_rng(1).normal(scale=0.02, size=(2, *data.shape))
    seen = np.hypot((seen.clip(0) / top) ** 1.2 + noise[0], noise[1]) * top
    volume = Volume(data=seen.astype(np.float32), affine=affine, series_instance_uid="bent")
    found = regional(load_one(volume, prior.kind, seek_brain=False), prior, itself(), Region.CERVICAL_SPINE)
    assert all(p.alignment.accepted for p in found.parts)
    assert any("parts moved against each other" in w for w in found.words)
    for height in (-8.0, 2.0, 26.0, 40.0):
        point = np.array([-9.0, 12.0, height])
        truth = apply(bend, point[None])[0] if height > HINGE[2] else point
        placed = found.point_today((float(truth[0]), float(truth[1]), float(truth[2])))
        assert placed is not None
        assert np.linalg.norm(np.array(placed.point_ras_mm) - point) < 0.35, height


def test_a_start_that_lies_a_vertebra_off_is_corrected_and_the_whole_refused(real_data: Path):
    one = _nifti(real_data / CORD / "t2" / "t2.nii.gz", Region.CERVICAL_SPINE, Weighting.T2)
    lifted = rigid((0.0, 0.0, 0.0), (0.0, 0.0, 18.0), np.zeros(3)) @ one.volume.affine
    rng = np.random.default_rng(2)
    noisy = one.volume.data + rng.normal(scale=0.02 * float(one.volume.data.max()), size=one.volume.data.shape)
    moved = Volume(data=noisy.astype(np.float32), affine=lifted, series_instance_uid="lifted")
    found = regional(one, load_one(moved, one.kind, seek_brain=False), itself(), Region.CERVICAL_SPINE)
    assert not found.whole.accepted
    assert any("18 mm apart along the spine" in w for w in found.words)
    placed = found.point_today((-14.0, 8.0, 31.0))
    assert placed is not None
    assert placed.point_ras_mm == pytest.approx((-14.0, 8.0, 13.0), abs=0.2)


@pytest.mark.parametrize("name", ["dmri/dmri", "fmri/fmri", "mt/t1w", "t2s/t2s"])
def test_cords_of_few_thick_slices_do_not_crash(real_data: Path, name: str):
    one = _nifti(real_data / CORD / f"{name}.nii.gz", Region.CERVICAL_SPINE, Weighting.UNKNOWN)
    found = regional(one, one, itself(), Region.CERVICAL_SPINE)
    assert found.words
    for part in found.parts:
        if part.alignment.accepted:
            assert np.allclose(part.alignment.matrix, np.eye(4), atol=0.05), part.part


def test_slabs_of_two_slices_are_refused_in_words(real_data: Path):
    folder = next(p for p in sorted((real_data / "16_rider_two_visits_two_patients").rglob("*ax 5 flip*")))
    with read_intake(folder, Limits()) as intake:
        series = next(s for study in intake.studies for s in study.series)
        volumes = load_volumes(intake, series, Limits())
    one = load_one(volumes[0], SeriesKind(weighting=Weighting.T1, region=Region.KNEE), seek_brain=False)
    found = regional(one, one, itself(), Region.KNEE)
    assert found.parts == ()
    assert "too few slices: 2" in found.words[0]
