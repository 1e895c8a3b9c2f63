"""YAML read strictly: safe types only, decimal numbers, no key twice; dates stay text until a fact asks for them."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import yaml

_C_LOADER: Any = getattr(yaml, "CSafeLoader", None)
_BASE: Any = _C_LOADER or yaml.SafeLoader
# libyaml's parser alone: it makes nodes in C and asks Python for nothing but the kind of each.
_C_PARSER: Any = _C_LOADER.__mro__[1] if _C_LOADER is not None else object
_LEFT_AS_TEXT = frozenset(f"tag:yaml.org,2002:{kind}" for kind in ("timestamp", "bool", "int", "float"))
_BOOL = re.compile(r"^(?:yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE)$")
# YAML 1.1 reads 023 as nineteen and 1:05 as sixty-five. Here a number is decimal, and what is not stays a word.
_INT = re.compile(r"^[-+]?(?:0|[1-9][0-9]*)$")
_FLOAT = re.compile(
    r"^(?:[-+]?(?:(?:0|[1-9][0-9]*)\.[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$"
)
# What a text may grow to when each alias in it is written out.
_MOST_PARTS = 1_000_000
_MERGE = "tag:yaml.org,2002:merge"


class StrictLoader(_BASE):  # type: ignore[misc]
    """A safe loader that refuses a key stated twice in one mapping and leaves dates as text."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - PyYAML's own name for a class attribute
        first: [(tag, pattern) for tag, pattern in found if tag not in _LEFT_AS_TEXT]
        for first, found in _BASE.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        """Build a mapping; ConstructorError for a key that stands twice."""
        seen = set()
        for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            if isinstance(key, yaml.ScalarNode) and key.tag != _MERGE:
                if key.value in seen:
                    raise _twice(key)
                seen.add(key.value)
        return super().construct_mapping(node, deep)


# YAML 1.1 takes `on`, `off`, `y` and `n` for truth values too; here they are words (`on: 2026-02-03`).
StrictLoader.add_implicit_resolver("tag:yaml.org,2002:bool", _BOOL, list("yYnNtTfF"))
StrictLoader.add_implicit_resolver("tag:yaml.org,2002:int", _INT, list("-+0123456789"))
StrictLoader.add_implicit_resolver("tag:yaml.org,2002:float", _FLOAT, list("-+.0123456789"))


class _Nodes(_C_PARSER):  # type: ignore[misc]
    """The nodes of a text with what they are: plain or quoted text, list, mapping; another word is an explicit tag."""

    def resolve(self, kind: type, value: str, implicit: Any) -> str:
        if kind is yaml.ScalarNode:
            return "plain" if implicit[0] else "text"
        return "list" if kind is yaml.SequenceNode else "mapping"

    def descend_resolver(self, parent: Any, index: Any) -> None:
        """Nothing here depends on the path to a node."""

    def ascend_resolver(self) -> None:
        """Nothing here depends on the path to a node."""


class _TaggedError(Exception):
    """The text holds an explicit tag: for the whole loader, which knows them."""


def read(text: str) -> Any:
    """Return what a YAML text says. Raises yaml.YAMLError, RecursionError or ValueError.

    A text whose aliases would grow beyond a million parts is refused: whoever writes it out would never end.
    """
    found = _read(text)
    if "*" in text and _parts(found, {}) > _MOST_PARTS:
        raise ValueError("its aliases grow beyond a million parts")
    return found


def _parts(node: Any, counted: dict[int, int]) -> int:
    """Return how many parts a node has with its aliases written out."""
    if not isinstance(node, dict | list):
        return 1
    if id(node) not in counted:
        # A node inside itself never ends.
        counted[id(node)] = _MOST_PARTS + 1
        below = node.values() if isinstance(node, dict) else node
        counted[id(node)] = 1 + sum(_parts(each, counted) for each in below)
    return counted[id(node)]


def _read(text: str) -> Any:
    if _C_LOADER is not None:
        try:
            root = _Nodes(text).get_single_node()
            return None if root is None else _build(root, {})
        except _TaggedError:
            pass
    return yaml.load(text, Loader=StrictLoader)


_UNDER_WAY = object()


def _build(node: Any, made: dict[int, Any]) -> Any:
    """Return what a node says. `made` holds what anchors already named, so that an alias costs nothing."""
    kind = node.tag
    if kind == "plain":
        return _plain(node.value)
    if kind == "text":
        return node.value
    if id(node) in made:
        if made[id(node)] is _UNDER_WAY:
            raise yaml.constructor.ConstructorError(None, None, "an anchor holds itself", node.start_mark)
        return made[id(node)]
    made[id(node)] = _UNDER_WAY
    if kind == "list":
        made[id(node)] = [_build(each, made) for each in node.value]
    elif kind == "mapping":
        made[id(node)] = _mapping(node, made)
    else:
        raise _TaggedError
    return made[id(node)]


def _mapping(node: Any, made: dict[int, Any]) -> dict[Any, Any]:
    """Return a mapping; what it merges in gives way to its own keys. Refuses a key that stands twice."""
    merged: dict[Any, Any] = {}
    own: dict[Any, Any] = {}
    seen = set()
    for key, value in node.value:
        if key.tag == "plain" and key.value == "<<":
            # Of several merged mappings the first has the last word.
            for each in reversed(value.value) if value.tag == "list" else (value,):
                if each.tag != "mapping":
                    text = "expected a mapping, or a list of mappings, to merge"
                    raise yaml.constructor.ConstructorError(None, None, text, each.start_mark)
                merged |= _build(each, made)
            continue
        if key.tag in ("list", "mapping"):
            raise yaml.constructor.ConstructorError(None, None, "found unhashable key", key.start_mark)
        if key.value in seen:
            raise _twice(key)
        seen.add(key.value)
        own[_build(key, made)] = _build(value, made)
    return {**merged, **own} if merged else own


@lru_cache(maxsize=8192)
def _plain(text: str) -> Any:
    """Return what an unquoted word says: a number, a truth value, nothing, or itself."""
    for tag, pattern in StrictLoader.yaml_implicit_resolvers.get(text[:1], ()):
        if pattern.match(text):
            return _CONSTRUCTORS[tag](yaml.ScalarNode(tag, text)) if tag in _CONSTRUCTORS else text
    return text


_PLAINLY = yaml.constructor.SafeConstructor()
_CONSTRUCTORS = {
    "tag:yaml.org,2002:null": lambda node: None,
    "tag:yaml.org,2002:bool": _PLAINLY.construct_yaml_bool,
    "tag:yaml.org,2002:int": _PLAINLY.construct_yaml_int,
    "tag:yaml.org,2002:float": _PLAINLY.construct_yaml_float,
}


def _twice(key: Any) -> yaml.constructor.ConstructorError:
    return yaml.constructor.ConstructorError(None, None, f"{key.value!r} stands twice", key.start_mark)


def place_of(error: Exception) -> str:
    """Return where and why a YAML text cannot be read, in one line."""
    mark = getattr(error, "problem_mark", None)
    place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark is not None else ""
    return place + str(getattr(error, "problem", None) or str(error).split("\n", maxsplit=1)[0])
