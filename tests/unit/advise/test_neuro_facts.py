"""Derived facts of brain lesions against answers worked out by hand, with what leaves each of them unknown."""

from __future__ import annotations

from datetime import date

import pytest

from mriloop.app import advise as use_case
from mriloop.model.fact import UNKNOWN, FactValue, Truth
from mriloop.model.finding import Fact, Source
from mriloop.model.quantity import Quantity
from mriloop.stages.advise.derive.common import is_unknown
from mriloop.stages.advise.facts import CaseFacts

VOCABULARY = use_case.guidelines_in_force().vocabulary
AS_OF = date(2026, 3, 1)
YES, NO = Truth.TRUE, Truth.FALSE


def q(value: float, unit: str) -> Quantity:
    return Quantity(value=value, unit=unit)


def derive(name: str, **values: FactValue) -> FactValue:
    stated = {key: Fact(name=key, value=value, source=Source.PERSON) for key, value in values.items()}
    value = CaseFacts(stated, VOCABULARY, AS_OF).value(name)
    return UNKNOWN if is_unknown(value) else value


SURGERY, RADIATION, RADIOSURGERY = date(2024, 3, 1), date(2024, 6, 15), date(2025, 2, 20)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"surgery_date": SURGERY}, "surgery"),
        ({"radiotherapy_end_date": RADIATION}, "radiotherapy"),
        ({"radiosurgery_date": RADIOSURGERY}, "radiotherapy"),
        ({"months_since_radiosurgery": q(3, "mo")}, "radiotherapy"),
        ({"surgery_date": SURGERY, "radiotherapy_end_date": RADIATION}, "surgery_and_radiotherapy"),
        ({"discovered": "incidental"}, "none"),
        ({"condition": ("incidental_meningioma",)}, "none"),
        ({"observation_chosen": YES}, "none"),
        ({"observation_chosen": NO}, UNKNOWN),
        ({"discovered": "incidental", "surgery_date": SURGERY}, "surgery"),
        ({"condition": ("meningioma",)}, UNKNOWN),
        ({"discovered": "symptomatic"}, UNKNOWN),
        ({}, UNKNOWN),
    ],
)
def test_the_treatment_so_far(facts, expected):
    assert derive("lesion_treatment", **facts) == expected


def test_the_last_treatment_counts_and_one_that_lies_ahead_does_not():
    both = {"surgery_date": SURGERY, "radiotherapy_end_date": RADIATION}
    assert derive("treatment_date", **both) == RADIATION
    assert derive("treatment_date", **both, radiosurgery_date=date(2026, 4, 1)) == RADIATION
    assert derive("treatment_date") == UNKNOWN


@pytest.mark.parametrize(
    ("day", "years"),
    [(date(2017, 3, 1), 9.0), (date(2024, 3, 1), 2.0), (date(2026, 3, 1), 0.0)],
)
def test_years_since_treatment_are_exact_on_the_anniversary(day, years):
    assert derive("years_since_treatment", surgery_date=day) == q(years, "a")


def test_a_day_more_than_nine_years_is_more_than_nine():
    found = derive("years_since_treatment", treatment_date=date(2017, 2, 28))
    assert isinstance(found, Quantity)
    assert 9 < found.value < 9.01
    assert derive("years_since_treatment", treatment_date=date(2026, 3, 2)) == UNKNOWN


@pytest.mark.parametrize(
    ("end", "made", "weeks"),
    [
        (date(2025, 12, 1), date(2026, 2, 23), q(12, "wk")),
        (date(2025, 12, 1), date(2025, 12, 1), q(0, "wk")),
        (date(2025, 12, 1), date(2025, 11, 30), UNKNOWN),
    ],
)
def test_weeks_are_counted_to_the_mri(end, made, weeks):
    assert derive("weeks_since_radiotherapy", radiotherapy_end_date=end, exam_date=made) == weeks


def test_weeks_are_not_counted_to_the_day_of_the_question():
    assert derive("weeks_since_radiotherapy", radiotherapy_end_date=RADIATION) == UNKNOWN
    assert derive("months_since_radiosurgery", radiosurgery_date=RADIOSURGERY) == UNKNOWN
    made = derive("months_since_radiosurgery", radiosurgery_date=RADIOSURGERY, exam_date=date(2026, 2, 20))
    assert made == q(12, "mo")


@pytest.mark.parametrize(
    ("fact", "day"),
    [("post_operative_mri_done", "surgery_date"), ("post_radiotherapy_mri_done", "radiotherapy_end_date")],
)
def test_an_mri_on_or_after_the_day_is_the_baseline_and_silence_is_no_answer(fact, day):
    assert derive(fact, **{day: date(2026, 1, 10)}, exam_date=date(2026, 1, 10)) is YES
    assert derive(fact, **{day: date(2026, 1, 10)}, exam_date=date(2026, 1, 9)) == UNKNOWN
    assert derive(fact, **{day: date(2026, 1, 10)}) == UNKNOWN


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"first_mri_date": date(2024, 5, 1), "exam_date": AS_OF, "change_vs_prior": "stable"}, date(2024, 5, 1)),
        ({"exam_date": AS_OF, "change_vs_prior": "no_prior"}, AS_OF),
        ({"exam_date": AS_OF}, AS_OF),
        ({"exam_date": AS_OF, "change_vs_prior": "stable"}, UNKNOWN),
        ({"exam_date": date(2026, 2, 28), "months_since_first_mri": q(12, "mo")}, date(2025, 2, 28)),
        ({"exam_date": date(2026, 2, 28), "months_since_first_mri": q(1.5, "a")}, date(2024, 8, 28)),
        ({"exam_date": date(2026, 3, 17), "months_since_first_mri": q(0.5, "mo")}, date(2026, 3, 1)),
        ({"months_since_first_mri": q(12, "mo")}, UNKNOWN),
        ({"change_vs_prior": "no_prior"}, UNKNOWN),
    ],
)
def test_follow_up_is_counted_from_the_first_mri(facts, expected):
    assert derive("surveillance_start", **facts) == expected


@pytest.mark.parametrize(
    ("size", "prior", "baseline", "grown", "percent"),
    [
        (q(12, "mm"), q(10, "mm"), None, 2.0, 20.0),
        (q(1.2, "cm"), q(11, "mm"), q(8, "mm"), 4.0, 50.0),
        (q(9, "mm"), q(8, "mm"), q(12, "mm"), 1.0, 12.5),
        (q(6, "mm"), q(8, "mm"), None, -2.0, -25.0),
        (q(11.1, "mm"), q(9.1, "mm"), None, 2.0, 21.978022),
    ],
)
def test_growth_is_counted_from_the_smallest_earlier_size(size, prior, baseline, grown, percent):
    facts = {"lesion_size": size, "prior_lesion_size": prior}
    facts |= {"baseline_lesion_size": baseline} if baseline is not None else {}
    assert derive("lesion_growth", **facts) == q(grown, "mm")
    assert derive("lesion_growth_percent", **facts) == q(percent, "%")


def test_growth_is_unknown_without_both_sizes():
    for name in ("lesion_growth", "lesion_growth_percent", "growth_per_year"):
        assert derive(name, lesion_size=q(9, "mm")) == UNKNOWN
        assert derive(name, prior_lesion_size=q(9, "mm")) == UNKNOWN
    assert derive("lesion_growth_percent", lesion_size=q(5, "mm"), prior_lesion_size=q(0, "mm")) == UNKNOWN


@pytest.mark.parametrize(
    ("start", "end", "rate"),
    [
        (date(2025, 3, 1), date(2026, 3, 1), 2.0),
        (date(2024, 3, 1), date(2026, 3, 1), 1.0),
        (date(2025, 8, 31), date(2026, 2, 28), 4.0),
        (date(2026, 3, 1), date(2026, 3, 1), None),
        (date(2026, 3, 2), date(2026, 3, 1), None),
    ],
)
def test_growth_per_year_counts_calendar_months(start, end, rate):
    sizes = {"lesion_size": q(12, "mm"), "prior_lesion_size": q(1, "cm")}
    found = derive("growth_per_year", **sizes, prior_exam_date=start, exam_date=end)
    assert found == (UNKNOWN if rate is None else q(rate, "mm/a"))
    assert derive("growth_per_year", **sizes) == UNKNOWN


@pytest.mark.parametrize(
    ("quality", "answers", "expected"),
    [
        ("limited", UNKNOWN, YES),
        ("limited", NO, YES),
        ("limited", YES, NO),
        ("diagnostic", UNKNOWN, NO),
        ("not_diagnostic", UNKNOWN, NO),
        (UNKNOWN, YES, UNKNOWN),
    ],
)
def test_a_limited_study_is_unsettled_until_a_person_vouches_for_it(quality, answers, expected):
    assert derive("quality_unsettled", study_quality=quality, limited_study_answers=answers) == expected


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"condition": ("meningioma",)}, YES),
        ({"condition": ("pituitary_lesion", "meningioma")}, NO),
        ({"condition": ("other",)}, NO),
        ({"region": "kidney"}, YES),
        ({"region": "brain"}, NO),
        ({"region": "pituitary"}, NO),
        ({}, NO),
    ],
)
def test_a_lesion_named_elsewhere_is_none_of_the_pituitary(facts, expected):
    assert derive("lesion_elsewhere", **facts) is expected


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"condition": ("multiple_sclerosis",)}, YES),
        ({"condition": ("intracranial_aneurysm",)}, YES),
        ({"condition": ("vestibular_schwannoma",), "lesion_treatment": "none"}, YES),
        ({"condition": ("vestibular_schwannoma",), "lesion_treatment": "surgery"}, NO),
        ({"condition": ("vestibular_schwannoma",)}, UNKNOWN),
        ({"condition": ("glioma",)}, NO),
        ({}, UNKNOWN),
    ],
)
def test_which_guidelines_do_without_gadolinium(facts, expected):
    assert derive("gadolinium_not_needed", **facts) == expected


def test_what_a_word_says_by_itself():
    assert derive("tumour_grade", condition=("glioblastoma",)) == "grade_4"
    assert derive("tumour_grade", condition=("glioma",)) == UNKNOWN
    assert derive("hydrocephalus", condition=("colloid_cyst", "hydrocephalus")) is YES
    assert derive("hydrocephalus", condition=("colloid_cyst",)) == UNKNOWN
    assert derive("aneurysm_treatment", discovered="incidental") == "none"
    assert derive("aneurysm_treatment", observation_chosen=YES) == "none"
    assert derive("aneurysm_treatment") == UNKNOWN


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"lesion_size": q(12, "mm"), "prior_lesion_size": q(9, "mm")}, YES),
        ({"lesion_size": q(12, "mm"), "baseline_lesion_size": q(9, "mm"), "change_vs_prior": "stable"}, YES),
        ({"lesion_growth": q(3, "mm")}, YES),
        ({"lesion_size": q(12, "mm"), "change_vs_prior": "stable"}, NO),
        ({"change_vs_prior": "no_prior"}, NO),
        ({"lesion_size": q(12, "mm")}, UNKNOWN),
        ({}, UNKNOWN),
    ],
)
def test_two_sizes_are_asked_for_only_while_nobody_speaks_of_change(facts, expected):
    assert derive("growth_measured", **facts) == expected


def test_sizes_never_become_a_word_of_comparison():
    for size in (5, 10, 20):
        assert derive("change_vs_prior", lesion_size=q(size, "mm"), prior_lesion_size=q(10, "mm")) == UNKNOWN


@pytest.mark.parametrize(("brainstem", "expected"), [(YES, YES), (NO, UNKNOWN), (Truth.UNKNOWN, UNKNOWN)])
def test_a_compressed_brainstem_is_a_critical_structure_and_a_free_one_says_nothing(brainstem, expected):
    assert derive("critical_structure", brainstem_compression=brainstem) == expected


@pytest.mark.parametrize(
    ("day", "expected"),
    [(AS_OF, q(0, "d")), (date(2026, 2, 28), q(1, "d")), (date(2025, 3, 1), q(365, "d")), (date(2026, 3, 2), UNKNOWN)],
)
def test_days_since_a_treatment_end_today_and_never_run_ahead(day, expected):
    assert derive("days_since_surgery", surgery_date=day) == expected
    assert derive("days_since_radiotherapy", radiotherapy_end_date=day) == expected


def test_a_treatment_that_is_still_to_come_is_no_treatment():
    ahead = date(2026, 3, 2)
    assert derive("lesion_treatment", surgery_date=ahead) == UNKNOWN
    assert derive("lesion_treatment", radiosurgery_date=ahead, observation_chosen=YES) == "none"
    assert derive("lesion_treatment", surgery_date=AS_OF) == "surgery"
