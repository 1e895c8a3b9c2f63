"""Private elements that say what the public ones leave out, vendor by vendor, as one table.

Sources: the vendors' DICOM conformance statements and what their files show; the table is printed in
docs/reference/dicom-in.md.
"""

from __future__ import annotations

from dataclasses import dataclass

from mriloop.edges.dicom.elements import Elements, decode_numbers
from mriloop.edges.dicom.text import decode_text
from mriloop.model.study import Parameter

SIEMENS_HEADER = "SIEMENS MR HEADER"
SIEMENS_CSA = "SIEMENS CSA HEADER"
SIEMENS_SDS = "SIEMENS MR SDS 01"
SIEMENS_SDI = "SIEMENS MR SDI 02"
GE_ACQUISITION, GE_RELATION, GE_PARAMETER = "GEMS_ACQU_01", "GEMS_RELA_01", "GEMS_PARM_01"
PHILIPS_IMAGING, PHILIPS_MR_001 = "PHILIPS IMAGING DD 001", "PHILIPS MR IMAGING DD 001"
PHILIPS_MR_005 = "PHILIPS MR IMAGING DD 005"
UIH = "IMAGE PRIVATE HEADER"


@dataclass(frozen=True, slots=True, kw_only=True)
class Private:
    """One private element: creator, group, offset in the creator's block, VR where the file gives none, meaning.

    A number is multiplied by `scale` to reach the unit that `meaning` names. `index` picks one of several values.
    """

    keyword: str
    creator: str
    group: int
    offset: int
    vr: str
    meaning: str
    scale: float = 1.0
    index: int | None = None


def _row(
    keyword: str, creator: str, group: int, offset: int, vr: str, meaning: str, scale: float = 1.0, *,
    index: int | None = None,
) -> Private:  # fmt: skip
    return Private(
        keyword=keyword, creator=creator, group=group, offset=offset, vr=vr, meaning=meaning, scale=scale, index=index
    )


PARAMETERS: tuple[Private, ...] = (
    _row("VendorCoilElements", SIEMENS_HEADER, 0x0051, 0x0F, "LO", "receive coil elements in use"),
    _row("VendorCoilElements", SIEMENS_SDI, 0x0021, 0x4F, "LO", "receive coil elements in use"),
    _row("VendorCoilName", GE_PARAMETER, 0x0043, 0x81, "LO", "receive coil"),
    _row("VendorParallelMode", SIEMENS_HEADER, 0x0051, 0x11, "LO", "parallel imaging, such as p2"),
    _row("VendorImageText", SIEMENS_HEADER, 0x0051, 0x16, "LO", "processing steps, such as p2 M/ND/MOSAIC"),
    _row("VendorAssetFactors", GE_PARAMETER, 0x0043, 0x83, "DS", "ASSET factors, phase and slice"),
    _row("VendorMultibandFactor", GE_PARAMETER, 0x0043, 0xB6, "LO", "slices excited together", index=0),
    _row("VendorEchoSpacing", GE_PARAMETER, 0x0043, 0x2C, "SS", "effective echo spacing in µs"),
    _row("VendorImageTypeCode", GE_PARAMETER, 0x0043, 0x2F, "SS", "0 magnitude, 1 phase, 2 real, 3 imaginary"),
    _row("VendorPulseSequence", GE_ACQUISITION, 0x0019, 0x9C, "LO", "PulseSequence name"),
    _row("VendorPulseSequence", PHILIPS_IMAGING, 0x2001, 0x20, "LO", "scanning technique"),
    _row("VendorInternalPulseSequence", GE_ACQUISITION, 0x0019, 0x9E, "LO", "internal PulseSequence name"),
    _row("VendorAcquisitionDuration", GE_ACQUISITION, 0x0019, 0x5A, "FL", "planned duration in s", 1e-6),
    _row("VendorAcquisitionDuration", PHILIPS_MR_001, 0x2005, 0x33, "FL", "planned duration in s"),
    _row("VendorSlices", GE_RELATION, 0x0021, 0x4F, "SS", "locations in the acquisition"),
    _row("VendorSlices", PHILIPS_IMAGING, 0x2001, 0x18, "SL", "slices"),
    _row("VendorSlices", SIEMENS_HEADER, 0x0019, 0x0A, "US", "slices in a mosaic"),
    _row("VendorSlices", UIH, 0x0065, 0x50, "DS", "slices in a grid file"),
    _row("VendorLocations", PHILIPS_IMAGING, 0x2001, 0x15, "SS", "slice locations"),
    _row("VendorDynamics", PHILIPS_IMAGING, 0x2001, 0x81, "IS", "dynamic scans"),
    _row("VendorCardiacPhases", PHILIPS_IMAGING, 0x2001, 0x17, "SL", "cardiac phases"),
    _row("VendorEchoes", PHILIPS_IMAGING, 0x2001, 0x14, "SL", "echoes"),
    _row("VendorBValueCount", PHILIPS_MR_005, 0x2005, 0x14, "SL", "different b-values"),
    _row("VendorGradientOrientations", PHILIPS_MR_005, 0x2005, 0x15, "SL", "different gradient orientations"),
    _row("VendorDiffusionDirections", GE_ACQUISITION, 0x0019, 0xE0, "DS", "diffusion directions"),
    _row("VendorEPIFactor", PHILIPS_IMAGING, 0x2001, 0x13, "SL", "echoes per shot"),
    _row("VendorWaterFatShift", PHILIPS_IMAGING, 0x2001, 0x22, "FL", "water-fat shift in pixels"),
    _row("VendorFatSuppression", PHILIPS_IMAGING, 0x2001, 0x21, "CS", "SPIR, Y or N"),
    _row("VendorFatSuppression", UIH, 0x0065, 0x31, "SH", "fat suppression"),
    _row("VendorPrepulse", PHILIPS_IMAGING, 0x2001, 0x1C, "CS", "prepulse"),
    _row("VendorImageKind", PHILIPS_MR_001, 0x2005, 0x11, "CS", "image type"),
    _row("VendorBandwidthPerPixelPhaseEncode", SIEMENS_HEADER, 0x0019, 0x28, "FD", "in Hz"),
    _row("VendorBandwidthPerPixelPhaseEncode", SIEMENS_SDI, 0x0021, 0x53, "FD", "in Hz"),
    _row("VendorPhaseEncodingPositive", SIEMENS_SDI, 0x0021, 0x1C, "IS", "1 when along the axis, 0 against it"),
    _row("VendorIceDimensions", SIEMENS_SDI, 0x0021, 0x8E, "LO", "reconstruction dimensions"),
    _row("VendorScanOptions", SIEMENS_SDS, 0x0021, 0x5C, "CS", "scan options"),
    _row("VendorPulseSequenceClass", SIEMENS_SDS, 0x0021, 0x5A, "CS", "kind of PulseSequence"),
    _row("VendorMatrix", UIH, 0x0065, 0x04, "SH", "acquisition matrix"),
    _row("VendorPhaseEncoding", UIH, 0x0065, 0x05, "SH", "phase encoding direction"),
)  # fmt: skip

B_VALUE: tuple[Private, ...] = (
    _row("b", SIEMENS_HEADER, 0x0019, 0x0C, "IS", "s/mm2"),
    _row("b", GE_PARAMETER, 0x0043, 0x39, "IS", "s/mm2", index=0),
    _row("b", PHILIPS_IMAGING, 0x2001, 0x03, "FL", "s/mm2"),
    _row("b", UIH, 0x0065, 0x09, "FD", "s/mm2"),
)
DIRECTION: tuple[Private, ...] = (_row("g", SIEMENS_HEADER, 0x0019, 0x0E, "FD", "unit vector, LPS"),)
PHILIPS_DIRECTION = tuple(
    _row("g", PHILIPS_MR_001, 0x2005, 0xB0 + axis, "FL", "component of the unit vector, LPS") for axis in range(3)
)
GE_IMAGE_TYPE = _row("c", GE_PARAMETER, 0x0043, 0x2F, "SS", "component")
CSA_IMAGE = _row("csa", SIEMENS_CSA, 0x0029, 0x10, "OB", "image header")
CSA_SERIES = _row("csa", SIEMENS_CSA, 0x0029, 0x20, "OB", "series header with the protocol")
PHOENIX_XA = _row("phoenix", SIEMENS_SDS, 0x0021, 0x19, "OB", "protocol")
UIH_SLICES = _row("grid", UIH, 0x0065, 0x50, "DS", "slices in a grid file")
UIH_FRAMES = _row("grid", UIH, 0x0065, 0x51, "SQ", "the slices of a grid file")
MOSAIC_SLICES = _row("mosaic", SIEMENS_HEADER, 0x0019, 0x0A, "US", "slices in a mosaic")
COIL_DEFINITION, COIL_ELEMENT, COIL_ELEMENT_USED = 0x00189045, 0x00189047, 0x00189048
_GROUPS = sorted({row.group for row in (*PARAMETERS, *B_VALUE, *DIRECTION, *PHILIPS_DIRECTION, CSA_IMAGE, UIH_FRAMES)})
CREATOR_TAGS = frozenset(group << 16 | block for group in _GROUPS for block in range(0x10, 0x20))

WHOLE = frozenset({b"IS", b"US", b"SS", b"UL", b"SL", b"SV", b"UV"})
Creators = dict[tuple[int, str], int]
Raw = tuple[bytes, bytes]


def creators_of(header: Elements) -> Creators:
    """Map (group, creator in upper case) to the block that the creator reserved (PS3.5 section 7.8)."""
    if header.creators is not None:
        return header.creators
    found: Creators = {}
    for tag in sorted(CREATOR_TAGS & header.fields.keys()):
        name = header.text(tag)
        if name:
            found.setdefault((tag >> 16, name.upper()), tag & 0xFFFF)
    header.creators = found
    return found


def tag_of(row: Private, creators: Creators) -> int | None:
    """Return the full tag of a private element in a header with these creators, None when its creator is absent."""
    block = creators.get((row.group, row.creator))
    return None if block is None else row.group << 16 | block << 8 | row.offset


def raw_of(header: Elements, row: Private, creators: Creators) -> Raw | None:
    """Return VR and bytes of a private element; the table's VR where the file has none or hides it behind OB or UN."""
    tag = tag_of(row, creators)
    field = None if tag is None else header.fields.get(tag)
    if field is None:
        return None
    vr, start, stop = field
    return (row.vr.encode() if vr in (b"", b"UN", b"OB") else vr), header.data[start:stop]


def numbers_of(header: Elements, row: Private, creators: Creators) -> tuple[float, ...]:
    """Return the numbers of a private element, () when it is absent or unreadable."""
    raw = raw_of(header, row, creators)
    return () if raw is None or not raw[1] else decode_numbers(raw[1], raw[0], header.syntax.order)


def value_of(row: Private, raw: Raw, order: str, charset: tuple[str, ...]) -> Parameter | None:
    """Turn the bytes of a private element into a plain value in the table's unit."""
    vr, data = raw
    if row.vr in ("LO", "SH", "CS"):
        texts = tuple(text for text in decode_text(data, charset) if text)
        if row.index is not None:
            texts = texts[row.index : row.index + 1]
        return None if not texts else texts[0] if len(texts) == 1 else texts
    numbers = decode_numbers(data, vr, order)
    if row.scale != 1.0:
        numbers = tuple(number * row.scale for number in numbers)
    elif vr in WHOLE:
        numbers = tuple(int(number) for number in numbers)
    if row.index is not None:
        numbers = numbers[row.index : row.index + 1]
    return None if not numbers else numbers[0] if len(numbers) == 1 else numbers


def elements_in_use(header: Elements) -> set[Raw]:
    """Return the names of the coil elements that an enhanced object says were in use (PS3.3 C.8.13.5.7)."""
    return {
        (b"SH", name)
        for item in header.items(COIL_DEFINITION, 256)
        if item.text(COIL_ELEMENT_USED) == "YES" and (name := item.raw(COIL_ELEMENT))
    }
