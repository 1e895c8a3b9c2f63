"""Discs and joints over visits: only what exceeds the limits counts, sums need every site, the rest is not judged."""

from __future__ import annotations

from datetime import date

import pytest

from mriloop.model.judgement import Judged
from mriloop.model.quantity import NotAssessable, Quantity
from mriloop.model.ramris import FEATURES
from mriloop.model.response import DiscLevel, DiscVisit, JointVisit, Pattern
from mriloop.stages.compare.disc import compare_discs, msu_size
from mriloop.stages.compare.joint import compare_joints


def discs(*areas, **more):
    visits = tuple(
        DiscVisit(id=f"v{n}", on=date(2018 + n, 1, 1), levels={"L4/L5": DiscLevel(herniation_mm2=area)})
        for n, area in enumerate(areas)
    )
    return compare_discs(visits, **more).entries


@pytest.mark.parametrize(
    ("areas", "pattern"),
    [
        ((100.0, 143.7), Pattern.UNCHANGED),
        ((100.0, 143.8), Pattern.INCREASED),
        ((100.0, 56.2), Pattern.DECREASED),
        ((100.0, 130.0, 160.0), Pattern.INCREASED),
        ((100.0, 150.0, 100.0), Pattern.FLUCTUATING),
        ((100.0, 120.0, 100.0), Pattern.UNCHANGED),
        ((100.0, None, 40.0), Pattern.DECREASED),
        ((100.0, None), Pattern.CANNOT_TELL),
    ],
)
def test_only_changes_beyond_the_limits_of_agreement_count(areas, pattern):
    assert discs(*areas, same_reader=True)[0].pattern is pattern


def test_another_reader_widens_the_limits_and_a_site_may_state_its_own():
    assert discs(100.0, 150.0)[0].pattern is Pattern.UNCHANGED
    assert discs(100.0, 112.0, area_mm2=10.0)[0].pattern is Pattern.INCREASED


def test_every_visit_is_held_against_the_one_before_and_the_last_against_the_first():
    judged = discs(100.0, 130.0, 160.0, same_reader=True)[0].judgements
    assert [each.judged for each in judged] == [Judged.WITHIN, Judged.WITHIN, Judged.CHANGED]
    assert judged[2].measure == "L4/L5 herniation, v0 to v2"


def test_the_msu_class_is_shown_and_never_judged():
    level = DiscLevel(msu_size=2, msu_zones="AB")
    visits = (
        DiscVisit(id="a", on=date(2025, 1, 1), levels={"L5/S1": level}),
        DiscVisit(id="b", on=date(2026, 1, 1), levels={"L5/S1": DiscLevel(msu_size=1, msu_zones="B")}),
    )
    (entry,) = compare_discs(visits).entries
    assert entry.pattern is Pattern.CANNOT_TELL
    assert entry.notes == ("a: 2-AB, b: 1-B",)


@pytest.mark.parametrize(("depth", "size"), [(0, 0), (0.1, 1), (5, 1), (5.1, 2), (10, 2), (10.1, 3)])
def test_msu_size_by_the_line_between_the_facets(depth, size):
    assert msu_size(depth, 10) == size


def test_ramris_has_the_sites_and_ranges_of_its_table():
    counts = {name: (len(each.wrist), len(each.mcp), each.most) for name, each in FEATURES.items()}
    assert counts == {
        "erosion": (15, 8, 10),
        "osteitis": (15, 8, 3),
        "synovitis": (3, 4, 3),
        "narrowing": (17, 4, 4),
        "tenosynovitis": (9, 4, 3),
    }
    assert all(len(set(each.sites)) == len(each.sites) for each in FEATURES.values())


def joints(feature, first, second, **more):
    visits = tuple(
        JointVisit(id=name, on=date(2026, month, 1), scores={feature: scores})
        for name, month, scores in (("a", 1, first), ("b", 4, second))
    )
    return {each.name: each for each in compare_joints(visits, **more).entries}


def scored(feature, value, **some):
    return dict.fromkeys(FEATURES[feature].sites, value) | some


def test_sums_are_over_wrist_mcp_and_both_and_need_every_site():
    found = joints("synovitis", scored("synovitis", 1.0), scored("synovitis", 2.0, mcp5=0.0))
    assert [each.values[0] for each in found.values()] == [Quantity(value=n, unit="1") for n in (3.0, 4.0, 7.0)]
    assert [each.values[1] for each in found.values()] == [Quantity(value=n, unit="1") for n in (6.0, 6.0, 12.0)]
    lacking = joints("synovitis", scored("synovitis", 1.0), {"mcp2": 1.0})
    assert isinstance(lacking["synovitis, wrist and MCP"].values[1], NotAssessable)
    assert "6 of 7 sites" in lacking["synovitis, wrist and MCP"].values[1].reason
    assert lacking["synovitis, wrist"].judgements[0].judged is Judged.CANNOT_TELL


def test_a_difference_is_judged_only_where_a_smallest_change_is_cited_or_stated():
    first, second = scored("narrowing", 0.0), scored("narrowing", 0.0, mcp2=2.0, radius_lunate=4.0)
    found = joints("narrowing", first, second)
    assert found["joint space narrowing, MCP"].judgements[0].judged is Judged.CHANGED  # 2 beyond 1.2
    assert found["joint space narrowing, wrist"].judgements[0].judged is Judged.WITHIN  # 4 within 6.1
    erosion = joints("erosion", scored("erosion", 0.0), scored("erosion", 5.0))
    assert {each.judgements[0].judged for each in erosion.values()} == {Judged.CANNOT_TELL}
    own = joints("erosion", scored("erosion", 0.0), scored("erosion", 0.0, lunate=2.0), detectable={"erosion": 1.5})
    assert own["erosion, wrist and MCP"].judgements[0].judged is Judged.CHANGED
    assert own["erosion, wrist and MCP"].notes == ("a to b: lunate 0 to 2",)


@pytest.mark.parametrize(
    ("feature", "site", "score"), [("synovitis", "mcp2", 4), ("erosion", "mcp2", 1), ("x", "y", 0)]
)
def test_scores_that_ramris_does_not_have_are_refused(feature, site, score):
    with pytest.raises(ValueError, match=r"no site|no feature|from 0 to"):
        compare_joints((JointVisit(id="a", on=date(2026, 1, 1), scores={feature: {site: score}}),))
