"""The motion model: ends in order, refusals of broken weights, and answers that grow with motion."""

from __future__ import annotations

import hashlib
import io
import re
from functools import cache
from importlib.resources import files
from pathlib import Path as File

import numpy as np
import pytest

from mriloop.edges.knowledge.models import MOST_BYTES, MOTION, load_motion_model, read_motion_model
from mriloop.imaging.foreground import regions
from mriloop.imaging.kspace_motion import Order, Path, displacement_mm, line_times, line_weights, move, scaled_to
from mriloop.imaging.motion_features import coarsened, features
from mriloop.imaging.motion_model import judge, predict, strangeness
from mriloop.model.errors import OperatorError

WEIGHTS = files("mriloop").joinpath("knowledge", "models", MOTION)
CARD = File(__file__).parents[3] / "docs" / "models" / "motion_mm.md"


def arrays():
    with np.load(io.BytesIO(WEIGHTS.read_bytes()), allow_pickle=False) as held:
        return {key: held[key] for key in held.files}


def written(content):
    out = io.BytesIO()
    np.savez(out, **content)
    return out.getvalue()


def test_the_card_states_the_digest_of_the_weights_and_they_are_small():
    content = WEIGHTS.read_bytes()
    assert len(content) < MOST_BYTES
    assert hashlib.sha256(content).hexdigest() in CARD.read_text(encoding="utf-8")
    assert load_motion_model().digest == hashlib.sha256(content).hexdigest()


def test_any_features_give_an_ordered_interval_that_is_not_negative():
    model = load_motion_model()
    rng = np.random.default_rng(0)
    rows = model.centre + model.spread * rng.normal(scale=6, size=(500, len(model.names)))
    rows[rng.random(rows.shape) < 0.1] = np.nan
    answers = predict(model, rows)
    assert np.isfinite(answers).all()
    assert (answers >= 0).all()
    assert (np.diff(answers, axis=1) >= 0).all()


def test_what_is_far_from_training_is_strange():
    model = load_motion_model()
    near = model.centre[None, :]
    far = (model.centre + 4 * model.spread * np.where(np.arange(len(model.names)) % 2, 1, -1))[None, :]
    assert strangeness(model, near)[0] < model.familiar_most < strangeness(model, far)[0]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda a: a.pop("centre"), "no array 'centre'"),
        (lambda a: a.update(centre=a["centre"][:-1]), "fit the features"),
        (lambda a: a.update(examples=a["examples"][:-1]), "fit the features"),
        (lambda a: a.update(spread=a["spread"] * np.nan), "not a number"),
        (lambda a: a.update(spread=a["spread"] * 0), "not positive"),
        (lambda a: a.update(ends=a["ends"][:1]), "do not fit the features"),
        (lambda a: a.update(names=np.array(["x", None], dtype=object)), "allow_pickle"),
    ],
)
def test_broken_weights_are_refused_not_run(change, says):
    content = arrays()
    change(content)
    with pytest.raises(OperatorError) as refused:
        read_motion_model(written(content), "mine.npz")
    assert refused.value.code == "knowledge_invalid"
    assert says in refused.value.message


@pytest.mark.parametrize("content", [b"", b"not an archive", b"PK\x03\x04 cut short", b"0" * (MOST_BYTES + 1)])
def test_what_is_no_archive_is_refused(content):
    with pytest.raises(OperatorError, match=re.escape("mine.npz")):
        read_motion_model(content, "mine.npz")


@cache
def a_body():
    """A drawn body of lobes, a rim of fat and vessels, with a little noise: 0.9 × 1.1 mm pixels."""
    rng = np.random.default_rng(8)
    i, j, k = np.meshgrid(np.linspace(-1, 1, 160), np.linspace(-1, 1, 144), np.linspace(-1, 1, 8), indexing="ij")
    radius = np.sqrt((i / 0.72) ** 2 + (j / 0.66) ** 2)
    lobes = sum(np.cos(14 * (a * i + b * j) + 2 * k) for a, b in rng.normal(size=(6, 2)))
    values = (radius < 1) * (90 + 30 * np.tanh(2 * lobes)) + 90.0 * ((radius > 0.93) & (radius < 1))
    for x, y in rng.uniform(-0.5, 0.5, (25, 2)):
        values += 60 * ((i - x) ** 2 + (j - y) ** 2 < 0.0006)
    return np.abs(values + rng.normal(scale=2.0, size=values.shape)).astype(np.float32), (0.9, 1.1, 4.0)


@cache
def moved(amount):
    """The body after the same two steps at another size; returns the picture, its regions and the true mm."""
    values, spacing = a_body()
    lines = values.shape[1]
    times = line_times(lines, Order.LINEAR, train=3)
    weights = line_weights(lines, spacing[1])
    points = np.argwhere(regions(values, spacing).object)[::40] * np.array(spacing)
    points = points - (np.array(values.shape) - 1) / 2 * np.array(spacing)
    at = np.array([0, 0.3, 0.3001, 0.55, 0.5501, 1.0])
    shift = np.array([[0, 0, 0], [0, 0, 0], [1.0, 0.6, 0], [1.0, 0.6, 0], [-0.4, 1.2, 0], [-0.4, 1.2, 0]])
    turn = np.array([[0, 0, 0], [0, 0, 0], [0, 0, 0.5], [0, 0, 0.5], [0, 0, -0.8], [0, 0, -0.8]])
    path = Path(times=at, shift_mm=shift, turn_deg=turn, pivot_mm=np.zeros(3))
    path = scaled_to(path, amount, times, weights, points) if amount else path.scaled(0)
    out = np.abs(move(values, spacing, 1, times, path)).astype(np.float32)
    return out, regions(out, spacing), displacement_mm(path, times, weights, points)


def test_answers_grow_with_the_same_movement_made_larger():
    spacing = a_body()[1]
    answers = []
    for amount in (0.0, 1.5, 4.0):
        values, found, truth = moved(amount)
        assert truth == pytest.approx(amount, rel=0.02, abs=1e-6)
        row = features(values, found.object, found.zeroed, spacing, 1)
        model = load_motion_model()
        answers.append(predict(model, np.array([[row[name] for name in model.names]]))[0])
    lower, middle, _ = np.array(answers).T
    assert middle[0] < middle[1] < middle[2]
    assert lower[0] < 0.5
    assert lower[2] > lower[0]


def test_an_unknown_axis_takes_the_worse_of_both():
    spacing = a_body()[1]
    values, found, _ = moved(4.0)
    model = load_motion_model()
    each = [judge(model, values, found, spacing, axis) for axis in (0, 1)]
    either = judge(model, values, found, spacing, None)
    known = [one for one in each if not isinstance(one, str)]
    assert known
    if len(known) == 2:
        assert either == max(known, key=lambda one: one.middle_mm)


def test_features_do_not_know_the_gain_and_turn_with_the_picture():
    values, found, _ = moved(1.5)
    spacing = a_body()[1]
    one = features(values, found.object, found.zeroed, spacing, 1)
    loud = features(values * 37, found.object, found.zeroed, spacing, 1)
    turned = features(
        values.transpose(1, 0, 2),
        found.object.transpose(1, 0, 2),
        found.zeroed,
        (spacing[1], spacing[0], spacing[2]),
        0,
    )
    for other in (loud, turned):
        assert set(other) == set(one)
        for name, value in one.items():
            assert other[name] == pytest.approx(value, rel=2e-3, abs=2e-3, nan_ok=True), name


def test_coarser_pixels_keep_the_mean_and_the_field_of_view():
    picture = moved(0.0)[0][:, :, 5]
    small, _, step = coarsened(picture, picture > 0, (0.5, 0.5))
    assert small.mean() == pytest.approx(picture.mean(), rel=0.02)
    assert step[0] * small.shape[0] == pytest.approx(0.5 * picture.shape[0])
    assert min(step) > 0.95
