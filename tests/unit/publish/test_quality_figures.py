"""The profile of ghosts and the histogram of a measure: drawn where the numbers are, and said in words."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mriloop.edges.publish.figures import history_svg, profile_svg
from mriloop.model.quality import PhaseProfile, Standing

SVG = "{http://www.w3.org/2000/svg}"


def profile(ghost=0.05):
    along = np.full(100, 0.01)
    along[40:60] = 1.0
    along[5:15] += ghost
    inside = np.zeros(100)
    inside[40:60] = 1.0
    return PhaseProfile(along=tuple(along), object=tuple(inside), beside=0.01, step_mm=2.0, peak=7)


def standing(value=10.0, better="higher"):
    values = tuple(np.linspace(15, 25, 41))
    z = (value - 20.0) / 2.5
    return Standing(value=value, median=20.0, spread=2.5, z=z, worse=-z if better == "higher" else z, values=values)


@pytest.mark.parametrize("svg", [profile_svg(profile(), 0.05), history_svg("snr_air", standing(), "1")])
def test_each_drawing_is_named_described_and_free_of_style_attributes(svg):
    root = ET.fromstring(svg)
    title, desc = root.find(f"{SVG}title").text, root.find(f"{SVG}desc").text
    assert root.get("aria-label") == f"{title}: {desc}"
    assert len(desc) > 40
    assert not re.search(r'\sstyle="', svg)


def test_a_ghost_stands_as_high_above_the_air_as_it_is_and_is_named():
    root = ET.fromstring(profile_svg(profile(0.05), 0.05))
    points = [tuple(map(float, p.split(","))) for p in root.find(f".//{SVG}polyline").get("points").split()]
    air, ghost, body = points[25][1], points[7][1], points[50][1]
    assert body == 0.0  # the object goes beyond the frame
    assert (air - ghost) / (100 - air) == pytest.approx(5, rel=0.02)
    assert "5 % above" in root.find(f"{SVG}desc").text
    assert "5 % above the air" in "".join(root.itertext())
    (block,) = [r for r in root.iter(f"{SVG}rect") if "soft" in r.get("fill")]
    assert float(block.get("x")) == pytest.approx(1000 * 39.5 / 99, abs=1)


def test_air_without_ghosts_is_flat_and_unmarked():
    svg = profile_svg(profile(0.0))
    assert "above the air" not in svg.split("</desc>")[1]


@given(st.floats(0, 3), st.integers(2, 40))
def test_any_profile_can_be_drawn(level, size):
    one = PhaseProfile(along=(level,) * size, object=(0.0,) * size, beside=level, step_mm=1.0, peak=0)
    assert "nan" not in profile_svg(one)


def test_this_series_stands_left_of_the_bars_and_worse_is_said_on_that_side():
    root = ET.fromstring(history_svg("snr_air", standing(10.0), "1"))
    bars = [r for r in root.iter(f"{SVG}rect") if "line-1" in r.get("fill")]
    mine = next(node for node in root.iter(f"{SVG}line") if "line-2" in node.get("stroke"))
    assert float(mine.get("x1").rstrip("%")) < min(float(bar.get("x").rstrip("%")) for bar in bars)
    assert "← worse" in "".join(root.itertext())
    assert "worse →" in history_svg("ghost_ratio", standing(30.0, "lower"), "1")
    assert "4 spreads to the worse side" in root.find(f"{SVG}desc").text


@given(st.lists(st.floats(-1e6, 1e6), min_size=10, max_size=40), st.floats(-1e6, 1e6))
def test_any_history_can_be_drawn_within_its_frame(values, value):
    one = Standing(value=value, median=0.0, spread=1.0, z=value, worse=None, values=tuple(values))
    root = ET.fromstring(history_svg("slice_jump", one, "1"))
    for bar in root.iter(f"{SVG}rect"):
        assert -0.5 <= float(bar.get("x").rstrip("%")) <= 100.5
