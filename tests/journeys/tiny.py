"""Studies of a few small slices, written by pydicom, for journeys that are about paths and not about pictures."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, MRImageStorage


def uid(*words: object) -> str:
    digest = hashlib.sha256(" ".join(map(str, words)).encode()).hexdigest()
    return f"2.25.{int(digest[:30], 16)}"


def write_study(
    folder: Path, *, patient: str = "P1", visit: str = "2026-11-01", modality: str = "MR", slices: int = 4
) -> list[Path]:
    """Write one axial series of a bright ball; return its files."""
    folder.mkdir(parents=True, exist_ok=True)
    grid = np.mgrid[-1:1:32j, -1:1:32j]
    paths = []
    for number in range(slices):
        height = (number - (slices - 1) / 2) / slices
        ball = 600.0 * (grid[0] ** 2 + grid[1] ** 2 + height**2 < 0.6) + 20.0
        ds = Dataset()
        ds.file_meta = FileMetaDataset()
        ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        ds.SOPClassUID = MRImageStorage if modality == "MR" else CTImageStorage
        ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
        ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = uid(patient, visit, number)
        ds.StudyInstanceUID, ds.SeriesInstanceUID = uid(patient, visit), uid(patient, visit, "series")
        ds.PatientID, ds.PatientName, ds.PatientBirthDate = patient, f"Invented^{patient}", "19700101"
        ds.Modality, ds.StudyDate, ds.StudyTime = modality, visit.replace("-", ""), "090000"
        ds.SeriesNumber, ds.InstanceNumber = 1, number + 1
        ds.SeriesDescription, ds.ImageType = "T1 SE AX", ["ORIGINAL", "PRIMARY", "M"]
        ds.RepetitionTime, ds.EchoTime, ds.ScanningSequence, ds.MRAcquisitionType = 500, 12, "SE", "2D"
        ds.ImagePositionPatient, ds.ImageOrientationPatient = [-32, -32, 4 * number], [1, 0, 0, 0, 1, 0]
        ds.PixelSpacing, ds.SliceThickness = [2, 2], 4
        ds.Rows = ds.Columns = 32
        ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
        ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 16, 15, 0
        ds.PixelData = ball.astype(np.uint16).tobytes()
        path = folder / f"{patient}_{visit}_{number}.dcm"
        ds.save_as(path, enforce_file_format=True)
        paths.append(path)
    return paths
