"""What all results of mriloop have in common: identity of the source study, its own series, equipment, references."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, SegmentationStorage
from pydicom.valuerep import format_number_as_ds

from mriloop import __version__
from mriloop.edges.dicom.results.source import IDENTITY, PLACE, SourceSeries
from mriloop.edges.dicom.uids import uid
from mriloop.model.coding import Code
from mriloop.model.errors import refuse

MAKER = "mriloop"
Reference = tuple[str, str]  # SOP class and SOP instance UID
UNPAIRED = frozenset(
    {"BRAIN", "HEAD", "HEADNECK", "NECK", "CSPINE", "TSPINE", "LSPINE", "SSPINE", "SPINE", "CHEST", "HEART", "ABDOMEN"}
    | {"PELVIS", "LIVER", "PANCREAS", "PROSTATE", "UTERUS", "BLADDER", "WHOLEBODY"}
)  # values of BodyPartExamined (PS3.16 annex L) that have no side
_TYPE_2 = (
    *("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime"),
    *("ReferringPhysicianName", "StudyID", "AccessionNumber"),
)


def begin(
    source: SourceSeries, *, sop_class: UID, modality: str, number: int, description: str, key: str, now: datetime
) -> Dataset:
    """Return a new object in the study of `source`: patient, study, series, equipment and SOP common modules.

    `key` stands for its content: SeriesInstanceUID and SOPInstanceUID follow from it. `now` dates it.
    """
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 192"
    for keyword in _TYPE_2:
        setattr(ds, keyword, "")
    for keyword in IDENTITY:
        if keyword in source.said:
            setattr(ds, keyword, source.said[keyword])
    if "StudyID" not in source.said:
        ds.StudyID = "1"
    ds.SOPClassUID = sop_class
    ds.SOPInstanceUID = uid("result", modality, key, 1)
    ds.SeriesInstanceUID = uid("result series", modality, key)
    ds.Modality = modality
    ds.SeriesNumber = number
    ds.SeriesDescription = description[:64]
    ds.InstanceNumber = 1
    ds.Manufacturer, ds.ManufacturerModelName = MAKER, "mriloop compare"
    ds.SoftwareVersions = __version__
    ds.DeviceSerialNumber = __version__
    at = in_zone_of(source, now)
    for name in ("Content", "InstanceCreation", "Series"):
        setattr(ds, f"{name}Date", at.strftime("%Y%m%d"))
        setattr(ds, f"{name}Time", at.strftime("%H%M%S.%f"))
    return ds


def in_zone_of(source: SourceSeries, now: datetime) -> datetime:
    """Return the moment in the zone that the source states, in which an object must then keep all its times.

    A source that states none leaves the zone open, and so do the objects made of it.
    """
    said = source.said.get("TimezoneOffsetFromUTC")
    if said is None or now.utcoffset() is None:
        return now
    return now.astimezone(datetime.strptime(said, "%z").tzinfo)


def place(ds: Dataset, source: SourceSeries, *keywords: str) -> None:
    """Fill in the frame of reference of `source`, and those of its elements of place that are named."""
    ds.FrameOfReferenceUID = source.frame_of_reference_uid
    ds.PositionReferenceIndicator = source.said.get("PositionReferenceIndicator", "")
    for keyword in keywords or PLACE:
        if keyword in source.said:
            setattr(ds, keyword, source.said[keyword])
    multi_frame = ds.SOPClassUID == SegmentationStorage  # its regions say their own side
    if not multi_frame and "Laterality" not in ds and source.said.get("BodyPartExamined") not in UNPAIRED:
        ds.Laterality = ""  # type 2C: the part may be one of a pair, and nobody says which


def coded(code: Code) -> Dataset:
    """Return a code item (PS3.3 8.8)."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = code.value, code.scheme, code.meaning[:64]
    return item


def referenced(sop_class: str, instance: str, frames: Iterable[int] = ()) -> Dataset:
    """Return an item that refers to an instance (PS3.3 table 10-3), or to frames of it."""
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = sop_class, instance
    numbers = list(frames)
    if numbers:
        item.ReferencedFrameNumber = numbers if len(numbers) > 1 else numbers[0]
    return item


def image_references(source: SourceSeries, slices: Iterable[int]) -> list[Dataset]:
    """Return items that refer to the images of these slices; those that were never received are passed over."""
    frames: dict[str, list[int]] = defaultdict(list)
    for k in slices:
        one = source.slices[k]
        if one.sop_instance_uid and one.frame_number not in frames[one.sop_instance_uid]:
            frames[one.sop_instance_uid].append(one.frame_number)
    return [
        referenced(source.sop_class_uid, instance, sorted(numbers) if source.multi_frame else ())
        for instance, numbers in frames.items()
    ]


def series_reference(source: SourceSeries) -> Dataset:
    """Return an item of ReferencedSeriesSequence (PS3.3 C.12.2) with every instance of a series."""
    item = Dataset()
    item.SeriesInstanceUID = source.series_instance_uid
    item.ReferencedInstanceSequence = [referenced(source.sop_class_uid, one) for one in source.instances]
    return item


def refer_to(ds: Dataset, *sources: SourceSeries) -> None:
    """Fill in the common instance reference module: series of this study, and of others."""
    here: dict[str, Dataset] = {}
    there: dict[str, dict[str, Dataset]] = defaultdict(dict)
    for source in sources:
        known = here if source.study_instance_uid == ds.StudyInstanceUID else there[source.study_instance_uid]
        known[source.series_instance_uid] = series_reference(source)
    if here:
        ds.ReferencedSeriesSequence = list(here.values())
    others = []
    for study, series in there.items():
        item = Dataset()
        item.StudyInstanceUID = study
        item.ReferencedSeriesSequence = list(series.values())
        others.append(item)
    if others:
        ds.StudiesContainingOtherReferencedInstancesSequence = others


def decimals(values: Iterable[float] | npt.NDArray[np.float64]) -> list[str]:
    """Return numbers as DS values, as exact as sixteen characters allow."""
    return [format_number_as_ds(float(value) + 0.0) for value in values]


def save(ds: Dataset, path: Path) -> Path:
    """Write an object as a Part 10 file, Explicit VR Little Endian. Raises OperatorError `out_not_writable`."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = ds.SOPClassUID
    meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = UID(uid("mriloop", "results"))
    meta.ImplementationVersionName = f"MRILOOP_{__version__}"[:16]
    ds.file_meta = meta
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        ds.save_as(path, enforce_file_format=True)
    except OSError:
        raise refuse("out_not_writable", path=path) from None
    return path
