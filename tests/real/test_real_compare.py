"""COMPARE on a real pair: its alignment against the database's own, its list against the expert's mask."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from mriloop.edges.knowledge.models import load_change_score
from mriloop.imaging.resample import apply
from mriloop.model.coding import Plane, Region, Weighting
from mriloop.model.comparison import ChangeKind
from mriloop.model.quality import SeriesKind
from mriloop.model.study import Series, SeriesObject, Study
from mriloop.model.volume import Volume
from mriloop.stages.compare import Compared, compare

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("real pair")]
FLIP = np.diag([-1.0, -1.0, 1.0, 1.0])
KIND = SeriesKind(weighting=Weighting.FLAIR, plane=Plane.AXIAL, region=Region.BRAIN)


def _volume(path: Path, uid: str) -> Volume:
    nibabel = pytest.importorskip("nibabel")
    image = nibabel.load(path)
    return Volume(data=image.get_fdata(dtype=np.float32), affine=image.affine, series_instance_uid=uid)


def _to_raw(path: Path) -> np.ndarray:
    """Read an ITK affine (common space to raw, LPS) as a (4, 4) RAS+ map."""
    lines = dict(line.split(": ", 1) for line in path.read_text().splitlines() if ": " in line)
    values = np.array(lines["Parameters"].split(), float)
    centre = np.array(lines["FixedParameters"].split(), float)
    matrix = np.eye(4)
    matrix[:3, :3] = values[:9].reshape(3, 3)
    matrix[:3, 3] = values[9:] + centre - matrix[:3, :3] @ centre
    return FLIP @ matrix @ FLIP


@pytest.fixture(scope="module")
def folder(real_data: Path) -> Path:
    return real_data / "12_ms_longitudinal_p12" / "raw" / "patient12"


@pytest.fixture(scope="module")
def compared(folder: Path) -> Compared:
    volumes = {
        uid: _volume(folder / f"{name}_FLAIR.nii.gz", uid) for uid, name in (("b.f", "study2"), ("a.f", "study1"))
    }
    studies = [
        Study(
            study_instance_uid=n,
            patient=n,
            series=(
                Series(series_instance_uid=f"{n}.f", study_instance_uid=n, modality="MR", object=SeriesObject.IMAGE),
            ),
        )
        for n in "ba"
    ]
    return compare(
        studies[0],
        [studies[1]],
        kinds=dict.fromkeys(volumes, KIND),
        checks={},
        load=volumes.get,
        unnamed={"a", "b"},
        planted=0,
        change_score=load_change_score(),
    )


def test_the_alignment_agrees_with_that_of_the_database(compared: Compared, folder: Path):
    """The database's map is affine with up to 1 % of scale, so rigid estimates lie 0.3 mm from it (compare.md A2)."""
    (pair,) = compared.comparison.pairs
    assert pair.alignment.accepted
    first, second = (_to_raw(folder / f"study{n}_FLAIR_to_common_space.txt") for n in (1, 2))
    points = apply(second, np.random.default_rng(0).uniform(-55, 55, (500, 3)) + np.array([0.0, 0.0, 30.0]))
    theirs = apply(first @ np.linalg.inv(second), points)
    ours = apply(np.linalg.inv(np.array(pair.alignment.matrix)), points)
    assert np.linalg.norm(theirs - ours, axis=1).mean() < 0.6


def test_most_of_what_is_listed_is_on_the_expert_mask(compared: Compared, folder: Path):
    """Never tuned on this pair. The mask holds changes of both directions without a sign."""
    truth = _volume(folder / "gt.nii.gz", "gt")
    near = ndimage.binary_dilation(truth.data > 0, iterations=1)
    (image,) = compared.images
    hits = []
    for change in compared.comparison.changes:
        if change.kind is ChangeKind.STABLE:
            continue
        today = change.kind in (ChangeKind.NEW, ChangeKind.ENLARGING)
        labels = image.changes_today if today else image.changes_prior
        volume = image.today_volume if today else image.prior_volume
        assert labels is not None
        points = apply(volume.affine, np.argwhere(labels == change.id).astype(float))
        common = apply(np.linalg.inv(_to_raw(folder / f"study{2 if today else 1}_FLAIR_to_common_space.txt")), points)
        index = np.rint(apply(np.linalg.inv(truth.affine), common)).astype(int)
        hits.append(near[tuple(index.T)].mean() > 0.1)
    assert len(hits) >= 4
    assert np.mean(hits) >= 0.5


def test_no_identity_is_a_caution_and_no_limit_is_said(compared: Compared):
    comparison = compared.comparison
    assert any("not verified" in c for c in comparison.cautions)
    assert "none can be excluded" in comparison.statement
