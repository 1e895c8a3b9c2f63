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


def test_an_anchor_that_holds_itself_is_refused_and_so_are_aliases_without_end():
    with pytest.raises(yaml.YAMLError, match="holds itself"):
        strict_yaml.read("a: &x [*x]")
    with pytest.raises((yaml.YAMLError, ValueError)):
        strict_yaml.read("a: &x [*x]\nb: !!str 1")
    lines = ["a0: &a0 [x, x]"] + [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 60)]
    nested = strict_yaml.read("\n".join(lines[:12]))["a11"]
    assert nested[0] is nested[1]
    with pytest.raises(ValueError, match="a million parts"):
        strict_yaml.read("\n".join(lines))


@pytest.mark.parametrize(
    "word", ["023", "060", "-010", "1:05", "1:30:00", "0x600f", "0b11", "1_000", "00.5", "190:20.15"]
)
def test_a_number_is_decimal_and_what_is_not_stays_a_word(word):
    assert strict_yaml.read(f"a: {word}") == {"a": word}


@pytest.mark.parametrize(("text", "number"), [("0", 0), ("-3", -3), ("12.50", 12.5), ("0.8", 0.8), ("+1.5e-3", 0.0015)])
def test_decimal_numbers_are_numbers(text, number):
    assert strict_yaml.read(f"a: {text}") == {"a": number}


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
