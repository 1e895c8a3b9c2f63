"""The reference page of the JSON contract, written from the schemas: docs/reference/json.md is its output."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mriloop.edges.publish.documents import NAMES, Document, schema

_HEAD = """# The JSON documents

Written from the schemas in `src/mriloop/edges/publish/schemas` (JSON Schema 2020-12): change those, not this page.

With `--json`, standard output is one document and nothing else; progress and logs go to standard error. The name and
version stand in `schema`. A later version may add fields; it never renames one and never changes what one means, so a
reader should ignore what it does not know.

Rules that hold everywhere:

- A measure that could not be taken is `{"not_assessable": reason}`; there is no NaN and no infinity.
- A question answered by yes or no may also be `unknown`, and `unknown` is never `no`.
- Positions are millimetres in the patient frame, RAS+ (to the right, to the front, upwards).
- Dates are `YYYY-MM-DD`; times of our own carry their zone, times of the scanner have none.
- Units are UCUM codes, case-sensitive; `{count}` is a plain number of things, `1` a ratio.
- The order of keys is fixed; measures, facts and versions are sorted by name.
"""


def json_reference() -> str:
    """Return docs/reference/json.md: every field of every document with its type, unit and meaning."""
    return _HEAD + "".join(_document(schema(name)) for name in NAMES)


def fields(node: Document) -> Iterator[tuple[str, Document]]:
    """Yield (name, schema) of the fields of an object schema, those of its alternatives included."""
    yield from node.get("properties", {}).items()
    for option in node.get("oneOf", ()):
        if "$ref" not in option:
            yield from fields(option)


def _document(root: Document) -> str:
    text = f"\n## {root['title']}\n\n{root['description']}\n\n{_table(root)}"
    for name, part in root.get("$defs", {}).items():
        if any(True for _ in fields(part)):
            intro = f"{part['description']}\n\n" if "description" in part else ""
            text += f"\n### {root['title']}: {name}\n\n{intro}{_table(part)}"
        elif "enum" in part:
            text += f"\n### {root['title']}: {name}\n\nOne of {_words(part['enum'])}.\n"
    return text


def _table(node: Document) -> str:
    required = set(node.get("required", ()))
    lines = ["| field | type | unit | meaning |", "|---|---|---|---|"]
    for name, field in fields(node):
        mark = "" if name in required or not required else " (may be absent)"
        unit = f"`{field['unit']}`" if "unit" in field and " " not in field["unit"] else field.get("unit", "")
        lines.append(f"| `{name}` | {_type(field)} | {unit} | {field['description']}{mark} |")
    return "\n".join(lines) + "\n"


def _type(field: Document) -> str:
    if "$ref" in field:
        document, _, name = str(field["$ref"]).rpartition("#/$defs/")
        return name.replace("_", " ") if name else document.replace("urn:", "").replace(":", "/")
    if "const" in field:
        return f"`{field['const']}`"
    if "enum" in field:
        return _words(field["enum"])
    if "oneOf" in field:
        return " or ".join(_type(option) for option in field["oneOf"])
    kind = field.get("type", "any")
    if kind == "array":
        return f"list of {_type(field['items'])}"
    if kind == "object" and isinstance(field.get("additionalProperties"), dict):
        return f"name to {_type(field['additionalProperties'])}"
    base = " or ".join(kind) if isinstance(kind, list) else str(kind)
    return f"{base} ({field['format']})" if "format" in field else base


def _words(values: list[Any]) -> str:
    return ", ".join("null" if value is None else f"`{value}`" for value in values)
