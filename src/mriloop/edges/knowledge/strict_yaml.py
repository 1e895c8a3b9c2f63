"""YAML read strictly: safe types only, a key stated twice is refused, dates stay text until a fact asks for them."""

from __future__ import annotations

from typing import Any

import yaml

_BASE: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TIMESTAMP = "tag:yaml.org,2002:timestamp"
_MERGE = "tag:yaml.org,2002:merge"


class StrictLoader(_BASE):  # type: ignore[misc]
    """A safe loader that refuses a key stated twice in one mapping and leaves dates as text."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - PyYAML's own name for a class attribute
        first: [(tag, pattern) for tag, pattern in found if tag != _TIMESTAMP]
        for first, found in _BASE.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        """Build a mapping; ConstructorError for a key that stands twice."""
        seen = set()
        for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            if isinstance(key, yaml.ScalarNode) and key.tag != _MERGE:
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(None, None, f"{key.value!r} stands twice", key.start_mark)
                seen.add(key.value)
        return super().construct_mapping(node, deep)


def read(text: str) -> Any:
    """Return what a YAML text says. Raises yaml.YAMLError, RecursionError or ValueError."""
    return yaml.load(text, Loader=StrictLoader)


def place_of(error: Exception) -> str:
    """Return where and why a YAML text cannot be read, in one line."""
    mark = getattr(error, "problem_mark", None)
    place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark is not None else ""
    return place + str(getattr(error, "problem", None) or str(error).split("\n", maxsplit=1)[0])
