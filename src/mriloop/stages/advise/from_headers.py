"""What the headers of a study say of patient and exam, as facts for the guidelines, by the bindings of the facts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from mriloop.model.binding import Binding
from mriloop.model.fact import UNKNOWN, FactValue, Truth
from mriloop.model.finding import Fact, Source
from mriloop.model.guideline import FactSpec, FactType
from mriloop.model.quantity import Quantity
from mriloop.model.study import Study


def facts_from_headers(
    study: Study, bindings: Mapping[str, Binding], vocabulary: Mapping[str, FactSpec]
) -> dict[str, Fact]:
    """Return the facts that DICOM attributes of a study state.

    An attribute that is absent, empty or holds a value that its binding does not name leaves the fact unknown, and so
    does one on which the series of the study differ. The day of the exam is that of the scanner's clock.
    """
    facts = {}
    for name, binding in bindings.items():
        for bound in binding.dicom:
            value = _value(vocabulary[name], _attribute(study, bound.keyword), bound.values)
            if value is not UNKNOWN:
                facts[name] = Fact(name=name, value=value, source=Source.HEADER)
                break
    return facts


def _attribute(study: Study, keyword: str) -> object:
    """Return the value of an attribute by its keyword; None where the study does not state exactly one."""
    if keyword == "PatientAge":
        return study.age_years
    if keyword == "PatientSex":
        return study.sex
    if keyword == "StudyDate":
        return study.started_at.date() if study.started_at is not None else None
    stated = {each.parameters[keyword] for each in study.series if keyword in each.parameters}
    return stated.pop() if len(stated) == 1 else None


def _value(spec: FactSpec, raw: object, values: Mapping[str, str]) -> FactValue:
    if spec.type is FactType.DATE:
        return raw if isinstance(raw, date) else UNKNOWN
    if spec.type is FactType.QUANTITY:
        number = isinstance(raw, int | float) and not isinstance(raw, bool)
        return Quantity(value=float(raw), unit=spec.unit or "1") if number else UNKNOWN  # type: ignore[arg-type]
    word = values.get(str(raw).strip(), "")
    if not word or word == "unknown":
        return UNKNOWN
    if spec.type is FactType.BOOL:
        return Truth.TRUE if word == "yes" else Truth.FALSE
    return (word,) if spec.type is FactType.LIST else word
