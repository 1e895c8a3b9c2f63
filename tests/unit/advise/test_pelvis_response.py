"""S14, from a category of response to the next step: the table by hand, and courses of COMPARE up to advice."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction
from itertools import product
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.unit.advise.pelvis import KNOWN, ask, row_of, rows

from mriloop.app.response import entries, entries_advice, response, response_advice
from mriloop.cli import app
from mriloop.model.fact import Truth
from mriloop.model.finding import Source
from mriloop.model.guideline import Step
from mriloop.model.response import Criteria
from mriloop.stages.advise.from_response import facts_from_discs, facts_from_response

EXAMPLES = Path(__file__).parents[3] / "docs" / "examples" / "response"
RANO = ("rano_2010", "rano_2_0", "rano_2_0_volume")
CRITERIA = ("recist_1_1", *RANO, "rano_bm", "irano", "volume", "other")


def next_row(category, criteria, standing, decline, outside, weeks, months):
    """Say what follows a category, read from S14 and B3; `standing` None where nobody stated one."""
    if category in ("SD", "non_PD", "non_CR_non_PD"):
        return "stable"
    if category in ("CR", "PR", "MR"):
        waits = {"rano_2_0": ("CR", "PR", "MR"), "rano_2_0_volume": ("CR", "PR", "MR")}
        waits |= dict.fromkeys(("rano_2010", "rano_bm", "irano"), ("CR", "PR"))
        standing = standing or ("pending" if category in waits.get(criteria, ()) else "final")
        return {"pending": "response_to_confirm", "refuted": "response_refuted"}.get(standing, "response")
    standing = standing or ("pending" if criteria in (*RANO, "irano") else "final")
    if standing != "pending":
        words = {"confirmed": "progression_confirmed", "refuted": "progression_refuted", "final": "progression"}
        return words[standing]
    if criteria in ("recist_1_1", "volume", "rano_bm", "other"):
        return "pending_by_protocol"
    if decline:
        return "clinical_decline"
    if criteria == "irano":
        return "early_under_immunotherapy" if months <= 6 else "under_immunotherapy"
    if outside:
        return "outside_field"
    return "early_after_radiotherapy" if weeks <= 12 else "brain_tumour"


def test_every_category_by_every_criteria_has_the_next_step_of_the_statement():
    grid = product(
        ("CR", "PR", "MR", "SD", "non_CR_non_PD", "non_PD", "PD"), CRITERIA,
        (None, "final", "pending", "confirmed", "refuted"), (True, False), (True, False), (11.9, 12, 12.1), (6, 6.1),
    )  # fmt: skip
    for category, criteria, standing, decline, outside, weeks, months in grid:
        case = {
            "response_category": category, "response_criteria": criteria, "clinical_decline": decline,
            "new_lesion_outside_field": outside, "weeks_since_radiotherapy": weeks, "months_on_immunotherapy": months,
            "exam_date": "2026-02-20",
        } | ({"response_standing": standing} if standing else {})  # fmt: skip
        expected = next_row(category, criteria, standing, decline, outside, weeks, months)
        assert row_of(ask("tumour_response", case), "next_step") == expected, case


def test_no_progression_is_followed_by_a_plain_interval_unless_it_is_provisional():
    for criteria, standing in product(CRITERIA, ("final", "confirmed")):
        case = {"response_category": "PD", "response_criteria": criteria, "response_standing": standing}
        (only,) = ask("tumour_response", case).recommendations
        assert only.step is Step.MDT_REVIEW
        assert "oncologist" in only.text


@pytest.mark.parametrize(
    ("category", "criteria", "window"),
    [
        ("PR", "rano_2_0", (date(2026, 3, 20), date(2026, 4, 17))),
        ("PD", "rano_2_0", (date(2026, 3, 20), date(2026, 4, 17))),
        ("PD", "irano", (date(2026, 5, 20), date(2026, 6, 20))),
    ],
)
def test_a_confirming_mri_is_never_due_before_the_criteria_allow_it(category, criteria, window):
    case = {
        "response_category": category, "response_criteria": criteria, "clinical_decline": "no",
        "new_lesion_outside_field": "no", "weeks_since_radiotherapy": 8, "months_on_immunotherapy": 3,
        "exam_date": "2026-02-20",
    }  # fmt: skip
    (only,) = ask("tumour_response", case).recommendations
    assert only.window is not None
    assert (only.window.earliest, only.window.latest) == window


@pytest.mark.parametrize(
    ("forgotten", "asked"),
    [
        ("response_criteria", "response_criteria"),
        ("weeks_since_radiotherapy", "weeks_since_radiotherapy"),
        ("clinical_decline", "clinical_decline"),
        ("new_lesion_outside_field", "new_lesion_outside_field"),
    ],
)
def test_what_decides_about_an_early_progression_is_asked_for(forgotten, asked):
    case = {
        "response_category": "PD", "response_criteria": "rano_2_0", "clinical_decline": "no",
        "new_lesion_outside_field": "no", "weeks_since_radiotherapy": 8, "exam_date": "2026-02-20",
    }  # fmt: skip
    advice = ask("tumour_response", {name: value for name, value in case.items() if name != forgotten})
    assert not advice.recommendations
    assert asked in {name for each in advice.undetermined for name in each.missing}


def by_recist(now, baseline, nadir, new):
    """RECIST 1.1 on exact numbers: growth of 20 % and 5 mm from the nadir, a drop of 30 % from the baseline."""
    if now - nadir >= nadir * Fraction(1, 5) and now - nadir >= 5:
        return "PD"
    if new == "yes":
        return "PD"
    if now == 0:
        return "CR"
    return "PR" if baseline - now >= baseline * Fraction(3, 10) else "SD"


def test_the_category_from_sums_is_that_of_recist_on_exact_numbers():
    sums = [
        Fraction(number, 10) for number in (0, 100, 199, 200, 239, 240, 249, 250, 299, 300, 599, 600, 699, 700, 701)
    ]
    for now, baseline, nadir, new in product(sums, (20, 30, 100), (15, 20, 50), ("no", "yes", "equivocal")):
        if nadir > baseline:
            continue
        case = {
            "target_sum": float(now), "target_sum_baseline": float(baseline), "target_sum_nadir": float(nadir),
            "new_lesion": new,
        }  # fmt: skip
        (only,) = ask("tumour_response", case).recommendations
        assert f"{by_recist(now, baseline, nadir, new)} is suggested" in only.text, case


@pytest.mark.parametrize("missing", ["target_sum_baseline", "target_sum_nadir", "new_lesion"])
def test_without_baseline_nadir_or_a_word_on_new_lesions_no_sum_is_stable(missing):
    case = {"target_sum": 60, "target_sum_baseline": 70, "target_sum_nadir": 60, "new_lesion": "no"}
    case.pop(missing)
    assert not ask("tumour_response", case).recommendations


def write(folder: Path, text: str) -> Path:
    path = folder / "history.yaml"
    path.write_text(text)
    return path


def history(
    folder: Path, *, criteria: str, weeks: int, sizes: tuple[str, ...], extra: str = "", visit: str = ""
) -> Path:
    """Write a course with a visit every `weeks` weeks from 2 March 2026, on one target in the brain."""
    day = date(2026, 3, 2)
    visits = "".join(
        f"  - {{id: v{number}, date: {day + timedelta(weeks=weeks * number)}, clinical: stable, steroids: none,"
        f" t2_flair: stable, new_lesions: no, {visit} lesions: {{E1: {size}}}}}\n"
        for number, size in enumerate(sizes)
    )
    lesion = "lesions:\n  - {id: E1, role: target, organ: brain, tissue: enhancing}\n"
    return write(folder, f"criteria: {criteria}\n{extra}{lesion}visits:\n{visits}")


@pytest.mark.parametrize(
    ("criteria", "sizes", "extra", "row"),
    [
        ("recist-1.1", ("40 mm", "41 mm"), "", "next_step/stable"),
        ("recist-1.1", ("40 mm", "28 mm"), "", "next_step/response"),
        ("recist-1.1", ("40 mm", "28 mm"), "confirm: yes\n", "next_step/response_to_confirm"),
        ("recist-1.1", ("40 mm", "28 mm", "40 mm"), "", "next_step/progression"),
        ("recist-1.1", ("40 mm", "not assessed"), "", "not_evaluable/target"),
        ("rano-bm", ("20 mm", "30 mm"), "", "next_step/progression"),
        ("rano-2.0", ("30 x 30 mm", "20 x 20 mm"), "radiotherapy_ended: 2026-02-02\n", "next_step/response_to_confirm"),
        ("rano-2.0", ("20 x 20 mm", "30 x 30 mm"), "radiotherapy_ended: none\n", "next_step/progression"),
        (
            "rano-2.0",
            ("20 x 20 mm", "30 x 30 mm"),
            "radiotherapy_ended: 2026-02-02\n",
            "next_step/early_after_radiotherapy",
        ),
        ("rano-2010", ("20 x 20 mm", "30 x 30 mm"), "radiotherapy_ended: 2026-02-02\n", "not_evaluable/early"),
        (
            "irano",
            ("20 x 20 mm", "30 x 30 mm"),
            "immunotherapy_started: 2026-03-02\n",
            "next_step/early_under_immunotherapy",
        ),
    ],
)
def test_a_course_of_compare_gets_its_next_step(tmp_path, criteria, sizes, extra, row):
    path = history(tmp_path, criteria=criteria, weeks=6, sizes=sizes, extra=extra, visit="outside_field: no,")
    assert row in rows(response_advice(*response(path)))


def test_a_progression_that_the_next_visit_refutes_counts_as_what_is_left_of_it(tmp_path):
    path = history(
        tmp_path, criteria="rano-2.0", weeks=6, sizes=("20 x 20 mm", "30 x 30 mm", "20 x 20 mm"),
        extra="radiotherapy_ended: 2026-02-02\n",
    )  # fmt: skip
    stated, course = response(path)
    assert rows(response_advice(stated, course)) == {"next_step/stable"}


@pytest.mark.parametrize("criteria", list(Criteria))
def test_every_criteria_and_category_of_compare_is_a_word_of_the_vocabulary(tmp_path, criteria):
    sizes = ("{longest: 20, perpendicular: 20, volume: 4 mL}", "{longest: 30, perpendicular: 30, volume: 9 mL}")
    stated, course = response(history(tmp_path, criteria=criteria.value, weeks=20, sizes=sizes))
    facts = facts_from_response(stated, course)
    assert facts["response_criteria"].value in KNOWN.vocabulary["response_criteria"].values
    assert facts["response_category"].value in KNOWN.vocabulary["response_category"].values
    assert facts["response_standing"].value in KNOWN.vocabulary["response_standing"].values
    assert all(fact.source is Source.COMPARE for fact in facts.values())
    assert facts["exam_date"].value == course.verdicts[-1].on


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("new_lesions: no", "new_lesions_not_stated"),
        ("clinical: stable", "clinical_state_not_stated"),
        ("steroids: none", "steroids_not_stated"),
        ("t2_flair: stable", "t2_flair_not_stated"),
        ("lesions: {E1: 20 x 20 mm}", "target_not_measured"),
    ],
)
def test_each_thing_that_compare_misses_is_asked_of_the_person_who_knows_it(tmp_path, change, reason):
    path = history(tmp_path, criteria="rano-2010", weeks=20, sizes=("20 x 20 mm", "20 x 20 mm"))
    before, after = path.read_text().rsplit("  - {id: v1", 1)
    silent = "lesions: {E1: not assessed}" if reason == "target_not_measured" else ""
    text = after.replace(f"{change},", silent) if f"{change}," in after else after.replace(change, silent)
    path.write_text(f"{before}  - {{id: v1{text}")
    stated, course = response(path)
    facts = facts_from_response(stated, course)
    assert facts["response_category"].value == "NE"
    assert facts["unevaluable_because"].value == (reason,)


def test_a_first_visit_has_no_response_and_asks_for_none_of_the_oncologist(tmp_path):
    stated, course = response(history(tmp_path, criteria="recist-1.1", weeks=6, sizes=("40 mm",)))
    assert "response_category" not in facts_from_response(stated, course)
    advice = response_advice(stated, course)
    assert not advice.recommendations
    assert "response_category" in {name for each in advice.undetermined for name in each.missing}


def test_a_change_within_measurement_error_is_said_beside_the_category(tmp_path):
    stated, course = response(history(tmp_path, criteria="recist-1.1", weeks=6, sizes=("40 mm", "49 mm")))
    assert facts_from_response(stated, course)["within_measurement_error"].value is Truth.TRUE
    assert rows(response_advice(stated, course)) == {"next_step/progression", "measurement_error/say_so"}


def test_the_examples_of_response_get_their_next_step():
    assert rows(response_advice(*response(EXAMPLES / "recist.yaml"))) == {"next_step/progression"}
    assert rows(response_advice(*response(EXAMPLES / "glioma.yaml"))) == {"next_step/stable"}
    compared = entries(EXAMPLES / "disc.yaml", "disc")
    assert facts_from_discs(compared)["disc_change"].value == "beyond_limits"
    assert rows(entries_advice(compared)) == {"what_compare_saw/beyond"}
    joints = entries_advice(entries(EXAMPLES / "ramris.yaml", "ramris"))
    assert not (joints.recommendations or joints.undetermined or joints.warnings)


def test_the_command_shows_the_next_step_with_its_dates_and_its_source(tmp_path):
    sizes = ("20 x 20 mm", "30 x 30 mm")
    path = history(
        tmp_path, criteria="rano-2.0", weeks=6, sizes=sizes, extra="radiotherapy_ended: 2026-02-02\n",
        visit="outside_field: no,",
    )  # fmt: skip
    shown = " ".join(CliRunner().invoke(app, ["response", str(path)]).output.split())
    assert "Next: Growth within 12 weeks of radiotherapy may be an effect of the radiation" in shown
    assert "Between 2026-05-11 and 2026-06-08." in shown
    assert "J Clin Oncol 2023;41:5187" in shown
    assert "draft" in shown


def test_the_command_asks_for_what_it_lacks(tmp_path):
    path = history(tmp_path, criteria="rano-2.0", weeks=20, sizes=("20 x 20 mm", "20 x 20 mm"))
    path.write_text(path.read_text().replace("clinical: stable, ", ""))
    shown = " ".join(CliRunner().invoke(app, ["response", str(path)]).output.split())
    assert "Next: The patient's state is not stated" in shown


@pytest.mark.parametrize(
    ("second", "word"), [("60 mm2", "within_limits"), ("10 mm2", "beyond_limits"), ("62 mm2", "within_limits")]
)
def test_one_disc_beyond_the_limits_is_enough(tmp_path, second, word):
    text = (
        "criteria: disc\nsame_reader: yes\nvisits:\n"
        "  - {id: a, date: 2025-03-03, L4/L5: {herniation: 118 mm2}, L5/S1: {herniation: 60 mm2}}\n"
        f"  - {{id: b, date: 2026-03-02, L4/L5: {{herniation: 118 mm2}}, L5/S1: {{herniation: {second}}}}}\n"
    )
    assert facts_from_discs(entries(write(tmp_path, text), "disc"))["disc_change"].value == word
