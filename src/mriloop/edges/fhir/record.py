"""The facts of a FHIR R4 Bundle, by the bindings: what the record states, and nothing that it merely leaves out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

from mriloop.edges.fhir.proposals import FACTS
from mriloop.model.advice import Caution
from mriloop.model.binding import Binding, FhirBinding
from mriloop.model.errors import refuse
from mriloop.model.fact import UNKNOWN, FactValue, Truth
from mriloop.model.finding import Fact, Source
from mriloop.model.guideline import FactSpec, FactType
from mriloop.model.quantity import Quantity, UnitError
from mriloop.model.schedule import day_of

MAX_BYTES = 20_000_000
_BUNDLES = ("collection", "searchset", "document", "transaction", "batch", "history")
# Statuses under which a resource does not state what it says.
_VOID = {
    "Observation": ("entered-in-error", "cancelled", "registered", "unknown"),
    "MedicationStatement": ("entered-in-error", "not-taken", "intended", "stopped", "completed", "on-hold", "unknown"),
    "MedicationRequest": ("on-hold", "cancelled", "completed", "entered-in-error", "stopped", "draft", "unknown"),
    "Procedure": ("entered-in-error", "not-done", "preparation", "in-progress", "on-hold", "stopped", "unknown"),
    "ImagingStudy": ("entered-in-error", "registered", "cancelled", "unknown"),
}
# An active prescription says which drug; since when it is taken only a statement says.
_SAME = {"MedicationStatement": ("MedicationStatement", "MedicationRequest")}
_VOID_CONDITION = ("entered-in-error", "unconfirmed", "provisional", "differential")
_PAST_CONDITION = ("inactive", "remission", "resolved")
_UNITS = {"mL/min/{1.73_m2}": ("mL/min/{1.73_m2}", "mL/min/1.73.m2", "mL/min/{1.73m2}", "mL/min/1.73m2")}

_MOST = 1e12  # no quantity of the rules is larger; NaN and infinity are none

Resource = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What a Bundle states: facts by name, and what the reader must know of what was left out."""

    facts: Mapping[str, Fact] = field(default_factory=dict)
    notes: tuple[Caution, ...] = ()


def read_record(
    path: Path, bindings: Mapping[str, Binding], vocabulary: Mapping[str, FactSpec], *, as_of: date, zone: tzinfo
) -> Record:
    """Return the facts that a FHIR R4 Bundle states of its one patient.

    Parameters
    ----------
    path
        A Bundle in JSON, at most 20 MB.
    bindings
        Where each fact is found. Beside them an Observation that carries our own code of a fact states that fact.
    vocabulary
        The facts with their types, units and words.
    as_of
        The day of the question: what is dated later is left out.
    zone
        The zone of the site: an instant of the record counts on the day that it has there.

    Returns
    -------
    Record
        What is not in the record stays unknown: a list of problems without diabetes does not say that there is none.
        A year or month alone, a value with a comparator, a unit that does not convert and two active drugs for one fact
        stay unknown too, each with a note.

    Raises
    ------
    SenderError
        `input_not_found`, `input_unreadable`, `fhir_unreadable`, `fhir_shape`.
    """
    resources = list(_resources(_bundle(path), path.name))
    patients = [each for each in resources if each["resourceType"] == "Patient"]
    if len(patients) > 1:
        raise refuse("fhir_shape", path=path.name, detail=f"it holds {len(patients)} patients")
    reader = _Reader(vocabulary, as_of, zone)
    if patients and (patients[0].get("deceasedBoolean") is True or patients[0].get("deceasedDateTime")):
        reader.note(
            "patient_deceased", "The record says that the patient has died. A person looks before anything else."
        )
    own = _by_fact(resources)
    for name, spec in vocabulary.items():
        places = bindings[name].fhir if name in bindings else ()
        found = [one for bound in places for one in reader.statements(spec, bound, resources)]
        reader.settle(spec, [*found, *reader.own(spec, own.get(name, ()))])
    return Record(facts=dict(sorted(reader.facts.items())), notes=tuple(dict.fromkeys(reader.notes)))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Statement:
    """One resource's word on a fact; `on` is its day, None where it has none.

    `standing` marks what holds until it is ended (a disease, a drug): of such statements all count, not the latest.
    """

    value: FactValue
    on: date | None
    standing: bool = False


class _Reader:
    """Takes statements out of resources and settles which of them stands."""

    def __init__(self, vocabulary: Mapping[str, FactSpec], as_of: date, zone: tzinfo) -> None:
        self.vocabulary, self.as_of, self.zone = vocabulary, as_of, zone
        self.facts: dict[str, Fact] = {}
        self.notes: list[Caution] = []

    def note(self, code: str, text: str) -> None:
        self.notes.append(Caution(code=code, text=text))

    def settle(self, spec: FactSpec, found: list[_Statement]) -> None:
        """Let the latest statement stand; words of a list add up; what disagrees leaves the fact unknown."""
        if not found:
            return
        if spec.type is FactType.LIST:
            words = [word for one in found if isinstance(one.value, tuple) for word in one.value]
            self._put(spec, tuple(dict.fromkeys(words)), max((one.on for one in found if one.on), default=None))
            return
        latest = max((one.on for one in found if one.on is not None), default=None)
        if latest is not None and not any(one.standing for one in found):
            found = [one for one in found if one.on == latest]
        values = {one.value for one in found}
        if len(values) > 1:
            self.note("record_ambiguous", f"The record says more than one thing of {_name(spec)}: it stays unknown.")
            return
        self._put(spec, found[0].value, max((one.on for one in found if one.on), default=None))

    def _put(self, spec: FactSpec, value: FactValue, on: date | None) -> None:
        self.facts[spec.name] = Fact(name=spec.name, value=value, source=Source.RECORD, stated_at=on)

    def statements(self, spec: FactSpec, bound: FhirBinding, resources: Iterable[Resource]) -> Iterator[_Statement]:
        """Yield what the resources of a binding state of a fact."""
        for resource in resources:
            if resource["resourceType"] not in _SAME.get(bound.resource, (bound.resource,)) or self._void(resource):
                continue
            word = _matched(resource, bound)
            if word is None:
                continue
            value, on = self._value(spec, bound, resource, word)
            if value is UNKNOWN or (on is not None and on > self.as_of):
                continue
            if bound.valid_days is not None and (on is None or on + timedelta(days=bound.valid_days) < self.as_of):
                when = f"of {on}" if on is not None else "without a date"
                self.note("record_old", f"{_name(spec)}: the record's word {when} is too old to count; ask again.")
                continue
            standing = bound.resource in ("Condition", "MedicationStatement")
            yield _Statement(value=value, on=on, standing=standing)

    def own(self, spec: FactSpec, resources: Iterable[Resource]) -> Iterator[_Statement]:
        """Yield what Observations say that carry the code of the fact itself, as our own Bundles do."""
        for resource in resources:
            if self._void(resource):
                continue
            on = self._day(resource.get("effectiveDateTime"), "effectiveDateTime")
            if on is not None and on > self.as_of:
                continue
            value = self._own_value(spec, resource)
            if value is not UNKNOWN:
                yield _Statement(value=value, on=on)

    def _own_value(self, spec: FactSpec, resource: Resource) -> FactValue:
        if spec.type is FactType.BOOL and isinstance(resource.get("valueBoolean"), bool):
            return Truth.TRUE if resource["valueBoolean"] else Truth.FALSE
        if spec.type is FactType.QUANTITY:
            return self._quantity(spec, resource.get("valueQuantity"))
        if spec.type is FactType.DATE:
            return self._day(resource.get("valueDateTime"), spec.name) or UNKNOWN
        parts = resource.get("component") if spec.type is FactType.LIST else [resource]
        words = [
            str(one.get("code"))
            for part in (parts if isinstance(parts, list) else [])
            for one in _codings(part.get("valueCodeableConcept") if isinstance(part, dict) else None)
        ]
        known = [word for word in words if (word in spec.values if spec.values else _is_day(word))]
        if spec.type is FactType.LIST:
            return tuple(known) if known or resource.get("valueString") == "none" else UNKNOWN
        return known[0] if known else UNKNOWN

    def _void(self, resource: Resource) -> bool:
        return resource.get("status") in _VOID.get(str(resource["resourceType"]), ())

    def _value(
        self, spec: FactSpec, bound: FhirBinding, resource: Resource, word: str
    ) -> tuple[FactValue, date | None]:
        """Return the value that a matching resource states, and the day on which it does."""
        if bound.resource == "Patient":
            if bound.element == "birthDate":
                return self._day(resource.get("birthDate"), "Patient.birthDate") or UNKNOWN, None
            return _word(spec, bound.values.get(str(resource.get("gender")), "")), None
        if bound.resource == "Condition":
            return self._condition(spec, resource, word)
        if bound.resource == "Observation":
            on = self._day(resource.get("effectiveDateTime") or resource.get("issued"), "Observation.effectiveDateTime")
            return self._observation(spec, bound, resource), on
        if bound.resource == "MedicationStatement":
            period = resource.get("effectivePeriod")
            period = period if isinstance(period, dict) else {}
            end = self._day(period.get("end"), "effectivePeriod.end")
            if end is not None and end < self.as_of:
                return UNKNOWN, None
            start = self._day(period.get("start"), "effectivePeriod.start")
            if bound.element == "effectivePeriod.start":
                return start or UNKNOWN, start
            return _word(spec, word), start
        if bound.resource == "Procedure":
            performed = resource.get("performedPeriod")
            ended = performed.get("end") if isinstance(performed, dict) else None
            day = self._day(resource.get("performedDateTime") or ended, "Procedure.performed")
            return day or UNKNOWN, day
        day = self._day(resource.get("started"), "ImagingStudy.started")
        return day or UNKNOWN, day

    def _condition(self, spec: FactSpec, resource: Resource, word: str) -> tuple[FactValue, date | None]:
        status = {str(one.get("code")) for one in _codings(resource.get("verificationStatus"))}
        if status & set(_VOID_CONDITION):
            return UNKNOWN, None
        on = self._day(resource.get("recordedDate"), "Condition.recordedDate")
        if "refuted" in status:
            return (Truth.FALSE, on) if spec.type is FactType.BOOL else (UNKNOWN, on)
        if {str(one.get("code")) for one in _codings(resource.get("clinicalStatus"))} & set(_PAST_CONDITION):
            self.note("record_past", f"The record calls {_name(spec)} past or in remission: it stays unknown.")
            return UNKNOWN, None
        return _word(spec, word), on

    def _observation(self, spec: FactSpec, bound: FhirBinding, resource: Resource) -> FactValue:
        if spec.type is FactType.QUANTITY:
            return self._quantity(spec, resource.get("valueQuantity"))
        if isinstance(resource.get("valueBoolean"), bool) and spec.type is FactType.BOOL:
            return Truth.TRUE if resource["valueBoolean"] else Truth.FALSE
        for one in _codings(resource.get("valueCodeableConcept")):
            if str(one.get("code")) in bound.values:
                return _word(spec, bound.values[str(one["code"])])
        return UNKNOWN

    def _quantity(self, spec: FactSpec, raw: object) -> FactValue:
        number = raw.get("value") if isinstance(raw, dict) else None
        if not isinstance(raw, dict) or not isinstance(number, int | float) or isinstance(number, bool):
            return UNKNOWN
        if spec.unit is None or not 0 <= number <= _MOST:
            self.note("record_inexact", f"{_name(spec)}: the record says {number}, which cannot be. It stays unknown.")
            return UNKNOWN
        if raw.get("comparator"):
            self.note(
                "record_inexact",
                f"{_name(spec)}: the record says {raw['comparator']} {number}, which is no number to decide by. "
                "It stays unknown.",
            )
            return UNKNOWN
        unit = str(raw.get("code") or raw.get("unit") or "")
        unit = spec.unit if unit in _UNITS.get(spec.unit, (spec.unit,)) else unit
        try:
            return Quantity(value=float(number), unit=unit).to(spec.unit)
        except UnitError:
            self.note(
                "record_unit",
                f"{_name(spec)}: the record's unit {unit[:30] or '(none)'} does not convert to {spec.unit}. "
                "It stays unknown.",
            )
            return UNKNOWN

    def _day(self, raw: object, element: str) -> date | None:
        """Return the day of a FHIR date, dateTime or instant at the site; None, with a note, for a year or a month."""
        if not isinstance(raw, str) or not raw:
            return None
        try:
            if len(raw) == len("2026-01-10"):
                return date.fromisoformat(raw)
            if len(raw) > len("2026-01-10"):
                return day_of(datetime.fromisoformat(raw.replace("Z", "+00:00")), self.zone)
        except (ValueError, OverflowError):
            self.note("record_date", f"{element}: {raw[:40]!r} is no date. It stays unknown.")
            return None
        self.note("record_date", f"{element}: {raw[:40]!r} has no day. It stays unknown; state the day if it is known.")
        return None


def _bundle(path: Path) -> Resource:
    try:
        if not path.exists():
            raise refuse("input_not_found", path=path)
        if path.is_dir():
            raise refuse("fhir_shape", path=path.name, detail="it is a folder")
        if path.stat().st_size > MAX_BYTES:
            raise refuse("fhir_unreadable", path=path.name, detail="the file is larger than 20 MB")
        raw = json.loads(path.read_text("utf-8-sig"))
    except OSError:
        raise refuse("input_unreadable", path=path) from None
    except UnicodeDecodeError:
        raise refuse("fhir_unreadable", path=path.name, detail="it is not UTF-8 text") from None
    except (ValueError, RecursionError) as error:
        detail = f"line {error.lineno}" if isinstance(error, json.JSONDecodeError) else "it is nested too deeply"
        raise refuse("fhir_unreadable", path=path.name, detail=detail) from None
    if not isinstance(raw, dict) or raw.get("resourceType") != "Bundle":
        kind = raw.get("resourceType") if isinstance(raw, dict) else type(raw).__name__
        raise refuse("fhir_shape", path=path.name, detail=f"a Bundle is needed, not {str(kind)[:40]}")
    if raw.get("type") not in _BUNDLES:
        raise refuse("fhir_shape", path=path.name, detail=f"a Bundle of type {str(raw.get('type'))[:40]} is not read")
    return raw


def _resources(bundle: Resource, name: str) -> Iterator[Resource]:
    entries = bundle.get("entry", [])
    if not isinstance(entries, list):
        raise refuse("fhir_shape", path=name, detail="`entry` is no list")
    for number, entry in enumerate(entries):
        resource = entry.get("resource") if isinstance(entry, dict) else None
        if resource is None:
            continue
        if not isinstance(resource, dict) or not isinstance(resource.get("resourceType"), str):
            raise refuse("fhir_shape", path=name, detail=f"entry[{number}].resource has no resourceType")
        yield resource


def _by_fact(resources: Iterable[Resource]) -> Mapping[str, list[Resource]]:
    """Return the Observations that carry our own code of a fact, by the fact."""
    found: dict[str, list[Resource]] = {}
    for resource in resources:
        if resource["resourceType"] == "Observation":
            for name in {str(one.get("code")) for one in _codings(resource.get("code")) if one.get("system") == FACTS}:
                found.setdefault(name, []).append(resource)
    return found


def _matched(resource: Resource, bound: FhirBinding) -> str | None:
    """Return the word that a code of the resource stands for; None where it does not speak of the fact."""
    if bound.resource == "Patient":
        return ""
    if bound.resource == "ImagingStudy":
        concepts: list[object] = [{"coding": resource.get("modality")}]
    else:
        element = "medicationCodeableConcept" if bound.resource == "MedicationStatement" else "code"
        concepts = [resource.get(element)]
    for concept in concepts:
        for one in _codings(concept):
            if one.get("system") == bound.system and str(one.get("code")) in bound.codes:
                return bound.codes[str(one["code"])]
    return None


def _codings(concept: object) -> list[Mapping[str, Any]]:
    codings = concept.get("coding") if isinstance(concept, dict) else None
    return [one for one in codings if isinstance(one, dict)] if isinstance(codings, list) else []


def _word(spec: FactSpec, word: str) -> FactValue:
    if not word or word == "unknown":
        return UNKNOWN
    if spec.type is FactType.BOOL:
        return Truth.TRUE if word == "yes" else Truth.FALSE
    return (word,) if spec.type is FactType.LIST else word


def _is_day(word: str) -> bool:
    """Whether a word is a day as a list of dates holds it, YYYY-MM-DD."""
    try:
        return date.fromisoformat(word).isoformat() == word
    except ValueError:
        return False


def _name(spec: FactSpec) -> str:
    return spec.words or spec.name.replace("_", " ")
