"""The surveillance tables of brain tumours, written by hand from the guidelines and held against the packs."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from mriloop.app import advise as use_case
from mriloop.model.advice import Advice, Recommendation

NOW = date(2026, 3, 1)


@pytest.fixture
def ask(tmp_path: Path):
    def put(text: str) -> Advice:
        path = tmp_path / "case.yaml"
        path.write_text("{" + text + "}")
        return use_case.advise_case(path, site=None, now=NOW)

    return put


def by_profile(advice: Advice) -> dict[str, Recommendation]:
    return {each.profile: each for each in advice.recommendations}


def days(each: Recommendation, count: int = 99) -> list[str]:
    return [str(window.target) for window in each.schedule[:count]]


def span(each: Recommendation) -> tuple[str, str]:
    window = each.schedule[0]
    return str(window.earliest), str(window.latest)


def years(start: str, *offsets: int) -> list[str]:
    return [f"{int(start[:4]) + offset}{start[4:]}" for offset in offsets]


def only(advice: Advice) -> Recommendation:
    (found,) = advice.recommendations
    return found


# Meningioma: EANO 2021, NCCN, NICE NG99 (2018/2021). One line a cell of the tables.


def test_v27_an_incidental_meningioma_shows_three_authorities_side_by_side(ask):
    advice = ask("condition: meningioma, discovered: incidental, age: 50, exam_date: 2026-02-10")
    found = by_profile(advice)
    assert set(found) == {"EANO 2021", "NCCN", "NICE NG99"}
    assert days(found["EANO 2021"], 6) == years("2026-02-10", 1, 2, 3, 4, 5, 7)
    assert days(found["NCCN"], 4) == ["2026-05-10", "2026-08-10", "2027-02-10", "2027-11-10"]
    assert days(found["NICE NG99"]) == ["2027-02-10"]
    assert "discharge" in found["NICE NG99"].text
    assert found["EANO 2021"].default
    assert not found["NICE NG99"].default
    (conflict,) = [each for each in advice.conflicts if each.topic.startswith("Meningioma")]
    assert len(conflict.recommendations) == 3
    assert conflict.default == "meningioma/eano/untreated"
    assert "no definitive evidence" in found["NICE NG99"].note


def test_nice_may_discharge_at_a_year_and_eano_goes_on(ask):
    stable = "condition: meningioma, discovered: incidental, age: 50, first_mri_date: 2025-02-28, change: stable"
    before = by_profile(ask(f"{stable}, exam_date: 2026-02-27"))
    assert before["NICE NG99"].step == "follow_up_imaging"
    after = by_profile(ask(f"{stable}, exam_date: 2026-02-28"))
    assert after["NICE NG99"].step == "may_stop_imaging"
    assert days(after["NICE NG99"]) == ["2030-02-28"]
    assert after["EANO 2021"].step == "follow_up_imaging"
    assert after["EANO 2021"].never_auto_close


@pytest.mark.parametrize("quality", ["limited", "not_diagnostic"])
def test_nobody_is_discharged_on_images_that_do_not_answer(ask, quality):
    advice = ask(
        "condition: meningioma, discovered: incidental, age: 50, first_mri_date: 2025-01-01, change: stable,"
        f" exam_date: 2026-02-28, quality: {quality}"
    )
    assert only(advice).step == {"limited": "clinician_review", "not_diagnostic": "repeat_imaging"}[quality]


TREATED = "condition: meningioma, age: 60, exam_date: 2024-09-10, change: stable"
AFTER_SURGERY = "surgery_date: 2024-06-10"
AFTER_RADIATION = "radiotherapy_end_date: 2024-06-10"


@pytest.mark.parametrize(
    ("case", "first", "at_years"),
    [
        (f"{AFTER_SURGERY}, grade: 1, residual: no", "2024-09-10", (1, 2, 3, 5, 7, 9)),
        (f"{AFTER_SURGERY}, grade: 1, residual: yes", "2024-09-10", (1, 2, 3, 4, 5, 7, 9)),
        (f"{AFTER_RADIATION}, grade: 1", "2024-12-10", (1, 2, 3, 5, 7, 9)),
        (f"{AFTER_SURGERY}, grade: 2", "2024-09-10", (1, 2, 3, 4, 5, 7, 9)),
    ],
)
def test_nice_table_of_treated_meningioma(ask, case, first, at_years):
    found = by_profile(ask(f"{TREATED}, {case}".replace("grade:", "tumour_grade:")))["NICE NG99"]
    assert days(found) == [first, *years("2024-06-10", *at_years)]
    assert found.then == "consider discharge after 9 years"


def test_nice_grade_2_second_mri_is_6_to_12_months_after_the_first(ask):
    found = by_profile(ask(f"{TREATED}, {AFTER_SURGERY}, tumour_grade: 2"))["NICE NG99"]
    second = found.schedule[1]
    assert (second.earliest, second.latest) == (date(2025, 3, 10), date(2025, 9, 10))


@pytest.mark.parametrize(
    ("treated", "nice", "nccn"),
    [
        ("2026-01-10", ("2026-05-20", "2026-08-20"), ("2026-04-20", "2026-06-20")),  # 3 to 6, 2 to 4 months
        ("2024-03-02", ("2026-05-20", "2026-08-20"), ("2026-04-20", "2026-06-20")),  # a day short of two years
        ("2024-03-01", ("2026-08-20", "2027-02-20"), ("2026-04-20", "2026-06-20")),  # two years: 6 to 12
        ("2023-03-01", ("2026-08-20", "2027-02-20"), ("2026-04-20", "2026-06-20")),  # three years are within three
        ("2023-02-28", ("2026-08-20", "2027-02-20"), ("2026-05-20", "2026-08-20")),  # more than three: 3 to 6
        ("2021-03-02", ("2026-08-20", "2027-02-20"), ("2026-05-20", "2026-08-20")),  # a day short of five
        ("2021-03-01", ("2027-01-20", "2027-03-20"), ("2026-05-20", "2026-08-20")),  # five: every year, for life
        ("2010-03-01", ("2027-01-20", "2027-03-20"), ("2026-05-20", "2026-08-20")),  # and never discharged
    ],
)
def test_grade_3_by_years_since_treatment(ask, treated, nice, nccn):
    text = f"condition: meningioma, surgery_date: {treated}, tumour_grade: 3, exam_date: 2026-02-20, change: stable"
    shown = {}
    for lead in ("NICE NG99", "NCCN", "EANO 2021"):
        shown |= {
            each.profile: span(each)
            for each in ask(f"{text}, profiles: {{meningioma: {lead}}}").recommendations
            if each.default
        }
    assert shown == {"NICE NG99": nice, "NCCN": nccn, "EANO 2021": ("2026-05-20", "2026-08-20")}


@pytest.mark.parametrize("sign", ["change: growth", "oedema: yes", "critical_structure: yes", "lesion_symptoms: yes"])
def test_a_meningioma_escalates_before_any_interval(ask, sign):
    found = only(ask(f"condition: meningioma, discovered: incidental, age: 50, exam_date: 2026-02-10, {sign}"))
    assert (found.step, found.window) == ("specialist_referral", None)
    assert "neurosurgery" in found.specialty


# Glioma: EANO and NICE after INTERVAL-GB, RANO 2.0, NCCN from memory.

GRADE_4 = "condition: glioblastoma, age: 58, tumour_grade: 4, radiotherapy_end_date: 2025-12-01"


@pytest.mark.parametrize(
    ("made", "row"),
    [
        ("2025-12-01", "guards/pseudoprogression"),
        ("2026-02-23", "guards/pseudoprogression"),  # 84 days: 12 weeks exactly
        ("2026-02-24", "guards/progression"),
    ],
)
def test_twelve_weeks_part_pseudoprogression_from_progression(ask, made, row):
    found = only(ask(f"{GRADE_4}, exam_date: {made}, enhancement_growth: yes"))
    assert found.row == row
    assert "neuro_oncology" in found.specialty


def test_pseudoprogression_is_looked_at_again_with_perfusion_in_4_to_8_weeks(ask):
    found = only(ask(f"{GRADE_4}, exam_date: 2026-02-02, enhancement_growth: yes"))
    assert span(found) == ("2026-03-02", "2026-03-30")
    assert any("perfusion" in each for each in found.pulse_sequences)
    assert found.repeat_reason == "R2.oncology"


@pytest.mark.parametrize("sign", ["new_lesion_outside_field: yes", "clinical_course: worse"])
def test_what_is_no_pseudoprogression_does_not_wait(ask, sign):
    found = only(ask(f"{GRADE_4}, exam_date: 2026-02-02, enhancement_growth: yes, {sign}"))
    assert (found.step, found.urgency, found.window) == ("mdt_review", "days", None)


def test_grade_4_stable_differs_by_authority(ask):
    found = by_profile(ask(f"{GRADE_4}, exam_date: 2026-02-20, change: stable"))
    assert days(found["EANO"]) == ["2026-05-20"]
    assert span(found["NICE NG99"]) == ("2026-05-20", "2026-08-20")
    assert span(found["NCCN"]) == ("2026-04-20", "2026-06-20")
    assert found["EANO"].status == "reviewed-pending-signature"
    assert found["NCCN"].status == "draft"


def test_the_baseline_after_the_operation_is_two_days_or_three(ask):
    advice = ask("condition: glioma, tumour_grade: 4, surgery_date: 2026-02-28, post_operative_mri_done: no")
    latest = {each.profile: each.schedule[0].latest for each in advice.recommendations if "baseline" in each.row}
    assert latest == {"EANO": date(2026, 3, 2), "NICE NG99": date(2026, 3, 3)}


@pytest.mark.parametrize(
    ("treated", "expected"),
    [("2021-03-01", ("2026-05-20", "2026-08-20")), ("2021-02-28", ("2026-08-20", "2027-02-20"))],
)
def test_idh_mutant_at_five_years(ask, treated, expected):
    found = only(
        ask(f"condition: glioma, tumour_grade: 3, idh: mutant, treatment_date: {treated}, exam_date: 2026-02-20")
    )
    assert span(found) == expected
    assert found.status == "draft"


# Vestibular schwannoma: EANO 2020, CNS 2018 and 2026, British Skull Base Society 2022.

SEEN = "condition: vestibular_schwannoma, discovered: incidental, first_mri_date: 2026-01-31, exam_date: 2026-01-31"


def test_an_observed_schwannoma_by_authority_and_never_with_contrast(ask):
    advice = ask(f"{SEEN}, lesion_size: 9 mm")
    found = by_profile(advice)
    assert days(found["EANO 2020"], 6) == years("2026-01-31", 1, 2, 3, 4, 5, 7)
    assert days(found["CNS 2026"], 4) == years("2026-01-31", 1, 2, 3, 7)
    later = found["CNS 2026"].schedule[3]
    assert (later.earliest, later.latest) == (date(2032, 1, 31), date(2034, 1, 31))
    assert "CNS 2018" not in found
    assert {each.contrast for each in advice.recommendations if each.modality} == {"without"}


@pytest.mark.parametrize(
    ("before", "row"),
    [(7.0, "guards/grown_within_error"), (6.9, "guards/growth_observed"), (8.0, "guards/grown_within_error")],
)
def test_growth_of_a_schwannoma_is_more_than_2_mm(ask, before, row):
    assert only(ask(f"{SEEN}, lesion_size: 9 mm, prior_size: {before} mm, change: growth")).row == row


@pytest.mark.parametrize(("size", "step"), [("30 mm", "mdt_review"), ("30.1 mm", "specialist_referral")])
def test_above_3_cm_with_compression_is_for_surgery(ask, size, step):
    assert only(ask(f"{SEEN}, lesion_size: {size}, brainstem_compression: yes")).step == step


@pytest.mark.parametrize(
    ("extent", "expected"),
    [
        ("gtr", ["2026-01-31", "2027-01-31", "2028-07-31"]),  # 6, 18, 36 months
        ("ntr", ["2025-10-31", "2026-07-31", "2027-07-31"]),  # 3, 12, 24 months
        ("str", ["2025-10-31", "2026-07-31", "2027-07-31"]),
    ],
)
def test_after_surgery_by_extent_of_resection(ask, extent, expected):
    advice = ask(f"condition: vestibular_schwannoma, surgery_date: 2025-07-31, resection: {extent}")
    found = by_profile(advice)["CNS 2026"]
    assert days(found) == expected
    assert found.schedule[0].earliest >= date(2025, 10, 31)


@pytest.mark.parametrize(
    ("in_a_row", "step"), [(1, "follow_up_imaging"), (2, "follow_up_imaging"), (3, "mdt_review"), (4, "mdt_review")]
)
def test_three_progressions_in_a_row_after_radiosurgery(ask, in_a_row, step):
    case = "condition: vestibular_schwannoma, srs_date: 2023-05-31, exam_date: 2026-02-01, change: growth"
    found = only(ask(f"{case}, consecutive_progressions: {in_a_row}"))
    assert found.step == step
    if found.schedule:
        assert days(found) == ["2024-05-31", "2025-05-31", "2026-05-31"]
    assert (
        only(ask(f"{case}, consecutive_progressions: {in_a_row}, lesion_symptoms: yes")).step == "specialist_referral"
    )


# Brain metastases: NCCN, EANO-ESMO, RANO-BM, all from memory and therefore drafts.

METASTASES = "condition: brain_metastases, exam_date: 2026-02-20"


@pytest.mark.parametrize(
    ("treated", "expected"),
    [
        ("2025-02-21", ("2026-04-20", "2026-05-20")),  # below a year: 2 to 3 months
        ("2025-02-20", ("2026-04-20", "2026-05-20")),  # the second year: the shorter of the two
        ("2024-02-20", ("2026-06-20", "2026-08-20")),  # two years: 4 to 6 months
    ],
)
def test_after_radiosurgery_by_months(ask, treated, expected):
    found = by_profile(ask(f"{METASTASES}, srs_date: {treated}, change: stable"))
    assert span(found["NCCN"]) == expected
    assert days(found["EANO-ESMO 2021"]) == ["2026-05-20"]
    assert {each.status for each in found.values()} == {"draft"}


@pytest.mark.parametrize(
    ("before", "now", "row"),
    [
        (25, 30, "guards/progression"),  # 20 % and 5 mm
        (26, 31, "guards/enlarging"),  # 19.2 %
        (12, 16.9, "guards/enlarging"),  # 4.9 mm
        (4, 9.9, "guards/enlarging"),  # not measurable
        (5, 10, "guards/progression"),
    ],
)
def test_rano_bm_limits(ask, before, now, row):
    found = only(ask(f"{METASTASES}, srs_date: 2025-09-01, size: {now} mm, prior_size: {before} mm, change: growth"))
    assert found.row == row
    assert span(found) == ("2026-03-20", "2026-04-17")
    assert any("perfusion" in action for action in found.actions)


def test_small_cell_lung_cancer_without_prophylactic_irradiation(ask):
    found = only(ask("condition: sclc, pci: no, treatment_date: 2025-11-30"))
    expected = ["2026-02-28", "2026-05-30", "2026-08-30", "2026-11-30", "2027-05-30", "2027-11-30"]
    assert days(found) == expected
