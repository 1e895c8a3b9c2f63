"""Reads the letter templates: strict YAML, where a word that no letter can fill is refused at once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from mriloop.edges.knowledge.placeholders import placeholders_of
from mriloop.edges.knowledge.step_texts import load_step_texts
from mriloop.model.communication import (
    CHECKLIST,
    FLAGS,
    LETTER_KINDS,
    LISTS,
    PLACEHOLDERS,
    Audience,
    LetterTemplate,
    LetterTemplates,
    LetterWords,
    Paragraph,
    TemplatePart,
)
from mriloop.model.errors import MriloopError, refuse

SHIPPED = Path(__file__).parents[2] / "knowledge" / "letters"
_WORDS = "words.yaml"
_BLOCKS = "blocks.yaml"
_LABELS = ("salutation", "salutation_unknown", "salutation_colleague", "closing", "page", "phone", "phone_unknown")
_LABEL_FIELDS = {"salutation": {"name"}, "page": {"page", "pages"}}
_LANGUAGE = re.compile(r"[a-z]{2}")
_STATEMENT = re.compile(r"S\d{1,2}")


def load_letters(shipped: Path = SHIPPED, site: Path | None = None) -> LetterTemplates:
    """Read every language folder; a file of the site's `letters/<language>/` takes the place of the shipped one.

    In `steps/` it is each text of the site that takes the place of the shipped one.

    Raises
    ------
    OperatorError
        `knowledge_invalid`, with file and reason: not YAML, an unknown key, placeholder, flag, list, checklist point,
        kind or block; a checklist point that the kind owes and the template never covers; a language without words.
    """
    languages = sorted(_languages(shipped) | (_languages(site / "letters") if site is not None else set()))
    templates: dict[tuple[str, str], LetterTemplate] = {}
    steps: dict[tuple[str, str], str] = {}
    words: dict[str, LetterWords] = {}
    for language in languages:
        files = _files(shipped / language)
        if site is not None:
            files |= _files(site / "letters" / language)
        if _WORDS not in files:
            raise _invalid(shipped / language, f"has no {_WORDS}")
        words[language] = _words(files.pop(_WORDS), language)
        blocks_path = files.pop(_BLOCKS, None)
        blocks = _mapping(_read(blocks_path), blocks_path) if blocks_path is not None else {}
        places = [shipped / language, *([site / "letters" / language] if site is not None else [])]
        steps |= load_step_texts(language, places)
        for path in files.values():
            template = _template(path, language, blocks)
            templates[language, template.kind] = template
    return LetterTemplates(templates=templates, words=words, steps=steps)


def _languages(folder: Path) -> set[str]:
    if not folder.is_dir():
        return set()
    return {item.name for item in folder.iterdir() if item.is_dir() and _LANGUAGE.fullmatch(item.name)}


def _files(folder: Path) -> dict[str, Path]:
    return {path.name: path for path in sorted(folder.glob("*.yaml"))} if folder.is_dir() else {}


def _invalid(path: Path, detail: str) -> MriloopError:
    return refuse("knowledge_invalid", path=path, detail=detail)


def _read(path: Path) -> Any:
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, OSError) as error:
        raise _invalid(path, f"cannot be read ({type(error).__name__})") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark is not None else ""
        raise _invalid(path, f"is not readable YAML{where}") from None


def _mapping(value: Any, path: Path, keys: Iterable[str] = (), needed: Iterable[str] = ()) -> dict[str, Any]:
    """Return a mapping with text keys, all of them known and all that are needed there."""
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise _invalid(path, "a mapping is expected")
    known = set(keys)
    if known and (unknown := sorted(set(value) - known)):
        raise _invalid(path, f"unknown key {unknown[0]!r}; known are {', '.join(sorted(known))}")
    if missing := sorted(set(needed) - set(value)):
        raise _invalid(path, f"the key {missing[0]!r} is missing")
    return value


def _text(value: Any, path: Path, what: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise _invalid(path, f"{what} must be a text")
    return value.strip()


def _list(value: Any, path: Path, what: str) -> list[Any]:
    if not isinstance(value, list) or not value:
        raise _invalid(path, f"{what} must be a list with something in it")
    return value


def _names(value: Any, path: Path, known: Iterable[str], what: str) -> tuple[str, ...]:
    names = [] if value is None else _list(value, path, what)
    for name in names:
        if name not in known:
            raise _invalid(path, f"unknown {what} {name!r}; known are {', '.join(known)}")
    return tuple(names)


def _fields(text: str, path: Path) -> set[str]:
    try:
        return set(placeholders_of(text))
    except ValueError as problem:
        raise _invalid(path, str(problem)) from None


def _paragraph(value: Any, path: Path, when: tuple[str, ...]) -> Paragraph:
    item = _mapping(value, path, ("text", "when", "unless", "each", "points", "statements"), ("text",))
    text = _text(item["text"], path, "text")
    each = item.get("each", "")
    if each and each not in LISTS:
        raise _invalid(path, f"unknown list {each!r}; known are {', '.join(LISTS)}")
    known = {*PLACEHOLDERS, *(["item"] if each else [])}
    if unknown := sorted(_fields(text, path) - known):
        raise _invalid(path, f"unknown placeholder {{{unknown[0]}}}; known are {', '.join(sorted(known))}")
    if each and "item" not in _fields(text, path):
        raise _invalid(path, f"a paragraph for each of {each} says {{item}}")
    return Paragraph(
        text=text,
        when=(*when, *_names(item.get("when"), path, FLAGS, "flag")),
        unless=_names(item.get("unless"), path, FLAGS, "flag"),
        each=each,
        points=_names(item.get("points"), path, CHECKLIST, "checklist point"),
        statements=_statements(item.get("statements"), path),
    )


def _statements(value: Any, path: Path) -> tuple[str, ...]:
    numbers = [] if value is None else _list(value, path, "statements")
    for number in numbers:
        if not isinstance(number, str) or not _STATEMENT.fullmatch(number):
            raise _invalid(path, f"{number!r} is no number of a statement, such as S20")
    return tuple(numbers)


def _part(value: Any, path: Path, blocks: Mapping[str, Any], when: tuple[str, ...] = ()) -> TemplatePart:
    item = _mapping(value, path)
    if "use" in item:
        item = _mapping(item, path, ("use", "when"))
        if item["use"] not in blocks:
            raise _invalid(path, f"unknown block {item['use']!r}; {_BLOCKS} has {', '.join(blocks) or 'none'}")
        return _part(blocks[item["use"]], path, {}, _names(item.get("when"), path, FLAGS, "flag"))
    item = _mapping(item, path, ("heading", "tone", "paragraphs"), ("heading", "paragraphs"))
    if item.get("tone", "") not in ("", "urgent"):
        raise _invalid(path, f"unknown tone {item['tone']!r}; known is urgent")
    heading = _text(item["heading"], path, "heading")
    if _fields(heading, path):
        raise _invalid(path, "a heading has no placeholders")
    paragraphs = _list(item["paragraphs"], path, "paragraphs")
    return TemplatePart(
        heading=heading,
        paragraphs=tuple(_paragraph(one, path, when) for one in paragraphs),
        tone=item.get("tone", ""),
    )


def _template(path: Path, language: str, blocks: Mapping[str, Any]) -> LetterTemplate:
    item = _mapping(_read(path), path, ("kind", "audience", "title", "review", "parts"), ("kind", "title", "parts"))
    kind = _text(item["kind"], path, "kind")
    if kind not in LETTER_KINDS:
        raise _invalid(path, f"unknown kind {kind!r}; known are {', '.join(LETTER_KINDS)}")
    if kind != path.stem:
        raise _invalid(path, f"a template of kind {kind} is named {kind}.yaml")
    try:
        audience = Audience(item.get("audience", Audience.PATIENT.value))
    except ValueError:
        raise _invalid(path, f"unknown audience {item['audience']!r}") from None
    title = _text(item["title"], path, "title")
    if _fields(title, path):
        raise _invalid(path, "a title has no placeholders")
    parts = tuple(_part(one, path, blocks) for one in _list(item["parts"], path, "parts"))
    covered = {point for part in parts for paragraph in part.paragraphs for point in paragraph.points}
    if owed := [point for point in LETTER_KINDS[kind] if point not in covered]:
        raise _invalid(path, f"does not cover {owed[0]!r}: {CHECKLIST[owed[0]]}")
    return LetterTemplate(
        kind=kind,
        audience=audience,
        language=language,
        title=title,
        parts=parts,
        review=str(item.get("review") or ""),
    )


def _words(path: Path, language: str) -> LetterWords:
    keys = ("language", "months", "date", "regions", "specialties", "red_flags", "labels")
    item = _mapping(_read(path), path, (*keys, "checklist"), keys)
    if item["language"] != language:
        raise _invalid(path, f"says language {item['language']!r} in the folder {language!r}")
    months = tuple(_text(one, path, "month") for one in _list(item["months"], path, "months"))
    if len(months) != 12:
        raise _invalid(path, f"a year has 12 months, here are {len(months)}")
    date = _text(item["date"], path, "date")
    if _fields(date, path) != {"day", "month", "year"}:
        raise _invalid(path, "a date says {day}, {month} and {year}")
    labels = {key: _text(one, path, key) for key, one in _mapping(item["labels"], path, _LABELS, _LABELS).items()}
    for key, label in labels.items():
        if _fields(label, path) != _LABEL_FIELDS.get(key, set()):
            raise _invalid(path, f"the label {key} has other placeholders than the layout fills")
    flags = _mapping(item["red_flags"], path, needed=("other",))
    points = _mapping(item.get("checklist", dict(CHECKLIST)), path, CHECKLIST, CHECKLIST)
    return LetterWords(
        language=language,
        months=months,
        date=date,
        regions=_plain(item["regions"], path),
        specialties=_plain(item["specialties"], path),
        red_flags={
            key: tuple(_text(one, path, "red flag") for one in _list(value, path, key)) for key, value in flags.items()
        },
        labels=labels,
        checklist={key: _text(one, path, key) for key, one in points.items()},
    )


def _plain(value: Any, path: Path) -> dict[str, str]:
    return {key: _text(one, path, key) for key, one in _mapping(value, path, needed=("other",)).items()}
