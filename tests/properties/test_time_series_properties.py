"""Time series: any numbers give an answer, brightness does not matter, and more motion never looks like less."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mriloop.imaging import motion
from mriloop.imaging.foreground import object_mask
from mriloop.imaging.phantom import Motion, acquire, bold_epi, head
from mriloop.imaging.phantom.acquire import Faults
from mriloop.model.coding import Region, Weighting
from mriloop.model.quality import SeriesKind, Severity
from mriloop.model.quantity import NotAssessable, Quantity
from mriloop.model.study import Series, SeriesObject
from mriloop.model.volume import Volume
from mriloop.stages.check.motion import NAMES, Moved, motion_of
from mriloop.stages.check.rules import time_defects

RANK = {Severity.INFO: 1, Severity.MINOR: 2, Severity.MAJOR: 3}
SERIES = Series(series_instance_uid="1", study_instance_uid="s", modality="MR", object=SeriesObject.IMAGE)


def answered(data, weighting=Weighting.BOLD, **more):
    volume = Volume(data=data, affine=np.diag([4.0, 4.0, 4.0, 1.0]), series_instance_uid="1", **more)
    return motion_of(SERIES, (volume,), SeriesKind(weighting=weighting, region=Region.BRAIN))


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    shape=st.tuples(st.integers(1, 20), st.integers(1, 20), st.integers(1, 9), st.integers(1, 7)),
    spoil=st.sampled_from(["none", "nan", "infinite", "negative", "huge", "complex", "blank volume", "blank slice"]),
    weighting=st.sampled_from([Weighting.BOLD, Weighting.DWI, Weighting.UNKNOWN, Weighting.PHASE]),
)
def test_any_numbers_give_a_finite_measure_or_a_reason(seed, shape, spoil, weighting):
    rng = np.random.default_rng(seed)
    data = rng.gamma(2.0, 100.0, shape).astype(np.float32)
    data[shape[0] // 3 :, shape[1] // 4 :] *= 8
    if spoil in ("nan", "infinite"):
        data[rng.uniform(size=shape) < 0.05] = math.nan if spoil == "nan" else math.inf
    elif spoil == "negative":
        data -= 500
    elif spoil == "huge":
        data *= 1e30
    elif spoil == "complex":
        data = data.astype(np.complex64) * 1j
    elif spoil == "blank volume":
        data[..., -1] = 0
    elif spoil == "blank slice":
        data[:, :, -1] = 0
    b = {"b_values": tuple(float(1000 * (t % 2)) for t in range(shape[3]))} if weighting is Weighting.DWI else {}
    moved = answered(data, weighting, **b)
    assert set(moved.measures) == set(NAMES)
    for name, measure in moved.measures.items():
        good = isinstance(measure, Quantity) and math.isfinite(measure.value)
        assert good or (isinstance(measure, NotAssessable) and measure.reason), name
    time_defects(moved, SeriesKind(weighting=weighting))


@settings(max_examples=60, deadline=None)
@given(
    combed=st.floats(0, 100), lost=st.floats(0, 30), worst=st.floats(0, 100), spikes=st.integers(0, 50),
    drift=st.floats(-40, 40), alike=st.floats(0, 1), more=st.floats(1, 3),
)  # fmt: skip
def test_a_worse_measure_never_has_a_milder_defect(combed, lost, worst, spikes, drift, alike, more):
    def ranks(by):
        values = {
            "within_volume_share": (min(100, combed * by), "%"), "within_volume_max": (3 * by, "mm"),
            "slices_lost": (lost * by, "{count}"), "slices_lost_share": (lost * by, "%"),
            "slices_lost_at_worst": (min(100, worst * by), "%"), "slice_spikes": (spikes * by, "{count}"),
            "drift": (drift * by, "%"), "directions": (12, "{count}"), "directions_condition": (5 * by, "1"),
            "neighbouring_dwi_correlation": (alike / by, "1"),
        }  # fmt: skip
        moved = Moved(None, {n: Quantity(value=v, unit=u) for n, (v, u) in values.items()})
        return {d.code: RANK[d.severity] for d in time_defects(moved, SeriesKind(weighting=Weighting.BOLD))}

    before, after = ranks(1.0), ranks(more)
    assert all(after.get(code, 0) >= rank for code, rank in before.items())


@pytest.fixture(scope="module")
def restless():
    """Mean displacement found and true of the head phantom for the same restlessness, doubled and doubled again."""
    steps = np.random.default_rng(2).normal(size=(4, 6))
    steps[0] = 0
    found = []
    for amount in (0.0, 0.25, 0.5, 1.0, 2.0):
        times = np.linspace(0, 1, 5)
        starts = np.repeat(times, 2)[1:-1] + np.tile([0, -1e-6], 4)
        poses = np.repeat(steps * amount, 2, axis=0)
        moves = Motion(
            times=tuple(starts),
            translations_mm=tuple(map(tuple, poses[:, :3])),
            rotations_deg=tuple(map(tuple, poses[:, 3:])),
        )
        taken = acquire(head(seed=0), bold_epi(volumes=4), motion=moves, faults=Faults(snr=60), seed=1)
        volumes = [taken.data[..., t] for t in range(4)]
        spacing = tuple(float(s) for s in np.linalg.norm(taken.affine[:3, :3], axis=0))
        mask = object_mask(volumes[0], spacing)
        _, one = motion.estimate(volumes, taken.affine, mask)
        points = motion.object_points(mask, taken.affine)
        mine = [motion.mean_displacement(a.matrix, b.matrix, points) for a, b in pairwise(one)]
        truth = [motion.mean_displacement(a, b, points) for a, b in pairwise(taken.poses)]
        found.append((float(np.mean(mine)), float(np.mean(truth))))
    return found


def test_more_motion_of_the_phantom_never_gives_a_smaller_displacement(restless):
    assert np.all(np.diff([mine for mine, _ in restless]) > 0)


def test_the_displacement_of_the_phantom_is_the_true_one(restless):
    for mine, truth in restless:
        assert mine == pytest.approx(truth, rel=0.05, abs=0.05)


def test_brightness_and_the_order_of_volumes_do_not_matter():
    rng = np.random.default_rng(1)
    x, y, z = np.mgrid[-1:1:28j, -1:1:28j, -1:1:12j]
    body = np.where(x**2 + y**2 + z**2 < 0.7, 100 + 30 * np.sin(9 * x) * np.cos(7 * y + 4 * z), 0.0)
    data = np.abs(body[..., None] + rng.normal(0, 2, (28, 28, 12, 8))).astype(np.float32)
    one, bright = answered(data), answered(data * np.float32(37))
    order = rng.permutation(8)
    shuffled = answered(data[..., order])
    for name in NAMES:
        if isinstance(one.measures[name], Quantity):
            value = one.measures[name].value
            assert bright.measures[name].value == pytest.approx(value, rel=0.02, abs=0.02), name
    for name in ("tsnr_median", "global_correlation", "outlier_fraction"):
        assert shuffled.measures[name].value == pytest.approx(one.measures[name].value, rel=0.03, abs=0.01), name
