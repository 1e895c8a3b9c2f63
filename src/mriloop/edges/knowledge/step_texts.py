"""Reads what patients are told of a guideline's steps: one file a guideline, from `table/row` to plain words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from mriloop.edges.knowledge.placeholders import placeholders_of
from mriloop.edges.knowledge.places import At, read_yaml
from mriloop.model.communication import STEP_PLACEHOLDERS

FOLDER = "steps"
_ROW = re.compile(r"[a-z0-9_]+/[a-z0-9_]+")


def load_step_texts(language: str, folders: Sequence[Path]) -> dict[tuple[str, str], str]:
    """Read the `steps/<guideline>.yaml` of one language.

    Parameters
    ----------
    language
        Code of the language, ISO 639-1.
    folders
        Folders of the language, the shipped one first: a text of a later folder takes the place of the same row's
        earlier one, and the other texts stay.

    Returns
    -------
    dict
        Text by language and `guideline/table/row`, which is `Recommendation.id`.

    Raises
    ------
    OperatorError
        `knowledge_invalid`, with file and row: not YAML, a key that is no `table/row`, an empty text, a placeholder
        that nothing fills.
    """
    found: dict[tuple[str, str], str] = {}
    for folder in folders:
        for path in sorted((folder / FOLDER).glob("*.yaml")):
            at = At(path)
            raw = read_yaml(path)
            if not isinstance(raw, dict):
                raise at.wrong("a mapping from table/row to a text is needed")
            for row, text in raw.items():
                found[language, f"{path.stem}/{row}"] = _text(row, text, at)
    return found


def _text(row: object, text: object, at: At) -> str:
    if not isinstance(row, str) or not _ROW.fullmatch(row):
        raise at.wrong(f"{row!r} is no table/row")
    if not isinstance(text, str) or not text.strip():
        raise at.down(row).wrong("a text is needed")
    try:
        names = placeholders_of(text)
    except ValueError as problem:
        raise at.down(row).wrong(str(problem)) from None
    if unknown := sorted(names - STEP_PLACEHOLDERS):
        raise at.down(row).wrong(
            f"unknown placeholder {{{unknown[0]}}}; known are {', '.join(sorted(STEP_PLACEHOLDERS))}"
        )
    return " ".join(text.split())
