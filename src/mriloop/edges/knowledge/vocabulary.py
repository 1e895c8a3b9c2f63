"""The words of the rules from YAML: one file a field of medicine, read together as one vocabulary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mriloop.edges.knowledge.places import At, read_yaml
from mriloop.edges.knowledge.values import aliases_of
from mriloop.model.guideline import FactSpec, FactType

_NEW = {"type", "question", "words", "unit", "values", "like", "also", "value_also", "derived", "note", "open"}
_MORE = {"adds", "also", "value_also", "open"}


def load_vocabulary(folders: Sequence[Path]) -> dict[str, FactSpec]:
    """Read every `*.yaml` of the folders, in the order of folders and names, as one vocabulary.

    An entry with `type` is a fact of its own and may stand once in a folder. A later folder (the site's) may give a
    fact another question or name and more words; its type, unit, values and what it follows from stay, as does the
    meaning of every word, since rows and signatures rest on them. An entry with `adds` gives a code or a list further
    words, or further names. `like` takes the words of another fact. A list that is `open` keeps words of a
    case that it has not.

    Raises
    ------
    OperatorError
        `knowledge_invalid` with file and key: not YAML, an unknown key, a fact stated twice, two facts of one name.
    """
    facts: dict[str, tuple[FactSpec, str, At]] = {}
    additions: list[tuple[str, dict[str, Any], At]] = []
    for folder in folders:
        here: set[str] = set()
        for path in sorted(folder.glob("*.yaml")) if folder.is_dir() else ():
            for name, entry, at in _entries(path):
                if isinstance(entry, dict) and "type" not in entry:
                    additions.append((name, at.mapping(entry, _MORE), at))
                    continue
                if name in here:
                    raise at.wrong("another file of this folder has the same fact")
                here.add(name)
                made = _fact(name, entry, at)
                if name in facts:
                    _same_meaning(facts[name], made, at)
                facts[name] = made
    for name, given, at in additions:
        if name not in facts:
            raise at.wrong("no fact of this name to add words to; a new fact needs its `type`")
        spec, like, origin = facts[name]
        for word, value in _words(given).items():
            _same_word(spec, word, value, at)
        facts[name] = (_with_more(spec, given, at), like, origin)
    vocabulary = {name: _like(spec, like, facts, at) for name, (spec, like, at) in facts.items()}
    for name, spec in vocabulary.items():
        for other, value in spec.value_synonyms.items():
            if value not in spec.values:
                raise facts[name][2].down("value_also").down(other).wrong(f"{value!r} is none of its values")
    try:
        aliases_of(vocabulary)
    except ValueError as error:
        raise At(folders[0]).wrong(str(error)) from None
    return vocabulary


def _entries(path: Path) -> list[tuple[str, Any, At]]:
    at = At(path)
    raw = read_yaml(path)
    if not isinstance(raw, dict):
        raise at.wrong("a mapping of facts is needed")
    return [(str(name), entry, at.down(name)) for name, entry in raw.items()]


def _fact(name: str, entry: object, at: At) -> tuple[FactSpec, str, At]:
    given = at.mapping(entry, _NEW, ("type", "question"))
    kind = at.one_of(FactType, given["type"])
    values, like = at.words(given.get("values")), str(given.get("like", ""))
    if kind is FactType.CODE and not values and not like:
        raise at.wrong("a code needs its `values`")
    if kind is FactType.QUANTITY and "unit" not in given:
        raise at.wrong("a quantity needs its `unit`")
    spec = FactSpec(
        name=name,
        type=kind,
        question=str(given["question"]),
        unit=given.get("unit"),
        values=values,
        derived=str(given.get("derived", "")),
        synonyms=at.words(given.get("also")),
        value_synonyms=_words(given),
        words=str(given.get("words", "")),
        note=str(given.get("note", "")),
        open=given.get("open") is True,
    )
    return spec, like, at


def _same_meaning(shipped: tuple[FactSpec, str, At], new: tuple[FactSpec, str, At], at: At) -> None:
    """Refuse a fact of a later folder under which the rows of an earlier one would mean something else."""
    (old, old_like, _), (spec, like, _) = shipped, new
    for key in ("type", "unit", "derived"):
        if getattr(old, key) != getattr(spec, key):
            raise at.down(key).wrong(f"a shipped fact keeps its {key}: name a fact of your own")
    if like != old_like or set(old.values) - set(spec.values):
        raise at.down("values").wrong("a shipped fact keeps its values; `adds` gives it more")
    for word, value in spec.value_synonyms.items():
        _same_word(old, word, value, at)


def _same_word(spec: FactSpec, word: str, value: str, at: At) -> None:
    means = {**{each.lower(): each for each in spec.values}, **{k.lower(): v for k, v in spec.value_synonyms.items()}}
    if means.get(word.lower(), value) != value:
        raise at.down("value_also").down(word).wrong(f"{word!r} means {means[word.lower()]!r} already")


def _with_more(spec: FactSpec, given: Mapping[str, Any], at: At) -> FactSpec:
    if "adds" in given and not spec.values:
        raise at.down("adds").wrong("only a code or a list has words")
    values = (*spec.values, *(word for word in at.words(given.get("adds")) if word not in spec.values))
    names = (*spec.synonyms, *at.words(given.get("also")))
    words = {**spec.value_synonyms, **_words(given)}
    return replace(
        spec, values=values, synonyms=names, value_synonyms=words, open=spec.open or given.get("open") is True
    )


def _like(spec: FactSpec, like: str, facts: Mapping[str, tuple[FactSpec, str, At]], at: At) -> FactSpec:
    if not like:
        return spec
    if like not in facts:
        raise at.down("like").wrong(f"no fact is called {like!r}")
    other = facts[like][0]
    synonyms = {**other.value_synonyms, **spec.value_synonyms}
    return replace(spec, values=(*other.values, *spec.values), value_synonyms=synonyms)


def _words(given: Mapping[str, Any]) -> dict[str, str]:
    return {str(key): str(value) for key, value in (given.get("value_also") or {}).items()}
