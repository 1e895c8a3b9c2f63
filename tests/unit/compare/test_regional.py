"""Regional alignment: how points are carried, what is refused in words, which limb is meant."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from mriloop.imaging.brainmask import BrainMask
from mriloop.imaging.resample import apply, inverse, rigid
from mriloop.model.coding import Region, Weighting
from mriloop.model.comparison import Alignment, LocalAlignment
from mriloop.model.quality import SeriesKind
from mriloop.model.volume import Volume
from mriloop.stages.compare.align import itself, load_one
from mriloop.stages.compare.divide import divide
from mriloop.stages.compare.regional import Regional, carry, carry_back, regional


def _rows(matrix: np.ndarray):
    return tuple(tuple(float(x) for x in row) for row in matrix)


def _alignment(matrix: np.ndarray, *, accepted: bool = True, uncertainty: float = 0.1) -> Alignment:
    return Alignment(
        method="test",
        matrix=_rows(matrix),
        uncertainty_mm=uncertainty,
        accepted=accepted,
        reason="" if accepted else "for the test",
    )


def _part(name: str, height: float, degrees: float, *, accepted: bool = True) -> LocalAlignment:
    turn = rigid((degrees, 0.0, 0.0), (0.0, 0.0, 0.0), np.array([0.0, 0.0, 10.0]))
    return LocalAlignment(
        part=name, centre_ras_mm=(0.0, 0.0, height), radius_mm=15.0, alignment=_alignment(turn, accepted=accepted)
    )


LOW, HIGH = _part("low", 0.0, 0.0), _part("high", 20.0, 8.0)
WHOLE = _alignment(np.eye(4), uncertainty=0.3)


def test_the_part_in_which_a_point_lies_carries_it():
    low = carry(WHOLE, (LOW, HIGH), (3.0, 1.0, -4.0))
    high = carry(WHOLE, (LOW, HIGH), (3.0, 1.0, 24.0))
    assert low is not None and high is not None
    assert (low.by, high.by) == ("low", "high")
    assert low.point_ras_mm == pytest.approx((3.0, 1.0, -4.0), abs=0.02)
    truth = apply(np.array(HIGH.alignment.matrix), np.array([[3.0, 1.0, 24.0]]))[0]
    assert high.point_ras_mm == pytest.approx(tuple(truth), abs=0.02)
    assert low.uncertainty_mm < 0.2


def test_the_way_across_a_border_has_no_step():
    heights = np.arange(-10.0, 30.0, 0.25)
    line = np.array([carry(WHOLE, (LOW, HIGH), (0.0, 12.0, h)).point_ras_mm for h in heights])
    assert np.linalg.norm(np.diff(line, axis=0), axis=1).max() < 0.4


def test_where_two_parts_disagree_the_uncertainty_says_so():
    border = carry(WHOLE, (LOW, HIGH), (0.0, 12.0, 10.0))
    inside = carry(WHOLE, (LOW, HIGH), (0.0, 12.0, 0.0))
    assert border is not None and inside is not None
    assert border.uncertainty_mm > 3 * inside.uncertainty_mm


@pytest.mark.parametrize("point", [(3.0, 2.0, -5.0), (0.0, 10.0, 10.0), (-4.0, 5.0, 26.0), (0.0, 80.0, 10.0)])
def test_there_and_back_is_the_same_point(point: tuple[float, float, float]):
    there = carry_back(WHOLE, (LOW, HIGH), point)
    assert there is not None
    back = carry(WHOLE, (LOW, HIGH), there.point_ras_mm)
    assert back is not None
    assert back.point_ras_mm == pytest.approx(point, abs=0.01)


def test_far_from_every_part_the_whole_takes_over():
    placed = carry(WHOLE, (LOW, HIGH), (0.0, 150.0, 10.0))
    assert placed is not None
    assert placed.by == "whole"
    assert placed.point_ras_mm == pytest.approx((0.0, 150.0, 10.0))
    assert placed.uncertainty_mm >= 0.3


def test_a_refused_part_sends_nothing_and_its_doubt_is_heard():
    refused = _part("high", 20.0, 8.0, accepted=False)
    placed = carry(WHOLE, (LOW, refused), (0.0, 12.0, 22.0))
    assert placed is not None
    assert placed.by != "high"
    assert placed.uncertainty_mm > 1.0
    away = _alignment(np.eye(4), accepted=False)
    assert carry(away, (refused,), (0.0, 0.0, 20.0)) is None
    assert carry_back(away, (refused,), (0.0, 0.0, 20.0)) is None


def _loaded(data: np.ndarray, affine: np.ndarray, region: Region, uid: str = "x"):
    volume = Volume(data=data.astype(np.float32), affine=affine, series_instance_uid=uid)
    return load_one(volume, SeriesKind(weighting=Weighting.T1, region=region), seek_brain=False)


def _blob(shape: tuple[int, int, int], seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    texture = ndimage.gaussian_filter(rng.normal(size=shape), 1.5)
    return 100.0 + 40.0 * texture / texture.std()


def test_too_few_slices_are_refused_in_words():
    slab = _loaded(_blob((40, 40, 2)), np.diag([2.0, 2.0, 5.0, 1.0]), Region.LUMBAR_SPINE)
    full = _loaded(_blob((40, 40, 30)), np.diag([2.0, 2.0, 2.0, 1.0]), Region.LUMBAR_SPINE)
    for today, prior, whose in ((slab, full, "today"), (full, slab, "prior")):
        found = regional(today, prior, itself(), Region.LUMBAR_SPINE)
        assert found.parts == ()
        assert "slices" in found.words[0] and "2" in found.words[0] and whose in found.words[0]


def test_an_unknown_region_keeps_the_whole_and_says_why():
    one = _loaded(_blob((30, 30, 30)), np.diag([2.0, 2.0, 2.0, 1.0]), Region.UNKNOWN)
    found = regional(one, one, itself(), Region.UNKNOWN)
    assert isinstance(found, Regional)
    assert found.parts == () and found.whole == itself()
    assert any("body region is not known" in w for w in found.words)


def test_noise_against_noise_is_refused_part_by_part():
    rng = np.random.default_rng(3)
    pair = [
        _loaded(rng.normal(100.0, 10.0, (40, 40, 36)), np.diag([2.0, 2.0, 2.0, 1.0]), Region.ABDOMEN) for _ in range(2)
    ]
    found = regional(*pair, itself(), Region.ABDOMEN)
    assert found.parts
    assert not any(p.alignment.accepted for p in found.parts)
    assert any("could not be aligned by themselves" in w for w in found.words)


def _legs(shift: float, seed: int = 2) -> tuple[np.ndarray, np.ndarray]:
    shape = (80, 34, 40)
    x, y, _ = np.indices(shape) * 3.0
    inside = np.zeros(shape, bool)
    for side in (-1.0, 1.0):
        inside |= np.hypot(x - 118.0 - shift - side * 50.0, y - 50.0) < 36.0
    affine = np.diag([3.0, 3.0, 3.0, 1.0])
    affine[:3, 3] = [-118.0, -50.0, -60.0]
    noise = np.random.default_rng(seed + 1).normal(size=(2, *shape))
    return np.hypot(np.where(inside, _blob(shape, seed).clip(20), 0.0) + noise[0], noise[1]), affine


def test_the_other_leg_is_masked_out_and_named():
    data, affine = _legs(46.0)
    division = divide(_loaded(data, affine, Region.KNEE), Region.KNEE)
    assert division.masked
    assert "left limb lies in the middle" in division.words[0]
    places = apply(
        division.picture.affine, np.argwhere(np.any([p.mask for p in division.pieces], axis=0)).astype(float)
    )
    assert abs(float(places[:, 0].mean()) + 4.0) < 8.0


def test_two_legs_side_by_side_each_get_their_own_pieces_and_no_joint_between_them():
    division = divide(_loaded(*_legs(0.0), Region.KNEE), Region.KNEE)
    sides = ["left" if p.name.startswith("left") else "right" for p in division.pieces]
    assert {"left", "right"} == set(sides)
    assert all(sides[j.first] == sides[j.second] for j in division.joints)
    assert any("each was aligned by itself" in w for w in division.words)


def test_blocks_that_moved_apart_are_found_each_by_itself():
    """Two halves of a body, one of which slid 5 mm over the other."""
    shape, affine = (44, 30, 26), np.diag([3.0, 3.0, 3.0, 1.0])
    data = _blob(shape, 6)
    slid = ndimage.shift(data, (0, 0, 5.0 / 3.0), order=3, mode="nearest")
    today = np.where(np.arange(shape[0])[:, None, None] < 22, data, slid)
    rng = np.random.default_rng(0)
    pair = [_loaded(d + rng.normal(scale=2.0, size=shape), affine, Region.ABDOMEN) for d in (today, data)]
    found = regional(*pair, itself(), Region.ABDOMEN)
    for x, rise in ((30.0, 0.0), (100.0, 5.0)):
        placed = found.point_today((x, 45.0, 36.0))
        assert placed is not None
        assert placed.point_ras_mm == pytest.approx((x, 45.0, 36.0 + rise), abs=0.35)
    assert found.deformation is None
    back = inverse(np.array(found.parts[0].alignment.matrix))
    assert np.allclose(back[:3, :3] @ back[:3, :3].T, np.eye(3), atol=1e-9)


def _head_and_neck() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A head with a jaw before a neck that holds a bright canal; return data, affine and the brain in it."""
    shape, step = (52, 64, 70), 3.0
    x, y, z = np.indices(shape) * step
    x, y, z = x - 78.0, y - 95.0, z - 60.0
    head = (x / 72.0) ** 2 + (y / 88.0) ** 2 + ((z - 70.0) / 75.0) ** 2 < 1.0
    neck = (np.hypot(x, y + 20.0) < 48.0) & (z < 20.0)
    jaw = ((x / 45.0) ** 2 + ((y - 50.0) / 38.0) ** 2 + ((z + 8.0) / 32.0) ** 2) < 1.0
    brain = (x / 58.0) ** 2 + (y / 74.0) ** 2 + ((z - 78.0) / 58.0) ** 2 < 1.0
    data = np.where(head | neck | jaw, _blob(shape, 9).clip(30), 0.0)
    data[(np.hypot(x, y + 20.0) < 8.0) & (z < 20.0)] = 260.0
    affine = np.diag([step, step, step, 1.0])
    affine[:3, 3] = [-78.0, -95.0, -60.0]
    noise = np.random.default_rng(1).normal(size=(2, *shape))
    return np.hypot(data + noise[0], noise[1]), affine, brain


def test_jaw_and_neck_are_parted_from_the_head():
    data, affine, brain = _head_and_neck()
    one = replace(_loaded(data, affine, Region.HEAD_NECK), brain=BrainMask(mask=brain, volume_ml=1000.0, trusted=True))
    division = divide(one, Region.HEAD_NECK)
    named = {p.name: p for p in division.pieces}
    assert {"head", "jaw and throat"} <= set(named)
    assert sum(name.startswith(("piece", "vertebra")) for name in named) >= 2
    places = {n: apply(division.picture.affine, np.argwhere(p.mask).astype(float)) for n, p in named.items()}
    assert places["head"][:, 2].min() >= 15.0
    assert places["jaw and throat"][:, 2].max() <= 25.0
    assert places["jaw and throat"][:, 1].mean() > 20.0
    neck = np.concatenate([v for n, v in places.items() if n.startswith(("piece", "vertebra"))])
    assert abs(neck[:, 1].mean() + 20.0) < 12.0
    total = sum(p.mask.astype(int) for p in division.pieces)
    assert total.max() == 1
    reached = {division.joints[0].first}
    for _ in division.joints:
        reached |= {n for j in division.joints if {j.first, j.second} & reached for n in (j.first, j.second)}
    assert reached == set(range(len(division.pieces)))


def test_head_and_neck_without_a_brain_are_blocks_and_say_so():
    data, affine, _ = _head_and_neck()
    division = divide(_loaded(data, affine, Region.HEAD_NECK), Region.HEAD_NECK)
    assert all(p.name.startswith("block") for p in division.pieces)
    assert any("no brain was recognised" in w for w in division.words)


def test_an_organ_that_swells_does_not_get_a_small_uncertainty():
    """What is not rigid inside shows: halves of the piece move apart."""
    shape, affine = (40, 40, 30), np.diag([3.0, 3.0, 3.0, 1.0])
    data = _blob(shape, 12)
    points = apply(affine, np.argwhere(np.ones(shape, bool)).astype(float))
    away = (points - np.array([60.0, 60.0, 45.0])) / 30.0
    pull = points + 14.0 * np.exp(-(away**2).sum(axis=1))[:, None] * away
    seen = ndimage.map_coordinates(data, (pull / 3.0).T, order=3, mode="nearest").reshape(shape)
    rng = np.random.default_rng(0)
    pair = [_loaded(d + rng.normal(scale=2.0, size=shape), affine, Region.PROSTATE) for d in (seen, data)]
    found = regional(*pair, itself(), Region.PROSTATE)
    assert not found.parts[0].alignment.accepted
    assert found.parts[0].alignment.uncertainty_mm > 1.0
