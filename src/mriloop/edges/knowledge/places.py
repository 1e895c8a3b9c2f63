"""Where a reader stands in a file of knowledge: every refusal names the file and the key."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from mriloop.edges.knowledge import strict_yaml
from mriloop.edges.knowledge.values import hint_for
from mriloop.model.errors import OperatorError, refuse


def read_yaml(path: Path) -> object:
    """Read one YAML file of knowledge with the safe loader. Raises OperatorError `knowledge_invalid`."""
    try:
        return strict_yaml.read(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise invalid(path, f"cannot be read ({type(error).__name__})") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise invalid(path, f"is not YAML: {strict_yaml.place_of(error)}") from None


def invalid(path: Path | None, detail: str) -> OperatorError:
    """Return the refusal `knowledge_invalid` of a file."""
    error = refuse("knowledge_invalid", path=path, detail=detail)
    assert isinstance(error, OperatorError)
    return error


class At:
    """A place in a file of knowledge: takes what stands there apart, and says which key is wrong."""

    __slots__ = ("_above", "_key", "path")

    def __init__(self, path: Path, place: object = "", above: At | None = None) -> None:
        self.path, self._key, self._above = path, place, above

    @property
    def place(self) -> str:
        """The keys from the top of the file, with dots; put together only where something is wrong."""
        before = self._above.place if self._above is not None else ""
        return f"{before}.{self._key}" if before else str(self._key)

    def down(self, key: object) -> At:
        """Return the place of a key inside this one."""
        return At(self.path, key, self)

    def wrong(self, detail: str) -> OperatorError:
        """Return the refusal that names this place."""
        return invalid(self.path, f"{self.place}: {detail}" if self.place else detail)

    def mapping(self, raw: object, allowed: set[str], needed: Sequence[str] = ()) -> dict[str, Any]:
        """Return a mapping whose keys are all known and whose needed keys are there."""
        if not isinstance(raw, dict):
            raise self.wrong("a mapping is needed here")
        for key in raw:
            if key not in allowed:
                raise self.wrong(f"unknown key {key!r}{hint_for(str(key), sorted(allowed))}")
        for key in needed:
            if key not in raw:
                raise self.wrong(f"the key {key!r} is missing")
        return raw

    def truth(self, raw: object) -> bool:
        """Return a truth value; a quoted "yes" is a word and is refused."""
        if not isinstance(raw, bool):
            raise self.wrong(f"{raw!r} is neither yes nor no; write it without quotes")
        return raw

    def items(self, raw: object) -> list[Any]:
        """Return a list."""
        if not isinstance(raw, list):
            raise self.wrong("a list is needed here")
        return raw

    def words(self, raw: object) -> tuple[str, ...]:
        """Return a list of words; empty for nothing."""
        return tuple(str(item) for item in self.items([] if raw is None else raw))

    def one_of(self, kind: type[Any], raw: object) -> Any:
        """Return the member of an enumeration that a word names."""
        try:
            return kind(raw)
        except ValueError:
            known = [str(member) for member in kind]
            raise self.wrong(f"{raw!r} is none of {', '.join(known)}{hint_for(str(raw), known)}") from None
