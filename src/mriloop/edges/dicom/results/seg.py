"""Labelled voxels as a DICOM Segmentation (PS3.3 A.51): one binary segment per lesion, on the images it was found in.

Written with pydicom, frame by frame: the source may be classic or enhanced MR, its slices may lie askew, some may
never have been received, and the same content must give the same bytes, which highdicom's writer refuses or cannot do.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset
from pydicom.tag import Tag
from pydicom.uid import SegmentationStorage

from mriloop import __version__
from mriloop.edges.dicom.results.codes import ALTERED, BRAIN, BRAIN_LESION, PROCESSED, SEGMENTATION, dcm
from mriloop.edges.dicom.results.objects import (
    MAKER,
    begin,
    coded,
    decimals,
    image_references,
    place,
    refer_to,
    save,
)
from mriloop.edges.dicom.results.source import SourceSeries
from mriloop.edges.dicom.uids import uid
from mriloop.model.coding import Code

PROCESSING = dcm("123101", "Neighborhood Analysis")  # CID 7162, algorithm families
_SEGMENT_NUMBER, _SEGMENT_GROUP = Tag("ReferencedSegmentNumber"), Tag("SegmentIdentificationSequence")
_POSITION, _POSITION_GROUP = Tag("ImagePositionPatient"), Tag("PlanePositionSequence")


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """One segment to be written: the voxels of `label`, and what they are.

    value : of these voxels in the label map
    tracking_id, tracking_uid : the same for the same lesion over visits
    colour : CIELab (0 to 65535 each), None for the viewer's own choice
    by_hand : a person drew or corrected it
    """

    value: int
    label: str
    tracking_id: str
    tracking_uid: str
    category: Code = ALTERED
    kind: Code = BRAIN_LESION
    region: Code = BRAIN
    colour: tuple[int, int, int] | None = None
    by_hand: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Segmentation:
    """A segmentation that was written. `numbers` maps the value of each segment in the label map to its number."""

    path: Path
    sop_instance_uid: str
    series_instance_uid: str
    study_instance_uid: str
    numbers: Mapping[int, int] = field(default_factory=dict)


def write_segmentation(
    path: Path,
    labels: npt.NDArray[np.integer],
    segments: Sequence[Segment],
    source: SourceSeries,
    *,
    now: datetime,
    description: str,
    series_number: int = 9001,
    algorithm: str = "mriloop compare",
) -> Segmentation | None:
    """Write a label map on the voxels of `source` as binary segments; None where no segment has a voxel.

    `labels` (i, j, k) holds the values of `segments`; a segment without voxels is left out, and so is every frame
    without any. Raises OperatorError `out_not_writable`.
    """
    present = {int(value) for value in np.unique(labels)}
    shown = [one for one in segments if one.value in present]
    if not shown:
        return None
    digest = hashlib.sha256(np.ascontiguousarray(labels, dtype="<i4").tobytes()).hexdigest()
    key = "|".join([source.series_instance_uid, digest, *(f"{one.value}={one.tracking_uid}" for one in shown)])
    ds = begin(
        source, sop_class=SegmentationStorage, modality="SEG", number=series_number, description=description, key=key,
        now=now,
    )  # fmt: skip
    place(ds, source, "BodyPartExamined", "Laterality")
    refer_to(ds, source)
    ds.ImageType = ["DERIVED", "PRIMARY"]
    ds.SegmentationType = "BINARY"
    ds.SegmentsOverlap = "NO"
    ds.ContentLabel, ds.ContentDescription, ds.ContentCreatorName = "CHANGES", description[:64], ""
    ds.LossyImageCompression = "00"
    ds.SamplesPerPixel, ds.PhotometricInterpretation, ds.PixelRepresentation = 1, "MONOCHROME2", 0
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = 1, 1, 0
    ds.Columns, ds.Rows = source.shape[0], source.shape[1]
    ds.SegmentSequence = [_described(number, one, algorithm) for number, one in enumerate(shown, 1)]
    organisation = uid("dimensions", key)
    ds.DimensionOrganizationSequence = [_organisation(organisation)]
    ds.DimensionIndexSequence = [
        _dimension(organisation, _SEGMENT_NUMBER, _SEGMENT_GROUP, "Segment Number"),
        _dimension(organisation, _POSITION, _POSITION_GROUP, "Image Position Patient"),
    ]
    ds.SharedFunctionalGroupsSequence = [_shared(source)]
    rank = {k: n for n, k in enumerate(np.flatnonzero(np.isin(labels, [s.value for s in shown]).any(axis=(0, 1))), 1)}
    frames, groups = [], []
    for number, one in enumerate(shown, 1):
        inside = labels == one.value
        for k in np.flatnonzero(inside.any(axis=(0, 1))):
            frames.append(inside[:, :, k].T)
            groups.append(_frame(source, int(k), number, rank[k]))
    ds.PerFrameFunctionalGroupsSequence = groups
    ds.NumberOfFrames = len(frames)
    packed = np.packbits(np.stack(frames).ravel(), bitorder="little").tobytes()
    ds.PixelData = packed + b"\0" * (len(packed) % 2)
    return Segmentation(
        path=save(ds, path),
        sop_instance_uid=str(ds.SOPInstanceUID),
        series_instance_uid=str(ds.SeriesInstanceUID),
        study_instance_uid=source.study_instance_uid,
        numbers={one.value: number for number, one in enumerate(shown, 1)},
    )


def _described(number: int, one: Segment, algorithm: str) -> Dataset:
    """Return an item of SegmentSequence (PS3.3 C.8.20.4)."""
    item = Dataset()
    item.SegmentNumber, item.SegmentLabel = number, one.label[:64]
    item.SegmentedPropertyCategoryCodeSequence = [coded(one.category)]
    item.SegmentedPropertyTypeCodeSequence = [coded(one.kind)]
    item.AnatomicRegionSequence = [coded(one.region)]
    item.TrackingID, item.TrackingUID = one.tracking_id, one.tracking_uid
    item.SegmentAlgorithmType = "SEMIAUTOMATIC" if one.by_hand else "AUTOMATIC"
    item.SegmentAlgorithmName = algorithm
    identification = Dataset()
    identification.AlgorithmFamilyCodeSequence = [coded(PROCESSING)]
    identification.AlgorithmName, identification.AlgorithmVersion = algorithm, __version__
    identification.AlgorithmSource = MAKER
    item.SegmentationAlgorithmIdentificationSequence = [identification]
    if one.colour is not None:
        item.RecommendedDisplayCIELabValue = list(one.colour)
    return item


def _organisation(organisation: str) -> Dataset:
    item = Dataset()
    item.DimensionOrganizationUID = organisation
    return item


def _dimension(organisation: str, pointer: int, group: int, label: str) -> Dataset:
    item = Dataset()
    item.DimensionOrganizationUID = organisation
    item.DimensionIndexPointer, item.FunctionalGroupPointer = pointer, group
    item.DimensionDescriptionLabel = label
    return item


def _shared(source: SourceSeries) -> Dataset:
    """Return what all frames share: orientation and pixel measures."""
    group = Dataset()
    orientation, measures = Dataset(), Dataset()
    orientation.ImageOrientationPatient = decimals(source.orientation_lps())
    between_rows, between_columns, between_slices = source.spacing()
    measures.PixelSpacing = decimals([between_rows, between_columns])
    thickness = float(source.said.get("SliceThickness", "0").split("\\")[0] or 0)
    measures.SliceThickness = decimals([thickness if thickness > 0 else between_slices])[0]
    measures.SpacingBetweenSlices = decimals([between_slices])[0]
    group.PlaneOrientationSequence = [orientation]
    group.PixelMeasuresSequence = [measures]
    return group


def _frame(source: SourceSeries, k: int, number: int, rank: int) -> Dataset:
    """Return the functional groups of one frame: where it lies, of which segment, from which image."""
    group, position, segment, content = Dataset(), Dataset(), Dataset(), Dataset()
    position.ImagePositionPatient = decimals(source.position_lps(k))
    group.PlanePositionSequence = [position]
    segment.ReferencedSegmentNumber = number
    group.SegmentIdentificationSequence = [segment]
    content.DimensionIndexValues = [number, rank]
    group.FrameContentSequence = [content]
    images = image_references(source, [k])
    if images:
        for one in images:
            one.SpatialLocationsPreserved = "YES" if source.slices[k].tile is None else "NO"
            one.PurposeOfReferenceCodeSequence = [coded(PROCESSED)]
        derivation = Dataset()
        derivation.SourceImageSequence = images
        derivation.DerivationCodeSequence = [coded(SEGMENTATION)]
        group.DerivationImageSequence = [derivation]
    return group
