"""The pictures of a comparison: marks lie where they should, pairs lie on each other, noise stays uncoloured."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from PIL import Image

from mriloop.edges.publish.comparison_page import ChangeFigures, ComparisonView, comparison_html
from mriloop.edges.publish.figures import Pin, colour_slices, flicker_pair, growth_svg, projections
from mriloop.edges.publish.view import Figure
from mriloop.model.comparison import ChangeKind, Course, CoursePoint, Standing

SHAPE = (60, 80, 20)
AFFINE = np.diag([2.0, 2.0, 5.0, 1.0])
AFFINE[:3, 3] = [-60.0, -80.0, -50.0]
ORANGE = np.array((255, 140, 20))


def _pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


def _like(pixels: np.ndarray, colour: np.ndarray, most: int = 60) -> np.ndarray:
    return np.argwhere(np.abs(pixels - colour).sum(axis=2) < most)


def test_a_pin_lies_where_the_change_lies_in_all_three_views():
    data = np.full(SHAPE, 100.0, np.float32)
    pixels = _pixels(projections(data, AFFINE, [Pin(number=1, kind=ChangeKind.NEW, at=(40.0, 30.0, 20.0))]))
    body = pixels[:-34]  # without the legend
    found = _like(body, ORANGE)
    # Panels, left to right, at 1.5 pixels per mm: axial 120 x 160 mm, coronal 120 x 100, sagittal 160 x 100.
    widths = (180, 180, 240)
    starts = np.cumsum([0, *(w + 8 for w in widths[:-1])])
    middles = [
        np.median(found[(found[:, 1] >= s) & (found[:, 1] < s + w)], axis=0)
        for s, w in zip(starts, widths, strict=True)
    ]
    # Radiological: the patient's right (R+) is at the left of axial and coronal views; the sagittal one looks from the
    # left, anterior at the left. The field runs from R -61 to 59, A -81 to 79, S -52.5 to 47.5 mm.
    assert middles[0][1] - starts[0] == pytest.approx((59 - 40) * 1.5, abs=6)
    assert middles[1][1] - starts[1] == pytest.approx((59 - 40) * 1.5, abs=6)
    assert middles[2][1] - starts[2] == pytest.approx((79 - 30) * 1.5, abs=6)
    assert middles[1][0] == pytest.approx(middles[2][0], abs=3)


def test_kinds_differ_in_shape_and_not_in_colour_alone():
    data = np.full(SHAPE, 100.0, np.float32)
    greys = []
    for kind in ChangeKind:
        image = _pixels(projections(data, AFFINE, [Pin(number=1, kind=kind, at=(0.0, 0.0, 0.0))])).sum(axis=2)
        greys.append(np.abs(np.diff(image[:-34], axis=0)) > 60)
    for first in range(len(greys)):
        for second in range(first):
            assert (greys[first] != greys[second]).any()


def test_a_flicker_pair_has_one_size_one_window_and_one_place():
    rng = np.random.default_rng(0)
    before = rng.normal(100, 5, SHAPE).astype(np.float32)
    after = before.copy()
    after[30:33, 40:43, 10] += 60.0
    centre = AFFINE @ np.array([31.0, 41.0, 10.0, 1.0])
    first, second = (_pixels(one) for one in flicker_pair(before, after, AFFINE, tuple(centre[:3])))
    assert first.shape == second.shape == (420, 420, 3)
    changed = np.argwhere(np.abs(first - second).sum(axis=2) > 60)
    inner = changed[(changed[:, 0] > 40)]  # the titles in the corner differ as well
    assert np.abs(inner.mean(axis=0) - 210).max() < 6
    assert len(inner) < 0.01 * 420 * 420


def test_nothing_is_coloured_below_the_least_noise_units():
    today = np.full(SHAPE, 100.0, np.float32)
    signed = np.zeros(SHAPE, np.float32)
    signed[:, :, :10] = 2.4
    quiet = _pixels(colour_slices(today, signed, AFFINE, least=2.5, full=6.0))
    assert (np.ptp(quiet[:-30], axis=2) < 8).all()
    signed[20:30, 20:30, 5] = 9.0
    loud = _pixels(colour_slices(today, signed, AFFINE, least=2.5, full=6.0))
    assert len(_like(loud[:-30], ORANGE)) > 50
    darker = _pixels(colour_slices(today, -signed, AFFINE, least=2.5, full=6.0))
    assert not len(_like(darker[:-30], ORANGE))


def _course(number: int, *values: float) -> Course:
    points = tuple(CoursePoint(study=f"s{n}", at=None, value=v, noise=0.01) for n, v in enumerate(values))
    return Course(name="lesion volume", unit="mL", points=points, change=number)


def test_a_growing_lesion_is_drawn_rising_and_at_the_time_of_its_visits():
    visits = {"s0": date(2024, 1, 1), "s1": date(2025, 1, 1), "s2": date(2027, 1, 1)}
    svg = growth_svg([_course(7, 0.1, 0.2, 0.4)], visits, title="Volume", unit="mL")
    places = [(float(x), float(y)) for x, y in re.findall(r'<svg x="([\d.]+)%" y="([\d.]+)"', svg)]
    across, up = zip(*places, strict=True)
    assert list(up) == sorted(up, reverse=True)
    assert (across[1] - across[0]) / (across[2] - across[0]) == pytest.approx(1 / 3, abs=0.01)
    assert "no. 7" in svg


def test_undated_visits_stand_at_equal_distances():
    svg = growth_svg([_course(1, 0.1, 0.2, 0.3)], dict.fromkeys(("s0", "s1", "s2")), title="Volume", unit="mL")
    across = [float(x) for x in re.findall(r'<svg x="([\d.]+)%" y=', svg)]
    assert across[1] - across[0] == pytest.approx(across[2] - across[1])
    assert "visit 2" in svg


def test_the_page_says_what_a_person_rejected_and_counts_without_it(samples):
    comparison = samples.comparison()
    rejected = replace(comparison.changes[0], standing=Standing.REJECTED)
    comparison = replace(comparison, changes=(rejected, *comparison.changes[1:]), courses=(_course(2, 0.1, 0.3),))
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, "PNG")
    figure = Figure(png=buffer.getvalue(), alt="a picture")
    view = ComparisonView(
        comparison=comparison,
        names={},
        visits=dict.fromkeys(("s0", "s1")),
        changes={n: ChangeFigures(triptych=figure, prior=figure, today=figure) for n in (1, 2, 3)},
        maps=(figure,),
    )
    html = comparison_html(view)
    assert comparison.statement.split(".")[0] in html
    assert "a person rejected" in html
    assert 'id="change-2"' in html
    assert 'id="change-1"' not in html
    assert "<script" not in html
    assert html.count("<img") == html.count("alt=")
