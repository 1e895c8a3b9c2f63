"""BIDS sidecars in the words and units of DICOM. https://bids-specification.readthedocs.io, MRI metadata."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from mriloop.model.study import Parameter

_ENTITY = re.compile(r"(?:^|[/_])(sub|ses)-([A-Za-z0-9]+)")
_SUFFIX = re.compile(r"_([A-Za-z0-9]+)$")
# BIDS field: DICOM keyword and the factor from BIDS' unit (seconds) to DICOM's (milliseconds).
_FIELDS: dict[str, tuple[str, float]] = {
    "RepetitionTime": ("RepetitionTime", 1000.0),
    "RepetitionTimeExcitation": ("RepetitionTime", 1000.0),
    "EchoTime": ("EchoTime", 1000.0),
    "InversionTime": ("InversionTime", 1000.0),
    "AcquisitionDuration": ("AcquisitionDuration", 1.0),
    "FlipAngle": ("FlipAngle", 1.0),
    "MagneticFieldStrength": ("MagneticFieldStrength", 1.0),
    "ImagingFrequency": ("ImagingFrequency", 1.0),
    "SliceThickness": ("SliceThickness", 1.0),
    "SpacingBetweenSlices": ("SpacingBetweenSlices", 1.0),
    "PixelBandwidth": ("PixelBandwidth", 1.0),
    "BandwidthPerPixelPhaseEncode": ("VendorBandwidthPerPixelPhaseEncode", 1.0),
    "EchoTrainLength": ("EchoTrainLength", 1.0),
    "NumberOfAverages": ("NumberOfAverages", 1.0),
    "PercentPhaseFOV": ("PercentPhaseFieldOfView", 1.0),
    "PercentSampling": ("PercentSampling", 1.0),
    "ParallelReductionFactorInPlane": ("ParallelReductionFactorInPlane", 1.0),
    "ParallelReductionOutOfPlane": ("ParallelReductionFactorOutOfPlane", 1.0),
    "MultibandAccelerationFactor": ("VendorMultibandFactor", 1.0),
    "EffectiveEchoSpacing": ("VendorEchoSpacing", 1e6),
    "SAR": ("SAR", 1.0),
    "ContrastBolusIngredientConcentration": ("ContrastBolusIngredientConcentration", 1.0),
    "Manufacturer": ("Manufacturer", 1.0),
    "ManufacturersModelName": ("ManufacturerModelName", 1.0),
    "SoftwareVersions": ("SoftwareVersions", 1.0),
    "DeviceSerialNumber": ("DeviceSerialNumber", 1.0),
    "StationName": ("StationName", 1.0),
    "BodyPart": ("BodyPartExamined", 1.0),
    "BodyPartExamined": ("BodyPartExamined", 1.0),
    "MRAcquisitionType": ("MRAcquisitionType", 1.0),
    "ScanningSequence": ("ScanningSequence", 1.0),
    "SequenceVariant": ("SequenceVariant", 1.0),
    "ScanOptions": ("ScanOptions", 1.0),
    "SequenceName": ("SequenceName", 1.0),
    "PulseSequenceDetails": ("PulseSequenceName", 1.0),
    "PulseSequenceName": ("PulseSequenceName", 1.0),
    "ReceiveCoilName": ("ReceiveCoilName", 1.0),
    "ReceiveCoilActiveElements": ("VendorCoilElements", 1.0),
    "CoilString": ("VendorCoilElements", 1.0),
    "ParallelAcquisitionTechnique": ("ParallelAcquisitionTechnique", 1.0),
    "PatientPosition": ("PatientPosition", 1.0),
    "ProtocolName": ("ProtocolName", 1.0),
    "SeriesDescription": ("SeriesDescription", 1.0),
    "ImageType": ("ImageType", 1.0),
    "ImageComments": ("ImageComments", 1.0),
    "ContrastBolusIngredient": ("ContrastBolusIngredient", 1.0),
    "ContrastBolusAgent": ("ContrastBolusAgent", 1.0),
    "InPlanePhaseEncodingDirectionDICOM": ("InPlanePhaseEncodingDirection", 1.0),
    "PhaseEncodingDirection": ("VendorPhaseEncodingAxis", 1.0),
}
_SPLIT = frozenset({"ScanningSequence", "SequenceVariant", "ScanOptions"})


def subject_of(shown: str) -> tuple[str, str]:
    """Return the BIDS subject and session that a path names, empty where it names none."""
    found = dict(_ENTITY.findall(shown))
    return found.get("sub", ""), found.get("ses", "")


def visit_of(shown: str) -> tuple[str, str]:
    """Return what the images of one study share: BIDS subject and session, or the folder where no name tells."""
    subject, session = subject_of(shown)
    return (subject, session) if subject else ("", str(PurePosixPath(shown).parent))


def bids_parameters(sidecar: Mapping[str, Any], stem: str) -> dict[str, Parameter]:
    """Return the parameters of a sidecar under DICOM keywords; times become milliseconds as DICOM has them.

    `VendorBIDSSuffix` is the last entity of the file name (T1w, FLAIR, bold …), `VendorPhaseEncodingAxis` BIDS' own
    i, j or k with its sign. A value of a wrong kind is left out.
    """
    values: dict[str, Parameter] = {}
    for name, (keyword, scale) in _FIELDS.items():
        if name in sidecar and keyword not in values:
            value = _plain(sidecar[name], scale)
            if value is not None:
                if keyword in _SPLIT and isinstance(value, str) and re.search(r"[_\\/]", value):
                    value = tuple(part for part in re.split(r"[_\\/]", value) if part)
                values[keyword] = value
    suffix = _SUFFIX.search(PurePosixPath(stem).name)
    if suffix:
        values["VendorBIDSSuffix"] = suffix.group(1)
    return values


def _plain(value: object, scale: float) -> Parameter | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        return value.strip()[:1024] or None
    if isinstance(value, int | float):
        return value * scale if scale != 1.0 else value if math.isfinite(value) else None
    if isinstance(value, list) and value and len(value) <= 64:
        if all(isinstance(part, str) for part in value):
            return tuple(part.strip() for part in value)
        if all(isinstance(part, int | float) and not isinstance(part, bool) for part in value):
            return tuple(float(part) * scale for part in value)
    return None
