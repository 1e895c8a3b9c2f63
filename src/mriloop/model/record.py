"""An entry of the ledger: what happened, to what, when, by whom; its canonical bytes and the digest that chains it."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import UTC, date, datetime
from enum import Enum
from typing import Any

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]

GENESIS = "0" * 64
"""What the first entry of a ledger names as the digest of the entry before it."""

_LARGEST_INTEGER = 2**53 - 1
_quote = json.JSONEncoder(ensure_ascii=False).encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """Something that happened and stays so. FHIR: AuditEvent and Provenance. `at` is UTC with zone.

    `subject` is what it is about (a study UID, a report id, a follow-up id); `patient` the pseudonym or empty.
    `inputs` are the digests of what a machine step worked on, so that the same step is never recorded twice.
    """

    kind: str
    subject: str
    at: datetime
    actor: str
    patient: str = ""
    payload: Mapping[str, Json] = field(default_factory=dict)
    inputs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEntry:
    """A record in its place. `position` counts from 1 without a gap; `digest` covers position, `previous` and record.

    `previous` is the digest of the entry before it, GENESIS for the first. Both are SHA-256 in lower-case hex.
    """

    position: int
    previous: str
    digest: str
    record: Record


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerProof:
    """That a chain of `entries` held when it was read, and the digest of its last entry (GENESIS for none).

    Whoever keeps a proof outside the store can show later that nothing before it was changed or cut off.
    """

    entries: int
    head: str


def as_json(value: object) -> Json:
    """Return a noun of the model as plain JSON: the payload that a record carries.

    Dataclasses become objects with their field names, enums their value, dates and times ISO 8601, tuples lists,
    mappings objects. Raises TypeError for anything else, arrays included: those belong in a blob.
    """
    if isinstance(value, Enum):
        return as_json(value.value)
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: as_json(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, Mapping):
        return {str(as_json(key)): as_json(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray, memoryview)):
        return [as_json(item) for item in value]
    raise TypeError(f"{type(value).__name__} has no plain JSON form")


def canonical_json(value: object) -> str:
    """Return the one JSON text of a value, after RFC 8785 (JSON Canonicalization Scheme).

    No white space; members sorted by the UTF-16 code units of their names; numbers as ECMAScript prints an IEEE 754
    double (so 1.0 is `1`, and −0.0 is `0`); tuples count as arrays. Raises ValueError for NaN, an infinity, an integer
    beyond ±(2^53 − 1) or half of a surrogate pair, and TypeError for what is not JSON: nothing is bent to fit.
    """
    parts: list[str] = []
    _write(value, parts.append)
    text = "".join(parts)
    if not text.isascii():
        text.encode()  # half of a surrogate pair has no UTF-8 form
    return text


def read_canonical(text: str) -> Json:
    """Return the value of a canonical text.

    The text of a whole double from 2^53 to 10^21 looks like an integer; it is read as the double that it was.
    """
    value: Json = json.loads(text, parse_int=_whole)
    return value


def digest_of(value: object) -> str:
    """Return the SHA-256 of the canonical JSON of a value, in lower-case hex."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def record_body(record: Record) -> str:
    """Return the canonical JSON of a record, as it is stored and hashed. Raises ValueError for a time without zone."""
    if record.at.utcoffset() is None:
        raise ValueError(f"the record {record.kind} has a time without zone")
    return canonical_json(
        {
            "actor": record.actor,
            "at": record.at.astimezone(UTC).isoformat(timespec="microseconds"),
            "inputs": record.inputs,
            "kind": record.kind,
            "patient": record.patient,
            "payload": record.payload,
            "subject": record.subject,
        }
    )


def record_from(body: str) -> Record:
    """Return the record that `record_body` wrote."""
    found: Any = read_canonical(body)
    return Record(
        kind=found["kind"],
        subject=found["subject"],
        at=datetime.fromisoformat(found["at"]),
        actor=found["actor"],
        patient=found["patient"],
        payload=found["payload"],
        inputs=tuple(found["inputs"]),
    )


def record_identity(record: Record, body: str) -> str:
    """Return what makes a record the same as another one, in SHA-256. `body` is its canonical JSON.

    A machine step is known by kind, subject and inputs: run again at another time it is the same step. An act without
    inputs, such as a person's, is known by its whole content: sent twice it is one act, done twice it is two.
    """
    if record.inputs:
        return digest_of({"inputs": record.inputs, "kind": record.kind, "subject": record.subject})
    return hashlib.sha256(body.encode()).hexdigest()


def entry_digest(position: int, previous: str, body: str) -> str:
    """Return the digest of an entry: SHA-256 over the canonical JSON of its position, the digest before it, its record.

    The text hashed is `{"position":N,"previous":"…","record":BODY}`, itself canonical because its parts are.
    """
    return hashlib.sha256(f'{{"position":{position},"previous":"{previous}","record":{body}}}'.encode()).hexdigest()


def _whole(digits: str) -> int | float:
    value = int(digits)
    return value if abs(value) <= _LARGEST_INTEGER else float(digits)


def _write(value: object, put: Callable[[str], None]) -> None:
    """Put the canonical text of a value, piece by piece."""
    if isinstance(value, str):
        put(_quote(str(value)))
    elif value is None or isinstance(value, bool):
        put("null" if value is None else "true" if value else "false")
    elif isinstance(value, int):
        if abs(value) > _LARGEST_INTEGER:
            raise ValueError(f"the integer {value} does not fit a JSON number; write it as a string")
        put(int.__repr__(value))
    elif isinstance(value, float):
        put(_number(value))
    elif isinstance(value, Mapping):
        separator = "{"
        for name in _sorted_names(value):
            put(f"{separator}{_quote(name)}:")
            _write(value[name], put)
            separator = ","
        put("}" if value else "{}")
    elif isinstance(value, (list, tuple)):
        separator = "["
        for item in value:
            put(separator)
            _write(item, put)
            separator = ","
        put("]" if value else "[]")
    else:
        raise TypeError(f"{type(value).__name__} is not JSON")


def _sorted_names(members: Mapping[str, object]) -> list[str]:
    """Return the names of an object in the order of RFC 8785 section 3.2.3."""
    names = list(members)
    for name in names:
        if not isinstance(name, str):
            raise TypeError(f"a JSON member is named by a string, not by {type(name).__name__}")
    if all(name.isascii() for name in names):
        return sorted(names)
    return sorted(names, key=lambda name: name.encode("utf-16-be"))


def _number(value: float) -> str:
    """Return a double as ECMAScript's Number::toString prints it (RFC 8785 section 3.2.2.3)."""
    if not math.isfinite(value):
        raise ValueError(f"{value} is not a JSON number; a measure that cannot be taken is NotAssessable")
    if value == 0:
        return "0"
    text = float.__repr__(abs(value))  # the shortest digits that read back, as ECMAScript wants them
    mantissa, _, exponent = text.partition("e")
    whole, _, fraction = mantissa.partition(".")
    written = whole + fraction
    digits = written.lstrip("0")
    point = len(whole) + int(exponent or 0) - (len(written) - len(digits))
    digits = digits.rstrip("0")
    count = len(digits)
    if count <= point <= 21:
        shown = digits + "0" * (point - count)
    elif 0 < point <= 21:
        shown = f"{digits[:point]}.{digits[point:]}"
    elif -6 < point <= 0:
        shown = "0." + "0" * -point + digits
    else:
        tail = f".{digits[1:]}" if count > 1 else ""
        shown = f"{digits[0]}{tail}e{point - 1:+d}"
    return f"-{shown}" if value < 0 else shown
