"""Stored pixel values: uncompressed ones are read here, compressed ones in a child process with limits."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mriloop.edges.dicom.child import run_limited
from mriloop.edges.dicom.limits import Limits
from mriloop.edges.dicom.pixels import Pixels
from mriloop.model.errors import MriloopError, refuse

Array = npt.NDArray[np.generic]
_REFUSAL = {"syntax": "file_transfer_syntax", "broken": "file_pixels_impossible"}


def decode_all(wanted: Sequence[Pixels], limits: Limits) -> list[Array | MriloopError]:
    """Return for each instance its stored values before any rescaling, or why they cannot be had.

    Values are (frame, row, column) or (frame, row, column, sample). The refusals are `file_transfer_syntax` when no
    decoder reads the pixels and `file_pixels_impossible` when the bytes are not what the header says. Raises
    ComponentError `converter_failed` when decoding exceeds its limits of time or memory.
    """
    results: list[Array | MriloopError] = []
    packed = [pixels for pixels in wanted if pixels.place.encapsulated]
    unpacked = iter(_compressed(packed, limits) if packed else [])
    for pixels in wanted:
        try:
            results.append(next(unpacked) if pixels.place.encapsulated else native(pixels))
        except MriloopError as error:
            results.append(error)
    return results


def native(pixels: Pixels) -> Array:
    """Return the stored values of uncompressed pixel data. Raises SenderError `file_truncated`."""
    shape = _shape(pixels)
    count = int(np.prod(shape))
    offset = pixels.place.offset
    if pixels.allocated == 1:
        bits = np.fromfile(pixels.path, np.uint8, (count + 7) // 8, offset=offset)
        return np.unpackbits(bits, count=count, bitorder="little").reshape(shape)
    kind = "f" if pixels.floating else "i" if pixels.signed else "u"
    stored = np.dtype(f"{'>' if pixels.big_endian else '<'}{kind}{pixels.allocated // 8}")
    values: Array = np.fromfile(pixels.path, stored, count, offset=offset)
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
    if pixels.floating or spare <= 0:
        return values
    whole = values.view(f"{values.dtype.kind}{values.dtype.itemsize}")
    shifted: Array = np.right_shift(np.left_shift(whole, spare), spare)
    return shifted


def _compressed(wanted: Sequence[Pixels], limits: Limits) -> list[Array | MriloopError]:
    needs = [pixels.frame_bytes * pixels.frames for pixels in wanted]
    if max(needs) > limits.max_file_bytes or sum(needs) > limits.max_unpacked_bytes:
        raise refuse("converter_failed", detail="the decoded pixels exceed the limits of size")
    with tempfile.TemporaryDirectory(prefix="mriloop-decode-") as name:
        folder = Path(name)
        (folder / "wanted.json").write_text(json.dumps([str(pixels.path) for pixels in wanted]), "utf-8")
        outcome = run_limited(
            [sys.executable, "-m", "mriloop.edges.dicom.decode_child", str(folder)],
            cwd=folder,
            timeout_s=limits.convert_timeout_s,
            memory_gb=limits.convert_memory_gb,
            output_bytes=max(needs) + (1 << 20),
        )
        if outcome.stopped:
            raise refuse("converter_failed", detail=f"decoding was stopped: {outcome.stopped}")
        return [_fetch(folder, number, pixels) for number, pixels in enumerate(wanted)]


def _fetch(folder: Path, number: int, pixels: Pixels) -> Array | MriloopError:
    """Return what the child left for one instance; a child that crashed on it left nothing."""
    values = folder / f"{number}.npy"
    if not values.exists():
        reason = folder / f"{number}.txt"
        code = _REFUSAL.get(reason.read_text("ascii"), "file_pixels_impossible") if reason.exists() else None
        return refuse(code or "file_pixels_impossible", syntax=pixels.transfer_syntax)
    try:
        loaded: Array = np.load(values, allow_pickle=False)
    except (ValueError, EOFError, OSError):
        return refuse("file_pixels_impossible")
    shape = _shape(pixels)
    if loaded.size != int(np.prod(shape)):
        return refuse("file_pixels_impossible")
    return loaded.reshape(shape)
