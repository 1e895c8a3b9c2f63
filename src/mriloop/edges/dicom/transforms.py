"""Alignments as files for other programs: ITK transforms (.tfm), and BIDS transforms with a sidecar that says the way.

An ITK transform that resamples a moving picture on a fixed grid maps points of the fixed picture to points of the
moving one, in LPS mm: the inverse, in other signs, of `Alignment.matrix`.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np

from mriloop import __version__
from mriloop.model.comparison import Alignment
from mriloop.model.errors import refuse
from mriloop.model.volume import Affine

_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
_LABEL = re.compile(r"[A-Za-z0-9]+")
_HEAD = "#Insight Transform File V1.0"
_KINDS = ("AffineTransform_double_3_3", "MatrixOffsetTransformBase_double_3_3")
_LARGEST = 1 << 16


def to_itk(matrix: Affine) -> Affine:
    """Return the (4, 4) LPS map from fixed to moving points, from the RAS+ map from moving to fixed points."""
    return np.asarray(_LPS @ np.linalg.inv(matrix) @ _LPS)


def from_itk(matrix: Affine) -> Affine:
    """Return the RAS+ map from moving to fixed points, from ITK's LPS map from fixed to moving points."""
    return np.asarray(np.linalg.inv(_LPS @ matrix @ _LPS))


def itk_text(matrix: Affine) -> str:
    """Return the ITK transform file of an alignment: `matrix` is RAS+ mm, moving to fixed."""
    inner = to_itk(matrix)
    numbers = [*inner[:3, :3].ravel(), *inner[:3, 3]]
    return (
        f"{_HEAD}\n#Transform 0\nTransform: {_KINDS[0]}\n"
        f"Parameters: {' '.join(repr(float(n) + 0.0) for n in numbers)}\nFixedParameters: 0 0 0\n"
    )


def write_transforms(
    folder: Path, alignment: Alignment, *, moving: str, fixed: str, part: str = "", **said: object
) -> tuple[Path, ...]:
    """Write an accepted alignment as `moving_to_fixed.tfm`, and as a BIDS transform with its sidecar.

    moving, fixed, part : labels (letters and digits) for the file names; `part` where it holds for one part alone
    said : more entries of the sidecar

    Raises ValueError for another label or an alignment that was refused, OperatorError `out_not_writable`.
    """
    if not all(_LABEL.fullmatch(label) for label in (moving, fixed, part or "x")):
        raise ValueError("labels of BIDS are letters and digits")
    if not alignment.accepted:
        raise ValueError("an alignment that was refused must not be written")
    text = itk_text(np.array(alignment.matrix))
    stem = f"from-{moving}_to-{fixed}_mode-image{f'_desc-{part}' if part else ''}_xfm"
    sidecar = {
        "Type": "affine" if alignment.model == "affine" else "rigid",
        "Format": "ITK transform file, text; LPS millimetres",
        "Direction": f"points of {fixed} to points of {moving}: resamples images of {moving} on the grid of {fixed}",
        "MatrixRAS": [list(row) for row in alignment.matrix],
        "MatrixRASDirection": f"points of {moving} to points of {fixed}, RAS+ mm",
        "Method": alignment.method,
        "UncertaintyMillimetres": round(alignment.uncertainty_mm, 4),
        "GeneratedBy": {"Name": "mriloop", "Version": __version__},
        **said,
    }
    files = {
        f"{moving}_to_{fixed}{f'_{part}' if part else ''}.tfm": text,
        f"{stem}.txt": text,
        f"{stem}.json": json.dumps(sidecar, indent=2) + "\n",
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (folder / name).write_text(content, encoding="utf-8")
    except OSError:
        raise refuse("out_not_writable", path=folder) from None
    return tuple(folder / name for name in files)


def read_transform(path: Path) -> Affine:
    """Return the RAS+ map from moving to fixed points that one linear ITK transform in a text file describes.

    Raises SenderError `file_transform_unreadable` for anything else: several transforms, other kinds, binary files.
    """
    try:
        if path.stat().st_size > _LARGEST:
            raise refuse("file_transform_unreadable")
        lines = path.read_text("ascii").splitlines()
        words = dict(line.split(":", 1) for line in lines if ":" in line)
        kinds = [line for line in lines if line.startswith("Transform:")]
        numbers = np.array([float(word) for word in words["Parameters"].split()])
        centre = np.array([float(word) for word in words["FixedParameters"].split()])
    except (OSError, ValueError, KeyError):
        raise refuse("file_transform_unreadable") from None
    fits = numbers.shape == (12,) and centre.shape == (3,) and np.isfinite([*numbers, *centre]).all()
    if len(kinds) != 1 or words["Transform"].strip() not in _KINDS or not fits:
        raise refuse("file_transform_unreadable")
    matrix = np.eye(4)
    matrix[:3, :3] = numbers[:9].reshape(3, 3)
    matrix[:3, 3] = numbers[9:] + centre - matrix[:3, :3] @ centre
    if abs(np.linalg.det(matrix[:3, :3])) < 1e-6:
        raise refuse("file_transform_unreadable")
    return from_itk(matrix)
