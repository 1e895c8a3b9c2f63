"""The digital patient: an anatomy with published tissue values, imaged through k-space, whose truth is known."""

from mriloop.imaging.phantom.acquire import Acquired, Faults, acquire, line_times
from mriloop.imaging.phantom.anatomy import Anatomy, Lesion, LesionKind, Visit, head
from mriloop.imaging.phantom.derive import adc_map, water_fat
from mriloop.imaging.phantom.foot import foot
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
    localizer,
    pd_axial,
    pituitary_t1,
    pituitary_t2,
    stir_foot,
    t1_3d,
    t1_axial,
    t1_foot,
    t2_axial,
)
from mriloop.imaging.phantom.sites import Site, find_sites
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
    "Site",
    "Tissue",
    "Visit",
    "acquire",
    "adc_map",
    "bold_epi",
    "dixon_axial",
    "drift",
    "dwi_axial",
    "find_sites",
    "flair_axial",
    "foot",
    "head",
    "line_times",
    "localizer",
    "pd_axial",
    "periodic",
    "pituitary_t1",
    "pituitary_t2",
    "restless",
    "rigid",
    "step",
    "stir_foot",
    "t1_3d",
    "t1_axial",
    "t1_foot",
    "t2_axial",
    "water_fat",
]
