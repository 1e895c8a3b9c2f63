"""What patients are told of steps: a strict file, the site over the shipped, dates filled or left out, faults named."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from mriloop.edges.knowledge.guidelines import load_guidelines
from mriloop.edges.knowledge.letters import SHIPPED, load_letters
from mriloop.model.coding import Region
from mriloop.model.communication import LetterTemplates
from mriloop.model.errors import MriloopError
from mriloop.model.guideline import Status
from mriloop.stages.communicate import preview, problems_of, text_of

PITUITARY = load_guidelines().get("pituitary_cyp")
ROW = "pituitary_cyp/surveillance/macro_first"


@pytest.fixture
def letters(tmp_path: Path) -> Path:
    """A copy of the shipped letters that a test may spoil."""
    return Path(shutil.copytree(SHIPPED, tmp_path / "letters"))


def telling(templates: LetterTemplates, text: str, language: str = "en") -> LetterTemplates:
    return replace(templates, steps={(language, "a"): text})


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("- a list", "a mapping from table/row"),
        ("macro_first: We look again.", "'macro_first' is no table/row"),
        ("a/b/c: We look again.", "is no table/row"),
        ("1: We look again.", "is no table/row"),
        ("a/b: ''", "a text is needed"),
        ("a/b: 5", "a text is needed"),
        ("a/b: By {signer}.", "unknown placeholder {signer}; known are body_part, earliest, latest, target"),
        ("a/b: By {latest.year}.", "not a plain placeholder"),
        ("a/b: By {latest!r}.", "not a plain placeholder"),
        ("a/b: By {latest.", "braces do not match"),
        ("a/b: We look.\na/b: We look again.", "a/b"),
        ("a/b: [", "is not YAML"),
    ],
)
def test_a_spoilt_file_is_refused_with_file_and_reason(letters, content, words):
    path = letters / "en" / "steps" / "pituitary_cyp.yaml"
    path.write_text(content)
    with pytest.raises(MriloopError) as caught:
        load_letters(letters)
    assert caught.value.code == "knowledge_invalid"
    assert "pituitary_cyp.yaml" in caught.value.message
    assert words in caught.value.message


def test_a_text_of_the_site_takes_the_place_of_one_row_and_leaves_the_others(tmp_path):
    own = tmp_path / "letters" / "en" / "steps"
    own.mkdir(parents=True)
    (own / "pituitary_cyp.yaml").write_text("surveillance/macro_first: We look again soon.\n")
    (own / "ours.yaml").write_text("plan/next: We look again.\n")
    found = load_letters(site=tmp_path).steps
    shipped = load_letters().steps
    assert found["en", ROW] == "We look again soon."
    assert found["en", "ours/plan/next"] == "We look again."
    assert found["es", ROW] == shipped["es", ROW]
    rest = set(shipped) - {("en", ROW)}
    assert {key: found[key] for key in rest} == {key: shipped[key] for key in rest}


def test_dates_and_the_body_part_are_filled_in_the_words_of_the_language(make, templates):
    step = make.recommendation(region=Region.KNEE)
    english = telling(templates, "We look at {body_part} by {latest}. Best is {target}, not before {earliest}.")
    assert text_of(step, english, "en") == (
        "We look at your knee by May 18, 2026. Best is May 11, 2026, not before May 4, 2026."
    )
    spanish = telling(templates, "Antes del {latest}.", "es")
    assert text_of(step, spanish, "es") == "Antes del 18 de mayo de 2026."


def test_a_sentence_whose_date_nobody_knows_is_left_out_and_the_rest_stays(make, templates):
    step = make.recommendation(window=None)
    found = telling(templates, "The spot is small. We look again by {latest}. Call us if you feel worse.")
    assert text_of(step, found, "en") == "The spot is small. Call us if you feel worse."


def test_no_text_for_another_row_or_another_language(make, templates):
    found = telling(templates, "We look again.")
    assert text_of(make.recommendation(), found, "es") == ""
    assert text_of(make.recommendation(), found, "xx") == ""
    assert text_of(make.recommendation(id="b"), found, "en") == ""


def problems(**texts: str) -> set[tuple[str, str]]:
    """Return code and row of the faults where the English text of some rows is spoilt."""
    shipped = {key: text for key, text in load_letters().steps.items() if key[1].startswith("pituitary_cyp/")}
    spoilt = {("en", f"pituitary_cyp/{name.replace('__', '/')}"): text for name, text in texts.items()}
    return _faults({**shipped, **spoilt})


def _faults(texts) -> set[tuple[str, str]]:
    """Return code and row of what is wrong with the texts that are there."""
    found = problems_of(texts, [PITUITARY])
    return {(each.code, each.where) for each in found if each.code != "patient_text_missing"}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Interdisciplinary neuroradiological reassessment necessitates longitudinal surveillance.", "hard"),
        ("We look again " + "and again " * 7 + "soon.", "hard"),
        ("There is a 5 % chance that it grows.", "forbidden"),
        ("It grows in one in ten.", "forbidden"),
        ("It grows in two out of ten.", "forbidden"),
        ("You have cancer.", "forbidden"),
        ("The scan shows a cancer.", "forbidden"),
        ("This is your fault.", "forbidden"),
        ("You failed to lie still.", "forbidden"),
        ("You get 20 mg of it.", "forbidden"),
        ("It may be MS.", "forbidden"),
        ("We look again by {latest}.", "placeholder"),
        ("We look again. Ask {nobody}.", "placeholder"),
    ],
)
def test_a_fault_of_a_text_is_named_with_its_row(text, code):
    assert problems(surveillance__macro_first=text) == {(f"patient_text_{code}", ROW)}


@pytest.mark.parametrize(
    "text", ["Most such spots are not cancer. We look again.", "It is not your fault.", "You should have a scan soon."]
)
def test_what_is_kind_and_true_may_be_said(text):
    assert problems(surveillance__macro_first=text) == set()


def test_a_date_needs_a_schedule_a_text_its_row_and_a_row_its_texts():
    assert problems(guards__growth="It grew. Come by {latest}.") == {
        ("patient_text_placeholder", "pituitary_cyp/guards/growth")
    }
    assert problems(guards__nothing="It grew.") == {("patient_text_orphan", "pituitary_cyp/guards/nothing")}
    texts = {key: text for key, text in load_letters().steps.items() if key != ("es", ROW)}
    assert ("patient_text_missing", ROW) in {(each.code, each.where) for each in problems_of(texts, [PITUITARY])}


@pytest.mark.parametrize(
    ("text", "faulty"),
    [
        ("Usted tiene cáncer.", True),
        ("La mayoría no son cáncer. Vamos a mirar otra vez.", False),
        ("Crece en uno de cada diez.", True),
        ("Pasa mucho y no es culpa suya.", False),
        ("Paró por su culpa.", True),
    ],
)
def test_the_spanish_words_are_held_to_the_same(text, faulty):
    shipped = {key: one for key, one in load_letters().steps.items() if key[1].startswith("pituitary_cyp/")}
    found = _faults({**shipped, ("es", ROW): text})
    assert found == ({("patient_text_forbidden", ROW)} if faulty else set())


def test_a_preview_says_the_points_of_its_letter_and_leaves_the_signature_open(make, templates, clinic):
    found = telling(templates, "We look for new spots.")
    shown = preview(make.recommendation(), found, language="en", clinic=clinic, on=date(2026, 5, 5))
    assert (shown.kind, shown.text, shown.withheld) == ("r2_follow_up", "We look for new spots.", "")
    assert "Please have the scan by May 18, 2026. The best time is around May 11, 2026." in shown.points["when"]
    assert any("555-0100" in said for said in shown.points["red_flags"])
    assert shown.at_signature == ("source",)
    told = " ".join(said for several in shown.points.values() for said in several)
    assert "{" not in told


def test_a_draft_is_withheld_until_a_person_allows_it(make, templates, clinic):
    step = make.recommendation(status=Status.DRAFT)
    found = telling(templates, "We look for new spots.")
    shown = preview(step, found, language="en", clinic=clinic, on=date(2026, 5, 5))
    assert (shown.withheld, shown.text, dict(shown.points)) == ("not for patients: unverified", "", {})
    allowed = preview(step, found, language="en", clinic=clinic, on=date(2026, 5, 5), allow_drafts=True)
    assert allowed.text == "We look for new spots."


def test_a_preview_in_a_language_without_letters_is_refused(make, templates, clinic):
    with pytest.raises(MriloopError) as caught:
        preview(make.recommendation(), templates, language="xx", clinic=clinic, on=date(2026, 5, 5))
    assert caught.value.code == "knowledge_unknown"
