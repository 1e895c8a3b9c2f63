"""What the header claims about the pixels, and whether the bytes that are there can hold it. PS3.3 C.7.6.3, PS3.5 8."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from mriloop.edges.dicom.elements import DamagedError, Elements
from mriloop.edges.dicom.part10 import RLE, Part10, PixelPlace

_MAX_SIDE = 65_535
_MAX_FRAMES = 100_000
_PADDING = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class Pixels:
    """The image matrix of one instance and where to find it. Bits and planes as in the Image Pixel module."""

    path: Path
    transfer_syntax: str
    place: PixelPlace
    rows: int
    columns: int
    frames: int
    samples: int
    allocated: int
    stored: int
    signed: bool
    planar: bool
    photometric: str
    big_endian: bool
    floating: bool

    @property
    def frame_bytes(self) -> int:
        """Bytes of one decoded frame."""
        return (self.rows * self.columns * self.samples * self.allocated + 7) // 8


def describe(part10: Part10, path: Path) -> Pixels | None:
    """Return the image matrix of an opened file, None when it holds no image.

    Raises DamagedError: `file_pixels_impossible` when header and bytes contradict each other, `file_truncated` when the
    file ends too early, `file_no_pixels` for an image whose pixel data element is absent or empty.
    """
    header = part10.elements
    rows, columns = header.integer(0x00280010), header.integer(0x00280011)
    if part10.pixels is None:
        if rows and columns and header.integer(0x00280100):
            raise DamagedError("file_no_pixels")
        return None
    if part10.pixels.length == 0:
        raise DamagedError("file_no_pixels")
    allocated = header.integer(0x00280100)
    stored = header.integer(0x00280101) or allocated
    samples = header.integer(0x00280002) or 1
    floating = part10.pixels.tag != 0x7FE00010
    if (
        not rows
        or not columns
        or not allocated
        or not stored
        or not 0 < rows <= _MAX_SIDE
        or not 0 < columns <= _MAX_SIDE
        or allocated not in ((32, 64) if floating else (1, 8, 16, 32))
        or not 0 < stored <= allocated
        or samples not in (1, 3, 4)
        or not _high_bit_fits(header, stored, allocated)
    ):
        raise DamagedError("file_pixels_impossible")
    pixels = Pixels(
        path=path,
        transfer_syntax=part10.transfer_syntax,
        place=part10.pixels,
        rows=rows,
        columns=columns,
        frames=1,
        samples=samples,
        allocated=allocated,
        stored=stored,
        signed=header.integer(0x00280103) == 1,
        planar=samples > 1 and header.integer(0x00280006) == 1,
        photometric=header.text(0x00280004) or "",
        big_endian=header.syntax.order == ">",
        floating=floating,
    )
    return replace(pixels, frames=_frames(header, pixels))


def _high_bit_fits(header: Elements, stored: int, allocated: int) -> bool:
    high = header.integer(0x00280102)
    return high is None or stored - 1 <= high < allocated


def _frames(header: Elements, pixels: Pixels) -> int:
    """Return the number of frames after holding it against the bytes that are there."""
    place = pixels.place
    said = header.integer(0x00280008)
    dirty = 0x00280008 in header and bool(header.raw(0x00280008)) and said is None
    if said is not None and not 0 < said <= _MAX_FRAMES:
        raise DamagedError("file_pixels_impossible")
    if place.encapsulated:
        frames = said or 1
        if dirty:
            frames = max(1, len(place.offsets) or len(place.fragments))
        if not place.fragments or len(place.fragments) < frames or not any(n for _, n in place.fragments):
            raise DamagedError("file_pixels_impossible")
        if pixels.transfer_syntax == RLE and len(place.fragments) != frames:
            raise DamagedError("file_pixels_impossible")
        return frames
    if place.present < place.length:
        raise DamagedError("file_truncated")
    if dirty:
        said, rest = divmod(place.length, pixels.frame_bytes)
        if not said or rest > 1:
            raise DamagedError("file_pixels_impossible")
    frames = said or 1
    bits = pixels.rows * pixels.columns * pixels.samples * pixels.allocated * frames
    need = (bits + 7) // 8
    if pixels.photometric.startswith("YBR_FULL_422"):
        need = need * 2 // 3
    excess = place.length - need
    if excess < 0 or (excess > 1 and (excess >= pixels.frame_bytes or excess > min(need // 100, _PADDING))):
        raise DamagedError("file_pixels_impossible")
    return frames
