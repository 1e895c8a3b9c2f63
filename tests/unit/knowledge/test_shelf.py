"""The shelf as a site uses it: a new guideline, signatures on disk, a change of its own, two editions."""

from __future__ import annotations

import json
import shutil
from datetime import date, timedelta
from pathlib import Path

import pytest
import yaml

from mriloop.app import advise as use_case
from mriloop.app import shelf
from mriloop.edges.knowledge.cases import load_guideline_cases
from mriloop.edges.knowledge.guidelines import SHIPPED
from mriloop.edges.knowledge.signatures import load_signatures
from mriloop.model.errors import MriloopError
from mriloop.model.guideline import Status
from mriloop.stages.advise import rows_of, sheet_of, show_guideline, status_on

ROOT = Path(__file__).parents[3]
SITE, GAPPED = ROOT / "docs" / "examples" / "site", ROOT / "docs" / "examples" / "gapped_table"
TODAY = date(2026, 3, 1)
WHO = {
    "by": "Dr A. Example",
    "role": "head of neuroradiology",
    "on": TODAY,
    "expires": date(2027, 2, 28),
    "today": TODAY,
}


def refused(code: str, call, *args: object, **words: object) -> MriloopError:
    with pytest.raises(MriloopError) as caught:
        call(*args, **words)
    assert caught.value.code == code
    return caught.value


# --- new


def test_a_new_guideline_lacks_only_its_citations_and_changes_no_answer(tmp_path):
    before, notes = len(use_case.test_guidelines()), use_case.lint_guidelines(notes=True, today=TODAY)
    written = shelf.new_guideline(tmp_path, "local_spine", title='Spine: "ours"', today=TODAY)
    assert {path.name for path in written} == {"guideline.yaml", "cases.yaml", "SOURCE.md", "local_spine.yaml"}
    assert use_case.show_guideline("local_spine", tmp_path).title == 'Spine: "ours"'
    found = use_case.lint_guidelines(tmp_path, notes=True, today=TODAY)
    unfilled = [each for each in found if each not in notes]
    assert {each.code for each in unfilled} == {"no_locator"}
    assert len(unfilled) == 4
    runs = use_case.test_guidelines(tmp_path)
    assert len(runs) == before + 7
    assert not [each for each in runs if each.failure]
    path = tmp_path / "guidelines" / "local_spine" / "guideline.yaml"
    path.write_text(path.read_text("utf-8").replace("section and page (replace)", "section 3, page 7"), "utf-8")
    assert shelf.lint_folder(path.parent, today=TODAY) == ((), ("local_spine",))


def test_a_new_guideline_holds_only_drafts(tmp_path):
    shelf.new_guideline(tmp_path, "local_spine", title="", today=TODAY)
    rows = [row for _, _, row in rows_of(use_case.show_guideline("local_spine", tmp_path))]
    assert {row.status for row in rows} == {Status.DRAFT}
    refused("sign_refused", shelf.sign, tmp_path, "local_spine", (), **WHO)


@pytest.mark.parametrize(
    "name", ["", "..", "../x", "Spine", "9a", "a b", "facts", "guards", "a" * 80, "a\n", "spine/x"]
)
def test_a_name_that_cannot_be_a_folder_is_refused(tmp_path, name):
    refused("guideline_name", shelf.new_guideline, tmp_path, name, title="", today=TODAY)
    assert list(tmp_path.iterdir()) == []


def test_nothing_that_is_there_is_overwritten(tmp_path):
    refused("guideline_exists", shelf.new_guideline, tmp_path, "ms_pml", title="", today=TODAY)
    shelf.new_guideline(tmp_path, "mine", title="", today=TODAY)
    refused("guideline_exists", shelf.new_guideline, tmp_path, "mine", title="", today=TODAY)
    own = tmp_path / "letters" / "en" / "steps" / "yours.yaml"
    own.write_text("# mine\n")
    refused("guideline_exists", shelf.new_guideline, tmp_path, "yours", title="", today=TODAY)
    assert own.read_text() == "# mine\n"
    refused("sign_no_site", shelf.new_guideline, None, "mine", title="", today=TODAY)


# --- sign


def status(site: Path, name: str, row: str, day: date) -> Status:
    found = {place: row for place, _, row in rows_of(use_case.show_guideline(name, site))}
    return status_on(found[row], day)


def test_a_signature_is_written_and_makes_the_row_active(tmp_path):
    done = shelf.sign(tmp_path, "pituitary_cyp", ("surveillance/micro_first",), **WHO)
    assert done.path == tmp_path / "guidelines" / "pituitary_cyp" / "signatures.yaml"
    assert status(tmp_path, "pituitary_cyp", "surveillance/micro_first", TODAY) is Status.ACTIVE
    assert status(tmp_path, "pituitary_cyp", "surveillance/micro_stable", TODAY) is Status.REVIEWED
    assert status(tmp_path, "pituitary_cyp", "surveillance/micro_first", date(2027, 3, 1)) is Status.REVIEWED
    expired = use_case.lint_guidelines(tmp_path, only="pituitary_cyp", today=date(2027, 3, 1))
    assert [(each.code, each.where) for each in expired] == [
        ("signature_expired", "pituitary_cyp/surveillance/micro_first")
    ]
    assert use_case.lint_guidelines(tmp_path, only="pituitary_cyp", today=TODAY) == ()


def test_signatures_are_added_and_none_is_touched(tmp_path):
    path = shelf.sign(tmp_path, "pituitary_cyp", ("surveillance/micro_first",), **WHO).path
    first = path.read_text()
    names = ['Dr "B" O\'Neil', "Dr {C}: #1", "Д-р Ж, MD", "- x", "yes"]
    for name in names:
        shelf.sign(tmp_path, "pituitary_cyp", ("surveillance/micro_first",), **{**WHO, "by": name})
    assert path.read_text().startswith(first)
    (held,) = load_signatures(tmp_path).values()
    assert [each.by for each in held] == ["Dr A. Example", *names]


@pytest.mark.parametrize(
    "change", [lambda text: text.rstrip("\n"), lambda text: text + "# read on Monday", lambda text: text + "\n\n"]
)
def test_a_file_without_its_last_line_end_is_added_to(tmp_path, change):
    path = shelf.sign(tmp_path, "pituitary_cyp", ("surveillance/micro_first",), **WHO).path
    path.write_text(change(path.read_text()))
    shelf.sign(tmp_path, "pituitary_cyp", ("surveillance/macro_stable",), **WHO)
    assert len(load_signatures(tmp_path)) == 2


@pytest.mark.parametrize("empty", ["signatures: []\n", "signatures:\n", "signatures: []"])
def test_an_empty_list_of_signatures_is_begun_anew(tmp_path, empty):
    path = tmp_path / "guidelines" / "pituitary_cyp" / "signatures.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(empty)
    shelf.sign(tmp_path, "pituitary_cyp", ("surveillance/micro_first",), **WHO)
    assert len(load_signatures(tmp_path)) == 1


def test_a_list_in_another_style_is_refused_and_left_alone(tmp_path):
    path = shelf.sign(tmp_path, "pituitary_cyp", ("surveillance/micro_first",), **WHO).path
    (entry,) = [line.strip()[2:] for line in path.read_text().splitlines() if line.startswith("  - ")]
    path.write_text(f"signatures: [{entry}]\n")
    use_case.forget()
    refused("knowledge_invalid", shelf.sign, tmp_path, "pituitary_cyp", ("surveillance/macro_stable",), **WHO)
    assert path.read_text() == f"signatures: [{entry}]\n"


def test_what_the_site_changes_after_it_was_signed_is_no_longer_active(tmp_path):
    shelf.sign(tmp_path, "pituitary_cyp", ("surveillance/macro_stable",), **WHO)
    overlay = SITE / "guidelines" / "pituitary_cyp" / "overlay.yaml"
    shutil.copy(overlay, tmp_path / "guidelines" / "pituitary_cyp")
    use_case.forget()
    assert status(tmp_path, "pituitary_cyp", "surveillance/macro_stable", TODAY) is Status.REVIEWED
    assert "signature_stale" in {each.code for each in use_case.lint_guidelines(tmp_path, today=TODAY)}
    shelf.sign(tmp_path, "pituitary_cyp", ("surveillance/macro_stable",), **WHO)
    assert status(tmp_path, "pituitary_cyp", "surveillance/macro_stable", TODAY) is Status.ACTIVE


def test_all_means_all_that_may_be_signed_and_the_others_are_named(tmp_path):
    done = shelf.sign(tmp_path, "ms_monitoring", (), **WHO)
    for place, _, row in rows_of(use_case.show_guideline("ms_monitoring", tmp_path)):
        assert (place in done.rows) is (str(row.citation.mark) in ("V", "V2"))
        assert (place in done.refused) is (place not in done.rows)
    assert "from memory" in next(iter(done.refused.values()))


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        ("sign_words", {"by": "  "}),
        ("sign_words", {"role": ""}),
        ("sign_words", {"by": "two\nlines"}),
        ("sign_dates", {"expires": TODAY}),
        ("sign_dates", {"on": TODAY + timedelta(days=1)}),
        ("sign_dates", {"on": date(2020, 1, 1), "expires": date(2021, 1, 1)}),
        ("sign_unknown_row", {"rows": ("surveillance/none",)}),
        ("knowledge_unknown", {"name": "astrology"}),
        ("sign_refused", {"name": "ms_monitoring", "rows": ("magnims_2021/yearly",)}),
    ],
)
def test_a_signature_that_cannot_be_is_refused_and_nothing_written(tmp_path, code, changes):
    asked = {"name": "pituitary_cyp", "rows": ("surveillance/micro_first",), **WHO, **changes}
    refused(code, shelf.sign, tmp_path, asked.pop("name"), asked.pop("rows"), **asked)
    assert list(tmp_path.iterdir()) == []


def test_no_site_no_signature():
    refused("sign_no_site", shelf.sign, None, "pituitary_cyp", (), **WHO)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("- x", "a mapping is needed"),
        ("signatures: 3", "a list is needed"),
        ("signatures: [{row: a/b}]", "the key 'by' is missing"),
        ("signatures: [{row: a/b, by: x, role: y, on: soon, expires: 2027-01-01, digest: z}]", "on: a date as"),
        (
            "signatures: [{row: a/b, by: '', role: y, on: 2026-01-01, expires: 2027-01-01, digest: z}]",
            "by: it is empty",
        ),
        ("signatures: [{row: a/b, by: x, role: y, on: 2026-01-01, expires: 2027-01-01, digest: z, ok: 1}]", "'ok'"),
    ],
)
def test_a_damaged_file_of_signatures_is_refused_with_its_place(tmp_path, text, words):
    path = tmp_path / "guidelines" / "pituitary_cyp" / "signatures.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    assert words in refused("knowledge_invalid", load_signatures, tmp_path).message
    refused("knowledge_invalid", shelf.sign, tmp_path, "pituitary_cyp", (), **WHO)
    assert path.read_text() == text


# --- a folder of one's own, a site's change


def test_the_gapped_example_fails_with_the_uncovered_situation():
    problems, names = shelf.lint_folder(GAPPED, today=TODAY)
    assert names == ("gapped_table",)
    gaps = [each.text for each in problems if each.code == "gap"]
    assert gaps == [
        "no row answers when largest diameter of the lesion is below 10 mm and relation to the optic chiasm is "
        "abuts or compresses",
        "no row answers when largest diameter of the lesion is exactly 10 mm",
    ]
    page = (ROOT / "docs" / "reference" / "guidelines.md").read_text()
    assert all(f"gapped_table/interval: gap: {text}" in page for text in gaps)


def test_a_folder_that_cannot_be_read_is_a_problem_and_the_others_are_still_looked_at(tmp_path):
    shutil.copytree(GAPPED, tmp_path / "gapped_table")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "guideline.yaml").write_text("id: broken\n")
    problems, names = shelf.lint_folder(tmp_path, today=TODAY)
    assert names == ("broken", "gapped_table")
    assert {each.code for each in problems if each.where == "broken"} == {"unreadable"}
    assert any(each.code == "gap" for each in problems)
    refused("input_not_found", shelf.lint_folder, tmp_path / "none", today=TODAY)
    (tmp_path / "empty").mkdir()
    refused("knowledge_invalid", shelf.lint_folder, tmp_path / "empty", today=TODAY)


def test_the_site_example_changes_one_interval_and_says_who_when_and_why():
    case = SITE / "macroadenoma.yaml"
    (shipped,) = use_case.advise_case(case, site=None, now=TODAY).recommendations
    (changed,) = use_case.advise_case(case, site=SITE, now=TODAY).recommendations
    assert shipped.window.target == date(2027, 2, 20)
    assert changed.window.target == date(2026, 11, 20)
    assert shipped.provenance == ""
    for words in ("Dr A. Example, head of neuroradiology", "2026-02-03", "agreed with the endocrinology board"):
        assert words in changed.provenance
    assert use_case.lint_guidelines(SITE, only="pituitary_cyp", today=TODAY) == ()
    page = (ROOT / "docs" / "reference" / "guidelines.md").read_text()
    found = shelf.diff("shipped", str(SITE), site=None, only="pituitary_cyp")
    assert {each.what for each in found.rows} == {"text", "schedule"}
    (case_change,) = [
        each for each in found.cases if each.name == "a macroadenoma stable over 18 months is seen in a year"
    ]
    assert f"  - {case_change.old[0]}\n  + {case_change.new[0]}\n" in page


def test_cases_beside_an_overlay_join_the_shipped_ones():
    known = use_case.guidelines_in_force(SITE)
    shipped = load_guideline_cases("pituitary_cyp", known)
    joined = load_guideline_cases("pituitary_cyp", known, site=SITE)
    assert len(joined) == len(shipped)
    (changed,) = [each for each in joined if each.targets == (date(2026, 11, 20),)]
    assert changed.name == "a macroadenoma stable over 18 months is seen in a year"


# --- two editions


def copied(tmp_path: Path, name: str = "pituitary_cyp") -> Path:
    return Path(shutil.copytree(SHIPPED / name, tmp_path / name))


def test_an_edition_is_the_same_as_itself(tmp_path):
    assert shelf.diff("shipped", "shipped", site=None, only="ms_pml").rows == ()
    found = shelf.diff("shipped", str(copied(tmp_path)), site=None)
    assert (found.rows, found.cases) == ((), ())
    asked = load_guideline_cases("pituitary_cyp", use_case.guidelines_in_force())
    assert found.cases_run == len({(str(sorted(each.facts.items())), each.as_of, str(each.profiles)) for each in asked})


def test_a_moved_limit_shows_in_the_rows_and_in_the_cases_between(tmp_path):
    path = copied(tmp_path) / "guideline.yaml"
    raw = path.read_text()
    path.write_text(raw.replace("at_least: 10 mm", "at_least: 12 mm").replace("less_than: 10 mm", "less_than: 12 mm"))
    found = shelf.diff("shipped", str(path.parent), site=None)
    assert {each.what for each in found.rows} == {"when"}
    assert {each.where for each in found.rows} >= {
        f"pituitary_cyp/{place}"
        for place in ("surveillance/macro_first", "surveillance/micro_first", "stop_rule/may_stop")
    }
    (changed,) = [each for each in found.cases if each.name == "10 mm is a macroadenoma"]
    between = [each for each in found.cases if "lesion_size: 1" in each.facts]
    assert len(between) == len(found.cases)
    assert changed.old[0].startswith("surveillance/macro_first: follow_up_imaging")
    assert changed.new[0].startswith("surveillance/micro_first: follow_up_imaging")
    back = shelf.diff(str(path.parent), "shipped", site=None)
    assert [(each.old, each.new) for each in back.cases] == [(each.new, each.old) for each in found.cases]


def test_rows_that_come_go_or_change_places_are_named(tmp_path):
    path = copied(tmp_path) / "guideline.yaml"
    raw = yaml.safe_load(path.read_text())
    rows = raw["tables"][0]["rows"]
    rows[0], rows[1] = rows[1], rows[0]
    rows.append({**rows.pop(), "id": "renamed"})
    path.write_text(yaml.safe_dump(raw, sort_keys=False).replace("'yes'", "yes"))
    changes = {(each.where, each.what, bool(each.old), bool(each.new)) for each in
               shelf.diff("shipped", str(path.parent), site=None).rows}  # fmt: skip
    assert ("pituitary_cyp/surveillance/micro_stable", "row", True, False) in changes
    assert ("pituitary_cyp/surveillance/renamed", "row", False, True) in changes
    assert ("pituitary_cyp", "order of rows", True, True) in changes


def test_an_edition_that_is_none_is_refused(tmp_path):
    refused("input_not_found", shelf.diff, "shipped", str(tmp_path / "none"), site=None)
    refused("sign_no_site", shelf.diff, "shipped", "site", site=None)
    refused("knowledge_unknown", shelf.diff, "shipped", str(SITE), site=None, only="astrology")


# --- the sheet


def test_a_sheet_says_once_what_each_row_cites_and_where_to_sign():
    known = use_case.guidelines_in_force()
    for guideline in known.guidelines:
        sheet = sheet_of(guideline, known.vocabulary, TODAY)
        cited = {(row.citation.text.rstrip("."), row.citation.doi) for _, _, row in rows_of(guideline)}
        assert len(sheet.sources) == len(cited)
        page = show_guideline(guideline, known.vocabulary, TODAY)
        for number, (_, _, row) in zip((each.source for each in sheet.rows), rows_of(guideline), strict=True):
            assert row.citation.text.rstrip(".") in sheet.sources[number - 1]
        for line in sheet.rows:
            assert line.draft is (line.mark not in ("V", "V2"))
            assert f"| `{line.name}` | `{line.digest[:12]}` | no |" in page
        assert page.count("| draft: not verified, not for patients |") == sum(line.draft for line in sheet.rows)


def test_a_sheet_goes_to_a_page_and_to_paper(tmp_path):
    shelf.sign(tmp_path, "pituitary_cyp", ("surveillance/micro_first",), **WHO)
    html, pdf = tmp_path / "sheet.html", tmp_path / "sheet.pdf"
    assert shelf.write_sheets("pituitary_cyp", html=html, pdf=pdf, site=tmp_path, today=TODAY) == (html, pdf)
    page = html.read_text()
    assert "signed by Dr A. Example, head of neuroradiology, on 2026-03-01, until 2027-02-28" in page
    assert "<script" not in page
    assert pdf.read_bytes().startswith(b"%PDF-")
    refused("out_not_writable", shelf.write_sheets, "pituitary_cyp", html=tmp_path / "no" / "x.html", pdf=None,
            site=tmp_path, today=TODAY)  # fmt: skip


def test_json_of_the_advice_names_the_signatures(tmp_path):
    from mriloop.edges.publish.documents import advice_document

    shelf.sign(tmp_path, "pituitary_cyp", ("surveillance/macro_stable",), **WHO)
    advice = use_case.advise_case(SITE / "macroadenoma.yaml", site=tmp_path, now=TODAY)
    (step,) = json.loads(json.dumps(advice_document(advice, {})))["recommendations"]
    assert step["status"] == "active"
    assert step["signatures"] == [
        {"by": "Dr A. Example", "role": "head of neuroradiology", "on": "2026-03-01", "expires": "2027-02-28"}
    ]
