"""A three- or four-dimensional picture with its place in the patient and the way back to every DICOM frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from mriloop.model.study import Component, Point

Floats: TypeAlias = npt.NDArray[np.floating]
Affine: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a slice came from. DICOM: ReferencedSOPInstanceUID and ReferencedFrameNumber (1-based)."""

    sop_instance_uid: str
    frame_number: int = 1
    tile: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Volume:
    """Voxels on a regular grid.

    data : (i, j, k) or (i, j, k, t) intensities, arbitrary units
    affine : (4, 4) maps the voxel index (i, j, k, 1) to RAS+ millimetres of the patient frame
    series_instance_uid : the series it was made of
    sources : for each t, for each k, the frame that slice (k, t) was read from; empty when unknown (NIfTI input)
    slice_axis : which voxel axis runs through the slices (dcm2niix and this project: 2)
    label : what sets this volume apart from others of its series, such as "TE 12.3 ms"; empty when nothing does
    b_values : s/mm2 for each t; empty when the series is no diffusion series or nothing tells
    b_vectors_ras : unit diffusion directions for each t in RAS+, None for b = 0, traces and unknown ones; or empty
    repetition_time_ms : time from one t to the next, None when unknown or when there is one t
    te_ms, image_type, component : of the frames that it was made of, where they agree
    filled_slices : indices k whose image was never received: their voxels are interpolated for the sake of a regular
        grid, must not be measured, and their sources carry an empty SOP instance UID
    notes : what a reader of the voxels should know, such as time points left out because slices lack
    reader : what read the voxels: "mriloop" from DICOM, "nibabel" from NIfTI
    confirmed_by : the independent reader that agrees with every number and place of them ("dcm2niix"), or empty
    """

    data: Floats
    affine: Affine
    series_instance_uid: str
    sources: tuple[tuple[Source, ...], ...] = ()
    slice_axis: int = 2
    label: str = ""
    b_values: tuple[float, ...] = ()
    b_vectors_ras: tuple[Point | None, ...] = ()
    repetition_time_ms: float | None = None
    te_ms: float | None = None
    image_type: tuple[str, ...] = ()
    component: Component = Component.UNKNOWN
    filled_slices: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()
    reader: str = ""
    confirmed_by: str = ""

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Distance between neighbouring voxel centres along i, j, k in millimetres."""
        i, j, k = np.linalg.norm(self.affine[:3, :3], axis=0)
        return float(i), float(j), float(k)

    @property
    def count(self) -> int:
        """Number of time points (1 for a three-dimensional volume)."""
        return 1 if self.data.ndim == 3 else int(self.data.shape[3])
