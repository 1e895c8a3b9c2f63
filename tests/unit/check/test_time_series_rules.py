"""Time and diffusion series from volumes to defects: each fault is named, a still good run has none."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from mriloop.model.coding import Region, Weighting
from mriloop.model.quality import SeriesKind, Severity
from mriloop.model.quantity import NotAssessable, Quantity
from mriloop.model.study import Series, SeriesObject
from mriloop.model.volume import Volume
from mriloop.stages.check.measures.diffusion import DIFFUSION
from mriloop.stages.check.measures.times import TIMES
from mriloop.stages.check.motion import NAMES, motion_of
from mriloop.stages.check.rules import motion_defects, time_defects

SHAPE, SPACING = (40, 40, 16), 4.0
AFFINE = np.diag([SPACING, SPACING, SPACING, 1.0])
BOLD = SeriesKind(weighting=Weighting.BOLD, region=Region.BRAIN)
DWI = SeriesKind(weighting=Weighting.DWI, region=Region.BRAIN)
SERIES = Series(series_instance_uid="1", study_instance_uid="s", modality="MR", object=SeriesObject.IMAGE)


def body():
    x, y, z = np.meshgrid(*(np.linspace(-1, 1, n) for n in SHAPE), indexing="ij")
    texture = ndimage.gaussian_filter(np.random.default_rng(3).normal(size=SHAPE), 1.5)
    inside = (x / 0.6) ** 2 + (y / 0.7) ** 2 + (z / 1.5) ** 2 < 1
    return np.where(inside, 1000 * (1 + 0.25 * texture / texture.std()), 0.0)


BODY = body()


def bold(count=12, sigma=15.0):
    rng = np.random.default_rng(count)
    noise = rng.normal(0, sigma, (2, *SHAPE, count))
    return np.hypot(BODY[..., None] + noise[0], noise[1]).astype(np.float32)


def half_sphere(count):
    n = np.arange(count) + 0.5
    z, turn = n / count, np.pi * (1 + 5**0.5) * n
    g = np.column_stack([np.sqrt(1 - z**2) * np.cos(turn), np.sqrt(1 - z**2) * np.sin(turn), z])
    return g[np.random.default_rng(0).permutation(count)]


def dwi(count=14, sigma=15.0, directions=None):
    """Two b0 and `count` directions through fibres that lie along i on one side and along j on the other."""
    g = half_sphere(count) if directions is None else directions
    rng = np.random.default_rng(count)
    fibres = np.where(np.arange(SHAPE[0]) < SHAPE[0] // 2, 0, 1)[:, None, None]
    volumes = [BODY, BODY]
    volumes += [BODY * np.exp(-0.5 - 0.6 * np.where(fibres == 0, d[0] ** 2, d[1] ** 2)) for d in g]
    noise = rng.normal(0, sigma, (2, count + 2, *SHAPE))
    data = np.hypot(np.array(volumes) + noise[0], noise[1]).astype(np.float32)
    vectors = (None, None, *(tuple(map(float, d)) for d in g))
    return np.moveaxis(data, 0, 3), (0.0, 0.0, *[1000.0] * count), vectors


def taken(data, kind=BOLD, b_values=(), vectors=(), tr=2000.0):
    volume = Volume(
        data=data,
        affine=AFFINE,
        series_instance_uid="1",
        b_values=b_values,
        b_vectors_ras=vectors,
        repetition_time_ms=tr,
    )
    moved = motion_of(SERIES, (volume,), kind)
    found = {d.code: d.severity for d in [*motion_defects(moved), *time_defects(moved, kind)]}
    return moved, found


def test_a_still_run_has_no_defect_and_its_measures_are_the_simulated_ones():
    moved, found = taken(bold())
    assert found == {}
    value = {name: m.value for name, m in moved.measures.items() if isinstance(m, Quantity)}
    assert value["displacement_mean"] < 0.1
    assert value["tsnr_median"] == pytest.approx(1000 / 15, rel=0.15)
    assert value["dvars_mean"] == pytest.approx(1, abs=0.15)
    assert abs(value["drift"]) < 0.5
    for name in ("slices_lost", "slice_spikes", "dummy_volumes", "volumes_untrusted", "framewise_power_over"):
        assert value[name] == 0, name
    assert value["within_volume_max"] < 0.15


def test_drift_is_told_in_per_cent_and_per_minute_and_only_of_bold():
    data = bold() * np.linspace(1, 1.14, 12, dtype=np.float32)
    moved, found = taken(data)
    assert found == {"drift": Severity.MINOR}
    assert moved.measures["drift"].value == pytest.approx(100 * 0.14 / 1.07, rel=0.1)
    assert moved.measures["drift_rate"].value == pytest.approx(moved.measures["drift"].value / (11 * 2 / 60))
    assert taken(data, SeriesKind(weighting=Weighting.PERFUSION))[1] == {}
    assert isinstance(taken(data, tr=None)[0].measures["drift_rate"], NotAssessable)


@pytest.mark.parametrize(
    ("lost", "severity"),
    [([(8, 5)], Severity.INFO), ([(k, t) for t in (3, 8) for k in range(2, 14, 2)], Severity.MINOR)],
)
def test_lost_slices_are_counted_and_placed(lost, severity):
    data = bold(24)
    for k, t in lost:
        data[:, :, k, t] *= 0.4
    moved, found = taken(data)
    share = 100 * len(lost) / (14 * 24)
    assert moved.measures["slices_lost"].value == len(lost)
    assert moved.measures["slices_lost_share"].value == pytest.approx(share, rel=0.2)
    assert found == {"signal_dropout": severity}
    assert {(one.index, one.time) for one in moved.sample.lost} == set(lost)


def test_a_spike_is_named_with_its_slice():
    data = bold()
    spectrum = np.fft.fft2(data[:, :, 6, 4])
    spectrum[11, 17] += 0.4 * np.abs(spectrum).max()
    data[:, :, 6, 4] = np.abs(np.fft.ifft2(spectrum))
    moved, found = taken(data)
    assert "slice_spikes" in found
    assert [(one.index, one.time) for one in moved.sample.spikes] == [(6, 4)]


def test_a_good_diffusion_series_has_no_defect_though_every_direction_looks_different():
    moved, found = taken(*dwi()[:1], DWI, *dwi()[1:])
    assert found == {}
    value = {name: m.value for name, m in moved.measures.items() if isinstance(m, Quantity)}
    assert value["displacement_mean"] < 0.25
    assert (value["b0_volumes"], value["shells"], value["directions"]) == (2, 1, 14)
    assert value["b0_snr"] == pytest.approx(1000 / 15, rel=0.15)
    assert value["neighbouring_dwi_correlation"] > 0.8
    assert isinstance(moved.measures["tsnr_median"], NotAssessable)


def test_a_lost_slice_of_one_direction_is_something_to_know_and_many_are_a_repeat():
    data, b, g = dwi(40)
    data[:, :, 7, 9] *= 0.5
    assert taken(data, DWI, b, g)[1] == {"signal_dropout": Severity.INFO}
    data[:, :, 7, 20:30] *= 0.5
    assert taken(data, DWI, b, g)[1] == {"signal_dropout": Severity.MINOR}
    data[:, :, 2:14:2, 5:38:3] *= 0.5
    assert taken(data, DWI, b, g)[1]["signal_dropout"] is Severity.MAJOR


def test_directions_in_a_plane_make_no_tensor():
    flat = half_sphere(12) * [1, 1, 0]
    data, b, g = dwi(12, directions=flat / np.linalg.norm(flat, axis=1, keepdims=True))
    assert taken(data, DWI, b, g)[1] == {"poor_directions": Severity.MINOR}


def test_noise_alone_between_directions_is_named():
    data, b, g = dwi()
    noise = np.random.default_rng(4).normal(0, 600, (2, *SHAPE, 14))
    data[..., 2:] = np.hypot(data[..., 2:] + noise[0], noise[1])
    assert taken(data, DWI, b, g)[1].get("dissimilar_directions") is Severity.MINOR


def test_a_trace_that_rides_along_is_compared_with_no_direction():
    data, b, g = dwi()
    trace = data[..., 2:].mean(axis=3, keepdims=True) * 3
    moved, found = taken(np.concatenate([data, trace], axis=3), DWI, (*b, 1000.0), (*g, None))
    assert found == {}
    assert moved.measures["directions"].value == 14
    assert moved.measures["directions_unknown"].value == 0
    assert 16 not in moved.trace.volumes


@pytest.mark.parametrize(
    "data",
    [
        bold(1),
        bold(1)[..., 0],
        np.zeros((*SHAPE, 6), dtype=np.float32),
        np.full((*SHAPE, 6), 7.0, dtype=np.float32),
        bold(3)[:10, :10],
    ],
    ids=["one", "three axes", "zeros", "constant", "tiny"],
)
def test_nothing_to_compare_is_not_assessable(data):
    moved, found = taken(data)
    assert found == {}
    assert set(moved.measures) == set(NAMES)
    assert all(isinstance(m, NotAssessable) and m.reason for m in moved.measures.values())
    assert moved.trace is None


def test_an_unchanging_series_has_no_motion_and_no_tsnr():
    moved, found = taken(np.repeat(bold(1), 6, axis=3))
    assert found == {}
    assert moved.measures["displacement_max"].value == pytest.approx(0, abs=1e-3)
    assert isinstance(moved.measures["dvars_mean"], NotAssessable)


def test_names_are_unique_and_their_units_known():
    assert len(NAMES) == len(set(NAMES)) == len(TIMES) + len(DIFFUSION)
    assert all(Quantity(value=1.0, unit=m.unit) for m in (*TIMES, *DIFFUSION))
