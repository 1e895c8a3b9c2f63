"""Writes the skeleton of a guideline into a site folder, from the templates in `knowledge/skeleton`."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

from mriloop.model.errors import refuse

TEMPLATES = Path(__file__).parents[2] / "knowledge" / "skeleton"


def write_skeleton(site: Path, name: str, *, title: str, today: date) -> tuple[Path, ...]:
    """Write tables, cases, SOURCE.md, facts and patient texts of a new guideline; nothing that is there is changed.

    `name` must be a plain word and `title` a line. Returns the files. Raises OperatorError `out_not_writable`, and
    `guideline_exists` where one of the files is there already.
    """
    places = {
        "guideline.yaml": site / "guidelines" / name / "guideline.yaml",
        "cases.yaml": site / "guidelines" / name / "cases.yaml",
        "SOURCE.md": site / "guidelines" / name / "SOURCE.md",
        "facts.yaml": site / "guidelines" / "facts" / f"{name}.yaml",
        "texts_en.yaml": site / "letters" / "en" / "steps" / f"{name}.yaml",
        "texts_es.yaml": site / "letters" / "es" / "steps" / f"{name}.yaml",
    }
    if any(path.exists() for path in places.values()):
        raise refuse("guideline_exists", name=name)
    words = {
        "__ID__": name,
        "__TITLE__": json.dumps(" ".join(title.split()), ensure_ascii=False),
        "__YEAR__": str(today.year),
        "__TODAY__": today.isoformat(),
    }
    for template, path in places.items():
        text = (TEMPLATES / template).read_text("utf-8")
        for word, said in words.items():
            text = text.replace(word, said)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        except OSError:
            raise refuse("out_not_writable", path=path) from None
    return tuple(places.values())
