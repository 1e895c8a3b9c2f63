"""Alignments as a DICOM Spatial Registration (PS3.3 A.39.1): one matrix per series, onto today's reference series."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import SpatialRegistrationStorage

from mriloop.edges.dicom.results.codes import dcm
from mriloop.edges.dicom.results.objects import begin, coded, decimals, place, refer_to, referenced, save
from mriloop.edges.dicom.results.source import LPS, SourceSeries
from mriloop.model.coding import Code
from mriloop.model.comparison import Alignment
from mriloop.model.volume import Affine

IMAGE_CONTENT = dcm("125024", "Image Content-based Alignment")  # CID 7100, registration methods
SAME_FRAME = dcm("125021", "Frame of Reference Identity")  # CID 7100
_RIGID_WITHIN = 1e-4  # how far R·Rᵀ may be from 1 in a matrix that DICOM calls RIGID
_HEADER = "header"


def write_spatial_registration(
    path: Path,
    linked: Sequence[tuple[SourceSeries, Alignment]],
    reference: SourceSeries,
    *,
    now: datetime,
    series_number: int = 9004,
) -> Path:
    """Write the accepted alignments of series with `reference`, itself included as identity.

    Each matrix maps LPS coordinates of the named images to LPS coordinates of the frame of reference of `reference`.
    Series of one frame of reference may have matrices of their own (a patient moves within a session), so every item
    names its images. Raises OperatorError `out_not_writable`; ValueError where an alignment was refused.
    """
    if any(not alignment.accepted for _, alignment in linked):
        raise ValueError("an alignment that was refused must not be written")
    basis = repr([(source.series_instance_uid, alignment.matrix) for source, alignment in linked])
    key = f"{reference.series_instance_uid}|{hashlib.sha256(basis.encode()).hexdigest()}"
    ds = begin(
        reference, sop_class=SpatialRegistrationStorage, modality="REG", number=series_number, key=key, now=now,
        description="Alignment of series and visits",
    )  # fmt: skip
    place(ds, reference, "BodyPartExamined", "Laterality")
    ds.ContentLabel, ds.ContentDescription = "ALIGNMENT", "Series laid on the reference series of today's study"
    ds.ContentCreatorName = ""
    others = [(s, a) for s, a in linked if s.series_instance_uid != reference.series_instance_uid]
    ds.RegistrationSequence = [
        _registered(reference, np.eye(4), SAME_FRAME, "reference"),
        *(_registered(source, np.array(one.matrix), _method(one), _comment(one)) for source, one in others),
    ]
    refer_to(ds, reference, *(source for source, _ in others))
    return save(ds, path)


def _registered(source: SourceSeries, matrix: Affine, method: Code, comment: str) -> Dataset:
    item, registration, step = Dataset(), Dataset(), Dataset()
    step.FrameOfReferenceTransformationMatrixType = kind_of(matrix)
    step.FrameOfReferenceTransformationMatrix = decimals((LPS @ matrix @ LPS).ravel())
    registration.MatrixSequence = [step]
    registration.RegistrationTypeCodeSequence = [coded(method)]
    registration.FrameOfReferenceTransformationComment = comment[:64]
    item.FrameOfReferenceUID = source.frame_of_reference_uid
    item.ReferencedImageSequence = [referenced(source.sop_class_uid, one) for one in source.instances]
    item.MatrixRegistrationSequence = [registration]
    return item


def kind_of(matrix: Affine) -> str:
    """Return DICOM's word for a matrix: RIGID, RIGID_SCALE (no shear) or AFFINE."""
    gram = matrix[:3, :3].T @ matrix[:3, :3]
    if np.abs(gram - np.diag(np.diag(gram))).max() > _RIGID_WITHIN or np.linalg.det(matrix[:3, :3]) <= 0:
        return "AFFINE"
    return "RIGID" if np.abs(np.diag(gram) - 1.0).max() <= _RIGID_WITHIN else "RIGID_SCALE"


def _method(alignment: Alignment) -> Code:
    return SAME_FRAME if alignment.method.startswith(_HEADER) and "+" not in alignment.method else IMAGE_CONTENT


def _comment(alignment: Alignment) -> str:
    return f"uncertainty {alignment.uncertainty_mm:.2f} mm; {alignment.method}"
