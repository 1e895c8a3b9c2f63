"""Which limits hold for which series, what the lint of norms finds, and that a loosened limit is told."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mriloop.model.coding import Region, Weighting
from mriloop.model.guideline import Citation, Mark
from mriloop.model.norm import Circumstances, Norm, When
from mriloop.model.quality import Severity
from mriloop.model.quantity import Quantity
from mriloop.stages.check.limits import SHIPPED, SPECS, Limits
from mriloop.stages.check.thresholds import faults_in, limits_for, loosened_defects

CITED = Citation(text="A paper", year=2020, locator="p. 1", mark=Mark.M)
LIVER = Circumstances(region=Region.LIVER, weighting=Weighting.DWI, manufacturer="SIEMENS HEALTHINEERS", field_t=3.0)


def norm(limit, value, place="a.yaml, entry 1", *, site=False, **when):
    return Norm(limit=limit, value=value, because="it is so", citation=CITED, place=place, when=When(**when), site=site)


def test_every_limit_has_unit_reason_and_a_range_that_holds_it():
    names = {each.name for each in fields(Limits)} - {"whose"}
    assert set(SPECS) == names
    for spec in SPECS.values():
        assert spec.because
        assert spec.least <= spec.value <= spec.most, spec.name
        assert getattr(SHIPPED, spec.name) == spec.value


def test_a_norm_holds_where_all_its_conditions_hold():
    liver = norm(
        "motion_mm", 5.0, regions=(Region.LIVER, Region.KIDNEY), manufacturers=("SIEMENS",), field_t=(2.9, 3.1)
    )
    assert limits_for([liver], LIVER).motion_mm == 5.0
    for other in (
        replace(LIVER, region=Region.BRAIN),
        replace(LIVER, region=Region.UNKNOWN),
        replace(LIVER, manufacturer="PHILIPS"),
        replace(LIVER, field_t=1.5),
        replace(LIVER, field_t=None),
    ):
        assert limits_for([liver], other) is SHIPPED


def test_the_site_wins_over_the_shipped_and_the_special_over_the_general():
    general = norm("motion_mm", 2.0, "shipped")
    special = norm("motion_mm", 5.0, "shipped liver", regions=(Region.LIVER,))
    own = norm("motion_mm", 1.0, "site", site=True)
    for order in ([general, special], [special, general]):
        assert limits_for(order, LIVER).motion_mm == 5.0
    found = limits_for([own, special, general], LIVER)
    assert found.motion_mm == 1.0
    assert found.whose == {"motion_mm": "site: it is so"}


@given(st.permutations([1.0, 2.0, 5.0]))
def test_of_two_equally_special_norms_the_stricter_holds_in_any_order(values):
    assert limits_for([norm("motion_mm", v) for v in values], LIVER).motion_mm == 1.0
    assert limits_for([norm("snr_minor", v) for v in values], LIVER).snr_minor == 5.0


@pytest.mark.parametrize(
    ("norms", "words"),
    [
        ([norm("motion_mn", 5.0)], "no limit is called motion_mn"),
        ([norm("motion_mm", 500.0)], "between 0.1 and 20 mm"),
        ([norm("motion_mm", 5.0, protocols=("knee",))], "no protocol is called knee"),
        ([norm("motion_mm", 5.0), norm("motion_mm", 4.0, "b")], "neither is more special"),
        ([norm("spoilt_minor", 2.0)], "must not lie above spoilt_major"),
        ([norm("snr_major", 8.0, regions=(Region.KNEE,))], "must not lie above snr_minor"),
    ],
)
def test_the_lint_names_what_is_wrong(norms, words):
    assert any(words in text for _, text in faults_in(norms, ["ms_brain"]))


def test_the_lint_passes_norms_that_cannot_meet_or_that_agree():
    one = norm("motion_mm", 5.0, regions=(Region.LIVER,))
    assert faults_in([one, norm("motion_mm", 4.0, regions=(Region.KNEE,))]) == []
    assert faults_in([one, norm("motion_mm", 3.0)]) == []
    assert faults_in([one, norm("motion_mm", 3.0, site=True, regions=(Region.LIVER,))]) == []
    both = [norm("spoilt_minor", 2.0, regions=(Region.LIVER,)), norm("spoilt_major", 3.0, regions=(Region.LIVER,))]
    assert faults_in(both) == []


def test_a_loosened_limit_is_told_with_whose_it_is_where_it_judged_something():
    eased = limits_for([norm("motion_mm", 5.0, "site.yaml, entry 2", site=True)], LIVER)
    moved = {"displacement_mean": Quantity(value=2.0, unit="mm")}
    (told,) = loosened_defects(eased, moved)
    assert told.severity is Severity.INFO
    assert [(e.name, e.value, e.limit) for e in told.evidence] == [
        ("motion_mm", 5.0, 0.5),
        ("motion_mm_by", "site.yaml, entry 2: it is so", None),
    ]
    assert loosened_defects(eased, {}) == []
    assert loosened_defects(limits_for([norm("motion_mm", 0.3)], LIVER), moved) == []
    assert loosened_defects(limits_for([norm("snr_minor", 9.0)], LIVER), {"snr_air": Quantity(value=1, unit="1")}) == []
