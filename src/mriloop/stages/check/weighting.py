"""What gives a series its contrast: physics first, then the scanner's word, then the name. A rule a function."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from mriloop.model.coding import Weighting
from mriloop.model.fact import Truth
from mriloop.model.study import Component
from mriloop.stages.check import relaxation
from mriloop.stages.check.header import Header
from mriloop.stages.check.pulse import Pulse, pulse_of
from mriloop.stages.check.wording import ALL, dixon_part, named, water_fat

Answer = tuple[Weighting, str]
Rule = Callable[[Header, Pulse], Answer | None]

# Tokens of ImageType (value 3 and later) and of private image kinds that name a reconstructed kind of picture.
_IMAGE_TYPE: tuple[tuple[Weighting, frozenset[str]], ...] = (
    (Weighting.LOCALIZER, frozenset({"LOCALIZER", "SCOUT"})),
    (Weighting.ADC, frozenset({"ADC", "EADC", "ADC_UNSPECIFIED", "ADC MAP", "ADC_MAP", "AVERAGE DC", "ADC_UNSPECIFIE",
                               "EXP_ADC", "DADC", "AVDC"})),
    (Weighting.FA, frozenset({"FA", "COLFA", "FA_MAP", "FA MAP", "FRACTIONAL_ANISOTROPY", "TENSOR_FA", "COLORFA",
                              "COLFA_MAP", "FRACT_ANISO", "FRACTANISOTROPY"})),
    (Weighting.TRACE, frozenset({"TRACEW", "TRACE", "DWI TRACE", "ISOTROPIC", "TRACE_DWI", "COMBINED TRACE",
                                 "CALC_BVALUE", "CALC_B", "CDWI", "SYNTHETIC_DWI"})),
    (Weighting.T1_MAP, frozenset({"T1 MAP", "T1_MAP", "T1MAP", "R1 MAP", "R1", "T1_UNSPECIFIED"})),
    (Weighting.T2_MAP, frozenset({"T2 MAP", "T2_MAP", "T2MAP", "R2 MAP", "T2_STAR MAP", "T2STAR MAP", "R2_STAR MAP",
                                  "R2_STAR", "T2_STAR_UNSPECI", "R2_STAR_UNSPECI", "T2_UNSPECIFIED", "R2_UNSPECIFIED",
                                  "R2STAR MAP", "R2"})),
    (Weighting.FAT_FRACTION, frozenset({"FAT_FRACTION", "FF", "PDFF", "FAT_FRAC", "FP"})),
    (Weighting.DIXON_WATER, frozenset({"WATER", "W", "DIXON_WATER"})),
    (Weighting.DIXON_FAT, frozenset({"FAT", "F", "DIXON_FAT"})),
    (Weighting.DIXON_IN, frozenset({"IN_PHASE", "IP", "INPHASE", "IN"})),
    (Weighting.DIXON_OPPOSED, frozenset({"OUT_PHASE", "OPP_PHASE", "OP", "OUTPHASE", "OUT"})),
    (Weighting.SWI, frozenset({"SWI", "MNIP", "SWI_MAG", "SWI_PHA", "QSM", "SWIP"})),
    (Weighting.FIELD_MAP, frozenset({"FIELD_MAP", "B0", "B0 MAP", "B0_MAP", "FIELDMAP", "B1", "B1 MAP", "B1_MAP"})),
    (Weighting.PERFUSION, frozenset({"PERFUSION", "RELCBF", "RELCBV", "RELMTT", "TTP", "TMAX", "CBF", "CBV", "MTT"})),
    (Weighting.ASL, frozenset({"ASL"})),
    (Weighting.MT, frozenset({"MTR"})),
)  # fmt: skip
_MAPPED = (Weighting.FIELD_MAP, Weighting.T1_MAP, Weighting.T2_MAP)
_ACQUISITION_CONTRAST: dict[str, Weighting] = {
    "T1": Weighting.T1,
    "T2": Weighting.T2,
    "T2_STAR": Weighting.T2_STAR,
    "PROTON_DENSITY": Weighting.PD,
    "FLUID_ATTENUATED": Weighting.FLAIR,
    "STIR": Weighting.STIR,
    "DIFFUSION": Weighting.DWI,
    "PERFUSION": Weighting.PERFUSION,
    "TOF": Weighting.MRA,
    "TAGGING": Weighting.UNKNOWN,
    "FLOW_ENCODED": Weighting.PHASE,
}
# Suffixes of BIDS (its specification, Magnetic Resonance Imaging): what a curator named a file.
BIDS_SUFFIXES: dict[str, Weighting] = {
    "T1W": Weighting.T1, "T2W": Weighting.T2, "PDW": Weighting.PD, "PDT2": Weighting.T2, "FLAIR": Weighting.FLAIR,
    "T2STARW": Weighting.T2_STAR, "INPLANET1": Weighting.T1, "INPLANET2": Weighting.T2, "UNIT1": Weighting.T1,
    "T1MAP": Weighting.T1_MAP, "T2MAP": Weighting.T2_MAP, "T2STARMAP": Weighting.T2_MAP, "R1MAP": Weighting.T1_MAP,
    "R2STARMAP": Weighting.T2_MAP, "R2MAP": Weighting.T2_MAP, "MTRMAP": Weighting.MT, "MTS": Weighting.MT,
    "BOLD": Weighting.BOLD, "CBV": Weighting.PERFUSION, "SBREF": Weighting.T2_STAR, "DWI": Weighting.DWI,
    "ADC": Weighting.ADC, "FA": Weighting.FA, "TRACE": Weighting.TRACE, "ASL": Weighting.ASL, "M0SCAN": Weighting.ASL,
    "ANGIO": Weighting.MRA, "SWI": Weighting.SWI, "PHASEDIFF": Weighting.FIELD_MAP, "PHASE1": Weighting.FIELD_MAP,
    "PHASE2": Weighting.FIELD_MAP, "MAGNITUDE1": Weighting.FIELD_MAP, "MAGNITUDE2": Weighting.FIELD_MAP,
    "MAGNITUDE": Weighting.FIELD_MAP, "FIELDMAP": Weighting.FIELD_MAP, "EPI": Weighting.FIELD_MAP,
    "TB1MAP": Weighting.FIELD_MAP, "MEGRE": Weighting.T2_STAR, "MESE": Weighting.T2, "MP2RAGE": Weighting.T1,
}  # fmt: skip
_AGENT = frozenset({"gd", "gad", "gado", "gadolinium", "km", "postgd"})
_DYNAMIC_VOLUMES = 10  # a liver or breast examination has up to eight phases; a perfusion study tens


def weighting_of(header: Header) -> Answer:
    """Return the weighting and its basis: the first rule that answers; UNKNOWN and an empty basis when none does."""
    pulse = pulse_of(header)
    for rule in RULES:
        answer = rule(header, pulse)
        if answer is not None:
            return answer
    return Weighting.UNKNOWN, ""


def fat_part(header: Header, weighting: Weighting) -> Truth:
    """Return TRUE for the water part of a water-fat separation, FALSE for its other parts, UNKNOWN for all else."""
    part = weighting if weighting.value.startswith("DIXON") else _part(header)
    if part is None:
        return Truth.UNKNOWN
    return Truth.TRUE if part is Weighting.DIXON_WATER else Truth.FALSE


def _screenshot(header: Header, pulse: Pulse) -> Answer | None:
    colour = any(frame.samples_per_pixel > 1 for frame in header.frames) or header.says(
        "PhotometricInterpretation", "RGB", "PALETTE COLOR"
    )
    kind = header.image_type
    known = any(not words.isdisjoint(kind) for _, words in _IMAGE_TYPE)
    if {"SCREEN SAVE", "SCREEN", "SCREENSHOT"} & set(kind) or (colour and not known and "SECONDARY" in kind):
        return Weighting.SCREENSHOT, "ImageType " + "\\".join(kind) + (" in colour" if colour else "")
    return None


def _localizer(header: Header, pulse: Pulse) -> Answer | None:
    found = named(header, Weighting.LOCALIZER)
    if len(header.normals) >= 3 and len(header.frames) <= 90:
        return found or (Weighting.LOCALIZER, "slices in three orientations")
    return found


def _in_part(header: Header, pulse: Pulse) -> Answer | None:
    """A series that holds its source pictures together with the map made of them: it is named by the map."""
    counts: Counter[Weighting] = Counter()
    for kind, frames in header.image_types.items():
        for weighting, words in _IMAGE_TYPE:
            if weighting in _MAPPED and not words.isdisjoint(kind[2:]):
                counts[weighting] += frames
    kinds = {kind for kind in header.words("VendorImageKind") if kind in ("T1", "T2", "B0")}
    if not counts and pulse.made_for is Weighting.T1_MAP:
        return Weighting.T1_MAP, f"{pulse.said}: pictures for a T1 map" + (" and the map" if "T1" in kinds else "")
    for weighting, count in counts.most_common(1):
        if 0 < count < len(header.frames) and count >= 0.1 * len(header.frames):
            return weighting, f"ImageType of {count} of {len(header.frames)} images, the others are their source"
    return None


def _image_type(header: Header, pulse: Pulse) -> Answer | None:
    kind = header.image_type[2:]
    for weighting, words in _IMAGE_TYPE:
        if weighting.value.startswith("DIXON"):
            continue
        for value in kind:
            if value in words and not (value in ("R1", "R2", "FP") and len(header.image_type) < 4):
                return weighting, f"ImageType {value}"
    return None


def _diffusion(header: Header, pulse: Pulse) -> Answer | None:
    weighted = [b for b in header.b_values if b >= 40]
    told = "DIFFUSION" in header.image_type or header.says("AcquisitionContrast", "DIFFUSION") or pulse.diffusion
    if not weighted and not told:
        return None
    if header.image_type[:1] == ("DERIVED",):
        map_said = named(header, Weighting.ADC, Weighting.FA, Weighting.TRACE)
        if map_said:
            return map_said
        if header.says("DiffusionDirectionality", "ISOTROPIC") or "COMBINED" in header.image_type:
            return Weighting.TRACE, "diffusion directions combined"
    if weighted:
        return Weighting.DWI, "b-values " + ", ".join(f"{b:g}" for b in header.b_values)
    if not pulse.diffusion:
        return Weighting.DWI, "ImageType or AcquisitionContrast"
    return named(header, Weighting.ADC, Weighting.TRACE, Weighting.FIELD_MAP) or (
        Weighting.DWI,
        f"diffusion-weighted EPI by its name, {pulse.said}",
    )


def _phase(header: Header, pulse: Pulse) -> Answer | None:
    shown = header.component is Component.PHASE or "P" in header.image_type[2:3] or "PHASE MAP" in header.image_type
    if not shown and not ({"VELOCITY MAP", "VELOCITY"} & set(header.image_type)):
        return None
    if pulse.made_for in (Weighting.FIELD_MAP, Weighting.SWI):
        return pulse.made_for, f"phase of {pulse.said}"
    return named(header, Weighting.FIELD_MAP, Weighting.SWI) or (Weighting.PHASE, "component PHASE")


def _flow(header: Header, pulse: Pulse) -> Answer | None:
    if not pulse.flow and not header.says("AcquisitionContrast", "FLOW_ENCODED"):
        return None
    basis = f"velocity-encoded, {pulse.said}" if pulse.said else "PhaseContrast YES"
    if header.component is Component.MAGNITUDE or header.says("AngioFlag", "Y"):
        return Weighting.MRA, basis
    return named(header, Weighting.MRA) or (Weighting.PHASE, basis)


def _made_for(header: Header, pulse: Pulse) -> Answer | None:
    if pulse.made_for is None:
        return None
    return pulse.made_for, f"PulseSequence {pulse.said}"


def _specials(header: Header, pulse: Pulse) -> Answer | None:
    if header.words("ArterialSpinLabelingContrast"):
        return Weighting.ASL, "ArterialSpinLabelingContrast"
    if header.says("TimeOfFlightContrast", "YES") or header.says("AcquisitionContrast", "TOF"):
        return Weighting.MRA, "TimeOfFlightContrast"
    if "PERFUSION" in header.words("AcquisitionContrast"):
        return Weighting.PERFUSION, "AcquisitionContrast PERFUSION"
    # FA as a word is also "flip angle": only ImageType may call a series an anisotropy map.
    found = named(
        header,
        Weighting.T1_MAP,
        Weighting.T2_MAP,
        Weighting.FIELD_MAP,
        Weighting.SWI,
        Weighting.ASL,
        Weighting.MRA,
        Weighting.PERFUSION,
    )
    if found:
        return found
    if pulse.echo == "gradient" and not pulse.planar and {"b0", "b1"} & set(header.tokens):
        return Weighting.FIELD_MAP, "gradient echo whose name says B0 or B1"
    if header.says("AngioFlag", "Y"):
        return Weighting.MRA, "AngioFlag Y"
    return None


def _mp2rage(header: Header, pulse: Pulse) -> Answer | None:
    """The parts of MP2RAGE: the second inversion is proton-density-weighted, all others T1."""
    words = header.name_tokens
    if not any(word.startswith("mp2rage") for word in words):
        return None
    if "inv2" in words or ("inv" in words and "2" in words):
        return Weighting.PD, "second inversion of MP2RAGE"
    return Weighting.T1, "MP2RAGE"


def _echo_planar(header: Header, pulse: Pulse) -> Answer | None:
    if not pulse.planar:
        return None
    te, repeats = header.te_ms, _repeats(header)
    if pulse.echo == "spin" or (pulse.echo == "" and header.says("ScanningSequence", "RM")):
        found = named(header, Weighting.DWI, Weighting.BOLD, Weighting.FLAIR, Weighting.STIR)
        if found:
            return found
        if pulse.inverted or header.ti_ms:
            return None
        if repeats > 1 and te is not None and te >= 45 and not header.b_values:
            return Weighting.DWI, f"spin-echo EPI, TE {te:g} ms, {repeats} volumes: diffusion whose b is not told"
        return Weighting.T2, "spin-echo EPI"
    if te is None or not 5 <= te <= 80:
        return None
    if pulse.echo == "":
        found = named(header, Weighting.DWI, Weighting.BOLD)
        if found or repeats < 2 or te > 50:
            return found
    train = header.number("VendorEPIFactor") or 0
    if train and train < 20 and not header.says("ScanningSequence", "EP"):
        return None
    if repeats > 1 and _agent_given(header):
        return Weighting.PERFUSION, f"gradient-echo EPI, TE {te:g} ms, {repeats} volumes with a contrast agent"
    if repeats > 1 or named(header, Weighting.BOLD) or not header.frames:
        return Weighting.BOLD, f"gradient-echo EPI, TE {te:g} ms, {repeats} volumes"
    return Weighting.T2_STAR, f"gradient-echo EPI, TE {te:g} ms"


def _repeats(header: Header) -> int:
    """How many images share a place: at least the number of volumes; mosaics are one volume each."""
    frames = header.frames
    if any(frame.tiles is not None for frame in frames):
        return len(frames)
    places = {frame.position_ras_mm for frame in frames}
    return round(len(frames) / len(places)) if places else 0


def _agent_given(header: Header) -> bool:
    volume = header.number("ContrastBolusVolume")
    agents = [word for word in header.words("ContrastBolusAgent") if word not in ("NONE", "NO", "N", "0", "-")]
    return bool(agents) or bool(volume and volume > 0) or header.says("ContrastBolusAgentAdministered", "YES")


def _time_series(header: Header, pulse: Pulse) -> Answer | None:
    """Gradient echoes repeated in time: fMRI that does not call itself EPI, and perfusion of T1."""
    te, repeats = header.te_ms, _repeats(header)
    if pulse.echo != "gradient" or pulse.balanced or te is None or len(header.te_all_ms) > 1 or header.ti_ms:
        return None
    train = header.number("EchoTrainLength") or 0
    tr = header.tr_ms or 0.0
    if 15 <= te <= 60 and ((train >= 15 and repeats > 1) or (repeats >= 4 and 400 <= tr <= 6000)):
        if _agent_given(header):
            return Weighting.PERFUSION, f"gradient echo, TE {te:g} ms, {repeats} volumes with a contrast agent"
        return Weighting.BOLD, f"gradient echo, TE {te:g} ms, TR {tr:g} ms, {repeats} volumes"
    if te < 5 and tr < 20 and repeats >= _DYNAMIC_VOLUMES and _agent_given(header):
        return Weighting.PERFUSION, f"T1 gradient echo, {repeats} volumes with a contrast agent"
    return None


def _magnetization_transfer(header: Header, pulse: Pulse) -> Answer | None:
    """Saturation of bound water: by the element, or GE's and Siemens' MTC on a gradient echo too early for T2*."""
    if header.says("MagnetizationTransfer", "ON_RESONANCE", "OFF_RESONANCE"):
        return named(header, Weighting.MT)
    early = pulse.echo == "gradient" and header.te_ms is not None and header.te_ms < 12
    if early and header.says("SequenceVariant", "MTC"):
        return Weighting.MT, "SequenceVariant MTC"
    return named(header, Weighting.MT) if early else None


def _part(header: Header) -> Weighting | None:
    """Return the part of a water-fat separation that most pictures show, None for none or several."""
    shown = {
        weighting
        for weighting, words in _IMAGE_TYPE
        if weighting.value.startswith("DIXON")
        for value in header.image_type[2:]
        # One letter and short codes mean parts only where the name or the PulseSequence speaks of water and fat.
        if value in words and (len(value) > 3 or water_fat(header) or header.vendor in ("philips", "uih"))
    }
    if len(shown) == 1:
        return next(iter(shown))
    found = dixon_part(header)
    return found[0] if found else None


def _dixon(header: Header, pulse: Pulse) -> Answer | None:
    """Parts of a water-fat separation. Water and in-phase of a spin echo keep the contrast of the spin echo."""
    parts = {
        weighting
        for kind in header.image_types
        for weighting, words in _IMAGE_TYPE
        if weighting.value.startswith("DIXON") and not words.isdisjoint(kind[2:])
    }
    if len(parts) > 1 and water_fat(header):
        inner = _spins(header, pulse) or _gradients(header, pulse)
        together = ", ".join(sorted(part.value.removeprefix("DIXON_").lower() for part in parts))
        return (inner[0], f"{inner[1]}; {together} in one series") if inner else None
    part = _part(header)
    if part is None:
        return None
    named_so = dixon_part(header)
    basis = named_so[1] if named_so and named_so[0] is part else "ImageType " + "\\".join(header.image_type[2:])
    if part in (Weighting.DIXON_WATER, Weighting.DIXON_IN) and pulse.echo == "spin":
        inner = _inversion(header, pulse) or _spins(header, pulse)
        if inner:
            return inner[0], f"{inner[1]}; {part.value.removeprefix('DIXON_').lower()} part, {basis}"
    return part, basis


def _inversion(header: Header, pulse: Pulse) -> Answer | None:
    ti, tr, te = header.ti_ms, header.tr_ms, header.te_ms
    if pulse.twice:
        return Weighting.DIR, f"two inversions, {pulse.said}"
    if ti is None:
        if not pulse.inverted:
            return None
        if pulse.echo == "gradient" and te is not None and te < 12:
            return Weighting.T1, "inversion-prepared gradient echo"
        return named(header, Weighting.DIR, Weighting.FLAIR, Weighting.STIR, Weighting.T1)
    many = sorted({f.ti_ms for f in header.frames if f.ti_ms})
    if len(many) >= 5:
        return Weighting.T1_MAP, f"{len(many)} inversion times: pictures for a T1 map"
    if pulse.echo == "gradient":
        if ti >= 150 and (te is None or te < 12) and not pulse.balanced:
            return Weighting.T1, f"gradient echo {ti:g} ms after inversion"
        return None
    tesla = header.tesla
    if te is not None and te >= 50 and tr is not None and relaxation.silences_csf(ti, tr):
        return Weighting.FLAIR, f"TI {ti:g} ms silences fluid at TR {tr:g} ms"
    if relaxation.silences_fat(ti, tr, tesla) and (te is None or te >= 15 or (tr or 0) >= 2000):
        return Weighting.STIR, f"TI {ti:g} ms silences fat" + (f" at {tesla:g} T" if tesla else "")
    if te is not None and te < 45 and ti <= 1300:
        return Weighting.T1, f"spin echo {ti:g} ms after inversion, TE {te:g} ms"
    if ti >= 1200 and (te is None or te >= 50):
        return named(header, Weighting.DIR) or (Weighting.FLAIR, f"TI {ti:g} ms")
    return named(header, Weighting.DIR, Weighting.FLAIR, Weighting.STIR, Weighting.T1)


def _spins(header: Header, pulse: Pulse) -> Answer | None:
    """Spin echoes by TR and TE. T1 ends where TR exceeds the recovery of grey matter, PD where TE reaches 45 ms.

    Between the ranges nothing is certain, and the name may choose among what TR and TE leave.
    """
    tr, te = header.tr_ms, header.te_ms
    if pulse.echo != "spin" or pulse.planar or tr is None or te is None or header.ti_ms is not None:
        return None
    what = f"spin echo, TR {tr:g} ms, TE {te:g} ms"
    late = max(header.te_all_ms, default=te)
    short = min(1200.0, max(500.0, 1.2 * relaxation.grey_matter_t1_ms(header.tesla)))
    train = max(header.number(name) or 0 for name in ("EchoTrainLength", "RFEchoTrainLength"))
    if te < 45 and late >= 60 and tr > short:
        return Weighting.T2, f"spin echo, TR {tr:g} ms, TE {te:g} to {late:g} ms: proton density and T2"
    # 3-D trains of variable flip angle state a nominal TE; their TR separates T1 from T2 all the same.
    if tr <= short and te <= 40:
        return Weighting.T1, what
    if te >= 60 and (tr >= 1200 or header.says("MRAcquisitionType", "3D") or train >= 40):
        return Weighting.T2, what
    if tr >= 1800 and te < 45:
        return Weighting.PD, what
    if tr >= 1800:
        return _choose(header, what, Weighting.PD, Weighting.T2) or (Weighting.PD, what)
    if te <= 40:
        return _choose(header, what, Weighting.T1, Weighting.PD)
    return _choose(header, what, Weighting.T1, Weighting.T2, Weighting.PD)


def _choose(header: Header, what: str, *among: Weighting) -> Answer | None:
    found = named(header, *among)
    return None if found is None else (found[0], f"{what}, {found[1]}")


def _gradients(header: Header, pulse: Pulse) -> Answer | None:
    tr, te, flip = header.tr_ms, header.te_ms, header.flip_deg
    if pulse.echo != "gradient" or pulse.planar or te is None:
        return None
    if pulse.balanced:
        return Weighting.T2, "balanced steady state (T2/T1)"
    said = named(header, Weighting.PD, Weighting.BOLD)
    if said:
        return said
    late = max(header.te_all_ms, default=te)
    if te >= 12 or (late >= 15 and len(header.te_all_ms) >= 3):
        return Weighting.T2_STAR, f"gradient echo, TE {te:g}" + (f" to {late:g} ms" if late > te else " ms")
    if tr is None or flip is None:
        return None
    # Ernst angle of grey matter: above it the picture is T1-weighted, at it and below PD-weighted.
    ernst = relaxation.ernst_deg(tr, header.tesla)
    what = f"TR {tr:g} ms, TE {te:g} ms, flip {flip:g}° (Ernst {ernst:.1f}°)"
    if tr < 1000 and flip > ernst:
        if te >= 8:
            return _choose(header, f"gradient echo, {what}", Weighting.T2_STAR, Weighting.T1) or (
                Weighting.T1,
                f"spoiled gradient echo, {what}",
            )
        return Weighting.T1, f"spoiled gradient echo, {what}"
    if tr < 1000 and te < 8:
        return Weighting.PD, f"gradient echo, {what}"
    return None


def _scanner(header: Header, pulse: Pulse) -> Answer | None:
    for value in header.words("AcquisitionContrast"):
        if _ACQUISITION_CONTRAST.get(value, Weighting.UNKNOWN) is not Weighting.UNKNOWN:
            return _ACQUISITION_CONTRAST[value], f"AcquisitionContrast {value}"
    return None


def _curated(header: Header, pulse: Pulse) -> Answer | None:
    for suffix in header.words("VendorBIDSSuffix"):
        if suffix in BIDS_SUFFIXES:
            return BIDS_SUFFIXES[suffix], f"BIDS suffix {suffix}"
    return None


def _any_name(header: Header, pulse: Pulse) -> Answer | None:
    return named(header, *(weighting for weighting in ALL if weighting is not Weighting.FA))


def _agent(header: Header, pulse: Pulse) -> Answer | None:
    """A file without acquisition headers that names nothing but an agent."""
    said = [token for token in header.name_tokens if token in _AGENT]
    if not said or header.te_ms is not None or header.tr_ms is not None:
        return None
    return Weighting.T1, f"name says {said[0]}: T1 is the usual picture after an agent"


RULES: tuple[Rule, ...] = (
    _screenshot,
    _localizer,
    _in_part,
    _image_type,
    _diffusion,
    _phase,
    _flow,
    _specials,
    _made_for,
    _mp2rage,
    _echo_planar,
    _time_series,
    _magnetization_transfer,
    _dixon,
    _inversion,
    _spins,
    _gradients,
    _scanner,
    _curated,
    _any_name,
    _agent,
)
