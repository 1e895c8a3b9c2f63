"""What COMPARE says of today's study beside its priors: pairs, alignments, changes, and what cannot be compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from mriloop.model.judgement import Judgement
from mriloop.model.study import Point

Matrix = tuple[tuple[float, float, float, float], ...]


class AlignmentModel(StrEnum):
    """What a map between two series may do."""

    HEADER = "header"
    RIGID = "rigid"
    AFFINE = "affine"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alignment:
    """A linear map between two series and how far it may be trusted.

    `matrix` (4 × 4, rows) maps RAS+ mm of the moving series (the prior) to RAS+ mm of the fixed one (today).
    `uncertainty_mm` is the mean displacement, inside the foreground, between independent estimates of the same map.
    `accepted` is False when a check failed; `reason` then says which, and nothing may be measured through it.

    What it rests on, None where it was not measured: `inverse_consistency_mm` is the mean distance by which forward
    and backward miss each other; `overlap` the share (0 to 1) of the fixed foreground that the moving picture covers;
    `similarity` normalised mutual information (1 to 2, higher is better); `residual` the mean absolute difference
    that is left, as a share of the typical brightness. `scales` along the three axes are 1 for a rigid map.
    """

    method: str
    matrix: Matrix
    uncertainty_mm: float
    accepted: bool
    reason: str = ""
    model: AlignmentModel = AlignmentModel.RIGID
    inverse_consistency_mm: float | None = None
    overlap: float | None = None
    similarity: float | None = None
    residual: float | None = None
    scales: tuple[float, float, float] = (1.0, 1.0, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalAlignment:
    """How one part that moves by itself lies: a vertebra, a joint, an organ.

    `centre_ras_mm` and `radius_mm` say where it holds, in today's series; `alignment` maps the prior to today there.
    """

    part: str
    centre_ras_mm: Point
    radius_mm: float
    alignment: Alignment


class Role(StrEnum):
    """What a pair may be used for: to list changes, to compare derived maps, or to be looked at beside each other."""

    CHANGE = "change"
    MAP = "map"
    VIEW = "view"


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesPair:
    """A series of today and the series of a prior that answers it, with every difference that matters.

    `reason` says, for a pair that may only be looked at, why nothing may be measured between the two.
    """

    today: str
    prior: str
    comparability: tuple[str, ...]
    alignment: Alignment
    parts: tuple[LocalAlignment, ...] = ()
    role: Role = Role.CHANGE
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotComparable:
    """The honest answer where a comparison would mislead. `series` is a SeriesInstanceUID of today, or of a prior."""

    series: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkedSeries:
    """One series of any visit, tied to the reference series of today's study. DICOM: Spatial Registration.

    `alignment.matrix` maps RAS+ mm of this series to RAS+ mm of `Comparison.reference`; following it and the inverse
    of another one's leads from any point of any series to the same anatomical point in any other.
    """

    series: str
    study: str
    alignment: Alignment


class Standing(StrEnum):
    """What a person has said of a change so far."""

    PROPOSED = "proposed"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    EDITED = "edited"


class ChangeKind(StrEnum):
    """What became of a lesion between the two visits."""

    NEW = "new"
    ENLARGING = "enlarging"
    STABLE = "stable"
    SHRINKING = "shrinking"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One candidate change: a proposal for a reader, never a finding by itself.

    `position_ras_mm` is the centre of mass in the patient frame of today's series; `confidence` runs from 0 to 1.
    `diameter_mm` is measured on today's outline, on the prior's where nothing is left today;
    `perpendicular_mm` is the longest distance across at a right angle to it in its slice;
    `volume_noise_ml` the change of volume that the noise of this pair alone makes of such a lesion (one standard
    deviation). `tracking_uid` stays the same for the same lesion over visits.
    """

    id: int
    kind: ChangeKind
    volume_ml: float
    volume_change_ml: float
    diameter_mm: float
    position_ras_mm: Point
    confidence: float
    location: str
    perpendicular_mm: float | None = None
    volume_noise_ml: float | None = None
    tracking_uid: str = ""
    standing: Standing = Standing.PROPOSED


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectionLimit:
    """Share (0 to 1) of synthetic lesions of this size and contrast that the strict list found in this very pair.

    `tried` is how many were planted; `contrast_percent` is relative to the commonest brain tissue.
    """

    diameter_mm: float
    contrast_percent: float
    found: float
    tried: int = 0


LEAST_SHOWN = 0.8


def could_show(limit: Sequence[DetectionLimit]) -> bool | None:
    """Tell whether a pair could have shown a large, bright lesion; None where that was not measured.

    It could when at least `LEAST_SHOWN` of the largest planted lesions of the strongest contrast were found. A list
    that is empty on a pair that could not says nothing.
    """
    if not limit:
        return None
    best = max(limit, key=lambda cell: (cell.diameter_mm, cell.contrast_percent))
    return best.found >= LEAST_SHOWN


class PriorRole(StrEnum):
    """Which of the priors a list of changes was made against."""

    PREVIOUS = "previous"
    BASELINE = "baseline"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeList:
    """What changed against one prior, on one pair of series, and how small a change it could have shown."""

    role: PriorRole
    prior_study: str
    today: str
    prior: str
    changes: tuple[Change, ...]
    detection_limit: tuple[DetectionLimit, ...]
    statement: str
    judgements: tuple[Judgement, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CoursePoint:
    """One visit of a course: `at` when the study began (None: not known), `noise` one standard deviation, or None."""

    study: str
    at: datetime | None
    value: float
    noise: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """One measure over the visits, oldest first. `change`: the id of the change it follows, None for the whole head."""

    name: str
    unit: str
    points: tuple[CoursePoint, ...]
    change: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredOutline:
    """The size of one region that somebody outlined on one series of one visit.

    `lesion` is what ties it to the same lesion at other visits: its tracking UID, else its tracking ID, else its
    label. Lengths are in one slice, None (with `note` saying why) where they could not be measured.
    """

    lesion: str
    label: str
    study: str
    series: str
    at: datetime | None
    volume_ml: float
    longest_mm: float | None = None
    perpendicular_mm: float | None = None
    slices: int | None = None
    tracking_uid: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EnhancingLesion:
    """One candidate that took up contrast agent: a proposal for a reader.

    position_ras_mm : centre of mass in the frame of the series after; percent : mean brightening; score : peak in
    noise units; confidence : 0.5 at the threshold, towards 1 above it, no probability
    """

    id: int
    volume_ml: float
    diameter_mm: float
    percent: float
    score: float
    position_ras_mm: Point
    confidence: float


@dataclass(frozen=True, slots=True, kw_only=True)
class EnhancementList:
    """What lit up between the series before and after contrast agent of one visit, and what stands against the list.

    `statement` begins with "cannot" where nothing could be listed: an empty list is then no answer.
    """

    before: str
    after: str
    statement: str
    lesions: tuple[EnhancingLesion, ...] = ()
    cautions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Amendment:
    """What a person said of one change. `by` is the name or the id under which the house knows that person."""

    change: int
    standing: Standing
    by: str
    at: datetime
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Everything COMPARE has to say about one study and its priors.

    `changes` are between today and `changes_prior_study`, the latest prior that could be used, on the series pair
    (`changes_today`, `changes_prior`); all three are None where no list of changes could be made, and `statement`
    says why. `changes_weighting` and `changes_since` are how a sentence names that pair. `against_baseline` is the
    same list against the first prior, None where that is the same one or cannot be used. `linked` ties every series
    that could be aligned to `reference`, a series of today. `courses` follow measures over all visits. `judgements`
    hold measures of today and before against their repeatability. `enhancement` lists what took up contrast agent
    today; `measured` are regions that somebody outlined. `cautions` are what a reader must know before
    trusting it. `amendments` are what persons said since, oldest first.
    """

    today_study: str
    prior_studies: tuple[str, ...]
    pairs: tuple[SeriesPair, ...]
    changes: tuple[Change, ...]
    detection_limit: tuple[DetectionLimit, ...]
    not_comparable: tuple[NotComparable, ...]
    statement: str = ""
    reference: str | None = None
    linked: tuple[LinkedSeries, ...] = ()
    changes_prior_study: str | None = None
    changes_today: str | None = None
    changes_prior: str | None = None
    changes_weighting: str = ""
    changes_since: str = ""
    cautions: tuple[str, ...] = ()
    against_baseline: ChangeList | None = None
    courses: tuple[Course, ...] = ()
    judgements: tuple[Judgement, ...] = ()
    enhancement: tuple[EnhancementList, ...] = ()
    measured: tuple[MeasuredOutline, ...] = ()
    amendments: tuple[Amendment, ...] = ()

    @property
    def visits(self) -> tuple[str, ...]:
        """The studies by StudyInstanceUID, oldest first, today's last."""
        return (*reversed(self.prior_studies), self.today_study)

    @property
    def upheld(self) -> tuple[Change, ...]:
        """The changes that no person has rejected."""
        return tuple(one for one in self.changes if one.standing is not Standing.REJECTED)
