"""Guideline folders as folders: one of the user's own, the SOURCE.md beside the tables, a new one to begin with."""

from __future__ import annotations

from pathlib import Path

from mriloop.edges.knowledge.guidelines import SHIPPED, load_guideline
from mriloop.edges.knowledge.vocabulary import load_vocabulary
from mriloop.model.errors import refuse
from mriloop.model.guideline import GuidelineSet

_TABLES = "guideline.yaml"


def is_site(folder: Path) -> bool:
    """Tell whether a folder is laid out as a site's knowledge folder, with `guidelines/` in it."""
    return (folder / "guidelines").is_dir()


def guideline_folders(folder: Path) -> tuple[Path, ...]:
    """Return the guideline folders at a place: the folder itself, or those in it.

    Raises SenderError `input_not_found`; OperatorError `knowledge_invalid` where no folder has a guideline.yaml.
    """
    if not folder.exists():
        raise refuse("input_not_found", path=folder)
    if folder.name == _TABLES:
        folder = folder.parent
    found = (
        (folder,)
        if (folder / _TABLES).is_file()
        else tuple(each.parent for each in sorted(folder.glob(f"*/{_TABLES}")))
    )
    if not found:
        raise refuse("knowledge_invalid", path=folder, detail="no guideline.yaml stands here, nor in a folder below")
    return tuple(each.resolve() for each in found)


def load_folder(folder: Path, *, shipped: Path = SHIPPED) -> GuidelineSet:
    """Read one guideline folder, with the shipped words and those of `facts/` in it or beside it.

    Raises OperatorError `knowledge_invalid` with file and key.
    """
    vocabulary = load_vocabulary([shipped / "facts", folder.parent / "facts", folder / "facts"])
    return GuidelineSet(guidelines=(load_guideline(folder, vocabulary),), vocabulary=vocabulary)


def source_text(folder: Path) -> str:
    """Return the SOURCE.md of a guideline folder; empty where there is none or it cannot be read as text."""
    try:
        return (folder / "SOURCE.md").read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def folder_of(name: str, site: Path | None, *, shipped: Path = SHIPPED) -> Path:
    """Return the folder that a guideline in force is read from."""
    own = site / "guidelines" / name if site is not None else None
    return own if own is not None and (own / _TABLES).is_file() else shipped / name
