"""Whole series, judged twice: twice the noise, twice the movement, twice the gaps never get a better verdict.

The object is drawn here and spoilt by a few lines of Fourier arithmetic, not by the project's own phantom: what the
rules must bear is any picture, not the one that they were written beside.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from mriloop.model.coding import Plane, Region, Subject, Weighting
from mriloop.model.quality import SeriesKind, Verdict
from mriloop.model.study import Frame, Series, SeriesObject
from mriloop.model.volume import Source, Volume
from mriloop.stages.check import check_series
from mriloop.stages.check.verdict import ORDER

SHAPE = (56, 56, 10)
SPACING = (3.4, 3.4, 5.0)
AFFINE = np.diag([*SPACING, 1.0])
T2 = SeriesKind(weighting=Weighting.T2, plane=Plane.AXIAL, region=Region.BRAIN)
BOLD = SeriesKind(weighting=Weighting.BOLD, plane=Plane.AXIAL, region=Region.BRAIN)


@lru_cache(maxsize=1)
def body():
    """Return an ellipsoid with a bright rim, dark chambers and texture, in air."""
    x, y, z = np.mgrid[-1 : 1 : SHAPE[0] * 1j, -1 : 1 : SHAPE[1] * 1j, -1 : 1 : SHAPE[2] * 1j]
    radius = np.sqrt((x / 0.62) ** 2 + (y / 0.74) ** 2 + (z / 1.3) ** 2)
    texture = gaussian_filter(np.random.default_rng(4).standard_normal(SHAPE), (1.2, 1.2, 0.6))
    inside = 500 + 500 * texture
    inside = np.where((radius > 0.82) & (radius < 0.9), 120, inside)
    inside = np.where(np.hypot(np.abs(x) - 0.12, y / 2.2) < 0.09, 1100, inside)
    return np.where(radius < 1, inside.clip(60), 0.0)


@lru_cache(maxsize=1)
def noise():
    return np.random.default_rng(5).standard_normal((2, *SHAPE, 4)) * 500


def series(parameters=None, *, slices=range(SHAPE[2]), frames=True):
    made = tuple(
        Frame(
            sop_instance_uid=f"1.{k}", frame_number=1, rows=SHAPE[1], columns=SHAPE[0],
            position_ras_mm=(0.0, 0.0, SPACING[2] * k), row_axis_ras=(1.0, 0.0, 0.0), column_axis_ras=(0.0, 1.0, 0.0),
            spacing_mm=(SPACING[1], SPACING[0]), thickness_mm=SPACING[2],
        )
        for k in slices
    )  # fmt: skip
    return Series(
        series_instance_uid="1", study_instance_uid="s", modality="MR", object=SeriesObject.IMAGE,
        frames=made if frames else (), parameters={"InPlanePhaseEncodingDirection": "COL", **(parameters or {})},
        declared={"slices": SHAPE[2]} if frames else {},
    )  # fmt: skip


def rank(check):
    """Place a verdict from best to worst; where no object is seen any more nothing worse can be said."""
    if check.kind.object is Subject.NONE:
        return len(ORDER)
    assert check.verdict in ORDER, check.verdict
    return ORDER.index(check.verdict)


def judged(data, kind=T2, one=None):
    one = one or series(frames=False)
    return check_series(one, (Volume(data=data.astype(np.float32), affine=AFFINE, series_instance_uid="1"),), kind=kind)


@lru_cache(maxsize=64)
def with_noise(level):
    return rank(judged(np.hypot(body() + level * noise()[0, ..., 0], level * noise()[1, ..., 0])))


@settings(max_examples=8, deadline=None)
@given(st.floats(0.005, 2.0))
@example(0.3)
@example(0.05)
@example(0.2)
@example(0.4)
def test_twice_the_noise_never_improves_the_verdict(level):
    assert with_noise(2 * level) >= with_noise(level)


def test_noise_leads_from_acceptable_to_repeat():
    assert with_noise(0.01) == ORDER.index(Verdict.ACCEPTABLE)
    assert with_noise(0.6) >= ORDER.index(Verdict.REPEAT)


def shifted(volume, mm):
    """Return the volume shifted by (x, y) mm, by phase ramps of its Fourier transform."""
    ramp = sum(
        np.fft.fftfreq(volume.shape[axis])[tuple(slice(None) if a == axis else None for a in range(3))]
        * by
        / SPACING[axis]
        for axis, by in enumerate(mm)
    )
    return np.abs(np.fft.ifftn(np.fft.fftn(volume) * np.exp(-2j * np.pi * ramp)))


@lru_cache(maxsize=64)
def moved_between(size, seed):
    """Return the rank of four volumes whose head walks by `size` mm times a fixed random path."""
    path = np.random.default_rng(seed).standard_normal((4, 2)).cumsum(axis=0)
    volumes = [shifted(body(), size * step) for step in path]
    noisy = [np.hypot(v + 0.02 * noise()[0, ..., t], 0.02 * noise()[1, ..., t]) for t, v in enumerate(volumes)]
    return rank(judged(np.stack(noisy, axis=3), BOLD))


@settings(max_examples=4, deadline=None)
@given(st.floats(0.02, 3.0), st.integers(0, 2))
@example(0.3, 0)
@example(0.8, 1)
def test_twice_the_movement_between_volumes_never_improves_the_verdict(size, seed):
    assert moved_between(2 * size, seed) >= moved_between(size, seed)


def test_movement_between_volumes_leads_from_acceptable_to_repeat():
    assert moved_between(0.02, 0) == ORDER.index(Verdict.ACCEPTABLE)
    assert moved_between(3.0, 0) == ORDER.index(Verdict.REPEAT)


@lru_cache(maxsize=64)
def moved_within(size, seed):
    """Return the rank of one volume whose phase-encode lines (axis 1) saw the head at `size` times a random path."""
    rng = np.random.default_rng(seed)
    lines = np.repeat(rng.standard_normal(8), SHAPE[1] // 8)  # eight shots, each at a place of its own
    order = np.arange(SHAPE[1]).reshape(8, -1).T.ravel()  # interleaved: neighbours in k-space come from different shots
    place = size * lines[np.argsort(order)] / SPACING[1]
    k = np.fft.fft(body(), axis=1) * np.exp(-2j * np.pi * np.fft.fftfreq(SHAPE[1]) * place)[None, :, None]
    picture = np.abs(np.fft.ifft(k, axis=1))
    return rank(judged(np.hypot(picture + 0.02 * noise()[0, ..., 0], 0.02 * noise()[1, ..., 0]), one=series()))


@settings(max_examples=8, deadline=None)
@given(st.floats(0.05, 4.0), st.integers(0, 4))
@example(0.5, 0)
@example(1.0, 1)
@example(2.0, 2)
def test_twice_the_movement_within_a_volume_never_improves_the_verdict(size, seed):
    assert moved_within(2 * size, seed) >= moved_within(size, seed)


def test_movement_within_a_volume_leads_from_acceptable_to_repeat():
    assert moved_within(0.05, 0) == ORDER.index(Verdict.ACCEPTABLE)
    assert moved_within(4.0, 0) == ORDER.index(Verdict.REPEAT)


@lru_cache(maxsize=64)
def with_gaps(gone):
    kept = [k for k in range(SHAPE[2]) if k not in gone]
    data = np.hypot(body() + 0.02 * noise()[0, ..., 0], 0.02 * noise()[1, ..., 0])[:, :, kept]
    volume = Volume(
        data=data.astype(np.float32), affine=AFFINE, series_instance_uid="1",
        sources=(tuple(Source(sop_instance_uid=f"1.{k}") for k in kept),),
    )  # fmt: skip
    return rank(check_series(series(slices=kept), (volume,), kind=T2))


@settings(max_examples=10, deadline=None)
@given(st.sets(st.integers(0, SHAPE[2] - 1), max_size=4), st.sets(st.integers(0, SHAPE[2] - 1), max_size=4))
def test_twice_the_gaps_never_improve_the_verdict(gone, more):
    assert with_gaps(frozenset(gone | more)) >= with_gaps(frozenset(gone))


def test_gaps_lead_from_acceptable_to_repeat():
    assert with_gaps(frozenset()) == ORDER.index(Verdict.ACCEPTABLE)
    assert with_gaps(frozenset({4, 5})) == ORDER.index(Verdict.REPEAT)
