"""DICOM and NIfTI in, DICOM out. The only place that knows LPS."""

from mriloop.edges.dicom.bids_visits import Session, sessions_in_order
from mriloop.edges.dicom.intake import Intake, Other, read_intake
from mriloop.edges.dicom.limits import Limits
from mriloop.edges.dicom.nifti import NiftiSource
from mriloop.edges.dicom.outlines import read_outlines
from mriloop.edges.dicom.survey import Place, Survey
from mriloop.edges.dicom.volumes import load_volumes, open_volumes
from mriloop.edges.dicom.write_nifti import read_back, read_values, write_nifti

__all__ = [
    "Intake",
    "Limits",
    "NiftiSource",
    "Other",
    "Place",
    "Session",
    "Survey",
    "load_volumes",
    "open_volumes",
    "read_back",
    "read_intake",
    "read_outlines",
    "read_values",
    "sessions_in_order",
    "write_nifti",
]
