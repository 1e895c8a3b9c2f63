"""Stored pixel values: uncompressed ones are read here, compressed ones in a child process with limits."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mriloop.edges.dicom.child import run_limited
from mriloop.edges.dicom.limits import Limits
from mriloop.edges.dicom.pixels import Pixels
from mriloop.model.errors import refuse

Array = npt.NDArray[np.generic]


def decoded(pixels: Pixels, limits: Limits) -> Array:
    """Return the stored values as (frame, row, column) or (frame, row, column, sample), before any rescaling.

    Raises SenderError `file_transfer_syntax` when no decoder reads the pixels, `file_pixels_impossible` when the bytes
    are not what the header says, ComponentError `converter_failed` when the decoder exceeds its limits.
    """
    if pixels.place.encapsulated:
        return _compressed(pixels, limits)
    return native(pixels, pixels.path, pixels.place.offset)


def native(pixels: Pixels, path: Path, offset: int) -> Array:
    """Return the stored values of uncompressed pixel data that start at `offset` of a file."""
    shape = _shape(pixels)
    count = int(np.prod(shape))
    if pixels.allocated == 1:
        bits = np.fromfile(path, np.uint8, (count + 7) // 8, offset=offset)
        return np.unpackbits(bits, count=count, bitorder="little").reshape(shape)
    kind = "f" if pixels.floating else "i" if pixels.signed else "u"
    stored = np.dtype(f"{'>' if pixels.big_endian else '<'}{kind}{pixels.allocated // 8}")
    values = np.fromfile(path, stored, count, offset=offset)
    if values.size != count:
        raise refuse("file_truncated")
    values = values.astype(stored.newbyteorder("="))
    if pixels.planar:
        frames, rows, columns, samples = shape
        values = np.moveaxis(values.reshape(frames, samples, rows, columns), 1, -1)
    return _clean(np.ascontiguousarray(values.reshape(shape)), pixels)


def _shape(pixels: Pixels) -> tuple[int, ...]:
    shape = (pixels.frames, pixels.rows, pixels.columns)
    return shape if pixels.samples == 1 else (*shape, pixels.samples)


def _clean(values: Array, pixels: Pixels) -> Array:
    """Drop bits above BitsStored, where old writers kept overlays, and extend the sign from there."""
    spare = pixels.allocated - pixels.stored
    if pixels.floating or spare <= 0 or pixels.allocated == 1:
        return values
    shifted: Array = np.left_shift(values, spare)
    return np.right_shift(shifted, spare)


def _compressed(pixels: Pixels, limits: Limits) -> Array:
    need = pixels.frame_bytes * pixels.frames
    if need > limits.max_file_bytes:
        raise refuse("file_too_large", limit=f"{limits.max_file_mb:g} MB", setting="MRILOOP_MAX_FILE_MB")
    with tempfile.TemporaryDirectory(prefix="mriloop-decode-") as folder:
        target = Path(folder) / "pixels.npy"
        outcome = run_limited(
            [sys.executable, "-m", "mriloop.edges.dicom.decode_child", str(pixels.path), str(target)],
            cwd=Path(folder),
            timeout_s=limits.convert_timeout_s,
            memory_gb=limits.convert_memory_gb,
            output_bytes=need + (1 << 20),
        )
        if outcome.stopped:
            raise refuse("converter_failed", detail=f"decoding stopped: {outcome.stopped}")
        if outcome.code == 3:
            raise refuse("file_transfer_syntax", syntax=pixels.transfer_syntax)
        if outcome.code != 0 or not target.exists():
            raise refuse("file_pixels_impossible")
        values: Array = np.load(target, allow_pickle=False)
    shape = _shape(pixels)
    if values.size != int(np.prod(shape)):
        raise refuse("file_pixels_impossible")
    return values.reshape(shape)
