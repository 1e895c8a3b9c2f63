"""Guideline files: strict keys, no code, sources for every row, and a site's changes with who, when and why."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
import yaml

from mriloop.app import advise as use_case
from mriloop.edges.knowledge.cases import load_guideline_cases
from mriloop.edges.knowledge.guidelines import SHIPPED, load_guidelines
from mriloop.model.errors import MriloopError, OperatorError
from mriloop.model.fact import Truth
from mriloop.model.guideline import GuidelineSet, Mark, Status

FACTS = """
size: {type: quantity, unit: mm, question: "How large?", also: [diameter]}
seen: {type: bool, question: "Seen?"}
seen_on: {type: date, question: "When?"}
kind: {type: code, values: [round, flat], question: "Which?"}
"""
GUIDELINE = """
id: pack
title: Pack
version: 0.1.0
edition: Somebody 2024
sources: {somebody: {text: Somebody, year: 2024}}
parameters: {limit: 10}
raised_by: [{seen: yes}]
tables:
  - id: t
    question: what next
    profile: Somebody 2024
    match: first
    rows:
      - id: big
        when: {size: {at_least: $limit}}
        step: follow_up_imaging
        text: Look again.
        schedule: {anchor: seen_on, points: [{target: P6M, tolerance: P1M}]}
        cite: {source: somebody, locator: table 1, mark: V}
      - id: rest
        step: clinician_review
        text: Think.
        cite: {source: somebody, locator: table 1, mark: M}
"""


@pytest.fixture
def shelf(tmp_path: Path):
    def write(guideline: str = GUIDELINE, facts: str = FACTS, overlay: str = "") -> GuidelineSet:
        shipped = tmp_path / "shipped"
        (shipped / "pack").mkdir(parents=True, exist_ok=True)
        (shipped / "facts").mkdir(exist_ok=True)
        (shipped / "facts" / "words.yaml").write_text(facts)
        (shipped / "pack" / "guideline.yaml").write_text(guideline)
        site = tmp_path / "site"
        (site / "guidelines" / "pack").mkdir(parents=True, exist_ok=True)
        if overlay:
            (site / "guidelines" / "pack" / "overlay.yaml").write_text(overlay)
        return load_guidelines(shipped=shipped, site=site)

    return write


def refused(call, *args: str, **words: str) -> str:
    with pytest.raises(OperatorError) as caught:
        call(*args, **words)
    assert caught.value.code == "knowledge_invalid"
    return caught.value.message


def test_a_small_pack_loads(shelf):
    (pack,) = shelf().guidelines
    big, rest = pack.tables[0].rows
    assert big.status is Status.REVIEWED
    assert rest.status is Status.DRAFT
    assert rest.citation.mark is Mark.M
    assert big.when[0].value.value == 10


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("    match: first\n", "    match: first\n    hit: 1\n", "tables[0]: unknown key 'hit'"),
        (
            "step: follow_up_imaging",
            "steps: follow_up_imaging",
            "tables.t.rows.big: unknown key 'steps', did you mean step?",
        ),
        ("step: follow_up_imaging", "step: operate", "tables.t.rows.big.step: 'operate' is none of"),
        ("match: first", "match: best", "'best' is none of first, all"),
        ("size: {at_least", "sise: {at_least", "no fact is called 'sise', did you mean size?"),
        ("{at_least: $limit}", "{at_least: 10 mo}", "(mo)"),
        ("{at_least: $limit}", "{atleast: 10}", "'atleast' is none of"),
        ("{at_least: $limit}", "{at_least: $limits}", "there is no parameter 'limits'"),
        ("{at_least: $limit}", "{at_least: __import__('os')}", "a number in mm"),
        ("P6M, tol", "6 months, tol", "is no duration such as P6M"),
        ("tolerance: P1M", "earliest: P5M, tolerance: P1M", "either tolerance, or earliest and latest"),
        ("anchor: seen_on", "anchor: seen", "seen is no date"),
        ("        cite: {source: somebody, locator: table 1, mark: V}\n", "", "every row needs its citation"),
        (
            "source: somebody, locator: table 1, mark: V",
            "source: sombody, locator: t, mark: V",
            "did you mean somebody?",
        ),
        ("mark: V}", "mark: W}", "'W' is none of"),
        ("- id: rest", "- id: big", "two rows have this id"),
        ("id: pack", "id: peck", "must be the name of its folder"),
        ("title: Pack\n", "", "the key 'title' is missing"),
        ("title: Pack", "title: Pack\ntitle: Peck", "'title' stands twice"),
        ("title: Pack", "title: [Pack", "is not YAML: line"),
        ("title: Pack", "title: !!python/object/apply:os.getcwd []", "is not YAML"),
        ("raised_by: [{seen: yes}]", "raised_by: {seen: yes}", "raised_by: a list is needed"),
        ("raised_by: [{seen: yes}]", "raised_by: [{kind: square}]", "round, flat"),
        ("raised_by: [{seen: yes}]", "raised_by: [{seen: unknown}]", "write {known: no}"),
    ],
)
def test_every_fault_names_the_place_and_the_nearest_word(shelf, old, new, words):
    assert old in GUIDELINE
    assert words in refused(shelf, GUIDELINE.replace(old, new, 1))


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ("size: {type: number, question: x}", "'number' is none of"),
        ("size: {type: quantity, question: x}", "needs its `unit`"),
        ("size: {type: code, question: x}", "needs its `values`"),
        ("size: {type: bool}", "the key 'question' is missing"),
        ("a: {type: bool, question: x, also: [c]}\nb: {type: bool, question: x, also: [C]}", "stands for both"),
        ("a: {type: code, values: [x], question: x, value_also: {y: z}}", "'z' is none of its values"),
        ("- a", "a mapping of facts is needed"),
    ],
)
def test_the_vocabulary_is_strict_too(shelf, facts, words):
    assert words in refused(shelf, facts=facts)


OVERLAY = """
by: Dr A. Example, head of neuroradiology
on: 2026-02-03
reason: agreed with the endocrinology board
parameters: {limit: 12}
rows:
  t/big: {schedule: {anchor: seen_on, points: [{target: P9M, tolerance: P1M}]}}
"""


def test_a_site_changes_an_interval_and_the_change_is_signed(shelf):
    (pack,) = shelf(overlay=OVERLAY).guidelines
    big, rest = pack.tables[0].rows
    assert big.schedule.points[0].target.months == 9
    assert big.when[0].value.value == 12
    assert "Dr A. Example" in big.provenance
    assert "2026-02-03" in big.provenance
    assert "agreed with the endocrinology board" in big.provenance
    assert rest.provenance == ""


def test_a_changed_parameter_marks_the_rows_that_use_it(shelf):
    only = OVERLAY.split("rows:", maxsplit=1)[0]
    (pack,) = shelf(overlay=only).guidelines
    assert pack.tables[0].rows[0].provenance.startswith("parameter changed at the site by Dr A. Example")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("by: Dr A. Example, head of neuroradiology\n", "", "the key 'by' is missing"),
        ("on: 2026-02-03", "on: soon", "a date as YYYY-MM-DD"),
        ("{limit: 12}", "{limits: 12}", "unknown parameter 'limits', did you mean limit?"),
        ("t/big:", "t/bigger:", "no such row: t/bigger"),
        ("{schedule:", "{when: {}, schedule:", "unknown key 'when'"),
        ("reason:", "default_profile: Nobody 1999\nreason:", "none of Somebody 2024"),
    ],
)
def test_an_overlay_is_strict(shelf, old, new, words):
    assert words in refused(shelf, overlay=OVERLAY.replace(old, new, 1))


def test_a_site_adds_a_guideline_of_its_own_and_prefers_a_profile(tmp_path):
    own = tmp_path / "guidelines" / "house_rule"
    own.mkdir(parents=True)
    (own / "guideline.yaml").write_text(
        GUIDELINE.replace("id: pack", "id: house_rule")
        .replace("seen: yes", "condition: other")
        .replace("size:", "lesion_size:")
        .replace("seen_on", "exam_date")
    )
    prefer = tmp_path / "guidelines" / "ms_pml"
    prefer.mkdir()
    (prefer / "overlay.yaml").write_text(
        "by: Dr B\non: 2026-01-01\nreason: national rule\ndefault_profile: EMA 2016\nparameters: {high_index: 0.9}\n"
    )
    known = load_guidelines(site=tmp_path)
    assert known.get("house_rule").source == "site"
    assert known.default_profiles == {"ms_pml": "EMA 2016"}
    case = tmp_path / "case.yaml"
    case.write_text(
        "{drug: natalizumab, months_on_drug: 30, jcv: positive, prior_is: no, jcv_index: 1.0, exam_date: 2026-01-31}"
    )
    advice = use_case.advise_case(case, site=tmp_path, now=date(2026, 2, 1))
    lead = next(each for each in advice.recommendations if each.default)
    assert lead.row == "ema_2016/high_index"
    assert "Dr B" in lead.provenance
    assert any("Dr B" in line for line in lead.because)
    shipped = use_case.advise_case(case, site=None, now=date(2026, 2, 1))
    assert next(each for each in shipped.recommendations if each.default).row == "magnims_2015/high_risk"


def test_every_shipped_guideline_has_its_cases_and_its_sources():
    for guideline in use_case.list_guidelines():
        folder = SHIPPED / guideline.id
        assert (folder / "cases.yaml").is_file()
        source = (folder / "SOURCE.md").read_text()
        assert "Not verified" in source
        for row in [*guideline.guards, *(row for table in guideline.tables for row in table.rows)]:
            assert row.status is not Status.ACTIVE
            assert not row.when or all(each.value is not Truth.UNKNOWN for each in row.when)


def test_an_unknown_guideline_is_refused():
    with pytest.raises(MriloopError) as caught:
        use_case.show_guideline("astrology")
    assert caught.value.code == "knowledge_unknown"


def test_a_broken_case_file_names_its_case(shelf, tmp_path):
    known = shelf()
    cases = tmp_path / "shipped" / "pack" / "cases.yaml"
    for text, words in (
        ("cases: [{name: n, kind: odd, facts: {}, as_of: 2026-01-01}]", "kind 'odd'"),
        (
            "cases: [{name: n, kind: positive, facts: {colour: red}, as_of: 2026-01-01}]",
            "no guideline knows the fact colour",
        ),
        (
            "cases: [{name: n, kind: positive, facts: {}, as_of: 2026-01-01, row: x}]",
            "unknown key 'row', did you mean rows?",
        ),
        ("cases: 3", "a list `cases`"),
    ):
        cases.write_text(text)
        message = refused(load_guideline_cases, "pack", known, shipped=tmp_path / "shipped")
        assert words in message


def unquoted_beside_others(text: str) -> list[str]:
    """Return the actions that stand without quotes in a `[…]` of several: a comma inside one would cut it in two."""
    found: list[str] = []

    def walk(node: yaml.Node) -> None:
        if isinstance(node, yaml.SequenceNode):
            for each in node.value:
                walk(each)
        elif isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if key.value == "actions" and value.flow_style and len(value.value) > 1:
                    found.extend(each.value for each in value.value if each.style is None)
                walk(value)

    walk(yaml.compose(text, Loader=yaml.SafeLoader))
    return found


def test_no_comma_can_cut_an_action_in_two():
    assert unquoted_beside_others("rows: [{actions: [find maker, model and date, decide]}]") == [
        "find maker",
        "model and date",
        "decide",
    ]
    assert unquoted_beside_others('rows: [{actions: ["find maker, model and date", "decide"]}]') == []
    files = sorted(SHIPPED.rglob("guideline.yaml"))
    assert len(files) >= 9
    assert {file.parent.name: cut for file in files if (cut := unquoted_beside_others(file.read_text()))} == {}


def test_an_unknown_implant_asks_for_maker_model_and_date_in_one_action():
    (row,) = (
        row
        for table in use_case.show_guideline("order_safety").tables
        for row in table.rows
        if row.id == "unknown" and "implant" in row.text
    )
    assert row.actions[0] == "find maker, model and date"


@pytest.mark.parametrize(
    ("guideline", "row", "change"),
    [
        ("osteomyelitis_nonspinal", "next_step/repeat_t1", "{step: osteomyelitis_unlikely}"),
        ("pituitary_cyp", "guards/not_diagnostic", "{step: reassure}"),
        ("pituitary_cyp", "guards/apoplexy", "{urgency: routine}"),
        ("pituitary_cyp", "guards/apoplexy", "{step: clinician_review}"),
        ("pituitary_cyp", "surveillance/macro_stable", "{step: may_stop_imaging}"),
        ("order_safety", "implant/unsafe", "{step: allow_order}"),
        ("order_safety", "implant/unsafe", "{step: advise_order}"),
    ],
)
def test_an_overlay_may_neither_clear_nor_lower_an_emergency(tmp_path, guideline, row, change):
    folder = tmp_path / "guidelines" / guideline
    folder.mkdir(parents=True)
    head = "by: Dr Roe\non: 2026-02-03\nreason: trial\n"
    (folder / "overlay.yaml").write_text(f"{head}rows: {{{row}: {change}}}\n")
    with pytest.raises(OperatorError, match="may not"):
        load_guidelines(site=tmp_path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("t1_readable: {type: bool, question: x, derived: prior_available}", "keeps its derived"),
        ("egfr: {type: quantity, unit: mm, question: x}", "keeps its unit"),
        ("cortex: {type: code, values: [none], question: x}", "keeps its values"),
        ("implant_status: {value_also: {mr_unsafe: none}}", "means 'mr_unsafe' already"),
        ("my_word: {type: bool, question: x, derived: no_such_function}", "no function derives"),
    ],
)
def test_a_site_gives_no_shipped_word_another_meaning(tmp_path, text, words):
    folder = tmp_path / "guidelines" / "facts"
    folder.mkdir(parents=True)
    (folder / "x.yaml").write_text(text)
    with pytest.raises(OperatorError, match=words):
        use_case.guidelines_in_force(tmp_path)


def test_an_overlay_of_no_guideline_is_refused_with_a_hint(tmp_path):
    folder = tmp_path / "guidelines" / "pituitary_cpy"
    folder.mkdir(parents=True)
    (folder / "overlay.yaml").write_text("by: x\non: 2026-02-03\nreason: x\n")
    with pytest.raises(OperatorError, match="did you mean pituitary_cyp"):
        load_guidelines(site=tmp_path)


@pytest.mark.parametrize(
    ("old", "new"), [("match: first", 'match: first\n    default: "yes"'), ("seen: yes", 'seen: {known: "yes"}')]
)
def test_a_quoted_truth_value_is_refused(shelf, old, new):
    assert old in GUIDELINE
    assert "neither yes nor no" in refused(shelf, guideline=GUIDELINE.replace(old, new, 1))
