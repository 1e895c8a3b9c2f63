"""One protocol reference as YAML: read strictly, every mistake named with its place; and written so that it loads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import yaml

from mriloop.edges.knowledge import entries, strict_yaml
from mriloop.model.coding import Plane, Region, Weighting
from mriloop.model.errors import refuse
from mriloop.model.fact import Truth
from mriloop.model.guideline import Status
from mriloop.model.protocol import CoilRule, FieldRule, Protocol, SeriesProtocol, Setup, Span, When
from mriloop.model.quality import Severity
from mriloop.model.quantity import known_units

_T = TypeVar("_T")
_ANSWERS = {"yes": Truth.TRUE, "no": Truth.FALSE, "any": Truth.UNKNOWN, True: Truth.TRUE, False: Truth.FALSE}
_SAID = {Truth.TRUE: "yes", Truth.FALSE: "no"}
_PROTOCOL = {
    "id", "title", "version", "status", "regions", "keywords", "not_for", "fallback", "citations", "series",
}  # fmt: skip
_SERIES = {
    "id", "title", "weighting", "plane", "region", "contrast", "fat_suppressed", "three_d", "required", "alternatives",
    "fields", "setups", "scanners", "coil", "named", "because",
}  # fmt: skip
_NUMBERS = (
    "value", "tolerance", "relative", "minimum", "maximum", "major_tolerance", "major_minimum", "major_maximum",
)  # fmt: skip
_TEXTS = ("one_of", "contains_any", "contains_all", "none_of")
_FIELD = {"keyword", "unit", "values", "any_of", "severity", "when", "because", *_NUMBERS, *_TEXTS}
_CONDITION = {"value", "values", "minimum", "maximum", "any_of", *_TEXTS}
_COIL = {"name", "family", "elements", "extra_matter", "when", "because"}


def read_protocol(text: str, name: str) -> Protocol:
    """Return the protocol in one YAML text; `name` stands in messages. Raises OperatorError `knowledge_invalid`."""
    try:
        content = strict_yaml.read(text)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        detail = f"not YAML ({strict_yaml.place_of(error)})"
        raise refuse("knowledge_invalid", path=name, detail=detail) from None
    try:
        return _protocol(entries.mapping(content, "the file", _PROTOCOL))
    except entries.WrongError as wrong:
        raise refuse("knowledge_invalid", path=name, detail=str(wrong)) from None


def _protocol(content: Mapping[str, Any]) -> Protocol:
    regions = _words(Region, _list(content, "regions", "the file"), "regions")
    series = tuple(_series(item, i, regions) for i, item in enumerate(_list(content, "series", "the file"), 1))
    ids = [line.id for line in series]
    if len(set(ids)) < len(ids):
        raise entries.WrongError("two series share an id")
    for line in series:
        unknown = set(line.alternatives) - set(ids)
        if unknown:
            raise entries.WrongError(f"series {line.id}: no series is called {', '.join(sorted(unknown))}")
    citations = tuple(
        entries.citation(item, f"citation {i}") for i, item in enumerate(_list(content, "citations", "the file"), 1)
    )
    if not citations or not series or not regions:
        raise entries.WrongError("a protocol needs at least one region, one citation and one series")
    fallback = content.get("fallback", False)
    if not isinstance(fallback, bool | list):
        raise entries.WrongError("fallback must be yes, no or a list of regions")
    return Protocol(
        id=entries.text(content, "id", "the file"),
        title=entries.text(content, "title", "the file"),
        version=entries.text(content, "version", "the file"),
        status=_words(Status, [content.get("status", "draft")], "status")[0],
        regions=regions,
        series=series,
        citations=citations,
        keywords=tuple(word.lower() for word in _texts(content, "keywords", "the file")),
        not_for=tuple(word.lower() for word in _texts(content, "not_for", "the file")),
        fallback=bool(fallback),
        fallback_regions=_words(Region, fallback, "fallback") if isinstance(fallback, list) else (),
    )


def _series(item: Any, number: int, regions: tuple[Region, ...]) -> SeriesProtocol:
    where = f"series {number}"
    content = entries.mapping(item, where, _SERIES)
    where = f"series {entries.text(content, 'id', where)}"
    fields = _fields(content, where)
    for i, section in enumerate(_optional(content, "scanners", where), 1):
        place = f"{where}, scanner {i}"
        own = entries.mapping(section, place, {"when", "fields"})
        fields += _fields(own, place, when=_when(own, place))
    return SeriesProtocol(
        id=str(content["id"]),
        title=entries.text(content, "title", where),
        weightings=_words(Weighting, _list(content, "weighting", where), where),
        planes=_words(Plane, _optional(content, "plane", where), where),
        regions=_words(Region, _optional(content, "region", where), where) or regions,
        contrast=_answer(content, "contrast", where),
        fat_suppressed=_answer(content, "fat_suppressed", where),
        three_d=_answer(content, "three_d", where),
        required=_flag(content, "required", where, default=True),
        alternatives=_texts(content, "alternatives", where),
        named=_texts(content, "named", where),
        fields=fields,
        setups=tuple(
            _setup(one, f"{where}, set-up {i}") for i, one in enumerate(_optional(content, "setups", where), 1)
        ),
        coils=tuple(_coil(one, f"{where}, coil {i}") for i, one in enumerate(_optional(content, "coil", where), 1)),
        because=str(content.get("because", "")),
    )


def _setup(item: Any, where: str) -> Setup:
    content = entries.mapping(item, where, {"title", "fields"})
    return Setup(title=entries.text(content, "title", where), fields=_fields(content, where))


def _fields(content: Mapping[str, Any], where: str, when: When = ()) -> tuple[FieldRule, ...]:
    items = _optional(content, "fields", where)
    return tuple(_field(item, f"{where}, field {i}", when) for i, item in enumerate(items, 1))


def _field(item: Any, where: str, when: When = (), keyword: str = "", unit: str = "") -> FieldRule:
    """Read a field; `keyword` and `unit` are given for the conditions under any_of, which inherit them."""
    content = entries.mapping(item, where, _FIELD - ({"keyword", "when", "any_of"} if keyword else set()))
    unit = str(content.get("unit", unit))
    if unit and unit not in known_units():
        raise entries.WrongError(f"{where}: {unit} is no unit of the table")
    if not _CONDITION & set(content):
        raise entries.WrongError(f"{where}: no condition")
    name = keyword or entries.text(content, "keyword", where)
    numbers: dict[str, Any] = {k: number for k in _NUMBERS if (number := _number(content, k, where)) is not None}
    if numbers.get("minimum", float("-inf")) > numbers.get("maximum", float("inf")):
        raise entries.WrongError(f"{where}: minimum above maximum")
    if any(numbers.get(key, 0.0) < 0 for key in ("tolerance", "relative", "major_tolerance")):
        raise entries.WrongError(f"{where}: a tolerance below zero")
    texts: dict[str, Any] = {key: _texts(content, key, where) for key in _TEXTS}
    alternatives = _optional(content, "any_of", where)
    values = tuple(_plain_number(value, f"{where}: values") for value in _optional(content, "values", where))
    return FieldRule(
        keyword=name,
        unit=unit,
        severity=_words(Severity, [content.get("severity", "minor")], where)[0],
        when=when or _when(content, where),
        because=str(content.get("because", "")),
        values=values,
        any_of=tuple(
            _field(one, f"{where}, any_of {i}", keyword=name, unit=unit) for i, one in enumerate(alternatives, 1)
        ),
        **numbers,
        **texts,
    )


def _when(content: Mapping[str, Any], where: str) -> When:
    stated = content.get("when", {})
    if not isinstance(stated, dict):
        raise entries.WrongError(f"{where}: when must be a mapping of element keywords")
    found: list[tuple[str, str | tuple[str, ...] | Span]] = []
    for key, value in stated.items():
        if isinstance(value, dict):
            span = entries.mapping(value, f"{where}, when {key}", {"minimum", "maximum"})
            limits = {end: _number(span, end, f"{where}, when {key}") for end in ("minimum", "maximum")}
            if not any(limit is not None for limit in limits.values()):
                raise entries.WrongError(f"{where}, when {key}: a span needs a minimum or a maximum")
            found.append((str(key), Span(**limits)))
        elif isinstance(value, list) and value and all(isinstance(part, str) for part in value):
            found.append((str(key), tuple(value)))
        elif isinstance(value, str) and value.strip():
            found.append((str(key), value))
        else:
            raise entries.WrongError(f"{where}, when {key}: a text, a list of texts, or minimum and maximum")
    return tuple(found)


def _coil(item: Any, where: str) -> CoilRule:
    content = entries.mapping(item, where, _COIL)
    names, families, elements = (_texts(content, key, where) for key in ("name", "family", "elements"))
    if not (names or families or elements):
        raise entries.WrongError(f"{where}: no condition")
    return CoilRule(
        names=names,
        families=families,
        elements=elements,
        extra_matter=_flag(content, "extra_matter", where, default=True),
        when=_when(content, where),
        because=str(content.get("because", "")),
    )


def _texts(content: Mapping[str, Any], key: str, where: str) -> tuple[str, ...]:
    values = _optional(content, key, where)
    if any(isinstance(value, dict | list) or value is None for value in values):
        raise entries.WrongError(f"{where}: {key} must be a list of texts")
    return tuple(("YES" if value else "NO") if isinstance(value, bool) else str(value) for value in values)


def _number(content: Mapping[str, Any], key: str, where: str) -> float | None:
    value = content.get(key)
    return None if value is None else _plain_number(value, f"{where}: {key}")


def _plain_number(value: Any, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise entries.WrongError(f"{where} is not a number")
    return float(value)


def _list(content: Mapping[str, Any], key: str, where: str) -> Sequence[Any]:
    value = content.get(key)
    if not isinstance(value, list):
        raise entries.WrongError(f"{where}: {key} must be a list")
    return value


def _optional(content: Mapping[str, Any], key: str, where: str) -> Sequence[Any]:
    return _list(content, key, where) if key in content else ()


def _flag(content: Mapping[str, Any], key: str, where: str, *, default: bool) -> bool:
    value = content.get(key, default)
    if not isinstance(value, bool):
        raise entries.WrongError(f"{where}: {key} must be yes or no")
    return value


def _words(kind: Callable[[Any], _T], values: Iterable[Any], where: str) -> tuple[_T, ...]:
    try:
        return tuple(kind(value) for value in values)
    except ValueError as error:
        raise entries.WrongError(f"{where}: {error}") from None


def _answer(content: Mapping[str, Any], key: str, where: str) -> Truth:
    value = content.get(key, "any")
    if not isinstance(value, str | bool) or value not in _ANSWERS:
        raise entries.WrongError(f"{where}: {key} must be yes, no or any")
    return _ANSWERS[value]


def write_protocol(protocol: Protocol, *, head: Sequence[str] = ()) -> str:
    """Return a protocol as YAML that reads back to itself, with `head` as comment lines above."""
    content: dict[str, Any] = {
        "id": protocol.id,
        "title": protocol.title,
        "version": protocol.version,
        "status": protocol.status.value,
        "regions": [region.value for region in protocol.regions],
        "keywords": list(protocol.keywords),
        "not_for": list(protocol.not_for),
        "fallback": [r.value for r in protocol.fallback_regions] or protocol.fallback,
        "citations": [
            _kept({"text": c.text, "year": c.year, "locator": c.locator, "mark": c.mark.value, "doi": c.doi})
            for c in protocol.citations
        ],
        "series": [_series_out(line, protocol.regions) for line in protocol.series],
    }
    body = yaml.safe_dump(_kept(content), sort_keys=False, allow_unicode=True, width=120, default_flow_style=None)
    comments = [part for line in head for part in (line.splitlines() or [""])]
    return "".join(f"# {line}\n" for line in comments) + body


def _series_out(line: SeriesProtocol, regions: tuple[Region, ...]) -> dict[str, Any]:
    return _kept(
        {
            "id": line.id,
            "title": line.title,
            "weighting": [w.value for w in line.weightings],
            "plane": [p.value for p in line.planes],
            "region": [] if line.regions == regions else [r.value for r in line.regions],
            "contrast": _SAID.get(line.contrast, ""),
            "fat_suppressed": _SAID.get(line.fat_suppressed, ""),
            "three_d": _SAID.get(line.three_d, ""),
            "named": list(line.named),
            "required": "" if line.required else False,
            "alternatives": list(line.alternatives),
            "because": line.because,
            "coil": [_coil_out(rule) for rule in line.coils],
            "fields": [_field_out(rule) for rule in line.fields],
            "setups": [{"title": s.title, "fields": [_field_out(rule) for rule in s.fields]} for s in line.setups],
        }
    )


def _coil_out(rule: CoilRule) -> dict[str, Any]:
    return _kept(
        {
            "name": list(rule.names),
            "family": list(rule.families),
            "elements": list(rule.elements),
            "extra_matter": "" if rule.extra_matter else False,
            "when": _when_out(rule.when),
            "because": rule.because,
        }
    )


def _field_out(rule: FieldRule, *, inner: bool = False) -> dict[str, Any]:
    found: dict[str, Any] = {} if inner else {"keyword": rule.keyword}
    found["unit"] = rule.unit
    for key in _NUMBERS:
        number = getattr(rule, key)
        if number is not None and not (key == "relative" and number == FieldRule(keyword="").relative):
            found[key] = int(number) if number == int(number) else number
    for key in ("values", *_TEXTS):
        found[key] = list(getattr(rule, key))
    found["any_of"] = [_field_out(one, inner=True) for one in rule.any_of]
    found["severity"] = "" if rule.severity is Severity.MINOR else rule.severity.value
    found["when"] = {} if inner else _when_out(rule.when)
    found["because"] = rule.because
    return _kept(found)


def _when_out(when: When) -> dict[str, Any]:
    return {
        key: _kept({"minimum": value.minimum, "maximum": value.maximum})
        if isinstance(value, Span)
        else list(value)
        if isinstance(value, tuple)
        else value
        for key, value in when
    }


def _kept(content: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what is empty: absent keys mean just that."""
    return {key: value for key, value in content.items() if value is not None and value not in ("", [], {})}
