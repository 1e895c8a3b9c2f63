"""The acquisition against what k-space theory says must come out: shifts, folds, ghosts, noise, coils and truth."""

from __future__ import annotations

from dataclasses import replace
from math import gamma

import numpy as np
import pytest

from mriloop.imaging.phantom import (
    Axis,
    Faults,
    Lesion,
    Motion,
    Order,
    Prescription,
    Visit,
    acquire,
    adc_map,
    bold_epi,
    dixon_axial,
    drift,
    dwi_axial,
    line_times,
    step,
    t1_3d,
    t2_axial,
    water_fat,
)
from mriloop.imaging.phantom.acquire import coil_profiles
from mriloop.imaging.phantom.anatomy import furnish
from mriloop.imaging.phantom.signal import tissue_signal
from mriloop.imaging.phantom.tissues import TISSUES, Tissue
from mriloop.model.coding import Plane, Region

from .conftest import ball_map

SILENT = Faults(snr=None)


def small(**changes) -> Prescription:
    """A T2 turbo spin echo of the ball: 64 × 64 × 6, one coil."""
    base = replace(t2_axial(), matrix=(64, 64, 6), spacing=(1.8, 1.8, 6.0), thickness=4.0, center=(0, 0, 0), coils=1)
    return replace(base, **changes)


def test_pure_tissue_has_the_signal_of_the_equation(ball):
    p = small()
    image = acquire(ball, p, faults=SILENT)
    x, y, z = np.moveaxis(np.argwhere(image.tissue_labels == Tissue.WHITE_MATTER), 1, 0)
    middle = image.data[x, y, z][np.abs(z - 2.5) < 1]
    expected = abs(tissue_signal(Tissue.WHITE_MATTER, p, te=p.te[0], b_value=0, gadolinium=False))
    assert np.median(middle) == pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize("plane", [Plane.AXIAL, Plane.CORONAL, Plane.SAGITTAL])
@pytest.mark.parametrize("tilt", [(0.0, 0.0, 0.0), (12.0, -7.0, 20.0)])
def test_the_affine_puts_the_ball_where_it_lies(ball, plane, tilt):
    image = acquire(ball, small(plane=plane, tilt_deg=tilt, matrix=(64, 64, 14)), faults=SILENT)
    weight = image.data * (image.data > 0.3 * np.median(image.data[image.tissue_labels == Tissue.WHITE_MATTER]))
    weight = np.minimum(weight, np.median(weight[weight > 0]))  # fluid must not pull the centre
    index = np.stack(np.meshgrid(*[np.arange(n) for n in weight.shape], indexing="ij"), axis=-1)
    middle = (weight[..., None] * index).sum(axis=(0, 1, 2)) / weight.sum()
    place = image.affine @ np.array([*middle, 1.0])
    assert place[:3] == pytest.approx([6, -4, 0], abs=0.6)


@pytest.mark.parametrize("axis", [Axis.ROW, Axis.COLUMN])
def test_in_plane_moves_shift_the_image_by_the_fourier_theorem(ball, axis):
    p = small(order=Order.LINEAR, train=1, phase_axis=axis)
    still = acquire(ball, p, faults=SILENT)
    # Only the outermost line is taken before the step, so the image is the shifted one: i runs to the left, j back.
    moved = acquire(ball, p, motion=step(1e-4, (-3.6, -5.4, 0.0)), faults=SILENT)
    expected = np.roll(still.data, (2, 3), axis=(0, 1))
    assert np.abs(moved.data - expected).max() < 0.03 * still.data.max()


def test_a_lasting_pose_equals_a_visit_in_that_pose(ball):
    pose = {"translation_mm": (3.0, -2.0, 4.0), "rotation_deg": (4.0, -3.0, 8.0)}
    constant = Motion(
        times=(0.0, 1.0),
        translations_mm=(pose["translation_mm"],) * 2,
        rotations_deg=(pose["rotation_deg"],) * 2,
        pivot_mm=(0.0, -15.0, 0.0),
    )
    moved = acquire(ball, small(), motion=constant, faults=SILENT)
    visit = furnish(ball_map(), Visit(**pose), region=Region.FOOT, reference=Tissue.WHITE_MATTER)
    lying = acquire(visit, small(), faults=SILENT)
    assert np.abs(moved.data - lying.data).max() < 1e-4 * lying.data.max()
    assert moved.true_motion_mm == pytest.approx(0, abs=1e-9)


def test_true_motion_is_the_share_of_lines_times_the_step(ball):
    p = small(order=Order.LINEAR, train=1)
    early = acquire(ball, p, motion=step(0.25, (0.0, 0.0, 4.0)), faults=SILENT)
    assert early.true_motion_mm == pytest.approx(0.25 * 4.0, abs=0.08)


def test_motion_during_the_scan_smears_along_the_phase_axis(ball):
    for axis in (Axis.ROW, Axis.COLUMN):
        p = small(phase_axis=axis, train=8)
        image = acquire(ball, p, motion=step(0.5, (3.0, 3.0, 0.0)), faults=SILENT).data[:, :, 2]
        edge = 6
        beside_rows = image[:edge].mean() + image[-edge:].mean()
        beside_columns = image[:, :edge].mean() + image[:, -edge:].mean()
        along, across = (beside_rows, beside_columns) if axis is Axis.ROW else (beside_columns, beside_rows)
        assert along > 4 * across


def test_background_noise_of_one_coil_is_rayleigh(ball):
    image = acquire(ball, small(), faults=Faults(snr=20.0), seed=3)
    air = np.r_[image.data[:10].ravel(), image.data[-10:].ravel()]
    assert air.mean() == pytest.approx(image.noise_sigma * np.sqrt(np.pi / 2), rel=0.02)


def test_background_noise_of_four_coils_is_chi(ball):
    image = acquire(ball, small(coils=4, normalized=False), faults=Faults(snr=20.0), seed=3)
    air = np.r_[image.data[:10].ravel(), image.data[-10:].ravel()]
    expected = image.noise_sigma * np.sqrt(2) * gamma(4.5) / gamma(4)
    assert air.mean() == pytest.approx(expected, rel=0.02)


def test_adaptive_combination_leaves_rayleigh_noise(ball):
    image = acquire(ball, small(coils=4, combine="adaptive", normalized=False), faults=Faults(snr=20.0), seed=3)
    air = np.r_[image.data[:10].ravel(), image.data[-10:].ravel()]
    assert air.mean() == pytest.approx(image.noise_sigma * np.sqrt(np.pi / 2), rel=0.02)


def test_a_dead_element_takes_its_share_of_the_signal(ball):
    p = small(coils=4)
    whole, broken = acquire(ball, p, faults=SILENT), acquire(ball, p, faults=Faults(snr=None, dead_coil=1))
    profiles = [i[:, None, None] * j[None, :, None] * k for i, j, k in coil_profiles(p)]
    power = [np.abs(profile) ** 2 for profile in profiles]
    expected = np.sqrt(1 - power[1] / sum(power))
    inside = whole.tissue_labels == Tissue.WHITE_MATTER
    ratio = broken.data[inside] / whole.data[inside]
    assert np.median(np.abs(ratio - expected[inside])) < 0.01
    assert ratio.max() - ratio.min() > 0.15


@pytest.mark.parametrize("axis", [Axis.ROW, Axis.COLUMN])
def test_a_small_field_of_view_folds_the_image(ball, axis):
    p = small(phase_axis=axis)
    whole = acquire(ball, p, faults=SILENT).data
    folded = acquire(ball, p, faults=Faults(snr=None, wrap=0.5))
    kept, at = 32, p.phase_index
    expected = np.zeros_like(folded.data)
    for index in range(64):
        line = np.take(whole, index, axis=at)
        target = (index - (64 - kept) // 2) % kept
        if at == 0:
            expected[target] += line
        else:
            expected[:, target] += line
    assert folded.data.shape[at] == kept
    assert np.median(np.abs(folded.data - expected)) < 0.01 * whole.max()
    assert np.corrcoef(folded.data.ravel(), expected.ravel())[0, 1] > 0.995


def test_the_nyquist_ghost_lies_half_a_field_away_with_its_amplitude(ball):
    p = small(phase_axis=Axis.COLUMN)
    clean, ghosted = acquire(ball, p, faults=SILENT).data, acquire(ball, p, faults=Faults(snr=None, ghost=0.1)).data
    ghost = np.roll(clean, 32, axis=1)
    outside = (clean < 0.01 * clean.max()) & (ghost > 0.3 * clean.max())
    assert outside.any()
    assert np.median(ghosted[outside] / ghost[outside]) == pytest.approx(0.1, abs=0.005)


def test_a_spike_lays_stripes_over_one_slice_only(ball):
    clean = acquire(ball, small(), faults=SILENT).data
    spiked = acquire(ball, small(), faults=Faults(snr=None, spike=1.0)).data
    change = np.abs(spiked - clean).reshape(-1, 6).max(axis=0)
    # A spike as strong as the centre of k-space is a wave as high as the mean of the image.
    assert change[3] == pytest.approx(clean.reshape(-1, 6).mean(axis=0).max(), rel=0.03)
    assert np.delete(change, 3).max() == 0


def test_a_zipper_is_a_line_along_the_phase_axis(ball):
    p = small(phase_axis=Axis.COLUMN)
    change = acquire(ball, p, faults=Faults(snr=None, zipper=3.0)).data - acquire(ball, p, faults=SILENT).data
    by_column = np.abs(change[:, :, 2]).mean(axis=1)
    assert by_column.max() > 5 * np.median(by_column)


def test_a_stopped_scan_lacks_its_last_slices_and_says_so(ball):
    image = acquire(ball, small(matrix=(64, 64, 10)), faults=Faults(snr=30.0, stop_at=0.6))
    assert image.present.tolist() == [True] * 6 + [False] * 4
    assert not image.data[..., 6:].any()
    assert image.data[..., :6].any()


def test_a_stopped_three_dimensional_scan_loses_resolution_along_its_lines(ball):
    p = replace(t1_3d(), matrix=(96, 96, 20), spacing=(1.2, 1.2, 1.2), center=(0, 0, 0), coils=1)
    whole, stopped = acquire(ball, p, faults=SILENT), acquire(ball, p, faults=Faults(snr=None, stop_at=0.55))
    assert stopped.present.all()
    spectrum = np.abs(np.fft.fftshift(np.fft.fft2(stopped.data[:, :, 10] + 0j)))
    assert spectrum[60:].sum() + spectrum[:36].sum() < np.abs(np.fft.fft2(whole.data[:, :, 10])).sum()
    assert np.abs(stopped.data - whole.data).max() > 0.05 * whole.data.max()


def test_missing_slices_are_empty(ball):
    image = acquire(ball, small(), faults=Faults(snr=30.0, missing_slices=(1, 4)))
    assert np.flatnonzero(~image.present).tolist() == [1, 4]
    assert not image.data[..., [1, 4]].any()


def test_a_time_series_that_was_stopped_ends(ball):
    p = replace(bold_epi(volumes=4), matrix=(32, 32, 6), center=(0, 0, 0))
    image = acquire(ball, p, faults=Faults(snr=50.0, stop_at=0.625))
    assert image.present.sum(axis=0).tolist() == [6, 6, 3, 0]


def test_the_adc_of_pure_tissue_comes_back_within_one_percent(ball):
    p = replace(dwi_axial(b_values=(0.0, 500.0, 1000.0)), matrix=(64, 64, 5), center=(0, 0, 0))
    image = acquire(ball, p, faults=Faults(snr=2000.0))
    inside = np.zeros(image.data.shape[:3], dtype=bool)
    inside[22:28, 30:38, 2] = True
    assert (image.tissue_labels[inside] == Tissue.WHITE_MATTER).all()
    expected = 1000 * TISSUES[Tissue.WHITE_MATTER].adc
    assert adc_map(image)[inside].mean() == pytest.approx(expected, rel=0.01)


def test_dixon_separates_water_from_fat(ball):
    image = acquire(ball, replace(dixon_axial(), matrix=(64, 64, 5), center=(0, 0, 0), coils=1), faults=SILENT)
    water, fat = water_fat(image)
    inside = image.tissue_labels == Tissue.WHITE_MATTER
    assert np.median(fat[inside]) < 0.05 * np.median(water[inside])


def test_framewise_displacement_is_the_difference_of_poses(ball):
    p = replace(bold_epi(volumes=5), matrix=(32, 32, 8), center=(0, 0, 0))
    image = acquire(ball, p, motion=drift((0.0, 0.0, 5.0)), faults=SILENT)
    assert image.framewise_mm == pytest.approx([0, 1, 1, 1, 1])
    assert image.poses[:, 2, 3] - image.poses[0, 2, 3] == pytest.approx([0, 1, 2, 3, 4])
    # Eight interleaved slices at 0, 1/8 … 7/8 mm of each volume's millimetre; the middle slice is third in line.
    moments = np.arange(5)[:, None] + np.arange(8) / 8
    assert image.true_motion_mm == pytest.approx(np.abs(moments - 2 / 8).mean())


def test_the_head_really_moves_between_volumes(ball):
    p = replace(bold_epi(volumes=2), matrix=(40, 40, 26), spacing=(3.4, 3.4, 3.4), center=(0, 0, 0))
    image = acquire(ball, p, motion=step(0.5, (4.0, -3.0, 2.5)), faults=SILENT)
    index = np.stack(np.meshgrid(*[np.arange(n) for n in image.data.shape[:3]], indexing="ij"), axis=-1)
    places = []
    for t in range(2):
        volume = image.data[..., t]
        middle = (volume[..., None] * index).sum(axis=(0, 1, 2)) / volume.sum()
        places.append((image.affine @ np.array([*middle, 1.0]))[:3])
    assert places[1] - places[0] == pytest.approx([4.0, -3.0, 2.5], abs=0.15)


def test_same_arguments_same_bits_other_seed_other_noise(ball):
    first, again = (acquire(ball, small(), seed=5) for _ in range(2))
    other = acquire(ball, small(), seed=6)
    assert (first.data == again.data).all()
    assert (first.data != other.data).any()


def test_lines_are_taken_in_the_prescribed_order():
    p = replace(t2_axial(), matrix=(32, 32, 2))
    linear = line_times(replace(p, order=Order.LINEAR, train=4))[0]
    centric = line_times(replace(p, order=Order.CENTRIC, train=1))[0]
    interleaved = line_times(replace(p, order=Order.INTERLEAVED, train=8))[0]
    assert (np.diff(linear) >= 0).all()
    assert np.unique(linear).size == 8
    assert centric.argmin() == 16
    assert (np.diff(centric[16:]) > 0).all()
    assert (interleaved[:4] == interleaved[4:8]).all()
    assert np.unique(interleaved).size == 4


def test_packages_take_turns():
    times = line_times(replace(t2_axial(), matrix=(32, 32, 6), packages=2))
    assert (times[::2] < 0.5).all()
    assert (times[1::2] >= 0.5).all()


def test_lesion_volume_is_that_of_the_ellipsoid():
    lesion = Lesion(id=3, center_mm=(14.3, -2.2, 1.4), radii_mm=(5.0, 3.0, 4.0), rotation_deg=(20.0, 0.0, 35.0))
    body = furnish(ball_map(), Visit(lesions=(lesion,)), region=Region.FOOT, reference=Tissue.WHITE_MATTER)
    assert body.lesion_ml[0] == pytest.approx(lesion.ellipsoid_ml, rel=0.01)


def test_a_lesion_leaves_fluid_alone():
    lesion = Lesion(id=1, center_mm=(-6.0, -4.0, 0.0), radii_mm=(5.0, 5.0, 5.0))
    body = furnish(ball_map(), Visit(lesions=(lesion,)), region=Region.FOOT, reference=Tissue.WHITE_MATTER)
    assert body.lesion_ml[0] == pytest.approx(0, abs=1e-6)


def test_lesion_labels_lie_at_the_lesion_with_its_volume():
    lesion = Lesion(id=7, center_mm=(14.0, 4.0, 2.0), radii_mm=(6.0, 5.0, 5.0))
    visit = Visit(lesions=(lesion,), translation_mm=(3.0, -4.0, 2.0), rotation_deg=(5.0, -4.0, 10.0))
    body = furnish(ball_map(), visit, region=Region.FOOT, reference=Tissue.WHITE_MATTER)
    p = small(matrix=(110, 110, 40), spacing=(1.0, 1.0, 1.0), thickness=1.0)
    image = acquire(body, p, faults=SILENT)
    index = np.argwhere(image.lesion_labels == 7)
    place = image.affine @ np.array([*index.mean(axis=0), 1.0])
    assert place[:3] == pytest.approx(body.position_mm(lesion), abs=0.35)
    assert len(index) / 1000 == pytest.approx(lesion.ellipsoid_ml, rel=0.04)
    assert image.data[image.lesion_labels == 7].mean() > 1.5 * np.median(
        image.data[(image.tissue_labels == Tissue.WHITE_MATTER) & (image.lesion_labels == 0)]
    )


def test_a_tiny_lesion_in_a_thick_slice_still_has_a_label():
    lesion = Lesion(id=2, center_mm=(16.0, 4.0, 1.0), radii_mm=(1.4, 1.4, 1.4))
    body = furnish(ball_map(), Visit(lesions=(lesion,)), region=Region.FOOT, reference=Tissue.WHITE_MATTER)
    assert (acquire(body, small(), faults=SILENT).lesion_labels == 2).any()
