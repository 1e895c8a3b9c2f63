"""Histories of response: YAML of lesions and visits → ResponseHistory; a wrong word is answered with its line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

import yaml

from mriloop.edges.knowledge import strict_yaml
from mriloop.edges.knowledge.values import MisfitError, hint_for, parse_value
from mriloop.model.errors import MriloopError, refuse
from mriloop.model.fact import Truth
from mriloop.model.guideline import FactSpec, FactType
from mriloop.model.judgement import Repeatability
from mriloop.model.quantity import Quantity
from mriloop.model.response import (
    Criteria,
    NewLesion,
    NonTarget,
    ResponseHistory,
    ResponseVisit,
    Role,
    Seen,
    Size,
    Tissue,
    TrackedLesion,
    Trend,
)

MAX_BYTES = 1_000_000
MOST_VISITS = 200
_TOP = {
    "criteria", "id", "title", "note", "confirm", "minimum_stable", "radiotherapy_ended", "immunotherapy_started",
    "repeatability", "lesions", "visits",
}  # fmt: skip
_LESION = {"id", "role", "organ", "node", "tissue", "cavity", "irradiated", "note"}
_VISIT = {
    "id", "date", "baseline", "lesions", "non_target", "new_lesions", "outside_field", "t2_flair", "clinical",
    "steroids", "slice_thickness", "note",
}  # fmt: skip
_SIZE = {"longest", "perpendicular", "short_axis", "volume", "slices", "seen"}
_REPEATABILITY = {"percent", "absolute", "when"}
_NO_DOSE = ("none", "no", "off", "replacement")
_LARGEST_MM = 1000.0
W = TypeVar("W", bound=StrEnum)


def load_history(path: Path, criteria: Criteria | None = None) -> ResponseHistory:
    """Read a history of tumour response.

    Parameters
    ----------
    path
        YAML, at most 1 MB; docs/reference/response.md has the whole shape.
    criteria
        What it is held against in place of what the file names.

    Raises
    ------
    SenderError
        `input_not_found`, `input_unreadable`, `history_invalid`; the line and what to write are in the message.
    """
    name, text, raw = read_mapping(path)
    return HistoryReader(name, text).history(raw, path.stem, criteria)


def read_mapping(path: Path) -> tuple[str, str, dict[str, Any]]:
    """Return name, text and content of a history file; raises as `load_history` does."""
    try:
        if not path.exists():
            raise refuse("input_not_found", path=path)
        if path.is_dir():
            raise refuse("history_invalid", path=path.name, detail="it is a folder; give one YAML file")
        if path.stat().st_size > MAX_BYTES:
            raise refuse("history_invalid", path=path.name, detail="the file is larger than 1 MB")
        text = path.read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise refuse("history_invalid", path=path.name, detail="it is not UTF-8 text") from None
    except OSError:
        raise refuse("input_unreadable", path=path) from None
    try:
        # A short text of aliases can stand for more than any memory holds.
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, Loader=strict_yaml.StrictLoader)):
            raise refuse("history_invalid", path=path.name, detail="write values out; aliases (`*name`) are not taken")
        raw = strict_yaml.read(text)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise refuse("history_invalid", path=path.name, detail=strict_yaml.place_of(error)) from None
    if not isinstance(raw, dict) or not all(isinstance(key, str) for key in raw):
        raise refuse("history_invalid", path=path.name, detail="a mapping with `criteria` and `visits` is needed")
    return path.name, text, raw


class FileReader:
    """Reads parts of a YAML file and knows on which line each of them stands."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.lines = _lines(text)

    def wrong(self, at: tuple[str | int, ...], detail: str) -> MriloopError:
        """Return the refusal of what stands at a place of the file."""
        known = at
        while known and known not in self.lines:
            known = known[:-1]
        line = f", line {self.lines[known]}" if known in self.lines and known else ""
        where = ".".join(str(each) for each in at)
        return refuse("history_invalid", path=self.name + line, detail=f"{where}: {detail}" if where else detail)

    def mapping(self, raw: object, at: tuple[str | int, ...], keys: set[str]) -> dict[str, Any]:
        """Return a mapping with known keys only."""
        if not isinstance(raw, dict):
            raise self.wrong(at, f"a mapping is needed, with {', '.join(sorted(keys))}")
        for key in raw:
            if key not in keys:
                raise self.wrong((*at, key), f"unknown key{hint_for(str(key), sorted(keys))}")
        return raw

    def listed(self, raw: object, at: tuple[str | int, ...]) -> list[Any]:
        """Return a list that holds something."""
        if not isinstance(raw, list) or not raw:
            raise self.wrong(at, "a list is needed, and it must not be empty")
        return raw

    def word(self, raw: object, kind: type[W], at: tuple[str | int, ...], otherwise: W) -> W:
        """Return a word of a closed vocabulary; blanks, `-` and `_` make no difference."""
        if raw is None:
            return otherwise
        if raw is True or raw is False:
            raw = "yes" if raw else "no"
        said = str(raw).strip().lower().replace("_", " ").replace("-", " ")
        for each in kind:
            if each.value.lower().replace("-", " ") == said:
                return each
        choices = ", ".join(each.value for each in kind)
        raise self.wrong(at, f"{str(raw)[:40]!r} is none of: {choices}")

    def yes(self, raw: object, at: tuple[str | int, ...], otherwise: bool = False) -> bool:
        """Return a plain yes or no."""
        if raw is None:
            return otherwise
        if not isinstance(raw, bool):
            raise self.wrong(at, "yes or no is needed")
        return raw

    def day(self, raw: object, at: tuple[str | int, ...]) -> date:
        """Return a calendar day."""
        try:
            return date.fromisoformat(str(raw))
        except ValueError:
            raise self.wrong(at, f"{str(raw)[:40]!r} is no day; write YYYY-MM-DD") from None

    def amount(self, raw: object, unit: str, at: tuple[str | int, ...], most: float | None = None) -> float:
        """Return a quantity in a unit, never below 0; a bare number is in that unit."""
        spec = FactSpec(name=str(at[-1]), type=FactType.QUANTITY, question="", unit=unit)
        try:
            value = parse_value(spec, raw)
        except MisfitError as problem:
            raise self.wrong(at, f"{problem.expected} is needed, not {str(problem.found)[:40]}") from None
        if not isinstance(value, Quantity):
            raise self.wrong(at, f"a number in {unit} is needed")
        if not 0 <= value.value <= (most if most is not None else float("inf")):
            raise self.wrong(at, f"{value.value:g} {unit} cannot be")
        return value.value


class HistoryReader(FileReader):
    """Reads a history of tumour response."""

    def history(self, raw: dict[str, Any], stem: str, criteria: Criteria | None) -> ResponseHistory:
        """Return the history; the stem of the file's name is its id where it has none."""
        self.mapping(raw, (), _TOP)
        stated = self.word(raw.get("criteria"), Criteria, ("criteria",), Criteria.RECIST)
        lesions = tuple(
            self.lesion(each, ("lesions", number))
            for number, each in enumerate(self.listed(raw["lesions"], ("lesions",)) if raw.get("lesions") else ())
        )
        self.unique([each.id for each in lesions], "lesions")
        visits = self.listed(raw.get("visits"), ("visits",))
        if len(visits) > MOST_VISITS:
            raise self.wrong(("visits",), f"more than {MOST_VISITS} visits")
        known = {each.id: each for each in lesions if each.role is Role.TARGET}
        read = tuple(self.visit(each, ("visits", number), known) for number, each in enumerate(visits))
        self.unique([each.id for each in read], "visits")
        self.unique([each.on.isoformat() for each in read], "visits")
        ended, immune = raw.get("radiotherapy_ended"), raw.get("immunotherapy_started")
        stable = raw.get("minimum_stable")
        return ResponseHistory(
            id=str(raw.get("id") or stem),
            criteria=criteria or stated,
            lesions=lesions,
            visits=read,
            confirm=self.yes(raw.get("confirm"), ("confirm",)),
            minimum_stable_days=None if stable is None else round(self.amount(stable, "d", ("minimum_stable",), 3660)),
            radiotherapy_ended=None if self.nothing(ended) else self.day(ended, ("radiotherapy_ended",)),
            no_radiotherapy=self.none(ended),
            immunotherapy_started=None if self.nothing(immune) else self.day(immune, ("immunotherapy_started",)),
            repeatability=self.repeatability(raw.get("repeatability"), criteria or stated),
        )

    @staticmethod
    def none(raw: object) -> bool:
        """Return whether a treatment is said never to have been given."""
        return raw is False or str(raw).strip().lower() in ("none", "never", "no")

    @classmethod
    def nothing(cls, raw: object) -> bool:
        """Return whether no day is stated: left out, unknown, or never given."""
        return raw is None or cls.none(raw) or str(raw).strip().lower() == "unknown"

    def unique(self, names: list[str], heading: str) -> None:
        """Refuse two entries of one name or on one day."""
        for number, name in enumerate(names):
            if name in names[:number]:
                raise self.wrong((heading, number), f"{name!r} stands twice")

    def lesion(self, raw: object, at: tuple[str | int, ...]) -> TrackedLesion:
        """Return one lesion of the baseline."""
        said = self.mapping(raw, at, _LESION)
        if not said.get("id"):
            raise self.wrong(at, "a lesion needs an `id`")
        return TrackedLesion(
            id=str(said["id"]),
            role=self.word(said.get("role"), Role, (*at, "role"), Role.TARGET),
            organ=str(said.get("organ") or ""),
            node=self.yes(said.get("node"), (*at, "node")),
            tissue=self.word(said.get("tissue"), Tissue, (*at, "tissue"), Tissue.ENHANCING),
            cavity=self.yes(said.get("cavity"), (*at, "cavity")),
            irradiated=self.yes(said.get("irradiated"), (*at, "irradiated")),
        )

    def visit(self, raw: object, at: tuple[str | int, ...], known: Mapping[str, TrackedLesion]) -> ResponseVisit:
        """Return one visit; targets that it does not name were not assessed."""
        said = self.mapping(raw, at, _VISIT)
        if "date" not in said:
            raise self.wrong(at, "a visit needs a `date`")
        on = self.day(said["date"], (*at, "date"))
        sizes = said.get("lesions") or {}
        if not isinstance(sizes, dict):
            raise self.wrong((*at, "lesions"), "a mapping from targets to sizes is needed, such as {T1: 23 mm}")
        for name in sizes:
            if str(name) not in known:
                raise self.wrong((*at, "lesions", name), f"no target of that name{hint_for(str(name), sorted(known))}")
        news, new_ids = self.news(said.get("new_lesions"), (*at, "new_lesions"))
        thick = said.get("slice_thickness")
        return ResponseVisit(
            id=str(said.get("id") or on.isoformat()),
            on=on,
            sizes={
                str(name): self.size(size, (*at, "lesions", name), known[str(name)]) for name, size in sizes.items()
            },
            baseline=self.yes(said.get("baseline"), (*at, "baseline")),
            non_target=self.word(said.get("non_target"), NonTarget, (*at, "non_target"), NonTarget.NOT_ASSESSED),
            new_lesions=news,
            new_ids=new_ids,
            outside_field=self.three(said.get("outside_field"), (*at, "outside_field")),
            t2_flair=self.word(said.get("t2_flair"), Trend, (*at, "t2_flair"), Trend.UNKNOWN),
            clinical=self.word(said.get("clinical"), Trend, (*at, "clinical"), Trend.UNKNOWN),
            steroid_mg=self.dose(said.get("steroids"), (*at, "steroids")),
            slice_thickness_mm=None if thick is None else self.amount(thick, "mm", (*at, "slice_thickness"), 50),
        )

    def news(self, raw: object, at: tuple[str | int, ...]) -> tuple[NewLesion, tuple[str, ...]]:
        """Return whether there are new lesions: a word, or the list of their names."""
        if isinstance(raw, list):
            return (NewLesion.YES if raw else NewLesion.NO), tuple(str(each) for each in raw)
        return self.word(raw, NewLesion, at, NewLesion.UNKNOWN), ()

    def three(self, raw: object, at: tuple[str | int, ...]) -> Truth:
        """Return yes, no or unknown."""
        if raw is None or str(raw).strip().lower() == "unknown":
            return Truth.UNKNOWN
        return Truth.TRUE if self.yes(raw, at) else Truth.FALSE

    def dose(self, raw: object, at: tuple[str | int, ...]) -> float | None:
        """Return mg a day of dexamethasone; 0 for none and for physiological replacement."""
        if raw is None or str(raw).strip().lower() == "unknown":
            return None
        if raw is False or str(raw).strip().lower() in _NO_DOSE:
            return 0.0
        return self.amount(raw, "mg", at, 1000)

    def size(self, raw: object, at: tuple[str | int, ...], lesion: TrackedLesion) -> Size:
        """Return a size: `gone`, `too small`, `not assessed`, `23`, `23 mm`, `23 x 17 mm`, or a mapping of measures."""
        if raw is None or str(raw).strip().lower() == "unknown":
            return Size(seen=Seen.NOT_ASSESSED)
        if isinstance(raw, dict):
            return self.measures(raw, at)
        if isinstance(raw, str):
            said = raw.strip().lower().replace("_", " ").replace("-", " ")
            if said in {each.value for each in Seen} - {Seen.MEASURED.value}:
                return Size(seen=Seen(said))
            sides = said.replace("×", "x").split("x")
            if len(sides) == 2:
                unit = sides[1].strip().lstrip("0123456789., ") or "mm"
                first = sides[0] if any(each.isalpha() for each in sides[0]) else f"{sides[0].strip()} {unit}"
                lengths = sorted((self.length(first, at), self.length(sides[1].strip(), at)), reverse=True)
                return Size(longest_mm=lengths[0], perpendicular_mm=lengths[1])
        value = self.length(raw, at)
        return Size(perpendicular_mm=value) if lesion.node else Size(longest_mm=value)

    def length(self, raw: object, at: tuple[str | int, ...]) -> float:
        """Return a length in mm."""
        return self.amount(raw, "mm", at, _LARGEST_MM)

    def measures(self, raw: dict[str, Any], at: tuple[str | int, ...]) -> Size:
        """Return the measures of one target."""
        said = self.mapping(raw, at, _SIZE)
        longest, volume, slices = said.get("longest"), said.get("volume"), said.get("slices")
        across = said.get("perpendicular", said.get("short_axis"))
        if slices is not None and (not isinstance(slices, int) or isinstance(slices, bool) or slices < 1):
            raise self.wrong((*at, "slices"), "a whole number of slices is needed")
        size = Size(
            seen=self.word(said.get("seen"), Seen, (*at, "seen"), Seen.MEASURED),
            longest_mm=None if longest is None else self.length(longest, (*at, "longest")),
            perpendicular_mm=None if across is None else self.length(across, (*at, "perpendicular")),
            volume_ml=None if volume is None else self.amount(volume, "mL", (*at, "volume"), 10_000),
            slices=slices,
        )
        if (
            size.longest_mm is not None
            and size.perpendicular_mm is not None
            and size.longest_mm < size.perpendicular_mm
        ):
            raise self.wrong(at, "the perpendicular diameter is longer than the longest one")
        if size.seen is Seen.GONE and (size.longest_mm or size.perpendicular_mm or size.volume_ml):
            raise self.wrong(at, "it is said to be gone, and yet has a size")
        if 0 in (size.longest_mm, size.volume_ml):
            size = replace(size, seen=Seen.GONE)
        return size

    def repeatability(self, raw: object, criteria: Criteria) -> Repeatability | None:
        """Return the site's own repeatability of the size of one lesion."""
        if raw is None:
            return None
        at = ("repeatability",)
        said = self.mapping(raw, at, _REPEATABILITY)
        unit = {Criteria.RANO_2010: "mm2", Criteria.RANO_2: "mm2", Criteria.IRANO: "mm2",
                Criteria.RANO_2_VOLUME: "mL", Criteria.VOLUME: "mL"}.get(criteria, "mm")  # fmt: skip
        percent, absolute = said.get("percent"), said.get("absolute")
        if percent is None and absolute is None:
            raise self.wrong(at, "`percent` or `absolute` is needed")
        return Repeatability(
            measure="size of a lesion",
            unit=unit,
            percent=None if percent is None else self.amount(percent, "%", (*at, "percent"), 1000),
            absolute=None if absolute is None else self.amount(absolute, unit, (*at, "absolute")),
            when=str(said.get("when") or ""),
        )


def _lines(text: str) -> dict[tuple[str | int, ...], int]:
    """Return the line on which each key and list entry of a YAML text stands."""
    found: dict[tuple[str | int, ...], int] = {}

    def walk(node: Any, at: tuple[str | int, ...]) -> None:
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                found[*at, key.value] = key.start_mark.line + 1
                walk(value, (*at, key.value))
        elif isinstance(node, yaml.SequenceNode):
            for number, value in enumerate(node.value):
                found[*at, number] = value.start_mark.line + 1
                walk(value, (*at, number))

    walk(yaml.compose(text, Loader=strict_yaml.StrictLoader), ())
    return found
