"""The one byte string that a value of the model stands for, so that a digest of it means something."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import date, datetime
from enum import Enum
from typing import Any

from mriloop.model.record import Json


def plain(value: object) -> Json:
    """Return a value of the model as JSON data: dataclasses and mappings as objects, tuples and sets as arrays.

    A field that has its default value is left out: a model that gains a field later leaves old digests as they are.
    Sets are sorted. Dates are ISO 8601. Raises TypeError for anything else, so that nothing is signed by accident.
    """
    if isinstance(value, Enum):
        return plain(value.value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, datetime | date):
        return value.isoformat()
    if is_dataclass(value) and not isinstance(value, type):
        stated = ((field.name, getattr(value, field.name), _default(field)) for field in fields(value))
        return {name: plain(item) for name, item, default in stated if default is MISSING or item != default}
    if isinstance(value, Mapping):
        return {str(plain(key)): plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    if isinstance(value, frozenset | set):
        return sorted((plain(item) for item in value), key=str)
    raise TypeError(f"{type(value).__name__} has no canonical form")


def _default(field: Field[Any]) -> object:
    """Return what a field holds when nobody states it, or MISSING."""
    return field.default_factory() if field.default_factory is not MISSING else field.default


def canonical_bytes(value: object) -> bytes:
    """Return the canonical JSON of a value: UTF-8, keys sorted, no spaces. Raises ValueError for NaN and infinity."""
    return json.dumps(plain(value), ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def digest_of(value: object) -> str:
    """Return the SHA-256 of the canonical bytes, in hexadecimal."""
    return hashlib.sha256(canonical_bytes(value)).hexdigest()
