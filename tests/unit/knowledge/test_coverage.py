"""What carries each numbered statement: the list is whole, every place is there, nothing is left without a home."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from mriloop.app import advise as use_case
from mriloop.app import shelf
from mriloop.cli import COMMANDS
from mriloop.edges.knowledge.cases import load_guideline_cases
from mriloop.edges.knowledge.statements import letter_statements, load_statements
from mriloop.model.statement import CASE_KINDS, Home, HomeKind, Statement
from mriloop.stages.advise import cover

ROOT = Path(__file__).parents[3]


def test_the_statements_are_whole_short_and_numbered():
    numbers = [each.number for each in load_statements()]
    assert numbers == [
        *(f"S{number}" for number in range(1, 69)),
        *(f"B{number}" for number in range(1, 18)),
        *(f"C{number}" for number in range(1, 14)),
    ]
    for each in load_statements():
        assert 1 <= len(each.says.split()) <= 12, each.number
        assert each.says.endswith("."), each.number


def test_every_place_that_a_statement_names_is_there():
    """A page is tried by the links of the coverage page, everything else here."""
    found = shelf.coverage(commands=COMMANDS)
    assert [(each.statement.number, lack) for each in found for lack in each.lacking if lack.count(" ") > 1
            and not lack.endswith(" case")] == []  # fmt: skip
    for each in load_statements():
        for home in each.homes:
            if home.kind is HomeKind.PAGE:
                assert (ROOT / "docs" / "reference" / home.name).is_file()


def test_no_statement_is_without_a_home_and_every_computable_one_has_all_kinds_of_cases():
    holes = {each.statement.number: each.lacking for each in shelf.coverage(commands=COMMANDS) if each.lacking}
    assert holes == {}


def test_rows_cases_and_homes_are_counted_as_they_are():
    known = use_case.guidelines_in_force()
    pack = known.get("pituitary_cyp")
    alone = replace(known, guidelines=(pack,))
    cases = {"pituitary_cyp": load_guideline_cases("pituitary_cyp", known)}
    wanted = [
        Statement(number="S48", says="x", computable=True),
        Statement(number="S99", says="x", computable=True),
        Statement(number="T1", says="x", computable=False),
        Statement(number="T2", says="x", computable=False, homes=(Home(kind=HomeKind.BLOCK, name="there"),)),
        Statement(number="T3", says="x", computable=False, homes=(Home(kind=HomeKind.BLOCK, name="gone"),)),
        Statement(number="T4", says="x", computable=False, homes=(Home(kind=HomeKind.ROW, name="pituitary_cyp/a/b"),)),
    ]
    found = cover(alone, cases, wanted, lambda home: home.name == "there")
    by_hand = [each for each in cases["pituitary_cyp"]
               if "S48" in each.statements or "post_operative/schedule" in each.rows]  # fmt: skip
    assert found[0].rows == ("pituitary_cyp/post_operative/schedule",)
    assert found[0].cases == {kind: sum(each.kind == kind for each in by_hand) for kind in CASE_KINDS}
    assert found[1].lacking == ("no row",)
    assert found[2].lacking == ("no home",)
    assert found[3].lacking == ()
    assert found[4].lacking == ("no block gone",)
    assert found[5].lacking == ("no row pituitary_cyp/a/b",)


def test_letters_carry_a_number_only_where_every_language_does(tmp_path):
    for language, extra in (("en", "statements: [S7]"), ("es", "")):
        (tmp_path / language).mkdir()
        block = f"limits: {{heading: x, paragraphs: [{{text: y, statements: [S1, S2]}}, {{text: z, {extra}}}]}}\n"
        (tmp_path / language / "blocks.yaml").write_text(block.replace(", }", "}"))
        letter = "kind: normal\nparts: [{paragraphs: [{text: a, statements: [S1]}]}]\n"
        (tmp_path / language / "normal.yaml").write_text(letter)
    limits, normal = Home(kind=HomeKind.BLOCK, name="limits"), Home(kind=HomeKind.LETTER, name="normal")
    assert letter_statements(tmp_path) == {"S1": (limits, normal), "S2": (limits,)}


def test_a_place_that_names_a_number_is_a_home_of_it():
    known = use_case.guidelines_in_force()
    home = Home(kind=HomeKind.BLOCK, name="limits")
    wanted = [Statement(number="T1", says="x", computable=False)]
    (found,) = cover(replace(known, guidelines=()), {}, wanted, lambda home: False, {"T1": (home,)})
    assert (found.homes, found.lacking) == ((home,), ())
