"""NIfTI images, with their BIDS sidecars where there are any, as studies in the words of DICOM."""

from __future__ import annotations

import hashlib
import json
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt

from mriloop.edges.dicom.bids import bids_parameters, subject_of, visit_of
from mriloop.edges.dicom.duplicates import file_digest
from mriloop.edges.dicom.gather import refused
from mriloop.edges.dicom.identity import digest_of
from mriloop.edges.dicom.limits import Limits
from mriloop.edges.dicom.reader import Loose
from mriloop.edges.dicom.sidecars import ENDINGS, Sidecars, stem_of
from mriloop.model.errors import MriloopError, refuse
from mriloop.model.study import Component, Frame, Parameter, Point, Refused, Series, SeriesObject, Study
from mriloop.model.volume import Volume

_MAX_SIDE = 65_535
_MAX_SIDECAR = 16 << 20
_UNITS_MM = {0: 1.0, 1: 1000.0, 2: 1.0, 3: 1e-3}
_SECONDS = {8: 1.0, 16: 1e-3, 24: 1e-6}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NiftiSource:
    """Where a series of NIfTI came from.

    `subject` is its BIDS subject, empty when nothing tells; `name` its path inside the input.
    """

    path: Path
    files: tuple[Path, ...]
    subject: str
    name: str
    shape: tuple[int, int, int, int]
    slice_axis: int
    affine: npt.NDArray[np.float64]
    b_values: tuple[float, ...] = ()
    b_vectors_ras: tuple[Point | None, ...] = ()
    repetition_time_ms: float | None = None

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Distance between neighbouring voxel centres along the three axes."""
        i, j, k = np.linalg.norm(self.affine[:3, :3], axis=0)
        return float(i), float(j), float(k)


def uid_of(digest: str) -> str:
    """Return a UID under the UUID root (PS3.5 B.2) from a hexadecimal digest."""
    return f"2.25.{int(digest[:32], 16)}"


def read_nifti(
    images: Sequence[Loose], loose: Sequence[Loose], source: Path, limits: Limits, salt: bytes
) -> tuple[list[Study], dict[str, NiftiSource], list[Refused], set[str]]:
    """Return the studies that NIfTI images form, their sources by series, the refused ones, and the sidecars in use.

    Images belong together when BIDS says so (`sub-`, `ses-`), else when they lie in the same folder.
    """
    files = [(one.shown, one.path) for one in loose]
    if source.is_file():  # a single file: its sidecars lie beside it
        own = [stem_of(source.name) + ending for ending in ENDINGS]
        files += [(name, source.parent / name) for name in own if (source.parent / name).is_file()]
    sidecars = Sidecars(files)
    groups: dict[tuple[str, str], list[tuple[Series, NiftiSource]]] = defaultdict(list)
    rejected: list[Refused] = []
    used: set[str] = set()
    seen: set[str] = set()
    for image in images:
        try:
            series, found, companions = _read_one(image, sidecars, limits)
        except MriloopError as error:
            rejected.append(refused(image.shown, error.code, **error.context))
            continue
        used |= companions
        if series.series_instance_uid not in seen:
            seen.add(series.series_instance_uid)
            groups[visit_of(image.shown)].append((series, found))
    studies: list[Study] = []
    sources: dict[str, NiftiSource] = {}
    for (subject, _), members in groups.items():
        content = "".join(sorted(series.series_instance_uid for series, _ in members))
        uid = uid_of(hashlib.sha256(content.encode("ascii")).hexdigest())
        patient = digest_of(("bids", subject, "") if subject else ("study", uid, ""), salt)
        numbered = [
            _in_study(series, uid, number)
            for number, (series, _) in enumerate(sorted(members, key=lambda one: one[0].description), 1)
        ]
        studies.append(Study(study_instance_uid=uid, patient=patient, series=tuple(numbered)))
        sources |= {series.series_instance_uid: found for series, found in members}
    return studies, sources, rejected, used


def _in_study(series: Series, study_uid: str, number: int) -> Series:
    said = series.series_number
    return replace(series, study_instance_uid=study_uid, series_number=number if said is None else said)


def _read_one(image: Loose, sidecars: Sidecars, limits: Limits) -> tuple[Series, NiftiSource, set[str]]:
    header, affine, shape = _open_header(image.path, limits)
    stem = stem_of(image.shown)
    companions = sidecars.of(image.shown)
    used = {shown for members in companions.values() for shown, _ in members}
    sidecar: dict[str, Any] = {}
    for _, path in companions[".json"]:
        sidecar |= _sidecar(path)
    modality = str(sidecar.get("Modality", "MR")).upper()
    if modality != "MR":
        raise refuse("file_not_mr", modality=modality[:16])
    values = bids_parameters(sidecar, PurePosixPath(stem).name)
    volumes = shape[3]
    unit = _SECONDS.get(int(header["xyzt_units"]) & 0x38)
    step = float(header["pixdim"][4])
    if "RepetitionTime" not in values and volumes > 1 and unit and math.isfinite(step) and step > 0:
        values["RepetitionTime"] = round(step * unit * 1000, 6)
    axis = _slice_axis(header, affine, shape)
    uid = uid_of(file_digest(image.path))
    b_values, b_vectors = _diffusion(_nearest(companions[".bval"]), _nearest(companions[".bvec"]), affine, volumes)
    series = Series(
        series_instance_uid=uid,
        study_instance_uid="",
        modality="MR",
        object=SeriesObject.IMAGE,
        series_number=_number(sidecar.get("SeriesNumber")),
        description=str(values.get("SeriesDescription") or PurePosixPath(stem).name)[:64],
        frames=_frames(uid, affine, shape, axis, values, b_values, b_vectors),
        parameters=values,
    )
    repetition = values.get("RepetitionTime")
    return (
        series,
        NiftiSource(
            path=image.path,
            files=(image.path,),
            subject=subject_of(image.shown)[0],
            name=image.shown,
            shape=shape,
            slice_axis=axis,
            affine=affine,
            b_values=b_values,
            b_vectors_ras=b_vectors,
            repetition_time_ms=repetition if isinstance(repetition, float) else None,
        ),
        used,
    )


def _image(path: Path) -> Any:
    """Open a NIfTI file whatever its name. Raises SenderError file_not_nifti."""
    import nibabel as nib  # half a second, which readers of DICOM need not wait

    holder = nib.FileHolder(filename=str(path))
    with path.open("rb") as file:
        kind = nib.Nifti2Image if file.read(4) in (b"\x1c\x02\0\0", b"\0\0\x02\x1c") else nib.Nifti1Image
    try:
        opened: Any = kind
        return opened.from_file_map({"header": holder, "image": holder})
    except (ValueError, OSError, KeyError, nib.spatialimages.HeaderDataError, nib.filebasedimages.ImageFileError):
        raise refuse("file_not_nifti") from None


def _open_header(path: Path, limits: Limits) -> tuple[Any, npt.NDArray[np.float64], tuple[int, int, int, int]]:
    """Return header, affine to RAS+ mm, and (i, j, k, t) sizes, after holding them against the file."""
    from nibabel.spatialimages import HeaderDataError

    image = _image(path)
    header = image.header
    sizes = [int(n) for n in image.shape]
    if not 2 <= len(sizes) <= 7 or any(not 0 < n <= _MAX_SIDE for n in sizes):
        raise refuse("file_not_nifti")
    sizes += [1] * (4 - len(sizes))
    shape = (sizes[0], sizes[1], sizes[2], math.prod(sizes[3:]))
    offset = float(header["vox_offset"])
    need = math.prod(shape) * int(header["bitpix"]) // 8
    if not math.isfinite(offset) or offset < 0:
        raise refuse("file_not_nifti")
    if need > limits.max_file_bytes:
        raise refuse("file_too_large", limit=f"{limits.max_file_mb:g} MB", setting="MRILOOP_MAX_FILE_MB")
    if offset + need > path.stat().st_size:
        raise refuse("file_truncated")
    if int(header["sform_code"]) > 0:
        affine = np.asarray(header.get_sform(), dtype=np.float64)
    elif int(header["qform_code"]) > 0:
        try:
            affine = np.asarray(header.get_qform(), dtype=np.float64)
        except (ValueError, HeaderDataError):
            raise refuse("file_nifti_geometry") from None
    else:
        raise refuse("file_nifti_geometry")
    affine = affine.copy()
    affine[:3] *= _UNITS_MM.get(int(header["xyzt_units"]) & 0x07, 1.0)
    lengths = np.linalg.norm(affine[:3, :3], axis=0)
    if not np.isfinite(affine).all() or lengths.min() <= 1e-4 or lengths.max() > 1e4:
        raise refuse("file_nifti_geometry")
    if abs(np.linalg.det(affine[:3, :3] / lengths)) < 0.1:
        raise refuse("file_nifti_geometry")
    return header, affine, shape


def read_array(path: Path, limits: Limits) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the numbers of an unpacked NIfTI file (i, j, k) and their affine to RAS+ mm.

    Raises SenderError: `file_not_nifti`, `file_nifti_geometry`, `file_truncated`, `file_too_large`; `several_series`
    for more than one volume.
    """
    _, affine, shape = _open_header(path, limits)
    if shape[3] != 1:
        raise refuse("several_series", path=path, count=shape[3])
    try:
        data = np.asarray(_image(path).get_fdata(dtype=np.float64))
    except (ValueError, OSError, TypeError, EOFError):
        raise refuse("file_not_nifti") from None
    return data.reshape(shape[:3]), affine


def _sidecar(path: Path | None) -> dict[str, Any]:
    if path is None or not path.is_file():
        return {}
    try:
        if path.stat().st_size > _MAX_SIDECAR:
            raise refuse("file_sidecar_invalid")
        content = json.loads(path.read_text("utf-8-sig", errors="replace"), strict=False)
    except (ValueError, OSError, RecursionError):
        raise refuse("file_sidecar_invalid") from None
    if not isinstance(content, dict):
        raise refuse("file_sidecar_invalid")
    return content


def _number(value: object) -> int | None:
    return int(value) if isinstance(value, int | float) and math.isfinite(value) else None


def _slice_axis(header: Any, affine: npt.NDArray[np.float64], shape: tuple[int, ...]) -> int:
    """Return the slice axis: what the header says, else the axis with clearly the largest step, else the third."""
    _, _, said = header.get_dim_info()
    if said is not None:
        return int(said)
    lengths = np.linalg.norm(affine[:3, :3], axis=0)
    order = np.argsort(lengths)
    return int(order[2]) if lengths[order[2]] > 1.2 * lengths[order[1]] and shape[order[2]] > 1 else 2


def _nearest(members: tuple[tuple[str, Path], ...]) -> Path | None:
    return members[-1][1] if members else None


def _diffusion(
    bval: Path | None, bvec: Path | None, affine: npt.NDArray[np.float64], volumes: int
) -> tuple[tuple[float, ...], tuple[Point | None, ...]]:
    """Return b-values and directions (FSL's files) for each volume, () when they do not fit the image."""
    values = _table(bval)
    if values is None or values.size != volumes:
        return (), ()
    b_values = tuple(float(b) for b in values.ravel())
    table = _table(bvec)
    if table is None or table.size != 3 * volumes:
        return b_values, ()
    return b_values, directions_ras(table.reshape(3, -1) if table.shape[0] == 3 else table.T, affine)


def directions_ras(table: npt.NDArray[np.float64], affine: npt.NDArray[np.float64]) -> tuple[Point | None, ...]:
    """Turn FSL directions (3, t) of an image with this affine into unit vectors in RAS+; None for a zero vector.

    FSL gives them along the voxel axes, with the first one reversed when the determinant is positive.
    """
    axes = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    flip = np.diag([-1.0 if np.linalg.det(axes) > 0 else 1.0, 1.0, 1.0])
    vectors = axes @ flip @ table
    found: list[Point | None] = []
    for vector in vectors.T:
        length = float(np.linalg.norm(vector))
        unit = vector / length if length > 0.1 else None
        found.append(None if unit is None else (float(unit[0]), float(unit[1]), float(unit[2])))
    return tuple(found)


def _table(path: Path | None) -> npt.NDArray[np.float64] | None:
    if path is None or not path.is_file() or path.stat().st_size > _MAX_SIDECAR:
        return None
    try:
        rows = [[float(word) for word in line.split()] for line in path.read_text("ascii").splitlines() if line.strip()]
        return np.array(rows, dtype=np.float64) if rows else None
    except (ValueError, OSError):
        return None


def _frames(
    uid: str,
    affine: npt.NDArray[np.float64],
    shape: tuple[int, int, int, int],
    axis: int,
    values: Mapping[str, Parameter],
    b_values: tuple[float, ...],
    b_vectors: tuple[Point | None, ...],
) -> tuple[Frame, ...]:
    """Return one frame per slice and volume, numbered slice by slice within each volume."""
    across, down = (n for n in range(3) if n != axis)
    lengths = np.linalg.norm(affine[:3, :3], axis=0)
    axes = affine[:3, :3] / lengths
    image_type = values.get("ImageType", ())
    kind = tuple(str(word) for word in image_type) if isinstance(image_type, tuple) else (str(image_type),)
    thickness, te, ti, flip = (
        float(value) if isinstance(value := values.get(name), int | float) else None
        for name in ("SliceThickness", "EchoTime", "InversionTime", "FlipAngle")
    )
    frames = []
    for t in range(shape[3]):
        for k in range(shape[axis]):
            position = affine[:3, axis] * k + affine[:3, 3]
            frames.append(
                Frame(
                    sop_instance_uid=uid,
                    frame_number=t * shape[axis] + k + 1,
                    rows=shape[down],
                    columns=shape[across],
                    position_ras_mm=_point(position),
                    row_axis_ras=_point(axes[:, across]),
                    column_axis_ras=_point(axes[:, down]),
                    spacing_mm=(float(lengths[down]), float(lengths[across])),
                    thickness_mm=thickness,
                    temporal_index=t + 1,
                    te_ms=te,
                    ti_ms=ti,
                    flip_deg=flip,
                    b_value=b_values[t] if b_values else None,
                    b_vector_ras=b_vectors[t] if b_vectors else None,
                    image_type=kind,
                    component=_COMPONENT.get(kind[2] if len(kind) > 2 else "", Component.UNKNOWN),
                )
            )
    return tuple(frames)


_COMPONENT = {"M": Component.MAGNITUDE, "P": Component.PHASE, "R": Component.REAL, "I": Component.IMAGINARY}


def _point(vector: npt.NDArray[np.float64]) -> Point:
    return (float(vector[0]), float(vector[1]), float(vector[2]))


def load_nifti(source: NiftiSource, series: Series) -> Volume:
    """Return the voxels of a NIfTI series. Raises SenderError file_not_nifti when they cannot be read."""
    image = _image(source.path)
    try:
        data = np.asarray(image.get_fdata(dtype=np.float32))
    except (ValueError, OSError, TypeError, EOFError):
        raise refuse("file_not_nifti") from None
    spatial = data.shape[:3] + (1,) * (3 - data.ndim)
    volumes = math.prod(data.shape[3:])
    data = data.reshape(*spatial, volumes) if volumes > 1 else data.reshape(spatial)
    return Volume(
        data=data,
        affine=source.affine,
        series_instance_uid=series.series_instance_uid,
        slice_axis=source.slice_axis,
        b_values=source.b_values,
        b_vectors_ras=source.b_vectors_ras,
        repetition_time_ms=source.repetition_time_ms,
        reader="nibabel",
    )
