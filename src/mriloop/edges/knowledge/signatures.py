"""The signatures of a site under its guidelines: one file a guideline, added to and never overwritten."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from mriloop.edges.knowledge import strict_yaml
from mriloop.edges.knowledge.places import At, invalid, read_yaml
from mriloop.model.errors import OperatorError, refuse
from mriloop.model.guideline import Signature

_KEYS = ("row", "by", "role", "on", "expires", "digest")
_NAME = "signatures.yaml"
_HEAD = """# Who signed which row of `{guideline}` at this site, for what content (digest) and until when.
# `mriloop guidelines sign` adds to this list. A signature is never changed: a row that changes is signed again.
signatures:
"""


def load_signatures(site: Path | None) -> dict[tuple[str, str], tuple[Signature, ...]]:
    """Return all signatures of a site by (guideline, `table/row`), in the order in which they were made.

    Raises OperatorError `knowledge_invalid` with the file and the key.
    """
    found: dict[tuple[str, str], tuple[Signature, ...]] = {}
    if site is None:
        return found
    for path in sorted((site / "guidelines").glob(f"*/{_NAME}")):
        for row, signature in _signatures(read_yaml(path), At(path)):
            found[path.parent.name, row] = (*found.get((path.parent.name, row), ()), signature)
    return found


def _signatures(content: object, at: At) -> list[tuple[str, Signature]]:
    raw = at.mapping(content, {"signatures"}, ("signatures",))["signatures"]
    listed = at.down("signatures").items([] if raw is None else raw)
    return [_signature(entry, at.down(f"signatures[{number}]")) for number, entry in enumerate(listed)]


def _signature(entry: object, at: At) -> tuple[str, Signature]:
    given = {key: str(value) for key, value in at.mapping(entry, set(_KEYS), _KEYS).items()}
    for key, value in given.items():
        if not value.strip():
            raise at.down(key).wrong("it is empty")
    signature = Signature(
        by=given["by"],
        role=given["role"],
        on=_day(given["on"], at.down("on")),
        expires=_day(given["expires"], at.down("expires")),
        digest=given["digest"],
    )
    return given["row"], signature


def _day(text: str, at: At) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise at.wrong("a date as YYYY-MM-DD is needed") from None


def add_signatures(site: Path, guideline: str, signed: Iterable[tuple[str, Signature]]) -> Path:
    """Add signatures to the site's file and return its path; every entry there stays as it is, to the letter.

    The file is replaced only by a text that reads as all the old signatures and the new ones. Raises OperatorError
    `knowledge_invalid` for a file that cannot be read or added to, `out_not_writable`.
    """
    path = site / "guidelines" / guideline / _NAME
    head, new = _HEAD.format(guideline=guideline), list(signed)
    before, old = head, []
    if path.is_file():
        old = _signatures(read_yaml(path), At(path))
        before = path.read_text("utf-8") if old else head
    text = before + ("" if before.endswith("\n") else "\n") + "".join(_line(row, one) for row, one in new)
    if _read_again(text, path) != [*old, *new]:
        raise invalid(path, "its list cannot be added to: write one signature a line, `  - {row: ...}`, at its end")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_suffix(".new")
        beside.write_text(text, encoding="utf-8")
        beside.replace(path)
    except OSError:
        raise refuse("out_not_writable", path=path) from None
    return path


def _read_again(text: str, path: Path) -> list[tuple[str, Signature]] | None:
    try:
        return _signatures(strict_yaml.read(text), At(path))
    except (yaml.YAMLError, ValueError, RecursionError, OperatorError):
        return None


def _line(row: str, signature: Signature) -> str:
    """Return one entry as a line; a JSON text is a YAML text, whatever stands in a name."""
    entry: dict[str, Any] = {
        "row": row,
        "by": signature.by,
        "role": signature.role,
        "on": signature.on.isoformat(),
        "expires": signature.expires.isoformat(),
        "digest": signature.digest,
    }
    return (
        "  - {" + ", ".join(f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in entry.items()) + "}\n"
    )
