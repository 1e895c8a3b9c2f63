"""Where the facts of the rules are found in the records of others: DICOM attributes, FHIR elements, RadElement."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mriloop.model.guideline import Mark


@dataclass(frozen=True, slots=True, kw_only=True)
class DicomBinding:
    """A DICOM attribute that states a fact. `keyword` is the element's; `values` turns its values into our words."""

    keyword: str
    values: Mapping[str, str] = field(default_factory=dict)
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FhirBinding:
    """A FHIR R4 element that states a fact.

    `resource` and `element` say where; `codes` are those of `system` that make the resource speak of the fact, each
    with the word of ours that it stands for (empty where the element itself holds the value); `values` turns the words
    of the element into ours. `valid_days` is how long a dated statement counts, None for ever. `mark` says how well the
    codes are verified.
    """

    resource: str
    element: str
    mark: Mark
    system: str = ""
    codes: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, str] = field(default_factory=dict)
    valid_days: int | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """Every place where one fact is found. The rules never look at it: they speak of facts alone."""

    fact: str
    dicom: tuple[DicomBinding, ...] = ()
    fhir: tuple[FhirBinding, ...] = ()
    radelement: tuple[str, ...] = ()
