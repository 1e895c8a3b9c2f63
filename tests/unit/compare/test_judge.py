"""Judgements held against arithmetic by hand; the shipped coefficients; what the lint finds."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mriloop.app.norms import lint_norms, repeatability_in_force
from mriloop.edges.knowledge.repeatability import load_repeatability, read_repeatability
from mriloop.model.coding import Region
from mriloop.model.errors import MriloopError
from mriloop.model.fact import Truth
from mriloop.model.guideline import Citation, Mark
from mriloop.model.judgement import Judged, Repeatability
from mriloop.model.quantity import NotAssessable, Quantity
from mriloop.stages.compare.judge import MEASURES, choose, faults_in, judge, words

CITED = Citation(text="A paper. Journal", year=2020, locator="p. 1", mark=Mark.V2)
ADC = Repeatability(measure="ADC", unit="mm2/s", percent=8.0, when="same scanner", citation=CITED)
LOAD = Repeatability(measure="lesion load", unit="mL", percent=12.0, absolute=0.5, when="one reader", citation=CITED)
VOLUME = Repeatability(measure="tumour volume", unit="mL", percent=55.0, ratio=True, when="CT", citation=CITED)


def adc(value):
    return Quantity(value=value, unit="mm2/s")


def ml(value):
    return Quantity(value=value, unit="mL")


def test_a_change_counts_beyond_the_percentage_of_the_earlier_value():
    assert judge("ADC", adc(1.079e-3), adc(1.0e-3), ADC).judged is Judged.WITHIN
    found = judge("ADC", adc(1.081e-3), adc(1.0e-3), ADC)
    assert found.judged is Judged.CHANGED
    assert found.change == pytest.approx(0.081e-3)
    assert found.change_percent == pytest.approx(8.1)
    assert found.beyond == pytest.approx(0.08e-3)
    assert words(found).startswith("ADC: higher (1000 → 1081 × 10⁻⁶ mm²/s, +8 %), beyond 80 × 10⁻⁶ mm²/s")
    within = judge("ADC", adc(0.93e-3), adc(1.0e-3), ADC)
    assert "no change beyond 80" in words(within)
    assert "stable" not in words(within)


def test_both_limits_and_the_noise_of_the_pair_must_be_exceeded():
    assert judge("lesion load", ml(1.4), ml(1.0), LOAD).judged is Judged.WITHIN  # 40 %, yet under 0.5 mL
    assert judge("lesion load", ml(1.6), ml(1.0), LOAD).judged is Judged.CHANGED
    assert judge("lesion load", ml(10.6), ml(10.0), LOAD).judged is Judged.WITHIN  # above 0.5 mL, yet 6 %
    noisy = judge("lesion load", ml(1.6), ml(1.0), LOAD, pair_noise=0.3)
    assert noisy.judged is Judged.WITHIN
    assert noisy.beyond == pytest.approx(2.77 * 0.3, rel=0.002)
    assert "noise of this pair" in noisy.because


def test_a_factor_is_the_same_up_and_down():
    up, down = judge("tumour volume", ml(15.6), ml(10.0), VOLUME), judge("tumour volume", ml(10.0), ml(15.6), VOLUME)
    assert (up.judged, down.judged) == (Judged.CHANGED, Judged.CHANGED)
    up, down = judge("tumour volume", ml(15.4), ml(10.0), VOLUME), judge("tumour volume", ml(10.0), ml(15.4), VOLUME)
    assert (up.judged, down.judged) == (Judged.WITHIN, Judged.WITHIN)


@pytest.mark.parametrize("obstacle", ["the visits could not be aligned", "CHECK says: repeat"])
def test_with_an_obstacle_nothing_is_told(obstacle):
    for today in (1.0, 1.001, 99.0):
        found = judge("lesion load", ml(today), ml(1.0), LOAD, obstacle=obstacle)
        assert found.judged is Judged.CANNOT_TELL
        assert obstacle in words(found)
        assert "no change" not in words(found)


def test_what_is_unknown_is_never_no_change():
    assert judge("ADC", adc(1e-3), adc(1e-3), None).judged is Judged.CANNOT_TELL
    assert judge("ADC", adc(1e-3), adc(1e-3), None, pair_noise=1e-6).judged is Judged.CANNOT_TELL
    missing = NotAssessable(reason="the slice is missing")
    for today, before in ((missing, adc(1e-3)), (adc(1e-3), missing), (missing, missing)):
        found = judge("ADC", today, before, ADC)
        assert found.judged is Judged.CANNOT_TELL
        assert "the slice is missing" in words(found)
    assert judge("ADC", adc(0.0), adc(0.0), ADC).judged is Judged.CANNOT_TELL  # 8 % of nothing is no limit
    assert judge("ADC", adc(float("nan")), adc(1e-3), ADC).judged is Judged.CANNOT_TELL


def test_units_of_one_dimension_are_converted():
    found = judge("ADC", Quantity(value=1100.0, unit="10*-6.mm2/s"), adc(1.0e-3), ADC)
    assert found.judged is Judged.CHANGED
    assert found.change == pytest.approx(0.1e-3)


def test_the_shipped_coefficients_are_clean_and_cited():
    listed = repeatability_in_force()
    assert not faults_in(listed)
    assert not lint_norms()
    assert all(one.citation and one.citation.locator and one.when for one in listed)
    assert {one.measure for one in listed} <= set(MEASURES)
    brain = choose(listed, "ADC", region=Region.BRAIN, same_scanner=Truth.TRUE)
    assert brain is not None
    assert brain.percent == 8.0  # compare.md D4


def test_another_or_an_unknown_scanner_never_gets_the_limit_of_the_same_one():
    listed = repeatability_in_force()
    assert choose(listed, "ADC", region=Region.BRAIN, same_scanner=Truth.FALSE) is None
    assert choose(listed, "ADC", region=Region.BRAIN) is None
    assert choose(listed, "ADC", region=Region.UNKNOWN, same_scanner=Truth.TRUE) is None
    same, other, unknown = (
        choose(listed, "lesion load", region=Region.BRAIN, same_scanner=s)
        for s in (Truth.TRUE, Truth.FALSE, Truth.UNKNOWN)
    )
    assert (same.percent, other.percent, unknown.percent) == (12.0, 51.0, 51.0)


def test_the_sites_own_coefficient_wins(tmp_path):
    folder = tmp_path / "repeatability"
    folder.mkdir()
    (folder / "own.yaml").write_text(
        "repeatability:\n  - {measure: ADC, unit: mm2/s, percent: 5, when: {region: brain, scanner: same}, "
        "circumstances: our scanner, citation: {text: Our test, year: 2026, locator: table 1, mark: V}}\n"
    )
    listed = load_repeatability(tmp_path)
    own = choose(listed, "ADC", region=Region.BRAIN, same_scanner=Truth.TRUE)
    assert own is not None
    assert (own.percent, own.site) == (5.0, True)
    assert not lint_norms(tmp_path)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"measure": "ACD"}, "no measure is called"),
        ({"unit": "mm"}, "measured in mm2/s"),
        ({"unit": "furlong"}, "unknown unit"),
        ({"percent": None}, "neither percent nor absolute"),
        ({"percent": -3.0}, "percent must lie"),
        ({"percent": 4000.0}, "percent must lie"),
        ({"absolute": 0.0}, "absolute must be"),
        ({"percent": None, "absolute": 1.0, "ratio": True}, "ratio without percent"),
        ({"citation": None}, "citation"),
        ({"citation": replace(CITED, locator=" ")}, "citation"),
    ],
)
def test_the_lint_finds_each_fault(wrong, says):
    (fault,) = faults_in([replace(ADC, place="a.yaml, entry 1", **wrong)])
    assert fault[0] == "a.yaml, entry 1"
    assert says in fault[1]


def test_the_lint_finds_two_for_the_same_circumstances():
    one = replace(ADC, regions=(Region.BRAIN,), place="a")
    assert faults_in([one, replace(one, percent=9.0, place="b")])
    assert faults_in([one, replace(one, regions=(Region.BRAIN,), site=True)]) == []
    assert faults_in([one, replace(one, regions=(Region.LIVER,))]) == []


@pytest.mark.parametrize(
    "text",
    [
        "repeatability: []",
        "repeatability: [{measure: ADC}]",
        "repeatability: [{measure: ADC, unit: mm2/s, percent: eight, circumstances: x, citation: {}}]",
        "repeatability: [{measure: ADC, unit: mm2/s, percent: 8, circumstances: x, when: {scanner: mine}}]",
        "repeatability: [{measure: ADC, unit: mm2/s, percent: 8, circumstances: x, colour: red}]",
        "repeatability: [{measure: ADC, unit: mm2/s, percent: 8, circumstances: x, citation: {text: t, year: 2020}}]",
        "a: [",
    ],
)
def test_a_file_that_is_wrong_is_refused_with_its_place(text):
    with pytest.raises(MriloopError) as caught:
        read_repeatability(text, "own.yaml")
    assert caught.value.code == "knowledge_invalid"
    assert "own.yaml" in caught.value.message
