"""What gives a series its contrast: physics first, then the scanner's word, then the name. A rule a function."""

from __future__ import annotations

from collections.abc import Callable

from mriloop.model.coding import Weighting
from mriloop.model.study import Component
from mriloop.stages.check.header import Header

Answer = tuple[Weighting, str]

# Tokens of ImageType (value 3 and later) and of private image kinds that name a reconstructed kind of picture.
_IMAGE_TYPE: tuple[tuple[Weighting, frozenset[str]], ...] = (
    (Weighting.LOCALIZER, frozenset({"LOCALIZER", "SCOUT"})),
    (Weighting.ADC, frozenset({"ADC", "EADC", "ADC_UNSPECIFIED", "ADC MAP", "ADC_MAP", "AVERAGE DC"})),
    (Weighting.FA, frozenset({"FA", "COLFA", "FA_MAP", "FRACTIONAL_ANISOTROPY", "TENSOR_FA", "COLORFA"})),
    (Weighting.TRACE, frozenset({"TRACEW", "TRACE", "DWI TRACE", "ISOTROPIC", "TRACE_DWI", "COMBINED TRACE"})),
    (Weighting.T1_MAP, frozenset({"T1 MAP", "T1_MAP", "T1MAP", "R1 MAP"})),
    (Weighting.T2_MAP, frozenset({"T2 MAP", "T2_MAP", "T2MAP", "R2 MAP", "T2_STAR MAP", "T2STAR MAP", "R2_STAR MAP"})),
    (Weighting.FAT_FRACTION, frozenset({"FAT_FRACTION", "FF", "PDFF", "FAT_FRAC", "FP"})),
    (Weighting.DIXON_WATER, frozenset({"WATER", "W", "DIXON_WATER"})),
    (Weighting.DIXON_FAT, frozenset({"FAT", "F", "DIXON_FAT"})),
    (Weighting.DIXON_IN, frozenset({"IN_PHASE", "IP", "INPHASE", "IN"})),
    (Weighting.DIXON_OPPOSED, frozenset({"OUT_PHASE", "OPP_PHASE", "OP", "OUTPHASE", "OUT"})),
    (Weighting.SWI, frozenset({"SWI", "MNIP", "SWI_MAG", "SWI_PHA", "QSM"})),
    (Weighting.FIELD_MAP, frozenset({"FIELD_MAP", "B0", "B0 MAP", "B0_MAP", "FIELDMAP", "B1"})),
    (Weighting.PERFUSION, frozenset({"PERFUSION", "RELCBF", "RELCBV", "RELMTT", "TTP", "TMAX", "CBF", "CBV", "MTT"})),
    (Weighting.ASL, frozenset({"ASL"})),
)
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
    "FLOW_ENCODED": Weighting.PHASE,
}
# Whole tokens, with or without digits behind them; a ~ at the end takes every token that begins so; phrases with _.
_NAMES: tuple[tuple[Weighting, tuple[str, ...]], ...] = (
    (Weighting.LOCALIZER, ("loc", "locs", "localiz~", "localis~", "localit~", "lokali~", "locator~", "scout~",
                           "survey~", "planscan", "plan_scan", "3plane", "3_plane", "three_plane", "triplane",
                           "tri_plane", "smartbrain~", "aahead~", "ubersicht~", "reperage~", "aascout~", "calibration",
                           "prescan")),
    (Weighting.ADC, ("adc", "dadc", "eadc", "apparent_diff")),
    (Weighting.FA, ("fa", "colfa", "fracaniso~")),
    (Weighting.TRACE, ("trace", "tracew~")),
    (Weighting.T1_MAP, ("molli~", "shmolli~", "t1molli~", "t1map~", "mp2rage_t1")),
    (Weighting.T2_MAP, ("t2map~", "t2*map~", "r2*", "t2starmap~")),
    (Weighting.FIELD_MAP, ("fieldmap~", "b0map~", "b0", "b1map~", "gre_field", "fmap")),
    (Weighting.SWI, ("swi", "swan", "swip", "venobold", "qsm", "mip_swi", "swan3d")),
    (Weighting.ASL, ("asl", "pcasl", "pasl", "casl")),
    (Weighting.PERFUSION, ("perf", "perfusion~", "dsc", "dce", "twist", "tricks")),
    (Weighting.MRA, ("tof", "mra", "mrv", "angio", "angiogr~", "ceangio", "ceamra", "inhance~")),
    (Weighting.DWI, ("dwi", "dti", "dmri", "diff", "diffusion~", "resolve", "noddi~", "hardi", "dwibs", "ep2d_diff",
                     "zoomit")),
    (Weighting.BOLD, ("bold", "fmri", "rest", "resting~", "rsfmri", "func", "functional", "task")),
    (Weighting.FLAIR, ("flair~", "tirm_dark", "darkfluid~", "dark_fluid", "dark", "tdf")),
    (Weighting.STIR, ("stir~", "tirm~")),
    (Weighting.MT, ("mt", "mtc", "mton", "mtoff", "mtr")),
    (Weighting.T2_STAR, ("t2*", "t2star~", "t2s", "medic", "merge", "fl2d_hemo", "hemo")),
    (Weighting.PD, ("pd", "pdw", "protondens~", "dp", "ip", "intermediate")),
    (Weighting.T1, ("t1", "t1w~", "t1se~", "t1tse~", "mprage~", "bravo", "memprage~", "mp2rage~", "vibe~", "lava~",
                    "thrive~", "spgr~", "tfl", "fspgr~", "mpr")),
    (Weighting.T2, ("t2", "t2w~", "t2tse~", "t2fse~", "haste~", "ssfse~", "ciss~", "fiesta~", "trufi~", "space",
                    "btfe~")),
)  # fmt: skip
_DIGITS = "0123456789"
_AGENT = frozenset({"gd", "gad", "gado", "gadolinium", "km", "postgd"})
_BALANCED = ("TRUFI", "FIESTA", "B-TFE", "BTFE", "BFFE", "B-FFE", "CISS", "TRUEFISP", "BALANCED", "TFI")


def weighting_of(header: Header) -> Answer:
    """Return the weighting and its basis: the first rule that answers; UNKNOWN and an empty basis when none does."""
    for rule in RULES:
        answer = rule(header)
        if answer is not None:
            return answer
    return Weighting.UNKNOWN, ""


def named(header: Header, *wanted: Weighting) -> Answer | None:
    """Return what the name says, among `wanted` (all when empty), in the order of the table."""
    joined = "_" + "_".join(header.tokens) + "_"
    for weighting, words in _NAMES:
        if wanted and weighting not in wanted:
            continue
        for word in words:
            if "_" in word:
                if f"_{word}" in joined:
                    return weighting, f"name says {word}"
                continue
            for token in header.tokens:
                if _is(token, word):
                    return weighting, f"name says {token}"
    return None


def _is(token: str, word: str) -> bool:
    if word.endswith("~"):
        return token.startswith(word[:-1])
    return token == word or token.rstrip(_DIGITS) == word


def _screenshot(header: Header) -> Answer | None:
    colour = any(frame.samples_per_pixel > 1 for frame in header.frames) or header.says(
        "PhotometricInterpretation", "RGB", "PALETTE COLOR"
    )
    kind = header.image_type
    known = any(not words.isdisjoint(kind) for _, words in _IMAGE_TYPE)
    if {"SCREEN SAVE", "SCREEN", "SCREENSHOT"} & set(kind) or (colour and not known and "SECONDARY" in kind):
        return Weighting.SCREENSHOT, "ImageType " + "\\".join(kind) + (" in colour" if colour else "")
    return None


def _image_type(header: Header) -> Answer | None:
    kind = header.image_type[2:]
    for weighting, words in _IMAGE_TYPE:
        for value in kind:
            if value in words:
                # One letter and short codes mean Dixon parts only where the name or the PulseSequence speaks of it.
                if weighting.value.startswith("DIXON") and len(value) <= 3 and not _dixon(header):
                    continue
                return weighting, f"ImageType {value}"
    return None


def _dixon(header: Header) -> bool:
    return "DIXON" in header.image_type or any(
        token.startswith(("dixon", "mdixon", "ideal", "flex", "lava", "vibe", "wfi", "dix")) for token in header.tokens
    )


def _localizer(header: Header) -> Answer | None:
    if len(header.normals) >= 3 and len(header.frames) <= 90:
        found = named(header, Weighting.LOCALIZER)
        return found or (Weighting.LOCALIZER, "slices in three orientations")
    return named(header, Weighting.LOCALIZER)


def _diffusion(header: Header) -> Answer | None:
    weighted = [b for b in header.b_values if b >= 40]
    if not weighted and "DIFFUSION" not in header.image_type and not header.says("AcquisitionContrast", "DIFFUSION"):
        return None
    derived = bool(header.image_type) and header.image_type[0] == "DERIVED"
    if derived:
        map_said = named(header, Weighting.ADC, Weighting.FA, Weighting.TRACE)
        if map_said:
            return map_said
        if header.says("DiffusionDirectionality", "ISOTROPIC"):
            return Weighting.TRACE, "DiffusionDirectionality ISOTROPIC"
    basis = (
        "b-values " + ", ".join(f"{b:g}" for b in header.b_values) if weighted else "ImageType or AcquisitionContrast"
    )
    return Weighting.DWI, basis


def _phase(header: Header) -> Answer | None:
    if header.component is Component.PHASE or "P" in header.image_type[2:3] or "PHASE MAP" in header.image_type:
        return named(header, Weighting.FIELD_MAP, Weighting.SWI) or (Weighting.PHASE, "component PHASE")
    if header.says("PhaseContrast", "YES"):
        return Weighting.PHASE, "PhaseContrast YES"
    return None


def _specials(header: Header) -> Answer | None:
    if header.words("ArterialSpinLabelingContrast"):
        return Weighting.ASL, "ArterialSpinLabelingContrast"
    if header.says("TimeOfFlightContrast", "YES") or header.says("AcquisitionContrast", "TOF"):
        return Weighting.MRA, "TimeOfFlightContrast"
    # FA as a word is also "flip angle": only ImageType may call a series an anisotropy map.
    found = named(
        header,
        Weighting.T1_MAP,
        Weighting.T2_MAP,
        Weighting.FIELD_MAP,
        Weighting.SWI,
        Weighting.ASL,
        Weighting.PERFUSION,
    )
    if found:
        return found
    if header.says("AngioFlag", "Y"):
        return Weighting.MRA, "AngioFlag Y"
    return named(header, Weighting.MRA)


def _echo_planar(header: Header) -> Answer | None:
    factor = header.number("VendorEPIFactor") or 0
    names = " ".join(
        (*header.words("SequenceName"), *header.words("PulseSequenceName"), *header.words("VendorPulseSequence"))
    )
    planar = (
        header.says("ScanningSequence", "EP")
        or header.says("EchoPlanarPulseSequence", "YES")
        or factor > 8
        or any(word in names for word in ("EPFID", "EPSE", "EPIRT", "FEEPI", "GRE-EPI"))
    )
    if not planar:
        return None
    if header.says("ScanningSequence", "SE") or header.says("EchoPulseSequence", "SPIN") or "EPSE" in names:
        return named(header, Weighting.DWI, Weighting.FLAIR, Weighting.STIR) or (Weighting.T2, "spin-echo EPI")
    te = header.te_ms
    if te is None or not 5 <= te <= 80:
        return None
    if factor and factor < 20 and not header.says("ScanningSequence", "EP"):
        return None
    repeats = _repeats(header)
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


def _gradient_train(header: Header) -> Answer | None:
    """Philips classic EPI names itself by its echo train alone."""
    train, te = header.number("EchoTrainLength") or 0, header.te_ms
    if header.vendor != "philips" or not header.says("ScanningSequence", "GR") or train < 15 or te is None:
        return None
    if 15 <= te <= 60 and _repeats(header) > 1:
        return Weighting.BOLD, f"gradient-echo train of {train:g}, TE {te:g} ms, {_repeats(header)} volumes"
    return None


def _spin_echo(header: Header) -> bool:
    if header.says("ScanningSequence", "GR") and not header.says("ScanningSequence", "SE"):
        return False
    return header.says("ScanningSequence", "SE", "RM") or header.says("EchoPulseSequence", "SPIN", "BOTH")


def _gradient_echo(header: Header) -> bool:
    return header.says("ScanningSequence", "GR") or header.says("EchoPulseSequence", "GRADIENT")


def _inversion(header: Header) -> Answer | None:
    ti, tr, te = header.ti_ms, header.tr_ms, header.te_ms
    inverted = header.says("ScanningSequence", "IR") or header.says("InversionRecovery", "YES")
    if ti is None:
        if inverted and _gradient_echo(header) and te is not None and te < 12:
            return Weighting.T1, "inversion-prepared gradient echo"
        if inverted:
            return named(header, Weighting.FLAIR, Weighting.STIR)
        return None
    if not inverted and ti <= 0:
        return None
    if _gradient_echo(header) and not _spin_echo(header):
        if ti >= 300 and (te is None or te < 12):
            return Weighting.T1, f"gradient echo {ti:g} ms after inversion"
        return None
    if ti <= 350:
        return Weighting.STIR, f"TI {ti:g} ms"
    if te is not None and te < 45 and 350 < ti <= 1300:
        return Weighting.T1, f"spin echo {ti:g} ms after inversion, TE {te:g} ms"
    if ti >= 1200 and (tr is None or tr >= 3500) and (te is None or te >= 50):
        return Weighting.FLAIR, f"TI {ti:g} ms"
    return None


def _spins(header: Header) -> Answer | None:
    tr, te = header.tr_ms, header.te_ms
    if not _spin_echo(header) or tr is None or te is None or header.ti_ms is not None:
        return None
    what = f"spin echo, TR {tr:g} ms, TE {te:g} ms"
    # 3-D trains of variable flip angle state a nominal TE; their TR separates T1 from T2 all the same.
    if tr <= 1200 and te <= 40:
        return Weighting.T1, what
    if tr >= 1500 and te >= 60:
        return Weighting.T2, what
    if tr >= 1800 and te < 60:
        return Weighting.PD, what
    if tr <= 1200 and te >= 60 and header.says("MRAcquisitionType", "3D"):
        return Weighting.T2, what
    return None


def _gradients(header: Header) -> Answer | None:
    tr, te, flip = header.tr_ms, header.te_ms, header.flip_deg
    if not _gradient_echo(header) or _spin_echo(header) or te is None:
        return None
    names = " ".join(
        (*header.words("SequenceName"), *header.words("PulseSequenceName"), *header.words("VendorPulseSequence"))
    )
    if header.says("SteadyStatePulseSequence", "FREE_PRECESSION") or any(word in names for word in _BALANCED):
        return Weighting.T2, "balanced steady state (T2/T1)"
    said = named(header, Weighting.PD, Weighting.MT, Weighting.BOLD)
    if said:
        return said
    if te >= 12:
        return Weighting.T2_STAR, f"gradient echo, TE {te:g} ms"
    if tr is None or flip is None:
        return None
    # Ernst angle of tissue with T1 = 1 s: above it the picture is T1-weighted, at it and below PD-weighted.
    ernst = _ernst_deg(tr)
    if tr < 1000 and flip > ernst:
        return Weighting.T1, f"spoiled gradient echo, TR {tr:g} ms, TE {te:g} ms, flip {flip:g}° (Ernst {ernst:.1f}°)"
    if tr < 1000 and te < 8:
        return Weighting.PD, f"gradient echo, TR {tr:g} ms, TE {te:g} ms, flip {flip:g}° (Ernst {ernst:.1f}°)"
    return None


def _ernst_deg(tr_ms: float) -> float:
    import math

    return math.degrees(math.acos(math.exp(-tr_ms / 1000)))


def _magnetization_transfer(header: Header) -> Answer | None:
    if header.says("MagnetizationTransfer", "ON_RESONANCE", "OFF_RESONANCE"):
        return named(header, Weighting.MT)
    return None


def _scanner(header: Header) -> Answer | None:
    for value in header.words("AcquisitionContrast"):
        if value in _ACQUISITION_CONTRAST:
            return _ACQUISITION_CONTRAST[value], f"AcquisitionContrast {value}"
    return None


def _any_name(header: Header) -> Answer | None:
    return named(header, *(weighting for weighting, _ in _NAMES if weighting is not Weighting.FA))


def _agent(header: Header) -> Answer | None:
    """A file without acquisition headers that names nothing but an agent."""
    said = [token for token in header.name_tokens if token in _AGENT]
    if not said or header.te_ms is not None or header.tr_ms is not None:
        return None
    return Weighting.T1, f"name says {said[0]}: T1 is the usual picture after an agent"


RULES: tuple[Callable[[Header], Answer | None], ...] = (
    _screenshot,
    _localizer,
    _image_type,
    _diffusion,
    _phase,
    _specials,
    _echo_planar,
    _gradient_train,
    _magnetization_transfer,
    _inversion,
    _spins,
    _gradients,
    _scanner,
    _any_name,
    _agent,
)
