"""A second opinion on every voxel: dcm2niix converts the series in a child process, and each slice must agree.

dcm2niix knows the vendors' ways better than anyone, but it does not say which file a voxel came from, and it does not
fail where the grid has a hole. So volumes are stacked by `stack`, which knows every source, and dcm2niix is the
independent witness: each slice of its output must equal, number by number, a stored frame at that very place, and each
frame must appear in it. Where it does not agree, the volume says so.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mriloop.edges.dicom.child import Running
from mriloop.edges.dicom.limits import Limits
from mriloop.edges.dicom.slices import Slice

_OPTIONS = ("-b", "n", "-z", "n", "-p", "n", "-l", "o", "-x", "i", "-w", "2", "-d", "0", "-g", "i", "-f", "v")
_SAME_DIRECTION = 0.999
_SAME_PLACE_MM = 0.1
_LARGEST_GROWTH = 64
_MIN_OUTPUT = 64 << 20

Pool = dict[bytes, list[Slice]]


class _DisagreementError(Exception):
    """What dcm2niix returned is not what the frames say. Its text says in what."""


class Witness:
    """dcm2niix at work on the files of one series, beside whatever else is done with them meanwhile.

    A context manager: leaving it ends the conversion and removes its output.
    """

    def __init__(self, paths: Sequence[Path], limits: Limits) -> None:
        import dcm2niix

        self._held = ExitStack()
        with ExitStack() as held:
            folder = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="mriloop-convert-")))
            inside, self._outside = folder / "in", folder / "out"
            inside.mkdir()
            self._outside.mkdir()
            size = 0
            for number, path in enumerate(paths):
                (inside / f"{number:08d}.dcm").symlink_to(path.resolve())
                size += path.stat().st_size
            self._running = held.enter_context(
                Running(
                    [dcm2niix.bin, *_OPTIONS, "-o", str(self._outside), str(inside)],
                    cwd=folder,
                    timeout_s=limits.convert_timeout_s,
                    memory_gb=limits.convert_memory_gb,
                    output_bytes=min(limits.max_unpacked_bytes, size * _LARGEST_GROWTH + _MIN_OUTPUT),
                )
            )
            self._held = held.pop_all()

    def __enter__(self) -> Witness:
        return self

    def __exit__(self, *_: object) -> None:
        self._held.close()

    def disagreement(self, slices: Sequence[Slice]) -> str:
        """Return in what dcm2niix disagrees with these slices of the series, in words; empty when it confirms all."""
        if any(one.colour for one in slices):
            return "colour images are not compared"
        pool: Pool = defaultdict(list)
        for one in slices:
            pool[_fingerprint(one.stored)].append(one)
        seen: set[int] = set()
        try:
            for image in self._images():
                _compare(image, slices, pool, seen)
        except _DisagreementError as difference:
            return str(difference)
        left = len(slices) - len(seen)
        return f"{left} of {len(slices)} slices are not in its output" if left else ""

    def _images(self) -> Iterator[tuple[npt.NDArray[Any], Any]]:
        """Wait for the conversion and yield its images, one in memory at a time."""
        import nibabel as nib

        outcome = self._running.outcome()
        if outcome.stopped:
            raise _DisagreementError(f"stopped: {outcome.stopped}")
        count = 0
        for path in sorted(self._outside.glob("*.nii")):
            if "_Eq_" in path.name:  # resampled to equal distances: no frame looks like that
                continue
            try:
                opened: Any = nib.Nifti1Image
                image = opened.from_filename(str(path), mmap=False)
                raw = np.asarray(image.dataobj.get_unscaled())
            except (OSError, ValueError, EOFError, nib.filebasedimages.ImageFileError):
                raise _DisagreementError("unreadable output") from None
            count += 1
            yield raw, image
        if not count:
            raise _DisagreementError(f"no output (exit code {outcome.code})")


def _fingerprint(values: npt.NDArray[Any]) -> bytes:
    """Return a digest of the numbers of a slice, whatever their type."""
    kind = np.float64 if values.dtype.kind == "f" else np.int64
    return hashlib.blake2b(np.ascontiguousarray(values, dtype=kind).tobytes(), digest_size=16).digest()


def _compare(pair: tuple[npt.NDArray[Any], Any], slices: Sequence[Slice], pool: Pool, seen: set[int]) -> None:
    """Find the frame of every slice of one image and mark it as seen. Raises _DisagreementError."""
    raw, image = pair
    if raw.dtype.kind not in "iuf" or raw.ndim not in (2, 3, 4):
        raise _DisagreementError("an unexpected kind of voxel")
    raw = raw.reshape(*raw.shape, *(1,) * (4 - raw.ndim))
    slope, intercept = image.dataobj.slope, image.dataobj.inter
    turned, affine = _turn(raw, np.asarray(image.affine, dtype=np.float64), slices)
    for t in range(turned.shape[3]):
        for k in range(turned.shape[2]):
            place = affine[:3, 2] * k + affine[:3, 3]
            alike = [
                one
                for one in pool.get(_fingerprint(turned[:, :, k, t].T), ())
                if np.abs(one.position - place).max() < _SAME_PLACE_MM
            ]
            if not alike:
                raise _DisagreementError(f"its slice {k} of time point {t} equals no frame at its place")
            match = next((one for one in alike if id(one) not in seen), alike[0])
            seen.add(id(match))
            if not np.allclose((slope, intercept), (match.slope, match.intercept), rtol=1e-4, atol=1e-9):
                raise _DisagreementError("another scale of intensities")


def _turn(
    raw: npt.NDArray[Any], affine: npt.NDArray[np.float64], slices: Sequence[Slice]
) -> tuple[npt.NDArray[Any], npt.NDArray[np.float64]]:
    """Permute and flip voxel axes, without resampling, so that they run along columns, rows and the slice normal."""
    lengths = np.linalg.norm(affine[:3, :3], axis=0)
    if not np.isfinite(affine).all() or lengths.min() <= 0:
        raise _DisagreementError("a geometry without extent")
    directions = affine[:3, :3] / lengths
    seen: list[npt.NDArray[np.float64]] = []
    for one in slices:
        frame = np.stack([one.row_axis, one.column_axis, one.normal], axis=1)
        if any(np.allclose(frame, other, atol=1e-3) for other in seen):
            continue
        seen.append(frame)
        cosines = frame.T @ directions
        order = np.argmax(np.abs(cosines), axis=1)
        if len(set(order.tolist())) < 3 or np.abs(cosines[np.arange(3), order]).min() < _SAME_DIRECTION:
            continue
        turned = np.transpose(raw, (*order.tolist(), 3))
        matrix = affine[:, [*order.tolist(), 3]].copy()
        for axis in range(3):
            if cosines[axis, order[axis]] < 0:
                turned = np.flip(turned, axis)
                matrix[:, 3] += matrix[:, axis] * (turned.shape[axis] - 1)
                matrix[:, axis] *= -1
        spacing = np.linalg.norm(matrix[:3, :2], axis=0)[::-1]
        if turned.shape[:2] == one.stored.shape[::-1] and np.allclose(spacing, one.spacing, rtol=1e-3):
            return turned, matrix
    raise _DisagreementError("an orientation or a spacing that no frame has")
