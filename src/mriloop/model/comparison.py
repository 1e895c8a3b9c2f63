"""What COMPARE says of today's study beside its priors: pairs, alignments, changes, and what cannot be compared."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from mriloop.model.study import Point

Matrix = tuple[tuple[float, float, float, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Alignment:
    """A rigid map between two series and how far it may be trusted.

    `matrix` (4 × 4, rows) maps RAS+ mm of the moving series (the prior) to RAS+ mm of the fixed one (today).
    `uncertainty_mm` is the mean displacement, inside the foreground, between independent estimates of the same map.
    `accepted` is False when a check failed; `reason` then says which, and nothing may be measured through it.
    """

    method: str
    matrix: Matrix
    uncertainty_mm: float
    accepted: bool
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesPair:
    """A series of today and the series of a prior that answers it, with every difference that matters."""

    today: str
    prior: str
    comparability: tuple[str, ...]
    alignment: Alignment


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
    """

    id: int
    kind: ChangeKind
    volume_ml: float
    volume_change_ml: float
    diameter_mm: float
    position_ras_mm: Point
    confidence: float
    location: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectionLimit:
    """Share (0 to 1) of synthetic lesions of this size and contrast that the strict list found in this very pair.

    `tried` is how many were planted; `contrast_percent` is relative to the commonest brain tissue.
    """

    diameter_mm: float
    contrast_percent: float
    found: float
    tried: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Everything COMPARE has to say about one study and its priors.

    `changes` are between today and `changes_prior_study`, on the series pair (`changes_today`, `changes_prior`); all
    three are None where no list of changes could be made, and `statement` says why. `linked` ties every series that
    could be aligned to `reference`, a series of today. `cautions` are what a reader must know before trusting it.
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
    cautions: tuple[str, ...] = ()
