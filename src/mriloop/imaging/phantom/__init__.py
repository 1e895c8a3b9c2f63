"""The digital patient: an anatomy with published tissue values, imaged through k-space, whose truth is known."""

from mriloop.imaging.phantom.acquire import Acquired, Faults, acquire
from mriloop.imaging.phantom.anatomy import Anatomy, Lesion, LesionKind, Visit, head
from mriloop.imaging.phantom.motion import Motion, drift, periodic, restless, rigid, step
from mriloop.imaging.phantom.prescription import (
    Axis,
    Order,
    Prescription,
    Readout,
    bold_epi,
    dixon_axial,
    dwi_axial,
    flair_axial,
    pd_axial,
    t1_3d,
    t1_axial,
    t2_axial,
)
from mriloop.imaging.phantom.tissues import Tissue

__all__ = [
    "Acquired",
    "Anatomy",
    "Axis",
    "Faults",
    "Lesion",
    "LesionKind",
    "Motion",
    "Order",
    "Prescription",
    "Readout",
    "Tissue",
    "Visit",
    "acquire",
    "bold_epi",
    "dixon_axial",
    "drift",
    "dwi_axial",
    "flair_axial",
    "head",
    "pd_axial",
    "periodic",
    "restless",
    "rigid",
    "step",
    "t1_3d",
    "t1_axial",
    "t2_axial",
]
