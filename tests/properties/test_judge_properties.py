"""What a judgement may never do, over drawn values: shrink with the change, mistake an obstacle, favour a direction."""

from __future__ import annotations

from hypothesis import assume, given
from hypothesis import strategies as st

from mriloop.model.judgement import Judged, Repeatability
from mriloop.model.quantity import Quantity
from mriloop.stages.compare.judge import judge, words

VALUES = st.floats(0.001, 1000.0)
SHARES = st.none() | st.floats(0.5, 100.0)
LIMITS = st.none() | st.floats(0.001, 50.0)
NOISES = st.none() | st.floats(0.0, 20.0)


def coefficient(percent, absolute, *, ratio=False):
    return Repeatability(measure="lesion load", unit="mL", percent=percent, absolute=absolute, ratio=ratio, when="x")


def answer(today, before, limit, **more):
    return judge("lesion load", Quantity(value=today, unit="mL"), Quantity(value=before, unit="mL"), limit, **more)


@given(VALUES, st.floats(0, 100), st.floats(0, 100), SHARES, LIMITS, NOISES)
def test_a_larger_change_in_the_same_direction_never_counts_less(before, step, more, percent, absolute, noise):
    assume(percent is not None or absolute is not None)
    limit = coefficient(percent, absolute)
    small = answer(before + step, before, limit, pair_noise=noise)
    large = answer(before + step + more, before, limit, pair_noise=noise)
    if small.judged is Judged.CHANGED:
        assert large.judged is Judged.CHANGED
    assert large.beyond == small.beyond


@given(VALUES, VALUES, st.floats(0.5, 200.0), st.floats(0.001, 50.0), st.booleans())
def test_absolute_limits_and_factors_do_not_know_which_visit_came_first(one, other, percent, absolute, factor):
    limit = coefficient(percent, None, ratio=True) if factor else coefficient(None, absolute)
    edge = (
        abs(max(one, other) / min(one, other) / (1 + percent / 100) - 1) if factor else abs(abs(one - other) - absolute)
    )
    assume(edge > 1e-9)
    assert answer(one, other, limit).judged is answer(other, one, limit).judged


@given(VALUES, VALUES, SHARES, LIMITS, NOISES, st.floats(1.0, 10.0))
def test_more_noise_never_makes_a_change(today, before, percent, absolute, noise, times):
    assume(percent is not None or absolute is not None)
    limit = coefficient(percent, absolute)
    quiet, loud = (answer(today, before, limit, pair_noise=n) for n in (noise, (noise or 1.0) * times))
    assert not (quiet.judged is Judged.WITHIN and loud.judged is Judged.CHANGED)


@given(VALUES, VALUES, SHARES, LIMITS, NOISES, st.text(min_size=1, max_size=20))
def test_an_obstacle_is_always_cannot_tell(today, before, percent, absolute, noise, obstacle):
    found = answer(today, before, coefficient(percent, absolute), pair_noise=noise, obstacle=obstacle)
    assert found.judged is Judged.CANNOT_TELL
    assert "no change" not in words(found).replace(obstacle, "")
    assert found.beyond is None


@given(VALUES, VALUES, NOISES)
def test_without_repeatability_nothing_is_told(today, before, noise):
    assert answer(today, before, None, pair_noise=noise).judged is Judged.CANNOT_TELL


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6), SHARES, LIMITS, NOISES)
def test_every_judgement_has_words(today, before, percent, absolute, noise):
    said = words(answer(today, before, coefficient(percent, absolute), pair_noise=noise))
    assert said.endswith(".")
    assert "stable" not in said
