"""Reads norms from YAML: limits for named circumstances, the shipped ones and those of the site's `norms/` folder."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

import yaml

from mriloop.edges.knowledge.strict_yaml import place_of, read
from mriloop.model.coding import Region, Weighting
from mriloop.model.errors import refuse
from mriloop.model.guideline import Citation, Mark
from mriloop.model.norm import Norm, When

FOLDER = "norms"
_W = TypeVar("_W", Region, Weighting, Mark)
_FILE = {"id", "title", "version", "norms"}
_NORM = {"limit", "value", "when", "because", "citation"}
_WHEN = {"region", "weighting", "protocol", "indication", "manufacturer", "field"}
_CITATION = {"text", "year", "locator", "mark", "doi"}


def load_norms(site: Path | None = None) -> tuple[Norm, ...]:
    """Return all norms: the shipped ones, then those of `site`/norms/*.yaml, marked as the site's own.

    Whether limits of these names exist, and whether the values make sense, is the lint of `stages.check.thresholds`.
    Raises OperatorError `knowledge_invalid`, with file and place, for YAML that cannot be read, unknown or missing
    keys, words outside the vocabularies, and values that are no numbers.
    """
    shipped = files("mriloop").joinpath("knowledge", FOLDER)
    found: list[Norm] = []
    for item in sorted(shipped.iterdir(), key=lambda each: each.name):
        if item.name.endswith(".yaml"):
            found += read_norms(item.read_text("utf-8"), item.name)
    if site is not None and (site / FOLDER).is_dir():
        for path in sorted((site / FOLDER).glob("*.yaml")):
            try:
                text = path.read_text("utf-8")
            except (OSError, UnicodeDecodeError):
                raise refuse("knowledge_invalid", path=path, detail="the file cannot be read as UTF-8 text") from None
            found += read_norms(text, str(path), site=True)
    return tuple(found)


def read_norms(text: str, name: str, *, site: bool = False) -> tuple[Norm, ...]:
    """Return the norms of one YAML text; `name` stands in messages. Raises OperatorError `knowledge_invalid`."""
    try:
        content = read(text)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise refuse("knowledge_invalid", path=name, detail=f"not YAML: {place_of(error)}") from None
    try:
        listed = _mapping(content, "the file", _FILE).get("norms")
        if not isinstance(listed, list) or not listed:
            raise _WrongError("norms must be a list with at least one entry")
        return tuple(_norm(item, f"entry {number}", name, site) for number, item in enumerate(listed, 1))
    except _WrongError as wrong:
        raise refuse("knowledge_invalid", path=name, detail=str(wrong)) from None


class _WrongError(Exception):
    """What is wrong with the content, and where, in words."""


def _norm(item: Any, where: str, name: str, site: bool) -> Norm:
    content = _mapping(item, where, _NORM)
    return Norm(
        limit=_text(content, "limit", where),
        value=_number(content.get("value"), f"{where}: value"),
        because=_text(content, "because", where),
        citation=_citation(content.get("citation"), f"{where}, citation"),
        place=f"{name}, {where}",
        when=_when(content.get("when", {}), f"{where}, when"),
        site=site,
    )


def _when(item: Any, where: str) -> When:
    content = _mapping(item, where, _WHEN)
    return When(
        regions=_words(Region, _texts(content, "region", where), where),
        weightings=_words(Weighting, _texts(content, "weighting", where), where),
        protocols=_texts(content, "protocol", where),
        indications=tuple(word.strip().lower() for word in _texts(content, "indication", where)),
        manufacturers=tuple(word.strip().upper() for word in _texts(content, "manufacturer", where)),
        field_t=_field(content.get("field"), f"{where}: field"),
    )


def _field(item: Any, where: str) -> tuple[float, float] | None:
    """Read `field: 3` (within a tenth of a tesla) or `field: [1.4, 3.1]`."""
    if item is None:
        return None
    if isinstance(item, list):
        if len(item) != 2:
            raise _WrongError(f"{where} must be one number of tesla or [lowest, highest]")
        low, high = (_number(each, where) for each in item)
        if low > high:
            raise _WrongError(f"{where}: the lowest is above the highest")
        return low, high
    middle = _number(item, where)
    return middle - 0.1, middle + 0.1


def _citation(item: Any, where: str) -> Citation:
    content = _mapping(item, where, _CITATION)
    year = content.get("year")
    if not isinstance(year, int) or isinstance(year, bool):
        raise _WrongError(f"{where}: year must be a whole number")
    return Citation(
        text=_text(content, "text", where),
        year=year,
        locator=_text(content, "locator", where),
        mark=_words(Mark, [_text(content, "mark", where)], where)[0],
        doi=str(content.get("doi", "")),
    )


def _mapping(item: Any, where: str, known: set[str]) -> Mapping[str, Any]:
    if not isinstance(item, dict):
        raise _WrongError(f"{where}: a mapping is needed")
    unknown = {str(key) for key in item} - known
    if unknown:
        raise _WrongError(f"{where}: unknown key {', '.join(sorted(unknown))}; known: {', '.join(sorted(known))}")
    return item


def _text(content: Mapping[str, Any], key: str, where: str) -> str:
    value = content.get(key)
    if not isinstance(value, str) or not value.strip():
        raise _WrongError(f"{where}: {key} is missing or not a text")
    return value


def _texts(content: Mapping[str, Any], key: str, where: str) -> tuple[str, ...]:
    value = content.get(key, [])
    listed = value if isinstance(value, list) else [value]
    if not all(isinstance(each, str) and each.strip() for each in listed):
        raise _WrongError(f"{where}: {key} must be a word or a list of words")
    return tuple(listed)


def _number(value: Any, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _WrongError(f"{where} is not a number")
    return float(value)


def _words(kind: type[_W], values: Iterable[str], where: str) -> tuple[_W, ...]:
    try:
        return tuple(kind(value) for value in values)
    except ValueError as error:
        raise _WrongError(f"{where}: {error}") from None
