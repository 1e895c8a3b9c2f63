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
"""Histories of discs and joints: YAML of visits → DiscVisit or JointVisit; a wrong word is answered with its line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from mriloop.edges.knowledge.histories import FileReader, read_mapping
from mriloop.model.ramris import FEATURES, misfit
from mriloop.model.response import DiscLevel, DiscVisit, JointVisit

_DISC_TOP = {"criteria", "id", "title", "note", "same_reader", "limits", "visits"}
_DISC = {"herniation", "dural_sac", "canal", "msu"}
_JOINT_TOP = {"criteria", "id", "title", "note", "smallest_detectable_change", "visits"}
_LIMITS = {"area", "length"}
REST = "rest"


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscHistory:
    """Discs over visits; the limits are the site's own, None where the published ones are to be used."""

    visits: tuple[DiscVisit, ...]
    same_reader: bool = False
    area_mm2: float | None = None
    length_mm: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JointHistory:
    """RAMRIS scores over visits, with the readers' own smallest detectable changes by feature."""

    visits: tuple[JointVisit, ...]
    detectable: Mapping[str, float] = field(default_factory=dict)


def load_discs(path: Path) -> DiscHistory:
    """Read a history of discs; raises as `load_history` does."""
    name, text, raw = read_mapping(path)
    read = FileReader(name, text)
    read.mapping(raw, (), _DISC_TOP)
    limits = read.mapping(raw.get("limits") or {}, ("limits",), _LIMITS)
    area, length = limits.get("area"), limits.get("length")
    return DiscHistory(
        visits=tuple(
            DiscVisit(
                id=name, on=on, levels={str(level): _level(read, said, (*at, level)) for level, said in rest.items()}
            )
            for name, on, rest, at in _visits(read, raw)
        ),
        same_reader=read.yes(raw.get("same_reader"), ("same_reader",)),
        area_mm2=None if area is None else read.amount(area, "mm2", ("limits", "area")),
        length_mm=None if length is None else read.amount(length, "mm", ("limits", "length")),
    )


def load_joints(path: Path) -> JointHistory:
    """Read a history of RAMRIS scores; raises as `load_history` does."""
    name, text, raw = read_mapping(path)
    read = FileReader(name, text)
    read.mapping(raw, (), _JOINT_TOP)
    at = ("smallest_detectable_change",)
    own = read.mapping(raw.get(at[0]) or {}, at, set(FEATURES))
    return JointHistory(
        visits=tuple(
            JointVisit(id=name, on=on, scores={key: _scores(read, key, said, (*at, key)) for key, said in rest.items()})
            for name, on, rest, at in _visits(read, raw)
        ),
        detectable={key: read.amount(value, "1", (*at, key)) for key, value in own.items()},
    )


def _visits(read: FileReader, raw: dict[str, Any]) -> list[tuple[str, date, dict[str, Any], tuple[str | int, ...]]]:
    """Return name, day, everything else and place of each visit; no two of one name or on one day."""
    found: list[tuple[str, date, dict[str, Any], tuple[str | int, ...]]] = []
    for number, said in enumerate(read.listed(raw.get("visits"), ("visits",))):
        at: tuple[str | int, ...] = ("visits", number)
        if not isinstance(said, dict) or "date" not in said:
            raise read.wrong(at, "a visit needs a `date`")
        on = read.day(said["date"], (*at, "date"))
        name = str(said.get("id") or on.isoformat())
        if any(name == other or on == day for other, day, _, _ in found):
            raise read.wrong(at, f"{name!r} or its day stands twice")
        rest = {str(key): value for key, value in said.items() if key not in ("id", "date", "note")}
        found.append((name, on, rest, at))
    return found


def _level(read: FileReader, raw: object, at: tuple[str | int, ...]) -> DiscLevel:
    said = read.mapping(raw, at, _DISC)

    def amount(key: str, unit: str, most: float) -> float | None:
        return None if said.get(key) is None else read.amount(said[key], unit, (*at, key), most)

    size, zones = None, ""
    if said.get("msu") is not None:
        word = str(said["msu"]).strip().upper()
        size_word, _, zones = word.partition("-")
        fits = size_word in ("0", "1", "2", "3") and not set(zones) - set("ABC") and len(set(zones)) == len(zones)
        if not fits or (size_word != "0") != bool(zones):
            raise read.wrong((*at, "msu"), f"{word[:20]!r} is no MSU class; write size and zone such as 2-AB, or 0")
        size = int(size_word)
    return DiscLevel(
        herniation_mm2=amount("herniation", "mm2", 2000),
        dural_sac_mm2=amount("dural_sac", "mm2", 2000),
        canal_mm=amount("canal", "mm", 100),
        msu_size=size,
        msu_zones=zones,
    )


def _scores(read: FileReader, feature: str, raw: object, at: tuple[str | int, ...]) -> dict[str, float]:
    """Return the scores of one feature; `rest: 0` stands for all sites that are not named."""
    if feature not in FEATURES:
        raise read.wrong(at, f"no feature of RAMRIS; known are {', '.join(FEATURES)}")
    if not isinstance(raw, dict):
        raise read.wrong(at, "a mapping from sites to scores is needed, such as {mcp2: 1, rest: 0}")
    said = {str(site): score for site, score in raw.items()}
    scores = dict.fromkeys(FEATURES[feature].sites, said.pop(REST)) if REST in said else {}
    found = {}
    for site, score in {**scores, **said}.items():
        if score is None:
            continue
        place = (*at, site if site in said else REST)
        if isinstance(score, bool) or not isinstance(score, int | float):
            raise read.wrong(place, "a number is needed")
        wrong = misfit(feature, site, score)
        if wrong:
            raise read.wrong(place, wrong)
        found[site] = float(score)
    return found
