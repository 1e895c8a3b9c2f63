"""Small DICOM files written by pydicom, which shares no code with the reader under test."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian

STUDY, SERIES = "1.2.826.0.1.3680043.8.498.1", "1.2.826.0.1.3680043.8.498.1.1"


def mr(number: int = 1, **changes: Any) -> Dataset:
    """Return a complete classic MR image; a change of None deletes the element."""
    ds = Dataset()
    ds.SOPClassUID = UID("1.2.840.10008.5.1.4.1.1.4")
    ds.SOPInstanceUID = f"{SERIES}.{number}"
    ds.StudyInstanceUID, ds.SeriesInstanceUID = STUDY, SERIES
    ds.Modality = "MR"
    ds.PatientName, ds.PatientID, ds.PatientBirthDate, ds.PatientSex = "Doe^Jane", "P1", "19800101", "F"
    ds.StudyDate, ds.StudyTime, ds.AccessionNumber = "20200630", "101500", "A1"
    ds.Manufacturer, ds.SeriesNumber, ds.InstanceNumber = "Nobody", 3, number
    ds.SeriesDescription, ds.ImageType = "t1", ["ORIGINAL", "PRIMARY", "M", "ND"]
    ds.ImagePositionPatient = [-10.0, -20.0, 3.0 * number]
    ds.ImageOrientationPatient = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]
    ds.PixelSpacing, ds.SliceThickness = [2.0, 1.0], 3.0
    ds.RepetitionTime, ds.EchoTime = 500.0, 12.5
    ds.Rows, ds.Columns, ds.SamplesPerPixel, ds.PhotometricInterpretation = 4, 6, 1, "MONOCHROME2"
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
    ds.PixelData = (np.arange(24, dtype="<u2") + 100 * number).tobytes()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for keyword, value in changes.items():
            if value is None:
                delattr(ds, keyword)
            else:
                setattr(ds, keyword, value)
    return ds


def save(ds: Dataset, path: Path, syntax: UID = ExplicitVRLittleEndian) -> Path:
    """Write a data set as a DICOM file in one of the uncompressed transfer syntaxes."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = ds.SOPClassUID
    meta.MediaStorageSOPInstanceUID = f"{SERIES}.999"
    meta.TransferSyntaxUID = syntax
    meta.ImplementationClassUID = UID("1.2.3.4")
    ds.file_meta = meta
    path.parent.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ds.save_as(path, enforce_file_format=True)
    return path


@pytest.fixture
def make() -> Callable[..., Dataset]:
    """The builder of one classic MR image."""
    return mr


@pytest.fixture
def write() -> Callable[..., Path]:
    """The writer of one file."""
    return save


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with one series of five slices."""
    for number in range(1, 6):
        save(mr(number), tmp_path / "study" / f"{number}.dcm")
    return tmp_path / "study"
