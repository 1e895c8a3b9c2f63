"""Reads the fields of an entry of a knowledge file, and says where one is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, Protocol, TypeVar

import yaml

from mriloop.edges.knowledge.strict_yaml import place_of, read
from mriloop.model.coding import Region, Weighting
from mriloop.model.errors import refuse
from mriloop.model.guideline import Citation, Mark

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
W = TypeVar("W", Region, Weighting, Mark)
CITATION = {"text", "year", "locator", "mark", "doi"}


class Reader(Protocol[T_co]):
    """Reads the entries of one YAML text."""

    def __call__(self, text: str, name: str, *, site: bool = False) -> tuple[T_co, ...]:
        """Return the entries; `name` stands in messages."""
        ...


def load_all(folder: str, site: Path | None, read_text: Reader[T]) -> tuple[T, ...]:
    """Return the entries of all shipped YAML files of a knowledge folder, then those of the site's, as the site's own.

    Raises OperatorError `knowledge_invalid`, with file and place.
    """
    shipped = files("mriloop").joinpath("knowledge", folder)
    found: list[T] = []
    for item in sorted(shipped.iterdir(), key=lambda each: each.name):
        if item.name.endswith(".yaml"):
            found += read_text(item.read_text("utf-8"), item.name, site=False)
    if site is not None and (site / folder).is_dir():
        for path in sorted((site / folder).glob("*.yaml")):
            try:
                content = path.read_text("utf-8")
            except (OSError, UnicodeDecodeError):
                raise refuse("knowledge_invalid", path=path, detail="the file cannot be read as UTF-8 text") from None
            found += read_text(content, str(path), site=True)
    return tuple(found)


def read_listed(content: str, name: str, key: str, one: Callable[[Any, str], T]) -> tuple[T, ...]:
    """Return what `one` makes of each entry of the list `key` of a YAML text; `name` stands in messages.

    Raises OperatorError `knowledge_invalid`.
    """
    try:
        parsed = read(content)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise refuse("knowledge_invalid", path=name, detail=f"not YAML: {place_of(error)}") from None
    try:
        listed = mapping(parsed, "the file", {"id", "title", "version", key}).get(key)
        if not isinstance(listed, list) or not listed:
            raise WrongError(f"{key} must be a list with at least one entry")
        return tuple(one(item, f"entry {at}") for at, item in enumerate(listed, 1))
    except WrongError as wrong:
        raise refuse("knowledge_invalid", path=name, detail=str(wrong)) from None


class WrongError(Exception):
    """What is wrong with the content, and where, in words."""


def citation(item: Any, where: str) -> Citation:
    """Read a citation: text, year, locator and mark are needed, a DOI may be."""
    content = mapping(item, where, CITATION)
    year = content.get("year")
    if not isinstance(year, int) or isinstance(year, bool):
        raise WrongError(f"{where}: year must be a whole number")
    return Citation(
        text=text(content, "text", where),
        year=year,
        locator=text(content, "locator", where),
        mark=words(Mark, [text(content, "mark", where)], where)[0],
        doi=str(content.get("doi", "")),
    )


def mapping(item: Any, where: str, known: set[str]) -> Mapping[str, Any]:
    """Return a mapping that has no key beyond the known ones."""
    if not isinstance(item, dict):
        raise WrongError(f"{where}: a mapping is needed")
    unknown = {str(key) for key in item} - known
    if unknown:
        raise WrongError(f"{where}: unknown key {', '.join(sorted(unknown))}; known: {', '.join(sorted(known))}")
    return item


def text(content: Mapping[str, Any], key: str, where: str) -> str:
    """Return a text that must be there."""
    value = content.get(key)
    if not isinstance(value, str) or not value.strip():
        raise WrongError(f"{where}: {key} is missing or not a text")
    return value


def texts(content: Mapping[str, Any], key: str, where: str) -> tuple[str, ...]:
    """Return a word or a list of words; nothing gives none."""
    value = content.get(key, [])
    listed = value if isinstance(value, list) else [value]
    if not all(isinstance(each, str) and each.strip() for each in listed):
        raise WrongError(f"{where}: {key} must be a word or a list of words")
    return tuple(listed)


def number(value: Any, where: str) -> float:
    """Return a number; a truth value is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise WrongError(f"{where} is not a number")
    return float(value)


def words(kind: type[W], values: Iterable[str], where: str) -> tuple[W, ...]:
    """Return words of a closed vocabulary."""
    try:
        return tuple(kind(value) for value in values)
    except ValueError as error:
        raise WrongError(f"{where}: {error}") from None
