"""Tumour response over visits: what is followed, what each visit says of it, and the verdict of the criteria."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from mriloop.model.fact import Truth
from mriloop.model.guideline import Citation
from mriloop.model.judgement import Judgement, Repeatability
from mriloop.model.quantity import Measure


class Criteria(StrEnum):
    """The published criteria that a history can be held against."""

    RECIST = "recist-1.1"
    RANO_2010 = "rano-2010"
    RANO_2 = "rano-2.0"
    RANO_2_VOLUME = "rano-2.0-volume"
    RANO_BM = "rano-bm"
    IRANO = "irano"
    VOLUME = "volume"


class Category(StrEnum):
    """What a visit amounts to. NE is not evaluable: a fact or a measurement that decides is missing."""

    CR = "CR"
    PR = "PR"
    MR = "MR"
    SD = "SD"
    NON_CR_NON_PD = "non-CR/non-PD"
    NON_PD = "non-PD"
    PD = "PD"
    NE = "NE"
    BASELINE = "baseline"
    BEFORE_BASELINE = "before baseline"


class Role(StrEnum):
    """How a lesion is followed: measured, or watched without measuring."""

    TARGET = "target"
    NON_TARGET = "non-target"


class Tissue(StrEnum):
    """Which part of a glioma a lesion is, since RANO 2.0 judges the two apart."""

    ENHANCING = "enhancing"
    NON_ENHANCING = "non-enhancing"


class Seen(StrEnum):
    """What a visit says of a target. NOT_ASSESSED is the only one that says nothing."""

    MEASURED = "measured"
    GONE = "gone"
    TOO_SMALL = "too small"
    NOT_ASSESSED = "not assessed"


class NonTarget(StrEnum):
    """What a visit says of all lesions that are not measured, taken together."""

    NONE = "none"
    GONE = "gone"
    PERSISTS = "persists"
    PROGRESSES = "progresses"
    NOT_ASSESSED = "not assessed"


class NewLesion(StrEnum):
    """Whether lesions are there that the baseline did not have."""

    NO = "no"
    YES = "yes"
    EQUIVOCAL = "equivocal"
    UNKNOWN = "unknown"


class Trend(StrEnum):
    """How a patient, or T2/FLAIR signal, compares with the baseline."""

    BETTER = "better"
    STABLE = "stable"
    WORSE = "worse"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackedLesion:
    """One lesion of the baseline.

    organ : organ or site, for the rule of two targets an organ; node : a lymph node, measured by its short axis
    cavity : the wall of a cyst or a surgical cavity, which no criteria let be a target
    irradiated : lies in a field treated before, where RECIST asks for shown progression before it may be a target
    """

    id: str
    role: Role = Role.TARGET
    organ: str = ""
    node: bool = False
    tissue: Tissue = Tissue.ENHANCING
    cavity: bool = False
    irradiated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """What one visit says of one target; lengths in mm in one plane, volume in mL, `slices` it is seen on."""

    seen: Seen = Seen.MEASURED
    longest_mm: float | None = None
    perpendicular_mm: float | None = None
    volume_ml: float | None = None
    slices: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseVisit:
    """One visit: sizes by lesion, and what only a person can say.

    baseline : start anew here: sums of earlier visits no longer count
    new_ids : names of the lesions that the baseline did not have, where the reader names them
    outside_field : whether new enhancement lies outside the field of radiotherapy
    t2_flair, clinical : against the baseline (WORSE: significantly more T2/FLAIR signal; deteriorated by the tumour)
    steroid_mg : mg a day of dexamethasone or its equivalent; 0 for none or physiological replacement; None: not stated
    slice_thickness_mm : of the series that was measured
    """

    id: str
    on: date
    sizes: Mapping[str, Size] = field(default_factory=dict)
    baseline: bool = False
    non_target: NonTarget = NonTarget.NOT_ASSESSED
    new_lesions: NewLesion = NewLesion.UNKNOWN
    new_ids: tuple[str, ...] = ()
    outside_field: Truth = Truth.UNKNOWN
    t2_flair: Trend = Trend.UNKNOWN
    clinical: Trend = Trend.UNKNOWN
    steroid_mg: float | None = None
    slice_thickness_mm: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseHistory:
    """Everything the criteria need, over any number of visits.

    confirm : whether CR and PR must be confirmed, where the criteria leave that to the protocol (RECIST)
    minimum_stable_days : days from baseline before SD may count as best response; None where the protocol is unknown
    radiotherapy_ended : last day of radiotherapy; `no_radiotherapy` says that there was none
    immunotherapy_started : first day of immunotherapy
    repeatability : the site's own repeatability of one lesion's measure, in place of the published one
    """

    id: str
    criteria: Criteria
    lesions: tuple[TrackedLesion, ...]
    visits: tuple[ResponseVisit, ...]
    confirm: bool = False
    minimum_stable_days: int | None = None
    radiotherapy_ended: date | None = None
    no_radiotherapy: bool = False
    immunotherapy_started: date | None = None
    repeatability: Repeatability | None = None


class Standing(StrEnum):
    """Where a verdict stands that another visit has to bear out."""

    FINAL = "final"
    PENDING = "pending"
    CONFIRMED = "confirmed"
    REFUTED = "refuted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """What would confirm a verdict: `needs` in words, the earliest day on which it can, and the visit that decided."""

    standing: Standing = Standing.FINAL
    needs: str = ""
    earliest: date | None = None
    by_visit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SumChange:
    """One sum of target sizes against baseline and nadir. None where it cannot be said."""

    tissue: Tissue | None
    value: Measure
    baseline_visit: str = ""
    nadir_visit: str = ""
    baseline: float | None = None
    nadir: float | None = None
    from_baseline_percent: float | None = None
    from_nadir_percent: float | None = None
    from_nadir: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the criteria say of one visit.

    category : by the table, at that visit; counts_as : what it amounts to once later visits are known
    row : the row of the table that decided; because : the same in words with the numbers
    missing : facts or measurements without which nothing can be said
    flags : what a reader must know besides; measurement error never changes the category
    """

    visit: str
    on: date
    category: Category
    counts_as: Category
    row: str
    because: str
    sums: tuple[SumChange, ...]
    citation: Citation
    non_target: NonTarget = NonTarget.NOT_ASSESSED
    new_lesions: NewLesion = NewLesion.UNKNOWN
    confirmation: Confirmation = Confirmation()
    missing: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    judgements: tuple[Judgement, ...] = ()
    after_progression: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseCourse:
    """The verdicts over all visits, best response and progression since the last baseline.

    measure, unit : what is summed and its UCUM code; objections : why a lesion may not be a target by these criteria
    progression_on : the day on which progression is dated; `progression_standing` says whether it is certain yet
    cautions : what was remembered and not read, and what the criteria leave open
    growth : the sizes of every target and the sums, over the visits
    """

    criteria: Criteria
    title: str
    measure: str
    unit: str
    verdicts: tuple[Verdict, ...]
    best: Category
    best_visit: str
    best_because: str
    progression_on: date | None = None
    progression_visit: str = ""
    progression_standing: Standing = Standing.FINAL
    objections: tuple[str, ...] = ()
    cautions: tuple[str, ...] = ()
    growth: tuple[GrowthSeries, ...] = ()


class Pattern(StrEnum):
    """What the changes of one entry over visits add up to; only changes beyond the limits count."""

    UNCHANGED = "no change beyond the limits"
    INCREASED = "increased"
    DECREASED = "decreased"
    FLUCTUATING = "fluctuating"
    CANNOT_TELL = "cannot tell"


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscLevel:
    """One disc level at one visit. None or empty where it was not stated.

    herniation_mm2, dural_sac_mm2 : cross-sectional areas; canal_mm : anteroposterior diameter of the canal
    msu_size : 0 for no herniation, 1 up to half way to the line between the facets, 2 up to the line, 3 beyond
    msu_zones : A central, B lateral within the canal, C at or beyond the facet's inner edge; one to three of them
    """

    herniation_mm2: float | None = None
    dural_sac_mm2: float | None = None
    canal_mm: float | None = None
    msu_size: int | None = None
    msu_zones: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscVisit:
    """Disc levels by name ("L4/L5") at one visit."""

    id: str
    on: date
    levels: Mapping[str, DiscLevel]


@dataclass(frozen=True, slots=True, kw_only=True)
class JointVisit:
    """RAMRIS scores of one hand at one visit: feature to site to score. A site that is not named was not scored."""

    id: str
    on: date
    scores: Mapping[str, Mapping[str, float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing measured or scored over visits: a value for each, each judged against the one before and the first."""

    name: str
    unit: str
    values: tuple[Measure, ...]
    judgements: tuple[Judgement, ...]
    pattern: Pattern
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryCourse:
    """Discs or joints over visits (oldest first, name and day), with what their comparison rests on."""

    criteria: str
    title: str
    visits: tuple[tuple[str, date], ...]
    entries: tuple[Entry, ...]
    citations: tuple[Citation, ...]
    cautions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class GrowthPoint:
    """One value of a growth curve.

    noise : standard deviation of measuring it once, in the same unit; None where nobody knows it
    """

    visit: str
    on: date
    value: float
    noise: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GrowthSeries:
    """The growth of one lesion, or of a sum, over visits; visits at which it was not measured are left out.

    lesion : its id, empty for a sum; baselines : the visits that start anew
    """

    name: str
    unit: str
    points: tuple[GrowthPoint, ...]
    lesion: str = ""
    baselines: tuple[str, ...] = ()
