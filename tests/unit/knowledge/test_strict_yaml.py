"""The fast reader of YAML says what PyYAML's own loader says, or refuses as it does."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from mriloop.edges.knowledge import strict_yaml

KNOWLEDGE = Path(strict_yaml.__file__).parents[2] / "knowledge"
FILES = sorted(KNOWLEDGE.rglob("*.yaml"))


def slowly(text: str) -> object:
    return yaml.load(text, Loader=strict_yaml.StrictLoader)


def test_every_shipped_file_reads_the_same():
    assert len(FILES) > 20
    for path in FILES:
        text = path.read_text("utf-8")
        assert repr(strict_yaml.read(text)) == repr(slowly(text)), path


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a: !!str 1",
        "a: 12:30",
        "a: {<<: [{b: 1}, {b: 2, c: 1}], c: 9}",
        "base: &b {x: 1}\nother: {<<: *b, y: 2}",
        "- ~\n- null\n-\n- .inf\n- -1.5e3\n- 0x1f\n- 010\n- 1_000\n- on\n- y\n- Yes\n- 2026-01-01\n- '1'\n- \"no\"",
        "a: &x {b: 1}\nc: *x",
        "'<<': {a: 1}",
        "1: a\n2.5: b\nyes: c",
        "a: |\n  one\n  two\nb: >-\n  three\n  four",
        "a: !!binary aGk=",
    ],
)
def test_texts_by_hand_read_the_same(text):
    assert repr(strict_yaml.read(text)) == repr(slowly(text))


@pytest.mark.parametrize(
    "text",
    [
        "a: 1\na: 2", "a: 1\n'a': 2", "? [a]\n: b", "? {a: 1}\n: b", "a: !foo 1", "<<: 3", "{a: b", "a: *q",
        "--- 1\n--- 2", "\ta: 1",
    ],
)  # fmt: skip
def test_texts_that_are_refused_are_refused_with_their_place(text):
    with pytest.raises(yaml.YAMLError):
        slowly(text)
    with pytest.raises(yaml.YAMLError) as refused:
        strict_yaml.read(text)
    assert strict_yaml.place_of(refused.value)


def test_an_anchor_that_holds_itself_is_refused_and_many_aliases_cost_nothing():
    with pytest.raises(yaml.YAMLError, match="holds itself"):
        strict_yaml.read("a: &x [*x]")
    lines = ["a0: &a0 [x, x]"] + [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 60)]
    nested = strict_yaml.read("\n".join(lines))["a59"]
    assert nested[0] is nested[1]


PLAIN = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**9), 10**9), st.floats(allow_nan=False), st.text(max_size=12),
    st.sampled_from(["on", "off", "y", "2026-03-01", "1:30", "=", "<<", "~", "0o7", "1e3"]),
)  # fmt: skip
TREES = st.recursive(
    PLAIN, lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=6), inner, max_size=4))
)


@settings(max_examples=200, deadline=None)
@given(tree=TREES, flow=st.booleans())
def test_what_yaml_writes_is_read_back(tree, flow):
    text = yaml.safe_dump(tree, default_flow_style=flow, allow_unicode=True)
    assert repr(strict_yaml.read(text)) == repr(slowly(text))
