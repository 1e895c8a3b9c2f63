"""The fields that a protocol can ask for: how each is read from classic and enhanced headers of all vendors.

A new field is one line of `FIELDS`: a name, how it is called to an operator, unit, and a function from the header to
the numbers or words that it says; an empty tuple means that the header is silent.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mriloop.stages.check.header import Header
from mriloop.stages.check.identify import contrast_of, depth_of, fat_suppression_of
from mriloop.stages.check.protocol import geometry
from mriloop.stages.check.weighting import weighting_of

Numbers = tuple[float, ...]
Words = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of the table.

    `take` gives numbers for `kind` "number" (the first counts) and "numbers" (the set counts), words for "text".
    `floor` (in `unit`) and `share` are the least tolerance that makes sense, absolute and relative: learned protocols
    never ask for less. `spoils` is the relative deviation beyond which a learned protocol calls for a repeat, None
    where a deviation alone never spoils a series; `at_least`: more of it does no harm; `learned`: whether learning
    looks at it. `action` is what an operator can do, with `{wanted}` filled in.
    """

    keyword: str
    title: str
    unit: str
    kind: str
    take: Callable[[Header], Numbers | Words]
    floor: float = 0.0
    share: float = 0.01
    spoils: float | None = None
    learned: bool = True
    at_least: bool = False
    action: str = ""


def _number(*keywords: str) -> Callable[[Header], Numbers]:
    def take(header: Header) -> Numbers:
        for keyword in keywords:
            number = header.number(keyword)
            if number is not None:
                return (number,)
        return ()

    return take


def _positive(*keywords: str) -> Callable[[Header], Numbers]:
    def take(header: Header) -> Numbers:
        for keyword in keywords:
            number = header.number(keyword)
            if number is not None and number > 0:
                return (number,)
        return ()

    return take


def _words(*keywords: str) -> Callable[[Header], Words]:
    def take(header: Header) -> Words:
        for keyword in keywords:
            words = header.words(keyword)
            if words:
                return words
        return ()

    return take


def _one(value: float | None) -> Numbers:
    return () if value is None else (value,)


def _tesla(header: Header) -> Numbers:
    """Some scanners write gauss: 15000 is 1.5 T."""
    number = header.number("MagneticFieldStrength")
    if number is None or number <= 0:
        return ()
    return (number / 10_000 if number > 100 else number,)


def _train(header: Header) -> Numbers:
    """Echoes of a train; single-shot EPI that states 1 (GE) does not say its train."""
    for keyword in ("EchoTrainLength", "RFEchoTrainLength", "VendorEPIFactor", "GradientEchoTrainLength"):
        number = header.number(keyword)
        if number is not None and number > 1:
            return (number,)
    plain = header.number("EchoTrainLength")
    return () if plain is None or plain <= 0 or "EP" in _pulse(header) else (plain,)


def _parallel(header: Header) -> Numbers:
    """In-plane acceleration: public element, else GE's share of lines, else Siemens' text p2 or protocol."""
    public = header.number("ParallelReductionFactorInPlane")
    if public is not None and public >= 1:
        return (public,)
    share = header.number("VendorAssetFactors")
    if share is not None and 0 < share <= 1:
        return (1 / share,)
    for word in header.words("VendorParallelMode"):
        match = re.match(r"P(\d+)", word)
        if match:
            return (float(match[1]),)
    factor = header.number("VendorAccelerationPhase")
    if factor is not None and factor >= 1:
        return (factor,)
    return (1.0,) if header.says("ParallelAcquisition", "NO") else ()


def _multiband(header: Header) -> Numbers:
    for keyword in ("VendorMultibandFactor", "MultibandFactor"):
        number = header.number(keyword)
        if number is not None and number >= 1:
            return (number,)
    for word in header.words("VendorParallelMode"):
        match = re.search(r"\bS(\d+)", word)
        if match:
            return (float(match[1]),)
    return ()


def _partial_fourier(header: Header) -> Words:
    """YES or NO; a classic header that lists its options without it says nothing."""
    stated = header.words("PartialFourier")
    if stated:
        return stated[:1]
    return ("YES",) if header.says("ScanOptions", "PFP", "PFF") else ()


def _pulse(header: Header) -> Words:
    """ScanningSequence, put together from the elements of enhanced objects where it is absent."""
    stated = header.words("ScanningSequence")
    if stated:
        return tuple(
            dict.fromkeys(part for word in stated for part in word.replace(",", " ").replace("_", " ").split())
        )
    found = []
    echo = header.words("EchoPulseSequence")
    found += ["SE"] if {"SPIN", "BOTH"} & set(echo) else []
    found += ["GR"] if {"GRADIENT", "BOTH"} & set(echo) else []
    found += ["EP"] if header.says("EchoPlanarPulseSequence", "YES") else []
    found += ["IR"] if header.says("InversionRecovery", "YES") else []
    return tuple(found)


def _phase_direction(header: Header) -> Words:
    """ROW or COL; enhanced objects write COLUMN."""
    return tuple("COL" if w == "COLUMN" else w for w in header.words("InPlanePhaseEncodingDirection"))


def _yes_no(answer: str) -> Words:
    return {"yes": ("YES",), "no": ("NO",)}.get(answer, ())


def _fat(header: Header) -> Words:
    return _yes_no(fat_suppression_of(header, weighting_of(header)[0])[0].answer)


def _agent(header: Header) -> Words:
    return _yes_no(contrast_of(header)[0].answer)


def _depth(header: Header) -> Words:
    answer = depth_of(header)[0].answer
    return ("3D",) if answer == "yes" else ("2D",) if answer == "no" else ()


def _directions(header: Header) -> Numbers:
    """Different diffusion directions; opposite ones count as two, as scanners count them."""
    vectors = {
        tuple(round(v, 2) for v in f.b_vector_ras) for f in header.frames if f.b_vector_ras and (f.b_value or 0) > 20
    }
    if vectors:
        return (float(len(vectors)),)
    return _positive("VendorDiffusionDirections")(header)


def _extreme(which: Callable[[Numbers], float]) -> Callable[[Header], Numbers]:
    return lambda header: (which(header.b_values),) if header.b_values else ()


def _spaced(pick: Callable[[tuple[float, float]], float]) -> Callable[[Header], Numbers]:
    return lambda header: _one(max((pick(f.spacing_mm) for f in header.frames if f.spacing_mm), default=None))


def _spacing(header: Header) -> Numbers:
    return next((f.spacing_mm for f in header.frames if f.spacing_mm), ())


def _size(pick: str) -> Callable[[Header], Numbers]:
    return lambda header: _one(next((float(getattr(f, pick)) for f in header.frames), None))


_SET = "Set the {title} to {{wanted}}"


def _field(
    keyword: str, title: str, unit: str, kind: str, take: Callable[[Header], Numbers | Words], floor: float = 0.0,
    share: float = 0.01, *, spoils: float | None = None, learned: bool = True,
    at_least: bool = False, action: str = "",
) -> Field:  # fmt: skip
    return Field(
        keyword=keyword, title=title, unit=unit, kind=kind, take=take, floor=floor, share=share, spoils=spoils,
        learned=learned, at_least=at_least, action=action or _SET.format(title=title),
    )  # fmt: skip


FIELDS: tuple[Field, ...] = (
    _field("RepetitionTime", "repetition time (TR)", "ms", "number", _positive("RepetitionTime"), 1.0, spoils=0.25),
    _field("EchoTime", "echo time (TE)", "ms", "number", lambda h: _one(h.te_ms), 0.2, 0.02, spoils=0.10),
    _field("EchoTimes", "echo times", "ms", "numbers", lambda h: h.te_all_ms, 0.2, 0.02, learned=False),
    _field("InversionTime", "inversion time (TI)", "ms", "number", lambda h: _one(h.ti_ms), 5.0, spoils=0.10),
    _field("FlipAngle", "flip angle", "deg", "number", lambda h: _one(h.flip_deg), 1.0, 0.05, spoils=0.30),
    _field("SliceThickness", "slice thickness", "mm", "number", lambda h: _one(geometry.thickness(h)), 0.05, 0.02,
           spoils=0.30),
    _field("SlicePitch", "distance between slice centres", "mm", "number", lambda h: _one(geometry.pitch(h)), 0.05,
           0.02),
    _field("SliceGap", "gap between slices", "mm", "number", lambda h: _one(geometry.gap(h)), 0.1, 0.1,
           action="Close the gap between slices to {wanted}"),
    _field("SpacingBetweenSlices", "distance between slice centres", "mm", "number",
           lambda h: _one(h.number("SpacingBetweenSlices") or geometry.pitch(h)), 0.05, 0.02, learned=False),
    _field("Coverage", "coverage along the slices", "mm", "number", lambda h: _one(geometry.coverage(h)), 5.0, 0.05,
           at_least=True,
           action="Add slices until the stack covers {wanted}"),
    _field("Slices", "number of slices", "{count}", "number", lambda h: _one(geometry.slices(h)), 1.0, 0.05,
           learned=False, action="Set the number of slices to {wanted}"),
    _field("Volumes", "number of volumes", "{count}", "number", lambda h: _one(geometry.volumes(h)), 0.0, 0.0,
           spoils=0.20, at_least=True, action="Acquire all volumes: {wanted}"),
    _field("VolumeInterval", "time from volume to volume", "s", "number", lambda h: _one(geometry.interval_s(h)), 0.1,
           0.05, learned=False),
    _field("PixelSpacing", "pixel size", "mm", "numbers", _spacing, 0.02, 0.03),
    _field("PixelSpacingMax", "pixel size", "mm", "number", _spaced(max), 0.02, 0.03, learned=False),
    _field("PixelSizePhase", "acquired pixel size along the phase-encode direction", "mm", "number",
           lambda h: _one(geometry.acquired(h)[1]), 0.02, 0.05),
    _field("PixelSizeFrequency", "acquired pixel size along the frequency-encode direction", "mm", "number",
           lambda h: _one(geometry.acquired(h)[0]), 0.02, 0.05),
    _field("FieldOfViewRows", "height of the field of view", "mm", "number",
           lambda h: _one(geometry.field_of_view(h)[0]), 1.0, 0.03, learned=False),
    _field("FieldOfViewColumns", "width of the field of view", "mm", "number",
           lambda h: _one(geometry.field_of_view(h)[1]), 1.0, 0.03, learned=False),
    _field("Rows", "rows of the matrix", "{count}", "number", _size("rows"), 0.0, 0.0),
    _field("Columns", "columns of the matrix", "{count}", "number", _size("columns"), 0.0, 0.0),
    _field("AcquisitionMatrix", "acquired matrix", "{count}", "numbers", geometry.matrix, 0.0, 0.05, learned=False),
    _field("NumberOfAverages", "averages", "{count}", "number", _positive("NumberOfAverages", "VendorAverages"), 0.05,
           0.02),
    _field("EchoTrainLength", "echo train length", "{count}", "number", _train, 0.0, 0.05),
    _field("PixelBandwidth", "bandwidth per pixel", "Hz", "number", _positive("PixelBandwidth"), 1.0, 0.03),
    _field("PercentSampling", "phase sampling", "%", "number", _positive("PercentSampling"), 1.0, 0.03),
    _field("PercentPhaseFieldOfView", "phase field of view", "%", "number", _positive("PercentPhaseFieldOfView"), 1.0,
           0.03, learned=False),
    _field("ParallelReductionFactorInPlane", "parallel imaging factor", "1", "number", _parallel, 0.05, 0.03),
    _field("MultibandFactor", "multiband factor", "1", "number", _multiband, 0.0, 0.0),
    _field("PartialFourier", "partial Fourier", "", "text", _partial_fourier,
           action="Switch partial Fourier to {wanted}"),
    _field("InPlanePhaseEncodingDirection", "phase-encode direction", "", "text", _phase_direction, learned=False,
           action="Turn the phase-encode direction to {wanted}"),
    _field("PhaseEncodingAxis", "phase-encode axis in the patient", "", "text", geometry.phase_axis,
           action="Turn the phase-encode direction to {wanted}"),
    _field("FatSuppression", "fat suppression", "", "text", _fat, action="Switch fat suppression to {wanted}"),
    _field("ContrastAgent", "contrast agent", "", "text", _agent,
           action="Say in the header whether an agent was given; wanted here: {wanted}"),
    _field("MRAcquisitionType", "2-D or 3-D", "", "text", _depth, action="Load the {wanted} acquisition"),
    _field("BValueMax", "highest b-value", "s/mm2", "number", _extreme(max), 5.0, 0.02, spoils=0.15),
    _field("BValueMin", "lowest b-value", "s/mm2", "number", _extreme(min), 5.0, 0.02, learned=False),
    _field("BValues", "b-values", "s/mm2", "numbers", lambda h: h.b_values, 10.0, 0.02),
    _field("DiffusionDirections", "diffusion directions", "{count}", "number", _directions, 0.0, 0.0, spoils=0.20,
           at_least=True),
    _field("MagneticFieldStrength", "field strength", "T", "number", _tesla, 0.1, 0.05,
           action="Book the patient on a scanner of {wanted}"),
    _field("ScanningSequence", "kind of PulseSequence", "", "text", _pulse),
    _field("SequenceVariant", "variant of the PulseSequence", "", "text", _words("SequenceVariant"), learned=False),
    _field("ScanOptions", "scan options", "", "text", _words("ScanOptions"), learned=False),
    _field("SequenceName", "name of the PulseSequence", "", "text",
           _words("SequenceName", "PulseSequenceName", "VendorPulseSequence"), learned=False),
    _field("ImageType", "image type", "", "text", lambda h: h.image_type, learned=False),
    _field("ReceiveCoilName", "receive coil", "", "text",
           _words("ReceiveCoilName", "VendorCoilName", "MultiCoilElementName", "VendorCoilElements"), learned=False,
           action="Connect and select the coil {wanted}"),
    _field("PatientPosition", "patient position", "", "text", _words("PatientPosition"), learned=False),
    _field("ParallelAcquisitionTechnique", "parallel imaging technique", "", "text",
           _words("ParallelAcquisitionTechnique"), learned=False),
)  # fmt: skip
BY_KEYWORD: Mapping[str, Field] = {field.keyword: field for field in FIELDS}


def take(keyword: str, header: Header, *, text: bool) -> Numbers | Words:
    """Return what the header says of a field: by the table, else the element of that keyword; () when it is silent."""
    field = BY_KEYWORD.get(keyword)
    if field is None:
        return header.words(keyword) if text else _number(keyword)(header)
    found = field.take(header)
    if text and field.kind != "text":
        return tuple(f"{value:g}" for value in found if isinstance(value, float | int))
    if not text and field.kind == "text":
        return _number(keyword)(header)
    return found


def title_of(keyword: str) -> str:
    """Return what an operator calls a field: its title, or the keyword where the table has none."""
    return BY_KEYWORD[keyword].title if keyword in BY_KEYWORD else keyword
