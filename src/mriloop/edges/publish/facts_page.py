"""The page of every fact that a case may state: how it is written, its other names, the question it answers."""

from __future__ import annotations

from collections.abc import Mapping

from mriloop.model.guideline import FactSpec, FactType

_HEAD = """<!-- written by `make docs` from the vocabulary; do not edit -->

# Every fact

What a case file may state, by name. A word after = is the one that is meant. `mriloop guidelines facts WORD` looks
one up and says where DICOM and FHIR hold it. [cases.md](cases.md) says how a case file is written.

| Fact | Write | Also called | Question |
| --- | --- | --- | --- |
"""


def facts_page(vocabulary: Mapping[str, FactSpec]) -> str:
    """Return the page as Markdown, one row a fact, in the order of their names."""
    return _HEAD + "".join(f"{_row(vocabulary[name])}\n" for name in sorted(vocabulary))


def _row(spec: FactSpec) -> str:
    others = ", ".join(f"`{other}`" for other in spec.synonyms)
    words = "; ".join(f"`{other}` = {value}" for other, value in spec.value_synonyms.items())
    derived = " Follows from other facts where they are stated." if spec.derived else ""
    note = f" {spec.note}" if spec.note else ""
    also = "<br>".join(part for part in (others, words) if part)
    return f"| `{spec.name}` | {_written(spec)} | {also} | {spec.question}{derived}{note} |".replace("\n", " ")


def _written(spec: FactSpec) -> str:
    if spec.type is FactType.BOOL:
        return "yes, no, unknown"
    if spec.type is FactType.DATE:
        return "YYYY-MM-DD"
    if spec.type is FactType.QUANTITY:
        limits = f" (changes at {', '.join(f'{limit:g}' for limit in spec.breakpoints)})" if spec.breakpoints else ""
        return f"number in `{spec.unit}`{limits}"
    if not spec.values:
        return "list of YYYY-MM-DD"
    many = "one or a list of " if spec.type is FactType.LIST else ""
    return many + ", ".join(spec.values)
