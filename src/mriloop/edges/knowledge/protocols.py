"""Reads protocol references from YAML: the ones that are shipped, and a site's own laid over them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

import yaml

from mriloop.model.coding import Plane, Region, Weighting
from mriloop.model.errors import refuse
from mriloop.model.fact import Truth
from mriloop.model.guideline import Citation, Mark
from mriloop.model.protocol import FieldRule, Protocol, SeriesProtocol
from mriloop.model.quality import Severity
from mriloop.model.quantity import known_units

FOLDER = "protocols"
_T = TypeVar("_T")
_ANSWERS = {"yes": Truth.TRUE, "no": Truth.FALSE, "any": Truth.UNKNOWN, True: Truth.TRUE, False: Truth.FALSE}
_PROTOCOL = {"id", "title", "version", "status", "regions", "keywords", "fallback", "citations", "series"}
_SERIES = {
    "id", "title", "weighting", "plane", "contrast", "fat_suppressed", "three_d", "required", "alternatives", "fields",
    "because",
}  # fmt: skip
_FIELD = {
    "keyword", "unit", "value", "tolerance", "relative", "minimum", "maximum", "one_of", "contains_any", "contains_all",
    "severity", "when", "because",
}  # fmt: skip
_CITATION = {"text", "year", "locator", "mark", "doi"}


def load_protocols(site: Path | None = None) -> Mapping[str, Protocol]:
    """Return all protocols by id: the shipped ones, then those under `site`/protocols, which win over the same id.

    Raises OperatorError `knowledge_invalid`, with file and place, for YAML that cannot be read, unknown keys, words
    outside the vocabularies, units that are no UCUM code of the table, or a field without any condition.
    """
    found: dict[str, Protocol] = {}
    shipped = files("mriloop").joinpath("knowledge", FOLDER)
    texts = [(item.name, item.read_text("utf-8")) for item in shipped.iterdir() if item.name.endswith(".yaml")]
    if site is not None and (site / FOLDER).is_dir():
        for path in sorted((site / FOLDER).glob("*.yaml")):
            try:
                texts.append((str(path), path.read_text("utf-8")))
            except (OSError, UnicodeDecodeError):
                raise refuse("knowledge_invalid", path=path, detail="the file cannot be read as UTF-8 text") from None
    for name, text in texts:
        protocol = read_protocol(text, name)
        found[protocol.id] = protocol
    return found


def read_protocol(text: str, name: str) -> Protocol:
    """Return the protocol in one YAML text; `name` stands in messages. Raises OperatorError `knowledge_invalid`."""
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}" if mark else "somewhere"
        raise refuse("knowledge_invalid", path=name, detail=f"not YAML ({where})") from None
    try:
        return _protocol(_mapping(content, "the file", _PROTOCOL))
    except _WrongError as wrong:
        raise refuse("knowledge_invalid", path=name, detail=str(wrong)) from None


class _WrongError(Exception):
    """What is wrong with the content, and where, in words."""


def _protocol(content: Mapping[str, Any]) -> Protocol:
    series = tuple(_series(item, i) for i, item in enumerate(_list(content, "series", "the file"), 1))
    ids = [line.id for line in series]
    if len(set(ids)) < len(ids):
        raise _WrongError("two series share an id")
    for line in series:
        unknown = set(line.alternatives) - set(ids)
        if unknown:
            raise _WrongError(f"series {line.id}: no series is called {', '.join(sorted(unknown))}")
    citations = tuple(_citation(item, i) for i, item in enumerate(_list(content, "citations", "the file"), 1))
    if not citations or not series:
        raise _WrongError("a protocol needs at least one citation and one series")
    return Protocol(
        id=_text(content, "id", "the file"),
        title=_text(content, "title", "the file"),
        version=_text(content, "version", "the file"),
        regions=_words(Region, _list(content, "regions", "the file"), "regions"),
        series=series,
        citations=citations,
        keywords=tuple(str(word).lower() for word in content.get("keywords", ())),
        fallback=bool(content.get("fallback", False)),
    )


def _series(item: Any, number: int) -> SeriesProtocol:
    where = f"series {number}"
    content = _mapping(item, where, _SERIES)
    where = f"series {_text(content, 'id', where)}"
    return SeriesProtocol(
        id=str(content["id"]),
        title=_text(content, "title", where),
        weightings=_words(Weighting, _list(content, "weighting", where), where),
        planes=_words(Plane, content.get("plane", ()), where),
        contrast=_answer(content, "contrast", where),
        fat_suppressed=_answer(content, "fat_suppressed", where),
        three_d=_answer(content, "three_d", where),
        required=bool(content.get("required", True)),
        alternatives=tuple(str(name) for name in content.get("alternatives", ())),
        fields=tuple(_field(field, f"{where}, field {i}") for i, field in enumerate(content.get("fields", ()), 1)),
        because=str(content.get("because", "")),
    )


def _field(item: Any, where: str) -> FieldRule:
    content = _mapping(item, where, _FIELD)
    unit = str(content.get("unit", ""))
    if unit and unit not in known_units():
        raise _WrongError(f"{where}: {unit} is no unit of the table")
    numbers = {key: _number(content, key, where) for key in ("value", "tolerance", "minimum", "maximum")}
    texts = {key: tuple(str(v) for v in content.get(key, ())) for key in ("one_of", "contains_any", "contains_all")}
    if (
        numbers["value"] is None
        and numbers["minimum"] is None
        and numbers["maximum"] is None
        and not any(texts.values())
    ):
        raise _WrongError(f"{where}: no condition")
    if numbers["minimum"] is not None and numbers["maximum"] is not None and numbers["minimum"] > numbers["maximum"]:
        raise _WrongError(f"{where}: minimum above maximum")
    relative = _number(content, "relative", where)
    return FieldRule(
        keyword=_text(content, "keyword", where),
        unit=unit,
        relative=0.01 if relative is None else relative,
        severity=_words(Severity, [content.get("severity", "minor")], where)[0],
        when=tuple((str(k), str(v)) for k, v in dict(content.get("when", {})).items()),
        because=str(content.get("because", "")),
        value=numbers["value"],
        tolerance=numbers["tolerance"],
        minimum=numbers["minimum"],
        maximum=numbers["maximum"],
        one_of=texts["one_of"],
        contains_any=texts["contains_any"],
        contains_all=texts["contains_all"],
    )


def _citation(item: Any, number: int) -> Citation:
    where = f"citation {number}"
    content = _mapping(item, where, _CITATION)
    year = content.get("year")
    if not isinstance(year, int):
        raise _WrongError(f"{where}: year must be a whole number")
    return Citation(
        text=_text(content, "text", where),
        year=year,
        locator=_text(content, "locator", where),
        mark=_words(Mark, [content.get("mark")], where)[0],
        doi=str(content.get("doi", "")),
    )


def _mapping(item: Any, where: str, known: set[str]) -> Mapping[str, Any]:
    if not isinstance(item, dict):
        raise _WrongError(f"{where}: a mapping is needed")
    unknown = {str(key) for key in item} - known
    if unknown:
        raise _WrongError(f"{where}: unknown key {', '.join(sorted(unknown))}")
    return item


def _text(content: Mapping[str, Any], key: str, where: str) -> str:
    value = content.get(key)
    if not isinstance(value, str) or not value.strip():
        raise _WrongError(f"{where}: {key} is missing or not a text")
    return value


def _number(content: Mapping[str, Any], key: str, where: str) -> float | None:
    value = content.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _WrongError(f"{where}: {key} is not a number")
    return float(value)


def _list(content: Mapping[str, Any], key: str, where: str) -> Sequence[Any]:
    value = content.get(key)
    if not isinstance(value, list):
        raise _WrongError(f"{where}: {key} must be a list")
    return value


def _words(kind: Callable[[Any], _T], values: Iterable[Any], where: str) -> tuple[_T, ...]:
    try:
        return tuple(kind(value) for value in values)
    except ValueError as error:
        raise _WrongError(f"{where}: {error}") from None


def _answer(content: Mapping[str, Any], key: str, where: str) -> Truth:
    value = content.get(key, "any")
    if value not in _ANSWERS:
        raise _WrongError(f"{where}: {key} must be yes, no or any")
    return _ANSWERS[value]
