"""Enhancing lesions planted in a made-up brain: found near outlines, never listed elsewhere or through a refusal."""

from __future__ import annotations

import numpy as np
import pytest

from mriloop.imaging.brainmask import BrainMask
from mriloop.imaging.resample import Grid, rigid, sample
from mriloop.imaging.voxels import ndimage
from mriloop.model.coding import Region, Weighting
from mriloop.model.comparison import Alignment
from mriloop.model.outline import Outline
from mriloop.model.quality import SeriesKind
from mriloop.model.volume import Volume
from mriloop.stages.compare.align import Loaded
from mriloop.stages.compare.enhancing import enhancing

GRID = Grid(shape=(80, 96, 60), affine=np.diag([1.6, 1.6, 2.0, 1.0]))
T1 = SeriesKind(weighting=Weighting.T1, region=Region.BRAIN)
SPOTS = {"six": ((50.0, 60.0, 60.0), 3.0, 0.4), "eight": ((80.0, 95.0, 70.0), 4.0, 0.3)}
SILENT = (62.0, 110.0, 50.0)  # a FLAIR lesion that takes up nothing
VESSEL = ((64.0, 76.0), 1.6, 0.8)  # in x, z: runs along y
DURA = 2.5
MOVE = rigid((2.0, -3.0, 4.0), (1.5, -2.0, 1.0), GRID.centre_ras_mm)


def place(grid):
    index = np.stack(np.indices(grid.shape), axis=-1).astype(float)
    return index @ grid.affine[:3, :3].T + grid.affine[:3, 3]


def near(points, centre, radius):
    return np.linalg.norm(points - np.array(centre), axis=-1) <= radius


@pytest.fixture(scope="module")
def scene():
    """Before and after (moved, shaded, another scale, noise), the outlines, and the brain on both."""
    rng = np.random.default_rng(1)
    points = place(GRID)
    middle = GRID.centre_ras_mm
    shell = np.sqrt((((points - middle) / np.array([52.0, 66.0, 50.0])) ** 2).sum(axis=-1))
    brain = shell < 1.0
    texture = ndimage.gaussian_filter(rng.normal(size=GRID.shape), 2.0)
    tissue = 1.0 + 0.12 * np.sign(texture) * np.minimum(np.abs(texture) * 8.0, 1.0)
    fluid = near(points, middle + np.array([0.0, 0.0, 6.0]), 12.0)
    before = np.where(fluid, 0.25, tissue) * brain
    gain = np.zeros(GRID.shape)
    for centre, radius, rise in SPOTS.values():
        gain[near(points, centre, radius)] = rise
    tube = (np.hypot(points[..., 0] - VESSEL[0][0], points[..., 2] - VESSEL[0][1]) < VESSEL[1]) & (shell < 0.75)
    gain[tube & ~fluid] = VESSEL[2]
    gain[brain & (shell > 1.0 - DURA / 52.0)] = 0.8
    after = before * (1.0 + gain)
    noise = lambda shape: rng.normal(scale=0.015, size=shape)  # noqa: E731
    first = (300.0 * np.hypot(before + noise(GRID.shape), noise(GRID.shape))).astype(np.float32)
    moved = sample(after.astype(np.float32), GRID.affine, GRID, MOVE)
    ramp = np.exp(0.2 * np.linspace(-1, 1, GRID.shape[0]))[:, None, None]
    second = (480.0 * np.hypot(moved * ramp + noise(GRID.shape), noise(GRID.shape))).astype(np.float32)
    brain_after = sample(brain.astype(np.float32), GRID.affine, GRID, MOVE, order=1) > 0.5
    flair = near(points, SILENT, 4.0)
    for centre, radius, _ in SPOTS.values():
        flair |= near(points, centre, radius + 1.5)
    return (
        loaded(first, brain, "before"),
        loaded(second, brain_after, "after"),
        Outline(data=flair, affine=GRID.affine, label="lesions", series_instance_uid="before"),
        alignment(),
    )


def loaded(data, brain, uid, *, trusted=True):
    mask = BrainMask(mask=brain, volume_ml=700.0, trusted=trusted)
    return Loaded(kind=T1, volume=Volume(data=data, affine=GRID.affine, series_instance_uid=uid), brain=mask)


def alignment(*, accepted=True, reason="", matrix=MOVE):
    rows = tuple(tuple(float(v) for v in row) for row in matrix)
    return Alignment(method="known", matrix=rows, uncertainty_mm=0.1, accepted=accepted, reason=reason)


def test_planted_lesions_are_listed_and_nothing_else(scene):
    pre, post, lesions, to_post = scene
    found = enhancing(pre, post, to_post, lesions=lesions, lesions_alignment=to_post)
    assert len(found.lesions) == len(SPOTS)
    for centre, radius, rise in SPOTS.values():
        there = (MOVE @ np.append(centre, 1.0))[:3]
        (one,) = [x for x in found.lesions if np.linalg.norm(np.array(x.position_ras_mm) - there) < 2.0]
        assert one.percent == pytest.approx(100 * rise, rel=0.35)  # blur takes from the rim
        assert 0.4 < one.volume_ml * 1000.0 / (4.19 * radius**3) < 2.0
        assert found.labels is not None
        index = tuple(np.rint(np.linalg.inv(GRID.affine) @ np.append(there, 1.0)).astype(int)[:3])
        assert found.labels[index] == one.id
    assert found.statement.startswith("2 enhancing lesions")
    assert sum(count for _, count in found.elsewhere) >= 1  # dura and vessel are seen, and not listed


def test_without_outlines_there_is_a_map_and_no_list(scene):
    pre, post, _, to_post = scene
    found = enhancing(pre, post, to_post)
    assert found.lesions == ()
    assert found.statement.startswith("cannot list")
    assert found.relative is not None
    there = (MOVE @ np.append(SPOTS["eight"][0], 1.0))[:3]
    index = tuple(np.rint(np.linalg.inv(GRID.affine) @ np.append(there, 1.0)).astype(int)[:3])
    assert found.relative[index] == pytest.approx(30.0, abs=8.0)
    assert abs(float(np.nanmedian(found.relative))) < 2.0


def test_a_refused_alignment_shows_nothing(scene):
    pre, post, lesions, to_post = scene
    refused = alignment(accepted=False, reason="estimates differ by 3 mm")
    found = enhancing(pre, post, refused, lesions=lesions, lesions_alignment=to_post)
    assert found.relative is None
    assert found.statement.startswith("cannot tell")
    assert "3 mm" in found.statement
    carried = enhancing(pre, post, to_post, lesions=lesions, lesions_alignment=refused)
    assert carried.lesions == ()
    assert carried.relative is not None
    assert carried.statement.startswith("cannot list")


def test_no_uptake_is_said_with_its_limit_and_silent_lesions_stay_off_the_list(scene):
    pre, _, lesions, _ = scene
    rng = np.random.default_rng(5)
    again = np.hypot(pre.volume.data + rng.normal(scale=4.5, size=GRID.shape), rng.normal(scale=4.5, size=GRID.shape))
    assert pre.brain is not None
    post = loaded(again.astype(np.float32), pre.brain.mask, "after")
    found = enhancing(pre, post, alignment(matrix=np.eye(4)), lesions=lesions)
    assert found.lesions == ()
    assert found.statement.startswith("no enhancing lesion found")
    assert "would not have been listed" in found.statement
    far = Outline(data=np.roll(lesions.data, 20, axis=0) & False, affine=GRID.affine, label="none")
    assert enhancing(pre, post, alignment(matrix=np.eye(4)), lesions=far).statement.startswith("cannot list")
