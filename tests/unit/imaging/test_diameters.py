"""Diameters and volume against ellipsoids in closed form, the phantom's lesions, and every way of turning a grid."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mriloop.imaging.diameters import HALF, MASK, measure
from mriloop.imaging.phantom import (
    Faults,
    Lesion,
    LesionKind,
    Site,
    Visit,
    acquire,
    find_sites,
    flair_axial,
    head,
)
from mriloop.imaging.phantom.prescription import rotation
from mriloop.model.quantity import NotAssessable


def section(shape, centre, affine, slices):
    """Longest and perpendicular diameter, over the slices, of an ellipsoid {x: x' shape^-1 x <= 1}, in closed form."""
    inverse = np.linalg.inv(shape)
    plane = np.linalg.qr(affine[:3, :2])[0]
    best = (0.0, 0.0)
    for k in range(slices):
        away = (affine @ np.array([0, 0, k, 1.0]))[:3] - centre
        flat, slope = plane.T @ inverse @ plane, plane.T @ inverse @ away
        left = 1 - away @ inverse @ away + slope @ np.linalg.solve(flat, slope)
        if left > 0:
            small, large = np.linalg.eigvalsh(flat)
            best = max(best, (2 * np.sqrt(left / small), 2 * np.sqrt(left / large)))
    return best


def ellipsoid(radii, turned, spacing, tilt, shift, parts=4):
    """Shares of voxels filled by an ellipsoid near the middle of a grid, its affine, shape matrix and centre."""
    count = tuple(int(2 * max(radii) / side) + 8 for side in spacing)
    affine = np.eye(4)
    affine[:3, :3] = rotation(tilt) * np.array(spacing)
    affine[:3, 3] = (11.0, -7.0, 3.0)
    shape = rotation(turned) @ np.diag(np.square(radii)) @ rotation(turned).T
    index = (np.array(count) - 1) / 2 + np.array(shift)
    centre = affine[:3, :3] @ index + affine[:3, 3]
    inverse = np.linalg.inv(shape)
    grid = np.stack(np.meshgrid(*[np.arange(n) for n in count], indexing="ij"), -1)
    steps = (np.arange(parts) + 0.5) / parts - 0.5
    share = np.zeros(count)
    for offset in np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), -1).reshape(-1, 3):
        away = (grid + offset - index) @ affine[:3, :3].T
        share += np.einsum("...i,ij,...j", away, inverse, away) <= 1
    return share / parts**3, affine, shape, centre


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (0.7, 0.7, 3.0), (0.8, 1.0, 2.0)])
def test_ellipsoids_of_any_direction_in_oblique_slices(spacing):
    rng = np.random.default_rng(7)
    errors = []
    for _ in range(8):
        radii = rng.uniform(4.5, 11, 3)
        share, affine, shape, centre = ellipsoid(
            radii, rng.uniform(-90, 90, 3), spacing, rng.uniform(-30, 30, 3), rng.uniform(-0.5, 0.5, 3)
        )
        truth = section(shape, centre, affine, share.shape[2])
        seen = 100 + 60 * share + rng.normal(0, 3, share.shape)
        found = measure(share >= 0.5, affine, picture=seen)
        assert found.outline == HALF
        errors += [abs(found.longest_mm - truth[0]), abs(found.perpendicular_mm - truth[1])]
        assert found.volume_ml == pytest.approx(4 / 3 * np.pi * np.prod(radii) / 1000, rel=0.03)
        assert abs(found.longest_3d_mm - 2 * max(radii)) <= max(spacing) / 2
        alone = measure(share >= 0.5, affine)
        assert alone.outline == MASK
        assert abs(alone.longest_mm - truth[0]) <= 2 * alone.half_voxel_mm
        assert abs(alone.perpendicular_mm - truth[1]) <= 2 * alone.half_voxel_mm
    # A thick slice averages over a slanting wall, which no outline within the slice can undo: a tenth more is allowed.
    assert max(errors) <= max(spacing[:2]) / 2 * (1.1 if spacing[2] > spacing[0] else 1.0)
    assert np.mean(errors) <= max(spacing[:2]) / 4


def test_the_mask_alone_is_as_often_too_short_as_too_long():
    rng = np.random.default_rng(11)
    errors = []
    for _ in range(12):
        share, affine, shape, centre = ellipsoid(
            rng.uniform(4.5, 9, 3), rng.uniform(-90, 90, 3), (1.0, 1.0, 1.0), (0, 0, 0), rng.uniform(-0.5, 0.5, 3)
        )
        errors.append(measure(share > 0.5, affine).longest_mm - section(shape, centre, affine, share.shape[2])[0])
    assert abs(np.mean(errors)) < 0.15


def test_a_lesion_of_the_phantom_at_low_signal():
    site = find_sites(3, Site.DEEP, 1, np.random.default_rng(3), [])[0]
    radii, turned = (7.0, 5.0, 6.0), (20.0, 30.0, 40.0)
    lesion = Lesion(id=1, center_mm=site, radii_mm=radii, rotation_deg=turned, kind=LesionKind.MS)
    body = head(Visit(lesions=(lesion,)), seed=3)
    scan = acquire(body, flair_axial(), seed=1, faults=Faults(snr=22))
    shape = rotation(turned) @ np.diag(np.square(radii)) @ rotation(turned).T
    truth = section(shape, np.array(site), scan.affine, scan.data.shape[2])
    found = measure(scan.lesion_labels == 1, scan.affine, picture=scan.data)
    assert found.outline == HALF
    assert abs(found.longest_mm - truth[0]) <= found.half_voxel_mm
    assert abs(found.perpendicular_mm - truth[1]) <= found.half_voxel_mm
    assert found.volume_ml == pytest.approx(body.lesion_ml[0], rel=0.05)


blobs = st.lists(
    st.tuples(st.integers(3, 10), st.integers(3, 10), st.integers(1, 3), st.integers(1, 3)), min_size=1, max_size=4
)


def drawn(boxes):
    mask = np.zeros((16, 16, 5), dtype=bool)
    for i, j, k, side in boxes:
        mask[i : i + side, j : j + side + 1, k] = True
    return mask


def numbers(found):
    return (found.longest_mm, found.perpendicular_mm, found.longest_3d_mm, found.volume_ml, found.slices, found.pieces)


@given(blobs, st.integers(0, 3), st.booleans(), st.booleans())
@settings(max_examples=40, deadline=None)
def test_turning_or_mirroring_the_grid_changes_nothing(boxes, quarter, mirror, upside):
    mask = drawn(boxes)
    affine = np.diag([0.9, 0.9, 3.0, 1.0])
    turned = np.rot90(mask, quarter)
    turned = turned[::-1] if mirror else turned
    turned = turned[:, :, ::-1] if upside else turned
    assert numbers(measure(turned, affine)) == pytest.approx(numbers(measure(mask, affine)), abs=1e-6)


@given(blobs, st.permutations([0, 1, 2]))
@settings(max_examples=40, deadline=None)
def test_the_order_of_the_axes_changes_nothing(boxes, order):
    mask = np.pad(drawn(boxes), ((0, 0), (0, 0), (2, 2)))
    sides = np.array([0.8, 1.1, 2.5])
    moved = np.transpose(mask, order)
    found = measure(moved, np.diag([*sides[order], 1.0]), axis=order.index(2))
    assert numbers(found) == pytest.approx(numbers(measure(mask, np.diag([*sides, 1.0]))), abs=1e-6)


@given(blobs)
@settings(max_examples=40, deadline=None)
def test_no_line_across_is_longer_than_the_longest_and_none_in_space_shorter(boxes):
    found = measure(drawn(boxes), np.diag([0.9, 0.9, 3.0, 1.0]))
    assert found.perpendicular_mm <= found.longest_mm + 1e-9
    assert found.longest_3d_mm >= found.longest_mm - 1e-9
    ends = np.array(found.ends_ras_mm)
    assert np.linalg.norm(ends[0] - ends[1]) == pytest.approx(found.longest_mm)


def test_no_line_is_drawn_across_a_gap():
    mask = np.zeros((40, 20, 3), dtype=bool)
    mask[3:9, 8:12, 1] = mask[25:37, 8:12, 1] = True
    found = measure(mask, np.diag([1.0, 1.0, 4.0, 1.0]))
    assert (found.pieces, found.slice) == (2, 1)
    assert all(end[2] == 4.0 and 24 <= end[0] <= 37 and 7 <= end[1] <= 12 for end in found.ends_ras_mm)
    assert found.longest_mm == pytest.approx(np.hypot(12, 4), abs=1.0)
    assert found.volume_ml == pytest.approx((6 * 4 + 12 * 4) * 4 / 1000)


def test_a_dark_lesion_and_a_faint_one():
    share, affine, shape, centre = ellipsoid((6, 5, 7), (10, 20, 30), (0.8, 0.8, 3.0), (0, 0, 0), (0.1, 0.2, 0.3))
    truth = section(shape, centre, affine, share.shape[2])
    noise = np.random.default_rng(2).normal(0, 3, share.shape)
    dark = measure(share >= 0.5, affine, picture=200 - 80 * share + noise)
    assert dark.outline == HALF
    assert abs(dark.longest_mm - truth[0]) <= dark.half_voxel_mm
    faint = measure(share >= 0.5, affine, picture=200 + 6 * share + noise)
    assert faint.outline == MASK


def test_a_lesion_beside_something_as_bright_is_drawn_by_its_mask():
    share, affine, _, _ = ellipsoid((6, 6, 6), (0, 0, 0), (1.0, 1.0, 3.0), (0, 0, 0), (0.0, 0.0, 0.0))
    seen = 100 + 60 * share
    seen[: share.shape[0] // 2] = 160
    assert measure(share >= 0.5, affine, picture=seen).outline == MASK


def test_one_voxel_has_a_size():
    mask = np.zeros((7, 7, 3), dtype=bool)
    mask[3, 3, 1] = True
    found = measure(mask, np.diag([1.0, 1.0, 3.0, 1.0]))
    assert found.longest_mm == pytest.approx(1.0)
    assert found.slices == 1
    assert found.volume_ml == pytest.approx(0.003)


@pytest.mark.parametrize(
    ("mask", "affine", "said"),
    [
        (np.zeros((5, 5, 5)), np.eye(4), "empty"),
        (np.ones((5, 5, 5)), np.eye(4), "edge of the picture"),
        (np.ones((5, 5)), np.eye(4), "three dimensions"),
        (np.pad(np.ones((3, 3, 3)), 1), np.zeros((4, 4)), "spans no volume"),
    ],
)
def test_what_cannot_be_measured_says_why(mask, affine, said):
    found = measure(mask, affine)
    assert isinstance(found, NotAssessable)
    assert said in found.reason
