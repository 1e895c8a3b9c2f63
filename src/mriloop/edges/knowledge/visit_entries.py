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
