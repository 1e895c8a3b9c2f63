"""A phantom study as a value, and the parts of its headers that classic and enhanced instances share."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from mriloop.edges.dicom.uids import uid
from mriloop.imaging.phantom import Prescription, Readout
from mriloop.model.coding import Region, Weighting
from mriloop.model.volume import Affine

LPS = np.array([-1.0, -1.0, 1.0])
PULSES = {
    Readout.SPIN_ECHO: "*tse2d1",
    Readout.INVERSION_SPIN_ECHO: "*tir2d1",
    Readout.GRADIENT_ECHO: "*fl2d1",
    Readout.MAGNETIZATION_PREPARED: "*tfl3d1",
}
AGENT = "Gadobutrol"


UTC_OFFSET = "+0100"
BODY_PART = {Region.BRAIN: "BRAIN", Region.PITUITARY: "HEAD", Region.FOOT: "FOOT"}
ANATOMY = {
    Region.BRAIN: ("12738006", "Brain"),
    Region.PITUITARY: ("56329008", "Pituitary"),
    Region.FOOT: ("56459004", "Foot"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class InventedPatient:
    """Somebody who does not exist. `name` is family^given; `sex` M, F or O; `birth_date` YYYYMMDD."""

    name: str
    patient_id: str
    birth_date: str
    sex: str
    weight_kg: float = 70.0
    size_m: float = 1.70


@dataclass(frozen=True, slots=True, kw_only=True)
class PhantomStudy:
    """One visit as a DICOM study. `key` seeds every UID, so that the same key gives the same UIDs."""

    key: str
    patient: InventedPatient
    started_at: datetime
    description: str
    region: Region
    tesla: float = 3.0
    laterality: str = ""
    feet_first: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PhantomSeries:
    """One series to be written.

    data : (i, j, k) or (i, j, k, t) pixel values in the order of DICOM's columns, rows, frames
    affine : (4, 4) voxel index to RAS+ mm; present : (k,) or (k, t) slices that exist
    units : what one pixel step means; "" for arbitrary signal, which is then scaled to twelve bits
    slice_seconds : (k, t) seconds from the start of the series at which the slice's centre of k-space was taken
    """

    number: int
    description: str
    data: npt.NDArray[Any]
    affine: Affine
    present: npt.NDArray[np.bool_]
    prescription: Prescription
    started_at: datetime
    slice_seconds: npt.NDArray[np.float64]
    image_type: tuple[str, ...]
    units: str = ""
    contrast_at: datetime | None = None
    coil: str = "Head_32"
    declared_slices: int | None = None
    derivation: str = ""


def code(value: str, meaning: str, scheme: str = "SCT") -> Dataset:
    """Return a code item (DICOM PS3.3 8.8)."""
    item = Dataset()
    item.CodeValue = value
    item.CodingSchemeDesignator = scheme
    item.CodeMeaning = meaning
    return item


def day(at: datetime) -> str:
    """Return a DA value."""
    return at.strftime("%Y%m%d")


def clock(at: datetime) -> str:
    """Return a TM value with six decimals."""
    return at.strftime("%H%M%S.%f")


def stamp(at: datetime) -> str:
    """Return a DT value with its zone."""
    return at.strftime("%Y%m%d%H%M%S.%f") + UTC_OFFSET


def acquired_at(series: PhantomSeries, k: int, t: int) -> datetime:
    """Return when a slice's centre of k-space was taken."""
    return series.started_at + timedelta(microseconds=round(float(series.slice_seconds[k, t]) * 1e6))


def frames(series: PhantomSeries) -> list[tuple[int, int]]:
    """Return (k, t) of every slice that exists, slice by slice within a time point."""
    present = series.present if series.present.ndim == 2 else series.present[:, None]
    return [(k, t) for t in range(present.shape[1]) for k in range(present.shape[0]) if present[k, t]]


def pixels(series: PhantomSeries) -> npt.NDArray[np.uint16]:
    """Return the data as unsigned 12-bit numbers (i, j, k, t); signal is scaled so that bright tissue is 3000."""
    data = series.data if series.data.ndim == 4 else series.data[..., None]
    step = 1.0
    if not series.units:
        sample = data[::2, ::2, ::2]
        bright = float(np.percentile(sample[sample > 0], 99.8)) if (sample > 0).any() else 1.0
        step = bright / 3000.0
    return np.clip(np.rint(data / step), 0, 4095).astype(np.uint16)


def position(series: PhantomSeries, k: int) -> list[float]:
    """Return ImagePositionPatient (LPS mm) of slice k."""
    return [round(float(v), 6) for v in LPS * (series.affine @ np.array([0.0, 0.0, k, 1.0]))[:3]]


def orientation(series: PhantomSeries) -> list[float]:
    """Return ImageOrientationPatient (LPS) of the series."""
    axes = series.affine[:3, :2] / np.linalg.norm(series.affine[:3, :2], axis=0)
    return [round(float(v), 8) + 0.0 for v in np.concatenate([LPS * axes[:, 0], LPS * axes[:, 1]])]


def spacing(series: PhantomSeries) -> list[float]:
    """Return PixelSpacing: between rows, between columns."""
    return [round(float(np.linalg.norm(series.affine[:3, axis])), 6) for axis in (1, 0)]


def pulse_kind(p: Prescription) -> tuple[list[str], list[str]]:
    """Return ScanningSequence and SequenceVariant."""
    echo_planar = p.train >= p.lines > 1 and p.readout is not Readout.MAGNETIZATION_PREPARED
    scanning = {
        Readout.SPIN_ECHO: ["SE"],
        Readout.INVERSION_SPIN_ECHO: ["SE", "IR"],
        Readout.GRADIENT_ECHO: ["GR"],
        Readout.MAGNETIZATION_PREPARED: ["GR", "IR"],
    }[p.readout]
    variant = {
        Readout.SPIN_ECHO: ["SK"],
        Readout.INVERSION_SPIN_ECHO: ["SK", "MP"],
        Readout.GRADIENT_ECHO: ["SP"],
        Readout.MAGNETIZATION_PREPARED: ["SK", "SP", "MP"],
    }[p.readout]
    return (["EP", *scanning], ["SK"]) if echo_planar else (scanning, variant)


def is_diffusion(p: Prescription) -> bool:
    """Return whether the prescription weights for diffusion."""
    return p.weighting in (Weighting.DWI, Weighting.TRACE, Weighting.ADC)


def add_identity(ds: Dataset, study: PhantomStudy, series: PhantomSeries, created: datetime) -> None:
    """Fill in the patient, study, series, frame of reference, equipment and SOP common modules."""
    patient = study.patient
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.InstanceCreationDate, ds.InstanceCreationTime = day(created), clock(created)
    ds.TimezoneOffsetFromUTC = UTC_OFFSET
    ds.PatientName, ds.PatientID = patient.name, patient.patient_id
    ds.IssuerOfPatientID = "MRILOOP-PHANTOM"
    ds.PatientBirthDate, ds.PatientSex = patient.birth_date, patient.sex
    ds.PatientAge = f"{_age(study):03d}Y"
    ds.PatientWeight, ds.PatientSize = patient.weight_kg, patient.size_m
    ds.PatientComments = "Simulated patient: no real person"
    ds.StudyInstanceUID = uid(study.key, "study")
    ds.StudyDate, ds.StudyTime = day(study.started_at), clock(study.started_at)
    ds.StudyID = str(int(uid(study.key, "id")[5:]) % 100000)
    ds.AccessionNumber = "PH" + str(int(uid(study.key, "accession")[5:]) % 10**8).zfill(8)
    ds.ReferringPhysicianName = "Invented^Referrer"
    ds.StudyDescription = study.description
    ds.ReasonForVisit = study.reason or study.description
    ds.Modality = "MR"
    ds.SeriesInstanceUID = uid(study.key, "series", series.number)
    ds.SeriesNumber = series.number
    ds.SeriesDescription = series.description
    ds.ProtocolName = series.description
    ds.SeriesDate, ds.SeriesTime = day(series.started_at), clock(series.started_at)
    ds.BodyPartExamined = BODY_PART[study.region]
    ds.PatientPosition = "FFS" if study.feet_first else "HFS"
    ds.OperatorsName = "Invented^Operator"
    ds.PerformedProcedureStepStartDate = day(study.started_at)
    ds.PerformedProcedureStepStartTime = clock(study.started_at)
    ds.PerformedProcedureStepID = "1"
    ds.FrameOfReferenceUID = uid(study.key, "frame of reference")
    ds.PositionReferenceIndicator = ""
    ds.Manufacturer, ds.ManufacturerModelName = "mriloop", "Phantom scanner"
    ds.DeviceSerialNumber, ds.SoftwareVersions = "PHANTOM-1", "1"
    ds.InstitutionName, ds.StationName = "Invented hospital", "PHANTOM1"


def _age(study: PhantomStudy) -> int:
    today, born = day(study.started_at), study.patient.birth_date
    return int(today[:4]) - int(born[:4]) - (today[4:] < born[4:])


def add_pixels(ds: Dataset, series: PhantomSeries, stored: npt.NDArray[np.uint16]) -> None:
    """Fill in the image pixel module (without the data) and what the values mean."""
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.Rows, ds.Columns = stored.shape[1], stored.shape[0]
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0


def window(stored: npt.NDArray[Any]) -> tuple[float, float]:
    """Return a window centre and width that show the image."""
    bright = stored[stored > 40]
    top = float(np.percentile(bright, 99)) if bright.size else 100.0
    return round(top / 2, 1), round(max(top, 2.0), 1)


def anatomy(study: PhantomStudy) -> Sequence:
    """Return AnatomicRegionSequence."""
    return Sequence([code(*ANATOMY[study.region])])
