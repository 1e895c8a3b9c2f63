"""Results out: segmentations, measurement reports, registrations and registered priors as DICOM objects."""

from mriloop.edges.dicom.results.derived import DerivedSeries, write_derived_prior
from mriloop.edges.dicom.results.registration import write_spatial_registration
from mriloop.edges.dicom.results.seg import Segment, Segmentation, write_segmentation
from mriloop.edges.dicom.results.source import SourceSeries, read_source
from mriloop.edges.dicom.results.sr import Followed, Reader, write_report

__all__ = [
    "DerivedSeries",
    "Followed",
    "Reader",
    "Segment",
    "Segmentation",
    "SourceSeries",
    "read_source",
    "write_derived_prior",
    "write_report",
    "write_segmentation",
    "write_spatial_registration",
]
