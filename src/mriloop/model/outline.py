"""A region that a person or a program drew on a series, with its place in the patient."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mriloop.model.coding import Code
from mriloop.model.volume import Affine


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outline:
    """One region on voxels: a DICOM SEG segment, an RTSTRUCT ROI or one label of a NIfTI mask.

    data : (i, j, k), True inside
    affine : (4, 4) from voxel index to RAS+ mm of the patient frame of its visit
    label : what its author calls it
    number : segment, ROI or label number in its source
    series_instance_uid, study_instance_uid : what it was drawn on; empty where its source does not say
    tracking_id, tracking_uid : the same for the same lesion over visits (DICOM Tracking ID, UID); empty when unknown
    category, kind : coded, where its source says (SNOMED CT or DCM), such as (Morphologically Altered Structure, Mass)
    source : the file it came from, by name
    """

    data: npt.NDArray[np.bool_]
    affine: Affine
    label: str
    number: int = 1
    series_instance_uid: str = ""
    study_instance_uid: str = ""
    tracking_id: str = ""
    tracking_uid: str = ""
    category: Code | None = None
    kind: Code | None = None
    source: str = ""
