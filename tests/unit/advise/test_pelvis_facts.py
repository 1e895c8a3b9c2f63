"""Facts of the adrenal, pelvic and tumour packs that follow from others: unknown in, unknown out, units kept."""

from __future__ import annotations

from datetime import date
from itertools import product

import pytest
from tests.unit.advise.pelvis import KNOWN, ask

from mriloop.model.fact import Truth, Unknown
from mriloop.model.finding import Fact, Source
from mriloop.model.quantity import Quantity
from mriloop.stages.advise.facts import CaseFacts

YES, NO, OPEN = Truth.TRUE, Truth.FALSE, Truth.UNKNOWN


def hounsfield(value: float) -> Quantity:
    return Quantity(value=value, unit="[hnsf'U]")


def mm(value: float, unit: str = "mm") -> Quantity:
    return Quantity(value=value, unit=unit)


def derive(name: str, **stated: object):
    facts = {each: Fact(name=each, value=value, source=Source.PERSON) for each, value in stated.items()}  # type: ignore[arg-type]
    found = CaseFacts(facts, KNOWN.vocabulary, date(2026, 3, 1)).value(name)
    return None if isinstance(found, Unknown) or found is OPEN else found


@pytest.mark.parametrize(
    ("quality", "said", "answers"),
    [
        ("diagnostic", None, YES),
        ("diagnostic", NO, YES),
        ("limited", YES, YES),
        ("limited", NO, NO),
        ("limited", None, None),
        ("not_diagnostic", YES, NO),
        (None, YES, None),
        (None, None, None),
    ],
)
def test_a_study_readable_when_it_is_diagnostic_or_a_reader_says_so(quality, said, answers):
    stated = {"study_quality": quality, "limited_study_answers": said}
    given = {name: value for name, value in stated.items() if value is not None}
    assert derive("study_readable", **given) is answers


@pytest.mark.parametrize(
    ("kind", "drop", "attenuation", "homogeneous", "shown"),
    [
        ("myelolipoma", None, None, None, YES),
        ("cyst", NO, 30, NO, YES),
        (None, YES, None, YES, YES),
        (None, YES, 30, YES, YES),
        (None, NO, 10, YES, YES),
        (None, NO, 10.1, YES, NO),
        (None, NO, None, YES, NO),
        (None, None, 11, YES, NO),
        (None, YES, None, NO, NO),
        (None, YES, None, None, None),
        (None, None, None, YES, None),
    ],
)
def test_one_test_that_shows_a_benign_adrenal_lesion_is_enough_and_none_shows_nothing(
    kind, drop, attenuation, homogeneous, shown
):
    stated = {
        "adrenal_kind": kind,
        "adrenal_signal_drop": drop,
        "adrenal_attenuation": None if attenuation is None else hounsfield(attenuation),
        "adrenal_homogeneous": homogeneous,
    }
    found = derive("adrenal_benign_shown", **{name: value for name, value in stated.items() if value is not None})
    assert found is shown


def test_an_adrenal_lesion_is_undetermined_only_once_somebody_looked_for_fat():
    assert derive("adrenal_kind", lesion_size=mm(20)) is None
    assert derive("adrenal_kind", adrenal_signal_drop=NO) == "undetermined"
    assert derive("adrenal_kind", adrenal_attenuation=hounsfield(30)) == "undetermined"


def test_a_lesion_without_solid_tissue_has_no_large_volume_of_it():
    assert derive("adnexal_solid_large", adnexal_solid_tissue=NO) is NO
    assert derive("adnexal_solid_large", adnexal_solid_tissue=YES) is None
    assert derive("adnexal_solid_large") is None


def test_sums_are_held_against_baseline_and_nadir_in_any_unit_of_length():
    stated = {"target_sum": mm(6, "cm"), "target_sum_baseline": mm(100), "target_sum_nadir": mm(50)}
    drop, rise = derive("sum_drop_from_baseline", **stated), derive("sum_rise_from_nadir", **stated)
    assert (drop.value, drop.unit) == (pytest.approx(40), "%")
    assert (rise.value, rise.unit) == (pytest.approx(20), "%")
    assert derive("sum_rise_from_nadir_mm", **stated).value == pytest.approx(10)
    assert derive("sum_drop_from_baseline", **{**stated, "target_sum": mm(110)}).value == pytest.approx(-10)


@pytest.mark.parametrize("forgotten", ["target_sum", "target_sum_baseline", "target_sum_nadir"])
def test_a_sum_that_is_missing_leaves_its_change_unknown(forgotten):
    stated = {"target_sum": mm(60), "target_sum_baseline": mm(100), "target_sum_nadir": mm(50)}
    stated.pop(forgotten)
    assert (derive("sum_drop_from_baseline", **stated) is None) is (forgotten != "target_sum_nadir")
    assert (derive("sum_rise_from_nadir", **stated) is None) is (forgotten != "target_sum_baseline")


def test_a_sum_of_nothing_has_no_share():
    assert derive("sum_rise_from_nadir", target_sum=mm(10), target_sum_nadir=mm(0)) is None
    assert derive("sum_rise_from_nadir_mm", target_sum=mm(10), target_sum_nadir=mm(0)).value == 10


def test_a_response_waits_where_its_criteria_ask_for_a_second_visit():
    twice = {
        "recist_1_1": (),
        "volume": (),
        "other": (),
        "rano_bm": ("CR", "PR"),
        "rano_2010": ("CR", "PR", "PD"),
        "irano": ("CR", "PR", "PD"),
        "rano_2_0": ("CR", "PR", "MR", "PD"),
        "rano_2_0_volume": ("CR", "PR", "MR", "PD"),
    }
    for criteria, category in product(twice, KNOWN.vocabulary["response_category"].values):
        found = derive("response_standing", response_criteria=criteria, response_category=category)
        assert found == ("pending" if category in twice[criteria] else "final"), (criteria, category)
    assert derive("response_standing", response_category="PD") is None
    assert derive("response_standing", response_criteria="rano_2_0") is None


def test_the_protocol_has_a_day_on_record_or_none():
    assert derive("protocol_date_on_record", protocol_next_date=date(2026, 5, 1)) is YES
    assert derive("protocol_date_on_record") is NO


def test_months_on_immunotherapy_are_months_of_the_calendar():
    started = {"immunotherapy_start_date": date(2025, 8, 20)}
    assert derive("months_on_immunotherapy", **started, exam_date=date(2026, 2, 20)).value == 6
    assert derive("months_on_immunotherapy", **started, exam_date=date(2026, 2, 19)).value < 6
    assert derive("months_on_immunotherapy", **started, exam_date=date(2026, 2, 21)).value > 6
    started_after = {"immunotherapy_start_date": date(2026, 3, 1), "exam_date": date(2026, 2, 28)}
    assert derive("months_on_immunotherapy", **started_after) is None


def test_fat_darker_than_water_is_taken_and_a_negative_length_is_not():
    assert (
        ask("adrenal", {"adrenal_attenuation": "-30 HU", "adrenal_homogeneous": "yes"}).facts["adrenal_benign_shown"]
        is YES
    )
    with pytest.raises(ValueError, match="negative"):
        ask("adrenal", {"lesion_size": "-3 mm"})


@pytest.mark.parametrize(("count", "expected"), [(0, "no"), (1, "yes"), (2, "yes"), (None, None)])
def test_a_stated_number_of_new_lesions_says_whether_there_is_one(count, expected):
    stated = {} if count is None else {"new_lesion_count": Quantity(value=count, unit="{count}")}
    assert derive("new_lesion", **stated) == expected
