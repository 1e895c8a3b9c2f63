"""LI-RADS v2018: the diagnostic table cell by cell as the core document prints it, who it is for, and what follows."""

from __future__ import annotations

import itertools
from datetime import date

import pytest
from tests.unit.advise.asking import EXAM, ask, missing, months_after, steps

ADULT = {"age": 60, "condition": "cirrhosis", "exam_date": EXAM}
# First page of the core document, by number of additional major features (0, 1, 2, 3); the split cell stands apart.
COLUMNS = {
    "no APHE, below 20 mm": (3, 3, 4, 4),
    "no APHE, 20 mm and more": (3, 4, 4, 4),
    "nonrim APHE, below 10 mm": (3, 4, 4, 4),
    "nonrim APHE, 10 to 19 mm": (3, None, 5, 5),
    "nonrim APHE, 20 mm and more": (4, 5, 5, 5),
}
WORDS = ("absent", "unsure", "present")


def column_of(aphe: str, size: float) -> str:
    if aphe != "nonrim":
        return "no APHE, below 20 mm" if size < 20 else "no APHE, 20 mm and more"
    if size < 10:
        return "nonrim APHE, below 10 mm"
    return "nonrim APHE, 10 to 19 mm" if size < 20 else "nonrim APHE, 20 mm and more"


def category_of(aphe: str, size: float, washout: str, capsule: str, growth: str) -> int:
    number = [washout, capsule, growth].count("present")
    cell = COLUMNS[column_of(aphe, size)][number]
    if cell is not None:
        return cell
    return 4 if capsule == "present" else 5


def suggested(**facts: object) -> list[str]:
    advice = ask("lirads", **ADULT, lirads_category="LR-3", **facts)
    return [each.text for each in advice.recommendations if each.row.startswith("grid/")]


@pytest.mark.parametrize("aphe", ["absent", "unsure", "nonrim"])
@pytest.mark.parametrize("size", [4, 9.9, 10, 10.1, 19.9, 20, 20.1, 60])
def test_every_cell_of_the_table(aphe, size):
    for washout, capsule, growth in itertools.product(WORDS, repeat=3):
        said = suggested(
            lirads_exclusive="none",
            lirads_aphe=aphe,
            lesion_size=size,
            lirads_washout=washout,
            lirads_capsule=capsule,
            lirads_threshold_growth=growth,
        )
        assert len(said) == 1
        assert said[0].startswith(f"Suggested: LR-{category_of(aphe, size, washout, capsule, growth)}")


@pytest.mark.parametrize("size", [4, 15, 40])
def test_rim_enhancement_is_never_put_into_the_table(size):
    for washout, capsule, growth in itertools.product(WORDS, repeat=3):
        (said,) = suggested(
            lirads_exclusive="none",
            lirads_aphe="rim",
            lesion_size=size,
            lirads_washout=washout,
            lirads_capsule=capsule,
            lirads_threshold_growth=growth,
        )
        assert "LR-M" in said
        assert "LR-5" not in said


@pytest.mark.parametrize(
    ("first", "category"),
    [
        ("degraded_or_omitted", "LR-NC"),
        ("tumour_in_vein", "LR-TIV"),
        ("definitely_benign", "LR-1"),
        ("probably_benign", "LR-2"),
        ("malignant_not_hcc_specific", "LR-M"),
    ],
)
def test_what_stands_above_the_table_goes_before_a_full_house_of_features(first, category):
    (said,) = suggested(
        lirads_exclusive=first,
        lirads_aphe="nonrim",
        lesion_size=30,
        lirads_washout="present",
        lirads_capsule="present",
        lirads_threshold_growth="present",
    )
    assert said.startswith(f"Suggested: {category},")


def test_an_unknown_is_asked_for_only_where_the_cell_hangs_on_it():
    full = {
        "lirads_exclusive": "none",
        "lirads_aphe": "nonrim",
        "lesion_size": 25,
        "lirads_washout": "present",
        "lirads_capsule": "present",
        "lirads_threshold_growth": "absent",
        "lirads_category": "LR-5",
    }
    # At 25 mm with two features the third changes nothing, nor does the exact size.
    without_growth = {name: value for name, value in full.items() if name != "lirads_threshold_growth"}
    assert steps(ask("lirads", **ADULT, **without_growth), "grid") == ["suggest_category"]
    without_size = {name: value for name, value in full.items() if name != "lesion_size"}
    advice = ask("lirads", **ADULT, **without_size)
    assert steps(advice, "grid") == []
    assert missing(advice) == {"lesion_size"}
    without_first = {name: value for name, value in full.items() if name != "lirads_exclusive"}
    assert missing(ask("lirads", **ADULT, **without_first)) == {"lirads_exclusive"}


def test_a_suggestion_never_stands_in_for_the_readers_category():
    advice = ask(
        "lirads",
        **ADULT,
        lirads_exclusive="none",
        lirads_aphe="nonrim",
        lesion_size=30,
        lirads_washout="present",
        lirads_capsule="present",
    )
    assert steps(advice, "grid") == ["suggest_category"]
    assert steps(advice, "management") == []
    assert "lirads_category" in missing(advice)


# Category, step, earliest, target and latest day after 20 February 2026 (by hand), whether a team decides.
NEXT = [
    ("LR-NC", "repeat_imaging", (EXAM, date(2026, 5, 20), date(2026, 5, 20))),
    ("LR-1", "follow_up_imaging", (date(2026, 7, 20), date(2026, 8, 20), date(2026, 9, 20))),
    ("LR-2", "follow_up_imaging", (date(2026, 7, 20), date(2026, 8, 20), date(2026, 9, 20))),
    ("LR-3", "follow_up_imaging", (date(2026, 5, 20), date(2026, 7, 4), date(2026, 8, 20))),
    ("LR-4", "mdt_review", (EXAM, date(2026, 5, 20), date(2026, 5, 20))),
    ("LR-5", "mdt_review", None),
    ("LR-M", "mdt_review", None),
    ("LR-TIV", "mdt_review", None),
]


@pytest.mark.parametrize(("category", "step", "window"), NEXT)
def test_from_a_category_to_the_next_step(category, step, window):
    advice = ask("lirads", **ADULT, lirads_category=category)
    (only,) = advice.recommendations
    assert only.step == step
    if window is None:
        assert only.window is None
    else:
        assert only.window is not None
        assert (only.window.earliest, only.window.target, only.window.latest) == window
    assert only.status == "draft"  # the workup table is from memory


def test_nothing_seen_is_six_months_unless_the_test_before_was_strongly_positive():
    plain = ask("lirads", **ADULT, lirads="no_observation", surveillance_test_positive="no")
    strong = ask("lirads", **ADULT, lirads="no_observation", surveillance_test_positive="yes")
    assert [str(each.step) for each in (*plain.recommendations, *strong.recommendations)] == [
        "follow_up_imaging",
        "additional_imaging",
    ]
    assert [plain.recommendations[0].window.target] == months_after(EXAM, 6)
    assert strong.recommendations[0].window.latest == date(2026, 8, 20)
    assert missing(ask("lirads", **ADULT, lirads="no_observation")) == {"surveillance_test_positive"}


@pytest.mark.parametrize(
    ("response", "step", "months"),
    [
        ("viable", "mdt_review", None),
        ("equivocal", "follow_up_imaging", 3),
        ("nonviable", "follow_up_imaging", 3),
        ("nonevaluable", "repeat_imaging", 3),
    ],
)
def test_a_treated_lesion_has_its_own_table(response, step, months):
    (only,) = ask("lirads", **ADULT, lirads_response=response).recommendations
    assert only.step == step
    assert only.status == "draft"
    if months:
        assert [only.window.target] == months_after(EXAM, months)


def test_who_it_is_for():
    assert not ask("lirads", **{**ADULT, "age": 18}, lirads="LR-5").out_of_scope
    assert ask("lirads", **{**ADULT, "age": 17}, lirads="LR-5").out_of_scope
    assert ask("lirads", age=60, hcc_risk="no", lirads="LR-5").out_of_scope
    assert missing(ask("lirads", age=60, condition="other", lirads="LR-5")) == {"hcc_risk"}
    for cause in ("vascular", "congenital_fibrosis"):
        (only,) = ask("lirads", **ADULT, cirrhosis_cause=cause, lirads="LR-5").recommendations
        assert only.row == "guards/vascular_cause"
        assert "does not apply" in only.text


@pytest.mark.parametrize("category", ["LR-1", "LR-2", "no_observation", "LR-3", "LR-5"])
def test_no_category_stands_on_a_study_that_is_not_diagnostic_or_has_no_arterial_phase(category):
    poor = ask("lirads", **ADULT, lirads=category, quality="not_diagnostic")
    assert [each.row for each in poor.recommendations] == ["guards/not_diagnostic"]
    plain = ask("lirads", **ADULT, lirads=category, multiphase_contrast="no")
    assert [each.row for each in plain.recommendations] == ["guards/phases_missing"]
    assert plain.recommendations[0].contrast == "without_and_with"


def test_bleeding_goes_before_everything_even_an_unknown_age():
    (only,) = ask("lirads", active_bleeding="yes", lirads="LR-NC", quality="not_diagnostic").recommendations
    assert only.urgency == "minutes"
