"""What CHECK says of a series and of a study: kind, completeness, measures, defects, verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from mriloop.model.coding import Plane, Region, Subject, Weighting
from mriloop.model.fact import Truth
from mriloop.model.quantity import Measure, NotAssessable
from mriloop.model.study import Point


class Verdict(StrEnum):
    """What to do with a series, from best to worst, and two ways of having no verdict."""

    ACCEPTABLE = "acceptable"
    LIMITED = "limited"
    REPEAT = "repeat"
    NOT_ASSESSABLE = "not_assessable"
    NOT_AN_IMAGE = "not_an_image"


class Severity(StrEnum):
    """How much a defect weighs: information, something to know when reading, something that spoils the series."""

    INFO = "info"
    MINOR = "minor"
    MAJOR = "major"


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesKind:
    """What a series is, and the basis of each answer.

    `contrast` answers "after a contrast agent?"; `derived` is True for computed images (DICOM ImageType value 1).
    `basis` maps each answered field to the element, physics or text that decided it.
    """

    weighting: Weighting = Weighting.UNKNOWN
    plane: Plane = Plane.UNKNOWN
    region: Region = Region.UNKNOWN
    contrast: Truth = Truth.UNKNOWN
    derived: bool = False
    object: Subject = Subject.UNKNOWN
    fat_suppressed: Truth = Truth.UNKNOWN
    three_d: Truth = Truth.UNKNOWN
    basis: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One number behind a defect. `limit` is the value beyond which it counts, None where there is no number."""

    name: str
    value: float | str
    unit: str
    limit: float | str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Defect:
    """One thing that is wrong, with the code of the repeat taxonomy, what was seen, and what the operator can do."""

    code: str
    severity: Severity
    message: str
    action: str
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingSlice:
    """A slice that should exist.

    `index` counts from 0 along the slice normal; `volume` is set where only that one lacks it.
    `position_ras_mm` is where the centre of its first voxel should be, None where no geometry allows to say.
    """

    index: int
    position_ras_mm: Point | None
    volume: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Completeness:
    """Slices expected and found, over all volumes of a series. `expected` is None where it is unknowable, with why."""

    found: int
    expected: int | None
    missing: tuple[MissingSlice, ...] = ()
    basis: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MotionTrace:
    """Rigid motion of a multi-volume series, volume by volume, relative to `reference`.

    translations_mm (RAS+), rotations_deg (about the R, A, S axes through the centre of the foreground),
    framewise_mm: mean displacement of the foreground between a volume and the one before (first is 0).
    volumes: which volumes of the series the entries belong to, in their order; volumes without an entry, such as the
    only one of its b-value, could not be compared with any other. In a series of several contrasts "the one before" is
    the one before of the same contrast, and the first of each contrast is 0.
    limit_mm: framewise displacement beyond which a volume of this series counts as moved.
    untrusted: volumes of the series that fit no pose, torn by motion while they were taken: that they moved is certain,
    what stands there for them is a guess.
    """

    reference: int
    translations_mm: tuple[Point, ...]
    rotations_deg: tuple[Point, ...]
    framewise_mm: tuple[float, ...]
    volumes: tuple[int, ...] = ()
    limit_mm: float = 0.5
    untrusted: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """A slice that a person should look at, and why. `slice` counts the received slices of a volume from 0."""

    slice: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseProfile:
    """Brightness along the phase-encode direction, where ghosts stand beside the object.

    along : mean brightness at each place over the lines that hold the object, as a share of the object's median
    object : share of these lines that lie in the object there, 0 to 1
    beside : root mean square of the air that no ghost of the object can reach, as the same share
    step_mm : distance between places; peak : the place in the air with most brightness, None where air is nowhere
    """

    along: tuple[float, ...]
    object: tuple[float, ...]
    beside: float
    step_mm: float
    peak: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scanner:
    """Which scanner took a series. `device`: a digest of its serial number or station name, empty where none is told.

    `software` is DICOM SoftwareVersions, joined; an upgrade makes another scanner of it, since measures jump with it.
    """

    manufacturer: str = ""
    model: str = ""
    device: str = ""
    software: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a measure of one series stands in the history of its kind.

    z : robust score, (value - median) / (1.4826 × median absolute deviation); its sign follows the value
    worse : z with the sign turned so that more is worse; None for a measure of which neither way is better
    values : the history itself, oldest first
    """

    value: float
    median: float
    spread: float
    z: float
    worse: float | None
    values: tuple[float, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesCheck:
    """The answer of CHECK for one series.

    `scanner`, `coil` and `acquired_at` (local time of the scanner) say whose history the measures belong to;
    `standings` holds the measures against that history, or why not, and is empty where no baseline was given.
    `confirmed_by` names the independent reader that agrees with every number of the voxels, empty where none does;
    `notes` say what a reader of the voxels should know.
    `look_at` names the slices behind the defects, `profile` is what figures draw of ghosts.
    """

    series_instance_uid: str
    kind: SeriesKind
    verdict: Verdict
    volumes: int
    series_number: int | None = None
    description: str = ""
    defects: tuple[Defect, ...] = ()
    measures: Mapping[str, Measure] = field(default_factory=dict)
    completeness: Completeness | None = None
    motion: MotionTrace | None = None
    scanner: Scanner = Scanner()
    coil: str = ""
    acquired_at: datetime | None = None
    standings: Mapping[str, Standing | NotAssessable] = field(default_factory=dict)
    confirmed_by: str = ""
    notes: tuple[str, ...] = ()
    unfinished: bool = False
    look_at: tuple[Spot, ...] = ()
    profile: PhaseProfile | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyCheck:
    """The answer of CHECK for a study: its series, what the whole study lacks, and the verdict over both.

    `superseded` holds the SeriesInstanceUID of each spoilt series that a later run of the same scan replaces: it keeps
    its own verdict, and calls for nothing any more.
    """

    study_instance_uid: str
    verdict: Verdict
    series: tuple[SeriesCheck, ...]
    defects: tuple[Defect, ...] = ()
    protocol: str | None = None
    superseded: tuple[str, ...] = ()
