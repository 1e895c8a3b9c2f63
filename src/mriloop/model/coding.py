"""The closed vocabularies that rooms share, each word tied to its DICOM, FHIR or LOINC Playbook counterpart."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """A coded concept. DICOM: code triplet (0008,0100/0102/0104). FHIR: Coding."""

    value: str
    scheme: str
    meaning: str


class Weighting(StrEnum):
    """What gives a series its contrast. DICOM: AcquisitionContrast (0008,9209) and kin, decided by physics first."""

    T1 = "T1"
    T2 = "T2"
    PD = "PD"
    T2_STAR = "T2*"
    FLAIR = "FLAIR"
    STIR = "STIR"
    DIR = "DIR"
    DWI = "DWI"
    TRACE = "TRACE"
    ADC = "ADC"
    FA = "FA"
    BOLD = "BOLD"
    ASL = "ASL"
    PERFUSION = "PERFUSION"
    SWI = "SWI"
    MRA = "MRA"
    PHASE = "PHASE"
    FIELD_MAP = "FIELDMAP"
    T1_MAP = "T1MAP"
    T2_MAP = "T2MAP"
    MT = "MT"
    DIXON_WATER = "DIXON_WATER"
    DIXON_FAT = "DIXON_FAT"
    DIXON_IN = "DIXON_IN"
    DIXON_OPPOSED = "DIXON_OPPOSED"
    FAT_FRACTION = "FAT_FRACTION"
    LOCALIZER = "LOCALIZER"
    SCREENSHOT = "SCREENSHOT"
    UNKNOWN = "unknown"


class Plane(StrEnum):
    """Orientation of the slices, named by the nearest anatomical plane."""

    AXIAL = "axial"
    CORONAL = "coronal"
    SAGITTAL = "sagittal"
    OBLIQUE = "oblique"
    MIXED = "mixed"
    UNKNOWN = "unknown"


class Region(StrEnum):
    """Body region. DICOM: BodyPartExamined (0018,0015), AnatomicRegionSequence; LOINC Playbook: Region imaged."""

    BRAIN = "brain"
    PITUITARY = "pituitary"
    HEAD_NECK = "head_neck"
    CERVICAL_SPINE = "cervical_spine"
    THORACIC_SPINE = "thoracic_spine"
    LUMBAR_SPINE = "lumbar_spine"
    SPINE = "spine"
    CHEST = "chest"
    HEART = "heart"
    BREAST = "breast"
    ABDOMEN = "abdomen"
    LIVER = "liver"
    KIDNEY = "kidney"
    PANCREAS = "pancreas"
    PELVIS = "pelvis"
    PROSTATE = "prostate"
    UTERUS = "uterus"
    SHOULDER = "shoulder"
    ELBOW = "elbow"
    WRIST = "wrist"
    HAND = "hand"
    HIP = "hip"
    KNEE = "knee"
    ANKLE = "ankle"
    FOOT = "foot"
    EXTREMITY = "extremity"
    WHOLE_BODY = "whole_body"
    UNKNOWN = "unknown"


class Subject(StrEnum):
    """What lies in the scanner: only a patient gets a clinical score."""

    PATIENT = "patient"
    PHANTOM = "phantom"
    NONE = "none"
    NOT_AN_IMAGE = "not_an_image"
    UNKNOWN = "unknown"


class Laterality(StrEnum):
    """DICOM: ImageLaterality (0020,0062)."""

    LEFT = "left"
    RIGHT = "right"
    BILATERAL = "bilateral"
    MIDLINE = "midline"
    UNKNOWN = "unknown"


class Contrast(StrEnum):
    """Pharmaceutical attribute of an exam. LOINC/RSNA Playbook: WO, W, WO & W.

    NEEDS_DECISION: the rule asks for contrast, but the case states a reason for which a person must decide on it.
    """

    WITHOUT = "without"
    WITH = "with"
    WITHOUT_AND_WITH = "without_and_with"
    SITE_POLICY = "site_policy"
    NEEDS_DECISION = "needs_decision"
    UNKNOWN = "unknown"


class Urgency(StrEnum):
    """How soon a person must act. ACR actionable finding categories 1 to 3 (Larson, JACR 2014), then routine."""

    MINUTES = "minutes"
    HOURS = "hours"
    DAYS = "days"
    ROUTINE = "routine"
