"""The schemas of the contract: JSON Schema 2020-12, one file for each document."""

from __future__ import annotations

import json
from importlib import resources

from mriloop.edges.publish.documents.plain import Document

NAMES = ("check", "advice", "order", "comparison", "response", "review")


def schema(name: str) -> Document:
    """Return the JSON Schema (2020-12) of a document: `check`, `advice`, `order`, `comparison`, `response` or `review`.

    The annotation `unit` beside a number is its UCUM code. Objects stay open: later versions add fields, never rename.
    """
    text = resources.files("mriloop.edges.publish").joinpath("schemas", f"{name}-1.json").read_text(encoding="utf-8")
    loaded: Document = json.loads(text)
    return loaded
