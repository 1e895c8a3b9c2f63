"""Typesets JSON data through a Typst template of this folder into an accessible, archivable PDF."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any, Literal

from mriloop.model.errors import refuse

PAGES = Path(__file__).parent / "pages"
# PDF/A-2a is PDF/A-2b with tags and Unicode; PDF/UA-1 asks for what a screen reader needs.
STANDARDS: tuple[Literal["a-2a"], Literal["ua-1"]] = ("a-2a", "ua-1")


def typeset(template: str, data: Mapping[str, Any], path: Path, *, on: date) -> None:
    """Write the PDF of a template and its data; the same input gives the same bytes.

    The data go in as one JSON string and come out as text: nothing in them is ever read as markup or code. Fonts are
    those of the typst wheel. `on` dates the document. Raises OperatorError `out_not_writable`.
    """
    import typst

    pdf = typst.compile(
        str(PAGES / template),
        root=str(PAGES),
        format="pdf",
        ignore_system_fonts=True,
        sys_inputs={"data": json.dumps(data, ensure_ascii=False)},
        pdf_standards=list(STANDARDS),
        timestamp=int(datetime.combine(on, time(), UTC).timestamp()),
    )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(pdf)
    except OSError:
        raise refuse("out_not_writable", path=path) from None


def blocks(paragraphs: Iterable[str]) -> list[dict[str, Any]]:
    """Gather paragraphs into blocks: texts as they are, and neighbouring list items ("- …") as one list."""
    result: list[dict[str, Any]] = []
    for text in paragraphs:
        if not text.startswith("- "):
            result.append({"kind": "text", "text": text})
        elif result and result[-1]["kind"] == "list":
            result[-1]["items"].append(text.removeprefix("- "))
        else:
            result.append({"kind": "list", "items": [text.removeprefix("- ")]})
    return result
