"""Arrays as NIfTI files, with both transforms set so that no reader has to guess."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mriloop.model.errors import refuse

SCANNER = 1  # NIFTI_XFORM_SCANNER_ANAT


def write_nifti(path: Path, data: npt.NDArray[Any], affine: npt.NDArray[np.float64]) -> Path:
    """Write an array to `path` (.nii or .nii.gz) and return the path.

    `affine` (4, 4) maps voxel indices to RAS+ millimetres and becomes sform and qform, both in scanner coordinates.
    The data type of the array is kept. Raises OperatorError `out_not_writable`.
    """
    from nibabel.nifti1 import Nifti1Image

    image = Nifti1Image(data, affine)
    image.header.set_xyzt_units("mm", "sec")
    image.set_sform(affine, code=SCANNER)
    image.set_qform(affine, code=SCANNER)
    try:
        image.to_filename(str(path))
    except OSError:
        raise refuse("out_not_writable", path=path) from None
    return path


def read_values(path: Path) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float64]]:
    """Return a picture that `write_nifti` wrote, and its affine to RAS+ mm. Raises `comparison_unreadable`."""
    data, affine = _read(path)
    return data.astype(np.float32), affine


def read_back(path: Path) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float64]]:
    """Return a label map that `write_nifti` wrote, and its affine to RAS+ mm. Raises `comparison_unreadable`."""
    data, affine = _read(path)
    return np.rint(data).astype(np.int32), affine


def _read(path: Path) -> tuple[npt.NDArray[Any], npt.NDArray[np.float64]]:
    from nibabel.filebasedimages import ImageFileError
    from nibabel.nifti1 import Nifti1Image

    try:
        image = Nifti1Image.from_filename(str(path))
        data = np.asarray(image.dataobj)
    except (ImageFileError, OSError, ValueError, EOFError):
        raise refuse("comparison_unreadable", detail=f"{path.name} is damaged or missing") from None
    if data.ndim != 3 or image.affine is None:
        raise refuse("comparison_unreadable", detail=f"{path.name} is no map of three dimensions")
    return data, np.asarray(image.affine, dtype=np.float64)
