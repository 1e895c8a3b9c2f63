"""Guidelines and their vocabulary from YAML, checked key by key, with the site's changes laid over them.

Nothing in a file is executed: a cell is a word, a number or one of a closed set of comparisons.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from mriloop.edges.knowledge.easing import refuse_easing
from mriloop.edges.knowledge.places import At, invalid, read_yaml
from mriloop.edges.knowledge.schedules import read_schedule
from mriloop.edges.knowledge.values import MisfitError, hint_for, parse_value
from mriloop.edges.knowledge.vocabulary import load_vocabulary
from mriloop.model.coding import Contrast, Region, Urgency
from mriloop.model.fact import Truth, Unknown
from mriloop.model.guideline import (
    Citation,
    Condition,
    FactSpec,
    FactType,
    Guideline,
    GuidelineSet,
    Mark,
    Match,
    Op,
    Row,
    Scope,
    Status,
    Step,
    Table,
)
from mriloop.model.quantity import Quantity

SHIPPED = Path(__file__).parents[2] / "knowledge" / "guidelines"
_DRAFT_MARKS = (Mark.M, Mark.M_PLUS, Mark.C)
_ROW_KEYS = {
    "id", "when", "step", "text", "cite", "status", "urgency", "modality", "region", "contrast", "pulse_sequences",
    "pulse_sequences_from", "schedule", "specialty", "actions", "note", "no_image", "repeat_reason", "statements",
    "provenance",
}  # fmt: skip
_TABLE_KEYS = {"id", "question", "profile", "match", "default", "superseded", "when", "if_unknown", "cite", "rows"}
_GUIDELINE_KEYS = {
    "id", "title", "version", "edition", "family", "sources", "parameters", "raised_by", "applies_when", "guards",
    "tables",
}  # fmt: skip
_IF_UNKNOWN = ("ask", "warn", "silent")
_OVERLAY_KEYS = {"parameters", "rows", "default_profile", "by", "on", "reason"}


def load_guidelines(*, shipped: Path = SHIPPED, site: Path | None = None) -> GuidelineSet:
    """Read every guideline and the vocabulary.

    Parameters
    ----------
    shipped
        Folder with `facts/*.yaml`, the vocabulary, and one folder a guideline.
    site
        The site's knowledge folder; its `guidelines/<id>/guideline.yaml` replaces or adds a guideline,
        `guidelines/<id>/overlay.yaml` changes parameters, fields of rows or the default profile of a shipped one, and
        `guidelines/facts/*.yaml` adds facts or words. Every change carries who made it, when and why, into the advice.

    Raises
    ------
    OperatorError
        `knowledge_invalid` with the file and the key.
    """
    own = site / "guidelines" if site is not None else None
    vocabulary = load_vocabulary([shipped / "facts", *([own / "facts"] if own is not None else [])])
    folders = {path.parent.name: path.parent for path in sorted(shipped.glob("*/guideline.yaml"))}
    if own is not None:
        folders |= {path.parent.name: path.parent for path in sorted(own.glob("*/guideline.yaml"))}
        for path in sorted(own.glob("*/overlay.yaml")):
            if path.parent.name not in folders:
                hint = hint_for(path.parent.name, list(folders))
                raise invalid(path, f"there is no guideline {path.parent.name!r} to change{hint}")
    guidelines, defaults = [], {}
    for name, folder in sorted(folders.items()):
        overlay = own / name / "overlay.yaml" if own is not None else None
        changes = _overlay(overlay) if overlay is not None and overlay.is_file() else {}
        guideline = _guideline(folder / "guideline.yaml", vocabulary, changes, overlay)
        guidelines.append(replace(guideline, source="site") if folder.parent == own else guideline)
        if "default_profile" in changes:
            defaults[name] = _profile(guideline, str(changes["default_profile"]), overlay)
    return GuidelineSet(
        guidelines=tuple(guidelines),
        vocabulary=_with_breakpoints(vocabulary, guidelines),
        default_profiles=defaults,
    )


def load_guideline(folder: Path, vocabulary: Mapping[str, FactSpec]) -> Guideline:
    """Read the guideline of any folder, in the words of a vocabulary. Raises OperatorError `knowledge_invalid`."""
    return _guideline(folder / "guideline.yaml", vocabulary, {}, None)


def _with_breakpoints(vocabulary: Mapping[str, FactSpec], guidelines: Sequence[Guideline]) -> dict[str, FactSpec]:
    """Note in each quantity at which numbers some guideline changes its mind."""
    limits: dict[str, set[float]] = {}
    for guideline in guidelines:
        rows = [*guideline.guards, *(row for table in guideline.tables for row in table.rows)]
        groups = [*guideline.raised_by, *(scope.when for scope in guideline.applies_when)]
        groups += [table.when for table in guideline.tables] + [row.when for row in rows]
        for condition in (each for group in groups for each in group):
            unit = vocabulary[condition.fact].unit
            if isinstance(condition.value, Quantity) and unit is not None:
                limits.setdefault(condition.fact, set()).add(condition.value.to(unit).value)
    return {
        name: replace(spec, breakpoints=tuple(sorted(limits[name]))) if name in limits else spec
        for name, spec in vocabulary.items()
    }


def _overlay(path: Path) -> dict[str, Any]:
    at = At(path)
    changes = at.mapping(read_yaml(path), _OVERLAY_KEYS, ("by", "on", "reason"))
    try:
        date.fromisoformat(str(changes["on"]))
    except ValueError:
        raise at.down("on").wrong("a date as YYYY-MM-DD is needed") from None
    return changes


def _profile(guideline: Guideline, wanted: str, path: Path | None) -> str:
    known = [table.profile for table in guideline.tables]
    if wanted not in known:
        raise invalid(path, f"default_profile: {wanted!r} is none of {', '.join(dict.fromkeys(known))}")
    return wanted


def _guideline(
    path: Path, vocabulary: Mapping[str, FactSpec], changes: Mapping[str, Any], overlay: Path | None
) -> Guideline:
    at = At(path)
    raw = at.mapping(read_yaml(path), _GUIDELINE_KEYS, ("id", "title", "version", "edition", "sources", "tables"))
    if raw["id"] != path.parent.name:
        raise at.down("id").wrong(f"{raw['id']!r} must be the name of its folder, {path.parent.name!r}")
    reader = _Reader(path, raw, vocabulary, changes, overlay)
    guideline = Guideline(
        id=str(raw["id"]),
        title=str(raw["title"]),
        version=str(raw["version"]),
        edition=str(raw["edition"]),
        family=str(raw.get("family", raw["id"])),
        raised_by=tuple(
            reader.conditions(each, at.down(f"raised_by[{number}]"))
            for number, each in enumerate(at.down("raised_by").items(raw.get("raised_by", [])))
        ),
        applies_when=tuple(
            reader.scope(each, at.down(f"applies_when[{number}]"))
            for number, each in enumerate(at.down("applies_when").items(raw.get("applies_when", [])))
        ),
        guards=reader.rows(raw.get("guards", []), at.down("guards"), "guards", None),
        tables=tuple(
            reader.table(each, at.down(f"tables[{number}]"))
            for number, each in enumerate(at.down("tables").items(raw["tables"]))
        ),
    )
    reader.all_changes_used()
    return guideline


class _Reader:
    """Reads the parts of one guideline, with its sources, its parameters and the site's changes."""

    def __init__(
        self,
        path: Path,
        raw: Mapping[str, Any],
        vocabulary: Mapping[str, FactSpec],
        changes: Mapping[str, Any],
        overlay: Path | None,
    ) -> None:
        at = At(path)
        self.vocabulary = vocabulary
        self.sources = {
            name: at.down("sources").down(name).mapping(each, {"text", "year", "doi"}, ("text", "year"))
            for name, each in raw["sources"].items()
        }
        self.parameters = dict(raw.get("parameters") or {})
        self.overlay = At(overlay) if overlay is not None else at
        self.changed_parameters = dict(changes.get("parameters") or {})
        for name, value in self.changed_parameters.items():
            if name not in self.parameters:
                raise self.overlay.down("parameters").wrong(
                    f"unknown parameter {name!r}{hint_for(name, list(self.parameters))}"
                )
            self.parameters[name] = value
        self.changed_rows = dict(changes.get("rows") or {})
        self.unused = set(self.changed_rows)
        self.signed = f"changed at the site by {changes.get('by')} on {changes.get('on')}: {changes.get('reason')}"

    def all_changes_used(self) -> None:
        """Refuse an overlay that names a row which does not exist."""
        if self.unused:
            raise self.overlay.down("rows").wrong(f"no such row: {', '.join(sorted(self.unused))}")

    def scope(self, raw: object, at: At) -> Scope:
        given = at.mapping(raw, {"when", "otherwise"}, ("when", "otherwise"))
        return Scope(when=self.conditions(given["when"], at.down("when")), otherwise=str(given["otherwise"]))

    def table(self, raw: object, at: At) -> Table:
        given = at.mapping(raw, _TABLE_KEYS, ("id", "question", "profile", "match", "rows"))
        at = At(at.path, f"tables.{given['id']}")
        if given.get("if_unknown", "ask") not in _IF_UNKNOWN:
            raise at.down("if_unknown").wrong(f"one of {', '.join(_IF_UNKNOWN)} is needed")
        return Table(
            id=str(given["id"]),
            question=str(given["question"]),
            profile=str(given["profile"]),
            match=at.down("match").one_of(Match, given["match"]),
            rows=self.rows(given["rows"], at.down("rows"), str(given["id"]), given.get("cite")),
            when=self.conditions(given.get("when") or {}, at.down("when")),
            default=at.down("default").truth(given.get("default", True)),
            superseded=at.down("superseded").truth(given.get("superseded", False)),
            if_unknown=given.get("if_unknown", "ask"),
        )

    def rows(self, raw: object, at: At, table: str, cite: object) -> tuple[Row, ...]:
        rows = tuple(self.row(each, at, table, cite, number) for number, each in enumerate(at.items(raw)))
        names = [row.id for row in rows]
        for name in names:
            if names.count(name) > 1:
                raise at.down(name).wrong("two rows have this id")
        return rows

    def row(self, raw: object, above: At, table: str, cite: object, number: int) -> Row:
        at = above.down(raw["id"] if isinstance(raw, dict) and "id" in raw else number)
        given = dict(at.mapping(raw, _ROW_KEYS - {"provenance"}, ("id", "step", "text")))
        name = f"{table}/{given['id']}"
        provenance = ""
        if name in self.changed_rows:
            self.unused.discard(name)
            here = self.overlay.down("rows").down(name)
            change = here.mapping(self.changed_rows[name], _ROW_KEYS - {"id", "when", "provenance"})
            refuse_easing(given, change, here)
            given |= change
            provenance = f"{', '.join(change)} {self.signed}"
        elif self._uses_changed_parameter(given.get("when")):
            provenance = f"parameter {self.signed}"
        citation = self.citation(given.get("cite", cite), at.down("cite"))
        default_status = Status.DRAFT if citation.mark in _DRAFT_MARKS else Status.REVIEWED
        return Row(
            id=str(given["id"]),
            when=self.conditions(given.get("when") or {}, at.down("when")),
            step=at.down("step").one_of(Step, given["step"]),
            text=str(given["text"]).strip(),
            citation=citation,
            status=at.down("status").one_of(Status, given.get("status", default_status)),
            urgency=at.down("urgency").one_of(Urgency, given.get("urgency", Urgency.ROUTINE)),
            modality=given.get("modality"),
            region=at.down("region").one_of(Region, given["region"]) if "region" in given else None,
            contrast=at.down("contrast").one_of(Contrast, given["contrast"]) if "contrast" in given else None,
            pulse_sequences=at.down("pulse_sequences").words(given.get("pulse_sequences")),
            pulse_sequences_from=self.fact(given.get("pulse_sequences_from", ""), at.down("pulse_sequences_from")),
            schedule=read_schedule(given["schedule"], at.down("schedule"), self) if "schedule" in given else None,
            specialty=at.down("specialty").words(given.get("specialty")),
            actions=at.down("actions").words(given.get("actions")),
            note=str(given.get("note", "")),
            repeat_reason=str(given.get("repeat_reason", "")),
            no_image=str(given.get("no_image", "")),
            statements=at.down("statements").words(given.get("statements")),
            provenance=provenance,
        )

    def citation(self, raw: object, at: At) -> Citation:
        if raw is None:
            raise at.wrong("every row needs its citation")
        given = at.mapping(raw, {"source", "locator", "mark"}, ("source", "locator", "mark"))
        if given["source"] not in self.sources:
            raise at.wrong(
                f"there is no source {given['source']!r}{hint_for(str(given['source']), list(self.sources))}"
            )
        source = self.sources[given["source"]]
        return Citation(
            text=str(source["text"]),
            year=int(source["year"]),
            locator=str(given["locator"]),
            mark=at.down("mark").one_of(Mark, given["mark"]),
            doi=str(source.get("doi", "")),
        )

    def fact(self, name: object, at: At) -> str:
        if name and name not in self.vocabulary:
            raise at.wrong(f"no fact is called {name!r}{hint_for(str(name), list(self.vocabulary))}")
        return str(name)

    def conditions(self, raw: object, at: At) -> tuple[Condition, ...]:
        """Read a conjunction: a mapping from facts to a value, a list of values, or comparisons."""
        if not isinstance(raw, dict):
            raise at.wrong("a mapping from facts to conditions is needed")
        found: list[Condition] = []
        for name, cell in raw.items():
            here = at.down(name)
            spec = self.vocabulary[self.fact(name, at)]
            if isinstance(cell, dict):
                for word, held in cell.items():
                    op = here.one_of(Op, word)
                    found.append(Condition(fact=spec.name, op=op, value=self.value(spec, op, held, here.down(word))))
            else:
                op = Op.CONTAINS if spec.type is FactType.LIST else Op.ONE_OF if isinstance(cell, list) else Op.IS
                found.append(Condition(fact=spec.name, op=op, value=self.value(spec, op, cell, here)))
        return tuple(found)

    def value(self, spec: FactSpec, op: Op, raw: object, at: At) -> Any:
        if isinstance(raw, str) and raw.startswith("$"):
            if raw[1:] not in self.parameters:
                raise at.wrong(f"there is no parameter {raw[1:]!r}")
            raw = self.parameters[raw[1:]]
        try:
            if op is Op.KNOWN:
                return Truth.TRUE if at.truth(raw) else Truth.FALSE
            if op is Op.ONE_OF or (op is Op.IS_NOT and isinstance(raw, list)):
                return tuple(parse_value(spec, item) for item in at.items(raw))
            if spec.type is FactType.LIST:
                value = parse_value(spec, raw)
                if not isinstance(value, tuple) or len(value) != 1:
                    raise at.wrong("one word of the list is needed")
                return value[0]
            value = parse_value(spec, raw)
        except MisfitError as problem:
            raise at.wrong(f"{problem}{f' ({problem.unit})' if problem.unit else ''}") from None
        if isinstance(value, Unknown):
            raise at.wrong("write {known: no} for a fact that nobody knows")
        return value

    def _uses_changed_parameter(self, when: object) -> bool:
        return any(f"${name}'" in repr(when) for name in self.changed_parameters)
