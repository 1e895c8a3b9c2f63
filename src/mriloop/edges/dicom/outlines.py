"""Outlines in: DICOM segmentations, RT structure sets and NIfTI label masks become masks in the patient."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mriloop.edges.dicom.elements import DamagedError
from mriloop.edges.dicom.gather import Found, gunzip
from mriloop.edges.dicom.limits import Limits
from mriloop.edges.dicom.nifti import read_array
from mriloop.edges.dicom.outlines_rtstruct import STRUCTURE_SET, read_structures
from mriloop.edges.dicom.outlines_seg import SEGMENTATIONS, read_segments
from mriloop.edges.dicom.part10 import open_part10, read_first, sniff
from mriloop.model.errors import MriloopError, refuse
from mriloop.model.outline import Outline
from mriloop.model.volume import Volume

_MOST_LABELS = 1000
_LONGEST_TABLE = 1 << 20


def read_outlines(path: Path, limits: Limits, *, volumes: Sequence[Volume] = ()) -> tuple[Outline, ...]:
    """Return the regions that a file outlines, in the order of their numbers; regions without a voxel are left out.

    Parameters
    ----------
    path : a DICOM Segmentation (binary, fractional or label map), an RT Structure Set, or a NIfTI mask (.nii, .nii.gz)
        in which each whole number is a region
    volumes : series that may have been drawn on. Contours need theirs; a segmentation whose frames lie on the slices
        of one of them is returned on all its voxels, otherwise on the smallest regular grid of its own frames

    Raises
    ------
    SenderError
        outline_not_supported, outline_empty, outline_geometry (no place, or off every one of `volumes`),
        outline_without_images, outline_damaged, outline_too_large, and the file_… codes of single files.
    """
    try:
        first = read_first(path)
    except OSError:
        raise refuse("file_unreadable") from None
    kind = sniff(first[0])
    try:
        if kind in ("dicom", "maybe"):
            found = _dicom(path, first, limits, volumes)
        elif kind in ("nifti", "gzip"):
            found = _nifti(path, kind == "gzip", limits, volumes)
        else:
            raise refuse("outline_not_supported", path=path.name)
    except DamagedError as damage:
        raise refuse(
            damage.code, path=path.name, limit=f"{limits.max_file_mb:g} MB", syntax="of this file",
            setting="MRILOOP_MAX_FILE_MB",
        ) from None  # fmt: skip
    except MriloopError as error:
        raise refuse(error.code, **({"path": path.name, "limit": f"{limits.max_file_mb:g} MB",
                                     "setting": "MRILOOP_MAX_FILE_MB"} | error.context)) from None  # fmt: skip
    if not found:
        raise refuse("outline_empty", path=path.name)
    if volumes and not any(touches(one, volume) for one in found for volume in volumes):
        raise refuse("outline_geometry", path=path.name)
    return found


def _dicom(path: Path, first: tuple[bytes, int], limits: Limits, volumes: Sequence[Volume]) -> tuple[Outline, ...]:
    part10 = open_part10(path, limits.max_file_bytes, first)
    kind = part10.elements.text(0x00080016) or part10.media_class
    if kind in SEGMENTATIONS:
        return read_segments(path, part10, limits, volumes)
    if kind == STRUCTURE_SET:
        return read_structures(path, part10.elements, limits, volumes)
    raise refuse("outline_not_supported")


def _nifti(path: Path, packed: bool, limits: Limits, volumes: Sequence[Volume]) -> tuple[Outline, ...]:
    with tempfile.TemporaryDirectory(prefix="mriloop-mask-") as room:
        source = path
        if packed:
            source = Path(room) / "mask.nii"
            code = gunzip(Found(shown=path.name, path=path), limits, source)
            if code is not None:
                raise refuse("outline_not_supported" if code == "file_not_dicom" else code)
            if sniff(read_first(source)[0]) != "nifti":
                raise refuse("outline_not_supported")
        data, affine = read_array(source, limits)
    outlined = data[data != 0]
    if not np.isfinite(outlined).all() or (outlined < 0).any():
        raise refuse("outline_damaged", detail="numbers below zero, or none at all")
    if (outlined != np.rint(outlined)).any():
        if outlined.max() > 1.0:
            raise refuse("outline_damaged", detail="fractions above one")
        data = np.where(data >= 0.5, 1.0, 0.0)
        outlined = data[data != 0]
    values = [int(value) for value in np.unique(outlined)]
    if len(values) > _MOST_LABELS or len(values) * data.size > limits.max_file_bytes:
        raise refuse("outline_too_large")
    names = _names(path)
    drawn_on = next((v.series_instance_uid for v in volumes if _same_grid(data.shape, affine, v)), "")
    return tuple(
        Outline(
            data=data == value,
            affine=affine,
            label=names.get(value, str(value)),
            number=value,
            series_instance_uid=drawn_on,
            source=path.name,
        )
        for value in values
    )


def _names(path: Path) -> dict[int, str]:
    """Return what a BIDS look-up table beside the mask (…_dseg.tsv: index, name) calls each label."""
    table = path.with_name(path.name.split(".nii")[0] + ".tsv")
    try:
        if table.stat().st_size > _LONGEST_TABLE:
            return {}
        rows = [line.split("\t") for line in table.read_text("utf-8-sig").splitlines()]
        head = [word.strip().lower() for word in rows[0]]
        index, name = head.index("index"), head.index("name")
        return {int(row[index]): row[name].strip()[:64] for row in rows[1:] if len(row) > max(index, name)}
    except (OSError, ValueError, IndexError):
        return {}


def _same_grid(shape: tuple[int, ...], affine: np.ndarray, volume: Volume) -> bool:
    return shape == volume.data.shape[:3] and bool(np.abs(affine - volume.affine).max() < 1e-2)


def touches(one: Outline, volume: Volume) -> bool:
    """Tell whether any voxel of an outline lies inside a volume."""
    inside = np.argwhere(one.data)
    to_volume = np.linalg.inv(volume.affine) @ one.affine
    where = inside @ to_volume[:3, :3].T + to_volume[:3, 3]
    limit = np.array(volume.data.shape[:3]) - 0.5
    return bool(np.all((where > -0.5) & (where < limit), axis=1).any())
