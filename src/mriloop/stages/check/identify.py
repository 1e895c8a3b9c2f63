"""What each series is: weighting, plane, region, contrast agent, derived or original, object; each with its basis."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from mriloop.model.coding import Plane, Region, Subject, Weighting
from mriloop.model.fact import Truth
from mriloop.model.quality import SeriesKind
from mriloop.model.study import Point, Series, SeriesObject, Study
from mriloop.stages.check.header import Header, tokens
from mriloop.stages.check.region import region_of
from mriloop.stages.check.weighting import fat_part, weighting_of

OBLIQUE_BELOW = 0.80  # cosine: more than 37° from every axis
_NO_AGENT = frozenset(
    {"NONE", "NO", "N", "NO CONTRAST", "WITHOUT", "OHNE", "SANS", "KEIN", "KEINE", "NEIN", "NON", "0", "-"}
)
_PHANTOM_SURE = ("phantom", "fantom", "acrphantom", "piqt", "dailyqa")
_PHANTOM_ALONE = frozenset({"acr", "nist", "dqa", "qualitycontrol"})
_PHANTOM_WEAK = frozenset({"qa", "qc", "flood", "uniformity", "snr", "ghosting", "daily", "test"})  # two of them count
_PAINFUL = frozenset(
    {"limb", "limbs", "pain", "pains", "stump", "sensation", "sensations", "amputation", "amputee", "schmerz"}
)
_AGENT = r"(?:iv\b|i\.v\.|c\b|contrast|kontrast|gd\b|gad|km\b|mdc\b|kontr|inj|agent)"
_PRE = re.compile(
    r"\bpre[ _-]?(?:con|gd|gad|km|gado|c\b|contrast)|\bpre\b|\bnativ|\bunenhanced|\bnon[ _-]?con"
    rf"|\b(?:w/?o|without|ohne|sans|sin|senza|zonder|s/)[ _-]*(?:iv |i\.v\. |any )?{_AGENT}\w*"
    r"|\bblanco\b|(?<!\w)-c\b"
)
_BOTH = re.compile(r"\bw(?:ith)?\b\s*(?:and|&|\+|/)+\s*(?:w/?o|without)\b")
_NO_FAT_SAT = re.compile(
    r"\b(?:w/?o|without|no|non|ohne|sans|sin|senza|zonder)[ _-]*(?:fs\b|fat[ _-]?sat|fat[ _-]?sup|fsat\b|spair|spir\b)"
)
_FAT_SAT_OPTIONS = frozenset({"FS", "FAT_SAT", "FATSAT", "SPAIR", "SPIR", "WE", "SFS", "FATSUPPRESSION", "FSS"})
_FAT_SAT_WORDS = frozenset(
    {"fs", "fatsat", "fatsup", "spair", "spir", "stir", "wats", "proset", "fsat", "fettsat", "we", "chess", "aspir",
     "pdfs", "t2fs", "t1fs", "tsefs", "fsefs", "pdspair", "t2spair", "t2spir", "special", "fatsuppressed", "satgraisse",
     "fsatur", "t1wfs", "t2wfs", "pdwfs"}
)  # fmt: skip
_FAT_SAT_PHRASE = re.compile(
    r"\bfat[ -]?(?:sat|sup|free)|\bfett[ -]?(?:sat|gesätt|unterdr)"
    r"|\bsat(?:uration|uración|\.)?[ -]?(?:de )?gra(?:isse|sa|sso)"
    r"|\bsupresi[oó]n gras|\bsoppr\w* (?:del )?grasso|\bwater[ -]?exc"
)
_POST = re.compile(
    r"\+ ?(?:c|gd|km|k|gad|contrast)\b|\bc\+|\bgd\b|\bgad(?:o\w*)?\b|\bpost[ _-]?(?:con|gd|gad|km|gado|c\b|contrast)"
    r"|\bkm\b|\bcontrast\b|\bcontraste\b|\bmdc\b|\bce\b|\bpost(?![ _-]?(?:op|proc|surg|erior))\b|\bnach[ _-]?km"
    r"|\bmit[ _-]?km|\bmet[ _-]?contrast"
    r"|\bdotarem|\bgadovist|\bprohance|\bmultihance|\bprimovist|\bapres\b|\binj\b|\benhanced"
)
_REFORMATTED = frozenset(
    {"MOCO", "MOTIONCORRECTED", "MPR", "MIP", "MNIP", "PROJECTION IMAGE", "REFORMATTED", "SUBTRACTION", "SUB"}
)
_SEPARATED = frozenset(
    {Weighting.DIXON_WATER, Weighting.DIXON_FAT, Weighting.DIXON_IN, Weighting.DIXON_OPPOSED}
)  # fmt: skip
_MAPS = frozenset(
    {"T1 MAP", "T1_MAP", "T1MAP", "T2 MAP", "T2_MAP", "T2MAP", "R1 MAP", "R2 MAP", "T2_STAR MAP", "R2_STAR MAP",
     "T2STAR MAP", "R2STAR MAP", "RELCBF", "RELCBV", "RELMTT", "TTP", "CBF", "CBV", "MTT", "TMAX", "CALC_BVALUE", "MTR"}
)  # fmt: skip
_CALCULATED = frozenset({"calc", "synthetic", "cdwi", "cbval", "subtraction", "mip", "moco"})
_NOT_IMAGE = frozenset(SeriesObject) - {SeriesObject.IMAGE}


def identify(series: Series, study_text: str = "") -> SeriesKind:
    """Return what `series` is by its own header; `study_text` is the study's name, used for the region alone.

    Every answered field has its basis in `basis`; a field without one is unknown. Contrast: TRUE with an agent
    element or a name that says so, FALSE only where element or name deny it, UNKNOWN otherwise and where they clash:
    an absent element says nothing (see `identify_study`).
    """
    header = Header(series)
    basis: dict[str, str] = {}
    if series.object in _NOT_IMAGE:
        return SeriesKind(object=Subject.NOT_AN_IMAGE, basis={"object": f"object class {series.object.value}"})
    if series.frames and not header.frames:
        return SeriesKind(object=Subject.NOT_AN_IMAGE, basis={"object": "no instance has pixel data"})
    weighting, basis["weighting"] = weighting_of(header)
    region, basis["region"] = region_of(header, study_text)
    plane, basis["plane"] = plane_of(header)
    contrast, basis["contrast"] = contrast_of(header)
    subject, basis["object"] = subject_of(header, study_text)
    fat, basis["fat_suppressed"] = fat_suppression_of(header, weighting)
    depth, basis["three_d"] = depth_of(header)
    derived, basis["derived"] = derived_of(header, weighting)
    return SeriesKind(
        weighting=weighting,
        plane=plane,
        region=region,
        contrast=contrast,
        derived=derived,
        object=subject,
        fat_suppressed=fat,
        three_d=depth,
        basis={name: why for name, why in basis.items() if why},
    )


def identify_study(study: Study) -> Mapping[str, SeriesKind]:
    """Return what every series of a study is, by SeriesInstanceUID, using the other series where one alone is silent.

    Contrast: a series that ended before the stated bolus time is FALSE, one that began after the first series known to
    show the agent, or after the bolus, is TRUE. Region: where all series that name a region agree, the silent ones
    share it. A series never overrides another's own statement.
    """
    kinds = {series.series_instance_uid: identify(series, study.description) for series in study.series}
    headers = {series.series_instance_uid: Header(series) for series in study.series}
    bolus = _bolus_s(headers)
    seen_at = min(
        (
            began
            for uid, kind in kinds.items()
            if kind.contrast is Truth.TRUE and not kind.derived and (began := headers[uid].began_at_s) is not None
        ),
        default=None,
    )
    regions = {k.region for k in kinds.values() if k.region is not Region.UNKNOWN}
    for uid, kind in kinds.items():
        if kind.object is Subject.NOT_AN_IMAGE:
            continue
        header, notes = headers[uid], dict(kind.basis)
        began, ended = header.began_at_s, header.ended_at_s
        contrast = kind.contrast
        if contrast is Truth.UNKNOWN and "contrast" not in notes:
            if bolus is not None and ended is not None and ended < bolus:
                contrast, notes["contrast"] = Truth.FALSE, f"ended {_clock(ended)}, before the bolus at {_clock(bolus)}"
            elif bolus is not None and began is not None and began >= bolus:
                contrast, notes["contrast"] = Truth.TRUE, f"began {_clock(began)}, after the bolus at {_clock(bolus)}"
            elif seen_at is not None and began is not None and began > seen_at:
                contrast, notes["contrast"] = Truth.TRUE, f"began after the first series with agent ({_clock(seen_at)})"
        region = kind.region
        if region is Region.UNKNOWN and len(regions) == 1:
            region, notes["region"] = next(iter(regions)), "the other series of the study"
        kinds[uid] = replace(kind, contrast=contrast, region=region, basis=notes)
    return kinds


def plane_of(header: Header) -> tuple[Plane, str]:
    """Return the plane from the slice normals: the nearest axis within 37°, OBLIQUE beyond, MIXED for several."""
    normals = header.normals
    if not normals:
        return Plane.UNKNOWN, ""
    if len(normals) > 1:
        return Plane.MIXED, f"{len(normals)} slice orientations"
    return plane_of_normal(normals[0]), "ImageOrientationPatient"


def plane_of_normal(normal: Point) -> Plane:
    """Return the plane whose normal (RAS+) is nearest, or OBLIQUE when it is more than 37° away."""
    size = [abs(v) for v in normal]
    axis = size.index(max(size))
    if size[axis] < OBLIQUE_BELOW:
        return Plane.OBLIQUE
    return (Plane.SAGITTAL, Plane.CORONAL, Plane.AXIAL)[axis]


def contrast_of(header: Header) -> tuple[Truth, str]:
    """Return whether the series shows a contrast agent by its own header, with the basis."""
    agents = header.words("ContrastBolusAgent")
    if header.words("ContrastBolusAgentAdministered") == ("NO",) and not header.words("ContrastBolusAgentDetected"):
        agents = ("NO",)
    dose = header.number("ContrastBolusVolume")
    text = " ".join(tokens_text for tokens_text in (header.series.description, *header.words("ProtocolName"))).lower()
    text = text.replace("_", " ")
    if _BOTH.search(text):
        return Truth.UNKNOWN, "name says both with and without contrast"
    pre, post = _PRE.search(text), _POST.search(_PRE.sub(" ", text))
    oral = header.says("ContrastBolusRoute", "ORAL", "PO", "RECTAL")
    given = [agent for agent in agents if agent not in _NO_AGENT]
    denied = bool(agents) and not given
    if given and not oral:
        bolus, ended = _bolus_s({"": header}), header.ended_at_s
        if bolus is not None and ended is not None and ended < bolus and not post:
            return Truth.FALSE, f"ended {_clock(ended)}, before its own bolus at {_clock(bolus)}"
        if pre and not post:
            return Truth.UNKNOWN, f"ContrastBolusAgent is filled but the name says {pre.group(0).strip()}"
        return Truth.TRUE, "ContrastBolusAgent is filled"
    if dose is not None and dose > 0 and not oral and not pre:
        return Truth.TRUE, f"ContrastBolusVolume {dose:g} mL"
    if pre and post:
        return Truth.UNKNOWN, "name says both before and after contrast"
    if pre:
        return Truth.FALSE, f"name says {pre.group(0).strip()}"
    if post:
        if denied:
            return Truth.UNKNOWN, f"name says {post.group(0).strip()} but ContrastBolusAgent says {agents[0]}"
        return Truth.TRUE, f"name says {post.group(0).strip()}"
    if denied:
        return Truth.FALSE, f"ContrastBolusAgent says {agents[0]}"
    return Truth.UNKNOWN, ""


def subject_of(header: Header, study_text: str = "") -> tuple[Subject, str]:
    """Return PHANTOM where the name says so; else UNKNOWN: only the image tells a patient (see `subject.seen`)."""
    for words in (header.tokens, tokens(study_text)):
        if not _PAINFUL.isdisjoint(words):
            continue
        sure = [w for w in words if w.startswith(_PHANTOM_SURE) or w in _PHANTOM_ALONE]
        weak = sorted(_PHANTOM_WEAK.intersection(words))
        if sure or len(weak) > 1:
            return Subject.PHANTOM, f"name says {sure[0] if sure else ' '.join(weak)}"
    return Subject.UNKNOWN, ""


def fat_suppression_of(header: Header, weighting: Weighting) -> tuple[Truth, str]:
    """Return whether fat is suppressed: TRUE by element, STIR, Dixon water or name; FALSE only where it is denied."""
    for keyword in ("SpectrallySelectedSuppression", "VendorFatSuppression"):
        for value in header.words(keyword):
            if value in {"FAT", "FAT_AND_WATER", "SPIR", "SPAIR", "Y", "YES", "PROSET", "WATS"}:
                return Truth.TRUE, f"{keyword} {value}"
    for keyword in ("ScanOptions", "VendorScanOptions"):
        for value in header.words(keyword):
            if value in _FAT_SAT_OPTIONS:
                return Truth.TRUE, f"{keyword} {value}"
    if header.says("SpectrallySelectedExcitation", "WATER"):
        return Truth.TRUE, "SpectrallySelectedExcitation WATER"
    if weighting is Weighting.STIR:
        return Truth.TRUE, f"weighting {weighting.value}"
    part = fat_part(header, weighting)
    if part is not Truth.UNKNOWN:
        return part, "part of a water-fat separation"
    names = set(header.name_tokens)
    text = " ".join((header.series.description, *header.words("ProtocolName"))).lower().replace("_", " ")
    if _NO_FAT_SAT.search(text):
        return Truth.FALSE, "name"
    said = sorted(names & _FAT_SAT_WORDS) or _FAT_SAT_PHRASE.findall(text)
    if said:
        return Truth.TRUE, f"name says {said[0]}"
    if names & {"nofs", "nonfs", "nonfat"}:
        return Truth.FALSE, "name"
    for keyword, value in (("SpectrallySelectedSuppression", "NONE"), ("VendorFatSuppression", "N")):
        if header.says(keyword, value):
            return Truth.FALSE, f"{keyword} {value}"
    return Truth.UNKNOWN, ""


def depth_of(header: Header) -> tuple[Truth, str]:
    """Return whether the acquisition is three-dimensional."""
    for value in header.words("MRAcquisitionType"):
        if value in ("2D", "3D"):
            return (Truth.TRUE if value == "3D" else Truth.FALSE), f"MRAcquisitionType {value}"
    return Truth.UNKNOWN, ""


def derived_of(header: Header, weighting: Weighting) -> tuple[bool, str]:
    """Return whether the pictures were computed from others: ImageType value 1, or a kind that can only be computed.

    Root-sum-of-squares over echoes keeps ORIGINAL and counts as original. See `computed` for what gets no score.
    """
    if weighting in (Weighting.ADC, Weighting.FA, Weighting.FAT_FRACTION, Weighting.SCREENSHOT):
        return True, f"weighting {weighting.value}"
    kind = header.image_type
    if weighting in _SEPARATED and _REFORMATTED.isdisjoint(kind):
        return False, "the parts of a water-fat separation are its pictures"
    if not _MAPS.isdisjoint(kind[2:]) and all(not _MAPS.isdisjoint(k) for k in header.image_types):
        return True, "ImageType " + "\\".join(kind)
    if not _REFORMATTED.isdisjoint(kind):
        return True, "ImageType " + "\\".join(kind)
    names = set(header.name_tokens)
    calculated = sorted(names & _CALCULATED) or sorted(n for n in names if n.startswith(("calcb", "dyndistcalc")))
    if calculated and kind[:1] != ("ORIGINAL",):
        return True, f"name says {calculated[0]}"
    if kind and kind[0] == "DERIVED":
        return True, "ImageType DERIVED"
    if kind and kind[0] == "ORIGINAL":
        return False, "ImageType ORIGINAL"
    return False, ""


def computed(header: Header, kind: SeriesKind) -> bool:
    """Tell whether the quality of `kind` lies with other series: a map, a reformat, a calculated b-value.

    Trace-weighted pictures are DERIVED by name, but they are the measured diffusion pictures themselves.
    """
    if not kind.derived:
        return False
    measured = kind.weighting in (Weighting.TRACE, Weighting.DWI) and kind.basis.get("derived") == "ImageType DERIVED"
    return not (measured and bool(header.b_values))


def _bolus_s(headers: Mapping[str, Header]) -> float | None:
    """Return the earliest ContrastBolusStartTime of the study in seconds after midnight of its first day.

    A time more than half a day before the first picture is one of the next day: the study ran past midnight.
    """
    start = min((began for h in headers.values() if (began := h.began_at_s) is not None), default=0.0)
    times = []
    for header in headers.values():
        for value in header.words("ContrastBolusStartTime"):
            match = re.match(r"(\d{2})(\d{2})(\d{2}(?:\.\d+)?)?", value)
            if match:
                time = int(match[1]) * 3600 + int(match[2]) * 60 + float(match[3] or 0)
                times.append(time + 86400 if time < start - 43200 else time)
    return min(times, default=None)


def _clock(seconds: float) -> str:
    whole = int(seconds)
    return f"{whole // 3600 % 24:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}"
