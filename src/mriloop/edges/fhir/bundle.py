"""The resources of a FHIR R4 Bundle as they stand: about one patient, each in one version, none withdrawn."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations
from pathlib import Path
from typing import Any

from mriloop.model.errors import MriloopError, refuse

MAX_BYTES = 20_000_000
# A history also holds what no longer counts, and says only with all its pages what does: it is not read.
_BUNDLES = ("collection", "searchset", "document", "transaction", "batch")
_CHANGING = ("DELETE", "PATCH")
# The types that facts are taken from: whatever their subject is, it has to be the patient.
_SPEAKING = ("Observation", "Condition", "MedicationStatement", "MedicationRequest", "Procedure", "ImagingStudy")
_REFERENCE = re.compile(
    r"(?:(?P<base>https?://[^\s?#]+)/)?(?P<kind>[A-Z][A-Za-z]{2,40})/(?P<id>[A-Za-z0-9.-]{1,64})"
    r"(?:/_history/[A-Za-z0-9.-]{1,64})?"
)
_NAME = re.compile(r"[A-Za-z-]{1,40}")

Resource = Mapping[str, Any]
# Whom or what a reference names: the server (empty where it is not said) and the place there.
_Identity = tuple[str, str]


@dataclass(frozen=True, slots=True)
class _Entry:
    """A resource with the address that its entry gives it, and the number of the entry for a person to find it by."""

    resource: Resource
    url: str
    number: int

    @property
    def base(self) -> str:
        """The server that relative references of the resource lead to; empty where its address says none."""
        found = _REFERENCE.fullmatch(self.url)
        return (found["base"] or "") if found else ""

    def identities(self) -> set[_Identity]:
        """Return the names by which others refer to the resource."""
        found = {_identity(self.url, "")} if self.url else set()
        name = self.resource.get("id")
        if isinstance(name, str):
            found.add(_identity(f"{self.resource['resourceType']}/{name}", self.base))
        return {each for each in found if each is not None}


def read_bundle(path: Path) -> list[Resource]:
    """Return the resources of a Bundle in JSON, at most 20 MB, all of them about one patient.

    Of several versions of a resource the one last updated stands. Raises SenderError `input_not_found`,
    `input_unreadable`, `fhir_unreadable`, and `fhir_shape` where the Bundle speaks of more than one person or thing,
    holds versions that nothing orders, or asks for deletions.
    """
    try:
        return _read(_parsed(path), path.name)
    except RecursionError:
        raise refuse("fhir_unreadable", path=path.name, detail="it is nested too deeply") from None


def _read(bundle: Resource, name: str) -> list[Resource]:
    if bundle.get("type") not in _BUNDLES:
        raise refuse("fhir_shape", path=name, detail=f"a Bundle of type {_said(bundle.get('type'))} is not read")
    entries = _standing(list(_entries(bundle, name)), name)
    patients = [each for each in entries if each.resource["resourceType"] == "Patient"]
    if len(patients) > 1:
        raise refuse("fhir_shape", path=name, detail=f"it holds {len(patients)} patients")
    _one_subject(entries, patients, name)
    return [each.resource for each in entries]


def _parsed(path: Path) -> Resource:
    def wrong(code: str, detail: str) -> MriloopError:
        return refuse(code, path=path.name, detail=detail)

    try:
        if not path.exists():
            raise refuse("input_not_found", path=path)
        if path.is_dir():
            raise wrong("fhir_shape", "it is a folder")
        if path.stat().st_size > MAX_BYTES:
            raise wrong("fhir_unreadable", "the file is larger than 20 MB")
        text = path.read_text("utf-8-sig")
        raw = json.loads(text, object_pairs_hook=_once)
        if "\\ud" in text.lower():
            json.dumps(raw, ensure_ascii=False).encode()
    except OSError:
        raise refuse("input_unreadable", path=path) from None
    except UnicodeDecodeError:
        raise wrong("fhir_unreadable", "it is not UTF-8 text") from None
    except UnicodeEncodeError:
        raise wrong("fhir_unreadable", "it holds half of a character (a lone surrogate)") from None
    except json.JSONDecodeError as error:
        raise wrong("fhir_unreadable", f"line {error.lineno}") from None
    except RecursionError:
        raise wrong("fhir_unreadable", "it is nested too deeply") from None
    except _TwiceError:
        raise wrong("fhir_unreadable", "an element is stated twice in one object") from None
    except ValueError:
        raise wrong("fhir_unreadable", "it holds a number that is too long") from None
    if not isinstance(raw, dict) or raw.get("resourceType") != "Bundle":
        kind = _said(raw.get("resourceType")) if isinstance(raw, dict) else type(raw).__name__
        raise wrong("fhir_shape", f"a Bundle is needed, not {kind}")
    return raw


class _TwiceError(ValueError):
    """An object of the JSON that states an element twice: nobody knows which counts."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _TwiceError
    return found


def _said(word: object) -> str:
    """Return a word of the record where it is one of FHIR's names; other text of a record is never repeated."""
    return word if isinstance(word, str) and _NAME.fullmatch(word) else "(none)"


def _entries(bundle: Resource, name: str) -> Iterator[_Entry]:
    entries = bundle.get("entry", [])
    if not isinstance(entries, list):
        raise refuse("fhir_shape", path=name, detail="`entry` is no list")
    for number, entry in enumerate(entries):
        if not isinstance(entry, dict):
            raise refuse("fhir_shape", path=name, detail=f"entry[{number}] is no object")
        request = entry.get("request")
        if isinstance(request, dict) and request.get("method") in _CHANGING:
            detail = f"entry[{number}] deletes or patches, and what then stands is not in the Bundle"
            raise refuse("fhir_shape", path=name, detail=detail)
        resource, url = entry.get("resource"), entry.get("fullUrl")
        if resource is None:
            continue
        if not isinstance(resource, dict) or not isinstance(resource.get("resourceType"), str):
            raise refuse("fhir_shape", path=name, detail=f"entry[{number}].resource has no resourceType")
        yield _Entry(resource=resource, url=url if isinstance(url, str) else "", number=number)


def _standing(entries: Sequence[_Entry], name: str) -> list[_Entry]:
    """Return the entries with one version of each resource: the one last updated."""
    versions: dict[_Identity, list[_Entry]] = {}
    for each in entries:
        for identity in each.identities():
            versions.setdefault(identity, []).append(each)
    dropped: set[int] = set()
    for several in versions.values():
        if len(several) > 1 and any(each.resource != several[0].resource for each in several):
            updated = [_updated(each.resource) for each in several]
            known = [each for each in updated if each is not None]
            if len(known) < len(several) or known.count(max(known)) > 1:
                detail = (
                    f"entry[{several[-1].number}] is another version of a resource, and nothing says which is newer"
                )
                raise refuse("fhir_shape", path=name, detail=detail)
            dropped |= {each.number for each, when in zip(several, updated, strict=True) if when != max(known)}
        else:
            dropped |= {each.number for each in several[1:]}
    return [each for each in entries if each.number not in dropped]


def _updated(resource: Resource) -> datetime | None:
    meta = resource.get("meta")
    raw = meta.get("lastUpdated") if isinstance(meta, dict) else None
    try:
        found = datetime.fromisoformat(raw) if isinstance(raw, str) else None
    except ValueError:
        return None
    return found if found is not None and found.utcoffset() is not None else None


def _one_subject(entries: Iterable[_Entry], patients: Sequence[_Entry], name: str) -> None:
    """Refuse a Bundle in which something is said of anybody, or anything, but its one patient."""
    own = patients[0].identities() | _identifiers(patients[0].resource.get("identifier")) if patients else set()
    met: dict[_Identity, None] = {}
    for each in entries:
        for identity in _subjects(each):
            if identity is None or (patients and not any(_same(identity, one) for one in own)):
                detail = f"entry[{each.number}] is about somebody or something that is not shown to be its patient"
                raise refuse("fhir_shape", path=name, detail=detail)
            met.setdefault(identity)
    if not patients and not all(_same(one, other) for one, other in combinations(met, 2)):
        raise refuse("fhir_shape", path=name, detail="its resources are about more than one subject")


def _subjects(entry: _Entry) -> Iterator[_Identity | None]:
    """Yield whom a resource is about; None for what is no patient, or cannot be told."""
    speaking = entry.resource["resourceType"] in _SPEAKING
    for element in ("subject", "patient"):
        raw = entry.resource.get(element)
        if raw is None:
            continue
        found = _referred(raw, entry.base)
        if found is not None and not found[0].startswith("urn:") and not found[1].startswith("Patient/"):
            found = None
        if speaking or (found is not None and found[1].startswith("Patient/")):
            yield found


def _referred(raw: object, base: str) -> _Identity | None:
    if not isinstance(raw, dict):
        return None
    if isinstance(raw.get("reference"), str):
        return _identity(raw["reference"], base)
    return next(iter(_identifiers([raw.get("identifier")])), None) if raw.get("type", "Patient") == "Patient" else None


def _identifiers(raw: object) -> set[_Identity]:
    found = [each for each in raw if isinstance(each, dict)] if isinstance(raw, list) else []
    return {
        ("urn:identifier", f"{each.get('system')}|{each['value']}")
        for each in found
        if isinstance(each.get("value"), str) and each["value"]
    }


def _identity(reference: str, base: str) -> _Identity | None:
    if reference.startswith(("urn:uuid:", "urn:oid:")):
        return "urn:", reference.lower()
    found = _REFERENCE.fullmatch(reference)
    return (found["base"] or base, f"{found['kind']}/{found['id']}") if found else None


def _same(one: _Identity, other: _Identity) -> bool:
    """Whether two references may name the same: where one does not say its server, the other's is taken."""
    return one[1] == other[1] and (one[0] == other[0] or not one[0] or not other[0])
