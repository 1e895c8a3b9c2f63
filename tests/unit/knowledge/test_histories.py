"""Histories of response: every way of writing a size, refusals with their line, and the examples of the manual."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from mriloop.cli import app
from mriloop.edges.knowledge.histories import load_history
from mriloop.edges.knowledge.visit_entries import load_discs, load_joints
from mriloop.model.errors import Exit, SenderError
from mriloop.model.fact import Truth
from mriloop.model.response import Criteria, NewLesion, NonTarget, Seen, Size, Trend

EXAMPLES = Path(__file__).parents[3] / "docs" / "examples"
WHOLE = """\
criteria: rano-2.0
radiotherapy_ended: 2026-01-01
lesions:
  - {id: T1, organ: brain}
  - {id: N1, node: yes}
visits:
  - date: 2026-02-01
    slice_thickness: 1 mm
    clinical: stable
    steroids: 4 mg
    new_lesions: no
    lesions: {T1: 30 x 2.5 cm, N1: 1.6 cm}
  - id: second
    date: 2026-04-01
    outside_field: unknown
    new_lesions: [a, b]
    steroids: replacement
    lesions: {T1: {longest: 12, perpendicular: 9 mm, volume: 0.5 mL, slices: 4}, N1: too_small}
"""


def read(tmp_path, text, load=load_history):
    path = tmp_path / "history.yaml"
    path.write_text(text, encoding="utf-8")
    return load(path)


def test_a_whole_history(tmp_path):
    history = read(tmp_path, WHOLE.replace("30 x 2.5 cm", "30 mm x 2.5 cm"))
    assert (history.id, history.criteria, history.radiotherapy_ended) == ("history", Criteria.RANO_2, date(2026, 1, 1))
    first, second = history.visits
    assert first.id == "2026-02-01"
    assert first.sizes["T1"] == Size(longest_mm=30, perpendicular_mm=25)
    assert first.sizes["N1"] == Size(perpendicular_mm=16)
    assert (first.steroid_mg, first.clinical, first.non_target) == (4, Trend.STABLE, NonTarget.NOT_ASSESSED)
    assert (second.new_lesions, second.new_ids, second.steroid_mg) == (NewLesion.YES, ("a", "b"), 0)
    assert (second.outside_field, second.clinical) == (Truth.UNKNOWN, Trend.UNKNOWN)
    assert second.sizes["T1"] == Size(longest_mm=12, perpendicular_mm=9, volume_ml=0.5, slices=4)
    assert second.sizes["N1"].seen is Seen.TOO_SMALL


@pytest.mark.parametrize(
    ("said", "size"),
    [
        ("23", Size(longest_mm=23)),
        ("2.3 cm", Size(longest_mm=23)),
        ("17x23", Size(longest_mm=23, perpendicular_mm=17)),
        ("2 x 1.5 cm", Size(longest_mm=20, perpendicular_mm=15)),
        ("gone", Size(seen=Seen.GONE)),
        ("not-assessed", Size(seen=Seen.NOT_ASSESSED)),
        ("unknown", Size(seen=Seen.NOT_ASSESSED)),
        ("", Size(seen=Seen.NOT_ASSESSED)),
        ("{longest: 0}", Size(seen=Seen.GONE, longest_mm=0)),
    ],
)
def test_ways_of_writing_a_size(tmp_path, said, size):
    text = f"lesions: [{{id: T1}}]\nvisits:\n  - date: 2026-02-01\n    lesions:\n      T1: {said}\n"
    assert read(tmp_path, text).visits[0].sizes["T1"] == size


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("criteria: rano-2.0", "criteria: rano-3", 1, "none of: recist-1.1"),
        ("criteria:", "criterion:", 1, "did you mean"),
        ("radiotherapy_ended: 2026-01-01", "radiotherapy_ended: January", 2, "YYYY-MM-DD"),
        ("id: T1, organ", "name: T1, organ", 4, "unknown key"),
        ("{id: N1, node: yes}", "{id: T1}", 5, "stands twice"),
        ("node: yes", "node: maybe", 5, "yes or no"),
        ("  - date: 2026-02-01\n", "  - id: first\n", 7, "needs a `date`"),
        ("slice_thickness: 1 mm", "slice_thickness: 1 mL", 8, "mm"),
        ("clinical: stable", "clinical: fine", 9, "none of: better"),
        ("steroids: 4 mg", "steroids: some", 10, "needed"),
        ("N1: 1.6 cm}", "N2: 1.6 cm}", 12, "no target of that name"),
        ("30 x 2.5 cm", "-30", 12, "not negative"),
        ("30 x 2.5 cm", "30 x 2.5 x 2", 12, "needed"),
        ("date: 2026-04-01", "date: 2026-02-01", 13, "stands twice"),
        ("longest: 12", "longest: 8", 18, "longer than the longest"),
        ("slices: 4", "slices: some", 18, "whole number"),
        ("slices: 4", "seen: gone", 18, "gone, and yet has a size"),
        ("steroids: replacement", "steroids: [1, 2", 18, "line"),
        ("steroids: replacement", "steroids: *dose", 0, "alias"),
    ],
)
def test_refusals_name_the_line_and_what_to_write(tmp_path, old, new, line, said):
    assert old in WHOLE
    with pytest.raises(SenderError) as refused:
        read(tmp_path, WHOLE.replace(old, new))
    assert refused.value.code == "history_invalid"
    assert said.lower() in refused.value.message.lower()
    assert not line or f"line {line}" in refused.value.message
    assert "response.md" in refused.value.remedy


@pytest.mark.parametrize("text", ["", "[]", "a: [", "visits: []", "visits: 3", "visits: [3]", "{1: 2}", "\x00"])
def test_what_is_no_history_is_refused(tmp_path, text):
    with pytest.raises(SenderError) as refused:
        read(tmp_path, text)
    assert refused.value.code == "history_invalid"


LEAF = st.one_of(st.none(), st.booleans(), st.integers(-5, 500), st.text(max_size=8), st.dates().map(str))
TREE = st.recursive(
    LEAF,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(
                ["id", "date", "lesions", "visits", "T1", "longest", "criteria", "new_lesions", "steroids"]
            ),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=12,
)


@given(TREE)
@settings(max_examples=30, deadline=None)
def test_any_tree_is_a_history_or_a_refusal(tmp_path_factory, tree):
    path = tmp_path_factory.mktemp("trees") / "h.yaml"
    path.write_text(json.dumps(tree), encoding="utf-8")
    for load in (load_history, load_discs, load_joints):
        try:
            load(path)
        except SenderError as refused:
            assert refused.code == "history_invalid"


DISC = "criteria: disc\nvisits:\n  - date: 2026-01-01\n    L4/L5: {herniation: 80 mm2, msu: 2-AB}\n"
JOINT = "criteria: ramris\nvisits:\n  - date: 2026-01-01\n    synovitis: {mcp2: 3, rest: 1}\n"


@pytest.mark.parametrize(
    ("load", "text", "old", "new", "said"),
    [
        (load_discs, DISC, "2-AB", "4-A", "no MSU class"),
        (load_discs, DISC, "2-AB", "2", "no MSU class"),
        (load_discs, DISC, "2-AB", "2-AD", "no MSU class"),
        (load_discs, DISC, "herniation", "hernia", "unknown key"),
        (load_discs, DISC, "mm2", "mm", "needed"),
        (load_joints, JOINT, "mcp2", "mcp6", "no site of synovitis"),
        (load_joints, JOINT, "mcp2: 3", "mcp2: 4", "from 0 to 3"),
        (load_joints, JOINT, "mcp2: 3", "mcp2: 1.5", "whole number"),
        (load_joints, JOINT, "mcp2: 3", "mcp2: bad", "number"),
        (load_joints, JOINT, "synovitis", "synovits", "no feature"),
    ],
)
def test_entries_are_refused_with_their_line(tmp_path, load, text, old, new, said):
    with pytest.raises(SenderError) as refused:
        read(tmp_path, text.replace(old, new), load)
    assert said in refused.value.message
    assert "line 4" in refused.value.message


def test_rest_scores_every_other_site(tmp_path):
    scores = read(tmp_path, JOINT, load_joints).visits[0].scores["synovitis"]
    assert (len(scores), scores["mcp2"], scores["radiocarpal"]) == (7, 3.0, 1.0)


@pytest.mark.parametrize(
    ("name", "code", "shows"),
    [
        ("recist", Exit.NEEDS_PERSON, "Progression: dated 2026-06-29 (week-24)"),
        ("glioma", Exit.DONE, "PD -> non-PD"),
        ("disc", Exit.NEEDS_PERSON, "decreased"),
        ("ramris", Exit.NEEDS_PERSON, "less satisfactory between two time points"),
    ],
)
def test_the_examples_of_the_manual(name, code, shows):
    path = str(EXAMPLES / "response" / f"{name}.yaml")
    told = CliRunner().invoke(app, ["response", path], env={"COLUMNS": "200"})
    assert told.exit_code == code
    assert shows in told.output
    written = CliRunner().invoke(app, ["response", path, "--json"])
    assert written.exit_code == code
    assert json.loads(written.output)["schema"] == "mriloop/response/1"


def test_other_criteria_may_be_asked_for():
    path = str(EXAMPLES / "response" / "glioma.yaml")
    told = CliRunner().invoke(app, ["response", path, "--criteria", "rano-2.0-volume", "--json"])
    document = json.loads(told.output)
    assert told.exit_code == Exit.NEEDS_PERSON
    assert document["criteria"] == "rano-2.0-volume"
    assert document["visits"][-1]["category"] == "NE"
    assert "size of E1" in document["visits"][-1]["missing"]
