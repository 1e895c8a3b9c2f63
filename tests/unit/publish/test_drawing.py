"""Drawings from numbers: well-formed SVG whose places are the numbers' and whose words say the same."""

from __future__ import annotations

import re
from datetime import date
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mriloop.edges.publish.figures import TimelineRow, motion_trace_svg, slice_map_svg, timeline_svg
from mriloop.model.quality import Completeness, MissingSlice, MotionTrace
from mriloop.model.schedule import Window

SVG = "{http://www.w3.org/2000/svg}"
TODAY = date(2026, 3, 2)


def tree(svg):
    return ElementTree.fromstring(svg)


def around(day, days=10):
    return Window(
        earliest=date.fromordinal(day.toordinal() - days),
        target=day,
        latest=date.fromordinal(day.toordinal() + days),
    )


def bars(root):
    return [node for node in root.iter(f"{SVG}rect") if node.get("height") == "12"]


def percent(node, name):
    return float(node.get(name).rstrip("%"))


def trace(framewise, volumes=None):
    volumes = len(framewise) if volumes is None else volumes
    return MotionTrace(
        reference=0,
        translations_mm=tuple((0.1 * n, 0.0, -0.1 * n) for n in range(volumes)),
        rotations_deg=tuple((0.0, 0.01 * n, 0.0) for n in range(volumes)),
        framewise_mm=tuple(framewise),
    )


@pytest.fixture
def drawings(samples):
    return [
        timeline_svg([TimelineRow(label="MRI", windows=(around(date(2026, 9, 1)),), then="x")], TODAY),
        motion_trace_svg(samples.motion_trace(), {"limit": 0.5}),
        slice_map_svg(samples.study_check().series[0].completeness),
    ]


def test_drawings_are_named_and_described_for_those_who_do_not_see_them(drawings):
    for svg in drawings:
        root = tree(svg)
        assert root.get("role") == "img"
        title, desc = root.find(f"{SVG}title").text, root.find(f"{SVG}desc").text
        assert title and len(desc) > 20
        assert root.get("aria-label") == f"{title}: {desc}"
        assert "style" not in root.attrib  # the page's policy forbids style attributes
        assert not re.search(r'\sstyle="', svg)


def test_a_label_cannot_become_markup():
    svg = timeline_svg([TimelineRow(label="<script>alert(1)</script>&", windows=())], TODAY)
    tree(svg)
    assert "<script" not in svg


def test_time_runs_evenly_over_the_axis():
    first, second = around(date(2026, 9, 1)), around(date(2028, 9, 1))
    root = tree(timeline_svg([TimelineRow(label="MRI", windows=(first, second))], TODAY))
    one, two = bars(root)
    days = (second.earliest - first.earliest).days / (first.latest - first.earliest).days
    assert (percent(two, "x") - percent(one, "x")) / percent(one, "width") == pytest.approx(days, rel=0.01)
    (today,) = [node for node in root.iter(f"{SVG}line") if node.get("stroke-width") == "2"]
    expected = (first.earliest - TODAY).days / (second.latest - first.earliest).days
    assert (percent(one, "x") - percent(today, "x1")) / (
        percent(two, "x") + percent(two, "width") - percent(one, "x")
    ) == pytest.approx(expected, rel=0.01)


@given(st.dates(date(2000, 1, 1), date(2060, 1, 1)), st.integers(0, 4000), st.dates(date(2020, 1, 1), date(2035, 1, 1)))
def test_everything_lies_on_the_drawing(target, days, today):
    if target.toordinal() - days < 1:
        return
    root = tree(timeline_svg([TimelineRow(label="x", windows=(around(target, days),))], today))
    (bar,) = bars(root)
    assert 0 <= percent(bar, "x") <= percent(bar, "x") + percent(bar, "width") <= 100
    ticks = [node for node in root.iter(f"{SVG}text") if node.get("text-anchor") == "middle"]
    assert len(ticks) <= 8


def test_a_passed_window_is_hatched_and_named_as_passed():
    svg = timeline_svg([TimelineRow(label="MRI", windows=(around(date(2025, 9, 1)),))], TODAY)
    (bar,) = bars(tree(svg))
    assert bar.get("fill") == "url(#past-hatch)"
    assert "passed" in tree(svg).find(f"{SVG}desc").text


def test_a_person_sets_the_date_where_no_rule_does():
    svg = timeline_svg([TimelineRow(label="Later", windows=())], TODAY)
    assert list(tree(svg).iter(f"{SVG}circle"))
    assert "a person sets the date" in tree(svg).find(f"{SVG}desc").text
    closed = timeline_svg([TimelineRow(label="Once", windows=(around(date(2026, 9, 1)),))], TODAY)
    assert not list(tree(closed).iter(f"{SVG}circle"))


def test_the_motion_trace_draws_each_volume_and_names_the_worst():
    svg = motion_trace_svg(trace([0.0, 0.2, 1.5, 0.1]), {"limit": 0.5})
    lines = list(tree(svg).iter(f"{SVG}polyline"))
    assert len(lines) == 7
    points = [tuple(map(float, point.split(","))) for point in lines[0].get("points").split()]
    assert [x for x, _ in points] == pytest.approx([0, 333.3, 666.7, 1000], abs=0.1)
    heights = [points[0][1] - y for _, y in points]
    assert heights[2] / heights[1] == pytest.approx(7.5, rel=0.01)
    desc = tree(svg).find(f"{SVG}desc").text
    assert "1.5 mm, at volume 3" in desc
    assert "1 above the limit" in desc
    assert len({line.get("stroke-dasharray") for line in lines[1:4]}) == 3  # told apart without colour


@pytest.mark.parametrize("framewise", [[], [0.0], [0.0, float("nan")], [0.0, 1e-9], [0.0, 250.0]])
def test_any_trace_can_be_drawn(framewise):
    svg = motion_trace_svg(trace(framewise), {})
    tree(svg)
    assert "nan" not in svg


def test_missing_slices_are_drawn_at_their_share_of_the_stack():
    missing = tuple(MissingSlice(index=index, position_ras_mm=None) for index in (4, 5, 9))
    root = tree(slice_map_svg(Completeness(found=17, expected=20, missing=missing)))
    cells = [node for node in root.iter(f"{SVG}rect") if node.get("height") == "22"]
    assert [percent(cell, "x") for cell in cells] == [20, 25, 45]
    assert "5–6, 10" in root.find(f"{SVG}desc").text


def test_slices_missing_from_few_volumes_get_a_strip_each():
    missing = tuple(MissingSlice(index=2, position_ras_mm=None, volume=volume) for volume in range(5))
    root = tree(slice_map_svg(Completeness(found=295, expected=300, missing=missing), volumes=30))
    cells = [node for node in root.iter(f"{SVG}rect") if node.get("height") == "22"]
    assert len(cells) == 5
    assert {percent(cell, "x") for cell in cells} == {20}


def test_slices_missing_from_many_volumes_are_drawn_on_a_grid():
    missing = tuple(MissingSlice(index=k, position_ras_mm=None, volume=v) for v in range(0, 30, 2) for k in (2, 3, 9))
    root = tree(slice_map_svg(Completeness(found=255, expected=300, missing=missing), volumes=30))
    background, *cells = list(root.iter(f"{SVG}rect"))
    assert background.get("width") == "100"
    assert len(cells) == 30  # two runs in each of 15 volumes
    places = {(float(cell.get("x")), float(cell.get("y")), float(cell.get("height"))) for cell in cells}
    assert (0.0, 60.0, 20.0) in places  # slices 3 and 4 of 10, counted from below, in the first volume
    assert (pytest.approx(93.333, abs=0.001), 0.0, 10.0) in [tuple(place) for place in places]
    assert "15 volumes of 30 lack slices" in root.find(f"{SVG}desc").text
    assert "and 7 volumes more" in root.find(f"{SVG}desc").text


def test_nothing_missing_draws_nothing():
    assert slice_map_svg(Completeness(found=20, expected=20)) == ""
    assert slice_map_svg(Completeness(found=20, expected=None)) == ""
