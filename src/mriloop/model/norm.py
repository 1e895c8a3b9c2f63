"""Norms: limits that hold for named circumstances, and what a scanner usually measures, learned from its own past."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from mriloop.model.coding import Region, Weighting
from mriloop.model.guideline import Citation
from mriloop.model.quality import Scanner


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What is known of a series when its limits are chosen. Empty or None is unknown, and matches no condition."""

    region: Region = Region.UNKNOWN
    weighting: Weighting = Weighting.UNKNOWN
    protocol: str = ""
    indication: str = ""
    manufacturer: str = ""
    field_t: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class When:
    """Conditions of a norm: all that are stated must hold, each by any of its values. Nothing stated: always.

    manufacturers : words that DICOM Manufacturer must hold, in upper case
    field_t : lowest and highest field strength in tesla, both included
    """

    regions: tuple[Region, ...] = ()
    weightings: tuple[Weighting, ...] = ()
    protocols: tuple[str, ...] = ()
    indications: tuple[str, ...] = ()
    manufacturers: tuple[str, ...] = ()
    field_t: tuple[float, float] | None = None

    @property
    def stated(self) -> int:
        """How many conditions are stated: the more, the more special."""
        several = (self.regions, self.weightings, self.protocols, self.indications, self.manufacturers)
        return sum(map(bool, several)) + (self.field_t is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Norm:
    """One limit for some series. `place`: its file and entry; `site`: the site's own, not a shipped one."""

    limit: str
    value: float
    because: str
    citation: Citation
    place: str
    when: When = When()
    site: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanKey:
    """What two scans share when their measures may be held against each other.

    `kind` names weighting, plane, region, fat suppression, contrast and 2-D or 3-D in that order; `name` is the
    description of the series in lower case, with numbers of runs taken off.
    """

    scanner: Scanner
    coil: str
    kind: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """The measures of one series at one time: what a baseline learns from. `mark`: a digest that tells it apart."""

    at: datetime
    mark: str
    values: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What one kind of scan measured on one scanner with one coil, oldest first; nothing of a patient."""

    key: ScanKey
    sightings: tuple[Sighting, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """A site's own history of measures: one `History` for each key."""

    histories: tuple[History, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftAlarm:
    """A measure of one coil on one scanner that left its own past.

    since : when the run of values to one side began that led to the alarm; at : when it was raised
    change : median share by which values since then differ from the median of their kind before (-0.2: a fifth less)
    score, limit : of the chart at `at`; the alarm is raised where the first exceeds the second
    worse : True where the measure has a better direction and went the other way
    lasting : the chart is beyond its limit at the last scan, too
    scans : how many were seen since
    """

    scanner: Scanner
    coil: str
    measure: str
    since: datetime
    at: datetime
    change: float
    score: float
    limit: float
    worse: bool
    lasting: bool
    scans: int
