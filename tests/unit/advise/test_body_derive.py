"""PSA density, growth, age bands and counts: every derived fact of the body packs, with units and unknowns."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import pytest

from mriloop.model.fact import UNKNOWN, FactValue, Truth
from mriloop.model.quantity import Quantity, UnitError
from mriloop.stages.advise.derive import DERIVATIONS as DERIVATIONS_OF_ALL
from mriloop.stages.advise.derive.body import DERIVATIONS
from mriloop.stages.advise.derive.common import is_unknown

TODAY = date(2026, 3, 1)


def derive(name: str, **facts: FactValue) -> FactValue:
    known: Mapping[str, FactValue] = facts
    return DERIVATIONS[name](lambda other: known.get(other, UNKNOWN), TODAY)


def mm(value: float) -> Quantity:
    return Quantity(value=value, unit="mm")


def months(value: float) -> Quantity:
    return Quantity(value=value, unit="mo")


def years(value: float) -> Quantity:
    return Quantity(value=value, unit="a")


def test_psa_density_is_psa_by_volume_in_any_unit():
    density = derive("psa_density", psa=Quantity(value=6, unit="ng/mL"), prostate_volume=Quantity(value=40, unit="mL"))
    assert density == Quantity(value=0.15, unit="ng/mL/mL")
    same = derive("psa_density", psa=Quantity(value=6, unit="ug/L"), prostate_volume=Quantity(value=40_000, unit="mm3"))
    assert isinstance(same, Quantity)
    assert same.value == pytest.approx(0.15)


def test_no_density_without_psa_or_without_a_volume():
    psa, volume = Quantity(value=6, unit="ng/mL"), Quantity(value=40, unit="mL")
    assert is_unknown(derive("psa_density", psa=psa))
    assert is_unknown(derive("psa_density", prostate_volume=volume))
    assert is_unknown(derive("psa_density", psa=psa, prostate_volume=Quantity(value=0, unit="mL")))


def test_a_density_converts_to_no_concentration():
    with pytest.raises(UnitError):
        Quantity(value=0.1, unit="ng/mL/mL").to("ng/mL")


@pytest.mark.parametrize(
    ("size", "prior", "apart", "per_year"), [(15, 10, 12, 5), (15, 10, 24, 2.5), (11, 10, 6, 2), (10, 10, 12, 0)]
)
def test_growth_a_year_is_counted_in_calendar_months(size, prior, apart, per_year):
    facts = {"lesion_size": mm(size), "prior_lesion_size": mm(prior), "months_since_prior": months(apart)}
    assert DERIVATIONS_OF_ALL["growth_per_year"](lambda name: facts.get(name, UNKNOWN), TODAY) == Quantity(
        value=pytest.approx(per_year), unit="mm/a"
    )


def test_the_time_since_the_prior_is_counted_in_calendar_months():
    prior = derive("months_since_prior", prior_exam_date=date(2025, 8, 20), exam_date=date(2026, 2, 20))
    assert prior == months(6)
    assert is_unknown(derive("months_since_prior", prior_exam_date=date(2026, 3, 1), exam_date=date(2026, 2, 20)))


@pytest.mark.parametrize(
    ("age", "band"),
    [(18, "under_65"), (64, "under_65"), (65, "from_65_to_79"), (79, "from_65_to_79"), (80, "80_or_more")],
)
def test_the_age_band_of_a_first_study_is_that_of_today(age, band):
    assert derive("pancreatic_age_band", age=years(age), change_vs_prior="no_prior") == band


@pytest.mark.parametrize(
    ("born", "band"),
    [
        (date(1955, 2, 21), "under_65"),  # 64 on 20 February 2020, its eve of 65
        (date(1955, 2, 20), "from_65_to_79"),  # the 65th birthday
        (date(1940, 2, 21), "from_65_to_79"),
        (date(1940, 2, 20), "80_or_more"),
    ],
)
def test_with_a_birth_date_the_band_is_that_of_the_first_study_to_the_day(born, band):
    assert derive("pancreatic_age_band", birth_date=born, surveillance_start=date(2020, 2, 20)) == band


def test_an_age_in_whole_years_decides_the_band_only_where_it_can():
    first = {"surveillance_start": date(2021, 3, 1)}  # five years ago to the day
    assert derive("pancreatic_age_band", age=years(68), **first) == "under_65"  # 63 then
    assert derive("pancreatic_age_band", age=years(69), **first) == "under_65"  # 64 then, whatever the birthday
    assert derive("pancreatic_age_band", age=years(70), **first) == "from_65_to_79"  # 65 then
    half = {"surveillance_start": date(2020, 9, 1)}  # five and a half years ago
    assert is_unknown(derive("pancreatic_age_band", age=years(70), **half))  # 64 or 65
    assert derive("pancreatic_age_band", age=years(71), **half) == "from_65_to_79"
    assert is_unknown(derive("pancreatic_age_band", age=years(85), **half))  # 79 or 80
    assert derive("pancreatic_age_band", age=years(60)) == "under_65"  # was younger at any earlier study
    assert is_unknown(derive("pancreatic_age_band", age=years(70)))


@pytest.mark.parametrize(
    ("prior", "size", "grown"),
    [
        (4, 7.9, Truth.FALSE),  # below 5 mm: 100 %
        (4, 8, Truth.TRUE),
        (4.9, 9.8, Truth.TRUE),
        (5, 7.4, Truth.FALSE),  # from 5 to below 15 mm: 50 %
        (5, 7.5, Truth.TRUE),
        (14.9, 22.3, Truth.FALSE),
        (14.9, 22.35, Truth.TRUE),
        (15, 17.9, Truth.FALSE),  # from 15 mm: 20 %
        (15, 18, Truth.TRUE),
        (25, 30, Truth.TRUE),
        (25, 20, Truth.FALSE),
    ],
)
def test_growth_by_the_measure_of_the_acr(prior, size, grown):
    assert derive("acr_cyst_growth", prior_lesion_size=mm(prior), lesion_size=mm(size)) is grown


def test_without_sizes_a_word_about_the_change_decides_only_that_nothing_grew():
    for word in ("no_prior", "stable", "shrinkage"):
        assert derive("acr_cyst_growth", change_vs_prior=word) is Truth.FALSE
    for word in ("growth", "cannot_tell"):
        assert derive("acr_cyst_growth", change_vs_prior=word) is Truth.UNKNOWN
    assert derive("acr_cyst_growth") is Truth.UNKNOWN


@pytest.mark.parametrize(
    ("prior", "size", "apart", "answer"),
    [(10, 15, 6, "present"), (10, 14.9, 6, "absent"), (10, 15, 6.1, "absent"), (10, 22, 1, "present")],
)
def test_threshold_growth_is_half_as_much_again_within_six_months(prior, size, apart, answer):
    facts = {"prior_lesion_size": mm(prior), "lesion_size": mm(size), "months_since_prior": months(apart)}
    assert derive("lirads_threshold_growth", change_vs_prior="growth", **facts) == answer


def test_threshold_growth_needs_a_prior_and_its_date():
    grown = {"prior_lesion_size": mm(10), "lesion_size": mm(18)}
    assert derive("lirads_threshold_growth", change_vs_prior="no_prior") == "absent"
    assert is_unknown(derive("lirads_threshold_growth", change_vs_prior="growth", **grown))
    assert is_unknown(derive("lirads_threshold_growth", change_vs_prior="growth"))
    assert is_unknown(derive("lirads_threshold_growth"))


def test_features_are_counted_unsure_as_absent_and_unlooked_for_as_unknown():
    def count(**said: str) -> FactValue:
        return derive("lirads_features", **{f"lirads_{name}": value for name, value in said.items()})

    assert count(washout="absent", capsule="unsure", threshold_growth="absent") == "none"
    assert count(washout="present", capsule="unsure", threshold_growth="absent") == "one"
    assert count(washout="present", capsule="present", threshold_growth="present") == "two_or_more"
    assert count(washout="present", capsule="present") == "two_or_more"
    assert is_unknown(count(washout="present", capsule="absent"))
    assert is_unknown(count())


@pytest.mark.parametrize("word", ["cirrhosis", "chronic_hepatitis_b", "hepatocellular_carcinoma"])
def test_three_conditions_make_the_risk_of_liver_cancer_high_and_no_other_excludes_it(word):
    assert derive("hcc_risk", condition=(word, "other")) is Truth.TRUE
    assert derive("hcc_risk", condition=("other",)) is Truth.UNKNOWN
    assert derive("hcc_risk") is Truth.UNKNOWN


def test_what_has_a_bosniak_class_is_cystic():
    assert derive("renal_mass_kind", bosniak_class="III") == "cystic"
    assert derive("renal_mass_kind", condition=("solid_renal_mass",)) == "solid"
    assert derive("renal_mass_kind", condition=("cystic_renal_mass",)) == "cystic"
    assert is_unknown(derive("renal_mass_kind", condition=("solid_renal_mass", "cystic_renal_mass")))
    assert is_unknown(derive("renal_mass_kind", condition=("renal_mass",)))
    assert is_unknown(derive("renal_mass_kind"))
