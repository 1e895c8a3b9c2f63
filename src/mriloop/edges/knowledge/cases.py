"""Case files: YAML that states facts → Case; a wrong word is answered with a code, its line and a hint."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from mriloop.edges.knowledge import strict_yaml
from mriloop.edges.knowledge.guidelines import SHIPPED
from mriloop.edges.knowledge.places import read_yaml
from mriloop.edges.knowledge.values import (
    MisfitError,
    aliases_of,
    canonical_fact,
    hint_for,
    hint_for_fact,
    home_of,
    parse_value,
)
from mriloop.model.coding import Laterality, Region
from mriloop.model.errors import MriloopError, refuse
from mriloop.model.fact import Unknown
from mriloop.model.finding import Case, Fact, Finding, Source
from mriloop.model.guideline import (
    FactSpec,
    FactType,
    GuidelineCase,
    GuidelineSet,
)
from mriloop.model.quantity import Quantity

MAX_BYTES = 1_000_000
_HEADINGS = {"as_of", "id", "question", "facts", "order", "findings", "profiles", "title", "note", "notes", "schema"}
_FINDING_KEYS = {"id", "text", "region", "laterality", "measurements", "series"}
# Free text on an order: shown to people by whoever wrote it, never interpreted.
_ORDER_NOTES = frozenset({"indication", "reason", "note", "text", "description"})
_CASE_KINDS = ("positive", "negative", "boundary", "unknown")
_WORKED_KEYS = {
    "name", "kind", "as_of", "facts", "profiles", "rows", "missing", "out_of_scope", "targets", "warnings",
    "statements",
}  # fmt: skip


def load_case(path: Path, guidelines: GuidelineSet, *, today: date) -> Case:
    """Read one case file.

    Parameters
    ----------
    path
        YAML, at most 1 MB. Facts stand under `facts:` or at the top; `order:` holds what is ordered, `findings:` what
        was seen, `as_of:` the day of the question. docs/reference/cases.md has the whole shape.
    guidelines
        The vocabulary that the facts are held against, and the profiles that `profiles:` may name.
    today
        The day of the question where the file names none.

    Raises
    ------
    SenderError
        `input_not_found`, `case_unreadable`, `case_shape`, `case_unknown_fact`, `case_wrong_unit`, `case_wrong_type`,
        `case_wrong_value`, `case_impossible_date`; the fact, its line and a hint are in the message.
    """
    text = _text(path)
    try:
        raw = strict_yaml.read(text)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise refuse("case_unreadable", path=path.name, detail=strict_yaml.place_of(error)) from None
    if not isinstance(raw, dict) or not all(isinstance(key, str) for key in raw):
        detail = "the file must be a mapping from words to values, such as `age: 15`"
        raise refuse("case_shape", path=path.name, detail=detail)
    return _Reader(path.name, text, guidelines, takes_new_words=True).case(raw, path.stem, today)


def load_guideline_cases(
    name: str, guidelines: GuidelineSet, *, shipped: Path = SHIPPED, site: Path | None = None
) -> tuple[GuidelineCase, ...]:
    """Read the worked cases beside one guideline (`cases.yaml`); empty when there are none.

    Beside a guideline of the site's own stand its own cases. Beside an overlay stand the shipped ones; those of the
    site are added, and take the place of a shipped case of the same name. Raises OperatorError `knowledge_invalid` for
    a case that is not in the shape or speaks of unknown facts.
    """
    own = site / "guidelines" / name if site is not None else None
    local = _cases_of(own / "cases.yaml", guidelines) if own is not None else ()
    if own is not None and (own / "guideline.yaml").is_file():
        return local
    replaced = {each.name for each in local}
    return (
        *(each for each in _cases_of(shipped / name / "cases.yaml", guidelines) if each.name not in replaced),
        *local,
    )


def _cases_of(path: Path, guidelines: GuidelineSet) -> tuple[GuidelineCase, ...]:
    if not path.is_file():
        return ()
    raw = read_yaml(path)
    if not isinstance(raw, dict) or not isinstance(raw.get("cases"), list):
        raise refuse("knowledge_invalid", path=path, detail="a mapping with a list `cases` is needed")
    reader = _Reader(str(path), "", guidelines)
    found = []
    for number, entry in enumerate(raw["cases"]):
        try:
            found.append(_worked_case(entry, reader, str(raw.get("as_of", ""))))
        except (MriloopError, KeyError, TypeError, ValueError, AttributeError) as error:
            title = entry.get("name", "") if isinstance(entry, dict) else ""
            raise refuse("knowledge_invalid", path=path, detail=f"cases[{number}] {title}: {error}") from None
    return tuple(found)


def _worked_case(entry: dict[str, Any], reader: _Reader, as_of: str) -> GuidelineCase:
    unknown = sorted(set(entry) - _WORKED_KEYS)
    if unknown:
        raise ValueError(f"unknown key {unknown[0]!r}{hint_for(unknown[0], sorted(_WORKED_KEYS))}")
    if entry["kind"] not in _CASE_KINDS:
        raise ValueError(f"kind {entry['kind']!r} is none of {', '.join(_CASE_KINDS)}")
    facts = reader.facts(entry["facts"], "facts")
    return GuidelineCase(
        name=str(entry["name"]),
        kind=entry["kind"],
        facts={name: fact.value for name, fact in facts.items()},
        as_of=date.fromisoformat(entry.get("as_of", as_of)),
        rows=_listed(entry.get("rows")),
        missing=_listed(entry.get("missing")),
        out_of_scope=_truth(entry.get("out_of_scope", False)),
        targets=tuple(date.fromisoformat(day) for day in _listed(entry.get("targets"))),
        warnings=_listed(entry.get("warnings")),
        profiles=entry.get("profiles") or {},
        statements=_listed(entry.get("statements")),
    )


def _truth(raw: object) -> bool:
    if not isinstance(raw, bool):
        raise ValueError(f"out_of_scope: {raw!r} is neither yes nor no; write it without quotes")
    return raw


def _listed(raw: object) -> tuple[str, ...]:
    if raw is None:
        return ()
    return tuple(str(each) for each in raw) if isinstance(raw, list) else (str(raw),)


def _text(path: Path) -> str:
    try:
        if not path.exists():
            raise refuse("input_not_found", path=path)
        if path.is_dir():
            raise refuse("case_shape", path=path.name, detail="it is a folder; give one YAML file")
        if path.stat().st_size > MAX_BYTES:
            raise refuse("case_shape", path=path.name, detail="the file is larger than 1 MB")
        return path.read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise refuse("case_unreadable", path=path.name, detail="it is not UTF-8 text") from None
    except OSError:
        raise refuse("input_unreadable", path=path) from None


class _Reader:
    """Reads the parts of one case and knows where in the file each word stands."""

    def __init__(self, name: str, text: str, guidelines: GuidelineSet, *, takes_new_words: bool = False) -> None:
        self.takes_new_words = takes_new_words
        self.name, self.lines, self.guidelines = name, text.splitlines(), guidelines
        self.vocabulary: Mapping[str, FactSpec] = guidelines.vocabulary
        self.aliases = aliases_of(self.vocabulary)

    def case(self, raw: dict[str, Any], stem: str, today: date) -> Case:
        top = {key: value for key, value in raw.items() if key not in _HEADINGS}
        facts = self.facts({} if raw.get("facts") is None else raw["facts"], "facts")
        for more in (self.facts(top, "the case"), self.order(raw.get("order"))):
            for name, fact in more.items():
                if name in facts and facts[name].value != fact.value:
                    raise self.shape(f"{name} is stated twice, differently")
                facts[name] = fact
        if "question" in raw and not isinstance(raw["question"], str | None):
            raise self.shape("`question` must be a text")
        region = facts.get("region")
        return Case(
            facts=facts,
            as_of=self.day(raw.get("as_of"), today),
            id=self.word(raw.get("id"), "id") or stem,
            region=Region(region.value) if region is not None and isinstance(region.value, str) else Region.UNKNOWN,
            question=raw.get("question") or "",
            findings=self.findings(raw.get("findings")),
            profiles=self.profiles(raw.get("profiles")),
        )

    def shape(self, detail: str) -> MriloopError:
        return refuse("case_shape", path=self.name, detail=detail)

    def facts(self, raw: object, heading: str) -> dict[str, Fact]:
        """Read facts: `name: value`, or `name: {value: …, stated_at: date}`."""
        if not isinstance(raw, dict):
            raise self.shape(f"`{heading}` must be a mapping from facts to values")
        found: dict[str, Fact] = {}
        for key, value in raw.items():
            name = canonical_fact(str(key), self.vocabulary, self.aliases)
            if name is None:
                hint = hint_for_fact(str(key), self.vocabulary, self.aliases)
                raise refuse("case_unknown_fact", path=self.place(str(key)), fact=str(key)[:60], hint=hint)
            fact = self.fact(name, value, str(key))
            if name in found and found[name].value != fact.value:
                raise self.shape(f"{key} and another name of {name} are both stated, differently")
            found[name] = fact
        return found

    def fact(self, name: str, raw: object, key: str) -> Fact:
        spec = self.vocabulary[name]
        stated_at = None
        if isinstance(raw, dict) and "stated_at" in raw and "value" in raw:
            stated_at = self.day(raw["stated_at"], date.min)
            raw = {"value": raw["value"], "unit": raw["unit"]} if "unit" in raw else raw["value"]
        try:
            if spec.open and self.takes_new_words:
                self.must_be_new(spec, raw)
            read = parse_value(spec, raw, take_new_words=self.takes_new_words)
            return Fact(name=name, value=read, source=Source.PERSON, stated_at=stated_at)
        except MisfitError as problem:
            raise refuse(
                problem.code,
                path=self.place(key),
                fact=key,
                found=problem.found,
                expected=problem.expected,
                unit=problem.unit,
            ) from None

    def must_be_new(self, spec: FactSpec, raw: object) -> None:
        """Refuse a word that an open list has not and another fact has: as a new word, its meaning would be lost."""
        known = {word.casefold() for word in (*spec.values, *spec.value_synonyms)}
        for word in raw if isinstance(raw, list) else [raw]:
            if not isinstance(word, str) or "_".join(word.replace("-", " ").split()).casefold() in known:
                continue
            fact = canonical_fact(word, self.vocabulary, self.aliases)
            home = f"`{fact}: yes`" if fact and self.vocabulary[fact].type is FactType.BOOL else ""
            home = home or home_of(word, self.vocabulary)
            if home:
                raise MisfitError(
                    "case_wrong_value", found=repr(word)[:60], expected=f"the words of another fact: write {home}"
                )

    def order(self, raw: object) -> dict[str, Fact]:
        """Read the `order:` block: `contrast: with` states order_contrast, `agent_group: II` the fact of that name.

        Free text (`indication`, `reason`, `note`, `text`, `description`) is left alone.
        """
        if raw is None:
            return {}
        if not isinstance(raw, dict):
            raise self.shape("`order` must be a mapping such as {modality: MR, contrast: with}")
        named = {}
        for key, value in raw.items():
            if str(key) in _ORDER_NOTES:
                continue
            own = canonical_fact(f"order_{key}", self.vocabulary, self.aliases)
            named[f"order_{key}" if own is not None else str(key)] = value
        return self.facts(named, "order")

    def findings(self, raw: object) -> tuple[Finding, ...]:
        if raw is None:
            return ()
        if not isinstance(raw, list):
            raise self.shape("`findings` must be a list")
        return tuple(self.finding(each, number) for number, each in enumerate(raw))

    def finding(self, raw: object, number: int) -> Finding:
        if isinstance(raw, str):
            return Finding(id=f"finding-{number + 1}", text=raw)
        if not isinstance(raw, dict) or "text" not in raw:
            raise self.shape(f"findings[{number}] needs a `text`")
        for key in raw:
            if key not in _FINDING_KEYS:
                raise self.shape(f"findings[{number}]: unknown key {key}{hint_for(str(key), sorted(_FINDING_KEYS))}")
        region = self.fact("region", raw.get("region"), "region").value
        side = self.word(raw.get("laterality", Laterality.UNKNOWN), "laterality").lower()
        if side not in list(Laterality):
            raise refuse(
                "case_wrong_value", path=self.name, fact="laterality", found=side, expected=", ".join(Laterality)
            )
        measured = {} if raw.get("measurements") is None else raw["measurements"]
        if not isinstance(measured, dict):
            raise self.shape(f"findings[{number}]: `measurements` must be a mapping such as {{diameter: 14 mm}}")
        return Finding(
            id=self.word(raw.get("id"), "id") or f"finding-{number + 1}",
            text=self.word(raw["text"], "text"),
            region=Region(region) if isinstance(region, str) else Region.UNKNOWN,
            laterality=Laterality(side),
            measurements={str(name): self.measurement(str(name), value) for name, value in measured.items()},
            series=tuple(self.word(each, "series") for each in self.several(raw.get("series"), "series")),
        )

    def word(self, raw: object, key: str) -> str:
        """Return a word or a number as text; empty for nothing."""
        if isinstance(raw, list | dict):
            raise self.shape(f"`{key}` must be a word, not a list or a mapping")
        return "" if raw is None else str(raw)

    def several(self, raw: object, key: str) -> list[object]:
        """Return a list; empty for nothing."""
        if raw is not None and not isinstance(raw, list):
            raise self.shape(f"`{key}` must be a list")
        return raw or []

    def measurement(self, name: str, raw: object) -> Quantity:
        """Read a measurement with its own unit; a length in mm where only a number stands."""
        parts = [raw.get("value"), raw.get("unit")] if isinstance(raw, dict) else [raw]
        text = " ".join(self.word(each, name) for each in parts)
        unit = text.split(maxsplit=1)[1].strip() if len(text.split(maxsplit=1)) > 1 else "mm"
        for guess in (unit, "mm"):
            try:
                Quantity(value=0.0, unit=guess)
            except ValueError:
                continue
            spec = FactSpec(name=name, type=FactType.QUANTITY, question="", unit=guess)
            try:
                value = parse_value(spec, raw)
            except MisfitError as problem:
                raise refuse(
                    problem.code,
                    path=self.name,
                    fact=name,
                    found=problem.found,
                    expected=problem.expected,
                    unit=problem.unit,
                ) from None
            if isinstance(value, Quantity):
                return value
        raise refuse("case_wrong_type", path=self.name, fact=name, expected="a number with a unit", found="nothing")

    def profiles(self, raw: object) -> dict[str, str]:
        if raw is None:
            return {}
        if not isinstance(raw, dict):
            raise self.shape("`profiles` must be a mapping from guidelines to profiles")
        chosen = {}
        for key, value in raw.items():
            guideline = self.guidelines.get(str(key))
            if guideline is None:
                known = [each.id for each in self.guidelines.guidelines]
                raise self.shape(f"there is no guideline {key}{hint_for(str(key), known)}")
            profiles = dict.fromkeys(each for table in guideline.tables for each in (table.profile, table.id))
            wanted = self.word(value, str(key))
            if wanted not in profiles:
                raise self.shape(f"{key} has no profile {wanted[:60]}{hint_for(wanted[:60], list(profiles))}")
            chosen[str(key)] = wanted
        return chosen

    def day(self, raw: object, otherwise: date) -> date:
        spec = FactSpec(name="as_of", type=FactType.DATE, question="")
        try:
            value = parse_value(spec, raw)
        except MisfitError as problem:
            raise refuse(
                problem.code, path=self.place("as_of"), fact="as_of", found=problem.found, expected=problem.expected
            ) from None
        return otherwise if isinstance(value, Unknown) or not isinstance(value, date) else value

    def place(self, key: str) -> str:
        """Return the file's name with the line on which a word stands."""
        short = key.removeprefix("order_")
        for number, line in enumerate(self.lines, start=1):
            if line.split("#", maxsplit=1)[0].lstrip(" {-").startswith((f"{key}:", f"{short}:", f'"{key}":')):
                return f"{self.name}, line {number}"
        return self.name
