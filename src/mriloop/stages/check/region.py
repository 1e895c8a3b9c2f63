"""Which body region a series shows: from its name, the BodyPartExamined element, the study's name or the coil."""

from __future__ import annotations

from mriloop.model.coding import Region
from mriloop.stages.check.header import Header, tokens

# DICOM defined terms of BodyPartExamined (PS3.16 Annex L) and what vendors write in their place.
_BODY_PART: dict[str, Region] = {
    **dict.fromkeys(("BRAIN", "HEAD", "SKULL", "CEREBRUM", "NEURO", "HEADBRAIN", "TEMPORALLOBE", "IAC"), Region.BRAIN),
    **dict.fromkeys(("PITUITARY", "SELLA", "SELLATURCICA", "HYPOPHYSIS"), Region.PITUITARY),
    **dict.fromkeys(
        ("HEADNECK", "NECK", "ORBIT", "EYE", "FACE", "MAXILLA", "LARYNX", "TMJ", "EAR", "THYROID"), Region.HEAD_NECK
    ),
    **dict.fromkeys(("CSPINE", "CERVICALSPINE", "CERVSPINE"), Region.CERVICAL_SPINE),
    **dict.fromkeys(("TSPINE", "THORACICSPINE", "DSPINE"), Region.THORACIC_SPINE),
    **dict.fromkeys(("LSPINE", "LUMBARSPINE", "LSSPINE", "SSPINE", "SACRUM", "SACROILIACJOINT"), Region.LUMBAR_SPINE),
    **dict.fromkeys(("SPINE", "WHOLESPINE", "CTSPINE", "TLSPINE"), Region.SPINE),
    **dict.fromkeys(("CHEST", "THORAX", "LUNG", "STERNUM", "MEDIASTINUM"), Region.CHEST),
    **dict.fromkeys(("HEART", "CARDIAC"), Region.HEART),
    "BREAST": Region.BREAST,
    **dict.fromkeys(("ABDOMEN", "ABDOMENPELVIS", "UPPERABDOMEN"), Region.ABDOMEN),
    **dict.fromkeys(("LIVER", "BILEDUCT"), Region.LIVER),
    **dict.fromkeys(("KIDNEY", "KIDNEYS", "RENAL", "ADRENAL"), Region.KIDNEY),
    "PANCREAS": Region.PANCREAS,
    **dict.fromkeys(("PELVIS", "RECTUM", "BLADDER"), Region.PELVIS),
    "PROSTATE": Region.PROSTATE,
    **dict.fromkeys(("UTERUS", "OVARY"), Region.UTERUS),
    **dict.fromkeys(("SHOULDER", "CLAVICLE"), Region.SHOULDER),
    "ELBOW": Region.ELBOW,
    "WRIST": Region.WRIST,
    **dict.fromkeys(("HAND", "FINGER", "THUMB"), Region.HAND),
    "HIP": Region.HIP,
    "KNEE": Region.KNEE,
    "ANKLE": Region.ANKLE,
    **dict.fromkeys(("FOOT", "FOREFOOT", "HINDFOOT", "TOE", "CALCANEUS"), Region.FOOT),
    **dict.fromkeys(("EXTREMITY", "LEG", "THIGH", "ARM", "FOREARM", "HUMERUS", "FEMUR", "TIBIA"), Region.EXTREMITY),
    **dict.fromkeys(("WHOLEBODY", "WB"), Region.WHOLE_BODY),
}

# Beginnings of words, in English, German, French, Spanish, Italian and Dutch, most specific region first.
# A word of at most three letters must be the whole token.
_WORDS: tuple[tuple[Region, tuple[str, ...]], ...] = (
    (Region.PITUITARY, ("pituitar", "hypophys", "hypofys", "hipofis", "ipofis", "sella", "selle", "silla", "sellar")),
    (Region.CERVICAL_SPINE, ("cspine", "cervical", "cervicale", "halswirbel", "hws", "cwk", "halswervel", "csp")),
    (Region.THORACIC_SPINE, ("tspine", "thoracicspine", "brustwirbel", "bws", "twk", "tsp")),
    (Region.LUMBAR_SPINE, ("lspine", "lumbar", "lumbal", "lombair", "lombar", "lendenwirbel", "lws", "lwk", "lsp")),
    (Region.SPINE, ("spine", "spinal", "wirbelsaul", "rachis", "columna", "colonna", "wervelkolom", "myelo", "cord")),
    (Region.PROSTATE, ("prosta",)),
    (Region.BREAST, ("breast", "mamma", "brust", "seno", "borst", "mammell")),
    (Region.HEART, ("cardiac", "heart", "herz", "coeur", "corazon", "cuore", "cardio", "cardiaq")),
    (Region.LIVER, ("liver", "leber", "foie", "higado", "fegato", "lever", "hepat", "mrcp")),
    (Region.KIDNEY, ("kidney", "niere", "renal", "rinon", "nier", "adrenal")),
    (Region.PANCREAS, ("pancrea", "pankrea")),
    (Region.UTERUS, ("uter", "ovar", "cervixuteri", "endometr")),
    (Region.SHOULDER, ("shoulder", "schulter", "epaule", "hombro", "spalla", "schouder")),
    (Region.ELBOW, ("elbow", "ellbogen", "ellenbogen", "coude", "codo", "gomito", "elleboog")),
    (Region.WRIST, ("wrist", "handgelenk", "poignet", "muneca", "polso")),
    (Region.HAND, ("hand", "finger", "daumen", "thumb")),
    (Region.HIP, ("hip", "hips", "huft", "hueft", "hanche", "cadera", "anca", "heup")),
    (Region.KNEE, ("knee", "knie", "genou", "rodilla", "ginocchio")),
    (Region.ANKLE, ("ankle", "sprunggelenk", "osg", "cheville", "tobillo", "caviglia", "enkel")),
    (Region.FOOT, ("foot", "feet", "fuss", "vorfuss", "pied", "piede", "voet", "forefoot", "hindfoot")),
    (Region.FOOT, ("metatars", "plantar")),
    (Region.HEAD_NECK, ("neck", "hals", "cou", "cuello", "collo", "orbit", "larynx", "parotis", "felsenbein")),
    (
        Region.BRAIN,
        ("brain", "hirn", "gehirn", "schadel", "schaedel", "kopf", "head", "cerebr", "cerveau", "encephal", "crane",
         "craneo", "cerebro", "cervello", "encefalo", "hersen", "hoofd", "neurocran", "crani", "hippocamp", "iac"),
    ),
    (Region.CHEST, ("chest", "thorax", "lung", "poumon", "torax", "torace", "mediast")),
    (Region.PELVIS, ("pelvi", "becken", "bassin", "bekken", "rectum", "rektum", "pelvic")),
    (Region.ABDOMEN, ("abdom", "bauch", "oberbauch", "ventre", "addome", "buik")),
    (Region.WHOLE_BODY, ("wholebody", "ganzkorper", "ganzkoerper", "corpsentier", "cuerpoentero", "wbmri")),
    (Region.EXTREMITY, ("thigh", "calf", "oberschenkel", "unterschenkel", "cuisse", "muslo", "femur", "tibia")),
    (Region.EXTREMITY, ("humer", "leg", "legs", "arm", "arms")),
)  # fmt: skip
_FALSE_FRIENDS = frozenset(
    {
        "headers",
        "header",
        "handle",
        "handling",
        "handed",
        "voetnoot",
        "leverage",
        "ventricle",
        "kneeling",
        "renale",
        "spinecho",
    }
)
# Whole tokens although longer than three letters: too many other words begin so.
_WHOLE = frozenset({"head", "hand", "neck", "cord", "seno", "anca", "lever", "pied", "legs", "arms"})
# Bones and organs that have a head of their own, as beginnings of words.
_HEADS: tuple[tuple[str, Region], ...] = (
    ("femor", Region.HIP), ("femur", Region.HIP), ("humer", Region.SHOULDER), ("metatars", Region.FOOT),
    ("talar", Region.ANKLE), ("metacarp", Region.HAND), ("radial", Region.ELBOW), ("radius", Region.ELBOW),
    ("fibul", Region.KNEE), ("ulna", Region.WRIST), ("pancrea", Region.PANCREAS),
)  # fmt: skip
_COIL: tuple[tuple[tuple[str, ...], Region], ...] = (
    (("knee",), Region.KNEE),
    (("breast",), Region.BREAST),
    (("shoulder",), Region.SHOULDER),
    (("wrist", "hand"), Region.WRIST),
    (("foot", "ankle"), Region.ANKLE),
    (("head",), Region.BRAIN),
)
_WITHIN: dict[Region, frozenset[Region]] = {
    Region.BRAIN: frozenset({Region.PITUITARY, Region.HEAD_NECK}),
    Region.HEAD_NECK: frozenset({Region.PITUITARY, Region.BRAIN, Region.CERVICAL_SPINE}),
    Region.SPINE: frozenset({Region.CERVICAL_SPINE, Region.THORACIC_SPINE, Region.LUMBAR_SPINE}),
    Region.ABDOMEN: frozenset({Region.LIVER, Region.KIDNEY, Region.PANCREAS}),
    Region.PELVIS: frozenset({Region.PROSTATE, Region.UTERUS, Region.HIP}),
    Region.CHEST: frozenset({Region.HEART, Region.BREAST}),
    Region.EXTREMITY: frozenset(
        {Region.SHOULDER, Region.ELBOW, Region.WRIST, Region.HAND, Region.HIP, Region.KNEE, Region.ANKLE, Region.FOOT}
    ),
    Region.FOOT: frozenset({Region.ANKLE}),
    Region.ANKLE: frozenset({Region.FOOT}),
}


def region_of(header: Header, study_text: str = "") -> tuple[Region, str]:
    """Return the region and its basis.

    The name of the series wins over BodyPartExamined (which scanners often leave at their default) and that over the
    study's name, unless the study names a part of what the element says; then comes a dedicated coil. UNKNOWN with an
    empty basis where nothing speaks.
    """
    named, word = from_words(header.name_tokens)
    part = header.words("BodyPartExamined")
    coded = Region.UNKNOWN
    for value in part:
        coded = _BODY_PART.get("".join(c for c in value if c.isalpha()), Region.UNKNOWN)
        if coded is Region.UNKNOWN:
            coded = from_words(tokens(value))[0]
    if named is not Region.UNKNOWN and not (coded in _WITHIN.get(named, ()) and coded is not Region.UNKNOWN):
        return named, f"name says {word}"
    whole, study_word = from_words(tokens(f"{header.exam_names} {study_text}"))
    if coded is not Region.UNKNOWN:
        if whole in _WITHIN.get(coded, ()):
            return whole, f"study says {study_word} within BodyPartExamined {part[0]}"
        return coded, f"BodyPartExamined {part[0]}"
    if whole is not Region.UNKNOWN:
        return whole, f"study says {study_word}"
    for keyword in ("ReceiveCoilName", "VendorCoilName"):
        coil = " ".join(header.words(keyword)).lower()
        for hints, region in _COIL:
            if any(hint in coil for hint in hints) and "neck" not in coil and "body" not in coil:
                return region, f"coil {coil}"
    return Region.UNKNOWN, ""


def from_words(words: tuple[str, ...]) -> tuple[Region, str]:
    """Return the most specific region that a token names, and the token; several unlike regions give UNKNOWN."""
    if not {"head", "heads", "kopf", "tete", "testa", "cabeza"}.isdisjoint(words):
        for bone, region in _HEADS:
            if any(token.startswith(bone) for token in words):
                return region, f"{bone} head"
    for region, beginnings in _WORDS:
        for token in words:
            if token in _FALSE_FRIENDS:
                continue
            if any(token == b if len(b) <= 3 or b in _WHOLE else token.startswith(b) for b in beginnings):
                return region, token
    joined = "".join(words)
    if "wholebody" in joined or "ganzkorper" in joined:
        return Region.WHOLE_BODY, "whole body"
    return Region.UNKNOWN, ""
