"""The registered prior as a derived MR series of today's study: same frame of reference, same slices as today's.

Any viewer that scrolls series of one frame of reference together then shows both visits in step, without knowing
anything of registration.
"""

from __future__ import annotations

import hashlib
import itertools
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset
from pydicom.uid import MRImageStorage

from mriloop.edges.dicom.results.codes import ACQUIRED_BY, PROCESSED, RESAMPLING
from mriloop.edges.dicom.results.objects import begin, coded, decimals, image_references, place, save
from mriloop.edges.dicom.results.source import ACQUISITION, MACHINE, PLACE, SourceSeries
from mriloop.edges.dicom.uids import uid
from mriloop.model.comparison import Alignment
from mriloop.model.volume import Floats, Source

_FINE = 4095.0  # steps that the brightest voxel spans where whole numbers would be too coarse
_COARSE = 128.0
_SCAN_OPTIONS = frozenset({"PER", "RG", "CG", "PPG", "FC", "PFF", "PFP", "SP", "FS"})  # PS3.3 C.8.3.1.1, defined terms
_WHOLE = 32_767.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DerivedSeries:
    """A derived series that was written: its files and what refers to it. `source` stands for it in other objects."""

    paths: tuple[Path, ...]
    source: SourceSeries


def write_derived_prior(
    folder: Path,
    data: Floats,
    *,
    today: SourceSeries,
    prior: SourceSeries,
    alignment: Alignment,
    label: str,
    now: datetime,
    series_number: int = 9010,
) -> DerivedSeries:
    """Write the prior, interpolated on the voxels of `today`, as one classic MR Image Storage instance per slice.

    `data` (i, j, k) has the shape of `today`; `label` names the weighting for the series description, such as
    "FLAIR". Intensities keep their numbers where these are whole and fit into 16 bits; else RescaleSlope says the step.
    Raises OperatorError `out_not_writable`.
    """
    if data.shape != today.shape:
        raise ValueError("a derived series has the voxels of today's series")
    stored, slope = _stored(data)
    digest = hashlib.sha256(np.ascontiguousarray(stored, dtype="<i2").tobytes()).hexdigest()
    key = "|".join([today.series_instance_uid, prior.series_instance_uid, digest])
    words = f"PRIOR {prior.date} {label}, registered" if prior.date else f"PRIOR {label}, registered"
    first = begin(
        today, sop_class=MRImageStorage, modality="MR", number=series_number, description=words, key=key, now=now
    )
    place(first, today, *PLACE)
    first.setdefault("PatientPosition", "")
    _describe(first, today, prior, alignment)
    _show(first, stored, slope)
    reach = _reach(today, prior, alignment)
    paths = []
    slices = []
    for k in range(today.shape[2]):
        count = k + 1
        ds = Dataset()
        ds.update(first)
        ds.SOPInstanceUID = uid("result", "MR", key, count)
        ds.InstanceNumber = count
        ds.ImagePositionPatient = decimals(today.position_lps(k))
        ds.SliceLocation = decimals([k * today.spacing()[2]])[0]
        ds.SourceImageSequence = _sources(prior, reach[k])
        if not ds.SourceImageSequence:
            del ds.SourceImageSequence
        ds.PixelData = stored[:, :, k].T.tobytes()
        paths.append(save(ds, folder / f"{count:05d}.dcm"))
        slices.append(Source(sop_instance_uid=str(ds.SOPInstanceUID)))
    return DerivedSeries(
        paths=tuple(paths),
        source=SourceSeries(
            said=today.said,
            sop_class_uid=str(MRImageStorage),
            series_instance_uid=str(first.SeriesInstanceUID),
            frame_of_reference_uid=today.frame_of_reference_uid,
            affine=today.affine,
            shape=today.shape,
            slices=tuple(slices),
            multi_frame=False,
        ),
    )


def _stored(data: Floats) -> tuple[npt.NDArray[np.int16], float]:
    """Return the values as 16-bit integers, and what one step means."""
    top = float(np.abs(data).max())
    slope = 1.0
    if top > _WHOLE:
        slope = top / _WHOLE
    elif 0 < top < _COARSE:
        slope = top / _FINE
    slope = float(decimals([slope])[0])
    return np.rint(np.asarray(data, np.float64) / slope).astype(np.int16), slope


def _describe(ds: Dataset, today: SourceSeries, prior: SourceSeries, alignment: Alignment) -> None:
    """Fill in general image, MR image and contributing equipment modules: the acquisition is the prior's."""
    ds.ImageType = ["DERIVED", "SECONDARY", "OTHER"]
    ds.ScanningSequence, ds.SequenceVariant, ds.ScanOptions = "RM", "NONE", ""
    ds.MRAcquisitionType, ds.EchoTime, ds.EchoTrainLength, ds.RepetitionTime = "", "", "", ""
    for keyword in ACQUISITION:
        if keyword in prior.said and keyword not in ("SliceThickness", "ScanOptions", "InversionTime"):
            setattr(ds, keyword, prior.said[keyword])
    ds.ScanOptions = [word for word in prior.said.get("ScanOptions", "").split("\\") if word in _SCAN_OPTIONS] or ""
    if "IR" in ds.ScanningSequence:  # type 2C
        ds.InversionTime = prior.said.get("InversionTime", "")
    between_rows, between_columns, between_slices = today.spacing()
    ds.PixelSpacing = decimals([between_rows, between_columns])
    ds.ImageOrientationPatient = decimals(today.orientation_lps())
    ds.SliceThickness = today.said.get("SliceThickness", "").split("\\")[0] or decimals([between_slices])[0]
    ds.SpacingBetweenSlices = decimals([between_slices])[0]
    ds.AcquisitionNumber = 1
    for what in ("Date", "Time"):
        if f"Study{what}" in prior.said:
            setattr(ds, f"Acquisition{what}", prior.said[f"Study{what}"])
    ds.DerivationDescription = (
        f"Prior study{' of ' + prior.date if prior.date else ''}, interpolated on the slices of today's series: "
        f"{alignment.method}, mean uncertainty {alignment.uncertainty_mm:.2f} mm"
    )[:1024]
    ds.DerivationCodeSequence = [coded(RESAMPLING)]
    ds.LossyImageCompression = "00"
    machine = {keyword: prior.said[keyword] for keyword in MACHINE if keyword in prior.said}
    if machine.get("Manufacturer"):
        acquired = Dataset()
        for keyword, text in machine.items():
            setattr(acquired, keyword, text)
        acquired.PurposeOfReferenceCodeSequence = [coded(ACQUIRED_BY)]
        ds.ContributingEquipmentSequence = [acquired]


def _show(ds: Dataset, stored: npt.NDArray[np.int16], slope: float) -> None:
    """Fill in the pixel description, the meaning of one step, and a window."""
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.Columns, ds.Rows = stored.shape[0], stored.shape[1]
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 16, 15, 1
    if slope != 1.0:
        ds.RescaleSlope, ds.RescaleIntercept, ds.RescaleType = decimals([slope])[0], "0", "US"
    seen = stored[stored > 0]
    top = float(np.percentile(seen, 99.5)) * slope if seen.size else 1.0
    ds.WindowCenter, ds.WindowWidth = decimals([round(top / 2, 6), round(max(top, slope), 6)])


def _reach(today: SourceSeries, prior: SourceSeries, alignment: Alignment) -> list[range]:
    """Return, for each slice of today, the slices of the prior that it cuts, and one beyond."""
    to_prior = np.linalg.inv(prior.affine) @ np.linalg.inv(np.array(alignment.matrix)) @ today.affine
    i, j, count = (n - 1 for n in today.shape)
    found = []
    for k in range(count + 1):
        corners = np.array([[a, b, k, 1.0] for a, b in itertools.product((0, i), (0, j))])
        along = (corners @ to_prior.T)[:, 2]
        first = max(int(np.floor(along.min())) - 1, 0)
        last = min(int(np.ceil(along.max())) + 1, prior.shape[2] - 1)
        found.append(range(first, last + 1))
    return found


def _sources(prior: SourceSeries, slices: range) -> list[Dataset]:
    images = image_references(prior, slices)
    for one in images:
        one.SpatialLocationsPreserved = "NO"
        one.PurposeOfReferenceCodeSequence = [coded(PROCESSED)]
    return images
