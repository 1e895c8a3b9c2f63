"""Affine chains: wherever one goes through linked series, one comes back to the same point."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mriloop.imaging.resample import apply, halfway, mean_rigid, rigid, scales
from mriloop.model.comparison import Alignment
from mriloop.stages.compare import link
from mriloop.stages.compare.align import backwards, through

angle = st.floats(-40.0, 40.0)
shift = st.floats(-60.0, 60.0)
maps = st.builds(
    lambda r, t: rigid(r, t, np.array([5.0, -3.0, 20.0])),
    st.tuples(angle, angle, angle),
    st.tuples(shift, shift, shift),
)
stretch = st.floats(0.98, 1.02)
affines = st.builds(lambda m, s: m @ np.diag([*s, 1.0]), maps, st.tuples(stretch, stretch, stretch))
POINTS = np.random.default_rng(0).uniform(-80, 80, (20, 3))


def _alignment(matrix: np.ndarray, uncertainty_mm: float = 0.1, *, accepted: bool = True) -> Alignment:
    return Alignment(
        method="test",
        matrix=tuple(tuple(float(x) for x in row) for row in matrix),
        uncertainty_mm=uncertainty_mm,
        accepted=accepted,
        reason="" if accepted else "refused for the test",
    )


@settings(max_examples=60, deadline=None)
@given(affines)
def test_two_half_steps_are_one_step(matrix: np.ndarray):
    half = halfway(matrix)
    assert np.allclose(half @ half, matrix, atol=1e-6)


@settings(max_examples=60, deadline=None)
@given(maps, maps)
def test_the_middle_does_not_depend_on_who_comes_first(first: np.ndarray, second: np.ndarray):
    small = halfway(halfway(halfway(first)))
    assert np.allclose(mean_rigid(second, small @ second), mean_rigid(small @ second, second), atol=1e-6)


@settings(max_examples=60, deadline=None)
@given(affines, affines, affines)
def test_a_round_trip_through_three_series_ends_where_it_began(a: np.ndarray, b: np.ndarray, c: np.ndarray):
    linked = {"a": _alignment(a), "b": _alignment(b), "c": _alignment(c)}
    at = POINTS
    for source, target in (("a", "b"), ("b", "c"), ("c", "a")):
        step = link(linked, source, target)
        assert step is not None
        at = apply(step, at)
    assert np.allclose(at, POINTS, atol=1e-6)


@settings(max_examples=30, deadline=None)
@given(affines, affines, affines)
def test_chains_may_be_cut_anywhere(a: np.ndarray, b: np.ndarray, c: np.ndarray):
    one, two, three = (_alignment(m, u) for m, u in ((a, 0.1), (b, 0.2), (c, 0.3)))
    left, right = through(through(one, two), three), through(one, through(two, three))
    assert np.allclose(left.matrix, right.matrix, atol=1e-6)
    assert np.isclose(left.uncertainty_mm, right.uncertainty_mm)
    assert np.isclose(left.uncertainty_mm, np.sqrt(0.01 + 0.04 + 0.09))


@settings(max_examples=30, deadline=None)
@given(maps, st.tuples(stretch, stretch, stretch))
def test_scales_are_those_that_were_put_in(matrix: np.ndarray, sizes: tuple[float, float, float]):
    assert np.allclose(scales(matrix @ np.diag([*sizes, 1.0])), sizes, atol=1e-9)
    assert np.allclose(scales(matrix), 1.0, atol=1e-9)


@settings(max_examples=30, deadline=None)
@given(maps, st.floats(0.0, 2.0), st.floats(0.0, 2.0))
def test_a_chain_is_no_surer_than_its_links(matrix: np.ndarray, first: float, second: float):
    chain = through(_alignment(matrix, first), backwards(_alignment(matrix, second)))
    assert np.allclose(chain.matrix, np.eye(4), atol=1e-6)
    assert chain.uncertainty_mm >= max(first, second) - 1e-12


def test_a_refused_link_leads_nowhere():
    linked = {"a": _alignment(np.eye(4)), "b": _alignment(np.eye(4), accepted=False)}
    assert link(linked, "a", "b") is None
    assert link(linked, "a", "missing") is None
    assert not through(linked["a"], linked["b"]).accepted
