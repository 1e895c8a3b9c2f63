"""The facts of a FHIR R4 Bundle, by the bindings: what the record states, and nothing that it merely leaves out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

from mriloop.edges.fhir.bundle import read_bundle
from mriloop.edges.fhir.proposals import FACTS
from mriloop.model.advice import Caution
from mriloop.model.binding import Binding, FhirBinding
from mriloop.model.fact import UNKNOWN, FactValue, Truth
from mriloop.model.finding import Fact, Source
from mriloop.model.guideline import FactSpec, FactType
from mriloop.model.quantity import Quantity, UnitError
from mriloop.model.schedule import day_of

# Statuses under which a resource states what it says. Any other, and none, leaves it out.
_COUNTS = {
    "Observation": ("preliminary", "final", "amended", "corrected"),
    "MedicationStatement": ("active",),
    "MedicationRequest": ("active",),
    "Procedure": ("completed",),
    "ImagingStudy": ("available",),
}
# Intents under which a prescription is one, and no plan or proposal of one.
_ORDERED = (None, "order", "original-order", "reflex-order", "filler-order", "instance-order")
# An active prescription says which drug; since when it is taken only a statement says.
_SAME = {"MedicationStatement": ("MedicationStatement", "MedicationRequest")}
_SURE_CONDITION = frozenset({"confirmed"})
_PRESENT_CONDITION = frozenset({"active", "recurrence", "relapse"})
_ABATED = ("abatementDateTime", "abatementAge", "abatementPeriod", "abatementRange", "abatementString")
_COMPARATORS = ("<", "<=", ">=", ">", "ad")
_UNITS = {"mL/min/{1.73_m2}": ("mL/min/{1.73_m2}", "mL/min/1.73.m2", "mL/min/{1.73m2}", "mL/min/1.73m2")}

# Dates and instants as FHIR R4 writes them, with ASCII digits.
_PART_OF_DATE = re.compile(r"[0-9]{4}(-[0-9]{2})?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_INSTANT = re.compile(_DATE.pattern + r"T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?(Z|[+-][0-9]{2}:[0-9]{2})?")

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
        stay unknown too, each with a note. No text of the record is repeated in a note: it may hold anything.

    Raises
    ------
    SenderError
        `input_not_found`, `input_unreadable`, `fhir_unreadable`, `fhir_shape`.
    """
    resources = read_bundle(path)
    reader = _Reader(vocabulary, as_of, zone)
    patient = next((each for each in resources if each["resourceType"] == "Patient"), {})
    if patient.get("deceasedBoolean") not in (None, False) or patient.get("deceasedDateTime"):
        reader.note(
            "patient_deceased", "The record says that the patient has died. A person looks before anything else."
        )
    own = _by_fact(resources)
    for name, spec in vocabulary.items():
        places = bindings[name].fhir if name in bindings else ()
        found = [one for bound in places for one in reader.statements(spec, bound, resources)]
        days = min((bound.valid_days for bound in places if bound.valid_days is not None), default=None)
        reader.settle(spec, [*found, *reader.own(spec, own.get(name, ()), days)])
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
            # A word without a day may be the newest: it counts beside the latest, and leaves the two to a person.
            found = [one for one in found if one.on in (latest, None)]
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
            if self._old(spec, on, bound.valid_days):
                continue
            standing = bound.resource in ("Condition", "MedicationStatement")
            yield _Statement(value=value, on=on, standing=standing)

    def own(self, spec: FactSpec, resources: Iterable[Resource], valid_days: int | None) -> Iterator[_Statement]:
        """Yield what Observations say that carry the code of the fact itself, as our own Bundles do.

        They grow old as what is bound does: `valid_days` is the shortest time of the bindings of the fact.
        """
        for resource in resources:
            if self._void(resource):
                continue
            on = self._effective(resource)
            value = self._own_value(spec, resource)
            if value is UNKNOWN or (on is not None and on > self.as_of) or self._old(spec, on, valid_days):
                continue
            yield _Statement(value=value, on=on)

    def _old(self, spec: FactSpec, on: date | None, valid_days: int | None) -> bool:
        if valid_days is None or (on is not None and on + timedelta(days=valid_days) >= self.as_of):
            return False
        when = f"of {on}" if on is not None else "without a date"
        self.note("record_old", f"{_name(spec)}: the record's word {when} is too old to count; ask again.")
        return True

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
            if one.get("system") == f"{FACTS}/{spec.name}"
        ]
        known = [word for word in words if (word in spec.values if spec.values else _is_day(word))]
        if spec.type is FactType.LIST:
            return tuple(known) if known or resource.get("valueString") == "none" else UNKNOWN
        return known[0] if len(set(known)) == 1 else UNKNOWN

    def _void(self, resource: Resource) -> bool:
        """Whether a resource does not state what it says: by its status, or because something turns its sense."""
        kind = str(resource["resourceType"])
        if kind in _COUNTS and resource.get("status") not in _COUNTS[kind]:
            return True
        if resource.get("modifierExtension") or resource.get("implicitRules"):
            self.note("record_modified", f"A resource ({kind}) has a modifier that is not understood: it is left out.")
            return True
        if kind == "Observation" and resource.get("focus"):
            self.note("record_modified", "An Observation is about somebody or something else (focus): it is left out.")
            return True
        if kind == "MedicationRequest":
            return resource.get("intent") not in _ORDERED or resource.get("doNotPerform") not in (None, False)
        return False

    def _effective(self, resource: Resource) -> date | None:
        """Return the day for which an Observation speaks; when it was issued is another matter."""
        period = resource.get("effectivePeriod")
        ends = (period.get("end") or period.get("start")) if isinstance(period, dict) else None
        raw = resource.get("effectiveDateTime") or resource.get("effectiveInstant") or ends
        return self._day(raw, "Observation.effective")

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
            return self._observation(spec, bound, resource), self._effective(resource)
        if bound.resource == "MedicationStatement":
            period = resource.get("effectivePeriod")
            period = period if isinstance(period, dict) else {}
            end = self._day(period.get("end"), "effectivePeriod.end")
            if period.get("end") is not None and (end is None or end < self.as_of):
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
        on = self._day(resource.get("recordedDate"), "Condition.recordedDate")
        verified, clinical = resource.get("verificationStatus"), resource.get("clinicalStatus")
        if _codes(verified) == {"refuted"}:
            return (Truth.FALSE, on) if spec.type is FactType.BOOL else (UNKNOWN, on)
        if verified is not None and _codes(verified) != _SURE_CONDITION:
            return UNKNOWN, None
        ended = resource.get("abatementBoolean") not in (None, False) or any(resource.get(each) for each in _ABATED)
        if ended or (clinical is not None and not (_codes(clinical) and _codes(clinical) <= _PRESENT_CONDITION)):
            self.note("record_past", f"The record calls {_name(spec)} past or in remission: it stays unknown.")
            return UNKNOWN, None
        return _word(spec, word), on

    def _observation(self, spec: FactSpec, bound: FhirBinding, resource: Resource) -> FactValue:
        if spec.type is FactType.QUANTITY:
            return self._quantity(spec, resource.get("valueQuantity"))
        if isinstance(resource.get("valueBoolean"), bool) and spec.type is FactType.BOOL:
            return Truth.TRUE if resource["valueBoolean"] else Truth.FALSE
        words = {bound.values.get(code, "") for code in _codes(resource.get("valueCodeableConcept"))} - {""}
        return _word(spec, words.pop()) if len(words) == 1 else UNKNOWN

    def _quantity(self, spec: FactSpec, raw: object) -> FactValue:
        number = raw.get("value") if isinstance(raw, dict) else None
        if not isinstance(raw, dict) or not isinstance(number, int | float) or isinstance(number, bool):
            return UNKNOWN
        if spec.unit is None or not 0 <= number <= _MOST:
            self.note("record_inexact", f"{_name(spec)}: the record's number cannot be. It stays unknown.")
            return UNKNOWN
        if raw.get("comparator"):
            said = f"{raw['comparator']} {number:g}" if raw["comparator"] in _COMPARATORS else "a comparator"
            self.note(
                "record_inexact",
                f"{_name(spec)}: the record says {said}, which is no number to decide by. It stays unknown.",
            )
            return UNKNOWN
        unit = str(raw.get("code") or raw.get("unit") or "")
        unit = spec.unit if unit in _UNITS.get(spec.unit, (spec.unit,)) else unit
        try:
            return Quantity(value=float(number), unit=unit).to(spec.unit)
        except UnitError:
            self.note(
                "record_unit", f"{_name(spec)}: the record's unit does not convert to {spec.unit}. It stays unknown."
            )
            return UNKNOWN

    def _day(self, raw: object, element: str) -> date | None:
        """Return the day of a FHIR date, dateTime or instant at the site; None, with a note, for a year or a month."""
        if not isinstance(raw, str) or not raw:
            return None
        if _PART_OF_DATE.fullmatch(raw):
            self.note("record_date", f"{element}: {raw} has no day. It stays unknown; state the day if it is known.")
            return None
        try:
            if _DATE.fullmatch(raw):
                return date.fromisoformat(raw)
            if _INSTANT.fullmatch(raw):
                return day_of(datetime.fromisoformat(raw), self.zone)
        except (ValueError, OverflowError):
            pass
        self.note("record_date", f"{element}: what the record says is no date. It stays unknown.")
        return None


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


def _codes(concept: object) -> set[str]:
    return {str(one.get("code")) for one in _codings(concept)}


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
