"""A coded finding and the case it belongs to: the facts that a person or a machine step has put on record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from mriloop.model.coding import Laterality, Region
from mriloop.model.fact import FactValue
from mriloop.model.quantity import Quantity
from mriloop.model.study import Point


class Source(StrEnum):
    """Who put a fact or a finding on record: a machine's word is a proposal until a person takes it over."""

    PERSON = "person"
    HEADER = "header"
    RECORD = "record"
    CHECK = "check"
    COMPARE = "compare"
    DERIVED = "derived"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One observation on the images. DICOM: TID 1500 measurement group. FHIR: Observation.

    `tracking_uid` stays the same for the same lesion over visits; `series` are the SeriesInstanceUIDs it is seen on.
    """

    id: str
    text: str
    region: Region = Region.UNKNOWN
    laterality: Laterality = Laterality.UNKNOWN
    measurements: Mapping[str, Quantity] = field(default_factory=dict)
    series: tuple[str, ...] = ()
    position_ras_mm: Point | None = None
    tracking_uid: str | None = None
    source: Source = Source.PERSON


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One typed clinical fact with where it came from. `name` is in the fact vocabulary of `knowledge/guidelines`."""

    name: str
    value: FactValue
    source: Source
    stated_at: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What is known of a patient's question, beside the images: `mriloop advise CASE.yaml`, `review --case`.

    `as_of` is the day on which the advice is asked for: rules never read a clock. `profiles` maps a guideline to the
    profile that this case prefers (`CASE.yaml`: `profiles:`).
    """

    facts: Mapping[str, Fact]
    as_of: date
    id: str = "case"
    region: Region = Region.UNKNOWN
    question: str = ""
    findings: tuple[Finding, ...] = ()
    profiles: Mapping[str, str] = field(default_factory=dict)
