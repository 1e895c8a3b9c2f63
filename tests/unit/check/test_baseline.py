"""Baselines: what they learn, what they hold a series against, and that they never make a verdict better."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mriloop.model.coding import Region, Subject, Weighting
from mriloop.model.norm import Baseline
from mriloop.model.quality import Scanner, SeriesCheck, SeriesKind, Severity, Standing, Verdict
from mriloop.model.quantity import NotAssessable, Quantity
from mriloop.stages.check.baseline import against_baseline, drift_alarms, learned, sighting_of, standings
from mriloop.stages.check.verdict import ORDER

SCANNER = Scanner(manufacturer="MAKER", model="THREE", device="0123456789ab", software="1")
KIND = SeriesKind(weighting=Weighting.T1, region=Region.BRAIN, object=Subject.PATIENT)
DAY = datetime(2026, 1, 5, 8)


def check(number, snr=20.0, ghost=0.02, *, coil="HEAD", verdict=Verdict.ACCEPTABLE, **change):
    one = SeriesCheck(
        series_instance_uid=f"1.{coil}.{number}",
        kind=KIND,
        verdict=verdict,
        volumes=1,
        description="t1 mprage",
        measures={"snr_air": Quantity(value=snr, unit="1"), "ghost_ratio": Quantity(value=ghost, unit="1")},
        scanner=SCANNER,
        coil=coil,
        acquired_at=DAY + timedelta(hours=6 * number),
    )
    return replace(one, **change)


def history(snrs, coil="HEAD"):
    found = [sighting_of(check(number, snr, coil=coil)) for number, snr in enumerate(snrs)]
    return learned(Baseline(), [one for one in found if one is not None])


NORMAL = np.random.default_rng(1).normal(20, 2, 60)


def test_a_robust_score_is_that_of_the_formula():
    found = standings(check(99, 12.0), history(NORMAL))["snr_air"]
    assert isinstance(found, Standing)
    median = np.median(NORMAL)
    spread = 1.4826 * np.median(np.abs(NORMAL - median))
    assert found.z == pytest.approx((12.0 - median) / spread)
    assert found.worse == pytest.approx(-found.z)
    assert len(found.values) == 60


def test_nine_values_are_not_enough_and_ten_are():
    assert standings(check(99), history(NORMAL[:9]))["snr_air"] == NotAssessable(
        reason="not enough history: 9 of 10 values"
    )
    assert isinstance(standings(check(99), history(NORMAL[:10]))["snr_air"], Standing)


def test_a_series_is_not_held_against_itself_nor_against_another_coil_software_or_scan():
    usual = history(NORMAL[:10])
    assert isinstance(standings(check(3), usual)["snr_air"], NotAssessable)
    for other in (
        check(99, coil="NECK"),
        check(99, scanner=replace(SCANNER, software="2")),
        check(99, description="t2 tse"),
        check(99, kind=replace(KIND, region=Region.KNEE)),
    ):
        assert standings(other, usual)["snr_air"] == NotAssessable(reason="not enough history: 0 of 10 values")


def test_a_history_without_spread_says_so():
    found = standings(check(99, 19.0), history([20.0] * 30))["snr_air"]
    assert found == NotAssessable(reason="the history has no spread to measure against")


def test_what_no_header_tells_cannot_be_learned():
    assert sighting_of(check(1, scanner=Scanner(manufacturer="MAKER"))) is None
    assert sighting_of(check(1, acquired_at=None)) is None
    assert sighting_of(check(1, verdict=Verdict.NOT_ASSESSABLE)) is None
    assert sighting_of(check(1, kind=replace(KIND, object=Subject.PHANTOM))) is None
    assert sighting_of(check(1, kind=replace(KIND, derived=True))) is None


def test_learning_the_same_results_twice_changes_nothing():
    once = history(NORMAL)
    again = [one for number, snr in enumerate(NORMAL) if (one := sighting_of(check(number, snr))) is not None]
    assert learned(once, again) == once


def test_far_outside_is_minor_with_a_firm_history_and_information_with_a_short_one():
    far = check(99, 2.0)
    firm = against_baseline(far, history(NORMAL))
    assert [(d.code, d.severity) for d in firm.defects] == [("outside_baseline", Severity.MINOR)]
    assert firm.verdict is Verdict.LIMITED
    short = against_baseline(far, history(NORMAL[:15]))
    assert [(d.code, d.severity) for d in short.defects] == [("outside_baseline", Severity.INFO)]
    assert short.verdict is Verdict.ACCEPTABLE


@given(st.floats(0.1, 100), st.floats(0, 1), st.sampled_from(ORDER))
def test_a_baseline_never_improves_a_verdict(snr, ghost, verdict):
    found = against_baseline(check(99, snr, ghost, verdict=verdict), history(NORMAL))
    assert ORDER.index(found.verdict) >= ORDER.index(verdict)


@given(st.floats(0.5, 60), st.floats(0.02, 1))
def test_less_signal_never_stands_better(snr, share):
    usual = history(NORMAL)
    before, after = (against_baseline(check(99, value), usual).verdict for value in (snr, snr * share))
    assert ORDER.index(after) >= ORDER.index(before)


def test_a_coil_that_loses_a_fifth_over_weeks_is_named_and_its_neighbour_is_not():
    rng = np.random.default_rng(2)
    steady, falling = rng.normal(20, 2, (2, 160))
    falling[80:] *= np.linspace(1.0, 0.7, 80)
    good, bad = history(steady, "NECK"), history(falling, "HEAD")
    alarms = drift_alarms(Baseline(histories=(*good.histories, *bad.histories)))
    assert {(a.coil, a.measure) for a in alarms} == {("HEAD", "snr_air")}
    (alarm,) = alarms
    assert alarm.worse
    assert alarm.lasting
    assert -0.30 < alarm.change < -0.08
    assert check(70).acquired_at < alarm.since < alarm.at
    assert alarm.at < check(150).acquired_at


def test_a_coil_that_got_better_is_told_as_such():
    rng = np.random.default_rng(3)
    values = rng.normal(20, 2, 120)
    values[60:] += 6
    (alarm,) = drift_alarms(history(values))
    assert not alarm.worse
    assert alarm.change == pytest.approx(0.3, abs=0.08)


def test_two_kinds_of_scan_of_one_coil_are_watched_together():
    """Each kind alone has too few scans after the loss; together they show it."""
    rng = np.random.default_rng(4)
    pairs = []
    for number in range(120):
        loss = 0.6 if number >= 105 else 1.0
        for name, usual in (("t1", 20.0), ("t2", 60.0)):
            one = check(number, float(rng.normal(usual, usual / 10)) * loss, description=name)
            pairs.append(sighting_of(replace(one, series_instance_uid=f"{name}.{number}")))
    (alarm,) = drift_alarms(learned(Baseline(), pairs))
    assert alarm.measure == "snr_air"
    assert alarm.at <= check(112).acquired_at
    assert alarm.change == pytest.approx(-0.4, abs=0.1)
