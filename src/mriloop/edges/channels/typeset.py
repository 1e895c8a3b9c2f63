"""Typesets JSON data through a Typst template of this folder into an accessible, archivable PDF."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any, Literal

from mriloop.model.errors import refuse

PAGES = Path(__file__).parent / "pages"
# PDF/A-2a is PDF/A-2b with tags and Unicode; PDF/UA-1 asks for what a screen reader needs.
STANDARDS: tuple[Literal["a-2a"], Literal["ua-1"]] = ("a-2a", "ua-1")
_NO_GLYPH = "could not be displayed"
# Control characters, marks that turn the direction of text (they can disguise a name), and half characters.
_CONTROL = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff0-\uffff\ud800-\udfff]"
)


def typeset(template: str, data: Mapping[str, Any], path: Path, *, on: date) -> None:
    """Write the PDF of a template and its data; the same input gives the same bytes.

    The data go in as one JSON string and come out as text: nothing in them is ever read as markup or code; control
    characters are left out. Fonts are those of the typst wheel (Latin, Greek, Cyrillic, Hebrew); for other scripts
    those of the machine. `on` dates the document. Raises OperatorError `out_not_writable`, and ComponentError
    `component_missing` where no font on the machine has the letters.
    """
    pdf = _compile(template, json.dumps(_printable(data), ensure_ascii=False), on)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(pdf)
    except OSError:
        raise refuse("out_not_writable", path=path) from None


def _compile(template: str, data: str, on: date) -> bytes:
    import typst

    for own_fonts_only in (True, False):
        try:
            return typst.compile(
                str(PAGES / template),
                root=str(PAGES),
                format="pdf",
                ignore_system_fonts=own_fonts_only,
                sys_inputs={"data": data},
                pdf_standards=list(STANDARDS),
                timestamp=int(datetime.combine(on, time(), UTC).timestamp()),
            )
        except typst.TypstError as error:
            if _NO_GLYPH not in str(error):
                raise
    raise refuse(
        "component_missing",
        component="a font for the script of this text",
        cost="the page cannot be printed",
        install="for instance with apt-get install fonts-noto-core fonts-noto-cjk",
    )


def _printable(value: Any) -> Any:
    """Return the data without control characters, which no font has a picture for."""
    if isinstance(value, str):
        return _CONTROL.sub("", value)
    if isinstance(value, Mapping):
        return {key: _printable(item) for key, item in value.items()}
    return [_printable(item) for item in value] if isinstance(value, list) else value


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
