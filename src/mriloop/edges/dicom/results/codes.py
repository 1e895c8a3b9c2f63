"""The codes that results are written with, each with the context group of DICOM PS3.16 that it is taken from."""

from __future__ import annotations

from mriloop.model.coding import Code
from mriloop.model.comparison import ChangeKind


def _sct(value: str, meaning: str) -> Code:
    return Code(value=value, scheme="SCT", meaning=meaning)


def dcm(value: str, meaning: str) -> Code:
    """Return a code that DICOM itself defines (PS3.16 annex D)."""
    return Code(value=value, scheme="DCM", meaning=meaning)


ALTERED = _sct("49755003", "Morphologically Abnormal Structure")  # CID 7150, segmentation property categories
BRAIN_LESION = _sct("301766008", "Lesion of Brain")  # CID 7194 and 7199, segmentation property types
BRAIN = _sct("12738006", "Brain")  # CID 4, anatomic regions
WHITE_MATTER = _sct("68523003", "Cerebral White Matter")  # CID 7140 and 7153, parts of the central nervous system
SITE_OF = {"periventricular": WHITE_MATTER, "juxtacortical": WHITE_MATTER, "deep": WHITE_MATTER}
"""Where each location of a Change is; all others are placed in the brain as a whole."""

KINDS = {  # CID 6002; "Resolved" is SNOMED CT 723506003, which no context group of DICOM holds
    ChangeKind.NEW: _sct("129721008", "New finding"),
    ChangeKind.ENLARGING: _sct("15454001", "Increase in size"),
    ChangeKind.STABLE: _sct("129723006", "No significant changes in the finding"),
    ChangeKind.SHRINKING: _sct("19776001", "Decrease in size"),
    ChangeKind.RESOLVED: _sct("723506003", "Resolved"),
}
VOLUME = _sct("118565006", "Volume")  # CID 7469, generic intensity and size measurements
LONG_AXIS = _sct("103339001", "Long axis")  # CID 7470, linear measurements
PERPENDICULAR = _sct("131189007", "Perpendicular Axis")  # CID 7470
DIFFERENCE_IN_SIZE = _sct("129806009", "Difference in size")  # CID 6037, quantitative temporal differences
STANDARD_DEVIATION = _sct("386136009", "Standard Deviation")  # CID 7464, measurement modifiers
QUALITATIVE_DIFFERENCE = dcm("111049", "Qualitative Difference")
MR_PROCEDURE = Code(value="25056-3", scheme="LN", meaning="MRI unspecified body region")  # CID 100
SEGMENTATION = dcm("113076", "Segmentation")  # CID 7203, image derivations
RESAMPLING = dcm("113085", "Spatial resampling")  # CID 7203
ACQUIRED_BY = dcm("109101", "Acquisition Equipment")  # CID 7005, contributing equipment
PROCESSED = dcm("121322", "Source image for image processing operation")  # CID 7202
COMMENT = dcm("121106", "Comment")
MILLILITRE = Code(value="mL", scheme="UCUM", meaning="milliliter")
MILLIMETRE = Code(value="mm", scheme="UCUM", meaning="millimeter")
PERCENT = Code(value="%", scheme="UCUM", meaning="percent")
ONE = Code(value="1", scheme="UCUM", meaning="no units")
