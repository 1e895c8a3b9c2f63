"""Another system's reference turned into a protocol: its conditions in mriloop's words, and a list of what is lost."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from mriloop.model.coding import Plane, Region, Weighting
from mriloop.model.fact import Truth
from mriloop.model.guideline import Citation, Mark
from mriloop.model.protocol import (
    CoilRule,
    FieldRule,
    ForeignField,
    ForeignReference,
    ForeignSeries,
    LeftOut,
    Protocol,
    SeriesProtocol,
    Setup,
)
from mriloop.model.quality import Severity
from mriloop.model.study import Series, SeriesObject
from mriloop.stages.check.header import Header, tokens
from mriloop.stages.check.protocol.fields import BY_KEYWORD
from mriloop.stages.check.region import from_words
from mriloop.stages.check.wording import named

_RENAMED = {
    "DiffusionBValue": "BValues",
    "PostLabelDelay": "",
    "CoilType": "",
    "BaseResolution": "",
    "NumberOfSlices": "Slices",
    "PhaseEncodingDirection": "InPlanePhaseEncodingDirection",
    "PercentPhaseFOV": "PercentPhaseFieldOfView",
    "NumberOfDiffusionDirections": "DiffusionDirections",
    "EffectiveEchoTime": "EchoTime",
}
# What identifies a patient, a device or a text rather than how the series must be set up.
_NOT_A_SETTING = frozenset(
    {"SeriesDescription", "ProtocolName", "SAR", "dBdt", "ImagingFrequency", "StationName", "DeviceSerialNumber",
     "Manufacturer", "ManufacturerModelName", "SoftwareVersions", "LowRRValue", "HighRRValue", "ImageType"}
)  # fmt: skip
_SCANNER = ("Manufacturer", "ManufacturerModelName")
_PHRASES: tuple[tuple[Weighting, tuple[str, ...]], ...] = (
    (Weighting.LOCALIZER, ("localizer", "localiser", "scout", "aahead")),
    (Weighting.ADC, ("adc map", "apparent diffusion coefficient map")),
    (Weighting.FA, ("fractional anisotropy",)),
    (Weighting.ASL, ("arterial spin", "asl")),
    (Weighting.FIELD_MAP, ("field map", "fieldmap")),
    (Weighting.BOLD, ("fmri", "functional", "bold", "resting state", "sbref")),
    (Weighting.SWI, ("swi", "susceptibility", "qsm")),
    (Weighting.MT, ("magnetization transfer",)),
    (Weighting.FLAIR, ("flair", "dark fluid")),
    (Weighting.DWI, ("dwi", "diffusion", "hardi", "dti", "dmri")),
    (Weighting.T2_STAR, ("t2 star", "t2*", "multi echo gre")),
    (Weighting.STIR, ("stir",)),
    (Weighting.DIXON_WATER, ("dixon",)),
    (Weighting.T1, ("t1 weighted", "t1w", "t1", "mprage", "mp2rage", "bravo")),
    (Weighting.T2, ("t2 weighted", "t2w", "t2", "haste")),
    (Weighting.PD, ("proton density", "pd")),
)
_AFTER = frozenset({"post", "postcontrast", "gd", "gadolinium", "enhanced"})
_BEFORE = frozenset({"pre", "precontrast", "native"})


def adopt(
    foreign: ForeignReference, *, identity: str, title: str, year: int, readable: Collection[str]
) -> tuple[Protocol | None, tuple[LeftOut, ...]]:
    """Turn a foreign reference into a protocol. Returns it (None where no series could be carried) and what is lost.

    What an acquisition is (weighting, plane, contrast) is read from its name and description, as these systems do not
    say it; an acquisition of which it cannot be told is left out. Rules that are program code are never run: each is
    named among what is lost. Whatever mriloop reads no element for is lost too.
    """
    left = list(foreign.left_out)
    lines: list[SeriesProtocol] = []
    for acquisition in foreign.series:
        left += [
            LeftOut(where=acquisition.name, what=f"rule {rule}", why="program code, which is never run")
            for rule in acquisition.code_rules
        ]
        line = _line(acquisition, left, readable, {done.id for done in lines})
        if line is not None:
            lines.append(line)
    if not lines:
        return None, tuple(left)
    regions = tuple(dict.fromkeys(region for line in lines for region in line.regions))
    if not regions:
        regions = (_region(f"{foreign.name} {foreign.text[:400]}"),)
    if regions == (Region.UNKNOWN,):
        regions = (Region.BRAIN,)
        text = "no region is named: brain was taken; mend `regions`"
        left.append(LeftOut(where="the reference", what="region", why=text))
    protocol = Protocol(
        id=identity,
        title=title or foreign.name,
        version=foreign.version or "1",
        regions=regions,
        series=tuple(replace(line, regions=line.regions or regions) for line in lines),
        citations=(
            Citation(
                text=f"Imported from {foreign.format}: {foreign.name}",
                year=year,
                locator="field by field; its own sources were not read",
                mark=Mark.V2,
            ),
        ),
    )
    return protocol, tuple(left)


def _line(
    acquisition: ForeignSeries, left: list[LeftOut], readable: Collection[str], taken: set[str]
) -> SeriesProtocol | None:
    name = acquisition.name
    weighting = _weighting(acquisition)
    if weighting in (Weighting.UNKNOWN, Weighting.LOCALIZER):
        why = "a localizer is not checked" if weighting is Weighting.LOCALIZER else "its name does not tell what it is"
        left.append(LeftOut(where=name, what="acquisition", why=why))
        return None
    when = _scanner(acquisition.fields)
    fields: list[FieldRule] = []
    coils: list[CoilRule] = []
    contrast = _contrast(acquisition)
    for field in acquisition.fields:
        if field.keyword == "ReceiveCoilName" and field.values:
            coils.append(CoilRule(names=tuple(str(v) for v in field.values), when=when))
        elif field.keyword == "ReceiveCoilActiveElements" and field.values:
            coils.append(CoilRule(elements=tuple(str(v) for v in field.values), when=when))
        elif field.keyword == "ContrastBolusAgent" and contrast is not Truth.UNKNOWN:
            continue
        elif (rule := _rule(field, name, left, readable)) is not None:
            fields.append(rule)
    setups = []
    for title, group in acquisition.setups:
        rules = [rule for f in group if (rule := _rule(f, f"{name}, {title}", left, readable)) is not None]
        if rules:
            setups.append(Setup(title=title, fields=tuple(rules)))
    if len(setups) == 1:
        fields += setups.pop().fields
    words = set(tokens(name))
    planes = tuple(p for p in (Plane.AXIAL, Plane.CORONAL, Plane.SAGITTAL) if p.value in words)
    plain = "_".join(tokens(name)) or "series"
    return SeriesProtocol(
        id=next(n for k in range(1, 99) if (n := plain if k == 1 else f"{plain}_{k}") not in taken),
        title=name,
        weightings=_served(weighting),
        planes=planes,
        regions=() if (region := _region(name)) is Region.UNKNOWN else (region,),
        contrast=contrast,
        required=not {"optional", "alternative"} & words,
        fields=tuple(fields),
        setups=tuple(setups),
        coils=tuple(coils),
    )


def _rule(field: ForeignField, where: str, left: list[LeftOut], readable: Collection[str]) -> FieldRule | None:
    keyword = _RENAMED.get(field.keyword, field.keyword)
    what = field.keyword

    def lost(why: str) -> None:
        left.append(LeftOut(where=where, what=what, why=why))

    if field.keyword in _NOT_A_SETTING:
        lost("it names a scanner, a text or a measured value, not a setting")
        return None
    if not keyword or (keyword not in BY_KEYWORD and keyword not in readable):
        lost("mriloop reads no such element")
        return None
    known = BY_KEYWORD.get(keyword)
    unit = known.unit if known and known.unit != "{count}" else ""
    severity = Severity.MINOR if field.fatal else Severity.INFO
    numbers = tuple(float(v) for v in field.values if not isinstance(v, str))
    words = tuple(str(v) for v in field.values if isinstance(v, str) and str(v).strip())
    any_words = tuple(str(v) for v in (*field.contains, *field.contains_any) if isinstance(v, str))
    all_words = tuple(str(v) for v in field.contains_all if isinstance(v, str))
    any_numbers = tuple(float(v) for v in (*field.contains_any, *field.contains_all) if not isinstance(v, str))
    if keyword == "InPlanePhaseEncodingDirection":
        words = tuple("COL" if w.upper().startswith("COL") else w for w in words)
    text = known is not None and known.kind == "text"
    if text and numbers:
        lost("a number is wanted where headers have words")
        return None
    if known is not None and not text and (words or any_words or all_words):
        lost("words are wanted where headers have a number")
        return None
    if any_numbers:
        lost("a list of numbers of which some must occur")
        return None
    if field.minimum is None and field.maximum is None and not (numbers or words or any_words or all_words):
        lost("no condition that can be held against a header")
        return None
    many = len(numbers) > 1 or (known is not None and known.kind == "numbers" and bool(numbers))
    floor = max(known.floor, known.share * abs(numbers[0])) if known and numbers else None
    tolerance = field.tolerance if field.tolerance is not None else floor
    multiple = len(words) > 1
    return FieldRule(
        keyword=keyword,
        unit=unit,
        value=numbers[0] if len(numbers) == 1 and not many else None,
        values=tuple(dict.fromkeys(numbers)) if many else (),
        tolerance=tolerance if numbers else None,
        minimum=field.minimum,
        maximum=field.maximum,
        one_of=() if multiple else words,
        contains_any=any_words,
        contains_all=all_words + (words if multiple else ()),
        severity=severity,
        because=field.notes,
        major_tolerance=field.error_tolerance,
        major_minimum=field.error_minimum,
        major_maximum=field.error_maximum,
    )


def _region(text: str) -> Region:
    return from_words(tokens(text))[0]


def _served(weighting: Weighting) -> tuple[Weighting, ...]:
    if weighting is Weighting.DWI:
        return (Weighting.DWI, Weighting.TRACE)
    if weighting is Weighting.DIXON_WATER:
        return (Weighting.DIXON_WATER, Weighting.DIXON_FAT, Weighting.DIXON_IN, Weighting.DIXON_OPPOSED)
    return (weighting,)


def _weighting(acquisition: ForeignSeries) -> Weighting:
    """Return what an acquisition is by its name, then by its description, then by the words of series names."""
    for text in (acquisition.name, acquisition.text):
        joined = f" {' '.join(tokens(text))} "
        for weighting, phrases in _PHRASES:
            if any(f" {' '.join(tokens(phrase))} " in joined for phrase in phrases):
                return weighting
    plain = Series(
        series_instance_uid="", study_instance_uid="", modality="MR", object=SeriesObject.IMAGE,
        description=acquisition.name,
    )  # fmt: skip
    answer = named(Header(plain))
    return answer[0] if answer else Weighting.UNKNOWN


def _contrast(acquisition: ForeignSeries) -> Truth:
    words = set(tokens(acquisition.name))
    if words & _AFTER:
        return Truth.TRUE
    return Truth.FALSE if words & _BEFORE else Truth.UNKNOWN


def _scanner(fields: Sequence[ForeignField]) -> tuple[tuple[str, str], ...]:
    """Return the scanner that an acquisition was written on: its coil's names hold for that one alone."""
    return tuple(
        (field.keyword, field.values[0])
        for field in fields
        if field.keyword in _SCANNER and field.values and isinstance(field.values[0], str) and field.values[0].strip()
    )
