"""A study as it came off the scanner: series and frame headers, without pixels, without identity, without files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from mriloop.model.coding import Code

Point = tuple[float, float, float]
Parameter = str | float | int | tuple[str, ...] | tuple[float, ...]


class SeriesObject(StrEnum):
    """What the instances of a series are. Only IMAGE is checked as a picture; the rest is named and counted."""

    IMAGE = "image"
    RAW_DATA = "raw_data"
    SPECTROSCOPY = "spectroscopy"
    PRESENTATION_STATE = "presentation_state"
    SEGMENTATION = "segmentation"
    REPORT = "structured_report"
    REGISTRATION = "registration"
    DOCUMENT = "document"
    OTHER = "other"


class Component(StrEnum):
    """DICOM: ComplexImageComponent (0008,9208)."""

    MAGNITUDE = "magnitude"
    PHASE = "phase"
    REAL = "real"
    IMAGINARY = "imaginary"
    MIXED = "mixed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One slice image with what its header says of place, time and contrast. DICOM: a frame, or a classic instance.

    Positions and axes are RAS+ millimetres in the patient frame. `None` means that the header does not say.
    `row_axis_ras` points along increasing column index (the first triplet of ImageOrientationPatient),
    `column_axis_ras` along increasing row index. `spacing_mm` is (between rows, between columns) as in PixelSpacing.
    `position_ras_mm` is the centre of the first transmitted voxel. `tiles` is the number of slices that a mosaic or
    grid frame holds (None when it holds one, 0 when it is a mosaic whose count is unknowable); `position_ras_mm` is
    then that of the first of them, `tile_step_ras_mm` the vector from one to the next, and `tile_grid` how many lie
    below and beside each other. `acquired_at_s` counts from midnight of the study date. `in_stack` counts slices from 1
    within `stack` (InStackPositionNumber).
    """

    sop_instance_uid: str
    frame_number: int
    rows: int
    columns: int
    instance_number: int | None = None
    position_ras_mm: Point | None = None
    row_axis_ras: Point | None = None
    column_axis_ras: Point | None = None
    spacing_mm: tuple[float, float] | None = None
    thickness_mm: float | None = None
    acquired_at_s: float | None = None
    temporal_index: int | None = None
    trigger_time_ms: float | None = None
    te_ms: float | None = None
    ti_ms: float | None = None
    flip_deg: float | None = None
    b_value: float | None = None
    b_vector_ras: Point | None = None
    image_type: tuple[str, ...] = ()
    component: Component = Component.UNKNOWN
    stack: str | None = None
    in_stack: int | None = None
    tiles: int | None = None
    tile_step_ras_mm: Point | None = None
    tile_grid: tuple[int, int] | None = None
    samples_per_pixel: int = 1
    has_pixels: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One series of a study. DICOM: Series. FHIR: ImagingStudy.series.

    `parameters` maps DICOM element keywords (and `Vendor…` names for private ones, documented at edges/dicom) to
    plain values in DICOM's own units; a missing keyword is unknown. `declared` maps `slices`, `volumes`, `frames`,
    `instances` and kin (docs/reference/dicom-in.md) to what the scanner says it meant to acquire. `duplicates` are SOP
    instance UIDs seen more than once.
    """

    series_instance_uid: str
    study_instance_uid: str
    modality: str
    object: SeriesObject
    series_number: int | None = None
    description: str = ""
    frame_of_reference_uid: str | None = None
    frames: tuple[Frame, ...] = ()
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    declared: Mapping[str, int] = field(default_factory=dict)
    duplicates: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """All series that one visit of one patient left behind. DICOM: Study. FHIR: ImagingStudy.

    `patient` is a pseudonym: the same for the same patient at this site, telling nothing else. Identity lives apart.
    `started_at` is the local time of the scanner (DICOM gives no zone unless TimezoneOffsetFromUTC is present).
    `age_years` counts completed years, never rounded up; only below two years it has a fraction.
    """

    study_instance_uid: str
    patient: str
    series: tuple[Series, ...]
    started_at: datetime | None = None
    description: str = ""
    accession: str | None = None
    age_years: float | None = None
    sex: str | None = None


class StepStatus(StrEnum):
    """DICOM: PerformedProcedureStepStatus (0040,0252)."""

    IN_PROGRESS = "IN PROGRESS"
    COMPLETED = "COMPLETED"
    DISCONTINUED = "DISCONTINUED"
    UNKNOWN = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PerformedSeries:
    """One series that the scanner reports as performed. `images`: SOP instance UIDs; `others`: objects beside them."""

    series_instance_uid: str
    description: str = ""
    images: tuple[str, ...] = ()
    others: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PerformedStep:
    """What the scanner reported of an examination. DICOM: Modality Performed Procedure Step (PS3.4 annex F.7).

    `studies`: StudyInstanceUIDs that it belongs to. `reason` is why it was discontinued (CID 9300), `comment` what
    somebody wrote to it: free text, never shown or logged, since it may name a person. Times are the scanner's.
    """

    studies: tuple[str, ...]
    status: StepStatus
    reason: Code | None = None
    comment: str = ""
    started_at: datetime | None = None
    ended_at: datetime | None = None
    series: tuple[PerformedSeries, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who a pseudonym stands for. Kept in its own table, never in a record, a log or a file name. FHIR: Patient."""

    patient: str
    name: str
    patient_id: str
    issuer: str = ""
    birth_date: str = ""
    sex: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A file that could not become part of a study, with a code of the error table. `path`: in the input."""

    path: str
    code: str
    message: str
