"""Conditions as Clinical Quality Language: the text that an action carries, and the Library that declares its facts."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from mriloop.edges.fhir.words import Resource, canonical, terminology, text_of
from mriloop.model.condition import Condition, Op
from mriloop.model.fact import FactValue, Truth
from mriloop.model.guideline import FactSpec, FactType
from mriloop.model.quantity import Quantity

LANGUAGE = "text/cql"
FACTS = "MriloopFacts"
_COMPARE = {Op.AT_LEAST: ">=", Op.MORE_THAN: ">", Op.AT_MOST: "<=", Op.LESS_THAN: "<", Op.IS: "=", Op.IS_NOT: "!="}
_TYPES = {
    FactType.BOOL: "Boolean",
    FactType.CODE: "String",
    FactType.QUANTITY: "Quantity",
    FactType.DATE: "Date",
    FactType.LIST: "List<String>",
}


def condition_text(condition: Condition, vocabulary: Mapping[str, FactSpec]) -> str:
    """Return one condition as a CQL expression over the parameters of the Library of facts.

    CQL's null is our unknown: every comparison with it is null, and `and` and `or` are Kleene's, as here.
    """
    name = f'"{condition.fact}"'
    value = condition.value
    if condition.op is Op.KNOWN:
        return f"{name} is {'not ' if value is Truth.TRUE else ''}null"
    if condition.op is Op.CONTAINS:
        return f"{_literal(value)} in {name}"
    if condition.op is Op.LACKS:
        return f"not ({_literal(value)} in {name})"
    if isinstance(value, tuple):
        listed = " or ".join(f"{name} = {_literal(each)}" for each in value)
        return f"not ({listed})" if condition.op is Op.IS_NOT else f"({listed})"
    if isinstance(value, Truth):
        said = name if value is Truth.TRUE else f"not {name}"
        return f"not ({said})" if condition.op is Op.IS_NOT else said
    return f"{name} {_COMPARE[condition.op]} {_literal(value)}"


def conjunction_text(conditions: Sequence[Condition], vocabulary: Mapping[str, FactSpec]) -> str:
    """Return a conjunction as a CQL expression; `true` for none."""
    return " and ".join(condition_text(each, vocabulary) for each in conditions) or "true"


def applies_text(row: Sequence[Condition], before: Iterable[Sequence[Condition]], vocab: Mapping[str, FactSpec]) -> str:
    """Return when a row of a first-match table answers: it holds, and no row before it does."""
    earlier = " or ".join(f"({conjunction_text(each, vocab)})" for each in before)
    own = conjunction_text(row, vocab)
    return f"({own}) and not ({earlier})" if earlier else own


def expression(text: str, description: str) -> Resource:
    """Return an Expression of FHIR with the CQL text and what it says in words."""
    return {"description": description, "language": LANGUAGE, "expression": text}


def library_text(vocabulary: Mapping[str, FactSpec], version: str) -> str:
    """Return the CQL library that declares every fact as a parameter: null until somebody states it."""
    lines = [f"library {FACTS} version '{version}'", ""]
    lines += [f'parameter "{name}" {_TYPES[spec.type]}' for name, spec in sorted(vocabulary.items())]
    return "\n".join([*lines, "", "context Unfiltered", ""])


def facts_library(vocabulary: Mapping[str, FactSpec], version: str, *, on: date) -> Resource:
    """Return the Library resource of the vocabulary: each fact with its question as a parameter, and the CQL text."""
    return {
        "resourceType": "Library",
        "id": FACTS,
        "text": text_of("The facts that mriloop's guidelines speak of. A fact that nobody stated is null."),
        "url": canonical("Library", FACTS),
        "version": version,
        "name": FACTS,
        "title": "Facts of the guidelines",
        "status": "draft",
        "type": terminology("library-type", "logic-library"),
        "date": on.isoformat(),
        "description": "A fact that nobody stated is null: unknown, never negative.",
        "parameter": [
            {
                "name": name,
                "use": "in",
                "min": 0,
                "max": "*" if spec.type is FactType.LIST else "1",
                "documentation": spec.question,
                "type": _FHIR_TYPES[spec.type],
            }
            for name, spec in sorted(vocabulary.items())
        ],
        "content": [
            {
                "contentType": LANGUAGE,
                "data": base64.b64encode(library_text(vocabulary, version).encode()).decode(),
            }
        ],
    }


_FHIR_TYPES = {
    FactType.BOOL: "boolean",
    FactType.CODE: "code",
    FactType.QUANTITY: "Quantity",
    FactType.DATE: "date",
    FactType.LIST: "code",
}


def _literal(value: FactValue) -> str:
    if isinstance(value, Quantity):
        return f"{_number(value.value)} '{value.unit}'"
    if isinstance(value, date):
        return f"@{value.isoformat()}"
    if isinstance(value, str):
        return "'" + re.sub(r"(['\\])", r"\\\1", value) + "'"
    raise TypeError(f"{value!r} has no literal in CQL")


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)
