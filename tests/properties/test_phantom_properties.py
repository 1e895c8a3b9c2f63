"""What must hold of the phantom for every pose, prescription and noise level."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mriloop.imaging.phantom import Faults, Motion, Order, Visit, acquire, line_times, rigid, t2_axial
from mriloop.imaging.phantom.anatomy import furnish
from mriloop.imaging.phantom.head import Map
from mriloop.imaging.phantom.motion import displacement_mm
from mriloop.imaging.phantom.tissues import Tissue
from mriloop.model.coding import Plane, Region

shifts = st.tuples(*[st.floats(-20, 20)] * 3)
angles = st.tuples(*[st.floats(-40, 40)] * 3)
planes = st.sampled_from([Plane.AXIAL, Plane.CORONAL, Plane.SAGITTAL])


@given(shifts, angles, shifts)
def test_every_pose_is_rigid_and_keeps_its_pivot_but_for_the_shift(shift, angle, pivot):
    pose = rigid(shift, angle, pivot)
    assert np.allclose(pose[:3, :3] @ pose[:3, :3].T, np.eye(3), atol=1e-12)
    assert np.isclose(np.linalg.det(pose[:3, :3]), 1)
    assert np.allclose(pose[:3] @ np.array([*pivot, 1.0]), np.array(pivot) + shift, atol=1e-9)


@given(shifts, angles, st.floats(0, 1))
def test_motion_between_two_equal_poses_is_no_motion(shift, angle, time):
    motion = Motion(times=(0.0, 1.0), translations_mm=(shift, shift), rotations_deg=(angle, angle))
    points = np.array([[0.0, 0, 0], [50, -20, 30]])
    assert displacement_mm(motion.pose(time), motion.pose(0.0), points) < 1e-9


@given(planes, angles, shifts, st.tuples(*[st.integers(2, 40)] * 3))
def test_the_grid_of_every_prescription_is_right_handed_and_centred(plane, tilt, center, matrix):
    p = replace(t2_axial(), plane=plane, tilt_deg=tilt, center=center, matrix=matrix)
    assert np.linalg.det(p.affine[:3, :3]) > 0
    middle = p.affine @ np.array([*((np.array(matrix) - 1) / 2), 1.0])
    assert np.allclose(middle[:3], center, atol=1e-9)
    assert np.allclose(np.linalg.norm(p.affine[:3, :3], axis=0), p.spacing)


@given(st.integers(4, 96), st.integers(1, 12), st.integers(1, 32), st.integers(1, 3), st.sampled_from(list(Order)))
def test_every_line_has_a_moment_and_none_is_later_than_the_end(lines, slices, train, packages, order):
    p = replace(t2_axial(), matrix=(lines, 16, slices), train=train, packages=packages, order=order)
    times = line_times(p)
    assert times.shape == (slices, lines)
    assert ((times >= 0) & (times < 1)).all()
    if order is not Order.SINGLE_SHOT:
        counts = np.unique(times[0], return_counts=True)[1]
        assert counts.max() <= max(train, 1)


def _slab() -> Map:
    under = np.zeros((40, 40, 8), dtype=np.uint8)
    under[12:28, 12:28] = Tissue.WHITE_MATTER
    return Map(
        under=under,
        over=under.copy(),
        share=np.ones(under.shape, dtype=np.float32),
        texture=np.ones(under.shape, dtype=np.float32),
        origin=(-20.0, -20.0, -4.0),
        pitch=1.0,
    )


SLAB = furnish(_slab(), Visit(), region=Region.FOOT, reference=Tissue.WHITE_MATTER)


@settings(max_examples=20, deadline=None)
@given(st.floats(3, 200), st.floats(1.3, 4), st.integers(0, 10_000))
def test_less_signal_to_noise_never_lowers_the_background(snr, worse, seed):
    p = replace(t2_axial(), matrix=(32, 32, 2), spacing=(1.6, 1.6, 4.0), center=(0, 0, 0), coils=2)
    images = [acquire(SLAB, p, faults=Faults(snr=value), seed=seed) for value in (snr, snr / worse)]
    quiet, loud = (image.data[:8].mean() for image in images)
    assert loud > quiet


@settings(max_examples=12, deadline=None)
@given(st.floats(0.5, 6.0), st.floats(1.2, 2.5), st.sampled_from([0, 1, 2]))
def test_a_larger_movement_is_a_larger_truth(size, larger, axis):
    p = replace(t2_axial(), matrix=(32, 32, 2), spacing=(1.6, 1.6, 4.0), center=(0, 0, 0), coils=1, train=4)
    truths = []
    for length in (size, size * larger):
        shift = tuple(length if n == axis else 0.0 for n in range(3))
        motion = Motion(times=(0.0, 1.0), translations_mm=((0, 0, 0), shift), rotations_deg=((0, 0, 0),) * 2)
        truths.append(acquire(SLAB, p, motion=motion, faults=Faults(snr=None)).true_motion_mm)
    assert truths[1] > truths[0] > 0
