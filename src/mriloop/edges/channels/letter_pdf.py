"""A letter as a printable PDF: letterhead, address field for a window envelope, large readable type."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

from mriloop.edges.channels.typeset import blocks, typeset
from mriloop.model.communication import Addressee, Clinic, Letter

UNDATED = date(1970, 1, 1)


def write(letter: Letter, path: Path, *, letterhead: Clinic, addressee: Addressee | None = None) -> None:
    """Write a letter as PDF/A-2a and PDF/UA-1, A4, at `path`.

    `addressee` goes into the window and the salutation; without one the letter greets nobody by name, so that it can
    be printed before identity is known. Raises OperatorError `out_not_writable`.
    """
    typeset("letter.typ", _data(letter, letterhead, addressee), path, on=letter.written_on or UNDATED)


def _data(letter: Letter, letterhead: Clinic, addressee: Addressee | None) -> dict[str, Any]:
    labels = letter.labels
    greeting = labels.get("salutation", "{name}") if addressee else labels.get("salutation_unknown", "")
    return {
        "language": letter.language,
        "title": letter.title,
        "author": letterhead.name,
        "date": labels.get("date", ""),
        "clinic": {
            "name": letterhead.name,
            "department": letterhead.department,
            "address": list(letterhead.address),
            "website": letterhead.website,
        },
        "phone": f"{labels['phone']} {letterhead.phone}"
        if letterhead.phone and "phone" in labels
        else letterhead.phone,
        "addressee": {"name": addressee.name, "address": list(addressee.address)} if addressee else None,
        "salutation": greeting.replace("{name}", addressee.name) if addressee else greeting,
        "closing": labels.get("closing", ""),
        "footer": letterhead.name,
        "page": labels.get("page", "{page} / {pages}"),
        "parts": _parts(letter),
    }


def _parts(letter: Letter) -> list[dict[str, Any]]:
    """Divide the paragraphs under their headings; what no part claims follows without one."""
    parts: list[dict[str, Any]] = []
    start = 0
    for part in letter.parts:
        told = blocks(letter.paragraphs[start : start + part.count])
        parts.append({"heading": part.heading, "tone": part.tone, "blocks": told})
        start += part.count
    if rest := letter.paragraphs[start:]:
        parts.append({"heading": "", "tone": "", "blocks": blocks(rest)})
    return parts
