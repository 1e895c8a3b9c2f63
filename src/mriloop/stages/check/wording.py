"""What the name of a series says of its weighting, in the words of vendors and of several languages."""

from __future__ import annotations

from mriloop.model.coding import Weighting
from mriloop.stages.check.header import Header

# Whole tokens, with or without digits behind them; a ~ at the end takes every token that begins so; phrases with _.
_NAMES: tuple[tuple[Weighting, tuple[str, ...]], ...] = (
    (Weighting.LOCALIZER, ("loc", "locs", "localiz~", "localis~", "localit~", "lokali~", "localizador~", "locator~",
                           "scout~", "survey~", "planscan", "plan_scan", "3plane", "3_plane", "three_plane", "triplane",
                           "tri_plane", "smartbrain~", "aahead~", "ubersicht~", "reperage~", "aascout~", "calibration",
                           "kalibr~", "calibra~", "prescan", "coilsurvey~", "senserefscan~", "refscan~", "ref_scan",
                           "asset_cal", "smartplan~", "autoalign~", "centratore~", "posizionamento~", "lotse~",
                           "centrage~", "sensitivity_map", "shim")),
    (Weighting.ADC, ("adc", "dadc", "eadc", "apparent_diff", "adcmap~")),
    (Weighting.FA, ("fa", "colfa", "fracaniso~", "fractional_aniso")),
    (Weighting.TRACE, ("trace", "tracew~", "isodwi", "dwi_iso", "cdwi", "calcb~", "dyndistcalc~", "synthetic_dwi",
                       "computed_dwi", "synthetic_b")),
    (Weighting.T1_MAP, ("molli~", "shmolli~", "t1molli~", "t1map~", "t1_map", "mp2rage_t1", "t1_images", "sasha",
                        "smart1map")),
    (Weighting.T2_MAP, ("t2map~", "t2*map~", "t2_map", "t2*_map", "r2*", "r2*_map", "t2starmap~", "t2star_map",
                        "cartigram", "mapit", "starmap")),
    (Weighting.FIELD_MAP, ("fieldmap~", "b0map~", "b0_map", "b0_mapping", "b1map~", "b1_map", "gre_field", "fmap",
                           "field_map", "topup", "spinechofieldmap~", "distortionmap~", "feldkarte~")),
    (Weighting.SWI, ("swi", "swan", "swip", "venobold", "qsm", "mip_swi", "swan3d", "fsbb", "bsi")),
    (Weighting.ASL, ("asl", "pcasl", "pasl", "casl", "3dasl", "arterial_spin")),
    (Weighting.MRA, ("tricks", "twist_angio", "twist_mra", "inhance~")),
    (Weighting.PERFUSION, ("perf", "perfusion~", "perfusie~", "perfusione~", "dsc", "dce", "twist", "disco", "grasp",
                           "ktwist", "4dthrive", "4d_thrive")),
    (Weighting.MRA, ("tof", "mra", "mrv", "angio", "angiogr~", "angio3d", "ceangio", "ceamra", "cemra",
                     "phlebo~", "venogra~", "pca", "3dpc", "2dpc", "timeslip")),
    (Weighting.DWI, ("dwi", "dti", "dmri", "diff", "diffusion~", "difusion~", "diffusione~", "diffusie~", "difusao~",
                     "resolve", "noddi~", "hardi", "dwibs", "ep2d_diff", "zoomit", "focus_dwi", "dwiepi", "ivim",
                     "dki", "muse_dwi")),
    (Weighting.BOLD, ("bold", "fmri", "rest", "resting~", "rsfmri", "func", "functional", "task")),
    (Weighting.DIR, ("double_inversion", "double_ir")),
    (Weighting.FLAIR, ("flair~", "tirm_dark_fluid", "darkfluid~", "dark_fluid", "tdf", "t2flair~", "vistaflair",
                       "flairfs", "t2_dark_fluid")),
    (Weighting.STIR, ("stir~", "tirm~", "tstir", "t2stir", "wb_stir")),
    (Weighting.MT, ("mt", "mtc", "mton", "mtoff", "mtr", "mtw", "mtsat")),
    (Weighting.T2_STAR, ("t2*", "t2star~", "t2s", "medic", "merge", "mffe", "adage", "fl2d_hemo", "hemo", "hemoflash",
                         "t2stern~", "mfgre")),
    (Weighting.PD, ("pd", "pdw", "protondens~", "proton_density", "dp", "densite_protons", "intermediate", "densidad",
                    "rho", "pdfs", "pdspair", "pdtse")),
    (Weighting.T1, ("t1", "t1w~", "t1se~", "t1tse~", "t1fs~", "t1fse", "t1ffe", "t1tfe", "t1gre", "mprage~", "bravo",
                    "memprage~", "mp2rage~", "vibe~", "starvibe", "lava~", "thrive~", "ethrive", "spgr~", "tfl",
                    "fspgr~", "mpr", "irfspgr", "t1flair", "tigre", "vibrant~", "bliss", "psir", "fldyn", "flash3d",
                    "t1flash", "t1vibe~", "t1space", "mocomemprage")),
    (Weighting.T2, ("t2", "t2w~", "t2tse~", "t2fse~", "t2fs~", "t2spair", "haste~", "ssfse~", "sshtse~", "fase",
                    "ciss~", "fiesta~", "trufi~", "btfe~", "bffe~", "drive", "mrcp~", "dess", "myelo", "myelogra~",
                    "t2space", "t2frfse", "t2ssfse")),
)  # fmt: skip
_DIGITS = "0123456789"
_DIXON_FAMILIES = ("dixon", "mdixon", "ideal", "flex", "lavaflex", "wfi", "wfs", "dix", "fatsep", "qdixon", "idealiq")
_DIXON_CAPABLE = ("lava", "vibe", "thrive", "tigre", "quick3d", "fl2d", "fl3d")
# The part of a water-fat separation: plain words count once the series is one, letters only at the end of the name.
_PARTS: tuple[tuple[Weighting, frozenset[str], frozenset[str]], ...] = (
    (Weighting.FAT_FRACTION, frozenset({"fatfrac", "fatfraction", "pdff", "fatquant"}), frozenset({"ff", "fp"})),
    (Weighting.DIXON_OPPOSED, frozenset({"outphase", "oppphase", "opposed", "outofphase", "oop"}),
     frozenset({"op", "opp", "out"})),
    (Weighting.DIXON_IN, frozenset({"inphase"}), frozenset({"ip", "in"})),
    (Weighting.DIXON_WATER, frozenset({"water", "wasser", "eau", "agua", "acqua", "wateronly"}), frozenset({"w"})),
    (Weighting.DIXON_FAT, frozenset({"fat", "fett", "graisse", "grasa", "grasso", "fatonly"}), frozenset({"f"})),
)  # fmt: skip
_SUPPRESSED = frozenset(
    {"sat", "sats", "sup", "supp", "suppressed", "suppression", "saturated", "saturation", "free", "gesattigt", "sep"}
)


def named(header: Header, *wanted: Weighting) -> tuple[Weighting, str] | None:
    """Return what the name says, among `wanted` (all when empty), in the order of the table, with the word."""
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


ALL: tuple[Weighting, ...] = tuple(dict.fromkeys(weighting for weighting, _ in _NAMES))


def _is(token: str, word: str) -> bool:
    if word.endswith("~"):
        return token.startswith(word[:-1])
    return token == word or token.rstrip(_DIGITS) == word


def water_fat(header: Header) -> bool:
    """Tell whether water and fat were separated: by ImageType, a private image kind or the name."""
    if "DIXON" in header.image_type or header.says("VendorImageKind", "W", "F", "IP", "OP", "FF"):
        return True
    return any(token.rstrip(_DIGITS) in _DIXON_FAMILIES or "dixon" in token for token in header.tokens)


def dixon_part(header: Header) -> tuple[Weighting, str] | None:
    """Return which part of a water-fat separation the name says.

    GE writes the part before a colon ("WATER: Ax LAVA"), Siemens and UIH behind the name ("…_dixon_tra_W"). In-phase
    and opposed-phase count without further signs; "fat" not where it is saturated.
    """
    words = header.name_tokens
    joined = "".join(words)
    for phrase, weighting in (
        ("inandoutofphase", None), ("inoutphase", None), ("inoppphase", None), ("outofphase", Weighting.DIXON_OPPOSED),
        ("outphase", Weighting.DIXON_OPPOSED), ("opposedphase", Weighting.DIXON_OPPOSED),
        ("oppphase", Weighting.DIXON_OPPOSED), ("inphase", Weighting.DIXON_IN),
        ("fatfrac", Weighting.FAT_FRACTION), ("pdff", Weighting.FAT_FRACTION),
    ):  # fmt: skip
        if phrase in joined:
            return None if weighting is None else (weighting, f"name says {phrase}")
    before_colon = header.series.description.partition(":")[0].strip().lower().replace(" ", "")
    separated = water_fat(header) or any(word.startswith(_DIXON_CAPABLE) for word in words)
    for weighting, whole, short in _PARTS:
        if ":" in header.series.description and before_colon in whole:
            return weighting, f"name says {before_colon}"
        if not separated:
            continue
        for place, word in enumerate(words):
            if word in whole and words[place + 1 : place + 2] != () and words[place + 1] in _SUPPRESSED:
                continue
            if word in whole and (water_fat(header) or place in (0, len(words) - 1)):
                return weighting, f"name says {word}"
        if words and words[-1] in short:
            return weighting, f"name ends in {words[-1]}"
    return None
