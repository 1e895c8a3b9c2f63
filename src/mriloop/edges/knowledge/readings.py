"""A reading file: what a named person decided about a draft, and under which name they sign."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from mriloop.model.errors import refuse
from mriloop.model.report import Outcome, Person, Review
from mriloop.model.schedule import Window

_KEYS = {
    "signed_by", "outcome", "accept", "reject", "decline", "impression", "windows", "owners", "overrides", "language",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What `mriloop review --sign FILE` reads.

    `review` holds the decisions; `accept_all` says that every machine candidate is taken over; `overrides` maps the
    code or key of an objection to the reason for signing in spite of it; `language` is that of the patient's letter.
    """

    person: Person
    review: Review
    accept_all: bool = False
    overrides: Mapping[str, str] = field(default_factory=dict)
    language: str = ""


def read_reading(path: Path) -> Reading:
    """Read a reading file (docs/reference/reading.md).

    Raises SenderError `reading_invalid` naming the line or key that is wrong, `input_not_found`, and
    `report_no_person` when nobody signs.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise refuse("input_not_found", path=path) from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        detail = str(getattr(error, "problem_mark", "") or type(error).__name__).strip()
        raise refuse("reading_invalid", path=path, detail=f"not readable YAML {detail}") from None
    if not isinstance(content, dict):
        raise refuse("reading_invalid", path=path, detail="it should be a mapping of keys to values")
    if unknown := sorted(set(map(str, content)) - _KEYS):
        raise refuse(
            "reading_invalid", path=path, detail=f"unknown key {unknown[0]}; known: {', '.join(sorted(_KEYS))}"
        )
    return _reading(_Checked(path, content))


@dataclass(frozen=True, slots=True)
class _Checked:
    """A mapping whose values are read with their type, or refused by name."""

    path: Path
    content: Mapping[str, Any]

    def wrong(self, key: str, expected: str) -> Exception:
        return refuse("reading_invalid", path=self.path, detail=f"{key} must be {expected}")

    def mapping(self, key: str) -> dict[str, Any]:
        value = self.content.get(key) or {}
        if not isinstance(value, dict):
            raise self.wrong(key, "a mapping")
        return {str(name): item for name, item in value.items()}

    def texts(self, key: str) -> tuple[str, ...]:
        value = self.content.get(key) or []
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.wrong(key, "a list of texts")
        return tuple(value)


def _reading(given: _Checked) -> Reading:
    signer = given.mapping("signed_by")
    if not all(str(signer.get(key, "")).strip() for key in ("id", "name", "role")):
        raise refuse("report_no_person")
    accept = given.content.get("accept")
    outcome = given.content.get("outcome")
    if outcome is not None and outcome not in list(Outcome):
        raise given.wrong("outcome", "one of " + ", ".join(Outcome))
    return Reading(
        person=Person(id=str(signer["id"]), name=str(signer["name"]), role=str(signer["role"])),
        review=Review(
            accepted=frozenset() if accept == "all" else frozenset(given.texts("accept")),
            rejected=frozenset(given.texts("reject")),
            declined=frozenset(given.texts("decline")),
            outcome=Outcome(outcome) if outcome is not None else None,
            impression=given.texts("impression"),
            windows={key: _window(given, key, value) for key, value in given.mapping("windows").items()},
            owners={key: str(value) for key, value in given.mapping("owners").items()},
        ),
        accept_all=accept == "all",
        overrides={key: str(value) for key, value in given.mapping("overrides").items()},
        language=str(given.content.get("language") or ""),
    )


def _window(given: _Checked, key: str, value: object) -> Window:
    names = ("earliest", "target", "latest")
    found = [value.get(name) for name in names] if isinstance(value, dict) else []
    days = [day for day in found if isinstance(day, date)]
    if len(days) != 3 or days != sorted(days):
        raise given.wrong(f"windows.{key}", "earliest, target and latest as YYYY-MM-DD, in this order")
    return Window(earliest=days[0], target=days[1], latest=days[2])
